//! A few threads with big stacks that turn requests into tokens, so that `submit` returns at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread;

use super::bigstack;
use crate::error::{Code, Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// How many: one long prompt must not hold up the others.
const THREADS: usize = 3;

struct Pool {
    jobs: Mutex<VecDeque<Job>>,
    arrived: Condvar,
}

static POOL: Pool = Pool { jobs: Mutex::new(VecDeque::new()), arrived: Condvar::new() };

/// Runs `job` on the pool, in order of arrival. A panic in it is swallowed: the job has to report its own failure.
pub(super) fn spawn(job: impl FnOnce() + Send + 'static) -> Result<()> {
    static STARTED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let pool = &POOL;
    STARTED
        .get_or_init(|| (0..THREADS).try_for_each(|_| start(pool)))
        .as_ref()
        .map_err(|e| Error::new(Code::OutOfMemory, format!("the worker threads could not be started: {e}")))?;
    pool.jobs.lock().unwrap_or_else(|e| e.into_inner()).push_back(Box::new(job));
    pool.arrived.notify_one();
    Ok(())
}

fn start(pool: &'static Pool) -> std::result::Result<(), String> {
    let run = move || loop {
        let jobs = pool.jobs.lock().unwrap_or_else(|e| e.into_inner());
        let mut jobs = pool.arrived.wait_while(jobs, |j| j.is_empty()).unwrap_or_else(|e| e.into_inner());
        let job = jobs.pop_front();
        drop(jobs);
        if let Some(job) = job {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        }
    };
    let builder = thread::Builder::new().name("qask-prepare".into()).stack_size(bigstack::STACK);
    builder.spawn(run).map(drop).map_err(|e| e.to_string())
}
