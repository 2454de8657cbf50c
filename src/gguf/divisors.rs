//! Numbers that llama.cpp divides by. A zero ends the process by a signal (SIGFPE), which nothing catches, so each is
//! looked for here.
//!
//! Taken from `models/*.cpp` of the pinned release; look again when the pin moves.

use super::hparams::ArchKeys;
use crate::error::Result;

/// Keys under `<arch>.` that must not be 0, and the architectures that divide by them; none named: whoever reads them.
const DIVISORS: &[(&str, &[&str])] = &[
    ("full_attention_interval", &[]),
    ("wkv.head_size", &[]),
    ("ssm.time_step_rank", &[]),
    (
        "ssm.group_count",
        &[
            "falcon-h1",
            "granitehybrid",
            "mamba2",
            "nemotron_h",
            "nemotron_h_moe",
            "qwen35",
            "qwen35moe",
            "qwen3next",
            "qwen4exp",
        ],
    ),
    ("experts_per_group", &[]),
    ("attention.output_group_count", &[]),
    ("interleave_moe_layer_step", &["ernie4_5-moe"]),
];

/// Architectures that divide by the number of heads of their first layer.
const BY_FIRST_HEADS: &[&str] = &["deepseek2-ocr", "gemma2", "gemma3", "olmo2", "phimoe"];

impl ArchKeys<'_> {
    pub(super) fn divisors(&self, heads: &[u32], layers: u32) -> Result<()> {
        for (name, architectures) in DIVISORS {
            let divides = architectures.is_empty() || architectures.contains(&self.arch);
            if divides && self.u32(name)? == Some(0) {
                return Err(self.wrong(name, 0, "at least 1 (llama.cpp divides by it)"));
            }
        }
        // With others the logarithm of a distance is divided by nothing, and its bucket lies outside of the table.
        match self.u32("attention.relative_buckets_count")? {
            Some(n) if !(4..=254).contains(&n) => {
                return Err(self.wrong("attention.relative_buckets_count", n, "4 to 254"));
            }
            _ => {}
        }
        if BY_FIRST_HEADS.contains(&self.arch) && heads.first() == Some(&0) {
            return Err(self.wrong("attention.head_count", 0, "at least 1 in the first layer"));
        }
        self.groups()?;
        self.groves()?;
        self.width_of_experts(layers)?;
        self.experts_of_layers(layers)
    }

    /// The heads of a state share its groups evenly: ggml asserts on it in threads of its own.
    fn groups(&self) -> Result<()> {
        let grouped = DIVISORS.iter().any(|(name, of)| *name == "ssm.group_count" && of.contains(&self.arch));
        match (self.u32("ssm.group_count")?, self.u32("ssm.time_step_rank")?) {
            (Some(groups), Some(heads)) if grouped && heads % groups != 0 => {
                Err(self.wrong("ssm.group_count", groups, format!("a divisor of ssm.time_step_rank, {heads}")))
            }
            _ => Ok(()),
        }
    }

    /// Grove's experts share others by groups; the last of an uneven number would take one that is not there.
    fn groves(&self) -> Result<()> {
        match (self.u32("experts_per_group")?, self.u32("expert_count")?) {
            (Some(group), Some(all)) if self.arch == "grovemoe" && all % group.max(1) != 0 => {
                Err(self.wrong("experts_per_group", group, format!("a divisor of expert_count, {all}")))
            }
            _ => Ok(()),
        }
    }

    /// Where no layer says how wide its experts are, these divide by the number that the first one uses.
    fn width_of_experts(&self, layers: u32) -> Result<()> {
        if !self.required || !matches!(self.arch, "qwen3next" | "qwen35moe" | "qwen4exp") {
            return Ok(());
        }
        let first = |name: &str| -> Result<u32> {
            let all = self.keys.per_layer(self.key(name), layers)?.unwrap_or_default();
            Ok(all.first().copied().unwrap_or(0))
        };
        if first("expert_feed_forward_length")? == 0 && first("expert_used_count")? == 0 {
            let rule = "at least 1 in the first layer, or expert_feed_forward_length there";
            return Err(self.wrong("expert_used_count", 0, rule));
        }
        Ok(())
    }

    /// Where a layer of experts does not say how wide they are, the width of the layer is divided by their number.
    fn experts_of_layers(&self, layers: u32) -> Result<()> {
        if !matches!(self.arch, "nemotron_h" | "nemotron_h_moe") || self.u32("expert_count")?.unwrap_or(0) == 0 {
            return Ok(());
        }
        let of = |name: &str| self.keys.per_layer(self.key(name), layers).map(Option::unwrap_or_default);
        let (widths, own, used) =
            (of("feed_forward_length")?, of("expert_feed_forward_length")?, of("expert_used_count")?);
        let none = |numbers: &[u32], layer: usize| numbers.get(layer).is_none_or(|n| *n == 0);
        match (0..layers as usize).find(|i| !none(&widths, *i) && none(&own, *i) && none(&used, *i)) {
            Some(layer) => {
                let rule = format!("at least 1 in layer {layer}, or expert_feed_forward_length there");
                Err(self.wrong("expert_used_count", 0, rule))
            }
            None => Ok(()),
        }
    }
}
