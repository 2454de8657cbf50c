//! Switches that provoke faults on purpose, so that every binding's error path can be tested. Only with the feature
//! `test-hooks`, never in a release, and not in the header (see tests/c/qask_test.h).

use std::ffi::c_char;

use serde_json::{json, Value};

use super::basics::{qask_string, TextObject};
use super::call::{content, fallible, hand_out, required};
use super::engine::{qask_engine, EngineObject};
use super::error::qask_error;
use super::handle;
use super::status::{qask_status, QASK_OK};
use super::stream::{qask_stream, StreamObject};
use crate::error::{Code, Error};
use crate::output::{detect_format, detect_tags, format_named, tags_named, Parser, Setup};

/// Makes llama.cpp assert on the engine's thread.
#[no_mangle]
pub extern "C" fn qask_test_provoke_fault(engine: *const qask_engine, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        handle::get::<EngineObject>(engine as usize)?.0.provoke_fault()?;
        Ok(QASK_OK)
    })
}

/// Panics inside the library.
#[no_mangle]
pub extern "C" fn qask_test_panic(error: *mut *mut qask_error) -> qask_status {
    // `resume_unwind` skips the hook, which would print.
    fallible(error, || std::panic::resume_unwind(Box::new("on purpose")))
}

/// Fails with any code; RANGE for one that does not exist.
#[no_mangle]
pub extern "C" fn qask_test_fail(code: qask_status, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        let code = Code::ALL.iter().find(|c| c.value() == code).copied().unwrap_or(Code::Range);
        Err(Error::new(code, "on purpose"))
    })
}

/// The stream that a model would make which writes the output of a case of `tests/conformance/tools.json` or
/// `reasoning.json`. `json` is the case, with `tools` in it. The caller frees the stream with `qask_stream_free`.
#[no_mangle]
pub extern "C" fn qask_test_replay(
    engine: *const qask_engine,
    json: *const c_char,
    length: usize,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let engine = handle::get::<EngineObject>(engine as usize)?;
        let case: Value = serde_json::from_str(content(json, length, "json")?)
            .map_err(|e| Error::new(Code::Json, e.to_string()))?;
        let unknown = |what: &str| Error::new(Code::Range, format!("unknown {what}"));
        let format =
            case["format"].as_str().map(|n| format_named(n).ok_or_else(|| unknown("format"))).transpose()?;
        let tags = case["tags"].as_str().map(|n| tags_named(n).ok_or_else(|| unknown("tags"))).transpose()?;
        let tools = case["tools"].as_array().map_or(&[][..], Vec::as_slice);
        let parser = Parser::new(Setup { format, tags, thinking: case["thinking"] == true, tools, salt: 1 });
        let stream = engine.0.replay(parser, case["output"].as_str().unwrap_or_default());
        hand_out(out, StreamObject::new(stream, engine.0.model().clone()))
    })
}

/// What a chat template is taken for, as `tests/conformance/templates.json` has it: the JSON of the names of its tool
/// format and of its marks of thought. The caller frees the string with `qask_string_free`.
#[no_mangle]
pub extern "C" fn qask_test_detect(
    source: *const c_char,
    length: usize,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let source = content(source, length, "source")?;
        let names = json!([detect_format(source).name, detect_tags(source).map(|t| t.name)]);
        hand_out(out, TextObject::new(&names.to_string()))
    })
}
