//! Memory for what a caller or a file sized: an error where there is none, and not the abort of Rust's collections.

use crate::error::{Code, Error, Result};

fn none(n: usize, what: &str) -> Error {
    Error::new(Code::OutOfMemory, format!("no memory for {n} {what}"))
}

/// An empty vector with room for `n`; `what` they are, for the error.
pub(crate) fn empty<T>(n: usize, what: &str) -> Result<Vec<T>> {
    let mut out = Vec::new();
    out.try_reserve_exact(n).map_err(|_| none(n, what))?;
    Ok(out)
}

/// `n` times the same.
pub(crate) fn filled<T: Clone>(value: T, n: usize, what: &str) -> Result<Vec<T>> {
    let mut out = empty(n, what)?;
    out.resize(n, value);
    Ok(out)
}

/// A copy.
pub(crate) fn copied<T: Copy>(from: &[T], what: &str) -> Result<Vec<T>> {
    let mut out = empty(from.len(), what)?;
    out.extend_from_slice(from);
    Ok(out)
}

/// A copy of a text; `what` it is, for the error.
pub(crate) fn text(from: &str, what: &str) -> Result<String> {
    let mut out = String::new();
    out.try_reserve_exact(from.len()).map_err(|_| none(from.len(), &format!("bytes of {what}")))?;
    out.push_str(from);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_memory_holds_is_an_error_that_says_of_what() {
        let e = filled(0u64, usize::MAX / 16, "numbers").unwrap_err();
        assert_eq!(e.code(), Code::OutOfMemory);
        assert!(e.message().ends_with("numbers"), "{e}");
        assert_eq!(filled(7, 2, "numbers").unwrap(), [7, 7]);
        assert_eq!(
            (copied(&[1, 2], "tokens").unwrap(), text("ab", "text").unwrap()),
            (vec![1, 2], "ab".to_owned())
        );
    }
}
