//! Promises of sessions on disk: the next answer is what it would have been without a stop, whatever the kind of memory;
//! what does not fit is refused and changes nothing; prefixes are found again by later engines and processes.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use qask::{
    Adapter, CacheType, Cancel, Chat, Code, Engine, EngineOptions, FlashAttention, Message, Model, ModelOptions,
    Request, Sampling, SaveOptions, Saved,
};
use support::{ask, Gguf};

fn model(path: impl AsRef<Path>) -> Model {
    Model::load(path, ModelOptions::default()).expect("the model loads")
}

fn options() -> EngineOptions {
    EngineOptions { threads: Some(1), ..EngineOptions::default() }
}

fn engine(model: &Model, options: EngineOptions) -> Engine {
    Engine::new(model, options).expect("the engine starts")
}

fn settings() -> Request {
    let mut settings = Request::chat([Message::system("You keep a lighthouse.")]).max_tokens(16);
    settings.sampling = Sampling::greedy();
    settings.ignore_eos = true;
    settings
}

fn chat(engine: &Engine) -> Chat {
    Chat::with_request(engine, settings()).expect("a chat")
}

/// An answer, and how many tokens of its prompt were there already.
fn say(chat: &mut Chat, text: &str) -> (String, u32) {
    let (text, done) = chat.send(text).expect("sent").collect_text().expect("an answer");
    (text, done.usage.cached_tokens)
}

/// Two turns, a save, and a third turn without a stop and behind one.
fn goes_on(model: &Model, options: EngineOptions, save: &SaveOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.session");
    let first = engine(model, options.clone());
    let mut before = chat(&first);
    say(&mut before, "What is the sea?");
    say(&mut before, "And the sky?");
    let saved: Saved = before.save(&path, save, None).unwrap();
    assert!(saved.tokens > 50 && saved.bytes == path.metadata().unwrap().len(), "{saved:?}");
    let history = before.export().unwrap();
    let (expected, cached) = say(&mut before, "And you?");

    let second = engine(model, options);
    let mut after = chat(&second);
    assert_eq!(after.restore(&path, None).unwrap(), saved.tokens);
    assert_eq!(after.export().unwrap(), history);
    assert_eq!(say(&mut after, "And you?"), (expected, cached));
    assert!(cached >= saved.tokens, "{cached} of {saved:?}");
    // Into an engine that has it already, beside a conversation that runs.
    let mut again = chat(&second);
    assert_eq!(again.restore(&path, None).unwrap(), saved.tokens);
}

#[test]
fn every_kind_of_memory_goes_on() {
    let fixtures: [fn() -> Gguf; 4] =
        [support::tiny, support::tiny_window, support::tiny_recurrent, support::tiny_hybrid];
    for fixture in fixtures {
        let model = model(fixture().file());
        goes_on(&model, options(), &SaveOptions::default());
        goes_on(&model, options(), &SaveOptions::default().compress(true));
        // Values lie the other way round without flash attention; each sequence has its own cells.
        let off = EngineOptions { flash_attention: FlashAttention::Off, ..options() };
        goes_on(&model, off, &SaveOptions::default());
        goes_on(&model, EngineOptions { unified_kv: false, ..options() }, &SaveOptions::default());
    }
}

#[test]
fn every_format_of_the_cache_goes_on() {
    let model = model(support::smollm2());
    for cache in [CacheType::F16, CacheType::Q8_0, CacheType::Q4_0] {
        let options = EngineOptions {
            threads: Some(2),
            n_ctx: Some(512),
            cache_type_k: cache,
            cache_type_v: cache,
            flash_attention: FlashAttention::On,
            ..EngineOptions::default()
        };
        goes_on(&model, options, &SaveOptions::default());
    }
}

/// Runs a part of this file in a process of its own; gives what it printed behind "said: ".
fn in_a_process(part: &str, folder: &Path) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", part, "--ignored", "--nocapture"])
        .env("QASK_SESSION_FOLDER", folder)
        .stderr(Stdio::inherit())
        .output()
        .expect("a process");
    assert!(child.status.success());
    let text = String::from_utf8(child.stdout).unwrap();
    text.split_once("said: ").expect("an answer").1.lines().next().unwrap().to_owned()
}

fn folder() -> std::path::PathBuf {
    std::env::var_os("QASK_SESSION_FOLDER").expect("run by another test").into()
}

#[test]
fn another_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&model(support::qwen()), EngineOptions { threads: Some(2), ..options() });
    let mut chat = chat(&engine);
    say(&mut chat, "My name is Aurelia and I keep bees.");
    let saved = chat.save(folder.path().join("chat.session"), &SaveOptions::default(), None).unwrap();
    let (expected, cached) = say(&mut chat, "What is my name?");
    assert!(cached >= saved.tokens);
    assert_eq!(in_a_process("child_that_goes_on", folder.path()), format!("{:?}", (expected, cached)));
}

#[test]
#[ignore = "a part of another_process_goes_on"]
fn child_that_goes_on() {
    let engine = engine(&model(support::qwen()), EngineOptions { threads: Some(2), ..options() });
    let mut chat = chat(&engine);
    chat.restore(folder().join("chat.session"), None).unwrap();
    println!("said: {:?}", say(&mut chat, "What is my name?"));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [path, prefix] = ["chat.session", "prefix.session"].map(|n| folder.path().join(n));
    let tiny = model(support::tiny().file());
    let home = engine(&tiny, options());
    let mut mine = chat(&home);
    say(&mut mine, "What is the sea?");
    mine.save(&path, &SaveOptions::default(), None).unwrap();
    home.save_prefix(&Request::text("long ago"), &prefix, &SaveOptions::default(), None).unwrap();

    let refused = |chat: &mut Chat, path: &Path, code: Code, word: &str| {
        let (before, used) = (chat.export().unwrap(), chat.engine().stats().kv_tokens_used);
        let e = chat.restore(path, None).unwrap_err();
        assert!(e.code() == code && e.message().contains(word), "{e}");
        assert_eq!((chat.export().unwrap(), chat.engine().stats().kv_tokens_used), (before, used));
    };
    let mismatch = Code::StateMismatch;
    refused(&mut mine, &prefix, mismatch, "prefix");
    refused(&mut mine, &folder.path().join("none"), Code::NotFound, "none");

    // One weight is another.
    let mut other = support::tiny();
    let data = &mut other.tensor("blk.0.ffn_up.weight").data;
    let middle = data.len() / 2;
    data[middle] ^= 1;
    let other = engine(&model(other.file()), options());
    refused(&mut chat(&other), &path, mismatch, "another model");

    let off = EngineOptions { flash_attention: FlashAttention::Off, ..options() };
    refused(&mut chat(&engine(&tiny, off)), &path, mismatch, "flash_attention");
    let short = EngineOptions { n_ctx: Some(32), ..options() };
    refused(&mut chat(&engine(&tiny, short)), &path, Code::ContextFull, "n_ctx");

    let mut templated = settings();
    templated.template = Some("{% for m in messages %}{{ m.content }}{% endfor %}".into());
    refused(&mut Chat::with_request(&home, templated).unwrap(), &path, mismatch, "template");

    let adapter = Adapter::load(&tiny, support::tiny_lora(1.0, 7).file()).unwrap();
    let mut adapted = settings();
    adapted.adapters = vec![(adapter.clone(), 0.5)];
    let mut adapted = Chat::with_request(&home, adapted).unwrap();
    refused(&mut adapted, &path, mismatch, "adapters");

    // With its own adapter at its own scale it fits, loaded again or not.
    let (expected, _) = say(&mut adapted, "What is the sea?");
    adapted.save(&path, &SaveOptions::default(), None).unwrap();
    refused(&mut mine, &path, mismatch, "adapters");
    let again = Adapter::load(&tiny, support::tiny_lora(1.0, 7).file()).unwrap();
    let mut settings = settings();
    settings.adapters = vec![(again, 0.5)];
    let there = engine(&tiny, options());
    let mut restored = Chat::with_request(&there, settings).unwrap();
    assert!(restored.restore(&path, None).unwrap() > 0);
    assert_eq!(restored.message_at(2).unwrap().text(), expected);
    assert_eq!(say(&mut restored, "On."), say(&mut adapted, "On."));

    let e = home.restore_prefix(&Request::text(""), &path, None).unwrap_err();
    assert!(e.code() == mismatch && e.message().contains("chat"), "{e}");
}

#[test]
fn busy_chats_cancelled_saves_and_engines_without_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.session");
    let tiny = model(support::tiny().file());
    let home = engine(&tiny, options());
    let mut settings = settings();
    settings.max_tokens = Some(100_000);
    let mut busy = Chat::with_request(&home, settings).unwrap();
    let stream = busy.send("Go on.").unwrap();
    // It may be through already when it has filled the context: then nothing is busy.
    if let Err(e) = busy.save(&path, &SaveOptions::default(), None) {
        assert_eq!(e.code(), Code::Busy);
    }
    drop(stream);
    assert!(busy.wait(Some(Duration::from_secs(60))));
    let cancel = Cancel::new();
    cancel.cancel();
    let e = chat(&home).save(folder.path().join("new"), &SaveOptions::default(), Some(&cancel));
    // Nothing was computed for it, so there is nothing to cancel but the file.
    assert!(e.is_ok() || e.unwrap_err().code() == Code::Cancelled);

    let plain = engine(&tiny, EngineOptions { prefix_cache: false, ..options() });
    let mut without = chat(&plain);
    say(&mut without, "What is the sea?");
    assert_eq!(without.save(&path, &SaveOptions::default(), None).unwrap().tokens, 0);
    let mut with = chat(&home);
    assert_eq!(with.restore(&path, None).unwrap(), 0);
    assert_eq!(say(&mut with, "And you?").0, say(&mut without, "And you?").0);
    let e = plain.save_prefix(&Request::text("a"), &path, &SaveOptions::default(), None).unwrap_err();
    assert_eq!(e.code(), Code::Unsupported);
    assert_eq!(plain.restore_prefix(&Request::text("a"), &path, None).unwrap_err().code(), Code::Unsupported);
    home.close(None).unwrap();
    assert_eq!(with.save(&path, &SaveOptions::default(), None).unwrap_err().code(), Code::Closed);
}

fn lighthouse(question: &str) -> [Message; 2] {
    let rules =
        "Answer in the words of a lighthouse keeper who has seen ships come and go for forty years, and who \
                 will not be hurried by anybody at all.";
    [Message::system(rules), Message::user(question)]
}

#[test]
fn a_prefix_is_found_by_requests_that_begin_with_it() {
    let fixtures: [fn() -> Gguf; 4] =
        [support::tiny, support::tiny_window, support::tiny_recurrent, support::tiny_hybrid];
    for fixture in fixtures {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.session");
        let model = model(fixture().file());
        let home = engine(&model, options());
        let mut rules = Request::chat([lighthouse("")[0].clone()]);
        let saved = home.save_prefix(&rules, &path, &SaveOptions::default(), None).unwrap();
        let expected = ask(&engine(&model, options()), &lighthouse("Why?"));
        let system = lighthouse("")[0].text().len() as u32;
        assert!((system..system + 20).contains(&saved.tokens), "{saved:?}");

        let there = engine(&model, options());
        assert_eq!(there.restore_prefix(&rules, &path, None).unwrap(), saved.tokens);
        let answer = ask(&there, &lighthouse("Why?"));
        assert_eq!(answer.cached, saved.tokens);
        answer.assert_equals(&expected, "behind a restored prefix");
        ask(&there, &lighthouse("Who?")).assert_equals(&ask(&home, &lighthouse("Who?")), "behind it again");
        // A tenant's is nobody else's.
        rules.cache_key = "tenant".into();
        let other = engine(&model, options());
        other.restore_prefix(&rules, &path, None).unwrap();
        assert_eq!(ask(&other, &lighthouse("Why?")).cached, 0);
    }
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    files.filter(|p| p.extension().is_some_and(|e| e == "qaskprefix")).collect()
}

/// Entries are written behind the answer.
fn wait_for_entries(folder: &Path, count: usize) -> Vec<std::path::PathBuf> {
    let began = Instant::now();
    while entries(folder).len() != count {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", entries(folder));
        std::thread::sleep(Duration::from_millis(5));
    }
    entries(folder)
}

#[test]
fn the_directory_keeps_what_prompts_share() {
    let fixtures: [fn() -> Gguf; 4] =
        [support::tiny, support::tiny_window, support::tiny_recurrent, support::tiny_hybrid];
    for fixture in fixtures {
        let folder = tempfile::tempdir().unwrap();
        let model = model(fixture().file());
        let with = || {
            engine(&model, EngineOptions { prefix_cache_dir: Some(folder.path().join("prefixes")), ..options() })
        };
        let place = folder.path().join("prefixes");
        let expected = ask(&engine(&model, options()), &lighthouse("Why?"));
        // Once is nothing; the second that begins so is worth a file; the third finds it.
        let first = with();
        let mut turns = lighthouse("What?").to_vec();
        ask(&first, &turns);
        turns.extend([Message::assistant("No."), Message::user("And?")]);
        ask(&first, &turns);
        drop(first);
        assert_eq!(entries(&place).len(), 0);
        let second = with();
        ask(&second, &lighthouse("Who?"));
        assert_eq!(second.stats().disk_tokens, 0);
        let written = wait_for_entries(&place, 1);
        let third = with();
        let answer = ask(&third, &lighthouse("Why?"));
        assert_eq!((third.stats().disk_tokens, answer.cached), (128, 128));
        answer.assert_equals(&expected, "behind a prefix of the directory");

        // A file that was damaged goes, and the answer is right.
        let mut bytes = std::fs::read(&written[0]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&written[0], bytes).unwrap();
        let fourth = with();
        ask(&fourth, &lighthouse("Why?")).assert_equals(&expected, "beside a damaged one");
        assert_eq!(fourth.stats().disk_tokens, 0);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = EngineOptions { prefix_cache_dir: Some(file.path().join("x")), ..options() };
    let e = Engine::new(&model(support::tiny().file()), options).unwrap_err();
    assert!(e.code() == Code::Io && e.message().contains("prefix_cache_dir"), "{e}");
}

/// Two processes and several engines on one small directory: it stays small, and every answer is right.
#[test]
fn processes_share_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..2)
        .map(|i| {
            let folder = folder.path().to_owned();
            std::thread::spawn(move || in_a_process(["child_that_shares", "child_that_shares_too"][i], &folder))
        })
        .collect();
    let reused: u64 = children.into_iter().map(|c| c.join().unwrap().parse::<u64>().unwrap()).sum();
    assert!(reused > 0, "nothing was found again");
    let bytes: u64 = entries(&folder.path().join("p")).iter().map(|p| p.metadata().unwrap().len()).sum();
    // Each may have ended behind the file that it was writing.
    assert!((1..=SHARED_BYTES + 40_000).contains(&bytes), "{bytes}");
}

const SHARED_BYTES: u64 = 100_000;

fn share() {
    let tiny = model(support::tiny().file());
    let place = folder().join("p");
    let mut found = 0;
    for round in 0..6 {
        let options = EngineOptions {
            prefix_cache_dir: Some(place.clone()),
            prefix_cache_dir_bytes: SHARED_BYTES,
            ..options()
        };
        let (with, plain) = (engine(&tiny, options), engine(&tiny, self::options()));
        // More than fit; the first is used last, and so stays for the next round.
        for i in (0..8).chain([0]) {
            let mut messages = lighthouse(&format!("{round}{i}{}", std::process::id()));
            messages[0] = Message::system(format!("{i}{}", messages[0].text()));
            ask(&with, &messages).assert_equals(&ask(&plain, &messages), "beside another process");
        }
        found += with.stats().disk_tokens;
    }
    println!("said: {found}");
}

#[test]
#[ignore = "a part of processes_share_a_directory"]
fn child_that_shares() {
    share();
}

#[test]
#[ignore = "a part of processes_share_a_directory"]
fn child_that_shares_too() {
    share();
}
