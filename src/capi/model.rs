//! Models.

use std::ffi::{c_char, CString};
use std::path::PathBuf;
use std::sync::Arc;

use super::basics::{optional_cancel, qask_cancel, qask_string, TextObject};
use super::call::{content, fallible, free, hand_out, infallible, name, own, put, put_optional, required, slice};
use super::error::{c_string, qask_error};
use super::facts::{text, Facts};
use super::handle::{self, Kind, Object};
use super::model_options::{qask_model_options, ModelOptionsObject, Settings};
use super::request::{qask_request, RequestObject};
use super::status::{qask_status, QASK_OK};
use crate::error::{Code, Error, Result};
use crate::model::{Model, ModelOptions};

/// A loaded model: weights, vocabulary, chat template, metadata. Immutable; any thread may use it. Free each handle
/// with `qask_model_free`; engines keep their model alive.
///
/// Typical use:
///
/// ```c
/// qask_model *model = NULL;
/// if (qask_model_load("model.gguf", NULL, NULL, &model, &error) != QASK_OK) { ... }
/// qask_engine_new(model, NULL, &engine, &error);
/// qask_model_free(model);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_model(());

pub(super) struct ModelObject {
    pub model: Model,
    facts: Facts,
    devices: Vec<CString>,
}

impl Object for ModelObject {
    const KIND: Kind = Kind::Model;
}

impl ModelObject {
    fn new(model: Model) -> ModelObject {
        let devices = model.devices().iter().map(|d| c_string(&d.name)).collect();
        ModelObject { facts: Facts::new(model.info()), devices, model }
    }
}

pub(super) fn options(options: *const qask_model_options, cancel: *const qask_cancel) -> Result<ModelOptions> {
    let cancel = optional_cancel(cancel)?;
    if options.is_null() {
        return Ok(Settings::default().options(cancel));
    }
    let object = handle::get::<ModelOptionsObject>(options as usize)?;
    let settings = own(&object.0, "qask_model_options")?.clone();
    Ok(settings.options(cancel))
}

/// Loads a GGUF file; a split model by its first part. The file is checked before the engine sees it. `options` and
/// `cancel` may be NULL. Waits until it is loaded. The caller frees the model with `qask_model_free`.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, BUSY, NOT_FOUND, IO, INVALID, UNSUPPORTED_ARCH, TOO_LARGE,
/// OUT_OF_MEMORY, CANCELLED, UNSUPPORTED (a file without a tokenizer; this CPU lacks instructions of this
/// build). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_load(
    path: *const c_char,
    model_options: *const qask_model_options,
    cancel: *const qask_cancel,
    out: *mut *mut qask_model,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = Model::load(name(path, "path")?, options(model_options, cancel)?)?;
        hand_out(out, ModelObject::new(model))
    })
}

/// Loads a split model from its parts, in order. Otherwise as `qask_model_load`.
///
/// Any thread. Errors: as `qask_model_load`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_load_splits(
    paths: *const *const c_char,
    count: usize,
    model_options: *const qask_model_options,
    cancel: *const qask_cancel,
    out: *mut *mut qask_model,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let paths: Vec<PathBuf> = slice(paths, count, "paths")?
            .iter()
            .map(|p| name(*p, "path").map(PathBuf::from))
            .collect::<Result<_>>()?;
        hand_out(out, ModelObject::new(Model::load_splits(&paths, options(model_options, cancel)?)?))
    })
}

/// Loads a GGUF that lies inside an open file (an Android asset, a larger container): `length` bytes from `offset`
/// on; 0 = to the end. The descriptor stays the caller's and its position stays where it is. It is mapped when
/// `offset` is a multiple of 32, otherwise read. The caller frees the model with `qask_model_free`.
///
/// Any thread. Errors: as `qask_model_load`; UNSUPPORTED on systems without descriptors. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_load_fd(
    fd: i32,
    offset: u64,
    length: u64,
    model_options: *const qask_model_options,
    cancel: *const qask_cancel,
    out: *mut *mut qask_model,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let file = duplicate(fd)?;
        hand_out(out, ModelObject::new(Model::load_file(&file, offset, length, options(model_options, cancel)?)?))
    })
}

#[cfg(unix)]
fn duplicate(fd: i32) -> Result<std::fs::File> {
    use std::os::fd::BorrowedFd;
    if fd < 0 {
        return Err(Error::new(Code::Range, format!("fd is {fd}; it must be an open descriptor")));
    }
    // SAFETY: only borrowed for the duplication, which fails for a closed descriptor.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let own = borrowed.try_clone_to_owned().map_err(|e| Error::new(Code::Io, format!("descriptor {fd}: {e}")))?;
    Ok(own.into())
}

#[cfg(not(unix))]
fn duplicate(_: i32) -> Result<std::fs::File> {
    Err(Error::new(Code::Unsupported, "loading from a descriptor is not available on this system"))
}

/// Makes a second handle to the same model. Each is freed once, with `qask_model_free`.
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_retain(
    model: *const qask_model,
    out: *mut *mut qask_model,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object: Arc<ModelObject> = handle::get(model as usize)?;
        put(out, handle::insert_arc(object)? as *mut qask_model);
        Ok(QASK_OK)
    })
}

/// Frees a handle; the memory goes when no other handle and no engine holds the model. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_free(model: *mut qask_model) {
    free::<ModelObject>(model);
}

/// Turns text into tokens. `add_special` adds what the model wants around a text (BOS, EOS); `parse_special` turns
/// texts of special tokens into those tokens: leave it false for text from outside. `*count` gets the number of
/// tokens. With `tokens` NULL and `capacity` 0 they are only counted; when `capacity` is too small otherwise,
/// `*count`
/// is written, no token is, and the status is RANGE.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, RANGE, TOO_LONG. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_tokenize(
    model: *const qask_model,
    text: *const c_char,
    length: usize,
    add_special: bool,
    parse_special: bool,
    tokens: *mut i32,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(count, "count")?;
        let object = handle::get::<ModelObject>(model as usize)?;
        let found = object.model.tokenize(content(text, length, "text")?, add_special, parse_special)?;
        put(count, found.len());
        if tokens.is_null() && capacity == 0 {
            return Ok(QASK_OK);
        }
        if found.len() > capacity {
            let text = format!("the text has {} tokens and capacity is {capacity}", found.len());
            return Err(Error::new(Code::Range, text));
        }
        if !found.is_empty() {
            required(tokens, "tokens")?;
            // SAFETY: by the contract room for `capacity` tokens, of which `found` needs no more.
            unsafe { std::ptr::copy_nonoverlapping(found.as_ptr(), tokens, found.len()) };
        }
        Ok(QASK_OK)
    })
}

/// Turns tokens into text; bytes that are not UTF-8 become U+FFFD. Control tokens give no text unless
/// `render_special`. Some tokenizers take spaces before points and commas away here; events of streams give the text as it
/// is. The caller frees the string with `qask_string_free`.
///
/// Any thread. Errors: NULL, HANDLE, RANGE (a token outside the vocabulary). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_detokenize(
    model: *const qask_model,
    tokens: *const i32,
    count: usize,
    render_special: bool,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<ModelObject>(model as usize)?;
        let text = object.model.detokenize(slice(tokens, count, "tokens")?, render_special)?;
        hand_out(out, TextObject::new(&text))
    })
}

/// The prompt text that a request's messages become under the model's (or the request's own) chat template. The
/// caller frees the string with `qask_string_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE, TEMPLATE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_render(
    model: *const qask_model,
    request: *const qask_request,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<ModelObject>(model as usize)?;
        let request = handle::get::<RequestObject>(request as usize)?;
        let snapshot = own(&request.0, "qask_request")?.clone();
        hand_out(out, TextObject::new(&object.model.render(&snapshot)?))
    })
}

/// Whether the model has fill-in-the-middle tokens.
///
/// Any thread. A bad handle gives false. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_supports_infill(model: *const qask_model) -> bool {
    infallible(false, || Ok(handle::get::<ModelObject>(model as usize)?.model.supports_infill()))
}

/// Whether a token ends a generation.
///
/// Any thread. A bad handle or token gives false. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_is_eog(model: *const qask_model, token: i32) -> bool {
    infallible(false, || Ok(handle::get::<ModelObject>(model as usize)?.model.is_eog(token)))
}

/// Name of the memory `index` (from 0) that holds weights, such as "CPU_Mapped" or "CUDA0", as the engine reported
/// it; `bytes` (may be NULL) gets how many. NULL behind the last one.
///
/// Any thread. Alive as long as the handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_device_at(model: *const qask_model, index: usize, bytes: *mut u64) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        put_optional(bytes, object.model.devices().get(index).map_or(0, |d| d.bytes));
        Ok(text(object.devices.get(index), std::ptr::null_mut()))
    })
}

/// Layers that lie on a GPU.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_gpu_layers(model: *const qask_model) -> u32 {
    infallible(0, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.model.gpu_layers())
    })
}

/// The token that opens a text; -1 where the model has none.
///
/// Any thread. A bad handle gives -1. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_bos(model: *const qask_model) -> i32 {
    infallible(-1, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.model.bos().unwrap_or(-1))
    })
}

/// The token that ends a text; -1 where the model has none.
///
/// Any thread. A bad handle gives -1. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_eos(model: *const qask_model) -> i32 {
    infallible(-1, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.model.eos().unwrap_or(-1))
    })
}

/// The token that ends a turn; -1 where the model has none.
///
/// Any thread. A bad handle gives -1. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_eot(model: *const qask_model) -> i32 {
    infallible(-1, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.model.eot().unwrap_or(-1))
    })
}

/// The architecture, such as "qwen2". UTF-8, NUL-terminated, alive as long as the handle. `length` (may be NULL)
/// gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_architecture(model: *const qask_model, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(text(Some(&object.facts.architecture), length))
    })
}

/// The model's own name. UTF-8, NUL-terminated, alive as long as the handle. `length` (may be NULL) gets its bytes
/// without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_name(model: *const qask_model, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(text(object.facts.name.as_ref(), length))
    })
}

/// How the weights are stored, such as "Q4_K_M". UTF-8, NUL-terminated, alive as long as the handle. `length` (may
/// be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_quantization(model: *const qask_model, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(text(Some(&object.facts.quantization), length))
    })
}

/// Number of weights.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_parameters(model: *const qask_model) -> u64 {
    infallible(0, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.facts.info.parameters)
    })
}

/// Tokens that the model was trained for.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_context_length(model: *const qask_model) -> u32 {
    infallible(0, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.facts.info.context_length)
    })
}

/// Tokens in the vocabulary, as the file says.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_vocabulary_size(model: *const qask_model) -> u32 {
    infallible(0, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.facts.info.vocabulary_size)
    })
}

/// Bytes of the file, or of all parts together.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_file_size(model: *const qask_model) -> u64 {
    infallible(0, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.facts.info.file_size)
    })
}

/// The model's own chat template (Jinja). UTF-8, NUL-terminated, alive as long as the handle. `length` (may be
/// NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_chat_template(model: *const qask_model, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(text(object.facts.template.as_ref(), length))
    })
}

/// Number of metadata keys.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_metadata_count(model: *const qask_model) -> usize {
    infallible(0, || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(object.facts.metadata.len())
    })
}

/// The value of a metadata key as text (numbers are printed, arrays abridged): UTF-8, NUL-terminated, alive as long
/// as the handle. `length` (may be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is no such key, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_metadata(
    model: *const qask_model,
    key: *const c_char,
    length: *mut usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        let key = name(key, "key")?;
        let found = object.facts.metadata.iter().find(|(k, _)| k.as_bytes() == key.as_bytes());
        Ok(text(found.map(|(_, v)| v), length))
    })
}

/// The name of metadata key `index`, from 0. NULL behind the last one.
///
/// Any thread. Alive as long as the handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_metadata_key_at(model: *const qask_model, index: usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(text(object.facts.metadata.get(index).map(|(k, _)| k), std::ptr::null_mut()))
    })
}

/// The value of metadata key `index`, as `qask_model_metadata` gives it. NULL behind the last one.
///
/// Any thread. Alive as long as the handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_metadata_value_at(model: *const qask_model, index: usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<ModelObject>(model as usize)?;
        Ok(text(object.facts.metadata.get(index).map(|(_, v)| v), std::ptr::null_mut()))
    })
}
