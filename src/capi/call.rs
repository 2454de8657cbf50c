//! What stands around the body of every exported function: no panic gets out, a forked child is turned away, and the
//! error parameter is dealt with in one place.

use std::ffi::{c_char, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, TryLockError};

use super::error::{qask_error, ErrorObject};
use super::handle::{self, Object};
use super::status::{qask_status, QASK_ERR_FORKED, QASK_OK};
use crate::engine::bigstack::panicked;
use crate::error::{Code, Error, Result};

static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_child() {
    FORKED.store(true, Ordering::Release);
}

/// Whether this process is a fork of one that used the library.
pub(super) fn forked() -> bool {
    #[cfg(unix)]
    {
        static WATCH: Once = Once::new();
        // Asked first, so that a child never waits for a lock that its parent held.
        if !FORKED.load(Ordering::Acquire) {
            // SAFETY: a function without arguments that lives as long as the library.
            WATCH.call_once(|| unsafe {
                libc::pthread_atfork(None, None, Some(in_child));
            });
        }
    }
    FORKED.load(Ordering::Acquire)
}

/// Runs a fallible body. On failure `*error` gets an error, on success NULL; `error` itself may be NULL.
pub(super) fn fallible(error: *mut *mut qask_error, body: impl FnOnce() -> Result<qask_status>) -> qask_status {
    if forked() {
        store_error(error, std::ptr::null_mut());
        return QASK_ERR_FORKED;
    }
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(&*panic)));
    match result {
        Ok(status) => {
            store_error(error, std::ptr::null_mut());
            status
        }
        Err(e) => {
            let code = e.code().value();
            let object =
                if error.is_null() { None } else { ErrorObject::new(&e).and_then(|o| handle::insert(o).ok()) };
            store_error(error, object.map_or(std::ptr::null_mut(), |h| h as *mut qask_error));
            code
        }
    }
}

fn store_error(error: *mut *mut qask_error, value: *mut qask_error) {
    if !error.is_null() {
        // SAFETY: the contract: not NULL means a place for one pointer.
        unsafe { error.write(value) };
    }
}

/// Runs a body that cannot fail: `fallback` stands in for a panic, a bad handle or a forked child.
pub(super) fn infallible<T>(fallback: T, body: impl FnOnce() -> Result<T>) -> T {
    if forked() {
        return fallback;
    }
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        _ => fallback,
    }
}

/// Frees a handle: its object goes when nothing else holds it.
pub(super) fn free<T: Object>(handle: *mut impl Sized) {
    infallible((), || {
        drop(handle::remove::<T>(handle as usize));
        Ok(())
    });
}

/// Checks that an out-parameter can be written, before anything is done.
pub(super) fn required<T>(out: *mut T, name: &str) -> Result<()> {
    match out.is_null() {
        true => Err(Error::new(Code::Null, format!("{name} is NULL; it must point to a place for the result"))),
        false => Ok(()),
    }
}

/// Writes an out-parameter that [`required`] has checked.
pub(super) fn put<T>(out: *mut T, value: T) {
    // SAFETY: not NULL, and by the contract a place for a `T`.
    unsafe { out.write(value) };
}

/// Writes an out-parameter that may be NULL.
pub(super) fn put_optional<T>(out: *mut T, value: T) {
    if !out.is_null() {
        put(out, value);
    }
}

/// Makes a handle for an object and writes it.
pub(super) fn hand_out<T: Object, H>(out: *mut *mut H, object: T) -> Result<qask_status> {
    put(out, handle::insert(object)? as *mut H);
    Ok(QASK_OK)
}

/// A NUL-terminated name or path.
pub(super) fn name<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    if text.is_null() {
        return Err(Error::new(Code::Null, format!("{what} is NULL")));
    }
    // SAFETY: the contract: NUL-terminated, and it lives through the call.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|e| Error::new(Code::Utf8, format!("{what} is not UTF-8 at byte {}", e.valid_up_to())))
}

/// Content: pointer and length; with length 0 the pointer is ignored.
pub(super) fn content<'a>(text: *const c_char, length: usize, what: &str) -> Result<&'a str> {
    let bytes = slice(text.cast::<u8>(), length, what)?;
    std::str::from_utf8(bytes)
        .map_err(|e| Error::new(Code::Utf8, format!("{what} is not UTF-8 at byte {}", e.valid_up_to())))
}

/// An array: pointer and count; with count 0 the pointer is ignored.
pub(super) fn slice<'a, T>(data: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Error::new(Code::Null, format!("{what} is NULL and its length is {count}")));
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::new(Code::Range, format!("{what} has length {count}, which no memory holds")));
    }
    // SAFETY: the contract: `count` elements that live through the call.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

/// Takes a one-owner object for this call; BUSY when another thread has it.
pub(super) fn own<'a, T>(mutex: &'a Mutex<T>, what: &str) -> Result<MutexGuard<'a, T>> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(e)) => Ok(e.into_inner()),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(Code::Busy, format!("another thread is using this {what}; it has one owner at a time")))
        }
    }
}

/// A timeout in milliseconds: -1 waits for ever.
pub(super) fn timeout(ms: i64) -> Result<Option<std::time::Duration>> {
    match ms {
        -1 => Ok(None),
        0.. => Ok(Some(std::time::Duration::from_millis(ms as u64))),
        _ => {
            Err(Error::new(Code::Range, format!("timeout_ms is {ms}; it must be -1 (for ever), 0 (look) or more")))
        }
    }
}

/// A duration in microseconds, as it crosses.
pub(super) fn micros(d: std::time::Duration) -> i64 {
    i64::try_from(d.as_micros()).unwrap_or(i64::MAX)
}
