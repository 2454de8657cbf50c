//! The functions that every template finds.

use std::cell::Cell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::args::{text, Args};
use super::interpret::{own_words, Interpreter};
use super::meter::{fail, work, Held, Outcome};
use super::print::str_of;
use super::text::{Builder, Text};
use super::value::{items, Cycler, Function, Joiner, Key, Shape, Value};

/// The longest list that `range` gives: jinja2's sandbox has the same limit.
const MOST_RANGE: i128 = 100_000;

pub(super) fn named(name: &str) -> Option<Function> {
    Some(match name {
        "range" => Function::Range,
        "dict" => Function::Dict,
        "namespace" => Function::Namespace,
        "cycler" => Function::Cycler,
        "joiner" => Function::Joiner,
        "raise_exception" => Function::RaiseException,
        "strftime_now" => Function::StrftimeNow,
        _ => return None,
    })
}

pub(super) fn call(run: &mut Interpreter<'_>, function: Function, args: Args) -> Outcome<Value> {
    match function {
        Function::Range => range(args),
        Function::Dict => Value::dict(entries(args)?),
        Function::Namespace => {
            let values = entries(args)?.into_iter().map(|(k, v)| Ok((str_of(&k.value())?.as_str().to_owned(), v)));
            let values = values.collect::<Outcome<IndexMap<_, _>>>()?;
            run.new_namespace(values)
        }
        Function::Cycler => match args.positional.is_empty() {
            true => fail("cycler of nothing"),
            false => {
                let items = Value::list_of(args.positional, Shape::List)?;
                Ok(Value::Cycler(Rc::new(Cycler { items, at: Cell::new(0) })))
            }
        },
        Function::Joiner => {
            let [separator] = args.bind("joiner", ["sep"])?;
            let separator = separator.map_or_else(|| Text::own(", "), |s| str_of(&s))?;
            Ok(Value::Joiner(Rc::new(Joiner { separator, used: Cell::new(false) })))
        }
        Function::RaiseException => {
            let [message] = args.bind("raise_exception", ["message"])?;
            fail(format!("the template says: {}", own_words(&message.unwrap_or(Value::Undefined))?))
        }
        Function::StrftimeNow => {
            let [format] = args.bind("strftime_now", ["format"])?;
            strftime(run.local_time, text(&format, "strftime_now")?)
        }
    }
}

/// `dict(…)`: another dict, or pairs, and names.
fn entries(args: Args) -> Outcome<IndexMap<Key, Value>> {
    let mut map = IndexMap::new();
    let _held = Held::new(64 * args.named.len())?;
    match args.positional.as_slice() {
        [] => {}
        [Value::Dict(d)] => {
            work(d.map.len())?;
            map.extend(d.map.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        [pairs] => {
            for pair in items(pairs)?.iter() {
                work(1)?;
                match &*items(pair)? {
                    [key, value] => map.insert(Key::of(key)?, value.clone()),
                    _ => return fail("dict: a pair is wanted"),
                };
            }
        }
        _ => return fail("dict takes one argument and names"),
    }
    for (name, value) in args.named {
        map.insert(Key::Text(Text::own(&name)?), value);
    }
    Ok(map)
}

fn range(args: Args) -> Outcome<Value> {
    let [first, second, step] = args.bind("range", ["start", "stop", "step"])?;
    let int = |v: &Option<Value>| match v.as_ref().map(|v| (v.as_int(), v.kind())) {
        Some((Some(n), _)) => Ok(Some(n)),
        Some((None, kind)) => fail(format!("range of {kind}")),
        None => Ok(None),
    };
    let step = int(&step)?.unwrap_or(1);
    let (start, end) = match (int(&first)?, int(&second)?) {
        (Some(start), Some(end)) => (start, end),
        (Some(end), None) => (0, end),
        _ => return fail("range of nothing"),
    };
    if step == 0 {
        return fail("range with a step of 0");
    }
    let count = match end.checked_sub(start).and_then(|span| span.checked_add(step - step.signum())) {
        Some(span) => (span / step).max(0),
        None => return fail("range is too long"),
    };
    if count > MOST_RANGE {
        return fail(format!("range is longer than {MOST_RANGE}"));
    }
    let _held = Held::new(count as usize * size_of::<Value>())?;
    Value::list((0..count).map(|i| Value::Int(start + i * step)).collect())
}

/// A time as Python's `strftime` prints it.
fn strftime(local_time: Option<i64>, format: &Text) -> Outcome<Value> {
    use std::fmt::Write;
    let given = local_time.and_then(|t| chrono::DateTime::from_timestamp(t, 0)).map(|t| t.naive_utc());
    let now = given.unwrap_or_else(|| chrono::Local::now().naive_local());
    let mut out = Builder::default();
    let mut printed = String::new();
    for (piece, content) in format.all_runs() {
        // No specifier prints more than some dozens of characters.
        let _held = Held::new(piece.len().saturating_mul(32))?;
        work(piece.len())?;
        printed.clear();
        // chrono reports an unknown specifier by failing to print.
        if write!(printed, "{}", now.format(piece)).is_err() {
            return fail("strftime_now: a format that is not known");
        }
        out.put(&printed, content)?;
    }
    out.finish().map(Value::Text)
}
