//! The messages of a chat, and the answer that is joining them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::context_policy::turns;
use crate::engine::Recorder;
use crate::event::{Done, Event, FinishReason};
use crate::message::Message;
use crate::model::Token;
use crate::template::Rendered;
use crate::transcript::Transcript;

/// What a chat and the generation that runs for it share.
#[derive(Default)]
pub(super) struct History {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub messages: Vec<Entry>,
    /// Messages that are gone because they did not fit.
    pub dropped: u64,
    /// The last prompt and its answer, for the next prompt's tokens.
    pub transcript: Option<Arc<Transcript>>,
    running: Option<Answer>,
    serial: u64,
}

/// A message of the history.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub message: Message,
    /// Why a reply is not whole.
    pub cut: Option<FinishReason>,
}

impl Entry {
    pub(super) fn new(message: Message) -> Entry {
        Entry { message, cut: None }
    }
}

/// An answer that is being made.
struct Answer {
    serial: u64,
    /// How the history was before: so many messages, and these behind them.
    kept: usize,
    removed: Vec<Entry>,
    /// What was said so far, what was thought, and which tools were called.
    content: String,
    reasoning: String,
    calls: Vec<Value>,
    prompt: Option<(Rendered, Vec<Token>)>,
    generated: Vec<Token>,
}

impl Answer {
    /// The reply as a message: thoughts and calls stand beside the text, and the template shows what it wants of them.
    fn message(&self) -> Message {
        Message::reply(&self.content, &self.reasoning, self.calls.clone())
    }
}

impl State {
    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// System messages at the beginning.
    pub(super) fn head(&self) -> usize {
        turns(self.messages.iter().map(|e| &e.message)).first().copied().unwrap_or(self.messages.len())
    }

    /// An answer begins; gives its number.
    pub(super) fn begin(&mut self, kept: usize, removed: Vec<Entry>) -> u64 {
        self.serial += 1;
        self.running = Some(Answer {
            serial: self.serial,
            kept,
            removed,
            content: String::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            prompt: None,
            generated: Vec::new(),
        });
        self.serial
    }

    /// The history without what runs.
    pub(super) fn copy(&self) -> State {
        State {
            messages: self.messages.clone(),
            dropped: self.dropped,
            transcript: self.transcript.clone(),
            ..State::default()
        }
    }

    /// An answer has ended: the reply joins the history, or the history is again as it was.
    fn end(&mut self, done: &Done) {
        let Some(answer) = self.running.take() else { return };
        let cut = match &done.reason {
            FinishReason::Error(_) => return self.undo(answer),
            reason @ (FinishReason::Cancelled | FinishReason::Deadline) => {
                // Questions without answers would follow each other, which many templates refuse.
                if answer.content.is_empty() && answer.calls.is_empty() {
                    return self.undo(answer);
                }
                Some(reason.clone())
            }
            reason @ FinishReason::Length => Some(reason.clone()),
            _ => None,
        };
        let head = self.head();
        let dropped = done.usage.dropped_messages as usize;
        self.messages.drain(head..(head + dropped).min(self.messages.len()));
        self.dropped += dropped as u64;
        let message = answer.message();
        if let Some((rendered, tokens)) = answer.prompt {
            self.transcript = Some(Arc::new(Transcript { rendered, tokens, generated: answer.generated }));
        }
        self.messages.push(Entry { message, cut });
    }

    fn undo(&mut self, answer: Answer) {
        self.messages.truncate(answer.kept);
        self.messages.extend(answer.removed);
    }
}

impl History {
    pub(super) fn new(state: State) -> History {
        History { state: Mutex::new(state), ended: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Waits for the answer that runs to end; false when the time ran out.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut state = self.lock();
        while state.is_busy() {
            state = match until {
                None => self.ended.wait(state).unwrap_or_else(|e| e.into_inner()),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.ended.wait_timeout(state, left).unwrap_or_else(|e| e.into_inner()).0
                }
            };
        }
        true
    }

    /// Changes the answer that runs, if it is still this one.
    fn change(&self, serial: u64, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        if state.running.as_ref().is_some_and(|a| a.serial == serial) {
            change(&mut state);
        }
        let ended = !state.is_busy();
        drop(state);
        if ended {
            self.ended.notify_all();
        }
    }

    /// The answer will never come: the history is again as it was.
    pub(super) fn restore(&self, serial: u64) {
        self.change(serial, |state| {
            if let Some(answer) = state.running.take() {
                state.undo(answer);
            }
        });
    }
}

/// Writes one generation down.
pub(super) struct Recording {
    history: Arc<History>,
    serial: u64,
}

impl Recording {
    pub(super) fn new(history: Arc<History>, serial: u64) -> Recording {
        Recording { history, serial }
    }

    fn with_answer(&self, change: impl FnOnce(&mut Answer)) {
        self.history.change(self.serial, |state| {
            if let Some(answer) = &mut state.running {
                change(answer);
            }
        });
    }
}

impl Recorder for Recording {
    fn prompt(&self, rendered: &Rendered, tokens: &[Token]) {
        let prompt = (rendered.clone(), tokens.to_vec());
        self.with_answer(|a| a.prompt = Some(prompt));
    }

    fn event(&self, event: &Event) {
        match event {
            Event::Text(text) => self.with_answer(|a| a.content.push_str(&text.text)),
            Event::Reasoning(text) => self.with_answer(|a| a.reasoning.push_str(&text.text)),
            Event::ToolCall(call) => self.with_answer(|a| a.calls.push(call.as_json())),
            Event::ToolCallDelta(_) => {}
            Event::Done(done) => self.history.change(self.serial, |state| state.end(done)),
        }
    }

    fn tokens(&self, tokens: &[Token]) {
        self.with_answer(|a| a.generated = tokens.to_vec());
    }

    fn closed(&self) {
        self.history.restore(self.serial);
    }
}
