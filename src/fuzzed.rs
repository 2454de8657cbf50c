//! The root of the crate that `fuzz/` builds: modules that need no engine.
#![allow(dead_code, unused_imports)]

pub mod output;
pub mod text;
