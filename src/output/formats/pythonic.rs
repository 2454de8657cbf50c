//! Calls as Python writes them, in a list.

use super::super::json::Dialect;
use super::super::program::Op;
use super::{Body, Format, Opening};

macro_rules! list {
    ($close:literal) => {
        &[
            Op::Blank,
            Op::Choice(&[("[", 2)]),
            Op::Blank,
            Op::Name(&[("(", 4)]),
            Op::Blank,
            Op::Choice(&[(")", 10), ("", 6)]),
            Op::Key(&[("=", 7)]),
            Op::Value(Dialect::Python),
            Op::Blank,
            Op::Choice(&[(",", 4), (")", 10)]),
            Op::Close,
            Op::End,
            Op::Blank,
            Op::Choice(&[(",", 2), ("]", 14)]),
            Op::Blank,
            Op::Choice(&[($close, 16), ("", 16)]),
            Op::Leave,
        ]
    };
}

pub(super) const LLAMA4: Format = Format {
    name: "pythonic",
    models: "Llama 4, Llama 3.2 as it was trained",
    example: "[f(a=1), g(b=\"x\")]",
    template: &[&["<|python_start|>"], &["func_name1("]],
    body: Body::Blocks {
        openings: &[Opening::new("<|python_start|>", 0), Opening::first("[", 0)],
        program: list!("<|python_end|>"),
        start: None,
    },
};

pub(super) const LFM2: Format = Format {
    name: "lfm2",
    models: "LFM2, LFM2.5",
    example: "<|tool_call_start|>[f(a=1)]<|tool_call_end|>",
    template: &[&["<|tool_call_start|>"], &["<|tool_list_start|>"], &["List of tools: "]],
    body: Body::Blocks {
        openings: &[Opening::new("<|tool_call_start|>", 0)],
        program: list!("<|tool_call_end|>"),
        start: None,
    },
};
