//! Every tokenizer of llama.cpp over vocabularies that were not made for it, and every pre-tokenizer over long runs.

use qask::{Error, Model, ModelOptions};

use crate::case::{self, Cases, Want};
use crate::files::change_tokens;
use crate::support::{tiny, Gguf, Value};

/// The names of a list in the preflight's source.
pub(crate) fn names(list: &str) -> Vec<&'static str> {
    let source = include_str!("../../src/gguf/names.rs");
    let (_, rest) = source.split_once(&format!("const {list}: &[&str] = &[")).expect("a list of that name");
    let (inside, _) = rest.split_once("];").expect("its end");
    inside.split('"').skip(1).step_by(2).collect()
}

/// A name, and its tokens by number.
type Vocabulary = (&'static str, fn(usize) -> String);

const VOCABULARIES: [Vocabulary; 10] = [
    ("bytes", |i| if i < 256 { format!("<0x{i:02X}>") } else { format!("t{i}") }),
    ("bytes that are none", |i| {
        ["<0x-1>", "<0x", "<0xZZ>", "<0x+1>", "<0x 1>", "<0x>"][i % 6].to_owned() + &"x".repeat(i / 6)
    }),
    ("one byte that is none", |i| if i == 9 { "<0x-1>".into() } else { format!("<0x{i:02X}>") }),
    ("escapes", |i| ["'\\x", "'\\", "b'\\x4", "\"\\u12", "b'\\", "'"][i % 6].to_owned() + &"\\".repeat(i / 6)),
    ("chains", |i| "a".repeat(i + 1)),
    ("chains from behind", |i| "b".to_owned() + &"a".repeat(i)),
    ("nothing", |_| String::new()),
    ("spaces", |i| "\u{2581}".repeat(i + 1)),
    ("odd characters", |i| char::from_u32(0xe000 + i as u32).expect("private use").to_string() + "\0x"),
    ("long", |i| if i % 50 == 0 { "y".repeat(60_000 + i) } else { format!("l{i}") }),
];

const TYPES: [fn(usize) -> i32; 5] = [|_| 1, |_| 3, |_| 6, |i| (i % 7) as i32, |i| if i < 256 { 6 } else { 3 }];

const SCORES: [Option<f32>; 3] = [None, Some(-1.0), Some(f32::NAN)];

/// Texts that overflowed stacks, and such that tokenizers stumble over.
const RUNS: [&str; 8] = ["a", " ", "1", "\n", "你", "'", "é", "\u{200d}"];

pub(crate) struct Tokenizers {
    tokenizers: Vec<&'static str>,
    pre_tokenizers: Vec<&'static str>,
}

enum Kind {
    Vocabulary {
        tokenizer: usize,
        vocabulary: usize,
        types: usize,
        scores: usize,
    },
    /// A character map of a T5 tokenizer, random behind its header.
    CharacterMap(usize),
    PreTokenizer(usize),
}

const MAPS: usize = 40;

impl Tokenizers {
    pub(crate) fn new() -> Self {
        Tokenizers { tokenizers: names("TOKENIZERS"), pre_tokenizers: names("PRE_TOKENIZERS") }
    }

    fn vocabularies(&self) -> usize {
        self.tokenizers.len() * VOCABULARIES.len() * TYPES.len() * SCORES.len()
    }

    fn kind(&self, index: usize) -> Kind {
        let Some(index) = index.checked_sub(self.vocabularies()) else {
            return Kind::Vocabulary {
                tokenizer: index % self.tokenizers.len(),
                vocabulary: index / self.tokenizers.len() % VOCABULARIES.len(),
                types: index / self.tokenizers.len() / VOCABULARIES.len() % TYPES.len(),
                scores: index / self.tokenizers.len() / VOCABULARIES.len() / TYPES.len(),
            };
        };
        match index.checked_sub(MAPS) {
            None => Kind::CharacterMap(index),
            Some(index) => Kind::PreTokenizer(index),
        }
    }
}

fn with_tokenizer(name: &str) -> Gguf {
    let mut gguf = tiny();
    gguf.set("tokenizer.ggml.model", Value::Str(name.to_owned()));
    gguf
}

/// A map that states a length for its first part, and something behind it.
fn character_map(seed: usize) -> Vec<u8> {
    let first = [0u32, 4, 16, 64, 1024, 1020][seed % 6];
    let mut random = seed as u64;
    let rest = (0..1024).map(|_| {
        // An LCG (Knuth's MMIX constants).
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 56) as u8
    });
    first.to_le_bytes().into_iter().chain(rest).collect()
}

impl Cases for Tokenizers {
    fn count(&self) -> usize {
        self.vocabularies() + MAPS + self.pre_tokenizers.len()
    }

    fn label(&self, index: usize) -> String {
        match self.kind(index) {
            Kind::Vocabulary { tokenizer, vocabulary, types, scores } => format!(
                "the tokenizer {} over {}, types {types}, scores {:?}",
                self.tokenizers[tokenizer], VOCABULARIES[vocabulary].0, SCORES[scores]
            ),
            Kind::CharacterMap(seed) => format!("character map {seed}"),
            Kind::PreTokenizer(i) => format!("long runs in the pre-tokenizer {}", self.pre_tokenizers[i]),
        }
    }

    fn run(&mut self, index: usize) -> Result<(), Error> {
        match self.kind(index) {
            Kind::Vocabulary { tokenizer, vocabulary, types, scores } => {
                let mut gguf = with_tokenizer(self.tokenizers[tokenizer]);
                let token = VOCABULARIES[vocabulary].1;
                change_tokens(&mut gguf, |tokens| (0..tokens.len()).for_each(|i| tokens[i] = token(i)));
                let types = (0..259).map(TYPES[types]).collect();
                gguf.set("tokenizer.ggml.token_type", Value::Ints(types));
                if let Some(score) = SCORES[scores] {
                    gguf.set("tokenizer.ggml.scores", Value::Floats(vec![score; 259]));
                }
                case::try_file(&gguf.bytes())
            }
            Kind::CharacterMap(seed) => {
                let mut gguf = with_tokenizer("t5");
                gguf.set("tokenizer.ggml.scores", Value::Floats(vec![-1.0; 259]));
                gguf.set("tokenizer.ggml.precompiled_charsmap", Value::Bytes(character_map(seed)));
                case::try_file(&gguf.bytes())
            }
            Kind::PreTokenizer(i) => {
                let mut gguf = tiny();
                gguf.set("tokenizer.ggml.pre", Value::Str(self.pre_tokenizers[i].to_owned()));
                let model = Model::load(gguf.file(), ModelOptions::default())?;
                RUNS.iter().try_for_each(|run| model.tokenize(&run.repeat(50_000), false, false).map(drop))
            }
        }
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}
