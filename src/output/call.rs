//! A call that is one JSON object: `{"name": …, "arguments": {…}}`, its keys in any order and by any of their names.

use serde_json::Value;

use super::calls::Calls;
use super::json::{read, Dialect, Fed, Scanner};
use super::Piece;

/// Reads behind the `{`.
pub(super) struct CallObject {
    state: State,
    key: String,
    value: String,
    scanner: Scanner,
    /// Inside of `"function": {…}`.
    nested: bool,
    name: Option<String>,
    /// Arguments that came before the name.
    early: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Key,
    InKey,
    Colon,
    Value,
    InValue,
    /// In the arguments, on their way out.
    Streaming,
    After,
}

enum Role {
    Name,
    Arguments,
    Function,
    /// Known, and without meaning here.
    Beside,
    Unknown,
}

fn role(key: &str) -> Role {
    match key {
        "name" | "tool_name" => Role::Name,
        "arguments" | "parameters" | "args" | "tool_input" => Role::Arguments,
        "function" => Role::Function,
        "id" | "type" | "tool_call_id" | "index" => Role::Beside,
        _ => Role::Unknown,
    }
}

impl CallObject {
    pub(super) fn new() -> CallObject {
        CallObject {
            state: State::Key,
            key: String::new(),
            value: String::new(),
            scanner: Scanner::value(Dialect::Json),
            nested: false,
            name: None,
            early: None,
        }
    }

    pub(super) fn feed(&mut self, c: char, calls: &mut Calls, out: &mut Vec<Piece>) -> Fed {
        let blank = c.is_whitespace();
        match self.state {
            State::Key | State::Colon | State::Value | State::After if blank => Fed::More,
            State::Key => match c {
                '"' => {
                    self.value.clear();
                    self.scanner = Scanner::value(Dialect::Json);
                    self.state = State::InKey;
                    self.scanner.feed(c, &mut self.value)
                }
                '}' => self.close(calls, out),
                _ => Fed::Wrong,
            },
            State::InKey => match self.scanner.feed(c, &mut self.value) {
                Fed::Whole => {
                    self.key = serde_json::from_str(&self.value).unwrap_or_default();
                    self.state = State::Colon;
                    Fed::More
                }
                fed => fed,
            },
            State::Colon if c == ':' => {
                self.state = State::Value;
                Fed::More
            }
            State::Colon => Fed::Wrong,
            State::Value => self.begin_value(c, calls, out),
            State::InValue => match self.scanner.feed(c, &mut self.value) {
                Fed::Whole => self.end_value(calls, out),
                Fed::Before => match self.end_value(calls, out) {
                    Fed::More => self.feed(c, calls, out),
                    fed => fed,
                },
                fed => fed,
            },
            State::Streaming => self.stream(c, calls, out),
            State::After => match c {
                ',' => {
                    self.state = State::Key;
                    Fed::More
                }
                '}' => self.close(calls, out),
                _ => Fed::Wrong,
            },
        }
    }

    fn begin_value(&mut self, c: char, calls: &mut Calls, out: &mut Vec<Piece>) -> Fed {
        self.value.clear();
        self.scanner = Scanner::value(Dialect::Json);
        self.state = State::InValue;
        match (role(&self.key), c) {
            (Role::Function, '{') if !self.nested && self.name.is_none() => {
                self.nested = true;
                self.state = State::Key;
                Fed::More
            }
            (Role::Arguments, '{') if self.name.is_some() => {
                if !calls.begin(self.name.as_deref().unwrap_or_default(), out) {
                    return Fed::Wrong;
                }
                self.state = State::Streaming;
                self.stream(c, calls, out)
            }
            // Whatever is no call is known as soon as possible.
            (Role::Unknown, _) if !calls.is_open() => Fed::Wrong,
            _ => self.scanner.feed(c, &mut self.value),
        }
    }

    fn stream(&mut self, c: char, calls: &mut Calls, out: &mut Vec<Piece>) -> Fed {
        self.value.clear();
        let fed = self.scanner.feed(c, &mut self.value);
        calls.write(&self.value, out);
        if fed == Fed::Whole {
            self.state = State::After;
            return Fed::More;
        }
        fed
    }

    fn end_value(&mut self, calls: &mut Calls, out: &mut Vec<Piece>) -> Fed {
        self.state = State::After;
        let fine = match role(&self.key) {
            Role::Name | Role::Function => self.take_name(calls, out),
            Role::Arguments => self.take_arguments(calls, out),
            Role::Beside | Role::Unknown => true,
        };
        if fine {
            Fed::More
        } else {
            Fed::Wrong
        }
    }

    fn take_name(&mut self, calls: &mut Calls, out: &mut Vec<Piece>) -> bool {
        let Ok(name) = serde_json::from_str::<String>(&self.value) else { return false };
        if self.name.is_some() || !calls.tools.has(&name) {
            return false;
        }
        self.name = Some(name);
        match self.early.take() {
            Some(arguments) => self.hand_out(&arguments, calls, out),
            None => true,
        }
    }

    /// Arguments that were held back: an object before the name, or a string that holds one.
    fn take_arguments(&mut self, calls: &mut Calls, out: &mut Vec<Piece>) -> bool {
        let arguments = match serde_json::from_str(&self.value) {
            Ok(Value::Object(_)) => std::mem::take(&mut self.value),
            Ok(Value::Null) => "{}".to_owned(),
            Ok(Value::String(text)) if text.trim().is_empty() => "{}".to_owned(),
            Ok(Value::String(text)) => match read(&text, Dialect::Json).filter(|json| json.starts_with('{')) {
                Some(json) => json,
                None => return false,
            },
            _ => return false,
        };
        if calls.is_open() || self.early.is_some() {
            return false;
        }
        if self.name.is_some() {
            return self.hand_out(&arguments, calls, out);
        }
        self.early = Some(arguments);
        true
    }

    fn hand_out(&mut self, arguments: &str, calls: &mut Calls, out: &mut Vec<Piece>) -> bool {
        let begun = calls.begin(self.name.as_deref().unwrap_or_default(), out);
        calls.write(arguments, out);
        begun
    }

    fn close(&mut self, calls: &mut Calls, out: &mut Vec<Piece>) -> Fed {
        if self.nested {
            self.nested = false;
            self.state = State::After;
            return Fed::More;
        }
        // No arguments at all: a tool without parameters.
        let begun = calls.is_open() || self.name.is_some() && self.hand_out("{}", calls, out);
        if !begun {
            return Fed::Wrong;
        }
        Fed::Whole
    }
}
