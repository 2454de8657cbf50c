//! What a host and its worker say to each other, as JSON.
//!
//! The library's own types are mirrored here rather than made serializable, so that nothing of it becomes part of the
//! API; the compiler sees to it that no field is forgotten. JSON of the caller's goes as text inside of the JSON, so that
//! it may nest as deeply here as anywhere. Numbers that JSON cannot write (a bias of minus infinity) go as their bits.

mod build;
mod event;
mod options;
mod parts;
mod request;
mod written;

use serde::{Deserialize, Serialize};

use crate::constraint::Constraint;
use crate::engine::native::LoadOptions;
use crate::engine::{EngineOptions, Stats, Trim};
use crate::error::Result;
use crate::model::Token;
use crate::request::Request;

pub(super) use build::Build;
pub(super) use event::WireEvent;
use options::{EngineOptionsDef, StatsDef, TrimDef};
pub(super) use parts::{PathBytes, Prompted, WireError, WireTranscript};
use request::RequestDef;

/// What the host tells its worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// The first: load the model and make the engine.
    Start(Box<Start>),
    Submit(Box<Submit>),
    Cancel(u64),
    Adapter(LoadAdapter),
    /// No request will name this adapter again.
    Forget(u64),
    Threads(u32, u32),
    /// The level that the host listens to; 0 for none.
    Log(i32),
    Unpin,
    Pause(u64),
    Resume,
    Trim(u64, #[serde(with = "TrimDef")] Trim),
    Stats(u64),
    /// Copy a prefix out of the context.
    TakeOut(u64, Box<Prefix>),
    /// Put a prefix of a session file into it.
    PutBack(u64, Box<Prefix>, SessionFile),
    Close,
    /// Raise this signal, or assert in llama.cpp (0).
    #[cfg(feature = "test-hooks")]
    Provoke(i32),
    /// Try what a worker must not do.
    #[cfg(feature = "test-hooks")]
    Probe(u64, super::sandbox::Grounds),
}

/// What the worker tells its host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The first: who speaks.
    Hello(Build),
    /// The engine takes requests; so many tokens does its KV cache hold.
    Ready {
        kv_tokens: u32,
    },
    /// There is no engine.
    Failed(WireError),
    /// An answer left the queue.
    Began(u64),
    Prompt(u64, Prompted),
    Tokens(u64, Vec<Token>),
    Event(u64, WireEvent),
    /// The outcome of a call.
    Answer(u64, std::result::Result<Outcome, WireError>),
    Log {
        level: i32,
        engine: bool,
        message: String,
    },
    /// The engine is poisoned, and the worker about to end.
    Fault(WireError),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    Done,
    Stats(#[serde(with = "StatsDef")] Stats),
    /// A prefix; its cells came before.
    Prefix(Option<TakenOut>),
    /// Tokens that were put back.
    Put(u64),
    #[cfg(feature = "test-hooks")]
    Tried(super::sandbox::Tried),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub place: ModelPlace,
    pub load: Load,
    /// Fingerprint of the model that the host has.
    pub fingerprint: String,
    #[serde(with = "EngineOptionsDef")]
    pub options: EngineOptions,
    /// The level that the host listens to; 0 for none.
    pub log: i32,
}

/// Where the model is: the files, or the descriptor that the worker was given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ModelPlace {
    Paths(Vec<PathBytes>),
    Given { offset: u64, length: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Load {
    gpu_layers: i32,
    main_gpu: i32,
    mmap: bool,
    mlock: bool,
    check_tensors: bool,
    repack: bool,
}

impl From<LoadOptions> for Load {
    fn from(o: LoadOptions) -> Load {
        let LoadOptions { gpu_layers, main_gpu, mmap, mlock, check_tensors, repack, vocab_only: _, dry: _ } = o;
        Load { gpu_layers, main_gpu, mmap, mlock, check_tensors, repack }
    }
}

impl Load {
    pub(super) fn options(&self) -> crate::model::ModelOptions {
        crate::model::ModelOptions {
            gpu_layers: u32::try_from(self.gpu_layers).ok(),
            main_gpu: self.main_gpu.max(0) as u32,
            mmap: self.mmap,
            mlock: self.mlock,
            check_tensors: self.check_tensors,
            repack: self.repack,
            ..Default::default()
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Submit {
    pub id: u64,
    #[serde(with = "RequestDef")]
    pub request: Request,
    /// Adapters by the host's numbers, with the bits of their scales.
    pub adapters: Vec<(u64, u32)>,
    pub pin: bool,
    /// Whether the prompt and the tokens are wanted.
    pub followed: bool,
    pub before: Option<WireTranscript>,
    /// How long ago it was submitted, in microseconds.
    pub waited: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoadAdapter {
    pub id: u64,
    pub path: PathBytes,
    pub fingerprint: String,
}

/// A text whose cells are wanted, and what tells them from others'.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Prefix {
    pub text: Vec<Token>,
    pub prompt: Vec<Token>,
    pub adapters: Vec<(u64, u32)>,
    pub cache_key: String,
    pub origin: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionFile {
    pub path: PathBytes,
    /// The checksum that the host saw.
    pub checksum: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakenOut {
    pub engine: String,
    pub adapters: String,
    pub tokens: Vec<Token>,
    pub order: (Vec<u32>, Vec<u32>),
    /// Bytes of the cells.
    pub bytes: u64,
}

/// An error before a request goes on its way, where it could not be written as JSON.
pub(super) fn check(request: &Request) -> Result<()> {
    match &request.constraint {
        Some(Constraint::JsonSchema(schema)) => crate::constraint::check_depth(schema),
        _ => Ok(()),
    }
}
