//! Text that knows which of its bytes came from content, through every operation of a template.

use std::ops::Range;
use std::rc::Rc;

use super::meter::{Held, Outcome};

/// An immutable text. Clones share it.
#[derive(Clone)]
pub(super) struct Text(Rc<Inner>);

struct Inner {
    text: String,
    /// What came from content: in order, not empty, not touching.
    content: Vec<Range<usize>>,
    /// What `safe` marks: jinja2 escapes a string that is added to it.
    safe: bool,
    _held: Held,
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Text {
    /// Text of the template's own.
    pub(super) fn own(text: &str) -> Outcome<Text> {
        let mut out = Builder::default();
        out.own(text)?;
        out.finish()
    }

    /// Text from content.
    pub(super) fn content(text: &str) -> Outcome<Text> {
        let mut out = Builder::default();
        out.put(text, true)?;
        out.finish()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0.text
    }

    pub(super) fn len(&self) -> usize {
        self.0.text.len()
    }

    pub(super) fn is_safe(&self) -> bool {
        self.0.safe
    }

    /// The same text, marked as safe.
    pub(super) fn into_safe(self) -> Outcome<Text> {
        if self.is_safe() {
            return Ok(self);
        }
        let mut out = Builder::default();
        out.push(&self)?;
        out.finish_as(true)
    }

    /// `& < > ' "` as HTML's entities; nothing happens to a text that is safe already.
    pub(super) fn escaped(&self) -> Outcome<Text> {
        if self.is_safe() {
            return Ok(self.clone());
        }
        let escape = |c: char, out: &mut String| match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        };
        self.map_chars(escape)?.into_safe()
    }

    /// The longest pieces of one origin in a range; `true` = from content.
    pub(super) fn runs(&self, range: Range<usize>) -> impl Iterator<Item = (&str, bool)> {
        let content = &self.0.content;
        let mut next = content.partition_point(|c| c.end <= range.start);
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let here = content.get(next);
            let (end, from_content) = match here {
                Some(c) if c.start <= at => {
                    next += 1;
                    (c.end.min(range.end), true)
                }
                Some(c) => (c.start.min(range.end), false),
                None => (range.end, false),
            };
            let piece = &self.0.text[at..end];
            at = end;
            Some((piece, from_content))
        })
    }

    /// All pieces of one origin.
    pub(super) fn all_runs(&self) -> impl Iterator<Item = (&str, bool)> {
        self.runs(0..self.len())
    }

    /// A part of it.
    pub(super) fn part(&self, range: Range<usize>) -> Outcome<Text> {
        if range == (0..self.len()) {
            return Ok(self.clone());
        }
        let mut out = Builder::default();
        out.push_part(self, range)?;
        out.finish_as(self.is_safe())
    }

    /// The part that `inner`, a slice of this text's own `str`, covers.
    pub(super) fn part_of(&self, inner: &str) -> Outcome<Text> {
        let start = inner.as_ptr() as usize - self.as_str().as_ptr() as usize;
        self.part(start..start + inner.len())
    }

    /// Each piece changed by itself.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Outcome<Text> {
        let mut out = Builder::default();
        for (piece, content) in self.all_runs() {
            out.put(&change(piece), content)?;
        }
        out.finish_as(self.is_safe())
    }

    /// Each character changed, with knowledge of what stands before it.
    pub(super) fn map_chars(&self, mut change: impl FnMut(char, &mut String)) -> Outcome<Text> {
        let mut out = Builder::default();
        let mut piece_out = String::new();
        for (piece, content) in self.all_runs() {
            piece_out.clear();
            piece.chars().for_each(|c| change(c, &mut piece_out));
            out.put(&piece_out, content)?;
        }
        out.finish_as(self.is_safe())
    }
}

/// A text that is being made.
#[derive(Default)]
pub(super) struct Builder {
    text: String,
    content: Vec<Range<usize>>,
    held: Option<Held>,
}

/// What a text takes beside its bytes.
const OVERHEAD: usize = 96;

impl Builder {
    fn take(&mut self, bytes: usize) -> Outcome<()> {
        match &mut self.held {
            Some(held) => held.grow(bytes),
            None => {
                self.held = Some(Held::new(bytes.saturating_add(OVERHEAD))?);
                Ok(())
            }
        }
    }

    /// Appends the template's own text.
    pub(super) fn own(&mut self, text: &str) -> Outcome<()> {
        self.take(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    /// Appends text of an origin.
    pub(super) fn put(&mut self, text: &str, content: bool) -> Outcome<()> {
        if !content || text.is_empty() {
            return self.own(text);
        }
        let start = self.text.len();
        self.own(text)?;
        let end = self.text.len();
        match self.content.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => {
                self.take(size_of::<Range<usize>>())?;
                self.content.push(start..end);
            }
        }
        Ok(())
    }

    pub(super) fn push(&mut self, text: &Text) -> Outcome<()> {
        self.push_part(text, 0..text.len())
    }

    pub(super) fn push_part(&mut self, text: &Text, range: Range<usize>) -> Outcome<()> {
        text.runs(range).try_for_each(|(piece, content)| self.put(piece, content))
    }

    /// Appends a character again and again.
    pub(super) fn fill(&mut self, c: char, count: usize) -> Outcome<()> {
        self.take(count.saturating_mul(c.len_utf8()))?;
        self.text.extend(std::iter::repeat_n(c, count));
        Ok(())
    }

    pub(super) fn finish(self) -> Outcome<Text> {
        self.finish_as(false)
    }

    pub(super) fn finish_as(self, safe: bool) -> Outcome<Text> {
        let held = match self.held {
            Some(held) => held,
            None => Held::new(OVERHEAD)?,
        };
        Ok(Text(Rc::new(Inner { text: self.text, content: self.content, safe, _held: held })))
    }

    /// The text and what of it came from content.
    pub(super) fn into_parts(self) -> (String, Vec<Range<usize>>) {
        (self.text, self.content)
    }
}
