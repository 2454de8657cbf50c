//! Embedders: vectors of texts, and scores of documents.

use std::ffi::c_char;
use std::sync::Arc;

use super::basics::{optional_cancel, qask_cancel};
use super::call::{content, fallible, free, hand_out, infallible, name, put, required, slice, timeout};
use super::embedder_options::{self, qask_embedder_options};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::model::{qask_model, ModelObject};
use super::status::{qask_status, QASK_OK, QASK_TIMEOUT};
use crate::embedder::{Embedder, Purpose};
use crate::error::{Code, Error, Result};

/// Turns texts into vectors, or a query and documents into scores: one thread of its own computes the texts of all
/// calls together. Any thread may use it; a call waits for its result. Free each handle with `qask_embedder_free`.
///
/// Typical use:
///
/// ```c
/// const char *texts[] = {"A cat sits on the mat.", "Rates went up."};
/// qask_embedder_new(model, NULL, &embedder, &error);
/// size_t n = 2 * (size_t) qask_embedder_dimensions(embedder);
/// float *vectors = malloc(n * sizeof *vectors);
/// qask_embedder_embed(embedder, texts, NULL, 2, QASK_PURPOSE_PLAIN, NULL, vectors, n, &error);
/// qask_embedder_free(embedder);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_embedder(());

pub(super) struct EmbedderObject(pub Embedder);

impl Object for EmbedderObject {
    const KIND: Kind = Kind::Embedder;
}

/// The text as it is.
pub const QASK_PURPOSE_PLAIN: i32 = 0;
/// With the prefix of queries.
pub const QASK_PURPOSE_QUERY: i32 = 1;
/// With the prefix of documents.
pub const QASK_PURPOSE_DOCUMENT: i32 = 2;

fn purpose(value: i32) -> Result<Purpose> {
    match value {
        QASK_PURPOSE_PLAIN => Ok(Purpose::Plain),
        QASK_PURPOSE_QUERY => Ok(Purpose::Query),
        QASK_PURPOSE_DOCUMENT => Ok(Purpose::Document),
        _ => Err(Error::new(Code::Range, format!("purpose is {value}; it must be one of QASK_PURPOSE_…"))),
    }
}

/// Many texts: their lengths, or NULL when each ends with NUL.
pub(super) fn contents<'a>(
    texts: *const *const c_char,
    lengths: *const usize,
    count: usize,
) -> Result<Vec<&'a str>> {
    let texts = slice(texts, count, "texts")?;
    if lengths.is_null() {
        return texts.iter().enumerate().map(|(i, t)| name(*t, &format!("text {i}"))).collect();
    }
    let lengths = slice(lengths, count, "lengths")?;
    texts.iter().zip(lengths).enumerate().map(|(i, (t, n))| content(*t, *n, &format!("text {i}"))).collect()
}

/// Writes numbers, when there is room for all of them.
fn hand_over(numbers: &[f32], out: *mut f32, capacity: usize) -> Result<qask_status> {
    room(numbers.len(), capacity)?;
    // SAFETY: by the contract room for `capacity` numbers, of which these need no more.
    unsafe { std::ptr::copy_nonoverlapping(numbers.as_ptr(), out, numbers.len()) };
    Ok(QASK_OK)
}

fn room(needed: usize, capacity: usize) -> Result<()> {
    if needed > capacity {
        return Err(Error::new(Code::Range, format!("capacity is {capacity} and {needed} numbers are needed")));
    }
    Ok(())
}

/// Starts an embedder over a model. `embedder_options` may be NULL. The caller frees it with `qask_embedder_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE, UNSUPPORTED (the model gives no vectors, or does not say how they are
/// pooled and no option does), OUT_OF_MEMORY, TOO_LARGE (it would take more than its `memory_budget`). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_new(
    model: *const qask_model,
    embedder_options: *const qask_embedder_options,
    out: *mut *mut qask_embedder,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = handle::get::<ModelObject>(model as usize)?;
        let options = embedder_options::settings(embedder_options)?;
        hand_out(out, EmbedderObject(Embedder::new(&model.model, options)?))
    })
}

/// Makes a second handle to the same embedder. Each is freed once, with `qask_embedder_free`.
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_retain(
    embedder: *const qask_embedder,
    out: *mut *mut qask_embedder,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object: Arc<EmbedderObject> = handle::get(embedder as usize)?;
        put(out, handle::insert_arc(object)? as *mut qask_embedder);
        Ok(QASK_OK)
    })
}

/// Frees a handle; calls that run are not disturbed. The memory goes when no other handle and no call holds it. NULL is
/// fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_free(embedder: *mut qask_embedder) {
    free::<EmbedderObject>(embedder);
}

/// Takes no more calls, ends those that wait with `QASK_ERR_CLOSED`, and waits until the memory is free, at most
/// `timeout_ms` milliseconds (-1: for ever). `QASK_TIMEOUT` when it is not by then. The handle still has to be freed.
///
/// Any thread. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_close(
    embedder: *const qask_embedder,
    timeout_ms: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EmbedderObject>(embedder as usize)?;
        Ok(if object.0.close(timeout(timeout_ms)?) { QASK_OK } else { QASK_TIMEOUT })
    })
}

/// How many numbers a vector has.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_dimensions(embedder: *const qask_embedder) -> u32 {
    infallible(0, || Ok(handle::get::<EmbedderObject>(embedder as usize)?.0.dimensions() as u32))
}

/// How the vectors of a text's tokens become one: one of `QASK_POOLING_…`.
///
/// Any thread. A bad handle gives -1. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_pooling(embedder: *const qask_embedder) -> i32 {
    infallible(-1, || Ok(handle::get::<EmbedderObject>(embedder as usize)?.0.pooling() as i32))
}

/// Tokens that a text may have.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_max_tokens(embedder: *const qask_embedder) -> u32 {
    infallible(0, || Ok(handle::get::<EmbedderObject>(embedder as usize)?.0.max_tokens() as u32))
}

/// How many tokens a text has as an input, its prefix and what the model puts around it included, before any
/// truncation. `purpose` is one of `QASK_PURPOSE_…`.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, RANGE, TOO_LONG (more than can be tokenised). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_count_tokens(
    embedder: *const qask_embedder,
    text: *const c_char,
    length: usize,
    purpose: i32,
    count: *mut usize,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(count, "count")?;
        let object = handle::get::<EmbedderObject>(embedder as usize)?;
        put(count, object.0.count_tokens(content(text, length, "text")?, self::purpose(purpose)?)?);
        Ok(QASK_OK)
    })
}

/// Computes one vector for each of `count` texts and writes them to `out`, one after the other: `count` times
/// `qask_embedder_dimensions` numbers, for which `capacity` must suffice. `lengths` are the bytes of the texts; NULL
/// when each ends with NUL. `purpose` is one of `QASK_PURPOSE_…`; `cancel` may be NULL. Waits for the result; on failure
/// nothing is written.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, RANGE, CLOSED, TOO_LONG (the message says which text and how long it is),
/// CANCELLED, UNSUPPORTED (the pooling gives no vector for a text), OUT_OF_MEMORY, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_embed(
    embedder: *const qask_embedder,
    texts: *const *const c_char,
    lengths: *const usize,
    count: usize,
    purpose: i32,
    cancel: *const qask_cancel,
    out: *mut f32,
    capacity: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<EmbedderObject>(embedder as usize)?;
        let texts = contents(texts, lengths, count)?;
        let (purpose, cancel) = (self::purpose(purpose)?, optional_cancel(cancel)?);
        room(count.saturating_mul(object.0.dimensions()), capacity)?;
        hand_over(&object.0.embed(&texts, purpose, cancel.as_ref())?, out, capacity)
    })
}

/// Computes one vector for each token of a text, those that the model puts around it included. The embedder must have
/// been made with `QASK_POOLING_NONE`. `*count` gets the number of vectors, also when `capacity` (in numbers) is too
/// small for them: then nothing else is written, and the status is RANGE. `cancel` may be NULL.
///
/// Any thread. Errors: as `qask_embedder_embed`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_embed_tokens(
    embedder: *const qask_embedder,
    text: *const c_char,
    length: usize,
    purpose: i32,
    cancel: *const qask_cancel,
    out: *mut f32,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        required(count, "count")?;
        let object = handle::get::<EmbedderObject>(embedder as usize)?;
        let text = content(text, length, "text")?;
        let (purpose, cancel) = (self::purpose(purpose)?, optional_cancel(cancel)?);
        let vectors = object.0.embed_tokens(text, purpose, cancel.as_ref())?;
        put(count, vectors.len() / object.0.dimensions());
        hand_over(&vectors, out, capacity)
    })
}

/// Scores `count` documents by how well they answer a query, and writes a number for each to `out`: the higher the
/// better; the scale is the model's, or for a model that answers yes or no the probability of yes among the two. The
/// embedder's pooling must be `QASK_POOLING_RANK`. Otherwise as
/// `qask_embedder_embed`; a truncation shortens the documents.
///
/// Any thread. Errors: as `qask_embedder_embed`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_rerank(
    embedder: *const qask_embedder,
    query: *const c_char,
    query_length: usize,
    texts: *const *const c_char,
    lengths: *const usize,
    count: usize,
    cancel: *const qask_cancel,
    out: *mut f32,
    capacity: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<EmbedderObject>(embedder as usize)?;
        let query = content(query, query_length, "query")?;
        let texts = contents(texts, lengths, count)?;
        let cancel = optional_cancel(cancel)?;
        room(count, capacity)?;
        hand_over(&object.0.rerank(query, &texts, cancel.as_ref())?, out, capacity)
    })
}
