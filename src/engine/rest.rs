//! What an app asks of an engine when it goes to the background or memory grows short: to rest, and to let go of memory.

use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::{pages, Engine};
use crate::error::{Code, Error, Result};

/// What [`Engine::trim`] lets go of; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Trim {
    /// Prefixes that are kept for later requests, except pinned ones. The room is used by others; the process's memory
    /// stays as large as it is.
    Cache = 1,
    /// The whole context when nothing runs: KV cache, compute buffers, pinned prefixes too. The next request makes it
    /// anew, in some milliseconds. While the engine is paused nothing runs: answers in the middle are computed again up
    /// to where they were when it goes on.
    Context = 2,
    /// Pages of the model file that are in memory because it is mapped: they are read again when they are needed. What
    /// was copied (repacked, not mapped, on a GPU) or locked stays. For all engines over the model.
    Weights = 3,
}

impl Engine {
    /// Stops computing behind the current step, until [`Engine::resume`], and waits until it rests; false when the time
    /// ran out first, and it will rest all the same. `None` waits for as long as it takes, zero not at all. Requests are
    /// taken and wait, cancels and deadlines hold, sessions are saved and restored; a thread that reads a stream waits.
    ///
    /// # Errors
    /// [`Code::Closed`], [`Code::EngineFault`].
    pub fn pause(&self, timeout: Option<Duration>) -> Result<bool> {
        let shared = &self.0.shared;
        shared.check()?;
        let (tell, told) = channel();
        shared.pause(tell);
        answer(shared, &told, timeout)
    }

    /// Goes on after [`Engine::pause`]; nothing when it was not paused.
    ///
    /// # Errors
    /// [`Code::Closed`], [`Code::EngineFault`].
    pub fn resume(&self) -> Result<()> {
        self.0.shared.check()?;
        self.0.shared.resume();
        Ok(())
    }

    /// Lets go of memory behind the current step, and waits until that is done; false when the time ran out first, and it
    /// will be done all the same. What runs keeps its memory, unless the engine is paused.
    ///
    /// # Errors
    /// [`Code::Closed`], [`Code::EngineFault`].
    pub fn trim(&self, level: Trim, timeout: Option<Duration>) -> Result<bool> {
        let shared = &self.0.shared;
        shared.check()?;
        let (tell, told) = channel();
        shared.tell(|inbox| inbox.trims.push((level, tell)));
        let done = answer(shared, &told, timeout)?;
        if level == Trim::Weights {
            pages::let_go(&self.0.model.0.origin.identities());
        }
        Ok(done)
    }
}

/// Waits for the engine's thread to say that it is done.
fn answer(shared: &Shared, told: &Receiver<()>, timeout: Option<Duration>) -> Result<bool> {
    let ended = match timeout.and_then(|t| Instant::now().checked_add(t)) {
        None => told.recv().is_err(),
        Some(until) => match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            other => other.is_err(),
        },
    };
    if ended {
        shared.check()?;
        return Err(Error::new(Code::EngineFault, "the engine has ended"));
    }
    Ok(true)
}
