//! A chat's history as JSON:
//! `{"format":"qask.chat","version":1,"dropped_messages":0,"messages":[…],"cut_short":[{"message":3,"reason":"cancelled"}]}`.

use serde_json::{json, Map, Value};

use super::history::{Entry, State};
use crate::error::{Code, Error, Result};
use crate::event::FinishReason;
use crate::message::Message;
use crate::openai::{check_names, integer, list, object, parse, text};

const FORMAT: &str = "qask.chat";
const VERSION: i64 = 1;

/// The most messages that are read.
const MOST_MESSAGES: usize = 100_000;

const FIELDS: [&str; 5] = ["format", "version", "dropped_messages", "messages", "cut_short"];

/// Why a reply can be cut short.
const REASONS: [FinishReason; 3] = [FinishReason::Length, FinishReason::Cancelled, FinishReason::Deadline];

pub(super) fn write(state: &State) -> String {
    let messages: Vec<&Map<String, Value>> = state.messages.iter().map(|e| e.message.as_json()).collect();
    let mark =
        |(i, e): (usize, &Entry)| e.cut.as_ref().map(|reason| json!({ "message": i, "reason": reason.name() }));
    let cut_short: Vec<Value> = state.messages.iter().enumerate().filter_map(mark).collect();
    json!({
        "format": FORMAT,
        "version": VERSION,
        "dropped_messages": state.dropped,
        "messages": messages,
        "cut_short": cut_short,
    })
    .to_string()
}

/// The messages, and how many had been dropped.
pub(super) fn read(json: &str) -> Result<(Vec<Entry>, u64)> {
    let value = parse(json)?;
    let envelope = object(&value, "the chat")?;
    let field = |name: &str| {
        envelope.get(name).ok_or_else(|| Error::new(Code::Json, format!("the chat has no \"{name}\"")))
    };
    // What it is comes first: a later version may have other fields.
    if text(field("format")?, "format")? != FORMAT {
        return Err(Error::new(Code::Json, format!("format: this is not a \"{FORMAT}\"")));
    }
    let version = integer(field("version")?, "version", 1, i64::MAX)?;
    if version != VERSION {
        return Err(Error::new(
            Code::Unsupported,
            format!("version: the chat has version {version}; this library reads {VERSION}"),
        ));
    }
    check_names(envelope, &FIELDS)?;
    let messages = list(field("messages")?, "messages")?;
    if messages.len() > MOST_MESSAGES {
        return Err(Error::new(
            Code::TooLong,
            format!("messages: there are {}; at most {MOST_MESSAGES} are read", messages.len()),
        ));
    }
    let entry = |(i, m): (usize, &Value)| {
        Message::from_json(m.clone()).map(Entry::new).map_err(|e| e.at(format!("messages[{i}]")))
    };
    let mut entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<Entry>>>()?;
    for (i, mark) in list(envelope.get("cut_short").unwrap_or(&json!([])), "cut_short")?.iter().enumerate() {
        read_mark(mark, &mut entries).map_err(|e| e.at(format!("cut_short[{i}]")))?;
    }
    let dropped =
        envelope.get("dropped_messages").map_or(Ok(0), |v| integer(v, "dropped_messages", 0, i64::MAX))?;
    Ok((entries, dropped as u64))
}

fn read_mark(mark: &Value, entries: &mut [Entry]) -> Result<()> {
    let fields = object(mark, "the mark")?;
    check_names(fields, &["message", "reason"])?;
    let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let last = entries.len() as i64 - 1;
    let message = integer(field("message"), "message", 0, last.max(0))? as usize;
    let name = text(field("reason"), "reason")?;
    let reason = REASONS.iter().find(|r| r.name() == name);
    let reason = reason
        .ok_or_else(|| Error::new(Code::Range, "reason: it must be \"length\", \"cancelled\" or \"deadline\""))?;
    match entries.get_mut(message).filter(|e| e.message.role() == "assistant") {
        Some(entry) => entry.cut = Some(reason.clone()),
        None => return Err(Error::new(Code::Range, format!("message {message} is not the assistant's"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::default();
        state.dropped = 7;
        state.messages.push(Entry::new(Message::system("Sei \"kurz\".\n")));
        state.messages.push(Entry::new(Message::user("你好 🎉\u{0}")));
        let reply = Message::assistant("你");
        state.messages.push(Entry { message: reply, cut: Some(FinishReason::Cancelled) });
        let call = json!({"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function"}]});
        state.messages.push(Entry::new(Message::from_json(call).unwrap()));
        state
    }

    #[test]
    fn what_is_written_is_read() {
        let before = state();
        let (messages, dropped) = read(&write(&before)).unwrap();
        assert_eq!(messages, before.messages);
        assert_eq!(dropped, 7);
        assert_eq!(read(&write(&State::default())).unwrap().0, []);
    }

    #[test]
    fn sizes_are_bounded() {
        let many = format!(
            r#"{{"format":"qask.chat","version":1,"messages":[{}{{"role":"user"}}]}}"#,
            r#"{"role":"user"},"#.repeat(MOST_MESSAGES)
        );
        assert_eq!(read(&many).unwrap_err().code(), Code::TooLong);
        let deep = format!(
            r#"{{"format":"qask.chat","version":1,"messages":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(read(&deep).unwrap_err().code(), Code::Json);
    }
}
