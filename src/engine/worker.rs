//! The engine's thread: it alone touches the context. Each step takes the next token of every running sequence, and
//! as much of the waiting prompts as fits.

mod cells;
mod clean;
mod rest;

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bigstack;
use super::crew::Crew;
use super::gather::Gather;
use super::guard::Fault;
use super::layout::Layout;
use super::native::{Batch, Context, DecodeError};
use super::options::Resolved;
use super::pace::Pace;
use super::sampler::{self, Scratch};
use super::sequence::{Around, Sequence, Step};
use super::shared::Shared;
use super::slots::{common, Match, Slots, Use};
use super::watch::Watch;
use crate::adapter::AdapterSet;
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;
use crate::log::{self, Level};
use crate::model::{Model, Token};

/// A prompt waits for another that is being evaluated, when at least so many more tokens can then be shared.
const WORTH_WAITING: usize = 32;

/// Steps with fewer rows are not watched for an abort.
const WORTH_ABORTING: usize = 16;

/// A running stream with more tokens to evaluate than this has been set back (preempted, or shifted), and catches up
/// within the step's budget as a prompt does.
const CATCHING_UP: usize = 32;

/// Why the engine cannot go on.
pub(super) enum Stop {
    Closed,
    Poisoned(Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Poisoned(fault.into())
    }
}

pub(super) type Running<T> = std::result::Result<T, Stop>;

pub(super) struct Worker {
    shared: Arc<Shared>,
    model: Model,
    options: Resolved,
    context: Context,
    watch: Arc<Watch>,
    slots: Slots,
    waiting: Vec<Sequence>,
    active: Vec<Sequence>,
    enders: Vec<Token>,
    batch: Batch,
    scratch: Scratch,
    pace: Pace,
    gather: Gather,
    crew: Crew,
    /// The adapters that the context has set; held, since it points to them.
    adapters: Arc<AdapterSet>,
    /// Counts steps.
    steps: u64,
    /// Sequences that wrote into the context's memory since all of it was zero.
    writers: usize,
    /// The frame of its sequences' states, once it was asked for; `None` in it when there is no saving them.
    layout: Option<Option<Arc<Layout>>>,
}

pub(crate) use cells::Held;

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        model: Model,
        options: Resolved,
        context: Context,
        watch: Arc<Watch>,
    ) -> Worker {
        let cells = options.kv_tokens;
        shared.with_stats(|s| {
            s.kv_tokens_total = u64::from(cells);
            (s.threads, s.threads_batch) = (options.threads, options.threads_batch);
            (s.threads_used, s.threads_batch_used) = (options.threads, options.threads_batch);
        });
        Worker {
            slots: Slots::new(options.slots, cells, options.can_cut),
            enders: model.0.vocabulary.enders().collect(),
            gather: Gather::default(),
            pace: Pace::new(Duration::from_millis(u64::from(options.options.max_step_ms))),
            crew: Crew::new((options.threads, options.threads_batch), options.adapts()),
            shared,
            model,
            options,
            context,
            watch,
            waiting: Vec::new(),
            active: Vec::new(),
            adapters: Arc::default(),
            steps: 0,
            writers: 0,
            layout: None,
            batch: Batch::default(),
            scratch: Scratch::default(),
        }
    }

    /// Runs until the engine is closed or poisoned.
    pub(super) fn run(mut self) {
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| loop {
            if let Err(stop) = self.turn() {
                return stop;
            }
        }));
        let stop = end.unwrap_or_else(|panic| Stop::Poisoned(bigstack::panicked(&*panic)));
        let Stop::Poisoned(error) = stop else {
            // Readers were woken by `close`; what waits or runs is simply dropped.
            let shared = Arc::clone(&self.shared);
            // The model too, which may be the last of it: `exit()` waits until nothing of a GPU is held.
            drop(self);
            rest::give_back_to_system();
            // Whoever waits for an order is told by this.
            drop(shared.take(None));
            log::write(Level::Info, || "engine closed".into());
            shared.finished();
            return;
        };
        log::write(Level::Error, || format!("engine poisoned: {error}"));
        self.shared.poison(error.clone());
        let late = self.shared.take(None).ready;
        for sequence in self.active.drain(..).chain(self.waiting.drain(..)).chain(late) {
            sequence.finish(FinishReason::Error(error.clone()));
        }
        self.publish();
        // The context's state is unknown, so it is leaked, and so is this thread: after an exception inside an OpenMP
        // region it would hang in its own exit.
        std::mem::forget(self.context);
        std::mem::forget(self.model.clone());
        self.shared.finished();
        loop {
            std::thread::park();
        }
    }

    fn turn(&mut self) -> Running<()> {
        let inbox = match self.shared.is_paused() {
            true => self.shared.take_paused(self.sleep()),
            false => {
                let idle = self.active.is_empty() && self.waiting.is_empty();
                let inbox = self.shared.take(idle.then(|| self.gather.patience()));
                self.gather.came(idle, inbox.ready.len());
                inbox
            }
        };
        if inbox.closing {
            return Err(Stop::Closed);
        }
        // First of all: what is in none of the worker's lists is told nothing when something fails below.
        for sequence in inbox.ready {
            self.enqueue(sequence);
        }
        #[cfg(feature = "test-hooks")]
        if inbox.provoke_fault {
            self.provoke_fault()?;
        }
        #[cfg(feature = "test-hooks")]
        if inbox.provoke_stranding {
            self.context.strand()?;
        }
        if inbox.unpin {
            self.slots.unpin_all();
        }
        for order in inbox.orders {
            order(self)?;
        }
        self.end_interrupted()?;
        for (level, done) in inbox.trims {
            self.trim(level)?;
            self.publish();
            // Whoever asked may be gone.
            let _ = done.send(());
        }
        let paused = self.shared.is_paused();
        if paused {
            self.publish();
        }
        for rests in inbox.pauses {
            let _ = rests.send(());
        }
        if paused {
            return Ok(());
        }
        self.regain_for_waiting()?;
        self.admit()?;
        self.choose_adapters()?;
        self.fill_batch();
        if !self.batch.is_empty() {
            self.step()?;
        }
        self.publish();
        Ok(())
    }

    fn enqueue(&mut self, sequence: Sequence) {
        let rank = |s: &Sequence| (std::cmp::Reverse(s.request.priority), s.order);
        let at = self.waiting.partition_point(|s| rank(s) <= rank(&sequence));
        self.waiting.insert(at, sequence);
    }

    /// Ends what was cancelled or is too late, running or waiting.
    fn end_interrupted(&mut self) -> Running<()> {
        for i in (0..self.active.len()).rev() {
            if let Some(reason) = self.active[i].interrupted() {
                let sequence = self.active.swap_remove(i);
                self.end(sequence, reason)?;
            }
        }
        for i in (0..self.waiting.len()).rev() {
            if let Some(reason) = self.waiting[i].interrupted() {
                let sequence = self.waiting.remove(i);
                self.leave_queue(&sequence);
                self.count_end(&reason);
                sequence.finish(reason);
            }
        }
        Ok(())
    }

    /// A preempted sequence was counted out of the queue when it first ran.
    fn leave_queue(&self, sequence: &Sequence) {
        if sequence.preemptions == 0 {
            self.shared.queued.fetch_sub(1, Ordering::AcqRel);
            sequence.channel.record_begin();
        }
    }

    fn count_end(&self, reason: &FinishReason) {
        self.shared.with_stats(|s| {
            s.finished += 1;
            s.failed += u64::from(matches!(reason, FinishReason::Error(_)));
        });
    }

    /// Ends a running sequence; its evaluated tokens become a cached prefix.
    fn end(&mut self, sequence: Sequence, reason: FinishReason) -> Running<()> {
        self.count_end(&reason);
        if let Some(slot) = sequence.slot {
            let keep = self.options.options.prefix_cache
                && !self.options.options.deterministic
                && !matches!(reason, FinishReason::Error(_))
                && !self.slots.is_shifted(slot)
                && self.slots.len(slot) > 0;
            if keep {
                for needless in self.slots.cache(slot, sequence.pin) {
                    self.drop_slot(needless)?;
                }
            } else {
                self.drop_slot(slot)?;
            }
        }
        sequence.finish(reason);
        Ok(())
    }

    fn drop_slot(&mut self, slot: usize) -> Running<()> {
        self.context.remove(slot as i32, 0)?;
        self.slots.clear(slot);
        Ok(())
    }

    fn evict(&mut self, but: Option<usize>) -> Running<bool> {
        let Some(slot) = self.slots.oldest_cached(but) else { return Ok(false) };
        self.drop_slot(slot)?;
        self.shared.with_stats(|s| s.evictions += 1);
        Ok(true)
    }

    // ---- admission ----

    fn admit(&mut self) -> Running<()> {
        let mut i = 0;
        while i < self.waiting.len() && self.active.len() < self.options.max_sequences as usize {
            if !self.may_join(i)? {
                return Ok(());
            }
            if self.should_wait(&self.waiting[i]) {
                i += 1;
                continue;
            }
            match self.place(i)? {
                Some((slot, reused)) => self.begin(i, slot, reused)?,
                // No room: those behind it wait too, so that a big request is not starved by small ones.
                None if !self.active.is_empty() => return Ok(()),
                None => {
                    let sequence = self.waiting.remove(i);
                    self.leave_queue(&sequence);
                    let reason = FinishReason::Error(self.no_room(&sequence));
                    self.count_end(&reason);
                    sequence.finish(reason);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, i: usize, slot: usize, reused: usize) -> Running<()> {
        let mut sequence = self.waiting.remove(i);
        self.leave_queue(&sequence);
        self.writers += 1;
        self.slots.start(slot, &sequence.key);
        self.shared.with_stats(|s| s.reused_tokens += reused as u64);
        match sequence.admitted(&self.model, slot, reused, self.options.n_ctx) {
            Ok(()) => self.active.push(sequence),
            Err(error) => self.end(sequence, FinishReason::Error(error))?,
        }
        Ok(())
    }

    fn no_room(&self, sequence: &Sequence) -> Error {
        let pinned = if self.slots.has_pinned() { "; pinned prefixes hold a part of them" } else { "" };
        Error::new(
            Code::ContextFull,
            format!(
                "the prompt has {} tokens and the KV cache holds {}{pinned}",
                sequence.tokens.len(),
                self.options.kv_tokens
            ),
        )
    }

    /// Whether a running sequence is evaluating a prefix that this one could soon share.
    fn should_wait(&self, sequence: &Sequence) -> bool {
        if !self.options.options.unified_kv || !self.options.options.prefix_cache || !self.options.can_cut {
            return false;
        }
        let have = self.slots.longest_match(&sequence.tokens, &sequence.key, false).map_or(0, |m| m.tokens);
        let most = sequence.tokens.len() - 1;
        self.active.iter().any(|a| {
            let done = a.slot.map_or(0, |s| self.slots.len(s));
            let soon = common(a.prompt(), &sequence.tokens).min(most);
            a.key == sequence.key && !a.is_decoding() && done < soon && soon >= have + WORTH_WAITING
        })
    }

    /// Finds a slot with as much of the prompt in it as there is, and room for the rest.
    fn place(&mut self, i: usize) -> Running<Option<(usize, usize)>> {
        let unified = self.options.options.unified_kv;
        let reuse = self.options.options.prefix_cache && !self.options.options.deterministic;
        let waiting = &self.waiting[i];
        let found = reuse.then(|| self.slots.longest_match(&waiting.tokens, &waiting.key, !unified)).flatten();
        let total = waiting.tokens.len();
        let reused = found.map_or(0, |m| m.tokens);
        let source = found.map(|m| m.slot);
        let promised = self.promised();
        while unified && self.slots.free_cells() < promised + (total - reused) + 1 {
            if !self.evict(source)? {
                // The last resort is the prefix itself: its other cells may be what is missing.
                let alone = self.active.is_empty();
                return match found {
                    Some(m)
                        if alone
                            && self.slots.get(m.slot).used != Use::Active
                            && !self.slots.get(m.slot).pinned =>
                    {
                        self.take_over(m).map(Some)
                    }
                    _ => Ok(None),
                };
            }
        }
        match found {
            Some(m) => self.reuse(m),
            None => self.empty_slot(None).map(|slot| slot.map(|s| (s, 0))),
        }
    }

    /// Room that running prompts will still take is spoken for.
    fn promised(&self) -> usize {
        self.active.iter().map(|a| a.tokens.len() - a.slot.map_or(0, |s| self.slots.len(s))).sum()
    }

    fn empty_slot(&mut self, but: Option<usize>) -> Running<Option<usize>> {
        if let Some(slot) = self.slots.find_free() {
            return Ok(Some(slot));
        }
        self.evict(but)?;
        Ok(self.slots.find_free())
    }

    fn reuse(&mut self, m: Match) -> Running<Option<(usize, usize)>> {
        let source = self.slots.get(m.slot);
        let idle = source.used != Use::Active;
        let whole = m.tokens == self.slots.len(m.slot);
        let unified = self.options.options.unified_kv;
        let free = idle && !source.pinned;
        // A conversation that goes on takes its old slot; a prefix that others may want is shared. Where memory cannot
        // be cut, every prefix is one that others may want.
        if free && ((whole && self.options.can_cut) || !unified) {
            return self.take_over(m).map(Some);
        }
        if !unified {
            return self.empty_slot(None).map(|slot| slot.map(|s| (s, 0)));
        }
        let Some(slot) = self.empty_slot(Some(m.slot))? else {
            return if free { self.take_over(m).map(Some) } else { Ok(None) };
        };
        let until = if self.options.can_cut { Some(m.tokens as u32) } else { None };
        self.context.share(m.slot as i32, slot as i32, until)?;
        self.slots.share(m.slot, slot, m.tokens);
        if idle {
            self.slots.touch(m.slot);
        }
        Ok(Some((slot, m.tokens)))
    }

    fn take_over(&mut self, m: Match) -> Running<(usize, usize)> {
        let kept = if m.tokens == self.slots.len(m.slot) { m.tokens } else { self.cut(m.slot, m.tokens)? };
        Ok((m.slot, kept))
    }

    /// Keeps the first tokens of a slot, or nothing where its memory cannot be cut. Returns what is left.
    fn cut(&mut self, slot: usize, tokens: usize) -> Running<usize> {
        let can = tokens > 0 && self.slots.holds(slot, tokens);
        let kept = if can && self.context.remove(slot as i32, tokens as u32)? {
            tokens
        } else {
            self.context.remove(slot as i32, 0)?;
            0
        };
        self.slots.truncate(slot, kept);
        Ok(kept)
    }

    // ---- one step ----

    /// A step computes the sequences of one set of adapters: of that which has waited longest.
    fn choose_adapters(&mut self) -> Running<()> {
        let next = self.active.iter().min_by_key(|s| (s.stepped, s.order));
        // When nothing runs none are held, so that adapters can go.
        let set = next.map_or_else(Arc::default, |s| Arc::clone(s.adaptation.at(self.done(s))));
        if set.key() == self.adapters.key() {
            return Ok(());
        }
        self.context.set_loras(set.loras())?;
        let (old, new) = (self.adapters.control_vector(), set.control_vector());
        if old != new && !self.context.set_control_vector(new.as_deref())? {
            return Err(Stop::Poisoned(Error::new(
                Code::OutOfMemory,
                "the engine could not allocate memory for a control vector",
            )));
        }
        self.adapters = set;
        Ok(())
    }

    /// Tokens of a sequence that are evaluated.
    fn done(&self, sequence: &Sequence) -> usize {
        sequence.slot.map_or(0, |s| self.slots.len(s))
    }

    fn fill_batch(&mut self) {
        self.batch.clear();
        self.steps += 1;
        let adapters = self.adapters.key();
        for sequence in &mut self.active {
            sequence.in_step = 0;
            sequence.row = None;
            let left = sequence.tokens.len() - sequence.slot.map_or(0, |s| self.slots.len(s));
            sequence.urgent = sequence.is_decoding() && left <= CATCHING_UP;
            sequence.takes_part = sequence.adaptation.at(sequence.tokens.len() - left).key() == adapters;
            if sequence.takes_part {
                sequence.stepped = self.steps;
            }
        }
        let decoding = self.active.iter().filter(|s| s.takes_part && s.urgent).count();
        let most = self.options.options.n_batch as usize;
        // Prompts alone go in full batches, which cost less a token; beside running streams a step keeps to the budget.
        let mut room = most.saturating_sub(decoding);
        if self.active.iter().any(Sequence::is_decoding) {
            room = room.min(self.pace.prompt_tokens(decoding));
        }
        let burst = self.is_burst(most);
        for pass in [true, false] {
            for sequence in self.active.iter_mut().filter(|s| s.takes_part && s.urgent == pass) {
                let Some(slot) = sequence.slot else { continue };
                let done = self.slots.len(slot);
                let left = sequence.tokens.len() - done;
                // Each that decodes has its one row; what a constraint forced behind it takes room as prompts do.
                let own = usize::from(pass).min(left);
                let n = (own + room.min(left - own)).min(most - self.batch.len());
                let holds = burst && n == left;
                sequence.held |= holds;
                let n = n - usize::from(holds);
                let n = n.min(sequence.until_checkpoint(done)).min(sequence.adaptation.until_change(done));
                for (i, token) in sequence.tokens[done..done + n].iter().enumerate() {
                    let last = i + 1 == left;
                    let row = self.batch.push(*token, (done + i) as u32, slot as i32, last);
                    if last {
                        sequence.row = Some(row);
                    }
                }
                sequence.in_step = n;
                room -= n.saturating_sub(own);
            }
        }
    }

    /// Whether prompts that came together need two batches: then none begins to answer before all of them can. Beside
    /// those that do, the others would be evaluated a few tokens a step, and end long behind them. Each prompt is held
    /// back once, so that none waits for ever for those that keep coming.
    fn is_burst(&self, most: usize) -> bool {
        let (mut left, mut held) = (0, 0);
        for sequence in self.active.iter().filter(|s| s.takes_part) {
            if sequence.is_decoding() || sequence.held {
                return false;
            }
            // One more for what the first batch holds back.
            (left, held) = (left + sequence.tokens.len() - self.done(sequence), held + 1);
        }
        left > most && left + held <= 2 * most
    }

    fn step(&mut self) -> Running<()> {
        // llama.cpp tells by itself when it is full, but not for recurrent states, which have no cells.
        if self.batch.len() > self.slots.free_cells() {
            return self.make_room();
        }
        let rows = self.batch.len();
        self.crew.begin(&mut self.context, rows, self.shared.threads())?;
        let began = Instant::now();
        // Steps of a few rows are over before anyone could tell.
        if self.batch.len() > WORTH_ABORTING {
            self.watch.set(self.active.iter().chain(&self.waiting));
        }
        let result = self.context.decode(&self.batch);
        self.watch.clear();
        match result {
            Ok(()) => {}
            Err(DecodeError::Full) => return self.make_room(),
            Err(DecodeError::Aborted) => return self.roll_back(),
            Err(DecodeError::Refused(why)) => return Err(Stop::Poisoned(why)),
            Err(DecodeError::Fault(fault)) => return Err(fault.into()),
        }
        let took = began.elapsed();
        self.crew.end(rows, self.slots.used_cells(), took);
        let decoding = self.active.iter().filter(|s| s.urgent && s.in_step > 0).count();
        let prompt = self.batch.len() - self.active.iter().filter(|s| s.urgent).map(|s| s.in_step).sum::<usize>();
        self.pace.learn(took, decoding, self.batch.len() - decoding);
        self.commit();
        self.take_checkpoints()?;
        self.keep_prefixes()?;
        let output = self.sample()?;
        self.shared.with_stats(|s| s.step(took.as_micros() as u64, prompt, output));
        Ok(())
    }

    /// The step's tokens are in the cache now.
    fn commit(&mut self) {
        for sequence in self.active.iter().filter(|s| s.in_step > 0) {
            if let Some(slot) = sequence.slot {
                let done = self.slots.len(slot);
                self.slots.append(slot, &sequence.tokens[done..done + sequence.in_step]);
            }
        }
    }

    /// Keeps what a prompt came to at its turns, where memory cannot be cut back to them later.
    fn take_checkpoints(&mut self) -> Running<()> {
        for i in 0..self.active.len() {
            let Some(slot) = self.active[i].slot else { continue };
            if self.active[i].in_step == 0 || !self.active[i].is_checkpoint(self.slots.len(slot)) {
                continue;
            }
            if let Some(twin) = self.slots.twin(slot) {
                self.slots.touch(twin);
            } else if let Some(to) = self.empty_slot(None)? {
                self.context.share(slot as i32, to as i32, None)?;
                self.slots.checkpoint(slot, to);
            }
        }
        Ok(())
    }

    /// Takes a token for each sequence that is due; returns how many.
    fn sample(&mut self) -> Running<usize> {
        let (mut taken, mut broken) = (0, false);
        for i in (0..self.active.len()).rev() {
            let sequence = &mut self.active[i];
            let Some(row) = sequence.row else { continue };
            let logits = self.context.logits(row)?;
            let before = sequence.generated();
            let mut around = Around {
                model: &self.model,
                enders: &self.enders,
                scratch: &mut self.scratch,
                n_ctx: self.options.n_ctx,
            };
            let step = sequence.sample(logits, &mut around);
            if step.as_ref().is_err_and(sampler::is_broken) {
                broken = true;
                // Alone in a memory that was clean it is to blame itself.
                if self.writers > 1 {
                    sequence.suspect = true;
                    continue;
                }
            }
            sequence.suspect = false;
            // An end token counts as one; who only wants its prompt evaluated takes none.
            let least = u32::from(sequence.request.max_tokens != Some(0));
            taken += (sequence.generated() - before).max(least) as usize;
            let reason = match step {
                Ok(Step::Continue) => continue,
                Ok(Step::Shift) => match self.shift(i)? {
                    true => continue,
                    false => FinishReason::Length,
                },
                Ok(Step::Finish(reason)) => reason,
                Err(error) => FinishReason::Error(error),
            };
            let sequence = self.active.swap_remove(i);
            self.end(sequence, reason)?;
        }
        if broken {
            self.begin_anew()?;
        }
        Ok(taken)
    }

    /// Drops the oldest tokens of a sequence whose context is full; false when there are too few to drop. Cells that
    /// others share cannot be moved: then, and where the memory cannot shift, what is left is evaluated again.
    fn shift(&mut self, i: usize) -> Running<bool> {
        let sequence = &mut self.active[i];
        let (Some(slot), Some(dropped)) = (sequence.slot, sequence.droppable(self.model.bos())) else {
            return Ok(false);
        };
        let (from, to) = (dropped.start, dropped.end);
        sequence.shift(dropped);
        // A recurrent state says that it shifted, and remembers what was dropped; with sliding windows llama.cpp asserts
        // where every layer has one.
        let one_cache = self.options.can_cut && self.model.0.native.facts.n_swa == 0;
        let movable = one_cache && !self.slots.shares(slot, to);
        if movable && self.context.shift(slot as i32, from as u32, to as u32)? {
            self.slots.shift(slot, from, to);
        } else {
            self.cut(slot, from)?;
        }
        Ok(true)
    }

    /// Every sequence of the step was cancelled: forgets the part of it that was evaluated.
    fn roll_back(&mut self) -> Running<()> {
        for i in 0..self.active.len() {
            if let (Some(slot), true) = (self.active[i].slot, self.active[i].in_step > 0) {
                let done = self.slots.len(slot);
                self.cut(slot, done)?;
            }
        }
        self.end_interrupted()
    }

    /// The pool is full: drops a cached prefix, else puts the youngest sequence back into the queue.
    fn make_room(&mut self) -> Running<()> {
        if self.evict(None)? {
            return Ok(());
        }
        let youngest = |s: &&Sequence| (std::cmp::Reverse(s.request.priority), s.order);
        if self.active.len() > 1 {
            let order = self.active.iter().max_by_key(youngest).map(|s| s.order);
            // All answers of one submit share an order: any of them will do.
            if let Some(i) = self.active.iter().rposition(|s| Some(s.order) == order) {
                self.preempt(i)?;
                return Ok(());
            }
        }
        if let Some(sequence) = self.active.pop() {
            let reason = match sequence.is_decoding() {
                true => FinishReason::Length,
                false => FinishReason::Error(self.no_room(&sequence)),
            };
            self.end(sequence, reason)?;
        }
        Ok(())
    }

    /// Puts a running sequence back into the queue. What it came to is computed again.
    fn preempt(&mut self, i: usize) -> Running<()> {
        let mut sequence = self.active.swap_remove(i);
        if let Some(slot) = sequence.slot.take() {
            self.drop_slot(slot)?;
        }
        sequence.preemptions += 1;
        self.shared.with_stats(|s| s.preemptions += 1);
        self.enqueue(sequence);
        Ok(())
    }

    /// Puts the state where statistics are read.
    fn publish(&self) {
        let queued = self.shared.queued.load(Ordering::Acquire) as u32;
        let (most, used) = (self.shared.threads(), self.crew.set());
        self.shared.with_stats(|s| {
            s.active = self.active.len() as u32;
            s.queued = queued;
            s.kv_tokens_used = self.slots.used_cells() as u64;
            s.cached_tokens = self.slots.cached_tokens() as u64;
            (s.threads, s.threads_batch) = most;
            (s.threads_used, s.threads_batch_used) = (used.0.min(most.0), used.1.min(most.1));
        });
    }

    /// A batch above `n_batch`, which llama.cpp asserts on.
    #[cfg(feature = "test-hooks")]
    fn provoke_fault(&mut self) -> Running<()> {
        self.batch.clear();
        self.context.remove(0, 0)?;
        for i in 0..=self.options.options.n_batch {
            self.batch.push(0, i, 0, false);
        }
        self.crew.begin(&mut self.context, self.batch.len(), self.shared.threads())?;
        match self.context.decode(&self.batch) {
            Err(DecodeError::Fault(fault)) => Err(fault.into()),
            other => Err(Stop::Poisoned(Error::new(Code::Panic, format!("no fault was provoked: {other:?}")))),
        }
    }
}

/// An error for a prompt that can never fit one sequence.
pub(super) fn check_length(tokens: usize, options: &Resolved) -> Result<()> {
    if tokens > options.n_ctx as usize {
        return Err(Error::new(
            Code::ContextFull,
            format!("the prompt has {tokens} tokens and n_ctx is {}: shorten it or raise n_ctx", options.n_ctx),
        ));
    }
    Ok(())
}
