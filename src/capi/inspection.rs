//! A look at a model file without loading it.

use std::ffi::c_char;

use super::call::{fallible, free, hand_out, infallible, name, required};
use super::error::qask_error;
use super::facts::{text, Facts};
use super::handle::{self, Kind, Object};
use super::status::qask_status;

/// What a model file says of itself, read without loading it. Immutable: any thread may read it. Free it with
/// `qask_inspection_free`.
///
/// Typical use:
///
/// ```c
/// qask_model_inspect("model.gguf", &inspection, &error);
/// printf("%s, %s\n", qask_inspection_architecture(inspection, NULL),
///        qask_inspection_quantization(inspection, NULL));
/// qask_inspection_free(inspection);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_inspection(());

struct InspectionObject {
    facts: Facts,
}

impl Object for InspectionObject {
    const KIND: Kind = Kind::Inspection;
}

/// Reads and checks a GGUF file (or, by any of its parts, a split model) without loading it. The caller frees the
/// result with `qask_inspection_free`.
///
/// Any thread. Errors: NULL, UTF8, NOT_FOUND, IO, INVALID, UNSUPPORTED_ARCH, TOO_LARGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_inspect(
    path: *const c_char,
    out: *mut *mut qask_inspection,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let info = crate::gguf::inspect(name(path, "path")?)?;
        hand_out(out, InspectionObject { facts: Facts::new(&info) })
    })
}

/// Frees an inspection. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_free(inspection: *mut qask_inspection) {
    free::<InspectionObject>(inspection);
}

/// The architecture, such as "qwen2". UTF-8, NUL-terminated, alive as long as the handle. `length` (may be NULL)
/// gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_architecture(
    inspection: *const qask_inspection,
    length: *mut usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(text(Some(&object.facts.architecture), length))
    })
}

/// The model's own name. UTF-8, NUL-terminated, alive as long as the handle. `length` (may be NULL) gets its bytes
/// without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_name(inspection: *const qask_inspection, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(text(object.facts.name.as_ref(), length))
    })
}

/// How the weights are stored, such as "Q4_K_M". UTF-8, NUL-terminated, alive as long as the handle. `length` (may
/// be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_quantization(
    inspection: *const qask_inspection,
    length: *mut usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(text(Some(&object.facts.quantization), length))
    })
}

/// Number of weights.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_parameters(inspection: *const qask_inspection) -> u64 {
    infallible(0, || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(object.facts.info.parameters)
    })
}

/// Tokens that the model was trained for.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_context_length(inspection: *const qask_inspection) -> u32 {
    infallible(0, || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(object.facts.info.context_length)
    })
}

/// Tokens in the vocabulary, as the file says.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_vocabulary_size(inspection: *const qask_inspection) -> u32 {
    infallible(0, || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(object.facts.info.vocabulary_size)
    })
}

/// Bytes of the file, or of all parts together.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_file_size(inspection: *const qask_inspection) -> u64 {
    infallible(0, || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(object.facts.info.file_size)
    })
}

/// The model's own chat template (Jinja). UTF-8, NUL-terminated, alive as long as the handle. `length` (may be
/// NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_chat_template(
    inspection: *const qask_inspection,
    length: *mut usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(text(object.facts.template.as_ref(), length))
    })
}

/// Number of metadata keys.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_metadata_count(inspection: *const qask_inspection) -> usize {
    infallible(0, || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(object.facts.metadata.len())
    })
}

/// The value of a metadata key as text (numbers are printed, arrays abridged): UTF-8, NUL-terminated, alive as long
/// as the handle. `length` (may be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is no such key, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_metadata(
    inspection: *const qask_inspection,
    key: *const c_char,
    length: *mut usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        let key = name(key, "key")?;
        let found = object.facts.metadata.iter().find(|(k, _)| k.as_bytes() == key.as_bytes());
        Ok(text(found.map(|(_, v)| v), length))
    })
}

/// The name of metadata key `index`, from 0. NULL behind the last one.
///
/// Any thread. Alive as long as the handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_metadata_key_at(
    inspection: *const qask_inspection,
    index: usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(text(object.facts.metadata.get(index).map(|(k, _)| k), std::ptr::null_mut()))
    })
}

/// The value of metadata key `index`, as `qask_inspection_metadata` gives it. NULL behind the last one.
///
/// Any thread. Alive as long as the handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_inspection_metadata_value_at(
    inspection: *const qask_inspection,
    index: usize,
) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<InspectionObject>(inspection as usize)?;
        Ok(text(object.facts.metadata.get(index).map(|(_, v)| v), std::ptr::null_mut()))
    })
}
