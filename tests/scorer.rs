//! Scores of texts: as the engine itself reports them, the same in any company, and errors for what cannot be scored.

mod support;

use std::time::{Duration, Instant};

use qask::scorer::likeliest;
use qask::{
    Cancel, Code, Engine, EngineOptions, Event, Limits, Model, ModelOptions, Next, Normalization,
    PerplexityOptions, Request, Score, Scorer, ScorerOptions,
};

fn load(path: impl AsRef<std::path::Path>) -> Model {
    Model::load(path, ModelOptions::default()).expect("a model")
}

fn smollm2() -> Model {
    load(support::smollm2())
}

fn scorer(model: &Model) -> Scorer {
    Scorer::new(model, ScorerOptions::default()).expect("a scorer")
}

fn score(s: &Scorer, prompt: &str, continuation: &str) -> Score {
    s.score(prompt, continuation, &Limits::default()).expect("a score")
}

fn sum(score: &Score) -> f64 {
    score.log_probability(Normalization::None)
}

/// The largest difference of two scores' numbers.
fn difference(a: &Score, b: &Score) -> f32 {
    assert_eq!(a.tokens, b.tokens);
    a.log_probabilities.iter().zip(&b.log_probabilities).fold(0f32, |w, (x, y)| w.max((x - y).abs()))
}

const PROMPT: &str = "The capital of France is";

#[test]
fn what_is_true_is_likelier() {
    let s = scorer(&smollm2());
    let choices = [" Paris", " a large cheese", " Berlin"];
    let scores = s.score_choices(PROMPT, &choices, &Limits::default()).unwrap();
    for normalization in [Normalization::None, Normalization::Tokens, Normalization::Bytes] {
        assert_eq!(likeliest(&scores, normalization), Some(0), "{scores:?}");
    }
    assert!(sum(&scores[0]) > sum(&scores[2]) + 1.0);
    assert_eq!((scores[1].tokens.len(), scores[1].log_probabilities.len(), scores[1].bytes), (3, 3, 15));
    let per_byte = scores[1].log_probability(Normalization::Bytes) * 15.0;
    assert!((per_byte - sum(&scores[1])).abs() < 1e-9);
    // No special token out of a text from outside, and nothing added behind it.
    let end = s.model().tokenize("<|im_end|>", false, true).unwrap()[0];
    assert!(!score(&s, PROMPT, "<|im_end|>").tokens.contains(&end));
    let parsing = ScorerOptions { special_tokens: true, ..ScorerOptions::default() };
    let parsing = Scorer::new(s.model(), parsing).unwrap();
    assert_eq!(score(&parsing, PROMPT, "<|im_end|>").tokens, [end]);
}

/// The engine, token by token and greedy, reports the same log-probabilities.
#[test]
fn scores_equal_what_the_engine_reports() {
    for (file, tolerance) in [(support::smollm2(), 0.35), (support::qwen(), 0.2)] {
        let model = load(file);
        let options = EngineOptions { deterministic: true, n_ctx: Some(512), ..EngineOptions::default() };
        let engine = Engine::new(&model, options).unwrap();
        let mut request = Request::text(PROMPT).max_tokens(32);
        request.sampling.temperature = Some(0.0);
        request.logprobs = Some(0);
        let (mut text, mut expected) = (String::new(), Vec::new());
        let mut stream = engine.submit(&request).unwrap();
        while let Next::Event(event) = stream.next(None).unwrap() {
            if let Event::Text(t) = event {
                text += &t.text;
                expected.extend(t.logprobs.iter().map(|l| (l.token, l.logprob)));
            }
        }
        let found = score(&scorer(&model), PROMPT, &text);
        let tokens: Vec<i32> = expected.iter().map(|e| e.0).collect();
        assert!(tokens.len() >= 16);
        assert_eq!(found.tokens, tokens[..found.tokens.len()]);
        let pairs = expected.iter().zip(&found.log_probabilities);
        let worst = pairs.map(|(a, b)| (a.1 - b).abs()).fold(0f32, f32::max);
        println!("worst difference {worst:.1e}");
        assert!(worst < tolerance, "{worst}");
    }
}

/// Alone, among others, in small steps and with few sequences.
#[test]
fn scores_are_the_same_in_any_company() {
    let model = smollm2();
    let s = scorer(&model);
    let small = ScorerOptions { batch_tokens: 16, max_sequences: 2, ..ScorerOptions::default() };
    let small = Scorer::new(&model, small).unwrap();
    let choices: Vec<String> = (1..=9).map(|i| format!(" a town of {}{}", "very ".repeat(i), i)).collect();
    let together = s.score_choices(PROMPT, &choices, &Limits::default()).unwrap();
    let few = small.score_choices(PROMPT, &choices, &Limits::default()).unwrap();
    let mut worst = 0f32;
    for ((choice, a), b) in choices.iter().zip(&together).zip(&few) {
        let alone = score(&s, PROMPT, choice);
        worst = worst.max(difference(a, &alone)).max(difference(b, &alone));
        assert!(a.common >= 3 && a.common == b.common && alone.common == 0, "{a:?}");
    }
    println!("worst difference {worst:.1e}");
    // As between batches of any size of this model (Q4_1): what it multiplies is rounded to 8 bits.
    assert!(worst < 0.35, "{worst}");
    // Threads at once.
    std::thread::scope(|scope| {
        for (choice, expected) in choices.iter().zip(&together) {
            let s = &s;
            scope.spawn(move || {
                for _ in 0..3 {
                    assert!(difference(&score(s, PROMPT, choice), expected) < 0.35);
                }
            });
        }
    });
}

/// Models of other kinds, with random weights in 32 bits, where nothing is rounded.
#[test]
fn tiny_models_of_other_kinds_score() {
    for (name, tiny) in [
        ("llama", support::tiny()),
        ("mamba", support::tiny_recurrent()),
        ("lfm2", support::tiny_hybrid()),
        ("gemma3", support::tiny_window()),
    ] {
        let file = tiny.file();
        let model = load(&file);
        let s = scorer(&model);
        let small = ScorerOptions { batch_tokens: 16, max_sequences: 2, ..ScorerOptions::default() };
        let small = Scorer::new(&model, small).unwrap();
        let prompt = "some words that are longer than the window of thirty-two tokens, all of them bytes; then";
        let choices = [" one end", " one other end, which is longer", "x"];
        for s in [&s, &small] {
            let together = s.score_choices(prompt, &choices, &Limits::default()).unwrap();
            for (choice, found) in choices.iter().zip(&together) {
                assert_eq!(found.tokens.len(), choice.len());
                let worst = difference(found, &score(&scorer(&model), prompt, choice));
                // Attention sums in 16 bits.
                assert!(worst < 1e-2, "{name} {choice}: {worst}");
                // A byte's log-probability is a sum of all before it: the parts of a text add up.
                let (head, tail) = choice.split_at(choice.len() / 2);
                if !head.is_empty() {
                    let parts = sum(&score(s, prompt, head)) + sum(&score(s, &format!("{prompt}{head}"), tail));
                    assert!((parts - sum(found)).abs() < 0.1, "{name}: {parts} {}", sum(found));
                }
            }
            // The window of a text scores what a continuation of its first token does.
            let whole = s.perplexity(prompt, &PerplexityOptions::default(), &Limits::default()).unwrap();
            let same = sum(&score(s, &prompt[..1], &prompt[1..]));
            assert_eq!(whole.tokens, prompt.len() as u64 - 1);
            assert!((whole.log_probability - same).abs() < 0.2, "{name}: {whole:?} {same}");
        }
    }
}

#[test]
fn windows_score_each_token_once_or_as_told() {
    let file = support::tiny().file();
    let s = scorer(&load(&file));
    let text: String = (0..200).map(|i| char::from(b'a' + (i * 7 % 26) as u8)).collect();
    let tokens = |options: PerplexityOptions| {
        let p = s.perplexity(&text, &options, &Limits::default()).unwrap();
        let mean = p.log_probability / p.tokens as f64;
        assert!(((-mean).exp() / p.perplexity - 1.0).abs() < 1e-9 && p.standard_error > 0.0);
        p.tokens
    };
    let base = PerplexityOptions { window: Some(64), ..PerplexityOptions::default() };
    assert_eq!(tokens(base.clone()), 199);
    for stride in [1, 7, 32, 63] {
        assert_eq!(tokens(PerplexityOptions { stride: Some(stride), ..base.clone() }), 199, "{stride}");
    }
    // Side by side, each without its first token: 63, 63, 63, 7. As llama.cpp does: 3 times 32.
    let beside = PerplexityOptions { stride: Some(64), ..base.clone() };
    assert_eq!(tokens(beside.clone()), 196);
    assert_eq!(tokens(PerplexityOptions { context: Some(1), ..beside.clone() }), 196);
    assert_eq!(tokens(PerplexityOptions { context: Some(32), windows: Some(3), ..beside.clone() }), 96);
    assert_eq!(tokens(PerplexityOptions { windows: Some(1), ..base.clone() }), 63);
    // The same text in one window or, each token with all before it, in many.
    let limits = Limits::default();
    let one = s.perplexity(&text[..64], &base, &limits).unwrap();
    let separate: f64 = (1..64).map(|i| sum(&score(&s, &text[..i], &text[i..=i]))).sum();
    assert!((one.log_probability - separate).abs() < 0.2, "{one:?} {separate}");
    for (options, name) in [
        (PerplexityOptions { window: Some(1), ..base.clone() }, "window is 1"),
        (PerplexityOptions { window: Some(257), ..base.clone() }, "window is 257"),
        (PerplexityOptions { stride: Some(65), ..base.clone() }, "stride is 65"),
        (PerplexityOptions { stride: Some(0), ..base.clone() }, "stride is 0"),
        (PerplexityOptions { context: Some(64), ..base.clone() }, "context is 64"),
        (PerplexityOptions { windows: Some(0), ..base.clone() }, "windows is 0"),
    ] {
        let error = s.perplexity(&text, &options, &limits).unwrap_err();
        assert_eq!(error.code(), Code::Range);
        assert!(error.message().contains(name), "{error}");
    }
    for text in ["", "x"] {
        let error = s.perplexity(text, &base, &limits).unwrap_err();
        assert_eq!(error.code(), Code::Range);
        assert!(error.message().contains("no token is scored"), "{error}");
    }
}

#[test]
fn what_cannot_be_scored_is_an_error() {
    let model = smollm2();
    let s = scorer(&model);
    let limits = Limits::default();
    let fails = |prompt: &str, choices: &[&str], code: Code, words: &str| {
        let error = s.score_choices(prompt, choices, &limits).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(words), "{error}");
    };
    fails("a", &[" b", ""], Code::Range, "continuation 1 is empty");
    fails("", &["b"], Code::Range, "continuation 0 has no token before it");
    let long = "word ".repeat(3000);
    fails("a", &[" b", &long], Code::ContextFull, "max_tokens is 2048");
    let none: [&str; 0] = [];
    assert!(s.score_choices("a", &none, &limits).unwrap().is_empty());
    for options in [
        ScorerOptions { max_tokens: Some(1), ..ScorerOptions::default() },
        ScorerOptions { max_tokens: Some(1 << 30), ..ScorerOptions::default() },
        ScorerOptions { batch_tokens: 15, ..ScorerOptions::default() },
        ScorerOptions { max_sequences: 1, ..ScorerOptions::default() },
        ScorerOptions { threads: Some(0), ..ScorerOptions::default() },
    ] {
        assert_eq!(Scorer::new(&model, options).unwrap_err().code(), Code::Range);
    }
    let encoder = load(support::model("all-minilm-l6-v2-f32.gguf"));
    assert_eq!(Scorer::new(&encoder, ScorerOptions::default()).unwrap_err().code(), Code::Unsupported);
    assert!(format!("{s:?}").contains("2048") && s.max_tokens() == 2048);
    // A word that goes on over the border: its one token is the continuation's.
    let whole = score(&s, "The capital of Fr", "ance is Paris");
    assert_eq!(whole.tokens[0], score(&s, "The capital of", " France is Paris").tokens[0]);
}

/// A model that wants BOS before a text has it before a prompt, and at the begin of each window.
#[test]
fn bos_stands_before_what_is_scored() {
    let mut tiny = support::tiny();
    tiny.set("tokenizer.ggml.add_bos_token", support::Value::Bool(true));
    let file = tiny.file();
    let s = scorer(&load(&file));
    let alone = score(&s, "", "b");
    assert_eq!((alone.tokens.len(), alone.log_probabilities.len()), (1, 1));
    // Each window is BOS, whatever stood in its place, and one letter.
    let options = PerplexityOptions { window: Some(2), stride: Some(2), context: Some(1), windows: None };
    let each = s.perplexity("aaaaaaa", &options, &Limits::default()).unwrap();
    assert_eq!(each.tokens, 4);
    let one = sum(&score(&s, "", "a"));
    assert!((each.log_probability - 4.0 * one).abs() < 1e-3, "{each:?} {one}");
}

#[test]
fn weights_that_are_not_finite_are_an_error() {
    let mut tiny = support::tiny();
    let nan = f32::NAN.to_le_bytes();
    tiny.tensor("output_norm.weight").data[..4].copy_from_slice(&nan);
    let file = tiny.file();
    let error = scorer(&load(&file)).score("a", "b", &Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::Invalid);
    assert!(error.message().contains("not finite"), "{error}");
}

#[test]
fn a_call_ends_when_it_is_cancelled_or_late() {
    let s = scorer(&smollm2());
    let text = "word ".repeat(20_000);
    let options = PerplexityOptions::default();
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
        });
        let began = Instant::now();
        let limits = Limits { cancel: Some(cancel.clone()), ..Limits::default() };
        assert_eq!(s.perplexity(&text, &options, &limits).unwrap_err().code(), Code::Cancelled);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    });
    let limits = Limits { deadline: Some(Duration::from_millis(300)), ..Limits::default() };
    let began = Instant::now();
    let error = s.perplexity(&text, &options, &limits).unwrap_err();
    assert_eq!(error.code(), Code::Deadline);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // What was given up does not hold up the next call, nor leave anything in its way.
    let began = Instant::now();
    let after = score(&s, PROMPT, " Paris");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let fresh = score(&scorer(s.model()), PROMPT, " Paris");
    assert!(difference(&after, &fresh) < 1e-3);
    let raised = Limits { cancel: Some(cancel), ..Limits::default() };
    assert_eq!(s.score("a", " b", &raised).unwrap_err().code(), Code::Cancelled);
    assert!(s.close(Some(Duration::from_secs(10))));
    assert_eq!(s.score("a", " b", &Limits::default()).unwrap_err().code(), Code::Closed);
}

/// `tests/conformance/scores.json`, which every binding runs too.
#[test]
fn conformance() {
    let file = support::conformance("scores");
    let model = load(support::named_model(file["model"].as_str().unwrap()));
    let per_token = file["per_token"].as_f64().unwrap();
    for case in file["cases"].as_array().unwrap() {
        let name = &case["name"];
        let found = run(&model, case);
        println!("{name} {found:?}");
        let expected = match (&found, case["code"].as_str()) {
            (Err(error), Some(code)) => {
                assert_eq!(error.code().name(), code, "{name}: {error}");
                assert!(error.message().contains(case["message"].as_str().unwrap()), "{name}: {error}");
                continue;
            }
            (Ok(found), None) => found,
            _ => panic!("{name}: {found:?}"),
        };
        let list = |key: &str| case[key].as_array().unwrap_or_else(|| panic!("{name}: no {key}")).clone();
        match expected {
            Found::Text(p) => {
                assert_eq!(case["scored"], p.tokens, "{name}");
                if let Some(expected) = case["perplexity"].as_f64() {
                    assert!((p.perplexity / expected).ln().abs() <= per_token, "{name}: {p:?}");
                }
            }
            Found::Choices(scores) => {
                let tokens: Vec<usize> = scores.iter().map(|s| s.tokens.len()).collect();
                if case.get("tokens").is_some() {
                    assert_eq!(serde_json::json!(list("tokens")), serde_json::json!(tokens), "{name}");
                }
                for (score, expected) in scores.iter().zip(case["sums"].as_array().into_iter().flatten()) {
                    let off = (sum(score) - expected.as_f64().unwrap()).abs();
                    assert!(off <= per_token * score.tokens.len() as f64, "{name}: {} {expected}", sum(score));
                }
                let best = |n| likeliest(scores, n);
                let best = [Normalization::None, Normalization::Tokens, Normalization::Bytes].map(best);
                assert_eq!(serde_json::json!(list("likeliest")), serde_json::json!(best), "{name}");
            }
        }
    }
}

#[derive(Debug)]
enum Found {
    Text(qask::Perplexity),
    Choices(Vec<Score>),
}

fn run(model: &Model, case: &serde_json::Value) -> qask::Result<Found> {
    let number = |value: &serde_json::Value| value.as_u64().map(|n| n as u32);
    let mut options = ScorerOptions::default();
    for (key, value) in case["options"].as_object().into_iter().flatten() {
        match key.as_str() {
            "special_tokens" => options.special_tokens = value == true,
            "max_tokens" => options.max_tokens = number(value),
            "batch_tokens" => options.batch_tokens = number(value).unwrap(),
            _ => panic!("{key}"),
        }
    }
    let scorer = Scorer::new(model, options)?;
    let limits = Limits::default();
    let Some(choices) = case["choices"].as_array() else {
        let options = PerplexityOptions {
            window: number(&case["window"]),
            stride: number(&case["stride"]),
            context: number(&case["context"]),
            windows: number(&case["windows"]),
        };
        return scorer.perplexity(&support::conformance_text(&case["text"]), &options, &limits).map(Found::Text);
    };
    let choices: Vec<String> = choices.iter().map(support::conformance_text).collect();
    scorer.score_choices(&support::conformance_text(&case["prompt"]), &choices, &limits).map(Found::Choices)
}
