//! Mirrors of what a generation yields.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::written::{error, logprobs};
use crate::error::Error;
use crate::event::{Done, Event, FinishReason, Text, TokenLogprob, ToolCall, ToolCallDelta, Usage};
use crate::model::Token;

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine::isolated) struct WireEvent(#[serde(with = "EventDef")] pub Event);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event")]
pub(super) enum EventDef {
    Text(#[serde(with = "TextDef")] Text),
    Reasoning(#[serde(with = "TextDef")] Text),
    ToolCallDelta(#[serde(with = "ToolCallDeltaDef")] ToolCallDelta),
    ToolCall(#[serde(with = "ToolCallDef")] ToolCall),
    Done(#[serde(with = "DoneDef")] Done),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Text")]
pub(super) struct TextDef {
    choice: u32,
    text: String,
    tokens: Vec<Token>,
    #[serde(with = "logprobs")]
    logprobs: Vec<TokenLogprob>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ToolCallDelta")]
pub(super) struct ToolCallDeltaDef {
    choice: u32,
    index: u32,
    id: String,
    name: String,
    arguments: String,
    first: bool,
    tokens: Vec<Token>,
    #[serde(with = "logprobs")]
    logprobs: Vec<TokenLogprob>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ToolCall")]
pub(super) struct ToolCallDef {
    choice: u32,
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Done")]
pub(super) struct DoneDef {
    choice: u32,
    #[serde(with = "FinishReasonDef")]
    reason: FinishReason,
    #[serde(with = "UsageDef")]
    usage: Usage,
    seed: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FinishReason")]
pub(super) enum FinishReasonDef {
    Stop,
    Length,
    ToolCalls,
    Cancelled,
    Deadline,
    Error(#[serde(with = "error")] Error),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Usage")]
pub(super) struct UsageDef {
    prompt_tokens: u32,
    cached_tokens: u32,
    output_tokens: u32,
    forced_tokens: u32,
    reasoning_tokens: u32,
    queue: Duration,
    prefill: Duration,
    first_token: Duration,
    decode: Duration,
    preemptions: u32,
    dropped_messages: u32,
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::*;
    use crate::error::Code;

    #[test]
    fn events_come_back_as_they_were() {
        let logprobs = vec![TokenLogprob { token: 1, logprob: f32::NEG_INFINITY, top: vec![(2, -0.1)] }];
        let text = Text { choice: 2, text: "é\n".into(), tokens: vec![1, 2], logprobs: logprobs.clone() };
        let usage = Usage { prompt_tokens: 3, queue: Duration::from_micros(7), ..Usage::default() };
        let error = Error::new(Code::Grammar, "no");
        let call = |index| ToolCall { choice: 0, index, id: "i".into(), name: "n".into(), arguments: "{}".into() };
        let delta = ToolCallDelta {
            choice: 0,
            index: 1,
            id: "i".into(),
            name: "n".into(),
            arguments: "{".into(),
            first: true,
            tokens: vec![4],
            logprobs,
        };
        let done = |reason| Event::Done(Done { choice: 1, reason, usage, seed: 9 });
        let reasons = [
            FinishReason::Stop,
            FinishReason::Length,
            FinishReason::ToolCalls,
            FinishReason::Cancelled,
            FinishReason::Deadline,
            FinishReason::Error(error),
        ];
        let mut events = vec![
            Event::Text(text.clone()),
            Event::Reasoning(text),
            Event::ToolCall(call(3)),
            Event::ToolCallDelta(delta),
        ];
        events.extend(reasons.map(done));
        for event in events {
            let bytes = serde_json::to_vec(&Report::Event(5, WireEvent(event.clone()))).unwrap();
            let Report::Event(5, WireEvent(again)) = serde_json::from_slice(&bytes).unwrap() else { panic!() };
            assert_eq!(again, event);
        }
    }
}
