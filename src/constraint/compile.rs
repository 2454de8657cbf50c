//! Compiles constraints, once each, bounded in size, states and time (`work`); never on the engine's thread.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv};
use llguidance::ParserFactory;

use super::cache::Entry;
use super::guide::Compiled;
use super::work::{Asked, Work};
use super::{grammar_error, Constraint, Source};
use crate::engine::bigstack;
use crate::error::{Code, Error, Result};

/// What one constraint may take. llguidance's defaults but for the states, which cost 1 to 2 kB each.
#[cfg(not(without_engine))]
fn limits() -> ParserLimits {
    ParserLimits { max_lexer_states: 50_000, verbose_errors: false, ..ParserLimits::default() }
}

/// A fuzzer wants many small constraints, in a process that is ten times as slow.
#[cfg(without_engine)]
fn limits() -> ParserLimits {
    ParserLimits {
        max_lexer_states: 1_000,
        initial_lexer_fuel: 20_000,
        step_lexer_fuel: 20_000,
        step_max_items: 5_000,
        max_grammar_size: 10_000,
        verbose_errors: false,
        ..ParserLimits::default()
    }
}

/// The constraints of one model.
#[derive(Default)]
pub(crate) struct Compiler {
    factory: OnceLock<Result<Arc<ParserFactory>>>,
    work: Work,
}

impl Compiler {
    /// Over single bytes instead of a model's tokens.
    pub(super) fn compile_over_bytes(constraint: &Constraint, json_whitespace: bool) -> Result<Compiled> {
        static BYTES: OnceLock<Compiler> = OnceLock::new();
        let env = || Ok(ApproximateTokEnv::single_byte_env());
        BYTES.get_or_init(Compiler::default).compile_over(env, Some(constraint), json_whitespace, &|| false)
    }

    /// What guides answers of a model to a constraint; `None` stands for any text, which is for healing alone. Needs a
    /// big stack.
    pub(super) fn compile_over(
        &self,
        env: impl FnOnce() -> Result<TokEnv>,
        constraint: Option<&Constraint>,
        json_whitespace: bool,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Compiled> {
        let any = Constraint::Regex("(?s:.*)".to_owned());
        let only_heals = constraint.is_none();
        let constraint = constraint.unwrap_or(&any);
        let asked = Asked { key: constraint.key(json_whitespace)?, kind: constraint.kind(), give_up };
        let factory = self.factory(env)?;
        let ours = constraint.clone();
        let work = move || compile(&factory, &ours, json_whitespace);
        // A fuzzer must do the same for the same input: there nothing is kept, and nothing is left behind at work, which
        // would make every later input wait for a place.
        #[cfg(without_engine)]
        let parser = {
            let _ = (asked, &self.work);
            work()
        };
        #[cfg(not(without_engine))]
        let parser = self.work.get(&asked, work)?;
        Ok(Compiled { parser: parser?, only_heals })
    }

    fn factory(&self, env: impl FnOnce() -> Result<TokEnv>) -> Result<Arc<ParserFactory>> {
        let make = || {
            let made = std::panic::catch_unwind(AssertUnwindSafe(|| new_factory(&env()?)));
            made.unwrap_or_else(|panic| Err(bigstack::panicked(&*panic))).map(Arc::new)
        };
        self.factory.get_or_init(make).clone()
    }
}

fn new_factory(env: &TokEnv) -> Result<ParserFactory> {
    let ff_tokens = env.tokenize_is_canonical();
    let capabilities = InferenceCapabilities { ff_tokens, ..InferenceCapabilities::default() };
    let mut factory = ParserFactory::new(env, capabilities, &SlicedBiasComputer::general_slices())
        .map_err(|e| Error::new(Code::Unsupported, format!("the vocabulary cannot be constrained: {e}")))?;
    factory.quiet();
    *factory.limits_mut() = limits();
    Ok(factory)
}

fn compile(factory: &ParserFactory, constraint: &Constraint, json_whitespace: bool) -> Entry {
    let kind = constraint.kind();
    let source = constraint.source(json_whitespace)?;
    let grammar = match source {
        Source::Schema(value) => TopLevelGrammar::from_json_schema(value),
        Source::Regex(text) => TopLevelGrammar::from_regex(&text),
        Source::Lark(text) => TopLevelGrammar::from_lark(text),
    };
    factory.create_parser(grammar).map(Arc::new).map_err(|e| refused(kind, &e))
}

/// llguidance's words, without its backtraces and excerpts.
fn refused(kind: &str, error: &impl std::fmt::Display) -> Error {
    let text = format!("{error:#}");
    let first = text.lines().next().unwrap_or("no reason given");
    let mut reason: String = first.chars().take(400).collect();
    if let Some(rest) = reason.strip_prefix("at ") {
        // `at 3(14): …` is its way to say line and column.
        if let Some((place, words)) = rest.split_once("): ") {
            if let Some((line, column)) = place.split_once('(') {
                reason = format!("line {line} column {column}: {words}");
            }
        }
    }
    grammar_error(format!("the {kind} cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_said_in_words_and_nothing_else_is_kept() {
        let e = refused("grammar", &"at 3(14): unknown name: \"x\"\n   3 | start: x\n");
        assert_eq!(e.message(), "the grammar cannot be used: line 3 column 14: unknown name: \"x\"");
    }
}
