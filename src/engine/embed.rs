//! The embedder's thread: it packs inputs of any call into micro-batches, and hands each call its vectors.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::guard::{ContextParams, Fault};
use super::jobs::{self, Input, Job, Limits, Shared};
use super::native::{Batch, Context, DecodeError, Pooled};
use super::{bigstack, exit};
use crate::embedder::Pooling;
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};

/// From so many tokens on ggml's flash attention on a CPU works in tiles, and adds up in 32 bits. With fewer it adds up in
/// 16, so that a text's company would show in its vector: then tokens of nobody fill the micro-batch up.
const TILE: u32 = 64;

/// Numbers in a cache line. ggml lays tensors out behind one another at multiples of half of one. An input with one
/// number a sequence or a token comes first, so a count that fills no lines shifts all activations by half a line, and
/// with 512 bit registers each load of one touches two lines: F32 products then take 1.6 times as long.
const LINE: u32 = 16;

/// Sequences that llama.cpp can tell apart.
const MOST_SEQUENCES: u32 = 256;

/// What the thread needs to know; checked by `EmbedderOptions`.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Tokens that a micro-batch can hold: at least those of the longest input.
    pub n_batch: u32,
    /// Tokens up to which inputs are packed together.
    pub budget: u32,
    pub max_sequences: u32,
    pub threads: u32,
    /// Whether fewer are used where that is faster.
    pub adapts: bool,
    /// llama.cpp's number of the pooling.
    pub pooling: i32,
    /// Numbers that the engine gives for an input, or for each of its tokens.
    pub width: usize,
    /// One vector a token.
    pub per_token: bool,
}

/// One input of a call.
struct Item {
    job: Arc<Job>,
    tokens: Vec<Token>,
    /// Where its numbers go.
    place: usize,
}

impl Input for Item {
    fn job(&self) -> &Arc<Job> {
        &self.job
    }
}

/// The caller's side: dropping it ends the thread.
pub(crate) struct Embeddings {
    shared: Arc<Shared<Item>>,
    width: usize,
    per_token: bool,
}

impl Drop for Embeddings {
    fn drop(&mut self) {
        exit::Stop::close(&*self.shared);
    }
}

impl Embeddings {
    /// Makes the context and starts the thread.
    pub(crate) fn start(model: &Model, setup: &Setup) -> Result<Embeddings> {
        let shared = Shared::new("embedder", "embedding");
        let data = shared.abort_data() as usize;
        let mut context = bigstack::run(|| new_context(model, setup, data as *mut c_void))?;
        context.belongs_to(shared.owner());
        shared.start(Worker {
            shared: Arc::clone(&shared),
            encode: model.0.native.facts.has_encoder,
            crew: Crew::new((setup.threads, setup.threads), setup.adapts),
            setup: setup.clone(),
            context,
            batch: Batch::default(),
        })?;
        Ok(Embeddings { shared, width: setup.width, per_token: setup.per_token })
    }

    /// Computes the inputs and waits: their vectors, one after the other.
    pub(crate) fn compute(&self, inputs: Vec<Vec<Token>>, limits: Limits<'_>) -> Result<Vec<f32>> {
        let numbers = |tokens: &Vec<Token>| if self.per_token { tokens.len() * self.width } else { self.width };
        let (count, size) = (inputs.len(), inputs.iter().map(numbers).sum());
        self.shared.compute(count, size, limits, |job| {
            let mut next = 0;
            let item = |tokens: Vec<Token>| {
                let place = next;
                next += numbers(&tokens);
                Item { job: Arc::clone(job), tokens, place }
            };
            inputs.into_iter().map(item).collect()
        })
    }

    /// Takes no more calls, ends those that wait, and waits for the thread; false when the time ran out first.
    pub(crate) fn close(&self, timeout: Option<Duration>) -> bool {
        exit::Stop::close(&*self.shared);
        exit::Stop::wait_finished(&*self.shared, timeout)
    }
}

fn new_context(model: &Model, setup: &Setup, abort_data: *mut c_void) -> Result<Context> {
    Context::new(
        &model.0.native,
        &ContextParams { abort: Some(jobs::on_abort_asked::<Item>), abort_data, ..setup.context() },
    )
}

impl Setup {
    /// For a model of any kind.
    pub(super) fn smallest() -> Setup {
        let (n_batch, budget, max_sequences, threads, width) = (256, 256, 1, 1, 1);
        let pooling = Pooling::None as i32;
        Setup { n_batch, budget, max_sequences, threads, adapts: false, pooling, width, per_token: true }
    }

    /// The context that it asks for, without an abort callback.
    pub(super) fn context(&self) -> ContextParams {
        // One more, of nobody (as many inputs as there are sequences fill a tile by themselves), and as many as fill
        // cache lines.
        let n_seq_max = (self.max_sequences + 1).next_multiple_of(LINE).min(MOST_SEQUENCES);
        // llama.cpp plans its memory with equally many rows a sequence.
        let n_batch = self.n_batch.max(TILE).next_multiple_of(n_seq_max);
        ContextParams {
            n_ctx: n_batch,
            n_batch,
            n_ubatch: n_batch,
            n_seq_max,
            // Every token is an output of an embedding context.
            n_outputs_max: 0,
            n_threads: self.threads as i32,
            n_threads_batch: self.threads as i32,
            // Without it a micro-batch takes the square of its tokens for each head: at 512 of MiniLM two thirds of the
            // time.
            flash_attn: -1,
            // F16.
            type_k: 1,
            type_v: 1,
            kv_unified: true,
            offload_kqv: true,
            swa_full: true,
            embeddings: true,
            dry: false,
            pooling: self.pooling,
            abort: None,
            abort_data: std::ptr::null_mut(),
        }
    }
}

struct Worker {
    shared: Arc<Shared<Item>>,
    setup: Setup,
    crew: Crew,
    /// Whether the model has an encoder beside its decoder, or no decoder.
    encode: bool,
    context: Context,
    batch: Batch,
}

impl jobs::Worker for Worker {
    fn step(&mut self) -> Result<bool> {
        let Some(items) = self.next_items() else { return Ok(false) };
        self.batch.clear();
        for (seq, item) in items.iter().enumerate() {
            for (pos, token) in item.tokens.iter().enumerate() {
                self.batch.push(*token, pos as u32, seq as i32, true);
            }
        }
        let missing = (TILE as usize).saturating_sub(self.batch.len());
        (0..missing).for_each(|pos| {
            self.batch.push(0, pos as u32, items.len() as i32, true);
        });
        let rows = self.batch.len();
        self.crew.begin(&mut self.context, rows, (self.setup.threads, self.setup.threads))?;
        let began = Instant::now();
        let result = if self.encode { self.context.encode(&self.batch) } else { self.context.decode(&self.batch) };
        match result {
            Ok(()) => {
                self.crew.end(rows, rows / items.len(), began.elapsed());
                self.deliver(&items)?;
            }
            // All its calls are over.
            Err(DecodeError::Aborted) => {}
            Err(DecodeError::Fault(fault)) => return Err(fault.into()),
            Err(DecodeError::Full) => {
                refuse(&items, &Error::new(Code::EngineFault, "the engine has no room for the inputs"));
            }
            Err(DecodeError::Refused(why)) => refuse(&items, &why),
        }
        // Where the model has a memory, the next inputs begin on an empty one.
        for seq in 0..items.len() + usize::from(missing > 0) {
            self.context.remove(seq as i32, 0)?;
        }
        self.shared.idle();
        Ok(true)
    }
}

/// Ends the calls that the inputs belong to.
fn refuse(items: &[Item], error: &Error) {
    items.iter().for_each(|i| i.job.fail(error.clone()));
}

impl Worker {
    /// Waits for work and takes as much as fits into one micro-batch; `None` when the embedder closes.
    fn next_items(&self) -> Option<Vec<Item>> {
        let (budget, most) = (self.setup.budget as usize, self.setup.max_sequences as usize);
        self.shared.next(|queue| {
            let mut items: Vec<Item> = Vec::new();
            let mut tokens = 0;
            while let Some(next) = queue.front() {
                let n = next.tokens.len();
                let full = tokens + n > budget || items.len() == most;
                if full && !items.is_empty() && !next.job.is_over() {
                    break;
                }
                // What was cancelled meanwhile is dropped here.
                if let Some(item) = queue.pop_front().filter(|i| !i.job.is_over()) {
                    tokens += n;
                    items.push(item);
                }
            }
            let jobs = items.iter().map(|i| Arc::clone(&i.job)).collect();
            (!items.is_empty()).then_some((items, jobs))
        })
    }

    fn deliver(&mut self, items: &[Item]) -> std::result::Result<(), Fault> {
        let width = self.setup.width;
        let mut row = 0;
        for (seq, item) in items.iter().enumerate() {
            let n = item.tokens.len();
            if self.setup.per_token {
                for i in 0..n {
                    let numbers = self.context.embedding(Pooled::Row(row + i), width)?;
                    item.job.put(item.place + i * width, numbers);
                }
            } else {
                let numbers = self.context.embedding(Pooled::Sequence(seq as i32), width)?;
                item.job.put(item.place, numbers);
            }
            row += n;
            item.job.input_done();
        }
        Ok(())
    }
}
