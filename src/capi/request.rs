//! Requests: what goes in, and the limits.

use super::call::{content, fallible, free, hand_out, name, own, required, slice};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::status::{qask_status, QASK_OK};
use std::ffi::c_char;
use std::sync::Mutex;
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::message::Message;
use crate::openai::parse;
use crate::request::{ContextPolicy, Prompt, Request};
use crate::room;
use crate::sampling::range;

/// What a generation is asked for. Fill it with setters, or from JSON; `qask_engine_submit` takes a copy, so it can
/// be changed and used again. Free it with `qask_request_free`.
///
/// One owner: use it from one thread at a time.
///
/// Typical use:
///
/// ```c
/// qask_request_new(&request, &error);
/// qask_request_add_message(request, "user", text, strlen(text), &error);
/// qask_request_set_max_tokens(request, 256, &error);
/// qask_engine_submit(engine, request, NULL, &stream, &error);
/// qask_request_free(request);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_request(());

pub(super) struct RequestObject(pub Mutex<Request>);

impl Object for RequestObject {
    const KIND: Kind = Kind::Request;
}

pub(super) fn with(
    request: *mut qask_request,
    error: *mut *mut qask_error,
    set: impl FnOnce(&mut Request) -> Result<()>,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<RequestObject>(request as usize)?;
        let mut request = own(&object.0, "qask_request")?;
        set(&mut request)?;
        Ok(QASK_OK)
    })
}

/// Makes a request without messages. The caller frees it with `qask_request_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_new(out: *mut *mut qask_request, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, RequestObject(Mutex::new(Request::chat([]))))
    })
}

/// Makes a request from the JSON of an OpenAI chat-completions request; llama.cpp's names for samplers work too. An
/// unknown field is an error. The caller frees it with `qask_request_free`.
///
/// Any thread. Errors: NULL, UTF8, JSON, RANGE, UNSUPPORTED. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_from_json(
    json: *const c_char,
    length: usize,
    out: *mut *mut qask_request,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let request = crate::openai::request_from_json(content(json, length, "json")?)?;
        hand_out(out, RequestObject(Mutex::new(request)))
    })
}

/// Frees a request. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_free(request: *mut qask_request) {
    free::<RequestObject>(request);
}

fn add(request: &mut Request, message: Message) {
    match &mut request.prompt {
        Prompt::Messages(messages) => messages.push(message),
        other => *other = Prompt::Messages(vec![message]),
    }
}

/// Adds a message: `role` is "system", "user", "assistant" or "tool", `text` is UTF-8 of `length` bytes. A raw prompt
/// that was set before is dropped.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_message(
    request: *mut qask_request,
    role: *const c_char,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let message =
            Message::new(name(role, "role")?, room::text(content(text, length, "text")?, "the message")?)?;
        add(r, message);
        Ok(())
    })
}

/// Adds a message in the JSON of OpenAI's API (with `tool_calls`, `tool_call_id`, text parts…).
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE, JSON, UNSUPPORTED. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_message_json(
    request: *mut qask_request,
    json: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let message = Message::from_json(parse(content(json, length, "json")?)?)?;
        add(r, message);
        Ok(())
    })
}

/// Sets a raw prompt instead of messages. `parse_special` turns texts of special tokens into those tokens: leave it
/// false for text from outside.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_prompt(
    request: *mut qask_request,
    text: *const c_char,
    length: usize,
    parse_special: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.prompt = Prompt::Text { text: room::text(content(text, length, "text")?, "the prompt")?, parse_special };
        Ok(())
    })
}

/// Sets token ids as the prompt, exactly as given.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_prompt_tokens(
    request: *mut qask_request,
    tokens: *const i32,
    count: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.prompt = Prompt::Tokens(room::copied(slice(tokens, count, "tokens")?, "tokens")?);
        Ok(())
    })
}

/// Asks for what belongs between two texts, on models with fill-in-the-middle tokens.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_infill(
    request: *mut qask_request,
    prefix: *const c_char,
    prefix_length: usize,
    suffix: *const c_char,
    suffix_length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let prefix = room::text(content(prefix, prefix_length, "prefix")?, "the prefix")?;
        let suffix = room::text(content(suffix, suffix_length, "suffix")?, "the suffix")?;
        r.prompt = Prompt::Infill { prefix, suffix };
        Ok(())
    })
}

/// Adds a text that ends the generation and is not part of it: 1 to 4,096 bytes of UTF-8; at most 64 texts.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_stop(
    request: *mut qask_request,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        if !(1..=4096).contains(&length) || r.stop.len() >= 64 {
            return Err(Error::new(Code::Range, "stop: at most 64 texts of 1 to 4096 bytes each"));
        }
        r.stop.push(content(text, length, "text")?.to_owned());
        Ok(())
    })
}

/// Adds a tool in the JSON of OpenAI's API; the model's template shows it to the model.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, JSON. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_tool_json(
    request: *mut qask_request,
    json: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let tool = parse(content(json, length, "json")?)?;
        if !tool.is_object() {
            return Err(Error::new(Code::Json, "a tool must be an object"));
        }
        r.tools.push(tool);
        Ok(())
    })
}

/// Uses a Jinja chat template instead of the model's own. It is compiled when the request is submitted.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_template(
    request: *mut qask_request,
    source: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.template = Some(room::text(content(source, length, "source")?, "the template")?);
        Ok(())
    })
}

/// Gives the template a variable, such as "enable_thinking"; `json` is its value.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, JSON. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_template_variable(
    request: *mut qask_request,
    variable: *const c_char,
    json: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let value = parse(content(json, length, "json")?)?;
        r.template_variables.insert(name(variable, "variable")?.to_owned(), value);
        Ok(())
    })
}

/// Only requests with the same key share cached prompt prefixes: at most 256 bytes. Default "".
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_cache_key(
    request: *mut qask_request,
    key: *const c_char,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let key = name(key, "key")?;
        if key.len() > 256 {
            return Err(range("bytes in cache_key", key.len(), 0, 256));
        }
        r.cache_key = key.to_owned();
        Ok(())
    })
}

/// At most this many new tokens; 0 only evaluates the prompt. Default: until the context is full.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_max_tokens(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.max_tokens = Some(value);
        Ok(())
    })
}

/// Neither an end-of-generation token nor a stop text ends the answer before so many new tokens. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_min_tokens(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.min_tokens = value;
        Ok(())
    })
}

/// Never choose an end-of-generation token (for measuring). Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_ignore_eos(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.ignore_eos = value;
        Ok(())
    })
}

/// Report the log-probability of every new token, and of this many of the likeliest beside it: 0 to 20. Default:
/// none.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_top_logprobs(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        if !(0..=20).contains(&value) {
            return Err(range("top_logprobs", value, 0, 20));
        }
        r.logprobs = Some(value);
        Ok(())
    })
}

/// How many answers to the one prompt, each with its choice index: 1 to 64. Default 1.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_n(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        if !(1..=64).contains(&value) {
            return Err(range("n", value, 1, 64));
        }
        r.n = value;
        Ok(())
    })
}

/// Put the ids of new tokens on text events. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_return_tokens(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.return_tokens = value;
        Ok(())
    })
}

/// Higher goes first in the queue: -1,000 to 1,000. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_priority(
    request: *mut qask_request,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        if !(-1000..=1000).contains(&value) {
            return Err(range("priority", value, -1000, 1000));
        }
        r.priority = value;
        Ok(())
    })
}

/// End with the reason "deadline" when so many milliseconds have passed since submit: 1 or more; -1 for none, the
/// default.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_deadline_ms(
    request: *mut qask_request,
    value: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.deadline = match value {
            -1 => None,
            1.. => Some(Duration::from_millis(value as u64)),
            _ => return Err(range("deadline_ms", value, 1, i64::MAX)),
        };
        Ok(())
    })
}

/// The prompt must fit, and an answer ends with "length" where the context ends.
pub const QASK_CONTEXT_ERROR: i32 = 0;
/// An answer that reaches the end of the context drops the oldest tokens behind the first `shift_keep`, and goes on.
pub const QASK_CONTEXT_SHIFT: i32 = 1;
/// The oldest turns are left out of the prompt until it fits with room for the answer. Only for messages.
pub const QASK_CONTEXT_DROP_OLDEST: i32 = 2;

/// What happens when the context is full: one of `QASK_CONTEXT_…`. Default `QASK_CONTEXT_ERROR`.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_context_policy(
    request: *mut qask_request,
    value: i32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.context_policy = match value {
            QASK_CONTEXT_ERROR => ContextPolicy::Error,
            QASK_CONTEXT_SHIFT => ContextPolicy::Shift,
            QASK_CONTEXT_DROP_OLDEST => ContextPolicy::DropOldest,
            _ => {
                let text = format!("context_policy is {value}; it must be one of QASK_CONTEXT_…");
                return Err(Error::new(Code::Range, text));
            }
        };
        Ok(())
    })
}

/// With `QASK_CONTEXT_SHIFT`: so many tokens at the beginning of the prompt are never dropped. Default 0.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_shift_keep(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.shift_keep = value;
        Ok(())
    })
}

/// The last message is the assistant's and is continued rather than answered. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_continue_final_message(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.continue_final_message = value;
        Ok(())
    })
}
