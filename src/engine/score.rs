//! The scorer's thread: a text is evaluated once, what may follow it shares its cells, and every token that is wanted
//! gets its log-probability.
//!
//! A step is one micro-batch of rows of any group. The rows of a group's branches come in steps behind its last stem
//! row, since only then there are cells to share; this suits models whose memory cannot be cut, too.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::guard::ContextParams;
use super::jobs::{self, Input, Job, Limits, Shared};
use super::native::{Batch, Context, DecodeError};
use super::softmax::log_sum_exp;
use super::{bigstack, exit, sampler};
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};

/// What the thread needs to know; checked by `ScorerOptions`.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Tokens that the KV cache holds: at least one group's longest sequence.
    pub cells: u32,
    /// Rows of a step.
    pub batch: u32,
    /// Rows of a step whose logits are wanted, each of a vocabulary's width.
    pub outputs: u32,
    /// Two or more.
    pub max_sequences: u32,
    pub threads: u32,
    /// Whether fewer are used where that is faster.
    pub adapts: bool,
}

/// A text, and what may follow it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub stem: Vec<Token>,
    /// The stem's tokens from here on are scored; 1 or more, since the first has nothing before it.
    pub scored_from: usize,
    /// Each is scored as a whole.
    pub branches: Vec<Vec<Token>>,
}

impl Group {
    /// Log-probabilities that come of it: those of the stem, then of each branch.
    pub(crate) fn numbers(&self) -> usize {
        self.stem.len().saturating_sub(self.scored_from) + self.branches.iter().map(Vec::len).sum::<usize>()
    }

    /// Rows of the stem. The last token of a sequence predicts nothing that is wanted.
    fn stem_rows(&self) -> usize {
        self.stem.len() - usize::from(self.branches.is_empty())
    }

    fn longest_branch(&self) -> usize {
        self.branches.iter().map(|b| b.len().saturating_sub(1)).max().unwrap_or(0)
    }
}

struct Item {
    job: Arc<Job>,
    group: Group,
    /// Where its numbers go.
    place: usize,
}

impl Input for Item {
    fn job(&self) -> &Arc<Job> {
        &self.job
    }
}

/// The caller's side: dropping it ends the thread.
pub(crate) struct Scoring {
    shared: Arc<Shared<Item>>,
}

impl Drop for Scoring {
    fn drop(&mut self) {
        exit::Stop::close(&*self.shared);
    }
}

impl Scoring {
    /// Makes the context and starts the thread.
    pub(crate) fn start(model: &Model, setup: &Setup) -> Result<Scoring> {
        let shared = Shared::new("scorer", "scoring");
        let data = shared.abort_data() as usize;
        let mut context = bigstack::run(|| new_context(model, setup, data as *mut c_void))?;
        context.belongs_to(shared.owner());
        shared.start(Worker {
            shared: Arc::clone(&shared),
            context,
            step: Step::default(),
            active: Vec::new(),
            lanes: (0..setup.max_sequences as i32).rev().collect(),
            free: setup.cells as usize,
            crew: Crew::new((setup.threads, setup.threads), setup.adapts),
            setup: setup.clone(),
        })?;
        Ok(Scoring { shared })
    }

    /// Scores the groups and waits: their log-probabilities, one group after the other.
    pub(crate) fn compute(&self, groups: Vec<Group>, limits: Limits<'_>) -> Result<Vec<f32>> {
        let (count, size) = (groups.len(), groups.iter().map(Group::numbers).sum());
        self.shared.compute(count, size, limits, |job| {
            let mut next = 0;
            let item = |group: Group| {
                let place = next;
                next += group.numbers();
                Item { job: Arc::clone(job), group, place }
            };
            groups.into_iter().map(item).collect()
        })
    }

    /// Takes no more calls, ends those that wait, and waits for the thread; false when the time ran out first.
    pub(crate) fn close(&self, timeout: Option<Duration>) -> bool {
        exit::Stop::close(&*self.shared);
        exit::Stop::wait_finished(&*self.shared, timeout)
    }
}

fn new_context(model: &Model, setup: &Setup, abort_data: *mut c_void) -> Result<Context> {
    // llama.cpp plans its memory with equally many rows a sequence.
    let n_batch = setup.batch.next_multiple_of(setup.max_sequences);
    let params = ContextParams {
        n_ctx: setup.cells.max(n_batch),
        n_batch,
        n_ubatch: n_batch,
        n_seq_max: setup.max_sequences,
        n_outputs_max: setup.outputs,
        n_threads: setup.threads as i32,
        n_threads_batch: setup.threads as i32,
        flash_attn: -1,
        // F16.
        type_k: 1,
        type_v: 1,
        kv_unified: true,
        offload_kqv: true,
        swa_full: true,
        embeddings: false,
        dry: false,
        pooling: -1,
        abort: Some(jobs::on_abort_asked::<Item>),
        abort_data,
    };
    Context::new(&model.0.native, &params)
}

/// A group that is worked on.
struct Active {
    item: Item,
    seq: i32,
    /// Rows of the stem that are in the cache, those of the step included.
    fed: usize,
    /// The next branch to begin.
    next: usize,
    branches: Vec<Branch>,
    /// A sequence, with cells for the longest branch, that is kept for one branch at a time.
    own: Option<i32>,
}

/// A branch that is worked on.
struct Branch {
    index: usize,
    /// Where its numbers go.
    place: usize,
    seq: i32,
    fed: usize,
    /// It has the group's own sequence and cells.
    own: bool,
}

/// A token whose log-probability a row gives, and where that goes.
struct Want {
    row: usize,
    active: usize,
    token: Token,
    place: usize,
}

/// The rows of one micro-batch.
#[derive(Default)]
struct Step {
    batch: Batch,
    wants: Vec<Want>,
    outputs: usize,
}

impl Step {
    /// Adds a row; false when there is no room for it.
    fn push(&mut self, setup: &Setup, row: Row, wanted: &[(Token, usize)]) -> bool {
        let output = usize::from(!wanted.is_empty());
        if self.batch.len() == setup.batch as usize || self.outputs + output > setup.outputs as usize {
            return false;
        }
        let index = self.batch.push(row.token, row.pos as u32, row.seq, output > 0);
        self.outputs += output;
        let want = |(token, place): &(Token, usize)| Want {
            row: index,
            active: row.active,
            token: *token,
            place: *place,
        };
        self.wants.extend(wanted.iter().map(want));
        true
    }
}

struct Row {
    active: usize,
    token: Token,
    pos: usize,
    seq: i32,
}

impl Active {
    /// Adds as many of its rows as there is room for.
    fn fill(&mut self, active: usize, setup: &Setup, step: &mut Step) {
        let Item { group, place, .. } = &self.item;
        let stem = &group.stem;
        // Branches wait for a step of their own, behind the stem's last row.
        let whole = self.fed == group.stem_rows();
        while self.fed < group.stem_rows() {
            let after = self.fed + 1;
            let wanted = match stem.get(after) {
                Some(token) if after >= group.scored_from => vec![(*token, place + after - group.scored_from)],
                Some(_) => Vec::new(),
                None => self.first_tokens(),
            };
            let row = Row { active, token: stem[self.fed], pos: self.fed, seq: self.seq };
            if !step.push(setup, row, &wanted) {
                return;
            }
            self.fed = after;
        }
        for branch in self.branches.iter_mut().filter(|_| whole) {
            let tokens = &group.branches[branch.index];
            while branch.fed + 1 < tokens.len() {
                let row = Row { active, token: tokens[branch.fed], pos: stem.len() + branch.fed, seq: branch.seq };
                let next = branch.fed + 1;
                if !step.push(setup, row, &[(tokens[next], branch.place + next)]) {
                    return;
                }
                branch.fed = next;
            }
        }
    }

    /// Where the numbers of a branch go.
    fn place_of(&self, index: usize) -> usize {
        let Item { group, place, .. } = &self.item;
        let stem = group.stem.len().saturating_sub(group.scored_from);
        place + stem + group.branches[..index].iter().map(Vec::len).sum::<usize>()
    }

    /// The first token of each branch: the stem's last row gives them all.
    fn first_tokens(&self) -> Vec<(Token, usize)> {
        let branches = self.item.group.branches.iter().enumerate();
        branches.filter_map(|(i, b)| Some((*b.first()?, self.place_of(i)))).collect()
    }
}

struct Worker {
    shared: Arc<Shared<Item>>,
    context: Context,
    setup: Setup,
    crew: Crew,
    step: Step,
    /// The oldest first.
    active: Vec<Active>,
    /// Sequences of the context that nobody has.
    lanes: Vec<i32>,
    /// Cells that nobody has or was promised.
    free: usize,
}

impl jobs::Worker for Worker {
    fn step(&mut self) -> Result<bool> {
        self.forget_over()?;
        if !self.admit() {
            return Ok(false);
        }
        self.step.batch.clear();
        self.step.wants.clear();
        self.step.outputs = 0;
        for (i, active) in self.active.iter_mut().enumerate() {
            active.fill(i, &self.setup, &mut self.step);
        }
        let rows = self.step.batch.len();
        self.crew.begin(&mut self.context, rows, (self.setup.threads, self.setup.threads))?;
        let began = Instant::now();
        match self.context.decode(&self.step.batch) {
            Ok(()) => {
                self.crew.end(rows, self.setup.cells as usize - self.free, began.elapsed());
                self.deliver()?;
            }
            // All its calls are over.
            Err(DecodeError::Aborted) => {}
            Err(DecodeError::Fault(fault)) => return Err(fault.into()),
            Err(DecodeError::Full) => {
                self.refuse(&Error::new(Code::EngineFault, "the engine has no room for the text"));
            }
            Err(DecodeError::Refused(why)) => self.refuse(&why),
        }
        // The calls stay in the list of those that run until the next step: `close` must find them in between.
        self.forget_over()?;
        self.advance()?;
        Ok(true)
    }
}

impl Worker {
    /// Takes what waits, as far as there is room; waits itself when there is nothing to do. False when all should end.
    fn admit(&mut self) -> bool {
        let Worker { shared, active, lanes, free, .. } = self;
        let admitted = shared.next(|queue| {
            take(queue, active, lanes, free);
            let jobs = active.iter().map(|a| Arc::clone(&a.item.job)).collect();
            (!active.is_empty()).then_some(((), jobs))
        });
        admitted.is_some()
    }

    /// Lets go of groups that nobody waits for.
    fn forget_over(&mut self) -> Result<()> {
        for i in (0..self.active.len()).rev().filter(|i| self.active[*i].item.job.is_over()).collect::<Vec<_>>() {
            let active = self.active.remove(i);
            self.release(active)?;
        }
        Ok(())
    }

    fn release(&mut self, mut active: Active) -> Result<()> {
        for branch in std::mem::take(&mut active.branches) {
            self.end_branch(&mut active, branch)?;
        }
        self.context.remove(active.seq, 0)?;
        self.lanes.push(active.seq);
        self.lanes.extend(active.own);
        self.free += active.item.group.stem_rows() + active.item.group.longest_branch();
        Ok(())
    }

    fn end_branch(&mut self, active: &mut Active, branch: Branch) -> Result<()> {
        self.context.remove(branch.seq, 0)?;
        if branch.own {
            active.own = Some(branch.seq);
        } else {
            self.lanes.push(branch.seq);
            self.free += active.item.group.branches[branch.index].len() - 1;
        }
        Ok(())
    }

    /// Ends what is done, and begins branches whose stem is whole.
    fn advance(&mut self) -> Result<()> {
        let mut kept = Vec::with_capacity(self.active.len());
        for mut active in std::mem::take(&mut self.active) {
            let lengths: Vec<usize> = active.item.group.branches.iter().map(Vec::len).collect();
            for branch in std::mem::take(&mut active.branches) {
                match branch.fed + 1 < lengths[branch.index] {
                    true => active.branches.push(branch),
                    false => self.end_branch(&mut active, branch)?,
                }
            }
            let whole = active.fed == active.item.group.stem_rows();
            while whole && active.next < lengths.len() {
                let rows = lengths[active.next].saturating_sub(1);
                if rows > 0 && !self.begin_branch(&mut active, rows)? {
                    break;
                }
                active.next += 1;
            }
            if whole && active.branches.is_empty() && active.next == lengths.len() {
                active.item.job.input_done();
                self.release(active)?;
            } else {
                kept.push(active);
            }
        }
        self.active = kept;
        Ok(())
    }

    /// Begins the group's next branch; false when there is no room for it now.
    fn begin_branch(&mut self, active: &mut Active, rows: usize) -> Result<bool> {
        let (seq, own) = match active.own.take() {
            Some(seq) => (seq, true),
            None if self.free >= rows => match self.lanes.pop() {
                Some(seq) => {
                    self.free -= rows;
                    (seq, false)
                }
                None => return Ok(false),
            },
            None => return Ok(false),
        };
        self.context.share(active.seq, seq, None)?;
        let (index, place) = (active.next, active.place_of(active.next));
        active.branches.push(Branch { index, place, seq, fed: 0, own });
        Ok(true)
    }

    /// Hands the step's log-probabilities over.
    fn deliver(&mut self) -> Result<()> {
        let mut sum = (usize::MAX, 0.0);
        for want in &self.step.wants {
            let logits = self.context.logits(want.row)?;
            if sum.0 != want.row {
                sum = (want.row, log_sum_exp(logits));
            }
            let job = &self.active[want.active].item.job;
            match sum.1.is_finite() {
                true => job.put(want.place, &[logits[want.token as usize] - sum.1]),
                false => job.fail(sampler::broken_logits()),
            }
        }
        Ok(())
    }

    fn refuse(&self, error: &Error) {
        self.active.iter().for_each(|a| a.item.job.fail(error.clone()));
    }
}

/// Moves groups from the queue to those that are worked on: a group gets room for its stem and its longest branch, so
/// that it can always be finished.
fn take(queue: &mut VecDeque<Item>, active: &mut Vec<Active>, lanes: &mut Vec<i32>, free: &mut usize) {
    while let Some(next) = queue.front() {
        if !next.job.is_over() {
            let (stem, branch) = (next.group.stem_rows(), next.group.longest_branch());
            let sequences = 1 + usize::from(branch > 0);
            if stem + branch > *free || sequences > lanes.len() {
                return;
            }
        }
        let Some(item) = queue.pop_front().filter(|i| !i.job.is_over()) else { continue };
        let (stem, branch) = (item.group.stem_rows(), item.group.longest_branch());
        let Some(seq) = lanes.pop() else { return };
        let own = if branch > 0 { lanes.pop() } else { None };
        *free -= stem + branch;
        active.push(Active { item, seq, fed: 0, next: 0, branches: Vec::new(), own });
    }
}
