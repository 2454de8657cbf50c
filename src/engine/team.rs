//! Whether the threads of a step can be started. OpenMP ends the process by itself when the system refuses it one
//! (GNU's calls `exit`, LLVM's `abort`), and nothing can catch that; so before a step that needs threads which are not
//! there yet, as many are started here and ended again. Where they are refused, the step makes do with those that are.
//!
//! What is left is the moment between the two, in which somebody else may take the last ones.

use std::time::{Duration, Instant};

/// After a refusal, so long goes by before more are asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// The threads that OpenMP keeps for the calling thread, which is always the same one.
#[derive(Debug)]
pub(super) struct Team {
    /// So many are certain to be there, the calling thread among them.
    size: u32,
    /// And so many when the step that runs is through.
    coming: u32,
    refused: Option<Instant>,
}

impl Default for Team {
    fn default() -> Self {
        Team { size: 1, coming: 1, refused: None }
    }
}

impl Team {
    /// How many threads a step may use that would use `want`; and whether the system refused some just now.
    pub(super) fn room(&mut self, want: u32) -> (u32, bool) {
        self.room_by(want, startable)
    }

    fn room_by(&mut self, want: u32, startable: impl FnOnce(u32) -> bool) -> (u32, bool) {
        if want <= self.size {
            return (want, false);
        }
        if self.refused.is_some_and(|when| when.elapsed() < AGAIN) {
            return (self.size, false);
        }
        let found = startable(want - self.size);
        self.refused = (!found).then(Instant::now);
        (if found { want } else { self.size }, !found)
    }

    /// A step follows that uses one of these counts or both: OpenMP ends the threads above the last. One alone is no
    /// business of OpenMP's.
    pub(super) fn begins(&mut self, counts: [u32; 2]) {
        self.coming = counts.into_iter().filter(|n| *n > 1).min().unwrap_or(self.size);
        self.size = self.size.min(self.coming);
    }

    /// The step was computed: a refused one may have started nothing.
    pub(super) fn ended(&mut self) {
        self.size = self.size.max(self.coming);
    }
}

/// Whether the system lets so many threads start at once, as OpenMP would start them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn startable(n: u32) -> bool {
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};

    use crate::sync::lock;

    struct Gate {
        open: Mutex<bool>,
        sign: Condvar,
        next: AtomicUsize,
        /// The numbers by which the kernel knows those that were started.
        ids: Vec<AtomicI32>,
    }

    extern "C" fn stand(gate: *mut c_void) -> *mut c_void {
        // SAFETY: the gate is there until this thread was joined.
        let gate = unsafe { &*gate.cast::<Gate>() };
        // SAFETY: a call without arguments.
        let id = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
        if let Some(mine) = gate.ids.get(gate.next.fetch_add(1, Ordering::Relaxed)) {
            mine.store(id, Ordering::Relaxed);
        }
        let closed = lock(&gate.open);
        drop(gate.sign.wait_while(closed, |open| !*open));
        std::ptr::null_mut()
    }

    let ids = (0..n).map(|_| AtomicI32::new(0)).collect();
    let mut gate = Gate { open: Mutex::new(false), sign: Condvar::new(), next: AtomicUsize::new(0), ids };
    let mut threads: Vec<libc::pthread_t> = Vec::with_capacity(n as usize);
    for _ in 0..n {
        // SAFETY: zeros are a thread's number that nobody uses before it was written.
        let mut thread = unsafe { std::mem::zeroed() };
        // SAFETY: the gate outlives the thread, which is joined below. No attributes: the stack that OpenMP's would get.
        if unsafe { libc::pthread_create(&mut thread, std::ptr::null(), stand, (&raw mut gate).cast()) } != 0 {
            break;
        }
        threads.push(thread);
    }
    *lock(&gate.open) = true;
    gate.sign.notify_all();
    for thread in &threads {
        // SAFETY: started above, and joined once.
        unsafe { libc::pthread_join(*thread, std::ptr::null_mut()) };
    }
    // A thread that was joined may still count with the system for a moment.
    threads.len() == n as usize && gate.ids.iter().all(|id| is_gone(id.load(Ordering::Relaxed)))
}

/// Elsewhere ggml starts its threads itself, and a refusal is an assert that is caught.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn startable(_: u32) -> bool {
    true
}

/// Waits until the kernel has forgotten a thread of this process; false when it takes too long to be true.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_gone(thread: i32) -> bool {
    /// Many times what it takes, also on a busy machine.
    const PATIENCE: Duration = Duration::from_millis(100);
    let began = Instant::now();
    loop {
        // SAFETY: a signal of number 0 is none: it only asks whether the thread is there.
        if unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) } != 0 {
            return true;
        }
        if began.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_asks_only_for_threads_that_are_not_there() {
        let mut team = Team::default();
        let asked = std::cell::Cell::new(0);
        let yes = |n| {
            asked.set(asked.get() + n);
            true
        };
        assert_eq!(team.room_by(1, yes), (1, false));
        assert_eq!(team.room_by(4, yes), (4, false));
        assert_eq!(asked.take(), 3);
        team.begins([4, 4]);
        assert_eq!(team.room_by(4, yes), (4, false), "a step that was refused started none");
        assert_eq!(asked.take(), 3);
        team.begins([1, 1]);
        team.ended();
        assert_eq!(team.room_by(4, yes), (4, false), "nor did one of one thread behind it");
        assert_eq!(asked.take(), 3);
        let step = |team: &mut Team, counts| {
            team.begins(counts);
            team.ended();
        };
        step(&mut team, [4, 4]);
        step(&mut team, [1, 1]);
        assert_eq!(team.room_by(4, yes), (4, false));
        assert_eq!(asked.take(), 0);
        step(&mut team, [4, 2]);
        assert_eq!(team.room_by(4, yes), (4, false));
        assert_eq!(asked.take(), 2);
    }

    #[test]
    fn a_refusal_leaves_what_there_is_and_is_not_repeated_at_once() {
        let mut team = Team::default();
        team.begins([2, 2]);
        team.ended();
        assert_eq!(team.room_by(8, |_| false), (2, true));
        assert_eq!(team.room_by(8, |_| panic!("asked again at once")), (2, false));
        team.refused = Instant::now().checked_sub(AGAIN);
        assert_eq!(team.room_by(8, |_| true), (8, false));
    }

    #[test]
    fn threads_can_be_started() {
        assert!(startable(8));
        assert!(startable(1));
    }
}
