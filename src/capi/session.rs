//! Sessions on disk: chats and prefixes.

use std::ffi::c_char;
use std::sync::Mutex;

use super::basics::{optional_cancel, qask_cancel};
use super::call::{fallible, free, hand_out, name, own, put_optional, required};
use super::chat::{qask_chat, ChatObject};
use super::engine::{qask_engine, EngineObject};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::request::{qask_request, RequestObject};
use super::status::{qask_status, QASK_OK};
use crate::error::Result;
use crate::request::Request;
use crate::session::SaveOptions;

/// How to save a session. Free it with `qask_save_options_free`.
///
/// A session is a chat or a prompt prefix in a file, with what was computed for it, so that a later process goes on
/// where this one stopped. A file is there whole or not at all: a process that is killed and a full disk leave the old
/// file or the new one. It is checked before anything is done with it; one that was damaged, belongs to another model or
/// to other settings of the engine is refused, and everything is as it was. The chat that is restored from a file believes
/// it, though: who can write to it can put words into the conversation. No other chat is told of it. There is no sampler
/// in it: each answer begins with a fresh one.
///
/// One owner: use it from one thread at a time.
///
/// Typical use:
///
/// ```c
/// qask_chat_new(engine, NULL, &chat, &error);
/// qask_chat_restore(chat, "chat.session", NULL, NULL, &error);
/// qask_chat_send(chat, text, strlen(text), NULL, &stream, &error);
/// while (qask_stream_next(stream, -1, &event, &error) == QASK_OK) { ... }
/// qask_stream_free(stream);
/// qask_chat_save(chat, "chat.session", NULL, NULL, NULL, NULL, &error);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_save_options(());

struct SaveOptionsObject(Mutex<SaveOptions>);

impl Object for SaveOptionsObject {
    const KIND: Kind = Kind::SaveOptions;
}

/// Makes options with every default. The caller frees them with `qask_save_options_free`.
///
/// Any thread. Errors: NULL, OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_save_options_new(
    out: *mut *mut qask_save_options,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        hand_out(out, SaveOptionsObject(Mutex::default()))
    })
}

/// Frees options. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_save_options_free(options: *mut qask_save_options) {
    free::<SaveOptionsObject>(options);
}

/// Compress what was computed: a file about a tenth smaller, which takes longer to save. Default false.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_save_options_set_compress(
    options: *mut qask_save_options,
    value: bool,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<SaveOptionsObject>(options as usize)?;
        own(&object.0, "qask_save_options")?.compress = value;
        Ok(QASK_OK)
    })
}

fn snapshot(options: *const qask_save_options) -> Result<SaveOptions> {
    if options.is_null() {
        return Ok(SaveOptions::default());
    }
    let object = handle::get::<SaveOptionsObject>(options as usize)?;
    let options = own(&object.0, "qask_save_options")?.clone();
    Ok(options)
}

/// Saves a chat's history to the file at `path`, with what the engine has computed of it and still has. Settings are not
/// in it. `save_options` and `cancel` may be NULL. `saved_tokens` (may be NULL) gets the number of tokens whose cells are
/// in the file: what other requests have displaced is missing, and so are those of engines without a prefix cache and of
/// models whose cells cannot be saved; the next answer then computes them. `saved_bytes` (may be NULL) gets the size of
/// the file.
///
/// Any thread; meanwhile nobody can change the chat. Errors: NULL, UTF8, HANDLE, BUSY (an answer is being made), RANGE (the path names no file), TOO_LONG (a
/// history of more than 64 MiB), NOT_FOUND (the folder), IO and CANCELLED (the file is as it was), CLOSED, ENGINE_FAULT,
/// OUT_OF_MEMORY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_save(
    chat: *const qask_chat,
    path: *const c_char,
    save_options: *const qask_save_options,
    cancel: *const qask_cancel,
    saved_tokens: *mut u64,
    saved_bytes: *mut u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<ChatObject>(chat as usize)?;
        let (path, options, cancel) = (name(path, "path")?, snapshot(save_options)?, optional_cancel(cancel)?);
        let saved = object.read().save(path, &options, cancel.as_ref())?;
        put_optional(saved_tokens, u64::from(saved.tokens));
        put_optional(saved_bytes, saved.bytes);
        Ok(QASK_OK)
    })
}

/// Puts a saved history in the place of this one, and what was computed of it where the next answer finds it. `cancel`
/// may be NULL. `restored_tokens` (may be NULL) gets the number of tokens that need not be computed again: 0 when the
/// file had none, or running requests leave no room.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY; NOT_FOUND, IO; STATE_INVALID (no session, or cut off), CHECKSUM
/// (damaged), STATE_MISMATCH (of another version, model, chat template, set of adapters or kind of cells, or a prefix),
/// CONTEXT_FULL (more than `n_ctx`); CANCELLED, CLOSED, ENGINE_FAULT, OUT_OF_MEMORY. Then nothing changed. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_restore(
    chat: *mut qask_chat,
    path: *const c_char,
    cancel: *const qask_cancel,
    restored_tokens: *mut u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<ChatObject>(chat as usize)?;
        let (path, cancel) = (name(path, "path")?, optional_cancel(cancel)?);
        let tokens = object.change(|chat| chat.restore(path, cancel.as_ref()))?;
        put_optional(restored_tokens, u64::from(tokens));
        Ok(QASK_OK)
    })
}

fn prefix_request(request: *const qask_request) -> Result<Request> {
    let object = handle::get::<RequestObject>(request as usize)?;
    let request = own(&object.0, "qask_request")?.clone();
    Ok(request)
}

/// Computes what prompts that begin as this request's have in common, and saves it to the file at `path`; waits for it.
/// Of messages that is their text without the head of the answer, of any other prompt all of it. The request's adapters
/// and cache key count. `save_options` and `cancel` may be NULL; `saved_tokens` and `saved_bytes` as in
/// `qask_chat_save`.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, BUSY, RANGE; UNSUPPORTED (an engine without a prefix cache, or a model whose
/// cells cannot be saved); CONTEXT_FULL (running requests leave no room); NOT_FOUND (the folder), IO and CANCELLED (the
/// file is as it was); and those of a generation. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_save_prefix(
    engine: *const qask_engine,
    request: *const qask_request,
    path: *const c_char,
    save_options: *const qask_save_options,
    cancel: *const qask_cancel,
    saved_tokens: *mut u64,
    saved_bytes: *mut u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        let (request, path) = (prefix_request(request)?, name(path, "path")?);
        let (options, cancel) = (snapshot(save_options)?, optional_cancel(cancel)?);
        let saved = object.0.save_prefix(&request, path, &options, cancel.as_ref())?;
        put_optional(saved_tokens, u64::from(saved.tokens));
        put_optional(saved_bytes, saved.bytes);
        Ok(QASK_OK)
    })
}

/// Puts a saved prefix where requests find it that begin with it and have the adapters and cache key of `request`, whose
/// prompt does not matter; all of them then answer from the file's cells, so only restore one that you trust. `cancel`
/// may be NULL. `restored_tokens` (may be NULL) gets its number of tokens.
///
/// Any thread. Errors: NULL, UTF8, HANDLE, BUSY; NOT_FOUND, IO; STATE_INVALID, CHECKSUM, STATE_MISMATCH as in
/// `qask_chat_restore`; CONTEXT_FULL (longer than `n_ctx`, or running requests leave no room); UNSUPPORTED (an engine
/// without a prefix cache); RANGE (the adapters); CANCELLED, CLOSED, ENGINE_FAULT, OUT_OF_MEMORY. Then nothing changed.
/// Since 0.1.
#[no_mangle]
pub extern "C" fn qask_engine_restore_prefix(
    engine: *const qask_engine,
    request: *const qask_request,
    path: *const c_char,
    cancel: *const qask_cancel,
    restored_tokens: *mut u64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<EngineObject>(engine as usize)?;
        let (request, path, cancel) = (prefix_request(request)?, name(path, "path")?, optional_cancel(cancel)?);
        let tokens = object.0.restore_prefix(&request, path, cancel.as_ref())?;
        put_optional(restored_tokens, u64::from(tokens));
        Ok(QASK_OK)
    })
}
