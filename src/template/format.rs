//! Python's two ways to format: `'{}'.format(…)` and `'%s' % …`.

use super::access::{attribute, item};
use super::args::Args;
use super::meter::{fail, Outcome};
use super::print::{float, str_of, write_repr};
use super::text::{Builder, Text};
use super::value::{Shape, Value};

/// `str.format`.
pub(super) fn braces(text: &Text, args: &Args) -> Outcome<Value> {
    let mut out = Builder::default();
    let s = text.as_str();
    let (mut at, mut automatic) = (0, 0);
    while let Some(found) = s[at..].find(['{', '}']) {
        let brace = at + found;
        out.push_part(text, at..brace)?;
        let (open, doubled) = (s[brace..].starts_with('{'), s[brace + 1..].starts_with(&s[brace..=brace]));
        if doubled {
            out.push_part(text, brace..brace + 1)?;
            at = brace + 2;
            continue;
        }
        let Some(end) = s[brace..].find('}').filter(|_| open) else {
            return fail("format: a single brace");
        };
        let field = &s[brace + 1..brace + end];
        let (field, spec) = field.split_once(':').unwrap_or((field, ""));
        let (field, conversion) = field.split_once('!').unwrap_or((field, ""));
        let value = lookup(field, args, &mut automatic)?;
        let value = match conversion {
            "r" => {
                let mut repr = Builder::default();
                write_repr(&value, &mut repr)?;
                Value::Text(repr.finish()?)
            }
            "s" => Value::Text(str_of(&value)?),
            "" => value,
            _ => return fail("format: an unknown conversion"),
        };
        Spec::parse(spec)?.write(&value, &mut out)?;
        at = brace + end + 1;
    }
    out.push_part(text, at..s.len())?;
    Ok(Value::Text(out.finish()?))
}

/// The argument that a field such as `0.name[key]` names.
fn lookup(field: &str, args: &Args, automatic: &mut usize) -> Outcome<Value> {
    let end = field.find(['.', '[']).unwrap_or(field.len());
    let first = &field[..end];
    let position = if first.is_empty() {
        *automatic += 1;
        Some(*automatic - 1)
    } else {
        first.parse::<usize>().ok()
    };
    let found = match position {
        Some(i) => args.positional.get(i),
        None => args.named.iter().find(|(n, _)| n == first).map(|(_, v)| v),
    };
    let Some(found) = found else { return fail("format: an argument is missing") };
    let mut value = found.clone();
    let mut rest = &field[end..];
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            value = attribute(&value, &name[..end])?;
            rest = &name[end..];
        } else {
            let Some((key, more)) = rest[1..].split_once(']') else { return fail("format: a bracket is open") };
            let key = match key.parse::<i128>() {
                Ok(n) => Value::Int(n),
                Err(_) => Value::own(key)?,
            };
            value = item(&value, &key)?;
            rest = more;
        }
    }
    Ok(value)
}

/// `[[fill]align][sign][0][width][,][.precision][type]`, and what `%` has of it.
struct Spec {
    fill: char,
    align: Option<char>,
    plus: Option<char>,
    width: usize,
    commas: bool,
    precision: Option<usize>,
    kind: char,
}

impl Spec {
    fn parse(spec: &str) -> Outcome<Spec> {
        let chars: Vec<char> = spec.chars().take(64).collect();
        let mut s =
            Spec { fill: ' ', align: None, plus: None, width: 0, commas: false, precision: None, kind: ' ' };
        let aligns = |c: Option<&char>| c.copied().filter(|c| "<>^=".contains(*c));
        let mut at = 0;
        if let Some(align) = aligns(chars.get(1)) {
            (s.fill, s.align, at) = (chars[0], Some(align), 2);
        } else if let Some(align) = aligns(chars.first()) {
            (s.align, at) = (Some(align), 1);
        }
        if let Some(sign) = chars.get(at).filter(|c| "+- ".contains(**c)) {
            s.plus = Some(*sign).filter(|c| *c != '-');
            at += 1;
        }
        if chars.get(at) == Some(&'0') && s.align.is_none() {
            (s.fill, s.align) = ('0', Some('='));
        }
        s.width = number(&chars, &mut at)?.unwrap_or(0);
        if chars.get(at) == Some(&',') {
            s.commas = true;
            at += 1;
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            s.precision = Some(number(&chars, &mut at)?.unwrap_or(0));
        }
        if let Some(kind) = chars.get(at) {
            s.kind = *kind;
            at += 1;
        }
        if at < chars.len() || spec.len() > 64 {
            return fail("format: an unknown specification");
        }
        Ok(s)
    }

    fn write(&self, value: &Value, out: &mut Builder) -> Outcome<()> {
        let number = value.as_float().is_some() && !self.is_plain();
        if self.kind == 's' || self.kind == ' ' && !number {
            let text = str_of(value)?;
            let end = match self.precision {
                Some(n) => text.as_str().char_indices().nth(n).map_or(text.len(), |(i, _)| i),
                None => text.len(),
            };
            return self.pad(&text.part(0..end)?, self.align.unwrap_or('<'), out);
        }
        let digits = self.number(value)?;
        let sign = if digits.starts_with('-') { "-" } else { "" };
        let body = Text::own(&digits)?;
        match (self.align.unwrap_or('>'), self.plus) {
            ('=', plus) => {
                let plus = plus.filter(|_| sign.is_empty()).map(String::from).unwrap_or(sign.to_owned());
                let bare = body.part(sign.len()..body.len())?;
                out.own(&plus)?;
                out.fill(self.fill, self.width.saturating_sub(plus.len() + bare.len()))?;
                out.push(&bare)
            }
            (align, Some(plus)) if sign.is_empty() => {
                self.pad(&Text::own(&format!("{plus}{digits}"))?, align, out)
            }
            (align, _) => self.pad(&body, align, out),
        }
    }

    /// Whether a number without a type is printed as `str` prints it.
    fn is_plain(&self) -> bool {
        self.kind == ' ' && self.precision.is_none() && !self.commas && self.plus.is_none() && self.width == 0
    }

    fn number(&self, value: &Value) -> Outcome<String> {
        let precision = self.precision.unwrap_or(6);
        if precision > 100 {
            return fail("format: more than 100 digits");
        }
        let text = match (self.kind, value.as_int(), value.as_float()) {
            ('d' | ' ' | 'i' | 'u', Some(n), _) => n.to_string(),
            ('x', Some(n), _) => format!("{n:x}"),
            ('X', Some(n), _) => format!("{n:X}"),
            ('o', Some(n), _) => format!("{n:o}"),
            ('b', Some(n), _) => format!("{n:b}"),
            ('f' | 'F', _, Some(x)) => format!("{x:.precision$}"),
            ('%', _, Some(x)) => format!("{:.precision$}%", x * 100.0),
            (' ' | 'g', _, Some(x)) if self.precision.is_none() => float(x),
            _ => return fail("format: a type that does not fit the value"),
        };
        if !self.commas {
            return Ok(text);
        }
        let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        let mut out = String::new();
        for (i, c) in whole.chars().enumerate() {
            let left = whole.len() - i;
            if i > 0 && left.is_multiple_of(3) && !out.ends_with('-') {
                out.push(',');
            }
            out.push(c);
        }
        Ok(out + rest)
    }

    fn pad(&self, text: &Text, align: char, out: &mut Builder) -> Outcome<()> {
        let room = self.width.saturating_sub(text.as_str().chars().count());
        let before = match align {
            '>' | '=' => room,
            '^' => room / 2,
            _ => 0,
        };
        out.fill(self.fill, before)?;
        out.push(text)?;
        out.fill(self.fill, room - before)
    }
}

fn number(chars: &[char], at: &mut usize) -> Outcome<Option<usize>> {
    let start = *at;
    while chars.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    let digits: String = chars[start..*at].iter().collect();
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse::<u32>() {
        Ok(n) => Ok(Some(n as usize)),
        Err(_) => fail("format: a number that is too large"),
    }
}

/// `'%s' % values`.
pub(super) fn percent(text: &Text, values: &Value) -> Outcome<Value> {
    let several = match values {
        Value::List(l) if l.shape == Shape::Tuple => l.items.clone(),
        one => vec![one.clone()],
    };
    let mut values_left = several.into_iter();
    let mut out = Builder::default();
    let s = text.as_str();
    let mut at = 0;
    while let Some(found) = s[at..].find('%') {
        let start = at + found;
        out.push_part(text, at..start)?;
        let mut next = start + 1;
        let mut named = None;
        if let Some(rest) = s[next..].strip_prefix('(') {
            let Some(end) = rest.find(')') else { return fail("%: a bracket is open") };
            named = Some(item(values, &Value::own(&rest[..end])?)?);
            next += end + 2;
        }
        let length = s[next..].find(|c: char| c.is_ascii_alphabetic() || c == '%');
        let Some(length) = length else { return fail("%: an incomplete format") };
        let (flags, kind) = (&s[next..next + length], &s[next + length..=next + length]);
        at = next + length + 1;
        if kind == "%" {
            out.own("%")?;
            continue;
        }
        let value = match named.or_else(|| values_left.next()) {
            Some(value) => value,
            None => return fail("%: an argument is missing"),
        };
        let flags = flags.strip_prefix('-').map_or(flags.to_owned(), |f| format!("<{f}"));
        let value = match kind {
            "s" => Value::Text(str_of(&value)?),
            "r" => {
                let mut repr = Builder::default();
                write_repr(&value, &mut repr)?;
                Value::Text(repr.finish()?)
            }
            "d" | "i" => match (value.as_int(), value.as_float()) {
                (None, Some(x)) => Value::Int(x as i128),
                _ => value,
            },
            _ => value,
        };
        let right = matches!(kind, "s" | "r") && !flags.starts_with('<') && !flags.is_empty();
        let kind = if kind == "r" { "s" } else { kind };
        Spec::parse(&format!("{}{flags}{kind}", if right { ">" } else { "" }))?.write(&value, &mut out)?;
    }
    out.push_part(text, at..s.len())?;
    Ok(Value::Text(out.finish()?))
}
