//! How the families of models write tool calls: one file a family, one program a format.

mod deepseek;
mod functionary;
mod gemma;
mod harmony;
mod json;
mod kimi;
mod mistral;
mod pythonic;
mod tagged;
mod xml;

use super::program::{At, Op};

/// A way of writing tool calls.
#[derive(Debug)]
pub struct Format {
    /// Its name, as `tool_format` takes it.
    pub name: &'static str,
    /// Models that write so.
    pub models: &'static str,
    /// How a call looks.
    pub example: &'static str,
    /// Marks of a template for such models: all texts of one of these lists.
    pub(super) template: &'static [&'static [&'static str]],
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// Text, with calls between these.
    Blocks {
        openings: &'static [Opening],
        program: &'static [Op],
        /// Where the program begins when the answer begins, for formats whose first word says what comes.
        start: Option<At>,
    },
    /// Messages with headers.
    Harmony(&'static [Op]),
}

impl Format {
    /// Whether answers without calls are written in it too.
    pub(crate) fn frames_every_answer(&self) -> bool {
        matches!(self.body, Body::Harmony(_) | Body::Blocks { start: Some(_), .. })
    }
}

/// What may open calls.
#[derive(Debug)]
pub(super) struct Opening {
    pub text: &'static str,
    /// Only where nothing but white space has come before in the answer, or behind a call.
    pub first: bool,
    /// The text is part of what the program reads.
    pub keep: bool,
    pub at: At,
}

impl Opening {
    const fn new(text: &'static str, at: At) -> Opening {
        Opening { text, first: false, keep: false, at }
    }

    const fn kept(text: &'static str, at: At) -> Opening {
        Opening { text, first: false, keep: true, at }
    }

    const fn first(text: &'static str, at: At) -> Opening {
        Opening { text, first: true, keep: true, at }
    }
}

/// Every format, in the order in which a template is tried against them: the more special come first, and the last
/// takes what is left.
pub static FORMATS: &[Format] = &[
    harmony::FORMAT,
    functionary::V3_2,
    gemma::GEMMA4,
    gemma::FUNCTION_GEMMA,
    kimi::KIMI_K2,
    deepseek::DSML,
    deepseek::R1,
    deepseek::V3_1,
    mistral::ARGS,
    mistral::LIST,
    xml::MINIMAX,
    xml::SEED,
    xml::MINICPM5,
    xml::QWEN3_CODER,
    functionary::V3_1,
    tagged::GLM,
    json::GRANITE,
    json::COMMAND_R,
    json::NEMOTRON,
    json::TOOL_CALLS,
    json::PHI4,
    json::FUNCTOOLS,
    pythonic::LFM2,
    pythonic::LLAMA4,
    json::LLAMA3,
    tagged::HERMES,
    gemma::GEMMA,
    json::GENERIC,
];

/// The format of this name.
pub fn named(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|f| f.name == name)
}

/// The format that a chat template's own words point to.
pub fn detect(template: &str) -> &'static Format {
    let fits = |f: &&Format| f.template.iter().any(|all| all.iter().all(|text| template.contains(text)));
    FORMATS.iter().find(fits).unwrap_or(&json::GENERIC)
}
