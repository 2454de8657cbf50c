//! Adapters.

use std::ffi::c_char;
use std::sync::Arc;

use super::call::{fallible, free, hand_out, infallible, name, put, required};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::model::{qask_model, ModelObject};
use super::request::{self, qask_request};
use super::status::{qask_status, QASK_OK};
use crate::adapter::{Adapter, AdapterKind};

/// Changes what a model does without changing the model: a LoRA or a control vector, chosen by each request. Any
/// thread may use it. Free each handle with `qask_adapter_free`; it stays loaded while a request uses it, and keeps its
/// model alive.
///
/// Typical use:
///
/// ```c
/// qask_adapter_load(model, "law.gguf", &adapter, &error);
/// qask_request_add_adapter(request, adapter, 1.0f, &error);
/// qask_engine_submit(engine, request, NULL, &stream, &error);
/// qask_adapter_free(adapter);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_adapter(());

pub(super) struct AdapterObject(pub Adapter);

impl Object for AdapterObject {
    const KIND: Kind = Kind::Adapter;
}

/// A LoRA that acts on the whole text.
pub const QASK_ADAPTER_LORA: i32 = 1;
/// A LoRA that acts from the last place on where the prompt holds its invocation tokens; nowhere without them.
pub const QASK_ADAPTER_ACTIVATED_LORA: i32 = 2;
/// A control vector.
pub const QASK_ADAPTER_CONTROL_VECTOR: i32 = 3;

/// Loads an adapter (GGUF) for a model. The file is checked before the engine sees it. Waits until it is loaded. The
/// caller frees it with `qask_adapter_free`.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, NOT_FOUND, IO, INVALID (damaged, or made for another model),
/// OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_adapter_load(
    model: *const qask_model,
    path: *const c_char,
    out: *mut *mut qask_adapter,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = handle::get::<ModelObject>(model as usize)?;
        hand_out(out, AdapterObject(Adapter::load(&model.model, name(path, "path")?)?))
    })
}

/// Makes a second handle to the same adapter. Each is freed once, with `qask_adapter_free`.
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_adapter_retain(
    adapter: *const qask_adapter,
    out: *mut *mut qask_adapter,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object: Arc<AdapterObject> = handle::get(adapter as usize)?;
        put(out, handle::insert_arc(object)? as *mut qask_adapter);
        Ok(QASK_OK)
    })
}

/// Frees a handle; requests that use the adapter go on. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_adapter_free(adapter: *mut qask_adapter) {
    free::<AdapterObject>(adapter);
}

/// What kind it is: one of `QASK_ADAPTER_…`.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_adapter_kind(adapter: *const qask_adapter) -> i32 {
    infallible(0, || {
        Ok(match handle::get::<AdapterObject>(adapter as usize)?.0.kind() {
            AdapterKind::Lora => QASK_ADAPTER_LORA,
            AdapterKind::ActivatedLora => QASK_ADAPTER_ACTIVATED_LORA,
            AdapterKind::ControlVector => QASK_ADAPTER_CONTROL_VECTOR,
        })
    })
}

/// Lets an adapter act on the answers to a request, with a scale (1 = as it was trained; -1,000 to 1,000). Several may
/// act together, each once, and at most one activated LoRA. Submit refuses one of another model with RANGE.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_adapter(
    request: *mut qask_request,
    adapter: *const qask_adapter,
    scale: f32,
    error: *mut *mut qask_error,
) -> qask_status {
    request::with(request, error, |r| {
        let adapter = handle::get::<AdapterObject>(adapter as usize)?.0.clone();
        crate::adapter::check_scale(scale)?;
        r.adapters.retain(|(a, _)| *a != adapter);
        r.adapters.push((adapter, scale));
        Ok(())
    })
}

/// Takes all adapters from a request.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_clear_adapters(
    request: *mut qask_request,
    error: *mut *mut qask_error,
) -> qask_status {
    request::with(request, error, |r| {
        r.adapters.clear();
        Ok(())
    })
}
