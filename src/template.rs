//! Chat templates: Jinja, as Hugging Face's `apply_chat_template` sets it up, within limits.
//!
//! A template is compiled when it is used, so that a bad one never keeps a model from loading. Content cannot make
//! special tokens: see [`protect`].

mod environment;
pub mod protect;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use minijinja::{Environment, ErrorKind, Value as Jinja};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::message::Message;
pub use protect::{Segment, SpecialTexts};

/// The longest template, in bytes.
const MOST_SOURCE: usize = 1 << 20;

/// Brackets inside brackets, and blocks inside blocks, that a template may have: the compiler recurses.
const MOST_NESTING: usize = 100;

/// Instructions that rendering may take, beside those that the input's size allows.
const FUEL: u64 = 3_000_000;

/// Bytes that rendering may give, beside those of the input.
const MOST_OUTPUT: usize = 16 << 20;

/// A chat template. Clones share it; any thread may use it.
#[derive(Clone)]
pub struct Template(Arc<Inner>);

struct Inner {
    source: String,
    compiled: OnceLock<std::result::Result<Environment<'static>, Error>>,
}

/// What a template is rendered with.
#[derive(Clone, Copy)]
pub struct RenderInput<'a> {
    /// The conversation.
    pub messages: &'a [Message],
    /// OpenAI tool definitions.
    pub tools: &'a [Value],
    /// Extra variables.
    pub variables: &'a Map<String, Value>,
    /// Whether the text ends where the assistant begins to speak.
    pub add_generation_prompt: bool,
    /// Whether the text ends with the last message's content, to be continued.
    pub continue_final_message: bool,
    /// Text of the token that opens a text.
    pub bos_token: &'a str,
    /// Text of the token that ends a text.
    pub eos_token: &'a str,
    /// Texts of all control tokens.
    pub special_texts: &'a SpecialTexts,
}

/// A rendered prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Where content spells a special token, or begins one: none may start there.
    pub protected: Vec<Range<usize>>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({} bytes)", self.0.source.len())
    }
}

impl Template {
    /// Takes a template's source. It is not looked at yet.
    pub fn new(source: impl Into<String>) -> Template {
        Template(Arc::new(Inner { source: source.into(), compiled: OnceLock::new() }))
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Renders a conversation. Needs a stack of a few MiB.
    ///
    /// # Errors
    /// [`Code::Template`] with the line, for a template that does not compile, fails or runs out of its limits.
    pub fn render(&self, input: &RenderInput<'_>) -> Result<Rendered> {
        let compiled = self.0.compiled.get_or_init(|| compile(&self.0.source));
        let environment = compiled.as_ref().map_err(Error::clone)?;

        let mut marks = protect::Marks::choose(input)?;
        let messages: Vec<Value> =
            input.messages.iter().map(|m| marks.message(m.as_json(), input.special_texts)).collect();
        let tools: Vec<Value> = input.tools.iter().map(|t| marks.value(t, input.special_texts)).collect();
        let size = marks.bytes_seen();
        let mut context: std::collections::BTreeMap<&str, Jinja> = std::collections::BTreeMap::new();
        let variables: Vec<(&String, Value)> =
            input.variables.iter().map(|(k, v)| (k, marks.value(v, input.special_texts))).collect();
        context.insert("messages", Jinja::from_serialize(&messages));
        context.insert("tools", if tools.is_empty() { Jinja::from(()) } else { Jinja::from_serialize(&tools) });
        context.insert("documents", Jinja::from(()));
        context.insert("bos_token", Jinja::from(input.bos_token));
        context.insert("eos_token", Jinja::from(input.eos_token));
        context.insert("add_generation_prompt", Jinja::from(input.add_generation_prompt));
        for (name, value) in &variables {
            context.insert(name, Jinja::from_serialize(value));
        }

        let template = environment.get_template("chat").map_err(|e| describe(&e, &self.0.source))?;
        let mut out = Bounded { bytes: Vec::new(), most: MOST_OUTPUT + 4 * size, full: false };
        let rendered = template.render_captured_to(Jinja::from(context), &mut out);
        if out.full {
            return Err(Error::new(
                Code::Template,
                format!("the chat template gave more than {} bytes", out.most),
            ));
        }
        rendered.map_err(|e| describe(&e, &self.0.source))?;
        let mut text = String::from_utf8(out.bytes)
            .map_err(|_| Error::new(Code::Template, "the chat template gave text that is not UTF-8"))?;
        if input.continue_final_message {
            cut_after_content(&mut text, messages.last())?;
        }
        Ok(marks.remove(text, input.special_texts))
    }
}

/// A writer that stops at a limit.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl std::io::Write for Bounded {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + data.len() > self.most {
            self.full = true;
            return Err(std::io::Error::other("too much output"));
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn compile(source: &str) -> Result<Environment<'static>> {
    if source.len() > MOST_SOURCE {
        return Err(Error::new(
            Code::Template,
            format!("the chat template has {} bytes; at most {MOST_SOURCE} are read", source.len()),
        ));
    }
    if nesting(source) > MOST_NESTING {
        return Err(Error::new(
            Code::Template,
            format!("the chat template nests deeper than {MOST_NESTING} brackets or blocks"),
        ));
    }
    let mut environment = environment::hugging_face(FUEL);
    let source_of_tags = environment::without_generation_tags(source);
    environment.add_template_owned("chat", source_of_tags).map_err(|e| describe(&e, source))?;
    Ok(environment)
}

/// The deepest nesting of brackets, operators that recurse, and opened blocks; an upper bound is good enough.
fn nesting(source: &str) -> usize {
    let (mut brackets, mut deepest, mut blocks, mut deepest_blocks, mut prefix) = (0usize, 0, 0usize, 0, 0usize);
    let bytes = source.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        match b {
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        // `- - - x` and `not not x` recurse too.
        prefix = match b {
            b'-' | b'+' | b'!' => prefix + 1,
            b' ' | b'\t' | b'\n' => prefix,
            _ => 0,
        };
        if bytes[i..].starts_with(b"not not ") {
            brackets += 1;
        }
        if bytes[i..].starts_with(b"{%") {
            let tag = source[i + 2..].trim_start_matches('-').trim_start();
            if tag.starts_with("end") {
                blocks = blocks.saturating_sub(1);
            } else if ["if", "for", "macro", "filter", "call", "with"].iter().any(|t| tag.starts_with(t)) {
                blocks += 1;
            }
        }
        deepest = deepest.max(brackets).max(prefix / 4);
        deepest_blocks = deepest_blocks.max(blocks);
    }
    deepest.max(deepest_blocks)
}

/// An error in words that never hold the conversation: kind, line, and what `raise_exception` says where that text
/// stands in the template itself.
fn describe(error: &minijinja::Error, source: &str) -> Error {
    let line = error.line().map_or(String::new(), |l| format!(" at line {l}"));
    let detail = match error.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
        kind => match error.detail().filter(|d| source.contains(*d)) {
            Some(own) => format!("{kind}: {}", own.chars().take(200).collect::<String>()),
            // Words of the compiler about the source, such as an unknown name, are worth telling; they are short and
            // name things of the template.
            None if matches!(
                kind,
                ErrorKind::SyntaxError
                    | ErrorKind::UnknownFilter
                    | ErrorKind::UnknownTest
                    | ErrorKind::UnknownFunction
                    | ErrorKind::UnknownMethod
            ) =>
            {
                format!("{kind}: {}", error.detail().unwrap_or("").chars().take(200).collect::<String>())
            }
            None => kind.to_string(),
        },
    };
    Error::new(Code::Template, format!("the chat template failed{line}: {detail}"))
}

/// As transformers does: the text ends with the last message's content, whitespace at its end stripped.
fn cut_after_content(text: &mut String, last: Option<&Value>) -> Result<()> {
    let content = match last.and_then(|m| m.get("content")) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Array(parts)) => {
            parts.last().and_then(|p| p.get("text")).and_then(Value::as_str).unwrap_or("").to_owned()
        }
        _ => String::new(),
    };
    let content = content.trim();
    match text.rfind(content) {
        Some(at) if !content.is_empty() => {
            text.truncate(at + content.len());
            Ok(())
        }
        _ => Err(Error::new(
            Code::Template,
            "continue_final_message: the template does not show the last message's content as it is",
        )),
    }
}

#[cfg(test)]
mod tests;
