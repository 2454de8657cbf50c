//! A flag that stops long calls: loading, submitting, anything that takes a [`Cancel`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::error::{Code, Error, Result};

/// Stops the calls it was given to, from any thread. Clones share the flag; it cannot be reset.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises it. Calls that hold it end with [`Code::Cancelled`] soon after.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// An error when it was raised; `what` names the call that stops.
    pub fn check(&self, what: &str) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(Code::Cancelled, format!("{what} was cancelled")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_flag() {
        let a = Cancel::new();
        let b = a.clone();
        assert!(b.check("load").is_ok());
        a.cancel();
        assert_eq!(b.check("load").unwrap_err().code(), Code::Cancelled);
    }
}
