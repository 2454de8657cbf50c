//! What an answer must look like, and the answer as a value.

use super::basics::{optional_cancel, qask_cancel, qask_string, TextObject};
use super::call::{content, fallible, hand_out, own, put, required};
use super::engine::{qask_engine, EngineObject};
use super::error::qask_error;
use super::handle;
use super::request::{qask_request, with, RequestObject};
use super::status::{qask_status, QASK_OK};
use std::ffi::c_char;

use crate::constraint::Constraint;
use crate::error::{Code, Error};
use crate::openai::parse;

/// The answer must be JSON that is valid under this schema (draft 2020-12, 2019-09, 7, 6 or 4). A request has one
/// constraint: the last that was set. It is compiled when the request is submitted; a schema or grammar that cannot be
/// used ends the stream with GRAMMAR and the place of what is wrong. An answer that is complete ends, whatever
/// `min_tokens` and `ignore_eos` say.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, JSON. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_json_schema(
    request: *mut qask_request,
    schema: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.constraint = Some(Constraint::JsonSchema(parse(content(schema, length, "schema")?)?));
        Ok(())
    })
}

/// The answer must be JSON: an object when `object`, otherwise any value.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_json(
    request: *mut qask_request,
    object: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.constraint = Some(if object { Constraint::JsonObject } else { Constraint::Json });
        Ok(())
    })
}

/// JSON may be laid out freely, with whitespace and line breaks. Default false: one line, a space after `,` and `:`,
/// which leaves fewer tokens to choose.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_json_whitespace(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.json_whitespace = value;
        Ok(())
    })
}

/// The answer as a whole must match this regular expression: the syntax of Rust's regex crate, without anchors, lazy
/// repeats and look-around.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_regex(
    request: *mut qask_request,
    source: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.constraint = Some(Constraint::Regex(content(source, length, "source")?.to_owned()));
        Ok(())
    })
}

/// The answer must follow this grammar in llama.cpp's GBNF; its first rule is `root`.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_grammar(
    request: *mut qask_request,
    source: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.constraint = Some(Constraint::Gbnf(content(source, length, "source")?.to_owned()));
        Ok(())
    })
}

/// The answer must follow this grammar in llguidance's variant of Lark's syntax; its first rule is `start`.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_lark(
    request: *mut qask_request,
    source: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.constraint = Some(Constraint::Lark(content(source, length, "source")?.to_owned()));
        Ok(())
    })
}

/// The answer must be one of the texts that are added: at most 10,000. The first replaces any other constraint.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_choice(
    request: *mut qask_request,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        let text = content(text, length, "text")?.to_owned();
        if text.is_empty() {
            return Err(Error::new(Code::Range, "a choice must not be empty"));
        }
        match &mut r.constraint {
            Some(Constraint::Choice(texts)) => texts.push(text),
            other => *other = Some(Constraint::Choice(vec![text])),
        }
        Ok(())
    })
}

/// The constraint begins behind the first of the texts added here that the model writes; before it the answer is free.
/// At most 16 texts of 1 to 256 bytes.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_add_constraint_trigger(
    request: *mut qask_request,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        if !(1..=256).contains(&length) || r.constraint_triggers.len() >= 16 {
            return Err(Error::new(Code::Range, "constraint_triggers: at most 16 texts of 1 to 256 bytes each"));
        }
        r.constraint_triggers.push(content(text, length, "text")?.to_owned());
        Ok(())
    })
}

/// Token healing: the prompt's last tokens are taken back, and the answer begins by spelling their text anew, so that a
/// prompt may end inside a token. That text is not repeated. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_set_heal(
    request: *mut qask_request,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    with(request, error, |r| {
        r.heal = value;
        Ok(())
    })
}

/// Tells whether a text is what the request's constraint asks for; without a constraint every text is. Needs no model.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, GRAMMAR (the constraint cannot be compiled). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_request_accepts(
    request: *const qask_request,
    text: *const c_char,
    length: usize,
    out: *mut bool,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<RequestObject>(request as usize)?;
        let text = content(text, length, "text")?;
        let request = own(&object.0, "qask_request")?;
        let accepted = match &request.constraint {
            Some(constraint) => constraint.accepts(text, request.json_whitespace)?,
            None => true,
        };
        put(out, accepted);
        Ok(QASK_OK)
    })
}

/// Waits for an answer that is JSON and valid under `schema`, in place of whatever constraint, stop texts and number of
/// answers the request has. `cancel` may be NULL. The caller frees the string with `qask_string_free`. To limit the
/// time, give the request a deadline.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, BUSY, JSON, GRAMMAR (the schema), TOO_LONG (`max_tokens` or the context ended
/// the answer before its JSON was complete), CANCELLED, DEADLINE, and those of `qask_engine_submit` and of the
/// generation. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_ask_json(
    engine: *const qask_engine,
    request: *const qask_request,
    schema: *const c_char,
    length: usize,
    cancel: *const qask_cancel,
    json: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(json, "json")?;
        let engine = handle::get::<EngineObject>(engine as usize)?;
        let request = handle::get::<RequestObject>(request as usize)?;
        let cancel = optional_cancel(cancel)?;
        let schema = parse(content(schema, length, "schema")?)?;
        let snapshot = own(&request.0, "qask_request")?.clone();
        let value = engine.0.ask_json_with(&snapshot, &schema, cancel)?;
        hand_out(json, TextObject::new(&value.to_string()))
    })
}
