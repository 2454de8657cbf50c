//! The recorded outputs of `tests/conformance` the whole way: dictated to a real model by a constraint, generated, taken
//! apart, into events. So a binding can run them too, with no more than requests and streams.

mod support;

use qask::{Engine, EngineOptions, Model, ModelOptions};

#[test]
fn recorded_outputs_go_the_whole_way() {
    let model = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let options = EngineOptions { n_ctx: Some(8192), ..EngineOptions::default() };
    support::cases::recorded(&Engine::new(&model, options).unwrap());
}
