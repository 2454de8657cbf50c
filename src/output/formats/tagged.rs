//! Calls between `<tool_call>` and `</tool_call>`.

use super::super::program::Op;
use super::json::calls;
use super::{Body, Format, Opening};

/// Small models of the family (Qwen2.5-Coder) forget the tag, or write a fence or another tag in its place: all are
/// read.
pub(super) const HERMES: Format = Format {
    name: "hermes",
    models: "Qwen2.5, Qwen2.5-Coder, Qwen3, QwQ, Hermes 2 and 3, Granite 4, MiMo",
    example: "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>",
    template: &[&["<tool_call>\\n"], &["<tool_call>\n"], &["<tool_call>["], &["<tool_call>{"]],
    body: Body::Blocks {
        openings: &[
            Opening::new("<tool_call>", 0),
            Opening::new("<function_call>", 0),
            Opening::new("<tools>", 0),
            Opening::new("```json", 0),
            Opening::first("{", 0),
            Opening::first("[", 0),
        ],
        program: calls!("</tool_call>", "</function_call>", "</tools>", "```"),
        start: None,
    },
};

pub(super) const GLM: Format = Format {
    name: "glm",
    models: "GLM 4.5, 4.6, 4.7, Ling 3, Laguna",
    example: "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>",
    template: &[&["<arg_key>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<tool_call>", 0)],
        program: &[
            Op::Blank,
            Op::Name(&[("\n", 2), ("<arg_key>", 4), ("</tool_call>", 9)]),
            Op::Blank,
            Op::Choice(&[("<arg_key>", 4), ("</tool_call>", 9)]),
            Op::Key(&[("</arg_key>", 5)]),
            Op::Blank,
            Op::Choice(&[("<arg_value>", 7)]),
            Op::Param("</arg_value>", false),
            Op::Go(2),
            Op::Close,
            Op::End,
            Op::Leave,
        ],
        start: None,
    },
};
