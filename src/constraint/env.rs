//! The model's tokens as llguidance wants them: bytes in a trie, special ones marked, and a tokenizer.

use std::sync::Arc;

use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use super::guide::Compiled;
use super::{Compiler, Constraint};
use crate::error::{Code, Error, Result};
use crate::room;
use crate::vocab::Vocabulary;

struct Env {
    trie: TokTrie,
    vocabulary: Arc<Vocabulary>,
    canonical: bool,
}

/// Texts that a tokenizer must give back as they are, in every place of a text, for forced tokens to be what the model
/// itself would have written. JSON is what is mostly forced.
const SAMPLES: &[&str] = &[
    "x",
    " x",
    "  x",
    "\n",
    "\n\n  ",
    "{\"name\": \"",
    "\", \"age\": ",
    "}",
    "]}",
    "0.125e+10",
    "true",
    "é",
    "名前",
    "😀",
    "\t\"key_one\":[1, 2,3]",
    "</tool_call>",
    "a\u{301}",
    "ﬁ",
    "\u{7f}",
];

impl Env {
    /// Reads every token: some tenths of a second for the biggest vocabularies.
    fn new(vocabulary: &Arc<Vocabulary>) -> Result<Env> {
        let n = vocabulary.len();
        let mut words = room::empty(n, "tokens")?;
        for token in 0..n as i32 {
            let mut word = Vec::new();
            if vocabulary.is_special(token) {
                word.push(TokTrie::SPECIAL_TOKEN_MARKER);
                word.extend_from_slice(vocabulary.spelling(token)?.as_bytes());
            } else {
                vocabulary.piece(token, false, &mut word)?;
            }
            words.push(word);
        }
        let enders: Vec<TokenId> = vocabulary.enders().map(|t| t as TokenId).collect();
        let Some(first) = enders.first() else {
            return Err(Error::new(
                Code::Unsupported,
                "the model has no token that ends a text, so an answer cannot be held to a constraint",
            ));
        };
        let info = TokRxInfo::new(n as u32, *first);
        let trie = TokTrie::from(&info, &words).with_eos_tokens(&enders);
        let canonical = SAMPLES.iter().all(|text| comes_back(vocabulary, &words, text));
        Ok(Env { trie, vocabulary: Arc::clone(vocabulary), canonical })
    }
}

/// Whether the bytes of a text's tokens are the text.
fn comes_back(vocabulary: &Vocabulary, words: &[Vec<u8>], text: &str) -> bool {
    let Ok(tokens) = vocabulary.tokenize_on_worker(text, false, false) else { return false };
    let bytes: Vec<u8> = tokens.iter().flat_map(|t| words[*t as usize].iter().copied()).collect();
    bytes == text.as_bytes()
}

impl Compiler {
    /// As [`Compiler::compile_over`], over a model's tokens.
    pub(crate) fn compile(
        &self,
        vocabulary: &Arc<Vocabulary>,
        constraint: Option<&Constraint>,
        json_whitespace: bool,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Compiled> {
        let env = || Env::new(vocabulary).map(|env| Arc::new(env) as TokEnv);
        self.compile_over(env, constraint, json_whitespace, give_up)
    }
}

impl TokenizerEnv for Env {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    /// Runs on threads with big stacks only.
    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let exact = |text: &str| {
            let tokens = self.vocabulary.tokenize_on_worker(text, false, false).ok();
            let tokens: Vec<TokenId> = tokens.unwrap_or_default().into_iter().map(|t| t as TokenId).collect();
            // What does not come back whole would be another text: the longest tokens that fit are right, if not best.
            match self.trie.decode(&tokens) == text.as_bytes() {
                true => tokens,
                false => self.trie.greedy_tokenize(text.as_bytes()),
            }
        };
        self.trie.tokenize_with_greedy_fallback(bytes, exact)
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.canonical
    }
}
