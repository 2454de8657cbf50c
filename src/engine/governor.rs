//! How many threads a step gets. The threads of a step wait for each other hundreds of times in it, so one that
//! another program keeps from its core stops them all: beside a busy program fewer threads are faster, often by far.
//! Nothing tells beforehand how many are best, so it is tried: a few steps on another count against those before, given
//! up as soon as they cost too much.
//!
//! This is arithmetic only: it has no clock and asks the system nothing, so that tests can play any machine to it.

use std::time::Duration;

/// Steps of one row, of few and of many gain differently by threads, so each class has a count of its own. One row is
/// what llama.cpp computes with `threads`; the others take `threads_batch`.
const CLASSES: usize = 3;

/// Rows up to which a step is of the class of few; each number of them is a kind.
const FEW: usize = 32;

/// A step that was computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Tokens that it evaluated.
    pub rows: usize,
    /// Tokens in the KV cache, which attention goes through.
    pub cells: usize,
    pub took: Duration,
    /// When it ended, since any beginning.
    pub at: Duration,
    /// How often the system took a thread of this process off its core meanwhile; `None` where nobody counts.
    pub preempted: Option<u64>,
}

/// Chooses the thread count of each step.
#[derive(Default)]
pub(super) struct Governor {
    classes: [Class; CLASSES],
}

impl Governor {
    /// Threads for a step of so many rows that begins now: at least 1 and at most `most`. `free` is how many cores this
    /// engine could have, those it has included, where that is known.
    pub(super) fn threads(&mut self, rows: usize, most: u32, at: Duration, free: Option<f64>) -> u32 {
        let at = at.as_secs_f64();
        let (this, licence) = (class(rows), self.last_fall());
        let class = &mut self.classes[this];
        class.prepare(most, at);
        if class.trial.is_none() {
            class.consider(at, free, licence);
        }
        class.threads()
    }

    /// Learns from a step that was computed with what [`Governor::threads`] gave for it.
    pub(super) fn learn(&mut self, step: &Step) {
        let class = &mut self.classes[class(step.rows)];
        if !class.ladder.is_empty() {
            class.learn(step);
        }
    }

    /// Whether some class has fewer threads than it may have: then `free` is of use.
    pub(super) fn is_reduced(&self) -> bool {
        self.classes.iter().any(|c| c.rung > 0)
    }

    /// When a class last went down that is down still.
    fn last_fall(&self) -> Option<f64> {
        self.classes.iter().filter(|c| c.rung > 0).map(|c| c.fell).reduce(f64::max)
    }
}

fn class(rows: usize) -> usize {
    match rows {
        0..=1 => 0,
        2..=FEW => 1,
        _ => 2,
    }
}

/// Steps of one kind take about the same time a row.
fn kind(rows: usize, cells: usize) -> usize {
    let octave = |n: usize| (usize::BITS - n.leading_zeros()) as usize;
    let rows = if rows <= FEW { rows } else { FEW + octave((rows - 1) / FEW).min(OCTAVES) };
    rows * DEPTHS + octave(cells / 512).min(DEPTHS - 1)
}

/// Octaves of rows above [`FEW`], and of cells above 512, that are told apart.
const OCTAVES: usize = 12;
const DEPTHS: usize = 10;
const KINDS: usize = (FEW + OCTAVES + 1) * DEPTHS;

/// A step that takes this much longer than its kind did at best, on average, is slow.
const SLOW: f64 = 1.3;

/// The same for parts of prompts that take longer than [`LONG_TRIAL`]: one of them loses more than many short steps.
const VERY_SLOW: f64 = 1.5;

/// Preempted steps are looked into when they take this much longer.
const UNEASY: f64 = 1.1;

/// So many preemptions a second are more than an idle machine's.
const PREEMPTED: f64 = 40.0;

/// What a trial must take, as a part of what the count before took, to be kept: fewer threads have to be clearly
/// faster, since a mistake costs until the next trial; more threads are wanted wherever they are no slower.
const KEEP_FEWER: f64 = 0.93;
const KEEP_MORE: f64 = 0.98;

/// A trial is over after this long, when it had three steps or took so long that fewer will do.
const TRIAL: f64 = 0.06;
const LONG_TRIAL: f64 = 0.2;

/// Time that trials lost is waited for so many times over.
const PATIENCE: f64 = 40.0;

/// The longest wait for lost time, in seconds: a trial in the middle of a long prompt may lose some.
const LONGEST: f64 = 300.0;

/// Where steps are preempted and yet no slower, fewer threads are tried this often, in seconds.
const GLANCE: f64 = 60.0;

/// A trial that is no better than this needs [`MORE_STEPS`], since chance makes such ratios where a host is busy.
const CLEARLY: f64 = 0.75;
const MORE_STEPS: u32 = 6;

/// Steps that are looked back on.
const RECENT: usize = 8;

/// Seconds of steps, fewer than three, that are enough to judge a count by.
const ENOUGH: f64 = 0.5;

/// Each step lets what a kind takes at best grow by this: contexts grow, processors get hot.
const DRIFT: f64 = 1.0005;

/// Where nobody counts preemptions, fewer threads are tried unasked this often, in seconds.
const EXPLORE: f64 = 20.0;

/// More threads are tried this much less often when no core seems to be free for them: what the system counts as busy
/// may still give way.
const HOPELESS: f64 = 20.0;

/// Calm steps for so many seconds, or up for so long, and what failed before is forgotten.
const FORGET: f64 = 3.0;

/// When the next trial in a direction may begin.
struct Pause {
    next: f64,
    pause: f64,
    longest: f64,
}

impl Pause {
    const SHORTEST: f64 = 0.25;

    fn new(longest: f64) -> Pause {
        Pause { next: 0.0, pause: Pause::SHORTEST, longest }
    }

    /// A trial failed that cost so many seconds.
    fn failed(&mut self, at: f64, cost: f64) {
        self.next = at + self.pause.max((cost * PATIENCE).min(LONGEST));
        self.pause = (self.pause * 2.0).min(self.longest);
    }

    fn reset(&mut self, at: f64) {
        self.pause = Pause::SHORTEST;
        self.next = self.next.min(at + self.pause);
    }
}

/// Steps on another count, against what they would have taken.
struct Trial {
    rung: usize,
    /// Cores were free for it, as far as the system knows.
    promised: bool,
    steps: u32,
    took: f64,
    expected: f64,
    /// When its last step began or ended.
    touched: f64,
}

/// The steps of one class.
struct Class {
    /// Counts to choose from, the most first.
    ladder: Vec<u32>,
    rung: usize,
    trial: Option<Trial>,
    /// Seconds a row of each kind at best; 0 where unknown.
    best: Vec<f64>,
    /// The last steps on this rung, each as a multiple of the best of its kind, and the seconds of all since it began.
    recent: Vec<f64>,
    seconds: f64,
    /// Preemptions, and the seconds they were counted in, as decaying sums; `None` where nobody counts.
    preempted: Option<(f64, f64)>,
    up: Pause,
    /// The same where cores are free for more threads: those were not when other trials failed.
    promised: Pause,
    down: Pause,
    /// How slow it was when fewer threads were last tried, and when.
    tried: (f64, f64),
    fell: f64,
    rose: f64,
    /// Seconds of steps since the last one that was not calm. Time without steps is no calm: it says nothing.
    calm: f64,
    /// Rows of the last step, and seconds.
    last: (usize, f64),
    steps: u64,
}

impl Default for Class {
    fn default() -> Class {
        Class {
            ladder: Vec::new(),
            rung: 0,
            trial: None,
            best: vec![0.0; KINDS],
            recent: Vec::with_capacity(RECENT),
            seconds: 0.0,
            preempted: None,
            up: Pause::new(3.0),
            promised: Pause::new(8.0),
            down: Pause::new(32.0),
            tried: (0.0, f64::NEG_INFINITY),
            fell: f64::NEG_INFINITY,
            rose: f64::NEG_INFINITY,
            calm: 0.0,
            last: (0, 0.0),
            steps: 0,
        }
    }
}

/// The counts worth trying: one thread less, which is what one busy neighbour asks for, and then ever bigger strides.
fn ladder(most: u32) -> Vec<u32> {
    let mut counts = vec![most, most - 1, most * 3 / 4];
    counts.extend((1..10).map(|halvings| most >> halvings));
    counts.retain(|n| *n > 0);
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.dedup();
    counts
}

impl Class {
    fn threads(&self) -> u32 {
        self.ladder[self.trial.as_ref().map_or(self.rung, |t| t.rung)]
    }

    fn prepare(&mut self, most: u32, at: f64) {
        let most = most.max(1);
        if self.ladder.first() != Some(&most) {
            *self = Class { ladder: ladder(most), ..Class::default() };
        }
        // A trial that was interrupted by other work says nothing.
        if self.trial.as_ref().is_some_and(|t| at - t.touched > 2.0) {
            self.trial = None;
        }
    }

    /// How slow the last steps were: their mean without the worst, since one step may be slow on any machine.
    fn slowness(&self) -> Option<f64> {
        let (n, sum) = (self.recent.len(), self.recent.iter().sum::<f64>());
        let worst = self.recent.iter().copied().fold(0.0, f64::max);
        match n {
            3.. => Some((sum - worst) / (n - 1) as f64),
            // Where steps take so long, nobody waits for three.
            1.. if self.seconds > ENOUGH => Some(sum / n as f64),
            _ => None,
        }
    }

    fn is_preempted(&self) -> bool {
        self.preempted.is_some_and(|(times, seconds)| seconds > 0.03 && times / seconds > PREEMPTED)
    }

    /// Begins a trial when one is due.
    fn consider(&mut self, at: f64, free: Option<f64>, licence: Option<f64>) {
        let Some(slowness) = self.slowness() else { return };
        let (rung, promised) = if let Some(found) = self.higher(at, free) {
            found
        } else if let Some(rung) = self.lower(at, slowness, licence) {
            self.tried = (slowness, at);
            (rung, false)
        } else {
            return;
        };
        self.trial = Some(Trial { rung, promised, steps: 0, took: 0.0, expected: 0.0, touched: at });
    }

    /// More threads, and whether there are cores for them.
    fn higher(&self, at: f64, free: Option<f64>) -> Option<(usize, bool)> {
        let next = self.rung.checked_sub(1)?;
        // A count that just over one part in three of a core is missing for is worth a try.
        let fits = |rung: &usize| free.is_some_and(|free| f64::from(self.ladder[*rung]) <= free + 0.35);
        match (0..=next).find(fits) {
            Some(rung) => (at >= self.promised.next).then_some((rung, true)),
            None => {
                let wait = if free.is_some() { HOPELESS } else { 0.0 };
                (at >= self.up.next + wait).then_some((next, false))
            }
        }
    }

    fn lower(&self, at: f64, slowness: f64, licence: Option<f64>) -> Option<usize> {
        if self.rung + 1 == self.ladder.len() {
            return None;
        }
        let long = self.last.0 > FEW && self.last.1 > LONG_TRIAL;
        let slow = slowness > if long { VERY_SLOW } else { SLOW };
        // What slowed another class will slow this one: one slow step is enough then.
        let licence = self.rung == 0
            && licence.is_some_and(|fell| fell > self.tried.1)
            && self.recent.last().is_some_and(|last| *last > UNEASY);
        let explore = self.preempted.is_none() && at - self.tried.1 > EXPLORE && self.steps > RECENT as u64;
        let worse = slow && slowness > self.tried.0 * 1.5;
        // Whoever reads the streams preempts too. Where steps are no slower for it, one look now and then is enough.
        let glance = at - self.tried.1 > GLANCE;
        let preempted = self.is_preempted() && !long && (slowness > UNEASY || glance);
        let due = licence || explore || worse || ((slow || preempted) && at >= self.down.next);
        let far = self.ladder.iter().position(|n| *n <= self.ladder[self.rung] / 2);
        match slowness > 2.0 {
            _ if !due => None,
            true => far,
            false => Some(self.rung + 1),
        }
    }

    fn learn(&mut self, step: &Step) {
        // A clock may stand still.
        let (took, at) = (step.took.as_secs_f64().max(1e-6), step.at.as_secs_f64());
        let rows = step.rows.max(1) as f64;
        self.steps += 1;
        self.last = (step.rows, took);
        if let Some(times) = step.preempted {
            let (n, seconds) = self.preempted.unwrap_or_default();
            self.preempted = Some((n * 0.9 + times as f64, seconds * 0.9 + took));
        }
        let best = &mut self.best[kind(step.rows, step.cells)];
        let known = *best > 0.0;
        let cost = took / rows;
        // A trial is measured with what was known when it began.
        if !known {
            *best = cost;
        } else if self.trial.is_none() {
            *best = cost.min(*best * DRIFT);
        }
        let best = *best;
        // The first of its kind can be compared with nothing.
        if !known && (self.trial.is_some() || !self.recent.is_empty()) {
            return;
        }
        let before = self.slowness();
        if let Some(trial) = &mut self.trial {
            trial.touched = at;
            let expected = before.unwrap_or(1.0) * best * rows;
            trial.steps += 1;
            trial.took += took;
            trial.expected += expected;
            let cost = trial.took - trial.expected;
            let enough = trial.steps >= 3 && trial.took >= TRIAL || trial.took >= LONG_TRIAL;
            let ratio = trial.took / trial.expected;
            let unsure = trial.rung > self.rung && trial.steps < MORE_STEPS && ratio > CLEARLY && ratio <= 1.0;
            if cost > expected || enough && !unsure {
                self.decide(at, cost > expected);
            }
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push(cost / best);
        self.seconds += took;
        if self.is_preempted() || self.slowness().is_some_and(|s| s > 1.15) {
            self.calm = 0.0;
        } else {
            self.calm += took;
        }
        if self.calm > FORGET {
            self.down.reset(at);
            self.tried.0 = 0.0;
        }
        if self.rung == 0 && at - self.rose > FORGET {
            self.up.reset(at);
            self.promised.reset(at);
        }
    }

    /// Ends the trial.
    fn decide(&mut self, at: f64, hopeless: bool) {
        let (Some(trial), Some(before)) = (self.trial.take(), self.slowness()) else { return };
        let more = trial.rung < self.rung;
        let ratio = trial.took / trial.expected;
        let kept = !hopeless && ratio <= if more { KEEP_MORE } else { KEEP_FEWER };
        if !kept {
            let pause = match (more, trial.promised) {
                (true, true) => &mut self.promised,
                (true, false) => &mut self.up,
                (false, _) => &mut self.down,
            };
            pause.failed(at, trial.took - trial.expected);
            return;
        }
        self.rung = trial.rung;
        self.recent.clear();
        self.recent.extend([before * ratio; 3]);
        // What was counted belongs to the other count.
        self.preempted = self.preempted.map(|_| (0.0, 0.0));
        if more {
            self.rose = at;
            self.tried.1 = at;
            return;
        }
        self.fell = at;
        self.down.reset(at);
        if at - self.rose < FORGET {
            self.up.failed(at, 0.0);
            self.promised.failed(at, 0.0);
        } else {
            self.up.next = at + Pause::SHORTEST;
        }
    }
}

#[cfg(test)]
mod tests;
