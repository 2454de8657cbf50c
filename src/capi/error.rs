//! Errors as objects of the caller.

use std::ffi::{c_char, CString};

use super::call::{free, infallible, put_optional};
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_DONE, QASK_ERR_NULL, QASK_OK, QASK_TIMEOUT};
use crate::error::{Code, Error};

/// What went wrong in one call. Owned by the caller, independent of every other handle; free it with
/// `qask_error_free`. Immutable: any thread may read it.
///
/// Typical use:
///
/// ```c
/// qask_error *error = NULL;
/// if (qask_model_load(path, NULL, NULL, &model, &error) != QASK_OK) {
///     fprintf(stderr, "%s\n", qask_error_message(error, NULL));
///     qask_error_free(error);
/// }
/// ```
#[allow(non_camel_case_types)]
pub struct qask_error(());

pub(super) struct ErrorObject {
    code: qask_status,
    message: CString,
}

impl Object for ErrorObject {
    const KIND: Kind = Kind::Error;
}

impl ErrorObject {
    pub(super) fn new(error: &Error) -> Option<ErrorObject> {
        Some(ErrorObject { code: error.code().value(), message: c_string(error.message()) })
    }
}

/// Text with a NUL behind it; NULs inside are left out.
pub(super) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', "")).unwrap_or_default())
}

/// The error's code. A NULL or freed error gives `QASK_ERR_NULL`.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_error_code(error: *const qask_error) -> qask_status {
    infallible(QASK_ERR_NULL, || Ok(handle::get::<ErrorObject>(error as usize)?.code))
}

/// What was wrong, where, and what to do: UTF-8, NUL-terminated, never a prompt or an output. It lives as long as
/// the error. `length` (may be NULL) gets its bytes without the NUL. A NULL or freed error gives an empty text.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_error_message(error: *const qask_error, length: *mut usize) -> *const c_char {
    infallible(c"".as_ptr(), || {
        let object = handle::get::<ErrorObject>(error as usize);
        let text = object.as_ref().map_or(c"", |o| o.message.as_c_str());
        put_optional(length, text.count_bytes());
        Ok(text.as_ptr())
    })
}

/// Frees an error. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_error_free(error: *mut qask_error) {
    free::<ErrorObject>(error);
}

/// The name of a status, such as `QASK_ERR_RANGE`; `QASK_UNKNOWN` for a number that this version does not know. A
/// constant that is never freed.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_status_name(status: qask_status) -> *const c_char {
    macro_rules! names {
        ($($code:ident $name:literal,)*) => {
            match Code::ALL.iter().find(|c| c.value() == status) {
                $(Some(Code::$code) => concat!("QASK_ERR_", $name, "\0"),)*
                None => match status {
                    QASK_OK => "QASK_OK\0",
                    QASK_DONE => "QASK_DONE\0",
                    QASK_TIMEOUT => "QASK_TIMEOUT\0",
                    _ => "QASK_UNKNOWN\0",
                },
            }
        };
    }
    let name = names! {
        Null "NULL", Utf8 "UTF8", Range "RANGE", Handle "HANDLE", Busy "BUSY", Closed "CLOSED", Forked "FORKED",
        Json "JSON", NotFound "NOT_FOUND", Invalid "INVALID", UnsupportedArch "UNSUPPORTED_ARCH",
        TooLarge "TOO_LARGE", Template "TEMPLATE", ContextFull "CONTEXT_FULL", Grammar "GRAMMAR",
        TooLong "TOO_LONG", Media "MEDIA", Cancelled "CANCELLED", Deadline "DEADLINE", QueueFull "QUEUE_FULL",
        Io "IO", StateInvalid "STATE_INVALID", StateMismatch "STATE_MISMATCH", Checksum "CHECKSUM",
        Network "NETWORK", Panic "PANIC", EngineFault "ENGINE_FAULT", Unsupported "UNSUPPORTED",
        OutOfMemory "OUT_OF_MEMORY",
    };
    name.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn every_code_has_its_own_name() {
        for code in Code::ALL {
            // SAFETY: a constant with a NUL.
            let name = unsafe { CStr::from_ptr(qask_status_name(code.value())) };
            assert_eq!(name.to_str().unwrap(), format!("QASK_ERR_{}", code.name()));
        }
    }
}
