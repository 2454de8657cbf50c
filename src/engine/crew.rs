//! The threads of a context: their number is set before each step and, where it may adapt to load, learned after.

use std::time::{Duration, Instant};

use super::governor::{Governor, Step};
use super::guard::Fault;
use super::load::{self, Cores};
use super::native::Context;
use super::team::Team;
use crate::log::{self, Level};

/// The most threads for steps of one row and for the others; llama.cpp's own distinction.
pub(super) type Most = (u32, u32);

pub(super) struct Crew {
    /// What the context was told last.
    set: (u32, u32),
    adapting: Option<Adapting>,
    team: Team,
}

struct Adapting {
    governor: Governor,
    cores: Cores,
    /// Times are counted from here.
    began: Instant,
    preemptions: Option<u64>,
}

impl Crew {
    /// For a context that was made with `most`.
    pub(super) fn new(most: Most, adapts: bool) -> Crew {
        let adapting = || Adapting {
            governor: Governor::default(),
            cores: Cores::new(),
            began: Instant::now(),
            preemptions: None,
        };
        Crew { set: most, adapting: adapts.then(adapting), team: Team::default() }
    }

    /// Sets the threads of a step of so many rows, which follows at once.
    pub(super) fn begin(&mut self, context: &mut Context, rows: usize, most: Most) -> Result<(), Fault> {
        let mut want = most;
        if let Some(adapting) = &mut self.adapting {
            // The last counts of the other kind of step stay, as far as they are allowed still.
            want = (self.set.0.min(most.0), self.set.1.min(most.1));
            let (this, limit) = if rows <= 1 { (&mut want.0, most.0) } else { (&mut want.1, most.1) };
            *this = adapting.threads(rows, limit);
        }
        want = self.limited(rows, want);
        if want != self.set {
            context.set_threads(want.0, want.1)?;
            self.set = want;
        }
        Ok(())
    }

    /// What of it the system has threads for.
    fn limited(&mut self, rows: usize, want: Most) -> Most {
        // The last rows of a step of many may be one alone, and moving cells counts as one.
        let asked = if rows <= 1 { want.0 } else { want.0.max(want.1) };
        let (room, refused) = self.team.room(asked);
        if refused {
            log::write(Level::Warn, || {
                format!("the system starts no more threads: steps have {room} of {asked} and take longer")
            });
        }
        let limited = if rows <= 1 { (want.0.min(room), want.1) } else { (want.0.min(room), want.1.min(room)) };
        self.team.begins(if rows <= 1 { [limited.0; 2] } else { [limited.0, limited.1] });
        limited
    }

    /// The step took so long, over a cache of so many tokens.
    pub(super) fn end(&mut self, rows: usize, cells: usize, took: Duration) {
        self.team.ended();
        let Some(adapting) = &mut self.adapting else { return };
        let threads = if rows <= 1 { self.set.0 } else { self.set.1 };
        adapting.cores.used(threads, took);
        let preempted =
            load::preemptions().zip(adapting.preemptions).map(|(now, before)| now.saturating_sub(before));
        adapting.governor.learn(&Step { rows, cells, took, at: adapting.began.elapsed(), preempted });
    }

    /// The threads that steps of one row, and others, have now.
    pub(super) fn set(&self) -> (u32, u32) {
        self.set
    }
}

impl Adapting {
    fn threads(&mut self, rows: usize, most: u32) -> u32 {
        let free = if self.governor.is_reduced() { self.cores.free() } else { None };
        let threads = self.governor.threads(rows, most, self.began.elapsed(), free);
        self.preemptions = load::preemptions();
        threads
    }
}
