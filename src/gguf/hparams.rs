//! The hyper-parameters: what llama.cpp asserts, throws on, divides by or computes nonsense from.

use super::header::Container;
use super::keys::{Keys, Name};
use super::value::ValueType;
use super::{escape, invalid, names};
use crate::error::{Code, Error, Result};

const MAX_LAYERS: u32 = 512;
const MAX_EXPERTS: u32 = 1024;
/// Far above the widest model, far below what makes a shape overflow.
const MAX_EMBEDDING: u32 = 1 << 20;

/// Keys under `<arch>.` that are read with one fixed type, beside those read by name below; in order.
const TYPED: &[(&str, ValueType)] = &[
    ("attention.causal", ValueType::Bool),
    ("attention.clamp_kqv", ValueType::F32),
    ("attention.key_length_mla", ValueType::U32),
    ("attention.key_length_swa", ValueType::U32),
    ("attention.kv_lora_rank", ValueType::U32),
    ("attention.max_alibi_bias", ValueType::F32),
    ("attention.q_lora_rank", ValueType::U32),
    ("attention.relative_buckets_count", ValueType::U32),
    ("attention.scale", ValueType::F32),
    ("attention.value_length_mla", ValueType::U32),
    ("attention.value_length_swa", ValueType::U32),
    ("attn_logit_softcapping", ValueType::F32),
    ("decoder_block_count", ValueType::U32),
    ("decoder_start_token_id", ValueType::U32),
    ("embedding_length_out", ValueType::U32),
    ("embedding_length_per_layer_input", ValueType::U32),
    ("embedding_scale", ValueType::F32),
    ("expert_gating_func", ValueType::U32),
    ("expert_shared_count", ValueType::U32),
    ("expert_shared_feed_forward_length", ValueType::U32),
    ("expert_weights_norm", ValueType::Bool),
    ("expert_weights_scale", ValueType::F32),
    ("final_logit_softcapping", ValueType::F32),
    ("interleave_moe_layer_step", ValueType::U32),
    ("leading_dense_block_count", ValueType::U32),
    ("logit_scale", ValueType::F32),
    ("residual_scale", ValueType::F32),
    ("rope.dimension_count_swa", ValueType::U32),
    ("rope.scaling.attn_factor", ValueType::F32),
    ("rope.scaling.finetuned", ValueType::Bool),
    ("rope.scaling.original_context_length", ValueType::U32),
    ("rope.scaling.yarn_beta_fast", ValueType::F32),
    ("rope.scaling.yarn_beta_slow", ValueType::F32),
    ("rope.scaling.yarn_ext_factor", ValueType::F32),
    ("rope.scaling.yarn_log_multiplier", ValueType::F32),
    ("router_logit_softcapping", ValueType::F32),
    ("ssm.conv_kernel", ValueType::U32),
    ("ssm.group_count", ValueType::U32),
    ("ssm.inner_size", ValueType::U32),
    ("ssm.state_size", ValueType::U32),
    ("ssm.time_step_rank", ValueType::U32),
    ("use_parallel_residual", ValueType::Bool),
    ("wkv.head_size", ValueType::U32),
];

/// The numbers that describe a model.
#[derive(Debug, Default)]
pub(super) struct Hparams {
    pub(super) context_length: u32,
    pub(super) embedding_length: u32,
    pub(super) block_count: u32,
    /// By layer.
    pub(super) heads: Vec<u32>,
    pub(super) heads_kv: Vec<u32>,
    pub(super) key_length: u32,
    pub(super) value_length: u32,
    pub(super) experts: u32,
    pub(super) experts_used: u32,
    pub(super) sliding_window: Option<u32>,
}

/// The keys of a file that its architecture reads, looked up and checked.
pub(super) struct ArchKeys<'a> {
    pub(super) keys: Keys<'a>,
    pub(super) arch: &'a str,
    /// Whether llama.cpp will read the hyper-parameters: not of a file that is only a vocabulary.
    pub(super) required: bool,
}

pub(super) fn check(c: &Container, arch: &str, required: bool) -> Result<Hparams> {
    let check = ArchKeys { keys: Keys(c), arch, required };
    check.types(c)?;
    let mut h = Hparams {
        context_length: check.number("context_length", 1, u32::MAX)?,
        embedding_length: check.number("embedding_length", 1, MAX_EMBEDDING)?,
        block_count: check.number("block_count", 1, MAX_LAYERS)?,
        sliding_window: check.u32("attention.sliding_window")?.filter(|n| *n > 0),
        ..Hparams::default()
    };
    check.pooling()?;
    check.layers(&h)?;
    check.repeated(&h)?;
    check.experts(&mut h)?;
    check.heads(&mut h)?;
    check.divisors(&h.heads, h.block_count)?;
    check.rope(&h)?;
    check.epsilons()?;
    Ok(h)
}

impl ArchKeys<'_> {
    pub(super) fn key<'n>(&'n self, name: &'n str) -> Name<'n> {
        Name::Of(self.arch, name)
    }

    pub(super) fn u32(&self, name: &str) -> Result<Option<u32>> {
        self.keys.u32(self.key(name))
    }

    pub(super) fn wrong(&self, name: &str, value: impl std::fmt::Display, rule: impl std::fmt::Display) -> Error {
        let offset = self.keys.0.entry(self.key(name)).map_or(0, |e| e.offset);
        invalid(format!(
            "{} is {value} (at offset {offset}), it must be {rule}: the file is damaged or was converted \
                         wrongly",
            self.key(name)
        ))
    }

    fn types(&self, c: &Container) -> Result<()> {
        for e in &c.entries {
            let own = e.key.strip_prefix(self.arch).and_then(|rest| rest.strip_prefix('.'));
            let Some(at) = own.and_then(|name| TYPED.binary_search_by_key(&name, |(typed, _)| typed).ok()) else {
                continue;
            };
            match TYPED[at].1 {
                ValueType::U32 => self.keys.u32(&e.key).map(drop)?,
                ValueType::F32 => self.keys.f32(&e.key).map(drop)?,
                _ => self.keys.bool(&e.key).map(drop)?,
            }
        }
        self.keys.str("general.name")?;
        self.keys.u32("general.file_type")?;
        let sampling = |key: &str| key.starts_with("general.sampling.");
        if let Some(e) = c.entries.iter().find(|e| sampling(&e.key) && e.kind == ValueType::Array) {
            return Err(invalid(format!("{} is an array, it must be one value", escape(e.key.as_bytes()))));
        }
        Ok(())
    }

    /// A number that every model has.
    fn number(&self, name: &str, min: u32, max: u32) -> Result<u32> {
        match self.u32(name)? {
            Some(n) if (min..=max).contains(&n) => Ok(n),
            Some(n) => Err(self.wrong(name, n, format!("{min} to {max}"))),
            None if self.required => {
                Err(invalid(format!("key {} is missing: convert the model again", self.key(name))))
            }
            None => Ok(0),
        }
    }

    fn pooling(&self) -> Result<()> {
        for name in ["classifier.pooling_type", "pooling_type"] {
            match self.u32(name)? {
                Some(n) if n > 4 => {
                    return Err(self.wrong(name, n, "0 (none), 1 (mean), 2 (cls), 3 (last) or 4 (rank)"))
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn layers(&self, h: &Hparams) -> Result<()> {
        match self.u32("nextn_predict_layers")? {
            Some(n) if h.block_count > 0 && n > h.block_count => {
                Err(self.wrong("nextn_predict_layers", n, format!("at most block_count, {}", h.block_count)))
            }
            _ => Ok(()),
        }
    }

    fn experts(&self, h: &mut Hparams) -> Result<()> {
        let mut experts = self.u32("expert_count")?.unwrap_or(0);
        let used = self.keys.per_layer(self.key("expert_used_count"), h.block_count)?;
        let mut used = used.unwrap_or_default().into_iter().max().unwrap_or(0);
        // One expert is none, for these two.
        if matches!(self.arch, "hunyuan_vl" | "hunyuan-dense") && experts <= 1 {
            (experts, used) = (0, 0);
        }
        if experts > MAX_EXPERTS {
            return Err(self.wrong("expert_count", experts, format!("at most {MAX_EXPERTS}")));
        }
        if used > experts || (used == 0 && experts > 0) {
            let rule = if experts == 0 {
                "0, since expert_count is 0".into()
            } else {
                format!("1 to expert_count, {experts}")
            };
            return Err(self.wrong("expert_used_count", used, rule));
        }
        let groups = self.u32("expert_group_count")?.unwrap_or(0);
        let groups_used = self.u32("expert_group_used_count")?.unwrap_or(0);
        if groups > 0 && (groups >= experts || experts % groups != 0) {
            return Err(self.wrong("expert_group_count", groups, format!("a divisor of expert_count, {experts}")));
        }
        if groups > 1 && (groups_used == 0 || groups_used >= groups) {
            return Err(self.wrong("expert_group_used_count", groups_used, format!("1 to {}", groups - 1)));
        }
        (h.experts, h.experts_used) = (experts, used);
        Ok(())
    }

    fn heads(&self, h: &mut Hparams) -> Result<()> {
        h.heads = self.keys.per_layer(self.key("attention.head_count"), h.block_count)?.unwrap_or_default();
        h.heads_kv = match self.keys.per_layer(self.key("attention.head_count_kv"), h.block_count)? {
            Some(kv) => kv,
            None => h.heads.clone(),
        };
        let max = h.heads.iter().copied().max().unwrap_or(0);
        if max == 0 && self.required && names::is_plain_transformer(self.arch) {
            return Err(self.wrong("attention.head_count", 0, "at least 1"));
        }
        if max > h.embedding_length && h.embedding_length > 0 {
            return Err(self.wrong("attention.head_count", max, format!("at most {}", h.embedding_length)));
        }
        // Attention without keys divides by them, or has a cache of nothing; a layer without any is for few architectures.
        let everywhere = max > 0 && names::is_plain_transformer(self.arch) && self.arch != "deci";
        for (name, list) in [("attention.head_count", &h.heads), ("attention.head_count_kv", &h.heads_kv)] {
            if let Some(layer) = list.iter().position(|n| *n == 0).filter(|_| everywhere) {
                return Err(self.wrong(name, 0, format!("at least 1 in this architecture (layer {layer})")));
            }
        }
        for (layer, (n, kv)) in h.heads.iter().zip(&h.heads_kv).enumerate() {
            if *n > 0 && *kv > 0 && n % kv != 0 {
                let rule = format!("a divisor of head_count, {n} (layer {layer})");
                return Err(self.wrong("attention.head_count_kv", kv, rule));
            }
        }
        let first = h.heads.first().copied().unwrap_or(0);
        let key = self.u32("attention.key_length")?;
        let value = self.u32("attention.value_length")?;
        if first > 0
            && key.is_none()
            && !h.embedding_length.is_multiple_of(first)
            && names::is_plain_transformer(self.arch)
        {
            let rule = format!("a divisor of embedding_length, {}", h.embedding_length);
            return Err(self.wrong("attention.head_count", first, rule));
        }
        let usual = h.embedding_length.checked_div(first).unwrap_or(0);
        (h.key_length, h.value_length) = (key.unwrap_or(usual), value.unwrap_or(usual));
        for (name, n) in [("attention.key_length", h.key_length), ("attention.value_length", h.value_length)] {
            if n > MAX_EMBEDDING || (first > 0 && n == 0 && names::is_plain_transformer(self.arch)) {
                return Err(self.wrong(name, n, format!("1 to {MAX_EMBEDDING}")));
            }
        }
        Ok(())
    }

    fn epsilons(&self) -> Result<()> {
        for name in [
            "attention.layer_norm_epsilon",
            "attention.layer_norm_rms_epsilon",
            "attention.group_norm_epsilon",
            "hyper_connection.epsilon",
        ] {
            match self.keys.f32(self.key(name))? {
                Some(x) if !x.is_finite() || x < 0.0 => return Err(self.wrong(name, x, "0 or more")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether the file is a language model of a known architecture at all; gives its architecture.
pub(super) fn architecture(c: &Container) -> Result<String> {
    let keys = Keys(c);
    let kind = keys.str("general.type")?.unwrap_or_default();
    let arch = keys.str("general.architecture")?;
    if kind == "adapter" || c.entry("adapter.type").is_some() {
        return Err(invalid(
            "this is a LoRA adapter (general.type = adapter), not a model: load its base model, then \
                            add the adapter",
        ));
    }
    if kind == "imatrix" || c.entry("imatrix.chunk_count").is_some() {
        return Err(invalid("this is an importance matrix (imatrix) for quantizing, not a model"));
    }
    if kind == "mmproj" || arch.as_deref() == Some("clip") {
        return Err(invalid(
            "this is a projector (mmproj, architecture clip), not a language model: load the language \
                            model, and give this file as its projector",
        ));
    }
    if arch.as_deref() == Some("controlvector") {
        return Err(invalid("this is a control vector, not a model: load a model, then add the vector"));
    }
    match arch {
        Some(arch) if names::is_no_text_model(&arch) => Err(Error::new(
            Code::UnsupportedArch,
            format!(
                "architecture \"{arch}\" makes no text on its own: it is a part of something else (speech, a draft for \
                 another model, decisions), load a language model"
            ),
        )),
        Some(arch) if names::is_architecture(&arch) => Ok(arch),
        Some(arch) => Err(Error::new(
            Code::UnsupportedArch,
            format!(
                "architecture \"{}\" (general.architecture) is not known to this engine: the model is newer than this \
                 library, or not a language model",
                escape(arch.as_bytes())
            ),
        )),
        None => Err(invalid("key general.architecture is missing: this GGUF is not a language model")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typed_keys_are_in_order() {
        assert!(TYPED.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
