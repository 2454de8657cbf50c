//! Numbers that are not finite stay with whoever made them.
//!
//! A cell that nobody reads any more still stands in the memory, and llama.cpp multiplies what it holds by zero: for NaN
//! and infinity that is NaN, and so a damaged adapter, a restored session or a text that overflows would end the
//! answers of others too. So when logits are not finite, the memory is set to zero, all that ran is computed again, and
//! whoever had such logits does so alone. Only who has them then too is told so.

use super::{Running, Worker};
use crate::log::{self, Level};

impl Worker {
    /// Computes everything again, in a memory that holds nothing.
    pub(super) fn begin_anew(&mut self) -> Running<()> {
        log::write(Level::Warn, || "logits are not finite: the KV cache is emptied and computed again".into());
        while let Some(last) = self.active.len().checked_sub(1) {
            self.preempt(last)?;
        }
        self.forget()
    }

    /// Whether a waiting sequence may run beside what runs. One under suspicion is alone, in an empty memory.
    pub(super) fn may_join(&mut self, i: usize) -> Running<bool> {
        if self.active.iter().any(|s| s.suspect) {
            return Ok(false);
        }
        if !self.waiting[i].suspect {
            return Ok(true);
        }
        if !self.active.is_empty() {
            return Ok(false);
        }
        if self.writers > 0 {
            self.forget()?;
        }
        Ok(true)
    }

    /// Empties the memory. Nothing runs.
    fn forget(&mut self) -> Running<()> {
        self.slots.clear_all();
        self.context.clear()?;
        self.writers = 0;
        Ok(())
    }
}
