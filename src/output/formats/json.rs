//! Calls as JSON objects, alone or in a list, behind a mark.

use super::super::program::Op;
use super::{Body, Format, Opening};

const OBJECT: usize = 2;
const LIST: usize = 6;

/// One object, several with commas, semicolons or nothing between, or a list of them; then any of the closing marks.
macro_rules! calls {
    ($($close:literal),*) => {
        &[
            Op::Blank,
            Op::Choice(&[("{", 2), ("[", 6)]),
            Op::Object,
            Op::End,
            Op::Blank,
            Op::Choice(&[("{", 2), (",", 0), (";", 0), $(($close, 10),)* ("", 10)]),
            // In a list.
            Op::Blank,
            Op::Choice(&[("{", 11)]),
            Op::Blank,
            Op::Choice(&[$(($close, 10),)* ("", 10)]),
            Op::Leave,
            Op::Object,
            Op::End,
            Op::Blank,
            Op::Choice(&[(",", 6), ("]", 8), $(($close, 10),)* ("", 10)]),
        ]
    };
}
pub(super) use calls;

pub(super) const LLAMA3: Format = Format {
    name: "llama3-json",
    models: "Llama 3.1, 3.2, 3.3",
    example: r#"{"name": "f", "parameters": {"a": 1}}"#,
    template: &[&["<|python_tag|>"], &["<|start_header_id|>", "\"parameters\""]],
    body: Body::Blocks {
        openings: &[Opening::new("<|python_tag|>", 15), Opening::first("{", 0), Opening::first("[", 0)],
        program: &[
            Op::Blank,
            Op::Choice(&[("{", OBJECT), ("[", LIST)]),
            Op::Object,
            Op::End,
            Op::Blank,
            Op::Choice(&[("{", OBJECT), (",", 0), (";", 0), ("<|python_tag|>", 15), ("", 10)]),
            Op::Blank,
            Op::Choice(&[("{", 11)]),
            Op::Blank,
            Op::Choice(&[("", 10)]),
            Op::Leave,
            Op::Object,
            Op::End,
            Op::Blank,
            Op::Choice(&[(",", LIST), ("]", 8), ("", 10)]),
            // Behind the tag a built-in tool may be called: `brave_search.call(query="…")`.
            Op::Blank,
            Op::Choice(&[("{", OBJECT), ("[", LIST), ("", 17)]),
            Op::Name(&[(".call(", 18)]),
            Op::Blank,
            Op::Choice(&[(")", 24), ("", 20)]),
            Op::Key(&[("=", 21)]),
            Op::Value(super::super::json::Dialect::Python),
            Op::Blank,
            Op::Choice(&[(",", 18), (")", 24)]),
            Op::Close,
            Op::End,
            Op::Leave,
        ],
        start: None,
    },
};

pub(super) const GRANITE: Format = Format {
    name: "granite",
    models: "Granite 3.x",
    example: r#"<|tool_call|>[{"name": "f", "arguments": {"a": 1}}]"#,
    template: &[&["<|tool_call|>", "<|start_of_role|>"]],
    body: Body::Blocks {
        openings: &[
            Opening::new("<|tool_call|>", 0),
            Opening::new("<tool_call>", 0),
            Opening::first("[", 0),
            Opening::first("{", 0),
        ],
        program: calls!("</tool_call>"),
        start: None,
    },
};

pub(super) const COMMAND_R: Format = Format {
    name: "command-r",
    models: "Command R7B, Command A",
    example: r#"<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "f", "parameters": {"a": 1}}]<|END_ACTION|>"#,
    template: &[&["<|START_ACTION|>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<|START_ACTION|>", 0)],
        program: calls!("<|END_ACTION|>"),
        start: None,
    },
};

pub(super) const NEMOTRON: Format = Format {
    name: "nemotron",
    models: "Nemotron Nano v2",
    example: r#"<TOOLCALL>[{"name": "f", "arguments": {"a": 1}}]</TOOLCALL>"#,
    template: &[&["<TOOLCALL>"]],
    body: Body::Blocks { openings: &[Opening::new("<TOOLCALL>", 0)], program: calls!("</TOOLCALL>"), start: None },
};

pub(super) const TOOL_CALLS: Format = Format {
    name: "tool-calls",
    models: "Apriel 1.5 and 1.6, MiniMax M1",
    example: r#"<tool_calls>[{"name": "f", "arguments": {"a": 1}}]</tool_calls>"#,
    template: &[&["<tool_calls>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<tool_calls>", 0)],
        program: calls!("</tool_calls>"),
        start: None,
    },
};

pub(super) const PHI4: Format = Format {
    name: "phi4",
    models: "Phi-4-mini",
    example: r#"<|tool_call|>[{"name": "f", "arguments": {"a": 1}}]<|/tool_call|>"#,
    template: &[&["<|tool_call|>"], &["<|tool|>", "<|/tool|>"]],
    body: Body::Blocks {
        openings: &[
            Opening::new("<|tool_call|>", 0),
            Opening::new("functools", 0),
            Opening::first("[", 0),
            Opening::first("{", 0),
        ],
        program: calls!("<|/tool_call|>"),
        start: None,
    },
};

pub(super) const FUNCTOOLS: Format = Format {
    name: "functools",
    models: "Firefunction v2, Phi-4",
    example: r#"functools[{"name": "f", "arguments": {"a": 1}}]"#,
    template: &[&["functools["]],
    body: Body::Blocks { openings: &[Opening::new("functools", 0)], program: calls!(), start: None },
};

pub(super) const GENERIC: Format = Format {
    name: "generic",
    models: "any other",
    example: r#"{"name": "f", "arguments": {"a": 1}}"#,
    template: &[],
    body: Body::Blocks {
        openings: &[
            Opening::new("<tool_call>", 0),
            Opening::new("```json", 0),
            Opening::first("{", 0),
            Opening::first("[", 0),
        ],
        program: calls!("</tool_call>", "```"),
        start: None,
    },
};
