//! `ContextPolicy::Shift`: an answer goes on past the end of the context. What it says then is what the model says to
//! the tokens that are left, whether their cells were moved or they were evaluated again.

mod support;

use qask::{
    ContextPolicy, Engine, EngineOptions, Event, FinishReason, Model, ModelOptions, Next, Request, Sampling,
};
use support::Gguf;

const N_CTX: usize = 64;
const KEEP: usize = 10;

/// As in tests/prefix.rs: leads below this may be lost to another shape of the batch.
const MARGIN: f32 = 0.01;

fn engine(model: &Model, n_ctx: usize) -> Engine {
    let options = EngineOptions { n_ctx: Some(n_ctx as u32), threads: Some(1), ..EngineOptions::default() };
    Engine::new(model, options).expect("the engine starts")
}

/// The tokens of choice 0 with their leads, and how many choices ended with `length`.
fn collect(mut stream: qask::Stream) -> (Vec<(i32, f32)>, usize) {
    let (mut tokens, mut ended) = (Vec::new(), 0);
    while let Next::Event(event) = stream.next(None).expect("an event") {
        match event {
            Event::Text(t) if t.choice == 0 => {
                let leads = t.logprobs.iter().map(|l| l.top[0].1 - l.top[1].1);
                tokens.extend(t.tokens.iter().copied().zip(leads));
            }
            Event::Done(done) => {
                assert_eq!(done.reason, FinishReason::Length);
                ended += 1;
            }
            _ => {}
        }
    }
    (tokens, ended)
}

fn request(tokens: Vec<i32>, max: u32) -> Request {
    let mut request = Request::tokens(tokens).sampling(Sampling::greedy()).max_tokens(max);
    request.ignore_eos = true;
    request.return_tokens = true;
    request.logprobs = Some(2);
    request.context_policy = ContextPolicy::Shift;
    request.shift_keep = KEEP as u32;
    request
}

/// Follows an answer over several shifts, asking a fresh engine for every token.
fn goes_on(fixture: Gguf, choices: u32) {
    let model = Model::load(fixture.file(), ModelOptions::default()).expect("the fixture loads");
    let reference = engine(&model, 2 * N_CTX);
    let prompt: Vec<i32> = (0..20).map(|i| 40 + i * 3).collect();
    let mut shifting = request(prompt.clone(), 150);
    shifting.n = choices;
    let (answer, ended) = collect(engine(&model, N_CTX).submit(&shifting).expect("queued"));
    assert_eq!((answer.len(), ended), (150, choices as usize));

    let mut held = prompt;
    for (i, (token, _)) in answer.iter().enumerate() {
        let (expected, lead) = collect(reference.submit(&request(held.clone(), 1)).expect("queued")).0[0];
        assert!(*token == expected || lead < MARGIN, "token {i} is {token}, not {expected}; the lead was {lead}");
        held.push(*token);
        if held.len() >= N_CTX {
            let drop = (held.len() - KEEP) / 2;
            held.drain(KEEP..KEEP + drop);
        }
    }
}

#[test]
fn cells_are_moved() {
    // In a model of one layer a cell depends on its own token only, so that moving it is exact.
    goes_on(support::tiny(), 1);
}

#[test]
fn cells_that_are_shared_stay_where_they_are() {
    goes_on(support::tiny(), 3);
}

#[test]
fn a_state_that_cannot_be_cut_is_computed_again() {
    goes_on(support::tiny_recurrent(), 1);
    goes_on(support::tiny_hybrid(), 1);
}

#[test]
fn a_window_is_computed_again() {
    goes_on(support::tiny_window(), 1);
}

/// A real model goes on counting.
#[test]
fn a_count_goes_on() {
    let model = Model::load(support::smollm2(), ModelOptions::default()).expect("the model loads");
    let prompt = model.tokenize("Counting: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,", true, false).expect("tokens");
    let mut request = request(prompt, 400);
    request.shift_keep = 2;
    let (answer, _) = collect(engine(&model, 128).submit(&request).expect("queued"));
    let tokens: Vec<i32> = answer.iter().map(|(t, _)| *t).collect();
    let text = model.detokenize(&tokens, false).expect("text");
    let numbers: Vec<u32> = text.split(", ").filter_map(|n| n.trim().parse().ok()).collect();
    let steps = numbers.windows(2).filter(|w| w[1] == w[0] + 1).count();
    assert!(numbers.len() > 60 && steps * 10 > numbers.len() * 9, "{steps} steps in {} numbers", numbers.len());
}
