//! What is taken beside the buffers that llama.cpp counts, by constants fitted to measured peaks (`make memory`): its
//! scratch memory, vocabularies in both libraries, bookkeeping of cells and graphs, and code.

use crate::gguf::{Info, Value};

/// Pages of the library's code that a run touches, and a first heap.
const BASE: u64 = 14 << 20;
/// Of each cell of the KV cache: its position, its sequences, its place in ordered sets.
pub(super) const CELL: u64 = 160;

/// The CPU's scratch memory: the rows of a step in the number format of the weights, 9 bits a number at most, for the
/// widest matrix.
pub(super) fn work(info: &Info, rows: u32) -> u64 {
    info.widest_row * u64::from(rows) * 9 / 8
}

pub(super) fn bytes(info: &Info, cells: u32) -> u64 {
    let merges = match info.metadata("tokenizer.ggml.merges") {
        Some(Value::Array { len, .. }) => *len,
        _ => 0,
    };
    // A token is kept by text and by number, and has its piece; T5's kind also builds a trie of maps.
    let (token, merge) = match info.tokenizer_model.as_deref() {
        Some("t5") => (500, 0),
        _ => (180, 130),
    };
    BASE + u64::from(info.vocabulary_size) * token + merges * merge + u64::from(cells) * CELL
}
