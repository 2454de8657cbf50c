//! The grammar of an answer that must call tools: what the model's format puts around a call, one of the tools' names,
//! and arguments under that tool's schema; before it a thought, where the model thinks.

use std::fmt::Write;

use serde_json::{json, Value};

use super::{lark_string, schema, Constraint};
use crate::error::Result;
use crate::model::Model;
use crate::output::{Ask, Tags};
use crate::reading::Reading;
use crate::request::{Request, ToolChoice};

/// Further calls of one answer.
const MOST_MORE: usize = 15;

/// The constraint of a request whose `tool_choice` asks for a call.
pub(crate) fn calls(model: &Model, request: &Request, reading: &Reading) -> Result<Option<Constraint>> {
    if !request.tool_choice.is_forced() {
        return Ok(None);
    }
    let Some(ask) = reading.format().and_then(|f| f.ask()) else { return Ok(None) };
    let mut marks = Vec::new();
    let mut mark = |text: &str| -> Result<()> {
        marks.push((text.to_owned(), model.0.vocabulary.in_lark(text, lark_string)?));
        Ok(())
    };
    for text in [ask.open, ask.middle, ask.end, ask.next.unwrap_or(""), ask.close] {
        mark(text)?;
    }
    if let Some(tags) = reading.tags() {
        mark(tags.open)?;
        mark(tags.close)?;
        mark(opened_by_cut(tags))?;
    }
    let spelled = |text: &str| marks.iter().find(|(t, _)| t == text).map_or("", |(_, s)| s.as_str());
    let mut lark = String::new();
    let more =
        match ask.next.filter(|_| request.parallel_tool_calls && request.tool_choice == ToolChoice::Required) {
            Some(next) => {
                let _ = writeln!(lark, "more: {} call", spelled(next));
                format!(" more{{0,{MOST_MORE}}}")
            }
            None => String::new(),
        };
    let thought = thought(reading, request, &spelled, &mut lark);
    let _ = writeln!(lark, "start: {thought}{} call{more} {}", spelled(ask.open), spelled(ask.close));
    tools(request, ask, &spelled, &mut lark)?;
    Ok(Some(Constraint::Lark(lark)))
}

fn tools<'a>(request: &Request, ask: &Ask, spelled: &impl Fn(&str) -> &'a str, lark: &mut String) -> Result<()> {
    let mut names = Vec::new();
    for (i, tool) in request.tools.iter().enumerate() {
        let function = tool.get("function").unwrap_or(tool);
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        if matches!(&request.tool_choice, ToolChoice::Named(wanted) if wanted != name) {
            continue;
        }
        let mut schema = function.get("parameters").cloned().unwrap_or_else(|| json!({}));
        if let Some(map) = schema.as_object_mut() {
            map.entry("type").or_insert(json!("object"));
        }
        let schema = schema::prepare(&schema, request.json_whitespace)
            .map_err(|e| e.at(format!("tools[{i}].parameters")))?;
        let _ =
            writeln!(lark, "call{i}: {} {} args{i} {}", lark_string(name), spelled(ask.middle), spelled(ask.end));
        let _ = writeln!(lark, "args{i}: %json {schema}");
        names.push(format!("call{i}"));
    }
    let _ = writeln!(lark, "call: {}", names.join(" | "));
    Ok(())
}

/// A thought, where one may come or has begun.
fn thought<'a>(
    reading: &Reading,
    request: &Request,
    spelled: &impl Fn(&str) -> &'a str,
    lark: &mut String,
) -> String {
    let Some(tags @ Tags { open, close, .. }) = reading.tags().filter(|t| !t.open.is_empty()) else {
        return String::new();
    };
    if !reading.is_thinking() && (reading.is_closed() || request.thinking == Some(false)) {
        return String::new();
    }
    let end = spelled(close);
    // A special token ends a text by itself; another mark has to be looked for.
    match end.starts_with('"') {
        true => {
            let _ = writeln!(lark, "thought[suffix={end}]: /(?s:.*)/");
        }
        false => {
            let _ = writeln!(lark, "thought: /(?s:.*)/ {end}");
        }
    }
    let _ = writeln!(lark, "BLANK: /[ \\n]{{0,3}}/");
    let behind = match opened_by_cut(tags) {
        "" => "BLANK".to_owned(),
        mark => format!("BLANK ({} BLANK)?", spelled(mark)),
    };
    match reading.is_thinking() {
        true => format!("thought {behind} "),
        false => {
            let _ = writeln!(lark, "before: {} thought {behind}", spelled(open));
            "before? ".to_owned()
        }
    }
}

/// The mark that what closes a spent thought opens behind it.
fn opened_by_cut(tags: &Tags) -> &'static str {
    tags.cut.split_once(tags.close).map_or("", |(_, behind)| behind.trim())
}
