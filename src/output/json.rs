//! Reads one JSON value, character by character, and writes it out clean.
//!
//! Models write JSON with small mistakes, and some formats write values in another way; what comes out is always JSON:
//! a comma before a closing bracket goes, raw control characters in strings are escaped, a backslash before a
//! character that needs none stands for itself, and `True`, `False` and `None` are read too.

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// JSON; blanks stay as they are.
    Json,
    /// Python's literals: strings in either quote, tuples.
    Python,
    /// JSON with bare keys, and strings between two of these marks without escapes.
    Marked(&'static str),
}

/// What one character did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// The value goes on.
    More,
    /// It was the last of the value.
    Whole,
    /// The value had ended before it.
    Before,
    /// It cannot stand there.
    Wrong,
}

/// Brackets inside brackets.
const MOST_NESTING: usize = 64;

/// Characters of a number or word.
const MOST_WORD: usize = 400;

pub(super) struct Scanner {
    dialect: Dialect,
    /// The closing brackets that are waited for.
    open: Vec<char>,
    state: State,
    /// Comma and blanks that wait for what follows.
    gap: String,
    /// A number or word, or how much of a mark was seen.
    word: String,
}

#[derive(Clone, Copy)]
enum State {
    Value,
    /// A value, or the end of the list.
    Item,
    /// A key, or the end of the object.
    Key,
    BareKey,
    Colon,
    /// Behind a value inside of brackets.
    After,
    Word,
    /// A mark that opens a string.
    Mark {
        key: bool,
    },
    Text {
        quote: Option<char>,
        key: bool,
        escape: Escape,
    },
    Ended,
}

#[derive(Clone, Copy)]
enum Escape {
    None,
    Begun,
    /// Hexadecimal digits that are still to come, and their value so far.
    Hex(u8, u32),
    /// The first half of a surrogate pair, and how much of `\u` of the second was seen.
    Half(u32, u8),
    /// The second half.
    Second(u32, u8, u32),
}

impl Scanner {
    pub(super) fn value(dialect: Dialect) -> Scanner {
        Scanner { dialect, open: Vec::new(), state: State::Value, gap: String::new(), word: String::new() }
    }

    /// For an object whose `{` was read already, and written by the caller.
    pub(super) fn inside_object(dialect: Dialect) -> Scanner {
        Scanner { open: vec!['}'], state: State::Key, ..Scanner::value(dialect) }
    }

    pub(super) fn feed(&mut self, c: char, out: &mut String) -> Fed {
        match self.state {
            State::Text { quote, key, escape } => self.text(c, quote, key, escape, out),
            State::Word => self.in_word(c, out),
            State::Mark { key } => self.in_mark(c, key),
            State::BareKey => self.in_bare_key(c, out),
            State::Ended => Fed::Before,
            _ if c.is_whitespace() => {
                if self.dialect == Dialect::Json && c.is_ascii() && c != '\u{c}' && c != '\u{b}' {
                    self.gap.push(c);
                }
                Fed::More
            }
            State::Value | State::Item => self.begin_value(c, out),
            State::Key => self.begin_key(c, out),
            State::Colon => match c {
                ':' => {
                    self.fill_gap(out);
                    out.push_str(if self.dialect == Dialect::Json { ":" } else { ": " });
                    self.state = State::Value;
                    Fed::More
                }
                _ => Fed::Wrong,
            },
            State::After => self.after(c, out),
        }
    }

    fn fill_gap(&mut self, out: &mut String) {
        out.push_str(&self.gap);
        self.gap.clear();
    }

    fn begin_value(&mut self, c: char, out: &mut String) -> Fed {
        if matches!(self.state, State::Item) && self.open.last() == Some(&c) {
            return self.close(c, out);
        }
        self.fill_gap(out);
        let (bracket, close, state) = match (c, self.dialect) {
            ('{', _) => ("{", '}', State::Key),
            ('[', _) => ("[", ']', State::Item),
            ('(', Dialect::Python) => ("[", ')', State::Item),
            _ => return self.begin_scalar(c, false, out),
        };
        if self.open.len() >= MOST_NESTING {
            return Fed::Wrong;
        }
        out.push_str(bracket);
        self.open.push(close);
        self.state = state;
        Fed::More
    }

    fn begin_scalar(&mut self, c: char, key: bool, out: &mut String) -> Fed {
        let text = |quote| State::Text { quote, key, escape: Escape::None };
        self.state = match (c, self.dialect) {
            ('"', _) => text(Some('"')),
            ('\'', Dialect::Python) => text(Some('\'')),
            (c, Dialect::Marked(mark)) if mark.starts_with(c) => {
                self.word = c.to_string();
                State::Mark { key }
            }
            (c, Dialect::Marked(_)) if key && is_name(c) => {
                out.push('"');
                out.push(c);
                self.state = State::BareKey;
                return Fed::More;
            }
            (c, _) if !key && (c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')) => {
                self.word = c.to_string();
                self.state = State::Word;
                return Fed::More;
            }
            _ => return Fed::Wrong,
        };
        if matches!(self.state, State::Text { .. }) {
            out.push('"');
        }
        Fed::More
    }

    fn begin_key(&mut self, c: char, out: &mut String) -> Fed {
        if c == '}' {
            return self.close(c, out);
        }
        self.fill_gap(out);
        self.begin_scalar(c, true, out)
    }

    fn in_mark(&mut self, c: char, key: bool) -> Fed {
        let Dialect::Marked(mark) = self.dialect else { return Fed::Wrong };
        self.word.push(c);
        if self.word == mark {
            // The quote that opens the string was not written yet: `text` writes it with its first character.
            self.word.clear();
            self.gap.push('"');
            self.state = State::Text { quote: None, key, escape: Escape::None };
            return Fed::More;
        }
        if mark.starts_with(self.word.as_str()) {
            Fed::More
        } else {
            Fed::Wrong
        }
    }

    fn in_bare_key(&mut self, c: char, out: &mut String) -> Fed {
        if is_name(c) {
            out.push(c);
            return Fed::More;
        }
        out.push('"');
        self.state = State::Colon;
        self.feed(c, out)
    }

    fn in_word(&mut self, c: char, out: &mut String) -> Fed {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_') {
            self.word.push(c);
            return if self.word.len() > MOST_WORD { Fed::Wrong } else { Fed::More };
        }
        let Some(clean) = clean_word(&self.word) else { return Fed::Wrong };
        out.push_str(&clean);
        self.word.clear();
        match self.ended() {
            Fed::Whole => Fed::Before,
            _ => self.feed(c, out),
        }
    }

    /// A value has ended.
    fn ended(&mut self) -> Fed {
        if self.open.is_empty() {
            self.state = State::Ended;
            return Fed::Whole;
        }
        self.state = State::After;
        Fed::More
    }

    fn after(&mut self, c: char, out: &mut String) -> Fed {
        if self.open.last() == Some(&c) {
            return self.close(c, out);
        }
        if c != ',' {
            return Fed::Wrong;
        }
        self.gap.push_str(if self.dialect == Dialect::Json { "," } else { ", " });
        self.state = if self.open.last() == Some(&'}') { State::Key } else { State::Item };
        Fed::More
    }

    fn close(&mut self, c: char, out: &mut String) -> Fed {
        if self.dialect == Dialect::Json {
            out.extend(self.gap.chars().filter(|c| *c != ','));
        }
        self.gap.clear();
        out.push(if c == ')' { ']' } else { c });
        self.open.pop();
        self.ended()
    }

    fn text(&mut self, c: char, quote: Option<char>, key: bool, escape: Escape, out: &mut String) -> Fed {
        let go = |this: &mut Self, escape| {
            this.state = State::Text { quote, key, escape };
            Fed::More
        };
        let Some(quote_mark) = quote else { return self.marked_text(c, key, out) };
        match escape {
            Escape::None if c == quote_mark => self.end_text(key, out),
            Escape::None if c == '\\' => go(self, Escape::Begun),
            Escape::None => {
                push_escaped(c, out);
                Fed::More
            }
            Escape::Begun => {
                let next = self.escaped(c, out);
                go(self, next)
            }
            Escape::Hex(left, value) => {
                let Some(digit) = c.to_digit(16) else { return Fed::Wrong };
                let value = value << 4 | digit;
                if left > 1 {
                    return go(self, Escape::Hex(left - 1, value));
                }
                if (0xD800..0xDC00).contains(&value) {
                    return go(self, Escape::Half(value, 0));
                }
                push_escaped(char::from_u32(value).unwrap_or('\u{FFFD}'), out);
                go(self, Escape::None)
            }
            Escape::Half(first, 0) if c == '\\' => go(self, Escape::Half(first, 1)),
            Escape::Half(first, 1) if c == 'u' => go(self, Escape::Second(first, 4, 0)),
            // Half a pair stands for nothing.
            Escape::Half(_, seen) => {
                out.push('\u{FFFD}');
                let escape = if seen == 1 { Escape::Begun } else { Escape::None };
                self.state = State::Text { quote, key, escape };
                self.feed(c, out)
            }
            Escape::Second(first, left, value) => {
                let Some(digit) = c.to_digit(16) else { return Fed::Wrong };
                let value = value << 4 | digit;
                if left > 1 {
                    return go(self, Escape::Second(first, left - 1, value));
                }
                if (0xDC00..0xE000).contains(&value) {
                    let whole = 0x10000 + ((first - 0xD800) << 10) + (value - 0xDC00);
                    push_escaped(char::from_u32(whole).unwrap_or('\u{FFFD}'), out);
                } else {
                    out.push('\u{FFFD}');
                    if (0xD800..0xDC00).contains(&value) {
                        return go(self, Escape::Half(value, 0));
                    }
                    push_escaped(char::from_u32(value).unwrap_or('\u{FFFD}'), out);
                }
                go(self, Escape::None)
            }
        }
    }

    /// The character behind a backslash.
    fn escaped(&self, c: char, out: &mut String) -> Escape {
        let python = self.dialect == Dialect::Python;
        let plain = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '"' | '\'' | '\\' | '/' => c,
            'u' => return Escape::Hex(4, 0),
            'x' if python => return Escape::Hex(2, 0),
            'U' if python => return Escape::Hex(8, 0),
            '0' if python => '\0',
            '\n' if python => return Escape::None,
            other => {
                out.push_str("\\\\");
                other
            }
        };
        push_escaped(plain, out);
        Escape::None
    }

    fn marked_text(&mut self, c: char, key: bool, out: &mut String) -> Fed {
        let Dialect::Marked(mark) = self.dialect else { return Fed::Wrong };
        self.fill_gap(out);
        self.word.push(c);
        if self.word == mark {
            self.word.clear();
            return self.end_text(key, out);
        }
        while !mark.starts_with(self.word.as_str()) {
            push_escaped(self.word.remove(0), out);
        }
        Fed::More
    }

    fn end_text(&mut self, key: bool, out: &mut String) -> Fed {
        out.push('"');
        if key {
            self.state = State::Colon;
            return Fed::More;
        }
        self.ended()
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.')
}

/// A number or word as JSON has it.
fn clean_word(word: &str) -> Option<String> {
    match word {
        "true" | "True" => return Some("true".into()),
        "false" | "False" => return Some("false".into()),
        "null" | "None" => return Some("null".into()),
        _ => {}
    }
    let is_number = |s: &str| serde_json::from_str::<serde_json::Number>(s).is_ok();
    if is_number(word) {
        return Some(word.to_owned());
    }
    // What Python allows beyond JSON: `+1`, `1_000`, `.5`, `5.`.
    let plain = word.strip_prefix('+').unwrap_or(word).replace('_', "");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |d| ("-", d));
    let zero = if digits.starts_with('.') { "0" } else { "" };
    let behind = if digits.ends_with('.') { "0" } else { "" };
    let fixed = format!("{sign}{zero}{digits}{behind}");
    is_number(&fixed).then_some(fixed)
}

/// A character as it stands in a JSON string.
pub(super) fn push_escaped(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if (c as u32) < 0x20 => {
            use std::fmt::Write;
            // Writing to a String does not fail.
            let _ = write!(out, "\\u{:04x}", c as u32);
        }
        c => out.push(c),
    }
}

/// A whole text read as one value; `None` when it is not one.
pub(super) fn read(text: &str, dialect: Dialect) -> Option<String> {
    let (mut scanner, mut out) = (Scanner::value(dialect), String::new());
    let mut rest = text.trim().chars();
    // A blank ends a number at the end of the text.
    let last = rest.by_ref().chain([' ']).map(|c| scanner.feed(c, &mut out)).find(|fed| *fed != Fed::More)?;
    (matches!(last, Fed::Whole | Fed::Before) && rest.next().is_none()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clean_json_comes_out() {
        for (text, dialect, want) in [
            (r#"{"a": [1, 2.5e3, -0], "b": null}"#, Dialect::Json, r#"{"a": [1, 2.5e3, -0], "b": null}"#),
            (r#"{"a": 1, }"#, Dialect::Json, r#"{"a": 1 }"#),
            ("\"a\nb\\d\"", Dialect::Json, r#""a\nb\\d""#),
            (r#""\ud83d\ude00 \ud83d x""#, Dialect::Json, "\"😀 \u{FFFD} x\""),
            (r#""\ud83d\n""#, Dialect::Json, "\"\u{FFFD}\\n\""),
            ("{'a': (1, True), \"b\": None,}", Dialect::Python, r#"{"a": [1, true], "b": null}"#),
            (r#"'it\'s "x" \x41'"#, Dialect::Python, r#""it's \"x\" A""#),
            ("[.5, +1, 1_000, 5.]", Dialect::Python, "[0.5, 1, 1000, 5.0]"),
            (
                "{a:<|\"|>x\"<y<|\"|>,b:[1,<|\"|><|\"|>]}",
                Dialect::Marked("<|\"|>"),
                r#"{"a": "x\"<y", "b": [1, ""]}"#,
            ),
            ("42", Dialect::Json, "42"),
        ] {
            assert_eq!(read(text, dialect).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let deep = "[".repeat(100) + &"]".repeat(100);
        for text in
            ["", "{", "{]", "[1 2]", "{\"a\" 1}", "{a:1}", "tru", "1.2.3", "\"\\uzz\"", "[,]", "1 2", &deep]
        {
            assert_eq!(read(text, Dialect::Json), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_json(text in "[\\[\\]{}(),:'\"<>|a-eu0-9.\\\\ \n-]{0,40}", which in 0usize..3) {
            let dialect = [Dialect::Json, Dialect::Python, Dialect::Marked("<|\"|>")][which];
            if let Some(json) = read(&text, dialect) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
            }
        }

        #[test]
        fn json_means_the_same_afterwards(a in any::<i64>(), s in any::<String>(), f in -100i32..100) {
            let value = serde_json::json!({"a": [a, s], s.clone(): f64::from(f) / 4.0});
            for dialect in [Dialect::Json, Dialect::Python] {
                let json = read(&value.to_string(), dialect).unwrap();
                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&json).unwrap(), &value);
            }
        }
    }
}
