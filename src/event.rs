//! What a stream yields.

use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::message::Message;
use crate::model::Token;

/// One event of a stream. More kinds will come: ignore those you do not know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// New text, always whole UTF-8 characters.
    Text(Text),
    /// New thoughts, of a model that thinks before it answers. Same shape as text.
    Reasoning(Text),
    /// A part of a tool call that is on its way: a preview. Those of one call, put together, are its arguments; where
    /// the call is never completed, it comes as text as well.
    ToolCallDelta(ToolCallDelta),
    /// A complete tool call.
    ToolCall(ToolCall),
    /// The end of one choice; the last event of that choice.
    Done(Done),
}

impl Event {
    /// Which of the `n` answers it belongs to, from 0.
    pub fn choice(&self) -> u32 {
        match self {
            Event::Text(t) | Event::Reasoning(t) => t.choice,
            Event::ToolCallDelta(d) => d.choice,
            Event::ToolCall(c) => c.choice,
            Event::Done(d) => d.choice,
        }
    }
}

/// New text of one choice.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Text {
    /// Which of the `n` answers, from 0.
    pub choice: u32,
    /// The text.
    pub text: String,
    /// The ids of the tokens it was made of, when the request asked for them.
    pub tokens: Vec<Token>,
    /// One entry a token, when the request asked for log-probabilities.
    pub logprobs: Vec<TokenLogprob>,
}

/// A part of a tool call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolCallDelta {
    /// Which of the `n` answers, from 0.
    pub choice: u32,
    /// Which call of the answer, from 0.
    pub index: u32,
    /// The call's id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// More of the arguments.
    pub arguments: String,
    /// Whether it is the call's first.
    pub first: bool,
    /// As in [`Text`].
    pub tokens: Vec<Token>,
    /// As in [`Text`].
    pub logprobs: Vec<TokenLogprob>,
}

/// A complete tool call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolCall {
    /// Which of the `n` answers, from 0.
    pub choice: u32,
    /// Which call of the answer, from 0.
    pub index: u32,
    /// An id for the tool's answer to name: nine letters and digits.
    pub id: String,
    /// The tool: one of the request's.
    pub name: String,
    /// The arguments: a JSON object.
    pub arguments: String,
}

impl ToolCall {
    /// As it stands in an assistant's message (`tool_calls`).
    pub fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "type": "function",
            "function": { "name": self.name, "arguments": self.arguments },
        })
    }
}

/// How likely a token was, under the model's own distribution (before any sampler).
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub token: Token,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens and their logprobs, best first.
    pub top: Vec<(Token, f32)>,
}

/// Why a choice ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FinishReason {
    /// An end-of-generation token or a stop string.
    Stop,
    /// `max_tokens`, or the context is full.
    Length,
    /// It ended with at least one complete tool call.
    ToolCalls,
    /// Cancelled by the caller.
    Cancelled,
    /// The deadline passed.
    Deadline,
    /// It failed; the error says how.
    Error(Error),
}

impl FinishReason {
    /// The name as in OpenAI's API, and `cancelled`, `deadline`, `error`.
    pub fn name(&self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::Cancelled => "cancelled",
            FinishReason::Deadline => "deadline",
            FinishReason::Error(_) => "error",
        }
    }
}

/// The end of one choice, with what it cost.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Done {
    /// Which of the `n` answers, from 0.
    pub choice: u32,
    /// Why it ended.
    pub reason: FinishReason,
    /// What it cost.
    pub usage: Usage,
    /// The seed that was used.
    pub seed: u32,
}

/// Tokens and times of one choice. Times count from `submit`'s return on a monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of those, how many came from the prefix cache.
    pub cached_tokens: u32,
    /// New tokens, the end-of-generation token not counted.
    pub output_tokens: u32,
    /// Of those, how many a constraint left no choice for, so that they were not sampled.
    pub forced_tokens: u32,
    /// Of those, how many were thought.
    pub reasoning_tokens: u32,
    /// Time until the prompt began to be evaluated.
    pub queue: Duration,
    /// Time from there until the first new token.
    pub prefill: Duration,
    /// Time from `submit` to the first new token.
    pub first_token: Duration,
    /// Time from the first new token to the end.
    pub decode: Duration,
    /// How often the sequence was put back into the queue for lack of KV cells.
    pub preemptions: u32,
    /// Messages that were left out of the prompt
    /// ([`ContextPolicy::DropOldest`](crate::ContextPolicy::DropOldest)).
    pub dropped_messages: u32,
}

/// What a pull from a stream brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// An event.
    Event(Event),
    /// Nothing came within the time given.
    Timeout,
    /// Every choice has had its [`Event::Done`]; nothing more will come.
    Finished,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// What was said.
    pub text: String,
    /// What was thought.
    pub reasoning: String,
    /// The complete tool calls, in their order.
    pub tool_calls: Vec<ToolCall>,
    /// How it ended, and what it cost.
    pub done: Done,
}

impl Answer {
    /// As the assistant's message, for the history of a conversation.
    pub fn message(&self) -> Message {
        Message::reply(&self.text, &self.reasoning, self.tool_calls.iter().map(ToolCall::as_json).collect())
    }
}

/// The answer of choice 0 as it comes together.
#[derive(Default)]
pub(crate) struct Collected {
    text: String,
    reasoning: String,
    tool_calls: Vec<ToolCall>,
    done: Option<Done>,
}

impl Collected {
    pub(crate) fn add(&mut self, event: Event) {
        match event {
            _ if event.choice() != 0 => {}
            Event::Text(t) => self.text.push_str(&t.text),
            Event::Reasoning(t) => self.reasoning.push_str(&t.text),
            Event::ToolCall(call) => self.tool_calls.push(call),
            Event::ToolCallDelta(_) => {}
            Event::Done(d) => self.done = Some(d),
        }
    }

    /// The whole of it, or the error of a generation that failed.
    pub(crate) fn finish(self) -> Result<Answer> {
        let done = self.done.ok_or_else(|| Error::new(Code::Closed, "the stream ended without a result"))?;
        match done.reason {
            FinishReason::Error(e) => Err(e),
            _ => Ok(Answer { text: self.text, reasoning: self.reasoning, tool_calls: self.tool_calls, done }),
        }
    }
}
