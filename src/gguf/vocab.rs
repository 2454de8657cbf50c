//! The vocabulary: scanned while the metadata streams by, checked when all of it is known.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::header::Container;
use super::keys::Keys;
use super::names;
use super::source::{out_of_memory, ReadAt, Reader, What};
use super::value::{Value, ValueType};
use super::{escape, invalid};
use crate::error::{Code, Error, Result};

pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
const MERGES: &str = "tokenizer.ggml.merges";
const TOKEN_TYPE: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const CHARSMAP: &str = "tokenizer.ggml.precompiled_charsmap";

const MAX_TOKENS: u64 = 2_000_000;
const MAX_STRING: u64 = 1 << 20;

/// The greatest sum of squared token lengths where suffixes are kept; 100,000 tokens of ten bytes have ten million.
const MOST_SQUARES: u64 = 1 << 28;

/// The longest token where llama.cpp keeps tokens as trees, which it builds and takes down by recursion, a byte a level.
/// Real ones are below 200 bytes.
const MOST_TREE_BYTES: u32 = 1024;

/// The special tokens: the key's last part, as `<it>_token_id`.
const SPECIAL: &[&str] = &[
    "bos",
    "eos",
    "eot",
    "eom",
    "unknown",
    "seperator",
    "padding",
    "cls",
    "mask",
    "fim_pre",
    "fim_suf",
    "fim_mid",
    "fim_pad",
    "fim_rep",
    "fim_sep",
    "prefix",
    "suffix",
    "middle",
];

/// What was seen of the vocabulary.
#[derive(Debug, Default)]
pub(super) struct Scan {
    max_token_bytes: u32,
    /// The sum over the tokens of their lengths squared.
    token_squares: u64,
    /// A token that is there twice, and its two ids.
    duplicate: Option<(String, u32, u32)>,
    /// The least and the greatest token type.
    types: Option<(i64, i64)>,
    /// The first merge that is no pair.
    bad_merge: Option<u64>,
    /// The length that the character map states for its first part.
    charsmap_header: Option<u32>,
    /// Where the tokens begin in the file, and how many they are.
    tokens: Option<(u64, u64)>,
    /// A byte that tokens of RWKV begin with, and that is no token by itself.
    not_alone: Option<u8>,
}

/// What is collected over one array of strings.
pub(super) enum Tally {
    /// Hashes, each with the number of its token below.
    Tokens {
        count: u64,
        hashes: Vec<u128>,
        state: RandomState,
        max: u32,
        squares: u64,
        buffer: Vec<u8>,
    },
    Merges {
        bad: Option<u64>,
        buffer: Vec<u8>,
    },
    Other,
}

pub(super) fn check_count(len: u64) -> Result<()> {
    if len > MAX_TOKENS {
        return Err(Error::new(
            Code::TooLarge,
            format!("{TOKENS} has {len} tokens, at most {MAX_TOKENS} are allowed"),
        ));
    }
    Ok(())
}

impl Tally {
    pub(super) fn new(key: &str, len: u64) -> Result<Self> {
        Ok(match key {
            TOKENS => {
                let mut hashes = Vec::new();
                hashes.try_reserve(len as usize).map_err(|_| out_of_memory(len * 16, &TOKENS))?;
                Tally::Tokens {
                    count: len,
                    hashes,
                    state: RandomState::new(),
                    max: 0,
                    squares: 0,
                    buffer: Vec::new(),
                }
            }
            MERGES => Tally::Merges { bad: None, buffer: Vec::new() },
            _ => Tally::Other,
        })
    }

    /// Takes string number `i` of `n` bytes, which the reader stands before.
    pub(super) fn add<S: ReadAt + ?Sized>(
        &mut self,
        i: u64,
        n: u64,
        r: &mut Reader<'_, S>,
        what: What<'_>,
    ) -> Result<()> {
        if n > MAX_STRING && !matches!(self, Tally::Other) {
            return Err(Error::new(
                Code::TooLarge,
                format!("{what}: string {i} has {n} bytes, at most {MAX_STRING}"),
            ));
        }
        match self {
            Tally::Tokens { hashes, state, max, squares, buffer, .. } => {
                r.bytes_into(n, buffer, what)?;
                *max = (*max).max(n as u32);
                *squares = squares.saturating_add(n * n);
                let hash = hash(&as_llama_sees(buffer, i as u32), state);
                hashes.push(u128::from(hash) << 32 | u128::from(i as u32));
            }
            Tally::Merges { bad, buffer } => {
                r.bytes_into(n, buffer, what)?;
                if bad.is_none() && !buffer.iter().skip(1).any(|b| *b == b' ') {
                    *bad = Some(i);
                }
            }
            Tally::Other => r.skip(n, what)?,
        }
        Ok(())
    }
}

/// A short token is its own hash; one of others begins with a bit that no length of a short one has.
fn hash(token: &[u8], state: &RandomState) -> u64 {
    let mut short = [0; 8];
    match short[..7].get_mut(..token.len()) {
        Some(place) => {
            place.copy_from_slice(token);
            short[7] = token.len() as u8;
            u64::from_le_bytes(short)
        }
        None => state.hash_one(token) | 1 << 63,
    }
}

/// llama.cpp reads a token as a C string, and names an empty one.
fn as_llama_sees(bytes: &[u8], id: u32) -> Cow<'_, [u8]> {
    let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
    match text.is_empty() {
        true => format!("[EMPTY_{id}]").into_bytes().into(),
        false => text.into(),
    }
}

impl Scan {
    /// Ends an array of strings that began at `start`.
    pub(super) fn strings<S: ReadAt + ?Sized>(
        &mut self,
        tally: Tally,
        start: u64,
        r: &mut Reader<'_, S>,
    ) -> Result<()> {
        match tally {
            Tally::Other => {}
            Tally::Merges { bad, .. } => self.bad_merge = bad,
            Tally::Tokens { count, mut hashes, max, squares, .. } => {
                self.tokens = Some((start, count));
                (self.max_token_bytes, self.token_squares) = (max, squares);
                hashes.sort_unstable();
                // Equal hashes are compared as text; two that are equal by chance are not expected to happen.
                for pair in hashes.windows(2).filter(|w| w[0] >> 32 == w[1] >> 32).take(8) {
                    let (a, b) = (pair[0] as u32, pair[1] as u32);
                    let (x, y) = (nth(r, start, a)?, nth(r, start, b)?);
                    if x == y {
                        self.duplicate = Some((escape(&x), a, b));
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the tokens once more as RWKV's tokenizer does. It looks for the longest token that the text begins with, and
    /// when there is the beginning of one and none that is whole it looks at the same place again, for ever.
    pub(super) fn as_rwkv<S: ReadAt + ?Sized>(&mut self, r: &mut Reader<'_, S>) -> Result<()> {
        let Some((start, count)) = self.tokens else { return Ok(()) };
        let (mut begins, mut alone) = ([false; 256], [false; 256]);
        let mut buffer = Vec::new();
        r.seek(start);
        for id in 0..count {
            let n = r.u64(&TOKENS)?;
            r.bytes_into(n, &mut buffer, &TOKENS)?;
            let seen = as_llama_sees(&buffer, id as u32);
            let mut text = Unescaped(seen.iter());
            if let Some(first) = text.next() {
                begins[usize::from(first)] = true;
                alone[usize::from(first)] |= text.next().is_none();
            }
        }
        self.not_alone = (0..=255).find(|b| begins[usize::from(*b)] && !alone[usize::from(*b)]);
        Ok(())
    }

    /// Takes an array of numbers, which the reader stands before.
    pub(super) fn numbers<S: ReadAt + ?Sized>(
        &mut self,
        key: &str,
        element: ValueType,
        len: u64,
        r: &mut Reader<'_, S>,
    ) -> Result<()> {
        if key == CHARSMAP && len >= 4 && matches!(element, ValueType::I8 | ValueType::U8) {
            self.charsmap_header = Some(r.u32(&CHARSMAP)?);
        }
        if key == TOKEN_TYPE && element == ValueType::I32 && len > 0 {
            check_count(len)?;
            let mut range = (i64::MAX, i64::MIN);
            for _ in 0..len {
                let t = i64::from(r.u32(&TOKEN_TYPE)? as i32);
                range = (range.0.min(t), range.1.max(t));
            }
            self.types = Some(range);
        }
        Ok(())
    }
}

/// The bytes of a token as RWKV's vocabulary spells them (`llama_unescape_rwkv_token`).
struct Unescaped<'a>(std::slice::Iter<'a, u8>);

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let digit = |c: u8| if c >= b'a' { c - b'a' + 10 } else { c.wrapping_sub(b'0') };
        match *self.0.next()? {
            b'\\' => match *self.0.next()? {
                b't' => Some(b'\t'),
                b'n' => Some(b'\n'),
                b'r' => Some(b'\r'),
                b'x' => {
                    let (high, low) = (digit(*self.0.next()?), digit(*self.0.next()?));
                    Some((high << 4).wrapping_add(low))
                }
                c => Some(c),
            },
            c => Some(c),
        }
    }
}

fn nth<S: ReadAt + ?Sized>(r: &mut Reader<'_, S>, start: u64, id: u32) -> Result<Vec<u8>> {
    r.seek(start);
    for _ in 0..id {
        let n = r.u64(&TOKENS)?;
        r.skip(n, &TOKENS)?;
    }
    let n = r.u64(&TOKENS)?;
    Ok(as_llama_sees(&r.bytes(n, &TOKENS)?, id).into_owned())
}

/// What the checks found out.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    pub(super) model: Option<String>,
    pub(super) pre: Option<String>,
    pub(super) size: u32,
    pub(super) max_token_bytes: u32,
    pub(super) warnings: Vec<String>,
}

/// Checks everything that llama.cpp asserts or throws on when it loads the vocabulary.
pub(super) fn check(c: &Container, arch: &str) -> Result<Vocabulary> {
    let keys = Keys(c);
    let Some(model) = keys.str("tokenizer.ggml.model")? else {
        return Err(invalid(
            "key tokenizer.ggml.model is missing: the file has no tokenizer, convert the model again",
        ));
    };
    if names::TOKENIZERS.binary_search(&model.as_str()).is_err() {
        return Err(invalid(format!(
            "tokenizer.ggml.model is \"{}\", which this engine does not know ({})",
            escape(model.as_bytes()),
            names::TOKENIZERS.join(", ")
        )));
    }
    let mut v = Vocabulary { max_token_bytes: c.vocabulary.max_token_bytes, ..Vocabulary::default() };
    if matches!(model.as_str(), "none" | "no_vocab") {
        let size = keys.u32(&format!("{arch}.vocab_size"))?.unwrap_or(0);
        check_count(size.into())?;
        (v.size, v.model) = (size, Some(model));
        return Ok(v);
    }
    v.size = count_tokens(&keys, c)?;
    v.pre = keys.str("tokenizer.ggml.pre")?;
    suffixes(c, &model)?;
    trees(c, &model)?;
    lengths_and_types(&keys, c, v.size, &mut v.warnings)?;
    pre_tokenizer(&model, v.pre.as_deref())?;
    merges(&keys, c, &model, v.pre.as_deref(), &mut v.warnings)?;
    charsmap(&keys, c, &model)?;
    special_tokens(&keys, &model, v.size, &mut v.warnings)?;
    v.model = Some(model);
    Ok(v)
}

fn count_tokens(keys: &Keys<'_>, c: &Container) -> Result<u32> {
    let Some(tokens) = keys.array(TOKENS, &[ValueType::Str])? else {
        return Err(invalid(format!(
            "key {TOKENS} is missing: the file has no vocabulary, convert the model again"
        )));
    };
    if tokens == 0 {
        return Err(invalid(format!("{TOKENS} is empty: convert the model again")));
    }
    if let Some((text, a, b)) = &c.vocabulary.duplicate {
        return Err(invalid(format!(
            "{TOKENS}: token {b} is the same as token {a} (\"{text}\"), which llama.cpp does not accept: \
             get a newer conversion of the model"
        )));
    }
    Ok(tokens as u32)
}

/// The tokenizer of PLaMo-2 keeps every suffix of every token: of one long token they take any time and memory.
fn suffixes(c: &Container, model: &str) -> Result<()> {
    if model == "plamo2" && c.vocabulary.token_squares > MOST_SQUARES {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "{TOKENS} has tokens of up to {} bytes, too long for this tokenizer",
                c.vocabulary.max_token_bytes
            ),
        ));
    }
    Ok(())
}

/// Tokenizers that keep their tokens as trees.
fn trees(c: &Container, model: &str) -> Result<()> {
    if !matches!(model, "t5" | "rwkv") {
        return Ok(());
    }
    let longest = c.vocabulary.max_token_bytes;
    if longest > MOST_TREE_BYTES {
        return Err(Error::new(
            Code::TooLarge,
            format!("{TOKENS} has tokens of up to {longest} bytes, at most {MOST_TREE_BYTES} for this tokenizer"),
        ));
    }
    match c.vocabulary.not_alone {
        Some(byte) if model == "rwkv" => Err(invalid(format!(
            "{TOKENS}: tokens begin with the byte 0x{byte:02x}, which is no token by itself: convert the model again"
        ))),
        _ => Ok(()),
    }
}

fn lengths_and_types(keys: &Keys<'_>, c: &Container, size: u32, warnings: &mut Vec<String>) -> Result<()> {
    let scores = keys.array(SCORES, &[ValueType::F32, ValueType::I32])?;
    let types = keys.array(TOKEN_TYPE, &[ValueType::I32])?;
    for (key, len) in [(SCORES, scores), (TOKEN_TYPE, types)] {
        match len {
            Some(n) if n < size.into() => {
                return Err(invalid(format!("{key} has {n} entries for {size} tokens: convert the model again")))
            }
            Some(n) if n > size.into() => warnings.push(format!("{key} has {n} entries for {size} tokens")),
            _ => {}
        }
    }
    match c.vocabulary.types {
        Some((min, max)) if min < 0 || max > 6 => {
            let bad = if min < 0 { min } else { max };
            Err(invalid(format!("{TOKEN_TYPE} holds {bad}, known are 0 to 6: the file is damaged")))
        }
        _ => Ok(()),
    }
}

fn is_bpe(model: &str) -> bool {
    matches!(model, "gpt2" | "hybriddna" | "whitespace" | "gemma4")
}

fn pre_tokenizer(model: &str, pre: Option<&str>) -> Result<()> {
    match pre {
        Some(pre) if is_bpe(model) && model != "gemma4" && !pre.is_empty() && !names::is_pre_tokenizer(pre) => {
            Err(invalid(format!(
                "tokenizer.ggml.pre is \"{}\", a pre-tokenizer this engine does not know: \
                 the model is newer than this library, or was converted wrongly",
                escape(pre.as_bytes())
            )))
        }
        _ => Ok(()),
    }
}

fn merges(
    keys: &Keys<'_>,
    c: &Container,
    model: &str,
    pre: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    if !is_bpe(model) {
        return Ok(());
    }
    let merges = keys.array(MERGES, &[ValueType::Str])?;
    if merges.is_none() && (pre != Some("kimi-k2") || model == "gemma4") {
        return Err(invalid(format!(
            "key {MERGES} is missing, which tokenizer \"{model}\" needs: convert the model again"
        )));
    }
    if let Some(i) = c.vocabulary.bad_merge {
        warnings.push(format!("{MERGES}: entry {i} is not a pair; it is ignored"));
    }
    Ok(())
}

fn charsmap(keys: &Keys<'_>, c: &Container, model: &str) -> Result<()> {
    if model != "t5" {
        return Ok(());
    }
    let Some(len) = keys.array(CHARSMAP, &[ValueType::I8, ValueType::U8])? else { return Ok(()) };
    match c.vocabulary.charsmap_header {
        Some(first) if u64::from(first) + 4 < len => Ok(()),
        first => Err(invalid(format!(
            "{CHARSMAP} has {len} bytes and states {} for its first part: the file is damaged",
            first.unwrap_or(0)
        ))),
    }
}

/// The id that is used for a special token; one outside the vocabulary is ignored, as llama.cpp does: many real
/// files state 4294967295 for "none".
fn special(
    keys: &Keys<'_>,
    name: &str,
    default: Option<u32>,
    size: u32,
    w: &mut Vec<String>,
) -> Result<Option<u32>> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    match keys.u32(&key)? {
        Some(id) if id < size => Ok(Some(id)),
        stated => {
            if let Some(id) = stated {
                w.push(format!("{key} is {id}, outside the vocabulary of {size} tokens; it is ignored"));
            }
            Ok(default.filter(|id| *id < size))
        }
    }
}

fn special_tokens(keys: &Keys<'_>, model: &str, size: u32, warnings: &mut Vec<String>) -> Result<()> {
    let (bos, eos, sep) = match model {
        "llama" | "plamo2" => (Some(1), Some(2), None),
        "bert" => (Some(101), None, Some(102)),
        "t5" => (None, Some(1), None),
        "rwkv" | "test" | "gemma4" => (None, None, None),
        _ => (Some(11), Some(11), None),
    };
    let mut used = [None; 3];
    for name in SPECIAL {
        let (slot, default) = match *name {
            "bos" => (0, bos),
            "eos" => (1, eos),
            "seperator" => (2, sep),
            _ => (3, None),
        };
        let id = special(keys, name, default, size, warnings)?;
        if let Some(u) = used.get_mut(slot) {
            *u = id;
        }
    }
    let add = |name: &str| keys.bool(&format!("tokenizer.ggml.add_{name}_token"));
    let (add_bos, add_eos) = (add("bos")?, add("eos")?);
    add("sep")?;
    let wants_bos = match model {
        "bert" | "gemma4" => true,
        "llama" => add_bos.unwrap_or(true),
        "rwkv" | "test" => false,
        _ => add_bos.unwrap_or(false),
    };
    let wants_eos = match model {
        "t5" => add_eos.unwrap_or(true),
        "bert" | "rwkv" | "test" => false,
        _ => add_eos.unwrap_or(false),
    };
    let wanted = [("bos", wants_bos), ("eos", wants_eos), ("seperator", model == "bert")];
    for ((name, wanted), id) in wanted.into_iter().zip(used) {
        if wanted && id.is_none() {
            return Err(invalid(format!(
                "tokenizer \"{model}\" adds a {name} token to every text, but tokenizer.ggml.{name}_token_id names none \
                 of the {size} tokens: convert the model again"
            )));
        }
    }
    Ok(())
}

/// The names of the chat templates: "default", and those of `tokenizer.chat_template.<name>`.
pub(super) fn chat_templates(c: &Container) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for e in &c.entries {
        let Some(rest) = e.key.strip_prefix("tokenizer.chat_template") else { continue };
        let name = match rest.strip_prefix('.') {
            Some(name) => name,
            None if rest.is_empty() => "default",
            None => continue,
        };
        match e.value {
            Value::Str(_) => names.push(name.to_owned()),
            Value::LongStr { len, .. } => {
                return Err(Error::new(
                    Code::TooLarge,
                    format!("{} has {len} bytes, more than 1 MiB", escape(e.key.as_bytes())),
                ))
            }
            _ => {
                return Err(invalid(format!(
                    "{} is of type {}, it must be string",
                    escape(e.key.as_bytes()),
                    e.kind
                )))
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescapes_as_llama_does() {
        let bytes = |text: &str| Unescaped(text.as_bytes().iter()).collect::<Vec<u8>>();
        assert_eq!(bytes(r"a\tb\n\r\\\'"), b"a\tb\n\r\\'");
        assert_eq!(bytes(r"\x00\xff\x0a"), [0, 255, 10]);
        // What is cut off is nothing.
        assert_eq!(bytes("a\\"), b"a");
        assert_eq!(bytes(r"\x1"), b"");
    }
}
