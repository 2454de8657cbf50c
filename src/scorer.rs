//! Scores of texts: how likely a model finds a continuation, each of several choices, or a whole text.

use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::engine::score::{Group, Scoring, Setup};
use crate::engine::{bigstack, check_generates, check_threads, default_threads, jobs};
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};
use crate::sampling::range;
use crate::sync::until;

/// How to set up a scorer. Start from `ScorerOptions::default()`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorerOptions {
    /// Tokens that a prompt and a continuation, or a window of a text, may have together; 2 or more. Default: the
    /// trained length, at most 2,048.
    pub max_tokens: Option<u32>,
    /// Tokens that are computed together; 16 to 8,192. Default 512.
    pub batch_tokens: u32,
    /// Prompts and continuations that are computed side by side; 2 to 256. Default 64.
    pub max_sequences: u32,
    /// Texts of special tokens become those tokens: leave it off for text from outside. Default false.
    pub special_tokens: bool,
    /// Threads that compute, at most. Default: the physical (or performance) cores; 1 to 512.
    pub threads: Option<u32>,
    /// Compute with fewer threads than `threads` where that is faster, as it is beside other busy programs; see
    /// [`crate::EngineOptions::adapt_threads`]. Default true.
    pub adapt_threads: bool,
}

impl Default for ScorerOptions {
    fn default() -> Self {
        ScorerOptions {
            max_tokens: None,
            batch_tokens: 512,
            max_sequences: 64,
            special_tokens: false,
            threads: None,
            adapt_threads: true,
        }
    }
}

/// What may end a call before its result is there.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Ends it with [`Code::Cancelled`] when it is raised.
    pub cancel: Option<Cancel>,
    /// Ends it with [`Code::Deadline`] when so much time has passed. Default: none.
    pub deadline: Option<Duration>,
}

/// How a text is cut into windows for [`Scorer::perplexity`]. Start from `PerplexityOptions::default()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerplexityOptions {
    /// Tokens of a window; 2 to the scorer's `max_tokens`, which is the default.
    pub window: Option<u32>,
    /// Tokens from the beginning of one window to that of the next; 1 to `window`. Default: half of it.
    pub stride: Option<u32>,
    /// The first tokens of each window, which are read and not scored; 1 to `window` - 1. Default: those that the window
    /// before it has scored, and at least one: each token of the text but the first is scored once, unless `stride` is
    /// `window`, where the first of each window is not.
    pub context: Option<u32>,
    /// Windows at most, from the beginning of the text; 1 or more. Default: all.
    pub windows: Option<u32>,
}

/// How likely a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Perplexity {
    /// `exp(-log_probability / tokens)`: among how many equally likely tokens the model chose, so to speak.
    pub perplexity: f64,
    /// Of the perplexity, as of a mean of independent tokens.
    pub standard_error: f64,
    /// Natural logarithm, of all tokens that were scored.
    pub log_probability: f64,
    /// Tokens that were scored.
    pub tokens: u64,
}

/// How a continuation's length is taken out of its score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Normalization {
    /// It is not: the sum over its tokens.
    #[default]
    None = 0,
    /// The mean over its tokens, without those that all choices begin with.
    Tokens = 1,
    /// The sum divided by its bytes.
    Bytes = 2,
}

/// How likely a continuation is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// The continuation's tokens.
    pub tokens: Vec<Token>,
    /// Natural logarithm of each one's probability, given all before it.
    pub log_probabilities: Vec<f32>,
    /// So many of the tokens begin every choice of the call.
    pub common: usize,
    /// The continuation's bytes.
    pub bytes: usize,
}

impl Score {
    /// Natural logarithm of the continuation's probability, normalised.
    pub fn log_probability(&self, normalization: Normalization) -> f64 {
        let sum = |of: &[f32]| of.iter().map(|x| f64::from(*x)).sum::<f64>();
        match normalization {
            Normalization::None => sum(&self.log_probabilities),
            Normalization::Tokens => {
                let own = &self.log_probabilities[self.common..];
                sum(own) / own.len() as f64
            }
            Normalization::Bytes => sum(&self.log_probabilities) / self.bytes as f64,
        }
    }
}

/// The place of the likeliest; the first of equals.
pub fn likeliest(scores: &[Score], normalization: Normalization) -> Option<usize> {
    let values = scores.iter().map(|s| s.log_probability(normalization)).enumerate();
    values.rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
}

/// The default of `max_tokens`, where the model was trained for more.
const DEFAULT_MAX_TOKENS: u32 = 2048;
/// Bytes of logits that one step may ask for: a row is as wide as the vocabulary.
const LOGITS_ROOM: u64 = 128 << 20;

/// Says how likely texts are under a model. Clones share it; any thread may use it, and calls that run at once are
/// computed together. Its memory goes with its last clone.
///
/// A prompt and a continuation become tokens as one text, with BOS before it where the model wants one. The
/// continuation's tokens are those that hold at least one of its bytes: a token that spans both is the continuation's.
#[derive(Clone)]
pub struct Scorer(Arc<Inner>);

struct Inner {
    model: Model,
    scoring: Scoring,
    max_tokens: usize,
    special_tokens: bool,
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer").field("max_tokens", &self.0.max_tokens).finish_non_exhaustive()
    }
}

/// Starts a scoring thread over a model; also says how many tokens a sequence may have.
pub(crate) fn start(model: &Model, options: &ScorerOptions) -> Result<(Scoring, usize)> {
    check_generates(model.info(), &model.0.native.facts)?;
    let longest = model.context_length().clamp(2, 1 << 20);
    let max_tokens = options.max_tokens.unwrap_or(longest.min(DEFAULT_MAX_TOKENS));
    let threads = options.threads.unwrap_or_else(default_threads);
    let limits = [
        ("max_tokens", max_tokens, 2, longest),
        ("batch_tokens", options.batch_tokens, 16, 8192),
        ("max_sequences", options.max_sequences, 2, 256),
    ];
    for (name, value, low, high) in limits {
        if !(low..=high).contains(&value) {
            return Err(range(name, value, low, high));
        }
    }
    check_threads("threads", threads)?;
    let batch = options.batch_tokens;
    let rows = (LOGITS_ROOM / (4 * u64::from(model.vocabulary_size().max(1)))).min(batch.into()) as u32;
    let setup = Setup {
        cells: max_tokens.max(4 * batch),
        batch,
        // llama.cpp wants room for a row a sequence.
        outputs: rows.max(options.max_sequences),
        max_sequences: options.max_sequences,
        threads,
        adapts: options.adapt_threads,
    };
    Ok((Scoring::start(model, &setup)?, max_tokens as usize))
}

impl Scorer {
    /// Starts a scorer.
    ///
    /// # Errors
    /// [`Code::Range`] for an option out of range, [`Code::Unsupported`] for a model that does not generate text,
    /// [`Code::OutOfMemory`].
    pub fn new(model: &Model, options: ScorerOptions) -> Result<Scorer> {
        let (scoring, max_tokens) = start(model, &options)?;
        let special_tokens = options.special_tokens;
        Ok(Scorer(Arc::new(Inner { model: model.clone(), scoring, max_tokens, special_tokens })))
    }

    /// The model it runs.
    pub fn model(&self) -> &Model {
        &self.0.model
    }

    /// Tokens that a prompt and a continuation may have together.
    pub fn max_tokens(&self) -> usize {
        self.0.max_tokens
    }

    /// Scores a continuation of a prompt.
    ///
    /// # Errors
    /// As [`Scorer::score_choices`].
    pub fn score(&self, prompt: &str, continuation: &str, limits: &Limits) -> Result<Score> {
        let mut scores = self.score_choices(prompt, &[continuation], limits)?;
        scores.pop().ok_or_else(|| Error::new(Code::Panic, "a choice without a score"))
    }

    /// Scores continuations of one prompt, which is computed once; [`likeliest`] says which is the best.
    ///
    /// # Errors
    /// [`Code::Range`] for a continuation that is empty, or has nothing before it (an empty prompt, and a model that
    /// puts no BOS before a text); [`Code::ContextFull`] when one does not fit; [`Code::Cancelled`];
    /// [`Code::Deadline`]; [`Code::Invalid`] for a model whose logits are not finite; [`Code::Closed`];
    /// [`Code::EngineFault`].
    pub fn score_choices<T: AsRef<str>>(
        &self,
        prompt: &str,
        choices: &[T],
        limits: &Limits,
    ) -> Result<Vec<Score>> {
        let end = until(limits.deadline);
        let limits = jobs::Limits { cancel: limits.cancel.as_ref(), until: end };
        let choices: Vec<&str> = choices.iter().map(AsRef::as_ref).collect();
        let parts = self.0.split_all(prompt, &choices, limits)?;
        let Some(first) = parts.first() else { return Ok(Vec::new()) };
        let shortest = parts.iter().map(|p| p.tokens.len()).min().unwrap_or(0);
        // Each keeps a token of its own.
        let alike = |i: &usize| parts.iter().all(|p| p.tokens[*i] == first.tokens[*i]);
        let common = (0..shortest - 1).take_while(alike).count();
        if common == 0 {
            // Where not even their first tokens are the same, there is nothing to share.
            let each = choices.iter().zip(&parts).map(|(choice, part)| {
                let (group, from) = group(std::slice::from_ref(part), part.tokens.len() - 1);
                let numbers = self.0.scoring.compute(vec![group], limits)?;
                Ok(scores(&[*choice], std::slice::from_ref(part), part.tokens.len() - 1, from, &numbers).remove(0))
            });
            return each.collect();
        }
        let (group, from) = group(&parts, common);
        let numbers = self.0.scoring.compute(vec![group], limits)?;
        Ok(scores(&choices, &parts, common, from, &numbers))
    }

    /// The perplexity of a text, in windows.
    ///
    /// # Errors
    /// [`Code::Range`] for an option out of range, or a text of which no token is scored; otherwise as
    /// [`Scorer::score_choices`].
    pub fn perplexity(&self, text: &str, options: &PerplexityOptions, limits: &Limits) -> Result<Perplexity> {
        let end = until(limits.deadline);
        let limits = jobs::Limits { cancel: limits.cancel.as_ref(), until: end };
        let tokens = bigstack::run(|| self.0.tokens(text))?;
        let groups = self.0.windows(&tokens, options)?;
        if groups.is_empty() {
            let n = tokens.len();
            return Err(Error::new(Code::Range, format!("no token is scored: the text has {n} tokens")));
        }
        let numbers = self.0.scoring.compute(groups, limits)?;
        let n = numbers.len() as f64;
        let sum: f64 = numbers.iter().map(|x| f64::from(*x)).sum();
        let mean = sum / n;
        let squares: f64 = numbers.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
        let perplexity = (-mean).exp();
        Ok(Perplexity {
            perplexity,
            standard_error: perplexity * (squares / n / (n - 1.0).max(1.0)).sqrt(),
            log_probability: sum,
            tokens: numbers.len() as u64,
        })
    }

    /// Takes no more calls, ends those that wait with [`Code::Closed`], and waits until the memory is free; false when
    /// the time ran out first. `None` waits for as long as it takes.
    pub fn close(&self, timeout: Option<Duration>) -> bool {
        self.0.scoring.close(timeout)
    }
}

/// A prompt and a continuation as tokens, and where the continuation's begin.
struct Parts {
    tokens: Vec<Token>,
    border: usize,
}

/// What `parts` have in common as a stem, each one's rest as a branch, and from where on the stem is scored.
fn group(parts: &[Parts], common: usize) -> (Group, usize) {
    let from = parts.iter().map(|p| p.border).min().unwrap_or(common).min(common);
    let stem = parts.first().map(|p| p.tokens[..common].to_vec()).unwrap_or_default();
    let branches = parts.iter().map(|p| p.tokens[common..].to_vec()).collect();
    (Group { stem, scored_from: from, branches }, from)
}

/// A group's numbers as the scores of its choices.
fn scores(choices: &[&str], parts: &[Parts], common: usize, from: usize, numbers: &[f32]) -> Vec<Score> {
    let (stem, mut rest) = numbers.split_at(common - from);
    let score = |(choice, part): (&&str, &Parts)| {
        let (own, others) = rest.split_at(part.tokens.len() - common);
        rest = others;
        let all = [stem, own].concat();
        Score {
            tokens: part.tokens[part.border..].to_vec(),
            log_probabilities: all[part.border - from..].to_vec(),
            common: if choices.len() > 1 { common.saturating_sub(part.border) } else { 0 },
            bytes: choice.len(),
        }
    };
    choices.iter().zip(parts).map(score).collect()
}

impl Inner {
    /// A text as tokens, with BOS where the model wants one. Runs on a big stack.
    fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        let mut tokens = self.model.0.vocabulary.tokenize_on_worker(text, false, self.special_tokens)?;
        if let Some(bos) = self.opener() {
            if tokens.first() != Some(&bos) {
                tokens.insert(0, bos);
            }
        }
        Ok(tokens)
    }

    /// The token that the model wants before a text.
    fn opener(&self) -> Option<Token> {
        let facts = &self.model.0.native.facts;
        (facts.add_bos && facts.bos >= 0).then_some(facts.bos)
    }

    fn split_all(&self, prompt: &str, choices: &[&str], limits: jobs::Limits<'_>) -> Result<Vec<Parts>> {
        bigstack::run(|| {
            let mut text = prompt.to_owned();
            let one = |(index, choice): (usize, &&str)| {
                limits.check("scoring")?;
                text.truncate(prompt.len());
                text.push_str(choice);
                self.split(index, &text, choice.len())
            };
            choices.iter().enumerate().map(one).collect()
        })
    }

    /// A text whose last `bytes` are the continuation.
    fn split(&self, index: usize, text: &str, bytes: usize) -> Result<Parts> {
        if bytes == 0 {
            return Err(Error::new(Code::Range, format!("continuation {index} is empty")));
        }
        let tokens = self.tokens(text)?;
        if tokens.len() > self.max_tokens {
            return Err(Error::new(
                Code::ContextFull,
                format!(
                    "continuation {index} has {} tokens with its prompt, and max_tokens is {}: shorten it, or raise \
                     max_tokens",
                    tokens.len(),
                    self.max_tokens
                ),
            ));
        }
        let mut border = tokens.len();
        let (mut held, mut piece) = (0, Vec::new());
        // From the end, since some tokenizers put a space before a text.
        while held < bytes && border > 0 {
            border -= 1;
            piece.clear();
            self.model.0.vocabulary.piece(tokens[border], self.special_tokens, &mut piece)?;
            held += piece.len();
        }
        if border == 0 {
            return Err(Error::new(
                Code::Range,
                format!("continuation {index} has no token before it, so that its first cannot be scored: give a prompt"),
            ));
        }
        Ok(Parts { tokens, border })
    }

    fn windows(&self, tokens: &[Token], options: &PerplexityOptions) -> Result<Vec<Group>> {
        let window = options.window.unwrap_or(self.max_tokens as u32);
        let stride = options.stride.unwrap_or(window / 2);
        let limits = [
            ("window", window, 2, self.max_tokens as u32),
            ("stride", stride, 1, window),
            ("context", options.context.unwrap_or(1), 1, window - 1),
            ("windows", options.windows.unwrap_or(1), 1, u32::MAX),
        ];
        for (name, value, low, high) in limits {
            if !(low..=high).contains(&value) {
                return Err(range(name, value, low, high));
            }
        }
        let (mut groups, mut scored) = (Vec::new(), 1);
        for start in (0..tokens.len()).step_by(stride as usize) {
            let end = tokens.len().min(start + window as usize);
            // What has nothing before it in its window cannot be scored.
            let from = options.context.map_or(scored.max(start + 1), |c| start + c as usize);
            if from < end {
                let mut stem = tokens[start..end].to_vec();
                if let Some(bos) = self.opener() {
                    stem[0] = bos;
                }
                groups.push(Group { stem, scored_from: from - start, branches: Vec::new() });
                scored = end;
            }
            if end == tokens.len() || options.windows.is_some_and(|most| groups.len() as u32 == most) {
                break;
            }
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(log_probabilities: &[f32], common: usize, bytes: usize) -> Score {
        let tokens = vec![0; log_probabilities.len()];
        Score { tokens, log_probabilities: log_probabilities.to_vec(), common, bytes }
    }

    #[test]
    fn lengths_are_taken_out() {
        let long = score(&[-1.0, -1.0, -1.0, -1.0], 1, 4);
        let short = score(&[-1.0, -2.5], 1, 2);
        assert_eq!(long.log_probability(Normalization::None), -4.0);
        assert_eq!(long.log_probability(Normalization::Tokens), -1.0);
        assert_eq!(short.log_probability(Normalization::Tokens), -2.5);
        assert_eq!(short.log_probability(Normalization::Bytes), -1.75);
        let both = [long, short];
        assert_eq!(likeliest(&both, Normalization::None), Some(1));
        assert_eq!(likeliest(&both, Normalization::Tokens), Some(0));
        assert_eq!(likeliest(&[both[0].clone(), both[0].clone()], Normalization::None), Some(0));
        assert_eq!(likeliest(&[], Normalization::None), None);
    }
}
