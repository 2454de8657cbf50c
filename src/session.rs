//! Sessions on disk: a conversation or a prompt prefix with what was computed for it, so that a later process goes on
//! where this one stopped without computing it again.
//!
//! ```no_run
//! use qask::{Chat, Engine, EngineOptions, Model, ModelOptions, SaveOptions};
//!
//! # fn main() -> qask::Result<()> {
//! let model = Model::load("model.gguf", ModelOptions::default())?;
//! let engine = Engine::new(&model, EngineOptions::default())?;
//! let mut chat = Chat::new(&engine);
//! if std::path::Path::new("chat.session").exists() {
//!     chat.restore("chat.session", None)?;
//! }
//! println!("{}", chat.ask("Where were we?")?);
//! chat.save("chat.session", &SaveOptions::default(), None)?;
//! # Ok(())
//! # }
//! ```
//!
//! A file is written beside its place and put there by a rename, after everything of it has reached the disk: a process
//! that is killed, or a full disk, leaves the old file or the new one. On Unix only its owner can read it.
//!
//! A file is checked before anything is done with it: its checksum, and that it belongs to this model
//! ([`Code::StateMismatch`]), to cells of this kind and to these adapters. Of the cells only contents are taken, never
//! sizes or places, so that a file that was made on purpose can make the model talk nonsense, but not the process fail.
//! What it says is believed by the chat that is restored from it (who can write to a file can put words into the
//! conversation), and by no other: its cells are shared with chats of the same file only. A prefix is restored for all
//! requests that begin with it, so only restore one that you trust.
//!
//! There is no sampler in it: each answer begins with a fresh one, from its request's seed and prompt.

mod atomic;
mod directory;
mod envelope;

use std::path::Path;

use crate::cancel::Cancel;
use crate::engine::{bigstack, common, Engine, Held};
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;
use crate::message::Message;
use crate::model::{Model, Token};
use crate::request::{Prompt, Request};

pub(crate) use directory::{use_now, Chain, Directory, Group};
pub(crate) use envelope::{open, write, ChatRecord, Opened, Record, TranscriptRecord};

/// How to save. Start from `SaveOptions::default()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveOptions {
    /// Compress the cells (zstd): a file about a tenth smaller for 16-bit cells, which takes longer to save. Default false.
    pub compress: bool,
}

impl SaveOptions {
    /// Sets whether cells are compressed.
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }
}

/// What was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// Tokens whose cells are in the file.
    pub tokens: u32,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Record {
    /// One of this model, without cells.
    pub(crate) fn new(model: &Model) -> Record {
        let (library, model) = (env!("CARGO_PKG_VERSION").to_owned(), model.info().fingerprint().to_owned());
        Record { library, model, ..Record::default() }
    }

    /// An error when it is another model's.
    pub(crate) fn check_model(&self, model: &Model) -> Result<()> {
        match self.model == model.info().fingerprint() {
            true => Ok(()),
            false => Err(Error::new(Code::StateMismatch, "the session was saved with another model")),
        }
    }
}

/// Writes a record with its cells.
pub(crate) fn save(
    path: &Path,
    record: &Record,
    held: Option<&Held>,
    options: &SaveOptions,
    cancel: Option<&Cancel>,
) -> Result<Saved> {
    let cells = held.into_iter().flat_map(Held::contents);
    let bytes = write(path, record, cells, options.compress, cancel)?;
    Ok(Saved { tokens: record.tokens.len() as u32, bytes })
}

/// How often a prefix is computed again when others took its cells before they were copied.
const ATTEMPTS: usize = 3;

impl Engine {
    /// Computes what prompts that begin as this one have in common, and saves it to a file. Of messages that is their
    /// text without the head of the answer, of any other prompt all of it. Its adapters and `cache_key` count.
    ///
    /// # Errors
    /// Those of a submit and of its stream; [`Code::Unsupported`] for an engine without a prefix cache and models whose
    /// cells cannot be saved; [`Code::ContextFull`] when running requests leave no room; [`Code::Cancelled`];
    /// [`Code::NotFound`] (the folder) and [`Code::Io`], with which the file is as it was.
    pub fn save_prefix(
        &self,
        request: &Request,
        path: impl AsRef<Path>,
        options: &SaveOptions,
        cancel: Option<&Cancel>,
    ) -> Result<Saved> {
        self.check_keeps_prefixes()?;
        request.check()?;
        let tokens = bigstack::run(|| prefix_tokens(self.model(), request))?;
        let interrupted = || cancel.is_some_and(Cancel::is_cancelled);
        for _ in 0..ATTEMPTS {
            self.compute(&tokens, request, cancel)?;
            let mut record = Record::new(self.model());
            let access = self.access(&interrupted);
            let held = access.take_out(&tokens, &tokens, request, &mut record)?;
            if record.tokens.len() == tokens.len() {
                return save(path.as_ref(), &record, held.as_ref(), options, cancel);
            }
        }
        Err(Error::new(Code::ContextFull, "other requests need the cells of the prefix: raise kv_tokens"))
    }

    fn compute(&self, tokens: &[Token], request: &Request, cancel: Option<&Cancel>) -> Result<()> {
        let mut prompt = Request::tokens(tokens).max_tokens(0);
        prompt.adapters.clone_from(&request.adapters);
        prompt.cache_key.clone_from(&request.cache_key);
        (prompt.priority, prompt.deadline) = (request.priority, request.deadline);
        let (_, done) = self.submit_with(&prompt, cancel.cloned())?.collect_text()?;
        match done.reason {
            FinishReason::Cancelled => Err(Error::new(Code::Cancelled, "saving the prefix was cancelled")),
            FinishReason::Deadline => {
                Err(Error::new(Code::Deadline, "the deadline passed before the prefix was computed"))
            }
            _ => Ok(()),
        }
    }

    /// Puts a saved prefix where requests find it that begin with it and have the adapters and `cache_key` of `request`,
    /// whose prompt does not matter. Gives how many tokens it has.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Io`]; [`Code::StateInvalid`] for a file that is no session or was cut off,
    /// [`Code::Checksum`] for one that was damaged; [`Code::StateMismatch`] for another version, model, set of adapters
    /// or kind of cells, and for a chat; [`Code::ContextFull`] when it is longer than `n_ctx` or running requests leave
    /// no room; [`Code::Unsupported`] as in [`Engine::save_prefix`]; [`Code::OutOfMemory`], [`Code::Cancelled`],
    /// [`Code::Closed`]. The engine then is as it was.
    pub fn restore_prefix(
        &self,
        request: &Request,
        path: impl AsRef<Path>,
        cancel: Option<&Cancel>,
    ) -> Result<u32> {
        self.check_keeps_prefixes()?;
        let path = path.as_ref();
        let opened = open(path, cancel)?;
        self.put_prefix(request, opened, cancel).map_err(|e| e.at(path.display()))
    }

    fn put_prefix(&self, request: &Request, opened: Opened, cancel: Option<&Cancel>) -> Result<u32> {
        opened.record.check_model(self.model())?;
        if opened.record.chat.is_some() {
            return Err(Error::new(Code::StateMismatch, "this is a chat, not a prefix: restore it into a chat"));
        }
        crate::adapter::check(&request.adapters, self.model())?;
        let interrupted = || cancel.is_some_and(Cancel::is_cancelled);
        let text = opened.record.tokens.clone();
        match self.access(&interrupted).put_back(opened, request, &text)? {
            0 => Err(Error::new(
                Code::ContextFull,
                "there is no room for the prefix: raise kv_tokens, or try later",
            )),
            n => Ok(n as u32),
        }
    }

    fn check_keeps_prefixes(&self) -> Result<()> {
        match self.access(&|| false).keeps_prefixes() {
            true => Ok(()),
            false => Err(Error::new(
                Code::Unsupported,
                "the engine keeps no prefixes: prefix_cache must be on and deterministic off",
            )),
        }
    }
}

/// What prompts that begin as this request have in common. What follows messages is found by letting something follow.
fn prefix_tokens(model: &Model, request: &Request) -> Result<Vec<Token>> {
    let mut tokens = model.prompt_tokens(request)?;
    if let Prompt::Messages(messages) = &request.prompt {
        let longer = messages.iter().cloned().chain([Message::user("?")]);
        let longer = Request { prompt: Prompt::Messages(longer.collect()), ..request.clone() };
        // Some templates refuse two messages of a user in a row: then the head of the answer stays.
        if let Ok(longer) = model.prompt_tokens(&longer) {
            tokens.truncate(common(&tokens, &longer).max(1));
        }
    }
    match tokens.is_empty() {
        true => Err(Error::new(Code::Range, "the prompt has no tokens")),
        false => Ok(tokens),
    }
}
