//! Whether a running step is still wanted: what llama.cpp's abort callback asks.
//!
//! An abort drops the micro-batch for every sequence in it, so it fires only when all of them are to end.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::sequence::Sequence;
use super::stream::Channel;
use crate::cancel::Cancel;

/// The sequences of the step that runs.
#[derive(Default)]
pub(super) struct Watch {
    watched: Mutex<Vec<Watched>>,
    /// Whether there is anything to look at: asked about a thousand times a step.
    armed: AtomicBool,
}

struct Watched {
    channel: Arc<Channel>,
    cancel: Option<Cancel>,
    deadline: Option<Instant>,
}

impl Watch {
    pub(super) fn set<'a>(&self, sequences: impl Iterator<Item = &'a Sequence>) {
        let mut watched = self.lock();
        watched.clear();
        watched.extend(sequences.map(|s| Watched {
            channel: Arc::clone(&s.channel),
            cancel: s.cancel.clone(),
            deadline: s.deadline(),
        }));
        self.armed.store(!watched.is_empty(), Ordering::Release);
    }

    pub(super) fn clear(&self) {
        self.armed.store(false, Ordering::Release);
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// True when no sequence of the step is wanted any more.
    fn unwanted(&self) -> bool {
        if !self.armed.load(Ordering::Acquire) {
            return false;
        }
        let watched = self.lock();
        !watched.is_empty()
            && watched.iter().all(|w| {
                w.channel.is_cancelled()
                    || w.cancel.as_ref().is_some_and(Cancel::is_cancelled)
                    || w.deadline.is_some_and(|d| Instant::now() >= d)
            })
    }
}

/// llama.cpp calls this after every node of the graph, on the thread that called decode.
pub(super) unsafe extern "C" fn on_abort_asked(data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Watch` that the engine's thread keeps alive as long as its context.
    unsafe { &*data.cast::<Watch>() }.unwanted()
}
