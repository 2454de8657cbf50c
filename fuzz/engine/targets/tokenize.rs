//! Any text, through every tokenizer and pre-tokenizer: nothing but tokens of the vocabulary, and where a vocabulary has
//! all bytes, the text again.
#![no_main]
#![allow(dead_code)]

#[path = "../../../tests/support/mod.rs"]
mod support;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use qask::{Model, ModelOptions};
use support::{tiny, Gguf, Value};

fn names(list: &str) -> Vec<&'static str> {
    let source = include_str!("../../../src/gguf/names.rs");
    let (_, rest) = source.split_once(&format!("const {list}: &[&str] = &[")).expect("a list of that name");
    let (inside, _) = rest.split_once("];").expect("its end");
    inside.split('"').skip(1).step_by(2).collect()
}

/// SentencePiece's names of bytes, behind three special tokens.
fn with_tokenizer(name: &str) -> Gguf {
    let mut gguf = tiny();
    let special = ["<unk>", "<s>", "</s>"].map(String::from);
    let tokens: Vec<String> = special.into_iter().chain((0..256).map(|b| format!("<0x{b:02X}>"))).collect();
    gguf.set("tokenizer.ggml.model", Value::Str(name.to_owned()));
    gguf.set("tokenizer.ggml.tokens", Value::Strings(tokens));
    gguf.set("tokenizer.ggml.token_type", Value::Ints((0..259).map(|i| if i < 3 { 3 } else { 6 }).collect()));
    gguf.set("tokenizer.ggml.scores", Value::Floats(vec![-1.0; 259]));
    gguf.set("tokenizer.ggml.bos_token_id", Value::U32(1));
    gguf.set("tokenizer.ggml.eos_token_id", Value::U32(2));
    gguf
}

/// Pre-tokenizers of vocabularies with SentencePiece's names of bytes and spaces, which the tests' vocabulary has not: what
/// has no token is left out there.
const BY_PIECES: [&str; 5] = ["gemma4", "granite-embed-multi-311m", "mmbert", "sarvam-moe", "whitespace"];

/// What of a text its tokens give again.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    Bytes,
    /// All but the space that it puts before a text, and bytes of SentencePiece's sign for spaces in place of spaces.
    BytesAndSigns,
    Parts,
}

/// Each model that loads.
static MODELS: LazyLock<Vec<(Model, Gives)>> = LazyLock::new(|| {
    let by_bytes = names("PRE_TOKENIZERS").into_iter().map(|pre| {
        let mut gguf = tiny();
        gguf.set("tokenizer.ggml.pre", Value::Str(pre.to_owned()));
        (gguf, if BY_PIECES.contains(&pre) { Gives::Parts } else { Gives::Bytes })
    });
    let others = names("TOKENIZERS")
        .into_iter()
        .map(|name| (with_tokenizer(name), if name == "llama" { Gives::BytesAndSigns } else { Gives::Parts }));
    by_bytes
        .chain(others)
        .filter_map(|(gguf, gives)| Some((Model::load(gguf.file(), ModelOptions::default()).ok()?, gives)))
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (model, gives) = &MODELS[usize::from(*which) % MODELS.len()];
    let Ok(tokens) = model.tokenize(text, false, false) else { return };
    assert!(tokens.iter().all(|t| (0..model.vocabulary_size() as i32).contains(t)));
    model.detokenize(&tokens, false).expect("tokens of the vocabulary");
    // As streams put them together: `detokenize` takes spaces before points away for some models.
    let pieces = tokens.iter().flat_map(|t| model.token_bytes(*t, false).expect("a token of the vocabulary"));
    let again = String::from_utf8(pieces.collect()).unwrap_or_default();
    let plain = |t: &str| t.replace('\u{2581}', " ").trim_start_matches(' ').to_owned();
    match gives {
        Gives::Bytes => assert_eq!(again, text),
        Gives::BytesAndSigns => assert_eq!(plain(&again), plain(text)),
        Gives::Parts => {}
    }
    let _ = model.tokenize(text, true, true);
});
