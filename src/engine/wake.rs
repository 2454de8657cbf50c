//! Wake-up callbacks. One thread of the process calls them, so that neither an engine nor a reader ever runs the
//! caller's code, and a callback that takes its time holds up other callbacks only.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::sync::{lock, until, wait};

/// A callback of the caller. Whoever holds it drops it without a lock, and never on an engine's thread: what the
/// callback owns is the caller's, too.
pub(crate) struct Wake {
    callback: Box<dyn Fn() + Send + Sync>,
    /// It stands in the dispatcher's line: once is enough.
    pending: AtomicBool,
    /// It was taken away, and must not be begun any more.
    revoked: AtomicBool,
}

impl Wake {
    /// Starts the dispatcher, if this is the first.
    pub(crate) fn new(callback: impl Fn() + Send + Sync + 'static) -> Result<Arc<Wake>> {
        start()?;
        let (pending, revoked) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Arc::new(Wake { callback: Box::new(callback), pending, revoked }))
    }

    /// What to [`post`] once no lock is held; nothing when its call is still to come. Asked for while the lock is held
    /// that keeps the callback where it is, so that the dispatcher always gets a hold of its own.
    pub(crate) fn claim(self: &Arc<Self>) -> Option<Arc<Wake>> {
        (!self.pending.swap(true, Ordering::AcqRel)).then(|| Arc::clone(self))
    }

    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    fn call(&self) {
        // Lowered before the call: what happens from here on is worth another.
        self.pending.swap(false, Ordering::AcqRel);
        if !self.revoked.load(Ordering::Acquire) {
            (self.callback)();
        }
    }
}

/// Hands a claimed callback to the dispatcher. Never waits for a callback.
pub(crate) fn post(wake: Arc<Wake>) {
    lock(&STATE).line.push_back(wake);
    CHANGED.notify_all();
}

struct State {
    line: VecDeque<Arc<Wake>>,
    thread: Option<ThreadId>,
    stopping: bool,
}

static STATE: Mutex<State> = Mutex::new(State { line: VecDeque::new(), thread: None, stopping: false });
/// The process that the thread lives in: a forked child has none, and must not touch the lock.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// Something came into the line, or the thread is to end, or has ended.
static CHANGED: Condvar = Condvar::new();

fn start() -> Result<()> {
    let mut state = lock(&STATE);
    if state.thread.is_some() || state.stopping {
        return Ok(());
    }
    let thread = thread::Builder::new().name("qask-wake".into()).spawn(run).map_err(|e| {
        Error::new(Code::OutOfMemory, format!("the thread for wake-up callbacks could not be started: {e}"))
    })?;
    state.thread = Some(thread.thread().id());
    PROCESS.store(std::process::id(), Ordering::Release);
    // SAFETY: a function without arguments that lives as long as the library. A failure only means that `exit()` does
    // not wait for a callback that is running.
    let _ = unsafe { libc::atexit(at_exit) };
    Ok(())
}

fn run() {
    let mut state = lock(&STATE);
    while !state.stopping {
        let Some(wake) = state.line.pop_front() else {
            state = wait(&CHANGED, state, None).0;
            continue;
        };
        drop(state);
        let _ = catch_unwind(AssertUnwindSafe(|| wake.call()));
        // What the callback owns may go here, and panic as well; not while the first panic unwinds, which would abort.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(wake)));
        state = lock(&STATE);
    }
    state.thread = None;
    drop(state);
    CHANGED.notify_all();
}

extern "C" fn at_exit() {
    stop();
}

/// How long `exit()` waits for a callback, beside what it waits for engines.
const PATIENCE: Duration = Duration::from_millis(200);

/// Begins no more callbacks, and waits for one that is running: `exit()` takes apart what they use.
pub(super) fn stop() {
    if PROCESS.load(Ordering::Acquire) != std::process::id() {
        return;
    }
    let mut state = lock(&STATE);
    if std::mem::replace(&mut state.stopping, true) {
        return;
    }
    CHANGED.notify_all();
    let until = until(Some(PATIENCE));
    // A callback that calls exit() itself cannot be waited for.
    while state.thread.is_some_and(|t| t != thread::current().id()) {
        let (next, in_time) = wait(&CHANGED, state, until);
        if !in_time {
            return;
        }
        state = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, RecvTimeoutError};

    fn fire(wake: &Arc<Wake>) {
        wake.claim().into_iter().for_each(post);
    }

    /// Calls `set` when it is dropped.
    struct OnDrop<F: Fn()>(F);
    impl<F: Fn()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    #[test]
    fn a_panic_stops_nothing_and_what_the_callback_owns_goes_once() {
        let (told, said) = channel();
        let owned = OnDrop({
            let told = told.clone();
            move || {
                let _ = told.send("dropped");
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        });
        let bad = Wake::new(move || {
            let _ = &owned;
            std::panic::resume_unwind(Box::new("on purpose"));
        })
        .unwrap();
        fire(&bad);
        // The dispatcher has it now; ours may be the last hold or not.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(bad)));
        assert_eq!(said.recv_timeout(Duration::from_secs(10)), Ok("dropped"));
        let good = Wake::new(move || told.send("called").unwrap()).unwrap();
        fire(&good);
        assert_eq!(said.recv_timeout(Duration::from_secs(10)), Ok("called"));
        drop(good);
        assert_eq!(said.recv_timeout(Duration::from_secs(10)), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_revoked_callback_is_not_begun_and_a_pending_one_stands_in_line_once() {
        let (told, said) = channel();
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let blocker = Wake::new(move || lock(&gate).recv().unwrap()).unwrap();
        fire(&blocker);
        let counted = Wake::new({
            let told = told.clone();
            move || told.send("counted").unwrap()
        })
        .unwrap();
        let revoked = Wake::new(move || told.send("revoked").unwrap()).unwrap();
        for _ in 0..5 {
            fire(&counted);
            fire(&revoked);
        }
        revoked.revoke();
        drop((counted, revoked));
        open.send(()).unwrap();
        let said: Vec<_> = said.iter().collect();
        assert_eq!(said, ["counted"]);
    }
}
