//! How a request chooses tokens: one setter for each sampler.

use std::ffi::c_char;

use super::call::{name, slice};
use super::error::qask_error;
use super::request::{qask_request, with};
use super::status::qask_status;
use crate::sampling::Sampling;

/// Changes the sampling, unless a value would then be out of range.
fn change(
    request: *mut qask_request,
    error: *mut *mut qask_error,
    set: impl FnOnce(&mut Sampling),
) -> qask_status {
    with(request, error, |r| {
        let mut changed = r.sampling.clone();
        set(&mut changed);
        changed.check()?;
        r.sampling = changed;
        Ok(())
    })
}

/// 0 is greedy, always the likeliest token: 0 to 100. Default: the model's own recommendation, else 0.8.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_temperature(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.temperature = Some(value))
}

/// Half-width of dynamic temperature (arXiv:2309.02772): 0 to 100. Default 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dynatemp_range(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.dynatemp_range = Some(value))
}

/// Exponent of dynamic temperature: 0 to 100. Default 1.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dynatemp_exponent(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.dynatemp_exponent = Some(value))
}

/// Nucleus sampling (arXiv:1904.09751): 0 to 1. Default: the model's, else 0.95; 1 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_top_p(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.top_p = Some(value))
}

/// Drop what is less likely than this share of the best: 0 to 1. Default: the model's, else 0.05; 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_min_p(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.min_p = Some(value))
}

/// Locally typical sampling (arXiv:2202.00666): 0 to 1. Default 1 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_typical_p(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.typical_p = Some(value))
}

/// Keep logits within n standard deviations of the best (arXiv:2411.07641): -1 to 100. Default -1 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_top_n_sigma(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.top_n_sigma = Some(value))
}

/// Chance that XTC (exclude top choices) acts: 0 to 1. Default 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_xtc_probability(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.xtc_probability = Some(value))
}

/// XTC removes all but the least likely of the tokens above this: 0 to 1. Default 0.1.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_xtc_threshold(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.xtc_threshold = Some(value))
}

/// Strength of DRY (don't repeat yourself): 0 to 100. Default 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dry_multiplier(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.dry_multiplier = Some(value))
}

/// Base of DRY's exponential: 1 to 100. Default 1.75.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dry_base(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.dry_base = Some(value))
}

/// Divides the logits of past tokens: above 0, to 100. Default: the model's, else 1 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_repeat_penalty(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.repeat_penalty = Some(value))
}

/// Taken off a past token's logit for each time it stands there: -100 to 100. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_frequency_penalty(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.frequency_penalty = Some(value))
}

/// Taken off a past token's logit once: -100 to 100. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_presence_penalty(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.presence_penalty = Some(value))
}

/// Mirostat's target surprise: 0 to 100. Default 5.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_mirostat_tau(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.mirostat_tau = Some(value))
}

/// Mirostat's learning rate: 0 to 1. Default 0.1.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_mirostat_eta(
    request: *mut qask_request,
    value: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.mirostat_eta = Some(value))
}

/// Keep the k likeliest: 0 to 1,000,000. Default: the model's, else 40; 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_top_k(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.top_k = Some(value))
}

/// Repeats up to this length are free under DRY: 0 to 1,000,000. Default 2.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dry_allowed_length(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.dry_allowed_length = Some(value))
}

/// How many past tokens DRY looks at: -1 (the whole context) to 1,000,000. Default -1; 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dry_penalty_last_n(
    request: *mut qask_request,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.dry_penalty_last_n = Some(value))
}

/// How many past tokens the penalties look at: -1 (the whole context) to 1,000,000. Default: the model's, else 64;
/// 0 = off.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_penalty_last_n(
    request: *mut qask_request,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.penalty_last_n = Some(value))
}

/// Mirostat version (arXiv:2007.14966): 0 = off, 1 or 2. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_mirostat(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.mirostat = Some(value))
}

/// How many tokens the truncating samplers keep at least: 0 to 1,000,000. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_min_keep(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.min_keep = Some(value))
}

/// Seed of the draw. Default: drawn anew for each submit, and reported on the DONE event.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_seed(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.seed = Some(value))
}

/// Sets the texts that end a repeat for DRY: at most 64 NUL-terminated ones of 1 to 128 bytes. Default: newline,
/// colon, quotation mark, asterisk.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_dry_sequence_breakers(
    request: *mut qask_request,
    breakers: *const *const c_char,
    count: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let texts = slice(breakers, count, "breakers")?.iter().map(|b| name(*b, "breaker").map(str::to_owned));
        let mut changed = r.sampling.clone();
        changed.dry_sequence_breakers = Some(texts.collect::<crate::Result<_>>()?);
        changed.check()?;
        r.sampling = changed;
        Ok(())
    })
}

/// Adds `bias` to the logit of one token; negative infinity forbids it. At most 65,536 tokens.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_logit_bias(
    request: *mut qask_request,
    token: i32,
    bias: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    change(request, error, |s| s.logit_bias.push((token, bias)))
}
