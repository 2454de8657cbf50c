//! A compiled constraint at work on one answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use llguidance::api::StopReason;
use llguidance::toktrie::{SimpleVob, TokEnv, TokTrie};
use llguidance::{panic_utils, Matcher, TokenParser};

use super::grammar_error;
use crate::error::{Code, Error, Result};
use crate::model::Token;

/// A constraint that was compiled, before any answer.
pub(crate) struct Compiled {
    /// Never started, only cloned.
    pub(super) parser: Arc<TokenParser>,
    pub(super) only_heals: bool,
}

/// Says which tokens may come next, and is told which one came.
pub(crate) struct Guide {
    matcher: Matcher,
    env: TokEnv,
    /// Until one of these texts was generated the answer is free; the constraint begins behind it.
    lazy: Option<Lazy>,
    only_heals: bool,
    mask: Mask,
}

/// What an answer has of its triggers so far.
struct Lazy {
    triggers: Vec<String>,
    longest: usize,
    /// The end of the text so far, shorter than the longest trigger.
    seen: Vec<u8>,
}

/// The tokens that may come next, one bit each.
#[derive(Default)]
pub(crate) struct Mask(SimpleVob);

/// So many tokens at the end of a prompt are looked at for healing.
const HEALED_TOKENS: usize = 8;

/// What healing makes of a prompt.
pub(crate) type Healed = (Guide, Vec<Token>, Vec<Token>, usize);

impl Compiled {
    /// A guide that begins with the answer.
    pub(crate) fn guide(&self) -> Guide {
        self.start(self.parser.deep_clone())
    }

    fn start(&self, parser: TokenParser) -> Guide {
        let env = parser.token_env.clone();
        let matcher = Matcher::new(Ok(parser));
        Guide { matcher, env, lazy: None, only_heals: self.only_heals, mask: Mask::default() }
    }

    /// Whether a text is all that it asks for. A failure on the way counts as an error, not as a no.
    pub(super) fn accepts(&self, text: &str) -> Result<bool> {
        let mut matcher = self.guide().matcher;
        let tokens = self.parser.token_env.tokenize_bytes(text.as_bytes());
        let taken = matcher.try_consume_tokens(&tokens).map_err(|e| failed(&e))?;
        if taken < tokens.len() {
            return Ok(false);
        }
        Ok(matcher.is_stopped() || matcher.is_accepting().map_err(|e| failed(&e))?)
    }

    /// Takes back the end of a prompt, as far as it could also be spelled by other tokens together with what follows.
    /// Gives the guide, the prompt that is left, tokens that must follow it, and how many bytes of what follows the
    /// prompt had already.
    pub(crate) fn heal(&self, mut prompt: Vec<Token>) -> Result<Healed> {
        let mut parser = self.parser.deep_clone();
        if !parser.token_env.tokenize_is_canonical() {
            return Err(Error::new(
                Code::Unsupported,
                "heal: this model's tokenizer does not give texts back as they are, so its prompts cannot be healed",
            ));
        }
        let env = parser.token_env.clone();
        let trie = env.tok_trie();
        let plain =
            prompt.iter().rev().take(HEALED_TOKENS).take_while(|t| !trie.is_special_token(**t as u32)).count();
        let tail: Vec<u32> = prompt.split_off(prompt.len() - plain).into_iter().map(|t| t as u32).collect();
        let bytes = trie.decode_raw(&tail).len();
        let healed = panic_utils::catch_unwind(AssertUnwindSafe(|| Ok(parser.process_prompt(tail))));
        let mut healed =
            healed.map_err(|e| failed(&e))?.into_iter().map(|t| (t as Token, trie.token_len(t))).peekable();
        let mut kept = 0;
        while let Some((token, length)) = healed.next_if(|(_, length)| kept + length <= bytes) {
            kept += length;
            prompt.push(token);
        }
        let forced = healed.map(|(token, _)| token).collect();
        if prompt.is_empty() {
            return Err(Error::new(
                Code::Range,
                "heal: the prompt has nothing that comes before what is taken back",
            ));
        }
        Ok((self.start(parser), prompt, forced, bytes - kept))
    }
}

impl Guide {
    /// As new, for another answer to the same prompt.
    pub(crate) fn fresh(&self) -> Guide {
        let lazy = self.lazy.as_ref().map(|l| Lazy::new(l.triggers.clone()));
        let (matcher, env) = (self.matcher.deep_clone(), self.env.clone());
        Guide { matcher, env, lazy, only_heals: self.only_heals, mask: Mask::default() }
    }

    /// Lets the answer be free until it holds one of `triggers`.
    pub(crate) fn behind(mut self, triggers: &[String]) -> Guide {
        self.lazy = (!triggers.is_empty()).then(|| Lazy::new(triggers.to_vec()));
        self
    }

    /// Whether every token is free for now.
    pub(crate) fn is_idle(&self) -> bool {
        self.lazy.is_some()
    }

    /// Whether it only spells the end of the prompt anew: then it is done with that.
    pub(crate) fn only_heals(&self) -> bool {
        self.only_heals
    }

    /// Whether the text is complete and nothing more can follow.
    pub(crate) fn is_finished(&self) -> bool {
        !self.is_idle() && !self.matcher.is_error() && self.matcher.stop_reason() != StopReason::NotStopped
    }

    /// Which tokens may come next; at least one.
    pub(crate) fn mask(&mut self) -> Result<&Mask> {
        self.mask = Mask(self.matcher.compute_mask().map_err(|e| failed(&e))?);
        Ok(&self.mask)
    }

    /// Whether a token that was chosen freely may stand: not so when it completes a trigger and goes on with text that
    /// the constraint does not allow behind it.
    pub(crate) fn allows(&mut self, token: Token) -> Result<bool> {
        let Some(lazy) = &self.lazy else { return Ok(true) };
        let Some(rest) = lazy.completed_by(bytes_of(self.env.tok_trie(), token)) else { return Ok(true) };
        if rest.is_empty() {
            return Ok(true);
        }
        let rest = self.env.tokenize_bytes(&rest);
        let n = self.matcher.validate_tokens(&rest).map_err(|e| failed(&e))?;
        Ok(n == rest.len())
    }

    /// Takes a token that the mask allows, or that [`Guide::allows`].
    pub(crate) fn accept(&mut self, token: Token) -> Result<()> {
        let Some(lazy) = &mut self.lazy else {
            return self.matcher.consume_token(token as u32).map_err(|e| failed(&e));
        };
        let bytes = bytes_of(self.env.tok_trie(), token);
        match lazy.completed_by(bytes) {
            None => lazy.push(bytes),
            Some(rest) => {
                self.lazy = None;
                let rest = self.env.tokenize_bytes(&rest);
                self.matcher.consume_tokens(&rest).map_err(|e| failed(&e))?;
            }
        }
        Ok(())
    }

    /// The tokens that must come next, where there is no choice; each must be accepted.
    pub(crate) fn forced(&mut self) -> Vec<Token> {
        if self.is_idle() || self.is_finished() || !self.env.tokenize_is_canonical() {
            return Vec::new();
        }
        self.matcher.compute_ff_tokens().into_iter().map(|t| t as Token).collect()
    }

    /// As [`Guide::forced`], at most `most` of them, and accepts them.
    pub(crate) fn take_forced(&mut self, most: usize) -> Result<Vec<Token>> {
        let mut forced = self.forced();
        forced.truncate(most);
        forced.iter().try_for_each(|t| self.accept(*t))?;
        Ok(forced)
    }
}

impl Lazy {
    fn new(triggers: Vec<String>) -> Lazy {
        let longest = triggers.iter().map(String::len).max().unwrap_or(0);
        Lazy { triggers, longest, seen: Vec::new() }
    }

    /// When these bytes complete a trigger: what of them stands behind it.
    fn completed_by(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut text = self.seen.clone();
        text.extend_from_slice(bytes);
        let ends = self.triggers.iter().filter_map(|t| find(&text, t.as_bytes()).map(|at| at + t.len()));
        ends.min().map(|end| text[end..].to_vec())
    }

    fn push(&mut self, bytes: &[u8]) {
        self.seen.extend_from_slice(bytes);
        let keep = self.seen.len().min(self.longest.saturating_sub(1));
        self.seen.drain(..self.seen.len() - keep);
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len().max(1)).position(|w| w == what)
}

/// A token's text; a special one's by its name.
fn bytes_of(trie: &TokTrie, token: Token) -> &[u8] {
    let bytes = trie.token(token as u32);
    bytes.strip_prefix(&[TokTrie::SPECIAL_TOKEN_MARKER]).unwrap_or(bytes)
}

impl Mask {
    /// Makes every token that may not come impossible.
    pub(crate) fn apply(&self, logits: &mut [f32]) {
        let words = self.0.as_slice();
        for (i, block) in logits.chunks_mut(32).enumerate() {
            match words.get(i).copied().unwrap_or(0) {
                u32::MAX => {}
                0 => block.fill(f32::NEG_INFINITY),
                word => {
                    for (bit, logit) in block.iter_mut().enumerate() {
                        if word >> bit & 1 == 0 {
                            *logit = f32::NEG_INFINITY;
                        }
                    }
                }
            }
        }
    }
}

/// llguidance's errors speak of the text, so only their kind goes on.
fn failed(error: &impl std::fmt::Display) -> Error {
    let text = error.to_string();
    let why = if text.contains("NoExtensionBias") || text.contains("no tokens") {
        "no token of the vocabulary can follow"
    } else if text.starts_with("lexer error") || text.contains("TooComplex") || text.starts_with("parser error") {
        "it has become too complex at this point: simplify it"
    } else if text.starts_with("panic") {
        "llguidance failed inside"
    } else {
        "the text does not follow it"
    };
    grammar_error(format!("the constraint cannot be kept: {why}"))
}
