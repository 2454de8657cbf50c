//! Compiles constraints, once each, bounded in size, states and time; never on the engine's thread.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv};
use llguidance::ParserFactory;

use super::cache::{Cache, Entry};
use super::env::Env;
use super::guide::Compiled;
use super::{grammar_error, Constraint, Source};
use crate::engine::bigstack;
use crate::error::{Code, Error, Result};
use crate::vocab::Vocabulary;

/// The longest that one compile is waited for. What is left behind then ends by its own limits.
const MOST_TIME: Duration = Duration::from_secs(2);

/// How often a caller that waits looks whether it still wants to.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// Compiles at once, those included that nobody waits for any more.
const MOST_AT_ONCE: usize = 4;

/// The stack of a compile: llguidance recurses along chains of rules.
const STACK: usize = 4 * bigstack::STACK;

/// What one constraint may take. llguidance's defaults but for the states, which cost 1 to 2 kB each.
fn limits() -> ParserLimits {
    ParserLimits { max_lexer_states: 50_000, verbose_errors: false, ..ParserLimits::default() }
}

/// The constraints of one model.
#[derive(Default)]
pub(crate) struct Compiler {
    factory: OnceLock<Result<Arc<ParserFactory>>>,
    cache: Mutex<Cache>,
}

/// How many compiles run in this process.
struct Running {
    count: Mutex<usize>,
    fewer: Condvar,
}

static RUNNING: Running = Running { count: Mutex::new(0), fewer: Condvar::new() };

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What they guard is whole after every statement.
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// A place among the running compiles.
struct Place;

impl Place {
    fn take(until: Instant) -> Option<Place> {
        let mut count = lock(&RUNNING.count);
        while *count >= MOST_AT_ONCE {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            count = RUNNING.fewer.wait_timeout(count, left).unwrap_or_else(|e| e.into_inner()).0;
        }
        *count += 1;
        Some(Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *lock(&RUNNING.count) -= 1;
        RUNNING.fewer.notify_one();
    }
}

impl Compiler {
    /// What guides answers of a model to a constraint; `None` stands for any text, which is for healing alone. Needs a
    /// big stack.
    pub(crate) fn compile(
        &self,
        vocabulary: &Arc<Vocabulary>,
        constraint: Option<&Constraint>,
        json_whitespace: bool,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Compiled> {
        let env = || Env::new(vocabulary).map(|env| Arc::new(env) as TokEnv);
        self.compile_over(env, constraint, json_whitespace, give_up)
    }

    /// As [`Compiler::compile`], over single bytes instead of a model's tokens.
    pub(super) fn compile_over_bytes(constraint: &Constraint, json_whitespace: bool) -> Result<Compiled> {
        static BYTES: OnceLock<Compiler> = OnceLock::new();
        let env = || Ok(ApproximateTokEnv::single_byte_env());
        BYTES.get_or_init(Compiler::default).compile_over(env, Some(constraint), json_whitespace, &|| false)
    }

    fn compile_over(
        &self,
        env: impl FnOnce() -> Result<TokEnv>,
        constraint: Option<&Constraint>,
        json_whitespace: bool,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Compiled> {
        let any = Constraint::Regex("(?s:.*)".to_owned());
        let only_heals = constraint.is_none();
        let constraint = constraint.unwrap_or(&any);
        let key = constraint.key(json_whitespace)?;
        let known = lock(&self.cache).get(&key).cloned();
        let parser = match known {
            Some(parser) => parser,
            None => {
                let parser = compile_in_time(self.factory(env)?, constraint.clone(), json_whitespace, give_up)?;
                lock(&self.cache).put(key, parser.clone());
                parser
            }
        };
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

/// Compiles on a thread of its own. The outer error is one that may pass: it is not kept.
fn compile_in_time(
    factory: Arc<ParserFactory>,
    constraint: Constraint,
    json_whitespace: bool,
    give_up: &dyn Fn() -> bool,
) -> Result<Entry> {
    let kind = constraint.kind();
    let too_long = || {
        grammar_error(format!("compiling the {kind} took longer than {} ms: simplify it", MOST_TIME.as_millis()))
    };
    let until = Instant::now() + MOST_TIME;
    let place = Place::take(until).ok_or_else(too_long)?;
    let (send, receive) = sync_channel(1);
    let work = move || {
        let _place = place;
        let _ = send.send(compile(&factory, &constraint, json_whitespace));
    };
    std::thread::Builder::new()
        .name("qask-compile".into())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|e| Error::new(Code::OutOfMemory, format!("no thread to compile the {kind} on: {e}")))?;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match receive.recv_timeout(left.min(LOOK_AROUND)) {
            Ok(compiled) => return Ok(compiled),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(too_long()),
            Err(RecvTimeoutError::Timeout) if give_up() => {
                return Err(Error::new(Code::Cancelled, format!("compiling the {kind} was given up")))
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(Code::Panic, "a bug in qask: a compile vanished"))
            }
        }
    }
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
