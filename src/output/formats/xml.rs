//! Calls with a tag a parameter.

use super::super::program::Op;
use super::{Body, Format, Opening};

/// From the opening mark; place 2 is behind `<function=`.
macro_rules! functions {
    ($close:literal) => {
        &[
            Op::Blank,
            Op::Choice(&[("<function=", 2)]),
            Op::Name(&[(">", 3)]),
            Op::Blank,
            Op::Choice(&[("<parameter=", 5), ("</function>", 8)]),
            Op::Key(&[(">", 6)]),
            Op::Param("</parameter>", true),
            Op::Go(3),
            Op::Close,
            Op::End,
            Op::Blank,
            Op::Choice(&[($close, 12), ("<function=", 2), ("", 12)]),
            Op::Leave,
        ]
    };
}

/// As [`functions`], with names in quotes.
macro_rules! invocations {
    ($invoke:literal, $end_invoke:literal, $parameter:literal, $end_parameter:literal, $close:literal) => {
        &[
            Op::Blank,
            Op::Choice(&[($invoke, 2)]),
            Op::Name(&[("\"", 3)]),
            Op::Skip(&[(">", 4)]),
            Op::Blank,
            Op::Choice(&[($parameter, 6), ($end_invoke, 10)]),
            Op::Key(&[("\"", 7)]),
            Op::Skip(&[(">", 8)]),
            Op::Param($end_parameter, true),
            Op::Go(4),
            Op::Close,
            Op::End,
            Op::Blank,
            Op::Choice(&[($close, 14), ($invoke, 2), ("", 14)]),
            Op::Leave,
        ]
    };
}
pub(super) use invocations;

/// The opening tag may be missing: the models forget it.
pub(super) const QWEN3_CODER: Format = Format {
    name: "qwen3-coder",
    models: "Qwen3-Coder, Qwen3.5, Nemotron 3, Step 3.5",
    example: "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>",
    template: &[&["<function=", "<parameter="]],
    body: Body::Blocks {
        openings: &[Opening::new("<tool_call>", 0), Opening::new("<function=", 2)],
        program: functions!("</tool_call>"),
        start: None,
    },
};

pub(super) const SEED: Format = Format {
    name: "seed-oss",
    models: "Seed-OSS",
    example: "<seed:tool_call>\n<function=f>\n<parameter=a>1</parameter>\n</function>\n</seed:tool_call>",
    template: &[&["<seed:tool_call>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<seed:tool_call>", 0), Opening::new("<function=", 2)],
        program: functions!("</seed:tool_call>"),
        start: None,
    },
};

pub(super) const MINIMAX: Format = Format {
    name: "minimax",
    models: "MiniMax M2",
    example: "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"a\">1</parameter>\n</invoke>\n</minimax:tool_call>",
    template: &[&["<minimax:tool_call>"]],
    body: Body::Blocks {
        openings: &[Opening::new("<minimax:tool_call>", 0)],
        program: invocations!(
            "<invoke name=\"",
            "</invoke>",
            "<parameter name=\"",
            "</parameter>",
            "</minimax:tool_call>"
        ),
        start: None,
    },
};

pub(super) const MINICPM5: Format = Format {
    name: "minicpm5",
    models: "MiniCPM5",
    example: "<function name=\"f\"><param name=\"a\">1</param></function>",
    template: &[&["<function name=\"", "<param name=\""]],
    body: Body::Blocks {
        openings: &[Opening::kept("<function name=\"", 0)],
        program: invocations!(
            "<function name=\"",
            "</function>",
            "<param name=\"",
            "</param>",
            "</function_calls>"
        ),
        start: None,
    },
};
