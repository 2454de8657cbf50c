//! Resting and letting go of memory, as the engine's thread does it.

use std::time::Duration;

use super::{Running, Worker};
use crate::engine::new_context;
use crate::engine::rest::Trim;
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;

/// How often a paused engine looks at cancels and deadlines, when there are any.
const LOOK: Duration = Duration::from_millis(50);

impl Worker {
    /// How long a paused engine may sleep: for ever when nothing in it can end by itself.
    pub(super) fn sleep(&self) -> Option<Duration> {
        let mut all = self.active.iter().chain(&self.waiting);
        all.any(|s| s.cancel.is_some() || s.deadline().is_some()).then_some(LOOK)
    }

    pub(super) fn trim(&mut self, level: Trim) -> Running<()> {
        while self.evict(None)? {}
        if level < Trim::Context {
            return Ok(());
        }
        if self.shared.is_paused() {
            while let Some(last) = self.active.len().checked_sub(1) {
                self.preempt(last)?;
            }
        }
        if self.active.is_empty() {
            self.slots.clear_all();
            self.adapters = Default::default();
            self.writers = 0;
            self.context.release()?;
            give_back_to_system();
        }
        Ok(())
    }

    /// Makes the context again that was let go of.
    pub(in crate::engine) fn regain(&mut self) -> Running<Result<()>> {
        if !self.context.is_released() {
            return Ok(Ok(()));
        }
        let (mut context, tokens) = match new_context(&self.model, &self.options, &self.watch) {
            Ok(made) => made,
            Err(error) => return Ok(Err(error)),
        };
        if tokens != self.options.kv_tokens {
            let text = format!("the engine's context holds {tokens} tokens, and held {}", self.options.kv_tokens);
            return Ok(Err(Error::new(Code::EngineFault, text)));
        }
        let (threads, threads_batch) = self.crew.set();
        context.set_threads(threads, threads_batch)?;
        self.context = context;
        Ok(Ok(()))
    }

    /// As [`Worker::regain`], for what waits; without memory for it, all of that ends.
    pub(super) fn regain_for_waiting(&mut self) -> Running<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.regain()? {
            for sequence in std::mem::take(&mut self.waiting) {
                self.leave_queue(&sequence);
                let reason = FinishReason::Error(error.clone());
                self.count_end(&reason);
                sequence.finish(reason);
            }
        }
        Ok(())
    }
}

/// What was freed in small pieces too, which glibc keeps for each thread that there ever was.
pub(super) fn give_back_to_system() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
