//! The head of any model file (metadata, list of tensors) before weights that are small numbers: it is refused, or loaded,
//! and answers. An assert that was caught is as bad here as a signal: the checks before llama.cpp let it through.
#![no_main]
#![allow(dead_code)]

#[path = "../../../tests/hostile/case.rs"]
mod case;
#[path = "../../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|head: &[u8]| {
    let file = support::with_weights(head);
    let code = case::try_file(&file).err().map(|e| e.code());
    assert!(case::Want::Either.is_met(code), "{code:?}");
});
