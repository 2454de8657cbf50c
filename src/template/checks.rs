//! Jinja's tests: what stands behind `is`.

use super::args::Args;
use super::meter::{fail, scan, Outcome};
use super::value::{compare, contains, equal, Shape, Value};

pub(super) fn check(name: &str, value: &Value, args: Args) -> Outcome<bool> {
    let two = |args: Args| -> Outcome<Value> {
        let [other] = args.bind(name, ["other"])?;
        match other {
            Some(other) => Ok(other),
            None => fail(format!("{name}: an argument is missing")),
        }
    };
    use std::cmp::Ordering;
    Ok(match name {
        "eq" | "equalto" | "==" => equal(value, &two(args)?)?,
        "ne" | "!=" => !equal(value, &two(args)?)?,
        "lt" | "lessthan" | "<" => compare(value, &two(args)?)? == Ordering::Less,
        "le" | "<=" => compare(value, &two(args)?)? != Ordering::Greater,
        "gt" | "greaterthan" | ">" => compare(value, &two(args)?)? == Ordering::Greater,
        "ge" | ">=" => compare(value, &two(args)?)? != Ordering::Less,
        "in" => contains(&two(args)?, value)?,
        "sameas" => same(value, &two(args)?),
        "divisibleby" => match (value.as_int(), two(args)?.as_int()) {
            (Some(n), Some(by)) if by != 0 => n.checked_rem(by).unwrap_or(0) == 0,
            _ => return fail("divisibleby wants integers"),
        },
        _ => {
            let [] = args.bind(name, [])?;
            plain(name, value)?
        }
    })
}

fn plain(name: &str, value: &Value) -> Outcome<bool> {
    let number = matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_));
    Ok(match name {
        "defined" => !matches!(value, Value::Undefined),
        "undefined" => matches!(value, Value::Undefined),
        "none" => matches!(value, Value::None),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_)),
        "number" => number,
        "string" => matches!(value, Value::Text(_)),
        "mapping" => matches!(value, Value::Dict(_)),
        // An undefined value iterates over nothing, has the length 0, and can be called until it is.
        "iterable" => {
            !(number
                || matches!(value, Value::None | Value::Namespace(_) | Value::Macro(_) | Value::Method(_))
                || matches!(value, Value::Function(_) | Value::Cycler(_) | Value::Joiner(_)))
        }
        "sequence" => match value {
            Value::List(l) => l.shape != Shape::View,
            other => matches!(other, Value::Text(_) | Value::Dict(_) | Value::Undefined),
        },
        "callable" => matches!(
            value,
            Value::Undefined
                | Value::Macro(_)
                | Value::Method(_)
                | Value::Function(_)
                | Value::Joiner(_)
                | Value::Loop(_)
        ),
        "escaped" => false,
        "odd" | "even" => match value.as_int() {
            Some(n) => (n.rem_euclid(2) == 1) == (name == "odd"),
            None => return fail(format!("{name} wants an integer")),
        },
        "lower" | "upper" => {
            let text = super::print::str_of(value)?;
            let s = text.as_str();
            scan(s.len())?;
            if name == "lower" {
                s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase)
            } else {
                s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase)
            }
        }
        "filter" => value.as_str().is_some_and(super::filters::exists),
        "test" => value.as_str().is_some_and(exists),
        _ => return fail(format!("there is no test named {name}")),
    })
}

const NAMES: &[&str] = &[
    "eq",
    "equalto",
    "==",
    "ne",
    "!=",
    "lt",
    "lessthan",
    "<",
    "le",
    "<=",
    "gt",
    "greaterthan",
    ">",
    "ge",
    ">=",
    "in",
    "sameas",
    "divisibleby",
    "defined",
    "undefined",
    "none",
    "boolean",
    "true",
    "false",
    "integer",
    "float",
    "number",
    "string",
    "mapping",
    "iterable",
    "sequence",
    "callable",
    "escaped",
    "odd",
    "even",
    "lower",
    "upper",
    "filter",
    "test",
];

fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Python's `is`, where templates can tell: constants, and values without a text of their own.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) | (Value::Undefined, Value::Undefined) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::List(a), Value::List(b)) => std::rc::Rc::ptr_eq(a, b),
        (Value::Dict(a), Value::Dict(b)) => std::rc::Rc::ptr_eq(a, b),
        _ => false,
    }
}
