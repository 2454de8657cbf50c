//! A model calls a function of this program, gets its result and answers: tools MODEL [QUESTION]

use qask::{Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request, ToolCall, ToolChoice};
use serde_json::{json, Value};

/// The program's own function.
fn weather(city: &str) -> Value {
    json!({ "city": city, "celsius": 21, "sky": "clear" })
}

fn main() -> qask::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("usage: tools MODEL [QUESTION]");
    let question = arguments.next().unwrap_or_else(|| "What is the weather in Paris?".into());
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions::default())?;
    let tool = json!({ "type": "function", "function": {
        "name": "get_weather",
        "description": "The weather in a city, now",
        "parameters": {
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
        },
    }});

    let mut messages = vec![Message::user(question)];
    let mut request = Request::chat(messages.clone()).max_tokens(200);
    request.tools = vec![tool];
    request.sampling.temperature = Some(0.0);
    // `Auto` leaves it to the model; so small a one is better told.
    request.tool_choice = ToolChoice::Required;
    request.parallel_tool_calls = false;
    let (text, calls) = answer(&engine, &request)?;

    let calls_json: Vec<Value> = calls.iter().map(ToolCall::as_json).collect();
    messages.push(Message::from_json(json!({ "role": "assistant", "content": text, "tool_calls": calls_json }))?);
    for call in &calls {
        println!("{}({})", call.name, call.arguments);
        let arguments: Value = serde_json::from_str(&call.arguments).expect("always JSON");
        let result = weather(arguments["city"].as_str().unwrap_or_default());
        let content = result.to_string();
        messages.push(Message::from_json(json!({ "role": "tool", "tool_call_id": call.id, "content": content }))?);
    }
    request.tool_choice = ToolChoice::Auto;
    println!("{}", answer(&engine, &request.with_messages(messages))?.0);
    Ok(())
}

fn answer(engine: &Engine, request: &Request) -> qask::Result<(String, Vec<ToolCall>)> {
    let mut stream = engine.submit(request)?;
    let (mut text, mut calls) = (String::new(), Vec::new());
    while let Next::Event(event) = stream.next(None)? {
        match event {
            Event::Text(t) => text += &t.text,
            Event::ToolCall(call) => calls.push(call),
            _ => {}
        }
    }
    Ok((text, calls))
}
