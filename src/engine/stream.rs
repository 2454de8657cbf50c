//! The way of events from the engine's thread to the caller.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::error::{Code, Error, Result};
use crate::event::{Done, Event, Next, Text};
use crate::model::Token;
use crate::template::Rendered;

/// What the engine and the caller share of one stream.
pub(super) struct Channel {
    state: Mutex<State>,
    ready: Condvar,
    cancelled: AtomicBool,
    recorder: Option<Arc<dyn Recorder>>,
}

/// Follows choice 0 of one generation, whether or not anyone reads its stream: how a chat learns its reply. Called on
/// threads of the library that hold no lock, before a reader sees the same.
pub(crate) trait Recorder: Send + Sync {
    /// The prompt was made.
    fn prompt(&self, rendered: &Rendered, tokens: &[Token]);
    /// An event; DONE is the last.
    fn event(&self, event: &Event);
    /// All new tokens; comes before DONE of a generation that ran.
    fn tokens(&self, tokens: &[Token]);
    /// The engine is gone; nothing more is likely to come.
    fn closed(&self);
}

struct State {
    events: VecDeque<Event>,
    /// Choices that have not ended.
    open: u32,
    closed: bool,
    waiting: bool,
}

impl Channel {
    pub(super) fn new(choices: u32, recorder: Option<Arc<dyn Recorder>>) -> Channel {
        let state = State { events: VecDeque::new(), open: choices, closed: false, waiting: false };
        Channel { state: Mutex::new(state), ready: Condvar::new(), cancelled: AtomicBool::new(false), recorder }
    }

    pub(super) fn record_prompt(&self, rendered: &Rendered, tokens: &[Token]) {
        if let Some(recorder) = &self.recorder {
            recorder.prompt(rendered, tokens);
        }
    }

    pub(super) fn record_tokens(&self, choice: u32, tokens: &[Token]) {
        if let Some(recorder) = self.recorder.as_ref().filter(|_| choice == 0) {
            recorder.tokens(tokens);
        }
    }

    fn record(&self, choice: u32, event: &Event) {
        if let Some(recorder) = self.recorder.as_ref().filter(|_| choice == 0) {
            recorder.event(event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding it; were it so, the state is still consistent.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let waiting = state.waiting;
        drop(state);
        if waiting {
            self.ready.notify_all();
        }
    }

    /// Adds text. What was not read yet grows instead of queueing up: a slow reader costs the text, not an event a
    /// token.
    pub(super) fn text(&self, new: Text) {
        let event = Event::Text(new);
        self.record(event.choice(), &event);
        let Event::Text(new) = event else { return };
        let mut state = self.lock();
        if let Some(Event::Text(last)) = state.events.back_mut() {
            if last.choice == new.choice {
                last.text.push_str(&new.text);
                last.tokens.extend(new.tokens);
                last.logprobs.extend(new.logprobs);
                return self.wake(state);
            }
        }
        state.events.push_back(Event::Text(new));
        self.wake(state);
    }

    pub(super) fn done(&self, done: Done) {
        let event = Event::Done(done);
        self.record(event.choice(), &event);
        let mut state = self.lock();
        state.open = state.open.saturating_sub(1);
        state.events.push_back(event);
        self.wake(state);
    }

    /// The engine is gone: whoever waits or follows learns it.
    pub(super) fn engine_closed(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.closed();
        }
        self.close();
    }

    /// Nothing more is read: whoever waits learns it.
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.wake(state);
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn next(&self, timeout: Option<Duration>) -> Result<Next> {
        let until = timeout.and_then(|t| Instant::now().checked_add(t));
        let mut state = self.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                return Ok(Next::Event(event));
            }
            if state.open == 0 {
                return Ok(Next::Finished);
            }
            if state.closed {
                return Err(Error::new(
                    Code::Closed,
                    "the engine or the stream was closed while the stream was running",
                ));
            }
            state.waiting = true;
            state = match until {
                None => self.ready.wait(state).unwrap_or_else(|e| e.into_inner()),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        state.waiting = false;
                        return Ok(Next::Timeout);
                    }
                    self.ready.wait_timeout(state, left).unwrap_or_else(|e| e.into_inner()).0
                }
            };
            state.waiting = false;
        }
    }
}

/// One running generation: pull its events from one thread. Dropping it cancels it and waits for nothing.
pub struct Stream {
    channel: Arc<Channel>,
    engine: Arc<Shared>,
}

impl Stream {
    pub(super) fn new(channel: Arc<Channel>, engine: Arc<Shared>) -> Stream {
        Stream { channel, engine }
    }

    /// The next event. `None` waits for as long as it takes, zero only looks.
    ///
    /// # Errors
    /// [`Code::Closed`] when the engine was closed or freed meanwhile. A generation that fails is not an error here:
    /// it ends with [`Event::Done`] and its reason.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Next> {
        self.channel.next(timeout)
    }

    /// Ends the generation soon; a DONE with reason `cancelled` follows for every choice that still ran.
    pub fn cancel(&self) {
        self.canceller().cancel();
    }

    /// A handle for cancelling from any thread.
    pub fn canceller(&self) -> StreamCanceller {
        StreamCanceller { channel: Arc::clone(&self.channel), engine: Arc::clone(&self.engine) }
    }

    /// Reads to the end and gives the text of choice 0.
    ///
    /// # Errors
    /// As [`Stream::next`], and the error of a generation that failed.
    pub fn collect_text(mut self) -> Result<(String, Done)> {
        self.collect()
    }

    /// As [`Stream::collect_text`], for a stream that is kept.
    pub(crate) fn collect(&mut self) -> Result<(String, Done)> {
        let mut text = String::new();
        let mut done = None;
        loop {
            match self.next(None)? {
                Next::Event(Event::Text(t)) if t.choice == 0 => text.push_str(&t.text),
                Next::Event(Event::Done(d)) if d.choice == 0 => done = Some(d),
                Next::Event(_) | Next::Timeout => {}
                Next::Finished => break,
            }
        }
        let done = done.ok_or_else(|| Error::new(Code::Closed, "the stream ended without a result"))?;
        match done.reason {
            crate::event::FinishReason::Error(e) => Err(e),
            _ => Ok((text, done)),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Cancels a stream from any thread.
#[derive(Clone)]
pub struct StreamCanceller {
    channel: Arc<Channel>,
    engine: Arc<Shared>,
}

impl StreamCanceller {
    /// Ends the generation soon.
    pub fn cancel(&self) {
        self.channel.cancel();
        self.engine.wake();
    }

    /// Cancels, and wakes whoever waits on the stream: its handle was freed.
    #[cfg(feature = "capi")]
    pub(crate) fn abandon(&self) {
        self.cancel();
        self.channel.close();
    }
}
