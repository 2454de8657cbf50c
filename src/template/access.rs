//! Attributes, items and slices, as the sandbox of transformers gives them.

use super::meter::{fail, scan, work, Held, Outcome};
use super::methods;
use super::text::{Builder, Text};
use super::value::{Key, Value};

/// `value.name`: an attribute, else an item.
pub(super) fn attribute(value: &Value, name: &str) -> Outcome<Value> {
    if let Some(found) = own_attribute(value, name)? {
        return Ok(found);
    }
    match value {
        Value::Undefined => fail("an attribute of an undefined value"),
        Value::Dict(d) => Ok(d.get(name).cloned().unwrap_or(Value::Undefined)),
        _ => Ok(Value::Undefined),
    }
}

/// `value[key]`: an item, else an attribute.
pub(super) fn item(value: &Value, key: &Value) -> Outcome<Value> {
    let found = match (value, key) {
        (Value::Undefined, _) => return fail("an item of an undefined value"),
        (Value::Dict(d), Value::Text(name)) => {
            work(name.len() / 32)?;
            d.get(name.as_str()).cloned()
        }
        (Value::Dict(d), key) => Key::of(key).ok().and_then(|k| d.map.get(&k).cloned()),
        (Value::List(l), key) => key.as_int().and_then(|i| place(i, l.items.len())).map(|i| l.items[i].clone()),
        (Value::Text(t), key) => match key.as_int() {
            Some(i) => character(t, i)?,
            None => None,
        },
        _ => None,
    };
    match (found, key) {
        (Some(found), _) => Ok(found),
        (None, Value::Text(name)) => Ok(own_attribute(value, name.as_str())?.unwrap_or(Value::Undefined)),
        _ => Ok(Value::Undefined),
    }
}

/// What Python finds on the object itself. Names that begin with `_` are never found, nor what would change a value.
fn own_attribute(value: &Value, name: &str) -> Outcome<Option<Value>> {
    match methods::known(value, name) {
        Some(name) => Value::method(value, name).map(Some),
        None => Ok(match value {
            Value::Loop(l) => l.attribute(name),
            _ => None,
        }),
    }
}

fn place(index: i128, length: usize) -> Option<usize> {
    let at = if index < 0 { index + length as i128 } else { index };
    usize::try_from(at).ok().filter(|i| *i < length)
}

fn character(text: &Text, index: i128) -> Outcome<Option<Value>> {
    work(text.len() / 64)?;
    let s = text.as_str();
    let at = match place(index, s.chars().count()) {
        Some(at) => at,
        None => return Ok(None),
    };
    let found = s.char_indices().nth(at).map(|(i, c)| text.part(i..i + c.len_utf8()).map(Value::Text));
    found.transpose()
}

/// `value[start:stop:step]`
pub(super) fn slice(value: &Value, start: &Value, stop: &Value, step: &Value) -> Outcome<Value> {
    let bound = |v: &Value| match (v, v.as_int()) {
        (Value::None, _) => Ok(None),
        (_, Some(n)) => Ok(Some(n)),
        (other, _) => fail(format!("{} stands in a slice", other.kind())),
    };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?.unwrap_or(1));
    if step == 0 {
        return fail("a slice with a step of 0");
    }
    match value {
        Value::Text(t) => slice_text(t, start, stop, step),
        Value::List(l) => {
            let picked = indices(l.items.len(), start, stop, step);
            Value::list_of(picked.map(|i| l.items[i].clone()).collect(), l.shape).map(Value::List)
        }
        Value::Undefined => fail("a slice of an undefined value"),
        // Python raises a TypeError, and the sandbox answers it with an undefined value.
        _ => Ok(Value::Undefined),
    }
}

fn slice_text(text: &Text, start: Option<i128>, stop: Option<i128>, step: i128) -> Outcome<Value> {
    scan(text.len())?;
    let s = text.as_str();
    let count = s.chars().count();
    let byte = |i: usize| if count == s.len() { i } else { s.char_indices().nth(i).map_or(s.len(), |(b, _)| b) };
    if step == 1 {
        let (from, to) = (clamp(start, count, 0), clamp(stop, count, count));
        return text.part(byte(from)..byte(to.max(from))).map(Value::Text);
    }
    let _held = Held::new(count * size_of::<usize>())?;
    let places: Vec<usize> = s.char_indices().map(|(b, _)| b).chain([s.len()]).collect();
    let mut out = Builder::default();
    for i in indices(count, start, stop, step) {
        out.push_part(text, places[i]..places[i + 1])?;
    }
    out.finish().map(Value::Text)
}

fn clamp(index: Option<i128>, length: usize, otherwise: usize) -> usize {
    let Some(i) = index else { return otherwise };
    let i = if i < 0 { i + length as i128 } else { i };
    i.clamp(0, length as i128) as usize
}

/// Python's `slice.indices`.
fn indices(length: usize, start: Option<i128>, stop: Option<i128>, step: i128) -> Box<dyn Iterator<Item = usize>> {
    let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    if step > 0 {
        let (from, to) = (clamp(start, length, 0), clamp(stop, length, length));
        return Box::new((from..to.max(from)).step_by(stride));
    }
    // Backwards: places are counted from -1, which lies before the first.
    let n = length as i128;
    let back = |i: i128| if i < 0 { (i + n).max(-1) } else { i.min(n - 1) };
    let (from, to) = (start.map_or(n - 1, back), stop.map_or(-1, back));
    let count = if from > to { ((from - to - 1) as usize) / stride + 1 } else { 0 };
    Box::new((0..count).map(move |k| (from as usize) - k * stride))
}
