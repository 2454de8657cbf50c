//! What a case is, and what may come of it.

use qask::{
    Code, Embedder, EmbedderOptions, Engine, EngineOptions, Error, Message, Model, ModelOptions, Plan, Purpose,
    Request, Sampling,
};

use crate::support;

/// Cases that belong together. Parent and child make the same.
pub(crate) trait Cases: Send {
    fn count(&self) -> usize;
    fn label(&self, index: usize) -> String;
    /// What the case answers: finite text, or an error.
    fn run(&mut self, index: usize) -> Result<(), Error>;
    fn want(&self, index: usize) -> Want;
}

/// What must come of a case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// An answer.
    Answer,
    /// An error with one of these codes.
    Refused(&'static [Code]),
    /// An error that is the input's, or an answer: what changes may do no harm.
    Either,
}

/// What input may be refused with.
const OF_INPUT: &[Code] = &[
    Code::Range,
    Code::Json,
    Code::Invalid,
    Code::UnsupportedArch,
    Code::TooLarge,
    Code::Template,
    Code::ContextFull,
    Code::Grammar,
    Code::TooLong,
    Code::Deadline,
    Code::Unsupported,
];

impl Want {
    pub(crate) const INVALID: Want = Want::Refused(&[Code::Invalid]);
    pub(crate) const TOO_LARGE: Want = Want::Refused(&[Code::TooLarge]);
    pub(crate) const RANGE: Want = Want::Refused(&[Code::Range]);

    /// `None` is an answer.
    pub(crate) fn is_met(self, code: Option<Code>) -> bool {
        match (self, code) {
            (Want::Answer | Want::Either, None) => true,
            (Want::Refused(codes), Some(code)) => codes.contains(&code),
            (Want::Either, Some(code)) => OF_INPUT.contains(&code),
            _ => false,
        }
    }
}

/// An engine as small as it gets, whose work is shared by two threads: what fails on one of ggml's own threads is not
/// caught. A fuzzer stops at what is caught as well, and is faster with one.
pub(crate) fn engine(model: &Model) -> Result<Engine, Error> {
    let options = EngineOptions {
        threads: Some(if cfg!(fuzzing) { 1 } else { 2 }),
        max_sequences: 1,
        n_batch: 64,
        n_ubatch: 64,
        prefix_cache: false,
        ..EngineOptions::default()
    };
    Engine::new(model, options)
}

/// Three tokens, whatever they are.
pub(crate) fn few(request: Request) -> Request {
    let mut request = request.sampling(Sampling::greedy()).max_tokens(3);
    request.ignore_eos = true;
    request
}

/// Loads a file and lets it answer.
pub(crate) fn try_file(bytes: &[u8]) -> Result<(), Error> {
    // Most are refused here, and cost no file.
    let info = qask::gguf::inspect_source(bytes)?;
    let file = support::file_of(bytes);
    let model = Model::load(&file, ModelOptions::default())?;
    if info.is_encoder() {
        let embedder = Embedder::new(&model, EmbedderOptions::default())?;
        return embedder.embed(&["ab"], Purpose::Document, None).map(drop);
    }
    let engine = engine(&model)?;
    // Both are asked, since one may fail and leave the other unharmed.
    let text = engine.submit(&few(Request::text("ab"))).and_then(|s| s.collect_text());
    let chat = engine.submit(&few(Request::chat([Message::user("a")]))).and_then(|s| s.collect_text());
    let _ = engine.close(Some(std::time::Duration::from_secs(30)));
    text.and(chat).map(drop)
}

/// The same, and its memory is planned, which reads it in another way.
pub(crate) fn try_file_and_plan(bytes: &[u8]) -> Result<(), Error> {
    try_file(bytes)?;
    let file = support::file_of(bytes);
    Plan::engine(&file, &ModelOptions::default(), &EngineOptions::default()).map(drop)
}
