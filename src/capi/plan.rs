//! Plans: how much memory a model will take, before it is loaded.

use std::ffi::{c_char, CString};

use super::call::{fallible, free, hand_out, infallible, name, put, required};
use super::embedder_options::{self, qask_embedder_options};
use super::engine_options::{self, qask_engine_options};
use super::error::{c_string, qask_error};
use super::facts::text;
use super::handle::{self, Kind, Object};
use super::model::{self, qask_model, ModelObject};
use super::model_options::qask_model_options;
use super::status::{qask_status, QASK_OK};
use crate::error::{Code, Error, Result};
use crate::plan::{DevicePlan, Part, Plan};

/// The memory that a model and an engine, or an embedder, over it will have taken when they were fully used; by part
/// and by device. Immutable: any thread may read it. It keeps the model's vocabulary in memory until it is freed with
/// `qask_plan_free`.
///
/// Typical use:
///
/// ```c
/// qask_model_plan("model.gguf", NULL, NULL, &plan, &error);
/// printf("%.0f MB, ", qask_plan_total(plan) / 1e6);
/// printf("of which %.0f MB KV cache\n", qask_plan_bytes(plan, QASK_PART_KV) / 1e6);
/// qask_plan_largest_context(plan, 2000000000, &n_ctx, &error);
/// qask_plan_free(plan);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_plan(());

struct PlanObject {
    plan: Plan,
    names: Vec<CString>,
}

impl Object for PlanObject {
    const KIND: Kind = Kind::Plan;
}

impl PlanObject {
    fn new(plan: Plan) -> PlanObject {
        let names = plan.devices().iter().map(|d| c_string(d.name())).collect();
        PlanObject { plan, names }
    }
}

/// Pages of the mapped model file. They count as the process's memory, but the system can take them back without
/// writing them, and other processes that map the file share them.
pub const QASK_PART_MAPPED: i32 = 0;
/// Weights in memory of their own: repacked for the CPU, on a GPU, or read because the file is not mapped.
pub const QASK_PART_WEIGHTS: i32 = 1;
/// The KV cache of all sequences.
pub const QASK_PART_KV: i32 = 2;
/// States of recurrent layers, of all sequences.
pub const QASK_PART_STATE: i32 = 3;
/// What one step computes with.
pub const QASK_PART_COMPUTE: i32 = 4;
/// Logits and vectors that a step gives.
pub const QASK_PART_OUTPUT: i32 = 5;
/// Vocabulary, bookkeeping and the library's own code.
pub const QASK_PART_OTHER: i32 = 6;

fn part(value: i32) -> Result<Part> {
    Ok(match value {
        QASK_PART_MAPPED => Part::Mapped,
        QASK_PART_WEIGHTS => Part::Weights,
        QASK_PART_KV => Part::Kv,
        QASK_PART_STATE => Part::State,
        QASK_PART_COMPUTE => Part::Compute,
        QASK_PART_OUTPUT => Part::Output,
        QASK_PART_OTHER => Part::Other,
        _ => return Err(Error::new(Code::Range, format!("part is {value}; it must be one of QASK_PART_…"))),
    })
}

/// Plans an engine over a model file that is not loaded, in tens to hundreds of milliseconds: the weights stay on disk.
/// Both options may be NULL; their memory budgets are not looked at. The caller frees the plan with `qask_plan_free`.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, BUSY, RANGE, NOT_FOUND, IO, INVALID, UNSUPPORTED_ARCH, UNSUPPORTED,
/// OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_plan(
    path: *const c_char,
    model_options: *const qask_model_options,
    engine_options: *const qask_engine_options,
    out: *mut *mut qask_plan,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = model::options(model_options, std::ptr::null())?;
        let plan = Plan::engine(name(path, "path")?, &model, &engine_options::settings(engine_options)?)?;
        hand_out(out, PlanObject::new(plan))
    })
}

/// Plans an embedder over a model file that is not loaded; otherwise as `qask_model_plan`. The caller frees the plan
/// with `qask_plan_free`.
///
/// Any thread. Errors: as `qask_model_plan`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_plan_embedder(
    path: *const c_char,
    model_options: *const qask_model_options,
    embedder_options: *const qask_embedder_options,
    out: *mut *mut qask_plan,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = model::options(model_options, std::ptr::null())?;
        let plan = Plan::embedder(name(path, "path")?, &model, &embedder_options::settings(embedder_options)?)?;
        hand_out(out, PlanObject::new(plan))
    })
}

/// Plans an engine over a loaded model, whose file is read again; the model's own memory is part of the plan.
/// `engine_options` may be NULL. The caller frees the plan with `qask_plan_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE, INVALID (the file is no longer there), UNSUPPORTED, OUT_OF_MEMORY.
/// Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_plan(
    model: *const qask_model,
    engine_options: *const qask_engine_options,
    out: *mut *mut qask_plan,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = handle::get::<ModelObject>(model as usize)?;
        let plan = Plan::for_engine(&model.model, &engine_options::settings(engine_options)?)?;
        hand_out(out, PlanObject::new(plan))
    })
}

/// Plans an embedder over a loaded model, whose file is read again; the model's own memory is part of the plan.
/// `embedder_options` may be NULL. The caller frees the plan with `qask_plan_free`.
///
/// Any thread. Errors: as `qask_engine_plan`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_embedder_plan(
    model: *const qask_model,
    embedder_options: *const qask_embedder_options,
    out: *mut *mut qask_plan,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = handle::get::<ModelObject>(model as usize)?;
        let plan = Plan::for_embedder(&model.model, &embedder_options::settings(embedder_options)?)?;
        hand_out(out, PlanObject::new(plan))
    })
}

/// Frees a plan. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_free(plan: *mut qask_plan) {
    free::<PlanObject>(plan);
}

/// Bytes on all devices together: what the process's resident memory will have grown to.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_total(plan: *const qask_plan) -> u64 {
    infallible(0, || Ok(handle::get::<PlanObject>(plan as usize)?.plan.total()))
}

/// Bytes of a part (`QASK_PART_…`) on all devices together.
///
/// Any thread. A bad handle and an unknown part give 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_bytes(plan: *const qask_plan, part: i32) -> u64 {
    infallible(0, || Ok(handle::get::<PlanObject>(plan as usize)?.plan.bytes(self::part(part)?)))
}

/// Tokens that one sequence may hold; an input, where it is the plan of an embedder.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_n_ctx(plan: *const qask_plan) -> u32 {
    infallible(0, || Ok(handle::get::<PlanObject>(plan as usize)?.plan.n_ctx()))
}

/// Bytes of KV cache and recurrent state that one sequence fills when it is full. Sequences share the pool, and
/// prefixes in it: the pool's are those of `QASK_PART_KV` and `QASK_PART_STATE`.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_sequence_bytes(plan: *const qask_plan) -> u64 {
    infallible(0, || Ok(handle::get::<PlanObject>(plan as usize)?.plan.sequence_bytes()))
}

/// Writes the largest `n_ctx`, in steps of 256, with which the same engine fits into `budget` bytes; 0 when even the
/// smallest does not. Where `kv_tokens` is set it stays, so that it is the most.
///
/// Any thread. Errors: NULL, HANDLE, UNSUPPORTED (the plan of an embedder), OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_largest_context(
    plan: *const qask_plan,
    budget: u64,
    n_ctx: *mut u32,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(n_ctx, "n_ctx")?;
        let object = handle::get::<PlanObject>(plan as usize)?;
        put(n_ctx, object.plan.largest_context(budget)?.unwrap_or(0));
        Ok(QASK_OK)
    })
}

/// Number of devices. The CPU is the first.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_device_count(plan: *const qask_plan) -> usize {
    infallible(0, || Ok(handle::get::<PlanObject>(plan as usize)?.plan.devices().len()))
}

/// The short name of device `index`, from 0, such as "CPU" or "CUDA0". NULL behind the last one.
///
/// Any thread. Alive as long as the handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_device_name_at(plan: *const qask_plan, index: usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<PlanObject>(plan as usize)?;
        Ok(text(object.names.get(index), std::ptr::null_mut()))
    })
}

/// Whether device `index` is a GPU.
///
/// Any thread. A bad handle and an index behind the last one give false. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_device_is_gpu_at(plan: *const qask_plan, index: usize) -> bool {
    infallible(false, || {
        let object = handle::get::<PlanObject>(plan as usize)?;
        Ok(object.plan.devices().get(index).is_some_and(DevicePlan::is_gpu))
    })
}

/// Bytes of a part (`QASK_PART_…`) on device `index`.
///
/// Any thread. A bad handle, an unknown part and an index behind the last one give 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_plan_device_bytes_at(plan: *const qask_plan, index: usize, part: i32) -> u64 {
    infallible(0, || {
        let object = handle::get::<PlanObject>(plan as usize)?;
        let part = self::part(part)?;
        Ok(object.plan.devices().get(index).map_or(0, |d| d.bytes(part)))
    })
}
