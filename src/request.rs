//! What a generation is asked for: the prompt, the sampling, the limits, what comes back.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::adapter::Adapter;
use crate::error::{Code, Error, Result};
use crate::message::{nests_too_deeply, Message, MOST_DEPTH};
use crate::model::Token;
use crate::sampling::{range, Sampling};

/// What goes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// A conversation, rendered by the model's chat template.
    Messages(Vec<Message>),
    /// Text as it is; the model's own opening tokens (BOS) are added when it wants them.
    Text {
        /// The text.
        text: String,
        /// Whether texts of special tokens become those tokens. Leave it off for text from outside.
        parse_special: bool,
    },
    /// Token ids, exactly as given.
    Tokens(Vec<Token>),
    /// The text before and after a gap to fill; only for models with fill-in-the-middle tokens.
    Infill {
        /// What stands before the gap.
        prefix: String,
        /// What stands after it.
        suffix: String,
    },
}

/// What happens when a conversation or an answer does not fit the context (`n_ctx`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum ContextPolicy {
    /// A prompt that does not fit is [`Code::ContextFull`]; an answer that reaches the end of the context finishes
    /// with `length`.
    #[default]
    Error = 0,
    /// An answer that reaches the end drops the oldest tokens behind the first `shift_keep`, and goes on.
    Shift = 1,
    /// The oldest turns of the conversation are left out of the prompt until it fits with room for the answer. Only
    /// for messages.
    DropOldest = 2,
}

/// One request. `submit` takes a snapshot, so it can be changed and used again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// What goes in.
    pub prompt: Prompt,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// At most this many new tokens. Unset: until the context is full.
    pub max_tokens: Option<u32>,
    /// No end-of-generation token and no stop string ends the text before this many new tokens. Default 0.
    pub min_tokens: u32,
    /// Texts that end the generation and are not part of it; they work across token borders. At most 64 of 1 to
    /// 4,096 bytes.
    pub stop: Vec<String>,
    /// Never choose an end-of-generation token (for measuring). Default false.
    pub ignore_eos: bool,
    /// Report the log-probability of every new token, and of this many of the likeliest beside it; 0 to 20.
    /// `None`: no log-probabilities.
    pub logprobs: Option<u32>,
    /// How many answers to the one prompt; each has its choice index. Default 1; 1 to 64.
    pub n: u32,
    /// Put the ids of the new tokens on text events. Default false.
    pub return_tokens: bool,
    /// Higher goes first in the queue. Default 0; -1,000 to 1,000.
    pub priority: i32,
    /// End with [`Code::Deadline`] when this long has passed since `submit`.
    pub deadline: Option<Duration>,
    /// Only requests with the same key share cached prompt prefixes, so that tenants cannot see each other's cache
    /// by timing. At most 256 bytes.
    pub cache_key: String,
    /// What happens when the context is full. Default: [`ContextPolicy::Error`].
    pub context_policy: ContextPolicy,
    /// With [`ContextPolicy::Shift`]: so many tokens at the beginning are never dropped. Default 0.
    pub shift_keep: u32,
    /// LoRA adapters and control vectors with their scales (1 = as they were trained); -1,000 to 1,000.
    pub adapters: Vec<(Adapter, f32)>,
    /// The last message is an assistant's and is continued rather than answered.
    pub continue_final_message: bool,
    /// A Jinja chat template to use instead of the model's own.
    pub template: Option<String>,
    /// Extra variables for the template, such as `enable_thinking`.
    pub template_variables: Map<String, Value>,
    /// OpenAI tool definitions, shown to the model by its template.
    pub tools: Vec<Value>,
}

impl Request {
    fn with(prompt: Prompt) -> Self {
        Request {
            prompt,
            sampling: Sampling::default(),
            max_tokens: None,
            min_tokens: 0,
            stop: Vec::new(),
            ignore_eos: false,
            logprobs: None,
            n: 1,
            return_tokens: false,
            priority: 0,
            deadline: None,
            cache_key: String::new(),
            context_policy: ContextPolicy::Error,
            shift_keep: 0,
            adapters: Vec::new(),
            continue_final_message: false,
            template: None,
            template_variables: Map::new(),
            tools: Vec::new(),
        }
    }

    /// An answer to a conversation.
    pub fn chat(messages: impl IntoIterator<Item = Message>) -> Self {
        Self::with(Prompt::Messages(messages.into_iter().collect()))
    }

    /// The continuation of a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::with(Prompt::Text { text: text.into(), parse_special: false })
    }

    /// The continuation of tokens.
    pub fn tokens(tokens: impl Into<Vec<Token>>) -> Self {
        Self::with(Prompt::Tokens(tokens.into()))
    }

    /// What belongs between two texts.
    pub fn infill(prefix: impl Into<String>, suffix: impl Into<String>) -> Self {
        Self::with(Prompt::Infill { prefix: prefix.into(), suffix: suffix.into() })
    }

    /// Sets the most new tokens.
    pub fn max_tokens(mut self, n: u32) -> Self {
        self.max_tokens = Some(n);
        self
    }

    /// Sets the sampling.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Whether every field lies in its range; the error names the first that does not. `submit` asks this.
    pub fn check(&self) -> Result<()> {
        self.sampling.check()?;
        match &self.prompt {
            Prompt::Messages(m) if m.is_empty() => {
                return Err(Error::new(Code::Range, "the request has no messages and no prompt"))
            }
            Prompt::Messages(m)
                if self.continue_final_message && m.last().is_some_and(|m| m.role() != "assistant") =>
            {
                return Err(Error::new(
                    Code::Range,
                    "continue_final_message: the last message must be the assistant's",
                ))
            }
            Prompt::Tokens(t) if t.is_empty() => return Err(Error::new(Code::Range, "the prompt has no tokens")),
            _ => {}
        }
        if self.context_policy == ContextPolicy::DropOldest && !matches!(self.prompt, Prompt::Messages(_)) {
            return Err(Error::new(Code::Range, "context_policy: only turns of messages can be dropped"));
        }
        let mut outside = self.tools.iter().chain(self.template_variables.values());
        if outside.any(nests_too_deeply) {
            return Err(Error::new(
                Code::Range,
                format!("tools and template variables nest at most {MOST_DEPTH} lists and objects"),
            ));
        }
        if !(1..=64).contains(&self.n) {
            return Err(range("n", self.n, 1, 64));
        }
        if let Some(top @ 21..) = self.logprobs {
            return Err(range("top_logprobs", top, 0, 20));
        }
        if !(-1000..=1000).contains(&self.priority) {
            return Err(range("priority", self.priority, -1000, 1000));
        }
        if self.stop.len() > 64 || self.stop.iter().any(|s| s.is_empty() || s.len() > 4096) {
            return Err(Error::new(Code::Range, "stop: at most 64 texts of 1 to 4096 bytes each"));
        }
        if self.cache_key.len() > 256 {
            return Err(range("bytes in cache_key", self.cache_key.len(), 0, 256));
        }
        if let Some(max) = self.max_tokens {
            if max < self.min_tokens {
                return Err(range("min_tokens", self.min_tokens, 0, max));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_fields_are_named() {
        let base = || Request::text("x");
        for (r, name) in [
            (Request::chat([]), "the request has no messages"),
            (Request::tokens([]), "the prompt has no tokens"),
            (Request { n: 0, ..base() }, "n is 0"),
            (Request { logprobs: Some(21), ..base() }, "top_logprobs"),
            (Request { priority: 1001, ..base() }, "priority"),
            (Request { stop: vec![String::new()], ..base() }, "stop"),
            (Request { cache_key: "k".repeat(257), ..base() }, "bytes in cache_key"),
            (Request { max_tokens: Some(1), min_tokens: 2, ..base() }, "min_tokens"),
            (Request { continue_final_message: true, ..Request::chat([Message::user("x")]) }, "continue_final"),
            (Request { context_policy: ContextPolicy::DropOldest, ..base() }, "context_policy"),
        ] {
            let e = r.check().unwrap_err();
            assert_eq!(e.code(), Code::Range);
            assert!(e.message().starts_with(name), "{e}");
        }
        base().check().unwrap();
    }
}
