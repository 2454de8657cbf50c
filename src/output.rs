//! What a model says, taken apart: text, thoughts, tool calls.
//!
//! Everything is decided character by character from what came before, never from where a piece of text ends: an
//! output gives the same events however it is cut. Time is linear in the output; what is held back is the beginning
//! of a mark, white space, and a call that may still turn out to be none.
//!
//! The rules:
//! - TEXT, REASONING and TOOL_CALL together tell everything. Deltas are a preview: those of a call, put together, are
//!   its name and arguments. What cannot be completed as a call (no such tool, not JSON, cut off) is text as it was
//!   generated; where deltas of it went out before, no complete call of that index follows.
//! - White space next to calls and thoughts belongs to neither text nor thought: templates write it themselves.
//! - A thought opens only where no text came before it. A call inside of a thought counts when nothing but white
//!   space follows it, in or behind the thought; otherwise it was thought about, and is REASONING.

mod ask;
mod call;
mod calls;
mod formats;
mod json;
mod program;
mod thought;
mod tools;

use std::collections::VecDeque;

use serde_json::Value;

pub(crate) use ask::Ask;
use calls::Calls;
pub use formats::{detect as detect_format, named as format_named, Format, FORMATS};
use formats::{Body, Opening};
use program::{Machine, Move};
pub use thought::{detect as detect_tags, named as tags_named, Tags, TAGS};
use tools::Tools;

/// White space that waits for what follows, in bytes; more goes out.
const MOST_BLANK: usize = 1024;

/// The longest header of a message, in bytes.
const MOST_HEADER: usize = 512;

/// What an output is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text for the reader.
    Text(String),
    /// Thoughts.
    Reasoning(String),
    /// A part of a call that is on its way.
    Delta {
        /// Which call of the answer, from 0.
        index: u32,
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// More of the arguments.
        arguments: String,
        /// Whether it is the call's first.
        first: bool,
    },
    /// A complete call.
    Call {
        /// Which call of the answer, from 0.
        index: u32,
        /// The call's id: nine letters and digits.
        id: String,
        /// The tool.
        name: String,
        /// The arguments: a JSON object.
        arguments: String,
    },
}

/// How to read an output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'a> {
    /// How calls are written; none are read without.
    pub format: Option<&'static Format>,
    /// How thoughts are marked; none are read without.
    pub tags: Option<&'static Tags>,
    /// The output begins inside of a thought: the prompt opened it.
    pub thinking: bool,
    /// OpenAI's tool definitions. Only their names are calls; with none, every name is.
    pub tools: &'a [Value],
    /// What the ids of the calls are made from.
    pub salt: u64,
}

/// Takes an output apart.
pub struct Parser {
    format: Option<&'static Format>,
    tags: Option<&'static Tags>,
    calls: Calls,
    mode: Mode,
    /// Characters to be read, or read again.
    queue: VecDeque<char>,
    /// What may be the beginning of a mark.
    held: String,
    /// White space that waits for what follows.
    blank: String,
    /// Nothing but white space came yet, or since the last call or thought.
    empty: bool,
    /// The white space that comes now belongs to a call or thought.
    trim: bool,
    block: Option<Machine>,
    /// The output since the block began or its last call was complete, and the white space before it.
    raw: String,
    raw_blank: String,
    /// Calls inside of a thought, and how they were written.
    kept: Vec<Piece>,
    kept_raw: String,
    kept_from: (u32, u32),
    kept_trim: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Thought,
    /// In the header of a message.
    Header,
}

/// What the held characters are.
enum Look {
    Nothing,
    Beginning,
    Found(Mark),
}

#[derive(Clone, Copy)]
enum Mark {
    Call(&'static Opening),
    OpenThought,
    CloseThought,
    Dropped,
    /// A message ends, and a header follows.
    EndMessage,
    /// A header begins.
    Header,
}

/// Marks between messages.
const MESSAGE_MARKS: [(&str, Mark); 5] = [
    ("<|end|>", Mark::EndMessage),
    ("<|return|>", Mark::EndMessage),
    ("<|call|>", Mark::EndMessage),
    ("<|start|>", Mark::Header),
    ("<|channel|>", Mark::Header),
];

impl Parser {
    /// A parser for one answer.
    pub fn new(setup: Setup<'_>) -> Parser {
        let harmony = matches!(setup.format, Some(Format { body: Body::Harmony(_), .. }));
        let start = match setup.format {
            Some(Format { body: Body::Blocks { program, start: Some(at), .. }, .. }) => {
                Some(Machine::new(program, *at))
            }
            _ => None,
        };
        Parser {
            format: setup.format,
            tags: setup.tags,
            calls: Calls::new(Tools::new(setup.tools), setup.salt),
            mode: match (harmony, setup.thinking && setup.tags.is_some()) {
                (true, _) => Mode::Header,
                (_, true) => Mode::Thought,
                (_, false) => Mode::Text,
            },
            queue: VecDeque::new(),
            held: String::new(),
            blank: String::new(),
            empty: true,
            trim: setup.thinking,
            block: start,
            raw: String::new(),
            raw_blank: String::new(),
            kept: Vec::new(),
            kept_raw: String::new(),
            kept_from: (0, 0),
            kept_trim: false,
        }
    }

    /// Takes text and appends what is known to be said. Neighbours of one kind are one piece.
    pub fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.queue.extend(text.chars());
        while let Some(c) = self.queue.pop_front() {
            self.step(c, out);
        }
    }

    /// Nothing more comes: what was held back goes out as what it is.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        held.chars().for_each(|c| self.say(c, out));
        if let Some(block) = self.block.take() {
            // Only closing marks are missing: nothing is lost.
            let complete = block.may_end() && !self.calls.is_open();
            self.calls.abandon();
            if !complete {
                self.say_raw(out);
            }
        }
        if self.mode == Mode::Header && !self.raw.starts_with("<|") {
            self.mode = Mode::Text;
            self.say_raw(out);
        }
        self.raw.clear();
        if !self.kept.is_empty() {
            self.kept_raw.clear();
            out.append(&mut self.kept);
        } else if self.mode == Mode::Text && !self.trim && !self.blank.is_empty() {
            let blank = std::mem::take(&mut self.blank);
            push_text(out, false, &blank);
        }
    }

    /// Whether what comes next is thought.
    pub fn is_thinking(&self) -> bool {
        self.mode == Mode::Thought
    }

    /// How many calls are complete.
    pub fn calls(&self) -> u32 {
        self.calls.completed
    }

    /// Whether a special token of this text means something here.
    pub fn wants(&self, special: &str) -> bool {
        let tags = self.tags.is_some_and(|t| {
            t.open.contains(special) || t.close.contains(special) || t.drop.iter().any(|d| d.contains(special))
        });
        tags || self.format.is_some_and(|f| match &f.body {
            Body::Harmony(_) => {
                MESSAGE_MARKS.iter().any(|(m, _)| *m == special)
                    || ["<|message|>", "<|constrain|>"].contains(&special)
            }
            Body::Blocks { openings, .. } => {
                f.example.contains(special) || openings.iter().any(|o| o.text.contains(special))
            }
        })
    }

    fn step(&mut self, c: char, out: &mut Vec<Piece>) {
        if self.block.is_some() {
            return self.in_block(c, out);
        }
        if self.mode == Mode::Header {
            return self.in_header(c, out);
        }
        self.held.push(c);
        while !self.held.is_empty() {
            match self.look() {
                Look::Beginning => return,
                Look::Found(mark) => {
                    let text = std::mem::take(&mut self.held);
                    return self.found(mark, text, out);
                }
                Look::Nothing => {
                    let first = self.held.remove(0);
                    self.say(first, out);
                }
            }
        }
    }

    fn look(&self) -> Look {
        let mut beginning = false;
        let held = self.held.as_str();
        let mut try_mark = |text: &str, mark| {
            if text == held {
                return Some(Look::Found(mark));
            }
            beginning |= text.starts_with(held);
            None
        };
        let thought = self.mode == Mode::Thought;
        let mut found = None;
        match self.format.map(|f| &f.body) {
            Some(Body::Harmony(_)) => {
                for (text, mark) in MESSAGE_MARKS {
                    found = found.or_else(|| try_mark(text, mark));
                }
            }
            Some(Body::Blocks { openings, .. }) => {
                // In a thought only marks that mean nothing else open a call.
                for opening in openings.iter().filter(|o| !o.first || self.empty && !thought) {
                    found = found.or_else(|| try_mark(opening.text, Mark::Call(opening)));
                }
            }
            None => {}
        }
        if let Some(tags) = self.tags.filter(|t| !t.open.is_empty()) {
            if thought || self.empty {
                found = found.or_else(|| try_mark(tags.close, Mark::CloseThought));
            }
            if !thought {
                if self.empty {
                    found = found.or_else(|| try_mark(tags.open, Mark::OpenThought));
                }
                for text in tags.drop {
                    found = found.or_else(|| try_mark(text, Mark::Dropped));
                }
            }
        }
        match found {
            Some(found) => found,
            None if beginning => Look::Beginning,
            None => Look::Nothing,
        }
    }

    fn found(&mut self, mark: Mark, text: String, out: &mut Vec<Piece>) {
        match mark {
            Mark::Call(opening) => {
                let Some(Body::Blocks { program, .. }) = self.format.map(|f| &f.body) else { return };
                self.raw_blank = std::mem::take(&mut self.blank);
                if self.mode == Mode::Text {
                    self.drop_kept(out);
                } else if self.kept.is_empty() {
                    self.kept_from = self.calls.mark();
                    self.kept_trim = self.trim;
                }
                self.block = Some(Machine::new(program, opening.at));
                if opening.keep {
                    text.chars().rev().for_each(|c| self.queue.push_front(c));
                } else {
                    self.raw = text;
                }
            }
            Mark::OpenThought => self.enter(Mode::Thought),
            Mark::CloseThought => self.enter(Mode::Text),
            Mark::Dropped => self.trim = true,
            Mark::EndMessage => self.mode = Mode::Header,
            Mark::Header => {
                self.mode = Mode::Header;
                self.raw = text;
            }
        }
    }

    fn enter(&mut self, mode: Mode) {
        self.mode = mode;
        self.blank.clear();
        self.empty = true;
        self.trim = true;
    }

    fn in_block(&mut self, c: char, out: &mut Vec<Piece>) {
        let Some(block) = &mut self.block else { return };
        self.raw.push(c);
        let thought = self.mode == Mode::Thought;
        let before = self.calls.completed;
        let moved = block.step(c, &mut self.calls, if thought { &mut self.kept } else { out });
        let (Move::Stay(again) | Move::Leave(again) | Move::Fail(again)) = moved else {
            // A word that only said what comes.
            self.block = None;
            self.raw.clear();
            self.raw_blank.clear();
            return;
        };
        for _ in 0..again {
            if let Some(c) = self.raw.pop() {
                self.queue.push_front(c);
            }
        }
        if self.calls.completed > before {
            if !thought {
                self.empty = true;
                self.trim = true;
            }
            self.settle_raw(thought);
        }
        match moved {
            Move::Leave(_) => {
                self.block = None;
                self.settle_raw(thought);
                if matches!(self.format, Some(Format { body: Body::Harmony(_), .. })) {
                    self.mode = Mode::Header;
                }
            }
            Move::Fail(_) => {
                self.block = None;
                self.calls.abandon();
                self.say_raw(out);
            }
            _ => {}
        }
    }

    /// What was read belongs to a complete call.
    fn settle_raw(&mut self, thought: bool) {
        if thought {
            self.kept_raw.push_str(&self.raw_blank);
            self.kept_raw.push_str(&self.raw);
        }
        self.raw_blank.clear();
        self.raw.clear();
    }

    /// It was no call: it goes out as it is.
    fn say_raw(&mut self, out: &mut Vec<Piece>) {
        if self.kept.iter().all(|p| matches!(p, Piece::Delta { .. })) && !self.kept.is_empty() {
            self.kept.clear();
            self.calls.back_to(self.kept_from);
        }
        let blank = std::mem::take(&mut self.raw_blank);
        let raw = std::mem::take(&mut self.raw);
        blank.chars().chain(raw.chars()).for_each(|c| self.say(c, out));
    }

    /// The calls in the thought were only thought about.
    fn drop_kept(&mut self, out: &mut Vec<Piece>) {
        if self.kept.is_empty() {
            return;
        }
        self.kept.clear();
        self.calls.back_to(self.kept_from);
        let raw = std::mem::take(&mut self.kept_raw);
        let blank = std::mem::take(&mut self.blank);
        let (mode, empty, trim) = (self.mode, self.empty, self.trim);
        self.mode = Mode::Thought;
        self.trim = self.kept_trim;
        raw.chars().for_each(|c| self.say(c, out));
        if mode == Mode::Thought {
            return self.blank.push_str(&blank);
        }
        (self.mode, self.blank, self.empty, self.trim) = (mode, blank, empty, trim);
    }

    /// One character of text or thought.
    fn say(&mut self, c: char, out: &mut Vec<Piece>) {
        if c.is_whitespace() {
            if self.blank.len() >= MOST_BLANK {
                self.spend_blank(out);
            }
            return self.blank.push(c);
        }
        self.drop_kept(out);
        self.spend_blank(out);
        self.empty = false;
        let mut bytes = [0; 4];
        push_text(out, self.mode == Mode::Thought, c.encode_utf8(&mut bytes));
    }

    fn spend_blank(&mut self, out: &mut Vec<Piece>) {
        if !std::mem::take(&mut self.trim) && !self.blank.is_empty() {
            push_text(out, self.mode == Mode::Thought, &self.blank);
        }
        self.blank.clear();
    }

    fn in_header(&mut self, c: char, out: &mut Vec<Piece>) {
        const END: &str = "<|message|>";
        self.raw.push(c);
        let header = self.raw.trim_start();
        if MESSAGE_MARKS.iter().any(|(text, mark)| matches!(mark, Mark::EndMessage) && *text == header) {
            return self.raw.clear();
        }
        // An answer without a header is text.
        let marks = MESSAGE_MARKS.iter().map(|(text, _)| *text).chain(["to="]);
        let odd = !marks.into_iter().any(|text| text.starts_with(header) || header.starts_with(text));
        if odd || self.raw.len() > MOST_HEADER {
            self.mode = Mode::Text;
            return self.say_raw(out);
        }
        if !self.raw.ends_with(END) {
            return;
        }
        let header = self.raw[..self.raw.len() - END.len()].to_owned();
        let after = |mark: &str| {
            header.split_once(mark).map(|(_, rest)| rest.split([' ', '<', '\n']).next().unwrap_or(""))
        };
        let thinks = after("<|channel|>") == Some("analysis");
        if let (Some(name), Some(Body::Harmony(program))) =
            (after("to=").filter(|n| *n != "user"), self.format.map(|f| &f.body))
        {
            self.mode = Mode::Text;
            if self.calls.begin(name.strip_prefix("functions.").unwrap_or(name), out) {
                self.block = Some(Machine::new(program, 0));
            } else {
                self.say_raw(out);
            }
            return;
        }
        self.raw.clear();
        self.enter(if thinks && self.tags.is_some() { Mode::Thought } else { Mode::Text });
    }
}

fn push_text(out: &mut Vec<Piece>, thought: bool, text: &str) {
    match (out.last_mut(), thought) {
        (Some(Piece::Reasoning(last)), true) | (Some(Piece::Text(last)), false) => last.push_str(text),
        (_, true) => out.push(Piece::Reasoning(text.to_owned())),
        (_, false) => out.push(Piece::Text(text.to_owned())),
    }
}

/// Puts pieces together that belong together, as if the output had come at once.
pub fn merge(pieces: impl IntoIterator<Item = Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Piece::Text(a)), Piece::Text(b)) | (Some(Piece::Reasoning(a)), Piece::Reasoning(b)) => {
                a.push_str(&b)
            }
            (
                Some(Piece::Delta { index: a, arguments, .. }),
                Piece::Delta { index: b, arguments: more, first: false, .. },
            ) if *a == b => arguments.push_str(&more),
            (_, piece) => out.push(piece),
        }
    }
    out
}

#[cfg(test)]
mod tests;
