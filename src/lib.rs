//! Embed a quantized GGUF language model in any program.

pub mod cancel;
pub mod error;
pub mod event;
pub mod gguf;
pub mod message;
pub mod model;
pub mod openai;
pub mod request;
pub mod sampling;
pub mod template;
pub mod text;
