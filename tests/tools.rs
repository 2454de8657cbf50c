//! Tool calls and thoughts through the engine, with a real model.

mod support;

use qask::{
    Chat, Code, Engine, EngineOptions, Event, FinishReason, Message, Model, ModelOptions, Next, Request,
    ToolChoice,
};
use serde_json::{json, Value};
use support::{run, text};

fn engine() -> Engine {
    let model = Model::load(support::qwen(), ModelOptions::default()).unwrap();
    Engine::new(&model, EngineOptions { n_ctx: Some(2048), ..EngineOptions::default() }).unwrap()
}

fn tools() -> Vec<Value> {
    let tool = |name: &str, about: &str, properties: Value, required: Value| {
        json!({"type": "function", "function": {"name": name, "description": about,
            "parameters": {"type": "object", "properties": properties, "required": required}}})
    };
    vec![
        tool(
            "get_weather",
            "The weather of a city",
            json!({"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}}),
            json!(["city", "days"]),
        ),
        tool("now", "The time", json!({"zone": {"enum": ["UTC", "CET"]}}), json!(["zone"])),
    ]
}

fn request(text: &str) -> Request {
    let mut request = Request::chat([Message::user(text)]).max_tokens(120);
    request.sampling.temperature = Some(0.0);
    request.tools = tools();
    request
}

fn thought(events: &[Event]) -> String {
    events.iter().filter_map(|e| if let Event::Reasoning(t) = e { Some(t.text.as_str()) } else { None }).collect()
}

fn calls(events: &[Event]) -> Vec<(&str, Value)> {
    let mut calls = Vec::new();
    for event in events {
        if let Event::ToolCall(call) = event {
            calls.push((call.name.as_str(), serde_json::from_str(&call.arguments).unwrap()));
        }
    }
    calls
}

/// Whether deltas, put together, are the arguments of the calls.
fn check_deltas(events: &[Event]) {
    for event in events {
        let Event::ToolCall(call) = event else { continue };
        let deltas = events.iter().filter_map(|e| match e {
            Event::ToolCallDelta(d) if d.index == call.index => Some(d.arguments.as_str()),
            _ => None,
        });
        assert_eq!(deltas.collect::<String>(), call.arguments);
    }
}

#[test]
fn a_required_call_keeps_to_its_schema() {
    let engine = engine();
    for (seed, question) in
        ["Weather in Paris for three days?", "Tell me a joke.", "What time is it?"].iter().enumerate()
    {
        let mut request = request(question);
        request.tool_choice = ToolChoice::Required;
        // At this temperature a model may call on and on.
        request.parallel_tool_calls = false;
        request.sampling.temperature = Some(1.5);
        request.sampling.seed = Some(seed as u32);
        let (events, reason) = run(&engine, &request);
        let calls = calls(&events);
        assert_eq!(reason, FinishReason::ToolCalls, "{events:?}");
        assert!(!calls.is_empty());
        for (name, arguments) in calls {
            match name {
                "get_weather" => {
                    assert!(arguments["city"].is_string());
                    assert!((1..=9).contains(&arguments["days"].as_i64().unwrap()), "{arguments}");
                }
                "now" => assert!(["UTC", "CET"].contains(&arguments["zone"].as_str().unwrap())),
                other => panic!("{other}"),
            }
        }
        check_deltas(&events);
        assert_eq!(text(&events), "");
    }
}

#[test]
fn a_named_tool_is_called_once() {
    let engine = engine();
    let mut request = request("Weather in Paris?");
    request.tool_choice = ToolChoice::Named("now".into());
    let (events, reason) = run(&engine, &request);
    assert_eq!(reason, FinishReason::ToolCalls);
    assert_eq!(calls(&events).iter().map(|c| c.0).collect::<Vec<_>>(), ["now"]);
}

#[test]
fn the_model_calls_when_it_likes_and_a_chat_keeps_it() {
    let engine = engine();
    let settings = request("").with_messages([]);
    let mut chat = Chat::with_request(&engine, settings).unwrap();
    let mut stream = chat.send("What is the weather in Paris for the next 3 days? Call the tool.").unwrap();
    let mut events = Vec::new();
    while let Next::Event(event) = stream.next(None).unwrap() {
        events.push(event);
    }
    let found = calls(&events);
    assert_eq!(found.len(), 1, "{events:?}");
    assert_eq!((found[0].0, &found[0].1["city"]), ("get_weather", &json!("Paris")));
    let Some(Event::ToolCall(call)) = events.iter().find(|e| matches!(e, Event::ToolCall(_))) else { panic!() };
    let reply = chat.message_at(1).unwrap();
    assert_eq!(reply.as_json()["tool_calls"][0], call.as_json());
    let result = json!({"role": "tool", "tool_call_id": call.id, "content": "{\"celsius\": [17, 18, 21]}"});
    let answer = chat.send_message(Message::from_json(result).unwrap(), None).unwrap().collect_text().unwrap();
    assert!(answer.0.contains("21"), "{}", answer.0);
    assert!(answer.1.usage.cached_tokens > 100, "{:?}", answer.1.usage);
}

#[test]
fn without_tools_to_call_nothing_changes() {
    let engine = engine();
    let mut request = request("Say hello.");
    request.tool_choice = ToolChoice::None;
    let with_none = engine.model().render(&request).unwrap();
    request.tools.clear();
    request.tool_choice = ToolChoice::Auto;
    assert_eq!(engine.model().render(&request).unwrap(), with_none);
    let (events, reason) = run(&engine, &request);
    assert!(matches!(events[..], [Event::Text(_), ..]) && reason == FinishReason::Stop, "{events:?}");
}

#[test]
fn a_bad_schema_of_a_tool_is_named() {
    let engine = engine();
    let mut request = request("Hi");
    request.tools[1]["function"]["parameters"]["properties"]["zone"] = json!({"type": "string", "contains": 1});
    request.tool_choice = ToolChoice::Required;
    let FinishReason::Error(e) = run(&engine, &request).1 else { panic!("no error") };
    assert_eq!(e.code(), Code::Grammar);
    assert!(e.message().contains("tools[1]"), "{e}");
}

/// The chat template of a model that thinks; the prompt opens the thought.
const THINKS: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
    <|im_start|>assistant\n<think>\n{% if enable_thinking is defined and enable_thinking is false %}\n</think>\n\n{% endif %}";

#[test]
fn a_thought_is_closed_when_its_budget_is_spent() {
    let engine = engine();
    let mut request = Request::chat([Message::user("Count to one hundred, one number a line.")]).max_tokens(60);
    request.sampling.temperature = Some(0.0);
    request.template = Some(THINKS.into());
    let (events, _) = run(&engine, &request);
    assert!(text(&events).is_empty() && thought(&events).len() > 40, "{events:?}");

    request.reasoning_budget = Some(12);
    let mut stream = engine.submit(&request).unwrap();
    let (mut events, mut usage) = (Vec::new(), None);
    while let Next::Event(event) = stream.next(None).unwrap() {
        match event {
            Event::Done(done) => usage = Some(done.usage),
            event => events.push(event),
        }
    }
    let usage = usage.unwrap();
    assert!(!text(&events).is_empty() && !thought(&events).is_empty(), "{events:?}");
    assert!(!text(&events).contains("</think>") && !thought(&events).contains("</think>"));
    assert!((12..24).contains(&usage.reasoning_tokens), "{usage:?}");

    request.reasoning_budget = Some(0);
    let (events, _) = run(&engine, &request);
    assert!(thought(&events).is_empty() && !text(&events).is_empty(), "{events:?}");

    request.reasoning_budget = None;
    request.thinking = Some(false);
    assert!(engine.model().render(&request).unwrap().ends_with("</think>\n\n"));
    let (events, _) = run(&engine, &request);
    assert!(thought(&events).is_empty() && !text(&events).is_empty(), "{events:?}");

    request.thinking = None;
    request.split_reasoning = false;
    let (events, _) = run(&engine, &request);
    assert!(thought(&events).is_empty(), "{events:?}");
}

#[test]
fn a_thought_may_come_before_a_required_call() {
    let engine = engine();
    let mut request = request("Weather in Paris for two days?");
    request.template = Some(THINKS.into());
    request.tool_format = Some("hermes".into());
    request.tool_choice = ToolChoice::Required;
    request.reasoning_budget = Some(8);
    let (events, reason) = run(&engine, &request);
    assert_eq!(reason, FinishReason::ToolCalls, "{events:?}");
    assert!(!thought(&events).is_empty() && !calls(&events).is_empty(), "{events:?}");
}
