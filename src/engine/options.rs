//! How an engine is set up. Every default is a number here.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::gguf;
use crate::sampling::range;
use crate::session::Directory;

use super::cpu;
use super::guard::{ContextParams, ModelFacts};

/// Number format of the KV cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum CacheType {
    /// 16-bit floats: exact enough, and the fastest on a CPU.
    #[default]
    F16 = 0,
    /// 8.5 bits a number; prefill is 1.6 to 2.7 times slower on a CPU.
    Q8_0 = 1,
    /// 4.5 bits a number.
    Q4_0 = 2,
}

/// Whether to use flash attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum FlashAttention {
    /// Where the model and the device support it.
    #[default]
    Auto = 0,
    /// Never.
    Off = 1,
    /// Always; a quantized value cache needs it.
    On = 2,
}

/// How to set up an engine. Start from `EngineOptions::default()`.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineOptions {
    /// Tokens that one sequence may hold, prompt and answer together. Default: 4,096, or the trained length where
    /// that is less.
    pub n_ctx: Option<u32>,
    /// Tokens that the whole KV cache holds, shared by all sequences and cached prefixes. Default: twice `n_ctx`.
    pub kv_tokens: Option<u32>,
    /// Sequences that are computed at once. Default 8; 1 to 128.
    pub max_sequences: u32,
    /// Requests (answers, when `n` is above 1) that may wait; more are refused with [`Code::QueueFull`]. Default
    /// 1,024; 1 to 1,000,000.
    pub max_queue: u32,
    /// Tokens that one step evaluates at most. Default 512; 32 to 65,536.
    pub n_batch: u32,
    /// Tokens that one micro-batch evaluates at most. Default 512; 1 to `n_batch`.
    pub n_ubatch: u32,
    /// Threads that decode, at most. Default: the physical (or performance) cores; 1 to 512.
    pub threads: Option<u32>,
    /// Threads that evaluate prompts, at most. Default: as `threads`.
    pub threads_batch: Option<u32>,
    /// Compute with fewer threads than `threads` and `threads_batch` say where that is faster, as it is beside other busy
    /// programs; what steps take tells. The last bits of a result can depend on the count, so that the same request may
    /// get another text under load. Default true; `deterministic` always has the counts that were set.
    pub adapt_threads: bool,
    /// Format of the keys. Default F16.
    pub cache_type_k: CacheType,
    /// Format of the values. Default F16; others need flash attention.
    pub cache_type_v: CacheType,
    /// Flash attention. Default auto.
    pub flash_attention: FlashAttention,
    /// One KV pool for all sequences, so that they can share prefixes. Default true. When false each of
    /// `max_sequences` has `n_ctx` tokens of its own, and a prefix is only reused by the sequence that follows it.
    pub unified_kv: bool,
    /// While other streams run, a step takes prompt tokens for at most about this long, in milliseconds. Default
    /// 150; 1 to 60,000.
    pub max_step_ms: u32,
    /// Keep evaluated prefixes for later requests. Default true.
    pub prefix_cache: bool,
    /// One request at a time on an empty cache, in fixed chunks: the same seed gives the same text on one build, CPU
    /// and thread count. Default false.
    pub deterministic: bool,
    /// Keep the KV cache on the GPU, where layers are. Default true.
    pub offload_kv: bool,
    /// Bytes that the engine and its model may take, together and on all devices; an engine that would take more (by
    /// [`crate::Plan`]) is refused with [`Code::TooLarge`]. Default: no limit.
    pub memory_budget: Option<u64>,
    /// A folder that keeps long prompt prefixes for later processes; made when there is none. See
    /// [`crate::session`] and docs/sessions.md. Default: none.
    pub prefix_cache_dir: Option<PathBuf>,
    /// Bytes that the files of that folder may take; what was used longest ago goes first. Default 1 GiB.
    pub prefix_cache_dir_bytes: u64,
    /// Run the engine in a process of its own, so that nothing that goes wrong in llama.cpp can end this one: its streams
    /// end with [`Code::EngineFault`], and the next request starts another process, which opens the model's file again. See
    /// docs/reliability.md for what it costs and how the worker is shipped. Not on Windows, Android and iOS:
    /// [`Code::Unsupported`]. Default false.
    pub isolated: bool,
    /// With `isolated`: the program that runs the engine. Default: what the environment names in `QASK_WORKER`, else
    /// `qask-worker` beside this library, in `../libexec` or `../bin` from there, or beside the running program. A program
    /// that begins with [`crate::isolation::serve_if_worker`] can name itself.
    pub worker: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            n_ctx: None,
            kv_tokens: None,
            max_sequences: 8,
            max_queue: 1024,
            n_batch: 512,
            n_ubatch: 512,
            threads: None,
            threads_batch: None,
            adapt_threads: true,
            cache_type_k: CacheType::F16,
            cache_type_v: CacheType::F16,
            flash_attention: FlashAttention::Auto,
            unified_kv: true,
            max_step_ms: 150,
            prefix_cache: true,
            deterministic: false,
            offload_kv: true,
            memory_budget: None,
            prefix_cache_dir: None,
            prefix_cache_dir_bytes: 1 << 30,
            isolated: false,
            worker: None,
        }
    }
}

/// The default of `n_ctx`, where the model was trained for more.
pub(crate) const DEFAULT_CONTEXT: u32 = 4096;

/// llama.cpp's own limit on sequences.
const MOST_SEQUENCES: u32 = 256;

/// Options with every default filled in and every limit checked.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub n_ctx: u32,
    pub kv_tokens: u32,
    pub max_sequences: u32,
    /// Sequences of the context: the running ones and the cached prefixes.
    pub slots: u32,
    pub threads: u32,
    pub threads_batch: u32,
    pub options: EngineOptions,
    /// Whether a sequence can be cut anywhere: not so in recurrent and hybrid models.
    pub can_cut: bool,
    /// The prefix cache directory.
    pub directory: Option<Arc<Directory>>,
}

impl Resolved {
    /// Whether thread counts adapt to load. Attention over long contexts is split over the threads and summed by parts,
    /// so that a count shows in the last bits.
    pub(super) fn adapts(&self) -> bool {
        self.options.adapt_threads && !self.options.deterministic
    }

    /// Whether prompts leave copies of their state at turns: only where memory cannot be cut back to them.
    pub(super) fn keeps_checkpoints(&self) -> bool {
        let o = &self.options;
        !self.can_cut && o.prefix_cache && o.unified_kv && !o.deterministic
    }

    /// The context that these options ask for, without an abort callback.
    pub(super) fn context(&self) -> ContextParams {
        let o = &self.options;
        // ggml's numbers of the types.
        let ggml_type = |t: CacheType| match t {
            CacheType::F16 => 1,
            CacheType::Q8_0 => 8,
            CacheType::Q4_0 => 2,
        };
        ContextParams {
            n_ctx: self.kv_tokens,
            n_batch: o.n_batch,
            n_ubatch: o.n_ubatch,
            n_seq_max: self.slots,
            // Logits are wanted for one row a sequence; more would reserve a vocabulary's width a row.
            n_outputs_max: self.slots,
            n_threads: self.threads as i32,
            n_threads_batch: self.threads_batch as i32,
            flash_attn: match o.flash_attention {
                FlashAttention::Auto => -1,
                FlashAttention::Off => 0,
                FlashAttention::On => 1,
            },
            type_k: ggml_type(o.cache_type_k),
            type_v: ggml_type(o.cache_type_v),
            kv_unified: o.unified_kv,
            offload_kqv: o.offload_kv,
            // A sliding window that forgets cannot be cut for prefix reuse.
            swa_full: true,
            embeddings: false,
            dry: false,
            pooling: -1,
            abort: None,
            abort_data: std::ptr::null_mut(),
        }
    }
}

/// An error for a model that does not generate text, token by token.
pub(crate) fn check_generates(info: &gguf::Info, facts: &ModelFacts) -> Result<()> {
    if info.vocab_only || info.is_encoder() || !facts.has_decoder || facts.has_encoder || facts.diffusion {
        return Err(Error::new(
            Code::Unsupported,
            format!("a model of architecture \"{}\" does not generate text", info.architecture),
        ));
    }
    Ok(())
}

pub(crate) fn check_threads(name: &str, threads: u32) -> Result<()> {
    match threads {
        1..=512 => Ok(()),
        _ => Err(range(name, threads, 1, 512)),
    }
}

impl EngineOptions {
    pub(crate) fn resolve(&self, info: &gguf::Info, facts: &ModelFacts) -> Result<Resolved> {
        check_generates(info, facts)?;
        let trained = facts.context_length();
        let n_ctx = self.n_ctx.unwrap_or(DEFAULT_CONTEXT.min(trained));
        if n_ctx < 2 || n_ctx > trained {
            return Err(Error::new(
                Code::Range,
                format!("n_ctx is {n_ctx}; it must be 2 to {trained}, which the model was trained for"),
            ));
        }
        let limits = [
            ("max_sequences", self.max_sequences, 1, 128),
            ("max_queue", self.max_queue, 1, 1_000_000),
            ("n_batch", self.n_batch, 32, 65_536),
            ("n_ubatch", self.n_ubatch, 1, self.n_batch),
            ("max_step_ms", self.max_step_ms, 1, 60_000),
        ];
        for (name, value, low, high) in limits {
            if !(low..=high).contains(&value) {
                return Err(range(name, value, low, high));
            }
        }
        let threads = self.threads.unwrap_or_else(cpu::default_threads);
        let threads_batch = self.threads_batch.unwrap_or(threads);
        check_threads("threads", threads)?;
        check_threads("threads_batch", threads_batch)?;
        if self.cache_type_v != CacheType::F16 && self.flash_attention == FlashAttention::Off {
            return Err(Error::new(Code::Range, "cache_type_v: a quantized value cache needs flash attention"));
        }

        let max_sequences = if self.deterministic { 1 } else { self.max_sequences };
        let can_cut = !facts.recurrent && !facts.hybrid;
        let slots = match (self.deterministic, self.unified_kv && self.prefix_cache) {
            (true, _) => 1,
            (_, false) => max_sequences,
            (_, true) => (max_sequences + max_sequences.max(8)).min(MOST_SEQUENCES),
        };
        let kv_tokens = match self.kv_tokens {
            Some(n) if n < n_ctx => return Err(range("kv_tokens", n, n_ctx, u32::MAX)),
            Some(n) => n,
            None if self.deterministic => n_ctx,
            None if !self.unified_kv => n_ctx.saturating_mul(max_sequences),
            None => n_ctx.saturating_mul(2),
        };
        // What the whole cache would take must at least be addressable; llama.cpp multiplies without looking.
        if u64::from(kv_tokens) > 1 << 28 {
            return Err(range("kv_tokens", kv_tokens, n_ctx, 1 << 28));
        }
        let open = |folder: &PathBuf| Directory::open(folder, self.prefix_cache_dir_bytes).map(Arc::new);
        Ok(Resolved {
            directory: self.prefix_cache_dir.as_ref().map(open).transpose()?,
            n_ctx,
            kv_tokens,
            max_sequences,
            slots,
            threads,
            threads_batch,
            options: self.clone(),
            can_cut,
        })
    }
}
