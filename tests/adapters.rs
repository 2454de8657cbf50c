//! Adapters: one of zeros changes nothing, another does; requests with different ones run side by side, each as alone;
//! files that are damaged or belong to another model are refused.

mod support;

use qask::{
    Adapter, AdapterKind, Code, Engine, EngineOptions, Event, FinishReason, Model, ModelOptions, Next, Request,
    Sampling, Stream,
};
use support::{Gguf, Value};

fn smollm2() -> Model {
    Model::load(support::smollm2(), ModelOptions::default()).expect("the model loads")
}

fn tiny() -> Model {
    Model::load(support::tiny().file(), ModelOptions::default()).expect("the fixture loads")
}

/// SmolLM2-135M is 576 wide and has 30 layers.
fn smollm2_lora(size: f32, seed: u64) -> Gguf {
    let matrices: Vec<_> = (0..30)
        .flat_map(|i| ["attn_q", "attn_output"].map(|n| (format!("blk.{i}.{n}.weight"), 576, 576)))
        .collect();
    support::lora("llama", &matrices, size, seed)
}

fn request(prompt: &str, adapters: &[(Adapter, f32)]) -> Request {
    let mut request = Request::text(prompt).sampling(Sampling::greedy()).max_tokens(12);
    request.ignore_eos = true;
    request.return_tokens = true;
    request.logprobs = Some(2);
    request.adapters = adapters.to_vec();
    request
}

/// The tokens with their leads, and how many of the prompt's were cached.
fn collect(mut stream: Stream) -> (Vec<(i32, f32)>, u32) {
    let mut tokens = Vec::new();
    loop {
        match stream.next(None).expect("an event") {
            Next::Event(Event::Text(t)) => {
                tokens.extend(t.tokens.iter().copied().zip(t.logprobs.iter().map(|l| l.top[0].1 - l.top[1].1)));
            }
            Next::Event(Event::Done(done)) => {
                assert_eq!(done.reason, FinishReason::Length);
                return (tokens, done.usage.cached_tokens);
            }
            _ => {}
        }
    }
}

/// Equal up to the first token whose lead another shape of the batch may take (tests/engine.rs tells the margin).
fn same(a: &[(i32, f32)], b: &[(i32, f32)], margin: f32) -> bool {
    a.iter().zip(b).find(|(x, y)| x.0 != y.0).is_none_or(|(_, y)| y.1 < margin)
}

#[test]
fn a_lora_of_zeros_changes_nothing_and_another_does() {
    let model = smollm2();
    let options = EngineOptions { deterministic: true, n_ctx: Some(512), ..EngineOptions::default() };
    let engine = Engine::new(&model, options).expect("the engine starts");
    let load = |size, seed| Adapter::load(&model, smollm2_lora(size, seed).file()).expect("the adapter loads");
    let (zero, one, other) = (load(0.0, 1), load(1.0, 1), load(1.0, 2));
    assert_eq!(zero.kind(), AdapterKind::Lora);
    let say = |adapters: &[(Adapter, f32)]| {
        let (tokens, _) = collect(engine.submit(&request("Once upon a time", adapters)).expect("queued"));
        tokens.iter().map(|t| t.0).collect::<Vec<_>>()
    };
    let plain = say(&[]);
    assert_eq!(say(&[(zero.clone(), 1.0)]), plain);
    assert_eq!(say(&[(one.clone(), 0.0)]), plain);
    let changed = say(&[(one.clone(), 1.0)]);
    assert_ne!(changed, plain);
    assert_ne!(say(&[(other.clone(), 1.0)]), changed);
    assert_ne!(say(&[(one.clone(), 1.0), (other, 1.0)]), changed);
    assert_eq!(say(&[(one, 1.0)]), changed);
    assert_eq!(say(&[]), plain);
}

#[test]
fn different_adapters_run_side_by_side() {
    let model = smollm2();
    let engine = || {
        let options = EngineOptions { n_ctx: Some(512), threads: Some(2), ..EngineOptions::default() };
        Engine::new(&model, options).expect("the engine starts")
    };
    // Small, so that the model's sense for what comes next stays: noise has no leads to tell by.
    let load = |seed| Adapter::load(&model, smollm2_lora(0.4, seed).file()).expect("the adapter loads");
    let vector = support::control_vector(576, 30, 0.3, 9);
    let vector = Adapter::load(&model, vector.file()).expect("the control vector loads");
    assert_eq!(vector.kind(), AdapterKind::ControlVector);
    let (one, other) = (load(1), load(2));
    let sets: [Vec<(Adapter, f32)>; 5] = [
        vec![],
        vec![(one.clone(), 1.0)],
        vec![(other.clone(), 0.5)],
        vec![(one, 1.0), (other, 1.0)],
        vec![(vector, 1.0)],
    ];
    let prompt = "The lighthouse keeper opened the door and";
    let alone: Vec<_> =
        sets.iter().map(|s| collect(engine().submit(&request(prompt, s)).expect("queued")).0).collect();
    for (i, a) in alone.iter().enumerate() {
        assert!(alone[..i].iter().all(|b| a.iter().zip(b).any(|(x, y)| x.0 != y.0)), "set {i} is like another");
    }
    let together = engine();
    for round in 0..2 {
        let streams: Vec<_> =
            (0..10).map(|i| together.submit(&request(prompt, &sets[i % 5])).expect("queued")).collect();
        for (i, stream) in streams.into_iter().enumerate() {
            let (tokens, cached) = collect(stream);
            assert!(same(&tokens, &alone[i % 5], 0.3), "round {round}, stream {i}");
            assert!(round == 0 || cached > 0, "a prefix of the same adapters is reused");
        }
    }
    assert_eq!(together.stats().finished, 20);
}

/// Behind its invocation tokens an activated LoRA is a LoRA; before them, and without them, it is nothing.
#[test]
fn an_activated_lora_acts_behind_its_tokens() {
    let model = tiny();
    let engine = |cache| {
        let options = EngineOptions { prefix_cache: cache, threads: Some(1), ..EngineOptions::default() };
        Engine::new(&model, options).expect("the engine starts")
    };
    let mut file = support::tiny_lora(4.0, 3);
    let plain_lora = Adapter::load(&model, file.file()).expect("the adapter loads");
    let switch = model.tokenize("##", false, false).expect("tokens");
    file.set("adapter.alora.invocation_tokens", Value::Unsigned(switch.iter().map(|t| *t as u32).collect()));
    let activated = Adapter::load(&model, file.file()).expect("the adapter loads");
    assert_eq!(activated.kind(), AdapterKind::ActivatedLora);

    let say = |engine: &Engine, prompt: &str, adapters: &[(Adapter, f32)]| {
        collect(engine.submit(&request(prompt, adapters)).expect("queued")).0
    };
    let fresh = engine(false);
    let (with, without) = ("a long beginning ## and the end", "a long beginning and the end");
    let on = [(activated.clone(), 1.0)];
    let all = [(plain_lora, 1.0)];
    for cached in [engine(true), engine(false)] {
        assert!(same(&say(&cached, without, &on), &say(&fresh, without, &[]), 0.01), "without its tokens");
        assert!(same(&say(&cached, with, &on), &say(&fresh, with, &on), 0.01), "with or without a cache");
    }
    assert!(!same(&say(&fresh, with, &on), &say(&fresh, with, &[]), 0.01), "it acts");
    assert!(!same(&say(&fresh, with, &on), &say(&fresh, with, &all), 0.01), "but not on what stands before");
    // A prompt that begins with its tokens is changed as a whole.
    assert!(same(&say(&fresh, "## and the end", &on), &say(&fresh, "## and the end", &all), 0.01));
}

#[test]
fn adapters_that_do_not_fit_are_refused() {
    let model = tiny();
    let refused = |change: &dyn Fn(&mut Gguf)| {
        let mut file = support::tiny_lora(1.0, 1);
        change(&mut file);
        Adapter::load(&model, file.file()).expect_err("refused")
    };
    let text = |s: &str| Value::Str(s.to_owned());
    let cases = [
        (refused(&|g| g.set("general.architecture", text("qwen2"))), "\"qwen2\" and the model is \"llama\""),
        (refused(&|g| g.remove("general.architecture")), "general.architecture is missing"),
        (refused(&|g| g.set("general.type", text("model"))), "general.type"),
        (refused(&|g| g.set("general.type", Value::U32(3))), "general.type"),
        (refused(&|g| g.set("adapter.type", text("dora"))), "adapter.type"),
        (refused(&|g| g.set("adapter.lora.alpha", text("8"))), "adapter.lora.alpha"),
        (refused(&|g| g.set("adapter.lora.alpha", Value::F32(f32::NAN))), "adapter.lora.alpha"),
        (refused(&|g| g.set("adapter.alora.invocation_tokens", Value::Unsigned(vec![9999]))), "9999"),
        (refused(&|g| g.set("adapter.alora.invocation_tokens", Value::Unsigned(vec![]))), "0 tokens"),
        (refused(&|g| g.set("adapter.alora.invocation_tokens", Value::U32(1))), "invocation_tokens"),
        (refused(&|g| g.tensors.truncate(1)), "missing one component"),
        (refused(&|g| g.tensors.clear()), "it would change nothing"),
        (refused(&|g| g.tensors[0].name = "blk.7.attn_q.weight.lora_a".into()), "missing one component"),
        (
            refused(&|g| {
                g.tensors[0].name = "blk.7.attn_q.weight.lora_a".into();
                g.tensors[1].name = "blk.7.attn_q.weight.lora_b".into();
            }),
            "does not exist in base model",
        ),
        (refused(&|g| g.tensors[0].dims = vec![16, 8]), "incorrect shape"),
        (refused(&|g| g.tensors[0].dims = vec![128]), "must be a matrix"),
        (refused(&|g| g.tensors[0].name = "blk.0.attn_q.weight.lora_c".into()), "lora_c"),
    ];
    for (error, words) in &cases {
        assert_eq!(error.code(), Code::Invalid, "{error}");
        assert!(error.message().contains(words), "{words}: {error}");
    }
    let vector = |width, layers| {
        Adapter::load(&model, support::control_vector(width, layers, 1.0, 1).file()).expect_err("refused")
    };
    assert!(vector(32, 3).message().contains("layer 1"), "the tiny model has one layer");
    assert!(vector(32, 1).message().contains("change nothing"));
    assert_eq!(Adapter::load(&model, "/no/such.gguf").expect_err("missing").code(), Code::NotFound);

    // Every prefix is an error; flipped bits are an error or an answer.
    let bytes = support::tiny_lora(1.0, 1).bytes();
    for end in (0..bytes.len()).step_by(37) {
        Adapter::load(&model, support::file_of(&bytes[..end])).expect_err("cut off");
    }
    let engine = Engine::new(&model, EngineOptions::default()).expect("the engine starts");
    let mut answered = 0;
    for i in 0..2_000usize {
        let mut flipped = bytes.clone();
        let at = i * 7919 % bytes.len();
        flipped[at] ^= 1 << (i % 8);
        let Ok(adapter) = Adapter::load(&model, support::file_of(&flipped)) else { continue };
        let mut request = Request::text("abc").sampling(Sampling::greedy()).max_tokens(2);
        request.adapters = vec![(adapter, 1.0)];
        match engine.submit(&request).expect("queued").collect_text() {
            Ok(_) => answered += 1,
            // Weights that became NaN or huge.
            Err(e) => assert_eq!(e.code(), Code::Invalid, "{e}"),
        }
    }
    assert!(answered > 100, "{answered} adapters with a flipped bit answered");
    engine.submit(&Request::text("abc").max_tokens(2)).expect("queued").collect_text().expect("the engine lives");
}

#[test]
fn requests_are_checked() {
    let (model, other) = (tiny(), tiny());
    let engine = Engine::new(&model, EngineOptions::default()).expect("the engine starts");
    let adapter = Adapter::load(&model, support::tiny_lora(1.0, 1).file()).expect("the adapter loads");
    let foreign = Adapter::load(&other, support::tiny_lora(1.0, 1).file()).expect("the adapter loads");
    let submit = |adapters: &[(Adapter, f32)]| engine.submit(&request("abc", adapters)).map(drop);
    for (adapters, words) in [
        (vec![(foreign, 1.0)], "another model"),
        (vec![(adapter.clone(), f32::NAN)], "scale is NaN"),
        (vec![(adapter.clone(), 1.0), (adapter.clone(), 2.0)], "twice"),
    ] {
        let error = submit(&adapters).expect_err("refused");
        assert_eq!(error.code(), Code::Range);
        assert!(error.message().contains(words), "{error}");
    }
    // Dropped while a request runs, it goes on.
    let mut long = request("abc", &[(adapter.clone(), 1.0)]);
    long.max_tokens = Some(200);
    let stream = engine.submit(&long).expect("queued");
    drop((adapter, long, model));
    assert_eq!(collect(stream).0.len(), 200);
}
