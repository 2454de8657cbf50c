//! What a reranker is asked: a query and a document in one input, as it was trained.

use std::ops::Range;

use crate::cancel::Cancel;
use crate::embedder::{too_long, Truncation};
use crate::engine::bigstack;
use crate::engine::score::Group;
use crate::error::{Code, Error, Result};
use crate::gguf::{self, Value};
use crate::model::{Model, Token};
use crate::template::Rendered;

/// Where a model keeps its own form, as llama.cpp's converter writes it.
const KEY: &str = "tokenizer.chat_template.rerank";

/// What Qwen3-Reranker was trained with.
const QWEN3: &str =
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the \
Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n\
<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}<|im_end|>\n<|im_start|>assistant\n\
<think>\n\n</think>\n\n";

/// What it is told to judge where the caller says nothing else.
const INSTRUCTION: &str = "Given a web search query, retrieve relevant passages that answer the query";

const NAMES: [&str; 3] = ["{instruction}", "{query}", "{document}"];

/// How inputs are made.
pub(crate) enum Form {
    /// The tokens that the vocabulary has for this around and between the two: cross-encoders.
    Pair,
    /// A text with places for the two.
    Text(Text),
}

/// A text with places.
pub(crate) struct Text {
    /// What stands before each place, and its number among `NAMES`; then the rest.
    parts: Vec<(String, usize)>,
    rest: String,
    instruction: String,
}

/// How long inputs may be, and what happens to longer ones.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub max_tokens: usize,
    pub truncation: Truncation,
}

/// A model that answers yes or no, in one token each.
#[derive(Clone, Copy)]
pub(crate) struct Judge {
    yes: Token,
    no: Token,
}

impl Judge {
    pub(crate) fn of(model: &Model) -> Result<Judge> {
        let one = |word: &str| {
            match model.tokenize(word, false, false)?.as_slice() {
            [token] => Ok(*token),
            tokens => Err(Error::new(
                Code::Unsupported,
                format!(
                    "a model that has no classifier head (cls.*) reranks by answering yes or no, each in one token; \
                     this one writes \"{word}\" in {}",
                    tokens.len()
                ),
            )),
        }
        };
        Ok(Judge { yes: one("yes")?, no: one("no")? })
    }

    /// What to score for an input.
    pub(crate) fn group(self, input: Vec<Token>) -> Group {
        Group { scored_from: input.len(), stem: input, branches: vec![vec![self.yes], vec![self.no]] }
    }

    /// The probability of yes among yes and no, from the two log-probabilities.
    pub(crate) fn score(answers: &[f32]) -> f32 {
        1.0 / (1.0 + (answers[1] - answers[0]).exp())
    }
}

/// Whether a model's own name says that it reranks.
pub(crate) fn is_named(info: &gguf::Info) -> bool {
    let says = |text: &str| text.to_ascii_lowercase().contains("reranker");
    let key = |key: &str| info.metadata(key).and_then(Value::as_str).is_some_and(says);
    key("general.name") || key("general.basename") || info.metadata(KEY).is_some()
}

impl Form {
    /// The form of a model: its own, or the one that models of its kind were trained with.
    pub(crate) fn of(model: &Model, instruction: Option<&str>) -> Result<Form> {
        let own = model.info().metadata(KEY).and_then(Value::as_str);
        if own.is_none() && model.info().has_classifier() {
            return match instruction {
                None => Ok(Form::Pair),
                Some(_) => Err(no_place("instruction")),
            };
        }
        Text::new(own.unwrap_or(QWEN3), instruction).map(Form::Text)
    }

    /// The inputs for a query and documents.
    pub(crate) fn inputs(
        &self,
        model: &Model,
        query: &str,
        documents: &[&str],
        room: Room,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Vec<Token>>> {
        bigstack::run(|| {
            let pair = match self {
                Form::Pair => Some(Pair::new(model, query, room)?),
                Form::Text(_) => None,
            };
            let one = |(index, document): (usize, &&str)| {
                cancel.map_or(Ok(()), |c| c.check("reranking"))?;
                match (self, &pair) {
                    (Form::Text(text), _) => text.input(model, query, document, index, room),
                    (Form::Pair, Some(pair)) => pair.input(model, document, index),
                    (Form::Pair, None) => Ok(Vec::new()),
                }
            };
            documents.iter().enumerate().map(one).collect()
        })
    }
}

fn no_place(what: &str) -> Error {
    Error::new(Code::Unsupported, format!("the model's form for reranking has no place for the {what}"))
}

impl Text {
    fn new(source: &str, instruction: Option<&str>) -> Result<Text> {
        // A form that spells the usual instruction out has a place for another.
        let source = match instruction {
            Some(_) if !source.contains(NAMES[0]) => source.replace(INSTRUCTION, NAMES[0]),
            _ => source.to_owned(),
        };
        let (mut parts, mut rest) = (Vec::new(), source.as_str());
        let next = |rest: &str| NAMES.iter().enumerate().filter_map(|(i, n)| Some((rest.find(n)?, i))).min();
        while let Some((at, name)) = next(rest) {
            parts.push((rest[..at].to_owned(), name));
            rest = &rest[at + NAMES[name].len()..];
        }
        let has = |name: usize| parts.iter().any(|p| p.1 == name);
        for (name, what) in [(1, "query"), (2, "document")] {
            if !has(name) {
                return Err(no_place(what));
            }
        }
        if instruction.is_some() && !has(0) {
            return Err(no_place("instruction"));
        }
        let rest = rest.to_owned();
        Ok(Text { parts, rest, instruction: instruction.unwrap_or(INSTRUCTION).to_owned() })
    }

    /// The text with what belongs into its places, in which there are no special tokens.
    fn render(&self, query: &str, document: &str) -> Rendered {
        let contents = [self.instruction.as_str(), query, document];
        let (mut text, mut protected) = (String::new(), Vec::new());
        for (before, name) in &self.parts {
            text.push_str(before);
            let start = text.len();
            text.push_str(contents[*name]);
            protected.push(start..text.len());
        }
        text.push_str(&self.rest);
        Rendered { text, protected }
    }

    fn input(&self, model: &Model, query: &str, document: &str, index: usize, room: Room) -> Result<Vec<Token>> {
        let vocabulary = &model.0.vocabulary;
        let whole = vocabulary.tokenize_rendered(&self.render(query, document), None)?;
        let mut extra = whole.len().saturating_sub(room.max_tokens);
        if extra == 0 {
            return Ok(whole);
        }
        if room.truncation == Truncation::Refuse {
            return Err(too_long(index, whole.len(), room.max_tokens));
        }
        // Where each token of the document ends in it.
        let mut ends = Vec::new();
        let mut bytes = Vec::new();
        for token in vocabulary.tokenize_on_worker(document, false, false)? {
            vocabulary.piece(token, false, &mut bytes)?;
            ends.push(bytes.len().min(document.len()));
        }
        // A text that was cut may have a token more than was thought, so that it is cut once more.
        while extra <= ends.len() {
            let range = kept(document, &ends, extra, room.truncation);
            let tokens = vocabulary.tokenize_rendered(&self.render(query, &document[range]), None)?;
            match tokens.len().saturating_sub(room.max_tokens) {
                0 => return Ok(tokens),
                more => extra += more,
            }
        }
        Err(query_too_long(room))
    }
}

/// What is left of a document without its first or last tokens, in whole characters.
fn kept(document: &str, ends: &[usize], extra: usize, truncation: Truncation) -> Range<usize> {
    let whole = |at: &usize| document.is_char_boundary(*at);
    match truncation {
        Truncation::Start => {
            let at = ends[extra - 1];
            (at..=document.len()).find(whole).unwrap_or(document.len())..document.len()
        }
        _ => {
            let at = (ends.len() - extra).checked_sub(1).map_or(0, |i| ends[i]);
            0..(0..=at).rev().find(whole).unwrap_or(0)
        }
    }
}

fn query_too_long(room: Room) -> Error {
    Error::new(
        Code::TooLong,
        format!(
            "the query alone has more tokens than max_tokens ({}) leaves room for: shorten it",
            room.max_tokens
        ),
    )
}

/// A query with the model's tokens around it, before a document.
struct Pair {
    head: Vec<Token>,
    end: Option<Token>,
    room: Room,
}

impl Pair {
    fn new(model: &Model, query: &str, room: Room) -> Result<Pair> {
        let facts = &model.0.native.facts;
        let some = |wanted: bool, token: Token| (wanted && token >= 0).then_some(token);
        let (bos, eos, sep) =
            (some(facts.add_bos, facts.bos), some(facts.add_eos, facts.eos), some(facts.add_sep, facts.sep));
        let query = model.0.vocabulary.tokenize_on_worker(query, false, false)?;
        let head: Vec<Token> = bos.into_iter().chain(query).chain(eos).chain(sep).collect();
        let end = eos.or(sep);
        if head.len() + usize::from(end.is_some()) >= room.max_tokens {
            return Err(query_too_long(room));
        }
        Ok(Pair { head, end, room })
    }

    fn input(&self, model: &Model, document: &str, index: usize) -> Result<Vec<Token>> {
        let mut document = model.0.vocabulary.tokenize_on_worker(document, false, false)?;
        let around = self.head.len() + usize::from(self.end.is_some());
        let extra = (around + document.len()).saturating_sub(self.room.max_tokens);
        match self.room.truncation {
            _ if extra == 0 => {}
            Truncation::Refuse => return Err(too_long(index, around + document.len(), self.room.max_tokens)),
            Truncation::Start => drop(document.drain(..extra)),
            Truncation::End => document.truncate(document.len() - extra),
        }
        Ok(self.head.iter().copied().chain(document).chain(self.end).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_content_is_protected() {
        let text = Text::new("<|s|>Q {query} D {document}!", None).unwrap();
        let rendered = text.render("{document}", "<|s|>");
        assert_eq!(rendered.text, "<|s|>Q {document} D <|s|>!");
        assert_eq!(rendered.protected, [7..17, 20..25]);
        for (source, missing) in [("{query}", "document"), ("{document}", "query")] {
            assert!(Text::new(source, None).err().unwrap().message().contains(missing));
        }
        assert!(Text::new("{query}{document}", Some("x")).err().unwrap().message().contains("instruction"));
        let spelt = Text::new(&format!("{INSTRUCTION}: {{query}} {{document}}"), Some("Judge")).unwrap();
        assert_eq!(spelt.render("a", "b").text, "Judge: a b");
        assert!(Text::new(QWEN3, None).unwrap().render("a", "b").text.contains(INSTRUCTION));
    }

    #[test]
    fn documents_are_cut_in_whole_characters() {
        // Two tokens of a character's bytes, then one a letter.
        let (text, ends) = ("éab", [1, 2, 3, 4]);
        assert_eq!(&text[kept(text, &ends, 2, Truncation::End)], "é");
        assert_eq!(&text[kept(text, &ends, 3, Truncation::End)], "");
        assert_eq!(&text[kept(text, &ends, 4, Truncation::End)], "");
        assert_eq!(&text[kept(text, &ends, 1, Truncation::Start)], "ab");
        assert_eq!(&text[kept(text, &ends, 3, Truncation::Start)], "b");
        assert_eq!(&text[kept(text, &ends, 4, Truncation::Start)], "");
    }

    #[test]
    fn yes_and_no_share_what_there_is() {
        assert_eq!(Judge::score(&[-1.0, -1.0]), 0.5);
        assert!((Judge::score(&[-0.5, -2.5]) - 0.880_797).abs() < 1e-6);
        assert!(Judge::score(&[-300.0, 0.0]) < 1e-30 && Judge::score(&[0.0, -300.0]) == 1.0);
    }
}
