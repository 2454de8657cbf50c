//! Every kind of memory reuses prefixes: caches that can be cut, sliding windows, and recurrent or hybrid states, which
//! cannot be cut and are kept at turns instead. The models are tiny and random: what counts is that the answers are
//! those of an engine that computes everything.

mod support;

use qask::{Engine, EngineOptions, Message, Model, ModelOptions};
use support::{ask, Gguf};

/// A first turn, its second turn, another conversation under the same system message, and the first turn again.
fn reuses(fixture: Gguf) {
    let model = Model::load(fixture.file(), ModelOptions::default()).expect("the fixture loads");
    let engine = |prefix_cache| {
        let options = EngineOptions { prefix_cache, threads: Some(1), ..EngineOptions::default() };
        Engine::new(&model, options).expect("the engine starts")
    };
    let (caching, plain) = (engine(true), engine(false));
    let rules = Message::system("Answer in the words of a lighthouse keeper.");
    let system_tokens = "<s>system\n".len() + rules.text().len();
    let mut messages = vec![rules.clone(), Message::user("What is the sea?")];

    let first = ask(&caching, &messages);
    assert_eq!(first.cached, 0);
    first.assert_equals(&ask(&plain, &messages), "first turn");

    // The reply as text may be other tokens than those generated: what is sure is the first prompt, up to its last turn.
    messages.push(Message::assistant("The sea is wide."));
    messages.push(Message::user("And deep?"));
    let second = ask(&caching, &messages);
    let head = "<s>assistant\n".len() as u32;
    assert!(
        second.cached + head >= first.prompt,
        "{} of {} tokens of the first turn",
        second.cached,
        first.prompt
    );
    second.assert_equals(&ask(&plain, &messages), "second turn");

    let other = [rules, Message::user("Who are you?")];
    let third = ask(&caching, &other);
    assert!(third.cached as usize + 4 >= system_tokens, "{} of {system_tokens} system tokens", third.cached);
    third.assert_equals(&ask(&plain, &other), "another conversation");

    let again = ask(&caching, &messages[..2]);
    assert!(again.cached + head >= again.prompt, "{} of {} tokens of the same prompt", again.cached, again.prompt);
    again.assert_equals(&first, "the first turn again");

    // Under load: many conversations at once evict each other's states, and none gets another's.
    std::thread::scope(|scope| {
        for i in 0..12 {
            let (caching, plain) = (&caching, &plain);
            scope.spawn(move || {
                let mut messages = vec![Message::system(format!("Rules {}", i % 3))];
                for turn in 0..2 {
                    messages.push(Message::user(format!("Question {i} {turn}")));
                    let answer = ask(caching, &messages);
                    answer.assert_equals(&ask(plain, &messages), &format!("conversation {i}, turn {turn}"));
                    messages.push(Message::assistant("Yes."));
                }
            });
        }
    });
}

#[test]
fn a_cache_that_can_be_cut() {
    reuses(support::tiny());
}

#[test]
fn a_sliding_window() {
    reuses(support::tiny_window());
}

#[test]
fn a_recurrent_state() {
    reuses(support::tiny_recurrent());
}

#[test]
fn a_hybrid_of_state_and_cache() {
    reuses(support::tiny_hybrid());
}
