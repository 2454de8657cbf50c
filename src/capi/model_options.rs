//! How a model is loaded.

use super::call::{fallible, free, hand_out, own, required};
use super::callback::UserData;
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_OK};
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::model::ModelOptions;

/// How to load a model. Free it with `qask_model_options_free`; loading takes a copy.
///
/// One owner: use it from one thread at a time.
///
/// Typical use:
///
/// ```c
/// qask_model_options_new(&options, &error);
/// qask_model_options_set_mmap(options, false, &error);
/// qask_model_load("model.gguf", options, NULL, &model, &error);
/// qask_model_options_free(options);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_model_options(());

/// Told the share that is loaded, 0 to 1, on a thread of the library; it must not call back into the library.
#[allow(non_camel_case_types)]
pub type qask_progress_callback = Option<unsafe extern "C" fn(user_data: *mut c_void, share: f32)>;

/// Frees the `user_data` that was given with it: called once, when the library holds it no longer, on whichever thread
/// that is; at once when the call that got it failed. May be NULL.
#[allow(non_camel_case_types)]
pub type qask_destroy_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The settings that a load can use again and again.
#[derive(Clone)]
pub(super) struct Settings {
    gpu_layers: Option<u32>,
    main_gpu: u32,
    mmap: bool,
    mlock: bool,
    check_tensors: bool,
    repack: bool,
    memory_budget: Option<u64>,
    progress: Option<Arc<Progress>>,
}

struct Progress {
    callback: unsafe extern "C" fn(*mut c_void, f32),
    data: UserData,
}

impl Default for Settings {
    fn default() -> Self {
        let o = ModelOptions::default();
        Settings {
            gpu_layers: o.gpu_layers,
            main_gpu: o.main_gpu,
            mmap: o.mmap,
            mlock: o.mlock,
            check_tensors: o.check_tensors,
            repack: o.repack,
            memory_budget: o.memory_budget,
            progress: None,
        }
    }
}

impl Settings {
    pub(super) fn options(self, cancel: Option<crate::Cancel>) -> ModelOptions {
        let progress = self.progress.map(|p| {
            Box::new(move |share| {
                // SAFETY: the caller's own function with the caller's own data, alive as long as `p`.
                unsafe { (p.callback)(p.data.pointer(), share) }
            }) as Box<dyn FnMut(f32) + Send>
        });
        ModelOptions {
            gpu_layers: self.gpu_layers,
            main_gpu: self.main_gpu,
            mmap: self.mmap,
            mlock: self.mlock,
            check_tensors: self.check_tensors,
            repack: self.repack,
            memory_budget: self.memory_budget,
            progress,
            cancel,
        }
    }
}

pub(super) struct ModelOptionsObject(pub Mutex<Settings>);

impl Object for ModelOptionsObject {
    const KIND: Kind = Kind::ModelOptions;
}

/// Makes options with every default. The caller frees them with `qask_model_options_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_new(
    out: *mut *mut qask_model_options,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, ModelOptionsObject(Mutex::default()))
    })
}

/// Frees options. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_free(options: *mut qask_model_options) {
    free::<ModelOptionsObject>(options);
}

fn with(
    options: *mut qask_model_options,
    error: *mut *mut qask_error,
    set: impl FnOnce(&mut Settings) -> Result<()>,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<ModelOptionsObject>(options as usize)?;
        let mut options = own(&object.0, "qask_model_options")?;
        set(&mut options)?;
        Ok(QASK_OK)
    })
}

/// Sets a callback that is told how far a load is. `callback` NULL removes it.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_progress(
    options: *mut qask_model_options,
    callback: qask_progress_callback,
    user_data: *mut c_void,
    destroy: qask_destroy_callback,
    error: *mut *mut qask_error,
) -> qask_status {
    let data = UserData::new(user_data, destroy);
    with(options, error, |o| {
        o.progress = callback.map(|callback| Arc::new(Progress { callback, data }));
        Ok(())
    })
}

/// Layers to put on the GPU. Default: all, where there is one; without a GPU in the build it has no effect.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_gpu_layers(
    options: *mut qask_model_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.gpu_layers = Some(value);
        Ok(())
    })
}

/// The GPU for what is not split, from 0. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_main_gpu(
    options: *mut qask_model_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.main_gpu = value;
        Ok(())
    })
}

/// Map the file instead of reading it: loads faster and shares memory between processes, but the process gets
/// SIGBUS when another one truncates the file. Default true.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_mmap(
    options: *mut qask_model_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.mmap = value;
        Ok(())
    })
}

/// Keep the weights in RAM. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_mlock(
    options: *mut qask_model_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.mlock = value;
        Ok(())
    })
}

/// Look at every weight for damage while loading; slow. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_check_tensors(
    options: *mut qask_model_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.check_tensors = value;
        Ok(())
    })
}

/// Repack weights for the CPU: decodes faster, takes more memory. Default true; never done where the engine was
/// compiled with AMX, whose kernels crash with some compilers (`make lib` leaves them out).
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_repack(
    options: *mut qask_model_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.repack = value;
        Ok(())
    })
}

/// Bytes that the model may take, on all devices together; one that would take more is refused with
/// `QASK_ERR_TOO_LARGE` before its weights are read. 0: no limit, the default.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_model_options_set_memory_budget(
    options: *mut qask_model_options,
    value: u64,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.memory_budget = (value > 0).then_some(value);
        Ok(())
    })
}
