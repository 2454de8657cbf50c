//! gpt-oss: every answer is messages with headers, between special tokens.

use super::super::json::Dialect;
use super::super::program::Op;
use super::{Body, Format};

pub(super) const FORMAT: Format = Format {
    name: "harmony",
    models: "gpt-oss",
    example: "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>",
    template: &[&["<|channel|>", "<|message|>"]],
    // Behind a header that names a tool.
    body: Body::Harmony(&[Op::Blank, Op::Choice(&[("{", 2)]), Op::Arguments(Dialect::Json), Op::End, Op::Leave]),
};
