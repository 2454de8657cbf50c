//! Where log lines go.

use std::ffi::{c_char, c_void, CStr};

use super::call::fallible;
use super::callback::UserData;
use super::error::{c_string, qask_error};
use super::model_options::qask_destroy_callback;
use super::status::{qask_status, QASK_OK};
use crate::error::{Code, Error};
use crate::log::{self, Level, Record};

/// No lines.
pub const QASK_LOG_OFF: i32 = 0;
/// Something failed for good.
pub const QASK_LOG_ERROR: i32 = 1;
/// Something is not as it should be, and things go on.
pub const QASK_LOG_WARN: i32 = 2;
/// What happens: a model was loaded, an engine started.
pub const QASK_LOG_INFO: i32 = 3;
/// What only matters for finding a fault.
pub const QASK_LOG_DEBUG: i32 = 4;

/// Told one line: its level, who wrote it ("qask", or "engine" for llama.cpp), and its text without a line's end, of
/// `length` bytes and NUL-terminated. Both texts live until it returns.
#[allow(non_camel_case_types)]
pub type qask_log_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: i32,
        target: *const c_char,
        message: *const c_char,
        length: usize,
    ),
>;

/// A host's function with its data; dropped when the last line has gone to it.
struct Host {
    callback: unsafe extern "C" fn(*mut c_void, i32, *const c_char, *const c_char, usize),
    data: UserData,
}

impl Host {
    fn tell(&self, record: &Record<'_>) {
        let target: &CStr = if record.target == "engine" { c"engine" } else { c"qask" };
        let message = c_string(record.message);
        // SAFETY: the caller's own function with the caller's own data, which it holds until `destroy`.
        unsafe {
            (self.callback)(
                self.data.pointer(),
                record.level as i32,
                target.as_ptr(),
                message.as_ptr(),
                message.count_bytes(),
            );
        }
    }
}

/// Sends log lines of `level` (one of `QASK_LOG_…`) and above to `callback`, for the whole process, in the place of
/// the one that was set before; NULL, or `QASK_LOG_OFF`, sends none, as at the beginning. Lines never hold prompts or
/// generated text.
///
/// The callback runs on one thread of the library, a line at a time, in order, while the library holds no lock. Lines
/// that were written for the callback before still go to it; when it is done with them, `destroy` (may be NULL) is
/// called once with its `user_data`, on that thread or on the one that replaces it; at once on failure, with `callback`
/// NULL, and with `QASK_LOG_OFF`.
///
/// Any thread, also while others log. Errors: RANGE, BUSY (called from a log callback), OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_log_set(
    level: i32,
    callback: qask_log_callback,
    user_data: *mut c_void,
    destroy: qask_destroy_callback,
    error: *mut *mut qask_error,
) -> qask_status {
    let data = UserData::new(user_data, destroy);
    fallible(error, || {
        let level = match level {
            QASK_LOG_OFF => None,
            QASK_LOG_ERROR => Some(Level::Error),
            QASK_LOG_WARN => Some(Level::Warn),
            QASK_LOG_INFO => Some(Level::Info),
            QASK_LOG_DEBUG => Some(Level::Debug),
            _ => return Err(Error::new(Code::Range, format!("level is {level}; it must be one of QASK_LOG_…"))),
        };
        let Some(callback) = callback else {
            log::clear()?;
            return Ok(QASK_OK);
        };
        let host = Host { callback, data };
        match level {
            Some(level) => log::set(level, move |record| host.tell(record))?,
            None => log::clear()?,
        }
        Ok(QASK_OK)
    })
}
