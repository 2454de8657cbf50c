//! Messages and tools in the shape in which a model's template takes them: templates differ in whether a call's
//! arguments are an object or its JSON, in the name of a thought, and in whether they have a place for tools at all.

use serde_json::{json, Map, Value};

use crate::message::Message;
use crate::output::Format;

/// Messages for a template. With `objects` the arguments of calls are objects, as most templates want them; otherwise
/// JSON, as OpenAI has them.
pub(crate) fn messages(messages: &[Message], source: &str, objects: bool) -> Vec<Message> {
    let thought = thought_key(source);
    messages
        .iter()
        .map(|message| {
            let map = message.as_json();
            let renames = thought.is_some() && map.contains_key("reasoning_content");
            if !renames && !map.contains_key("tool_calls") {
                return message.clone();
            }
            let mut map = map.clone();
            if let Some(calls) = map.get_mut("tool_calls").and_then(Value::as_array_mut) {
                calls.iter_mut().for_each(|call| shape_arguments(call, objects));
            }
            if let (Some(key), Some(thought)) = (thought, map.get("reasoning_content").cloned()) {
                map.entry(key).or_insert(thought);
            }
            Message::from_json(Value::Object(map)).unwrap_or_else(|_| message.clone())
        })
        .collect()
}

fn shape_arguments(call: &mut Value, objects: bool) {
    let Some(arguments) = call.pointer_mut("/function/arguments") else { return };
    match arguments {
        Value::String(text) if objects => {
            if let Ok(Value::Object(map)) = serde_json::from_str(text) {
                *arguments = Value::Object(map);
            }
        }
        Value::Object(_) if !objects => *arguments = Value::from(arguments.to_string()),
        _ => {}
    }
}

/// The name of a message's thought, for templates that do not know `reasoning_content`.
fn thought_key(source: &str) -> Option<&'static str> {
    if source.contains("reasoning_content") {
        return None;
    }
    let has = |name: &str| {
        [format!(".{name}"), format!("'{name}'"), format!("\"{name}\"")].iter().any(|n| source.contains(n))
    };
    ["thinking", "reasoning", "thought"].into_iter().find(|name| has(name))
}

/// The variable that switches a template's thoughts, and its value.
pub(crate) fn thinking_switch(source: &str, on: bool) -> Option<(&'static str, Value)> {
    let either = |yes: &str, no: &str| Value::from(if on { yes } else { no });
    let switches = [
        ("enable_thinking", Value::from(on)),
        ("thinking_mode", either("enabled", "disabled")),
        ("thinking_option", either("on", "off")),
        ("skip_thinking", Value::from(!on)),
        ("thinking_budget", if on { Value::from(-1) } else { Value::from(0) }),
        ("no_think", either("high", "no_think")),
        ("thinking", Value::from(on)),
    ];
    let found = switches.into_iter().find(|(name, _)| source.contains(name))?;
    Some(match found {
        ("no_think", value) => ("reasoning_effort", value),
        found => found,
    })
}

/// The variables of a request, with the switch for thoughts.
pub(crate) fn variables(given: &Map<String, Value>, source: &str, thinking: Option<bool>) -> Map<String, Value> {
    let mut all = given.clone();
    if let Some((name, value)) = thinking.and_then(|on| thinking_switch(source, on)) {
        all.entry(name).or_insert(value);
    }
    all
}

/// The messages with the tools put into the first of them, for a template that has no place for tools; `None` for
/// one that has.
pub(crate) fn with_tools(
    messages: &[Message],
    tools: &[Value],
    source: &str,
    format: &Format,
) -> Option<Vec<Message>> {
    if tools.is_empty() || source.contains("tools") {
        return None;
    }
    let mut text = String::from("You can call these tools:\n");
    for tool in tools {
        text.push_str(&tool.get("function").unwrap_or(tool).to_string());
        text.push('\n');
    }
    text.push_str(match format.name {
        "gemma" => "To call some of them, answer with nothing but\n```tool_code\nname(parameter=value)\n```",
        _ => {
            "To call one, answer with nothing but a JSON object: {\"name\": the tool's name, \"arguments\": {…}}. To \
             call several, answer with a list of such objects."
        }
    });
    let system = source.contains("system") && !source.contains("ystem role not supported");
    let mut messages = messages.to_vec();
    let at = match messages.first() {
        Some(first) if first.role() == "system" => 0,
        _ if system => {
            messages.insert(0, Message::system(text));
            return Some(messages);
        }
        _ => messages.iter().position(|m| m.role() == "user").unwrap_or(0),
    };
    if let Some(message) = messages.get_mut(at) {
        let joined = match message.role() {
            "system" => format!("{}\n\n{text}", message.text()),
            _ => format!("{text}\n\n{}", message.text()),
        };
        let mut map = message.as_json().clone();
        map.insert("content".into(), json!(joined));
        if let Ok(changed) = Message::from_json(Value::Object(map)) {
            *message = changed;
        }
    }
    Some(messages)
}
