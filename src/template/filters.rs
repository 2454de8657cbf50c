//! Jinja's filters, with `tojson` as transformers has it.

use indexmap::IndexMap;

use super::access::{attribute, item};
use super::args::{int_or, size_or, text, truth_or, Args};
use super::interpret::Interpreter;
use super::meter::{fail, scan, work, Held, Outcome};
use super::print::{str_of, Json};
use super::text::{Builder, Text};
use super::value::{compare, equal, items, length, Key, Shape, Value};
use super::{format, methods};

const NAMES: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// `value | name(args)`
pub(super) fn apply(run: &mut Interpreter<'_>, name: &str, value: &Value, args: Args) -> Outcome<Value> {
    match name {
        // As in jinja2, these take whatever is false for an empty list.
        "map" | "select" | "reject" | "selectattr" | "rejectattr" if !value.truth() => {
            Value::generator(Vec::new())
        }
        "map" => map(run, value, args),
        "select" | "reject" | "selectattr" | "rejectattr" => select(name, value, args),
        "default" | "d" => {
            let [otherwise, falsy] = args.bind(name, ["default_value", "boolean"])?;
            let keep = !matches!(value, Value::Undefined) && (!truth_or(&falsy, false) || value.truth());
            Ok(if keep { value.clone() } else { otherwise.map_or_else(|| Value::own(""), Ok)? })
        }
        "join" => {
            let [separator, by] = args.bind(name, ["d", "attribute"])?;
            let separator = str_of(&separator.map_or_else(|| Value::own(""), Ok)?)?;
            let parts = items(value)?;
            match &by {
                None | Some(Value::None) => methods::join(&parts, &separator),
                Some(by) => {
                    let parts = parts.iter().map(|p| path(p, by)).collect::<Outcome<Vec<_>>>()?;
                    methods::join(&parts, &separator)
                }
            }
        }
        "tojson" => tojson(value, args),
        "sort" | "unique" | "min" | "max" | "groupby" | "dictsort" => ordered(name, value, args),
        "batch" | "slice" => pieces(name, value, args),
        "sum" => {
            let [by, start] = args.bind(name, ["attribute", "start"])?;
            let mut sum = start.unwrap_or(Value::Int(0));
            for item in items(value)?.iter() {
                work(1)?;
                let item = by.as_ref().map_or_else(|| Ok(item.clone()), |by| path(item, by))?;
                sum = super::operators::add(&sum, &item)?;
            }
            Ok(sum)
        }
        "attr" => {
            let [of] = args.bind(name, ["name"])?;
            // Attributes only: the items of a dict are none.
            let found = attribute(value, text(&of, name)?.as_str())?;
            Ok(if matches!(value, Value::Dict(_)) && !matches!(found, Value::Method(_)) {
                Value::Undefined
            } else {
                found
            })
        }
        "first" | "last" | "length" | "count" | "list" | "items" | "reverse" => {
            let [] = args.bind(name, [])?;
            of_sequence(name, value)
        }
        "abs" | "int" | "float" | "round" => number(name, value, args),
        _ if exists(name) => of_text(name, &str_of(value)?, args),
        _ => fail(format!("there is no filter named {name}")),
    }
}

fn of_sequence(name: &str, value: &Value) -> Outcome<Value> {
    match name {
        "length" | "count" => length(value).map(|n| Value::Int(n as i128)),
        "list" => match items(value)? {
            super::value::Items::Shared(l) if l.shape == Shape::List => Ok(Value::List(l)),
            other => Value::list(other.to_vec()),
        },
        "items" => match value {
            Value::Undefined => Value::generator(Vec::new()),
            Value::Dict(d) => Value::generator(methods::pairs(&d.map)?),
            other => fail(format!("items: {} is not a dict", other.kind())),
        },
        "reverse" => match value {
            Value::Text(_) => {
                let minus = Value::Int(-1);
                super::access::slice(value, &Value::None, &Value::None, &minus)
            }
            other => Value::generator(items(other)?.iter().rev().cloned().collect()),
        },
        // A text's first and last character need no list of all.
        _ => match (value, name) {
            (Value::Text(t), _) if t.len() == 0 => Ok(Value::Undefined),
            (Value::Text(_), "first") => item(value, &Value::Int(0)),
            (Value::Text(_), _) => item(value, &Value::Int(-1)),
            (Value::Iter(i), "first") => Ok(i.items.borrow_mut().pop_front().unwrap_or(Value::Undefined)),
            (Value::Iter(_), _) => fail("last: a generator cannot be reversed"),
            (other, "first") => Ok(items(other)?.first().cloned().unwrap_or(Value::Undefined)),
            (other, _) => Ok(items(other)?.last().cloned().unwrap_or(Value::Undefined)),
        },
    }
}

fn of_text(name: &str, t: &Text, args: Args) -> Outcome<Value> {
    scan(t.len())?;
    match name {
        "string" | "safe" | "lower" | "upper" | "capitalize" | "wordcount" => {
            let [] = args.bind(name, [])?;
            match name {
                "string" => Ok(Value::Text(t.clone())),
                "safe" => t.clone().into_safe().map(Value::Text),
                "wordcount" => Ok(Value::Int(t.as_str().split_whitespace().count() as i128)),
                _ => methods::call(&Value::Text(t.clone()), name, Args::default()),
            }
        }
        "title" => {
            let [] = args.bind(name, [])?;
            let mut start = true;
            t.map_chars(|c, out| {
                if start {
                    out.extend(c.to_uppercase())
                } else {
                    out.extend(c.to_lowercase())
                }
                start = methods::blank(c) || "-({[<".contains(c);
            })
            .map(Value::Text)
        }
        "trim" => {
            let [chars] = args.bind(name, ["chars"])?;
            methods::strip(t, chars.as_ref(), true, true)
        }
        "replace" => {
            let [old, new, count] = args.bind(name, ["old", "new", "count"])?;
            let of = |v: Option<Value>| str_of(&v.unwrap_or(Value::Undefined));
            methods::replace(t, &of(old)?, &of(new)?, int_or(&count, -1)?).map(Value::Text)
        }
        "center" => {
            let [width] = args.bind(name, ["width"])?;
            let width = Value::Int(int_or(&width, 80)?);
            methods::call(&Value::Text(t.clone()), name, Args { positional: vec![width], named: Vec::new() })
        }
        "format" => {
            let values = Value::tuple(args.positional)?;
            if !args.named.is_empty() {
                let named = args.named.into_iter().map(|(k, v)| Ok((Key::Text(Text::own(&k)?), v)));
                return format::percent(t, &Value::dict(named.collect::<Outcome<_>>()?)?);
            }
            format::percent(t, &values)
        }
        "indent" => indent(t, args),
        "truncate" => truncate(t, args),
        "escape" | "e" | "forceescape" => {
            let [] = args.bind(name, [])?;
            t.escaped().map(Value::Text)
        }
        "urlencode" => {
            let [] = args.bind(name, [])?;
            let encode = |c: char, out: &mut String| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-' | '~' | '/' => out.push(c),
                c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| out.push_str(&format!("%{b:02X}"))),
            };
            t.map_chars(encode).map(Value::Text)
        }
        _ => fail(format!("there is no filter named {name}")),
    }
}

fn indent(t: &Text, args: Args) -> Outcome<Value> {
    let [width, first, blank_lines] = args.bind("indent", ["width", "first", "blank"])?;
    let mut by = Builder::default();
    match &width {
        Some(Value::Text(w)) => by.push(w)?,
        width => by.fill(' ', size_or(width, 4)?)?,
    }
    let by = by.finish()?;
    let (first, blank_lines) = (truth_or(&first, false), truth_or(&blank_lines, false));
    let mut out = Builder::default();
    let mut at = 0;
    let s = t.as_str();
    for (i, line) in s.split('\n').enumerate() {
        if i > 0 {
            out.push_part(t, at - 1..at)?;
        }
        if if i == 0 { first } else { blank_lines || !line.is_empty() } {
            out.push(&by)?;
        }
        out.push_part(t, at..at + line.len())?;
        at += line.len() + 1;
    }
    out.finish().map(Value::Text)
}

fn truncate(t: &Text, args: Args) -> Outcome<Value> {
    let [most, kill_words, end, leeway] = args.bind("truncate", ["length", "killwords", "end", "leeway"])?;
    let (most, leeway) = (size_or(&most, 255)?, size_or(&leeway, 5)?);
    let end = str_of(&end.map_or_else(|| Value::own("..."), Ok)?)?;
    let s = t.as_str();
    if s.chars().count() <= most.saturating_add(leeway) {
        return Ok(Value::Text(t.clone()));
    }
    let Some(room) = most.checked_sub(end.as_str().chars().count()) else {
        return fail("truncate: the length is less than that of the end");
    };
    let mut cut = s.char_indices().nth(room).map_or(s.len(), |(i, _)| i);
    if !truth_or(&kill_words, false) {
        cut = s[..cut].rfind(' ').unwrap_or(cut);
    }
    let mut out = Builder::default();
    out.push_part(t, 0..cut)?;
    out.push(&end)?;
    out.finish().map(Value::Text)
}

fn number(name: &str, value: &Value, args: Args) -> Outcome<Value> {
    scan(value.as_str().map_or(0, str::len))?;
    match name {
        "abs" => match (value.as_int().map(i128::checked_abs), value) {
            (Some(Some(n)), _) => Ok(Value::Int(n)),
            (_, Value::Float(x)) => Ok(Value::Float(x.abs())),
            _ => fail(format!("abs of {}", value.kind())),
        },
        "int" => {
            let [otherwise, base] = args.bind(name, ["default", "base"])?;
            let base = u32::try_from(int_or(&base, 10)?).ok().filter(|b| (2..=36).contains(b)).unwrap_or(10);
            let parsed = match (value, value.as_int()) {
                (_, Some(n)) => Some(n),
                (Value::Float(x), _) if x.is_finite() => Some(*x as i128),
                (Value::Text(t), _) => {
                    let s = t.as_str().trim_matches(methods::blank).replace('_', "");
                    i128::from_str_radix(&s, base).ok().or_else(|| s.parse::<f64>().ok().map(|x| x as i128))
                }
                _ => None,
            };
            Ok(parsed.map(Value::Int).or(otherwise).unwrap_or(Value::Int(0)))
        }
        "float" => {
            let [otherwise] = args.bind(name, ["default"])?;
            let parsed = match value {
                Value::Text(t) => t.as_str().trim_matches(methods::blank).parse().ok(),
                other => other.as_float(),
            };
            Ok(parsed.map(Value::Float).or(otherwise).unwrap_or(Value::Float(0.0)))
        }
        _ => {
            let [precision, method] = args.bind(name, ["precision", "method"])?;
            let Some(x) = value.as_float() else { return fail(format!("round of {}", value.kind())) };
            let scale = 10f64.powi(int_or(&precision, 0)?.clamp(-300, 300) as i32);
            Ok(Value::Float(match method.as_ref().and_then(Value::as_str) {
                Some("ceil") => (x * scale).ceil() / scale,
                Some("floor") => (x * scale).floor() / scale,
                _ => (x * scale).round_ties_even() / scale,
            }))
        }
    }
}

fn tojson(value: &Value, args: Args) -> Outcome<Value> {
    let [ascii, indent, separators, sort] =
        args.bind("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])?;
    let indent = match &indent {
        None | Some(Value::None) => None,
        Some(Value::Text(t)) => Some(t.as_str().to_owned()),
        // The blanks of one level are counted each time they are written; so many that they cannot be are refused.
        other => match size_or(other, 0)? {
            n @ 0..=10_000 => Some(" ".repeat(n)),
            _ => return fail("tojson: an indent of more than 10000"),
        },
    };
    let given = match &separators {
        Some(Value::List(l)) => match l.items.as_slice() {
            [Value::Text(item), Value::Text(key)] => Some((item.clone(), key.clone())),
            _ => return fail("tojson: separators are two strings"),
        },
        _ => None,
    };
    let (item_separator, key_separator) = match &given {
        Some((item, key)) => (item.as_str(), key.as_str()),
        None => (if indent.is_some() { "," } else { ", " }, ": "),
    };
    let json = Json {
        ensure_ascii: truth_or(&ascii, false),
        indent,
        item_separator,
        key_separator,
        sort_keys: truth_or(&sort, false),
    };
    let mut out = Builder::default();
    json.write(value, 0, &mut out)?;
    out.finish().map(Value::Text)
}

/// What `attribute='a.b.0'` names of an item.
fn path(value: &Value, by: &Value) -> Outcome<Value> {
    let Some(names) = by.as_str() else { return item(value, by) };
    let mut value = value.clone();
    for name in names.split('.') {
        let key = match name.parse::<i128>() {
            Ok(n) if name.bytes().all(|b| b.is_ascii_digit()) => Value::Int(n),
            _ => Value::own(name)?,
        };
        value = item(&value, &key)?;
    }
    Ok(value)
}

fn map(run: &mut Interpreter<'_>, value: &Value, mut args: Args) -> Outcome<Value> {
    let list = items(value)?;
    let mut out = Vec::new();
    if args.positional.is_empty() {
        let [by, otherwise] = args.bind("map", ["attribute", "default"])?;
        let Some(by) = by else { return fail("map: a filter or an attribute is missing") };
        for one in list.iter() {
            work(1)?;
            let found = path(one, &by)?;
            out.push(match (&found, &otherwise) {
                (Value::Undefined, Some(other)) => other.clone(),
                _ => found,
            });
        }
    } else {
        let name = args.positional.remove(0);
        let Some(name) = name.as_str() else { return fail("map: a filter is named by a string") };
        for one in list.iter() {
            work(1)?;
            let again = Args { positional: args.positional.clone(), named: args.named.clone() };
            out.push(apply(run, name, one, again)?);
        }
    }
    Value::generator(out)
}

fn select(name: &str, value: &Value, mut args: Args) -> Outcome<Value> {
    let by = if name.ends_with("attr") {
        if args.positional.is_empty() {
            return fail(format!("{name}: an attribute is missing"));
        }
        Some(args.positional.remove(0))
    } else {
        None
    };
    let test = if args.positional.is_empty() { None } else { Some(args.positional.remove(0)) };
    let wanted = name.starts_with("select");
    let mut out = Vec::new();
    for one in items(value)?.iter() {
        work(1)?;
        let looked_at = by.as_ref().map_or_else(|| Ok(one.clone()), |by| path(one, by))?;
        let holds = match &test {
            None => looked_at.truth(),
            Some(Value::Text(test)) => {
                let again = Args { positional: args.positional.clone(), named: args.named.clone() };
                super::checks::check(test.as_str(), &looked_at, again)?
            }
            Some(_) => return fail(format!("{name}: a test is named by a string")),
        };
        if holds == wanted {
            out.push(one.clone());
        }
    }
    Value::generator(out)
}

/// Sorts stably by a comparison that can fail.
pub(super) fn sort_by<T>(list: &mut [T], by: impl Fn(&T, &T) -> Outcome<std::cmp::Ordering>) -> Outcome<()> {
    let mut failed = None;
    list.sort_by(|a, b| {
        if failed.is_some() {
            return std::cmp::Ordering::Equal;
        }
        by(a, b).unwrap_or_else(|e| {
            failed = Some(e);
            std::cmp::Ordering::Equal
        })
    });
    failed.map_or(Ok(()), Err)
}

/// Text without case, unless case counts.
fn folded(value: Value, case_counts: bool) -> Outcome<Value> {
    match &value {
        Value::Text(t) if !case_counts => t.map(str::to_lowercase).map(Value::Text),
        _ => Ok(value),
    }
}

fn ordered(name: &str, value: &Value, args: Args) -> Outcome<Value> {
    let (case, by, reverse) = match name {
        "dictsort" => {
            let [case, by, reverse] = args.bind(name, ["case_sensitive", "by", "reverse"])?;
            (case, by, reverse)
        }
        "sort" => {
            let [reverse, case, by] = args.bind(name, ["reverse", "case_sensitive", "attribute"])?;
            (case, by, reverse)
        }
        "groupby" => {
            let [by, _, case] = args.bind(name, ["attribute", "default", "case_sensitive"])?;
            (case, by, None)
        }
        _ => {
            let [case, by] = args.bind(name, ["case_sensitive", "attribute"])?;
            (case, by, None)
        }
    };
    let case = truth_or(&case, false);
    let list = match (name, value) {
        ("dictsort", Value::Dict(d)) => {
            Value::list_of(methods::pairs(&d.map)?, Shape::List).map(super::value::Items::Owned)?
        }
        ("dictsort", other) => return fail(format!("dictsort of {}", other.kind())),
        _ => items(value)?,
    };
    let by = match name {
        "dictsort" => Some(Value::Int(i128::from(by.as_ref().and_then(Value::as_str) == Some("value")))),
        _ => by.filter(|b| !matches!(b, Value::None)),
    };
    let mut keyed = Vec::new();
    let _held = Held::new(list.len() * 2 * size_of::<Value>())?;
    for one in list.iter() {
        work(1)?;
        let key = by.as_ref().map_or_else(|| Ok(one.clone()), |by| path(one, by))?;
        keyed.push((folded(key, case)?, one.clone()));
    }
    if name == "unique" {
        return unique(keyed);
    }
    sort_by(&mut keyed, |(a, _), (b, _)| {
        let order = compare(a, b)?;
        Ok(if truth_or(&reverse, false) { order.reverse() } else { order })
    })?;
    match name {
        // Of equals the first: Python's `max` takes that one, too.
        "min" => Ok(keyed.into_iter().next().map_or(Value::Undefined, |(_, v)| v)),
        "max" => {
            let Some(last) = keyed.last().map(|(k, _)| k.clone()) else { return Ok(Value::Undefined) };
            for (key, value) in keyed {
                if equal(&key, &last)? {
                    return Ok(value);
                }
            }
            Ok(Value::Undefined)
        }
        "groupby" => {
            let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
            for (key, value) in keyed {
                match groups.last_mut() {
                    Some((k, members)) if equal(k, &key)? => members.push(value),
                    _ => groups.push((key, vec![value])),
                }
            }
            let group = |(key, members): (Value, Vec<Value>)| Value::tuple(vec![key, Value::list(members)?]);
            Value::list(groups.into_iter().map(group).collect::<Outcome<_>>()?)
        }
        _ => Value::list(keyed.into_iter().map(|(_, v)| v).collect()),
    }
}

fn unique(keyed: Vec<(Value, Value)>) -> Outcome<Value> {
    let mut seen: IndexMap<Key, ()> = IndexMap::new();
    let mut out = Vec::new();
    for (key, value) in keyed {
        if seen.insert(Key::of(&key)?, ()).is_none() {
            out.push(value);
        }
    }
    Value::generator(out)
}

/// `batch(n)` fills lists of n; `slice(n)` makes n lists.
fn pieces(name: &str, value: &Value, args: Args) -> Outcome<Value> {
    let [count, fill] = args.bind(name, ["count", "fill_with"])?;
    let count = size_or(&count, 0)?;
    if count == 0 {
        return fail(format!("{name} by 0"));
    }
    let list = items(value)?;
    let fill = fill.filter(|f| !matches!(f, Value::None));
    let mut out = Vec::new();
    if name == "batch" {
        for chunk in list.chunks(count) {
            let mut one = chunk.to_vec();
            if let Some(fill) = fill.as_ref().filter(|_| one.len() < count) {
                let _room = Held::new(count.saturating_mul(size_of::<Value>()))?;
                one.resize(count, fill.clone());
            }
            out.push(Value::list(one)?);
        }
        return Value::generator(out);
    }
    let _room = Held::new(count.saturating_mul(size_of::<Value>()))?;
    let (each, more) = (list.len() / count, list.len() % count);
    let mut at = 0;
    for i in 0..count {
        let end = at + each + usize::from(i < more);
        let mut one = list[at..end].to_vec();
        if let Some(fill) = fill.as_ref().filter(|_| i >= more) {
            one.push(fill.clone());
        }
        out.push(Value::list(one)?);
        at = end;
    }
    Value::generator(out)
}
