//! How an answer is to be read: which tool calls, which thoughts, as the chat template and the request say.

use crate::error::Result;
use crate::model::{Model, Token};
use crate::output::{detect_format, detect_tags, format_named, Format, Parser, Setup, Tags};
use crate::request::{Prompt, Request};

/// So many tokens at the end of a prompt are looked at for the beginning of a thought.
const LOOKED_AT: usize = 16;

/// Decided once a request; makes the parser of each answer.
#[derive(Clone, Default)]
pub(crate) struct Reading {
    format: Option<&'static Format>,
    tags: Option<&'static Tags>,
    thinking: bool,
    /// The prompt closed the thought.
    closed: bool,
    /// The tokens that close a thought.
    pub cut: Vec<Token>,
    /// After so many tokens of thought they are put in.
    pub budget: Option<u32>,
}

impl Request {
    /// The source of the template that renders it.
    pub(crate) fn template_source<'a>(&'a self, model: &'a Model) -> Option<&'a str> {
        match self.prompt {
            Prompt::Messages(_) => self.template.as_deref().or_else(|| model.chat_template()),
            _ => None,
        }
    }

    /// How its tool calls are written; `None` when it has no tools.
    pub(crate) fn call_format(&self, source: Option<&str>) -> Option<&'static Format> {
        let wanted = self.tool_format.as_deref().and_then(format_named);
        let detected = source.map(detect_format);
        if self.shown_tools().is_empty() {
            // Some formats frame every answer.
            return wanted.or(detected.filter(|f| f.frames_every_answer()));
        }
        let format = wanted.or(detected).or_else(|| format_named("generic"));
        match self.tool_choice.is_forced() {
            true => format.map(Format::for_forced_calls),
            false => format,
        }
    }
}

impl Reading {
    /// For a request whose prompt became these tokens. Runs on a big-stack worker.
    pub(crate) fn of(model: &Model, request: &Request, prompt: &[Token]) -> Result<Reading> {
        let source = request.template_source(model);
        let format = request.call_format(source);
        let tags = source.filter(|_| request.split_reasoning).and_then(detect_tags);
        let Some(tags) = tags else { return Ok(Reading { format, ..Reading::default() }) };
        let end = &prompt[prompt.len().saturating_sub(LOOKED_AT)..];
        let end = model.detokenize(end, true)?;
        let thinking = tags.is_open_at_end(&end);
        let closed = end.trim_end().ends_with(tags.close);
        // Where the template has no switch, not to think is a budget of nothing.
        let budget = if request.thinking == Some(false) { Some(0) } else { request.reasoning_budget };
        let cut = match budget {
            Some(_) => model.0.vocabulary.tokenize_on_worker(tags.cut, false, true)?,
            None => Vec::new(),
        };
        Ok(Reading { format, tags: Some(tags), thinking, closed, cut, budget })
    }

    /// A thought that the prompt opened and that may have no token at all is closed in the prompt.
    pub(crate) fn close_in_prompt(&mut self, prompt: &mut Vec<Token>) {
        if self.thinking && self.budget == Some(0) {
            prompt.extend_from_slice(&self.cut);
            self.thinking = false;
        }
    }

    /// Whether the answer begins inside of a thought.
    pub(crate) fn is_thinking(&self) -> bool {
        self.thinking
    }

    /// Whether the prompt closed the thought.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How thoughts are marked.
    pub(crate) fn tags(&self) -> Option<&'static Tags> {
        self.tags
    }

    /// How calls are written.
    pub(crate) fn format(&self) -> Option<&'static Format> {
        self.format
    }

    /// The parser of one answer; `None` when its text is just text.
    pub(crate) fn parser(&self, request: &Request, salt: u64) -> Option<Parser> {
        if self.format.is_none() && self.tags.is_none() {
            return None;
        }
        let Reading { format, tags, thinking, .. } = *self;
        Some(Parser::new(Setup { format, tags, thinking, tools: request.shown_tools(), salt }))
    }
}
