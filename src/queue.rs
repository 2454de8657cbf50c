//! Many streams, one reader.
//!
//! ```no_run
//! use qask::{Event, Next, Queue, Request};
//!
//! # fn serve(engine: &qask::Engine) -> qask::Result<()> {
//! let queue = Queue::new();
//! let mut streams = Vec::new();
//! for (tag, word) in ["red", "green", "blue"].into_iter().enumerate() {
//!     streams.push(Some(engine.submit(&Request::text(word).max_tokens(20))?));
//!     queue.add(streams[tag].as_ref().unwrap(), tag as u64)?;
//! }
//! while streams.iter().any(Option::is_some) {
//!     let Some(tag) = queue.next(None)? else { continue };
//!     let Some(stream) = streams[tag as usize].as_mut() else { continue };
//!     match stream.next(Some(std::time::Duration::ZERO))? {
//!         Next::Event(Event::Text(text)) => println!("{tag}: {}", text.text),
//!         Next::Finished => streams[tag as usize] = None,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use crate::engine::wake::{self, Wake};
use crate::engine::{Channel, Stream};
use crate::error::{Code, Error, Result};
use crate::sync::{lock, until, wait};

/// Names the streams that have something to read, first come, first named, so that one thread can serve many.
///
/// A stream enters the line when there is something to read and was nothing before, and again, at its end, when a read
/// left something; so it makes no difference whether a reader takes one event at a time or all that there are. It
/// stands in line at most once, and is never named when there is nothing to read. The end counts: a stream is named
/// until [`Next::Finished`](crate::Next::Finished) or [`Code::Closed`] was read. One that was named and not read is
/// not named again. A stream that is dropped leaves the queue; dropping the queue leaves its streams as they are.
#[derive(Default)]
pub struct Queue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    line: VecDeque<Arc<Place>>,
    closed: bool,
    wake: Option<Arc<Wake>>,
}

/// What a stream knows of the queue it is in.
pub(crate) struct Place {
    queue: Weak<Shared>,
    stream: Weak<Channel>,
    tag: u64,
    /// Both are read and written under the queue's lock only.
    in_line: AtomicBool,
    left: AtomicBool,
}

impl Queue {
    /// A queue without streams.
    pub fn new() -> Queue {
        Queue::default()
    }

    /// Takes a stream in; `tag` is what [`Queue::next`] says when the stream has something to read, and events that
    /// came before count. A stream is in one queue at a time: it leaves the one where it was.
    ///
    /// # Errors
    /// [`Code::Closed`].
    pub fn add(&self, stream: &Stream, tag: u64) -> Result<()> {
        self.add_channel(stream.channel(), tag)
    }

    pub(crate) fn add_channel(&self, channel: &Arc<Channel>, tag: u64) -> Result<()> {
        if lock(&self.0.state).closed {
            return Err(closed());
        }
        channel.set_place(Some(Arc::new(Place {
            queue: Arc::downgrade(&self.0),
            stream: Arc::downgrade(channel),
            tag,
            in_line: AtomicBool::new(false),
            left: AtomicBool::new(false),
        })));
        Ok(())
    }

    /// The tag of the first stream in line; `None` when none came within the time. Without a timeout it waits for as
    /// long as it takes, zero only looks.
    ///
    /// # Errors
    /// [`Code::Closed`] when the queue was closed meanwhile.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<u64>> {
        let until = until(timeout);
        let mut state = lock(&self.0.state);
        loop {
            if state.closed {
                return Err(closed());
            }
            if let Some(place) = state.line.pop_front() {
                place.in_line.store(false, Ordering::Relaxed);
                drop(state);
                // It may have been read since it entered.
                if place.stream.upgrade().is_some_and(|s| s.is_readable()) {
                    return Ok(Some(place.tag));
                }
                state = lock(&self.0.state);
                continue;
            }
            let (again, in_time) = wait(&self.0.arrived, state, until);
            state = again;
            if !in_time {
                return Ok(None);
            }
        }
    }

    /// Calls `wake` when a stream enters the line where there was none, and soon if one stands there; for the rest as
    /// [`Stream::set_wake`]. Call [`Queue::next`] with a timeout of zero until it gives `None`.
    ///
    /// # Errors
    /// [`Code::Closed`], and [`Code::OutOfMemory`] when the thread that calls it cannot be started.
    pub fn set_wake(&self, wake: impl Fn() + Send + Sync + 'static) -> Result<()> {
        self.replace_wake(Some(Wake::new(wake)?))
    }

    /// Removes the callback, as [`Stream::clear_wake`].
    pub fn clear_wake(&self) {
        // Without a new one there is nothing that a closed queue could refuse.
        let _ = self.replace_wake(None);
    }

    pub(crate) fn replace_wake(&self, wake: Option<Arc<Wake>>) -> Result<()> {
        let mut state = lock(&self.0.state);
        if state.closed {
            return Err(closed());
        }
        let due = wake.as_ref().filter(|_| !state.line.is_empty()).and_then(Wake::claim);
        let old = std::mem::replace(&mut state.wake, wake);
        drop(state);
        old.inspect(|old| old.revoke());
        due.into_iter().for_each(wake::post);
        Ok(())
    }

    /// Ends it: [`Queue::next`] gives [`Code::Closed`] from now on, also where it waits. Its streams go on.
    pub fn close(&self) {
        let mut state = lock(&self.0.state);
        state.closed = true;
        let gone = (std::mem::take(&mut state.line), state.wake.take());
        drop(state);
        gone.1.inspect(|wake| wake.revoke());
        self.0.arrived.notify_all();
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("in_line", &lock(&self.0.state).line.len()).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::new(Code::Closed, "the queue was closed or freed")
}

impl Place {
    /// The stream has something to read: it stands at the end of the line, unless it is in it.
    pub(crate) fn enter(self: &Arc<Self>) {
        let Some(queue) = self.queue.upgrade() else { return };
        let mut state = lock(&queue.state);
        if state.closed || self.left.load(Ordering::Relaxed) || self.in_line.swap(true, Ordering::Relaxed) {
            return;
        }
        let first = state.line.is_empty();
        let due = state.wake.as_ref().filter(|_| first).and_then(Wake::claim);
        state.line.push_back(Arc::clone(self));
        drop(state);
        queue.arrived.notify_one();
        due.into_iter().for_each(wake::post);
    }

    /// The stream is gone, or in another queue.
    pub(crate) fn leave(self: &Arc<Self>) {
        let Some(queue) = self.queue.upgrade() else { return };
        let mut state = lock(&queue.state);
        self.left.store(true, Ordering::Relaxed);
        if self.in_line.load(Ordering::Relaxed) {
            state.line.retain(|p| !Arc::ptr_eq(p, self));
        }
    }
}
