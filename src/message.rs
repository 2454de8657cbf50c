//! One message of a conversation, in the shape of OpenAI's chat completions.

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

/// One message: a role, its content and whatever else the template understands (`name`, `tool_calls`,
/// `tool_call_id`, `reasoning_content`…).
#[derive(Clone, Debug, PartialEq)]
pub struct Message(Map<String, Value>);

impl Message {
    /// A message with plain text. The role may hold ASCII letters, digits, `_` and `-`, 1 to 64 of them: templates
    /// put it beside special tokens, so it must not be able to make one.
    pub fn new(role: &str, content: impl Into<String>) -> Result<Self> {
        let mut map = Map::new();
        map.insert("role".into(), Value::from(role));
        map.insert("content".into(), Value::from(content.into()));
        Self::from_map(map)
    }

    /// Instructions that open the conversation.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content).expect("a fixed role")
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content).expect("a fixed role")
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new("assistant", content).expect("a fixed role")
    }

    /// What the model said, thought and called; each of the last two only where there is any.
    pub(crate) fn reply(content: &str, reasoning: &str, calls: Vec<Value>) -> Self {
        let Message(mut map) = Message::assistant(content);
        if !reasoning.is_empty() {
            map.insert("reasoning_content".into(), Value::from(reasoning));
        }
        if !calls.is_empty() {
            map.insert("tool_calls".into(), Value::from(calls));
        }
        Message(map)
    }

    /// From an OpenAI chat message. `content` may be text, null, or a list of `{"type":"text","text":…}` parts.
    pub fn from_json(value: Value) -> Result<Self> {
        if nests_too_deeply(&value) {
            dismantle(value);
            return Err(Error::new(
                Code::Range,
                format!("a message nests deeper than {MOST_DEPTH} lists and objects"),
            ));
        }
        match value {
            Value::Object(map) => Self::from_map(map),
            other => Err(Error::new(Code::Json, format!("a message must be an object, this is {}", kind(&other)))),
        }
    }

    fn from_map(map: Map<String, Value>) -> Result<Self> {
        let role = match map.get("role") {
            Some(Value::String(role)) => role,
            Some(other) => {
                return Err(Error::new(Code::Json, format!("\"role\" must be a string, this is {}", kind(other))))
            }
            None => return Err(Error::new(Code::Json, "a message needs a \"role\"")),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if role.is_empty() || role.len() > 64 || !role.chars().all(plain) {
            return Err(Error::new(
                Code::Range,
                format!("\"role\" has {} bytes; it must be 1 to 64 ASCII letters, digits, '_' or '-'", role.len()),
            ));
        }
        match map.get("content") {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(Value::Array(parts)) => parts.iter().enumerate().try_for_each(check_part)?,
            Some(other) => {
                return Err(Error::new(
                    Code::Json,
                    format!("\"content\" must be a string, null or a list of parts, this is {}", kind(other)),
                ))
            }
        }
        Ok(Message(map))
    }

    /// The role.
    pub fn role(&self) -> &str {
        self.0["role"].as_str().expect("checked when made")
    }

    /// The text: a string's, or its text parts joined; empty when there is none.
    pub fn text(&self) -> String {
        match self.0.get("content") {
            Some(Value::String(s)) => s.clone(),
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|p| p.get("text").and_then(Value::as_str)).collect()
            }
            _ => String::new(),
        }
    }

    /// The whole message as JSON.
    pub fn as_json(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn check_part((i, part): (usize, &Value)) -> Result<()> {
    match (part.get("type").and_then(Value::as_str), part.get("text")) {
        (Some("text"), Some(Value::String(_))) => Ok(()),
        (Some("text"), _) => Err(Error::new(Code::Json, format!("content[{i}] needs a string \"text\""))),
        (Some(other), _) => Err(Error::new(
            Code::Unsupported,
            format!("content[{i}] has type \"{}\"; this version reads text parts only", short(other)),
        )),
        (None, _) => Err(Error::new(Code::Json, format!("content[{i}] needs a string \"type\""))),
    }
}

/// How deep JSON may nest: as deep as serde_json reads it.
pub(crate) const MOST_DEPTH: usize = 128;

/// Whether JSON that a program made nests deeper than JSON that was read could. Does not recurse.
pub(crate) fn nests_too_deeply(value: &Value) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, depth)) = open.pop() {
        if depth > MOST_DEPTH {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|v| (v, depth + 1))),
            Value::Object(map) => open.extend(map.values().map(|v| (v, depth + 1))),
            _ => {}
        }
    }
    false
}

/// Drops a value that nests so deeply that dropping it whole would overflow the stack.
fn dismantle(value: Value) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => open.extend(map.into_iter().map(|(_, v)| v)),
            _ => {}
        }
    }
}

/// The JSON kind of a value, for messages that must not show it.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// At most 40 characters of a name, so that a message stays readable.
pub(crate) fn short(name: &str) -> String {
    let mut s: String = name.chars().take(40).collect();
    if s.len() < name.len() {
        s.push('…');
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_of_every_shape() {
        assert_eq!(Message::user("hi").text(), "hi");
        let parts = json!({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]});
        assert_eq!(Message::from_json(parts).unwrap().text(), "ab");
        assert_eq!(Message::from_json(json!({"role":"assistant","content":null})).unwrap().text(), "");
    }

    #[test]
    fn a_role_cannot_make_a_special_token() {
        assert_eq!(Message::new("user|>", "x").unwrap_err().code(), Code::Range);
        assert_eq!(Message::new("", "x").unwrap_err().code(), Code::Range);
    }

    #[test]
    fn deep_json_is_refused() {
        let nested = |n| (0..n).fold(json!(1), |inner, _| Value::Array(vec![inner]));
        assert!(Message::from_json(json!({"role":"user","content":"x","extra":nested(100)})).is_ok());
        // Deep enough to overflow this thread's stack if it were dropped, or looked at, by recursion.
        let mut message = Map::new();
        message.insert("role".into(), json!("user"));
        message.insert("extra".into(), nested(100_000));
        let e = Message::from_json(Value::Object(message)).unwrap_err();
        assert_eq!(e.code(), Code::Range);
        assert!(e.message().contains("128"), "{e}");
    }

    #[test]
    fn wrong_shapes_are_named() {
        for (value, code) in [
            (json!(3), Code::Json),
            (json!({"content":"x"}), Code::Json),
            (json!({"role":"user","content":3}), Code::Json),
            (json!({"role":"user","content":[{"text":"x"}]}), Code::Json),
            (json!({"role":"user","content":[{"type":"image_url"}]}), Code::Unsupported),
        ] {
            assert_eq!(Message::from_json(value).unwrap_err().code(), code);
        }
    }
}
