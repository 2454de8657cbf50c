//! Tool calls and thoughts of every family of models, through the engine: the templates of llama.cpp's collection over
//! vocabularies in which their marks are tokens of their own, as in the real ones. The weights are random: grammars
//! make the models say what is to be read.

mod support;

use std::collections::BTreeSet;

use qask::output::{detect_format, detect_tags, Format, FORMATS};
use qask::{
    Chat, Constraint, Engine, EngineOptions, Event, FinishReason, Message, Model, ModelOptions, Request, Sampling,
    ToolChoice,
};
use serde_json::{json, Value};
use support::{run, text};

/// Every template by its name; none, loudly, when they were not fetched.
fn templates() -> Vec<(String, String)> {
    let folder = support::cache().join("chat-templates-0.3.36");
    if !folder.is_dir() {
        eprintln!("NOT CHECKED: chat templates are not in {}: tools/vectors.py", folder.display());
        return Vec::new();
    }
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let mut found: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "jinja"))
        .map(|f| (f.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(f).unwrap()))
        .collect();
    found.sort();
    found
}

fn template(name: &str) -> Option<String> {
    let all = templates();
    let found = all.iter().find(|(n, _)| n == name).map(|(_, source)| source.clone());
    assert!(all.is_empty() || found.is_some(), "{name} is not in the collection");
    found
}

/// What looks like a mark that vocabularies have as a control token: `<|x|>`, `<|x>`, `<x|>`, `<｜x｜>`, `[X]`.
fn control_marks(text: &str, found: &mut BTreeSet<String>) {
    let wordy = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || "_/▁".contains(c));
    for (at, open) in text.match_indices(['<', '[']) {
        let close = if open == "<" { '>' } else { ']' };
        let Some(end) = text[at..].find(close).map(|n| at + n + 1) else { continue };
        let inner = &text[at + 1..end - 1];
        let is_mark = match open {
            "[" => {
                inner.len() > 2
                    && wordy(inner)
                    && inner.chars().all(|c| c.is_ascii_uppercase() || "_/".contains(c))
            }
            _ => {
                let bare = inner.trim_start_matches(['|', '｜']).trim_end_matches(['|', '｜']);
                bare.len() < inner.len() && wordy(bare)
            }
        };
        if is_mark {
            found.insert(text[at..end].to_owned());
        }
    }
}

/// Marks that vocabularies have as whole tokens of text.
const WHOLE: &[&str] = &["tool_call", "tool_response", "think", "arg_key", "arg_value"];

/// A tiny model with this template, whose marks and those of the format are tokens.
fn model(source: &str, format: &Format) -> Model {
    let mut marks = BTreeSet::new();
    control_marks(source, &mut marks);
    control_marks(format.example, &mut marks);
    for known in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] {
        marks.remove(known);
    }
    let mut tokens: Vec<(String, bool)> = marks.into_iter().map(|mark| (mark, true)).collect();
    for name in WHOLE {
        tokens.extend([format!("<{name}>"), format!("</{name}>")].map(|mark| (mark, false)));
    }
    let file = support::tiny_with(&tokens, source).file();
    Model::load(&file, ModelOptions::default()).unwrap()
}

fn start(model: &Model) -> Engine {
    let options = EngineOptions { threads: Some(1), n_ctx: Some(16_384), ..EngineOptions::default() };
    Engine::new(model, options).unwrap()
}

fn tools() -> Vec<Value> {
    let tool = |name: &str, properties: Value, required: Value| {
        json!({"type": "function", "function": {"name": name, "description": "Does something.", "parameters":
            {"type": "object", "properties": properties, "required": required, "additionalProperties": false}}})
    };
    vec![
        tool(
            "f",
            json!({"a": {"type": "integer", "description": "A digit.", "minimum": 0, "maximum": 9}}),
            json!(["a"]),
        ),
        tool("g", json!({"b": {"type": "string", "description": "A letter.", "enum": ["x", "y"]}}), json!(["b"])),
    ]
}

fn request(text: &str) -> Request {
    let mut request = Request::chat([Message::user(text)]).max_tokens(600);
    request.sampling = Sampling { temperature: Some(1.0), seed: Some(7), ..Sampling::default() };
    request.tools = tools();
    // What Firefunction's template wants to be told.
    request.template_variables.insert("datetime".into(), "2026-01-01".into());
    request.template_variables.insert("functions".into(), json!(tools()).to_string().into());
    request
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

/// A text as a grammar: marks that are control tokens by their numbers.
fn spelled(model: &Model, said: &str) -> String {
    let mut marks = BTreeSet::new();
    control_marks(said, &mut marks);
    let mut words = Vec::new();
    let mut plain = String::new();
    let mut rest = said;
    while let Some(first) = rest.chars().next() {
        let token = marks.iter().find(|m| rest.starts_with(m.as_str())).and_then(|mark| {
            match model.tokenize(mark, false, true).unwrap()[..] {
                [one] => Some((mark.len(), one)),
                _ => None,
            }
        });
        match token {
            Some((length, token)) => {
                words.extend((!plain.is_empty()).then(|| Value::from(std::mem::take(&mut plain)).to_string()));
                words.push(format!("<[{token}]>"));
                rest = &rest[length..];
            }
            None => {
                plain.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    words.extend((!plain.is_empty()).then(|| Value::from(plain).to_string()));
    format!("start: {}\n", words.join(" "))
}

/// Fails on every tool, in Python too.
const FAILS: &str = "llama-cpp-deepseek-r1";

/// Whatever the template, a required call is one of a tool that is there, under its schema, and nothing else is said.
#[test]
fn a_required_call_with_every_template() {
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    for (name, source) in templates().into_iter().filter(|(name, _)| name != FAILS) {
        let format = detect_format(&source);
        let engine = start(&model(&source, format));
        for choice in [ToolChoice::Required, ToolChoice::Named("g".into())] {
            let mut request = request("Call something.");
            request.tool_choice = choice.clone();
            request.reasoning_budget = Some(5);
            let (events, reason) = run(&engine, &request);
            let called = calls(&events);
            let fits = |(tool, arguments): &(&str, Value)| match *tool {
                "f" => choice == ToolChoice::Required && (0..=9).contains(&arguments["a"].as_i64().unwrap_or(-1)),
                "g" => arguments["b"] == "x" || arguments["b"] == "y",
                _ => false,
            };
            let enough = if choice == ToolChoice::Required { !called.is_empty() } else { called.len() == 1 };
            if reason != FinishReason::ToolCalls
                || !enough
                || !called.iter().all(fits)
                || !text(&events).is_empty()
            {
                wrong.push(format!("{name} ({}, {choice:?}): {reason:?} {events:?}", format.name));
            }
        }
        tried.insert(format.name);
    }
    println!("{} formats: {tried:?}", tried.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every format's example, when its marks come as tokens of their own: a call, and no text.
#[test]
fn every_example_over_tokens_of_its_own_is_a_call() {
    let all = templates();
    let mut wrong = Vec::new();
    for format in FORMATS {
        let source = all.iter().map(|(_, source)| source.as_str()).find(|s| detect_format(s).name == format.name);
        let model = model(source.unwrap_or(support::CHATML), format);
        let engine = start(&model);
        // The prompt's end is the beginning of the example there; the last mark of the other is an end of text.
        let said = match format.name {
            "functionary-v3.2" => &format.example[3..],
            "harmony" => format.example.strip_suffix("<|call|>").unwrap(),
            _ => format.example,
        };
        let mut request = request("Call f.");
        request.tool_format = Some(format.name.to_owned());
        request.thinking = Some(false);
        request.constraint = Some(Constraint::Lark(spelled(&model, said)));
        let (events, reason) = run(&engine, &request);
        let called = calls(&events);
        let right = called.first().is_some_and(|(tool, arguments)| *tool == "f" && arguments["a"] == 1);
        if reason != FinishReason::ToolCalls || !right || !text(&events).is_empty() {
            wrong.push(format!("{}: {reason:?} {events:?}", format.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a chat would be asked with this message behind its history.
fn prompt(chat: &Chat, model: &Model, message: &Message) -> String {
    let so_far = (0..chat.count()).map(|i| chat.message_at(i).unwrap()).chain([message.clone()]);
    model.render(&chat.request().clone().with_messages(so_far)).unwrap()
}

/// Has the model think and then say this, each as its family writes it.
fn say(chat: &mut Chat, model: &Model, thought: &str, said: &str, message: Message) -> qask::Answer {
    let prompt = prompt(chat, model, &message);
    let tags = detect_tags(model.chat_template().unwrap()).unwrap();
    let open = if tags.is_open_at_end(&prompt) { "" } else { tags.open };
    let mut settings = chat.request().clone();
    let said = format!("{open}\n{thought}\n{}\n\n{said}", tags.close);
    settings.constraint = Some(Constraint::Lark(spelled(model, &said)));
    chat.set_request(settings).unwrap();
    let answer = chat.send_message(message, None).unwrap().collect().unwrap();
    assert_eq!(answer.reasoning, thought);
    // What was sent has the tokens of the template's text and no other: nothing of a dropped thought is kept.
    let tokens = model.tokenize(&prompt, false, true).unwrap();
    let bos = usize::from(tokens.first() != model.bos().as_ref());
    let sent = answer.done.usage.prompt_tokens as usize;
    assert!(sent == tokens.len() || sent == tokens.len() + bos, "{sent} tokens, {} of the text", tokens.len());
    answer
}

/// Thoughts in the history of a chat, as the template wants them: `stay` those in front of a call whose result comes
/// next, and never those of an answer that a question follows.
fn history(name: &str, stay: bool) {
    let Some(source) = template(name) else { return };
    let format = detect_format(&source);
    let model = model(&source, format);
    let engine = start(&model);
    let mut settings = request("").with_messages([]);
    settings.thinking = Some(true);
    let mut chat = Chat::with_request(&engine, settings).unwrap();

    let answer = say(&mut chat, &model, "First thought.", "Uno.", Message::user("One?"));
    assert_eq!(answer.text, "Uno.");
    let answer = say(&mut chat, &model, "Second thought.", format.example, Message::user("Two?"));
    assert_eq!(answer.tool_calls.len(), 1, "{answer:?}");
    assert_eq!(chat.message_at(3).unwrap(), answer.message());

    let result = json!({"role": "tool", "tool_call_id": answer.tool_calls[0].id, "content": "42"});
    let result = Message::from_json(result).unwrap();
    let asked = prompt(&chat, &model, &result);
    assert!(!asked.contains("First thought."), "{asked}");
    assert_eq!(asked.contains("Second thought."), stay, "{asked}");
    let answer = say(&mut chat, &model, "Third thought.", "Forty-two.", result);
    assert_eq!(answer.text, "Forty-two.");

    // The next question ends the turn: no thought of it stays.
    let asked = prompt(&chat, &model, &Message::user("Three?"));
    assert!(!asked.contains("thought."), "{asked}");
    assert!(asked.contains("Uno.") && asked.contains("Forty-two."), "{asked}");
}

#[test]
fn qwen3_keeps_the_thought_of_a_call_until_the_next_question() {
    history("Qwen-Qwen3-0.6B", true);
}

#[test]
fn deepseek_r1_drops_thoughts() {
    history("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", false);
}

#[test]
fn deepseek_v3_1_drops_thoughts() {
    history("deepseek-ai-DeepSeek-V3.1", false);
}

#[test]
fn deepseek_v3_2_keeps_the_thought_of_a_call_until_the_next_question() {
    history("deepseek-ai-DeepSeek-V3.2", true);
}
