//! Gemma, which was taught three ways.

use super::super::json::Dialect;
use super::super::program::Op;
use super::{Body, Format, Opening};

macro_rules! call_colon {
    ($quote:literal, $open:literal, $close:literal) => {
        &[
            Op::Blank,
            Op::Choice(&[("call:", 2)]),
            Op::Name(&[("{", 3)]),
            Op::Arguments(Dialect::Marked($quote)),
            Op::End,
            Op::Blank,
            Op::Choice(&[($close, 7), ("", 9)]),
            Op::Blank,
            Op::Choice(&[($open, 0), ("", 9)]),
            Op::Leave,
        ]
    };
}

pub(super) const GEMMA4: Format = Format {
    name: "gemma4",
    models: "Gemma 4",
    example: "<|tool_call>call:f{a:1,b:<|\"|>x<|\"|>}<tool_call|>",
    template: &[&["<|tool_call>call:"]],
    body: Body::Blocks {
        openings: &[Opening::new("<|tool_call>", 0)],
        program: call_colon!("<|\"|>", "<|tool_call>", "<tool_call|>"),
        start: None,
    },
};

pub(super) const FUNCTION_GEMMA: Format = Format {
    name: "function-gemma",
    models: "FunctionGemma 270M",
    example: "<start_function_call>call:f{a:1,b:<escape>x<escape>}<end_function_call>",
    template: &[&["<start_function_call>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<start_function_call>", 0)],
        program: call_colon!("<escape>", "<start_function_call>", "<end_function_call>"),
        start: None,
    },
};

/// Gemma 2 and 3 have no tools in their templates; prompts for them ask for Python in a `tool_code` fence, or for
/// JSON.
pub(super) const GEMMA: Format = Format {
    name: "gemma",
    models: "Gemma 2, 3, 3n",
    example: "```tool_code\nf(a=1)\n```",
    template: &[&["<start_of_turn>"]],
    body: Body::Blocks {
        openings: &[
            Opening::new("```tool_code", 0),
            Opening::new("```json", 15),
            Opening::first("{", 15),
            Opening::first("[", 15),
        ],
        program: &[
            Op::Blank,
            Op::Choice(&[("print(", 2), ("[", 2), ("", 2)]),
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
            Op::Choice(&[("```", 14), (")", 12), ("]", 12), (",", 2), (";", 2), ("", 1)]),
            Op::Leave,
            // JSON.
            Op::Blank,
            Op::Choice(&[("{", 17), ("[", 15)]),
            Op::Object,
            Op::End,
            Op::Blank,
            Op::Choice(&[(",", 15), ("{", 17), ("]", 19), ("```", 14), ("", 14)]),
        ],
        start: None,
    },
};
