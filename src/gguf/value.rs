//! A metadata value, bounded in size.

use std::fmt;

/// The types a metadata value can have, by their number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Str,
    Array,
    U64,
    I64,
    F64,
}

impl ValueType {
    const ALL: [ValueType; 13] = [
        ValueType::U8,
        ValueType::I8,
        ValueType::U16,
        ValueType::I16,
        ValueType::U32,
        ValueType::I32,
        ValueType::F32,
        ValueType::Bool,
        ValueType::Str,
        ValueType::Array,
        ValueType::U64,
        ValueType::I64,
        ValueType::F64,
    ];

    pub(super) fn from_number(n: u32) -> Option<Self> {
        Self::ALL.get(n as usize).copied()
    }

    /// Bytes of one value; `None` when it has no fixed size.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            ValueType::U8 | ValueType::I8 | ValueType::Bool => Some(1),
            ValueType::U16 | ValueType::I16 => Some(2),
            ValueType::U32 | ValueType::I32 | ValueType::F32 => Some(4),
            ValueType::U64 | ValueType::I64 | ValueType::F64 => Some(8),
            ValueType::Str | ValueType::Array => None,
        }
    }

    /// The name the GGUF specification uses.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::U8 => "uint8",
            ValueType::I8 => "int8",
            ValueType::U16 => "uint16",
            ValueType::I16 => "int16",
            ValueType::U32 => "uint32",
            ValueType::I32 => "int32",
            ValueType::F32 => "float32",
            ValueType::Bool => "bool",
            ValueType::Str => "string",
            ValueType::Array => "array",
            ValueType::U64 => "uint64",
            ValueType::I64 => "int64",
            ValueType::F64 => "float64",
        }
    }

    /// One value of a fixed size, out of its `size()` bytes as a number without a sign.
    pub(super) fn decode(self, u: u64) -> Value {
        match self {
            ValueType::I8 => Value::I64(u as i8 as i64),
            ValueType::I16 => Value::I64(u as i16 as i64),
            ValueType::I32 => Value::I64(u as i32 as i64),
            ValueType::I64 => Value::I64(u as i64),
            ValueType::F32 => Value::F64(f32::from_bits(u as u32) as f64),
            ValueType::F64 => Value::F64(f64::from_bits(u)),
            ValueType::Bool => Value::Bool(u != 0),
            _ => Value::U64(u),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A metadata value. Long strings and arrays are kept by their beginning only.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Any unsigned integer.
    U64(u64),
    /// Any signed integer.
    I64(i64),
    /// Any float.
    F64(f64),
    /// A truth value.
    Bool(bool),
    /// A whole string; bytes that are not UTF-8 are replaced.
    Str(String),
    /// A string too long to keep.
    LongStr {
        /// Its length in bytes.
        len: u64,
        /// How it begins.
        prefix: String,
    },
    /// An array.
    Array {
        /// What it holds.
        element: ValueType,
        /// How many.
        len: u64,
        /// The first of them; all of them when `values.len()` equals `len`.
        values: Vec<Value>,
    },
}

impl Value {
    /// The string, when it is one that was kept whole.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The number, when it is an integer that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::U64(n) => Some(*n),
            Value::I64(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// The number, when it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::U64(n) => Some(*n as f64),
            Value::I64(n) => Some(*n as f64),
            Value::F64(x) => Some(*x),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::U64(n) => n.fmt(f),
            Value::I64(n) => n.fmt(f),
            // Most floats in a file are 32 bits wide: show 0.6, not 0.6000000238418579.
            Value::F64(x) if (*x as f32) as f64 == *x => (*x as f32).fmt(f),
            Value::F64(x) => x.fmt(f),
            Value::Bool(b) => b.fmt(f),
            Value::Str(s) => f.write_str(s),
            Value::LongStr { len, prefix } => write!(f, "{prefix}… ({len} bytes)"),
            Value::Array { element, len, values } => {
                f.write_str("[")?;
                for (i, v) in values.iter().take(16).enumerate() {
                    write!(f, "{}{v}", if i == 0 { "" } else { ", " })?;
                }
                if *len > values.len().min(16) as u64 {
                    write!(f, ", … ({len} {element})")?;
                }
                f.write_str("]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_shows() {
        assert_eq!(ValueType::I8.decode(255), Value::I64(-1));
        assert_eq!(ValueType::U8.decode(255), Value::U64(255));
        assert_eq!(ValueType::F32.decode(0.6f32.to_bits().into()).to_string(), "0.6");
        assert_eq!(ValueType::I64.decode(-7i64 as u64), Value::I64(-7));
        let a = Value::Array { element: ValueType::U32, len: 3, values: vec![Value::U64(1), Value::U64(2)] };
        assert_eq!(a.to_string(), "[1, 2, … (3 uint32)]");
        for n in 0..13 {
            assert_eq!(ValueType::from_number(n).unwrap() as u32, n);
        }
        assert!(ValueType::from_number(13).is_none());
    }
}
