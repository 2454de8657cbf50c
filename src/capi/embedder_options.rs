//! How an embedder is set up.

use std::ffi::c_char;
use std::sync::Mutex;

use super::call::{content, fallible, free, hand_out, own, required};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_OK};
use crate::embedder::{EmbedderOptions, Pooling, Truncation};
use crate::error::{Code, Error, Result};

/// How to set up an embedder. Values are checked when the embedder is made, or at once where the range is fixed. Free
/// it with `qask_embedder_options_free`; `qask_embedder_new` takes a copy.
///
/// One owner: use it from one thread at a time.
///
/// Typical use:
///
/// ```c
/// qask_embedder_options_new(&options, &error);
/// qask_embedder_options_set_truncation(options, QASK_TRUNCATE_END, &error);
/// qask_embedder_options_set_query_prefix(options, "query: ", 7, &error);
/// qask_embedder_new(model, options, &embedder, &error);
/// qask_embedder_options_free(options);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_embedder_options(());

struct EmbedderOptionsObject(Mutex<EmbedderOptions>);

impl Object for EmbedderOptionsObject {
    const KIND: Kind = Kind::EmbedderOptions;
}

/// No pooling: one vector a token.
pub const QASK_POOLING_NONE: i32 = 0;
/// The mean of the tokens' vectors.
pub const QASK_POOLING_MEAN: i32 = 1;
/// The first token's vector.
pub const QASK_POOLING_CLS: i32 = 2;
/// The last token's vector.
pub const QASK_POOLING_LAST: i32 = 3;
/// A score of a query and a document: by a classifier's head, or for a model that generates text by its answer, yes or
/// no, to the question that Qwen3-Reranker was trained with.
pub const QASK_POOLING_RANK: i32 = 4;

/// A text that is too long is an error.
pub const QASK_TRUNCATE_REFUSE: i32 = 0;
/// The end of a text that is too long is dropped.
pub const QASK_TRUNCATE_END: i32 = 1;
/// The beginning of a text that is too long is dropped.
pub const QASK_TRUNCATE_START: i32 = 2;

/// What an object holds; the defaults for NULL.
pub(super) fn settings(options: *const qask_embedder_options) -> Result<EmbedderOptions> {
    if options.is_null() {
        return Ok(EmbedderOptions::default());
    }
    let object = handle::get::<EmbedderOptionsObject>(options as usize)?;
    let options = own(&object.0, "qask_embedder_options")?.clone();
    Ok(options)
}

/// Makes options with every default. The caller frees them with `qask_embedder_options_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_new(
    out: *mut *mut qask_embedder_options,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, EmbedderOptionsObject(Mutex::default()))
    })
}

/// Frees options. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_free(options: *mut qask_embedder_options) {
    free::<EmbedderOptionsObject>(options);
}

fn with(
    options: *mut qask_embedder_options,
    error: *mut *mut qask_error,
    set: impl FnOnce(&mut EmbedderOptions) -> Result<()>,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EmbedderOptionsObject>(options as usize)?;
        let mut options = own(&object.0, "qask_embedder_options")?;
        set(&mut options)?;
        Ok(QASK_OK)
    })
}

/// How the vectors of a text's tokens become one: one of `QASK_POOLING_…`. Default: as the model's metadata says.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_pooling(
    options: *mut qask_embedder_options,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.pooling = Some(match value {
            QASK_POOLING_NONE => Pooling::None,
            QASK_POOLING_MEAN => Pooling::Mean,
            QASK_POOLING_CLS => Pooling::Cls,
            QASK_POOLING_LAST => Pooling::Last,
            QASK_POOLING_RANK => Pooling::Rank,
            _ => return Err(unknown("pooling", value, "QASK_POOLING_…")),
        });
        Ok(())
    })
}

/// Scale each vector to length 1. Default true; scores are never scaled.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_normalize(
    options: *mut qask_embedder_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.normalize = value;
        Ok(())
    })
}

/// Keep so many numbers of each vector, before it is scaled, for models that were trained so ("Matryoshka"): 1 to the
/// model's. Default: all.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_dimensions(
    options: *mut qask_embedder_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.dimensions = Some(value);
        Ok(())
    })
}

/// Tokens that a text may have, those that the model puts around it included: 4 to the trained length. Default: the
/// trained length, at most 2,048.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_max_tokens(
    options: *mut qask_embedder_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.max_tokens = Some(value);
        Ok(())
    })
}

/// What happens to a text that is longer: one of `QASK_TRUNCATE_…`. Default `QASK_TRUNCATE_REFUSE`.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_truncation(
    options: *mut qask_embedder_options,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.truncation = match value {
            QASK_TRUNCATE_REFUSE => Truncation::Refuse,
            QASK_TRUNCATE_END => Truncation::End,
            QASK_TRUNCATE_START => Truncation::Start,
            _ => return Err(unknown("truncation", value, "QASK_TRUNCATE_…")),
        };
        Ok(())
    })
}

/// Texts are computed together up to so many tokens: 1 to 65,536. Default 256, less for a large vocabulary.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_batch_tokens(
    options: *mut qask_embedder_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.batch_tokens = Some(value);
        Ok(())
    })
}

/// Texts that are computed together at most: 1 to 256. Default 64.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_max_sequences(
    options: *mut qask_embedder_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.max_sequences = value;
        Ok(())
    })
}

/// Put before texts with the purpose `QASK_PURPOSE_QUERY`. Default: metadata key `qask.embedding.query_prefix`, else
/// nothing.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_query_prefix(
    options: *mut qask_embedder_options,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.query_prefix = Some(content(text, length, "text")?.to_owned());
        Ok(())
    })
}

/// Put before texts with the purpose `QASK_PURPOSE_DOCUMENT`. Default: metadata key `qask.embedding.document_prefix`, else
/// nothing.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_document_prefix(
    options: *mut qask_embedder_options,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.document_prefix = Some(content(text, length, "text")?.to_owned());
        Ok(())
    })
}

/// What a reranker that answers yes or no is told to judge by. Default: "Given a web search query, retrieve relevant
/// passages that answer the query". UNSUPPORTED when the embedder is made and its model has no place for it.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_instruction(
    options: *mut qask_embedder_options,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.instruction = Some(content(text, length, "text")?.to_owned());
        Ok(())
    })
}

/// Threads that compute, at most: 1 to 512. Default: the physical (or performance) cores.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_threads(
    options: *mut qask_embedder_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.threads = Some(value);
        Ok(())
    })
}

/// Compute with fewer threads than were set where that is faster, as it is beside other busy programs; see
/// `qask_engine_options_set_adapt_threads`. Default true.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_adapt_threads(
    options: *mut qask_embedder_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.adapt_threads = value;
        Ok(())
    })
}

fn unknown(name: &str, value: i32, known: &str) -> Error {
    Error::new(Code::Range, format!("{name} is {value}; it must be one of {known}"))
}

/// Bytes that the embedder and its model may take, together and on all devices; an embedder that would take more (see
/// `qask_plan`) is refused with `QASK_ERR_TOO_LARGE`. 0: no limit, the default.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_options_set_memory_budget(
    options: *mut qask_embedder_options,
    value: u64,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.memory_budget = (value > 0).then_some(value);
        Ok(())
    })
}
