//! A conversation over an engine: its history, and the requests made of it.
//!
//! ```no_run
//! use qask::{Chat, Engine, EngineOptions, Model, ModelOptions};
//!
//! # fn main() -> qask::Result<()> {
//! let model = Model::load("model.gguf", ModelOptions::default())?;
//! let engine = Engine::new(&model, EngineOptions::default())?;
//! let mut chat = Chat::new(&engine);
//! chat.set_system("You are brief.")?;
//! println!("{}", chat.ask("What is a compiler?")?);
//! println!("{}", chat.ask("And an interpreter?")?);
//! std::fs::write("chat.json", chat.export()?).expect("written");
//! # Ok(())
//! # }
//! ```

mod envelope;
mod history;
mod session;

use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::context_policy::turns;
use crate::engine::{Engine, Stream};
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;
use crate::message::Message;
use crate::request::{Prompt, Request};
use crate::sampling::range;

use history::{Entry, History, Recording, State};

/// A conversation. It keeps the messages and makes requests of them; reusing what was computed is the engine's part. It
/// holds its engine.
///
/// One answer at a time: while one is being made, whatever changes the history is [`Code::Busy`]. The reply joins the
/// history when its generation ends, whether or not its stream was read, kept or dropped. What was said before a
/// cancel or a deadline is kept and marked ([`Chat::cut_short_at`]). When nothing was said by then, or the generation
/// failed, the history is again what it was before.
///
/// With [`ContextPolicy::DropOldest`](crate::ContextPolicy::DropOldest) in its settings, the turns that were left out
/// of a prompt leave the history too, so that a conversation can go on for ever.
pub struct Chat {
    engine: Engine,
    settings: Request,
    history: Arc<History>,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").field("messages", &self.count()).finish_non_exhaustive()
    }
}

impl Chat {
    /// An empty conversation with the default settings of a request.
    pub fn new(engine: &Engine) -> Chat {
        Chat { engine: engine.clone(), settings: Request::chat([]), history: Arc::default() }
    }

    /// A conversation that begins with the messages of `settings`, and asks with its other fields.
    ///
    /// # Errors
    /// As [`Chat::set_request`].
    pub fn with_request(engine: &Engine, settings: Request) -> Result<Chat> {
        let mut chat = Chat::new(engine);
        if let Prompt::Messages(messages) = &settings.prompt {
            messages.iter().for_each(|m| chat.history.lock().messages.push(Entry::new(m.clone())));
        }
        chat.set_request(settings)?;
        Ok(chat)
    }

    /// Changes how the next answers are made: sampling, limits, tools and everything else of a request but its
    /// messages.
    ///
    /// # Errors
    /// [`Code::Range`] for a field out of range, a prompt other than messages, `n` above 1, or
    /// `continue_final_message`.
    pub fn set_request(&mut self, settings: Request) -> Result<()> {
        if !matches!(settings.prompt, Prompt::Messages(_)) {
            return Err(Error::new(
                Code::Range,
                "a chat makes its prompt from its messages; this request has another",
            ));
        }
        if settings.n > 1 {
            return Err(range("n", settings.n, 1, 1));
        }
        if settings.continue_final_message {
            return Err(Error::new(Code::Range, "continue_final_message: a chat answers, it does not continue"));
        }
        // The checks of a request, with a conversation that is not empty.
        let settings = Request { prompt: Prompt::Messages(vec![Message::user("")]), ..settings };
        settings.check()?;
        let origin = std::mem::take(&mut self.settings.origin);
        self.settings = Request { prompt: Prompt::Messages(Vec::new()), origin, ..settings };
        Ok(())
    }

    /// The settings, without messages.
    pub fn request(&self) -> &Request {
        &self.settings
    }

    /// Sets the system message, which opens the conversation, or replaces it.
    pub fn set_system(&mut self, text: impl Into<String>) -> Result<()> {
        let entry = Entry::new(Message::system(text));
        let mut state = self.idle("change the history")?;
        match state.messages.first_mut() {
            Some(first) if first.message.role() == "system" => *first = entry,
            _ => state.messages.insert(0, entry),
        }
        Ok(())
    }

    /// Says something and gives the stream of the answer.
    ///
    /// # Errors
    /// [`Code::Busy`] while an answer is being made, and those of [`Engine::submit`]; then nothing changed.
    pub fn send(&mut self, text: impl Into<String>) -> Result<Stream> {
        self.send_message(Message::user(text), None)
    }

    /// As [`Chat::send`], with any message (such as a tool's result), and ends with `cancelled` when `cancel` is
    /// raised.
    pub fn send_message(&mut self, message: Message, cancel: Option<Cancel>) -> Result<Stream> {
        let mut state = self.idle("ask again")?;
        let kept = state.messages.len();
        state.messages.push(Entry::new(message));
        let serial = state.begin(kept, Vec::new());
        drop(state);
        self.start(serial, cancel)
    }

    /// Says something and waits for the whole answer.
    ///
    /// # Errors
    /// As [`Chat::send`], and the error of a generation that failed.
    pub fn ask(&mut self, text: impl Into<String>) -> Result<String> {
        Ok(self.send(text)?.collect_text()?.0)
    }

    /// Answers the last message again: a reply at the end of the history goes first. It comes back when the new one
    /// fails.
    ///
    /// # Errors
    /// As [`Chat::send`], and [`Code::Range`] when there is nothing to answer.
    pub fn regenerate(&mut self, cancel: Option<Cancel>) -> Result<Stream> {
        let mut state = self.idle("ask again")?;
        let said = state.messages.iter().rposition(|e| e.message.role() != "assistant");
        let Some(last) = said.filter(|i| !matches!(state.messages[*i].message.role(), "system" | "developer"))
        else {
            return Err(Error::new(Code::Range, "there is no message to answer"));
        };
        let removed = state.messages.split_off(last + 1);
        let serial = state.begin(last + 1, removed);
        drop(state);
        self.start(serial, cancel)
    }

    fn start(&self, serial: u64, cancel: Option<Cancel>) -> Result<Stream> {
        let state = self.history.lock();
        let messages = state.messages.iter().map(|e| e.message.clone()).collect();
        let before = state.transcript.clone();
        drop(state);
        let request = Request { prompt: Prompt::Messages(messages), ..self.settings.clone() };
        let recording = Arc::new(Recording::new(Arc::clone(&self.history), serial));
        self.engine.submit_followed(request, cancel, recording, before).inspect_err(|_| {
            self.history.restore(serial);
        })
    }

    /// Whether an answer is being made.
    pub fn is_busy(&self) -> bool {
        self.history.lock().is_busy()
    }

    /// Waits until no answer is being made, whoever reads its stream; false when the time ran out first. `None` waits
    /// for as long as it takes.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.history.wait(timeout)
    }

    /// How many messages there are. While an answer is being made, the message that asked for it is among them.
    pub fn count(&self) -> usize {
        self.history.lock().messages.len()
    }

    /// A message, from 0.
    pub fn message_at(&self, index: usize) -> Option<Message> {
        self.history.lock().messages.get(index).map(|e| e.message.clone())
    }

    /// Why a reply is not whole: `length`, `cancelled` or `deadline`. `None` for one that is, and for other messages.
    pub fn cut_short_at(&self, index: usize) -> Option<FinishReason> {
        self.history.lock().messages.get(index)?.cut.clone()
    }

    /// How many messages have left the history because they did not fit.
    pub fn dropped_messages(&self) -> u64 {
        self.history.lock().dropped
    }

    /// Adds a message without asking for an answer.
    pub fn add_message(&mut self, message: Message) -> Result<()> {
        self.idle("change the history")?.messages.push(Entry::new(message));
        Ok(())
    }

    /// Puts another message in a place; what follows stays.
    ///
    /// # Errors
    /// [`Code::Busy`], and [`Code::Range`] when there is no such place.
    pub fn set_message_at(&mut self, index: usize, message: Message) -> Result<()> {
        let mut state = self.idle("change the history")?;
        let count = state.messages.len();
        let place = state.messages.get_mut(index).ok_or_else(|| no_message(index, count))?;
        *place = Entry::new(message);
        Ok(())
    }

    /// Takes out the turn that a message belongs to: a user's message with everything up to the next one.
    ///
    /// # Errors
    /// [`Code::Busy`], and [`Code::Range`] for a place that does not exist or a system message at the beginning.
    pub fn drop_turn_at(&mut self, index: usize) -> Result<()> {
        let mut state = self.idle("change the history")?;
        let count = state.messages.len();
        if index >= count {
            return Err(no_message(index, count));
        }
        let starts = turns(state.messages.iter().map(|e| &e.message));
        let Some(turn) = starts.iter().rposition(|s| *s <= index) else {
            return Err(Error::new(
                Code::Range,
                format!("message {index} opens the conversation: it is in no turn"),
            ));
        };
        let end = starts.get(turn + 1).copied().unwrap_or(count);
        state.messages.drain(starts[turn]..end);
        Ok(())
    }

    /// Takes out every message but the system messages at the beginning.
    pub fn clear(&mut self) -> Result<()> {
        let mut state = self.idle("change the history")?;
        let head = state.head();
        state.messages.truncate(head);
        state.dropped = 0;
        state.transcript = None;
        Ok(())
    }

    /// The history as JSON: an envelope with a version, OpenAI-style messages inside. Settings are not in it.
    ///
    /// # Errors
    /// [`Code::Busy`].
    pub fn export(&self) -> Result<String> {
        Ok(envelope::write(&*self.idle("export the history")?))
    }

    /// Puts a history that [`Chat::export`] gave in the place of this one.
    ///
    /// # Errors
    /// [`Code::Busy`]; [`Code::Json`], [`Code::Range`], [`Code::Unsupported`] (another version, or content that this
    /// version cannot read) and [`Code::TooLong`] with the place; then nothing changed.
    pub fn import(&mut self, json: &str) -> Result<()> {
        let (messages, dropped) = envelope::read(json)?;
        let mut state = self.idle("change the history")?;
        (state.messages, state.dropped, state.transcript) = (messages, dropped, None);
        Ok(())
    }

    /// A copy that goes its own way from here, over the same engine.
    ///
    /// # Errors
    /// [`Code::Busy`].
    pub fn fork(&self) -> Result<Chat> {
        let state = self.idle("fork the history")?.copy();
        let history = Arc::new(History::new(state));
        Ok(Chat { engine: self.engine.clone(), settings: self.settings.clone(), history })
    }

    /// The engine that answers.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn idle(&self, what: &str) -> Result<std::sync::MutexGuard<'_, State>> {
        let state = self.history.lock();
        if state.is_busy() {
            let text = format!("an answer is being made: read it to its end, or cancel it and wait, to {what}");
            return Err(Error::new(Code::Busy, text));
        }
        Ok(state)
    }
}

fn no_message(index: usize, count: usize) -> Error {
    Error::new(Code::Range, format!("there is no message {index}: the history has {count}, from 0"))
}
