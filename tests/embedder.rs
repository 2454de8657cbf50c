//! Embeddings: equal to an independent computation, the same in any company, and errors for what cannot be embedded.

mod support;

use std::time::{Duration, Instant};

use qask::{
    Cancel, Code, Embedder, EmbedderOptions, Engine, EngineOptions, Limits, Model, ModelOptions, Normalization,
    Pooling, Purpose, Scorer, ScorerOptions, Truncation,
};

fn load(file: &str) -> Model {
    Model::load(support::model(file), ModelOptions::default()).expect("a model")
}

fn minilm() -> Model {
    load("all-minilm-l6-v2-f32.gguf")
}

fn e5() -> Model {
    load("multilingual-e5-small-q4_0.gguf")
}

fn embedder(model: &Model) -> Embedder {
    Embedder::new(model, EmbedderOptions::default()).expect("an embedder")
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

fn one(e: &Embedder, text: &str) -> Vec<f32> {
    e.embed(&[text], Purpose::Plain, None).expect("a vector")
}

#[test]
fn meaning_is_near() {
    let e = embedder(&minilm());
    assert_eq!(e.dimensions(), 384);
    assert_eq!(e.pooling(), Pooling::Mean);
    let cat = one(&e, "A cat sits on the mat.");
    let near = dot(&cat, &one(&e, "There is a kitten lying on a rug."));
    let far = dot(&cat, &one(&e, "The central bank raised its interest rate."));
    assert!((dot(&cat, &cat) - 1.0).abs() < 1e-5);
    assert!(near > 0.4 && far < 0.2, "near {near}, far {far}");
    let e = embedder(&e5());
    let texts = ["how do I boil an egg", "怎么煮鸡蛋", "the history of the steam engine"];
    let v = e.embed(&texts, Purpose::Query, None).unwrap();
    let (a, b, c) = (&v[..384], &v[384..768], &v[768..]);
    assert!(dot(a, b) > dot(a, c) + 0.05, "{} {}", dot(a, b), dot(a, c));
}

#[test]
fn an_encoder_generates_no_text() {
    let error = Engine::new(&minilm(), EngineOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
}

/// The reference vectors (`tools/embedding_reference.py`): 100 sentences of 384 numbers.
fn reference(name: &str) -> (Vec<String>, Vec<f32>) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let texts = std::fs::read_to_string(folder.join("sentences.txt")).unwrap();
    let bytes = std::fs::read(folder.join(format!("{name}.i16"))).unwrap();
    let numbers = bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32767.0).collect();
    (texts.lines().map(str::to_owned).collect(), numbers)
}

fn worst_cosine(model: &Model, name: &str, purpose: Purpose) -> f64 {
    let (texts, expected) = reference(name);
    assert_eq!((texts.len(), expected.len()), (100, 38_400));
    let found = embedder(model).embed(&texts, purpose, None).unwrap();
    let cosines: Vec<f64> = found
        .chunks_exact(384)
        .zip(expected.chunks_exact(384))
        .map(|(a, b)| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())
        .collect();
    let worst = cosines.iter().copied().fold(1.0, f64::min);
    let at = cosines.iter().position(|c| *c == worst).unwrap_or(0);
    println!("{name}: worst cosine {worst:.6}, at {:?}", texts[at]);
    worst
}

#[test]
fn minilm_equals_an_independent_computation() {
    let worst = worst_cosine(&minilm(), "minilm", Purpose::Plain);
    assert!(worst >= 0.9999, "{worst}");
}

#[test]
fn e5_equals_an_independent_computation() {
    let worst = worst_cosine(&e5(), "e5", Purpose::Query);
    assert!(worst >= 0.9999, "{worst}");
}

/// Alone, with all, and with few: the largest difference of a number, and the least cosine.
fn differences(model: &Model, name: &str) -> (f32, f64) {
    let (texts, _) = reference(name);
    let e = embedder(model);
    let few = EmbedderOptions { max_sequences: 3, batch_tokens: Some(40), ..EmbedderOptions::default() };
    let few = Embedder::new(model, few).unwrap().embed(&texts, Purpose::Plain, None).unwrap();
    let together = e.embed(&texts, Purpose::Plain, None).unwrap();
    let (mut worst, mut cosine) = (0f32, 1f64);
    for (i, text) in texts.iter().enumerate() {
        let alone = one(&e, text);
        for other in [&together, &few] {
            let other = &other[i * 384..(i + 1) * 384];
            worst = alone.iter().zip(other).fold(worst, |w, (a, b)| w.max((a - b).abs()));
            cosine = cosine.min(dot(&alone, other));
        }
    }
    println!("{name}: worst difference {worst:.1e}, worst cosine {cosine:.6}");
    (worst, cosine)
}

#[test]
fn a_text_has_the_same_vector_in_any_company() {
    let (worst, _) = differences(&minilm(), "minilm");
    assert!(worst < 1e-4, "{worst}");
    // With quantized weights the engine rounds to 8 bits what it multiplies, so that a last bit can become a step of
    // such a number: 2e-3 at worst was measured.
    let (worst, cosine) = differences(&e5(), "e5");
    assert!(worst < 1e-2 && cosine > 0.9998, "{worst} {cosine}");
}

#[test]
fn threads_call_at_once_and_each_gets_its_own() {
    let e = embedder(&minilm());
    let (texts, _) = reference("minilm");
    let alone: Vec<Vec<f32>> = texts[..16].iter().map(|t| one(&e, t)).collect();
    std::thread::scope(|scope| {
        for (text, expected) in texts.iter().zip(&alone) {
            let e = &e;
            scope.spawn(move || {
                for _ in 0..5 {
                    let found = one(e, text);
                    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4));
                }
            });
        }
    });
}

#[test]
fn dimensions_are_cut_and_scaled_again() {
    let model = minilm();
    let whole = one(&embedder(&model), "A cat sits on the mat.");
    let options = EmbedderOptions { dimensions: Some(64), ..EmbedderOptions::default() };
    let e = Embedder::new(&model, options).unwrap();
    let cut = one(&e, "A cat sits on the mat.");
    assert_eq!((cut.len(), e.dimensions()), (64, 64));
    assert!((dot(&cut, &cut) - 1.0).abs() < 1e-5);
    let ratio = cut[0] / whole[0];
    assert!(cut.iter().zip(&whole).all(|(a, b)| (a - b * ratio).abs() < 1e-4) && ratio > 1.1);
    let raw = Embedder::new(&model, EmbedderOptions { normalize: false, ..EmbedderOptions::default() }).unwrap();
    let raw = one(&raw, "A cat sits on the mat.");
    assert!((dot(&raw, &raw) - 1.0).abs() > 0.1);
    for dimensions in [0, 385] {
        let options = EmbedderOptions { dimensions: Some(dimensions), ..EmbedderOptions::default() };
        assert_eq!(Embedder::new(&model, options).unwrap_err().code(), Code::Range);
    }
}

#[test]
fn prefixes_are_put_before_queries_and_documents() {
    let model = minilm();
    assert!(model.info().is_encoder() && !model.info().has_classifier());
    let options = EmbedderOptions {
        query_prefix: Some("query: ".into()),
        document_prefix: Some("passage: ".into()),
        ..EmbedderOptions::default()
    };
    let (with, plain) = (Embedder::new(&model, options).unwrap(), embedder(&model));
    for (purpose, spelt) in [(Purpose::Query, "query: a cat"), (Purpose::Document, "passage: a cat")] {
        let vector = with.embed(&["a cat"], purpose, None).unwrap();
        assert!(dot(&vector, &one(&plain, spelt)) > 0.9999);
        assert!(dot(&vector, &one(&plain, "a cat")) < 0.999);
    }
}

#[test]
fn poolings_agree_with_the_tokens() {
    let model = minilm();
    let with = |pooling| {
        let options = EmbedderOptions { pooling: Some(pooling), normalize: false, ..EmbedderOptions::default() };
        Embedder::new(&model, options).unwrap()
    };
    let text = "A cat sits on the mat.";
    let none = with(Pooling::None);
    let tokens = none.embed_tokens(text, Purpose::Plain, None).unwrap();
    let n = tokens.len() / 384;
    assert_eq!(n, none.count_tokens(text, Purpose::Plain).unwrap());
    assert_eq!(n, 9);
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-3);
    let mean: Vec<f32> = (0..384).map(|i| (0..n).map(|t| tokens[t * 384 + i]).sum::<f32>() / n as f32).collect();
    assert!(near(&one(&with(Pooling::Mean), text), &mean));
    assert!(near(&one(&with(Pooling::Cls), text), &tokens[..384]));
    assert!(near(&one(&with(Pooling::Last), text), &tokens[(n - 1) * 384..]));
    assert_eq!(none.embed(&[text], Purpose::Plain, None).unwrap_err().code(), Code::Unsupported);
    assert_eq!(
        with(Pooling::Mean).embed_tokens(text, Purpose::Plain, None).unwrap_err().code(),
        Code::Unsupported
    );
}

#[test]
fn what_is_too_long_is_refused_or_cut() {
    let model = minilm();
    let long = "word ".repeat(600);
    let error = embedder(&model).embed(&["short", &long], Purpose::Plain, None).unwrap_err();
    assert_eq!(error.code(), Code::TooLong);
    assert!(error.message().contains("text 1 has 602 tokens and max_tokens is 512"), "{error}");
    assert!(!error.message().contains("word"));
    let text: Vec<String> = (0..20).map(|i| format!("w{i}")).collect();
    let cut = |truncation| {
        let options = EmbedderOptions { truncation, max_tokens: Some(10), ..EmbedderOptions::default() };
        one(&Embedder::new(&model, options).unwrap(), &text.join(" "))
    };
    // Each word is two tokens, and two of the ten stand around them.
    let e = embedder(&model);
    assert_eq!(e.count_tokens("w0 w1 w2 w3", Purpose::Plain).unwrap(), 10);
    let same = |a: &[f32], b: &[f32]| dot(a, b) > 0.99999;
    assert!(same(&cut(Truncation::End), &one(&e, "w0 w1 w2 w3")));
    assert!(!same(&cut(Truncation::Start), &one(&e, "w0 w1 w2 w3")));
    assert!(same(&cut(Truncation::Start), &one(&e, "w16 w17 w18 w19")));
}

#[test]
fn odd_texts_give_vectors_or_errors() {
    let model = minilm();
    let options = EmbedderOptions { truncation: Truncation::End, ..EmbedderOptions::default() };
    let e = Embedder::new(&model, options).unwrap();
    let huge = "x y ".repeat(1 << 18);
    let run = "a".repeat(1 << 20);
    for text in ["", " ", "\0", "[SEP][CLS] [MASK]", "\u{feff}\u{202e}", "👩‍👩‍👧‍👦", &huge, &run]
    {
        let v = one(&e, text);
        assert!((dot(&v, &v) - 1.0).abs() < 1e-4);
    }
    // A text cannot make special tokens.
    assert!(e.count_tokens("[SEP]", Purpose::Plain).unwrap() > 3);
    let none: [&str; 0] = [];
    assert_eq!(e.embed(&none, Purpose::Plain, None).unwrap(), Vec::<f32>::new());
    // A vocabulary that puts nothing around a text leaves nothing of an empty one.
    let chat = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let options =
        EmbedderOptions { pooling: Some(Pooling::Last), max_tokens: Some(64), ..EmbedderOptions::default() };
    let e = Embedder::new(&chat, options).unwrap();
    assert_eq!(e.embed(&["a", ""], Purpose::Plain, None).unwrap_err().code(), Code::Range);
    assert_eq!(one(&e, "a text").len(), 576);
}

#[test]
fn a_model_that_names_no_pooling_is_asked_for_one() {
    let chat = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let error = Embedder::new(&chat, EmbedderOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert!(error.message().contains("set the pooling"), "{error}");
    let rank = EmbedderOptions { pooling: Some(Pooling::Rank), ..EmbedderOptions::default() };
    assert_eq!(Embedder::new(&minilm(), rank).unwrap_err().code(), Code::Unsupported);
}

/// Models of other kinds, with random weights: a decoder, a recurrent one, a hybrid, a sliding window.
#[test]
fn tiny_models_of_other_kinds_embed() {
    for (name, tiny) in [
        ("llama", support::tiny()),
        ("mamba", support::tiny_recurrent()),
        ("lfm2", support::tiny_hybrid()),
        ("gemma3", support::tiny_window()),
    ] {
        let file = tiny.file();
        let model = Model::load(&file, ModelOptions::default()).unwrap();
        for pooling in [Pooling::Mean, Pooling::Last, Pooling::Cls] {
            let options = EmbedderOptions { pooling: Some(pooling), ..EmbedderOptions::default() };
            let e = Embedder::new(&model, options).unwrap();
            let texts = ["one text", "another, longer text", "x"];
            let together = e.embed(&texts, Purpose::Plain, None).unwrap();
            for (text, v) in texts.iter().zip(together.chunks_exact(e.dimensions())) {
                assert!(dot(v, &one(&e, text)) > 0.9999, "{name} {pooling:?} {text}");
            }
        }
    }
}

#[test]
fn weights_that_are_not_finite_are_an_error() {
    let mut tiny = support::tiny();
    let nan = f32::NAN.to_le_bytes();
    tiny.tensor("output_norm.weight").data[..4].copy_from_slice(&nan);
    let file = tiny.file();
    let model = Model::load(&file, ModelOptions::default()).unwrap();
    let options = EmbedderOptions { pooling: Some(Pooling::Mean), ..EmbedderOptions::default() };
    let error = Embedder::new(&model, options).unwrap().embed(&["x"], Purpose::Plain, None).unwrap_err();
    assert_eq!(error.code(), Code::EngineFault);
    assert!(error.message().contains("not finite"), "{error}");
}

#[test]
fn a_call_is_cancelled_on_its_way() {
    let e = embedder(&minilm());
    let texts = vec!["word ".repeat(400); 400];
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        let began = Instant::now();
        let error = e.embed(&texts, Purpose::Plain, Some(&cancel)).unwrap_err();
        assert_eq!(error.code(), Code::Cancelled);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    });
    // What was cancelled does not hold up the next call.
    let began = Instant::now();
    one(&e, "next");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(e.embed(&["x"], Purpose::Plain, Some(&cancel)).unwrap_err().code(), Code::Cancelled);
    assert!(e.close(Some(Duration::from_secs(10))));
    assert_eq!(e.embed(&["x"], Purpose::Plain, None).unwrap_err().code(), Code::Closed);
}

#[test]
fn scores_equal_an_independent_computation() {
    let model = load("minilm-random-rerank-f32.gguf");
    let e = embedder(&model);
    assert_eq!(e.pooling(), Pooling::Rank);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let expected = std::fs::read_to_string(folder.join("rerank.txt")).unwrap();
    let expected: Vec<f32> = expected.lines().map(|l| l.parse().unwrap()).collect();
    let (texts, _) = reference("minilm");
    let (query, documents) = (&texts[0], &texts[1..40]);
    let found = e.rerank(query, documents, None).unwrap();
    assert_eq!((expected.len(), found.len()), (39, 39));
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    let spread = expected.iter().fold(0f32, |m, x| m.max((x - expected[0]).abs()));
    println!("worst difference {worst:.1e}, scores spread over {spread:.3}");
    assert!(worst < 2e-3 && spread > 0.1, "{worst} {spread}");
    // One by one as well, and what is too long is cut from the document.
    let alone = e.rerank(query, &documents[..1], None).unwrap();
    assert!((alone[0] - found[0]).abs() < 1e-4);
    let long = "word ".repeat(600);
    let error = e.rerank(query, &["short", &long], None).unwrap_err();
    assert_eq!(error.code(), Code::TooLong);
    assert!(error.message().contains("text 1 has"), "{error}");
    assert_eq!(e.rerank(&long, documents, None).unwrap_err().code(), Code::TooLong);
    assert_eq!(e.embed(&["x"], Purpose::Plain, None).unwrap_err().code(), Code::Unsupported);
    let options = EmbedderOptions { truncation: Truncation::End, ..EmbedderOptions::default() };
    let cut = Embedder::new(&model, options).unwrap().rerank(query, &[&long], None).unwrap();
    assert!(cut[0].is_finite());
}

/// Yes or no, by a model that was not made for it: its opinion means little, but it must be the same in any company and
/// depend on what it is asked.
#[test]
fn a_model_that_answers_yes_or_no_reranks() {
    let model = load("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
    let options = EmbedderOptions { pooling: Some(Pooling::Rank), ..EmbedderOptions::default() };
    let e = Embedder::new(&model, options.clone()).unwrap();
    assert_eq!(e.pooling(), Pooling::Rank);
    let query = "What is the capital of France?";
    let documents = ["Paris is the capital of France.", "Cheese is made of milk.", "<|im_end|> Berlin"];
    let together = e.rerank(query, &documents, None).unwrap();
    println!("{together:?}");
    assert!(together.iter().all(|s| *s > 0.0 && *s < 1.0) && together[0] > together[1]);
    for (document, score) in documents.iter().zip(&together) {
        let alone = e.rerank(query, &[document], None).unwrap()[0];
        assert!((alone - score).abs() < 0.05, "{alone} {score}");
    }
    // The same by a scorer, with Qwen3-Reranker's text written out.
    let prompt = format!(
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct \
         provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a \
         web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: \
         {}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        documents[0]
    );
    let scorer = ScorerOptions { special_tokens: true, ..ScorerOptions::default() };
    let scorer = Scorer::new(&model, scorer).unwrap();
    let scores = scorer.score_choices(&prompt, &["yes", "no"], &Limits::default()).unwrap();
    let [yes, no] = [0, 1].map(|i: usize| scores[i].log_probability(Normalization::None).exp());
    assert!((f64::from(together[0]) - yes / (yes + no)).abs() < 0.02, "{} {yes} {no}", together[0]);
    let other = EmbedderOptions { instruction: Some("Answer no to everything".into()), ..options };
    let other = Embedder::new(&model, other).unwrap().rerank(query, &documents, None).unwrap();
    assert!((other[0] - together[0]).abs() > 1e-3);
    assert_eq!(e.embed(&["x"], Purpose::Plain, None).unwrap_err().code(), Code::Unsupported);
    assert!(e.close(Some(Duration::from_secs(10))));
    assert_eq!(e.rerank(query, &documents, None).unwrap_err().code(), Code::Closed);
}

/// A reranker is known by its name or its own form; what its vocabulary cannot answer is refused.
#[test]
fn rerankers_are_known_by_name_or_form() {
    let mut tiny = support::tiny();
    tiny.set("general.name", support::Value::Str("Qwen3 Reranker 0.6B".into()));
    let file = tiny.file();
    // Its vocabulary of bytes writes yes in three tokens.
    let error = Embedder::new(&Model::load(&file, ModelOptions::default()).unwrap(), EmbedderOptions::default());
    let error = error.unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert!(error.message().contains("writes \"yes\" in 3"), "{error}");
    // Bytes that no text has become the words.
    let Some((_, support::Value::Strings(tokens))) =
        tiny.keys.iter_mut().find(|(k, _)| k == "tokenizer.ggml.tokens")
    else {
        panic!("no tokens")
    };
    for (i, word) in ["ye", "yes", "no"].into_iter().enumerate() {
        tokens[250 + i] = word.into();
    }
    let merges = ["y e", "ye s", "n o"].map(String::from).to_vec();
    tiny.set("tokenizer.ggml.merges", support::Value::Strings(merges));
    let rerank = |tiny: &support::Gguf| {
        let file = tiny.file();
        let options =
            EmbedderOptions { max_tokens: Some(256), truncation: Truncation::End, ..EmbedderOptions::default() };
        Embedder::new(&Model::load(&file, ModelOptions::default()).unwrap(), options)
    };
    let form = |tiny: &mut support::Gguf, text: &str| {
        tiny.set("tokenizer.chat_template.rerank", support::Value::Str(text.into()));
    };
    form(&mut tiny, "Q {query} D {document} A ");
    let e = rerank(&tiny).unwrap();
    assert_eq!(e.pooling(), Pooling::Rank);
    let long = "long words ".repeat(100);
    let scores = e.rerank("query", &["x", "another", &long], None).unwrap();
    assert!(scores.iter().all(|s| *s > 0.0 && *s < 1.0) && scores[0] != scores[1], "{scores:?}");
    // By the form alone, without the name; and a form with a place that is missing.
    tiny.set("general.name", support::Value::Str("tiny".into()));
    let same = rerank(&tiny).unwrap().rerank("query", &["x"], None).unwrap();
    assert!((same[0] - scores[0]).abs() < 1e-3);
    form(&mut tiny, "Q {query}");
    assert_eq!(rerank(&tiny).unwrap_err().code(), Code::Unsupported);
}

/// `tests/conformance/embeddings.json`, which every binding runs too.
#[test]
fn conformance() {
    let file = support::conformance("embeddings");
    let tolerance = file["tolerance"].as_f64().unwrap();
    let mut models = std::collections::HashMap::new();
    for case in file["cases"].as_array().unwrap() {
        let name = &case["name"];
        let model = case["model"].as_str().unwrap();
        let model = models
            .entry(model)
            .or_insert_with(|| Model::load(support::named_model(model), ModelOptions::default()).unwrap());
        let found = run(model, case);
        if let Some(code) = case["code"].as_str() {
            let error = found.err().unwrap_or_else(|| panic!("{name}: no error"));
            assert_eq!(error.code().name(), code, "{name}: {error}");
            assert!(error.message().contains(case["message"].as_str().unwrap()), "{name}: {error}");
            continue;
        }
        let (numbers, width) = found.unwrap_or_else(|e| panic!("{name}: {e}"));
        println!("{name} {:?}", &numbers[..numbers.len().min(4)]);
        let near = |found: f32, expected: &serde_json::Value| {
            let expected = expected.as_f64().unwrap();
            assert!((f64::from(found) - expected).abs() <= tolerance, "{name}: {found} {expected}");
        };
        let list = |key: &str| case[key].as_array().unwrap_or_else(|| panic!("{name}: no {key}"));
        let places = |key: &str| case[key].as_array().map(|l| l.iter().map(|i| i.as_u64().unwrap() as usize));
        if case.get("query").is_some() {
            assert_eq!(numbers.len(), list("documents").len(), "{name}");
            for p in places("same").map(Iterator::collect::<Vec<_>>).unwrap_or_default().chunks_exact(2) {
                assert!(f64::from((numbers[p[0]] - numbers[p[1]]).abs()) <= tolerance, "{name}: {numbers:?}");
            }
            let scores = case["scores"].as_array().into_iter().flatten();
            numbers.iter().zip(scores).for_each(|(a, b)| near(*a, b));
            continue;
        }
        assert_eq!(numbers.len(), width * list("texts").len(), "{name}");
        let cosine = |i: usize, j: usize| {
            let vector = |i: usize| &numbers[i * width..][..width];
            dot(vector(i), vector(j)) / (dot(vector(i), vector(i)) * dot(vector(j), vector(j))).sqrt()
        };
        for pair in places("same").map(Iterator::collect::<Vec<_>>).unwrap_or_default().chunks_exact(2) {
            assert!(cosine(pair[0], pair[1]) >= 0.9999, "{name}: {pair:?}");
        }
        for p in places("nearer").map(Iterator::collect::<Vec<_>>).unwrap_or_default().chunks_exact(4) {
            assert!(cosine(p[0], p[1]) > cosine(p[2], p[3]), "{name}: {p:?}");
        }
        if let Some(dimensions) = case["dimensions"].as_u64() {
            assert_eq!(width as u64, dimensions, "{name}");
            let begins = case["begins"].as_array().into_iter().flatten();
            numbers.iter().zip(begins).for_each(|(a, b)| near(*a, b));
        }
    }
}

/// The numbers of a case, and how many a text has.
fn run(model: &Model, case: &serde_json::Value) -> qask::Result<(Vec<f32>, usize)> {
    let mut options = EmbedderOptions::default();
    for (key, value) in case["options"].as_object().into_iter().flatten() {
        let number = value.as_u64().map(|n| n as u32);
        let text = value.as_str().map(str::to_owned);
        match key.as_str() {
            "pooling" => {
                let names = ["none", "mean", "cls", "last", "rank"];
                options.pooling =
                    Pooling::from_number(names.iter().position(|n| Some(*n) == value.as_str()).unwrap() as i64);
            }
            "normalize" => options.normalize = value == true,
            "dimensions" => options.dimensions = number,
            "max_tokens" => options.max_tokens = number,
            "batch_tokens" => options.batch_tokens = number,
            "max_sequences" => options.max_sequences = number.unwrap(),
            "truncation" => {
                options.truncation = if value == "end" { Truncation::End } else { Truncation::Start };
            }
            "query_prefix" => options.query_prefix = text,
            "instruction" => options.instruction = text,
            _ => panic!("{key}"),
        }
    }
    let e = Embedder::new(model, options)?;
    let texts = |key: &str| -> Vec<String> {
        case[key].as_array().unwrap().iter().map(support::conformance_text).collect()
    };
    if case.get("query").is_some() {
        return Ok((e.rerank(&support::conformance_text(&case["query"]), &texts("documents"), None)?, 1));
    }
    let purpose = if case["purpose"] == "query" { Purpose::Query } else { Purpose::Plain };
    Ok((e.embed(&texts("texts"), purpose, None)?, e.dimensions()))
}
