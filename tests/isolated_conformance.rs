//! The shared conformance cases, over an engine in a process of its own.
#![cfg(target_os = "linux")]

mod support;

use qask::{Chat, Engine, EngineOptions, Model, ModelOptions, Request, Sampling};

/// Each file of `tests/conformance`: run here, or why not.
const FILES: [(&str, Option<&str>); 8] = [
    ("chats", None),
    // As requests. Which texts a constraint accepts is asked of no engine: `tests/constraints.rs`.
    ("constraints", None),
    ("embeddings", Some("an embedder runs in the host, isolated engines or not")),
    ("reasoning", None),
    ("scores", Some("a scorer runs in the host, isolated engines or not")),
    ("sessions", None),
    ("templates", Some("what a template is taken for is told by the model, without an engine")),
    ("tools", None),
];

fn isolated(path: impl AsRef<std::path::Path>, n_ctx: Option<u32>) -> Engine {
    let model = Model::load(path, ModelOptions::default()).unwrap();
    let worker = Some(env!("CARGO_BIN_EXE_qask-worker").into());
    Engine::new(&model, EngineOptions { isolated: true, worker, n_ctx, ..EngineOptions::default() }).unwrap()
}

#[test]
fn no_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .collect();
    found.sort();
    assert_eq!(found, FILES.map(|(name, _)| name), "run it below, or say why not");
}

#[test]
fn recorded_outputs_go_the_whole_way() {
    support::cases::recorded(&isolated(support::smollm2(), Some(8192)));
}

#[test]
fn chats_sessions_and_constraints() {
    // Its file has to stay, since the worker opens it.
    let file = support::tiny().file();
    let engine = isolated(&file, None);
    let settings = Request::chat([]).max_tokens(3).sampling(Sampling::greedy());
    let chat = || Chat::with_request(&engine, settings.clone()).unwrap();
    support::cases::chats(&mut chat());
    support::cases::sessions(&mut chat());
    support::cases::constraints(&engine);
    // In this process the cases are the same.
    let here = Engine::new(engine.model(), EngineOptions::default()).unwrap();
    support::cases::constraints(&here);
    assert_eq!(engine.stats().queued, 0);
}
