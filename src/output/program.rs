//! What stands between the marks of a tool call, as a small program a format: each step takes characters, none looks
//! back further than the longest of its texts.

use super::call::CallObject;
use super::calls::Calls;
use super::json::{push_escaped, Dialect, Fed, Scanner};
use super::Piece;

/// A place in a program.
pub(super) type At = usize;

/// Texts that may come, and where the program goes on behind each. The text "" takes nothing and fits when no other
/// does.
pub(super) type Choices = &'static [(&'static str, At)];

/// One step. Unless it says where to, the next one follows.
#[derive(Debug)]
pub(super) enum Op {
    /// Skips white space.
    Blank,
    /// One of these texts.
    Choice(Choices),
    /// The tool's name, up to one of these; the call begins.
    Name(Choices),
    /// A parameter's name, up to one of these.
    Key(Choices),
    /// Anything up to one of these, without meaning.
    Skip(Choices),
    /// A parameter's value, up to this text. With `true` one line break on either side is not part of it.
    Param(&'static str, bool),
    /// A parameter's value in this dialect.
    Value(Dialect),
    /// The arguments, behind their `{`.
    Arguments(Dialect),
    /// A whole call, behind its `{`.
    Object,
    /// All parameters have come.
    Close,
    /// The call is complete.
    End,
    /// Goes on there.
    Go(At),
    /// The block is over.
    Leave,
    /// It was no call, but nothing of it is text.
    Drop,
}

/// What becomes of the block. A number is how many of the last characters are to be read once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Stay(usize),
    Leave(usize),
    Drop,
    Fail(usize),
}

/// Characters of a name or key.
const MOST_NAME: usize = 256;

pub(super) struct Machine {
    program: &'static [Op],
    at: At,
    /// What may be the beginning of a text that is waited for.
    held: String,
    /// The name, key or value that is being read.
    word: String,
    key: String,
    inside: Inside,
    /// A parameter's value: whether it goes out as it comes, and whether it has begun.
    streams: bool,
    begun: bool,
    /// A call was completed.
    called: bool,
}

enum Inside {
    Nothing,
    Scanner(Scanner),
    Object(CallObject),
}

impl Machine {
    pub(super) fn new(program: &'static [Op], at: At) -> Machine {
        Machine {
            program,
            at,
            held: String::new(),
            word: String::new(),
            key: String::new(),
            inside: Inside::Nothing,
            streams: false,
            begun: false,
            called: false,
        }
    }

    /// Whether the end of the text may come here without anything being lost: only closing marks are missing.
    pub(super) fn may_end(&self) -> bool {
        self.called && matches!(self.program.get(self.at), Some(Op::Blank | Op::Choice(_)))
    }

    /// Takes a character.
    pub(super) fn step(&mut self, c: char, calls: &mut Calls, out: &mut Vec<Piece>) -> Move {
        let program = self.program;
        let moved = match &program[self.at] {
            Op::Blank if c.is_whitespace() => return Move::Stay(0),
            Op::Blank => self.next(1),
            Op::Choice(texts) => self.choose(c, texts),
            Op::Name(texts) => self.name(c, texts, calls, out),
            Op::Key(texts) => match self.word_until(c, texts) {
                Ok(Some(at)) => {
                    let key = std::mem::take(&mut self.word).trim().to_owned();
                    if key.is_empty() || !calls.is_open() {
                        return Move::Fail(0);
                    }
                    calls.key(&key, out);
                    self.key = key;
                    self.go(at)
                }
                Ok(None) => return Move::Stay(0),
                Err(moved) => moved,
            },
            Op::Skip(texts) => match self.word_until(c, texts) {
                Ok(Some(at)) => {
                    self.word.clear();
                    self.go(at)
                }
                Ok(None) => return Move::Stay(0),
                Err(moved) => moved,
            },
            Op::Param(end, strip) => return self.param(c, end, *strip, calls, out),
            Op::Value(dialect) => self.scan(c, Scanner::value(*dialect), "", calls, out),
            Op::Arguments(dialect) => self.scan(c, Scanner::inside_object(*dialect), "{", calls, out),
            Op::Object => self.object(c, calls, out),
            // `settle` never stops at these.
            Op::Close | Op::End | Op::Go(_) | Op::Leave | Op::Drop => Move::Fail(1),
        };
        self.settle(moved, calls, out)
    }

    fn go(&mut self, at: At) -> Move {
        self.at = at;
        Move::Stay(0)
    }

    fn next(&mut self, again: usize) -> Move {
        self.at += 1;
        Move::Stay(again)
    }

    /// Does the steps that take no character, as soon as they are reached.
    fn settle(&mut self, moved: Move, calls: &mut Calls, out: &mut Vec<Piece>) -> Move {
        let Move::Stay(again) = moved else { return moved };
        loop {
            match self.program.get(self.at) {
                Some(Op::Close) => calls.close(out),
                Some(Op::End) if !calls.end(out) => return Move::Fail(again),
                Some(Op::End) => self.called = true,
                Some(Op::Go(at)) => {
                    self.at = *at;
                    continue;
                }
                Some(Op::Leave) => return Move::Leave(again),
                Some(Op::Drop) => return Move::Drop,
                None => return Move::Fail(again),
                Some(_) => return Move::Stay(again),
            }
            self.at += 1;
        }
    }

    fn choose(&mut self, c: char, texts: Choices) -> Move {
        self.held.push(c);
        let mut other = None;
        for (text, at) in texts {
            if text.is_empty() {
                other = Some(*at);
            } else if *text == self.held {
                self.held.clear();
                return self.go(*at);
            }
        }
        if texts.iter().any(|(text, _)| text.starts_with(self.held.as_str())) {
            return Move::Stay(0);
        }
        let again = self.held.chars().count();
        self.held.clear();
        match other {
            Some(at) => {
                self.at = at;
                Move::Stay(again)
            }
            None => Move::Fail(again),
        }
    }

    /// Moves the character through `held`: `Some` is the text that was completed. What cannot begin one goes to
    /// `word`.
    fn hold(&mut self, c: char, texts: Choices) -> Option<At> {
        self.held.push(c);
        loop {
            if let Some((_, at)) = texts.iter().find(|(text, _)| *text == self.held) {
                self.held.clear();
                return Some(*at);
            }
            if self.held.is_empty() || texts.iter().any(|(text, _)| text.starts_with(self.held.as_str())) {
                return None;
            }
            self.word.push(self.held.remove(0));
        }
    }

    fn word_until(&mut self, c: char, texts: Choices) -> Result<Option<At>, Move> {
        let found = self.hold(c, texts);
        if self.word.len() > MOST_NAME {
            return Err(self.fail());
        }
        Ok(found)
    }

    fn name(&mut self, c: char, texts: Choices, calls: &mut Calls, out: &mut Vec<Piece>) -> Move {
        let found = match self.word_until(c, texts) {
            Ok(found) => found,
            Err(moved) => return moved,
        };
        let name = self.word.trim();
        if let Some(at) = found {
            if !calls.begin(name, out) {
                return Move::Fail(0);
            }
            self.word.clear();
            return self.go(at);
        }
        if !calls.tools.could_begin(name) {
            return self.fail();
        }
        Move::Stay(0)
    }

    /// What was held back and the last character may begin something else.
    fn fail(&self) -> Move {
        Move::Fail(self.held.chars().count().max(1))
    }

    fn param(&mut self, c: char, end: &'static str, strip: bool, calls: &mut Calls, out: &mut Vec<Piece>) -> Move {
        if !self.begun {
            self.begun = true;
            self.streams = calls.tools.is_text(calls.name(), &self.key);
            if self.streams {
                calls.write("\"", out);
            }
            if strip && c == '\n' {
                return Move::Stay(0);
            }
        }
        self.held.push(c);
        let ended = self.held.strip_suffix(end).map(str::len);
        if let Some(length) = ended {
            let mut value = std::mem::take(&mut self.word);
            value.push_str(&self.held[..length]);
            self.held.clear();
            self.begun = false;
            let value = if strip { value.strip_suffix('\n').unwrap_or(&value) } else { &value };
            if self.streams {
                write_escaped(value, calls, out);
                calls.write("\"", out);
            } else {
                let json = calls.tools.json_of(calls.name(), &self.key, value);
                calls.write(&json, out);
            }
            self.at += 1;
            return self.settle(Move::Stay(0), calls, out);
        }
        // Held back: the line break that may stand before the end, and what may be the end.
        while !could_end(&self.held, end, strip) {
            self.word.push(self.held.remove(0));
        }
        if self.streams && !self.word.is_empty() {
            let word = std::mem::take(&mut self.word);
            write_escaped(&word, calls, out);
        }
        Move::Stay(0)
    }

    fn scan(&mut self, c: char, fresh: Scanner, open: &str, calls: &mut Calls, out: &mut Vec<Piece>) -> Move {
        if matches!(self.inside, Inside::Nothing) {
            calls.write(open, out);
            self.inside = Inside::Scanner(fresh);
        }
        let Inside::Scanner(scanner) = &mut self.inside else { return Move::Fail(1) };
        self.word.clear();
        let fed = scanner.feed(c, &mut self.word);
        calls.write(&self.word, out);
        self.word.clear();
        self.fed(fed)
    }

    fn object(&mut self, c: char, calls: &mut Calls, out: &mut Vec<Piece>) -> Move {
        if matches!(self.inside, Inside::Nothing) {
            self.inside = Inside::Object(CallObject::new());
        }
        let Inside::Object(object) = &mut self.inside else { return Move::Fail(1) };
        let fed = object.feed(c, calls, out);
        self.fed(fed)
    }

    fn fed(&mut self, fed: Fed) -> Move {
        if fed != Fed::More {
            self.inside = Inside::Nothing;
        }
        match fed {
            Fed::More => Move::Stay(0),
            Fed::Whole => self.next(0),
            Fed::Before => self.next(1),
            Fed::Wrong => Move::Fail(1),
        }
    }
}

/// Whether a text could go on to the end mark, with a line break before it or not.
fn could_end(held: &str, end: &str, strip: bool) -> bool {
    end.starts_with(held) || strip && held.strip_prefix('\n').is_some_and(|rest| end.starts_with(rest))
}

fn write_escaped(text: &str, calls: &mut Calls, out: &mut Vec<Piece>) {
    let mut escaped = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(c, &mut escaped));
    calls.write(&escaped, out);
}
