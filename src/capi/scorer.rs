//! Scorers: how likely continuations and texts are.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use super::basics::{optional_cancel, qask_cancel};
use super::call::{content, fallible, free, hand_out, infallible, own, put, put_optional, required, timeout};
use super::embedder::contents;
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::model::{qask_model, ModelObject};
use super::scorer_options::{qask_scorer_options, ScorerOptionsObject};
use super::status::{qask_status, QASK_OK, QASK_TIMEOUT};
use crate::error::{Code, Error, Result};
use crate::sampling::range;
use crate::scorer::{likeliest, Limits, Normalization, PerplexityOptions, Score, Scorer, ScorerOptions};

/// Says how likely texts are under a model: one thread of its own computes the texts of all calls together. Any thread
/// may use it; a call waits for its result. Free each handle with `qask_scorer_free`.
///
/// A prompt and a continuation become tokens as one text, with BOS before it where the model wants one. The
/// continuation's tokens are those that hold at least one of its bytes: a token that spans both is the continuation's.
///
/// Typical use:
///
/// ```c
/// const char *choices[] = {" Paris", " Berlin"};
/// qask_scorer_new(model, NULL, &scorer, &error);
/// qask_scorer_score(scorer, "The capital of France is", 24, choices, NULL, 2, NULL, -1, &scores, &error);
/// puts(choices[qask_scores_likeliest(scores, QASK_NORMALIZE_NONE)]);
/// qask_scores_free(scores);
/// qask_scorer_free(scorer);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_scorer(());

pub(super) struct ScorerObject(pub Scorer);

impl Object for ScorerObject {
    const KIND: Kind = Kind::Scorer;
}

/// The scores of a call's continuations, in their order. Immutable: any thread may read it. Free it with
/// `qask_scores_free`.
///
/// Typical use:
///
/// ```c
/// size_t count;
/// const float *each = qask_scores_log_probabilities(scores, 0, &count);
/// for (size_t i = 0; i < count; i++) printf("%f\n", each[i]);
/// qask_scores_free(scores);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_scores(());

pub(super) struct ScoresObject(Vec<Score>);

impl Object for ScoresObject {
    const KIND: Kind = Kind::Scores;
}

/// The sum over a continuation's tokens.
pub const QASK_NORMALIZE_NONE: i32 = 0;
/// The mean over a continuation's tokens, without those that all choices begin with.
pub const QASK_NORMALIZE_TOKENS: i32 = 1;
/// The sum divided by the continuation's bytes.
pub const QASK_NORMALIZE_BYTES: i32 = 2;

fn normalization(value: i32) -> Result<Normalization> {
    match value {
        QASK_NORMALIZE_NONE => Ok(Normalization::None),
        QASK_NORMALIZE_TOKENS => Ok(Normalization::Tokens),
        QASK_NORMALIZE_BYTES => Ok(Normalization::Bytes),
        _ => Err(Error::new(Code::Range, format!("normalization is {value}; it must be one of QASK_NORMALIZE_…"))),
    }
}

fn limits(cancel: *const qask_cancel, deadline_ms: i64) -> Result<Limits> {
    let deadline = match deadline_ms {
        -1 => None,
        1.. => Some(Duration::from_millis(deadline_ms as u64)),
        _ => return Err(range("deadline_ms", deadline_ms, 1, i64::MAX)),
    };
    Ok(Limits { cancel: optional_cancel(cancel)?, deadline })
}

/// Starts a scorer over a model. `scorer_options` may be NULL. The caller frees it with `qask_scorer_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE, UNSUPPORTED (the model does not generate text), OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_new(
    model: *const qask_model,
    scorer_options: *const qask_scorer_options,
    out: *mut *mut qask_scorer,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = handle::get::<ModelObject>(model as usize)?;
        let options = if scorer_options.is_null() {
            ScorerOptions::default()
        } else {
            let object = handle::get::<ScorerOptionsObject>(scorer_options as usize)?;
            let options = own(&object.0, "qask_scorer_options")?.clone();
            options
        };
        hand_out(out, ScorerObject(Scorer::new(&model.model, options)?))
    })
}

/// Makes a second handle to the same scorer. Each is freed once, with `qask_scorer_free`.
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_retain(
    scorer: *const qask_scorer,
    out: *mut *mut qask_scorer,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object: Arc<ScorerObject> = handle::get(scorer as usize)?;
        put(out, handle::insert_arc(object)? as *mut qask_scorer);
        Ok(QASK_OK)
    })
}

/// Frees a handle; calls that run are not disturbed. The memory goes when no other handle and no call holds it. NULL is
/// fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_free(scorer: *mut qask_scorer) {
    free::<ScorerObject>(scorer);
}

/// Takes no more calls, ends those that wait with `QASK_ERR_CLOSED`, and waits until the memory is free, at most
/// `timeout_ms` milliseconds (-1: for ever). `QASK_TIMEOUT` when it is not by then. The handle still has to be freed.
///
/// Any thread. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_close(
    scorer: *const qask_scorer,
    timeout_ms: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<ScorerObject>(scorer as usize)?;
        Ok(if object.0.close(timeout(timeout_ms)?) { QASK_OK } else { QASK_TIMEOUT })
    })
}

/// Tokens that a prompt and a continuation may have together.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_max_tokens(scorer: *const qask_scorer) -> u32 {
    infallible(0, || Ok(handle::get::<ScorerObject>(scorer as usize)?.0.max_tokens() as u32))
}

/// Scores `count` continuations of one prompt, which is computed once. `lengths` are the bytes of the texts; NULL when
/// each ends with NUL. `cancel` may be NULL; the call ends with DEADLINE after `deadline_ms` milliseconds (1 or more; -1:
/// never). Waits for the result, which the caller frees with `qask_scores_free`.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, RANGE (also: a continuation is empty, or has nothing before it), CLOSED,
/// INVALID (the model's weights are damaged), CONTEXT_FULL (the message says which continuation and how long it is),
/// TOO_LONG, CANCELLED, DEADLINE, OUT_OF_MEMORY, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_score(
    scorer: *const qask_scorer,
    prompt: *const c_char,
    prompt_length: usize,
    texts: *const *const c_char,
    lengths: *const usize,
    count: usize,
    cancel: *const qask_cancel,
    deadline_ms: i64,
    out: *mut *mut qask_scores,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<ScorerObject>(scorer as usize)?;
        let prompt = content(prompt, prompt_length, "prompt")?;
        let texts = contents(texts, lengths, count)?;
        let limits = limits(cancel, deadline_ms)?;
        hand_out(out, ScoresObject(object.0.score_choices(prompt, &texts, &limits)?))
    })
}

/// Computes the perplexity of a text, `exp` of the mean of its tokens' negative log-probabilities, in windows of `window`
/// tokens (0: the scorer's `max_tokens`), each beginning `stride` tokens (0: half a window) behind the one before. The
/// first `context` tokens of a window are read and not scored; 0: those that the window before it has scored, so that
/// each token but the first is scored once (with a stride of one window, all but the first of each). `windows` limits how
/// many there are; 0: all. With a stride of one window and a context of half a window and one token it is what llama.cpp's
/// tool computes.
///
/// `perplexity` gets the result; `standard_error` and `tokens` (how many were scored) may be NULL. `cancel` and
/// `deadline_ms` as for `qask_scorer_score`.
///
/// Any thread. Errors: as `qask_scorer_score`; RANGE also when no token of the text is scored. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scorer_perplexity(
    scorer: *const qask_scorer,
    text: *const c_char,
    length: usize,
    window: u32,
    stride: u32,
    context: u32,
    windows: u32,
    cancel: *const qask_cancel,
    deadline_ms: i64,
    perplexity: *mut f64,
    standard_error: *mut f64,
    tokens: *mut u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(perplexity, "perplexity")?;
        let object = handle::get::<ScorerObject>(scorer as usize)?;
        let text = content(text, length, "text")?;
        let set = |value: u32| (value != 0).then_some(value);
        let options = PerplexityOptions {
            window: set(window),
            stride: set(stride),
            context: set(context),
            windows: set(windows),
        };
        let found = object.0.perplexity(text, &options, &limits(cancel, deadline_ms)?)?;
        put(perplexity, found.perplexity);
        put_optional(standard_error, found.standard_error);
        put_optional(tokens, found.tokens);
        Ok(QASK_OK)
    })
}

/// How many continuations were scored.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scores_count(scores: *const qask_scores) -> usize {
    infallible(0, || Ok(handle::get::<ScoresObject>(scores as usize)?.0.len()))
}

/// Natural logarithm of a continuation's probability, with its length taken out as `normalization` (one of
/// `QASK_NORMALIZE_…`) says.
///
/// Any thread. A bad handle, index or normalization gives NaN. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scores_log_probability(
    scores: *const qask_scores,
    index: usize,
    normalization: i32,
) -> f64 {
    infallible(f64::NAN, || {
        let object = handle::get::<ScoresObject>(scores as usize)?;
        let normalization = self::normalization(normalization)?;
        Ok(object.0.get(index).map_or(f64::NAN, |s| s.log_probability(normalization)))
    })
}

/// The place of the likeliest continuation, the first of equals.
///
/// Any thread. A bad handle or normalization, and no continuation, give SIZE_MAX. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scores_likeliest(scores: *const qask_scores, normalization: i32) -> usize {
    infallible(usize::MAX, || {
        let object = handle::get::<ScoresObject>(scores as usize)?;
        Ok(likeliest(&object.0, self::normalization(normalization)?).unwrap_or(usize::MAX))
    })
}

/// One continuation's part of the scores; `count` gets its length.
fn part<T>(scores: *const qask_scores, index: usize, count: *mut usize, of: fn(&Score) -> &[T]) -> *const T {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ScoresObject>(scores as usize)?;
        let Some(score) = object.0.get(index) else { return Ok(std::ptr::null()) };
        put_optional(count, of(score).len());
        Ok(of(score).as_ptr())
    })
}

/// The tokens of a continuation, alive as long as the scores. `count` (may be NULL) gets how many they are.
///
/// Any thread. A bad handle or index gives NULL. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scores_tokens(scores: *const qask_scores, index: usize, count: *mut usize) -> *const i32 {
    part(scores, index, count, |s| &s.tokens)
}

/// Natural logarithm of the probability of each token of a continuation, given all before it, alive as long as the
/// scores. `count` (may be NULL) gets how many they are.
///
/// Any thread. A bad handle or index gives NULL. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scores_log_probabilities(
    scores: *const qask_scores,
    index: usize,
    count: *mut usize,
) -> *const f32 {
    part(scores, index, count, |s| &s.log_probabilities)
}

/// Frees scores, and what was read from them. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_scores_free(scores: *mut qask_scores) {
    free::<ScoresObject>(scores);
}
