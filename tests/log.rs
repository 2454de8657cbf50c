//! Promises of the log: silent by default, whole lines, no word of prompts or answers, a sink that panics or asks back.
//! One test, since the log is one for the process.

mod support;

use std::sync::{mpsc, Arc};
use std::time::Duration;

use qask::log::{self, Level};
use qask::{Code, Engine, EngineOptions, Message, Model, ModelOptions, Request};

type Line = (Level, String, String);

/// Lines up to one that `last` accepts.
fn until(lines: &mpsc::Receiver<Line>, last: impl Fn(&Line) -> bool) -> Vec<Line> {
    let mut out = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(20)) {
            Ok(line) => out.push(line),
            Err(e) => panic!("{e} behind {out:?}"),
        }
        if last(out.last().unwrap()) {
            return out;
        }
    }
}

#[test]
fn the_log() {
    let file = support::tiny().file();
    let (send, lines) = mpsc::channel();
    let held = Arc::new(());
    let holder = Arc::clone(&held);
    log::set(Level::Debug, move |r| {
        let _held = &holder;
        send.send((r.level, r.target.to_owned(), r.message.to_owned())).unwrap();
    })
    .unwrap();

    let model = Model::load(&file, ModelOptions::default()).unwrap();
    let loading = until(&lines, |l| l.1 == "qask");
    assert_eq!(loading.last().unwrap().2.split(',').next(), Some("model loaded: llama"));
    let engine = Engine::new(&model, EngineOptions::default()).unwrap();
    let starting = until(&lines, |l| l.1 == "qask");
    assert!(starting.last().unwrap().2.starts_with("engine started: n_ctx 256"), "{starting:?}");
    for (_, target, message) in loading.iter().chain(&starting) {
        assert!(target == "qask" || target == "engine");
        assert!(!message.is_empty() && !message.contains('\n'), "{message:?}");
    }
    // Lines that llama.cpp writes in pieces are whole: none begins in the middle.
    let engine_lines = loading.iter().filter(|l| l.1 == "engine").count();
    assert!(engine_lines > 20, "{engine_lines} lines of the engine");
    assert!(
        loading.iter().any(|l| l.2.contains("general.architecture str") && l.2.ends_with("= llama")),
        "{loading:?}"
    );

    // Neither the prompt nor the answer, nor a template that fails on it.
    let mut request = Request::chat([Message::user("xyzzy plugh")]).max_tokens(20);
    engine.submit(&request).unwrap().collect_text().unwrap();
    request.template = Some("{{ raise_exception(messages[0].content) }}".into());
    engine.submit(&request).unwrap().collect_text().unwrap_err();
    engine.close(None).unwrap();
    let closing = until(&lines, |l| l.2 == "engine closed");
    assert!(!closing.iter().any(|l| l.2.contains("xyzzy") || l.2.contains("plugh")), "{closing:?}");

    // Replaced: the old one is dropped; the level holds; a panic harms nobody; asking back is BUSY.
    let (send, lines) = mpsc::channel();
    log::set(Level::Info, move |r| {
        let asked = log::set(Level::Error, |_| {}).unwrap_err().code();
        assert_eq!(log::clear().unwrap_err().code(), Code::Busy);
        send.send((r.level, asked.name().to_owned(), r.message.to_owned())).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    })
    .unwrap();
    for _ in 0..1000 {
        if Arc::strong_count(&held) == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(Arc::strong_count(&held), 1, "the old sink was not dropped");
    drop(Model::load(&file, ModelOptions::default()).unwrap());
    let again = until(&lines, |l| l.2.starts_with("model loaded"));
    assert!(again.iter().all(|l| l.0 <= Level::Info && l.1 == "BUSY"), "{again:?}");
    assert!(again.len() < loading.len());

    // Poison is an error line.
    #[cfg(feature = "test-hooks")]
    {
        let engine = Engine::new(&model, EngineOptions::default()).unwrap();
        until(&lines, |l| l.2.starts_with("engine started"));
        engine.provoke_fault().unwrap();
        let fault = until(&lines, |l| l.2.starts_with("engine poisoned: "));
        assert_eq!(fault.last().unwrap().0, Level::Error);
    }

    // Silent again.
    log::clear().unwrap();
    assert!(lines.recv_timeout(Duration::from_secs(10)).is_err());
    drop(Model::load(&file, ModelOptions::default()).unwrap());
    assert!(lines.try_recv().is_err());
}
