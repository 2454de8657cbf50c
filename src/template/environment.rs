//! Jinja as Hugging Face's transformers sets it up.

use minijinja::value::{Kwargs, Value as Jinja, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

/// The longest list that `range` gives: jinja2's sandbox has the same limit.
const MOST_RANGE: i64 = 100_000;

pub(super) fn hugging_face(fuel: u64) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_keep_trailing_newline(false);
    env.set_fuel(Some(fuel));
    env.set_recursion_limit(100);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.add_function("raise_exception", |text: String| -> Result<Jinja, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, text))
    });
    env.add_function("strftime_now", strftime_now);
    env.add_function("range", range);
    env.add_filter("tojson", tojson);
    env.set_formatter(python_style);
    env
}

/// Prints values as Python does: `True`, `False`, `None`.
fn python_style(
    out: &mut minijinja::Output<'_>,
    state: &minijinja::State<'_, '_>,
    value: &Jinja,
) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool => out.write_str(if value.is_true() { "True" } else { "False" }).map_err(Error::from),
        ValueKind::None => out.write_str("None").map_err(Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// `range` with a limit, so that it cannot fill the memory.
fn range(first: i64, second: Option<i64>, step: Option<i64>) -> Result<Jinja, Error> {
    let (start, end) = match second {
        Some(end) => (first, end),
        None => (0, first),
    };
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "range with a step of 0"));
    }
    let span = i128::from(end) - i128::from(start);
    let count = (span + i128::from(step) - i128::from(step.signum())) / i128::from(step);
    if count > i128::from(MOST_RANGE) {
        return Err(Error::new(ErrorKind::InvalidOperation, "range is too long"));
    }
    Ok((0..count.max(0) as i64).map(|i| start + i * step).collect::<Vec<i64>>().into())
}

/// The local date and time, as Python's `strftime` prints it.
fn strftime_now(format: String) -> Result<String, Error> {
    use std::fmt::Write;
    let mut out = String::new();
    // chrono reports an unknown specifier by failing to print.
    write!(out, "{}", chrono::Local::now().format(&format))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "strftime_now: a format that is not known"))?;
    Ok(out)
}

/// JSON as Python's `json.dumps(…, ensure_ascii=False)` writes it: blanks behind `,` and `:`, nothing escaped for
/// HTML, keys in their order.
fn tojson(value: Jinja, kwargs: Kwargs) -> Result<Jinja, Error> {
    let indent: Option<usize> = kwargs.get::<Option<i64>>("indent")?.and_then(|n| usize::try_from(n).ok());
    // The others change nothing here: output is never ASCII-only, and keys keep their order.
    let _: Option<bool> = kwargs.get("ensure_ascii")?;
    let _: Option<bool> = kwargs.get("sort_keys")?;
    let _: Option<Jinja> = kwargs.get("separators")?;
    kwargs.assert_all_used()?;
    let json = serde_json::to_value(&value)
        .map_err(|_| Error::new(ErrorKind::BadSerialization, "tojson: a value that JSON does not have"))?;
    let mut out = String::new();
    dump(&json, indent.map(|n| n.min(16)), 0, &mut out);
    Ok(Jinja::from(out))
}

fn dump(value: &serde_json::Value, indent: Option<usize>, level: usize, out: &mut String) {
    use serde_json::Value as J;
    let newline = |out: &mut String, level: usize| {
        if let Some(n) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', n * level));
        }
    };
    let comma = if indent.is_some() { "," } else { ", " };
    match value {
        J::Array(items) if !items.is_empty() => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(comma);
                }
                newline(out, level + 1);
                dump(item, indent, level + 1, out);
            }
            newline(out, level);
            out.push(']');
        }
        J::Object(map) if !map.is_empty() => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                if i > 0 {
                    out.push_str(comma);
                }
                newline(out, level + 1);
                out.push_str(&J::from(key.as_str()).to_string());
                out.push_str(": ");
                dump(item, indent, level + 1, out);
            }
            newline(out, level);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// `{% generation %}` only marks what a trainer learns from; the tags go, the text between stays.
pub(super) fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        let Some(end) = tag.find("%}") else { break };
        let inner = &tag[2..end];
        let name = inner.trim_matches('-').trim();
        out.push_str(before);
        if name == "generation" || name == "endgeneration" {
            // An empty comment keeps the tag's whitespace control.
            let left = if inner.starts_with('-') { "{#-" } else { "{#" };
            let right = if inner.ends_with('-') { "-#}" } else { "#}" };
            out.push_str(left);
            out.push_str(right);
        } else {
            out.push_str(&tag[..end + 2]);
        }
        rest = &tag[end + 2..];
    }
    out.push_str(rest);
    out
}
