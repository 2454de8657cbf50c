//! Strings, cancel flags, versions.

use std::ffi::{c_char, CString};

use super::call::{fallible, free, hand_out, infallible, name, put_optional, required};
use super::error::{c_string, qask_error};
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_OK};
use crate::cancel::Cancel;

/// Version of the binary interface. It grows with every function that is added; a program built against one number
/// runs with every library of the same or a higher one (from 1.0 on; before that, see CHANGELOG).
pub const QASK_ABI_VERSION: u32 = 1;

/// The binary interface of the library that is loaded: compare it with `QASK_ABI_VERSION` of the header.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_abi_version() -> u32 {
    QASK_ABI_VERSION
}

/// The library's version and, behind "+cpu.", the CPU that its kernels were made for, such as "0.1.0+cpu.v3": in a
/// package the best of "v2", "v3" and "v4" (x86-64), of "armv8", "dotprod" and "i8mm" (arm64) that runs here; "native"
/// in a build for its own machine, "fixed" in another with one kind of kernels. The first call, or the first of
/// anything that computes, chooses for the process. QASK_CPU in the environment names another choice (or "baseline");
/// one that cannot be followed stands at the end, as in "0.1.0+cpu.v3.not.v4". A constant that is never freed.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_version() -> *const c_char {
    let number = concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast();
    infallible(number, || Ok(crate::engine::version().as_ptr()))
}

/// Whether this build can do something: "cuda", "metal", "vulkan", "rocm", "opencl" (GPU back-ends), "native"
/// (made for the machine it was built on). An unknown name is false.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_supports(feature: *const c_char) -> bool {
    infallible(false, || {
        Ok(match name(feature, "feature")? {
            "cuda" => cfg!(feature = "cuda"),
            "metal" => cfg!(feature = "metal"),
            "vulkan" => cfg!(feature = "vulkan"),
            "rocm" => cfg!(feature = "rocm"),
            "opencl" => cfg!(feature = "opencl"),
            "native" => cfg!(qask_native),
            _ => false,
        })
    })
}

/// How many handles were made and not freed, in the whole process (events, which belong to their stream, not
/// counted): 0 when a program has cleaned up.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_live_handles() -> usize {
    infallible(0, || Ok(handle::live()))
}

/// Text that belongs to the caller; free it with `qask_string_free`. Immutable: any thread may read it.
///
/// Typical use:
///
/// ```c
/// qask_stream_collect(stream, &text, NULL, &error);
/// puts(qask_string_data(text, NULL));
/// qask_string_free(text);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_string(());

pub(super) struct TextObject(CString);

impl Object for TextObject {
    const KIND: Kind = Kind::Text;
}

impl TextObject {
    pub(super) fn new(text: &str) -> TextObject {
        TextObject(c_string(text))
    }
}

/// The text: UTF-8, NUL-terminated, alive as long as the string. `length` (may be NULL) gets its bytes without the
/// NUL. A NULL or freed string gives NULL.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_string_data(string: *const qask_string, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<TextObject>(string as usize)?;
        put_optional(length, object.0.count_bytes());
        Ok(object.0.as_ptr())
    })
}

/// Frees a string. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_string_free(string: *mut qask_string) {
    free::<TextObject>(string);
}

/// A flag that stops long calls, from any thread. One flag may be given to many calls; it cannot be lowered again.
/// Free it with `qask_cancel_free`, also while calls that got it still run.
///
/// Typical use:
///
/// ```c
/// qask_cancel_new(&cancel, &error);
/// qask_engine_submit(engine, request, cancel, &stream, &error);
/// // From any thread, at any time:
/// qask_cancel_raise(cancel, NULL);
/// qask_cancel_free(cancel);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_cancel(());

pub(super) struct CancelObject(pub Cancel);

impl Object for CancelObject {
    const KIND: Kind = Kind::Cancel;
}

/// The flag behind a handle that may be NULL.
pub(super) fn optional_cancel(cancel: *const qask_cancel) -> crate::Result<Option<Cancel>> {
    if cancel.is_null() {
        return Ok(None);
    }
    Ok(Some(handle::get::<CancelObject>(cancel as usize)?.0.clone()))
}

/// Makes a flag that is not raised. The caller frees it with `qask_cancel_free`.
///
/// Any thread. Errors: NULL. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_cancel_new(out: *mut *mut qask_cancel, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, CancelObject(Cancel::new()))
    })
}

/// Raises the flag: calls and streams that got it end with `QASK_ERR_CANCELLED` or the finish reason "cancelled".
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_cancel_raise(cancel: *const qask_cancel, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        handle::get::<CancelObject>(cancel as usize)?.0.cancel();
        Ok(QASK_OK)
    })
}

/// Frees a flag. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_cancel_free(cancel: *mut qask_cancel) {
    free::<CancelObject>(cancel);
}
