//! Content can never make a special token.
//!
//! Rendering knows of every byte whether it came from content (see `text`). A special token must lie wholly in
//! text of the template's own.

use aho_corasick::{AhoCorasick, MatchKind};

use super::Rendered;

/// The texts of a vocabulary's control tokens, ready to be found.
pub struct SpecialTexts {
    finder: Option<AhoCorasick>,
}

/// The longest text of a special token that is looked for, in bytes. Building the search takes time and memory by the
/// length of all texts: 60,000 bytes each took minutes.
const LONGEST: usize = 256;

/// The most bytes of all such texts. Vocabularies with thousands of reserved tokens have some 100,000.
const MOST: usize = 4 << 20;

impl SpecialTexts {
    /// From the texts; empty ones are ignored, and such as no honest vocabulary has: those of more than 256
    /// bytes, and the longest of more than 4 MiB together.
    pub fn new(texts: impl IntoIterator<Item = String>) -> SpecialTexts {
        let mut texts: Vec<String> = texts.into_iter().filter(|t| (1..=LONGEST).contains(&t.len())).collect();
        texts.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        texts.dedup();
        let mut bytes = 0;
        let kept = texts.iter().take_while(|t| {
            bytes += t.len();
            bytes <= MOST
        });
        texts.truncate(kept.count());
        // The longest of those that begin at one place wins, as in llama.cpp.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts).ok();
        SpecialTexts { finder: finder.filter(|f| f.patterns_len() > 0) }
    }
}

/// A part of a rendered prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text without special tokens, whatever it looks like.
    Plain(&'a str),
    /// A special token of the template's own.
    Special(&'a str),
}

impl<'a> Segment<'a> {
    /// Its text.
    pub fn text(&self) -> &'a str {
        match self {
            Segment::Plain(text) | Segment::Special(text) => text,
        }
    }
}

impl Rendered {
    /// The text in parts, for tokenising.
    pub fn segments<'t>(&'t self, specials: &SpecialTexts) -> Vec<Segment<'t>> {
        let mut out = Vec::new();
        let mut done = 0;
        let plain_to = |out: &mut Vec<Segment<'t>>, done: usize, to: usize| {
            if done < to {
                out.push(Segment::Plain(&self.text[done..to]));
            }
        };
        let ends = self.protected.iter().map(|c| c.end);
        let starts = self.protected.iter().map(|c| c.start);
        for (from, to) in std::iter::once(0).chain(ends).zip(starts.chain([self.text.len()])) {
            let own = aho_corasick::Input::new(&self.text).span(from..to);
            for found in specials.finder.iter().flat_map(|f| f.find_iter(own.clone())) {
                plain_to(&mut out, done, found.start());
                out.push(Segment::Special(&self.text[found.range()]));
                done = found.end();
            }
        }
        plain_to(&mut out, done, self.text.len());
        out
    }
}
