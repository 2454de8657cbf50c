//! Python's operators.

use minijinja::machinery::ast::BinOpKind;

use super::meter::{fail, Held, Outcome};
use super::print::write_str;
use super::text::Builder;
use super::value::{compare, contains, equal, Shape, Value};
use super::{format, value::List};

/// Both operands evaluated; `and` and `or` are not among these.
pub(super) fn binary(op: BinOpKind, a: &Value, b: &Value) -> Outcome<Value> {
    use std::cmp::Ordering;
    let ordered = |test: fn(Ordering) -> bool| compare(a, b).map(|o| Value::Bool(test(o)));
    match op {
        BinOpKind::Eq => equal(a, b).map(Value::Bool),
        BinOpKind::Ne => equal(a, b).map(|e| Value::Bool(!e)),
        BinOpKind::Lt => ordered(Ordering::is_lt),
        BinOpKind::Lte => ordered(Ordering::is_le),
        BinOpKind::Gt => ordered(Ordering::is_gt),
        BinOpKind::Gte => ordered(Ordering::is_ge),
        BinOpKind::In => contains(b, a).map(Value::Bool),
        BinOpKind::Concat => {
            let mut out = Builder::default();
            write_str(a, &mut out)?;
            write_str(b, &mut out)?;
            out.finish().map(Value::Text)
        }
        BinOpKind::Add => add(a, b),
        BinOpKind::Mul => multiply(a, b),
        BinOpKind::Rem if matches!(a, Value::Text(_)) => match a {
            Value::Text(t) => format::percent(t, b),
            _ => unsupported("%", a, b),
        },
        BinOpKind::Sub => arithmetic("-", a, b, i128::checked_sub, |x, y| x - y),
        BinOpKind::Rem => divided(
            "%",
            a,
            b,
            |x, y| x.checked_rem(y)?.checked_add(y)?.checked_rem(y),
            |x, y| x - (x / y).floor() * y,
        ),
        BinOpKind::FloorDiv => divided("//", a, b, floor_division, |x, y| (x / y).floor()),
        BinOpKind::Div => match (a.as_float(), b.as_float()) {
            (Some(_), Some(0.0)) => fail("a division by zero"),
            (Some(x), Some(y)) => Ok(Value::Float(x / y)),
            _ => unsupported("/", a, b),
        },
        BinOpKind::Pow => match (a.as_int(), b.as_int(), a.as_float(), b.as_float()) {
            (Some(x), Some(y @ 0..), ..) => match u32::try_from(y).ok().and_then(|y| x.checked_pow(y)) {
                Some(n) => Ok(Value::Int(n)),
                None => fail("a number grows too large"),
            },
            (_, _, Some(x), Some(y)) => Ok(Value::Float(x.powf(y))),
            _ => unsupported("**", a, b),
        },
        BinOpKind::ScAnd | BinOpKind::ScOr => fail("a bug: and, or"),
    }
}

fn unsupported(op: &str, a: &Value, b: &Value) -> Outcome<Value> {
    fail(format!("{op} between {} and {}", a.kind(), b.kind()))
}

fn arithmetic(
    op: &str,
    a: &Value,
    b: &Value,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Outcome<Value> {
    match (a.as_int(), b.as_int(), a.as_float(), b.as_float()) {
        (Some(x), Some(y), ..) => match whole(x, y) {
            Some(n) => Ok(Value::Int(n)),
            None => fail("a number grows too large"),
        },
        (_, _, Some(x), Some(y)) => Ok(Value::Float(real(x, y))),
        _ => unsupported(op, a, b),
    }
}

fn divided(
    op: &str,
    a: &Value,
    b: &Value,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Outcome<Value> {
    match b.as_float() {
        Some(0.0) if a.as_float().is_some() => fail("a division by zero"),
        _ => arithmetic(op, a, b, whole, real),
    }
}

fn floor_division(x: i128, y: i128) -> Option<i128> {
    let quotient = x.checked_div(y)?;
    Some(quotient - i128::from(x % y != 0 && (x < 0) != (y < 0)))
}

pub(super) fn add(a: &Value, b: &Value) -> Outcome<Value> {
    match (a, b) {
        (Value::Text(x), Value::Text(y)) => {
            let mut out = Builder::default();
            if !(x.is_safe() || y.is_safe()) {
                out.push(x)?;
                out.push(y)?;
                return out.finish().map(Value::Text);
            }
            out.push(&x.escaped()?)?;
            out.push(&y.escaped()?)?;
            out.finish_as(true).map(Value::Text)
        }
        (Value::List(x), Value::List(y)) if x.shape == y.shape && x.shape != Shape::View => {
            let _room = Held::new((x.items.len() + y.items.len()) * size_of::<Value>())?;
            let items = x.items.iter().chain(&y.items).cloned().collect();
            Value::list_of(items, x.shape).map(Value::List)
        }
        _ => arithmetic("+", a, b, i128::checked_add, |x, y| x + y),
    }
}

fn multiply(a: &Value, b: &Value) -> Outcome<Value> {
    let times = |n: i128| usize::try_from(n.max(0)).unwrap_or(usize::MAX);
    match (a, b, a.as_int(), b.as_int()) {
        (Value::Text(t), _, _, Some(n)) | (_, Value::Text(t), Some(n), _) => {
            let _room = Held::new(t.len().saturating_mul(times(n)))?;
            let mut out = Builder::default();
            for _ in 0..if t.len() == 0 { 0 } else { times(n) } {
                out.push(t)?;
            }
            out.finish().map(Value::Text)
        }
        (Value::List(l), _, _, Some(n)) | (_, Value::List(l), Some(n), _) if l.shape != Shape::View => {
            repeat(l, times(n))
        }
        _ => arithmetic("*", a, b, i128::checked_mul, |x, y| x * y),
    }
}

fn repeat(list: &List, times: usize) -> Outcome<Value> {
    let length = list.items.len().saturating_mul(times);
    let _room = Held::new(length.saturating_mul(size_of::<Value>()))?;
    let items = list.items.iter().cycle().take(length).cloned().collect();
    Value::list_of(items, list.shape).map(Value::List)
}
