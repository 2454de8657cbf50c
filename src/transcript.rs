//! What a prompt and its answer were in tokens, so that the next turn's prompt begins with the very same ones: text
//! that a model wrote may tokenise differently when it is read again, and then no cached prefix would fit.

use crate::error::Result;
use crate::model::Token;
use crate::template::{Rendered, Segment};
use crate::text::Utf8Assembler;

/// One prompt and what was generated behind it.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    /// The prompt's text.
    pub rendered: Rendered,
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// The tokens that followed.
    pub generated: Vec<Token>,
}

impl Transcript {
    /// The tokens that a new prompt (`segments` are its parts) can begin with, and how many of its bytes they stand
    /// for. `None` when it does not begin with the old prompt; `piece` appends a token's text.
    pub(crate) fn begin(
        &self,
        new: &Rendered,
        segments: &[Segment<'_>],
        piece: impl Fn(Token, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Option<(Vec<Token>, usize)>> {
        let start = self.rendered.text.len();
        // Where the same text came from content before and comes from the template now, or the other way round, its
        // tokens differ.
        let before = new.protected.iter().take_while(|p| p.start < start).map(|p| p.start..p.end.min(start));
        if !new.text.starts_with(&self.rendered.text) || !before.eq(self.rendered.protected.iter().cloned()) {
            return Ok(None);
        }
        let Some(limit) = next_special(segments, start) else { return Ok(None) };
        // Of the answer, as much as the new prompt shows as it was: a stop text was cut off, a template may trim.
        let mut rest = &new.text[start..limit];
        let (mut end, mut kept) = (start, 0);
        let (mut utf8, mut bytes, mut text) = (Utf8Assembler::default(), Vec::new(), String::new());
        for (i, token) in self.generated.iter().enumerate() {
            bytes.clear();
            text.clear();
            piece(*token, &mut bytes)?;
            utf8.push(&bytes, &mut text);
            if i + 1 == self.generated.len() {
                utf8.finish(&mut text);
            }
            let Some(after) = rest.strip_prefix(text.as_str()) else { break };
            rest = after;
            if utf8.is_empty() {
                (end, kept) = (limit - rest.len(), i + 1);
            }
        }
        let mut tokens = self.tokens.clone();
        tokens.extend_from_slice(&self.generated[..kept]);
        Ok(Some((tokens, end)))
    }
}

/// Where the first special token behind `from` begins (the end of the text when there is none); `None` when one lies
/// across `from`.
fn next_special(segments: &[Segment<'_>], from: usize) -> Option<usize> {
    let mut end = 0;
    for segment in segments {
        let start = end;
        end += segment.text().len();
        if matches!(segment, Segment::Special(_)) && end > from {
            return (start >= from).then_some(start);
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::SpecialTexts;

    /// 1 is "ab", 2 "c", 3 half of "é", 4 the other half.
    fn piece(token: Token, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(match token {
            1 => b"ab",
            2 => b"c",
            3 => &[0xc3],
            4 => &[0xa9],
            _ => b"",
        });
        Ok(())
    }

    fn rendered(text: &str) -> Rendered {
        Rendered { text: text.into(), protected: Vec::new() }
    }

    fn begin(old: &Transcript, new: &Rendered) -> Option<(Vec<Token>, usize)> {
        let specials = SpecialTexts::new(["<end>".into(), "<user>".into()]);
        old.begin(new, &new.segments(&specials), piece).unwrap()
    }

    fn old(generated: &[Token]) -> Transcript {
        Transcript { rendered: rendered("<user>hi<end>"), tokens: vec![70, 71, 72], generated: generated.to_vec() }
    }

    #[test]
    fn the_answer_keeps_its_tokens() {
        let found = begin(&old(&[1, 2]), &rendered("<user>hi<end>abc<end><user>"));
        assert_eq!(found, Some((vec![70, 71, 72, 1, 2], 16)));
    }

    #[test]
    fn what_a_stop_text_or_a_template_took_away_is_tokenised_anew() {
        let found = begin(&old(&[2, 1, 2]), &rendered("<user>hi<end>cab<end>"));
        assert_eq!(found, Some((vec![70, 71, 72, 2, 1], 16)));
        assert_eq!(begin(&old(&[1]), &rendered("<user>hi<end>xab")), Some((vec![70, 71, 72], 13)));
    }

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!(begin(&old(&[2, 3, 4]), &rendered("<user>hi<end>cé")).unwrap().1, 16);
        assert_eq!(begin(&old(&[2, 3]), &rendered("<user>hi<end>cé")), Some((vec![70, 71, 72, 2], 14)));
        // What was never whole was shown as U+FFFD.
        assert_eq!(begin(&old(&[3, 2, 3]), &rendered("<user>hi<end>\u{FFFD}c\u{FFFD}x")).unwrap().1, 20);
    }

    #[test]
    fn another_prompt_shares_nothing() {
        assert_eq!(begin(&old(&[1]), &rendered("<user>ho<end>ab")), None);
    }

    #[test]
    fn content_that_spells_a_special_token_is_not_taken_for_one() {
        let mut new = rendered("<user>hi<end>ab");
        new.protected.push(8..13);
        assert_eq!(begin(&old(&[1]), &new), None);
    }

    #[test]
    fn a_special_token_of_the_template_is_never_made_of_the_answers_tokens() {
        let old = Transcript { rendered: rendered("a"), tokens: vec![9], generated: vec![1, 2] };
        let specials = SpecialTexts::new(["abc".into()]);
        let new = rendered("aabc");
        let found = old.begin(&new, &new.segments(&specials), piece).unwrap();
        assert_eq!(found, Some((vec![9], 1)));
    }
}
