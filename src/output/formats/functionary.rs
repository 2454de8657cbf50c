//! Functionary.

use super::super::json::Dialect;
use super::super::program::Op;
use super::{Body, Format, Opening};

/// The prompt ends with `>>>`: every answer begins with `all` or a tool's name on a line.
pub(super) const V3_2: Format = Format {
    name: "functionary-v3.2",
    models: "Functionary v3.2",
    example: ">>>f\n{\"a\": 1}",
    template: &[&[">>>${recipient}"], &[">>>all"]],
    body: Body::Blocks {
        openings: &[Opening::new(">>>", 0)],
        program: &[
            Op::Choice(&[("all\n", 1), ("", 2)]),
            Op::Drop,
            Op::Name(&[("\n", 3), ("{", 5)]),
            Op::Blank,
            Op::Choice(&[("{", 5)]),
            Op::Arguments(Dialect::Json),
            Op::End,
            Op::Leave,
        ],
        start: Some(0),
    },
};

pub(super) const V3_1: Format = Format {
    name: "functionary-v3.1",
    models: "Functionary v3.1, Llama 3 with its own tags",
    example: "<function=f>{\"a\": 1}</function>",
    template: &[&["<function="]],
    body: Body::Blocks {
        openings: &[Opening::new("<function=", 0)],
        program: &[
            Op::Name(&[(">", 1)]),
            Op::Blank,
            Op::Choice(&[("{", 3)]),
            Op::Arguments(Dialect::Json),
            Op::End,
            Op::Blank,
            Op::Choice(&[("</function>", 7), ("", 7)]),
            Op::Leave,
        ],
        start: None,
    },
};
