//! Answers requests, one OpenAI-style JSON a line on standard input, with their calls and what they cost, one JSON a
//! line: bfcl MODEL. `tools/bfcl.py` runs it.

use std::io::{BufRead, Write};
use std::time::Instant;

use qask::{openai, Engine, EngineOptions, Event, Model, ModelOptions, Next};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: bfcl MODEL <requests")?;
    let model = Model::load(path, ModelOptions::default())?;
    let engine = Engine::new(&model, EngineOptions { n_ctx: Some(4096), ..EngineOptions::default() })?;
    for line in std::io::stdin().lock().lines() {
        let began = Instant::now();
        let mut stream = engine.submit(&openai::request_from_json(&line?)?)?;
        let (mut text, mut calls, mut end) = (String::new(), Vec::new(), json!(null));
        while let Next::Event(event) = stream.next(None)? {
            match event {
                Event::Text(t) => text += &t.text,
                Event::ToolCall(call) => calls.push(call.as_json()),
                Event::Done(done) => {
                    let failed = match &done.reason {
                        qask::FinishReason::Error(e) => Some(e.message().to_owned()),
                        _ => None,
                    };
                    end = json!({ "reason": done.reason.name(), "error": failed,
                        "prompt": done.usage.prompt_tokens, "output": done.usage.output_tokens });
                }
                _ => {}
            }
        }
        let answer = json!({ "tool_calls": calls, "content": text, "end": end,
            "seconds": began.elapsed().as_secs_f64() });
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
