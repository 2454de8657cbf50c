//! Compiles at work: each on a thread of its own, waited for in time, and one for all who ask for the same meanwhile.
//!
//! A compile cannot be stopped from outside; its own limits end it. One that takes too long is left behind: it keeps one
//! of a few places, so that what is left behind is bounded in time and memory however often it is asked for, and its
//! result is kept when it comes.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::cache::{Cache, Entry};
use super::grammar_error;
use crate::engine::bigstack;
use crate::error::{Code, Error, Result};
use crate::sync::{lock, wait};

/// The longest that one compile is waited for.
const MOST_TIME: Duration = Duration::from_secs(2);

/// How often a caller that waits looks whether it still wants to.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// Compiles at once in the process, those included that nobody waits for any more.
const MOST_AT_ONCE: usize = 4;

/// The stack of a compile: llguidance recurses along chains of rules.
const STACK: usize = 4 * bigstack::STACK;

/// What was compiled, and what is being compiled.
#[derive(Clone, Default)]
pub(super) struct Work(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cache: Cache,
    running: HashMap<String, Arc<Job>>,
}

enum Found {
    Entry(Entry),
    Job(Arc<Job>),
}

/// What somebody asks for.
pub(super) struct Asked<'a> {
    /// The same for the same constraint.
    pub key: String,
    /// How errors speak of it.
    pub kind: &'static str,
    /// Whether nobody wants it any more.
    pub give_up: &'a dyn Fn() -> bool,
}

/// One compile.
struct Job {
    entry: Mutex<Option<Entry>>,
    ended: Condvar,
    until: Instant,
}

impl Work {
    /// What is known under the key, or what `compile` makes of it. The outer error is one that may pass: it is not kept.
    pub(super) fn get(
        &self,
        asked: &Asked<'_>,
        compile: impl FnOnce() -> Entry + Send + 'static,
    ) -> Result<Entry> {
        let until = Instant::now() + MOST_TIME;
        let found = lock(&self.0).find(&asked.key);
        let job = match found {
            Some(Found::Entry(entry)) => return Ok(entry),
            Some(Found::Job(job)) => job,
            None => {
                let place = Place::take(asked, until)?;
                let mut state = lock(&self.0);
                // While it waited for its place another may have begun.
                match state.find(&asked.key) {
                    Some(Found::Entry(entry)) => return Ok(entry),
                    Some(Found::Job(job)) => job,
                    None => self.start(&mut state, asked, (place, until), compile)?,
                }
            }
        };
        job.wait(asked)
    }

    fn start(
        &self,
        state: &mut State,
        asked: &Asked<'_>,
        (place, until): (Place, Instant),
        compile: impl FnOnce() -> Entry + Send + 'static,
    ) -> Result<Arc<Job>> {
        let job = Arc::new(Job { entry: Mutex::new(None), ended: Condvar::new(), until });
        let (work, key, ours) = (self.clone(), asked.key.clone(), Arc::clone(&job));
        let run = move || {
            let made = catch_unwind(AssertUnwindSafe(compile)).unwrap_or_else(|p| Err(bigstack::panicked(&*p)));
            let mut state = lock(&work.0);
            state.running.remove(&key);
            state.cache.put(key, made.clone());
            drop(state);
            drop(place);
            *lock(&ours.entry) = Some(made);
            ours.ended.notify_all();
        };
        std::thread::Builder::new().name("qask-compile".into()).stack_size(STACK).spawn(run).map_err(|e| {
            Error::new(Code::OutOfMemory, format!("no thread to compile the {} on: {e}", asked.kind))
        })?;
        state.running.insert(asked.key.clone(), Arc::clone(&job));
        Ok(job)
    }
}

impl State {
    fn find(&mut self, key: &str) -> Option<Found> {
        let known = self.cache.get(key).cloned().map(Found::Entry);
        known.or_else(|| self.running.get(key).cloned().map(Found::Job))
    }
}

impl Job {
    fn wait(&self, asked: &Asked<'_>) -> Result<Entry> {
        let kind = asked.kind;
        let mut entry = lock(&self.entry);
        loop {
            if let Some(entry) = &*entry {
                return Ok(entry.clone());
            }
            if Instant::now() >= self.until {
                let limit = MOST_TIME.as_millis();
                return Err(grammar_error(format!(
                    "compiling the {kind} took longer than {limit} ms: simplify it"
                )));
            }
            asked.check()?;
            entry = wait(&self.ended, entry, Some(self.until.min(Instant::now() + LOOK_AROUND))).0;
        }
    }
}

impl Asked<'_> {
    fn check(&self) -> Result<()> {
        match (self.give_up)() {
            true => Err(Error::new(Code::Cancelled, format!("compiling the {} was given up", self.kind))),
            false => Ok(()),
        }
    }
}

/// How many compiles run in this process.
struct Running {
    count: Mutex<usize>,
    fewer: Condvar,
}

static RUNNING: Running = Running { count: Mutex::new(0), fewer: Condvar::new() };

/// A place among the running compiles.
struct Place;

impl Place {
    fn take(asked: &Asked<'_>, until: Instant) -> Result<Place> {
        let mut count = lock(&RUNNING.count);
        while *count >= MOST_AT_ONCE {
            if Instant::now() >= until {
                return Err(Error::new(
                    Code::QueueFull,
                    format!(
                        "{MOST_AT_ONCE} constraints are being compiled and none ended within {} ms: try the {} again \
                         later",
                        MOST_TIME.as_millis(),
                        asked.kind
                    ),
                ));
            }
            asked.check()?;
            count = wait(&RUNNING.fewer, count, Some(until.min(Instant::now() + LOOK_AROUND))).0;
        }
        *count += 1;
        Ok(Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *lock(&RUNNING.count) -= 1;
        RUNNING.fewer.notify_one();
    }
}

/// How many compiles run, those included that nobody waits for any more.
#[cfg(feature = "test-hooks")]
pub(super) fn running() -> usize {
    *lock(&RUNNING.count)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, Sender};

    use super::*;

    fn asked(key: &str) -> Asked<'_> {
        Asked { key: key.to_owned(), kind: "test", give_up: &|| false }
    }

    fn nothing() -> Entry {
        Err(grammar_error("nothing"))
    }

    /// Begins a compile that ends when the sender goes, and that nobody waits for.
    fn leave_behind(work: &Work, key: &str) -> Sender<()> {
        let (send, receive) = channel::<()>();
        let compile = move || {
            let _ = receive.recv();
            nothing()
        };
        let left = Asked { give_up: &|| lock(&work.0).running.contains_key(key), ..asked(key) };
        assert_eq!(work.get(&left, compile).err().unwrap().code(), Code::Cancelled);
        send
    }

    /// In one test, since the places are the process's.
    #[test]
    fn what_is_left_behind_is_bounded_and_shared() {
        let work = Work::default();
        // A compile that panics is an error.
        let entry = work.get(&asked("p"), || std::panic::resume_unwind(Box::new("on purpose")));
        assert_eq!(entry.unwrap().err().unwrap().code(), Code::Panic);

        let kept = leave_behind(&work, "a");
        std::thread::scope(|scope| {
            // Whoever asks for the same waits for the one that runs.
            let waiter = scope.spawn(|| work.get(&asked("a"), || panic!("compiled twice")));
            while Arc::strong_count(&lock(&work.0).running["a"]) < 3 {
                std::thread::yield_now();
            }
            drop(kept);
            assert_eq!(waiter.join().unwrap().unwrap().err().unwrap().message(), "nothing");
        });
        // Its result was kept.
        assert_eq!(
            work.get(&asked("a"), || panic!("compiled twice")).unwrap().err().unwrap().message(),
            "nothing"
        );

        let all: Vec<_> = ["b", "c", "d", "e"].map(|key| leave_behind(&work, key)).into();
        let began = Instant::now();
        let e = work.get(&asked("f"), nothing).err().unwrap();
        assert_eq!(e.code(), Code::QueueFull, "{e}");
        assert!(began.elapsed() >= MOST_TIME);
        // One that has taken too long already is not waited for again.
        let e = work.get(&asked("b"), || panic!("compiled twice")).err().unwrap();
        assert!(e.code() == Code::Grammar && e.message().contains("took longer"), "{e}");
        drop(all);
        assert!(work.get(&asked("f"), nothing).is_ok());
    }
}
