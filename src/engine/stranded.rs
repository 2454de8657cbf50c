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
    Running(lock(&GRAPHS).enter(owner))
}

impl Running {
    pub(super) fn leave(self, failed: bool) {
        lock(&GRAPHS).leave(self.0, failed);
    }
}

impl Graphs {
    fn enter(&mut self, owner: Option<Weak<dyn Owner>>) -> u64 {
        self.next += 1;
        self.running.push(Graph { id: self.next, owner });
        self.next
    }

    fn leave(&mut self, id: u64, failed: bool) {
        self.running.retain(|g| g.id != id);
        if failed {
            // Nobody looks back further.
            self.failed.retain(|(_, when)| when.elapsed() < 2 * PATIENCE);
            self.failed.push((id, Instant::now()));
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
    if !std::panic::catch_unwind(|| tell(&GRAPHS, &text)).unwrap_or(true) {
        return;
    }
    loop {
        std::thread::park();
    }
}

/// False when it is none of ours.
fn tell(all: &Mutex<Graphs>, text: &str) -> bool {
    let began = Instant::now();
    let suspects: Vec<u64> = lock(all).running.iter().map(|g| g.id).collect();
    loop {
        let owners = {
            let graphs = lock(all);
            // Its calling thread may have failed with it, and told whom it concerns; so may that of another graph.
            let told = |(id, when): &(u64, Instant)| suspects.contains(id) || *when + AT_ONCE > began;
            let told = graphs.failed.iter().any(told);
            let left: Vec<&Graph> = graphs.running.iter().filter(|g| suspects.contains(&g.id)).collect();
            if left.is_empty() {
                return told;
            }
            let sure = left.len() == 1 && !told || began.elapsed() > PATIENCE;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Default)]
    struct Someone(Mutex<Vec<String>>);

    impl Owner for Someone {
        fn stranded(&self, error: Error) {
            lock(&self.0).push(error.message().to_owned());
        }
    }

    impl Someone {
        fn enter(self: &Arc<Self>, graphs: &Mutex<Graphs>) -> u64 {
            let owner: Arc<dyn Owner> = Arc::clone(self) as _;
            lock(graphs).enter(Some(Arc::downgrade(&owner)))
        }

        fn is_told(&self) -> bool {
            !lock(&self.0).is_empty()
        }
    }

    fn nobody() -> Mutex<Graphs> {
        Mutex::new(Graphs { next: 0, running: Vec::new(), failed: Vec::new() })
    }

    #[test]
    fn the_only_graph_is_told() {
        let (graphs, one) = (nobody(), Arc::new(Someone::default()));
        one.enter(&graphs);
        assert!(tell(&graphs, "/there/ops.cpp:1: GGML_ASSERT(x) failed"));
        assert_eq!(*lock(&one.0), ["the engine failed: ops.cpp:1: GGML_ASSERT(x) failed"]);
    }

    #[test]
    fn of_two_the_one_that_does_not_end_is_told() {
        let (graphs, one, other) = (nobody(), Arc::new(Someone::default()), Arc::new(Someone::default()));
        one.enter(&graphs);
        let id = other.enter(&graphs);
        std::thread::scope(|scope| {
            let told = scope.spawn(|| tell(&graphs, "x"));
            std::thread::sleep(5 * LOOK);
            assert!(!one.is_told() && !other.is_told(), "it is not known yet");
            lock(&graphs).leave(id, false);
            // Its next graph is another.
            other.enter(&graphs);
            assert!(told.join().unwrap());
        });
        assert!(one.is_told() && !other.is_told());
    }

    #[test]
    fn where_the_caller_failed_nobody_else_is_told() {
        let (graphs, one, other) = (nobody(), Arc::new(Someone::default()), Arc::new(Someone::default()));
        let id = one.enter(&graphs);
        let innocent = other.enter(&graphs);
        lock(&graphs).leave(id, true);
        std::thread::scope(|scope| {
            let told = scope.spawn(|| tell(&graphs, "x"));
            std::thread::sleep(5 * LOOK);
            assert!(!told.is_finished(), "a failure nearby is no proof: the other graph may be the one");
            lock(&graphs).leave(innocent, false);
            assert!(told.join().unwrap());
        });
        assert!(!one.is_told() && !other.is_told());
    }

    #[test]
    fn without_a_graph_it_is_none_of_ours() {
        assert!(!tell(&nobody(), "x"));
    }
}
