//! The engine: one thread that owns a context over a model and serves many requests at once.
//!
//! `guard` and `native` reach llama.cpp; `worker` is the thread; `slots` and `pace` are its bookkeeping; `sequence`
//! and `sampler` make one answer; `crew` gives each step its threads, by what `governor`, `load` and `team` say; `stream`
//! carries an answer out, `wake` tells who waits; `rest` and `pages` let go of what is held; `pool` and `bigstack` are
//! where prompts become tokens.
#![allow(unsafe_code)]

pub(crate) mod bigstack;
mod cpu;
mod crew;
pub(crate) mod dry;
pub(crate) mod embed;
mod exit;
mod gather;
mod governor;
pub(crate) mod guard;
#[cfg_attr(
    any(
        not(unix),
        target_os = "android",
        target_os = "ios",
        target_os = "tvos",
        target_os = "watchos",
        target_os = "visionos"
    ),
    path = "isolated/none.rs"
)]
pub(crate) mod isolated;
pub(crate) mod jobs;
mod layout;
mod load;
pub(crate) mod native;
pub(crate) mod options;
mod pace;
pub(crate) mod pages;
mod pool;
mod prefixes;
mod reply;
mod rest;
mod sampler;
pub(crate) mod score;
mod sequence;
mod shared;
mod slots;
mod softmax;
mod stats;
mod stranded;
mod stream;
mod submission;
mod team;
mod tokens;
pub(crate) mod wake;
mod watch;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::adapter::{self, Adaptation};
use crate::cancel::Cancel;
use crate::constraint;
use crate::context_policy;
use crate::error::{Code, Error, Result};
use crate::event::{Done, FinishReason, Usage};
use crate::log::{self, Level};
use crate::message::Message;
use crate::model::{Inner, Model, Token};
use crate::plan::{self, Plan};
use crate::reading::Reading;
use crate::request::{ContextPolicy, Prompt, Request};
use crate::transcript::Transcript;

pub(crate) use cpu::{default_threads, version};
#[cfg(feature = "test-hooks")]
#[doc(hidden)]
pub use guard::caught_faults;
pub use guard::{devices, Device};
pub(crate) use layout::Piece;
pub(crate) use options::{check_generates, check_threads, Resolved};
pub use options::{CacheType, EngineOptions, FlashAttention};
pub(crate) use prefixes::Access;
pub use rest::Trim;
pub(crate) use slots::common;
pub use stats::Stats;
pub(crate) use stream::{Channel, Recorder};
pub use stream::{Stream, StreamCanceller};
pub(crate) use worker::Held;

use guard::ContextParams;
use native::Context;
use prefixes::Keep;
use sequence::{Guidance, Sequence, Start};
use shared::Shared;
use submission::Submission;
use watch::Watch;

/// Serves requests over a model. Clones share it; any thread may use it. When the last clone is gone its thread ends
/// by itself and running streams get [`Code::Closed`]; nothing waits for that.
#[derive(Clone)]
pub struct Engine(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    model: Model,
    options: Resolved,
    order: AtomicU64,
    /// Where it runs in a process of its own. Then `shared` has no thread that computes, but one that tells that process.
    remote: Option<Arc<isolated::Remote>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("n_ctx", &self.n_ctx()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine.
    ///
    /// # Errors
    /// [`Code::Range`] for an option out of range, [`Code::Unsupported`] for a model that does not generate text,
    /// [`Code::OutOfMemory`] when the context does not fit into what the system has left, [`Code::TooLarge`] when it would not fit `memory_budget`. With
    /// `isolated` also [`Code::NotFound`] for a worker that is not there, [`Code::Unsupported`] for one of another build
    /// and where there are none, [`Code::Invalid`] when the model's file was changed since it was loaded,
    /// [`Code::EngineFault`] when the worker died.
    pub fn new(model: &Model, options: EngineOptions) -> Result<Engine> {
        if let Some(budget) = options.memory_budget {
            Plan::for_engine(model, &options)?.check(budget)?;
        }
        let mut options = options.resolve(model.info(), &model.0.native.facts)?;
        let shared = Arc::new(Shared::new(options.threads, options.threads_batch));
        if options.options.isolated {
            let remote = isolated::start(&shared, model, &options)?;
            options.kv_tokens = remote.kv_tokens();
            return Ok(Engine::with(shared, model, options, Some(remote)));
        }
        plan::spare::check_engine(model, &options)?;
        let watch = Arc::new(Watch::new(Arc::clone(&shared)));
        let (mut context, kv_tokens) = {
            let watch = Arc::clone(&watch);
            let options = &options;
            bigstack::run(move || new_context(model, options, &watch))?
        };
        options.kv_tokens = kv_tokens;
        let _ = &mut context;
        let stop: Arc<dyn exit::Stop> = shared.clone();
        exit::register(Arc::downgrade(&stop));
        let worker = {
            let (shared, model, options) = (Arc::clone(&shared), model.clone(), options.clone());
            move || worker::Worker::new(shared, model, options, context, watch).run()
        };
        std::thread::Builder::new().name("qask-engine".into()).stack_size(bigstack::STACK).spawn(worker).map_err(
            |e| Error::new(Code::OutOfMemory, format!("the engine's thread could not be started: {e}")),
        )?;
        log::write(Level::Info, || {
            let Resolved { n_ctx, kv_tokens, max_sequences, threads, .. } = &options;
            format!("engine started: n_ctx {n_ctx}, kv_tokens {kv_tokens}, max_sequences {max_sequences}, threads {threads}")
        });
        Ok(Engine::with(shared, model, options, None))
    }

    fn with(
        shared: Arc<Shared>,
        model: &Model,
        options: Resolved,
        remote: Option<Arc<isolated::Remote>>,
    ) -> Engine {
        Engine(Arc::new(Handle { shared, model: model.clone(), options, order: AtomicU64::new(0), remote }))
    }

    /// Queues a request and returns at once; every failure after the check of its fields arrives on the stream.
    ///
    /// # Errors
    /// [`Code::Range`] for a field out of range, [`Code::QueueFull`], [`Code::Closed`], [`Code::EngineFault`].
    pub fn submit(&self, request: &Request) -> Result<Stream> {
        self.submit_with(request, None)
    }

    /// As [`Engine::submit`], and ends with `cancelled` when `cancel` is raised.
    pub fn submit_with(&self, request: &Request, cancel: Option<Cancel>) -> Result<Stream> {
        self.start(request.clone(), cancel, Extras::default())
    }

    /// As [`Engine::submit_with`], for a generation that is followed, with what is known of its prompt's beginning.
    pub(crate) fn submit_followed(
        &self,
        request: Request,
        cancel: Option<Cancel>,
        recorder: Arc<dyn Recorder>,
        before: Option<Arc<Transcript>>,
    ) -> Result<Stream> {
        self.start(request, cancel, Extras { recorder: Some(recorder), before, ..Extras::default() })
    }

    /// Evaluates a request's prompt so that later requests that begin with it start faster, and generates nothing.
    /// With `pin` it stays until [`Engine::unpin`]. The stream ends with DONE when it is ready.
    pub fn prewarm(&self, request: &Request, pin: bool) -> Result<Stream> {
        let mut request = request.clone();
        request.max_tokens = Some(0);
        request.min_tokens = 0;
        request.n = 1;
        self.start(request, None, Extras { pin, ..Extras::default() })
    }

    /// Lets every pinned prefix be dropped when room is needed.
    pub fn unpin(&self) -> Result<()> {
        self.0.shared.check()?;
        self.0.shared.tell(|inbox| inbox.unpin = true);
        Ok(())
    }

    fn start(&self, request: Request, cancel: Option<Cancel>, extras: Extras) -> Result<Stream> {
        let channel = self.begin(request, cancel, extras)?;
        Ok(Stream::new(channel, Arc::clone(&self.0.shared)))
    }

    fn begin(&self, request: Request, cancel: Option<Cancel>, extras: Extras) -> Result<Arc<Channel>> {
        request.check()?;
        adapter::check(&request.adapters, &self.0.model)?;
        let shared = &self.0.shared;
        shared.check()?;
        let n = request.n as usize;
        let limit = self.0.options.options.max_queue as usize;
        let queued = shared.queued.fetch_add(n, Ordering::AcqRel);
        if queued + n > limit {
            shared.queued.fetch_sub(n, Ordering::AcqRel);
            return Err(Error::new(
                Code::QueueFull,
                format!("{queued} answers wait already and max_queue is {limit}: try again later"),
            ));
        }
        let followed = extras.recorder.is_some();
        let channel = Arc::new(Channel::new(request.n, extras.recorder));
        let submitted = extras.submitted.unwrap_or_else(Instant::now);
        if let Some(remote) = &self.0.remote {
            let Extras { pin, before, .. } = extras;
            let submission = Submission { request, pin, followed, before, submitted };
            remote.submit(submission, &channel, cancel).inspect_err(|_| {
                shared.queued.fetch_sub(n, Ordering::AcqRel);
            })?;
            shared.with_stats(|s| s.submitted += n as u64);
            return Ok(channel);
        }
        let job = Prepare {
            shared: Arc::clone(shared),
            model: self.0.model.clone(),
            options: self.0.options.clone(),
            channel: Arc::clone(&channel),
            request: Arc::new(request),
            cancel,
            pin: extras.pin,
            before: extras.before,
            order: self.0.order.fetch_add(1, Ordering::Relaxed),
            submitted,
        };
        shared.register(&channel).and_then(|()| pool::spawn(move || job.run())).inspect_err(|_| {
            shared.queued.fetch_sub(n, Ordering::AcqRel);
        })?;
        shared.with_stats(|s| s.submitted += n as u64);
        Ok(channel)
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let mut stats = self.0.shared.with_stats(|s| *s);
        if let Some(remote) = &self.0.remote {
            stats = remote.stats(stats);
        }
        stats.queued = self.0.shared.queued.load(Ordering::Acquire) as u32;
        stats
    }

    /// Changes the thread counts from the next step on, which are the most that are used
    /// ([`EngineOptions::adapt_threads`]); 1 to 512 each.
    pub fn set_threads(&self, threads: u32, threads_batch: u32) -> Result<()> {
        options::check_threads("threads", threads)?;
        options::check_threads("threads_batch", threads_batch)?;
        self.0.shared.check()?;
        self.0.shared.threads.store(threads, Ordering::Relaxed);
        self.0.shared.threads_batch.store(threads_batch, Ordering::Relaxed);
        self.0.shared.wake();
        Ok(())
    }

    /// Takes no more requests, ends what runs, and waits until the engine's memory is free; false when the time ran
    /// out first. `None` waits for as long as it takes.
    pub fn close(&self, timeout: Option<Duration>) -> Result<bool> {
        self.0.shared.close();
        Ok(self.0.shared.wait_finished(timeout))
    }

    /// What saves and restores prefixes; `interrupted` says whether its call was given up.
    pub(crate) fn access<'a>(&'a self, interrupted: &'a dyn Fn() -> bool) -> Access<'a> {
        let Handle { shared, model, options, remote, .. } = &*self.0;
        Access { shared, model, options, interrupted, remote: remote.as_deref() }
    }

    /// The model it runs.
    pub fn model(&self) -> &Model {
        &self.0.model
    }

    /// Tokens that one sequence may hold.
    pub fn n_ctx(&self) -> u32 {
        self.0.options.n_ctx
    }

    /// Tokens that the KV cache holds.
    pub fn kv_tokens(&self) -> u32 {
        self.0.options.kv_tokens
    }

    /// Makes llama.cpp assert on the engine's thread.
    #[cfg(feature = "test-hooks")]
    pub fn provoke_fault(&self) -> Result<()> {
        if let Some(remote) = &self.0.remote {
            remote.provoke(0);
            return Ok(());
        }
        self.0.shared.tell(|inbox| inbox.provoke_fault = true);
        Ok(())
    }

    /// Raises a signal in the process of an isolated engine, or does nothing.
    #[cfg(feature = "test-hooks")]
    pub fn provoke_signal(&self, signal: i32) {
        if let Some(remote) = &self.0.remote {
            remote.provoke(signal);
        }
    }

    /// The process of an isolated engine, while it runs.
    #[cfg(feature = "test-hooks")]
    pub fn worker_id(&self) -> Option<u32> {
        self.0.remote.as_ref().and_then(|r| r.worker_id())
    }

    /// What the process of an isolated engine could do of what it must not, and of what it must: names, and numbers of
    /// errors. `inside` is the prefix cache's folder; what has to be in `outside` is in `sandbox.rs`.
    #[cfg(feature = "test-hooks")]
    pub fn probe_worker(&self, inside: &std::path::Path, outside: &std::path::Path) -> Result<Vec<(String, i32)>> {
        self.0.remote.as_ref().map_or(Ok(Vec::new()), |r| r.probe(inside, outside))
    }

    /// Makes ggml assert on a thread of its own while the engine's thread computes.
    #[cfg(feature = "test-hooks")]
    pub fn provoke_stranding(&self) -> Result<()> {
        self.0.shared.tell(|inbox| inbox.provoke_stranding = true);
        Ok(())
    }

    /// The stream that a model would make which writes `output`: how bindings run the recorded outputs.
    #[cfg(feature = "test-hooks")]
    pub fn replay(&self, parser: crate::output::Parser, output: &str) -> Stream {
        let channel = Arc::new(Channel::new(1, None));
        let mut reply = reply::Reply::new(&channel, 0, &Request::text(""), Some(parser));
        reply.replay(output);
        reply.finish();
        let reason = if reply.calls() > 0 { FinishReason::ToolCalls } else { FinishReason::Stop };
        channel.done(Done { choice: 0, reason, usage: Usage::default(), seed: 0 });
        Stream::new(channel, Arc::clone(&self.0.shared))
    }
}

/// Makes the context and says how many tokens it really holds.
fn new_context(model: &Model, options: &Resolved, watch: &Arc<Watch>) -> Result<(Context, u32)> {
    let params = ContextParams {
        abort: Some(watch::on_abort_asked),
        abort_data: Arc::as_ptr(watch).cast_mut().cast(),
        ..options.context()
    };
    let mut context = Context::new(&model.0.native, &params)?;
    context.belongs_to(watch.owner());
    let (all, _) = context.sizes()?;
    Ok((context, all))
}

/// What a submit may have beside its request.
#[derive(Default)]
struct Extras {
    pin: bool,
    recorder: Option<Arc<dyn Recorder>>,
    before: Option<Arc<Transcript>>,
    /// When it was submitted, where that was in another process.
    submitted: Option<Instant>,
}

/// A submit on its way to the engine's thread.
struct Prepare {
    shared: Arc<Shared>,
    model: Model,
    options: Resolved,
    channel: Arc<Channel>,
    request: Arc<Request>,
    cancel: Option<Cancel>,
    pin: bool,
    before: Option<Arc<Transcript>>,
    order: u64,
    submitted: Instant,
}

impl Prepare {
    fn run(self) {
        if let Some(reason) = self.interrupted() {
            return self.end(reason);
        }
        let ready = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (tokens, dropped) = self.tokens()?;
            let (tokens, reading) = self.reading(tokens)?;
            let (tokens, guidance) = self.guidance(tokens, &reading)?;
            let keep = self.consult_directory(&tokens);
            Ok((tokens, guidance, reading, dropped, keep))
        }))
        .unwrap_or_else(|panic| Err(bigstack::panicked(&*panic)));
        match self.shared.check().and(ready) {
            Ok((tokens, guidance, reading, dropped, keep)) => {
                self.hand_over(tokens, guidance, reading, dropped, keep)
            }
            Err(error) => {
                let reason = self.interrupted().unwrap_or(FinishReason::Error(error));
                self.end(reason)
            }
        }
    }

    /// Why it should end now, if it should.
    fn interrupted(&self) -> Option<FinishReason> {
        let deadline = self.request.deadline.and_then(|d| self.submitted.checked_add(d));
        self.channel.interrupted(self.cancel.as_ref(), deadline)
    }

    /// The prompt, and how many messages were left out of it.
    fn tokens(&self) -> Result<(Vec<Token>, u32)> {
        self.refuse_hopeless()?;
        let (tokens, dropped) = match &self.request.prompt {
            Prompt::Messages(messages) => self.message_tokens(messages)?,
            _ => (self.model.prompt_tokens(&self.request)?, 0),
        };
        if tokens.is_empty() {
            return Err(Error::new(Code::Range, "the prompt has no tokens"));
        }
        worker::check_length(tokens.len(), &self.options)?;
        Ok((tokens, dropped))
    }

    fn message_tokens(&self, messages: &[Message]) -> Result<(Vec<Token>, u32)> {
        let before = self.before.as_deref();
        let render = |messages: &[Message]| self.model.message_tokens(&self.request, messages, before);
        let ((rendered, tokens), dropped) = match self.request.context_policy {
            ContextPolicy::DropOldest => {
                let count = |text: &str| self.model.count_tokens(text);
                context_policy::drop_oldest(
                    messages,
                    self.request.max_tokens,
                    self.options.n_ctx,
                    &render,
                    &count,
                )?
            }
            ContextPolicy::Error | ContextPolicy::Shift => (render(messages)?, 0),
        };
        self.channel.record_prompt(&rendered, &tokens);
        Ok((tokens, dropped as u32))
    }

    /// A text that cannot fit, however it is tokenised, is not worth tokenising.
    fn refuse_hopeless(&self) -> Result<()> {
        let bytes = match &self.request.prompt {
            Prompt::Text { text, .. } => text.len(),
            Prompt::Infill { prefix, suffix } => prefix.len() + suffix.len(),
            _ => return Ok(()),
        };
        let longest = self.model.info().max_token_bytes.max(1) as usize;
        let least = bytes / longest;
        if least > self.options.n_ctx as usize {
            return Err(Error::new(
                Code::ContextFull,
                format!(
                    "the prompt has {bytes} bytes, which are at least {least} tokens, and n_ctx is {}: shorten it",
                    self.options.n_ctx
                ),
            ));
        }
        Ok(())
    }

    /// How the answers are to be read; a thought that may not be is closed in the prompt.
    fn reading(&self, mut tokens: Vec<Token>) -> Result<(Vec<Token>, Reading)> {
        let mut reading = Reading::of(&self.model, &self.request, &tokens)?;
        reading.close_in_prompt(&mut tokens);
        worker::check_length(tokens.len(), &self.options)?;
        Ok((tokens, reading))
    }

    /// Compiles the request's constraint, and takes back the end of the prompt where it is to be healed.
    fn guidance(&self, tokens: Vec<Token>, reading: &Reading) -> Result<(Vec<Token>, Guidance)> {
        let request = &self.request;
        let calls = constraint::calls(&self.model, request, reading)?;
        let constraint = calls.as_ref().or(request.constraint.as_ref());
        if request.max_tokens == Some(0) || (constraint.is_none() && !request.heal) {
            return Ok((tokens, Guidance::default()));
        }
        let Inner { constraints, vocabulary, .. } = &*self.model.0;
        let compiled = constraints
            .compile(vocabulary, constraint, request.json_whitespace, &|| self.interrupted().is_some())?;
        let (mut guide, tokens, mut lead, again) = match request.heal {
            true => compiled.heal(tokens)?,
            false => (compiled.guide().behind(&request.constraint_triggers), tokens, Vec::new(), 0),
        };
        worker::check_length(tokens.len(), &self.options)?;
        let most = request.max_tokens.map_or(usize::MAX, |n| n as usize);
        let most = most.min(self.options.n_ctx as usize - tokens.len());
        if request.logprobs.is_none() {
            lead.extend(guide.take_forced(most.saturating_sub(lead.len()))?);
        }
        // Where healing has forced more than may be sent, the answer ends before its constraint does.
        let guide = (lead.len() <= most).then_some(guide);
        lead.truncate(most);
        Ok((tokens, Guidance { guide, lead, again }))
    }

    /// Lets the prefix cache directory help; gives what it wants of the prompt.
    fn consult_directory(&self, tokens: &[Token]) -> Option<Keep> {
        let interrupted = || self.interrupted().is_some();
        let Prepare { shared, model, options, request, .. } = self;
        let access = Access { shared, model, options, interrupted: &interrupted, remote: None };
        access.consult(tokens, request)
    }

    fn hand_over(
        self,
        tokens: Vec<Token>,
        guidance: Guidance,
        reading: Reading,
        dropped_messages: u32,
        mut keep: Option<Keep>,
    ) {
        let reading = Arc::new(reading);
        let first = self.request.sampling.seed.unwrap_or_else(random_seed);
        let adaptation = Adaptation::new(&self.request.adapters, &tokens);
        let checkpoints = match self.options.keeps_checkpoints() {
            true => checkpoints(&tokens, |t| self.model.0.vocabulary.is_control(t), self.model.bos()),
            false => Vec::new(),
        };
        let sequences = (0..self.request.n).map(|choice| {
            Sequence::new(Start {
                channel: Arc::clone(&self.channel),
                request: Arc::clone(&self.request),
                cancel: self.cancel.clone(),
                pin: self.pin,
                order: self.order,
                choice,
                // Answers of one request must differ, and be the same again for the same seed.
                seed: first.wrapping_add(choice),
                submitted: self.submitted,
                tokens: tokens.clone(),
                checkpoints: checkpoints.clone(),
                // One answer of them is enough.
                keep: keep.take(),
                adaptation: adaptation.clone(),
                dropped_messages,
                guidance: guidance.fresh(),
                reading: Arc::clone(&reading),
            })
        });
        let sequences: Vec<Sequence> = sequences.collect();
        self.shared.hand_over(sequences);
    }

    /// Ends every choice before it ran.
    fn end(self, reason: FinishReason) {
        let n = self.request.n;
        self.shared.queued.fetch_sub(n as usize, Ordering::AcqRel);
        self.shared.with_stats(|s| {
            s.finished += u64::from(n);
            s.failed += if matches!(reason, FinishReason::Error(_)) { u64::from(n) } else { 0 };
        });
        for choice in 0..n {
            let usage = Usage { queue: self.submitted.elapsed(), ..Usage::default() };
            let seed = self.request.sampling.seed.unwrap_or(0);
            self.channel.done(Done { choice, reason: reason.clone(), usage, seed });
        }
    }
}

/// Ends of a prompt's last tokens that are not worth a checkpoint of their own.
const CLOSE_TO_THE_END: usize = 8;

/// Where a prompt's turns begin, as far as a later prompt is likely to agree up to there: behind the first turn (the
/// system message), at the last two, and before the last token. A turn begins with the control token that opens the
/// prompt.
fn checkpoints(tokens: &[Token], is_control: impl Fn(Token) -> bool, bos: Option<Token>) -> Vec<usize> {
    let opener = tokens.iter().copied().find(|t| is_control(*t) && Some(*t) != bos);
    let mut places: Vec<usize> = match opener {
        Some(opener) => tokens.iter().enumerate().filter(|(_, t)| **t == opener).map(|(i, _)| i).skip(1).collect(),
        None => Vec::new(),
    };
    if places.len() > 3 {
        places.drain(1..places.len() - 2);
    }
    if places.last().is_none_or(|last| last + CLOSE_TO_THE_END < tokens.len()) && tokens.len() > 1 {
        places.push(tokens.len() - 1);
    }
    places
}

/// A seed from the hasher that the standard library seeds from the system.
fn random_seed() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(0);
    // The top value means "draw one yourself" to llama.cpp.
    (hasher.finish() as u32).min(u32::MAX - 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_stand_at_turns() {
        let (bos, open) = (900, 901);
        let find = |tokens: &[Token]| checkpoints(tokens, |t| t >= 900, Some(bos));
        let turn = |n: usize| std::iter::once(open).chain(0..n as Token).collect::<Vec<_>>();
        let chat: Vec<Token> = [vec![bos], turn(20), turn(5), turn(6), turn(7), turn(2)].concat();
        // Behind the system message, at the last question, at the answer's head.
        assert_eq!(find(&chat), vec![22, 35, 43]);
        assert_eq!(find(&[1, 2, 3, 4]), vec![3]);
        assert_eq!(find(&[bos]), Vec::<usize>::new());
        assert_eq!(find(&[vec![bos], turn(40)].concat()), vec![41]);
    }
}
