//! Session files that are damaged, made up, or cut off while they were written. In `make test` a part; `make sessions`
//! runs all of it.

mod support;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use qask::{Chat, Code, Engine, EngineOptions, Message, Model, ModelOptions, Request, Sampling, SaveOptions};
use support::{ask, Gguf, Random};

/// As many as are asked for, or a tenth.
fn full(n: usize) -> usize {
    match std::env::var_os("QASK_SESSIONS") {
        Some(_) => n,
        None => n / 10,
    }
}

fn engine(fixture: &Gguf) -> Engine {
    let model = Model::load(fixture.file(), ModelOptions::default()).expect("the fixture loads");
    let options = EngineOptions { threads: Some(1), ..EngineOptions::default() };
    Engine::new(&model, options).expect("the engine starts")
}

fn chat(engine: &Engine) -> Chat {
    let mut settings = Request::chat([]).max_tokens(8).sampling(Sampling::greedy());
    settings.ignore_eos = true;
    Chat::with_request(engine, settings).expect("a chat")
}

/// The file of a chat of one turn.
fn saved(engine: &Engine, path: &Path, compress: bool) -> Vec<u8> {
    let mut chat = chat(engine);
    chat.ask("What is the sea?").unwrap();
    assert!(chat.save(path, &SaveOptions::default().compress(compress), None).unwrap().tokens > 20);
    std::fs::read(path).unwrap()
}

fn fixtures() -> [Gguf; 4] {
    [support::tiny(), support::tiny_window(), support::tiny_recurrent(), support::tiny_hybrid()]
}

/// An engine that was given files, beside a fresh one: they must go on answering the same.
struct Pair {
    given: Engine,
    fresh: Engine,
    asked: usize,
}

impl Pair {
    fn new(fixture: &Gguf) -> Pair {
        Pair { given: engine(fixture), fresh: engine(fixture), asked: 0 }
    }

    fn answer_alike(&mut self) {
        self.asked += 1;
        // Nothing that was asked before, and nothing that a file begins with.
        let messages = [Message::system(format!("{} rules", self.asked)), Message::user("Why?")];
        ask(&self.given, &messages).assert_equals(&ask(&self.fresh, &messages), "beside a fresh engine");
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut random = Random(1);
    for fixture in fixtures() {
        let good = saved(&engine(&fixture), &path, false);
        let mut pair = Pair::new(&fixture);
        let mut chat = chat(&pair.given);
        let refused = |bytes: &[u8], chat: &mut Chat| {
            std::fs::write(&path, bytes).unwrap();
            let code = chat.restore(&path, None).expect_err("refused").code();
            assert!(matches!(code, Code::StateInvalid | Code::StateMismatch | Code::Checksum), "{code}");
        };
        let step = if full(10) == 10 { 1 } else { 37 };
        (0..good.len()).step_by(step).for_each(|n| refused(&good[..n], &mut chat));
        refused(&[&good[..], &[0]].concat(), &mut chat);
        pair.answer_alike();
        let mut bent = good.clone();
        for i in 0..full(10_000) {
            let (byte, bit) = (random.below(good.len()), random.below(8));
            bent[byte] ^= 1 << bit;
            refused(&bent, &mut chat);
            bent[byte] = good[byte];
            if i % 1000 == 0 {
                pair.answer_alike();
            }
        }
        assert_eq!((chat.count(), pair.given.stats().failed), (0, 0));
        std::fs::write(&path, &good).unwrap();
        assert!(chat.restore(&path, None).unwrap() > 0);
        pair.answer_alike();
    }
}

#[test]
fn conformance() {
    support::cases::sessions(&mut chat(&engine(&support::tiny())));
}

/// Puts the checksum of a file right, as somebody would who made it on purpose.
fn seal(bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[64..]).update(&bytes[..32]);
    bytes[32..64].copy_from_slice(hasher.finalize().as_bytes());
}

/// With a checksum that is right again, a changed file is refused or taken, and the process and its other answers never
/// suffer.
#[test]
fn files_that_were_made_up_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut random = Random(2);
    for (fixture, compress) in fixtures().into_iter().flat_map(|f| [(f.clone(), false), (f, true)]) {
        let good = saved(&engine(&fixture), &path, compress);
        let record = u64::from_le_bytes(good[16..24].try_into().unwrap()) as usize;
        let mut pair = Pair::new(&fixture);
        let (mut taken, mut refused) = (0, 0);
        for i in 0..full(2_000) {
            let mut bent = good.clone();
            // The record is where the meaning is.
            let within = if i % 3 == 0 { good.len() } else { 64 + record };
            for _ in 0..1 + random.below(3) {
                let byte = random.below(within);
                match random.below(3) {
                    0 => bent[byte] ^= 1 << random.below(8),
                    1 => bent[byte] = b"0123456789[]{},\"-"[random.below(17)],
                    _ => bent[byte] = random.below(256) as u8,
                }
            }
            seal(&mut bent);
            std::fs::write(&path, &bent).unwrap();
            let mut chat = chat(&pair.given);
            match chat.restore(&path, None) {
                Ok(_) => {
                    taken += 1;
                    // It may say anything, or that there are no numbers to say it with.
                    let _ = chat.ask("And?");
                }
                Err(e) => {
                    refused += 1;
                    let codes = [Code::StateInvalid, Code::StateMismatch, Code::ContextFull];
                    assert!(codes.contains(&e.code()), "{e:?}");
                }
            }
            if i % 100 == 0 {
                pair.answer_alike();
            }
        }
        pair.answer_alike();
        assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    }
}

/// Cells that are not what their tokens come to: the chat that was given them speaks from them, and nobody else.
#[test]
fn what_a_file_says_reaches_no_other_chat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let fixture = support::tiny();
    let mut bytes = saved(&engine(&fixture), &path, false);
    let record = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) as usize;
    // 1.0 in 16 bits.
    bytes[64 + record..].chunks_exact_mut(2).for_each(|x| x.copy_from_slice(&[0x00, 0x3c]));
    seal(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();

    let (given, fresh) = (engine(&fixture), engine(&fixture));
    let mut liar = chat(&given);
    assert!(liar.restore(&path, None).unwrap() > 20);
    // What it tells must be told from its settings too, however they are changed.
    liar.set_request(liar.request().clone().max_tokens(7)).unwrap();
    liar.ask("And?").unwrap();
    let messages = [Message::user("What is the sea?")];
    let (answer, reference) = (ask(&given, &messages), ask(&fresh, &messages));
    assert_eq!(answer.cached, 0);
    answer.assert_equals(&reference, "beside a chat whose cells are made up");
    // Who restores the file shares its cells, and so does a fork.
    let mut fork = liar.fork().unwrap();
    let mut second = chat(&given);
    second.restore(&path, None).unwrap();
    for chat in [&mut fork, &mut second] {
        let (_, done) = chat.send("So?").unwrap().collect_text().unwrap();
        assert!(done.usage.cached_tokens > 20, "{:?}", done.usage);
    }
}

/// Records that lie, each in one way.
#[test]
fn records_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    for fixture in fixtures() {
        let good = saved(&engine(&fixture), &path, false);
        let length = u64::from_le_bytes(good[16..24].try_into().unwrap()) as usize;
        let record: serde_json::Value = serde_json::from_slice(&good[64..64 + length]).unwrap();
        let mut pair = Pair::new(&fixture);
        let tokens = record["tokens"].as_array().unwrap().len();
        let lies = [
            ("/tokens/0", serde_json::json!(-1)),
            ("/tokens/0", serde_json::json!(1_000_000)),
            ("/tokens", serde_json::json!([])),
            ("/tokens", serde_json::json!(vec![1; tokens + 1])),
            ("/tokens", serde_json::json!(vec![1; 100_000])),
            ("/order/0", serde_json::json!([0])),
            ("/order/0", serde_json::json!(vec![0; tokens])),
            ("/order/0", serde_json::json!((1..=tokens).collect::<Vec<_>>())),
            ("/order/0", serde_json::json!([4_294_967_295u32])),
            ("/order/1", serde_json::json!((0..tokens).collect::<Vec<_>>())),
            ("/order", serde_json::json!([[], [], []])),
            ("/chat/history", serde_json::json!("{}")),
            ("/chat/transcript/tokens/0", serde_json::json!(1_000_000)),
            ("/chat/transcript/generated/0", serde_json::json!(-5)),
            ("/chat/transcript/protected", serde_json::json!([[5, 2]])),
            ("/chat/transcript/protected", serde_json::json!([[0, 18_446_744_073_709_551_615u64]])),
            ("/chat/transcript/protected", serde_json::json!([[3, 5], [4, 6]])),
        ];
        let mut accepted = Vec::new();
        for (i, (place, lie)) in lies.into_iter().enumerate() {
            let mut record = record.clone();
            let before = record.pointer(place).cloned();
            if before.as_ref() == Some(&lie) {
                continue;
            }
            *record.pointer_mut(place).unwrap() = lie;
            let json = serde_json::to_vec(&record).unwrap();
            let mut bytes = good[..64].to_vec();
            bytes[16..24].copy_from_slice(&(json.len() as u64).to_le_bytes());
            bytes.extend(&json);
            bytes.extend(&good[64 + length..]);
            seal(&mut bytes);
            std::fs::write(&path, &bytes).unwrap();
            let mut chat = chat(&pair.given);
            match chat.restore(&path, None) {
                Err(e) => assert!(matches!(e.code(), Code::StateInvalid | Code::ContextFull), "{place}: {e:?}"),
                Ok(n) => accepted.push((i, place, n)),
            }
        }
        // Without tokens there is nothing to restore but the history. A recurrent state has no cells to count by.
        let harmless =
            |(_, place, n): &(usize, &str, u32)| *place == "/tokens" && (*n == 0 || *n == tokens as u32 + 1);
        assert!(!accepted.is_empty() && accepted.iter().all(harmless), "{accepted:?}");
        pair.answer_alike();
    }
}

/// A process of this file's own, in a folder.
fn child(part: &str, folder: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", part, "--ignored", "--nocapture"]).env("QASK_SESSION_FOLDER", folder);
    child.stdout(Stdio::null()).stderr(Stdio::null());
    child
}

fn folder() -> PathBuf {
    std::env::var_os("QASK_SESSION_FOLDER").expect("run by another test").into()
}

#[test]
#[ignore = "a part of a_killed_save_leaves_the_old_file_or_the_new_one"]
fn child_that_saves() {
    let engine = engine(&support::tiny());
    let path = folder().join("chat.session");
    let mut chats = ["old", "new"].map(|name| {
        let mut chat = chat(&engine);
        // A few hundred kilobytes, so that a kill finds it writing.
        chat.set_system(format!("{name}{}", " ".repeat(200_000))).unwrap();
        chat
    });
    for chat in &mut chats {
        chat.save(&path, &SaveOptions::default(), None).unwrap();
    }
    std::fs::write(folder().join("ready"), "").unwrap();
    loop {
        for chat in &chats {
            chat.save(&path, &SaveOptions::default(), None).unwrap();
        }
    }
}

#[test]
fn a_killed_save_leaves_the_old_file_or_the_new_one() {
    let here = engine(&support::tiny());
    let mut random = Random(std::process::id().into());
    let folder = tempfile::tempdir().unwrap();
    let (path, ready) = (folder.path().join("chat.session"), folder.path().join("ready"));
    let mut seen = HashSet::new();
    let mut left = 0;
    // Each needs a process of its own: a fiftieth of them in `make test`.
    let kills = if full(10) == 10 { 1_000 } else { 20 };
    for _ in 0..kills {
        let _ = std::fs::remove_file(&ready);
        let mut child = child("child_that_saves", folder.path()).spawn().unwrap();
        while !ready.exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(random.below(20_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut chat = chat(&here);
        chat.restore(&path, None).expect("a whole file");
        seen.insert(chat.message_at(0).unwrap().text()[..3].to_owned());
        left = left.max(std::fs::read_dir(folder.path()).unwrap().count());
    }
    println!("{} kinds of file, at most {left} files", seen.len());
    assert_eq!(seen.len(), 2, "{seen:?}");
}

/// As on a full disk: from some size on every write fails.
#[cfg(unix)]
#[allow(unsafe_code)]
#[test]
#[ignore = "a part of a_full_disk_is_an_error_that_leaves_nothing"]
fn child_on_a_full_disk() {
    let engine = engine(&support::tiny());
    let path = folder().join("chat.session");
    let mut chat = chat(&engine);
    chat.ask("What is the sea?").unwrap();
    chat.save(&path, &SaveOptions::default(), None).unwrap();
    let old = std::fs::read(&path).unwrap();
    chat.ask("And the sky?").unwrap();
    for most in [0, 10, 64, 100, 1000, old.len() as u64 - 1] {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: two calls of the C library with values of their own; the signal would end the process.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
        }
        for compress in [false, true] {
            let e = chat.save(&path, &SaveOptions::default().compress(compress), None).unwrap_err();
            assert_eq!(e.code(), Code::Io, "{e}");
            assert!(e.message().contains("chat.session"), "{e}");
            assert_eq!(std::fs::read(&path).unwrap(), old);
            assert_eq!(std::fs::read_dir(folder()).unwrap().count(), 1);
        }
    }
    // What could not be saved is still there.
    chat.ask("And you?").unwrap();
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_that_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(child("child_on_a_full_disk", folder.path()).status().unwrap().success());
}
