//! What an answer must look like: a JSON Schema, a grammar, a regular expression, a list of texts.
//!
//! A constraint is compiled beside the prepare pool (`compile`, `work`), over the model's own tokens (`env`), and then
//! says for every token of an answer which ones may come next (`guide`). Schemas are checked first (`schema`), so that a
//! keyword that cannot be kept is an error that names its place; GBNF is translated (`gbnf`). All but what needs a model
//! is fuzzed by itself (`fuzz/`).

mod cache;
#[cfg(not(without_engine))]
mod calls;
mod compile;
#[cfg(not(without_engine))]
mod env;
mod gbnf;
mod guide;
#[cfg(all(feature = "test-hooks", not(without_engine)))]
mod replay;
mod schema;
mod work;

use serde_json::{json, Value};

use crate::engine::bigstack;
use crate::error::{Code, Error, Result};

#[cfg(not(without_engine))]
pub(crate) use calls::calls;
pub(crate) use compile::Compiler;
pub(crate) use guide::Guide;
#[cfg(all(feature = "test-hooks", not(without_engine)))]
pub use replay::{replay, Replay};
pub(crate) use schema::check_depth;

/// What an answer must look like. Checked when the request is prepared: what is wrong with it arrives on the stream as
/// [`Code::Grammar`], with the place.
///
/// JSON is written on one line with a space after `,` and `:` (as Python's `json.dumps` does), members in the order of
/// the schema, unless [`crate::Request::json_whitespace`] is set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Constraint {
    /// JSON that is valid under this schema (draft 2020-12, 2019-09, 7, 6 or 4); see ARCHITECTURE for the keywords.
    JsonSchema(Value),
    /// Any JSON value.
    Json,
    /// Any JSON object.
    JsonObject,
    /// Text that matches this regular expression as a whole, in the syntax of Rust's `regex` crate, without anchors,
    /// lazy repeats and look-around.
    Regex(String),
    /// Text of this grammar, in llguidance's variant of Lark's syntax; its first rule is `start`.
    Lark(String),
    /// Text of this grammar, in llama.cpp's GBNF; its first rule is `root`.
    Gbnf(String),
    /// One of these texts: 1 to 10,000, none of them empty.
    Choice(Vec<String>),
}

/// The longest source that is compiled, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// The most texts of a choice.
const MOST_CHOICES: usize = 10_000;

/// What llguidance compiles.
enum Source {
    Schema(Value),
    Regex(String),
    Lark(String),
}

pub(super) fn grammar_error(message: impl Into<String>) -> Error {
    Error::new(Code::Grammar, message)
}

impl Constraint {
    /// The name by which errors speak of it.
    fn kind(&self) -> &'static str {
        match self {
            Constraint::JsonSchema(_) | Constraint::Json | Constraint::JsonObject => "JSON schema",
            Constraint::Regex(_) => "regular expression",
            Constraint::Lark(_) | Constraint::Gbnf(_) => "grammar",
            Constraint::Choice(_) => "choice",
        }
    }

    /// A text that is the same for the same constraint, and its length; too long a source is an error.
    fn key(&self, json_whitespace: bool) -> Result<String> {
        let key = match self {
            Constraint::JsonSchema(schema) => {
                schema::check_depth(schema)?;
                format!("schema {json_whitespace} {schema}")
            }
            Constraint::Json => format!("schema {json_whitespace} {{}}"),
            Constraint::JsonObject => format!("schema {json_whitespace} {{\"type\":\"object\"}}"),
            Constraint::Regex(source) => format!("regex {source}"),
            Constraint::Lark(source) => format!("lark {source}"),
            Constraint::Gbnf(source) => format!("gbnf {source}"),
            Constraint::Choice(texts) => format!("choice {}", json!(texts)),
        };
        if key.len() > MOST_BYTES {
            return Err(grammar_error(format!(
                "the {} has {} bytes; at most {MOST_BYTES} are compiled",
                self.kind(),
                key.len()
            )));
        }
        Ok(key)
    }

    /// Whether a text is what it asks for; needs no model.
    ///
    /// # Errors
    /// [`Code::Grammar`] when it cannot be compiled, or fails on this text.
    pub fn accepts(&self, text: &str, json_whitespace: bool) -> Result<bool> {
        bigstack::run(|| Compiler::compile_over_bytes(self, json_whitespace)?.accepts(text))
    }

    /// Checks and translates it.
    fn source(&self, json_whitespace: bool) -> Result<Source> {
        let schema = |value: &Value| schema::prepare(value, json_whitespace).map(Source::Schema);
        match self {
            Constraint::JsonSchema(value) => schema(value),
            Constraint::Json => schema(&json!({})),
            Constraint::JsonObject => schema(&json!({ "type": "object" })),
            Constraint::Regex(source) => Ok(Source::Regex(source.clone())),
            Constraint::Lark(source) => check_lark(source).map(|()| Source::Lark(source.clone())),
            Constraint::Gbnf(source) => gbnf::to_lark(source).map(Source::Lark),
            Constraint::Choice(texts) => choice(texts).map(Source::Lark),
        }
    }
}

/// How many compiles run in this process.
#[cfg(feature = "test-hooks")]
#[doc(hidden)]
pub fn running_compiles() -> usize {
    work::running()
}

/// What the fuzz targets call of what is private.
#[cfg(without_engine)]
#[doc(hidden)]
pub mod probe {
    use super::*;

    /// Translates GBNF to Lark.
    pub fn translate(gbnf: &str) -> Result<String> {
        gbnf::to_lark(gbnf)
    }

    /// Checks and rewrites a JSON Schema.
    pub fn prepare(schema: &Value, json_whitespace: bool) -> Result<Value> {
        schema::check_depth(schema)?;
        schema::prepare(schema, json_whitespace)
    }
}

fn choice(texts: &[String]) -> Result<String> {
    if !(1..=MOST_CHOICES).contains(&texts.len()) {
        return Err(grammar_error(format!("a choice has 1 to {MOST_CHOICES} texts, this one {}", texts.len())));
    }
    if let Some(i) = texts.iter().position(String::is_empty) {
        return Err(grammar_error(format!("choice[{i}] is empty")));
    }
    let quoted: Vec<String> = texts.iter().map(|t| lark_string(t)).collect();
    // A terminal, so that all texts become one automaton.
    Ok(format!("start: CHOICE\nCHOICE: {}\n", quoted.join(" | ")))
}

/// A text as a string of Lark: JSON's, where every control character is escaped.
fn lark_string(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Rules of a Lark grammar at most: its compiler recurses along chains of them.
const MOST_RULES: usize = 10_000;

/// Guards llguidance's Lark compiler against sources that it would recurse into for too long.
fn check_lark(source: &str) -> Result<()> {
    let rules = source.lines().filter(|l| l.contains(':')).count();
    if rules > MOST_RULES {
        return Err(grammar_error(format!("the grammar has {rules} rules; at most {MOST_RULES} are compiled")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_one_terminal_with_quoted_texts() {
        let lark = choice(&["yes".into(), "say \"no\"\n\u{7f}".into()]).unwrap();
        assert_eq!(lark, "start: CHOICE\nCHOICE: \"yes\" | \"say \\\"no\\\"\\n\\u007f\"\n");
        assert_eq!(choice(&[]).unwrap_err().code(), Code::Grammar);
        assert!(choice(&["a".into(), String::new()]).unwrap_err().message().contains("choice[1]"));
    }

    #[test]
    fn too_long_a_source_is_refused_before_anything_else() {
        let e = Constraint::Regex("a".repeat(MOST_BYTES)).key(false).unwrap_err();
        assert!(e.message().contains("at most 4194304"), "{e}");
    }
}
