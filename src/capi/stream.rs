//! Streams and their events.

use std::ffi::{c_char, c_void, CString};
use std::sync::{Arc, Mutex};

use super::basics::{qask_string, TextObject};
use super::call::{fallible, hand_out, infallible, micros, own, put, put_optional, required, timeout};
use super::callback::UserData;
use super::error::{c_string, qask_error};
use super::facts::text;
use super::handle::{self, Kind, Object};
use super::model_options::qask_destroy_callback;
use super::status::{qask_status, QASK_DONE, QASK_OK, QASK_TIMEOUT};
use super::tools::CallTexts;
use crate::engine::wake::Wake;
use crate::engine::{Stream, StreamCanceller};
use crate::error::Result;
use crate::event::{Done, Event, FinishReason, Next, TokenLogprob};
use crate::model::{Model, Token};

/// One running generation. Pull its events from one thread; cancel it from any. Freeing it cancels it and waits for
/// nothing.
///
/// Typical use:
///
/// ```c
/// qask_engine_submit(engine, request, NULL, &stream, &error);
/// while (qask_stream_next(stream, -1, &event, &error) == QASK_OK)
///     if (qask_event_type(event) == QASK_EVENT_TEXT) fputs(qask_event_text(event, NULL), stdout);
/// qask_stream_cancel(stream, NULL); // from any thread, to end it early
/// qask_stream_free(stream);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_stream(());

pub(super) struct StreamObject {
    stream: Mutex<Stream>,
    pub canceller: StreamCanceller,
    model: Model,
    /// The handle of the event that was given out last.
    current: Mutex<usize>,
}

impl Object for StreamObject {
    const KIND: Kind = Kind::Stream;
}

impl StreamObject {
    pub(super) fn new(stream: Stream, model: Model) -> StreamObject {
        StreamObject { canceller: stream.canceller(), stream: Mutex::new(stream), model, current: Mutex::new(0) }
    }
}

impl StreamObject {
    /// Makes an event the current one: the one before is no longer valid.
    fn lend(&self, event: Event) -> Result<*const qask_event> {
        let handle = handle::insert(EventObject::new(event, self.model.clone()))?;
        let old = std::mem::replace(&mut *self.current.lock().unwrap_or_else(|e| e.into_inner()), handle);
        handle::remove::<EventObject>(old);
        Ok(handle as *const qask_event)
    }
}

impl Drop for StreamObject {
    fn drop(&mut self) {
        let current = self.current.get_mut().unwrap_or_else(|e| e.into_inner());
        handle::remove::<EventObject>(*current);
    }
}

/// Something that happened on a stream. Borrowed: valid until the next `qask_stream_next` or `qask_stream_free` of
/// its stream; cancelling never invalidates it. Read it on the thread that pulls.
///
/// Typical use:
///
/// ```c
/// switch (qask_event_type(event)) {
/// case QASK_EVENT_TEXT: fputs(qask_event_text(event, NULL), stdout); break;
/// case QASK_EVENT_DONE: printf("%s", qask_event_finish_reason_name(event)); break;
/// default: break; /* newer kinds */
/// }
/// ```
#[allow(non_camel_case_types)]
pub struct qask_event(());

pub(super) struct EventObject {
    pub event: Event,
    text: CString,
    /// Of a tool call.
    pub call: Option<CallTexts>,
    error: Option<CString>,
    model: Model,
}

impl Object for EventObject {
    const KIND: Kind = Kind::Event;
}

/// No event: the handle is NULL or no longer valid.
#[allow(dead_code)] // for the header
pub const QASK_EVENT_NONE: i32 = 0;
/// New text.
pub const QASK_EVENT_TEXT: i32 = 1;
/// New thoughts, of a model that thinks before it answers.
pub const QASK_EVENT_REASONING: i32 = 2;
/// A part of a tool call that is on its way: a preview. Those of one call, put together, are its arguments; where the
/// call is never completed, it comes as TEXT as well.
pub const QASK_EVENT_TOOL_CALL_DELTA: i32 = 3;
/// A complete tool call: `qask_event_tool_id`, `_name`, `_arguments`.
pub const QASK_EVENT_TOOL_CALL: i32 = 4;
/// The end of one choice, with its reason and usage.
pub const QASK_EVENT_DONE: i32 = 5;

/// An end-of-generation token or a stop text.
pub const QASK_FINISH_STOP: i32 = 1;
/// `max_tokens`, or the context is full.
pub const QASK_FINISH_LENGTH: i32 = 2;
/// It ended with at least one complete tool call.
pub const QASK_FINISH_TOOL_CALLS: i32 = 3;
/// Cancelled by the caller.
pub const QASK_FINISH_CANCELLED: i32 = 4;
/// The deadline passed.
pub const QASK_FINISH_DEADLINE: i32 = 5;
/// It failed: see `qask_event_error_code`.
pub const QASK_FINISH_ERROR: i32 = 6;

/// Waits for the next event, at most `timeout_ms` milliseconds; -1 waits for ever, 0 only looks. `QASK_OK` with an
/// event, `QASK_TIMEOUT` when none came, `QASK_DONE` when every choice had its DONE event and nothing more will
/// come. `*event` is borrowed, valid until the next call for this stream. A generation that fails is not an error
/// here: it ends with a DONE event that carries its code.
///
/// One thread at a time. Errors: NULL, HANDLE, BUSY, RANGE, CLOSED (the engine was closed or freed). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stream_next(
    stream: *const qask_stream,
    timeout_ms: i64,
    event: *mut *const qask_event,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(event, "event")?;
        let object = handle::get::<StreamObject>(stream as usize)?;
        let mut pulled = own(&object.stream, "qask_stream")?;
        let next = match pulled.next(timeout(timeout_ms)?)? {
            Next::Event(next) => next,
            Next::Timeout => return Ok(QASK_TIMEOUT),
            Next::Finished => return Ok(QASK_DONE),
        };
        put(event, object.lend(next)?);
        Ok(QASK_OK)
    })
}

/// Waits until the generation has ended and gives the whole text of the first choice, as far as it was not pulled
/// before; `qask_stream_collect_message` gives thoughts and tool calls too. `*done` (`done` may be NULL) is its DONE
/// event, borrowed as from `qask_stream_next`: it tells the finish reason, so that an answer that was cut short can be
/// told from a whole one. A generation that failed is an error here. The caller frees the string with
/// `qask_string_free`. To limit the time, give the request a deadline.
///
/// One thread at a time. Errors: NULL, HANDLE, BUSY, CLOSED, and the code of the generation. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stream_collect(
    stream: *const qask_stream,
    text: *mut *mut qask_string,
    done: *mut *const qask_event,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(text, "text")?;
        let object = handle::get::<StreamObject>(stream as usize)?;
        let mut pulled = own(&object.stream, "qask_stream")?;
        let answer = pulled.rest()?;
        let event = object.lend(Event::Done(answer.done))?;
        hand_out(text, TextObject::new(&answer.text))?;
        put_optional(done, event);
        Ok(QASK_OK)
    })
}

/// As `qask_stream_collect`, and gives the whole answer, thoughts and tool calls included, as the assistant's message in
/// OpenAI's JSON: `content`, and `reasoning_content` and `tool_calls` where there are any. The history of a conversation
/// takes it as it is (`qask_request_add_message_json`). The caller frees the string with `qask_string_free`.
///
/// One thread at a time. Errors: NULL, HANDLE, BUSY, CLOSED, and the code of the generation. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stream_collect_message(
    stream: *const qask_stream,
    message: *mut *mut qask_string,
    done: *mut *const qask_event,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(message, "message")?;
        let object = handle::get::<StreamObject>(stream as usize)?;
        let mut pulled = own(&object.stream, "qask_stream")?;
        let answer = pulled.rest()?;
        let json = serde_json::Value::from(answer.message().as_json().clone()).to_string();
        let event = object.lend(Event::Done(answer.done))?;
        hand_out(message, TextObject::new(&json))?;
        put_optional(done, event);
        Ok(QASK_OK)
    })
}

/// Ends the generation soon: DONE events with the reason "cancelled" follow. Never waits.
///
/// Any thread, also while another is in `qask_stream_next`. Errors: NULL, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stream_cancel(stream: *const qask_stream, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        handle::get::<StreamObject>(stream as usize)?.canceller.cancel();
        Ok(QASK_OK)
    })
}

/// Tells that a stream, or a queue, has something to read. It runs on a thread of the library that calls one callback at
/// a time and holds no lock: it may call every function, on the same object too, under the rules for any other thread;
/// but it must be quick, since other callbacks wait meanwhile. It must not throw.
#[allow(non_camel_case_types)]
pub type qask_wake_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Sets a callback for event loops: called whenever the stream has something to read and had nothing before, and soon
/// if it has already. Have it write to a pipe or an eventfd, and then call `qask_stream_next` with a timeout of 0 until
/// it returns something other than `QASK_OK`: so no wake-up is missed, though one may come for what was read already.
/// The end of the stream counts as something to read. A callback that was set before is removed, and `callback` NULL
/// only removes it: it is not begun any more, nor after `qask_stream_free`, but may still be running; `destroy` comes
/// after it.
///
/// Any thread. Errors: NULL, HANDLE, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stream_set_wake(
    stream: *const qask_stream,
    callback: qask_wake_callback,
    user_data: *mut c_void,
    destroy: qask_destroy_callback,
    error: *mut *mut qask_error,
) -> qask_status {
    let data = UserData::new(user_data, destroy);
    fallible(error, || {
        let object = handle::get::<StreamObject>(stream as usize)?;
        object.canceller.set_wake(wake(callback, data)?);
        Ok(QASK_OK)
    })
}

/// The caller's callback as the engine knows it.
pub(super) fn wake(callback: qask_wake_callback, data: UserData) -> Result<Option<Arc<Wake>>> {
    // SAFETY: the caller's own function with the caller's own data, which lives as long as `data`.
    callback.map(|callback| Wake::new(move || unsafe { callback(data.pointer()) })).transpose()
}

/// Cancels and frees a stream; its event is no longer valid, and it leaves its queue. Waits for nothing. NULL is fine.
///
/// Any thread. A `qask_stream_next` that waits on it in another thread returns CLOSED soon. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_stream_free(stream: *mut qask_stream) {
    infallible((), || {
        if let Some(object) = handle::remove::<StreamObject>(stream as usize) {
            object.canceller.abandon();
        }
        Ok(())
    });
}

impl EventObject {
    fn new(event: Event, model: Model) -> EventObject {
        let (content, error) = match &event {
            Event::Text(t) | Event::Reasoning(t) => (c_string(&t.text), None),
            Event::Done(Done { reason: FinishReason::Error(e), .. }) => {
                (CString::default(), Some(c_string(e.message())))
            }
            _ => (CString::default(), None),
        };
        EventObject { call: CallTexts::new(&event), event, text: content, error, model }
    }

    fn tokens(&self) -> &[Token] {
        match &self.event {
            Event::Text(t) | Event::Reasoning(t) => &t.tokens,
            Event::ToolCallDelta(d) => &d.tokens,
            _ => &[],
        }
    }

    fn logprobs(&self) -> &[TokenLogprob] {
        match &self.event {
            Event::Text(t) | Event::Reasoning(t) => &t.logprobs,
            Event::ToolCallDelta(d) => &d.logprobs,
            _ => &[],
        }
    }

    pub(super) fn done(&self) -> Option<&Done> {
        match &self.event {
            Event::Done(d) => Some(d),
            _ => None,
        }
    }
}

/// The event as the JSON of an OpenAI `chat.completion.chunk`, with `id` (NUL-terminated, may be NULL) in it. The
/// caller frees the string with `qask_string_free`.
///
/// The thread that pulls. Errors: NULL, UTF8, HANDLE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_json(
    event: *const qask_event,
    id: *const c_char,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<EventObject>(event as usize)?;
        let id = if id.is_null() { "" } else { super::call::name(id, "id")? };
        let created =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let model = object.model.info().name.clone().unwrap_or_default();
        let piece = |token| object.model.token_bytes(token, true).unwrap_or_default();
        let json = crate::openai::chunk_json(&object.event, id, &model, created, &piece);
        hand_out(out, TextObject::new(&json))
    })
}

/// The ids of the event's tokens, when the request asked for them; `count` (may be NULL) gets how many.
///
/// The thread that pulls. NULL where there are none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_tokens(event: *const qask_event, count: *mut usize) -> *const i32 {
    infallible(std::ptr::null(), || {
        let object: Arc<EventObject> = handle::get(event as usize)?;
        let tokens = object.tokens();
        put_optional(count, tokens.len());
        Ok(if tokens.is_empty() { std::ptr::null() } else { tokens.as_ptr() })
    })
}

/// Reads the log-probability of the event's token `index` (from 0), when the request asked for them: its id and the
/// natural logarithm of its probability. Either out-parameter may be NULL. False behind the last one.
///
/// The thread that pulls. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_logprob_at(
    event: *const qask_event,
    index: usize,
    token: *mut i32,
    logprob: *mut f32,
) -> bool {
    infallible(false, || {
        let object = handle::get::<EventObject>(event as usize)?;
        let Some(found) = object.logprobs().get(index) else { return Ok(false) };
        put_optional(token, found.token);
        put_optional(logprob, found.logprob);
        Ok(true)
    })
}

/// Reads the `rank`-th likeliest token (from 0) at the place of token `index`. Either out-parameter may be NULL.
/// False behind the last one.
///
/// The thread that pulls. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_top_logprob_at(
    event: *const qask_event,
    index: usize,
    rank: usize,
    token: *mut i32,
    logprob: *mut f32,
) -> bool {
    infallible(false, || {
        let object = handle::get::<EventObject>(event as usize)?;
        let entry = object.logprobs().get(index);
        let Some(found) = entry.and_then(|l| l.top.get(rank)) else { return Ok(false) };
        put_optional(token, found.0);
        put_optional(logprob, found.1);
        Ok(true)
    })
}

/// What kind it is: one of `QASK_EVENT_…`; 0 for a bad handle. Ignore kinds that you do not know.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_type(event: *const qask_event) -> i32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(match object.event {
            Event::Text(_) => QASK_EVENT_TEXT,
            Event::Reasoning(_) => QASK_EVENT_REASONING,
            Event::ToolCallDelta(_) => QASK_EVENT_TOOL_CALL_DELTA,
            Event::ToolCall(_) => QASK_EVENT_TOOL_CALL,
            Event::Done(_) => QASK_EVENT_DONE,
        })
    })
}

/// Which of the `n` answers it belongs to, from 0.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_choice(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.event.choice())
    })
}

/// How many log-probabilities the event carries.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_logprob_count(event: *const qask_event) -> usize {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.logprobs().len())
    })
}

/// Why the choice ended: one of `QASK_FINISH_…`; 0 on other events.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_finish_reason(event: *const qask_event) -> i32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| finish_number(&d.reason)))
    })
}

/// The reason as it crosses.
pub(super) fn finish_number(reason: &FinishReason) -> i32 {
    match reason {
        FinishReason::Stop => QASK_FINISH_STOP,
        FinishReason::Length => QASK_FINISH_LENGTH,
        FinishReason::ToolCalls => QASK_FINISH_TOOL_CALLS,
        FinishReason::Cancelled => QASK_FINISH_CANCELLED,
        FinishReason::Deadline => QASK_FINISH_DEADLINE,
        FinishReason::Error(_) => QASK_FINISH_ERROR,
    }
}

/// The status of a choice that failed; `QASK_OK` otherwise.
///
/// Any thread. A bad handle gives QASK_OK. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_error_code(event: *const qask_event) -> qask_status {
    infallible(QASK_OK, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(match object.done().map(|d| &d.reason) {
            Some(FinishReason::Error(e)) => e.code().value(),
            _ => QASK_OK,
        })
    })
}

/// The seed of a choice that ended.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_seed(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.seed))
    })
}

/// Tokens of the prompt, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_prompt_tokens(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.prompt_tokens))
    })
}

/// Of those, how many came from the prefix cache, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_cached_tokens(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.cached_tokens))
    })
}

/// Of the new tokens, how many a constraint left no choice for, so that they were not sampled, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_forced_tokens(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.forced_tokens))
    })
}

/// New tokens, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_output_tokens(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.output_tokens))
    })
}

/// How often the sequence was put back into the queue for room, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_preemptions(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.preemptions))
    })
}

/// Messages that were left out of the prompt under `QASK_CONTEXT_DROP_OLDEST`, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_dropped_messages(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.dropped_messages))
    })
}

/// Microseconds until the prompt began to be evaluated, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_queue_us(event: *const qask_event) -> i64 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| micros(d.usage.queue)))
    })
}

/// Microseconds from there to the first new token, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_prefill_us(event: *const qask_event) -> i64 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| micros(d.usage.prefill)))
    })
}

/// Microseconds from submit to the first new token, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_first_token_us(event: *const qask_event) -> i64 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| micros(d.usage.first_token)))
    })
}

/// Microseconds from the first new token to the end, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_decode_us(event: *const qask_event) -> i64 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| micros(d.usage.decode)))
    })
}

/// The new text of a TEXT or REASONING event, whole characters, empty on other events. UTF-8, NUL-terminated, valid as long as
/// the event. `length` (may be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_text(event: *const qask_event, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(text(Some(&object.text), length))
    })
}

/// What went wrong, for a choice that failed. UTF-8, NUL-terminated, valid as long as the event. `length` (may be
/// NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_error_message(event: *const qask_event, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(text(object.error.as_ref(), length))
    })
}

/// The finish reason as OpenAI names it ("stop", "length", "tool_calls"), and "cancelled", "deadline", "error"; "" on other events.
/// A constant that is never freed.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_finish_reason_name(event: *const qask_event) -> *const c_char {
    infallible(c"".as_ptr(), || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(match object.done().map(|d| &d.reason) {
            Some(FinishReason::Stop) => c"stop",
            Some(FinishReason::Length) => c"length",
            Some(FinishReason::ToolCalls) => c"tool_calls",
            Some(FinishReason::Cancelled) => c"cancelled",
            Some(FinishReason::Deadline) => c"deadline",
            Some(FinishReason::Error(_)) => c"error",
            None => c"",
        }
        .as_ptr())
    })
}
