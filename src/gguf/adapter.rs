//! Adapter files: LoRA and control vectors. What llama.cpp asserts on or does not look at is checked here.

use std::collections::HashMap;
use std::fs::File;

use super::header::{self, Container};
use super::keys::Keys;
use super::source::{ReadAt, Reader, Source};
use super::value::{Value, ValueType};
use super::{escape, invalid, tensors, types};
use crate::error::Result;
use crate::room;

/// What an adapter file holds.
#[derive(Debug)]
pub(crate) enum AdapterFile {
    /// Low-rank changes of weights, to be read by llama.cpp.
    Lora,
    /// What is added to the output of each layer but the first: one row of the model's width a layer, from layer 1 on.
    ControlVector(Vec<f32>),
}

/// The model that an adapter is loaded for.
pub(crate) struct Base<'a> {
    pub architecture: &'a str,
    pub vocabulary: u32,
    pub width: u32,
    pub layers: u32,
    /// Its tensors that are more than one matrix.
    pub stacks: &'a HashMap<String, u64>,
}

/// The most tokens that may switch an activated LoRA on.
const MOST_INVOCATION_TOKENS: u64 = 1024;

/// Reads and checks an adapter file; gives its fingerprint too.
pub(crate) fn read(file: &File, base: &Base<'_>) -> Result<(AdapterFile, [u8; 32])> {
    read_source(&Source::whole(file)?, base)
}

/// The same from anything that can be read at a place.
pub(crate) fn read_source<S: ReadAt + ?Sized>(source: &S, base: &Base<'_>) -> Result<(AdapterFile, [u8; 32])> {
    let mut container = header::read(source)?;
    let fingerprint = container.identify(source)?;
    let keys = Keys(&container);
    let read = match keys.str("general.architecture")?.as_deref() {
        Some("controlvector") => {
            control_vector(&mut Reader::new(source), &container, base).map(AdapterFile::ControlVector)
        }
        Some(name) if name == base.architecture => lora(&container, base).map(|()| AdapterFile::Lora),
        Some(name) => Err(invalid(format!(
            "the adapter is for the architecture \"{}\" and the model is \"{}\": it belongs to another model",
            escape(name.as_bytes()),
            base.architecture
        ))),
        None => Err(invalid("the key general.architecture is missing: this is not an adapter")),
    };
    Ok((read?, fingerprint))
}

fn lora(container: &Container, base: &Base<'_>) -> Result<()> {
    let keys = Keys(container);
    for (key, want) in [("general.type", "adapter"), ("adapter.type", "lora")] {
        let is = keys.str(key)?;
        if is.as_deref() != Some(want) {
            let is = is.map_or("missing".to_owned(), |s| format!("\"{}\"", escape(s.as_bytes())));
            return Err(invalid(format!("{key} is {is}, it must be \"{want}\": this is not a LoRA adapter")));
        }
    }
    match keys.f32("adapter.lora.alpha")? {
        Some(alpha) if !alpha.is_finite() => return Err(invalid(format!("adapter.lora.alpha is {alpha}"))),
        _ => {}
    }
    invocation(container, base)?;
    tensors::check_types(&container.tensors)?;
    let pairs = container.tensors.iter().filter(|t| t.name.ends_with(".lora_a") || t.name.ends_with(".lora_b"));
    let mut any = false;
    for t in pairs {
        any = true;
        // llama.cpp compares two dimensions, and would look for the experts that are missing behind the others.
        // It takes every ".lora_a" out of the name.
        let of = t.name.replace(&t.name[t.name.len() - ".lora_a".len()..], "");
        let matrices = base.stacks.get(&of).copied().unwrap_or(1);
        if t.dims[2] != matrices {
            return Err(invalid(format!(
                "tensor {} is {} matrices and that of the model {matrices}: it belongs to another model",
                t.name, t.dims[2]
            )));
        }
        if !t.kind.has_dot || t.n_dims < 2 || t.dims[3] != 1 {
            return Err(invalid(format!(
                "tensor {} has {} dimensions and type {}: it must be a matrix that llama.cpp can compute with",
                t.name, t.n_dims, t.kind.name
            )));
        }
    }
    if !any {
        return Err(invalid("the adapter has no \"….lora_a\" and \"….lora_b\" tensors: it would change nothing"));
    }
    Ok(())
}

/// The tokens that switch an activated LoRA on are of the model's vocabulary.
fn invocation(container: &Container, base: &Base<'_>) -> Result<()> {
    const KEY: &str = "adapter.alora.invocation_tokens";
    let Some(count) = Keys(container).array(KEY, &[ValueType::U32])? else { return Ok(()) };
    if !(1..=MOST_INVOCATION_TOKENS).contains(&count) {
        return Err(invalid(format!("{KEY} has {count} tokens, it must have 1 to {MOST_INVOCATION_TOKENS}")));
    }
    let Some(Value::Array { values, .. }) = container.entry(KEY).map(|e| &e.value) else { return Ok(()) };
    if values.len() as u64 != count {
        return Err(invalid(format!(
            "{KEY} stands behind too much metadata to be checked: this is not an adapter"
        )));
    }
    match values.iter().filter_map(Value::as_u64).find(|t| *t >= u64::from(base.vocabulary)) {
        Some(t) => {
            Err(invalid(format!("{KEY} has the token {t}; the model's vocabulary has {} tokens", base.vocabulary)))
        }
        None => Ok(()),
    }
}

fn control_vector<S: ReadAt + ?Sized>(
    reader: &mut Reader<'_, S>,
    container: &Container,
    base: &Base<'_>,
) -> Result<Vec<f32>> {
    let width = u64::from(base.width);
    let numbers = base.width as usize * base.layers.saturating_sub(1) as usize;
    let mut out = room::filled(0f32, numbers, "numbers of a control vector")?;
    let mut any = false;
    for t in &container.tensors {
        let Some(layer) = t.name.strip_prefix("direction.").and_then(|n| n.parse::<u32>().ok()) else { continue };
        if layer == 0 || layer >= base.layers {
            return Err(invalid(format!(
                "tensor {} is for layer {layer}; a control vector for this model has layers 1 to {}",
                t.name,
                base.layers.saturating_sub(1)
            )));
        }
        if t.elements != width || t.kind.number != types::F32 {
            return Err(invalid(format!(
                "tensor {} has {} elements of type {}; the model needs {width} of F32: it belongs to another model",
                t.name, t.elements, t.kind.name
            )));
        }
        reader.seek(container.data_offset + t.offset);
        let bytes = reader.bytes(t.bytes, &t.name)?;
        let row = &mut out[(layer as usize - 1) * base.width as usize..][..base.width as usize];
        for (x, b) in row.iter_mut().zip(bytes.chunks_exact(4)) {
            *x = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        }
        if row.iter().any(|x| !x.is_finite()) {
            return Err(invalid(format!("tensor {} holds numbers that are not finite", t.name)));
        }
        any = true;
    }
    if !any {
        return Err(invalid("the control vector has no \"direction.…\" tensors: it would change nothing"));
    }
    Ok(out)
}
