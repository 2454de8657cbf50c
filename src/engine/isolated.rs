//! Engines in a process of their own, behind the same API.
//!
//! The host keeps what it has for any engine: streams, queues, wake-ups, the count of what waits. What a request asks for
//! goes to a worker (`serve`) as it is, over a socket (`frame`, `wire`), and is tokenized, constrained and computed there;
//! events come back and go into the same channels. `host` is the thread that tells the worker and starts another one when
//! it died; `listen` hears it, and believes nothing; `child` is the process, `sandbox` what it may not do.

mod child;
mod deaths;
mod frame;
mod host;
mod listen;
mod sandbox;
mod serve;
mod wire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::options::Resolved;
use super::shared::Shared;
use super::stats::Stats;
use super::stream::Channel;
use super::submission::Submission;
use super::worker::Held;
use crate::adapter::Adapter;
use crate::cancel::Cancel;
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};
use crate::request::Request;
use crate::session::{Opened, Record};
use crate::sync::lock;

pub(crate) use serve::serve_if_worker;
use wire::{Order, Outcome};

/// How often a waiting call looks whether it was given up.
const LOOK: Duration = Duration::from_millis(10);

/// How long figures are waited for; then those of the last look are given.
const FIGURES: Duration = Duration::from_millis(250);

/// An engine in another process, as its host sees it.
pub(crate) struct Remote {
    shared: Arc<Shared>,
    model: Model,
    options: Resolved,
    worker: std::path::PathBuf,
    kv_tokens: AtomicU32,
    /// Streams and calls have numbers that are never used again, by whichever worker.
    next: AtomicU64,
    live: Mutex<HashMap<u64, Live>>,
    asked: Mutex<HashMap<u64, Asked>>,
    /// The last figures of this worker, and those of all before it added up.
    figures: Mutex<(Stats, Stats)>,
    /// An answer came to its end since this was last looked at.
    answered: AtomicBool,
    /// The process that runs; 0 for none.
    process: AtomicU32,
}

/// A stream that has not ended.
struct Live {
    channel: Arc<Channel>,
    cancel: Option<Cancel>,
    deadline: Option<Instant>,
    /// Which choices have not ended, and how many of those have not begun.
    open: Vec<bool>,
    queued: u32,
    /// The worker that has it, by its number.
    sent: Option<u64>,
    /// It was told to cancel.
    told: bool,
}

/// Who waits for an answer of the worker.
enum Asked {
    /// For it to rest, or to have let go of memory: true of a worker that is gone, too.
    Rest(Sender<()>),
    Outcome(SyncSender<Result<(Outcome, Vec<u8>)>>),
}

/// What the thread that tells the worker is told itself.
pub(super) enum Call {
    Submit(u64, Box<Submission>),
    Ask(Ask),
    Said(u64, Said),
    #[cfg(feature = "test-hooks")]
    Provoke(i32),
}

/// An order that somebody waits for.
pub(super) struct Ask {
    id: u64,
    order: Box<Order>,
    adapters: Vec<(Adapter, f32)>,
}

/// What a worker (by its number) said that concerns that thread.
pub(super) enum Said {
    Hello,
    Ready(u32),
    Gone(Gone),
}

/// Why a worker is no more, or should not be.
pub(super) enum Gone {
    Ended,
    Failed(Error),
    Fault(Error),
    Malformed(String),
    Late,
}

/// Starts an engine in a process of its own, and waits until it is ready.
pub(super) fn start(shared: &Arc<Shared>, model: &Model, options: &Resolved) -> Result<Arc<Remote>> {
    let remote = Arc::new(Remote {
        shared: Arc::clone(shared),
        model: model.clone(),
        options: options.clone(),
        worker: child::find(options.options.worker.as_deref())?,
        kv_tokens: AtomicU32::new(options.kv_tokens),
        next: AtomicU64::new(1),
        live: Mutex::default(),
        asked: Mutex::default(),
        figures: Mutex::default(),
        answered: AtomicBool::new(false),
        process: AtomicU32::new(0),
    });
    host::start(&remote)?;
    Ok(remote)
}

impl Remote {
    pub(super) fn kv_tokens(&self) -> u32 {
        self.kv_tokens.load(Ordering::Acquire)
    }

    /// Puts a request on its way.
    pub(super) fn submit(
        &self,
        submission: Submission,
        channel: &Arc<Channel>,
        cancel: Option<Cancel>,
    ) -> Result<()> {
        wire::check(&submission.request)?;
        self.shared.register(channel)?;
        let n = submission.request.n;
        let deadline = submission.request.deadline.and_then(|d| submission.submitted.checked_add(d));
        let live = Live {
            channel: Arc::clone(channel),
            cancel,
            deadline,
            open: vec![true; n as usize],
            queued: n,
            sent: None,
            told: false,
        };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.live).insert(id, live);
        self.shared.tell(|inbox| inbox.calls.push(Call::Submit(id, Box::new(submission))));
        Ok(())
    }

    /// Asks the worker, and waits for the outcome.
    fn ask(
        &self,
        adapters: &[(Adapter, f32)],
        order: impl FnOnce(u64) -> Order,
        given_up: &dyn Fn() -> Option<Error>,
    ) -> Result<(Outcome, Vec<u8>)> {
        self.shared.check()?;
        let (tell, told) = sync_channel(1);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.asked).insert(id, Asked::Outcome(tell));
        let ask = Ask { id, order: Box::new(order(id)), adapters: adapters.to_vec() };
        self.shared.tell(|inbox| inbox.calls.push(Call::Ask(ask)));
        loop {
            match told.recv_timeout(LOOK) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => {
                    self.shared.check()?;
                    return Err(Error::new(Code::EngineFault, "the engine has ended"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let given_up = given_up().or_else(|| self.shared.check().err());
                    if let Some(error) = given_up {
                        lock(&self.asked).remove(&id);
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Figures: what the host counts itself (`own`), and what the workers did.
    pub(super) fn stats(&self, own: Stats) -> Stats {
        let until = Instant::now() + FIGURES;
        let late = || (Instant::now() >= until).then(|| Error::new(Code::Deadline, "no figures"));
        if self.process.load(Ordering::Acquire) != 0 {
            if let Ok((Outcome::Stats(now), _)) = self.ask(&[], Order::Stats, &late) {
                lock(&self.figures).0 = now;
            }
        }
        let (now, before) = *lock(&self.figures);
        let (threads, threads_batch) = self.shared.threads();
        let used = |used: u32, most: u32| if now.threads > 0 { used.min(most) } else { most };
        let sum = add(now, &before);
        Stats {
            queued: own.queued,
            submitted: own.submitted,
            finished: own.finished,
            failed: own.failed,
            kv_tokens_total: u64::from(self.kv_tokens()),
            threads,
            threads_batch,
            threads_used: used(now.threads_used, threads),
            threads_batch_used: used(now.threads_batch_used, threads_batch),
            ..sum
        }
    }

    /// Copies a prefix out of the worker's context.
    pub(super) fn take_out(
        &self,
        text: &[Token],
        prompt: &[Token],
        request: &Request,
        record: &mut Record,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Held>> {
        let prefix = prefix(text, prompt, request);
        let order = |id| Order::TakeOut(id, Box::new(prefix));
        let (outcome, cells) = self.ask(&request.adapters, order, &|| cancelled(interrupted))?;
        let Outcome::Prefix(taken) = outcome else { return Err(odd()) };
        let Some(taken) = taken else { return Ok(None) };
        if taken.bytes != cells.len() as u64 || !text.starts_with(&taken.tokens) {
            return Err(odd());
        }
        let order = vec![taken.order.0.clone(), taken.order.1.clone()];
        (record.engine, record.adapters) = (taken.engine, taken.adapters);
        (record.tokens, record.order) = (taken.tokens.clone(), taken.order);
        Ok(Some(Held::received(taken.tokens, order, cells)))
    }

    /// Puts the prefix of a session file into the worker's context, which reads the file itself.
    pub(super) fn put_back(
        &self,
        opened: &Opened,
        request: &Request,
        prompt: &[Token],
        interrupted: &dyn Fn() -> bool,
    ) -> Result<usize> {
        let prefix = prefix(&[], prompt, request);
        let file = wire::SessionFile {
            path: wire::PathBytes::new(&opened.path),
            checksum: opened.checksum.to_hex().to_string(),
        };
        let order = |id| Order::PutBack(id, Box::new(prefix), file);
        match self.ask(&request.adapters, order, &|| cancelled(interrupted))?.0 {
            Outcome::Put(n) => Ok(n as usize),
            _ => Err(odd()),
        }
    }

    /// Raises a signal in the worker, or makes llama.cpp assert there (0).
    #[cfg(feature = "test-hooks")]
    pub(super) fn provoke(&self, signal: i32) {
        self.shared.tell(|inbox| inbox.calls.push(Call::Provoke(signal)));
    }

    /// What the worker could do of what it must not, and of what it must: names and numbers of errors.
    #[cfg(feature = "test-hooks")]
    pub(super) fn probe(&self, inside: &std::path::Path, outside: &std::path::Path) -> Result<sandbox::Tried> {
        let grounds = sandbox::Grounds { inside: inside.to_owned(), outside: outside.to_owned() };
        match self.ask(&[], |id| Order::Probe(id, grounds), &|| None)?.0 {
            Outcome::Tried(tried) => Ok(tried),
            _ => Err(odd()),
        }
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn worker_id(&self) -> Option<u32> {
        Some(self.process.load(Ordering::Acquire)).filter(|id| *id != 0)
    }
}

fn prefix(text: &[Token], prompt: &[Token], request: &Request) -> wire::Prefix {
    wire::Prefix {
        text: text.to_vec(),
        prompt: prompt.to_vec(),
        adapters: numbers(&request.adapters),
        cache_key: request.cache_key.clone(),
        origin: request.origin.clone(),
    }
}

/// Adapters as the worker knows them.
fn numbers(adapters: &[(Adapter, f32)]) -> Vec<(u64, u32)> {
    adapters.iter().map(|(a, scale)| (a.identity().0, scale.to_bits())).collect()
}

fn cancelled(interrupted: &dyn Fn() -> bool) -> Option<Error> {
    interrupted().then(|| Error::new(Code::Cancelled, "the call was cancelled"))
}

fn odd() -> Error {
    Error::new(Code::EngineFault, "the engine's process gave an answer to another question")
}

/// Counters of two workers; the state is the first one's.
fn add(now: Stats, before: &Stats) -> Stats {
    Stats {
        evictions: now.evictions + before.evictions,
        preemptions: now.preemptions + before.preemptions,
        prompt_tokens: now.prompt_tokens + before.prompt_tokens,
        reused_tokens: now.reused_tokens + before.reused_tokens,
        disk_tokens: now.disk_tokens + before.disk_tokens,
        output_tokens: now.output_tokens + before.output_tokens,
        steps: now.steps + before.steps,
        longest_step_us: now.longest_step_us.max(before.longest_step_us),
        ..now
    }
}
