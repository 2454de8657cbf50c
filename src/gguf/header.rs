//! The container: header, metadata, tensor directory. Knows nothing about language models.
//!
//! Everything here is linear in the bytes scanned, and every limit is far above what real models need.

use std::collections::HashSet;

use super::keys::Name;
use super::source::{out_of_memory, ReadAt, Reader, What};
use super::tensors::{self, Tensor};
use super::value::{Value, ValueType};
use super::vocab::{self, Scan};
use super::{escape, expert_ids, invalid, shown, sniff};
use crate::error::{Code, Error, Result};
use crate::room;

/// Bytes of metadata that are scanned at most.
const MAX_METADATA_BYTES: u64 = 256 << 20;
const MAX_METADATA_COUNT: u64 = 65_536;
/// Of the GGUF specification.
const MAX_KEY_BYTES: u64 = 65_535;
/// Strings in arrays, of the whole file. The largest real vocabularies have half a million merges.
const MAX_ARRAY_STRINGS: u64 = 8_000_000;
/// Bytes of metadata that are kept, keys included.
const MAX_KEPT_BYTES: usize = 12 << 20;
/// A longer string is kept by its beginning only. Chat templates reach 100 KiB.
const MAX_KEPT_STRING: u64 = 1 << 20;
const LONG_PREFIX: u64 = 256;
/// Elements of an array that are kept: enough for one number per layer.
const KEPT_NUMBERS: u64 = 1024;
const KEPT_STRINGS: u64 = 64;

/// One metadata entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) kind: ValueType,
    pub(super) value: Value,
    /// Where it begins in the file.
    pub(super) offset: u64,
}

/// What a GGUF file holds, checked as a container.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) entries: Vec<Entry>,
    pub(super) tensors: Vec<Tensor>,
    pub(super) file_size: u64,
    /// Where the tensor data begins.
    pub(super) data_offset: u64,
    pub(super) vocabulary: Scan,
    /// Of a model or adapter that will be loaded.
    pub(super) fingerprint: Option<[u8; 32]>,
    /// The least and the greatest id in tables of experts.
    pub(super) expert_ids: Option<(i32, i32)>,
}

impl Container {
    pub(super) fn entry<'n>(&self, key: impl Into<Name<'n>>) -> Option<&Entry> {
        let name = key.into();
        self.entries.iter().find(|e| name.is(&e.key))
    }
}

/// Reads and checks it all.
pub(super) fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Container> {
    let mut r = Reader::new(source);
    check_magic_and_version(&mut r)?;
    let tensor_count = r.u64(&"the header (number of tensors)")?;
    let entry_count = r.u64(&"the header (number of metadata entries)")?;
    plausible(tensor_count, tensors::MAX_COUNT, 32, "tensors", 8, r.remaining())?;
    plausible(entry_count, MAX_METADATA_COUNT, 13, "metadata entries", 16, r.remaining())?;

    let mut state = State { r, kept: 0, strings: 0, vocabulary: Scan::default() };
    let mut entries = Vec::new();
    entries.try_reserve(entry_count as usize).map_err(|_| out_of_memory(entry_count, &"metadata entries"))?;
    for i in 0..entry_count {
        let entry = state.entry(i, entry_count)?;
        entries.push(entry);
    }
    unique_keys(&entries)?;

    let State { mut r, mut vocabulary, .. } = state;
    if entries.iter().any(|e| e.key == "tokenizer.ggml.model" && e.value.as_str() == Some("rwkv")) {
        let end = r.position();
        vocabulary.as_rwkv(&mut r)?;
        r.seek(end);
    }
    let alignment = alignment(&entries)?;
    let tensors = tensors::read_directory(&mut r, tensor_count)?;
    // Alignment counts from the beginning of the GGUF, also when it is embedded in a larger file.
    let data_offset = match tensors.is_empty() {
        true => r.position(),
        false => r.position().next_multiple_of(alignment),
    };
    tensors::check_layout(&tensors, alignment, data_offset, source.len())?;
    let expert_ids = expert_ids::range(source, &tensors, data_offset)?;
    Ok(Container {
        entries,
        tensors,
        file_size: source.len(),
        data_offset,
        vocabulary,
        fingerprint: None,
        expert_ids,
    })
}

fn check_magic_and_version<S: ReadAt + ?Sized>(r: &mut Reader<'_, S>) -> Result<()> {
    let len = r.remaining();
    if len == 0 {
        return Err(invalid("the file is empty (0 bytes): the download or the copy failed, do it again"));
    }
    let head = r.bytes(len.min(512), &"the beginning")?;
    if !head.starts_with(b"GGUF") {
        if len < 4 && b"GGUF".starts_with(&head) {
            return Err(invalid(format!("the file is too short ({len} bytes): download it again")));
        }
        return Err(sniff::not_gguf(&head, len));
    }
    r.seek(4);
    let version = r.u32(&"the header (version)")?;
    match version {
        2 | 3 => Ok(()),
        1 => Err(invalid("GGUF version 1 (2023) is no longer supported: get a newer GGUF of the model")),
        v if v & 0xffff == 0 && v != 0 => Err(invalid(format!(
            "this is a big-endian GGUF (version field 0x{v:08x}): get the little-endian version of the model"
        ))),
        v => Err(invalid(format!(
            "unknown GGUF version {v} at offset 4 (known: 2 and 3): the file is damaged, or newer than this library"
        ))),
    }
}

/// A count must be within our limit, and the file must be able to hold so many.
fn plausible(count: u64, max: u64, each: u64, what: &str, offset: u64, left: u64) -> Result<()> {
    if count > left / each {
        return Err(invalid(format!(
            "the header at offset {offset} announces {count} {what}, more than the file can hold ({left} bytes left): \
             it is damaged or not fully downloaded, download it again"
        )));
    }
    if count > max {
        return Err(Error::new(Code::TooLarge, format!("{count} {what}, at most {max} are allowed")));
    }
    Ok(())
}

fn unique_keys(entries: &[Entry]) -> Result<()> {
    let mut seen = HashSet::new();
    seen.try_reserve(entries.len()).map_err(|_| out_of_memory(entries.len() as u64, &"metadata keys"))?;
    match entries.iter().find(|e| !seen.insert(e.key.as_str())) {
        None => Ok(()),
        Some(e) => Err(invalid(format!(
            "metadata key \"{}\" at offset {} is there twice: the file was edited badly, get another copy",
            escape(e.key.as_bytes()),
            e.offset
        ))),
    }
}

fn alignment(entries: &[Entry]) -> Result<u64> {
    let Some(e) = entries.iter().find(|e| e.key == "general.alignment") else { return Ok(32) };
    let wrong = |why: &str| {
        Err(invalid(format!("general.alignment at offset {} is {}, {why}", e.offset, shown(&e.value))))
    };
    match (&e.value, e.kind) {
        (Value::U64(n), ValueType::U32) if !n.is_power_of_two() => wrong("it must be a power of two"),
        (Value::U64(n), ValueType::U32) if *n < 32 => {
            wrong("below 32 the tensors cannot be memory-mapped: convert or quantize the model again")
        }
        (Value::U64(n), ValueType::U32) if *n > 1 << 24 => wrong("more than 16 MiB makes no sense"),
        (Value::U64(n), ValueType::U32) => Ok(*n),
        _ => wrong(&format!("of type {}, it must be uint32", e.kind)),
    }
}

/// A part of the metadata, as messages call it.
enum Part<'a> {
    /// This entry, counted from 1, of so many.
    Entry(u64, u64),
    /// The value of this key.
    Value(&'a str),
}

impl std::fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Part::Entry(index, count) => write!(f, "metadata entry {index} of {count}"),
            Part::Value(key) => write!(f, "the value of {}", escape(key.as_bytes())),
        }
    }
}

/// What is carried from entry to entry.
struct State<'a, S: ReadAt + ?Sized> {
    r: Reader<'a, S>,
    kept: usize,
    strings: u64,
    vocabulary: Scan,
}

impl<S: ReadAt + ?Sized> State<'_, S> {
    fn entry(&mut self, index: u64, count: u64) -> Result<Entry> {
        let offset = self.r.position();
        let key = self.key(&Part::Entry(index + 1, count))?;
        let what = &Part::Value(&key);
        let kind = self.value_type(&key, what)?;
        let value = match kind {
            ValueType::Array => self.array(&key, what)?,
            ValueType::Str => self.string(what)?,
            fixed => self.number(fixed, what)?,
        };
        if self.r.position() > MAX_METADATA_BYTES {
            return Err(too_much(format!(
                "metadata goes on beyond {} MiB (at {what}): this is not a usual model",
                MAX_METADATA_BYTES >> 20
            )));
        }
        Ok(Entry { key, kind, value, offset })
    }

    fn key(&mut self, what: What<'_>) -> Result<String> {
        let at = self.r.position();
        let len = self.r.u64(what)?;
        if len == 0 || len > MAX_KEY_BYTES {
            return Err(invalid(format!(
                "the key of {what} at offset {at} has {len} bytes, it must have 1 to {MAX_KEY_BYTES}: \
                 the file is damaged, download it again"
            )));
        }
        self.keep(len as usize + size_of::<Entry>())?;
        let bytes = self.r.bytes(len, what)?;
        match String::from_utf8(bytes) {
            Ok(s) if !s.contains('\0') => Ok(s),
            Ok(s) => Err(invalid(format!("the key \"{}\" at offset {at} holds a NUL byte", escape(s.as_bytes())))),
            Err(e) => Err(invalid(format!(
                "the key \"{}\" at offset {at} is not UTF-8: the file is damaged",
                escape(e.as_bytes())
            ))),
        }
    }

    fn value_type(&mut self, key: &str, what: What<'_>) -> Result<ValueType> {
        let at = self.r.position();
        let n = self.r.u32(what)?;
        ValueType::from_number(n).ok_or_else(|| {
            invalid(format!(
                "key {} has unknown value type {n} at offset {at} (0 to 12 are known): the file is damaged",
                escape(key.as_bytes())
            ))
        })
    }

    fn number(&mut self, kind: ValueType, what: What<'_>) -> Result<Value> {
        let bytes = match kind.size() {
            Some(1) => u64::from(self.r.array::<1>(what)?[0]),
            Some(2) => u64::from(u16::from_le_bytes(self.r.array(what)?)),
            Some(4) => u64::from(self.r.u32(what)?),
            _ => self.r.u64(what)?,
        };
        Ok(kind.decode(bytes))
    }

    fn string(&mut self, what: What<'_>) -> Result<Value> {
        let len = self.r.u64(what)?;
        self.r.need(len, what)?;
        let room = MAX_KEPT_BYTES.saturating_sub(self.kept) as u64;
        let prefix = if len <= MAX_KEPT_STRING.min(room) { len } else { LONG_PREFIX.min(len).min(room) };
        self.kept += prefix as usize;
        let bytes = self.r.bytes(prefix, what)?;
        self.r.skip(len - prefix, what)?;
        if prefix == len {
            let text = match String::from_utf8(bytes) {
                Ok(s) => s,
                Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
            };
            return Ok(Value::Str(text));
        }
        let prefix = String::from_utf8_lossy(&bytes).trim_end_matches('\u{fffd}').to_owned();
        Ok(Value::LongStr { len, prefix })
    }

    fn array(&mut self, key: &str, what: What<'_>) -> Result<Value> {
        let element = self.value_type(key, what)?;
        let len = self.r.u64(what)?;
        match element.size() {
            Some(size) => self.numbers(key, element, size as u64, len, what),
            None if element == ValueType::Str => self.array_of_strings(key, len, what),
            None => Err(invalid(format!(
                "{what} at offset {} is an array of arrays, which GGUF does not allow",
                self.r.position()
            ))),
        }
    }

    fn numbers(&mut self, key: &str, element: ValueType, size: u64, len: u64, what: What<'_>) -> Result<Value> {
        let bytes = len.saturating_mul(size);
        self.r.need(bytes, what)?;
        let start = self.r.position();
        let wanted = len.min(KEPT_NUMBERS).min(self.room_for_values());
        let mut values = room::empty(wanted as usize, "metadata values")?;
        for _ in 0..wanted {
            let v = self.number(element, what)?;
            values.push(v);
        }
        self.kept += values.len() * size_of::<Value>();
        self.r.seek(start);
        self.vocabulary.numbers(key, element, len, &mut self.r)?;
        self.r.seek(start + bytes);
        Ok(Value::Array { element, len, values })
    }

    fn array_of_strings(&mut self, key: &str, len: u64, what: What<'_>) -> Result<Value> {
        // Every string takes at least the eight bytes of its length.
        self.r.need(len.saturating_mul(8), what)?;
        if key == vocab::TOKENS {
            vocab::check_count(len)?;
        }
        self.strings += len;
        if self.strings > MAX_ARRAY_STRINGS {
            return Err(too_much(format!("{what} has {len} strings, at most {MAX_ARRAY_STRINGS} are allowed")));
        }
        let start = self.r.position();
        let mut tally = vocab::Tally::new(key, len)?;
        let mut values = Vec::new();
        for i in 0..len {
            let n = self.r.u64(what)?;
            self.r.need(n, what)?;
            if self.r.position() > MAX_METADATA_BYTES {
                return Err(too_much(format!(
                    "metadata goes on beyond {} MiB (in {what})",
                    MAX_METADATA_BYTES >> 20
                )));
            }
            if i < KEPT_STRINGS && self.room_for_values() > 0 {
                let at = self.r.position();
                let text = self.r.bytes(n.min(LONG_PREFIX), what)?;
                self.kept += text.len() + size_of::<Value>();
                let text =
                    String::from_utf8(text).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
                values.push(Value::Str(text));
                self.r.seek(at);
            }
            tally.add(i, n, &mut self.r, what)?;
        }
        let end = self.r.position();
        self.vocabulary.strings(tally, start, &mut self.r)?;
        self.r.seek(end);
        Ok(Value::Array { element: ValueType::Str, len, values })
    }

    fn room_for_values(&self) -> u64 {
        (MAX_KEPT_BYTES.saturating_sub(self.kept) / (size_of::<Value>() + LONG_PREFIX as usize)) as u64
    }

    fn keep(&mut self, bytes: usize) -> Result<()> {
        self.kept += bytes;
        if self.kept > 2 * MAX_KEPT_BYTES {
            return Err(too_much(format!("the metadata keys take more than {} MiB", MAX_KEPT_BYTES >> 20)));
        }
        Ok(())
    }
}

fn too_much(message: String) -> Error {
    Error::new(Code::TooLarge, message)
}
