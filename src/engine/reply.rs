//! The way from new tokens to events: bytes become characters, stop texts end the answer, tool calls and thoughts are
//! taken apart.

use std::sync::Arc;

use super::stream::Channel;
use crate::error::Result;
use crate::event::{Event, Text, TokenLogprob, ToolCall, ToolCallDelta};
use crate::model::{Model, Token};
use crate::output::{Parser, Piece};
use crate::request::Request;
use crate::text::{StopFilter, Utf8Assembler};

pub(super) struct Reply {
    channel: Arc<Channel>,
    choice: u32,
    return_tokens: bool,
    one_call: bool,
    parser: Option<Parser>,
    utf8: Utf8Assembler,
    stop: StopFilter,
    /// Tokens and logprobs whose text is still held back.
    pending: Text,
    piece: Vec<u8>,
    text: String,
    /// Text that has passed the stop texts.
    passed: String,
    pieces: Vec<Piece>,
    /// New tokens that were thought.
    pub reasoning_tokens: u32,
}

impl Reply {
    pub(super) fn new(channel: &Arc<Channel>, choice: u32, request: &Request, parser: Option<Parser>) -> Reply {
        Reply {
            channel: Arc::clone(channel),
            choice,
            return_tokens: request.return_tokens,
            one_call: !request.parallel_tool_calls,
            parser,
            utf8: Utf8Assembler::default(),
            stop: StopFilter::new(&request.stop),
            pending: Text { choice, ..Text::default() },
            piece: Vec::new(),
            text: String::new(),
            passed: String::new(),
            pieces: Vec::new(),
            reasoning_tokens: 0,
        }
    }

    /// Sends a token's text as far as it is known what it is; true when a stop text was completed, or the one call
    /// that is wanted. `may_stop` is whether stop texts count, `skip` how many bytes at the beginning are not new.
    pub(super) fn token(
        &mut self,
        model: &Model,
        token: Token,
        logprob: Option<TokenLogprob>,
        may_stop: bool,
        skip: &mut usize,
    ) -> Result<bool> {
        if self.return_tokens {
            self.pending.tokens.push(token);
        }
        self.pending.logprobs.extend(logprob);
        self.reasoning_tokens += u32::from(self.is_thinking());
        self.piece.clear();
        let vocabulary = &model.0.vocabulary;
        let special = match &self.parser {
            Some(parser) if vocabulary.is_control(token) => parser.wants(&vocabulary.spelling(token)?),
            _ => false,
        };
        vocabulary.piece(token, special, &mut self.piece)?;
        let again = (*skip).min(self.piece.len());
        self.piece.drain(..again);
        *skip -= again;
        self.text.clear();
        self.utf8.push(&self.piece, &mut self.text);
        let mut stopped = false;
        if may_stop {
            stopped = self.stop.push(&self.text, &mut self.passed).is_some();
        } else {
            self.passed.push_str(&self.text);
        }
        self.pass();
        let called = self.one_call && self.calls() > 0;
        Ok(stopped || called)
    }

    /// Takes a text as if the model had written it.
    #[cfg(feature = "test-hooks")]
    pub(super) fn replay(&mut self, text: &str) {
        self.passed.push_str(text);
        self.pass();
    }

    /// Whether the next token is thought.
    pub(super) fn is_thinking(&self) -> bool {
        self.parser.as_ref().is_some_and(Parser::is_thinking)
    }

    /// Whether no character is held back in part.
    pub(super) fn is_whole(&self) -> bool {
        self.utf8.is_empty()
    }

    /// How many tool calls are complete.
    pub(super) fn calls(&self) -> u32 {
        self.parser.as_ref().map_or(0, Parser::calls)
    }

    /// Nothing more comes: what was held back goes out.
    pub(super) fn finish(&mut self) {
        self.text.clear();
        self.utf8.finish(&mut self.text);
        self.stop.push(&self.text, &mut self.passed);
        self.stop.finish(&mut self.passed);
        self.pass();
        if let Some(parser) = &mut self.parser {
            parser.finish(&mut self.pieces);
            self.send_pieces();
        }
        if !(self.pending.tokens.is_empty() && self.pending.logprobs.is_empty()) {
            let rest = self.take_pending(String::new());
            self.channel.event(Event::Text(rest));
        }
    }

    fn pass(&mut self) {
        if self.passed.is_empty() {
            return;
        }
        let Some(parser) = &mut self.parser else {
            let text = std::mem::take(&mut self.passed);
            let text = self.take_pending(text);
            return self.channel.event(Event::Text(text));
        };
        parser.push(&self.passed, &mut self.pieces);
        self.passed.clear();
        self.send_pieces();
    }

    fn send_pieces(&mut self) {
        let choice = self.choice;
        for piece in std::mem::take(&mut self.pieces) {
            let event = match piece {
                Piece::Text(text) => Event::Text(self.take_pending(text)),
                Piece::Reasoning(text) => Event::Reasoning(self.take_pending(text)),
                Piece::Delta { index, id, name, arguments, first } => {
                    let Text { tokens, logprobs, .. } = self.take_pending(String::new());
                    Event::ToolCallDelta(ToolCallDelta {
                        choice,
                        index,
                        id,
                        name,
                        arguments,
                        first,
                        tokens,
                        logprobs,
                    })
                }
                Piece::Call { index, id, name, arguments } => {
                    Event::ToolCall(ToolCall { choice, index, id, name, arguments })
                }
            };
            self.channel.event(event);
        }
    }

    /// The tokens and logprobs that go with an event.
    fn take_pending(&mut self, text: String) -> Text {
        let next = Text { choice: self.choice, ..Text::default() };
        Text { text, ..std::mem::replace(&mut self.pending, next) }
    }
}
