//! Adapters, sessions and kept prefixes of an engine in a process of its own: the same answers and the same errors as in
//! this one, and files that go from one to the other.
#![cfg(all(feature = "test-hooks", target_os = "linux"))]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use qask::{
    Adapter, Chat, Code, Engine, EngineOptions, Error, Message, Model, ModelOptions, Request, Sampling,
    SaveOptions,
};
use support::isolated::{signal, wait_for};
use support::{ask, Gguf, Value};

fn options(isolated: bool) -> EngineOptions {
    let worker = isolated.then(|| env!("CARGO_BIN_EXE_qask-worker").into());
    EngineOptions { isolated, worker, threads: Some(1), ..EngineOptions::default() }
}

fn engine(model: &Model, isolated: bool) -> Engine {
    Engine::new(model, options(isolated)).unwrap()
}

/// Models and adapters by names that stay, since each worker opens them.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, file: &Gguf) -> PathBuf {
        std::fs::write(self.at(name), file.bytes()).unwrap();
        self.at(name)
    }

    fn model(&self, name: &str, file: &Gguf) -> Model {
        Model::load(self.put(name, file), ModelOptions::default()).unwrap()
    }
}

fn request(text: &str, adapters: &[(Adapter, f32)]) -> Request {
    let mut request = Request::text(text).sampling(Sampling::greedy()).max_tokens(12);
    (request.ignore_eos, request.return_tokens, request.adapters) = (true, true, adapters.to_vec());
    request
}

fn tokens(engine: &Engine, request: &Request) -> Result<Vec<i32>, Error> {
    let mut stream = engine.submit(request)?;
    let mut tokens = Vec::new();
    loop {
        match stream.next(None)? {
            qask::Next::Event(qask::Event::Text(t)) => tokens.extend(t.tokens),
            qask::Next::Event(qask::Event::Done(done)) => match done.reason {
                qask::FinishReason::Error(e) => return Err(e),
                _ => return Ok(tokens),
            },
            _ => {}
        }
    }
}

#[test]
fn adapters_do_what_they_do_in_process() {
    let files = Files::new();
    let model = files.model("model.gguf", &support::tiny());
    let mut switched = support::tiny_lora(4.0, 3);
    let switch = model.tokenize("##", false, false).unwrap();
    switched.set("adapter.alora.invocation_tokens", Value::Unsigned(switch.iter().map(|t| *t as u32).collect()));
    let load = |name: &str, file: &Gguf| Adapter::load(&model, files.put(name, file)).unwrap();
    let one = load("one.gguf", &support::tiny_lora(4.0, 1));
    let other = load("other.gguf", &support::tiny_lora(4.0, 2));
    let activated = load("activated.gguf", &switched);
    let sets: Vec<Vec<(Adapter, f32)>> = vec![
        vec![],
        vec![(one.clone(), 1.0)],
        vec![(other.clone(), 0.5)],
        vec![(one.clone(), 1.0), (other.clone(), -1.0)],
        vec![(activated, 1.0)],
    ];
    let (here, there) = (engine(&model, false), engine(&model, true));
    let answers = |engine: &Engine| -> Vec<Vec<i32>> {
        let one = |set: &Vec<(Adapter, f32)>| tokens(engine, &request("a beginning ## and the end", set)).unwrap();
        sets.iter().map(one).collect()
    };
    let expected = answers(&here);
    for (i, answer) in expected.iter().enumerate() {
        assert!(!expected[..i].contains(answer), "set {i} is like another");
    }
    assert_eq!(answers(&there), expected);
    // At once, as different sets in one context.
    let streams: Vec<_> =
        sets.iter().map(|set| there.submit(&request("a beginning ## and the end", set)).unwrap()).collect();
    streams.into_iter().for_each(|s| drop(s.collect().unwrap()));
    // The next worker is told of them again.
    let process = there.worker_id();
    there.provoke_signal(libc::SIGKILL);
    wait_for("its end", || there.worker_id() != process);
    assert_eq!(answers(&there), expected);
    // One that is dropped while its request runs, and one that comes after it.
    let mut long = request("abc", &[(other.clone(), 1.0)]);
    long.max_tokens = Some(150);
    let stream = there.submit(&long).unwrap();
    drop((long, other));
    stream.collect().unwrap();
    let late = Adapter::load(&model, files.at("other.gguf")).unwrap();
    assert_eq!(tokens(&there, &request("a beginning ## and the end", &[(late, 0.5)])).unwrap(), expected[2]);
    assert_eq!(there.stats().failed, 0);
}

#[test]
fn a_control_vector_does_what_it_does_in_process() {
    let files = Files::new();
    let model = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let vector =
        Adapter::load(&model, files.put("vector.gguf", &support::control_vector(576, 30, 0.3, 9))).unwrap();
    let [a, b] = [false, true].map(|isolated| {
        let engine = engine(&model, isolated);
        [vec![], vec![(vector.clone(), 1.0)]]
            .map(|set| tokens(&engine, &request("Once upon a time", &set)).unwrap())
    });
    assert_eq!(a, b);
    assert_ne!(a[0], a[1]);
}

#[test]
fn adapters_fail_as_they_do_in_process() {
    let files = Files::new();
    let [model, foreign] = ["model.gguf", "foreign.gguf"].map(|name| files.model(name, &support::tiny()));
    let lora = files.put("lora.gguf", &support::tiny_lora(4.0, 1));
    let adapter = Adapter::load(&model, &lora).unwrap();
    let stranger = Adapter::load(&foreign, &lora).unwrap();
    let mut wild = support::tiny_lora(4.0, 1);
    wild.tensors
        .iter_mut()
        .for_each(|t| t.data.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&f32::MAX.to_le_bytes())));
    let wild = Adapter::load(&model, files.put("wild.gguf", &wild)).unwrap();
    let (here, there) = (engine(&model, false), engine(&model, true));
    for adapters in [
        vec![(stranger, 1.0)],
        vec![(adapter.clone(), f32::NAN)],
        vec![(adapter.clone(), 1.0), (adapter.clone(), 2.0)],
        vec![(wild, 1.0)],
    ] {
        let [a, b] = [&here, &there].map(|e| tokens(e, &request("abc", &adapters)).unwrap_err());
        assert_eq!(a, b);
    }
    // What is different: each worker opens the file. One that has it goes on; the next one needs it again.
    let with = request("abc", &[(adapter, 1.0)]);
    let expected = tokens(&there, &with).unwrap();
    let restart = || {
        let process = there.worker_id();
        there.provoke_signal(libc::SIGKILL);
        wait_for("its end", || there.worker_id() != process);
    };
    std::fs::remove_file(&lora).unwrap();
    assert_eq!(tokens(&there, &with).unwrap(), expected);
    restart();
    let missing = tokens(&there, &with).unwrap_err();
    assert!(missing.code() == Code::NotFound && missing.message().contains("lora.gguf"), "{missing}");
    files.put("lora.gguf", &support::tiny_lora(4.0, 2));
    restart();
    let changed = tokens(&there, &with).unwrap_err();
    assert!(changed.code() == Code::Invalid && changed.message().contains("changed"), "{changed}");
    files.put("lora.gguf", &support::tiny_lora(4.0, 1));
    restart();
    assert_eq!(tokens(&there, &with).unwrap(), expected);
}

fn chat(engine: &Engine, adapters: &[(Adapter, f32)]) -> Chat {
    let mut settings = Request::chat([]).max_tokens(8).sampling(Sampling::greedy());
    (settings.ignore_eos, settings.adapters) = (true, adapters.to_vec());
    Chat::with_request(engine, settings).unwrap()
}

fn say(chat: &mut Chat, text: &str) -> (String, u32) {
    let answer = chat.send(text).unwrap().collect().unwrap();
    (answer.text, answer.done.usage.cached_tokens)
}

/// Saved by either, restored by either, on each kind of memory.
#[test]
fn sessions_go_from_one_process_to_the_other() {
    let files = Files::new();
    let kinds: [(&str, Gguf); 4] = [
        ("plain.gguf", support::tiny()),
        ("window.gguf", support::tiny_window()),
        ("recurrent.gguf", support::tiny_recurrent()),
        ("hybrid.gguf", support::tiny_hybrid()),
    ];
    for (name, fixture) in &kinds {
        let model = files.model(name, fixture);
        let mut seen = Vec::new();
        for (from, to) in [(false, false), (false, true), (true, false), (true, true)] {
            let path = files.at(&format!("{name}-{from}"));
            let mut before = chat(&engine(&model, from), &[]);
            say(&mut before, "What is the sea?");
            let (second, _) = say(&mut before, "And the sky?");
            let saved = before.save(&path, &SaveOptions::default().compress(to), None).unwrap();
            let expected = say(&mut before, "And you?");
            let mut after = chat(&engine(&model, to), &[]);
            assert_eq!(after.restore(&path, None).unwrap(), saved.tokens, "{name}");
            assert_eq!(say(&mut after, "And you?"), expected, "{name}, from {from} to {to}");
            assert!(expected.1 >= saved.tokens, "{name}: {expected:?} {saved:?}");
            seen.push((second, saved.tokens, expected));
        }
        assert!(seen.iter().all(|s| *s == seen[0]), "{name}: {seen:?}");
    }
}

/// The same files, the same codes and words.
#[test]
fn sessions_fail_as_they_do_in_process() {
    let files = Files::new();
    let model = files.model("model.gguf", &support::tiny());
    let mut other = support::tiny();
    let data = &mut other.tensor("blk.0.ffn_up.weight").data;
    let middle = data.len() / 2;
    data[middle] ^= 1;
    let other = files.model("other.gguf", &other);
    let adapter = Adapter::load(&model, files.put("lora.gguf", &support::tiny_lora(1.0, 7))).unwrap();
    let home = engine(&model, false);
    let mut mine = chat(&home, &[]);
    say(&mut mine, "What is the sea?");
    let good = files.at("good");
    mine.save(&good, &SaveOptions::default(), None).unwrap();
    let bytes = std::fs::read(&good).unwrap();
    let bad = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        std::fs::write(files.at(name), bytes).unwrap();
        files.at(name)
    };
    let cut = bad("cut", &|b| b.truncate(b.len() / 2));
    let flipped = bad("flipped", &|b| *b.last_mut().unwrap() ^= 1);
    let prefix = files.at("prefix");
    home.save_prefix(&Request::text("long ago, by the sea"), &prefix, &SaveOptions::default(), None).unwrap();
    let none = files.at("none");
    let short = |isolated| Engine::new(&model, EngineOptions { n_ctx: Some(32), ..options(isolated) }).unwrap();
    type Make<'a> = &'a dyn Fn(bool) -> Engine;
    let same: Make = &|isolated| engine(&model, isolated);
    let foreign: Make = &|isolated| engine(&other, isolated);
    type Case<'a> = (&'a Path, Make<'a>, &'a [(Adapter, f32)], Code);
    let cases: [Case; 7] = [
        (&none, same, &[], Code::NotFound),
        (&cut, same, &[], Code::StateInvalid),
        (&flipped, same, &[], Code::Checksum),
        (&prefix, same, &[], Code::StateMismatch),
        (&good, foreign, &[], Code::StateMismatch),
        (&good, &short, &[], Code::ContextFull),
        (&good, same, &[(adapter, 0.5)], Code::StateMismatch),
    ];
    for (path, engine, adapters, code) in cases {
        let [a, b] = [false, true].map(|isolated| {
            let engine = engine(isolated);
            let mut chat = chat(&engine, adapters);
            let error = chat.restore(path, None).unwrap_err();
            assert_eq!(chat.count(), 0, "{error}");
            // It goes on as one that never saw the file.
            say(&mut chat, "Why?");
            error
        });
        assert_eq!((a.code(), &a), (code, &b));
    }
    // Where nothing can be written, and where nothing is kept.
    let nowhere = files.at("no/such/folder");
    let [a, b] = [false, true].map(|isolated| {
        let engine = engine(&model, isolated);
        let mut chat = chat(&engine, &[]);
        say(&mut chat, "Why?");
        let saved = chat.save(&nowhere, &SaveOptions::default(), None).unwrap_err();
        let without = Engine::new(&model, EngineOptions { prefix_cache: false, ..options(isolated) }).unwrap();
        let restored = without.restore_prefix(&Request::text("long ago, by the sea"), &prefix, None).unwrap_err();
        (saved, restored)
    });
    assert_eq!((a.0.code(), a.1.code()), (Code::NotFound, Code::Unsupported), "{a:?}");
    assert_eq!(a, b);
}

/// The host looks at a session's file, and the worker opens it again.
#[test]
fn a_session_that_is_replaced_between_two_looks_is_refused() {
    let files = Files::new();
    let model = files.model("model.gguf", &support::tiny());
    let (one, other) = (files.at("one"), files.at("other"));
    for (path, question) in [(&one, "What is the sea?"), (&other, "What is the sky?")] {
        let home = engine(&model, false);
        let mut chat = chat(&home, &[]);
        say(&mut chat, question);
        chat.save(path, &SaveOptions::default(), None).unwrap();
    }
    let there = engine(&model, true);
    let path = files.at("session");
    // Whether the host has had its look is not to be seen from outside, so that a swap may come too early.
    for wait in [50, 100, 200, 400, 800, 1600, 3200] {
        std::fs::copy(&one, &path).unwrap();
        let copy = files.at("copy");
        std::fs::copy(&other, &copy).unwrap();
        let mut chat = chat(&there, &[]);
        let process = there.worker_id().expect("a worker runs");
        signal(process, "STOP");
        let restored = std::thread::scope(|scope| {
            let restored = scope.spawn(|| chat.restore(&path, None));
            std::thread::sleep(Duration::from_millis(wait));
            std::fs::rename(&copy, &path).unwrap();
            signal(process, "CONT");
            restored.join().unwrap()
        });
        let Err(error) = restored else { continue };
        assert_eq!(error.code(), Code::StateInvalid, "{error}");
        assert!(error.message().contains("was changed while it was read"), "{error}");
        assert_eq!(chat.count(), 0, "the history is as it was");
        say(&mut chat, "Why?");
        return;
    }
    panic!("the host never had its look first");
}

/// A folder of prefixes that both kinds of engines fill and use.
#[test]
fn kept_prefixes_are_shared_with_engines_in_process() {
    let rules = "Answer in the words of a lighthouse keeper who has seen every storm of the last forty years, and who \
                 would rather be left alone with the lamp, the stairs and the sea than be asked about any of them.";
    let turn = |question: &str| [Message::system(rules), Message::user(question)];
    let files = Files::new();
    let model = files.model("model.gguf", &support::tiny());
    let expected = ask(&engine(&model, false), &turn("Why?"));
    for writer in [false, true] {
        let folder = files.at(&format!("prefixes-{writer}"));
        let with = |isolated| {
            Engine::new(&model, EngineOptions { prefix_cache_dir: Some(folder.clone()), ..options(isolated) })
                .unwrap()
        };
        let entries = || {
            let all = std::fs::read_dir(&folder).into_iter().flatten();
            all.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "qaskprefix")).count()
        };
        for question in ["What?", "Who?"] {
            ask(&with(writer), &turn(question));
        }
        wait_for("a kept prefix", || entries() > 0);
        for reader in [false, true] {
            let engine = with(reader);
            let answer = ask(&engine, &turn("Why?"));
            answer.assert_equals(&expected, "behind a kept prefix");
            wait_for("the figures", || engine.stats().disk_tokens > 0);
            assert_eq!(
                engine.stats().disk_tokens,
                u64::from(answer.cached),
                "written by {writer}, read by {reader}"
            );
        }
    }
}
