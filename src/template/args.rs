//! What a function, filter, test or method is called with.

use super::meter::{fail, Outcome};
use super::value::Value;

#[derive(Default)]
pub(super) struct Args {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

impl Args {
    /// The arguments by name, in order; too many or an unknown name is an error.
    pub(super) fn bind<const N: usize>(self, who: &str, names: [&str; N]) -> Outcome<[Option<Value>; N]> {
        if self.positional.len() > N {
            return fail(format!("{who} takes at most {N} arguments"));
        }
        let mut bound = [const { None }; N];
        for (place, value) in bound.iter_mut().zip(self.positional) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            match names.iter().position(|n| *n == name) {
                Some(i) if bound[i].is_none() => bound[i] = Some(value),
                _ => return fail(format!("{who} takes no argument {name}")),
            }
        }
        Ok(bound)
    }
}

/// An integer argument, or what holds without it.
pub(super) fn int_or(value: &Option<Value>, otherwise: i128) -> Outcome<i128> {
    match value {
        None | Some(Value::None) => Ok(otherwise),
        Some(v) => match v.as_int() {
            Some(n) => Ok(n),
            None => fail(format!("{} stands where an integer is wanted", v.kind())),
        },
    }
}

/// A size: an integer from 0; less counts as 0.
pub(super) fn size_or(value: &Option<Value>, otherwise: usize) -> Outcome<usize> {
    Ok(usize::try_from(int_or(value, otherwise as i128)?.max(0)).unwrap_or(usize::MAX))
}

/// A boolean argument: anything, by its truth.
pub(super) fn truth_or(value: &Option<Value>, otherwise: bool) -> bool {
    value.as_ref().map_or(otherwise, Value::truth)
}

/// A string argument that must be there.
pub(super) fn text<'v>(value: &'v Option<Value>, who: &str) -> Outcome<&'v super::text::Text> {
    match value {
        Some(Value::Text(t)) => Ok(t),
        Some(other) => fail(format!("{who}: {} stands where a string is wanted", other.kind())),
        None => fail(format!("{who}: an argument is missing")),
    }
}
