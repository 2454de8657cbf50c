//! What embedders and scorers have in common: calls that wait for numbers, the queue of their inputs, and the thread
//! that works on it and stops with the first failure of the engine.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use super::stranded::Owner;
use super::{bigstack, exit};
use crate::cancel::Cancel;
use crate::error::{Code, Error, Result};
use crate::sync::{lock, until, wait};

/// How often a waiting call looks at its cancel flag.
const LOOK: Duration = Duration::from_millis(5);

/// What ends a call early.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits<'a> {
    pub cancel: Option<&'a Cancel>,
    pub until: Option<Instant>,
}

impl Limits<'_> {
    /// An error when it should end now; `what` names the call.
    pub(crate) fn check(&self, what: &str) -> Result<()> {
        self.cancel.map_or(Ok(()), |c| c.check(what))?;
        match self.until {
            Some(until) if Instant::now() >= until => {
                Err(Error::new(Code::Deadline, format!("{what} took longer than its deadline allows")))
            }
            _ => Ok(()),
        }
    }
}

/// A call that waits for its numbers.
pub(super) struct Job {
    state: Mutex<State>,
    done: Condvar,
    /// Nobody waits for it any more.
    over: AtomicBool,
}

struct State {
    out: Vec<f32>,
    /// Inputs that are not computed yet.
    left: usize,
    failed: Option<Error>,
}

impl Job {
    /// A call of so many inputs that gets so many numbers.
    fn new(inputs: usize, size: usize) -> Result<Job> {
        let mut out = Vec::new();
        out.try_reserve_exact(size)
            .map_err(|_| Error::new(Code::OutOfMemory, format!("{size} numbers do not fit into memory")))?;
        out.resize(size, 0.0);
        let state = Mutex::new(State { out, left: inputs, failed: None });
        Ok(Job { state, done: Condvar::new(), over: AtomicBool::new(false) })
    }

    pub(super) fn fail(&self, error: Error) {
        lock(&self.state).failed.get_or_insert(error);
        self.over.store(true, Ordering::Release);
        self.done.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn put(&self, place: usize, numbers: &[f32]) {
        if let Some(to) = lock(&self.state).out.get_mut(place..place + numbers.len()) {
            to.copy_from_slice(numbers);
        }
    }

    pub(super) fn input_done(&self) {
        let mut state = lock(&self.state);
        state.left -= 1;
        if state.left == 0 {
            self.done.notify_all();
        }
    }

    fn wait(&self, limits: Limits<'_>, what: &str) -> Result<Vec<f32>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(error) = state.failed.take() {
                return Err(error);
            }
            if state.left == 0 {
                return Ok(std::mem::take(&mut state.out));
            }
            if let Err(error) = limits.check(what) {
                self.over.store(true, Ordering::Release);
                return Err(error);
            }
            let look = limits.cancel.map(|_| Instant::now() + LOOK);
            let next = look.into_iter().chain(limits.until).min();
            state = wait(&self.done, state, next).0;
        }
    }
}

/// An input of a call, on its way to the thread.
pub(super) trait Input: Send {
    fn job(&self) -> &Arc<Job>;
}

struct Queue<T> {
    inputs: VecDeque<T>,
    closing: bool,
    poison: Option<Error>,
}

/// Between the calls and the thread.
pub(super) struct Shared<T> {
    /// What it belongs to, and what its calls do, for errors.
    name: &'static str,
    what: &'static str,
    queue: Mutex<Queue<T>>,
    wake: Condvar,
    /// The calls that the thread works for.
    running: Mutex<Vec<Arc<Job>>>,
    finished: Mutex<bool>,
    finish: Condvar,
}

impl<T: Input + 'static> Shared<T> {
    pub(super) fn new(name: &'static str, what: &'static str) -> Arc<Shared<T>> {
        let queue = Queue { inputs: VecDeque::new(), closing: false, poison: None };
        Arc::new(Shared {
            name,
            what,
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            running: Mutex::default(),
            finished: Mutex::default(),
            finish: Condvar::new(),
        })
    }

    /// Queues `count` inputs that `make` gives for a job of `size` numbers, and waits for these.
    pub(super) fn compute(
        &self,
        count: usize,
        size: usize,
        limits: Limits<'_>,
        make: impl FnOnce(&Arc<Job>) -> Vec<T>,
    ) -> Result<Vec<f32>> {
        let job = Arc::new(Job::new(count, size)?);
        let inputs = make(&job);
        {
            let mut queue = lock(&self.queue);
            if let Some(error) = &queue.poison {
                return Err(error.clone());
            }
            if queue.closing {
                return Err(Error::new(Code::Closed, format!("the {} is closed", self.name)));
            }
            queue.inputs.extend(inputs);
        }
        self.wake.notify_all();
        job.wait(limits, self.what)
    }

    /// Waits until `pick` finds work in the queue, and says for which calls it is; `None` when all should end.
    pub(super) fn next<R>(
        &self,
        mut pick: impl FnMut(&mut VecDeque<T>) -> Option<(R, Vec<Arc<Job>>)>,
    ) -> Option<R> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closing {
                return None;
            }
            if let Some((work, jobs)) = pick(&mut queue.inputs) {
                // Under the queue's lock, so that `close` finds a call in the one list or in the other.
                *lock(&self.running) = jobs;
                return Some(work);
            }
            queue = wait(&self.wake, queue, None).0;
        }
    }

    /// The thread works for nobody now.
    pub(super) fn idle(&self) {
        lock(&self.running).clear();
    }

    /// What llama.cpp is given beside [`on_abort_asked`].
    pub(super) fn abort_data(self: &Arc<Self>) -> *mut c_void {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// Starts the thread. `worker` owns the context.
    pub(super) fn start(self: &Arc<Self>, worker: impl Worker + Send + 'static) -> Result<()> {
        let stop: Arc<dyn exit::Stop> = self.clone();
        exit::register(Arc::downgrade(&stop));
        let shared = Arc::clone(self);
        std::thread::Builder::new()
            .name(format!("qask-{}", self.name))
            .stack_size(bigstack::STACK)
            .spawn(move || shared.run(worker))
            .map_err(|e| {
                let name = self.name;
                Error::new(Code::OutOfMemory, format!("the {name}'s thread could not be started: {e}"))
            })?;
        Ok(())
    }

    fn run(&self, mut worker: impl Worker) {
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| -> Result<()> {
            while worker.step()? {}
            Ok(())
        }));
        let Err(error) = end.unwrap_or_else(|panic| Err(bigstack::panicked(&*panic))) else {
            drop(worker);
            return self.finished();
        };
        self.fail(&error);
        // As in the engine: the context's state is unknown, and after an exception inside an OpenMP region this thread
        // would hang in its own exit.
        std::mem::forget(worker);
        self.finished();
        loop {
            std::thread::park();
        }
    }

    /// Ends every call, those that wait and those that run.
    fn fail(&self, error: &Error) {
        let late = {
            let mut queue = lock(&self.queue);
            queue.poison.get_or_insert(error.clone());
            std::mem::take(&mut queue.inputs)
        };
        late.iter().for_each(|i| i.job().fail(error.clone()));
        lock(&self.running).drain(..).for_each(|j| j.fail(error.clone()));
    }

    /// Whom a context is to tell when it never comes back.
    pub(super) fn owner(self: &Arc<Self>) -> Weak<dyn Owner> {
        let shared: Arc<dyn Owner> = Arc::clone(self) as _;
        Arc::downgrade(&shared)
    }

    fn finished(&self) {
        *lock(&self.finished) = true;
        self.finish.notify_all();
    }
}

/// What the thread does.
pub(super) trait Worker {
    /// Waits for work and does a part of it; false when all should end. An error ends everything.
    fn step(&mut self) -> Result<bool>;
}

impl<T: Input + 'static> Owner for Shared<T> {
    fn stranded(&self, error: Error) {
        self.fail(&error);
        self.finished();
    }
}

impl<T: Input + 'static> exit::Stop for Shared<T> {
    fn close(&self) {
        let inputs = {
            let mut queue = lock(&self.queue);
            queue.closing = true;
            std::mem::take(&mut queue.inputs)
        };
        self.wake.notify_all();
        let closed = || Error::new(Code::Closed, format!("the {} was closed", self.name));
        inputs.iter().for_each(|i| i.job().fail(closed()));
        lock(&self.running).iter().for_each(|j| j.fail(closed()));
    }

    fn wait_finished(&self, timeout: Option<Duration>) -> bool {
        let until = until(timeout);
        let mut finished = lock(&self.finished);
        while !*finished {
            let in_time;
            (finished, in_time) = wait(&self.finish, finished, until);
            if !in_time {
                return *finished;
            }
        }
        true
    }
}

/// llama.cpp asks this after every node of the graph: a step that nobody waits for is dropped.
pub(super) unsafe extern "C" fn on_abort_asked<T: Input>(data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Shared<T>` that the thread keeps alive as long as its context.
    let running = lock(unsafe { &(*data.cast::<Shared<T>>()).running });
    !running.is_empty() && running.iter().all(|j| j.is_over())
}
