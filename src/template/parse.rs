//! From source to syntax tree: minijinja's parser, behind checks of what it would recurse on.

use minijinja::machinery::{ast, parse, tokenize, Token, WhitespaceConfig};
use minijinja::syntax::SyntaxConfig;

use crate::error::{Code, Error, Result};

/// The longest template, in bytes.
const MOST_SOURCE: usize = 1 << 20;

/// Tokens inside one pair of `{% %}` or `{{ }}`: some of the parser's rules recurse for each.
const MOST_TOKENS: usize = 10_000;

/// `elif`s of a template: the parser puts each inside the one before.
const MOST_ELIFS: usize = 2_000;

/// As transformers sets jinja2 up.
const WHITESPACE: WhitespaceConfig =
    WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: true, trim_blocks: true };

/// The source as the parser takes it.
pub(super) fn prepare(source: &str) -> Result<String> {
    if source.len() > MOST_SOURCE {
        return Err(Error::new(
            Code::Template,
            format!("the chat template has {} bytes; at most {MOST_SOURCE} are read", source.len()),
        ));
    }
    let source = without_generation_tags(&source.replace("\r\n", "\n"));
    let (mut tokens, mut elifs) = (0, 0);
    for token in tokenize(&source, false, SyntaxConfig, WHITESPACE) {
        let (token, span) = token.map_err(|e| describe(&e))?;
        match token {
            Token::BlockStart | Token::VariableStart => tokens = 0,
            Token::Ident("elif") if tokens == 0 => elifs += 1,
            _ => tokens += 1,
        }
        if tokens > MOST_TOKENS || elifs > MOST_ELIFS {
            return Err(Error::new(
                Code::Template,
                format!(
                    "the chat template failed at line {}: too much in one expression or condition",
                    span.start_line
                ),
            ));
        }
    }
    Ok(source)
}

/// The syntax tree of a prepared source. Recursion is bounded by [`prepare`] and by the parser's own limit of depth.
pub(super) fn tree(prepared: &str) -> Result<ast::Stmt<'_>> {
    parse(prepared, "chat template", SyntaxConfig, WHITESPACE).map_err(|e| describe(&e))
}

/// The parser's words name things of the template only.
fn describe(error: &minijinja::Error) -> Error {
    let line = error.line().map_or(String::new(), |l| format!(" at line {l}"));
    let words: String = error.detail().unwrap_or("").chars().take(200).collect();
    Error::new(Code::Template, format!("the chat template failed{line}: {}: {words}", error.kind()))
}

/// `{% generation %}` only marks what a trainer learns from. It is a scope of its own, as `{% with %}` is.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        let Some(end) = tag.find("%}") else { break };
        let inner = &tag[2..end];
        out.push_str(before);
        match inner.trim_matches(['-', '+']).trim() {
            "generation" => out.push_str(&format!("{{%{}%}}", inner.replacen("generation", "with", 1))),
            "endgeneration" => out.push_str(&format!("{{%{}%}}", inner.replacen("endgeneration", "endwith", 1))),
            _ => out.push_str(&tag[..end + 2]),
        }
        rest = &tag[end + 2..];
    }
    out.push_str(rest);
    out
}
