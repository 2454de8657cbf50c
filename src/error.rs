//! The one error type, and every status code there is.
//!
//! A code's number is for ever: never renumbered, never reused. The C header takes its `QASK_…` constants from
//! [`Code`]; a test compares the two lists.

use std::fmt;

/// What kind of thing went wrong. The number is the C status.
///
/// Codes come in groups of a hundred; treat an unknown one by its group ([`Code::group`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Code {
    /// A required pointer was NULL.
    Null = 100,
    /// Text was not valid UTF-8.
    Utf8 = 101,
    /// A value is outside what is allowed; the message names the field, the value and the range.
    Range = 102,
    /// The handle was never made, was freed, or is of another type.
    Handle = 103,
    /// The object is in use by another thread, or is being called from its own callback.
    Busy = 104,
    /// The object was closed or freed while the call waited.
    Closed = 105,
    /// The process forked after the library was used; the child must not use it.
    Forked = 106,
    /// JSON that does not parse, or does not describe what was expected.
    Json = 107,

    /// No such file, or no model under that name.
    NotFound = 200,
    /// The file is not a model that can be used; the message says why and where.
    Invalid = 201,
    /// A model of an architecture that this engine does not know.
    UnsupportedArch = 202,
    /// It does not fit into memory, or into the budget.
    TooLarge = 203,
    /// The chat template is missing, does not compile, or failed while rendering.
    Template = 204,

    /// The prompt does not fit into the context.
    ContextFull = 300,
    /// The grammar, schema or regular expression is not usable.
    Grammar = 301,
    /// A text is longer than what can be processed safely.
    TooLong = 302,
    /// An image or a sound cannot be decoded.
    Media = 303,
    /// Cancelled by the caller.
    Cancelled = 304,
    /// The deadline passed.
    Deadline = 305,
    /// The engine's queue is full; try again later or raise `max_queue`.
    QueueFull = 306,

    /// Reading or writing failed.
    Io = 400,
    /// Saved state that is damaged.
    StateInvalid = 401,
    /// Saved state of another model or another build.
    StateMismatch = 402,
    /// A checksum does not match.
    Checksum = 403,
    /// A download failed.
    Network = 404,

    /// A bug in qask: a panic was caught.
    Panic = 900,
    /// llama.cpp failed inside; the engine is poisoned, the process and other engines are not.
    EngineFault = 901,
    /// This build or this machine cannot do it.
    Unsupported = 902,
    /// Memory could not be allocated.
    OutOfMemory = 903,
}

impl Code {
    /// Every code, in numeric order.
    pub const ALL: &'static [Code] = &[
        Code::Null,
        Code::Utf8,
        Code::Range,
        Code::Handle,
        Code::Busy,
        Code::Closed,
        Code::Forked,
        Code::Json,
        Code::NotFound,
        Code::Invalid,
        Code::UnsupportedArch,
        Code::TooLarge,
        Code::Template,
        Code::ContextFull,
        Code::Grammar,
        Code::TooLong,
        Code::Media,
        Code::Cancelled,
        Code::Deadline,
        Code::QueueFull,
        Code::Io,
        Code::StateInvalid,
        Code::StateMismatch,
        Code::Checksum,
        Code::Network,
        Code::Panic,
        Code::EngineFault,
        Code::Unsupported,
        Code::OutOfMemory,
    ];

    /// The number, as C sees it.
    pub fn value(self) -> i32 {
        self as i32
    }

    /// The hundred it belongs to: 100 argument, 200 model, 300 generation, 400 I/O and state, 900 internal.
    pub fn group(self) -> i32 {
        self.value() / 100 * 100
    }

    /// The name as it stands in the C header, without `QASK_ERR_`.
    pub fn name(self) -> &'static str {
        match self {
            Code::Null => "NULL",
            Code::Utf8 => "UTF8",
            Code::Range => "RANGE",
            Code::Handle => "HANDLE",
            Code::Busy => "BUSY",
            Code::Closed => "CLOSED",
            Code::Forked => "FORKED",
            Code::Json => "JSON",
            Code::NotFound => "NOT_FOUND",
            Code::Invalid => "INVALID",
            Code::UnsupportedArch => "UNSUPPORTED_ARCH",
            Code::TooLarge => "TOO_LARGE",
            Code::Template => "TEMPLATE",
            Code::ContextFull => "CONTEXT_FULL",
            Code::Grammar => "GRAMMAR",
            Code::TooLong => "TOO_LONG",
            Code::Media => "MEDIA",
            Code::Cancelled => "CANCELLED",
            Code::Deadline => "DEADLINE",
            Code::QueueFull => "QUEUE_FULL",
            Code::Io => "IO",
            Code::StateInvalid => "STATE_INVALID",
            Code::StateMismatch => "STATE_MISMATCH",
            Code::Checksum => "CHECKSUM",
            Code::Network => "NETWORK",
            Code::Panic => "PANIC",
            Code::EngineFault => "ENGINE_FAULT",
            Code::Unsupported => "UNSUPPORTED",
            Code::OutOfMemory => "OUT_OF_MEMORY",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was wrong, where, and what to do about it.
///
/// The message never holds a prompt or generated text.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: String,
}

// What `fn main() -> qask::Result<()>` prints.
impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

impl Error {
    /// An error of this kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, message: message.into() }
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its text, without the code.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with a place put in front: `place: message`.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Error { code: self.code, message: format!("{place}: {}", self.message) }
    }
}

/// A result with qask's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_grouped() {
        let values: Vec<i32> = Code::ALL.iter().map(|c| c.value()).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(values, sorted);
        assert_eq!(Code::EngineFault.group(), 900);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        let n = names.len();
        names.dedup();
        assert_eq!(names.len(), n);
    }

    #[test]
    fn a_place_goes_in_front() {
        let e = Error::new(Code::Range, "too big").at("n_ctx");
        assert_eq!(e.to_string(), "n_ctx: too big");
        assert_eq!(e.code(), Code::Range);
    }
}
