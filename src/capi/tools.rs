//! Tools and thoughts: what a request says of them, and the events of calls.

use std::ffi::{c_char, CString};

use super::call::{infallible, name};
use super::error::{c_string, qask_error};
use super::facts::text;
use super::handle;
use super::request::{qask_request, with};
use super::status::qask_status;
use super::stream::{qask_event, EventObject};
use crate::event::Event;
use crate::openai;
use crate::request::ToolChoice;

/// Whether tools are called: "auto" (the default), "none" (the model does not see them), or "required" (at least one
/// call; its arguments keep to the tool's schema).
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_tool_choice(
    request: *mut qask_request,
    choice: *const c_char,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.tool_choice = openai::tool_choice(&serde_json::Value::from(name(choice, "choice")?))?;
        Ok(())
    })
}

/// This tool is called; its arguments keep to its schema. A tool of that name must be there when the request is
/// submitted.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_tool_choice_function(
    request: *mut qask_request,
    function: *const c_char,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.tool_choice = ToolChoice::Named(name(function, "function")?.to_owned());
        Ok(())
    })
}

/// Whether an answer may hold more than one call. Default true; otherwise it ends with its first.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_parallel_tool_calls(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.parallel_tool_calls = value;
        Ok(())
    })
}

/// How the model writes calls: a name of the table in docs/tools.md, such as "hermes". Default: as its chat template
/// says. An unknown name is RANGE when the request is submitted.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_tool_format(
    request: *mut qask_request,
    format: *const c_char,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.tool_format = Some(name(format, "format")?.to_owned());
        Ok(())
    })
}

/// Whether a model that can do both thinks before it answers. Default: as its chat template has it.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_thinking(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.thinking = Some(value);
        Ok(())
    })
}

/// After so many tokens of thought it is closed, and the answer begins. Default: no limit.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_reasoning_budget(
    request: *mut qask_request,
    value: u32,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.reasoning_budget = Some(value);
        Ok(())
    })
}

/// Whether thoughts are events of their own (REASONING). Default true; otherwise they are text, with their marks.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_split_reasoning(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.split_reasoning = value;
        Ok(())
    })
}

/// The texts of a call's event.
pub(super) struct CallTexts {
    id: CString,
    name: CString,
    arguments: CString,
}

impl CallTexts {
    pub(super) fn new(event: &Event) -> Option<CallTexts> {
        let (id, name, arguments) = match event {
            Event::ToolCallDelta(d) => (&d.id, &d.name, &d.arguments),
            Event::ToolCall(c) => (&c.id, &c.name, &c.arguments),
            _ => return None,
        };
        Some(CallTexts { id: c_string(id), name: c_string(name), arguments: c_string(arguments) })
    }
}

/// Which call of the answer a TOOL_CALL or TOOL_CALL_DELTA event belongs to, from 0.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_tool_index(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(match &object.event {
            Event::ToolCallDelta(d) => d.index,
            Event::ToolCall(c) => c.index,
            _ => 0,
        })
    })
}

/// The call's id, on TOOL_CALL and TOOL_CALL_DELTA: nine letters and digits, for the tool's answer to name. UTF-8,
/// NUL-terminated, valid as long as the event. `length` (may be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_tool_id(event: *const qask_event, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(text(object.call.as_ref().map(|c| &c.id), length))
    })
}

/// The tool that is called, on TOOL_CALL and TOOL_CALL_DELTA. UTF-8, NUL-terminated, valid as long as the event.
/// `length` (may be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_tool_name(event: *const qask_event, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(text(object.call.as_ref().map(|c| &c.name), length))
    })
}

/// On TOOL_CALL the arguments, a JSON object; on TOOL_CALL_DELTA more of them. UTF-8, NUL-terminated, valid as long as
/// the event. `length` (may be NULL) gets its bytes without the NUL.
///
/// Any thread. NULL where there is none, and for a bad handle. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_tool_arguments(event: *const qask_event, length: *mut usize) -> *const c_char {
    infallible(std::ptr::null(), || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(text(object.call.as_ref().map(|c| &c.arguments), length))
    })
}

/// Of the new tokens, how many were thought, on DONE.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_event_reasoning_tokens(event: *const qask_event) -> u32 {
    infallible(0, || {
        let object = handle::get::<EventObject>(event as usize)?;
        Ok(object.done().map_or(0, |d| d.usage.reasoning_tokens))
    })
}
