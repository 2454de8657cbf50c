//! Asserts on ggml's own threads. They cannot be thrown to whoever called, and ggml would end the process.
//!
//! So the thread that asserts is kept here for ever. The graph that it worked on never ends then, nor does the thread that
//! waits for that graph; what these belong to is told that it failed. They cost no processor time where ggml stands on
//! OpenMP, whose threads wait asleep.

use std::ffi::{c_char, CStr};
use std::sync::{Mutex, Weak};
use std::time::{Duration, Instant};

use super::guard;
use crate::error::{Code, Error};
use crate::sync::lock;

/// What computes graphs.
pub(super) trait Owner: Send + Sync {
    /// Its thread never comes back: everybody who waits for it is told so.
    fn stranded(&self, error: Error);
}

struct Graph {
    id: u64,
    owner: Option<Weak<dyn Owner>>,
}

struct Graphs {
    next: u64,
    running: Vec<Graph>,
    /// Those in which the calling thread failed: others fail with it, and need no help.
    failed: Vec<(u64, Instant)>,
}

static GRAPHS: Mutex<Graphs> = Mutex::new(Graphs { next: 0, running: Vec::new(), failed: Vec::new() });

/// A graph that is being computed, from `enter` to `leave`.
pub(super) struct Running(u64);

pub(super) fn enter(owner: Option<Weak<dyn Owner>>) -> Running {
    let mut graphs = lock(&GRAPHS);
    graphs.next += 1;
    let id = graphs.next;
    graphs.running.push(Graph { id, owner });
    Running(id)
}

impl Running {
    pub(super) fn leave(self, failed: bool) {
        let mut graphs = lock(&GRAPHS);
        graphs.running.retain(|g| g.id != self.0);
        if failed {
            graphs.failed.push((self.0, Instant::now()));
        }
    }
}

/// A graph that failed so shortly before may have been that of a thread which asserts now.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long it is waited for other graphs to end, so that it is clear which one never will.
const PATIENCE: Duration = Duration::from_secs(30);

const LOOK: Duration = Duration::from_millis(10);

/// Called by the guard on a thread that asserts outside of any guarded call. Returns only when none of our graphs can have
/// to do with it: ggml then ends the process, as it would have.
pub(super) unsafe extern "C" fn on_stranded(text: *const c_char) {
    // SAFETY: NUL-terminated, and it lives through the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // No panic may enter ggml.
    let ours = std::panic::catch_unwind(|| tell(&text)).unwrap_or(true);
    while ours {
        std::thread::park();
    }
}

/// False when it is none of ours.
fn tell(text: &str) -> bool {
    let began = Instant::now();
    let suspects: Vec<u64> = lock(&GRAPHS).running.iter().map(|g| g.id).collect();
    loop {
        let owners = {
            let graphs = lock(&GRAPHS);
            let known = |(id, when): &(u64, Instant)| suspects.contains(id) || *when + AT_ONCE > began;
            if graphs.failed.iter().any(known) {
                return true;
            }
            let left: Vec<&Graph> = graphs.running.iter().filter(|g| suspects.contains(&g.id)).collect();
            if left.is_empty() {
                return false;
            }
            let sure = left.len() == 1 || began.elapsed() > PATIENCE;
            sure.then(|| left.iter().map(|g| g.owner.clone()).collect::<Vec<_>>())
        };
        let Some(owners) = owners else {
            std::thread::sleep(LOOK);
            continue;
        };
        let error = Error::new(Code::EngineFault, format!("the engine failed: {}", guard::caught_elsewhere(text)));
        owners.into_iter().flatten().filter_map(|o| o.upgrade()).for_each(|o| o.stranded(error.clone()));
        return true;
    }
}
