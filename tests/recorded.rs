//! The recorded outputs of `tests/conformance` the whole way: dictated to a real model by a constraint, generated, taken
//! apart, into events. So a binding can run them too, with no more than requests and streams.

mod support;

use qask::output::{detect_tags, tags_named, TAGS};
use qask::{Constraint, Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request, Sampling};
use serde_json::{json, Value};

fn read(file: &str) -> Value {
    let path = format!("{}/tests/conformance/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
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

#[test]
fn recorded_outputs_go_the_whole_way() {
    let (tools, reasoning) = (read("tools.json"), read("reasoning.json"));
    let marks = reasoning["templates"].as_object().unwrap();
    for tags in TAGS {
        let template = marks.get(tags.name).and_then(Value::as_str).unwrap_or_else(|| panic!("{}", tags.name));
        assert_eq!(detect_tags(template).map(|t| t.name), Some(tags.name));
    }
    let model = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let engine = Engine::new(&model, EngineOptions { n_ctx: Some(8192), ..EngineOptions::default() }).unwrap();
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
        let got = events(&engine, &request);
        if Value::from(got.clone()) != case["events"] {
            wrong.push(format!("{}\n  want {}\n  got  {}", case["name"], case["events"], json!(got)));
        }
        count += 1;
    }
    assert!(count > 100 && wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
