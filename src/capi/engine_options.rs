//! How an engine is set up.

use super::call::{fallible, free, hand_out, infallible, name, own, required};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_OK};
use std::ffi::c_char;
use std::sync::Mutex;

use crate::engine::{CacheType, EngineOptions, FlashAttention};
use crate::error::{Code, Error, Result};

/// How to set up an engine. Every setter checks its value when the engine is made, or at once where the range is
/// fixed. Free it with `qask_engine_options_free`; `qask_engine_new` takes a copy.
///
/// One owner: use it from one thread at a time.
///
/// Typical use:
///
/// ```c
/// qask_engine_options_new(&options, &error);
/// qask_engine_options_set_n_ctx(options, 8192, &error);
/// qask_engine_options_set_max_sequences(options, 16, &error);
/// qask_engine_new(model, options, &engine, &error);
/// qask_engine_options_free(options);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_engine_options(());

struct EngineOptionsObject(Mutex<EngineOptions>);

impl Object for EngineOptionsObject {
    const KIND: Kind = Kind::EngineOptions;
}

/// 16-bit floats.
pub const QASK_CACHE_F16: i32 = 0;
/// 8.5 bits a number.
pub const QASK_CACHE_Q8_0: i32 = 1;
/// 4.5 bits a number.
pub const QASK_CACHE_Q4_0: i32 = 2;

/// Flash attention where the model and the device support it.
pub const QASK_FLASH_AUTO: i32 = 0;
/// No flash attention.
pub const QASK_FLASH_OFF: i32 = 1;
/// Always flash attention.
pub const QASK_FLASH_ON: i32 = 2;

/// What an object holds; the defaults for NULL.
pub(super) fn settings(options: *const qask_engine_options) -> Result<EngineOptions> {
    if options.is_null() {
        return Ok(EngineOptions::default());
    }
    let object = handle::get::<EngineOptionsObject>(options as usize)?;
    let options = own(&object.0, "qask_engine_options")?.clone();
    Ok(options)
}

/// Makes options with every default. The caller frees them with `qask_engine_options_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_new(
    out: *mut *mut qask_engine_options,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, EngineOptionsObject(Mutex::default()))
    })
}

/// Frees options. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_free(options: *mut qask_engine_options) {
    free::<EngineOptionsObject>(options);
}

fn with(
    options: *mut qask_engine_options,
    error: *mut *mut qask_error,
    set: impl FnOnce(&mut EngineOptions) -> Result<()>,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EngineOptionsObject>(options as usize)?;
        let mut options = own(&object.0, "qask_engine_options")?;
        set(&mut options)?;
        Ok(QASK_OK)
    })
}

fn cache_type(name: &str, value: i32) -> Result<CacheType> {
    match value {
        QASK_CACHE_F16 => Ok(CacheType::F16),
        QASK_CACHE_Q8_0 => Ok(CacheType::Q8_0),
        QASK_CACHE_Q4_0 => Ok(CacheType::Q4_0),
        _ => Err(Error::new(Code::Range, format!("{name} is {value}; it must be one of QASK_CACHE_…"))),
    }
}

/// Tokens that one sequence may hold, prompt and answer together: 2 to the trained length. Default: 4,096, or the
/// trained length where that is less.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_n_ctx(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.n_ctx = Some(value);
        Ok(())
    })
}

/// Tokens that the whole KV cache holds, shared by all sequences and cached prefixes: at least `n_ctx`. Default:
/// twice `n_ctx`.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_kv_tokens(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.kv_tokens = Some(value);
        Ok(())
    })
}

/// Sequences that are computed at once: 1 to 128. Default 8.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_max_sequences(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.max_sequences = value;
        Ok(())
    })
}

/// Answers that may wait: 1 to 1,000,000; more are refused with `QASK_ERR_QUEUE_FULL`. Default 1,024.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_max_queue(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.max_queue = value;
        Ok(())
    })
}

/// Tokens that one step evaluates at most: 32 to 65,536. Default 512.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_n_batch(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.n_batch = value;
        Ok(())
    })
}

/// Tokens that one micro-batch evaluates at most: 1 to `n_batch`. Default 512.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_n_ubatch(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.n_ubatch = value;
        Ok(())
    })
}

/// Threads that decode, at most: 1 to 512. Default: the physical (or performance) cores.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_threads(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.threads = Some(value);
        Ok(())
    })
}

/// Threads that evaluate prompts, at most: 1 to 512. Default: as `threads`.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_threads_batch(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.threads_batch = Some(value);
        Ok(())
    })
}

/// Compute with fewer threads than `threads` and `threads_batch` say where that is faster, as it is beside other busy
/// programs; what steps take tells. The last bits of a result can depend on the count, so that the same request may get
/// another text under load. Default true; an engine that is deterministic always has the counts that were set.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_adapt_threads(
    options: *mut qask_engine_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.adapt_threads = value;
        Ok(())
    })
}

/// Format of the keys in the KV cache: one of `QASK_CACHE_…`. Default F16.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_cache_type_k(
    options: *mut qask_engine_options,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.cache_type_k = cache_type("cache_type_k", value)?;
        Ok(())
    })
}

/// Format of the values in the KV cache: one of `QASK_CACHE_…`; others than F16 need flash attention. Default F16.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_cache_type_v(
    options: *mut qask_engine_options,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.cache_type_v = cache_type("cache_type_v", value)?;
        Ok(())
    })
}

/// Flash attention: one of `QASK_FLASH_…`. Default auto.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_flash_attention(
    options: *mut qask_engine_options,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.flash_attention = match value {
            QASK_FLASH_AUTO => FlashAttention::Auto,
            QASK_FLASH_OFF => FlashAttention::Off,
            QASK_FLASH_ON => FlashAttention::On,
            _ => {
                let text = format!("flash_attention is {value}; it must be one of QASK_FLASH_…");
                return Err(Error::new(Code::Range, text));
            }
        };
        Ok(())
    })
}

/// One KV pool for all sequences, so that they share prefixes. When false each of `max_sequences` has `n_ctx`
/// tokens of its own. Default true.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_unified_kv(
    options: *mut qask_engine_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.unified_kv = value;
        Ok(())
    })
}

/// While other streams run, a step takes prompt tokens for at most about this long, in milliseconds: 1 to 60,000.
/// Default 150.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_max_step_ms(
    options: *mut qask_engine_options,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.max_step_ms = value;
        Ok(())
    })
}

/// Keep evaluated prefixes for later requests. Default true.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_prefix_cache(
    options: *mut qask_engine_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.prefix_cache = value;
        Ok(())
    })
}

/// One request at a time on an empty cache, in fixed chunks: the same seed gives the same text on one build, CPU
/// and thread count. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_deterministic(
    options: *mut qask_engine_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.deterministic = value;
        Ok(())
    })
}

/// Keep the KV cache on the GPU, where layers are. Default true.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_offload_kv(
    options: *mut qask_engine_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.offload_kv = value;
        Ok(())
    })
}

/// Bytes that the engine and its model may take, together and on all devices; an engine that would take more (see
/// `qask_plan`) is refused with `QASK_ERR_TOO_LARGE`. 0: no limit, the default.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_memory_budget(
    options: *mut qask_engine_options,
    value: u64,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.memory_budget = (value > 0).then_some(value);
        Ok(())
    })
}

/// A folder that keeps long prompt prefixes for later processes; it is made when there is none, and may be shared by
/// engines, models and processes. Prefixes are kept when two prompts begin alike and then part, or are the same; what was
/// used longest ago goes when all files together would take more than `bytes`. `path` may be NULL: no such folder, which
/// is the default. What the files hold can be read by whoever can read them.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY; a folder that cannot be used is an error of `qask_engine_new`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_prefix_cache_dir(
    options: *mut qask_engine_options,
    path: *const c_char,
    bytes: u64,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.prefix_cache_dir = if path.is_null() { None } else { Some(name(path, "path")?.into()) };
        o.prefix_cache_dir_bytes = bytes;
        Ok(())
    })
}

/// Run the engine in a process of its own, so that nothing that goes wrong in llama.cpp can end this one: its streams then
/// end with `QASK_ERR_ENGINE_FAULT`, and the next request starts another process. It takes the model a second time (pages
/// of a mapped file are shared) and needs the program `qask-worker`, which is looked for beside the library; see
/// docs/reliability.md. Where a program may not start others (iOS, Android) and on Windows `qask_engine_new` is
/// `QASK_ERR_UNSUPPORTED`. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY; a worker that is missing (NOT_FOUND), of another build (UNSUPPORTED) or dies
/// (ENGINE_FAULT) is an error of `qask_engine_new`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_isolated(
    options: *mut qask_engine_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.isolated = value;
        Ok(())
    })
}

/// The program that runs an isolated engine. `path` may be NULL: what the environment names in `QASK_WORKER`, else
/// `qask-worker` beside the library, in `../libexec` or `../bin` from there, or beside the running program, which is the
/// default. A program that begins with `qask_worker_run` can name itself.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_options_set_worker(
    options: *mut qask_engine_options,
    path: *const c_char,
    error: *mut *mut qask_error,
) -> qask_status {
    with(options, error, |o| {
        o.worker = if path.is_null() { None } else { Some(name(path, "path")?.into()) };
        Ok(())
    })
}

/// Serves an isolated engine when `argument`, the first argument of a program, says that the program was started for it;
/// gives the code that `main` should return then, and -1 when the program is to go on as usual. `argument` may be NULL. Call
/// it before anything else in `main`: a worker closes every descriptor but the three standard ones.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_worker_run(argument: *const c_char) -> i32 {
    infallible(-1, || {
        let argument = if argument.is_null() { "" } else { name(argument, "argument")? };
        Ok(crate::isolation::serve(argument).unwrap_or(-1))
    })
}
