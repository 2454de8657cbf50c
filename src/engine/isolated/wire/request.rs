//! Mirrors of a request.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::written::{constraint, map, messages, numbers, value, values};
use crate::adapter::Adapter;
use crate::constraint::Constraint;
use crate::message::Message;
use crate::model::Token;
use crate::request::{ContextPolicy, Prompt, Request, ToolChoice};
use crate::sampling::Sampling;

#[derive(Serialize, Deserialize)]
#[serde(remote = "ContextPolicy")]
pub(super) enum ContextPolicyDef {
    Error,
    Shift,
    DropOldest,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ToolChoice")]
pub(super) enum ToolChoiceDef {
    Auto,
    None,
    Required,
    Named(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Prompt")]
pub(super) enum PromptDef {
    Messages(#[serde(with = "messages")] Vec<Message>),
    Text { text: String, parse_special: bool },
    Tokens(Vec<Token>),
    Infill { prefix: String, suffix: String },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Constraint")]
pub(super) enum ConstraintDef {
    JsonSchema(#[serde(with = "value")] Value),
    Json,
    JsonObject,
    Regex(String),
    Lark(String),
    Gbnf(String),
    Choice(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Sampling")]
pub(super) struct SamplingDef {
    temperature: Option<f32>,
    dynatemp_range: Option<f32>,
    dynatemp_exponent: Option<f32>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    typical_p: Option<f32>,
    top_n_sigma: Option<f32>,
    xtc_probability: Option<f32>,
    xtc_threshold: Option<f32>,
    dry_multiplier: Option<f32>,
    dry_base: Option<f32>,
    dry_allowed_length: Option<u32>,
    dry_penalty_last_n: Option<i32>,
    dry_sequence_breakers: Option<Vec<String>>,
    repeat_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    penalty_last_n: Option<i32>,
    mirostat: Option<u32>,
    mirostat_tau: Option<f32>,
    mirostat_eta: Option<f32>,
    min_keep: Option<u32>,
    seed: Option<u32>,
    #[serde(with = "numbers")]
    logit_bias: Vec<(Token, f32)>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Request")]
pub(super) struct RequestDef {
    #[serde(with = "PromptDef")]
    prompt: Prompt,
    #[serde(with = "SamplingDef")]
    sampling: Sampling,
    max_tokens: Option<u32>,
    min_tokens: u32,
    stop: Vec<String>,
    ignore_eos: bool,
    logprobs: Option<u32>,
    n: u32,
    return_tokens: bool,
    priority: i32,
    deadline: Option<Duration>,
    cache_key: String,
    origin: String,
    #[serde(with = "ContextPolicyDef")]
    context_policy: ContextPolicy,
    shift_keep: u32,
    /// Beside the request, by their numbers.
    #[serde(skip)]
    adapters: Vec<(Adapter, f32)>,
    continue_final_message: bool,
    template: Option<String>,
    #[serde(with = "map")]
    template_variables: Map<String, Value>,
    #[serde(with = "values")]
    tools: Vec<Value>,
    #[serde(with = "constraint")]
    constraint: Option<Constraint>,
    constraint_triggers: Vec<String>,
    json_whitespace: bool,
    heal: bool,
    #[serde(with = "ToolChoiceDef")]
    tool_choice: ToolChoice,
    parallel_tool_calls: bool,
    tool_format: Option<String>,
    thinking: Option<bool>,
    reasoning_budget: Option<u32>,
    split_reasoning: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireConstraint(#[serde(with = "ConstraintDef")] pub Constraint);

#[cfg(test)]
mod tests {
    use super::super::{Order, Submit};
    use super::*;

    fn back(order: &Order) -> Order {
        serde_json::from_slice(&serde_json::to_vec(order).unwrap()).unwrap()
    }

    /// A request in which no field has its default.
    fn full() -> Request {
        let mut r = Request::chat([Message::system("s"), Message::user("u \u{1F600}\0")]);
        r.sampling = Sampling {
            temperature: Some(0.1 + 0.2),
            dynatemp_range: Some(0.3),
            dynatemp_exponent: Some(1.7),
            top_k: Some(3),
            top_p: Some(0.9),
            min_p: Some(f32::MIN_POSITIVE),
            typical_p: Some(0.99),
            top_n_sigma: Some(-1.0),
            xtc_probability: Some(0.5),
            xtc_threshold: Some(0.2),
            dry_multiplier: Some(1.1),
            dry_base: Some(1.76),
            dry_allowed_length: Some(4),
            dry_penalty_last_n: Some(-1),
            dry_sequence_breakers: Some(vec!["\n".into()]),
            repeat_penalty: Some(1.2),
            frequency_penalty: Some(-0.1),
            presence_penalty: Some(0.7),
            penalty_last_n: Some(9),
            mirostat: Some(2),
            mirostat_tau: Some(4.9),
            mirostat_eta: Some(0.11),
            min_keep: Some(1),
            seed: Some(u32::MAX),
            logit_bias: vec![(3, f32::NEG_INFINITY), (4, -0.0)],
        };
        (r.max_tokens, r.min_tokens, r.stop, r.ignore_eos) = (Some(9), 2, vec!["</s>".into()], true);
        (r.logprobs, r.n, r.return_tokens, r.priority) = (Some(5), 3, true, -7);
        (r.deadline, r.cache_key, r.origin) = (Some(Duration::from_nanos(1)), "k".into(), "o".into());
        (r.context_policy, r.shift_keep) = (ContextPolicy::DropOldest, 4);
        (r.continue_final_message, r.template) = (true, Some("t".into()));
        r.template_variables.insert("a".into(), serde_json::json!({"b": [1, 2.5, null]}));
        r.tools = vec![serde_json::json!({"name": "f", "z": 1, "a": 2})];
        r.constraint = Some(Constraint::JsonSchema(serde_json::json!({"type": "object", "b": 1, "a": 2})));
        (r.constraint_triggers, r.json_whitespace, r.heal) = (vec!["x".into()], true, true);
        (r.tool_choice, r.parallel_tool_calls) = (ToolChoice::Named("f".into()), false);
        (r.tool_format, r.thinking) = (Some("json".into()), Some(false));
        (r.reasoning_budget, r.split_reasoning) = (Some(11), false);
        r
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let request = full();
        let submit = Submit {
            id: 7,
            request: request.clone(),
            adapters: vec![(1, 0.5f32.to_bits())],
            pin: true,
            followed: true,
            before: None,
            waited: 3,
        };
        let Order::Submit(again) = back(&Order::Submit(Box::new(submit))) else { panic!("another order") };
        assert_eq!(again.request, request);
        assert_eq!((again.id, again.pin, again.followed, again.waited), (7, true, true, 3));
        assert_eq!(again.request.sampling.logit_bias[1].1.to_bits(), (-0.0f32).to_bits());
        // The order of members is part of a schema, and of a tool's text.
        assert_eq!(again.request.tools[0].to_string(), request.tools[0].to_string());
        let all = [
            Constraint::Json,
            Constraint::JsonObject,
            Constraint::Regex("a".into()),
            Constraint::Lark("b".into()),
            Constraint::Gbnf("c".into()),
            Constraint::Choice(vec!["d".into()]),
        ];
        for constraint in all {
            let text = serde_json::to_string(&WireConstraint(constraint.clone())).unwrap();
            assert_eq!(serde_json::from_str::<WireConstraint>(&text).unwrap().0, constraint);
        }
    }

    #[test]
    fn json_may_nest_as_deeply_as_in_process() {
        let mut value = serde_json::json!(1);
        for _ in 0..crate::message::MOST_DEPTH - 2 {
            value = serde_json::json!([value]);
        }
        let mut request = Request::text("x");
        request.template_variables.insert("v".into(), value);
        request.check().unwrap();
        let submit = Submit {
            id: 1,
            request: request.clone(),
            adapters: Vec::new(),
            pin: false,
            followed: false,
            before: None,
            waited: 0,
        };
        let Order::Submit(again) = back(&Order::Submit(Box::new(submit))) else { panic!("another order") };
        assert_eq!(again.request, request);
    }
}
