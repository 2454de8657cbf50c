//! How many prompt tokens a step may take beside running streams, from what steps cost so far.

use std::time::Duration;

/// Measured costs, as moving averages.
pub(super) struct Pace {
    budget: Duration,
    /// Microseconds of a step that only decodes, by the number of its rows (the last index stands for more).
    decode: [f64; 33],
    /// Microseconds a prompt token beside that.
    prompt: Option<f64>,
}

/// Prompt tokens of the first step, when nothing is known yet.
const FIRST: usize = 16;

/// The part of the budget that is planned for: steps vary.
const SHARE: f64 = 0.7;

impl Pace {
    pub(super) fn new(budget: Duration) -> Pace {
        Pace { budget, decode: [0.0; 33], prompt: None }
    }

    fn base(&self, rows: usize) -> f64 {
        let known = |r: &usize| self.decode[*r] > 0.0;
        let rows = rows.min(32);
        // The nearest measured number of rows, rather more than fewer.
        (rows..=32).chain((0..rows).rev()).find(known).map_or(0.0, |r| self.decode[r])
    }

    /// Prompt tokens for a step with so many decoding rows: at least one, so that prompts always get on.
    pub(super) fn prompt_tokens(&self, decoding: usize) -> usize {
        let Some(cost) = self.prompt else { return FIRST };
        let left = self.budget.as_micros() as f64 * SHARE - self.base(decoding);
        (left / cost).clamp(1.0, 65_536.0) as usize
    }

    /// Learns from a step.
    pub(super) fn learn(&mut self, took: Duration, decoding: usize, prompt: usize) {
        let took = took.as_micros() as f64;
        if prompt == 0 {
            let slot = &mut self.decode[decoding.min(32)];
            *slot = if *slot == 0.0 { took } else { *slot * 0.8 + took * 0.2 };
            return;
        }
        let cost = ((took - self.base(decoding)) / prompt as f64).max(1.0);
        // Slower is believed at once, faster slowly.
        self.prompt = Some(match self.prompt {
            Some(old) if cost < old => old * 0.7 + cost * 0.3,
            Some(old) => old * 0.3 + cost * 0.7,
            None => cost,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_fits_the_budget() {
        let mut pace = Pace::new(Duration::from_millis(150));
        assert_eq!(pace.prompt_tokens(1), FIRST);
        pace.learn(Duration::from_millis(10), 2, 0);
        pace.learn(Duration::from_millis(42), 2, 16);
        // (150 * 0.7 - 10) ms / 2 ms a token
        assert_eq!(pace.prompt_tokens(2), 47);
        pace.learn(Duration::from_millis(410), 2, 20);
        assert!(pace.prompt_tokens(2) < 10);
    }

    #[test]
    fn a_slow_machine_still_moves() {
        let mut pace = Pace::new(Duration::from_millis(1));
        pace.learn(Duration::from_secs(1), 0, 4);
        assert_eq!(pace.prompt_tokens(3), 1);
    }
}
