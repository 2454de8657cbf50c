//! Metadata by key, with the type that llama.cpp demands: it throws on any other.

use std::fmt;

use super::header::{Container, Entry};
use super::value::{Value, ValueType};
use super::{escape, invalid, shown};
use crate::error::Result;

/// The name of a key: all of it, or an architecture and what stands behind it. Most are looked for and not there, so
/// that putting them together would be most of the work.
#[derive(Clone, Copy)]
pub(super) enum Name<'a> {
    Whole(&'a str),
    Of(&'a str, &'a str),
}

impl Name<'_> {
    pub(super) fn is(&self, key: &str) -> bool {
        match self {
            Name::Whole(name) => key == *name,
            Name::Of(arch, name) => {
                let behind = key.strip_suffix(name).and_then(|rest| rest.strip_suffix('.'));
                behind == Some(*arch)
            }
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Whole(name) => f.write_str(name),
            Name::Of(arch, name) => write!(f, "{arch}.{name}"),
        }
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name::Whole(name)
    }
}

impl<'a> From<&'a String> for Name<'a> {
    fn from(name: &'a String) -> Self {
        Name::Whole(name)
    }
}

pub(super) struct Keys<'a>(pub(super) &'a Container);

impl<'a> Keys<'a> {
    fn typed(&self, key: Name<'_>, kind: ValueType) -> Result<Option<&'a Entry>> {
        match self.0.entry(key) {
            Some(e) if e.kind != kind => Err(wrong_type(e, kind.name())),
            other => Ok(other),
        }
    }

    pub(super) fn u32<'n>(&self, key: impl Into<Name<'n>>) -> Result<Option<u32>> {
        let e = self.typed(key.into(), ValueType::U32)?;
        Ok(e.and_then(|e| e.value.as_u64()).and_then(|n| u32::try_from(n).ok()))
    }

    pub(super) fn f32<'n>(&self, key: impl Into<Name<'n>>) -> Result<Option<f64>> {
        Ok(self.typed(key.into(), ValueType::F32)?.and_then(|e| e.value.as_f64()))
    }

    pub(super) fn bool<'n>(&self, key: impl Into<Name<'n>>) -> Result<Option<bool>> {
        Ok(self.typed(key.into(), ValueType::Bool)?.and_then(|e| e.value.as_bool()))
    }

    /// A string; one that is too long to keep is an error, no key read by this is long.
    pub(super) fn str<'n>(&self, key: impl Into<Name<'n>>) -> Result<Option<String>> {
        let key = key.into();
        let Some(e) = self.typed(key, ValueType::Str)? else { return Ok(None) };
        match &e.value {
            Value::Str(s) => Ok(Some(s.clone())),
            other => Err(invalid(format!("{key} at offset {} is too long: {}", e.offset, shown(other)))),
        }
    }

    /// The length of an array of one of these types.
    pub(super) fn array<'n>(&self, key: impl Into<Name<'n>>, elements: &[ValueType]) -> Result<Option<u64>> {
        let key = key.into();
        let Some(e) = self.0.entry(key) else { return Ok(None) };
        match &e.value {
            Value::Array { element, len, .. } if elements.contains(element) => Ok(Some(*len)),
            Value::Array { element, .. } => Err(invalid(format!(
                "{key} at offset {} is an array of {element}, it must be of {}: convert the model again",
                e.offset, elements[0]
            ))),
            _ => Err(wrong_type(e, &format!("array of {}", elements[0]))),
        }
    }

    /// One number for all layers, or an array with one for each.
    pub(super) fn per_layer<'n>(&self, key: impl Into<Name<'n>>, layers: u32) -> Result<Option<Vec<u32>>> {
        let key = key.into();
        let Some(e) = self.0.entry(key) else { return Ok(None) };
        let Value::Array { element, len, values } = &e.value else {
            return Ok(self.u32(key)?.map(|n| vec![n; layers as usize]));
        };
        if !matches!(element, ValueType::U32 | ValueType::I32 | ValueType::Bool) {
            return Err(invalid(format!(
                "{key} at offset {} is an array of {element}, it must be of uint32",
                e.offset
            )));
        }
        if *len != u64::from(layers) || values.len() as u64 != *len {
            return Err(invalid(format!(
                "{key} at offset {} has {len} numbers, the model has {layers} layers: convert the model again",
                e.offset
            )));
        }
        let number = |v: &Value| match v {
            Value::Bool(b) => Some(u32::from(*b)),
            v => v.as_u64().and_then(|n| u32::try_from(n).ok()),
        };
        let all: Option<Vec<u32>> = values.iter().map(number).collect();
        all.map(Some).ok_or_else(|| {
            invalid(format!("{key} at offset {} holds a negative number: {}", e.offset, shown(&e.value)))
        })
    }
}

fn wrong_type(e: &Entry, wanted: &str) -> crate::error::Error {
    invalid(format!(
        "key {} at offset {} is of type {}, it must be {wanted}: convert the model again",
        escape(e.key.as_bytes()),
        e.offset,
        e.kind
    ))
}
