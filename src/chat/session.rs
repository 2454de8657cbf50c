//! Chats on disk: see [`crate::session`].

use std::path::Path;
use std::sync::Arc;

use super::{envelope, Chat};
use crate::cancel::Cancel;
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};
use crate::request::Request;
use crate::session::{self, ChatRecord, Opened, Record, SaveOptions, Saved, TranscriptRecord};
use crate::template::Rendered;
use crate::transcript::Transcript;

impl Chat {
    /// Saves the history to a file, with the cells of it that the engine has at this moment. Settings are not in it.
    ///
    /// Cells that other requests needed, and those of engines without a prefix cache and of models whose cells cannot be
    /// saved, are left out ([`Saved::tokens`] says how many are there): the next answer then computes them.
    ///
    /// # Errors
    /// [`Code::Busy`] while an answer is being made; [`Code::TooLong`] for a history of more than 64 MiB;
    /// [`Code::NotFound`] (the folder), [`Code::Io`] and [`Code::Cancelled`], with which the file is as it was;
    /// [`Code::OutOfMemory`], [`Code::Closed`], [`Code::EngineFault`].
    pub fn save(&self, path: impl AsRef<Path>, options: &SaveOptions, cancel: Option<&Cancel>) -> Result<Saved> {
        let state = self.idle("save the chat")?.copy();
        let model = self.engine.model();
        let mut record = Record::new(model);
        let interrupted = || cancel.is_some_and(Cancel::is_cancelled);
        let access = self.engine.access(&interrupted);
        let mut held = None;
        if let Some(last) = state.transcript.as_deref().filter(|_| access.keeps_prefixes()) {
            let text = [&last.tokens[..], &last.generated].concat();
            held = match access.take_out(&text, &last.tokens, &self.settings, &mut record) {
                Err(e) if matches!(e.code(), Code::Unsupported | Code::Busy) => None,
                other => other?,
            };
        }
        record.chat = Some(ChatRecord {
            template: template_fingerprint(model, &self.settings),
            history: envelope::write(&state),
            transcript: state.transcript.as_deref().map(write_transcript),
        });
        session::save(path.as_ref(), &record, held.as_ref(), options, cancel)
    }

    /// Puts a saved history in the place of this one, and its cells where the next answer finds them. Gives how many
    /// tokens those are: none when there were none in the file, or running requests leave no room.
    ///
    /// # Errors
    /// [`Code::Busy`]; [`Code::NotFound`], [`Code::Io`]; [`Code::StateInvalid`] for a file that is no session or was cut
    /// off, [`Code::Checksum`] for one that was damaged; [`Code::StateMismatch`] for another version, model, chat
    /// template, set of adapters or kind of cells, and for a prefix; [`Code::ContextFull`] when the cells are more than
    /// `n_ctx`; [`Code::OutOfMemory`], [`Code::Cancelled`], [`Code::Closed`], [`Code::EngineFault`]. Then nothing
    /// changed.
    pub fn restore(&mut self, path: impl AsRef<Path>, cancel: Option<&Cancel>) -> Result<u32> {
        drop(self.idle("restore the chat")?);
        let path = path.as_ref();
        let opened = session::open(path, cancel)?;
        self.restore_from(opened, cancel).map_err(|e| e.at(path.display()))
    }

    fn restore_from(&mut self, mut opened: Opened, cancel: Option<&Cancel>) -> Result<u32> {
        let model = self.engine.model();
        opened.record.check_model(model)?;
        let mismatch = |what: &str| Error::new(Code::StateMismatch, what);
        let chat = opened.record.chat.take();
        let chat = chat.ok_or_else(|| mismatch("this is a prefix, not a chat: restore it into an engine"))?;
        if chat.template != template_fingerprint(model, &self.settings) {
            return Err(mismatch("the chat was saved with another chat template: set the same one"));
        }
        let damaged = |e: Error| Error::new(Code::StateInvalid, format!("the session's history: {}", e.message()));
        let (messages, dropped) = envelope::read(&chat.history).map_err(damaged)?;
        let transcript = chat.transcript.map(|t| read_transcript(t, model)).transpose()?;
        let interrupted = || cancel.is_some_and(Cancel::is_cancelled);
        let access = self.engine.access(&interrupted);
        let settings = Request { origin: opened.checksum.to_hex().to_string(), ..self.settings.clone() };
        let mut tokens = 0;
        if let Some(last) = transcript.as_ref().filter(|_| access.keeps_prefixes()) {
            tokens = match access.put_back(opened, &settings, &last.tokens) {
                Err(e) if matches!(e.code(), Code::Unsupported | Code::Busy) => 0,
                other => other?,
            };
        }
        let mut state = self.idle("restore the chat")?;
        (state.messages, state.dropped, state.transcript) = (messages, dropped, transcript.map(Arc::new));
        drop(state);
        self.settings = settings;
        Ok(tokens as u32)
    }
}

fn template_fingerprint(model: &Model, settings: &Request) -> String {
    let source = settings.template.as_deref().or(model.chat_template()).unwrap_or_default();
    blake3::hash(source.as_bytes()).to_hex().to_string()
}

fn write_transcript(transcript: &Transcript) -> TranscriptRecord {
    let Transcript { rendered, tokens, generated } = transcript;
    TranscriptRecord {
        text: rendered.text.clone(),
        protected: rendered.protected.iter().map(|p| (p.start as u64, p.end as u64)).collect(),
        tokens: tokens.clone(),
        generated: generated.clone(),
    }
}

/// Checks what the transcript of a file says.
fn read_transcript(record: TranscriptRecord, model: &Model) -> Result<Transcript> {
    let TranscriptRecord { text, protected, tokens, generated } = record;
    let damaged = |what: &str| Error::new(Code::StateInvalid, format!("the session's transcript: {what}"));
    let known = |tokens: &[Token]| model.0.vocabulary.check(tokens).map_err(|e| damaged(e.message()));
    known(&tokens)?;
    known(&generated)?;
    let mut ranges = Vec::with_capacity(protected.len());
    let mut end = 0;
    for (from, to) in protected {
        let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else {
            return Err(damaged("a range outside of its text"));
        };
        if from < end || text.get(from..to).is_none() {
            return Err(damaged("a range outside of its text"));
        }
        ranges.push(from..to);
        end = to;
    }
    Ok(Transcript { rendered: Rendered { text, protected: ranges }, tokens, generated })
}
