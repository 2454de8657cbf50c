//! One answer on its way: its tokens, its sampler, and the text that leaves it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::prefixes::Keep;
use super::reply::Reply;
use super::sampler::{self, Logprobs, Sampler, Scratch};
use super::stream::Channel;
use crate::adapter::Adaptation;
use crate::cancel::Cancel;
use crate::constraint::Guide;
use crate::error::{Code, Error, Result};
use crate::event::{Done, FinishReason, TokenLogprob, Usage};
use crate::model::{Model, Token};
use crate::reading::Reading;
use crate::request::{ContextPolicy, Request};

pub(crate) struct Sequence {
    pub channel: Arc<Channel>,
    pub request: Arc<Request>,
    pub cancel: Option<Cancel>,
    pub key: Arc<str>,
    /// Keep its prefix pinned when it ends.
    pub pin: bool,
    /// Place in the order of submits.
    pub order: u64,
    choice: u32,
    seed: u32,
    /// The prompt, then what was generated.
    pub tokens: Vec<Token>,
    prompt_len: usize,
    /// Tokens of the prompt as it was given.
    prompt_tokens: u32,
    /// Places of the prompt that are worth coming back to, where memory cannot be cut; in order.
    checkpoints: Vec<usize>,
    /// What of its prompt the prefix cache directory wants.
    pub keep: Option<Keep>,
    /// The adapters that act on it.
    pub adaptation: Adaptation,
    /// The step that it was last part of.
    pub stepped: u64,
    /// Tokens behind the prompt that its constraint forces; they are evaluated with it.
    lead: usize,
    generated: u32,
    forced: u32,
    /// The slot of the context while it runs.
    pub slot: Option<usize>,
    /// The row of the step's batch that holds its logits.
    pub row: Option<usize>,
    /// Rows that the step evaluates for it.
    pub in_step: usize,
    /// Whether the step takes them as a running stream's next tokens, and not as part of a prompt.
    pub urgent: bool,
    /// Whether the step's adapters are its own.
    pub takes_part: bool,
    /// Its prompt was held back once, to begin with others.
    pub held: bool,
    sampler: Option<Sampler>,
    guide: Option<Guide>,
    /// Bytes to come that the prompt has already: healing took them back.
    again: usize,
    reply: Reply,
    reading: Arc<Reading>,
    /// Its thought was closed for lack of budget.
    cut: bool,
    clock: Clock,
    pub cached: u32,
    pub preemptions: u32,
    /// Its logits were not finite, which may be its own doing or another's: see `worker/clean.rs`.
    pub suspect: bool,
    dropped_messages: u32,
    /// Whether its DONE was sent.
    told: Arc<AtomicBool>,
}

/// The end of an answer that has not begun, to be sent while its step still runs.
pub(super) struct Farewell {
    channel: Arc<Channel>,
    choice: u32,
    seed: u32,
    usage: Usage,
    submitted: Instant,
    told: Arc<AtomicBool>,
}

impl Farewell {
    pub(super) fn say(mut self, reason: FinishReason) {
        // How long it waited or computed so far.
        let all = self.submitted.elapsed();
        match self.usage.queue {
            Duration::ZERO => self.usage.queue = all,
            queue => self.usage.prefill = all.saturating_sub(queue),
        }
        self.told.store(true, Ordering::Release);
        self.channel.record_tokens(self.choice, &[]);
        self.channel.done(Done { choice: self.choice, reason, usage: self.usage, seed: self.seed });
    }
}

struct Clock {
    submitted: Instant,
    deadline: Option<Instant>,
    admitted: Option<Instant>,
    first: Option<Instant>,
}

/// What the engine's thread lends to a sequence that samples.
pub(super) struct Around<'a> {
    pub model: &'a Model,
    pub enders: &'a [Token],
    pub scratch: &'a mut Scratch,
    pub n_ctx: u32,
}

/// How many choices that go on behind a trigger as the constraint refuses are taken back one by one; then every token
/// of the vocabulary is asked for, which costs more than that.
const CHEAP_REFUSALS: usize = 8;

/// What becomes of a sequence after a token.
pub(super) enum Step {
    Continue,
    /// The context is full and the request wants its oldest tokens dropped.
    Shift,
    Finish(FinishReason),
}

/// What a submit hands to each of its answers.
pub(super) struct Start {
    pub channel: Arc<Channel>,
    pub request: Arc<Request>,
    pub cancel: Option<Cancel>,
    pub pin: bool,
    pub order: u64,
    pub choice: u32,
    pub seed: u32,
    pub submitted: Instant,
    pub tokens: Vec<Token>,
    pub checkpoints: Vec<usize>,
    pub keep: Option<Keep>,
    pub dropped_messages: u32,
    pub adaptation: Adaptation,
    pub guidance: Guidance,
    pub reading: Arc<Reading>,
}

/// What holds an answer to its request's constraint.
#[derive(Default)]
pub(super) struct Guidance {
    pub guide: Option<Guide>,
    /// Tokens that it forces at the beginning; it has taken them.
    pub lead: Vec<Token>,
    /// Bytes at the beginning that are the prompt's.
    pub again: usize,
}

impl Guidance {
    /// The same for another answer.
    pub(super) fn fresh(&self) -> Guidance {
        Guidance { guide: self.guide.as_ref().map(Guide::fresh), lead: self.lead.clone(), again: self.again }
    }
}

/// What cached prefixes must have in common to be shared, beside their tokens. The first two NULs part the three, so that
/// no cache key can look like another with adapters.
pub(super) fn prefix_key(adaptation: &Adaptation, request: &Request) -> Arc<str> {
    Arc::from(format!("{}\0{}\0{}", adaptation.key(), request.origin, request.cache_key))
}

impl Sequence {
    pub(super) fn new(start: Start) -> Sequence {
        let Start {
            channel,
            request,
            cancel,
            pin,
            order,
            choice,
            seed,
            submitted,
            tokens,
            checkpoints,
            keep,
            dropped_messages,
            adaptation,
            guidance,
            reading,
        } = start;
        let Guidance { guide, lead, again } = guidance;
        // Another id for every call: of each answer, and of each turn of a chat with a fixed seed.
        let salt = (u64::from(seed) << 32) ^ (u64::from(choice) << 24) ^ tokens.len() as u64;
        let deadline = request.deadline.and_then(|d| submitted.checked_add(d));
        Sequence {
            key: prefix_key(&adaptation, &request),
            prompt_len: tokens.len(),
            prompt_tokens: tokens.len() as u32,
            lead: lead.len(),
            guide,
            again,
            reply: Reply::new(&channel, choice, &request, reading.parser(&request, salt)),
            reading,
            cut: false,
            clock: Clock { submitted, deadline, admitted: None, first: None },
            channel,
            request,
            cancel,
            pin,
            order,
            choice,
            seed,
            checkpoints,
            keep,
            adaptation,
            stepped: 0,
            tokens: [tokens, lead].concat(),
            generated: 0,
            forced: 0,
            slot: None,
            row: None,
            in_step: 0,
            urgent: false,
            takes_part: false,
            held: false,
            sampler: None,
            cached: 0,
            preemptions: 0,
            suspect: false,
            dropped_messages,
            told: Arc::default(),
        }
    }

    /// What ends its stream before it has begun to answer.
    pub(super) fn farewell(&self) -> Option<Farewell> {
        let Clock { submitted, admitted, .. } = self.clock;
        (self.generated == 0 && !self.told.load(Ordering::Acquire)).then(|| Farewell {
            channel: Arc::clone(&self.channel),
            choice: self.choice,
            seed: self.seed,
            usage: Usage {
                prompt_tokens: self.prompt_tokens,
                cached_tokens: self.cached,
                queue: admitted.map_or(Duration::ZERO, |a| a.saturating_duration_since(submitted)),
                preemptions: self.preemptions,
                dropped_messages: self.dropped_messages,
                ..Usage::default()
            },
            submitted,
            told: Arc::clone(&self.told),
        })
    }

    /// New tokens so far.
    pub(super) fn generated(&self) -> u32 {
        self.generated
    }

    /// Whether it is past its prompt: the next token is waited for.
    pub(super) fn is_decoding(&self) -> bool {
        self.generated > 0
    }

    /// Tokens from here to the next checkpoint, or to where its prefix is kept.
    pub(super) fn until_checkpoint(&self, done: usize) -> usize {
        let keep = self.keep.as_ref().map(|k| k.tokens);
        let places = self.checkpoints.iter().copied().chain(keep);
        places.filter(|c| *c > done).map(|c| c - done).min().unwrap_or(usize::MAX)
    }

    pub(super) fn is_checkpoint(&self, done: usize) -> bool {
        self.checkpoints.binary_search(&done).is_ok()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.clock.deadline
    }

    pub(super) fn prompt(&self) -> &[Token] {
        &self.tokens[..self.prompt_len]
    }

    /// Why it should end now, if it should.
    pub(super) fn interrupted(&self) -> Option<FinishReason> {
        self.channel.interrupted(self.cancel.as_ref(), self.clock.deadline)
    }

    /// It begins to run, with this many tokens from the cache.
    pub(super) fn admitted(&mut self, model: &Model, slot: usize, cached: usize, n_ctx: u32) -> Result<()> {
        self.slot = Some(slot);
        if self.clock.admitted.is_none() {
            self.clock.admitted = Some(Instant::now());
            self.cached = cached as u32;
        }
        if self.sampler.is_none() && self.request.max_tokens != Some(0) {
            let (native, info) = (&model.0.native, model.info());
            let sampling = &self.request.sampling;
            self.sampler = Some(Sampler::new(native, info, sampling, self.seed, n_ctx, &self.tokens)?);
        }
        Ok(())
    }

    /// Takes the next token from its logits, and those that a constraint then forces, and sends what text is ready.
    pub(super) fn sample(&mut self, logits: &mut [f32], around: &mut Around<'_>) -> Result<Step> {
        if self.request.max_tokens == Some(0) {
            return Ok(Step::Finish(FinishReason::Length));
        }
        self.clock.first.get_or_insert_with(Instant::now);
        for i in 0..std::mem::take(&mut self.lead) {
            if let Some(reason) = self.take_forced(self.prompt_len + i, around)? {
                return Ok(Step::Finish(reason));
            }
        }
        let logprobs = self.request.logprobs.map(|n| Logprobs::new(logits, n as usize)).transpose()?;
        let token = self.choose(logits, around)?;
        if around.model.is_eog(token) {
            return Ok(Step::Finish(FinishReason::Stop));
        }
        self.accept(token)?;
        if let Some(reason) = self.take(self.tokens.len() - 1, logprobs.map(|l| l.of(token)), around)? {
            return Ok(Step::Finish(reason));
        }
        // A forced token has no logits of its own, so whoever wants logprobs samples each.
        let forced = match &mut self.guide {
            Some(guide) if self.request.logprobs.is_none() => guide.forced(),
            _ => Vec::new(),
        };
        for token in forced {
            // What does not fit now is forced again later.
            if self.tokens.len() >= around.n_ctx as usize {
                break;
            }
            self.accept(token)?;
            if let Some(reason) = self.take_forced(self.tokens.len() - 1, around)? {
                return Ok(Step::Finish(reason));
            }
        }
        if let Some(reason) = self.cut_thought(around)? {
            return Ok(Step::Finish(reason));
        }
        Ok(match (self.tokens.len() >= around.n_ctx as usize, self.request.context_policy) {
            (false, _) => Step::Continue,
            (true, ContextPolicy::Shift) => Step::Shift,
            (true, _) => Step::Finish(FinishReason::Length),
        })
    }

    /// Closes a thought whose budget is spent, with tokens of its own.
    fn cut_thought(&mut self, around: &mut Around<'_>) -> Result<Option<FinishReason>> {
        let spent = self.reading.budget.is_some_and(|most| self.reply.reasoning_tokens >= most);
        if self.cut || !spent || !self.reply.is_thinking() || !self.reply.is_whole() {
            return Ok(None);
        }
        self.cut = true;
        let reading = Arc::clone(&self.reading);
        for token in &reading.cut {
            if self.tokens.len() >= around.n_ctx as usize {
                break;
            }
            self.accept(*token)?;
            if let Some(reason) = self.take(self.tokens.len() - 1, None, around)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    /// Which tokens a shift drops: the older half of those behind `shift_keep` (and behind the token that opens the
    /// text). `None` when too few are left to drop.
    pub(super) fn droppable(&self, bos: Option<Token>) -> Option<Range<usize>> {
        let opener = usize::from(bos.is_some() && self.tokens.first().copied() == bos);
        let keep = opener.max(self.request.shift_keep as usize);
        let drop = self.tokens.len().saturating_sub(keep) / 2;
        (drop > 0).then(|| keep..keep + drop)
    }

    /// Forgets tokens of the middle.
    pub(super) fn shift(&mut self, dropped: Range<usize>) {
        self.prompt_len -= dropped.end.min(self.prompt_len).saturating_sub(dropped.start);
        self.checkpoints.clear();
        self.keep = None;
        self.adaptation.shift(&dropped);
        self.tokens.drain(dropped);
    }

    /// Chooses a token that the constraint allows.
    fn choose(&mut self, logits: &mut [f32], around: &mut Around<'_>) -> Result<Token> {
        let sampler =
            self.sampler.as_mut().ok_or_else(|| Error::new(Code::Panic, "a sequence without a sampler"))?;
        let may_end = self.generated >= self.request.min_tokens && !self.request.ignore_eos;
        let forbidden = if may_end { &[] } else { around.enders };
        let Some(guide) = &mut self.guide else {
            sampler.adjust(logits, forbidden);
            return sampler.choose(logits, &self.tokens, around.scratch);
        };
        if guide.is_idle() {
            sampler.adjust(logits, forbidden);
            for _ in 0..CHEAP_REFUSALS {
                let token = sampler.choose(logits, &self.tokens, around.scratch)?;
                if guide.allows(token)? {
                    return Ok(token);
                }
                logits[token as usize] = f32::NEG_INFINITY;
            }
            for token in (0..logits.len()).filter(|t| logits[*t] > f32::NEG_INFINITY).collect::<Vec<_>>() {
                if !guide.allows(token as Token)? {
                    logits[token] = f32::NEG_INFINITY;
                }
            }
            return sampler.choose(logits, &self.tokens, around.scratch);
        }
        // Before the mask, which may hide what is broken.
        sampler::check(logits)?;
        guide.mask()?.apply(logits);
        sampler.adjust(logits, forbidden);
        if sampler::is_empty(logits) {
            let message = "the constraint leaves no token that logit_bias, min_tokens and ignore_eos allow";
            return Err(Error::new(Code::Grammar, message));
        }
        sampler.choose(logits, &self.tokens, around.scratch)
    }

    /// A token becomes part of the sequence.
    fn accept(&mut self, token: Token) -> Result<()> {
        if let Some(sampler) = &mut self.sampler {
            sampler.accept(token)?;
        }
        if let Some(guide) = &mut self.guide {
            guide.accept(token)?;
        }
        self.tokens.push(token);
        Ok(())
    }

    fn take_forced(&mut self, at: usize, around: &Around<'_>) -> Result<Option<FinishReason>> {
        self.forced += 1;
        self.take(at, None, around)
    }

    /// Counts and sends the token at `at`; says why the answer ends with it, if it does.
    fn take(
        &mut self,
        at: usize,
        logprob: Option<TokenLogprob>,
        around: &Around<'_>,
    ) -> Result<Option<FinishReason>> {
        self.generated += 1;
        let may_stop = self.generated > self.request.min_tokens;
        if self.reply.token(around.model, self.tokens[at], logprob, may_stop, &mut self.again)? {
            return Ok(Some(FinishReason::Stop));
        }
        if let Some(guide) = &mut self.guide {
            if at + 1 == self.tokens.len() && guide.is_finished() {
                return Ok(Some(FinishReason::Stop));
            }
            if guide.only_heals() && self.again == 0 {
                self.guide = None;
            }
        }
        let long = self.request.max_tokens.is_some_and(|max| self.generated >= max);
        Ok(long.then_some(FinishReason::Length))
    }

    /// Sends what is held back, and DONE.
    pub(super) fn finish(mut self, reason: FinishReason) {
        if self.told.load(Ordering::Acquire) {
            return;
        }
        if self.generated > 0 {
            self.reply.finish();
        }
        let reason = match reason {
            FinishReason::Stop if self.reply.calls() > 0 => FinishReason::ToolCalls,
            other => other,
        };
        let now = Instant::now();
        let since = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_duration_since(from),
            _ => Duration::ZERO,
        };
        let Clock { submitted, admitted, first, .. } = self.clock;
        let usage = Usage {
            prompt_tokens: self.prompt_tokens,
            cached_tokens: self.cached,
            output_tokens: self.generated,
            forced_tokens: self.forced,
            reasoning_tokens: self.reply.reasoning_tokens,
            queue: since(Some(submitted), admitted.or(Some(now))),
            prefill: since(admitted, first.or(Some(now))),
            first_token: since(Some(submitted), first),
            decode: since(first, Some(now)),
            preemptions: self.preemptions,
            dropped_messages: self.dropped_messages,
        };
        self.channel.record_tokens(self.choice, self.tokens.get(self.prompt_len..).unwrap_or_default());
        self.channel.done(Done { choice: self.choice, reason, usage, seed: self.seed });
    }
}
