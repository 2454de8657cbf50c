//! Chat templates: Jinja, as Hugging Face's `apply_chat_template` sets it up, within limits.
//!
//! minijinja parses; what runs the syntax tree is our own, for three promises that minijinja's machine cannot give: the
//! text is Python's, work and memory are bounded (`meter`), and content makes no special tokens (`text`). A template
//! is looked at when it is used, so that a bad one never keeps a model from loading.

mod access;
mod args;
mod checks;
mod filters;
mod format;
mod functions;
mod interpret;
mod meter;
mod methods;
mod operators;
mod parse;
mod print;
pub mod protect;
mod text;
mod value;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value as Json};

use crate::error::{Code, Error, Result};
use crate::message::Message;
use interpret::Interpreter;
use meter::{Fail, Outcome};
pub use protect::{Segment, SpecialTexts};
use text::Text;
use value::{Key, Value};

/// Memory that rendering may take beside the input, in bytes, and how many times the input's size on top.
const MEMORY: (usize, usize) = (16 << 20, 8);

/// Steps that rendering may take, and how many more for each byte of the input.
const STEPS: (u64, u64) = (1_500_000, 200);

/// What transformers puts behind a message that is to be continued, to see where it ends.
const CONTINUED: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// A chat template. Clones share it; any thread may use it.
#[derive(Clone)]
pub struct Template(Arc<Inner>);

struct Inner {
    source: String,
    prepared: OnceLock<Result<String>>,
}

/// What a template is rendered with.
#[derive(Clone, Copy)]
pub struct RenderInput<'a> {
    /// The conversation.
    pub messages: &'a [Message],
    /// OpenAI tool definitions.
    pub tools: &'a [Json],
    /// Extra variables.
    pub variables: &'a Map<String, Json>,
    /// Whether the text ends where the assistant begins to speak.
    pub add_generation_prompt: bool,
    /// Whether the text ends with the last message's content, to be continued.
    pub continue_final_message: bool,
    /// Text of the token that opens a text.
    pub bos_token: &'a str,
    /// Text of the token that ends a text.
    pub eos_token: &'a str,
    /// The time that `strftime_now` tells, in seconds of local time since 1970 began there; `None`: the clock's.
    pub local_time: Option<i64>,
}

/// A rendered prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// What of it came from content, in order: no special token touches these.
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
        Template(Arc::new(Inner { source: source.into(), prepared: OnceLock::new() }))
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Renders a conversation. Needs a stack of some MiB.
    ///
    /// # Errors
    /// [`Code::Template`] with the line, for a template that does not parse, fails or runs out of its limits.
    pub fn render(&self, input: &RenderInput<'_>) -> Result<Rendered> {
        let prepared = self.0.prepared.get_or_init(|| parse::prepare(&self.0.source));
        let tree = parse::tree(prepared.as_ref().map_err(Error::clone)?)?;

        // The input is counted, not limited.
        meter::limit(usize::MAX, u64::MAX);
        let variables = variables(input).map_err(|e| describe(*e, 0))?;
        let size = size_of_input(input);
        meter::limit(MEMORY.0 + MEMORY.1 * size, STEPS.0 + STEPS.1 * size as u64);
        let mut run = Interpreter::new(variables, input.local_time).map_err(|e| describe(*e, 0))?;
        let out = run.run(&tree).map_err(|e| describe(*e, run.line()))?;

        let (text, protected) = out.into_parts();
        let mut rendered = Rendered { text, protected };
        if input.continue_final_message {
            rendered.cut_where_continued()?;
        }
        Ok(rendered)
    }
}

/// What the template finds by name.
fn variables<'a>(input: &RenderInput<'a>) -> Outcome<HashMap<&'a str, Value>> {
    let last = input.messages.len().wrapping_sub(1);
    let messages = input.messages.iter().enumerate().map(|(i, m)| {
        let mut own;
        let mut map = m.as_json();
        if input.continue_final_message && i == last {
            own = map.clone();
            mark_end(&mut own);
            map = &own;
        }
        message(map)
    });
    let tools = input.tools.iter().map(Value::from_json).collect::<Outcome<Vec<_>>>()?;
    let mut variables = HashMap::from([
        ("messages", Value::list(messages.collect::<Outcome<_>>()?)?),
        ("tools", if tools.is_empty() { Value::None } else { Value::list(tools)? }),
        ("documents", Value::None),
        ("bos_token", Value::own(input.bos_token)?),
        ("eos_token", Value::own(input.eos_token)?),
        ("add_generation_prompt", Value::Bool(input.add_generation_prompt)),
    ]);
    for (name, value) in input.variables {
        variables.insert(name, Value::from_json(value)?);
    }
    Ok(variables)
}

/// A message. Its role counts as the template's own: templates build special tokens from it, and it can only hold
/// letters, digits, `_` and `-`.
fn message(map: &Map<String, Json>) -> Outcome<Value> {
    let entry = |(name, value): (&String, &Json)| {
        let value = match (name.as_str(), value) {
            ("role", Json::String(role)) => Value::own(role)?,
            _ => Value::from_json(value)?,
        };
        Ok((Key::Text(Text::content(name)?), value))
    };
    Value::dict(map.iter().map(entry).collect::<Outcome<_>>()?)
}

/// Puts [`CONTINUED`] behind the last text of a message.
fn mark_end(message: &mut Map<String, Json>) {
    let last = match message.get_mut("content") {
        Some(Json::Array(parts)) => parts.iter_mut().rev().find_map(|p| p.get_mut("text")),
        other => other,
    };
    if let Some(Json::String(text)) = last {
        text.push_str(CONTINUED);
    }
}

/// Bytes of the input, roughly as JSON.
fn size_of_input(input: &RenderInput<'_>) -> usize {
    fn of(value: &Json) -> usize {
        8 + match value {
            Json::String(s) => s.len(),
            Json::Array(items) => items.iter().map(of).sum(),
            Json::Object(map) => map.iter().map(|(k, v)| k.len() + of(v)).sum(),
            _ => 0,
        }
    }
    let messages = input.messages.iter().flat_map(|m| m.as_json().values()).map(of).sum::<usize>();
    messages + input.tools.iter().chain(input.variables.values()).map(of).sum::<usize>()
}

/// A failure in words that never hold the conversation.
fn describe(fail: Fail, line: u16) -> Error {
    let line = if line == 0 { String::new() } else { format!(" at line {line}") };
    Error::new(Code::Template, format!("the chat template failed{line}: {}", fail.0))
}

impl Rendered {
    /// Ends the text with the last message, as transformers does: blanks at its end go where the template trims.
    fn cut_where_continued(&mut self) -> Result<()> {
        let Some(at) = self.text.rfind(CONTINUED.trim_end()) else {
            return Err(Error::new(
                Code::Template,
                "continue_final_message: the template does not show the last message's content as it is",
            ));
        };
        let kept = &self.text[..at];
        let end =
            if self.text[at..].starts_with(CONTINUED) { at } else { kept.trim_end_matches(methods::blank).len() };
        self.text.truncate(end);
        self.protected.retain_mut(|c| {
            c.end = c.end.min(end);
            c.start < c.end
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
