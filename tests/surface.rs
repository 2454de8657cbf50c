//! The parts of the public interface that no other test needs: each does what its name says.

mod support;

use std::fs::File;
use std::sync::mpsc;
use std::time::Duration;

use qask::engine::Device;
use qask::gguf::{self, ReadAt, Source};
use qask::output::{self, Format, Parser, Piece, Setup, Tags};
use qask::template::Template;
use qask::{
    Cancel, Engine, EngineOptions, Event, Message, Model, ModelOptions, Next, Request, Sampling, Stats,
    StreamCanceller,
};
use support::{smollm2, tiny, Value};

#[test]
fn a_file_tells_the_same_however_it_is_read() {
    let path = smollm2();
    let by_path = gguf::inspect(&path).unwrap();
    let file = File::open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    let by_file = gguf::inspect_file(&file, 0, length).unwrap();
    let source = Source::whole(&file).unwrap();
    assert_eq!((source.len(), source.is_empty()), (length, false));
    let by_source = gguf::inspect_source(&source).unwrap();
    for info in [&by_file, &by_source] {
        assert_eq!(info.parameters, by_path.parameters);
        assert_eq!(info.tensor_count, by_path.tensor_count);
        assert_eq!(info.tensor_bytes, by_path.tensor_bytes);
        assert!(info.parts.is_empty());
    }
    assert!(by_path.tensor_bytes < by_path.file_size && by_path.tensor_count > 100);
    assert_eq!(by_path.tokenizer_model.as_deref(), Some("gpt2"));
    assert_eq!(by_path.chat_templates, ["default"]);
    assert!(!by_path.vocab_only && by_path.max_token_bytes > 10);
}

#[test]
fn metadata_is_read_by_name_and_by_number() {
    let mut gguf = tiny();
    gguf.set("test.half", Value::F32(0.5));
    gguf.set("test.yes", Value::Bool(true));
    let info = gguf::inspect(gguf.file()).unwrap();
    assert_eq!(info.metadata("test.half").and_then(gguf::Value::as_f64), Some(0.5));
    assert_eq!(info.metadata("test.yes").and_then(gguf::Value::as_bool), Some(true));
    assert_eq!(info.metadata("llama.block_count").and_then(gguf::Value::as_u64), Some(1));
    assert_eq!(info.metadata("no.such.key"), None);
    let count = info.metadata_count();
    assert!((0..count).all(|i| info.metadata_at(i).is_some_and(|(key, value)| info.metadata(key) == Some(value))));
    assert_eq!(info.metadata_at(count), None);
}

/// A model in two files loads by its list and by its first part.
#[test]
fn split_models_load() {
    let mut first = tiny();
    let mut second = first.clone();
    let tensors = first.tensors.len();
    second.tensors = first.tensors.split_off(tensors / 2);
    second.keys.retain(|(key, _)| key == "general.architecture");
    for (number, part) in [&mut first, &mut second].into_iter().enumerate() {
        part.set("split.no", Value::U16(number as u16));
        part.set("split.count", Value::U16(2));
        part.set("split.tensors.count", Value::I32(tensors as i32));
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = [1, 2].map(|i| folder.path().join(format!("tiny-{i:05}-of-00002.gguf")));
    std::fs::write(&paths[0], first.bytes()).unwrap();
    std::fs::write(&paths[1], second.bytes()).unwrap();

    let info = gguf::inspect_splits(&paths).unwrap();
    assert_eq!((info.tensor_count as usize, info.parts.len()), (tensors, 2));
    let whole = Model::load(tiny().file(), ModelOptions::default()).unwrap();
    for model in [
        Model::load_splits(&paths, ModelOptions::default()).unwrap(),
        Model::load(&paths[0], ModelOptions::default()).unwrap(),
    ] {
        assert_eq!(answer(&model), answer(&whole));
    }
    let swapped = [paths[1].clone(), paths[0].clone()];
    assert!(Model::load_splits(&swapped, ModelOptions::default()).is_err());
}

fn answer(model: &Model) -> Vec<u8> {
    let options = EngineOptions { deterministic: true, ..EngineOptions::default() };
    let engine = Engine::new(model, options).unwrap();
    let mut request = Request::text("abc").max_tokens(8);
    request.sampling = Sampling { dry_base: Some(2.0), ..Sampling::greedy() };
    request.return_tokens = true;
    let mut stream = engine.submit(&request).unwrap();
    let mut bytes = Vec::new();
    while let Next::Event(event) = stream.next(None).unwrap() {
        if let Event::Text(text) = event {
            text.tokens.iter().for_each(|t| bytes.extend(model.token_bytes(*t, true).unwrap()));
        }
    }
    assert!(!bytes.is_empty());
    bytes
}

#[test]
fn a_model_knows_itself() {
    let options = ModelOptions {
        gpu_layers: Some(0),
        main_gpu: 0,
        mlock: false,
        check_tensors: true,
        ..ModelOptions::default()
    };
    let model = Model::load(tiny().file(), options).unwrap();
    assert_eq!(model.chat_template(), Some(support::CHATML));
    assert_eq!(Template::new(support::CHATML).source(), support::CHATML);
    assert_eq!((model.context_length(), model.gpu_layers()), (256, 0));
    assert_eq!((model.bos(), model.eos(), model.eot()), (Some(256), Some(258), Some(256)));
    assert!(model.is_eog(258) && !model.is_eog(65) && !model.supports_infill());
    assert_eq!(model.token_bytes(258, true).unwrap(), b"<|im_end|>");
    assert_eq!(model.token_bytes(258, false).unwrap(), b"");
    let cpu: Device = qask::engine::devices().unwrap().into_iter().find(|d| d.name == "CPU").unwrap();
    assert!(!cpu.is_gpu && !cpu.description.is_empty() && cpu.memory_total >= cpu.memory_free);
}

#[test]
fn an_engine_counts() {
    let model = Model::load(tiny().file(), ModelOptions::default()).unwrap();
    let options = EngineOptions { n_ctx: Some(64), kv_tokens: Some(256), offload_kv: false, ..Default::default() };
    let engine = Engine::new(&model, options).unwrap();
    assert_eq!((engine.n_ctx(), engine.kv_tokens()), (64, 256));
    let mut request = Request::text("hello").max_tokens(10);
    request.ignore_eos = true;
    let (_, done) = engine.submit(&request).unwrap().collect_text().unwrap();
    let usage = done.usage;
    assert!(usage.first_token >= usage.prefill && usage.decode > Duration::ZERO);

    // A flag ends what it was given to, before or while it runs.
    let flag = Cancel::new();
    let mut stream = engine.submit_with(&request, Some(flag.clone())).unwrap();
    flag.cancel();
    assert!(flag.is_cancelled());
    while let Next::Event(event) = stream.next(None).unwrap() {
        assert_eq!(event.choice(), 0);
    }
    let mut endless = Request::text("x");
    endless.ignore_eos = true;
    let mut stream = engine.submit(&endless).unwrap();
    let canceller: StreamCanceller = stream.canceller();
    std::thread::spawn(move || canceller.cancel()).join().unwrap();
    while let Next::Event(_) = stream.next(None).unwrap() {}

    let stats = settled(&engine);
    assert_eq!((stats.queued, stats.failed), (0, 0));
    assert_eq!((stats.submitted, stats.finished), (3, 3));
    assert_eq!(stats.kv_tokens_total, 256);
    assert!(stats.kv_tokens_used <= 256 && stats.steps >= 10);
    assert!(stats.prompt_tokens_per_second > 0.0 && stats.output_tokens_per_second > 0.0);
}

/// The figures follow an event by a moment.
fn settled(engine: &Engine) -> Stats {
    for _ in 0..1000 {
        let stats = engine.stats();
        if stats.active == 0 {
            return stats;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("still active: {:?}", engine.stats());
}

#[test]
fn messages_are_json() {
    let message = Message::user("hi");
    assert_eq!(serde_json::to_string(message.as_json()).unwrap(), r#"{"role":"user","content":"hi"}"#);
}

#[test]
fn outputs_are_read_by_name_or_by_template() {
    let format: &Format = output::format_named("hermes").unwrap();
    let tags: &Tags = output::tags_named("think").unwrap();
    assert_eq!(output::detect_format("<tool_call>\n{").name, "hermes");
    assert_eq!(output::detect_tags("…<think>…").unwrap().name, "think");
    assert!(tags.is_open_at_end("assistant\n<think>\n") && !tags.is_open_at_end("assistant\n"));
    let mut parser =
        Parser::new(Setup { format: Some(format), tags: Some(tags), thinking: true, ..Setup::default() });
    assert!(parser.is_thinking() && parser.wants("<tool_call>") && !parser.wants("<|other|>"));
    let mut pieces: Vec<Piece> = Vec::new();
    parser.push("hm</think>so", &mut pieces);
    parser.finish(&mut pieces);
    assert!(!parser.is_thinking() && pieces.len() >= 2);
}

#[test]
fn a_record_says_who_and_how_much() {
    let (send, records) = mpsc::channel();
    qask::log::set(qask::log::Level::Info, move |record: &qask::log::Record<'_>| {
        send.send(format!("{} {}", record.target, record.level.name())).unwrap();
    })
    .unwrap();
    Model::load(tiny().file(), ModelOptions::default()).unwrap();
    qask::log::clear().unwrap();
    // Until the sink is dropped with its sender, which is behind its last line.
    assert!(records.iter().any(|line| line == "qask info"));
}

/// The future behind `.await` has a name, to be kept in a struct.
#[cfg(feature = "async")]
#[test]
fn an_answer_is_a_future() {
    let model = Model::load(tiny().file(), ModelOptions::default()).unwrap();
    let engine = Engine::new(&model, EngineOptions::default()).unwrap();
    let answer: qask::Collect = std::future::IntoFuture::into_future(
        engine.submit(&Request::text("a").max_tokens(3)).unwrap().into_async(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_, done) = runtime.block_on(answer).unwrap();
    assert!(done.usage.output_tokens <= 3);
}

#[test]
fn the_version_says_which_kernels_compute() {
    let version = qask::version();
    let kernels = version.strip_prefix(concat!(env!("CARGO_PKG_VERSION"), "+cpu.")).expect(version);
    // A crate's build has one kind of kernels; QASK_CPU, where somebody set it, could not be followed.
    assert!(["native", "fixed"].iter().any(|k| kernels.starts_with(k)), "{version}");
}
