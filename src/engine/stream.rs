//! The way of events from the engine's thread to the caller.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::wake::{self, Wake};
use crate::cancel::Cancel;
use crate::error::{Code, Error, Result};
use crate::event::{Answer, Collected, Done, Event, FinishReason, Next, Usage};
use crate::model::Token;
use crate::queue::Place;
use crate::sync::{lock, until, wait};
use crate::template::Rendered;

/// What the engine and the caller share of one stream.
pub(crate) struct Channel {
    state: Mutex<State>,
    ready: Condvar,
    cancelled: AtomicBool,
    recorder: Option<Arc<dyn Recorder>>,
    /// The recorder takes everything, and nobody reads.
    relayed: bool,
}

/// Follows choice 0 of one generation, whether or not anyone reads its stream: how a chat learns its reply. Called on
/// threads of the library that hold no lock, before a reader sees the same.
pub(crate) trait Recorder: Send + Sync {
    /// Whether it takes the events of every choice, in the place of a reader.
    fn relays(&self) -> bool {
        false
    }
    /// An answer left the queue.
    fn begun(&self) {}
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
    /// Choices that have not ended, and which.
    open: u32,
    ended: Vec<bool>,
    closed: bool,
    /// The reader was told that nothing more will come.
    told: bool,
    waiting: bool,
    /// Who else wants to know that there is something to read.
    wake: Option<Arc<Wake>>,
    place: Option<Arc<Place>>,
}

impl State {
    /// Whether a read would bring something new.
    fn readable(&self) -> bool {
        !self.events.is_empty() || ((self.open == 0 || self.closed) && !self.told)
    }
}

impl Channel {
    pub(super) fn new(choices: u32, recorder: Option<Arc<dyn Recorder>>) -> Channel {
        let state = State {
            events: VecDeque::new(),
            open: choices,
            ended: vec![false; choices as usize],
            closed: false,
            told: false,
            waiting: false,
            wake: None,
            place: None,
        };
        let relayed = recorder.as_ref().is_some_and(|r| r.relays());
        let cancelled = AtomicBool::new(false);
        Channel { state: Mutex::new(state), ready: Condvar::new(), cancelled, recorder, relayed }
    }

    pub(super) fn record_begin(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.begun();
        }
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
        if let Some(recorder) = self.recorder.as_ref().filter(|_| choice == 0 || self.relayed) {
            recorder.event(event);
        }
    }

    /// Changes the state. When there is something to read now and was nothing before, whoever wants to know is told,
    /// with no lock held.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        let before = state.readable();
        change(&mut state);
        let (mut wake, mut place) = (None, None);
        if !before && state.readable() {
            wake = state.wake.as_ref().and_then(Wake::claim);
            place = state.place.clone();
        }
        let waiting = state.waiting;
        drop(state);
        if waiting {
            self.ready.notify_all();
        }
        wake.into_iter().for_each(wake::post);
        place.into_iter().for_each(|p| p.enter());
    }

    /// Adds an event. Text that was not read yet grows instead of queueing up: a slow reader costs the text, not an
    /// event a token.
    pub(super) fn event(&self, event: Event) {
        self.record(event.choice(), &event);
        if self.relayed {
            return;
        }
        self.change(|state| {
            let rest = match state.events.back_mut() {
                Some(last) => join(last, event),
                None => Some(event),
            };
            state.events.extend(rest);
        });
    }

    pub(super) fn done(&self, done: Done) {
        // After a stranded thread there are two who would end it.
        let ended = lock(&self.state).ended.get_mut(done.choice as usize).map(|e| std::mem::replace(e, true));
        if ended != Some(false) {
            return;
        }
        let event = Event::Done(done);
        self.record(event.choice(), &event);
        if self.relayed {
            return;
        }
        self.change(|state| {
            state.open = state.open.saturating_sub(1);
            state.events.push_back(event);
        });
    }

    /// The engine's thread never comes back: whatever has not ended ends with this.
    pub(super) fn engine_failed(&self, error: &Error) {
        let choices = lock(&self.state).ended.len() as u32;
        for choice in 0..choices {
            let reason = FinishReason::Error(error.clone());
            self.done(Done { choice, reason, usage: Usage::default(), seed: 0 });
        }
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
        self.change(|state| state.closed = true);
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Why what it carries should end now, if it should.
    pub(super) fn interrupted(&self, cancel: Option<&Cancel>, deadline: Option<Instant>) -> Option<FinishReason> {
        if self.cancelled.load(Ordering::Acquire) || cancel.is_some_and(Cancel::is_cancelled) {
            return Some(FinishReason::Cancelled);
        }
        deadline.is_some_and(|d| Instant::now() >= d).then_some(FinishReason::Deadline)
    }

    pub(crate) fn is_readable(&self) -> bool {
        lock(&self.state).readable()
    }

    /// Sets or removes the callback; one that is there already has something to read for it is called soon.
    fn set_wake(&self, wake: Option<Arc<Wake>>) {
        let mut state = lock(&self.state);
        let due = wake.as_ref().filter(|_| state.readable()).and_then(Wake::claim);
        let old = std::mem::replace(&mut state.wake, wake);
        drop(state);
        old.inspect(|old| old.revoke());
        due.into_iter().for_each(wake::post);
    }

    /// Sets or removes the place in a queue. Events that came before count.
    pub(crate) fn set_place(&self, place: Option<Arc<Place>>) {
        let mut state = lock(&self.state);
        let due = place.clone().filter(|_| state.readable());
        let old = std::mem::replace(&mut state.place, place);
        drop(state);
        old.inspect(|old| old.leave());
        due.inspect(|due| due.enter());
    }

    /// The stream is gone: nobody wants to know any more.
    fn detach(&self) {
        self.set_wake(None);
        self.set_place(None);
    }

    fn next(&self, timeout: Option<Duration>) -> Result<Next> {
        let until = until(timeout);
        let mut state = lock(&self.state);
        loop {
            if let Some(event) = state.events.pop_front() {
                let place = state.place.clone().filter(|_| state.readable());
                drop(state);
                place.inspect(|p| p.enter());
                return Ok(Next::Event(event));
            }
            if state.open == 0 {
                state.told = true;
                return Ok(Next::Finished);
            }
            if state.closed {
                state.told = true;
                return Err(Error::new(
                    Code::Closed,
                    "the engine or the stream was closed while the stream was running",
                ));
            }
            state.waiting = true;
            let (again, in_time) = wait(&self.ready, state, until);
            state = again;
            state.waiting = false;
            if !in_time {
                return Ok(Next::Timeout);
            }
        }
    }
}

/// Puts an event's text behind that of the last one, where both are of one kind; otherwise gives it back.
fn join(last: &mut Event, event: Event) -> Option<Event> {
    match (last, event) {
        (Event::Text(a), Event::Text(b)) | (Event::Reasoning(a), Event::Reasoning(b)) if a.choice == b.choice => {
            a.text.push_str(&b.text);
            a.tokens.extend(b.tokens);
            a.logprobs.extend(b.logprobs);
        }
        (Event::ToolCallDelta(a), Event::ToolCallDelta(b)) if (a.choice, a.index) == (b.choice, b.index) => {
            a.arguments.push_str(&b.arguments);
            a.tokens.extend(b.tokens);
            a.logprobs.extend(b.logprobs);
        }
        (_, event) => return Some(event),
    }
    None
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

    /// Calls `wake` whenever there is something to read where there was nothing, and soon if there is already: from a
    /// thread of the library that calls one callback at a time, so it should be quick. It may use the library. Read
    /// with a timeout of zero until something other than [`Next::Event`] comes; no wake-up is missed then, though one
    /// may come for what was read already. A callback that was set before is dropped.
    ///
    /// ```no_run
    /// # fn sleep_until_woken(stream: &mut qask::Stream) -> qask::Result<()> {
    /// let (ring, bell) = std::sync::mpsc::sync_channel(1);
    /// stream.set_wake(move || {
    ///     let _ = ring.try_send(());
    /// })?;
    /// while bell.recv().is_ok() {
    ///     while let qask::Next::Event(event) = stream.next(Some(std::time::Duration::ZERO))? {
    ///         println!("{event:?}");
    ///     }
    ///     # break;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Code::OutOfMemory`] when that thread cannot be started.
    pub fn set_wake(&self, wake: impl Fn() + Send + Sync + 'static) -> Result<()> {
        self.channel.set_wake(Some(Wake::new(wake)?));
        Ok(())
    }

    /// Removes the callback. It is not begun any more; if it runs, it is dropped when it has ended.
    pub fn clear_wake(&self) {
        self.channel.set_wake(None);
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Reads to the end and gives the text of choice 0, as far as it was not read before.
    ///
    /// # Errors
    /// As [`Stream::next`], and the error of a generation that failed.
    pub fn collect_text(self) -> Result<(String, Done)> {
        let answer = self.collect()?;
        Ok((answer.text, answer.done))
    }

    /// As [`Stream::collect_text`], with thoughts and tool calls.
    ///
    /// # Errors
    /// As [`Stream::collect_text`].
    pub fn collect(mut self) -> Result<Answer> {
        self.rest()
    }

    /// As [`Stream::collect`], for a stream that is kept.
    pub(crate) fn rest(&mut self) -> Result<Answer> {
        let mut collected = Collected::default();
        while let Next::Event(event) = self.next(None)? {
            collected.add(event);
        }
        collected.finish()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.channel.detach();
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

    /// What [`Stream::set_wake`] and [`Stream::clear_wake`] do, from any thread.
    #[cfg(feature = "capi")]
    pub(crate) fn set_wake(&self, wake: Option<Arc<Wake>>) {
        self.channel.set_wake(wake);
    }

    #[cfg(feature = "capi")]
    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Cancels, and wakes whoever waits on the stream: its handle was freed.
    #[cfg(feature = "capi")]
    pub(crate) fn abandon(&self) {
        self.channel.detach();
        self.cancel();
        self.channel.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Text;
    use crate::event::Usage;
    use crate::queue::Queue;
    use std::sync::mpsc::sync_channel;
    use std::thread;

    const LETTERS: usize = 100_000;
    const LONG: Duration = Duration::from_secs(20);
    const NOW: Option<Duration> = Some(Duration::ZERO);

    /// Sends single letters, now and then with a rest, so that the reader is sometimes behind and sometimes waits.
    fn talk(channel: &Channel) {
        for i in 0..LETTERS {
            channel.event(Event::Text(Text { text: "x".into(), ..Text::default() }));
            if i % 7 == 0 {
                thread::yield_now();
            }
        }
        let reason = FinishReason::Stop;
        channel.done(Done { choice: 0, reason, usage: Usage::default(), seed: 0 });
    }

    /// Reads all that there is; how much, and whether that was the end.
    fn drain(channel: &Channel) -> (usize, bool) {
        let mut letters = 0;
        loop {
            match channel.next(NOW).unwrap() {
                Next::Event(Event::Text(t)) => letters += t.text.len(),
                Next::Event(_) => {}
                Next::Timeout => return (letters, false),
                Next::Finished => return (letters, true),
            }
        }
    }

    #[test]
    fn a_reader_that_only_reads_when_woken_misses_nothing() {
        let channel = Arc::new(Channel::new(1, None));
        let (ring, bell) = sync_channel(1);
        let wake = Wake::new(move || {
            let _ = ring.try_send(());
        })
        .unwrap();
        channel.set_wake(Some(wake));
        let talker = thread::spawn({
            let channel = Arc::clone(&channel);
            move || talk(&channel)
        });
        let mut letters = 0;
        loop {
            bell.recv_timeout(LONG).expect("a wake-up, since there is something to read");
            let (more, ended) = drain(&channel);
            letters += more;
            if ended {
                break;
            }
        }
        assert_eq!(letters, LETTERS);
        talker.join().unwrap();
    }

    /// Once with a reader that takes all that there is, once with one that takes an event at a time.
    #[test]
    fn a_reader_of_a_queue_misses_nothing_and_is_told_nothing_twice() {
        for greedy in [true, false] {
            let queue = Queue::new();
            let channels: Vec<_> = (0..3).map(|_| Arc::new(Channel::new(1, None))).collect();
            for (tag, channel) in channels.iter().enumerate() {
                queue.add_channel(channel, tag as u64).unwrap();
            }
            let talkers: Vec<_> =
                channels.iter().cloned().map(|channel| thread::spawn(move || talk(&channel))).collect();
            let (mut letters, mut running) = ([0; 3], 3);
            while running > 0 {
                let tag =
                    queue.next(Some(LONG)).unwrap().expect("a name, since there is something to read") as usize;
                let (more, ended) = match greedy {
                    true => drain(&channels[tag]),
                    false => match channels[tag].next(NOW).unwrap() {
                        Next::Event(Event::Text(t)) => (t.text.len(), false),
                        Next::Timeout => panic!("named without anything to read"),
                        next => (0, next == Next::Finished),
                    },
                };
                letters[tag] += more;
                running -= usize::from(ended);
            }
            assert_eq!(letters, [LETTERS; 3]);
            assert_eq!(queue.next(NOW).unwrap(), None);
            talkers.into_iter().for_each(|t| t.join().unwrap());
        }
    }

    #[test]
    fn the_callback_of_a_stream_that_is_gone_is_dropped_once_and_not_called() {
        let channel = Arc::new(Channel::new(1, None));
        let (told, said) = sync_channel(8);
        channel.set_wake(Some(Wake::new(move || told.send("called").unwrap()).unwrap()));
        channel.detach();
        channel.close();
        assert!(said.recv_timeout(LONG).is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected));
    }
}
