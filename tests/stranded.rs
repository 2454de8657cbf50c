//! An assert on one of ggml's own threads, where no exception can reach, poisons one engine only. In a process of its own:
//! faults of other tests at the same moment would make it wait to be sure whose it was.
#![cfg(feature = "test-hooks")]

mod support;

use qask::{Code, Engine, EngineOptions, Event, FinishReason, Model, ModelOptions, Next, Request};
use support::tiny;

#[test]
fn a_fault_on_ggmls_own_thread_poisons_one_engine_only() {
    let wait = Some(std::time::Duration::from_secs(60));
    let model = Model::load(tiny().file(), ModelOptions::default()).unwrap();
    let other = Engine::new(&model, EngineOptions::default()).unwrap();
    let engine = Engine::new(&model, EngineOptions::default()).unwrap();
    let mut endless = Request::text("a");
    (endless.ignore_eos, endless.n) = (true, 3);
    let mut stream = engine.submit(&endless).unwrap();
    while !matches!(stream.next(None).unwrap(), Next::Event(Event::Text(_))) {}
    engine.provoke_stranding().unwrap();
    let mut ended = Vec::new();
    loop {
        match stream.next(wait).unwrap() {
            // The tiny context may be full before the fault strikes.
            Next::Event(Event::Done(done)) => match &done.reason {
                FinishReason::Error(e) => {
                    assert_eq!(e.code(), Code::EngineFault);
                    assert!(e.message().contains("on purpose") && !e.message().contains('/'), "{e}");
                    ended.push(done.choice);
                }
                reason => {
                    assert_eq!(*reason, FinishReason::Length);
                    ended.push(done.choice);
                }
            },
            Next::Event(_) => {}
            Next::Finished => break,
            other => panic!("{other:?}"),
        }
    }
    ended.sort_unstable();
    assert_eq!(ended, [0, 1, 2], "each choice ends once");
    let refused = (0..600).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        engine.submit(&Request::text("a").max_tokens(1)).err()
    });
    assert_eq!(refused.expect("poisoned").code(), Code::EngineFault);
    assert!(engine.close(wait).unwrap(), "closing does not wait for what never ends");
    other.submit(&Request::text("a").max_tokens(2)).unwrap().collect_text().unwrap();
    let fresh = Engine::new(&model, EngineOptions::default()).unwrap();
    fresh.submit(&Request::text("a").max_tokens(2)).unwrap().collect_text().unwrap();
}
