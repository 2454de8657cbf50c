//! Engines in a process of their own ([`EngineOptions::isolated`](crate::EngineOptions::isolated)): a fault in llama.cpp,
//! even one that no process survives, ends the streams of that engine with [`Code::EngineFault`](crate::Code::EngineFault),
//! and the next request starts another process.
//!
//! The process runs a program of its own, the worker: `qask-worker`, which comes with the library and is looked for
//! beside it. A program that links the library statically, as Rust programs do, can be its own worker:
//!
//! ```no_run
//! use qask::{Engine, EngineOptions, Model, ModelOptions};
//!
//! fn main() -> qask::Result<()> {
//!     // First of all: where this process is a worker, it serves its host and ends here.
//!     qask::isolation::serve_if_worker();
//!     let model = Model::load("model.gguf", ModelOptions::default())?;
//!     let worker = std::env::current_exe().ok();
//!     let engine = Engine::new(&model, EngineOptions { isolated: true, worker, ..EngineOptions::default() })?;
//!     # drop(engine);
//!     Ok(())
//! }
//! ```

/// Serves an engine when this process was started as a worker, and does not return then; otherwise does nothing. Call it
/// before anything else: a worker closes every descriptor but the three standard ones.
pub fn serve_if_worker() {
    let argument = std::env::args_os().nth(1).and_then(|a| a.into_string().ok()).unwrap_or_default();
    if let Some(code) = serve(&argument) {
        std::process::exit(code);
    }
}

/// Serves an engine when the first argument of a program says so, and gives the code to end with then.
pub(crate) fn serve(argument: &str) -> Option<i32> {
    crate::engine::isolated::serve_if_worker(argument)
}
