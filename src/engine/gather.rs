//! How long an idle engine waits for more requests when the first is ready: prompts that are evaluated together cost less,
//! and streams that begin together end together.

use std::time::{Duration, Instant};

/// How patient the next start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// It begins when nothing came for so long,
    quiet: Duration,
    /// or, beside requests that are being prepared, for so long,
    preparing: Duration,
    /// and at the latest so long after the first was ready.
    most: Duration,
}

/// A host that asks one question after the other is not kept waiting.
const ALONE: Patience =
    Patience { quiet: Duration::ZERO, preparing: Duration::from_millis(3), most: Duration::from_millis(3) };

/// One that asks several at once gets them under way a few a millisecond, and none while a step keeps the cores busy.
const IN_COMPANY: Patience = Patience {
    quiet: Duration::from_millis(1),
    preparing: Duration::from_millis(3),
    most: Duration::from_millis(8),
};

impl Patience {
    /// When it begins, `None` for at once: the first was ready `first`, the last one came `last`.
    pub(super) fn until(self, first: Instant, last: Instant, preparing: bool) -> Option<Instant> {
        let wait = if preparing { self.preparing } else { self.quiet };
        (!wait.is_zero()).then(|| (last + wait).min(first + self.most))
    }
}

/// What the last starts were like.
#[derive(Default)]
pub(super) struct Gather {
    /// So many starts alone are borne before the host is taken for one that asks one thing at a time.
    company: u32,
    /// The first step since the engine was idle runs.
    started: bool,
}

/// Starts alone until one that had company is forgotten.
const REMEMBERED: u32 = 4;

impl Gather {
    pub(super) fn patience(&self) -> Patience {
        match self.company {
            0 => ALONE,
            _ => IN_COMPANY,
        }
    }

    /// So many requests came to an idle engine, or during a step.
    pub(super) fn came(&mut self, idle: bool, requests: usize) {
        if idle && requests < 2 {
            self.started = requests > 0;
        } else if idle || std::mem::take(&mut self.started) {
            self.company = if requests > 0 { REMEMBERED } else { self.company.saturating_sub(1) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(gather: &mut Gather, at_once: usize, in_the_first_step: usize) -> Patience {
        let patience = gather.patience();
        gather.came(true, at_once);
        gather.came(false, in_the_first_step);
        // Later steps say nothing.
        gather.came(false, 1);
        patience
    }

    #[test]
    fn one_question_at_a_time_never_waits() {
        let (mut gather, now) = (Gather::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(start(&mut gather, 1, 0).until(now, now, false), None);
        }
    }

    #[test]
    fn whoever_had_company_waits_for_it_again_a_while() {
        let mut gather = Gather::default();
        for (at_once, in_the_first_step) in [(3, 0), (1, 2)] {
            assert_eq!(start(&mut gather, at_once, in_the_first_step), ALONE);
            for _ in 0..REMEMBERED {
                assert_eq!(start(&mut gather, 1, 0), IN_COMPANY);
            }
            assert_eq!(gather.patience(), ALONE);
        }
    }

    #[test]
    fn nobody_waits_for_ever() {
        let first = Instant::now();
        let late = first + Duration::from_millis(100);
        assert_eq!(IN_COMPANY.until(first, first, false), Some(first + Duration::from_millis(1)));
        assert_eq!(IN_COMPANY.until(first, late, true), Some(first + Duration::from_millis(8)));
        assert_eq!(ALONE.until(first, late, true), Some(first + Duration::from_millis(3)));
    }
}
