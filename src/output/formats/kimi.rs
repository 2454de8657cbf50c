//! Kimi K2's marks, which are special tokens. The number behind the name is the model's own count of its calls.

use super::super::json::Dialect;
use super::super::program::Op;
use super::{Body, Format, Opening};

pub(super) const KIMI_K2: Format = Format {
    name: "kimi-k2",
    models: "Kimi K2",
    example: "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|><|tool_calls_section_end|>",
    template: &[&["<|tool_calls_section_begin|>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<|tool_calls_section_begin|>", 0), Opening::kept("<|tool_call_begin|>", 0)],
        program: &[
            Op::Blank,
            Op::Choice(&[("<|tool_call_begin|>", 2)]),
            Op::Blank,
            Op::Choice(&[("functions.", 4), ("", 4)]),
            Op::Name(&[(":", 5)]),
            Op::Skip(&[("<|tool_call_argument_begin|>", 6)]),
            Op::Blank,
            Op::Choice(&[("{", 8)]),
            Op::Arguments(Dialect::Json),
            Op::End,
            Op::Blank,
            Op::Choice(&[("<|tool_call_end|>", 12), ("", 12)]),
            Op::Blank,
            Op::Choice(&[("<|tool_call_begin|>", 2), ("<|tool_calls_section_end|>", 14), ("", 14)]),
            Op::Leave,
        ],
        start: None,
    },
};
