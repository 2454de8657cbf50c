//! Mistral's `[TOOL_CALLS]`, a special token.

use super::super::json::Dialect;
use super::super::program::Op;
use super::{Body, Format, Opening};

/// Both ways are read by either format; they differ in how calls are asked for.
const PROGRAM: &[Op] = &[
    Op::Blank,
    Op::Choice(&[("[", 2), ("{", 8), ("", 10)]),
    // A list of objects.
    Op::Blank,
    Op::Choice(&[("{", 4)]),
    Op::Object,
    Op::End,
    Op::Blank,
    Op::Choice(&[(",", 2), ("]", 17), ("", 17)]),
    // One object.
    Op::Object,
    Op::Go(14),
    // A name and its arguments.
    Op::Name(&[("[ARGS]", 12), ("[CALL_ID]", 11), ("{", 13)]),
    Op::Skip(&[("[ARGS]", 12)]),
    Op::Choice(&[("{", 13), (" ", 12), ("\n", 12)]),
    Op::Arguments(Dialect::Json),
    Op::End,
    Op::Blank,
    Op::Choice(&[("[TOOL_CALLS]", 0), ("", 17)]),
    Op::Leave,
];

const BODY: Body = Body::Blocks { openings: &[Opening::new("[TOOL_CALLS]", 0)], program: PROGRAM, start: None };

pub(super) const LIST: Format = Format {
    name: "mistral",
    models: "Mistral 7B v0.3, Nemo, Small 3, Large",
    example: r#"[TOOL_CALLS][{"name": "f", "arguments": {"a": 1}, "id": "000000000"}]"#,
    template: &[&["[TOOL_CALLS]"]],
    body: BODY,
};

pub(super) const ARGS: Format = Format {
    name: "mistral-args",
    models: "Mistral Small 3.2, Devstral, Magistral, Ministral 3",
    example: r#"[TOOL_CALLS]f[ARGS]{"a": 1}"#,
    template: &[&["[TOOL_CALLS]", "[ARGS]"]],
    body: BODY,
};
