//! Embed a quantized GGUF language model in any program: load a model, start an engine over it, submit requests, and
//! pull events from the streams.
//!
//! ```no_run
//! use qask::{Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request};
//!
//! # fn main() -> qask::Result<()> {
//! let model = Model::load("model.gguf", ModelOptions::default())?;
//! let engine = Engine::new(&model, EngineOptions::default())?;
//! let mut stream = engine.submit(&Request::chat([Message::user("Say hello.")]))?;
//! while let Next::Event(event) = stream.next(None)? {
//!     if let Event::Text(text) = event {
//!         print!("{}", text.text);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing that comes from outside (model file, prompt, request) may panic, abort or hang: it is an [`Error`] with a
//! [`Code`] and a message that says what was wrong and what to do.

pub mod adapter;
mod ask;
#[cfg(feature = "async")]
pub mod asynchronous;
pub mod cancel;
#[cfg(feature = "capi")]
pub mod capi;
pub mod chat;
pub mod constraint;
mod context_policy;
pub mod embedder;
pub mod engine;
pub mod error;
pub mod event;
pub mod gguf;
pub mod isolation;
pub mod log;
pub mod message;
pub mod model;
pub mod openai;
pub mod output;
pub mod plan;
pub mod queue;
mod reading;
pub mod request;
mod rerank;
mod room;
pub mod sampling;
pub mod scorer;
pub mod session;
mod shown;
mod sync;
pub mod template;
pub mod text;
mod transcript;
mod vocab;

pub use adapter::{Adapter, AdapterKind};
#[cfg(feature = "async")]
pub use asynchronous::{Collect, EventStream};
pub use cancel::Cancel;
pub use chat::Chat;
pub use constraint::Constraint;
pub use embedder::{Embedder, EmbedderOptions, Pooling, Purpose, Truncation};
pub use engine::{CacheType, Engine, EngineOptions, FlashAttention, Stats, Stream, StreamCanceller, Trim};
pub use error::{Code, Error, Result};
pub use event::{Answer, Done, Event, FinishReason, Next, ToolCall, ToolCallDelta, Usage};
pub use message::Message;
pub use model::{Model, ModelOptions, Token};
pub use plan::Plan;
pub use queue::Queue;
pub use request::{ContextPolicy, Prompt, Request, ToolChoice};
pub use sampling::Sampling;
pub use scorer::{Limits, Normalization, Perplexity, PerplexityOptions, Score, Scorer, ScorerOptions};
pub use session::{SaveOptions, Saved};

/// The version and, behind "+cpu.", what the CPU's kernels were made for, such as "0.1.0+cpu.native". A crate's build
/// has one kind of kernels ("native" or "fixed"); a package of the C library chooses among several, and says which one
/// it took: `qask_version` in the header.
///
/// ```
/// assert!(qask::version().starts_with("0.1.0+cpu."));
/// ```
pub fn version() -> &'static str {
    engine::version().to_str().unwrap_or(env!("CARGO_PKG_VERSION"))
}

/// The README's Rust program compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
