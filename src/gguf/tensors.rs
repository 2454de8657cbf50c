//! The tensor directory: shapes, types, offsets; and what llama.cpp's operators demand of them.

use std::collections::HashSet;
use std::fmt;

use super::source::{out_of_memory, ReadAt, Reader, What};
use super::types::{self, TensorType};
use super::{escape, invalid};
use crate::error::Result;

/// The largest real models have a few thousand; a million takes llama.cpp minutes.
pub(super) const MAX_COUNT: u64 = 65_536;
/// ggml keeps a name in 64 bytes, with a NUL.
const MAX_NAME: u64 = 63;

/// One tensor of the directory.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// Dimensions not given are 1.
    pub(super) dims: [u64; 4],
    pub(super) n_dims: u32,
    pub(super) kind: &'static TensorType,
    /// From the beginning of the tensor data.
    pub(super) offset: u64,
    pub(super) elements: u64,
    pub(super) bytes: u64,
}

pub(super) fn read_directory<S: ReadAt + ?Sized>(r: &mut Reader<'_, S>, count: u64) -> Result<Vec<Tensor>> {
    let mut tensors = Vec::new();
    tensors.try_reserve(count as usize).map_err(|_| out_of_memory(count, &"tensor entries"))?;
    for i in 0..count {
        tensors.push(read_tensor(r, &Nth(i + 1, count))?);
    }
    let mut seen = HashSet::new();
    seen.try_reserve(tensors.len()).map_err(|_| out_of_memory(count, &"tensor names"))?;
    if let Some(t) = tensors.iter().find(|t| !seen.insert(t.name.as_str())) {
        return Err(invalid(format!("tensor {} is there twice: get another copy of the model", t.name)));
    }
    Ok(tensors)
}

/// An entry of the directory, counted from 1, of so many.
struct Nth(u64, u64);

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tensor entry {} of {}", self.0, self.1)
    }
}

/// A tensor by its name.
struct Named<'a>(&'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tensor {}", self.0)
    }
}

fn read_tensor<S: ReadAt + ?Sized>(r: &mut Reader<'_, S>, what: What<'_>) -> Result<Tensor> {
    let name = read_name(r, what)?;
    let place = Named(&name);
    let at = r.position();
    let n_dims = r.u32(what)?;
    if !(1..=4).contains(&n_dims) {
        return Err(invalid(format!(
            "{place} has {n_dims} dimensions at offset {at}, 1 to 4 are allowed: damaged file"
        )));
    }
    let mut dims = [1u64; 4];
    for d in dims.iter_mut().take(n_dims as usize) {
        *d = r.u64(what)?;
    }
    let elements = count_elements(&dims, &place, at)?;
    let kind = read_type(r, &place, what)?;
    if dims[0] % kind.block != 0 {
        return Err(invalid(format!(
            "{place} of type {} has rows of {} elements, not a multiple of the block size {}: quantize the model again",
            kind.name, dims[0], kind.block
        )));
    }
    let bytes = (elements / kind.block).checked_mul(kind.size).filter(|b| *b <= i64::MAX as u64);
    let bytes = bytes.ok_or_else(|| invalid(format!("{place} {dims:?} takes more bytes than can be counted")))?;
    let offset = r.u64(what)?;
    Ok(Tensor { name, dims, n_dims, kind, offset, elements, bytes })
}

fn read_name<S: ReadAt + ?Sized>(r: &mut Reader<'_, S>, what: What<'_>) -> Result<String> {
    let at = r.position();
    let len = r.u64(what)?;
    r.need(len, what)?;
    if len == 0 || len > MAX_NAME {
        let start = r.bytes(len.min(MAX_NAME), what)?;
        return Err(invalid(format!(
            "the tensor name \"{}\" at offset {at} has {len} bytes, 1 to {MAX_NAME} are allowed",
            escape(&start)
        )));
    }
    let bytes = r.bytes(len, what)?;
    match String::from_utf8(bytes) {
        Ok(s) if !s.chars().any(char::is_control) => Ok(s),
        other => {
            let bytes = other.map_or_else(|e| e.into_bytes(), String::into_bytes);
            let name = escape(&bytes);
            Err(invalid(format!(
                "the tensor name \"{name}\" at offset {at} is no plain text: the file is damaged"
            )))
        }
    }
}

fn count_elements(dims: &[u64; 4], place: &Named<'_>, at: u64) -> Result<u64> {
    if dims.iter().any(|d| *d == 0 || *d > i64::MAX as u64) {
        let dims: Vec<i64> = dims.iter().map(|d| *d as i64).collect();
        return Err(invalid(format!(
            "{place} at offset {at} has the dimensions {dims:?}, each must be positive: the file is damaged"
        )));
    }
    dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| *n <= i64::MAX as u64).ok_or_else(|| {
        invalid(format!(
            "{place} at offset {at}: the product of its dimensions {dims:?} overflows; the file is damaged"
        ))
    })
}

fn read_type<S: ReadAt + ?Sized>(
    r: &mut Reader<'_, S>,
    place: &Named<'_>,
    what: What<'_>,
) -> Result<&'static TensorType> {
    let at = r.position();
    let n = r.u32(what)?;
    types::tensor_type(n).ok_or_else(|| match types::removed_type(n) {
        Some(name) => invalid(format!(
            "{place} has type {n} ({name}), which llama.cpp has removed: get a newer GGUF of the model (Q4_0, for example)"
        )),
        None => invalid(format!(
            "{place} has unknown type {n} at offset {at}: the file is damaged, or newer than this library"
        )),
    })
}

/// Tensors lie one after the other, each padded to the alignment, and all inside the file.
pub(super) fn check_layout(tensors: &[Tensor], alignment: u64, data_offset: u64, len: u64) -> Result<()> {
    let mut next = 0u64;
    for t in tensors {
        if t.offset % alignment != 0 {
            return Err(invalid(format!(
                "tensor {} has offset {}, not a multiple of the alignment {alignment}",
                t.name, t.offset
            )));
        }
        if t.offset != next {
            return Err(invalid(format!(
                "tensor {} has offset {}, but the tensor before it ends at {next}: the file is damaged",
                t.name, t.offset
            )));
        }
        let end = data_offset.saturating_add(next).saturating_add(t.bytes);
        if end > len {
            return Err(truncated(tensors, t, alignment, data_offset, len));
        }
        // `end` is at most the file's length, so this cannot overflow for any real file.
        next = (next + t.bytes).checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    }
    Ok(())
}

fn truncated(
    tensors: &[Tensor],
    first: &Tensor,
    alignment: u64,
    data_offset: u64,
    len: u64,
) -> crate::error::Error {
    let size = |t: &Tensor| t.bytes.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    let all = tensors.iter().fold(data_offset, |n, t| n.saturating_add(size(t)));
    invalid(format!(
        "the tensor data is cut off: about {all} bytes expected, the file has {len} ({} missing, from tensor {} on); \
         download it again",
        all.saturating_sub(len),
        first.name
    ))
}

/// What the CPU operators demand; a violation would abort or crash at the first decode, mostly in a thread of ggml's own,
/// where nothing can be caught.
pub(super) fn check_types(tensors: &[Tensor]) -> Result<()> {
    for t in tensors {
        if must_be_f32(t) && t.kind.number != types::F32 {
            return Err(invalid(format!(
                "tensor {} has type {}, it must be F32 (llama.cpp uses norms, biases, scales and the like as they \
                 are): convert the model again",
                t.name, t.kind.name
            )));
        }
        if is_multiplied(t) && !t.kind.has_dot {
            return Err(invalid(format!(
                "tensor {} is a matrix of type {}, with which llama.cpp cannot compute: quantize the model again",
                t.name, t.kind.name
            )));
        }
    }
    Ok(())
}

/// Names, without what they belong to, of tensors that are added, multiplied by, or read as floats without a look at
/// their type: those of `LLM_TENSOR_INFOS` in the pinned llama-arch.cpp that are neither a matrix nor a table.
/// Beside them: what has `norm` in its name, or ends as in `ENDS`.
#[rustfmt::skip]
const AS_THEY_ARE: &[&str] = &[
    "act", "attn_sinks", "bias", "channel_mix_lerp_k", "channel_mix_lerp_r", "conv", "exp_probs_b", "exp_probs_b_vl",
    "gamma", "ple_conv1d", "rope_factors_long", "rope_factors_short", "rope_freqs", "scales", "ssm_a", "ssm_conv1d",
    "ssm_conv1d_k", "ssm_conv1d_q", "ssm_conv1d_v", "ssm_d", "time_mix_a0", "time_mix_decay", "time_mix_first",
    "time_mix_k_a", "time_mix_k_k", "time_mix_lerp_fused", "time_mix_lerp_g", "time_mix_lerp_k", "time_mix_lerp_r",
    "time_mix_lerp_v", "time_mix_lerp_w", "time_mix_lerp_x", "time_mix_ln", "time_mix_r_k", "time_mix_v0",
    "time_mix_w0", "token_types", "z_l_init",
];

const ENDS: &[&str] = &["scale", "_base", "res_score"];

fn must_be_f32(t: &Tensor) -> bool {
    let whole = t.name.strip_suffix(".weight").unwrap_or(&t.name);
    let last = whole.rsplit('.').next().unwrap_or_default();
    let named = AS_THEY_ARE.contains(&last) || last.contains("norm") || ENDS.iter().any(|end| last.ends_with(end));
    // What has one dimension is no matrix, unless it is a list of ids.
    named || (t.n_dims == 1 && !(t.kind.is_integer() && whole.len() == t.name.len()))
}

/// Tables of expert ids (`…tid2eid…`) are integers and only looked up in.
fn is_multiplied(t: &Tensor) -> bool {
    t.name.ends_with(".weight") && !t.name.contains("tid2eid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, kind: u32, dims: &[u64]) -> bool {
        let mut all = [1; 4];
        all[..dims.len()].copy_from_slice(dims);
        let elements = all.iter().product();
        let kind = types::tensor_type(kind).unwrap();
        let tensor = Tensor {
            name: name.to_owned(),
            dims: all,
            n_dims: dims.len() as u32,
            kind,
            offset: 0,
            elements,
            bytes: elements / kind.block * kind.size,
        };
        check_types(&[tensor]).is_err()
    }

    #[test]
    fn what_is_used_as_it_is_must_be_f32() {
        const F16: u32 = 1;
        assert!(AS_THEY_ARE.windows(2).all(|w| w[0] < w[1]));
        // A second dimension of 1 changes nothing.
        for dims in [&[32][..], &[32, 1], &[4, 32], &[32, 2, 2]] {
            for name in [
                "blk.0.attn_norm.weight",
                "blk.0.ffn_norm_exps.weight",
                "blk.0.post_ffw_norm_1.weight",
                "blk.0.attn_q.bias",
                "blk.0.ffn_up_exps.bias",
                "blk.0.attn_q.scale",
                "blk.0.attn_q.input_scale",
                "blk.0.layer_output_scale.weight",
                "blk.0.attn_sinks.weight",
                "blk.0.ssm_a",
                "blk.0.ssm_conv1d.weight",
                "blk.0.shortconv.conv.weight",
                "blk.0.time_mix_first.weight",
                "blk.0.hc_attn_base.weight",
                "blk.0.ffn_norm",
                "token_types.weight",
                "rope_freqs.weight",
                "decision.scales",
            ] {
                assert!(!refused(name, types::F32, dims), "{name} {dims:?}");
                assert!(refused(name, F16, dims), "{name} {dims:?}");
                assert!(refused(name, types::I32, dims), "{name} {dims:?}");
            }
        }
        assert!(refused("blk.0.something.weight", F16, &[32]));
        assert!(refused("blk.0.something.weight", types::I32, &[32]));
    }

    #[test]
    fn matrices_and_tables_may_be_what_they_are() {
        for name in ["blk.0.attn_q.weight", "position_embd.weight", "cls.output.weight", "blk.0.ssm_in.weight"] {
            for dims in [&[32, 1][..], &[32, 32], &[32, 1, 4]] {
                assert!(!refused(name, 1, dims), "{name} {dims:?}");
                assert!(!refused(name, 8, dims), "{name} {dims:?}");
                assert!(refused(name, types::I32, dims), "{name} {dims:?}");
            }
        }
        assert!(!refused("blk.0.ffn_gate_tid2eid.weight", types::I32, &[6, 100]));
        assert!(!refused("d2t", types::I32, &[100]));
        assert!(!refused("blk.0.attn_norm.weight.lora_a", 1, &[32, 4]));
    }
}
