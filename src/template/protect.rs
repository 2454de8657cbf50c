//! Content can never make a special token.
//!
//! Before rendering, every place in the content that spells a control token's text, and every end of a content that
//! could begin one, is put between two marks: characters that occur nowhere else. After rendering the marks are taken
//! out again and tell which parts of the text came from content: no special token may start there. Templates go on
//! working on the content as it is (`'</think>' in content`, `trim`, …), since only control tokens are marked.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};

use super::{RenderInput, Rendered};
use crate::error::{Code, Error, Result};

/// The texts of a vocabulary's control tokens, ready to be found.
pub struct SpecialTexts {
    texts: Vec<String>,
    finder: Option<AhoCorasick>,
}

impl SpecialTexts {
    /// From the texts; empty ones are ignored.
    pub fn new(texts: impl IntoIterator<Item = String>) -> SpecialTexts {
        let mut texts: Vec<String> = texts.into_iter().filter(|t| !t.is_empty()).collect();
        texts.sort_unstable();
        texts.dedup();
        // The longest of those that begin at one place wins, as in llama.cpp.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts).ok();
        SpecialTexts { texts, finder: finder.filter(|f| f.patterns_len() > 0) }
    }

    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let input = aho_corasick::Input::new(text).span(from..text.len());
        self.finder.as_ref()?.find(input).map(|m| m.range())
    }

    /// Where the end of a text begins that is a proper beginning of a special text.
    fn tail(&self, text: &str) -> Option<usize> {
        let longest = self.texts.iter().map(|t| t.len() - 1).max()?;
        let mut at = text.len() - text.len().min(longest);
        while !text.is_char_boundary(at) {
            at += 1;
        }
        text[at..]
            .char_indices()
            .map(|(i, _)| at + i)
            .find(|i| self.texts.iter().any(|t| t.len() > text.len() - i && t.starts_with(&text[*i..])))
    }
}

/// The two marks of one rendering.
pub(super) struct Marks {
    open: char,
    close: char,
    seen: usize,
}

/// Unicode's noncharacters: no text for interchange holds them.
const CANDIDATES: Range<u32> = 0xFDD0..0xFDF0;

impl Marks {
    /// Two that occur nowhere in the input.
    pub(super) fn choose(input: &RenderInput<'_>) -> Result<Marks> {
        let mut used = 0u32;
        let mut note = |s: &str| {
            for c in s.chars().filter(|c| CANDIDATES.contains(&(*c as u32))) {
                used |= 1 << (c as u32 - CANDIDATES.start);
            }
        };
        input.messages.iter().for_each(|m| m.as_json().values().for_each(|v| strings(v, &mut note)));
        input.tools.iter().chain(input.variables.values()).for_each(|v| strings(v, &mut note));
        let mut free = CANDIDATES.filter(|c| used >> (c - CANDIDATES.start) & 1 == 0).filter_map(char::from_u32);
        match (free.next(), free.next()) {
            (Some(open), Some(close)) => Ok(Marks { open, close, seen: 0 }),
            _ => {
                Err(Error::new(Code::Range, "the messages use all of U+FDD0 to U+FDEF, which are not characters"))
            }
        }
    }

    /// Bytes of content so far.
    pub(super) fn bytes_seen(&self) -> usize {
        self.seen
    }

    /// A message with its content marked. The role is left alone: templates build special tokens from it, and it can
    /// only hold letters, digits, `_` and `-`.
    pub(super) fn message(&mut self, message: &Map<String, Value>, specials: &SpecialTexts) -> Value {
        let mark = |(k, v): (&String, &Value)| {
            let value = if k == "role" { v.clone() } else { self.value(v, specials) };
            (k.clone(), value)
        };
        Value::Object(message.iter().map(mark).collect())
    }

    /// A value with all its strings marked.
    pub(super) fn value(&mut self, value: &Value, specials: &SpecialTexts) -> Value {
        match value {
            Value::String(s) => Value::String(self.text(s, specials)),
            Value::Array(items) => Value::Array(items.iter().map(|v| self.value(v, specials)).collect()),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(k, v)| (self.text(k, specials), self.value(v, specials))).collect())
            }
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str, specials: &SpecialTexts) -> String {
        self.seen += text.len();
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        while let Some(found) = specials.find(text, done) {
            out.push_str(&text[done..found.start]);
            self.wrap(&text[found.clone()], &mut out);
            done = found.end;
        }
        let rest = &text[done..];
        match specials.tail(rest) {
            Some(at) => {
                out.push_str(&rest[..at]);
                self.wrap(&rest[at..], &mut out);
            }
            None => out.push_str(rest),
        }
        out
    }

    fn wrap(&self, text: &str, out: &mut String) {
        out.push(self.open);
        out.push_str(text);
        out.push(self.close);
    }

    /// Takes the marks out. Where a template cut one of the two away (by slicing), what could be the rest of the part
    /// is protected: up to the next mark, or a special text's length back.
    pub(super) fn remove(&self, text: String, specials: &SpecialTexts) -> Rendered {
        if !text.contains([self.open, self.close]) {
            return Rendered { text, protected: Vec::new() };
        }
        let mut clean = String::with_capacity(text.len());
        let mut protected = Vec::new();
        let longest = specials.texts.iter().map(String::len).max().unwrap_or(0);
        let (mut start, mut last) = (None, 0);
        for c in text.chars() {
            if c != self.open && c != self.close {
                clean.push(c);
                continue;
            }
            match start.take() {
                Some(from) => protected.push(from..clean.len()),
                None if c == self.close => {
                    protected.push(clean.len().saturating_sub(longest).max(last)..clean.len())
                }
                None => {}
            }
            last = clean.len();
            if c == self.open {
                start = Some(clean.len());
            }
        }
        if let Some(from) = start {
            protected.push(from..clean.len());
        }
        Rendered { text: clean, protected }
    }
}

fn strings(value: &Value, note: &mut impl FnMut(&str)) {
    match value {
        Value::String(s) => note(s),
        Value::Array(items) => items.iter().for_each(|v| strings(v, note)),
        Value::Object(map) => map.iter().for_each(|(k, v)| {
            note(k);
            strings(v, note);
        }),
        _ => {}
    }
}

/// A part of a rendered prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text without special tokens, whatever it looks like.
    Plain(&'a str),
    /// A special token of the template's own.
    Special(&'a str),
}

impl<'a> Segment<'a> {
    /// Its text.
    pub fn text(&self) -> &'a str {
        match self {
            Segment::Plain(text) | Segment::Special(text) => text,
        }
    }
}

impl Rendered {
    /// The text in parts, for tokenising.
    pub fn segments(&self, specials: &SpecialTexts) -> Vec<Segment<'_>> {
        let mut out = Vec::new();
        let (mut done, mut from, mut next) = (0, 0, 0);
        while let Some(found) = specials.find(&self.text, from) {
            while self.protected.get(next).is_some_and(|p| p.end <= found.start) {
                next += 1;
            }
            if let Some(p) = self.protected.get(next).filter(|p| p.contains(&found.start)) {
                from = p.end;
                continue;
            }
            if done < found.start {
                out.push(Segment::Plain(&self.text[done..found.start]));
            }
            out.push(Segment::Special(&self.text[found.clone()]));
            done = found.end;
            from = found.end;
        }
        if done < self.text.len() {
            out.push(Segment::Plain(&self.text[done..]));
        }
        out
    }
}
