//! Mirrors of an engine's options and figures.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::written::optional_path;
use crate::engine::{CacheType, EngineOptions, FlashAttention, Stats, Trim};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Trim")]
pub(super) enum TrimDef {
    Cache,
    Context,
    Weights,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CacheType")]
pub(super) enum CacheTypeDef {
    F16,
    Q8_0,
    Q4_0,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FlashAttention")]
pub(super) enum FlashAttentionDef {
    Auto,
    Off,
    On,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "EngineOptions")]
pub(super) struct EngineOptionsDef {
    n_ctx: Option<u32>,
    kv_tokens: Option<u32>,
    max_sequences: u32,
    max_queue: u32,
    n_batch: u32,
    n_ubatch: u32,
    threads: Option<u32>,
    threads_batch: Option<u32>,
    adapt_threads: bool,
    #[serde(with = "CacheTypeDef")]
    cache_type_k: CacheType,
    #[serde(with = "CacheTypeDef")]
    cache_type_v: CacheType,
    #[serde(with = "FlashAttentionDef")]
    flash_attention: FlashAttention,
    unified_kv: bool,
    max_step_ms: u32,
    prefix_cache: bool,
    deterministic: bool,
    offload_kv: bool,
    memory_budget: Option<u64>,
    #[serde(with = "optional_path")]
    prefix_cache_dir: Option<PathBuf>,
    prefix_cache_dir_bytes: u64,
    isolated: bool,
    #[serde(with = "optional_path")]
    worker: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Stats")]
pub(super) struct StatsDef {
    queued: u32,
    active: u32,
    kv_tokens_total: u64,
    kv_tokens_used: u64,
    cached_tokens: u64,
    evictions: u64,
    preemptions: u64,
    submitted: u64,
    finished: u64,
    failed: u64,
    prompt_tokens: u64,
    reused_tokens: u64,
    disk_tokens: u64,
    output_tokens: u64,
    steps: u64,
    prompt_tokens_per_second: f64,
    output_tokens_per_second: f64,
    longest_step_us: u64,
    threads: u32,
    threads_batch: u32,
    threads_used: u32,
    threads_batch_used: u32,
}
