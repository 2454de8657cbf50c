//! Engines in a process of their own: they answer as others do, and whatever happens to that process is an error.
#![cfg(all(feature = "test-hooks", target_os = "linux"))]

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use qask::{
    Cancel, Chat, Code, Constraint, Done, Engine, EngineOptions, Event, FinishReason, Model, ModelOptions, Next,
    Queue, Request, Sampling, SaveOptions, Trim,
};
use support::isolated::*;
use support::{smollm2, tiny, Gguf};

/// Everything of a stream; an error at its end is a panic.
fn events(engine: &Engine, request: &Request) -> Vec<Event> {
    let mut stream = engine.submit(request).unwrap();
    let mut all = Vec::new();
    loop {
        match stream.next(LONG).unwrap() {
            Next::Event(event) => all.push(event),
            Next::Finished => return all,
            Next::Timeout => panic!("nothing came"),
        }
    }
}

/// How a choice ended: which, why, and its tokens.
type End = (u32, FinishReason, u32, u32);

/// Events as they read when nothing is merged: texts joined, usage without times.
fn plain(events: &[Event]) -> (Vec<String>, Vec<End>) {
    let mut texts = vec![String::new(); 8];
    let mut ends = Vec::new();
    for event in events {
        let choice = event.choice() as usize;
        match event {
            Event::Text(t) => {
                texts[choice] += &t.text;
                t.tokens.iter().for_each(|id| texts[choice + 4] += &format!("{id} "));
                t.logprobs.iter().for_each(|l| texts[choice + 4] += &format!("{l:?} "));
            }
            Event::Reasoning(t) => texts[choice] += &format!("<{}>", t.text),
            Event::ToolCall(c) => texts[choice] += &format!("[{} {}]", c.name, c.arguments),
            Event::Done(Done { choice, reason, usage, .. }) => {
                ends.push((*choice, reason.clone(), usage.prompt_tokens, usage.output_tokens));
            }
            _ => {}
        }
    }
    ends.sort_by_key(|e| e.0);
    (texts, ends)
}

#[test]
fn it_answers_as_an_engine_of_this_process_does() {
    let _alone = alone();
    let model = load(smollm2());
    let same = EngineOptions { deterministic: true, ..EngineOptions::default() };
    let here = Engine::new(&model, same.clone()).unwrap();
    let there = Engine::new(&model, EngineOptions { isolated: true, worker: worker(), ..same }).unwrap();
    assert_eq!((here.n_ctx(), here.kv_tokens()), (there.n_ctx(), there.kv_tokens()));
    let mut full = ask("Name three colours.");
    (full.logprobs, full.return_tokens, full.stop) = (Some(3), true, vec!["9999".into()]);
    let mut drawn = ask("Tell me a story.").sampling(Sampling::default());
    drawn.sampling.seed = Some(7);
    drawn.sampling.logit_bias = vec![(28, f32::NEG_INFINITY), (30, 1.5)];
    drawn.n = 3;
    let mut tools = ask("What is the weather in Paris?");
    tools.tools = vec![serde_json::json!({"type": "function", "function": {
        "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"], "additionalProperties": false}}})];
    tools.tool_choice = qask::ToolChoice::Required;
    tools.max_tokens = Some(60);
    let schema = serde_json::json!({"type": "object", "properties": {"name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": false});
    let json = ask("Invent a person.").constraint(Constraint::JsonSchema(schema));
    let mut variables = ask("Hello.");
    variables.template = Some("{{ messages[0].content }} {{ mood }}:".into());
    variables.template_variables.insert("mood".into(), "sad".into());
    let requests = [
        ask("What is a compiler?"),
        full,
        drawn,
        tools,
        json,
        variables,
        greedy(Request::text("One, two, three,")).max_tokens(8),
        greedy(Request::tokens([1, 2, 3])).max_tokens(4),
    ];
    for (i, request) in requests.iter().enumerate() {
        let [a, b] = [&here, &there].map(|e| plain(&events(e, request)));
        assert_eq!(a, b, "request {i}");
        assert!(!a.0[0].is_empty(), "request {i} has no answer");
    }
    // What fails, fails alike.
    let mut wrong = ask("x");
    wrong.template = Some("{{ raise_exception('no') }}".into());
    let grammar = ask("x").constraint(Constraint::Regex("(".into()));
    let long = greedy(Request::text("x ".repeat(9000)));
    for request in [wrong, grammar, long, greedy(Request::tokens([9_999_999]))] {
        let [a, b] = [&here, &there].map(|e| failure(e.submit(&request).unwrap()));
        assert_eq!(a, b);
    }
    let mut refused = ask("x");
    refused.n = 0;
    assert_eq!(there.submit(&refused).err().map(|e| e.code()), Some(Code::Range));
    wait_for("the figures", || {
        let stats = there.stats();
        (stats.failed, stats.queued, stats.active) == (4, 0, 0) && stats.submitted == stats.finished
    });
    let stats = there.stats();
    assert!(stats.output_tokens > 0 && stats.steps > 0 && stats.kv_tokens_total == u64::from(there.kv_tokens()));
}

#[test]
fn many_streams_run_at_once() {
    let _alone = alone();
    let model = load(smollm2());
    let engine = isolated(&model);
    let queue = Queue::new();
    let mut streams: Vec<_> = (0..16).map(|i| engine.submit(&ask(&format!("Say {i}."))).unwrap()).collect();
    for (i, stream) in streams.iter().enumerate() {
        queue.add(stream, i as u64).unwrap();
    }
    let mut ended = 0;
    while ended < streams.len() {
        let i = queue.next(LONG).unwrap().expect("something to read") as usize;
        while let Next::Event(event) = streams[i].next(Some(Duration::ZERO)).unwrap() {
            if let Event::Done(done) = event {
                assert!(!matches!(done.reason, FinishReason::Error(_)), "{done:?}");
                assert!(done.usage.output_tokens > 0);
                ended += 1;
            }
        }
    }
    wait_for("the figures", || engine.stats().finished == 16);
}

#[test]
fn cancels_deadlines_and_the_queue_are_kept() {
    let _alone = alone();
    let model = load(smollm2());
    let mut narrow = options();
    (narrow.max_sequences, narrow.max_queue, narrow.prefix_cache) = (1, 2, false);
    let engine = Engine::new(&model, narrow).unwrap();
    let running = begin(&engine, &endless());
    // It runs, so two may wait.
    wait_for("its begin", || engine.stats().queued == 0);
    let first = engine.submit(&ask("a")).unwrap();
    let flag = Cancel::new();
    let second = engine.submit_with(&ask("b"), Some(flag.clone())).unwrap();
    assert_eq!(engine.submit(&ask("c")).err().map(|e| e.code()), Some(Code::QueueFull));
    assert_eq!(engine.stats().queued, 2);
    flag.cancel();
    assert_eq!(second.collect().unwrap().done.reason, FinishReason::Cancelled);
    let mut late = ask("d");
    late.deadline = Some(Duration::from_millis(200));
    let began = Instant::now();
    assert_eq!(engine.submit(&late).unwrap().collect().unwrap().done.reason, FinishReason::Deadline);
    assert!(began.elapsed() >= Duration::from_millis(190));
    running.cancel();
    let end = running.collect().unwrap().done;
    assert_eq!(end.reason, FinishReason::Cancelled);
    assert!(end.usage.output_tokens > 0);
    first.collect().unwrap();
    // A stream that is dropped ends, too.
    drop(begin(&engine, &endless()));
    wait_for("its end", || engine.stats().active == 0 && engine.stats().queued == 0);
    wait_for("the figures", || engine.stats().submitted == engine.stats().finished);
}

#[test]
fn a_chat_goes_on_from_its_prefix_and_is_saved() {
    let _alone = alone();
    let model = load(smollm2());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.session");
    let settings = greedy(Request::chat([])).max_tokens(16);
    let (mut texts, mut cached) = (Vec::new(), Vec::new());
    for engine in [isolated(&model), Engine::new(&model, EngineOptions::default()).unwrap()] {
        let mut chat = Chat::with_request(&engine, settings.clone()).unwrap();
        chat.set_system("You are brief and kind, and you answer every question in one short sentence.").unwrap();
        let mut turns = Vec::new();
        for question in ["What is a compiler?", "And an interpreter?", "Which one is faster?"] {
            let answer = chat.send(question).unwrap().collect().unwrap();
            turns.push(answer.done.usage.prompt_tokens - answer.done.usage.cached_tokens);
            texts.push(answer.text);
        }
        cached.push(turns);
        assert_eq!(chat.count(), 7);
        if cached.len() == 1 {
            let saved = chat.save(&file, &SaveOptions::default().compress(true), None).unwrap();
            assert!(saved.tokens > 60, "{saved:?}");
        }
    }
    assert_eq!(texts[..3], texts[3..]);
    assert_eq!(cached[0], cached[1], "the same tokens are reused");
    assert!(cached[0][1] < 40 && cached[0][2] < 40, "{cached:?}");
    // In another worker, and in this process: the cells are there.
    for engine in [isolated(&model), Engine::new(&model, EngineOptions::default()).unwrap()] {
        let mut chat = Chat::with_request(&engine, settings.clone()).unwrap();
        assert!(chat.restore(&file, None).unwrap() > 60);
        let answer = chat.send("Thank you.").unwrap().collect().unwrap();
        assert!(answer.done.usage.cached_tokens > 60, "{:?}", answer.done);
        texts.push(answer.text);
    }
    assert_eq!(texts[6], texts[7]);
    let prefix = folder.path().join("prefix.session");
    let engine = isolated(&model);
    let long = greedy(Request::text("The quick brown fox jumps over the lazy dog. ".repeat(9))).max_tokens(1);
    let saved = engine.save_prefix(&long, &prefix, &SaveOptions::default(), None).unwrap();
    let other = isolated(&model);
    assert_eq!(other.restore_prefix(&long, &prefix, None).unwrap(), saved.tokens);
    assert!(other.submit(&long).unwrap().collect().unwrap().done.usage.cached_tokens + 1 >= saved.tokens);
    // A file that is changed while it is read is refused by the worker's own look at it.
    let mut bytes = std::fs::read(&prefix).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&prefix, bytes).unwrap();
    assert_eq!(other.restore_prefix(&long, &prefix, None).unwrap_err().code(), Code::Checksum);
}

#[test]
fn it_rests_and_lets_go_of_memory() {
    let _alone = alone();
    let model = load(smollm2());
    let engine = isolated(&model);
    let mut stream = begin(&engine, &endless());
    assert!(engine.pause(LONG).unwrap());
    while let Next::Event(_) = stream.next(Some(Duration::from_millis(100))).unwrap() {}
    // Figures come a moment later than what they count.
    std::thread::sleep(Duration::from_millis(500));
    let steps = engine.stats().steps;
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(engine.stats().steps, steps, "it rests");
    assert!(engine.trim(Trim::Context, LONG).unwrap());
    engine.resume().unwrap();
    while !matches!(stream.next(LONG).unwrap(), Next::Event(Event::Text(_))) {}
    drop(stream);
    engine.prewarm(&ask("Say hello to everybody in the room, please."), true).unwrap().collect().unwrap();
    wait_for("the prefix", || engine.stats().cached_tokens > 0);
    engine.unpin().unwrap();
    assert!(engine.trim(Trim::Weights, LONG).unwrap());
    wait_for("the end of the cache", || engine.stats().cached_tokens == 0);
    engine.set_threads(1, 1).unwrap();
    engine.submit(&ask("a")).unwrap().collect().unwrap();
    wait_for("one thread", || {
        let stats = engine.stats();
        (stats.threads, stats.threads_used) == (1, 1)
    });
}

#[test]
fn whatever_ends_the_worker_is_an_error_and_another_one_answers() {
    let _alone = alone();
    let model = load(smollm2());
    let engine = isolated(&model);
    let expected = engine.submit(&ask("What is a compiler?")).unwrap().collect().unwrap().text;
    for (signal, name) in [
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGBUS, "SIGBUS"),
        (0, "n_batch"),
    ] {
        let streams: Vec<_> = (0..3).map(|_| begin(&engine, &endless())).collect();
        let mut chat = Chat::new(&engine);
        let followed = chat.send("Go on and on.").unwrap();
        let process = engine.worker_id().expect("a worker runs");
        if signal == 0 {
            engine.provoke_fault().unwrap();
        } else {
            engine.provoke_signal(signal);
        }
        for stream in streams.into_iter().chain([followed]) {
            let error = failure(stream);
            assert_eq!(error.code(), Code::EngineFault, "{error}");
            assert!(error.message().contains(name), "{name}: {error}");
        }
        assert!(!chat.is_busy() && chat.count() == 0, "the history is as it was");
        if signal == 0 {
            // A fault that was caught is known here before any stream ends; another death may be heard of later, and takes
            // with it what is sent meanwhile.
            assert_ne!(engine.worker_id(), Some(process));
        }
        wait_for("its end", || !runs(process) && engine.worker_id() != Some(process));
        let answer = engine.submit(&ask("What is a compiler?")).unwrap().collect().unwrap();
        assert_eq!(answer.text, expected);
        assert_ne!(engine.worker_id(), Some(process));
        wait_for("an empty queue", || engine.stats().queued == 0);
    }
    // Another engine over the same model never knew.
    wait_for("the figures", || engine.stats().failed == 5 * 4);
}

#[test]
fn a_worker_that_is_none_is_told() {
    let _alone = alone();
    let (model, _file) = small();
    let with = |worker: &str| {
        Engine::new(&model, EngineOptions { worker: Some(worker.into()), ..options() }).unwrap_err()
    };
    let missing = with("/nowhere/qask-worker");
    assert!(missing.code() == Code::NotFound && missing.message().contains("/nowhere/qask-worker"), "{missing}");
    // One that ends, one that echoes, one that says nothing that is a frame.
    assert_eq!(with("/bin/false").code(), Code::EngineFault);
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = program(folder.path().join(name), &format!("#!/bin/sh\n{text}\n"));
        path.to_str().unwrap().to_owned()
    };
    let not_executable = folder.path().join("text");
    std::fs::write(&not_executable, "x").unwrap();
    assert_eq!(with(not_executable.to_str().unwrap()).code(), Code::Io);
    // Its standard input is the socket.
    let talker = with(&script("talker", "exec printf 'HTTP/1.1 200 OK' >&0"));
    assert!(talker.code() == Code::EngineFault && talker.message().contains("frame"), "{talker}");
    let hello = r#"{"Hello":{"version":"0.0.9","build":"feedfacefeedface"}}"#;
    let length = format!("\\{:03o}\\000\\000\\000", hello.len());
    let older = with(&script("older", &format!("printf '{length}' >&0\nexec printf '%s' '{hello}' >&0")));
    assert_eq!(older.code(), Code::Unsupported);
    for part in ["0.0.9", "feedfacefeedface", env!("CARGO_PKG_VERSION"), "older"] {
        assert!(older.message().contains(part), "{older}");
    }
    wait_for("the end of all", || children().is_empty());
}

#[test]
fn a_worker_that_lies_is_ended() {
    let _alone = alone();
    let (model, _file) = small();
    // What the real worker says at first, with something else behind it.
    let real = env!("CARGO_BIN_EXE_qask-worker");
    let folder = tempfile::tempdir().unwrap();
    for (name, said) in [
        ("token", r#"{"Tokens":[1,[99999999]]}"#),
        ("stream", r#"{"Began":77777}"#),
        ("choice", r#"{"Event":[1,{"Text":{"choice":9,"text":"x","tokens":[],"logprobs":[]}}]}"#),
        ("words", r#"{"Log":{"level":9,"engine":true,"message":"x"}}"#),
        ("again", r#"{"Hello":{"version":"x","build":"x"}}"#),
        ("json", r#"{"Ready":{}}"#),
        ("begun", "{\"Began\":1}\n{\"Began\":1}"),
        ("code", r#"{"Fault":{"code":1,"message":"x"}}"#),
        ("prompt", r#"{"Prompt":[1,{"text":"x","protected":[[0,9]],"tokens":[]}]}"#),
        ("long", "LENGTH 100000000"),
        ("cells", "LENGTH 3000000000"),
    ] {
        let text = format!("#!/usr/bin/env python3\n{}", include_str!("data/lying_worker.py"));
        let path = program(folder.path().join(name), &text.replace("REAL", real).replace("SAID", said));
        let engine = Engine::new(&model, EngineOptions { worker: Some(path), ..options() }).unwrap();
        let mut request = Request::text("a").max_tokens(4);
        request.return_tokens = true;
        let error = failure(engine.submit(&request).unwrap());
        assert_eq!(error.code(), Code::EngineFault, "{name}: {error}");
        assert!(error.message().contains("and was ended"), "{name}: {error}");
    }
    wait_for("the end of all", || children().is_empty());
}

#[test]
fn a_model_that_was_changed_is_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::copy(tiny().file(), &path).unwrap();
    let model = load(&path);
    let other: Gguf = support::tiny_experts();
    std::fs::remove_file(&path).unwrap();
    std::fs::copy(other.file(), &path).unwrap();
    let error = Engine::new(&model, options()).unwrap_err();
    assert!(error.code() == Code::Invalid && error.message().contains("changed"), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Engine::new(&model, options()).unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_model_without_a_name_is_passed_on() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("container");
    let mut bytes = vec![7; 4096];
    bytes.extend(std::fs::read(tiny().file()).unwrap());
    let length = bytes.len() as u64 - 4096;
    bytes.extend([9; 100]);
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let model = Model::load_file(&file, 4096, length, ModelOptions::default()).unwrap();
    let engine = isolated(&model);
    let here = Engine::new(&model, EngineOptions::default()).unwrap();
    let request = greedy(Request::text("abc")).max_tokens(12);
    let [a, b] = [&engine, &here].map(|e| e.submit(&request).unwrap().collect().unwrap().text);
    assert_eq!(a, b);
    engine.provoke_signal(libc::SIGKILL);
    wait_for("its end", || engine.worker_id().is_none());
    engine.submit(&request).unwrap().collect().unwrap();
}

#[test]
fn the_log_comes_through_and_holds_no_prompts() {
    let _alone = alone();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    qask::log::set(qask::log::Level::Info, move |r| {
        seen.lock().unwrap().push(format!("{} {}", r.target, r.message))
    })
    .unwrap();
    let (model, _file) = small();
    let engine = isolated(&model);
    engine.submit(&Request::text("secret").max_tokens(2)).unwrap().collect().unwrap();
    engine.provoke_signal(libc::SIGABRT);
    wait_for("its end", || engine.worker_id().is_none());
    wait_for("the lines", || lines.lock().unwrap().iter().any(|l| l.contains("SIGABRT")));
    qask::log::clear().unwrap();
    let lines = lines.lock().unwrap();
    assert!(lines.iter().filter(|l| l.contains("engine started")).count() == 1, "{lines:?}");
    assert!(lines.iter().all(|l| !l.contains("secret")));
}
