//! Bad input is an error with a message of its own, and the process lives.

mod support;

use qask::engine::{CacheType, FlashAttention};
use qask::{
    Code, Engine, EngineOptions, Event, FinishReason, Message, Model, ModelOptions, Next, Request, Sampling,
};
use support::{tiny, Gguf, Value};

fn load(path: impl AsRef<std::path::Path>) -> Result<Model, qask::Error> {
    Model::load(path.as_ref(), ModelOptions::default())
}

fn refused(change: impl FnOnce(&mut Gguf)) -> qask::Error {
    let mut gguf = tiny();
    change(&mut gguf);
    let file = gguf.file();
    load(&file).expect_err("refused")
}

fn engine() -> Engine {
    Engine::new(&load(tiny().file()).unwrap(), EngineOptions::default()).unwrap()
}

fn failure(engine: &Engine, request: &Request) -> qask::Error {
    engine.submit(request).unwrap().collect_text().expect_err("a failure")
}

#[test]
fn the_tiny_model_is_good() {
    let model = load(tiny().file()).unwrap();
    assert_eq!(model.info().architecture, "llama");
    assert_eq!(model.vocabulary_size(), 259);
    let (_, done) = engine().submit(&Request::text("abc").max_tokens(8)).unwrap().collect_text().unwrap();
    assert_eq!(done.usage.prompt_tokens, 3);
}

#[test]
fn files_that_are_no_models() {
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"GG", "too short"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"{\"error\":\"not found\"}", "JSON"),
        (b"hello, this is just some text in a file", "text file"),
        (b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaa", "zip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        (b"GGUF\x00\x00\x00\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "big-endian"),
        (b"GGUF\x09\x00\x00\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "version 9"),
        (b"GGUF\x01\x00\x00\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "version 1"),
    ] {
        let e = load(support::file_of(bytes)).unwrap_err();
        assert_eq!(e.code(), Code::Invalid, "{e}");
        assert!(e.message().contains(words), "{words}: {e}");
    }
    assert_eq!(load("/no/such/file.gguf").unwrap_err().code(), Code::NotFound);
    assert!(load(std::env::temp_dir()).unwrap_err().message().contains("directory"));
    #[cfg(unix)]
    for path in ["/dev/zero", "/dev/null"] {
        assert!(load(path).unwrap_err().message().contains("not a regular file"));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe.gguf");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (send, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(load(path).map(drop)));
    let e = answer.recv_timeout(std::time::Duration::from_secs(20)).expect("an answer").unwrap_err();
    assert!(e.message().contains("not a regular file"), "{e}");
}

#[test]
fn every_prefix_of_a_model_is_an_error() {
    let bytes = tiny().bytes();
    let big = std::fs::read(support::smollm2()).unwrap();
    for end in (0..bytes.len()).step_by(61) {
        assert!(load(support::file_of(&bytes[..end])).is_err(), "{end} bytes of a tiny model");
    }
    for end in (0..4 << 20).step_by(4096).chain([big.len() / 2, big.len() - 4096, big.len() - 1]) {
        let e = qask::gguf::inspect_source(&big[..end]).expect_err("refused");
        assert!(matches!(e.code(), Code::Invalid | Code::Io), "{end}: {e}");
    }
}

#[test]
fn models_that_llama_cpp_would_abort_on() {
    let u = |n| Value::U32(n);
    let mut cases: Vec<(qask::Error, Code, &str)> = vec![
        (refused(|g| g.set("general.architecture", Value::Str("zzz".into()))), Code::UnsupportedArch, "zzz"),
        (refused(|g| g.set("general.type", Value::Str("adapter".into()))), Code::Invalid, "LoRA"),
        (refused(|g| g.set("general.alignment", u(8))), Code::Invalid, "general.alignment"),
        (refused(|g| g.set("llama.block_count", u(0))), Code::Invalid, "block_count"),
        (refused(|g| g.set("llama.block_count", u(100_000))), Code::Invalid, "block_count"),
        (refused(|g| g.set("llama.block_count", Value::F32(1.0))), Code::Invalid, "block_count"),
        (refused(|g| g.set("llama.attention.head_count", u(0))), Code::Invalid, "head_count"),
        (refused(|g| g.set("llama.attention.head_count", u(3))), Code::Invalid, ""),
        (refused(|g| g.set("llama.context_length", u(0))), Code::Invalid, "context_length"),
        (refused(|g| g.set("llama.rope.freq_base", Value::F32(0.0))), Code::Invalid, "freq_base"),
        (refused(|g| g.set("llama.rope.scaling.type", Value::Str("odd".into()))), Code::Invalid, "scaling"),
        (refused(|g| g.set("llama.attention.layer_norm_rms_epsilon", Value::F32(-1.0))), Code::Invalid, "epsilon"),
        (refused(|g| g.set("llama.pooling_type", u(77))), Code::Invalid, "pooling"),
        (refused(|g| g.set("tokenizer.ggml.model", Value::Str("odd".into()))), Code::Invalid, "tokenizer"),
        (refused(|g| g.set("tokenizer.ggml.pre", Value::Str("odd".into()))), Code::Invalid, "tokenizer.ggml.pre"),
        (refused(|g| g.remove("tokenizer.ggml.tokens")), Code::Invalid, "tokens"),
        (refused(|g| g.remove("general.architecture")), Code::Invalid, "general.architecture"),
        (refused(|g| g.keys.push(("general.name".into(), Value::Str("again".into())))), Code::Invalid, "twice"),
        (
            refused(|g| g.tensor("blk.0.attn_norm.weight").name = "output_norm.weight".into()),
            Code::Invalid,
            "twice",
        ),
        (refused(|g| g.tensor("output.weight").kind = 26), Code::Invalid, "I32"),
        (refused(|g| g.tensor("output.weight").kind = 999), Code::Invalid, "type 999"),
        (refused(|g| g.tensor("output.weight").dims = vec![1 << 40, 1 << 40]), Code::Invalid, "overflow"),
        (refused(|g| g.tensor("output.weight").dims = vec![32, 1 << 20]), Code::Invalid, ""),
        (refused(|g| g.tensors.retain(|t| t.name != "blk.0.ffn_up.weight")), Code::Invalid, "ffn_up"),
    ];
    let duplicate = refused(|g| {
        let Some((_, Value::Strings(tokens))) = g.keys.iter_mut().find(|(k, _)| k == "tokenizer.ggml.tokens")
        else {
            panic!()
        };
        tokens[7] = tokens[8].clone();
    });
    cases.push((duplicate, Code::Invalid, "same as token"));
    for (e, code, words) in cases {
        assert_eq!(e.code(), code, "{words}: {e}");
        assert!(e.message().contains(words), "{words}: {e}");
        assert!(!e.message().contains("null result") && !e.message().contains("/src/"), "{e}");
    }
}

/// llama.cpp would write outside of an array by an id that is none.
#[test]
fn tables_of_expert_ids_are_checked() {
    let with = |ids: [i32; 2], kind: u32| {
        let mut gguf = tiny();
        gguf.set("llama.expert_count", Value::U32(4));
        gguf.set("llama.expert_used_count", Value::U32(2));
        let data = ids.iter().flat_map(|id| id.to_le_bytes()).cycle().take(259 * 8).collect();
        let name = "blk.0.ffn_gate_tid2eid.weight".to_owned();
        gguf.tensors.push(support::Tensor { name, dims: vec![2, 259], kind, data });
        qask::gguf::inspect_source(&gguf.bytes()[..])
    };
    with([0, 3], 26).expect("ids of experts");
    for (ids, kind) in [([0, 4], 26), ([-1, 0], 26), ([i32::MIN, i32::MAX], 26), ([0, 3], 0)] {
        let e = with(ids, kind).expect_err("refused");
        assert!(e.code() == Code::Invalid && (e.message().contains("expert") || kind == 0), "{e}");
    }
}

/// Names and values of a file are shown cut and without control characters.
#[test]
fn messages_are_short_and_plain() {
    let evil = "\u{1b}[2J\n\r".repeat(50_000);
    let values = || [Value::Str(evil.clone()), Value::Strings(vec![evil.clone(); 3]), Value::I32(-1)];
    for key in [
        "general.alignment",
        "general.architecture",
        "split.count",
        "llama.attention.head_count",
        "tokenizer.ggml.pre",
        "tokenizer.ggml.model",
        "llama.rope.scaling.type",
        &format!("tokenizer.chat_template.{}", &evil[..1_000]),
        &format!("general.sampling.{}", &evil[..1_000]),
    ] {
        for value in values() {
            let mut gguf = tiny();
            gguf.set(key, value);
            let Err(e) = qask::gguf::inspect_source(&gguf.bytes()[..]) else { continue };
            assert!(e.message().len() < 2_000, "{} bytes", e.message().len());
            assert!(!e.message().chars().any(char::is_control), "{:?}", e.message());
        }
    }
}

#[test]
fn a_missing_part_is_named() {
    let mut gguf = tiny();
    gguf.set("split.count", Value::U32(2));
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("m-00001-of-00002.gguf");
    std::fs::write(&first, gguf.bytes()).unwrap();
    let e = load(&first).unwrap_err();
    assert_eq!(e.code(), Code::NotFound);
    assert!(e.message().contains("m-00002-of-00002.gguf"), "{e}");
}

#[test]
fn a_model_inside_another_file() {
    use std::io::{Seek, SeekFrom, Write};
    let bytes = tiny().bytes();
    for offset in [0u64, 64, 77] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; offset as usize]).unwrap();
        file.write_all(&bytes).unwrap();
        file.write_all(b"and something behind").unwrap();
        file.seek(SeekFrom::Start(5)).unwrap();
        let length = bytes.len() as u64;
        let model = Model::load_file(&file, offset, length, ModelOptions::default()).unwrap();
        assert_eq!(file.stream_position().unwrap(), 5);
        assert_eq!(model.vocabulary_size(), 259);
        let e = Model::load_file(&file, offset, length - 64, ModelOptions::default()).unwrap_err();
        assert_eq!(e.code(), Code::Invalid, "{e}");
        let e = Model::load_file(&file, offset, length * 2, ModelOptions::default()).unwrap_err();
        assert_eq!(e.code(), Code::Range, "{e}");
    }
}

#[test]
fn loading_can_be_watched_and_cancelled() {
    let cancel = qask::Cancel::new();
    let raise = cancel.clone();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let options = ModelOptions {
        cancel: Some(cancel),
        progress: Some(Box::new(move |share| {
            log.lock().unwrap().push(share);
            if share > 0.3 {
                raise.cancel();
            }
        })),
        ..ModelOptions::default()
    };
    assert_eq!(Model::load(support::smollm2(), options).unwrap_err().code(), Code::Cancelled);
    assert!(seen.lock().unwrap().len() > 1);
    let options = ModelOptions { mmap: false, repack: false, ..ModelOptions::default() };
    Model::load(support::smollm2(), options).unwrap();
}

#[test]
fn engine_options_out_of_range() {
    let model = load(tiny().file()).unwrap();
    let base = EngineOptions::default;
    for (options, words) in [
        (EngineOptions { n_ctx: Some(0), ..base() }, "n_ctx is 0"),
        (EngineOptions { n_ctx: Some(u32::MAX), ..base() }, "n_ctx is 4294967295"),
        (EngineOptions { n_ctx: Some(257), ..base() }, "trained"),
        (EngineOptions { threads: Some(0), ..base() }, "threads is 0"),
        (EngineOptions { threads: Some(1_000_000), ..base() }, "threads is 1000000"),
        (EngineOptions { threads_batch: Some(0), ..base() }, "threads_batch"),
        (EngineOptions { max_sequences: 0, ..base() }, "max_sequences"),
        (EngineOptions { max_sequences: 100_000, ..base() }, "max_sequences"),
        (EngineOptions { n_batch: 0, ..base() }, "n_batch"),
        (EngineOptions { n_ubatch: 0, ..base() }, "n_ubatch"),
        (EngineOptions { n_ubatch: 1000, ..base() }, "n_ubatch"),
        (EngineOptions { kv_tokens: Some(1), ..base() }, "kv_tokens"),
        (EngineOptions { kv_tokens: Some(u32::MAX), ..base() }, "kv_tokens"),
        (EngineOptions { max_queue: 0, ..base() }, "max_queue"),
        (
            EngineOptions { cache_type_v: CacheType::Q8_0, flash_attention: FlashAttention::Off, ..base() },
            "cache_type_v",
        ),
    ] {
        let e = Engine::new(&model, options).unwrap_err();
        assert_eq!(e.code(), Code::Range, "{e}");
        assert!(e.message().contains(words), "{words}: {e}");
    }
    for options in [
        EngineOptions { n_ctx: Some(2), ..base() },
        EngineOptions { unified_kv: false, ..base() },
        EngineOptions { cache_type_k: CacheType::F16, flash_attention: FlashAttention::Off, ..base() },
        EngineOptions {
            threads: Some(3),
            threads_batch: Some(1),
            max_sequences: 1,
            prefix_cache: false,
            ..base()
        },
    ] {
        let engine = Engine::new(&model, options).unwrap();
        engine.submit(&Request::text("a").max_tokens(2)).unwrap().collect_text().unwrap();
    }
}

#[test]
fn prompts_that_do_not_fit() {
    let engine = engine();
    let e = failure(&engine, &Request::text("x".repeat(300)));
    assert_eq!(e.code(), Code::ContextFull);
    assert!(e.message().contains("n_ctx is 256"), "{e}");
    assert_eq!(failure(&engine, &Request::text("a".repeat(1 << 20))).code(), Code::ContextFull);
    assert_eq!(failure(&engine, &Request::tokens([1, 2, 9999])).code(), Code::Range);
    assert_eq!(failure(&engine, &Request::tokens([-1])).code(), Code::Range);
    assert_eq!(failure(&engine, &Request::infill("a", "b")).code(), Code::Unsupported);
    assert_eq!(engine.submit(&Request::chat([])).err().unwrap().code(), Code::Range);
    let mut bad = Request::chat([Message::user("hi")]);
    bad.template = Some("{% if %}".into());
    assert_eq!(failure(&engine, &bad).code(), Code::Template);
    // The context fills up: the answer ends, the engine goes on.
    let mut endless = Request::text("x".repeat(250));
    endless.ignore_eos = true;
    let (_, done) = engine.submit(&endless).unwrap().collect_text().unwrap();
    assert_eq!((done.reason, done.usage.output_tokens), (FinishReason::Length, 6));
}

/// One letter, a million times, where the tokenizer's expression recurses once a character.
#[test]
fn a_mebibyte_of_one_character() {
    let model = load(support::smollm2()).unwrap();
    for c in ["a", " ", "1", "!", "é", "你"] {
        let text = c.repeat((1 << 20) / c.len());
        match model.tokenize(&text, false, false) {
            Ok(tokens) => assert_eq!(model.detokenize(&tokens, false).unwrap().len(), text.len(), "{c:?}"),
            Err(e) => assert_eq!(e.code(), Code::TooLong, "{e}"),
        }
    }
    let engine = Engine::new(&model, EngineOptions::default()).unwrap();
    assert_eq!(failure(&engine, &Request::text("a".repeat(1 << 20))).code(), Code::ContextFull);
    assert_eq!(failure(&engine, &Request::chat([Message::user("1".repeat(1 << 20))])).code(), Code::ContextFull);
}

#[test]
fn logits_that_are_not_numbers() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut gguf = tiny();
        gguf.tensor("output_norm.weight").data[..4].copy_from_slice(&bad.to_le_bytes());
        let engine = Engine::new(&load(gguf.file()).unwrap(), EngineOptions::default()).unwrap();
        for request in [
            Request::text("abc"),
            Request::text("abc").sampling(Sampling::greedy()),
            Request::text("abc").sampling(Sampling { top_k: Some(0), ..Sampling::default() }),
        ] {
            let e = failure(&engine, &request);
            assert_eq!(e.code(), Code::Invalid);
            assert!(e.message().contains("not finite"), "{e}");
        }
    }
}

#[test]
fn a_small_stack_is_enough() {
    let work = || {
        let engine = engine();
        let chat = Request::chat([Message::user("b".repeat(100))]).max_tokens(3);
        engine.submit(&chat).unwrap().collect_text().unwrap();
        engine.model().tokenize(&"a".repeat(100_000), true, true).unwrap();
        engine.model().render(&chat).unwrap();
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn the_queue_is_bounded() {
    let model = load(tiny().file()).unwrap();
    let options = EngineOptions { max_queue: 2, max_sequences: 1, ..EngineOptions::default() };
    let engine = Engine::new(&model, options).unwrap();
    let mut endless = Request::text("a");
    endless.ignore_eos = true;
    let streams: Vec<_> = (0..20).map(|_| engine.submit(&endless)).collect();
    let full = streams.iter().filter_map(|s| s.as_ref().err()).count();
    assert!(full > 0 && streams.iter().flatten().count() >= 2);
    assert!(streams.iter().filter_map(|s| s.as_ref().err()).all(|e| e.code() == Code::QueueFull));
}

/// A fault inside llama.cpp ends the streams of that engine with its message, and nothing else.
#[cfg(feature = "test-hooks")]
#[test]
fn a_fault_poisons_one_engine_only() {
    let model = load(tiny().file()).unwrap();
    let other = Engine::new(&model, EngineOptions::default()).unwrap();
    let engine = Engine::new(&model, EngineOptions::default()).unwrap();
    let mut endless = Request::text("a");
    endless.ignore_eos = true;
    let mut stream = engine.submit(&endless).unwrap();
    while !matches!(stream.next(None).unwrap(), Next::Event(Event::Text(_))) {}
    engine.provoke_fault().unwrap();
    let reason = loop {
        match stream.next(None).unwrap() {
            Next::Event(Event::Done(done)) => break done.reason,
            Next::Event(_) => {}
            // The tiny context may be full before the fault strikes.
            other => panic!("{other:?}"),
        }
    };
    if let FinishReason::Error(e) = &reason {
        assert_eq!(e.code(), Code::EngineFault);
        assert!(e.message().contains("GGML_ASSERT") && !e.message().contains('/'), "{e}");
    } else {
        assert_eq!(reason, FinishReason::Length);
    }
    let refused = (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        engine.submit(&Request::text("a").max_tokens(1)).err()
    });
    assert_eq!(refused.expect("poisoned").code(), Code::EngineFault);
    other.submit(&Request::text("a").max_tokens(2)).unwrap().collect_text().unwrap();
    let fresh = Engine::new(&model, EngineOptions::default()).unwrap();
    fresh.submit(&Request::text("a").max_tokens(2)).unwrap().collect_text().unwrap();
    load(tiny().file()).unwrap();
}

/// A request that is being prepared while its engine fails ends too: in one of many such races.
#[cfg(feature = "test-hooks")]
#[test]
fn a_fault_ends_requests_that_are_on_their_way() {
    let model = load(tiny().file()).unwrap();
    for round in 0..150 {
        let engine = Engine::new(&model, EngineOptions { n_ctx: Some(64), ..EngineOptions::default() }).unwrap();
        engine.provoke_fault().unwrap();
        let streams = (0..6).map_while(|_| engine.submit(&Request::text("a").max_tokens(100)).ok());
        for mut stream in streams.collect::<Vec<_>>() {
            loop {
                match stream.next(Some(std::time::Duration::from_secs(20))).unwrap() {
                    Next::Event(_) => {}
                    Next::Timeout => panic!("round {round}: a stream of a poisoned engine never ends"),
                    _ => break,
                }
            }
        }
    }
}

/// A bad template says so when messages are rendered; whoever brings a prompt or a template of his own never meets it.
#[test]
fn a_bad_template_is_an_error_when_used_and_never_when_loading() {
    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
    let deep = "{% if true %}".repeat(20_000);
    let garbage = "{{ \u{0}\u{1} }}".repeat(10_000);
    for source in ["{% for %}", "{{ nothing.at.all }}", "{{ raise_exception('no') }}", endless, &deep, &garbage] {
        let mut gguf = tiny();
        gguf.set("tokenizer.chat_template", Value::Str(source.to_owned()));
        let model = load(gguf.file()).expect("it loads");
        let engine = Engine::new(&model, EngineOptions::default()).unwrap();
        let start = &source[..source.len().min(20)];
        let messages = Request::chat([Message::user("hello")]).max_tokens(1);
        assert_eq!(failure(&engine, &messages).code(), Code::Template, "{start}");
        engine.submit(&Request::text("abc").max_tokens(1)).unwrap().collect_text().expect("a prompt needs none");
        let mut own = messages.clone();
        own.template = Some("{{ messages[0].content }}".into());
        engine.submit(&own).unwrap().collect_text().expect("the request's own is used");
    }
}

/// An architecture, tensors and keys that a file of it has, and words of the error.
type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, Value)], &'a str);

/// llama.cpp takes these for optional and then follows a null pointer, or goes on for ever, or asserts. Those of afmoe, falcon-h1,
/// phi3, qwen3next, gemma3 and plamo3 were seen to end or hang the process, deci and step35 to assert, others were found by
/// reading.
#[test]
fn tensors_that_are_not_as_optional_as_they_seem() {
    let with = |architecture: &str, tensors: &[&str], keys: &[(&str, Value)]| {
        let mut gguf = tiny();
        for (key, _) in &mut gguf.keys {
            if let Some(rest) = key.strip_prefix("llama.") {
                *key = format!("{architecture}.{rest}");
            }
        }
        gguf.set("general.architecture", Value::Str(architecture.to_owned()));
        let experts = ("expert_feed_forward_length", Value::U32(8));
        for (key, value) in keys.iter().chain([&experts]) {
            gguf.set(&format!("{architecture}.{key}"), value.clone());
        }
        gguf.tensors.truncate(1);
        let more = tensors.iter().map(|name| support::Tensor {
            name: (*name).to_owned(),
            dims: vec![1],
            kind: 0,
            data: vec![0; 4],
        });
        gguf.tensors.extend(more);
        qask::gguf::inspect_source(&gguf.bytes()[..])
    };
    let conv = "blk.0.ssm_conv1d.weight";
    let cases: [Case; 24] = [
        ("falcon-h1", &[conv], &[], "layer 0 lacks ssm_conv1d.bias"),
        ("qwen35", &[conv, "blk.0.attn_qkv.weight"], &[], "layer 0 lacks attn_qkv.weight and attn_gate.weight"),
        ("qwen35moe", &[conv], &[], "layer 0 lacks attn_qkv.weight"),
        ("qwen3next", &[conv, "blk.0.attn_gate.weight"], &[], "or ssm_in.weight"),
        ("kimi-k3", &["blk.0.ffn_gate_shexp.weight"], &[], "layer 0 lacks ffn_up_shexp.weight"),
        ("glm-dsa", &["blk.0.indexer.proj.weight"], &[], "layer 0 lacks indexer.attn_k.weight"),
        ("afmoe", &[], &[], "sliding_window is 0"),
        ("qwen35", &[], &[("nextn_predict_layers", Value::U32(1))], "the whole model"),
        (
            "phi3",
            &["blk.0.attn_norm.weight", "blk.0.attn_q.weight"],
            &[],
            "layer 0 lacks attn_qkv.weight, or attn_q",
        ),
        ("granitehybrid", &[], &[], "head_count_kv is 0 for none"),
        ("lfm2", &[], &[("attention.head_count_kv", Value::U32(0))], "head_count_kv is 0 for all"),
        ("llama4", &[], &[], "block_count is 1"),
        ("gemma3", &[], &[("attention.sliding_window", Value::U32(1 << 31))], "sliding_window is 2147483648"),
        ("gemma3", &[], &[("rope.dimension_count", Value::U32(0))], "dimension_count is 0"),
        ("gemma3", &[], &[("rope.dimension_count_swa", Value::U32(0))], "dimension_count_swa is 0"),
        ("plamo3", &[], &[("attention.head_count_kv", Value::Unsigned(vec![0]))], "head_count_kv is 0 (at offset"),
        ("openelm", &[], &[("attention.head_count_kv", Value::U32(0))], "(layer 0)"),
        ("deci", &[], &[("feed_forward_length", Value::U32(0))], "at least 1 in the last layer"),
        ("deci", &[], &[("attention.head_count_kv", Value::U32(0))], "head_count_kv is 0 for all"),
        (
            "step35",
            &[],
            &[("rope.dimension_count", Value::U32(2)), ("rope.dimension_count_swa", Value::U32(16))],
            "a multiple of 4",
        ),
        ("plamo3", &[], &[("attention.head_count", Value::Unsigned(vec![0]))], "head_count is 0"),
        ("paddleocr", &[], &[], "dimension_sections is 0, 0, 0"),
        ("minimax-m3", &[], &[("attention.indexer.key_length", Value::U32(8))], "indexer.key_length is 8"),
        (
            "grovemoe",
            &[],
            &[
                ("expert_count", Value::U32(33)),
                ("expert_used_count", Value::U32(2)),
                ("experts_per_group", Value::U32(2)),
            ],
            "a divisor of expert_count, 33",
        ),
    ];
    for (architecture, tensors, keys, words) in cases {
        let e = with(architecture, tensors, keys).map(drop).expect_err(architecture);
        assert!(e.message().contains(words), "{architecture}: {e}");
    }
    let whole = [conv, "blk.0.attn_qkv.weight", "blk.0.attn_gate.weight"];
    for (architecture, tensors) in [
        ("falcon-h1", &[conv, "blk.0.ssm_conv1d.bias"][..]),
        ("qwen35", &whole),
        ("qwen3next", &whole),
        ("qwen3next", &[conv, "blk.0.ssm_in.weight"]),
    ] {
        assert_eq!(with(architecture, tensors, &[]).err(), None, "{architecture}: {tensors:?}");
    }
}
