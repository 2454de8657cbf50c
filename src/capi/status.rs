//! Status codes, as `#define`s. The numbers are those of [`Code`](crate::Code); a test compares the two lists.

#![allow(dead_code)] // most of them are for the header only

/// What a fallible function returns: `QASK_OK`, another of the codes below 100 (not errors), or a `QASK_ERR_…`. Codes
/// are never renumbered or reused; treat one that you do not know by its hundred.
#[allow(non_camel_case_types)]
pub type qask_status = i32;

/// It worked.
pub const QASK_OK: i32 = 0;
/// The stream has ended: every choice had its DONE event.
pub const QASK_DONE: i32 = 1;
/// Nothing came within the time given.
pub const QASK_TIMEOUT: i32 = 2;

/// A required pointer was NULL.
pub const QASK_ERR_NULL: i32 = 100;
/// Text was not valid UTF-8.
pub const QASK_ERR_UTF8: i32 = 101;
/// A value is outside what is allowed.
pub const QASK_ERR_RANGE: i32 = 102;
/// The handle was never made, was freed, or is of another type.
pub const QASK_ERR_HANDLE: i32 = 103;
/// The object is in use by another thread.
pub const QASK_ERR_BUSY: i32 = 104;
/// The object was closed or freed while the call waited.
pub const QASK_ERR_CLOSED: i32 = 105;
/// The process forked after the library was used; the child must not use it.
pub const QASK_ERR_FORKED: i32 = 106;
/// JSON that does not parse, or does not describe what was expected.
pub const QASK_ERR_JSON: i32 = 107;

/// No such file, or no model under that name.
pub const QASK_ERR_NOT_FOUND: i32 = 200;
/// The file is not a model that can be used.
pub const QASK_ERR_INVALID: i32 = 201;
/// A model of an architecture that this engine does not know.
pub const QASK_ERR_UNSUPPORTED_ARCH: i32 = 202;
/// It does not fit into memory, or into the budget.
pub const QASK_ERR_TOO_LARGE: i32 = 203;
/// The chat template is missing, does not compile, or failed while rendering.
pub const QASK_ERR_TEMPLATE: i32 = 204;

/// The prompt does not fit into the context.
pub const QASK_ERR_CONTEXT_FULL: i32 = 300;
/// The grammar, schema or regular expression is not usable.
pub const QASK_ERR_GRAMMAR: i32 = 301;
/// A text is longer than what can be processed safely.
pub const QASK_ERR_TOO_LONG: i32 = 302;
/// An image or a sound cannot be decoded.
pub const QASK_ERR_MEDIA: i32 = 303;
/// Cancelled by the caller.
pub const QASK_ERR_CANCELLED: i32 = 304;
/// The deadline passed.
pub const QASK_ERR_DEADLINE: i32 = 305;
/// The engine's queue is full.
pub const QASK_ERR_QUEUE_FULL: i32 = 306;

/// Reading or writing failed.
pub const QASK_ERR_IO: i32 = 400;
/// Saved state that is damaged.
pub const QASK_ERR_STATE_INVALID: i32 = 401;
/// Saved state of another model or another build.
pub const QASK_ERR_STATE_MISMATCH: i32 = 402;
/// A checksum does not match.
pub const QASK_ERR_CHECKSUM: i32 = 403;
/// A download failed.
pub const QASK_ERR_NETWORK: i32 = 404;

/// A bug in qask: a panic was caught.
pub const QASK_ERR_PANIC: i32 = 900;
/// llama.cpp failed inside; the engine is poisoned, the process and other engines are not.
pub const QASK_ERR_ENGINE_FAULT: i32 = 901;
/// This build or this machine cannot do it.
pub const QASK_ERR_UNSUPPORTED: i32 = 902;
/// Memory could not be allocated.
pub const QASK_ERR_OUT_OF_MEMORY: i32 = 903;

#[cfg(test)]
mod tests {
    use crate::error::Code;

    /// The constants of this file, read from its text: a code that is missing here or there fails.
    #[test]
    fn constants_and_codes_are_the_same_list() {
        let here: Vec<(String, i32)> = include_str!("status.rs")
            .lines()
            .filter_map(|l| l.strip_prefix("pub const QASK_ERR_"))
            .map(|l| {
                let (name, value) = l.split_once(": i32 = ").unwrap();
                (name.to_owned(), value.trim_end_matches(';').parse().unwrap())
            })
            .collect();
        let there: Vec<(String, i32)> = Code::ALL.iter().map(|c| (c.name().to_owned(), c.value())).collect();
        assert_eq!(here, there);
    }
}
