//! Values as text: Python's `str`, `repr` and `json.dumps`.

use super::meter::{fail, Outcome};
use super::text::{Builder, Text};
use super::value::{Key, List, Shape, Value};

/// Python's `str()`.
pub(super) fn str_of(value: &Value) -> Outcome<Text> {
    if let Value::Text(t) = value {
        return Ok(t.clone());
    }
    let mut out = Builder::default();
    write_str(value, &mut out)?;
    out.finish()
}

/// Appends Python's `str()`.
pub(super) fn write_str(value: &Value, out: &mut Builder) -> Outcome<()> {
    match value {
        Value::Undefined => Ok(()),
        Value::Text(t) => out.push(t),
        other => write_repr(other, out),
    }
}

/// Appends Python's `repr()`.
pub(super) fn write_repr(value: &Value, out: &mut Builder) -> Outcome<()> {
    match value {
        Value::Undefined => out.own("Undefined"),
        Value::None => out.own("None"),
        Value::Bool(b) => out.own(if *b { "True" } else { "False" }),
        Value::Int(n) => out.own(&n.to_string()),
        Value::Float(x) => out.own(&float(*x)),
        Value::Text(t) => quote(t, out),
        Value::List(l) => write_list(l, out),
        Value::Dict(d) => {
            out.own("{")?;
            for (i, (key, value)) in d.map.iter().enumerate() {
                out.own(if i > 0 { ", " } else { "" })?;
                write_repr(&key.value(), out)?;
                out.own(": ")?;
                write_repr(value, out)?;
            }
            out.own("}")
        }
        // Python shows an address here, which no template can want.
        other => fail(format!("{} is printed", other.kind())),
    }
}

fn write_list(list: &List, out: &mut Builder) -> Outcome<()> {
    let (open, close) = match list.shape {
        Shape::List => ("[", "]"),
        Shape::Tuple if list.items.len() == 1 => ("(", ",)"),
        Shape::Tuple => ("(", ")"),
        Shape::View => ("dict_items([", "])"),
    };
    out.own(open)?;
    for (i, item) in list.items.iter().enumerate() {
        out.own(if i > 0 { ", " } else { "" })?;
        write_repr(item, out)?;
    }
    out.own(close)
}

/// A string as Python quotes it.
fn quote(text: &Text, out: &mut Builder) -> Outcome<()> {
    let s = text.as_str();
    let mark = if s.contains('\'') && !s.contains('"') { "\"" } else { "'" };
    out.own(mark)?;
    let mut escaped = String::new();
    for (piece, content) in text.all_runs() {
        escaped.clear();
        for c in piece.chars() {
            match c {
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                '\t' => escaped.push_str("\\t"),
                '\'' if mark == "'" => escaped.push_str("\\'"),
                c if printable(c) => escaped.push(c),
                c if (c as u32) < 0x100 => escaped.push_str(&format!("\\x{:02x}", c as u32)),
                c if (c as u32) < 0x10000 => escaped.push_str(&format!("\\u{:04x}", c as u32)),
                c => escaped.push_str(&format!("\\U{:08x}", c as u32)),
            }
        }
        out.put(&escaped, content)?;
    }
    out.own(mark)
}

/// Python's `str.isprintable`, near enough: no controls, no separators but the blank, no noncharacters.
fn printable(c: char) -> bool {
    let odd = matches!(c as u32, 0xAD | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xE000..=0xF8FF
        | 0xFDD0..=0xFDEF | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F | 0xF0000..=0x10FFFF)
        || c as u32 & 0xFFFE == 0xFFFE;
    c == ' ' || !(c.is_control() || c.is_whitespace() || odd)
}

/// Python's `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let shortest = format!("{x:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        n @ (..=-5 | 16..) => format!("{digits}e{}{:02}", if n < 0 { '-' } else { '+' }, n.abs()),
        _ => {
            let plain = format!("{x}");
            if plain.contains('.') {
                plain
            } else {
                plain + ".0"
            }
        }
    }
}

/// How `tojson` writes.
pub(super) struct Json<'a> {
    pub(super) ensure_ascii: bool,
    pub(super) indent: Option<String>,
    pub(super) item_separator: &'a str,
    pub(super) key_separator: &'a str,
    pub(super) sort_keys: bool,
}

impl Json<'_> {
    /// Appends Python's `json.dumps()`.
    pub(super) fn write(&self, value: &Value, level: usize, out: &mut Builder) -> Outcome<()> {
        match value {
            Value::None => out.own("null"),
            Value::Bool(b) => out.own(if *b { "true" } else { "false" }),
            Value::Int(n) => out.own(&n.to_string()),
            Value::Float(x) => out.own(&json_float(*x)),
            Value::Text(t) => self.string(t, out),
            Value::List(l) if l.shape != Shape::View => {
                if l.items.is_empty() {
                    return out.own("[]");
                }
                out.own("[")?;
                for (i, item) in l.items.iter().enumerate() {
                    self.separate(i, level, out)?;
                    self.write(item, level + 1, out)?;
                }
                self.newline(level, out)?;
                out.own("]")
            }
            Value::Dict(d) => {
                if d.map.is_empty() {
                    return out.own("{}");
                }
                out.own("{")?;
                let mut entries: Vec<(&Key, &Value)> = d.map.iter().collect();
                if self.sort_keys {
                    super::filters::sort_by(&mut entries, |(a, _), (b, _)| {
                        super::value::compare(&a.value(), &b.value())
                    })?;
                }
                for (i, (key, value)) in entries.into_iter().enumerate() {
                    self.separate(i, level, out)?;
                    match key {
                        Key::Text(t) => self.string(t, out)?,
                        Key::Float(x) => self.string(&Text::own(&json_float(*x))?, out)?,
                        Key::Int(n) => self.string(&Text::own(&n.to_string())?, out)?,
                        Key::Bool(b) => out.own(if *b { "\"true\"" } else { "\"false\"" })?,
                        Key::None => out.own("\"null\"")?,
                    }
                    out.own(self.key_separator)?;
                    self.write(value, level + 1, out)?;
                }
                self.newline(level, out)?;
                out.own("}")
            }
            other => fail(format!("tojson: JSON has not {}", other.kind())),
        }
    }

    fn separate(&self, i: usize, level: usize, out: &mut Builder) -> Outcome<()> {
        if i > 0 {
            out.own(self.item_separator)?;
        }
        self.newline(level + 1, out)
    }

    fn newline(&self, level: usize, out: &mut Builder) -> Outcome<()> {
        let Some(indent) = &self.indent else { return Ok(()) };
        out.own("\n")?;
        (0..level).try_for_each(|_| out.own(indent))
    }

    fn string(&self, text: &Text, out: &mut Builder) -> Outcome<()> {
        out.own("\"")?;
        let mut escaped = String::new();
        for (piece, content) in text.all_runs() {
            escaped.clear();
            for c in piece.chars() {
                match c {
                    '"' => escaped.push_str("\\\""),
                    '\\' => escaped.push_str("\\\\"),
                    '\n' => escaped.push_str("\\n"),
                    '\r' => escaped.push_str("\\r"),
                    '\t' => escaped.push_str("\\t"),
                    '\u{8}' => escaped.push_str("\\b"),
                    '\u{c}' => escaped.push_str("\\f"),
                    c if (c as u32) < 0x20 => escaped.push_str(&format!("\\u{:04x}", c as u32)),
                    c if self.ensure_ascii && !c.is_ascii() => {
                        c.encode_utf16(&mut [0; 2])
                            .iter()
                            .for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
                    }
                    c => escaped.push(c),
                }
            }
            out.put(&escaped, content)?;
        }
        out.own("\"")
    }
}

fn json_float(x: f64) -> String {
    match float(x).as_str() {
        "nan" => "NaN".into(),
        "inf" => "Infinity".into(),
        "-inf" => "-Infinity".into(),
        other => other.into(),
    }
}
