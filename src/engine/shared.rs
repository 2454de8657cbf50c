//! What the engine's handles, its streams and its thread share.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::crew::Most;
use super::exit;
use super::gather::Patience;
use super::isolated;
use super::layout::Layout;
use super::rest::Trim;
use super::sequence::Sequence;
use super::stats::Stats;
use super::stranded::Owner;
use super::stream::Channel;
use super::worker::{Running, Worker};
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;
use crate::log::{self, Level};
use crate::sync::{lock, until, wait};

/// Something that the engine's thread does between two steps.
pub(super) type Order = Box<dyn FnOnce(&mut Worker) -> Running<()> + Send>;

/// Work and orders for the engine's thread.
#[derive(Default)]
pub(super) struct Inbox {
    /// Requests that are ready to be computed.
    pub ready: Vec<Sequence>,
    pub orders: Vec<Order>,
    /// For the thread of an engine that runs in another process.
    pub calls: Vec<isolated::Call>,
    pub closing: bool,
    pub unpin: bool,
    /// Who waits for the thread to rest.
    pub pauses: Vec<Sender<()>>,
    pub trims: Vec<(Trim, Sender<()>)>,
    /// A cancel or a thread count arrived: look around.
    pub nudge: bool,
    #[cfg(feature = "test-hooks")]
    pub provoke_fault: bool,
    #[cfg(feature = "test-hooks")]
    pub provoke_stranding: bool,
}

pub(crate) struct Shared {
    inbox: Mutex<Inbox>,
    wake: Condvar,
    /// Somebody cancelled something.
    nudged: AtomicBool,
    /// Answers that were submitted and do not run yet.
    pub(super) queued: AtomicUsize,
    pub(super) stats: Mutex<Stats>,
    pub(super) threads: AtomicU32,
    pub(super) threads_batch: AtomicU32,
    /// The frame of a sequence's state, once it is known.
    pub(super) layout: OnceLock<Arc<Layout>>,
    /// Why nothing works any more.
    poison: Mutex<Option<Error>>,
    closing: AtomicBool,
    /// The thread computes nothing for now.
    paused: AtomicBool,
    /// Every stream that may still be read.
    channels: Mutex<Vec<Weak<Channel>>>,
    /// Whether the thread is through with its context.
    finished: Mutex<bool>,
    finish: Condvar,
}

impl Shared {
    pub(super) fn new(threads: u32, threads_batch: u32) -> Shared {
        Shared {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            nudged: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            stats: Mutex::default(),
            threads: AtomicU32::new(threads),
            threads_batch: AtomicU32::new(threads_batch),
            layout: OnceLock::new(),
            poison: Mutex::new(None),
            closing: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            channels: Mutex::default(),
            finished: Mutex::new(false),
            finish: Condvar::new(),
        }
    }

    /// Changes the inbox and wakes the thread.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Inbox)) {
        change(&mut lock(&self.inbox));
        self.wake.notify_all();
    }

    /// Gives the thread an order, unless it takes none any more. What it takes it carries out or drops.
    pub(super) fn order(&self, order: Order) -> Result<()> {
        let mut inbox = lock(&self.inbox);
        // Under the inbox's lock: whoever ends the thread says so first and then empties the inbox.
        self.check()?;
        inbox.orders.push(order);
        drop(inbox);
        self.wake.notify_all();
        Ok(())
    }

    /// Gives the thread sequences to compute. When it failed while they were prepared they end here.
    pub(super) fn hand_over(&self, sequences: Vec<Sequence>) {
        let refused = {
            let mut inbox = lock(&self.inbox);
            // Under the inbox's lock, as in `order`.
            match self.check() {
                Ok(()) => {
                    inbox.ready.extend(sequences);
                    None
                }
                Err(error) => Some((error, sequences)),
            }
        };
        self.wake.notify_all();
        let Some((error, sequences)) = refused else { return };
        self.queued.fetch_sub(sequences.len(), Ordering::AcqRel);
        self.with_stats(|s| {
            s.finished += sequences.len() as u64;
            s.failed += sequences.len() as u64;
        });
        sequences.into_iter().for_each(|s| s.finish(FinishReason::Error(error.clone())));
    }

    /// Wakes the thread to look at its sequences.
    pub(super) fn wake(&self) {
        self.tell(|inbox| inbox.nudge = true);
        self.nudged.store(true, Ordering::Release);
    }

    /// What arrived. An idle engine has patience: it waits until something does, and a moment for what comes with it.
    pub(super) fn take(&self, patience: Option<Patience>) -> Inbox {
        let mut inbox = lock(&self.inbox);
        if let Some(patience) = patience {
            inbox = self.wake.wait_while(inbox, |i| i.is_empty()).unwrap_or_else(|e| e.into_inner());
            let first = Instant::now();
            let (mut last, mut ready) = (first, inbox.ready.len());
            while !inbox.ready.is_empty() && !inbox.closing && !inbox.nudge {
                let preparing = inbox.ready.len() < self.queued.load(Ordering::Acquire);
                let Some(until) = patience.until(first, last, preparing) else { break };
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                (inbox, _) = self.wake.wait_timeout(inbox, left).unwrap_or_else(|e| e.into_inner());
                if inbox.ready.len() > ready {
                    (last, ready) = (Instant::now(), inbox.ready.len());
                }
            }
        }
        std::mem::take(&mut *inbox)
    }

    /// As [`Shared::take`] for a paused engine, which sleeps until something arrives, or for so long.
    pub(super) fn take_paused(&self, most: Option<Duration>) -> Inbox {
        let until = until(most);
        let mut inbox = lock(&self.inbox);
        while inbox.is_empty() {
            let in_time;
            (inbox, in_time) = wait(&self.wake, inbox, until);
            if !in_time {
                break;
            }
        }
        std::mem::take(&mut *inbox)
    }

    /// No step begins from now on; `rests` is told when none runs.
    pub(super) fn pause(&self, rests: Sender<()>) {
        self.tell(|inbox| {
            // Under the lock, so that whoever resumes last has the last word.
            self.paused.store(true, Ordering::Release);
            inbox.pauses.push(rests);
        });
    }

    pub(super) fn resume(&self) {
        self.tell(|inbox| {
            self.paused.store(false, Ordering::Release);
            inbox.nudge = true;
        });
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Ends what arrived during a step and was cancelled since. Costs nothing when nobody cancelled.
    pub(super) fn end_cancelled_arrivals(&self) {
        if !self.nudged.swap(false, Ordering::AcqRel) {
            return;
        }
        let ended: Vec<Sequence> = {
            let mut inbox = lock(&self.inbox);
            let (ended, ready) = inbox.ready.drain(..).partition(|s| s.interrupted().is_some());
            inbox.ready = ready;
            ended
        };
        self.queued.fetch_sub(ended.len(), Ordering::AcqRel);
        self.with_stats(|s| s.finished += ended.len() as u64);
        for sequence in ended {
            let reason = sequence.interrupted().unwrap_or(FinishReason::Cancelled);
            sequence.finish(reason);
        }
    }

    pub(super) fn register(&self, channel: &Arc<Channel>) -> Result<()> {
        let mut channels = lock(&self.channels);
        self.check()?;
        // Streams that are gone are swept when the list has doubled.
        if channels.len() >= 64 && channels.len().is_power_of_two() {
            channels.retain(|c| c.strong_count() > 0);
        }
        channels.push(Arc::downgrade(channel));
        Ok(())
    }

    /// An error when the engine takes no more requests.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(error) = lock(&self.poison).clone() {
            return Err(error);
        }
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::new(Code::Closed, "the engine is closed"));
        }
        Ok(())
    }

    /// Takes no more requests, wakes whoever reads, and lets the thread end. Waits for nothing.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.tell(|inbox| inbox.closing = true);
        self.close_channels();
    }

    pub(super) fn close_channels(&self) {
        // Recorders are told without a lock held.
        let channels: Vec<Weak<Channel>> = std::mem::take(&mut *lock(&self.channels));
        channels.iter().filter_map(Weak::upgrade).for_each(|c| c.engine_closed());
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(super) fn poison(&self, error: Error) {
        lock(&self.poison).get_or_insert(error);
    }

    pub(super) fn finished(&self) {
        *lock(&self.finished) = true;
        self.finish.notify_all();
    }

    /// Waits for the thread to be through; false when the time ran out.
    pub(super) fn wait_finished(&self, timeout: Option<Duration>) -> bool {
        let until = until(timeout);
        let mut finished = lock(&self.finished);
        while !*finished {
            let (next, in_time) = wait(&self.finish, finished, until);
            if !in_time {
                return false;
            }
            finished = next;
        }
        true
    }

    /// The most threads for a step, of one row and of more.
    pub(super) fn threads(&self) -> Most {
        (self.threads.load(Ordering::Relaxed), self.threads_batch.load(Ordering::Relaxed))
    }

    pub(super) fn with_stats<T>(&self, f: impl FnOnce(&mut Stats) -> T) -> T {
        f(&mut lock(&self.stats))
    }
}

impl Owner for Shared {
    fn stranded(&self, error: Error) {
        log::write(Level::Error, || format!("engine poisoned: {error}"));
        self.poison(error.clone());
        // As when the thread itself finds out, but for its own lists, which nobody can reach now.
        for sequence in self.take(None).ready {
            sequence.finish(FinishReason::Error(error.clone()));
        }
        let channels: Vec<Weak<Channel>> = std::mem::take(&mut *lock(&self.channels));
        channels.iter().filter_map(Weak::upgrade).for_each(|c| c.engine_failed(&error));
        self.finished();
    }
}

impl exit::Stop for Shared {
    fn close(&self) {
        Shared::close(self);
    }

    fn wait_finished(&self, timeout: Option<Duration>) -> bool {
        Shared::wait_finished(self, timeout)
    }
}

impl Inbox {
    fn is_empty(&self) -> bool {
        #[cfg(feature = "test-hooks")]
        if self.provoke_fault || self.provoke_stranding {
            return false;
        }
        let asked = self.closing || self.unpin || self.nudge || !self.pauses.is_empty() || !self.trims.is_empty();
        self.ready.is_empty() && self.orders.is_empty() && self.calls.is_empty() && !asked
    }
}
