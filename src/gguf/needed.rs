//! What llama.cpp calls optional when it reads a file, and uses without a look when it computes: a file that lacks it ends
//! the process by a null pointer, which nothing catches.
//!
//! Taken from `models/*.cpp` of the pinned release (tensors that are made with `TENSOR_NOT_REQUIRED`); look again when the
//! pin moves.

use std::collections::HashSet;

use super::header::Container;
use super::hparams::{ArchKeys, Hparams};
use super::invalid;
use super::keys::Keys;
use crate::error::{Code, Error, Result};

/// In these architectures a layer that has the first tensor needs all of one of the lists.
struct Rule {
    architectures: &'static [&'static str],
    has: &'static str,
    one_of: &'static [&'static [&'static str]],
}

const RULES: &[Rule] = &[
    Rule {
        architectures: &["falcon-h1", "granitehybrid", "nemotron_h", "nemotron_h_moe"],
        has: "ssm_conv1d.weight",
        one_of: &[&["ssm_conv1d.bias"]],
    },
    Rule {
        architectures: &["qwen35", "qwen35moe"],
        has: "ssm_conv1d.weight",
        one_of: &[&["attn_qkv.weight", "attn_gate.weight"]],
    },
    Rule {
        architectures: &["qwen3next"],
        has: "ssm_conv1d.weight",
        one_of: &[&["attn_qkv.weight", "attn_gate.weight"], &["ssm_in.weight"]],
    },
    Rule {
        architectures: &["phi3", "pockettts"],
        has: "attn_norm.weight",
        one_of: &[&["attn_qkv.weight"], &["attn_q.weight", "attn_k.weight", "attn_v.weight"]],
    },
    Rule {
        architectures: &["kimi-k3"],
        has: "ffn_gate_shexp.weight",
        one_of: &[&["ffn_up_shexp.weight", "ffn_down_shexp.weight"]],
    },
];

/// Architectures whose files may hold nothing but the layers that guess further tokens, and the tensor that tells.
const GUESSERS: &[(&[&str], &str)] = &[
    (
        &[
            "bailingmoe3",
            "cohere2moe",
            "deepseek2",
            "deepseek32",
            "deepseek4",
            "glm-dsa",
            "glm4moe",
            "hy_v3",
            "mimo2",
            "nemotron_h",
            "nemotron_h_moe",
            "qwen35",
            "qwen35moe",
            "qwen3next",
            "step35",
        ],
        "blk.0.attn_norm.weight",
    ),
    (&["qwen4exp"], "blk.0.hc_attn_norm.weight"),
];

/// Architectures in which a layer without KV heads is recurrent, and some of each kind must be there: what is prepared for
/// one kind has no place in memory where no layer takes it.
const OF_BOTH_KINDS: &[&str] = &["granitehybrid", "jamba", "kimi-linear", "lfm2", "lfm2moe", "plamo2"];

/// What a layer of GLM needs to choose its keys.
const INDEXER: [&str; 3] = ["indexer.proj.weight", "indexer.attn_k.weight", "indexer.attn_q_b.weight"];

/// From this trained length on GLM has no indexer in most layers.
const MOST_LAYERS_SHARE: u32 = 1 << 20;

/// Checks the names of all tensors of a model that is more than a vocabulary.
pub(super) fn check<'t>(
    c: &Container,
    arch: &str,
    h: &Hparams,
    tensors: impl Iterator<Item = &'t str> + Clone,
) -> Result<()> {
    ArchKeys { keys: Keys(c), arch, required: true }.needed(h, tensors)
}

impl ArchKeys<'_> {
    /// Deci's layers may lack parts. One without a feed-forward part is left out as a whole, and with the last one goes what
    /// was prepared for the rows that are asked for; with all of attention goes the memory.
    fn layers_left_out(&self, h: &Hparams) -> Result<()> {
        let widths = self.keys.per_layer(self.key("feed_forward_length"), h.block_count)?.unwrap_or_default();
        if widths.last() == Some(&0) {
            return Err(self.wrong("feed_forward_length", 0, "at least 1 in the last layer"));
        }
        if h.heads_kv.iter().zip(&widths).all(|(kv, width)| *kv == 0 || *width == 0) {
            return Err(self.wrong(
                "attention.head_count_kv",
                "0 for all",
                "at least 1 in a layer that is not left out",
            ));
        }
        Ok(())
    }

    fn needed<'t>(&self, h: &Hparams, tensors: impl Iterator<Item = &'t str> + Clone) -> Result<()> {
        // It is a signed number there, and less than none would be memory without end.
        if let Some(n) = h.sliding_window.filter(|n| i32::try_from(*n).is_err()) {
            return Err(self.wrong("attention.sliding_window", n, format!("at most {}", i32::MAX)));
        }
        if self.arch == "afmoe" && h.sliding_window.is_none() {
            return Err(self.wrong("attention.sliding_window", 0, "at least 1 in this architecture"));
        }
        if OF_BOTH_KINDS.contains(&self.arch) {
            let recurrent = h.heads_kv.iter().filter(|n| **n == 0).count();
            if recurrent == 0 || recurrent == h.heads_kv.len() {
                let rule = "0 for some layers, which are recurrent then, and not for others";
                let value = if recurrent == 0 { "0 for none" } else { "0 for all" };
                return Err(self.wrong("attention.head_count_kv", value, rule));
            }
        }
        if self.arch == "deci" {
            self.layers_left_out(h)?;
        }
        // Every fourth layer has positions of no kind, and scales instead, which are prepared in any case.
        if self.arch == "llama4" && h.block_count < 4 && self.u32("attention.sliding_window")? != Some(0) {
            return Err(self.wrong("block_count", h.block_count, "at least 4 in this architecture"));
        }
        let rules: Vec<&Rule> = RULES.iter().filter(|r| r.architectures.contains(&self.arch)).collect();
        let guesser = GUESSERS.iter().find(|(architectures, _)| architectures.contains(&self.arch));
        let guesses = self.u32("nextn_predict_layers")?.unwrap_or(0);
        if let Some((_, first)) = guesser {
            if guesses > 0 && !tensors.clone().any(|name| name == *first) {
                return Err(Error::new(
                    Code::Unsupported,
                    format!(
                        "there is no tensor {first}: this file holds only the layers that guess further tokens (MTP); load \
                         the file of the whole model"
                    ),
                ));
            }
        }
        let is_glm = self.arch == "glm-dsa";
        if rules.is_empty() && !is_glm {
            return Ok(());
        }
        let names: HashSet<&str> = tensors.collect();
        for rule in rules {
            for layer in 0..h.block_count {
                let has = |part: &str| names.contains(format!("blk.{layer}.{part}").as_str());
                if has(rule.has) && !rule.one_of.iter().any(|all| all.iter().all(|part| has(part))) {
                    let lists: Vec<String> = rule.one_of.iter().map(|all| all.join(" and ")).collect();
                    return Err(missing(layer, &lists.join(", or "), rule.has));
                }
            }
        }
        if is_glm {
            self.indexers(h, h.block_count.saturating_sub(guesses), &names)?;
        }
        Ok(())
    }

    fn indexers(&self, h: &Hparams, layers: u32, names: &HashSet<&str>) -> Result<()> {
        let stated = self.keys.per_layer(self.key("attention.indexer.types"), layers)?;
        for layer in 0..layers {
            let own = match &stated {
                Some(types) => types[layer as usize] != 0,
                None => h.context_length < MOST_LAYERS_SHARE || layer < 2 || (layer - 2).is_multiple_of(4),
            };
            let lacks = INDEXER.iter().find(|part| !names.contains(format!("blk.{layer}.{part}").as_str()));
            if let Some(part) = lacks.filter(|_| own) {
                return Err(missing(layer, part, "an indexer of its own (attention.indexer.types)"));
            }
        }
        Ok(())
    }
}

fn missing(layer: u32, what: &str, beside: &str) -> Error {
    invalid(format!(
        "layer {layer} lacks {what}, which a layer with {beside} needs in this architecture: the file is damaged or was \
         converted wrongly"
    ))
}
