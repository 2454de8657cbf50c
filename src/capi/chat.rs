//! Chats: history over an engine.

use std::ffi::c_char;
use std::sync::{RwLock, RwLockReadGuard, TryLockError};

use super::basics::{optional_cancel, qask_cancel, qask_string, TextObject};
use super::call::{content, fallible, free, hand_out, infallible, own, required, timeout};
use super::engine::{qask_engine, EngineObject};
use super::error::qask_error;
use super::handle::{self, Kind, Object};
use super::request::{qask_request, RequestObject};
use super::status::{qask_status, QASK_OK, QASK_TIMEOUT};
use super::stream::{finish_number, qask_stream, StreamObject};
use crate::ask::value_of;
use crate::chat::Chat;
use crate::engine::Stream;
use crate::error::{Code, Error, Result};
use crate::message::Message;
use crate::openai::parse;

/// A conversation over an engine. It keeps the messages and makes requests of them; reusing what was computed is the
/// engine's part.
///
/// One answer at a time: while one is being made, whatever changes, copies or exports the history is BUSY. The reply
/// joins the history when its generation ends, whether its stream was read, kept or freed (which cancels it). What was
/// said before a cancel or a deadline is kept and marked. When nothing was said by then, or the generation failed, the
/// history is again what it was before.
///
/// With `QASK_CONTEXT_DROP_OLDEST` in its settings, the turns that were left out of a prompt leave the history too, so
/// that a conversation can go on for ever.
///
/// One owner: change it from one thread at a time; reading and waiting work from any. Free it with `qask_chat_free`,
/// also while an answer is being made.
///
/// Typical use:
///
/// ```c
/// qask_chat_new(engine, NULL, &chat, &error);
/// qask_chat_set_system(chat, "You are brief.", 14, &error);
/// qask_chat_send(chat, text, strlen(text), NULL, &stream, &error);
/// while (qask_stream_next(stream, -1, &event, &error) == QASK_OK) { ... }
/// qask_stream_free(stream);
/// qask_chat_free(chat);
/// ```
#[allow(non_camel_case_types)]
pub struct qask_chat(());

/// Whoever waits reads, so that it keeps nobody from looking.
pub(super) struct ChatObject(RwLock<Chat>);

impl Object for ChatObject {
    const KIND: Kind = Kind::Chat;
}

impl ChatObject {
    /// Changes are over soon.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Chat> {
        self.0.read().unwrap_or_else(|e| e.into_inner())
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Chat) -> Result<T>) -> Result<T> {
        match self.0.try_write() {
            Ok(mut chat) => change(&mut chat),
            Err(TryLockError::Poisoned(e)) => change(&mut e.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Code::Busy, "another thread is using this qask_chat; it has one owner at a time"))
            }
        }
    }
}

fn with(
    chat: *mut qask_chat,
    error: *mut *mut qask_error,
    change: impl FnOnce(&mut Chat) -> Result<()>,
) -> qask_status {
    fallible(error, || {
        handle::get::<ChatObject>(chat as usize)?.change(change)?;
        Ok(QASK_OK)
    })
}

/// Starts an answer and hands its stream out.
fn answer(
    chat: *mut qask_chat,
    cancel: *const qask_cancel,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
    start: impl FnOnce(&mut Chat, Option<crate::Cancel>) -> Result<Stream>,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<ChatObject>(chat as usize)?;
        let cancel = optional_cancel(cancel)?;
        let stream = object.change(|chat| {
            let stream = start(chat, cancel)?;
            Ok(StreamObject::new(stream, chat.engine().model().clone()))
        })?;
        hand_out(out, stream)
    })
}

/// Makes a conversation over an engine. `settings` (may be NULL) is a request whose messages open the conversation and
/// whose other fields (sampling, limits, tools, template…) every answer is made with; it is copied. The chat holds its
/// engine, which lives until the chat is freed too. The caller frees the chat with `qask_chat_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY, RANGE (a prompt other than messages, `n` above 1, `continue_final_message`,
/// or a field out of range). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_new(
    engine: *const qask_engine,
    settings: *const qask_request,
    out: *mut *mut qask_chat,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let engine = handle::get::<EngineObject>(engine as usize)?;
        let chat = if settings.is_null() {
            Chat::new(&engine.0)
        } else {
            let request = handle::get::<RequestObject>(settings as usize)?;
            let snapshot = own(&request.0, "qask_request")?.clone();
            Chat::with_request(&engine.0, snapshot)?
        };
        hand_out(out, ChatObject(RwLock::new(chat)))
    })
}

/// Frees a chat. An answer that is being made goes on for its stream. NULL is fine.
///
/// Any thread. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_free(chat: *mut qask_chat) {
    free::<ChatObject>(chat);
}

/// Changes the settings of the next answers, as in `qask_chat_new`; the request's messages are left alone.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (then nothing changes). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_set_request(
    chat: *mut qask_chat,
    request: *const qask_request,
    error: *mut *mut qask_error,
) -> qask_status {
    with(chat, error, |chat| {
        let request = handle::get::<RequestObject>(request as usize)?;
        let snapshot = own(&request.0, "qask_request")?.clone();
        chat.set_request(snapshot)
    })
}

/// Sets the system message, which opens the conversation, or replaces it.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_set_system(
    chat: *mut qask_chat,
    text: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(chat, error, |chat| chat.set_system(content(text, length, "text")?))
}

/// Says something and gives the stream of the answer, which the caller frees with `qask_stream_free`. `cancel` may be
/// NULL.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY (an answer is being made), and those of `qask_engine_submit`; then
/// nothing changed. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_send(
    chat: *mut qask_chat,
    text: *const c_char,
    length: usize,
    cancel: *const qask_cancel,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
) -> qask_status {
    answer(chat, cancel, out, error, |chat, cancel| {
        chat.send_message(Message::user(content(text, length, "text")?), cancel)
    })
}

/// Says something and waits for an answer that is JSON and valid under `schema`, as `qask_engine_ask_json`; it joins the
/// history. `cancel` may be NULL. The caller frees the string with `qask_string_free`.
///
/// One owner. Errors: as `qask_chat_send`, JSON, GRAMMAR (the schema), TOO_LONG (`max_tokens` or the context ended the
/// answer before its JSON was complete), CANCELLED, DEADLINE, and that of the generation. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_ask_json(
    chat: *mut qask_chat,
    text: *const c_char,
    length: usize,
    schema: *const c_char,
    schema_length: usize,
    cancel: *const qask_cancel,
    json: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(json, "json")?;
        let object = handle::get::<ChatObject>(chat as usize)?;
        let cancel = optional_cancel(cancel)?;
        let message = Message::user(content(text, length, "text")?);
        let schema = parse(content(schema, schema_length, "schema")?)?;
        let stream = object.change(|chat| chat.send_for_json(message, &schema, cancel))?;
        hand_out(json, TextObject::new(&value_of(stream)?.to_string()))
    })
}

/// As `qask_chat_send`, with any message in the JSON of OpenAI's API, such as a tool's result. The caller frees the
/// stream with `qask_stream_free`.
///
/// One owner. Errors: as `qask_chat_send`, JSON, RANGE, UNSUPPORTED. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_send_message_json(
    chat: *mut qask_chat,
    json: *const c_char,
    length: usize,
    cancel: *const qask_cancel,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
) -> qask_status {
    answer(chat, cancel, out, error, |chat, cancel| chat.send_message(message(json, length)?, cancel))
}

/// Answers the last message again: a reply at the end of the history goes first, and comes back when the new one
/// fails. The caller frees the stream with `qask_stream_free`. `cancel` may be NULL.
///
/// One owner. Errors: as `qask_chat_send`, RANGE (there is nothing to answer). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_regenerate(
    chat: *mut qask_chat,
    cancel: *const qask_cancel,
    out: *mut *mut qask_stream,
    error: *mut *mut qask_error,
) -> qask_status {
    answer(chat, cancel, out, error, |chat, cancel| chat.regenerate(cancel))
}

/// Waits until no answer is being made, at most `timeout_ms` milliseconds; -1 waits for ever, 0 only looks.
/// `QASK_TIMEOUT` when one still is. It does not matter who reads the stream, or whether anyone does.
///
/// Any thread; meanwhile nobody can change the chat. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_wait(
    chat: *const qask_chat,
    timeout_ms: i64,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        let object = handle::get::<ChatObject>(chat as usize)?;
        let timeout = timeout(timeout_ms)?;
        let ended = object.read().wait(timeout);
        Ok(if ended { QASK_OK } else { QASK_TIMEOUT })
    })
}

/// Whether an answer is being made.
///
/// Any thread. A bad handle gives false. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_is_busy(chat: *const qask_chat) -> bool {
    infallible(false, || Ok(handle::get::<ChatObject>(chat as usize)?.read().is_busy()))
}

/// How many messages there are. While an answer is being made, the message that asked for it is among them.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_count(chat: *const qask_chat) -> usize {
    infallible(0, || Ok(handle::get::<ChatObject>(chat as usize)?.read().count()))
}

/// Hands out what a message is asked for.
fn read_message(
    chat: *const qask_chat,
    index: usize,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
    text: impl FnOnce(&Message) -> String,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let object = handle::get::<ChatObject>(chat as usize)?;
        let message = object.read().message_at(index);
        let message = message.ok_or_else(|| Error::new(Code::Range, format!("there is no message {index}")))?;
        hand_out(out, TextObject::new(&text(&message)))
    })
}

/// The role of message `index`, from 0: "system", "user", "assistant", "tool". The caller frees the string with
/// `qask_string_free`.
///
/// Any thread. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_role_at(
    chat: *const qask_chat,
    index: usize,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    read_message(chat, index, out, error, |m| m.role().to_owned())
}

/// The text of message `index`, from 0; empty when it has none. The caller frees the string with `qask_string_free`.
///
/// Any thread. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_text_at(
    chat: *const qask_chat,
    index: usize,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    read_message(chat, index, out, error, Message::text)
}

/// Message `index`, from 0, in the JSON of OpenAI's API. The caller frees the string with `qask_string_free`.
///
/// Any thread. Errors: NULL, HANDLE, RANGE. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_message_json_at(
    chat: *const qask_chat,
    index: usize,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    read_message(chat, index, out, error, |m| serde_json::Value::from(m.as_json().clone()).to_string())
}

/// Why the reply at `index` is not whole: `QASK_FINISH_LENGTH`, `QASK_FINISH_CANCELLED` or `QASK_FINISH_DEADLINE`; 0
/// for one that is, and for other messages.
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_cut_short_at(chat: *const qask_chat, index: usize) -> i32 {
    infallible(0, || {
        let object = handle::get::<ChatObject>(chat as usize)?;
        let cut = object.read().cut_short_at(index);
        Ok(cut.as_ref().map_or(0, finish_number))
    })
}

/// How many messages have left the history because they did not fit (`QASK_CONTEXT_DROP_OLDEST`).
///
/// Any thread. A bad handle gives 0. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_dropped_messages(chat: *const qask_chat) -> u64 {
    infallible(0, || Ok(handle::get::<ChatObject>(chat as usize)?.read().dropped_messages()))
}

/// Adds a message in the JSON of OpenAI's API, without asking for an answer.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, JSON, RANGE, UNSUPPORTED. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_add_message_json(
    chat: *mut qask_chat,
    json: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(chat, error, |chat| chat.add_message(message(json, length)?))
}

/// Puts another message, in the JSON of OpenAI's API, in the place of message `index`; what follows stays.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY, JSON, RANGE, UNSUPPORTED. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_set_message_json_at(
    chat: *mut qask_chat,
    index: usize,
    json: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(chat, error, |chat| chat.set_message_at(index, message(json, length)?))
}

/// Takes out the turn that message `index` belongs to: a user's message with everything up to the next one.
///
/// One owner. Errors: NULL, HANDLE, BUSY, RANGE (no such message, or a system message at the beginning). Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_drop_turn_at(
    chat: *mut qask_chat,
    index: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(chat, error, |chat| chat.drop_turn_at(index))
}

/// Takes out every message but the system messages at the beginning.
///
/// One owner. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_clear(chat: *mut qask_chat, error: *mut *mut qask_error) -> qask_status {
    with(chat, error, |chat| chat.clear())
}

/// The history as JSON: an envelope with a version, OpenAI-style messages inside. Settings are not in it. The caller
/// frees the string with `qask_string_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_export(
    chat: *const qask_chat,
    out: *mut *mut qask_string,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let json = handle::get::<ChatObject>(chat as usize)?.read().export()?;
        hand_out(out, TextObject::new(&json))
    })
}

/// Puts a history that `qask_chat_export` gave in the place of this one.
///
/// One owner. Errors: NULL, UTF8, HANDLE, BUSY; JSON, RANGE, UNSUPPORTED (another version, or content that this
/// version cannot read) and TOO_LONG with the place; then nothing changed. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_import(
    chat: *mut qask_chat,
    json: *const c_char,
    length: usize,
    error: *mut *mut qask_error,
) -> qask_status {
    with(chat, error, |chat| chat.import(content(json, length, "json")?))
}

/// A copy that goes its own way from here, over the same engine. The caller frees it with `qask_chat_free`.
///
/// Any thread. Errors: NULL, HANDLE, BUSY. Since 0.1.
#[no_mangle]
pub extern "C" fn qask_chat_fork(
    chat: *const qask_chat,
    out: *mut *mut qask_chat,
    error: *mut *mut qask_error,
) -> qask_status {
    fallible(error, || {
        required(out, "out")?;
        let fork = handle::get::<ChatObject>(chat as usize)?.read().fork()?;
        hand_out(out, ChatObject(RwLock::new(fork)))
    })
}

fn message(json: *const c_char, length: usize) -> Result<Message> {
    Message::from_json(parse(content(json, length, "json")?)?)
}
