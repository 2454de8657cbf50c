//! The root of the crate that `fuzz/` builds: modules that need no engine.
#![allow(dead_code, unexpected_cfgs, unused_imports)]

pub mod constraint;
pub mod error;
mod message;
pub mod output;
mod sync;
pub mod text;

mod engine {
    pub(crate) mod bigstack;
}

/// What constraints take from the module of that name, which needs the engine.
mod model {
    pub(crate) type Token = i32;
}
