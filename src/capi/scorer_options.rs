//! How a scorer is set up.

use std::sync::Mutex;

use super::call::{fallible, free, hand_out, own, required};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_OK};
use crate::scorer::ScorerOptions;

/// How to set up a scorer. Values are checked when the scorer is made. Free it with `qask_scorer_options_free`;
/// `qask_scorer_new` takes a copy.
///
/// One owner: use it from one thread at a time.
///
/// Typical use:
///
/// ```c
/// qask_scorer_options_new(&options, &error);
/// qask_scorer_options_set_max_tokens(options, 512, &error);
/// qask_scorer_new(model, options, &scorer, &error);
/// qask_scorer_options_free(options);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_scorer_options(());

pub(super) struct ScorerOptionsObject(pub Mutex<ScorerOptions>);

impl Object for ScorerOptionsObject {
    const KIND: Kind = Kind::ScorerOptions;
}

/// Makes options with every default. The caller frees them with `qask_scorer_options_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_new(
    out: *mut *mut qask_scorer_options,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, ScorerOptionsObject(Mutex::default()))
    })
}

/// Frees options. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_free(options: *mut qask_scorer_options) {
    free::<ScorerOptionsObject>(options);
}

fn with(
    options: *mut qask_scorer_options,
    error: *mut *mut qask_error,
    set: impl FnOnce(&mut ScorerOptions),
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<ScorerOptionsObject>(options as usize)?;
        set(&mut *own(&object.0, "qask_scorer_options")?);
        Ok(QASK_OK)
    })
}

/// Tokens that a prompt and a continuation, or a window of a text, may have together: 2 to the trained length. Default:
/// the trained length, at most 2,048.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_set_max_tokens(
    options: *mut qask_scorer_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| o.max_tokens = Some(value))
}

/// Tokens that are computed together: 16 to 8,192. Default 512.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_set_batch_tokens(
    options: *mut qask_scorer_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| o.batch_tokens = value)
}

/// Prompts and continuations that are computed side by side: 2 to 256. Default 64.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_set_max_sequences(
    options: *mut qask_scorer_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| o.max_sequences = value)
}

/// Texts of special tokens become those tokens, in prompts and continuations: leave it off for text from outside.
/// Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_set_special_tokens(
    options: *mut qask_scorer_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| o.special_tokens = value)
}

/// Threads that compute, at most: 1 to 512. Default: the physical (or performance) cores.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_set_threads(
    options: *mut qask_scorer_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| o.threads = Some(value))
}

/// Compute with fewer threads than were set where that is faster, as it is beside other busy programs; see
/// `qask_engine_options_set_adapt_threads`. Default true.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_options_set_adapt_threads(
    options: *mut qask_scorer_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| o.adapt_threads = value)
}
