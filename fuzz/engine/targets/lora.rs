//! The head of any adapter file before weights that are small numbers: it is refused, or changes what a model says.
#![no_main]
#![allow(dead_code)]

#[path = "../../../tests/hostile/case.rs"]
mod case;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use qask::{Adapter, Engine, Error, Model, ModelOptions, Request};

/// One with experts and one without.
static ENGINES: LazyLock<Vec<(Model, Engine)>> = LazyLock::new(|| {
    let engine = |gguf: support::Gguf| {
        let model = Model::load(gguf.file(), ModelOptions::default()).expect("a model");
        let engine = case::engine(&model).expect("an engine");
        (model, engine)
    };
    vec![engine(support::tiny()), engine(support::tiny_experts())]
});

fn change((model, engine): &(Model, Engine), file: &[u8]) -> Result<(), Error> {
    let adapter = Adapter::load(model, support::file_of(file))?;
    let mut request = case::few(Request::text("ab"));
    request.adapters = vec![(adapter, 1.0)];
    engine.submit(&request)?.collect_text().map(drop)
}

fuzz_target!(|head: &[u8]| {
    let file = support::with_weights(head);
    for engine in ENGINES.iter() {
        let code = change(engine, &file).err().map(|e| e.code());
        assert!(case::Want::Either.is_met(code), "{code:?}");
    }
});
