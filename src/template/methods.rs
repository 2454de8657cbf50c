//! Methods of strings, dicts and lists: those of Python that change nothing.

use indexmap::IndexMap;

use super::args::{int_or, size_or, text, truth_or, Args};
use super::format;
use super::meter::{fail, scan, work, Outcome};
use super::print::str_of;
use super::text::{Builder, Text};
use super::value::{equal, items, Key, Shape, Value};

const OF_TEXT: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];
const OF_DICT: &[&str] = &["copy", "get", "items", "keys", "values"];
const OF_LIST: &[&str] = &["copy", "count", "index"];
const OF_TUPLE: &[&str] = &["count", "index"];
const OF_LOOP: &[&str] = &["changed", "cycle"];
const OF_CYCLER: &[&str] = &["next", "reset"];

/// The name of a method that the value has.
pub(super) fn known(value: &Value, name: &str) -> Option<&'static str> {
    let names = match value {
        Value::Text(_) => OF_TEXT,
        Value::Dict(_) => OF_DICT,
        Value::List(l) if l.shape == Shape::List => OF_LIST,
        Value::List(l) if l.shape == Shape::Tuple => OF_TUPLE,
        Value::Loop(_) => OF_LOOP,
        Value::Cycler(_) => OF_CYCLER,
        _ => return None,
    };
    names.iter().find(|n| **n == name).copied()
}

/// Calls a method that [`known`] knows.
pub(super) fn call(receiver: &Value, name: &str, args: Args) -> Outcome<Value> {
    match receiver {
        Value::Text(t) => {
            scan(t.len())?;
            of_text(t, name, args)
        }
        Value::Dict(d) => match name {
            "get" => {
                let [key, otherwise] = args.bind(name, ["key", "default"])?;
                let Some(key) = key else { return fail("get: an argument is missing") };
                let found = d.map.get(&Key::of(&key)?).cloned();
                Ok(found.or(otherwise).unwrap_or(Value::None))
            }
            _ => {
                let [] = args.bind(name, [])?;
                let view = |items| Value::list_of(items, Shape::View).map(Value::List);
                match name {
                    "items" => view(pairs(&d.map)?),
                    "keys" => view(d.map.keys().map(Key::value).collect()),
                    "values" => view(d.map.values().cloned().collect()),
                    _ => Ok(receiver.clone()),
                }
            }
        },
        Value::List(l) => match name {
            "copy" => Ok(receiver.clone()),
            _ => {
                let [wanted] = args.bind(name, ["value"])?;
                let Some(wanted) = wanted else { return fail(format!("{name}: an argument is missing")) };
                let mut count = 0;
                for (i, item) in l.items.iter().enumerate() {
                    if equal(item, &wanted)? {
                        if name == "index" {
                            return Ok(Value::Int(i as i128));
                        }
                        count += 1;
                    }
                }
                if name == "index" {
                    return fail("index: the value is not in the list");
                }
                Ok(Value::Int(count))
            }
        },
        Value::Cycler(c) => {
            let at = if name == "reset" { 0 } else { (c.at.get() + 1) % c.items.items.len() };
            let now = c.items.items[c.at.replace(at)].clone();
            Ok(if name == "reset" { Value::None } else { now })
        }
        _ => fail(format!("{name} cannot be called")),
    }
}

/// A dict's entries as pairs.
pub(super) fn pairs(map: &IndexMap<Key, Value>) -> Outcome<Vec<Value>> {
    map.iter().map(|(k, v)| Value::tuple(vec![k.value(), v.clone()])).collect()
}

fn of_text(t: &Text, name: &str, args: Args) -> Outcome<Value> {
    let s = t.as_str();
    let value = |text: Outcome<Text>| text.map(Value::Text);
    match name {
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = args.bind(name, ["chars"])?;
            strip(t, chars.as_ref(), name != "rstrip", name != "lstrip")
        }
        "split" | "rsplit" => {
            let [separator, most] = args.bind(name, ["sep", "maxsplit"])?;
            split(t, separator.as_ref(), int_or(&most, -1)?, name == "rsplit")
        }
        "splitlines" => {
            let [keep] = args.bind(name, ["keepends"])?;
            splitlines(t, truth_or(&keep, false))
        }
        "replace" => {
            let [old, new, count] = args.bind(name, ["old", "new", "count"])?;
            value(replace(t, text(&old, name)?, text(&new, name)?, int_or(&count, -1)?))
        }
        "startswith" | "endswith" => {
            let [part] = args.bind(name, ["prefix"])?;
            let has = |p: &str| if name == "startswith" { s.starts_with(p) } else { s.ends_with(p) };
            match &part {
                Some(Value::List(l)) => Ok(Value::Bool(l.items.iter().filter_map(Value::as_str).any(has))),
                part => Ok(Value::Bool(has(text(part, name)?.as_str()))),
            }
        }
        "removeprefix" => {
            let [part] = args.bind(name, ["prefix"])?;
            value(t.part_of(s.strip_prefix(text(&part, name)?.as_str()).unwrap_or(s)))
        }
        "removesuffix" => {
            let [part] = args.bind(name, ["suffix"])?;
            value(t.part_of(s.strip_suffix(text(&part, name)?.as_str()).unwrap_or(s)))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let [part] = args.bind(name, ["sub"])?;
            let part = text(&part, name)?.as_str();
            let found = if name.starts_with('r') { s.rfind(part) } else { s.find(part) };
            match found {
                Some(at) => Ok(Value::Int(s[..at].chars().count() as i128)),
                None if name.ends_with("find") => Ok(Value::Int(-1)),
                None => fail(format!("{name}: the part is not in the string")),
            }
        }
        "count" => {
            let [part] = args.bind(name, ["sub"])?;
            let part = text(&part, name)?.as_str();
            Ok(Value::Int(if part.is_empty() { s.chars().count() + 1 } else { s.matches(part).count() } as i128))
        }
        "partition" | "rpartition" => {
            let [separator] = args.bind(name, ["sep"])?;
            let separator = text(&separator, name)?;
            if separator.len() == 0 {
                return fail("partition by an empty string");
            }
            let found = if name == "partition" { s.find(separator.as_str()) } else { s.rfind(separator.as_str()) };
            let cuts = match found {
                Some(at) => [0..at, at..at + separator.len(), at + separator.len()..s.len()],
                None if name == "partition" => [0..s.len(), 0..0, 0..0],
                None => [0..0, 0..0, 0..s.len()],
            };
            Value::tuple(cuts.into_iter().map(|r| t.part(r).map(Value::Text)).collect::<Outcome<_>>()?)
        }
        "join" => {
            let [parts] = args.bind(name, ["iterable"])?;
            let parts = items(&parts.unwrap_or(Value::None))?;
            let mut out = Builder::default();
            for (i, part) in parts.iter().enumerate() {
                let Value::Text(part) = part else { return fail(format!("join: {} among them", part.kind())) };
                if i > 0 {
                    out.push(t)?;
                }
                out.push(part)?;
            }
            value(out.finish())
        }
        "center" | "ljust" | "rjust" => {
            let [width, fill] = args.bind(name, ["width", "fillchar"])?;
            let fill = match &fill {
                None => ' ',
                Some(v) => match v.as_str().map(|s| (s.chars().next(), s.chars().count())) {
                    Some((Some(c), 1)) => c,
                    _ => return fail(format!("{name}: the fill must be one character")),
                },
            };
            let room = size_or(&width, 0)?.saturating_sub(s.chars().count());
            let before = match name {
                "rjust" => room,
                // Python puts the odd blank before when the width is odd.
                "center" => room / 2 + (room & size_or(&width, 0)? & 1),
                _ => 0,
            };
            value(pad(t, fill, before, room - before))
        }
        "zfill" => {
            let [width] = args.bind(name, ["width"])?;
            let sign = usize::from(s.starts_with(['+', '-']));
            let mut out = Builder::default();
            out.push_part(t, 0..sign)?;
            out.fill('0', size_or(&width, 0)?.saturating_sub(s.chars().count()))?;
            out.push_part(t, sign..s.len())?;
            value(out.finish())
        }
        "expandtabs" => {
            let [size] = args.bind(name, ["tabsize"])?;
            expandtabs(t, size_or(&size, 8)?)
        }
        "format" => format::braces(t, &args),
        _ => {
            let [] = args.bind(name, [])?;
            simple(t, name)
        }
    }
}

/// Methods without arguments.
fn simple(t: &Text, name: &str) -> Outcome<Value> {
    let s = t.as_str();
    let all = |test: fn(char) -> bool| Ok(Value::Bool(!s.is_empty() && s.chars().all(test)));
    // Some character has a case, and none the other one.
    let cased = |wanted: fn(char) -> bool, other: fn(char) -> bool| {
        Ok(Value::Bool(s.chars().any(wanted) && !s.chars().any(other)))
    };
    match name {
        "upper" => t.map(str::to_uppercase).map(Value::Text),
        "lower" | "casefold" => t.map(str::to_lowercase).map(Value::Text),
        "swapcase" => t.map_chars(swap).map(Value::Text),
        "capitalize" => {
            let mut first = true;
            t.map_chars(|c, out| {
                if std::mem::take(&mut first) {
                    out.extend(c.to_uppercase())
                } else {
                    out.extend(c.to_lowercase())
                }
            })
            .map(Value::Text)
        }
        "title" => {
            let mut inside = false;
            t.map_chars(|c, out| {
                if inside {
                    out.extend(c.to_lowercase())
                } else {
                    out.extend(c.to_uppercase())
                }
                inside = c.is_alphabetic();
            })
            .map(Value::Text)
        }
        "isascii" => Ok(Value::Bool(s.is_ascii())),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isdigit" | "isdecimal" | "isnumeric" => all(char::is_numeric),
        "isspace" => all(blank),
        "isupper" => cased(char::is_uppercase, char::is_lowercase),
        "islower" => cased(char::is_lowercase, char::is_uppercase),
        "istitle" => {
            let titled = simple(t, "title")?;
            Ok(Value::Bool(s.chars().any(char::is_alphabetic) && titled.as_str() == Some(s)))
        }
        _ => fail(format!("{name} is not available")),
    }
}

fn swap(c: char, out: &mut String) {
    if c.is_uppercase() {
        out.extend(c.to_lowercase());
    } else {
        out.extend(c.to_uppercase());
    }
}

/// What Python takes for a blank.
pub(super) fn blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip` and its siblings.
pub(super) fn strip(t: &Text, chars: Option<&Value>, left: bool, right: bool) -> Outcome<Value> {
    let wanted: Option<Vec<char>> = match chars {
        None | Some(Value::None) => None,
        Some(Value::Text(c)) => Some(c.as_str().chars().collect()),
        Some(other) => return fail(format!("strip takes a string, not {}", other.kind())),
    };
    work(t.len() / 16 * wanted.as_ref().map_or(1, |w| 1 + w.len() / 8))?;
    let goes = |c: char| wanted.as_ref().map_or_else(|| blank(c), |w| w.contains(&c));
    let mut s = t.as_str();
    if left {
        s = s.trim_start_matches(goes);
    }
    if right {
        s = s.trim_end_matches(goes);
    }
    t.part_of(s).map(Value::Text)
}

fn split(t: &Text, separator: Option<&Value>, most: i128, from_right: bool) -> Outcome<Value> {
    let most = usize::try_from(most).unwrap_or(usize::MAX - 1);
    let s = t.as_str();
    match separator {
        None | Some(Value::None) => split_blanks(t, most, from_right),
        Some(Value::Text(by)) if by.len() > 0 => match from_right {
            true => parts_of(t, s.rsplitn(most + 1, by.as_str()), true),
            false => parts_of(t, s.splitn(most + 1, by.as_str()), false),
        },
        Some(Value::Text(_)) => fail("split by an empty string"),
        Some(other) => fail(format!("split by {}", other.kind())),
    }
}

fn split_blanks(t: &Text, most: usize, from_right: bool) -> Outcome<Value> {
    let s = t.as_str();
    let mut rest = if from_right { s.trim_end_matches(blank) } else { s.trim_start_matches(blank) };
    let mut given = 0;
    let next = || {
        if rest.is_empty() {
            return None;
        }
        given += 1;
        let cut = if from_right { rest.rfind(blank) } else { rest.find(blank) };
        let Some(at) = cut.filter(|_| given <= most) else { return Some(std::mem::take(&mut rest)) };
        if from_right {
            let skip = rest[at..].chars().next().map_or(1, char::len_utf8);
            let part = &rest[at + skip..];
            rest = rest[..at].trim_end_matches(blank);
            Some(part)
        } else {
            let part = &rest[..at];
            rest = rest[at..].trim_start_matches(blank);
            Some(part)
        }
    };
    parts_of(t, std::iter::from_fn(next), from_right)
}

fn splitlines(t: &Text, keep: bool) -> Outcome<Value> {
    let ends = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut rest = t.as_str();
    let next = || {
        let Some(at) = rest.find(ends) else {
            return Some(std::mem::take(&mut rest)).filter(|last| !last.is_empty());
        };
        let one = rest[at..].chars().next().map_or(1, char::len_utf8);
        let length = if rest[at..].starts_with("\r\n") { 2 } else { one };
        let part = &rest[..if keep { at + length } else { at }];
        rest = &rest[at + length..];
        Some(part)
    };
    parts_of(t, std::iter::from_fn(next), false)
}

/// Slices of a text as a list; one by one, so that a limit stops them.
fn parts_of<'t>(t: &'t Text, parts: impl Iterator<Item = &'t str>, reversed: bool) -> Outcome<Value> {
    let mut out = parts.map(|part| t.part_of(part).map(Value::Text)).collect::<Outcome<Vec<_>>>()?;
    if reversed {
        out.reverse();
    }
    Value::list(out)
}

/// `str.replace`.
pub(super) fn replace(t: &Text, old: &Text, new: &Text, count: i128) -> Outcome<Text> {
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let mut out = Builder::default();
    let mut done = 0;
    for (at, found) in t.as_str().match_indices(old.as_str()).take(most) {
        out.push_part(t, done..at)?;
        out.push(new)?;
        done = at + found.len();
    }
    out.push_part(t, done..t.len())?;
    out.finish()
}

/// A text between two runs of one character.
pub(super) fn pad(t: &Text, fill: char, before: usize, behind: usize) -> Outcome<Text> {
    let mut out = Builder::default();
    out.fill(fill, before)?;
    out.push(t)?;
    out.fill(fill, behind)?;
    out.finish()
}

fn expandtabs(t: &Text, size: usize) -> Outcome<Value> {
    let mut out = Builder::default();
    let mut column = 0;
    for (piece, content) in t.all_runs() {
        for (i, c) in piece.char_indices() {
            match c {
                '\t' => {
                    let room = if size == 0 { 0 } else { size - column % size };
                    out.fill(' ', room)?;
                    column += room;
                }
                c => {
                    column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
                    out.put(&piece[i..i + c.len_utf8()], content)?;
                }
            }
        }
    }
    out.finish().map(Value::Text)
}

/// A list's strings with a separator between, each as `str` gives it.
pub(super) fn join(parts: &[Value], separator: &Text) -> Outcome<Value> {
    let mut out = Builder::default();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push(separator)?;
        }
        out.push(&str_of(part)?)?;
    }
    out.finish().map(Value::Text)
}
