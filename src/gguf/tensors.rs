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
    let mut seen = HashSet::with_capacity(tensors.len());
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

/// What the CPU operators demand; a violation would abort or crash at the first decode.
pub(super) fn check_types(tensors: &[Tensor]) -> Result<()> {
    for t in tensors {
        if must_be_f32(t) && t.kind.number != types::F32 {
            return Err(invalid(format!(
                "tensor {} has type {}, it must be F32 (llama.cpp computes norms, biases and rope factors in F32): \
                 convert the model again",
                t.name, t.kind.name
            )));
        }
        if is_matrix(t) && !t.kind.has_dot {
            return Err(invalid(format!(
                "tensor {} is a matrix of type {}, with which llama.cpp cannot compute: quantize the model again",
                t.name, t.kind.name
            )));
        }
    }
    Ok(())
}

/// Norms of any shape; one-dimensional biases (others may be looked up in, not added).
fn must_be_f32(t: &Tensor) -> bool {
    let rope =
        matches!(t.name.as_str(), "rope_freqs.weight" | "rope_factors_long.weight" | "rope_factors_short.weight");
    rope || t.name.ends_with("norm.weight") || (t.n_dims == 1 && t.name.ends_with(".bias"))
}

/// Tables of token or expert ids (`…tid2eid…`) are integers and only looked up in.
fn is_matrix(t: &Tensor) -> bool {
    t.n_dims >= 2 && t.dims[1] > 1 && t.name.ends_with(".weight") && !t.name.contains("tid2eid")
}
