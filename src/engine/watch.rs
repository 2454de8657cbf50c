//! Whether a running step is still wanted: what llama.cpp's abort callback asks.
//!
//! An abort drops the micro-batch for every sequence in it, so it fires only when all of them are to end. Answers that
//! have not begun, in the step or waiting for one, are told their end at once; the engine's thread lets go of them when
//! the step is over. So a step of nothing but prompts may be long.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::sequence::{Farewell, Sequence};
use super::shared::Shared;
use super::stranded::Owner;
use super::stream::Channel;
use crate::cancel::Cancel;
use crate::event::FinishReason;

/// The sequences of the step that runs, and those that wait meanwhile.
pub(super) struct Watch {
    shared: Arc<Shared>,
    watched: Mutex<Vec<Watched>>,
    /// Whether there is anything to look at: asked about a thousand times a step.
    armed: AtomicBool,
}

struct Watched {
    channel: Arc<Channel>,
    cancel: Option<Cancel>,
    deadline: Option<Instant>,
    /// Whether the step computes it.
    in_step: bool,
    /// What ends its stream, if it has not begun to answer.
    farewell: Option<Farewell>,
}

impl Watched {
    fn interrupted(&self) -> Option<FinishReason> {
        self.channel.interrupted(self.cancel.as_ref(), self.deadline)
    }
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>) -> Watch {
        Watch { shared, watched: Mutex::default(), armed: AtomicBool::new(false) }
    }

    /// Who is told when the step never ends.
    pub(super) fn owner(&self) -> Weak<dyn Owner> {
        let shared: Arc<dyn Owner> = Arc::clone(&self.shared) as _;
        Arc::downgrade(&shared)
    }

    pub(super) fn set<'a>(&self, sequences: impl Iterator<Item = &'a Sequence>) {
        let mut watched = self.lock();
        watched.clear();
        watched.extend(sequences.map(|s| Watched {
            channel: Arc::clone(&s.channel),
            cancel: s.cancel.clone(),
            deadline: s.deadline(),
            in_step: s.in_step > 0,
            farewell: s.farewell(),
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
        let (mut wanted, mut ended) = (false, Vec::new());
        for w in self.lock().iter_mut() {
            let reason = w.interrupted();
            wanted |= w.in_step && reason.is_none();
            if let Some(reason) = reason {
                ended.extend(w.farewell.take().map(|farewell| (farewell, reason)));
            }
        }
        // Without a lock held: a recorder may look back here.
        ended.into_iter().for_each(|(farewell, reason)| farewell.say(reason));
        self.shared.end_cancelled_arrivals();
        !wanted
    }
}

/// llama.cpp calls this after every node of the graph, on the thread that called decode.
pub(super) unsafe extern "C" fn on_abort_asked(data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Watch` that the engine's thread keeps alive as long as its context.
    let watch = unsafe { &*data.cast::<Watch>() };
    // No panic may enter llama.cpp; what it broke shows when the step is over.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| watch.unwanted())).unwrap_or(false)
}
