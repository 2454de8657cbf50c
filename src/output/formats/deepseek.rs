//! DeepSeek's marks, which are special tokens.

use super::super::json::Dialect;
use super::super::program::Op;
use super::xml::invocations;
use super::{Body, Format, Opening};

/// Both ways are read by either format; they differ in how calls are asked for.
const PROGRAM: &[Op] = &[
    Op::Blank,
    Op::Choice(&[("<｜tool▁call▁begin｜>", 2)]),
    Op::Choice(&[("function<｜tool▁sep｜>", 3), ("", 8)]),
    // R1: the name on a line, the arguments in a fence.
    Op::Name(&[("\n", 4)]),
    Op::Blank,
    Op::Choice(&[("```", 6), ("{", 11)]),
    Op::Skip(&[("\n", 7)]),
    Op::Go(9),
    // V3.1: the arguments right behind the name.
    Op::Name(&[("<｜tool▁sep｜>", 9)]),
    Op::Blank,
    Op::Choice(&[("{", 11)]),
    Op::Arguments(Dialect::Json),
    Op::End,
    Op::Blank,
    Op::Choice(&[("```", 15), ("", 15)]),
    Op::Blank,
    Op::Choice(&[("<｜tool▁call▁end｜>", 17), ("", 17)]),
    Op::Blank,
    Op::Choice(&[("<｜tool▁call▁begin｜>", 2), ("<｜tool▁calls▁end｜>", 19), ("", 19)]),
    Op::Leave,
];

const BODY: Body = Body::Blocks {
    openings: &[Opening::new("<｜tool▁calls▁begin｜>", 0), Opening::kept("<｜tool▁call▁begin｜>", 0)],
    program: PROGRAM,
    start: None,
};

pub(super) const R1: Format = Format {
    name: "deepseek-r1",
    models: "DeepSeek V3, R1 and its distillations",
    example: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    template: &[&["<｜tool▁call▁begin｜>", "```json"]],
    body: BODY,
};

pub(super) const V3_1: Format = Format {
    name: "deepseek-v3.1",
    models: "DeepSeek V3.1",
    example: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    template: &[&["<｜tool▁call▁begin｜>"]],
    body: BODY,
};

pub(super) const DSML: Format = Format {
    name: "deepseek-dsml",
    models: "DeepSeek V3.2, V4",
    example: "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    template: &[&["｜DSML｜"]],
    body: Body::Blocks {
        openings: &[Opening::new("<｜DSML｜function_calls>", 0)],
        program: invocations!(
            "<｜DSML｜invoke name=\"",
            "</｜DSML｜invoke>",
            "<｜DSML｜parameter name=\"",
            "</｜DSML｜parameter>",
            "</｜DSML｜function_calls>"
        ),
        start: None,
    },
};
