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
    let mut blocks = Blocks::default();
    for token in tokenize(&source, false, SyntaxConfig, WHITESPACE) {
        let (token, span) = token.map_err(|e| describe(&e))?;
        blocks.see(&token, tokens == 0, span.start_line).map_err(|words| refused(span.start_line, &words))?;
        match token {
            Token::BlockStart | Token::VariableStart => tokens = 0,
            Token::Ident("elif") if tokens == 0 => elifs += 1,
            _ => tokens += 1,
        }
        if tokens > MOST_TOKENS || elifs > MOST_ELIFS {
            return Err(refused(span.start_line, "too much in one expression or condition"));
        }
    }
    match blocks.open.last() {
        Some((name, line)) => Err(refused(*line, &format!("syntax error: {name} without its end"))),
        None => Ok(source),
    }
}

/// The blocks that are open: the parser takes the end of the source for the end of each.
#[derive(Default)]
struct Blocks {
    open: Vec<(String, u16)>,
    in_tag: bool,
}

impl Blocks {
    fn see(&mut self, token: &Token<'_>, first: bool, line: u16) -> std::result::Result<(), String> {
        let in_tag = std::mem::replace(&mut self.in_tag, matches!(token, Token::BlockStart));
        let Token::Ident(name) = token else { return Ok(()) };
        if !(in_tag && first) {
            return Ok(());
        }
        match name.strip_prefix("end") {
            // `set` opens a block only without `=`.
            Some("set") => {}
            Some(end) if self.open.last().is_some_and(|(open, _)| open == end) => drop(self.open.pop()),
            Some(_) => return Err(format!("syntax error: {name} where it does not belong")),
            None if ["for", "if", "macro", "call", "filter", "with", "block", "autoescape"].contains(name) => {
                self.open.push(((*name).to_owned(), line));
            }
            None => {}
        }
        Ok(())
    }
}

fn refused(line: u16, words: &str) -> Error {
    let line = if line == 0 { String::new() } else { format!(" at line {line}") };
    Error::new(Code::Template, format!("the chat template failed{line}: {words}"))
}

/// The syntax tree of a prepared source. Recursion is bounded by [`prepare`] and by the parser's own limit of depth.
pub(super) fn tree(prepared: &str) -> Result<ast::Stmt<'_>> {
    parse(prepared, "chat template", SyntaxConfig, WHITESPACE).map_err(|e| describe(&e))
}

/// The parser's words name things of the template only.
fn describe(error: &minijinja::Error) -> Error {
    let words: String = error.detail().unwrap_or("").chars().take(200).collect();
    let line = error.line().and_then(|l| u16::try_from(l).ok()).unwrap_or(0);
    refused(line, &format!("{}: {words}", error.kind()))
}

/// `{% generation %}` only marks what a trainer learns from. It is a scope of its own, as `{% with %}` is.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        let Some((inner, behind)) = tag[2..].split_once("%}") else { break };
        out.push_str(before);
        match inner.trim_matches(['-', '+']).trim() {
            "generation" => out.push_str(&format!("{{%{}%}}", inner.replacen("generation", "with", 1))),
            "endgeneration" => out.push_str(&format!("{{%{}%}}", inner.replacen("endgeneration", "endwith", 1))),
            _ => out.push_str(&tag[..tag.len() - behind.len()]),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
