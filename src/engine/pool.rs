//! A few threads with big stacks that turn requests into tokens, so that `submit` returns at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::thread;

use super::bigstack;
use crate::error::{Code, Error, Result};
use crate::sync::lock;

type Job = Box<dyn FnOnce() + Send>;

/// How many: one long prompt must not hold up the others.
const THREADS: usize = 3;

struct Pool {
    jobs: Mutex<VecDeque<Job>>,
    arrived: Condvar,
    /// How many of the threads are there.
    started: Mutex<usize>,
}

static POOL: Pool = Pool { jobs: Mutex::new(VecDeque::new()), arrived: Condvar::new(), started: Mutex::new(0) };

/// Runs `job` on the pool, in order of arrival. A panic in it is swallowed: the job has to report its own failure.
pub(super) fn spawn(job: impl FnOnce() + Send + 'static) -> Result<()> {
    let pool = &POOL;
    complete(&pool.started, || start(pool))
        .map_err(|e| Error::new(Code::OutOfMemory, format!("the worker threads could not be started: {e}")))?;
    lock(&pool.jobs).push_back(Box::new(job));
    pool.arrived.notify_one();
    Ok(())
}

/// Starts the threads that are missing. One is enough; those that the system refuses are tried again next time.
fn complete(started: &Mutex<usize>, mut start: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    let mut started = lock(started);
    while *started < THREADS {
        match start() {
            Ok(()) => *started += 1,
            Err(_) if *started > 0 => break,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn start(pool: &'static Pool) -> std::io::Result<()> {
    let run = move || loop {
        let jobs = lock(&pool.jobs);
        let mut jobs = pool.arrived.wait_while(jobs, |j| j.is_empty()).unwrap_or_else(|e| e.into_inner());
        let job = jobs.pop_front();
        drop(jobs);
        if let Some(job) = job {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        }
    };
    let builder = thread::Builder::new().name("qask-prepare".into()).stack_size(bigstack::STACK);
    builder.spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_were_refused_are_tried_again() {
        let started = Mutex::new(0);
        let refused = || Err(std::io::ErrorKind::WouldBlock.into());
        assert!(complete(&started, refused).is_err());
        let mut room = 1;
        let one = || match std::mem::take(&mut room) {
            0 => Err(std::io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        };
        complete(&started, one).unwrap();
        assert_eq!(*lock(&started), 1);
        complete(&started, refused).unwrap();
        complete(&started, || Ok(())).unwrap();
        assert_eq!(*lock(&started), THREADS);
    }
}
