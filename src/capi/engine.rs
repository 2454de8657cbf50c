//! Engines and their statistics.

use std::sync::Arc;

use super::basics::{optional_cancel, qask_cancel};
use super::call::{fallible, free, hand_out, infallible, own, put, required, timeout};
use super::engine_options::{self, qask_engine_options};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::model::{qask_model, ModelObject};
use super::request::{qask_request, RequestObject};
use super::status::{qask_status, QASK_OK, QASK_TIMEOUT};
use super::stream::{qask_stream, StreamObject};
use crate::engine::{Engine, Stats, Trim};
use crate::error::{Code, Error};

/// Serves requests over a model: one thread of its own computes many at once. Any thread may use it; submitting
/// never waits for compute. Free each handle with `qask_engine_free`, which waits for nothing; `qask_engine_close`
/// waits.
///
/// Typical use:
///
/// ```c
/// qask_engine_new(model, NULL, &engine, &error);
/// qask_engine_submit(engine, request, NULL, &stream, &error);
/// while (qask_stream_next(stream, -1, &event, &error) == QASK_OK) { ... }
/// qask_stream_free(stream);
/// qask_engine_free(engine);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_engine(());

pub(super) struct EngineObject(pub Engine);

impl Object for EngineObject {
    const KIND: Kind = Kind::Engine;
}

/// Starts an engine over a model. `engine_options` may be NULL. The caller frees it with `qask_engine_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE, UNSUPPORTED (the model does not generate text), OUT_OF_MEMORY,
/// TOO_LARGE (it would take more than its `memory_budget`); NOT_FOUND and IO (the prefix cache directory). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_new(
    model: *const qask_model,
    engine_options: *const qask_engine_options,
    out: *mut *mut qask_engine,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let model = handle::get::<ModelObject>(model as usize)?;
        let options = engine_options::settings(engine_options)?;
        hand_out(out, EngineObject(Engine::new(&model.model, options)?))
    })
}

/// Makes a second handle to the same engine. Each is freed once, with `qask_engine_free`.
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_retain(
    engine: *const qask_engine,
    out: *mut *mut qask_engine,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object: Arc<EngineObject> = handle::get(engine as usize)?;
        put(out, handle::insert_arc(object)? as *mut qask_engine);
        Ok(QASK_OK)
    })
}

/// Frees a handle. With the last one the engine ends by itself: running streams get `QASK_ERR_CLOSED`. Waits for
/// nothing. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_free(engine: *mut qask_engine) {
    free::<EngineObject>(engine);
}

/// Takes no more requests, ends what runs with `QASK_ERR_CLOSED`, and waits until the engine's memory is free, at
/// most `timeout_ms` milliseconds (-1: for ever). `QASK_TIMEOUT` when it is not by then. The handle still has to be
/// freed.
///
/// Any thread. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_close(
    engine: *const qask_engine,
    timeout_ms: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        Ok(if object.0.close(timeout(timeout_ms)?)? { QASK_OK } else { QASK_TIMEOUT })
    })
}

/// Queues a copy of the request and returns at once. `cancel` may be NULL; raising it ends the stream with the
/// reason "cancelled". Failures other than those below arrive on the stream. The caller frees the stream with
/// `qask_stream_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE, QUEUE_FULL, CLOSED, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_submit(
    engine: *const qask_engine,
    request: *const qask_request,
    cancel: *const qask_cancel,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let engine = handle::get::<EngineObject>(engine as usize)?;
        let request = handle::get::<RequestObject>(request as usize)?;
        let cancel = optional_cancel(cancel)?;
        let snapshot = own(&request.0, "qask_request")?.clone();
        hand_out(out, StreamObject::new(engine.0.submit_with(&snapshot, cancel)?, engine.0.model().clone()))
    })
}

/// Evaluates the request's prompt, so that later requests that begin with it start faster, and generates nothing.
/// With `pin` it is kept until `qask_engine_unpin`. The stream ends with DONE when it is ready; the caller frees it.
///
/// Any thread. Errors: as `qask_engine_submit`. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_prewarm(
    engine: *const qask_engine,
    request: *const qask_request,
    pin: bool,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let engine = handle::get::<EngineObject>(engine as usize)?;
        let request = handle::get::<RequestObject>(request as usize)?;
        let snapshot = own(&request.0, "qask_request")?.clone();
        hand_out(out, StreamObject::new(engine.0.prewarm(&snapshot, pin)?, engine.0.model().clone()))
    })
}

/// Lets every pinned prefix be dropped when room is needed.
///
/// Any thread. Errors: NULL, HANDLE, CLOSED, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_unpin(engine: *const qask_engine, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        handle::get::<EngineObject>(engine as usize)?.0.unpin()?;
        Ok(QASK_OK)
    })
}

/// Changes the thread counts from the next step on: 1 to 512 each.
///
/// Any thread. Errors: NULL, HANDLE, RANGE, CLOSED, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_set_threads(
    engine: *const qask_engine,
    threads: u32,
    threads_batch: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        handle::get::<EngineObject>(engine as usize)?.0.set_threads(threads, threads_batch)?;
        Ok(QASK_OK)
    })
}

/// Stops computing behind the current step, until `qask_engine_resume`, and waits until it rests, at most `timeout_ms`
/// milliseconds (-1: for ever; 0: not at all): for an app that goes to the background. `QASK_TIMEOUT` when it does not
/// rest by then; it will all the same. Requests are taken and wait, cancels and deadlines hold, sessions are saved and
/// restored; a thread that reads a stream waits.
///
/// Any thread. Errors: NULL, HANDLE, RANGE, CLOSED, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_pause(
    engine: *const qask_engine,
    timeout_ms: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        Ok(if object.0.pause(timeout(timeout_ms)?)? { QASK_OK } else { QASK_TIMEOUT })
    })
}

/// Goes on after `qask_engine_pause`; nothing when it was not paused.
///
/// Any thread. Errors: NULL, HANDLE, CLOSED, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_resume(engine: *const qask_engine, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        handle::get::<EngineObject>(engine as usize)?.0.resume()?;
        Ok(QASK_OK)
    })
}

/// Prefixes that are kept for later requests, except pinned ones. The room is used by others; the process's memory stays
/// as large as it is.
pub const QASK_TRIM_CACHE: i32 = 1;
/// The whole context when nothing runs: KV cache, compute buffers, pinned prefixes too. The next request makes it anew,
/// in some milliseconds. While the engine is paused nothing runs: answers in the middle are computed again up to where
/// they were when it goes on.
pub const QASK_TRIM_CONTEXT: i32 = 2;
/// Pages of the model file that are in memory because it is mapped: they are read again when they are needed. What was
/// copied (repacked, not mapped, on a GPU) or locked stays. For all engines over the model.
pub const QASK_TRIM_WEIGHTS: i32 = 3;

/// Lets go of memory behind the current step: one of `QASK_TRIM_…`, each with those before it. Waits until that is done,
/// at most `timeout_ms` milliseconds (-1: for ever; 0: not at all); `QASK_TIMEOUT` when it is not by then, and it will be
/// all the same. What runs keeps its memory, unless the engine is paused.
///
/// Any thread. Errors: NULL, HANDLE, RANGE, CLOSED, ENGINE_FAULT. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_trim(
    engine: *const qask_engine,
    level: i32,
    timeout_ms: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        let level = match level {
            QASK_TRIM_CACHE => Trim::Cache,
            QASK_TRIM_CONTEXT => Trim::Context,
            QASK_TRIM_WEIGHTS => Trim::Weights,
            _ => return Err(Error::new(Code::Range, format!("level is {level}; it must be one of QASK_TRIM_…"))),
        };
        Ok(if object.0.trim(level, timeout(timeout_ms)?)? { QASK_OK } else { QASK_TIMEOUT })
    })
}

/// Tokens that one sequence may hold.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_n_ctx(engine: *const qask_engine) -> u32 {
    infallible(0, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        Ok(object.0.n_ctx())
    })
}

/// Tokens that the KV cache holds.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_kv_tokens(engine: *const qask_engine) -> u32 {
    infallible(0, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        Ok(object.0.kv_tokens())
    })
}

/// Figures of an engine at one moment. Immutable: any thread may read it. Free it with `qask_stats_free`.
///
/// Typical use:
///
/// ```c
/// qask_engine_stats(engine, &stats, &error);
/// printf("%u active, %u queued, %.0f tokens/s\n", qask_stats_active(stats), qask_stats_queued(stats),
///        qask_stats_output_tokens_per_second(stats));
/// qask_stats_free(stats);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_stats(());

struct StatsObject(Stats);

impl Object for StatsObject {
    const KIND: Kind = Kind::Stats;
}

/// Takes the engine's figures of this moment. The caller frees them with `qask_stats_free`.
///
/// Any thread. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_stats(
    engine: *const qask_engine,
    out: *mut *mut qask_stats,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, StatsObject(handle::get::<EngineObject>(engine as usize)?.0.stats()))
    })
}

/// Frees figures. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_free(stats: *mut qask_stats) {
    free::<StatsObject>(stats);
}

/// Answers that wait.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_queued(stats: *const qask_stats) -> u32 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.queued)
    })
}

/// Answers that are being computed.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_active(stats: *const qask_stats) -> u32 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.active)
    })
}

/// Tokens that the KV cache holds at most.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_kv_tokens_total(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.kv_tokens_total)
    })
}

/// Tokens in it; what several sequences share counts once.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_kv_tokens_used(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.kv_tokens_used)
    })
}

/// Tokens of prefixes that are kept for later requests.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_cached_tokens(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.cached_tokens)
    })
}

/// Cached prefixes that were dropped for room.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_evictions(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.evictions)
    })
}

/// Sequences that were put back into the queue for room.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_preemptions(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.preemptions)
    })
}

/// Answers asked for.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_submitted(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.submitted)
    })
}

/// Answers that ended, in whichever way.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_finished(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.finished)
    })
}

/// Of those, how many with an error.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_failed(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.failed)
    })
}

/// Prompt tokens that were evaluated.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_prompt_tokens(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.prompt_tokens)
    })
}

/// Prompt tokens that came from the cache.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_reused_tokens(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.reused_tokens)
    })
}

/// Of those, tokens that came from the prefix cache directory.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_disk_tokens(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.disk_tokens)
    })
}

/// New tokens.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_output_tokens(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.output_tokens)
    })
}

/// Steps computed.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_steps(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.steps)
    })
}

/// Prompt tokens a second, as a moving average.
///
/// Any thread. A bad handle gives 0.0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_prompt_tokens_per_second(stats: *const qask_stats) -> f64 {
    infallible(0.0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.prompt_tokens_per_second)
    })
}

/// New tokens a second over all streams, as a moving average.
///
/// Any thread. A bad handle gives 0.0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_output_tokens_per_second(stats: *const qask_stats) -> f64 {
    infallible(0.0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.output_tokens_per_second)
    })
}

/// The longest step that had running streams in it, in microseconds.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_longest_step_us(stats: *const qask_stats) -> u64 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.longest_step_us)
    })
}

/// Threads that decode, at most.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_threads(stats: *const qask_stats) -> u32 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.threads)
    })
}

/// Threads that evaluate prompts, at most.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_threads_batch(stats: *const qask_stats) -> u32 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.threads_batch)
    })
}

/// Of the threads that decode, those in use now: fewer beside busy programs, see
/// `qask_engine_options_set_adapt_threads`.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_threads_used(stats: *const qask_stats) -> u32 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.threads_used)
    })
}

/// Of the threads that evaluate prompts, those in use now.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stats_threads_batch_used(stats: *const qask_stats) -> u32 {
    infallible(0, || {
        let object = handle::get::<StatsObject>(stats as usize)?;
        Ok(object.0.threads_batch_used)
    })
}
