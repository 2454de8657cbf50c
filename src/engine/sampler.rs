//! From logits to a token: llama.cpp's samplers over candidates that are chosen in one pass.
//!
//! Handing the whole vocabulary to a chain costs 8% to 64% of a decode step at 262k tokens. A chain with top-k needs
//! only the best k, and those tokens that a bias or a penalty touches: with T touched tokens, the best k after
//! touching lie among the best k + |T| before it and T itself. So those are picked in one pass, and the chain runs
//! over a handful. Chains without top-k (or with top-n-sigma, mirostat) see everything.

use std::collections::HashSet;
use std::ffi::{c_char, CString};
use std::ptr;

use llama_cpp_sys_2::{llama_sampler, llama_token_data};

use super::guard::{self, call, Fault, SamplerParams};
use super::native::NativeModel;
use crate::error::{Code, Error, Result};
use crate::event::TokenLogprob;
use crate::gguf;
use crate::model::Token;
use crate::room;
use crate::sampling::Sampling;

/// Sampling with every default filled in.
#[derive(Clone, Debug, PartialEq)]
struct Settled {
    temperature: f32,
    top_k: u32,
    penalty_last_n: i32,
    repeat_penalty: f32,
    frequency_penalty: f32,
    presence_penalty: f32,
    dry_multiplier: f32,
    dry_penalty_last_n: i32,
    mirostat: u32,
    top_n_sigma: f32,
}

/// A chain of one sequence.
pub(super) struct Sampler {
    /// `None`: the likeliest token, which needs no chain.
    chain: Option<Chain>,
    /// How many candidates the chain needs at least; `None` = all.
    keep: Option<usize>,
    /// How many past tokens it may touch.
    window: usize,
    bias: Vec<(Token, f32)>,
}

struct Chain(*mut llama_sampler);

// SAFETY: a sampler is used by one thread at a time (`&mut`), and does not care which.
unsafe impl Send for Chain {}

impl Drop for Chain {
    fn drop(&mut self) {
        // SAFETY: owned; a fault leaks it.
        let _ = call(|f| unsafe { guard::qg_sampler_free(self.0, f) });
    }
}

/// Room that all sequences of an engine share.
#[derive(Default)]
pub(super) struct Scratch {
    candidates: Vec<llama_token_data>,
    touched: HashSet<Token>,
}

/// The model's recommendation under `general.sampling.<key>`.
fn recommended<T: std::str::FromStr>(info: &gguf::Info, key: &str) -> Option<T> {
    info.sampling.get(key)?.parse().ok()
}

impl Sampler {
    /// `n_ctx` stands for "the whole context" in windows; `history` is what penalties look back at.
    pub(super) fn new(
        model: &NativeModel,
        info: &gguf::Info,
        s: &Sampling,
        seed: u32,
        n_ctx: u32,
        history: &[Token],
    ) -> Result<Sampler> {
        let window = |n: i32| if n < 0 { n_ctx as i32 } else { n.min(n_ctx as i32) };
        let settled = Settled {
            temperature: s.temperature.or_else(|| recommended(info, "temp")).unwrap_or(0.8),
            top_k: s.top_k.or_else(|| recommended(info, "top_k")).unwrap_or(40),
            penalty_last_n: window(s.penalty_last_n.or_else(|| recommended(info, "penalty_last_n")).unwrap_or(64)),
            repeat_penalty: s.repeat_penalty.or_else(|| recommended(info, "penalty_repeat")).unwrap_or(1.0),
            frequency_penalty: s.frequency_penalty.unwrap_or(0.0),
            presence_penalty: s.presence_penalty.unwrap_or(0.0),
            dry_multiplier: s.dry_multiplier.unwrap_or(0.0),
            dry_penalty_last_n: window(s.dry_penalty_last_n.unwrap_or(-1)),
            mirostat: s.mirostat.or_else(|| recommended(info, "mirostat")).unwrap_or(0),
            top_n_sigma: s.top_n_sigma.unwrap_or(-1.0),
        };
        let penalised = settled.penalty_last_n > 0
            && (settled.repeat_penalty != 1.0
                || settled.frequency_penalty != 0.0
                || settled.presence_penalty != 0.0);
        let dry = settled.dry_multiplier > 0.0 && settled.dry_penalty_last_n > 0;
        let greedy = settled.temperature <= 0.0 && settled.mirostat == 0;
        let mut bias = s.logit_bias.clone();
        bias.retain(|(t, _)| (0..model.facts.n_vocab).contains(t));
        let looks_back = [(penalised, settled.penalty_last_n), (dry, settled.dry_penalty_last_n)];
        let window = looks_back.iter().filter(|(on, _)| *on).map(|(_, n)| *n as usize).max().unwrap_or(0);
        if greedy && window == 0 {
            return Ok(Sampler { chain: None, keep: Some(1), window, bias });
        }

        // A greedy chain with penalties is "keep the best one" behind them.
        let top_k = if greedy { 1 } else { settled.top_k };
        let off = |on: f32, value: f32| if greedy { on } else { value };
        let breakers: Vec<CString> = match &s.dry_sequence_breakers {
            Some(own) => own.iter().filter_map(|b| CString::new(b.as_str()).ok()).collect(),
            None => [c"\n", c":", c"\"", c"*"].iter().map(|b| CString::from(*b)).collect(),
        };
        let mut pointers: Vec<*const c_char> = breakers.iter().map(|b| b.as_ptr()).collect();
        let params = SamplerParams {
            temperature: off(1.0, settled.temperature),
            dynatemp_range: off(0.0, s.dynatemp_range.unwrap_or(0.0)),
            dynatemp_exponent: s.dynatemp_exponent.unwrap_or(1.0),
            top_p: off(1.0, s.top_p.or_else(|| recommended(info, "top_p")).unwrap_or(0.95)),
            min_p: off(0.0, s.min_p.or_else(|| recommended(info, "min_p")).unwrap_or(0.05)),
            typical_p: off(1.0, s.typical_p.unwrap_or(1.0)),
            top_n_sigma: off(-1.0, settled.top_n_sigma),
            xtc_probability: off(
                0.0,
                s.xtc_probability.or_else(|| recommended(info, "xtc_probability")).unwrap_or(0.0),
            ),
            xtc_threshold: s.xtc_threshold.or_else(|| recommended(info, "xtc_threshold")).unwrap_or(0.1),
            dry_multiplier: settled.dry_multiplier,
            dry_base: s.dry_base.unwrap_or(1.75),
            repeat_penalty: settled.repeat_penalty,
            frequency_penalty: settled.frequency_penalty,
            presence_penalty: settled.presence_penalty,
            mirostat_tau: s.mirostat_tau.or_else(|| recommended(info, "mirostat_tau")).unwrap_or(5.0),
            mirostat_eta: s.mirostat_eta.or_else(|| recommended(info, "mirostat_eta")).unwrap_or(0.1),
            top_k: top_k as i32,
            dry_allowed_length: s.dry_allowed_length.unwrap_or(2) as i32,
            dry_penalty_last_n: settled.dry_penalty_last_n,
            penalty_last_n: settled.penalty_last_n,
            mirostat: settled.mirostat as i32,
            min_keep: u64::from(s.min_keep.unwrap_or(0)),
            seed,
            dry_breakers: pointers.as_mut_ptr().cast_const(),
            n_dry_breakers: pointers.len(),
        };
        let mut raw = ptr::null_mut();
        // SAFETY: a live model; the breakers live through the call.
        let made = call(|f| unsafe { guard::qg_sampler_new(model.raw(), &params, &mut raw, f) });
        let chain = Chain(raw);
        made?;
        let whole = settled.mirostat != 0 || (!greedy && settled.top_n_sigma > 0.0) || top_k == 0;
        let keep = (!whole).then(|| (top_k as usize).max(s.min_keep.unwrap_or(0) as usize));
        let mut sampler = Sampler { chain: Some(chain), keep, window, bias };
        for token in &history[history.len().saturating_sub(window)..] {
            sampler.accept(*token)?;
        }
        Ok(sampler)
    }

    /// Tells the chain which token was taken.
    pub(super) fn accept(&mut self, token: Token) -> std::result::Result<(), Fault> {
        match &self.chain {
            // SAFETY: owned, and the token is of the vocabulary.
            Some(chain) => call(|f| unsafe { guard::qg_sampler_accept(chain.0, token, f) }),
            None => Ok(()),
        }
    }

    /// Adds the biases, once for each row of logits, and makes `forbidden` tokens impossible.
    pub(super) fn adjust(&self, logits: &mut [f32], forbidden: &[Token]) {
        for token in forbidden {
            logits[*token as usize] = f32::NEG_INFINITY;
        }
        for (token, bias) in &self.bias {
            logits[*token as usize] += bias;
        }
    }

    /// Chooses a token; `history` is the sequence so far.
    pub(super) fn choose(&mut self, logits: &[f32], history: &[Token], scratch: &mut Scratch) -> Result<Token> {
        let Some(chain) = &self.chain else { return best(logits) };

        let candidates = &mut scratch.candidates;
        match self.keep {
            Some(keep) => {
                let touched = &mut scratch.touched;
                touched.clear();
                touched.extend(&history[history.len().saturating_sub(self.window)..]);
                top(logits, keep + touched.len(), candidates)?;
                if !touched.is_empty() {
                    candidates.iter().for_each(|c| {
                        touched.remove(&c.id);
                    });
                    candidates.extend(touched.iter().map(|t| candidate(*t, logits)).filter(is_possible));
                }
            }
            None => {
                best(logits)?; // an error for NaN
                candidates.clear();
                candidates.extend((0..logits.len()).map(|i| candidate(i as Token, logits)).filter(is_possible));
            }
        }
        let mut token = -1;
        // SAFETY: the array lives through the call; samplers change it in place and never let it grow.
        call(|f| unsafe {
            guard::qg_sampler_apply(chain.0, candidates.as_mut_ptr(), candidates.len(), false, &mut token, f)
        })?;
        if token < 0 {
            return Err(Error::new(Code::EngineFault, "the samplers left no token to choose"));
        }
        Ok(token)
    }
}

/// An error when a logit is NaN or infinite.
pub(super) fn check(logits: &[f32]) -> Result<()> {
    best(logits).map(drop)
}

/// Whether no token is possible.
pub(super) fn is_empty(logits: &[f32]) -> bool {
    logits.iter().all(|x| *x == f32::NEG_INFINITY)
}

/// What is impossible has no probability, and must not come where a sampler takes logarithms.
fn is_possible(candidate: &llama_token_data) -> bool {
    candidate.logit > f32::NEG_INFINITY
}

fn candidate(token: Token, logits: &[f32]) -> llama_token_data {
    llama_token_data { id: token, logit: logits[token as usize], p: 0.0 }
}

pub(super) fn broken_logits() -> Error {
    Error::new(Code::Invalid, BROKEN)
}

const BROKEN: &str =
    "the model's logits are not finite (NaN or infinite): its weights, its rope base or an adapter are damaged";

/// Whether an error is [`broken_logits`].
pub(super) fn is_broken(error: &Error) -> bool {
    error.message() == BROKEN
}

/// How many logits are looked at together: the compiler turns each block into vector code.
const BLOCK: usize = 64;

/// The largest of a block, and whether all are numbers below infinity.
fn block_max(block: &[f32]) -> (f32, bool) {
    let mut lanes = [f32::NEG_INFINITY; 8];
    let mut fine = true;
    let chunks = block.chunks_exact(8);
    for x in chunks.remainder() {
        lanes[0] = if *x > lanes[0] { *x } else { lanes[0] };
        fine &= *x < f32::INFINITY;
    }
    let mut bad = [false; 8];
    for chunk in chunks {
        for i in 0..8 {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
            bad[i] |= chunk[i].is_nan() | (chunk[i] == f32::INFINITY);
        }
    }
    fine &= !bad.iter().any(|b| *b);
    (lanes.iter().copied().fold(f32::NEG_INFINITY, f32::max), fine)
}

/// The likeliest token; the first of equals.
fn best(logits: &[f32]) -> Result<Token> {
    let mut found = (0, f32::NEG_INFINITY);
    for (b, block) in logits.chunks(BLOCK).enumerate() {
        let (max, fine) = block_max(block);
        if !fine {
            return Err(broken_logits());
        }
        if max > found.1 {
            found = (b, max);
        }
    }
    if found.1 == f32::NEG_INFINITY {
        return Err(broken_logits());
    }
    let start = found.0 * BLOCK;
    let inside = logits[start..].iter().position(|x| *x == found.1).unwrap_or(0);
    Ok((start + inside) as Token)
}

/// The `k` likeliest tokens, unsorted, in one pass: a block whose best does not beat the k-th so far is skipped.
fn top(logits: &[f32], k: usize, out: &mut Vec<llama_token_data>) -> Result<()> {
    out.clear();
    let k = k.min(logits.len()).max(1);
    let room = k * 2 + BLOCK;
    let mut bar = f32::NEG_INFINITY;
    let mut any = false;
    for (b, block) in logits.chunks(BLOCK).enumerate() {
        let (max, fine) = block_max(block);
        if !fine {
            return Err(broken_logits());
        }
        any |= max > f32::NEG_INFINITY;
        if max <= bar {
            continue;
        }
        for (i, x) in block.iter().enumerate() {
            if *x > bar {
                out.push(llama_token_data { id: (b * BLOCK + i) as Token, logit: *x, p: 0.0 });
            }
        }
        if out.len() >= room {
            cut(out, k);
            bar = out.iter().map(|c| c.logit).fold(f32::INFINITY, f32::min);
        }
    }
    if !any {
        return Err(broken_logits());
    }
    cut(out, k);
    Ok(())
}

fn cut(out: &mut Vec<llama_token_data>, k: usize) {
    if out.len() > k {
        out.select_nth_unstable_by(k - 1, |a, b| b.logit.total_cmp(&a.logit));
        out.truncate(k);
    }
}

/// The log-probability of each of `tokens`-to-be under the raw logits: kept aside before samplers change them.
pub(super) struct Logprobs {
    log_sum: f32,
    top: Vec<(Token, f32)>,
    raw: Vec<f32>,
}

impl Logprobs {
    /// Log-softmax over the row, and its `n` likeliest tokens.
    pub(super) fn new(logits: &[f32], n: usize) -> Result<Logprobs> {
        let max = logits[best(logits)? as usize];
        let sum: f64 = logits.iter().map(|x| f64::from(x - max).exp()).sum();
        let log_sum = max + sum.ln() as f32;
        let mut likeliest = Vec::new();
        if n > 0 {
            top(logits, n, &mut likeliest)?;
            likeliest.sort_unstable_by(|a, b| b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id)));
        }
        let top = likeliest.iter().map(|c| (c.id, c.logit - log_sum)).collect();
        Ok(Logprobs { log_sum, top, raw: room::copied(logits, "logits")? })
    }

    /// What to report for the token that was taken.
    pub(super) fn of(self, token: Token) -> TokenLogprob {
        TokenLogprob { token, logprob: self.raw[token as usize] - self.log_sum, top: self.top }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_best_is_the_first_of_equals() {
        let mut logits = vec![0.0; 1000];
        logits[77] = 3.0;
        logits[900] = 3.0;
        assert_eq!(best(&logits).unwrap(), 77);
    }

    #[test]
    fn nan_and_infinity_are_errors_wherever_they_stand() {
        for at in [0, 5, 63, 64, 998, 999] {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut logits = vec![0.0; 1000];
                logits[at] = bad;
                assert_eq!(best(&logits).unwrap_err().code(), Code::Invalid);
                assert!(top(&logits, 4, &mut Vec::new()).is_err());
            }
        }
        assert!(best(&[f32::NEG_INFINITY; 8]).is_err());
        assert!(top(&[f32::NEG_INFINITY; 8], 2, &mut Vec::new()).is_err());
    }

    #[test]
    fn logprobs_sum_to_one() {
        let logits = [1.0f32, 2.0, 3.0];
        let all: f32 = (0..3).map(|t| Logprobs::new(&logits, 0).unwrap().of(t).logprob.exp()).sum();
        assert!((all - 1.0).abs() < 1e-5);
        assert_eq!(Logprobs::new(&logits, 2).unwrap().of(0).top[0].0, 2);
    }

    proptest! {
        #[test]
        fn top_equals_sorting(values in proptest::collection::vec(-50.0f32..50.0, 1..700), k in 1usize..60) {
            let mut out = Vec::new();
            top(&values, k, &mut out).unwrap();
            let mut got: Vec<f32> = out.iter().map(|c| c.logit).collect();
            got.sort_unstable_by(|a, b| b.total_cmp(a));
            let mut want = values.clone();
            want.sort_unstable_by(|a, b| b.total_cmp(a));
            want.truncate(k);
            prop_assert_eq!(got, want);
        }
    }
}
