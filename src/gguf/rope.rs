//! Rotary positions. ggml asserts on their numbers in its own threads, where nothing can be caught.

use super::hparams::{ArchKeys, Hparams};
use super::{escape, names};
use crate::error::Result;

/// Architectures that read the sections of multimodal positions.
const WITH_SECTIONS: &[&str] = &[
    "bailingmoe3",
    "deepseek32",
    "ernie4_5",
    "ernie4_5-moe",
    "glm-dsa",
    "glm4",
    "glm4moe",
    "hunyuan_vl",
    "paddleocr",
    "qwen2vl",
    "qwen35",
    "qwen35moe",
    "qwen3vl",
    "qwen3vlmoe",
    "qwen4exp",
];

/// Those of them that use the sections whatever they are.
const BY_SECTIONS: &[&str] = &["paddleocr", "qwen2vl", "qwen35", "qwen35moe", "qwen3vl", "qwen3vlmoe", "qwen4exp"];

/// Those that turn nothing, all of them or, by another key, some of their models.
const WITHOUT: &[&str] = &[
    "arwkv7",
    "bloom",
    "glm5-next",
    "gpt2",
    "gptj",
    "granitehybrid",
    "jais",
    "jamba",
    "jina-bert-v2",
    "kimi-k3",
    "kimi-linear",
    "mamba",
    "mamba2",
    "mpt",
    "nemotron_h",
    "nemotron_h_moe",
    "refact",
    "rwkv6",
    "rwkv6qwen2",
    "rwkv7",
    "t5",
    "t5encoder",
];

impl ArchKeys<'_> {
    pub(super) fn rope(&self, h: &Hparams) -> Result<()> {
        self.rope_scaling()?;
        self.dimensions(h)?;
        self.sections(h.key_length)
    }

    fn rope_scaling(&self) -> Result<()> {
        let plain = names::is_plain_transformer(self.arch);
        if let Some(kind) = self.keys.str(self.key("rope.scaling.type"))? {
            if !names::ROPE_SCALING.contains(&kind.as_str()) {
                let known = names::ROPE_SCALING.join(", ");
                let kind = format!("\"{}\"", escape(kind.as_bytes()));
                return Err(self.wrong("rope.scaling.type", kind, format!("one of {known}")));
            }
        }
        for name in ["rope.freq_base", "rope.freq_base_swa"] {
            match self.keys.f32(self.key(name))? {
                Some(x) if plain && (!x.is_finite() || x <= 0.0) => {
                    return Err(self.wrong(name, x, "above 0 (every logit would be NaN)"))
                }
                _ => {}
            }
        }
        for name in ["rope.scaling.factor", "rope.scale_linear"] {
            match self.keys.f32(self.key(name))? {
                Some(x) if !x.is_finite() || x < 0.0 => return Err(self.wrong(name, x, "0 or more")),
                _ => {}
            }
        }
        Ok(())
    }

    /// How many numbers of a head are turned: an even number, and no more than there are.
    fn dimensions(&self, h: &Hparams) -> Result<()> {
        let stated = self.u32("rope.dimension_count")?;
        if h.heads.first().is_none_or(|n| *n == 0) {
            return Ok(());
        }
        let head = h.key_length.max(self.u32("attention.key_length_mla")?.unwrap_or(0));
        let turned = stated.unwrap_or(h.key_length);
        let exact = matches!(self.arch, "llama" | "deci" | "falcon" | "llama-embed");
        if turned % 2 != 0 {
            return Err(self.wrong(
                "rope.dimension_count",
                turned,
                "even (it is the head size where it is not stated)",
            ));
        }
        // Layers without a window turn half of it.
        if self.arch == "step35" && turned % 4 != 0 {
            return Err(self.wrong("rope.dimension_count", turned, "a multiple of 4 in this architecture"));
        }
        // ggml would skip none again and again, and never come to an end.
        if turned == 0 && !WITHOUT.contains(&self.arch) {
            return Err(self.wrong("rope.dimension_count", 0, format!("even, 2 to the head size, {head}")));
        }
        if turned > head || (exact && turned != head) {
            let rule = if exact { "the head size" } else { "at most the head size" };
            return Err(self.wrong("rope.dimension_count", turned, format!("{rule}, {head}")));
        }
        // What chooses the keys that are looked at is turned as well.
        match self.u32("attention.indexer.key_length")? {
            Some(n) if n < turned => {
                let rule = format!("at least rope.dimension_count, {turned}");
                return Err(self.wrong("attention.indexer.key_length", n, rule));
            }
            _ => {}
        }
        // Layers with a sliding window may have heads of their own.
        let head = self.u32("attention.key_length_swa")?.unwrap_or(h.key_length);
        let head = head.max(self.u32("attention.key_length_mla_swa")?.unwrap_or(0));
        match self.u32("rope.dimension_count_swa")? {
            Some(n) if n == 0 || n > head || n % 2 != 0 => {
                Err(self.wrong("rope.dimension_count_swa", n, format!("even, 2 to {head}")))
            }
            None if turned > head => Err(self.wrong(
                "attention.key_length_swa",
                head,
                format!("at least rope.dimension_count, {turned}"),
            )),
            _ => Ok(()),
        }
    }

    fn sections(&self, head: u32) -> Result<()> {
        if !WITH_SECTIONS.contains(&self.arch) {
            return Ok(());
        }
        let name = "rope.dimension_sections";
        let sections = match self.keys.per_layer(self.key(name), 4)? {
            Some(sections) => sections,
            // To the others of BY_SECTIONS llama.cpp says itself that it misses them.
            None if self.required && self.arch == "paddleocr" => vec![0; 4],
            None => return Ok(()),
        };
        let sum = sections.iter().fold(0u32, |sum, n| sum.saturating_add(*n));
        let used = BY_SECTIONS.contains(&self.arch) || sum > 0;
        if used && sections[..3].iter().all(|n| *n == 0) {
            return Err(self.wrong(name, "0, 0, 0", "at least 1 in one of the first three places"));
        }
        if sum > head && head > 0 {
            return Err(self.wrong(name, format!("{sum} in all"), format!("at most the head size, {head}")));
        }
        Ok(())
    }
}
