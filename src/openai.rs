//! OpenAI's JSON: requests in, chunks out. Samplers that OpenAI has not go by llama.cpp's names.

use std::time::Duration;

use serde_json::{json, Map, Value};

use crate::constraint::Constraint;
use crate::error::{Code, Error, Result};
use crate::event::{Event, FinishReason, TokenLogprob};
use crate::message::{kind, short, Message};
use crate::model::Token;
use crate::request::{ContextPolicy, Prompt, Request, ToolChoice};
use crate::sampling::range;

/// The longest JSON that is read, in bytes.
const MOST_BYTES: usize = 64 << 20;

type Set = fn(&mut Draft, &Value, &str) -> Result<()>;

/// A request that is being read.
struct Draft {
    request: Request,
    suffix: Option<String>,
    logprobs: bool,
    top_logprobs: Option<u32>,
}

/// Every field there is, by its name. OpenAI's `model`, `stream`, `user`, `store`, `metadata` and the like have no
/// effect here, and are accepted so that a client's request can be passed on as it is.
const FIELDS: &[(&str, Set)] = &[
    ("messages", |d, v, name| {
        let messages = list(v, name)?.iter().enumerate();
        let read =
            messages.map(|(i, m)| Message::from_json(m.clone()).map_err(|e| e.at(format!("messages[{i}]"))));
        d.request.prompt = Prompt::Messages(read.collect::<Result<_>>()?);
        Ok(())
    }),
    ("prompt", |d, v, name| {
        d.request.prompt = match v {
            Value::String(text) => Prompt::Text { text: text.clone(), parse_special: false },
            Value::Array(items) => Prompt::Tokens(
                items
                    .iter()
                    .map(|t| integer(t, name, 0, i32::MAX.into()).map(|t| t as Token))
                    .collect::<Result<_>>()?,
            ),
            other => return Err(wrong(name, "a string or a list of token ids", other)),
        };
        Ok(())
    }),
    ("suffix", |d, v, name| text(v, name).map(|t| d.suffix = Some(t))),
    ("max_tokens", |d, v, name| unsigned(v, name).map(|n| d.request.max_tokens = Some(n))),
    ("max_completion_tokens", |d, v, name| unsigned(v, name).map(|n| d.request.max_tokens = Some(n))),
    ("n_predict", |d, v, name| unsigned(v, name).map(|n| d.request.max_tokens = Some(n))),
    ("min_tokens", |d, v, name| unsigned(v, name).map(|n| d.request.min_tokens = n)),
    ("n", |d, v, name| unsigned(v, name).map(|n| d.request.n = n)),
    ("stop", |d, v, name| {
        d.request.stop = match v {
            Value::String(s) => vec![s.clone()],
            other => list(other, name)?.iter().map(|s| text(s, name)).collect::<Result<_>>()?,
        };
        Ok(())
    }),
    ("ignore_eos", |d, v, name| boolean(v, name).map(|b| d.request.ignore_eos = b)),
    ("logprobs", |d, v, name| {
        match v {
            Value::Bool(on) => d.logprobs = *on,
            number => {
                d.logprobs = true;
                d.top_logprobs = Some(unsigned(number, name)?);
            }
        }
        Ok(())
    }),
    ("top_logprobs", |d, v, name| unsigned(v, name).map(|n| d.top_logprobs = Some(n))),
    ("return_tokens", |d, v, name| boolean(v, name).map(|b| d.request.return_tokens = b)),
    ("priority", |d, v, name| {
        integer(v, name, i32::MIN.into(), i32::MAX.into()).map(|n| d.request.priority = n as i32)
    }),
    ("deadline_ms", |d, v, name| {
        integer(v, name, 1, i64::MAX).map(|n| d.request.deadline = Some(Duration::from_millis(n as u64)))
    }),
    ("cache_key", |d, v, name| text(v, name).map(|t| d.request.cache_key = t)),
    ("context_policy", |d, v, name| {
        d.request.context_policy = match text(v, name)?.as_str() {
            "error" => ContextPolicy::Error,
            "shift" => ContextPolicy::Shift,
            "drop_oldest" => ContextPolicy::DropOldest,
            _ => {
                return Err(Error::new(
                    Code::Range,
                    "context_policy: it must be \"error\", \"shift\" or \"drop_oldest\"",
                ))
            }
        };
        Ok(())
    }),
    ("shift_keep", |d, v, name| unsigned(v, name).map(|n| d.request.shift_keep = n)),
    ("continue_final_message", |d, v, name| boolean(v, name).map(|b| d.request.continue_final_message = b)),
    ("chat_template", |d, v, name| text(v, name).map(|t| d.request.template = Some(t))),
    ("chat_template_kwargs", |d, v, name| object(v, name).map(|m| d.request.template_variables = m.clone())),
    ("tools", |d, v, name| {
        let tools = list(v, name)?;
        if let Some(other) = tools.iter().find(|t| !t.is_object()) {
            return Err(wrong("tools[]", "an object", other));
        }
        d.request.tools = tools.clone();
        Ok(())
    }),
    ("tool_choice", |d, v, _| tool_choice(v).map(|c| d.request.tool_choice = c)),
    ("parallel_tool_calls", |d, v, name| boolean(v, name).map(|b| d.request.parallel_tool_calls = b)),
    ("tool_format", |d, v, name| text(v, name).map(|t| d.request.tool_format = Some(t))),
    ("thinking", |d, v, name| boolean(v, name).map(|b| d.request.thinking = Some(b))),
    ("reasoning_budget", |d, v, name| {
        // As llama.cpp has it, -1 is no limit.
        let most = integer(v, name, -1, u32::MAX.into())?;
        d.request.reasoning_budget = u32::try_from(most).ok();
        Ok(())
    }),
    ("reasoning_format", |d, v, name| match text(v, name)?.as_str() {
        "auto" => {
            d.request.split_reasoning = true;
            Ok(())
        }
        "none" => {
            d.request.split_reasoning = false;
            Ok(())
        }
        _ => Err(Error::new(Code::Range, "reasoning_format must be \"auto\" or \"none\"")),
    }),
    ("response_format", |d, v, name| match response_format(object(v, name)?)? {
        Some(constraint) => constrain(d, constraint),
        None => Ok(()),
    }),
    ("json_schema", |d, v, _| constrain(d, Constraint::JsonSchema(v.clone()))),
    ("guided_json", |d, v, _| constrain(d, Constraint::JsonSchema(v.clone()))),
    ("guided_regex", |d, v, name| constrain(d, Constraint::Regex(text(v, name)?))),
    ("guided_choice", |d, v, name| {
        let texts = list(v, name)?.iter().map(|t| text(t, name)).collect::<Result<_>>()?;
        constrain(d, Constraint::Choice(texts))
    }),
    ("grammar", |d, v, name| constrain(d, Constraint::Gbnf(text(v, name)?))),
    ("lark", |d, v, name| constrain(d, Constraint::Lark(text(v, name)?))),
    ("json_whitespace", |d, v, name| boolean(v, name).map(|b| d.request.json_whitespace = b)),
    ("heal", |d, v, name| boolean(v, name).map(|b| d.request.heal = b)),
    ("logit_bias", |d, v, name| {
        for (token, bias) in object(v, name)? {
            let token = token.parse().map_err(|_| {
                Error::new(Code::Json, format!("logit_bias: the key \"{}\" is not a token id", short(token)))
            })?;
            d.request.sampling.logit_bias.push((token, float(bias, name)?));
        }
        Ok(())
    }),
    ("seed", |d, v, name| integer(v, name, 0, u32::MAX.into()).map(|n| d.request.sampling.seed = Some(n as u32))),
    ("temperature", |d, v, name| float(v, name).map(|x| d.request.sampling.temperature = Some(x))),
    ("dynatemp_range", |d, v, name| float(v, name).map(|x| d.request.sampling.dynatemp_range = Some(x))),
    ("dynatemp_exponent", |d, v, name| float(v, name).map(|x| d.request.sampling.dynatemp_exponent = Some(x))),
    ("top_k", |d, v, name| unsigned(v, name).map(|n| d.request.sampling.top_k = Some(n))),
    ("top_p", |d, v, name| float(v, name).map(|x| d.request.sampling.top_p = Some(x))),
    ("min_p", |d, v, name| float(v, name).map(|x| d.request.sampling.min_p = Some(x))),
    ("typical_p", |d, v, name| float(v, name).map(|x| d.request.sampling.typical_p = Some(x))),
    ("top_n_sigma", |d, v, name| float(v, name).map(|x| d.request.sampling.top_n_sigma = Some(x))),
    ("xtc_probability", |d, v, name| float(v, name).map(|x| d.request.sampling.xtc_probability = Some(x))),
    ("xtc_threshold", |d, v, name| float(v, name).map(|x| d.request.sampling.xtc_threshold = Some(x))),
    ("dry_multiplier", |d, v, name| float(v, name).map(|x| d.request.sampling.dry_multiplier = Some(x))),
    ("dry_base", |d, v, name| float(v, name).map(|x| d.request.sampling.dry_base = Some(x))),
    ("dry_allowed_length", |d, v, name| {
        unsigned(v, name).map(|n| d.request.sampling.dry_allowed_length = Some(n))
    }),
    ("dry_penalty_last_n", |d, v, name| {
        integer(v, name, -1, 1_000_000).map(|n| d.request.sampling.dry_penalty_last_n = Some(n as i32))
    }),
    ("dry_sequence_breakers", |d, v, name| {
        let breakers = list(v, name)?.iter().map(|s| text(s, name)).collect::<Result<_>>()?;
        d.request.sampling.dry_sequence_breakers = Some(breakers);
        Ok(())
    }),
    ("repeat_penalty", |d, v, name| float(v, name).map(|x| d.request.sampling.repeat_penalty = Some(x))),
    ("frequency_penalty", |d, v, name| float(v, name).map(|x| d.request.sampling.frequency_penalty = Some(x))),
    ("presence_penalty", |d, v, name| float(v, name).map(|x| d.request.sampling.presence_penalty = Some(x))),
    ("penalty_last_n", |d, v, name| {
        integer(v, name, -1, 1_000_000).map(|n| d.request.sampling.penalty_last_n = Some(n as i32))
    }),
    ("repeat_last_n", |d, v, name| {
        integer(v, name, -1, 1_000_000).map(|n| d.request.sampling.penalty_last_n = Some(n as i32))
    }),
    ("mirostat", |d, v, name| unsigned(v, name).map(|n| d.request.sampling.mirostat = Some(n))),
    ("mirostat_tau", |d, v, name| float(v, name).map(|x| d.request.sampling.mirostat_tau = Some(x))),
    ("mirostat_eta", |d, v, name| float(v, name).map(|x| d.request.sampling.mirostat_eta = Some(x))),
    ("min_keep", |d, v, name| unsigned(v, name).map(|n| d.request.sampling.min_keep = Some(n))),
    ("model", |_, _, _| Ok(())),
    ("stream", |_, _, _| Ok(())),
    ("stream_options", |_, _, _| Ok(())),
    ("user", |_, _, _| Ok(())),
    ("store", |_, _, _| Ok(())),
    ("metadata", |_, _, _| Ok(())),
];

/// A request from the JSON of a chat-completions (or, with `prompt`, a completions) request. A field that is null
/// counts as absent; one that is unknown is an error.
///
/// # Errors
/// [`Code::Json`], [`Code::Range`], [`Code::TooLong`], and [`Code::Unsupported`] for what this version cannot do.
pub fn request_from_json(json: &str) -> Result<Request> {
    let value = parse(json)?;
    let mut draft = Draft { request: Request::chat([]), suffix: None, logprobs: false, top_logprobs: None };
    for (name, value) in object(&value, "the request")? {
        let Some((_, set)) = FIELDS.iter().find(|(field, _)| field == name) else {
            return Err(unknown(name, FIELDS.iter().map(|(field, _)| *field)));
        };
        if !value.is_null() {
            set(&mut draft, value, name)?;
        }
    }
    let Draft { mut request, suffix, logprobs, top_logprobs } = draft;
    if logprobs {
        request.logprobs = Some(top_logprobs.unwrap_or(0));
    } else if top_logprobs.is_some() {
        return Err(Error::new(Code::Json, "top_logprobs needs \"logprobs\": true"));
    }
    match (suffix, request.prompt) {
        (Some(suffix), Prompt::Text { text: prefix, .. }) => request.prompt = Prompt::Infill { prefix, suffix },
        (Some(_), _) => return Err(Error::new(Code::Json, "suffix needs a \"prompt\" that is a string")),
        (None, prompt) => request.prompt = prompt,
    }
    request.check()?;
    Ok(request)
}

/// JSON from outside, within limits.
pub(crate) fn parse(json: &str) -> Result<Value> {
    if json.len() > MOST_BYTES {
        return Err(Error::new(
            Code::TooLong,
            format!("the JSON has {} bytes; at most {MOST_BYTES} are read", json.len()),
        ));
    }
    serde_json::from_str(json)
        .map_err(|e| Error::new(Code::Json, format!("not JSON at line {} column {}", e.line(), e.column())))
}

/// An error for the first name that is none of `fields`.
pub(crate) fn check_names(object: &Map<String, Value>, fields: &[&str]) -> Result<()> {
    match object.keys().find(|name| !fields.contains(&name.as_str())) {
        Some(name) => Err(unknown(name, fields.iter().copied())),
        None => Ok(()),
    }
}

/// A request has one constraint.
fn constrain(draft: &mut Draft, constraint: Constraint) -> Result<()> {
    match draft.request.constraint.replace(constraint) {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::Json, "the request has more than one constraint")),
    }
}

/// OpenAI's `{"type":"json_schema","json_schema":{"schema":{…}}}`, with or without `strict`: it is always kept.
fn response_format(format: &Map<String, Value>) -> Result<Option<Constraint>> {
    const NAME: &str = "response_format";
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Constraint::JsonObject)),
        Some("json_schema") => {
            let named = object(format.get("json_schema").unwrap_or(&Value::Null), "response_format.json_schema")?;
            match named.get("schema") {
                Some(schema) => Ok(Some(Constraint::JsonSchema(schema.clone()))),
                None => Err(Error::new(Code::Json, "response_format.json_schema has no \"schema\"")),
            }
        }
        _ => Err(Error::new(
            Code::Unsupported,
            format!("{NAME}: the type must be \"text\", \"json_object\" or \"json_schema\""),
        )),
    }
}

/// OpenAI's `"auto"`, `"none"`, `"required"` or `{"type":"function","function":{"name":…}}`.
pub(crate) fn tool_choice(value: &Value) -> Result<ToolChoice> {
    match value {
        Value::String(word) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(Error::new(
                Code::Range,
                "tool_choice must be \"auto\", \"none\", \"required\" or name a function",
            )),
        },
        other => match other.pointer("/function/name").or(other.get("name")).and_then(Value::as_str) {
            Some(name) => Ok(ToolChoice::Named(name.to_owned())),
            None => Err(wrong("tool_choice", "a word, or an object with a function's name", other)),
        },
    }
}

fn unknown<'a>(name: &str, fields: impl Iterator<Item = &'a str>) -> Error {
    let distance = |field: &str| strsim::damerau_levenshtein(field, &short(name));
    let nearest = fields.map(|field| (distance(field), field)).min();
    let hint = nearest.filter(|(d, _)| *d <= 4).map_or(String::new(), |(_, f)| format!("; did you mean \"{f}\"?"));
    Error::new(Code::Json, format!("unknown field \"{}\"{hint}", short(name)))
}

fn wrong(name: &str, wanted: &str, value: &Value) -> Error {
    Error::new(Code::Json, format!("{name} must be {wanted}, this is {}", kind(value)))
}

pub(crate) fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong(name, "an object", value))
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    value.as_array().ok_or_else(|| wrong(name, "a list", value))
}

pub(crate) fn text(value: &Value, name: &str) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(name, "a string", value))
}

fn boolean(value: &Value, name: &str) -> Result<bool> {
    value.as_bool().ok_or_else(|| wrong(name, "true or false", value))
}

fn float(value: &Value, name: &str) -> Result<f32> {
    value.as_f64().map(|x| x as f32).ok_or_else(|| wrong(name, "a number", value))
}

pub(crate) fn integer(value: &Value, name: &str, low: i64, high: i64) -> Result<i64> {
    let number = value.as_i64().ok_or_else(|| wrong(name, "a whole number", value))?;
    if !(low..=high).contains(&number) {
        return Err(range(name, number, low, high));
    }
    Ok(number)
}

fn unsigned(value: &Value, name: &str) -> Result<u32> {
    integer(value, name, 0, u32::MAX.into()).map(|n| n as u32)
}

/// The choice of a chunk that brings something new.
fn say(
    index: u32,
    delta: Value,
    tokens: &[Token],
    logprobs: &[TokenLogprob],
    entry: &dyn Fn(Token, f32) -> Value,
) -> Value {
    let mut choice = json!({ "index": index, "delta": delta, "finish_reason": null });
    if !logprobs.is_empty() {
        let content = logprobs.iter().map(|l| {
            let mut one = entry(l.token, l.logprob);
            one["top_logprobs"] = l.top.iter().map(|(token, p)| entry(*token, *p)).collect();
            one
        });
        choice["logprobs"] = json!({ "content": content.collect::<Vec<_>>() });
    }
    if !tokens.is_empty() {
        choice["tokens"] = json!(tokens);
    }
    choice
}

/// An event as an OpenAI `chat.completion.chunk`; a tool call comes as its deltas, and the complete one adds nothing. `token_text` gives the bytes of a token, for log-probabilities;
/// `created` is in seconds since 1970.
pub fn chunk_json(
    event: &Event,
    id: &str,
    model: &str,
    created: u64,
    token_text: &dyn Fn(Token) -> Vec<u8>,
) -> String {
    let entry = |token: Token, logprob: f32| {
        let bytes = token_text(token);
        json!({ "token": String::from_utf8_lossy(&bytes), "logprob": logprob, "bytes": bytes })
    };
    let (choice, usage) = match event {
        Event::Text(t) => (say(t.choice, json!({ "content": t.text }), &t.tokens, &t.logprobs, &entry), None),
        Event::Reasoning(t) => {
            (say(t.choice, json!({ "reasoning_content": t.text }), &t.tokens, &t.logprobs, &entry), None)
        }
        Event::ToolCallDelta(d) => {
            let mut call = json!({ "index": d.index, "function": { "arguments": d.arguments } });
            if d.first {
                call["id"] = json!(d.id);
                call["type"] = json!("function");
                call["function"] = json!({ "name": d.name, "arguments": d.arguments });
            }
            (say(d.choice, json!({ "tool_calls": [call] }), &d.tokens, &d.logprobs, &entry), None)
        }
        // Its deltas have told everything already.
        Event::ToolCall(c) => (json!({ "index": c.choice, "delta": {}, "finish_reason": null }), None),
        Event::Done(d) => {
            let mut choice = json!({ "index": d.choice, "delta": {}, "finish_reason": d.reason.name() });
            if let FinishReason::Error(e) = &d.reason {
                choice["error"] =
                    json!({ "code": e.code().value(), "type": e.code().name(), "message": e.message() });
            }
            let u = &d.usage;
            let usage = json!({
                "prompt_tokens": u.prompt_tokens,
                "completion_tokens": u.output_tokens,
                "total_tokens": u.prompt_tokens + u.output_tokens,
                "prompt_tokens_details": { "cached_tokens": u.cached_tokens },
                "completion_tokens_details": {
                    "forced_tokens": u.forced_tokens,
                    "reasoning_tokens": u.reasoning_tokens,
                },
            });
            (choice, Some(usage))
        }
    };
    let mut chunk = json!({
        "id": id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [choice],
    });
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    chunk.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Done, Text, Usage};
    use proptest::prelude::*;

    #[test]
    fn a_whole_request() {
        let r = request_from_json(
            r#"{"model":"x","messages":[{"role":"user","content":"hi"}],"temperature":0.5,"max_tokens":7,
                "stop":"END","seed":3,"context_policy":"shift","shift_keep":5,"logprobs":true,"top_logprobs":2,"logit_bias":{"5":-100},"top_k":9,
                "chat_template_kwargs":{"enable_thinking":false},"stream":true,"user":null}"#,
        )
        .unwrap();
        assert_eq!(r.max_tokens, Some(7));
        assert_eq!((r.context_policy, r.shift_keep), (ContextPolicy::Shift, 5));
        assert_eq!(r.stop, ["END"]);
        assert_eq!(r.sampling.temperature, Some(0.5));
        assert_eq!((r.sampling.seed, r.sampling.top_k, r.logprobs), (Some(3), Some(9), Some(2)));
        assert_eq!(r.sampling.logit_bias, [(5, -100.0)]);
        assert_eq!(r.template_variables["enable_thinking"], false);
    }

    #[test]
    fn prompts_of_every_kind() {
        let prompt = |json| request_from_json(json).unwrap().prompt;
        assert_eq!(prompt(r#"{"prompt":"a"}"#), Prompt::Text { text: "a".into(), parse_special: false });
        assert_eq!(prompt(r#"{"prompt":[1,2]}"#), Prompt::Tokens(vec![1, 2]));
        let infill = Prompt::Infill { prefix: "a".into(), suffix: "b".into() };
        assert_eq!(prompt(r#"{"suffix":"b","prompt":"a"}"#), infill);
    }

    #[test]
    fn constraints_of_every_kind() {
        let constraint = |json| request_from_json(json).unwrap().constraint;
        let schema = Constraint::JsonSchema(json!({"type": "null"}));
        for json in [
            r#"{"prompt":"a","response_format":{"type":"json_schema","json_schema":{"schema":{"type":"null"}}}}"#,
            r#"{"prompt":"a","json_schema":{"type":"null"}}"#,
            r#"{"prompt":"a","guided_json":{"type":"null"}}"#,
        ] {
            assert_eq!(constraint(json), Some(schema.clone()));
        }
        let json = r#"{"prompt":"a","response_format":{"type":"json_object"}}"#;
        assert_eq!(constraint(json), Some(Constraint::JsonObject));
        assert_eq!(constraint(r#"{"prompt":"a","response_format":{"type":"text"}}"#), None);
        assert_eq!(
            constraint(r#"{"prompt":"a","guided_choice":["b"]}"#),
            Some(Constraint::Choice(vec!["b".into()]))
        );
        assert_eq!(constraint(r#"{"prompt":"a","grammar":"g"}"#), Some(Constraint::Gbnf("g".into())));
    }

    #[test]
    fn mistakes_are_named() {
        for (json, code, words) in [
            ("{", Code::Json, "line 1"),
            ("[]", Code::Json, "an object, this is a list"),
            (r#"{"prompt":"a","temprature":1}"#, Code::Json, "did you mean \"temperature\""),
            (
                r#"{"prompt":"a","temperature":"hot"}"#,
                Code::Json,
                "temperature must be a number, this is a string",
            ),
            (r#"{"prompt":"a","temperature":-1}"#, Code::Range, "temperature"),
            (r#"{"prompt":"a","n":1.5}"#, Code::Json, "n must be a whole number"),
            (r#"{"prompt":"a","max_tokens":-1}"#, Code::Range, "max_tokens is -1"),
            (r#"{"messages":[{"role":"user","content":3}]}"#, Code::Json, "messages[0]"),
            (r#"{"prompt":"a","response_format":{"type":"xml"}}"#, Code::Unsupported, "response_format"),
            (
                r#"{"prompt":"a","response_format":{"type":"json_schema"}}"#,
                Code::Json,
                "response_format.json_schema",
            ),
            (r#"{"prompt":"a","grammar":"x","guided_regex":"y"}"#, Code::Json, "more than one constraint"),
            (r#"{"prompt":"a","tool_choice":"required"}"#, Code::Range, "tool_choice"),
            (r#"{"prompt":"a","tool_choice":"maybe"}"#, Code::Range, "tool_choice"),
            (r#"{"prompt":"a","tool_choice":{"type":"function"}}"#, Code::Json, "tool_choice"),
            (r#"{"prompt":"a","reasoning_format":"loud"}"#, Code::Range, "reasoning_format"),
            (r#"{"messages":[]}"#, Code::Range, "no messages"),
            (r#"{"prompt":"a","context_policy":"slide"}"#, Code::Range, "context_policy"),
            (r#"{"prompt":"a","context_policy":"drop_oldest"}"#, Code::Range, "only turns of messages"),
        ] {
            let e = request_from_json(json).unwrap_err();
            assert_eq!(e.code(), code, "{json}: {e}");
            assert!(e.message().contains(words), "{json}: {e}");
        }
    }

    #[test]
    fn chunks() {
        let logprob = TokenLogprob { token: 7, logprob: -0.5, top: vec![(7, -0.5)] };
        let event = Event::Text(Text { text: "a".into(), logprobs: vec![logprob], ..Text::default() });
        let json: Value = serde_json::from_str(&chunk_json(&event, "i", "m", 5, &|_| b"a".to_vec())).unwrap();
        assert_eq!(json["choices"][0]["delta"]["content"], "a");
        assert_eq!(json["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["bytes"][0], 97);
        let usage = Usage { prompt_tokens: 3, output_tokens: 4, ..Usage::default() };
        let done = Event::Done(Done { choice: 1, reason: FinishReason::Length, usage, seed: 0 });
        let json: Value = serde_json::from_str(&chunk_json(&done, "i", "m", 5, &|_| Vec::new())).unwrap();
        assert_eq!(json["choices"][0]["finish_reason"], "length");
        assert_eq!(json["usage"]["total_tokens"], 7);
    }

    proptest! {
        #[test]
        fn no_json_panics(field in 0..FIELDS.len(), value in "(-?[0-9]{1,12}|\"x\"|\\[\\]|\\[1\\]|\\{\\}|true|null|1e300)") {
            let json = format!("{{\"prompt\":\"a\",\"{}\":{value}}}", FIELDS[field].0);
            let _ = request_from_json(&json);
        }
    }
}
