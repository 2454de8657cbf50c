//! Guides the tokens of an answer once more, for benchmarks.

use std::time::{Duration, Instant};

use super::Constraint;
use crate::engine::bigstack;
use crate::error::Result;
use crate::model::{Model, Token};

/// What guiding an answer took, for benchmarks.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Replay {
    /// Compiling it, or finding it compiled.
    pub compile: Duration,
    /// Computing and applying the mask of each token that was sampled.
    pub masks: Vec<Duration>,
    /// How many tokens were forced behind each of those.
    pub forced: Vec<usize>,
}

/// Guides the tokens of an answer once more.
#[doc(hidden)]
pub fn replay(model: &Model, constraint: &Constraint, tokens: &[Token]) -> Result<Replay> {
    bigstack::run(|| {
        let began = Instant::now();
        let inner = &*model.0;
        let mut guide = inner.constraints.compile(&inner.vocabulary, Some(constraint), false, &|| false)?.guide();
        let mut replay = Replay { compile: began.elapsed(), ..Replay::default() };
        let mut at = guide.take_forced(usize::MAX)?.len();
        let mut logits = vec![0.0; inner.vocabulary.len()];
        while at < tokens.len() && !guide.is_finished() {
            logits.fill(0.0);
            let began = Instant::now();
            guide.mask()?.apply(&mut logits);
            replay.masks.push(began.elapsed());
            guide.accept(tokens[at])?;
            let forced = guide.take_forced(usize::MAX)?.len();
            replay.forced.push(forced);
            at += 1 + forced;
        }
        Ok(replay)
    })
}
