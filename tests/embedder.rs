//! Embeddings: equal to an independent computation, the same in any company, and errors for what cannot be embedded.

mod support;

use std::time::{Duration, Instant};

use qask::{Cancel, Code, Embedder, EmbedderOptions, Engine, EngineOptions, Model, ModelOptions, Pooling, Purpose, Truncation};

fn load(file: &str) -> Model {
    Model::load(support::model(file), ModelOptions::default()).expect("a model")
}

fn minilm() -> Model {
    load("all-minilm-l6-v2-f16.gguf")
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
