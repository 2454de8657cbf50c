//! Every architecture of llama.cpp over numbers that are there, in the right type and small, but for one that is not.
//!
//! The tensors are a small llama's, so that most architectures are refused where their own are missing: what is tried is
//! all that comes before.

use qask::Error;

use crate::case::{self, Cases, Want};
use crate::files::renamed;
use crate::support::{Gguf, Value};
use crate::tokenizers::names;

/// Keys under `<arch>.` that the pinned llama.cpp reads (`LLM_KV_NAMES` of llama-arch.cpp) beside those of the fixture.
#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "adapters.count", "adapters.lora_rank", "attention.decay_lora_rank", "attention.gate_lora_rank",
    "attention.group_norm_groups", "attention.iclr_lora_rank", "attention.indexer.block_size",
    "attention.indexer.head_count", "attention.indexer.key_length", "attention.indexer.kpool",
    "attention.indexer.local_blocks", "attention.indexer.top_k", "attention.key_length", "attention.key_length_mla",
    "attention.key_length_mla_swa", "attention.key_length_swa", "attention.kv_lora_rank", "attention.kv_lora_rank_swa",
    "attention.output_group_count", "attention.output_lora_rank", "attention.q_lora_rank",
    "attention.relative_buckets_count", "attention.shared_kv_layers", "attention.sliding_window",
    "attention.sliding_window_pattern", "attention.temperature_length", "attention.value_length",
    "attention.value_length_mla", "attention.value_length_mla_swa", "attention.value_length_swa",
    "attention.value_residual_mix_lora_rank", "attn_res.block_size", "block_size", "conv_group_size",
    "conv_kernel_size", "convnext.block_count", "convnext.embedding_length", "decision.block_count",
    "decision.head_count", "decision.routing_block_count", "decoder_block_count", "decoder_start_token_id",
    "dense_2_feat_in", "dense_2_feat_out", "dense_3_feat_in", "dense_3_feat_out", "embedding_length_out",
    "embedding_length_per_layer_input", "expert_chunk_feed_forward_length", "expert_count",
    "expert_feed_forward_length", "expert_gating_func", "expert_group_count", "expert_group_used_count",
    "expert_latent_length", "expert_shared_count", "expert_shared_feed_forward_length", "expert_used_count",
    "experts_per_group", "features_length", "feed_forward_length", "full_attention_interval", "hash_layer_count",
    "hrm.h_cycles", "hrm.l_cycles", "hrm.layers_per_stack", "hyper_connection.count", "hyper_connection.low_rank",
    "hyper_connection.sinkhorn_iterations", "interleave_moe_layer_step", "kda.head_dim", "leading_dense_block_count",
    "moe_every_n_layers", "moe_latent_size", "n_deepstack_layers", "nextn_predict_layers", "num_loops",
    "ple.conv_kernel", "ple.eos_token_id", "ple.heads_per_ngram", "ple.image_token_id", "ple.ngram_size",
    "pooling_type", "posnet.block_count", "posnet.embedding_length", "rescale_every_n_layers",
    "rope.dimension_count_swa", "rope.scaling.original_context_length", "selector_rank", "selector_top_k",
    "shortconv.l_cache", "ssm.conv_kernel", "ssm.group_count", "ssm.inner_size", "ssm.state_size",
    "ssm.time_step_rank", "target_hidden_size", "time_decay_extra_dim", "time_mix_extra_dim", "token_shift_count",
    "vocab_size", "wkv.head_size", "attention.head_count", "attention.head_count_kv", "context_length",
    "rope.dimension_count",
];

#[rustfmt::skip]
const FLOATS: &[&str] = &[
    "attention.clamp_kqv", "attention.compress_rope_freq_base", "attention.group_norm_epsilon",
    "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon", "attention.max_alibi_bias",
    "attention.output_scale", "attention.scale", "attention.temperature_scale", "attention.value_scale",
    "attn_logit_softcapping", "embedding_scale", "expert_group_scale", "expert_weights_scale",
    "final_logit_softcapping", "hyper_connection.epsilon", "hyper_connection.magnitude", "kda.gate_lower_bound",
    "logit_scale", "residual_scale", "rope.freq_base", "rope.freq_base_swa", "rope.scaling.alpha",
    "rope.scaling.attn_factor", "rope.scaling.factor", "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_ext_factor", "rope.scaling.yarn_log_multiplier",
    "router_logit_softcapping",
];

/// What a number becomes. Two heads of two layers: the first may be none.
const WRONG: [fn() -> Value; 5] = [
    || Value::U32(0),
    || Value::U32(1),
    || Value::U32(u32::MAX),
    || Value::Unsigned(vec![0, 2]),
    || Value::Unsigned(vec![2, 0]),
];

/// A number of the fixture that fits the others.
pub(crate) fn usual(key: &str) -> u32 {
    match key {
        "attention.key_length" | "attention.value_length" | "rope.dimension_count" => 16,
        "context_length" => 256,
        "expert_count" => 4,
        "nextn_predict_layers" | "pooling_type" | "leading_dense_block_count" | "num_loops" => 1,
        "feed_forward_length" | "ssm.inner_size" => 64,
        "expert_group_count" => 2,
        "expert_group_used_count" => 1,
        _ => 2,
    }
}

pub(crate) struct Architectures(Vec<&'static str>);

impl Architectures {
    pub(crate) fn new() -> Self {
        Architectures(names("ARCHITECTURES"))
    }

    /// Architecture, key (the last is none) and what it becomes.
    fn place(&self, index: usize) -> (&'static str, usize, usize) {
        let keys = NUMBERS.len() + 1;
        (self.0[index % self.0.len()], index / self.0.len() % keys, index / self.0.len() / keys)
    }
}

fn file(architecture: &str, key: Option<(&str, Value)>, all: bool) -> Gguf {
    let mut gguf = renamed(architecture, 2);
    if all {
        for name in NUMBERS {
            gguf.set(&format!("{architecture}.{name}"), Value::U32(usual(name)));
        }
        for name in FLOATS {
            gguf.set(&format!("{architecture}.{name}"), Value::F32(1.0));
        }
    }
    if let Some((key, value)) = key {
        gguf.set(&format!("{architecture}.{key}"), value);
    }
    // A second layer that is the first once more.
    let layer: Vec<_> = gguf.tensors.iter().filter(|t| t.name.starts_with("blk.0.")).cloned().collect();
    gguf.tensors.extend(layer.into_iter().map(|mut t| {
        t.name = t.name.replacen("blk.0.", "blk.1.", 1);
        t
    }));
    gguf
}

impl Cases for Architectures {
    fn count(&self) -> usize {
        2 * self.0.len() * (NUMBERS.len() + 1) * WRONG.len()
    }

    fn label(&self, index: usize) -> String {
        let (architecture, key, wrong) = self.place(index / 2);
        let rest = if index.is_multiple_of(2) { "only the usual numbers" } else { "all numbers" };
        match NUMBERS.get(key) {
            Some(key) => format!("{architecture} with {rest} and {key} = {:?}", WRONG[wrong]()),
            None => format!("{architecture} with {rest}"),
        }
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        let (architecture, key, wrong) = self.place(index / 2);
        let key = NUMBERS.get(key).map(|key| (*key, WRONG[wrong]()));
        case::try_file(&file(architecture, key, index % 2 == 1).bytes())
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}
