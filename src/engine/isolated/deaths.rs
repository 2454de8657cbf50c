//! How often workers died of late: one that dies again and again is not started again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Deaths within [`WINDOW`] that end an engine: so many without a whole answer between them, and so many at all.
const MOST_FRUITLESS: usize = 5;
const MOST: usize = 30;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Deaths {
    all: VecDeque<Instant>,
    /// Those since an answer was whole.
    fruitless: VecDeque<Instant>,
}

impl Deaths {
    /// Remembers a death, and whether an answer was whole since the one before. How many there were within the window, when
    /// those are too many.
    pub(super) fn one_more(&mut self, now: Instant, answered: bool) -> Option<usize> {
        if answered {
            self.fruitless.clear();
        }
        for deaths in [&mut self.all, &mut self.fruitless] {
            deaths.push_back(now);
            while deaths.front().is_some_and(|d| now.duration_since(*d) > WINDOW) {
                deaths.pop_front();
            }
        }
        (self.all.len() >= MOST || self.fruitless.len() >= MOST_FRUITLESS).then_some(self.all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of deaths at these seconds, with an answer before each or none.
    fn last(seconds: impl IntoIterator<Item = u64>, answered: bool) -> Option<usize> {
        let (mut deaths, begin) = (Deaths::default(), Instant::now());
        let mut said = None;
        for second in seconds {
            assert_eq!(said, None, "too many before second {second}");
            said = deaths.one_more(begin + Duration::from_secs(second), answered);
        }
        said
    }

    #[test]
    fn deaths_are_forgotten_after_a_minute() {
        assert_eq!(last([0, 1, 2, 3, 60], false), Some(5));
        assert_eq!(last([0, 1, 2, 3, 61, 61], false), Some(5), "the first is forgotten, the second not yet");
        assert_eq!(last((0..1000).map(|i| i * 16), false), None, "one in 16 seconds, for hours");
        assert_eq!(last((0..5).map(|i| i * 15), false), Some(5), "one in 15 seconds");
    }

    #[test]
    fn answers_between_them_excuse_more_deaths_but_not_any_number() {
        assert_eq!(last(0..30, true), Some(30));
        assert_eq!(last((0..1000).map(|i| i * 3), true), None, "twenty a minute, for an hour");
        let (mut deaths, now) = (Deaths::default(), Instant::now());
        assert!((0..4).all(|_| deaths.one_more(now, false).is_none()));
        assert!((0..4).all(|i| deaths.one_more(now, i == 0).is_none()), "counted anew after the answer");
        assert_eq!(deaths.one_more(now, false), Some(9));
    }
}
