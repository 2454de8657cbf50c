//! The C ABI: thin, over the safe Rust API; the only place that exports symbols.
//!
//! The contract that opens the header stands in `contract.txt`; `tools/gen_header.rs` writes `include/qask.h` from it
//! and from the files below, in this order.
#![allow(unsafe_code)]
// The contract of every pointer parameter is the header's: NULL or valid. All of them are checked or only compared.
#![allow(clippy::not_unsafe_ptr_arg_deref, clippy::missing_safety_doc, clippy::too_many_arguments)]
#![allow(missing_docs, unreachable_pub)]

mod adapter;
mod basics;
mod call;
mod callback;
mod chat;
mod constraint;
mod embedder;
mod embedder_options;
mod engine;
mod engine_options;
mod error;
mod facts;
mod handle;
mod inspection;
mod log;
mod model;
mod model_options;
mod plan;
mod queue;
mod request;
mod sampling;
mod scorer;
mod scorer_options;
mod session;
mod status;
mod stream;
#[cfg(feature = "test-hooks")]
mod test_hooks;
mod tools;
