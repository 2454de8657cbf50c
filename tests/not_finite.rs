//! Numbers that are not finite, made by an adapter that overflows: its request ends with an error, and what runs beside it
//! or after it answers as if it had never been.

mod support;

use qask::{
    Adapter, Code, Engine, EngineOptions, Event, FinishReason, FlashAttention, Model, ModelOptions, Next, Request,
    Sampling, Stream,
};

fn request(text: &str) -> Request {
    let mut request = Request::text(text.repeat(8)).sampling(Sampling::greedy()).max_tokens(12);
    request.ignore_eos = true;
    request.return_tokens = true;
    request
}

fn read(mut stream: Stream) -> (Vec<i32>, FinishReason) {
    let mut tokens = Vec::new();
    loop {
        match stream.next(None).expect("an event") {
            Next::Event(Event::Text(t)) => tokens.extend(t.tokens),
            Next::Event(Event::Done(done)) => return (tokens, done.reason),
            _ => {}
        }
    }
}

fn answer(engine: &Engine, request: &Request) -> Vec<i32> {
    let (tokens, reason) = read(engine.submit(request).expect("queued"));
    assert_eq!((tokens.len(), reason), (12, FinishReason::Length));
    tokens
}

/// A model, and a request that overflows in it: values beyond what 16 bits hold stay behind in the cells.
fn overflowing() -> (Model, Request) {
    let model = Model::load(support::tiny().file(), ModelOptions::default()).expect("the fixture loads");
    let adapter = Adapter::load(&model, support::tiny_lora(1e30, 1).file()).expect("the adapter loads");
    let mut bad = request("overflow ");
    bad.adapters = vec![(adapter, 1.0)];
    (model, bad)
}

fn is_broken(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Error(e) if e.code() == Code::Invalid && e.message().contains("not finite"))
}

fn engine(model: &Model, flash_attention: FlashAttention) -> Engine {
    let options = EngineOptions { flash_attention, threads: Some(1), ..EngineOptions::default() };
    Engine::new(model, options).expect("the engine starts")
}

#[test]
fn what_comes_after_answers_as_ever() {
    let (model, bad) = overflowing();
    for flash in [FlashAttention::Auto, FlashAttention::Off] {
        let engine = engine(&model, flash);
        let good = [request("one thing "), request("another ")];
        let alone = good.each_ref().map(|r| answer(&engine, r));
        for _ in 0..3 {
            assert!(is_broken(&read(engine.submit(&bad).expect("queued")).1));
            // The first again, from its beginning on: what was cached of it went with the cells.
            assert_eq!(good.each_ref().map(|r| answer(&engine, r)), alone, "{flash:?}");
        }
        assert_eq!(engine.stats().failed, 3);
    }
}

#[test]
fn what_runs_beside_answers_as_alone() {
    let (model, bad) = overflowing();
    for flash in [FlashAttention::Auto, FlashAttention::Off] {
        let engine = engine(&model, flash);
        let good = ["one thing ", "another ", "a third "].map(request);
        let alone = good.each_ref().map(|r| answer(&engine, r));
        for _ in 0..5 {
            let mut streams: Vec<Stream> = Vec::new();
            for r in &good {
                streams.push(engine.submit(r).expect("queued"));
                streams.push(engine.submit(&bad).expect("queued"));
            }
            let (mut fine, mut broken) = (Vec::new(), 0);
            for stream in streams {
                match read(stream) {
                    (tokens, FinishReason::Length) => fine.push(tokens),
                    (_, reason) if is_broken(&reason) => broken += 1,
                    (_, other) => panic!("{other:?}"),
                }
            }
            assert_eq!((fine, broken), (alone.to_vec(), 3), "{flash:?}");
        }
    }
}

/// A prompt that is cancelled before anyone looked at its logits leaves its cells unseen.
#[test]
fn a_prefix_that_is_not_finite_is_computed_again() {
    let (model, bad) = overflowing();
    for flash in [FlashAttention::Auto, FlashAttention::Off] {
        let engine = engine(&model, flash);
        let good = request("one thing ");
        let alone = answer(&engine, &good);
        let quiet = bad.clone().max_tokens(0);
        assert_eq!(read(engine.submit(&quiet).expect("queued")).1, FinishReason::Length);
        assert_eq!(answer(&engine, &request("another ")).len(), 12);
        assert_eq!(answer(&engine, &good), alone);
        assert_eq!(engine.stats().failed, 0);
    }
}
