//! The values of a template: Python's, as far as templates meet them.
//!
//! Lists, tuples and dicts never change once made (the sandbox of transformers forbids it), so values hold no cycles.
//! Each knows how deep it nests, and none nests deeper than [`MOST_DEPTH`].

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::meter::{fail, scan, work, Held, Outcome};
use super::text::Text;

/// How deep lists and dicts may nest.
pub(super) const MOST_DEPTH: usize = 200;

#[derive(Clone)]
pub(super) enum Value {
    Undefined,
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
    List(Rc<List>),
    Dict(Rc<Dict>),
    /// A generator: gives each item once.
    Iter(Rc<Iter>),
    /// Number of a namespace; the interpreter holds them.
    Namespace(usize),
    /// Number of a macro; the interpreter holds them.
    Macro(usize),
    Loop(Rc<Loop>),
    Method(Rc<Method>),
    Function(Function),
    Cycler(Rc<Cycler>),
    Joiner(Rc<Joiner>),
}

/// Functions that every template finds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Range,
    Dict,
    Namespace,
    Cycler,
    Joiner,
    RaiseException,
    StrftimeNow,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    List,
    Tuple,
    /// What `dict.keys()` and the like give.
    View,
}

pub(super) struct List {
    pub(super) items: Vec<Value>,
    pub(super) shape: Shape,
    depth: usize,
    _held: Held,
}

pub(super) struct Dict {
    pub(super) map: IndexMap<Key, Value>,
    depth: usize,
    _held: Held,
}

pub(super) struct Iter {
    pub(super) items: RefCell<VecDeque<Value>>,
    depth: usize,
    _held: Held,
}

pub(super) struct Method {
    pub(super) receiver: Value,
    pub(super) name: &'static str,
}

pub(super) struct Cycler {
    pub(super) items: Rc<List>,
    pub(super) at: Cell<usize>,
}

pub(super) struct Joiner {
    pub(super) separator: Text,
    pub(super) used: Cell<bool>,
}

/// The `loop` of a `for`.
pub(super) struct Loop {
    pub(super) items: Items,
    pub(super) at: Cell<usize>,
    pub(super) depth: usize,
    /// Number of the recursive `for`; the interpreter holds them.
    pub(super) recursive: Option<usize>,
    /// Its number, for `loop.changed`.
    pub(super) id: usize,
}

/// What a `for` goes through.
pub(super) enum Items {
    Shared(Rc<List>),
    Owned(Rc<List>),
}

impl std::ops::Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        match self {
            Items::Shared(list) | Items::Owned(list) => &list.items,
        }
    }
}

/// What can be a dict's key.
#[derive(Clone)]
pub(super) enum Key {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
}

impl Key {
    pub(super) fn of(value: &Value) -> Outcome<Key> {
        Ok(match value {
            Value::None => Key::None,
            Value::Bool(b) => Key::Bool(*b),
            Value::Int(n) => Key::Int(*n),
            Value::Float(x) => Key::Float(*x),
            Value::Text(t) => {
                work(t.len() / 32)?;
                Key::Text(t.clone())
            }
            other => return fail(format!("{} cannot be a key", other.kind())),
        })
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Key::None => Value::None,
            Key::Bool(b) => Value::Bool(*b),
            Key::Int(n) => Value::Int(*n),
            Key::Float(x) => Value::Float(*x),
            Key::Text(t) => Value::Text(t.clone()),
        }
    }

    /// As in Python, `1`, `1.0` and `True` are one key.
    fn number(&self) -> Option<f64> {
        match self {
            Key::Bool(b) => Some(f64::from(u8::from(*b))),
            Key::Int(n) => Some(*n as f64),
            Key::Float(x) => Some(*x),
            _ => None,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        match (self, other) {
            (Key::Text(a), Key::Text(b)) => a == b,
            (Key::None, Key::None) => true,
            (Key::Int(a), Key::Int(b)) => a == b,
            (a, b) => matches!((a.number(), b.number()), (Some(a), Some(b)) if a == b),
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Key::Text(t) => t.as_str().hash(state),
            Key::None => 0u8.hash(state),
            other => (other.number().unwrap_or(0.0) + 0.0).to_bits().hash(state),
        }
    }
}

/// Keys are looked up by text, too.
struct Name<'a>(&'a str);

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl indexmap::Equivalent<Key> for Name<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        matches!(key, Key::Text(t) if t.as_str() == self.0)
    }
}

impl Dict {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(&Name(name))
    }
}

/// Bytes that an entry of a list or dict is counted as.
const ITEM: usize = size_of::<Value>();
const ENTRY: usize = 2 * size_of::<Value>() + size_of::<Key>();
const CONTAINER: usize = 96;

fn deeper<'v>(items: impl Iterator<Item = &'v Value>) -> Outcome<usize> {
    let depth = 1 + items.map(Value::depth).max().unwrap_or(0);
    if depth > MOST_DEPTH {
        return fail(format!("a value nests deeper than {MOST_DEPTH}"));
    }
    Ok(depth)
}

impl Value {
    pub(super) fn own(text: &str) -> Outcome<Value> {
        Text::own(text).map(Value::Text)
    }

    pub(super) fn list_of(items: Vec<Value>, shape: Shape) -> Outcome<Rc<List>> {
        work(items.len())?;
        let held = Held::new(CONTAINER + items.capacity() * ITEM)?;
        Ok(Rc::new(List { depth: deeper(items.iter())?, items, shape, _held: held }))
    }

    pub(super) fn list(items: Vec<Value>) -> Outcome<Value> {
        Self::list_of(items, Shape::List).map(Value::List)
    }

    pub(super) fn tuple(items: Vec<Value>) -> Outcome<Value> {
        Self::list_of(items, Shape::Tuple).map(Value::List)
    }

    pub(super) fn dict(map: IndexMap<Key, Value>) -> Outcome<Value> {
        work(map.len())?;
        let held = Held::new(CONTAINER + map.len() * ENTRY)?;
        Ok(Value::Dict(Rc::new(Dict { depth: deeper(map.values())?, map, _held: held })))
    }

    pub(super) fn generator(items: Vec<Value>) -> Outcome<Value> {
        work(items.len())?;
        let held = Held::new(CONTAINER + items.capacity() * ITEM)?;
        let depth = deeper(items.iter())?;
        Ok(Value::Iter(Rc::new(Iter { items: RefCell::new(items.into()), depth, _held: held })))
    }

    pub(super) fn method(receiver: &Value, name: &'static str) -> Outcome<Value> {
        deeper(std::iter::once(receiver))?;
        Ok(Value::Method(Rc::new(Method { receiver: receiver.clone(), name })))
    }

    fn depth(&self) -> usize {
        match self {
            Value::List(l) => l.depth,
            Value::Dict(d) => d.depth,
            Value::Iter(i) => i.depth,
            Value::Method(m) => 1 + m.receiver.depth(),
            Value::Cycler(c) => 1 + c.items.depth,
            Value::Loop(l) => {
                1 + match &l.items {
                    Items::Shared(l) | Items::Owned(l) => l.depth,
                }
            }
            _ => 0,
        }
    }

    /// A value from outside; its strings are content.
    pub(super) fn from_json(json: &Json) -> Outcome<Value> {
        Self::from_json_below(json, MOST_DEPTH - 20)
    }

    fn from_json_below(json: &Json, left: usize) -> Outcome<Value> {
        let Some(left) = left.checked_sub(1) else { return fail("a message or tool nests too deeply") };
        Ok(match json {
            Json::Null => Value::None,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => match (n.as_i64(), n.as_u64()) {
                (Some(n), _) => Value::Int(n.into()),
                (_, Some(n)) => Value::Int(n.into()),
                _ => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(s) => Value::Text(Text::content(s)?),
            Json::Array(items) => {
                Value::list(items.iter().map(|i| Self::from_json_below(i, left)).collect::<Outcome<_>>()?)?
            }
            Json::Object(map) => {
                let entry =
                    |(k, v): (&String, &Json)| Ok((Key::Text(Text::content(k)?), Self::from_json_below(v, left)?));
                Value::dict(map.iter().map(entry).collect::<Outcome<_>>()?)?
            }
        })
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Undefined => "an undefined value",
            Value::None => "None",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Text(_) => "a string",
            Value::List(l) => match l.shape {
                Shape::List => "a list",
                Shape::Tuple => "a tuple",
                Shape::View => "a view of a dict",
            },
            Value::Dict(_) => "a dict",
            Value::Iter(_) => "a generator",
            Value::Namespace(_) => "a namespace",
            Value::Macro(_) => "a macro",
            Value::Loop(_) => "a loop",
            Value::Method(_) => "a method",
            Value::Function(_) => "a function",
            Value::Cycler(_) => "a cycler",
            Value::Joiner(_) => "a joiner",
        }
    }

    /// Python's `bool()`.
    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Undefined | Value::None => false,
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::Float(x) => *x != 0.0,
            Value::Text(t) => t.len() > 0,
            Value::List(l) => !l.items.is_empty(),
            Value::Dict(d) => !d.map.is_empty(),
            Value::Loop(l) => !l.items.is_empty(),
            _ => true,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(t) => Some(t.as_str()),
            _ => None,
        }
    }

    /// An integer, or a boolean as one.
    pub(super) fn as_int(&self) -> Option<i128> {
        match self {
            Value::Int(n) => Some(*n),
            Value::Bool(b) => Some(i128::from(*b)),
            _ => None,
        }
    }

    /// Any number.
    pub(super) fn as_float(&self) -> Option<f64> {
        match self {
            Value::Float(x) => Some(*x),
            other => other.as_int().map(|n| n as f64),
        }
    }
}

/// Everything that Python iterates over, as a list.
pub(super) fn items(value: &Value) -> Outcome<Items> {
    let owned = |items| Ok(Items::Owned(Value::list_of(items, Shape::List)?));
    match value {
        Value::List(l) => Ok(Items::Shared(Rc::clone(l))),
        Value::Undefined => owned(Vec::new()),
        Value::Dict(d) => owned(d.map.keys().map(Key::value).collect()),
        Value::Iter(i) => owned(i.items.borrow_mut().drain(..).collect()),
        Value::Text(t) => {
            work(4 * t.len())?;
            // Each character is a text of its own.
            let mut held = Held::new(0)?;
            let mut out = Vec::new();
            for (piece, content) in t.all_runs() {
                for (i, c) in piece.char_indices() {
                    held.grow(ITEM)?;
                    let c = &piece[i..i + c.len_utf8()];
                    out.push(Value::Text(if content { Text::content(c)? } else { Text::own(c)? }));
                }
            }
            drop(held);
            owned(out)
        }
        Value::Loop(l) => {
            let from = (l.at.get() + 1).min(l.items.len());
            owned(l.items[from..].to_vec())
        }
        other => fail(format!("{} cannot be iterated over", other.kind())),
    }
}

/// Python's `len()`.
pub(super) fn length(value: &Value) -> Outcome<usize> {
    Ok(match value {
        Value::Text(t) => {
            work(t.len() / 64)?;
            t.as_str().chars().count()
        }
        Value::List(l) => l.items.len(),
        Value::Dict(d) => d.map.len(),
        Value::Undefined => 0,
        Value::Loop(l) => l.items.len(),
        other => return fail(format!("{} has no length", other.kind())),
    })
}

/// Python's `==`.
pub(super) fn equal(a: &Value, b: &Value) -> Outcome<bool> {
    work(1)?;
    Ok(match (a, b) {
        (Value::Text(a), Value::Text(b)) => {
            work(a.len().min(b.len()) / 64)?;
            a == b
        }
        (Value::Undefined, Value::Undefined) | (Value::None, Value::None) => true,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.items.len() != b.items.len() || a.shape != b.shape {
                return Ok(false);
            }
            for (a, b) in a.items.iter().zip(&b.items) {
                if !equal(a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Dict(a), Value::Dict(b)) => {
            if a.map.len() != b.map.len() {
                return Ok(false);
            }
            for (key, a) in &a.map {
                match b.map.get(key) {
                    Some(b) if equal(a, b)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Namespace(a), Value::Namespace(b)) | (Value::Macro(a), Value::Macro(b)) => a == b,
        (Value::Function(a), Value::Function(b)) => a == b,
        (a, b) => matches!((a.as_float(), b.as_float()), (Some(a), Some(b)) if a == b),
    })
}

/// Python's `<` and the like.
pub(super) fn compare(a: &Value, b: &Value) -> Outcome<std::cmp::Ordering> {
    use std::cmp::Ordering;
    work(1)?;
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => {
            work(a.len().min(b.len()) / 64)?;
            Ok(a.as_str().cmp(b.as_str()))
        }
        (Value::List(x), Value::List(y)) if x.shape == y.shape => {
            for (a, b) in x.items.iter().zip(&y.items) {
                match compare(a, b)? {
                    Ordering::Equal => {}
                    other => return Ok(other),
                }
            }
            Ok(x.items.len().cmp(&y.items.len()))
        }
        _ => match (a.as_int(), b.as_int(), a.as_float(), b.as_float()) {
            (Some(a), Some(b), ..) => Ok(a.cmp(&b)),
            // NaN compares as equal to all here, where Python says no to every comparison.
            (_, _, Some(a), Some(b)) => Ok(a.partial_cmp(&b).unwrap_or(Ordering::Equal)),
            _ => fail(format!("{} and {} have no order", a.kind(), b.kind())),
        },
    }
}

/// Python's `in`.
pub(super) fn contains(container: &Value, wanted: &Value) -> Outcome<bool> {
    match container {
        Value::Text(t) => {
            let Some(part) = wanted.as_str() else {
                return fail(format!("{} is looked for in a string", wanted.kind()));
            };
            scan(t.len())?;
            Ok(t.as_str().contains(part))
        }
        Value::Dict(d) => Ok(d.map.contains_key(&Key::of(wanted)?)),
        other => {
            for item in items(other)?.iter() {
                if equal(item, wanted)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}
