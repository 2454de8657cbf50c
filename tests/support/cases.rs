//! The cases of `tests/conformance` that are about engines, over whatever engine is given.

use qask::output::{detect_tags, tags_named, TAGS};
use qask::{Chat, Code, Constraint, Engine, Event, Message, Next, Request, Sampling};
use serde_json::{json, Value};

use super::conformance;

/// `tools.json` and `reasoning.json` the whole way: dictated by a constraint, generated, taken apart, into events. Any
/// real model will do.
pub(crate) fn recorded(engine: &Engine) {
    let (tools, reasoning) = (conformance("tools"), conformance("reasoning"));
    let marks = reasoning["templates"].as_object().unwrap();
    for tags in TAGS {
        let template = marks.get(tags.name).and_then(Value::as_str).unwrap_or_else(|| panic!("{}", tags.name));
        assert_eq!(detect_tags(template).map(|t| t.name), Some(tags.name));
    }
    let (mut count, mut wrong) = (0, Vec::new());
    for case in tools["cases"].as_array().unwrap().iter().chain(reasoning["cases"].as_array().unwrap()) {
        let output = case["output"].as_str().unwrap();
        let mut request = Request::chat([Message::user("x")]).sampling(Sampling::greedy());
        request.constraint = Some(Constraint::Choice(vec![output.to_owned()]));
        if let Some(format) = case["format"].as_str() {
            request.tool_format = Some(format.to_owned());
            request.tools = tools["tools"].as_array().unwrap().clone();
        }
        let mut template = "{{ messages[0].content }}".to_owned();
        if let Some(name) = case["tags"].as_str() {
            template = marks[name].as_str().unwrap().to_owned();
            if case["thinking"] == true {
                template += tags_named(name).unwrap().open;
            }
        }
        request.template = Some(template);
        let got = events(engine, &request);
        if Value::from(got.clone()) != case["events"] {
            wrong.push(format!("{}\n  want {}\n  got  {}", case["name"], case["events"], json!(got)));
        }
        count += 1;
    }
    assert!(count > 100 && wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Events in the form of the files: text and reasoning joined, deltas gone where their call is complete.
fn events(engine: &Engine, request: &Request) -> Vec<Value> {
    let mut stream = engine.submit(request).unwrap();
    let mut all = Vec::new();
    while let Next::Event(event) = stream.next(None).unwrap() {
        all.push(event);
    }
    let complete = |i: u32| all.iter().any(|e| matches!(e, Event::ToolCall(c) if c.index == i));
    let mut found: Vec<Value> = Vec::new();
    for event in &all {
        let (key, text) = match event {
            Event::Text(t) => ("text", &t.text),
            Event::Reasoning(t) => ("reasoning", &t.text),
            Event::ToolCallDelta(d) if d.first && !complete(d.index) => ("broken", &d.name),
            Event::ToolCall(c) => {
                let arguments: Value = serde_json::from_str(&c.arguments).unwrap();
                found.push(json!({ "call": c.name, "arguments": arguments }));
                continue;
            }
            _ => continue,
        };
        match found.last_mut().and_then(|last| last.get_mut(key)) {
            Some(Value::String(last)) if key != "broken" => last.push_str(text),
            _ if text.is_empty() => {}
            _ => found.push(json!({ key: text })),
        }
    }
    found
}

/// `chats.json`, with the history as it was behind each that is refused.
pub(crate) fn chats(chat: &mut Chat) {
    let all = conformance("chats");
    let cases = all["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let (name, json) = (case["name"].as_str().unwrap(), case["chat"].as_str().unwrap());
        let before = chat.export().unwrap();
        match (chat.import(json), case["messages"].as_u64()) {
            (Ok(()), Some(count)) => {
                assert_eq!(chat.count() as u64, count, "{name}");
                let mut again = chat.fork().unwrap();
                again.import(&chat.export().unwrap()).unwrap();
                assert_eq!(again.export().unwrap(), chat.export().unwrap(), "{name}");
            }
            (Err(e), None) => {
                assert_eq!(e.code().name(), case["code"], "{name}: {e}");
                assert!(e.message().contains(case["message"].as_str().unwrap()), "{name}: {e}");
                assert_eq!(chat.export().unwrap(), before, "{name}");
            }
            (result, _) => panic!("{name}: {result:?}"),
        }
    }
}

/// `sessions.json`: each file is refused, and the chat as before.
pub(crate) fn sessions(chat: &mut Chat) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    chat.set_system("Here.").unwrap();
    for case in conformance("sessions")["cases"].as_array().unwrap() {
        let hex = case["file"].as_str().unwrap();
        let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
        std::fs::write(&path, (0..hex.len() / 2).map(byte).collect::<Vec<u8>>()).unwrap();
        let e = chat.restore(&path, None).unwrap_err();
        assert_eq!(e.code().name(), case["code"].as_str().unwrap(), "{}: {e}", case["name"]);
        assert_eq!(chat.message_at(0).unwrap().text(), "Here.");
    }
}

/// The constraint of a case.
pub(crate) fn constraint(case: &Value) -> Constraint {
    let text = |key: &str| case[key].as_str().expect("a text").to_owned();
    let kinds = ["json_schema", "json", "json_object", "regex", "lark", "gbnf", "choice"];
    match kinds.into_iter().find(|k| case.get(k).is_some()) {
        Some("json_schema") => Constraint::JsonSchema(case["json_schema"].clone()),
        Some("json") => Constraint::Json,
        Some("json_object") => Constraint::JsonObject,
        Some("regex") => Constraint::Regex(text("regex")),
        Some("lark") => Constraint::Lark(text("lark")),
        Some("gbnf") => Constraint::Gbnf(text("gbnf")),
        Some("choice") => Constraint::Choice(serde_json::from_value(case["choice"].clone()).expect("texts")),
        _ => panic!("{case}: no constraint"),
    }
}

/// `constraints.json` as requests: an engine refuses those that are wrong, with the same words, and begins with the others.
pub(crate) fn constraints(engine: &Engine) {
    let cases = conformance("constraints");
    let cases = cases.as_array().unwrap();
    let (mut refused, mut begun) = (0, 0);
    for case in cases {
        let mut request =
            Request::text("x").sampling(Sampling::greedy()).max_tokens(1).constraint(constraint(case));
        request.json_whitespace = case["json_whitespace"] == true;
        let outcome = engine.submit(&request).and_then(|stream| stream.collect());
        match (outcome, case["error"].as_str()) {
            (Err(e), Some(words)) => {
                assert!(e.code() == Code::Grammar && e.message().contains(words), "{}: {e}", case["name"]);
                refused += 1;
            }
            (Ok(_), None) => begun += 1,
            (Err(e), None) if e.code() == Code::Grammar && case["or_error"] == true => {}
            (outcome, _) => panic!("{}: {outcome:?}", case["name"]),
        }
    }
    assert!(refused > 5 && begun > 20, "{refused} refused, {begun} begun");
}
