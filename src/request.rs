//! What a generation is asked for: the prompt, the sampling, the limits, what comes back.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::adapter::Adapter;
use crate::constraint::Constraint;
use crate::error::{Code, Error, Result};
use crate::message::{nests_too_deeply, short, Message, MOST_DEPTH};
use crate::model::Token;
use crate::output::format_named;
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

/// Whether tools are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// Not at all: the model does not see the tools.
    None,
    /// At least one call. Its arguments keep to the tool's schema.
    Required,
    /// This tool, as with [`ToolChoice::Required`].
    Named(String),
}

impl ToolChoice {
    pub(crate) fn is_forced(&self) -> bool {
        matches!(self, ToolChoice::Required | ToolChoice::Named(_))
    }
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
    /// Checksum of the session file that its chat was restored from; empty without one. Its prompts share cached prefixes
    /// with chats of the same file only: whoever can write a file can put cells into it that are not what its tokens
    /// come to, and these must reach nobody else.
    pub(crate) origin: String,
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
    /// What the answer must look like. It wins over `min_tokens`, `ignore_eos` and `logit_bias`: an answer that is
    /// complete ends, and one that a bias leaves no token for is a [`Code::Grammar`] error.
    pub constraint: Option<Constraint>,
    /// The constraint begins behind the first of these texts that the model writes (special tokens count by their
    /// names); before it the answer is free. Empty: it begins at once. At most 16 of 1 to 256 bytes.
    pub constraint_triggers: Vec<String>,
    /// JSON may be laid out freely, with whitespace and line breaks. Default false: one line, a space after `,` and
    /// `:`, which leaves fewer tokens to choose.
    pub json_whitespace: bool,
    /// Token healing: the prompt's last tokens are taken back, and the answer begins by spelling their text anew, so
    /// that a prompt may end inside a token. That text is not repeated. Default false.
    pub heal: bool,
    /// Whether tools may, must or must not be called.
    pub tool_choice: ToolChoice,
    /// More than one call an answer. Default true; otherwise the answer ends with its first call.
    pub parallel_tool_calls: bool,
    /// How the model writes calls, by a name of docs/tools.md. Unset: as its chat template says.
    pub tool_format: Option<String>,
    /// Whether a model that can do both thinks before it answers. Unset: as its chat template has it.
    pub thinking: Option<bool>,
    /// After so many tokens of thought it is closed, and the answer begins. Unset: no limit.
    pub reasoning_budget: Option<u32>,
    /// Thoughts are events of their own. Default true; otherwise they are text, with their marks.
    pub split_reasoning: bool,
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
            origin: String::new(),
            context_policy: ContextPolicy::Error,
            shift_keep: 0,
            adapters: Vec::new(),
            continue_final_message: false,
            template: None,
            template_variables: Map::new(),
            tools: Vec::new(),
            constraint: None,
            constraint_triggers: Vec::new(),
            json_whitespace: false,
            heal: false,
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: true,
            tool_format: None,
            thinking: None,
            reasoning_budget: None,
            split_reasoning: true,
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

    /// Sets the conversation.
    pub fn with_messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.prompt = Prompt::Messages(messages.into_iter().collect());
        self
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

    /// Sets what the answer must look like.
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.constraint = Some(constraint);
        self
    }

    /// The tools that the model sees.
    pub(crate) fn shown_tools(&self) -> &[Value] {
        match self.tool_choice {
            ToolChoice::None => &[],
            _ => &self.tools,
        }
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
        let triggers = &self.constraint_triggers;
        if triggers.len() > 16 || triggers.iter().any(|t| t.is_empty() || t.len() > 256) {
            return Err(Error::new(Code::Range, "constraint_triggers: at most 16 texts of 1 to 256 bytes each"));
        }
        if !triggers.is_empty() && self.constraint.is_none() {
            return Err(Error::new(Code::Range, "constraint_triggers need a constraint"));
        }
        if self.heal && !triggers.is_empty() {
            return Err(Error::new(Code::Range, "heal does not go with constraint_triggers"));
        }
        if self.tool_choice.is_forced() && (self.constraint.is_some() || self.heal) {
            return Err(Error::new(
                Code::Range,
                "tool_choice: a forced call goes with neither a constraint nor heal",
            ));
        }
        self.check_tools()?;
        if let Some(max) = self.max_tokens {
            if max < self.min_tokens {
                return Err(range("min_tokens", self.min_tokens, 0, max));
            }
        }
        Ok(())
    }

    fn check_tools(&self) -> Result<()> {
        let name = |tool: &Value| {
            let function = tool.get("function").unwrap_or(tool);
            function.get("name").and_then(Value::as_str).map(str::to_owned)
        };
        if let Some(i) = self.tools.iter().position(|t| name(t).is_none_or(|n| n.is_empty() || n.len() > 256)) {
            return Err(Error::new(Code::Range, format!("tools[{i}] needs a \"name\" of 1 to 256 bytes")));
        }
        if let Some(format) = self.tool_format.as_deref().filter(|f| format_named(f).is_none()) {
            return Err(Error::new(Code::Range, format!("tool_format: there is no \"{}\"", short(format))));
        }
        match &self.tool_choice {
            ToolChoice::Required if self.tools.is_empty() => {
                Err(Error::new(Code::Range, "tool_choice: a call is required, and there are no tools"))
            }
            ToolChoice::Named(wanted) if !self.tools.iter().any(|t| name(t).as_ref() == Some(wanted)) => {
                Err(Error::new(Code::Range, format!("tool_choice: no tool has the name \"{}\"", short(wanted))))
            }
            _ => Ok(()),
        }
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
            (Request { constraint_triggers: vec![String::new()], ..base() }, "constraint_triggers"),
            (Request { constraint_triggers: vec!["x".into()], ..base() }, "constraint_triggers need"),
            (
                Request {
                    constraint_triggers: vec!["x".into()],
                    heal: true,
                    ..base().constraint(Constraint::Json)
                },
                "heal",
            ),
            (Request { tools: vec![serde_json::json!({"x": 1})], ..base() }, "tools[0]"),
            (Request { tool_format: Some("morse".into()), ..base() }, "tool_format"),
            (Request { tool_choice: ToolChoice::Required, ..base() }, "tool_choice"),
            (Request { tool_choice: ToolChoice::Named("f".into()), ..base() }, "tool_choice"),
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
