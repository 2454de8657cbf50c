//! An engine that rests computes nothing and loses nothing; what it lets go of is gone from the process and comes back.
//! One at a time: the process's time and memory are looked at.

mod support;

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use qask::{
    Cancel, Engine, EngineOptions, Event, FinishReason, Model, ModelOptions, Next, Request, Sampling, Stats,
    Stream, Trim,
};
use support::smollm2;

static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

fn engine(model: &Model) -> Engine {
    Engine::new(model, EngineOptions { kv_tokens: Some(8192), ..EngineOptions::default() }).unwrap()
}

/// A greedy text that is the same in every batch and on every processor: each of 400 tokens leads by 1.7 logits, and
/// other orders of summing were seen to move them by 0.3. Counted, so that a lost or doubled token shows.
fn count(n: u32) -> Request {
    let lines: String = (1..30).map(|i| format!("Line {i}\n")).collect();
    let mut request = Request::text(lines).max_tokens(n);
    request.sampling = Sampling::greedy();
    request.ignore_eos = true;
    request
}

/// Reads until so many pieces of text have come.
fn pieces(stream: &mut Stream, n: usize) -> String {
    let mut text = String::new();
    for _ in 0..n {
        match stream.next(Some(Duration::from_secs(60))).unwrap() {
            Next::Event(Event::Text(piece)) => text += &piece.text,
            other => panic!("{other:?} where text was expected"),
        }
    }
    text
}

fn rest(mut stream: Stream) -> (String, FinishReason) {
    let mut text = String::new();
    loop {
        match stream.next(Some(Duration::from_secs(60))).unwrap() {
            Next::Event(Event::Text(piece)) => text += &piece.text,
            Next::Event(Event::Done(done)) => return (text, done.reason),
            other => panic!("{other:?} where an end was expected"),
        }
    }
}

/// The figures when nothing runs: they follow the end of an answer.
fn idle(engine: &Engine) -> Stats {
    let until = Instant::now() + Duration::from_secs(20);
    while engine.stats().active > 0 {
        assert!(Instant::now() < until, "{:?}", engine.stats());
        std::thread::sleep(Duration::from_millis(5));
    }
    engine.stats()
}

#[cfg(target_os = "linux")]
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Processor time of the process, in hundredths of a second.
#[cfg(target_os = "linux")]
fn ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|f| f.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_paused_engine_computes_nothing_and_goes_on() {
    let _one = alone();
    let model = Model::load(smollm2(), ModelOptions::default()).unwrap();
    let engine = engine(&model);
    let expected = rest(engine.submit(&count(400)).unwrap()).0;

    let mut running = engine.submit(&count(400)).unwrap();
    let begun = pieces(&mut running, 3);
    assert!(engine.pause(None).unwrap() && engine.pause(None).unwrap(), "a second pause changes nothing");
    let waiting = engine.submit(&count(40)).unwrap();
    let before = engine.stats();
    assert_eq!(before.active, 1);
    // Threads of the step that was may spin a moment.
    std::thread::sleep(Duration::from_millis(300));
    #[cfg(target_os = "linux")]
    let used = ticks();
    std::thread::sleep(Duration::from_millis(700));
    #[cfg(target_os = "linux")]
    assert!(ticks() - used <= 20, "{} hundredths of a second in 70 of rest", ticks() - used);
    let after = engine.stats();
    assert_eq!((after.steps, after.queued, after.active), (before.steps, 1, 1));

    engine.resume().unwrap();
    let (more, reason) = rest(running);
    assert_eq!(begun + &more, expected);
    assert_eq!(reason, FinishReason::Length);
    assert!(expected.starts_with(&rest(waiting).0));
}

#[test]
fn cancels_deadlines_and_ends_hold_in_a_paused_engine() {
    let _one = alone();
    let model = Model::load(smollm2(), ModelOptions::default()).unwrap();
    let engine = engine(&model);
    let cancel = Cancel::new();
    let mut flagged = engine.submit_with(&count(2000), Some(cancel.clone())).unwrap();
    let mut short = count(2000);
    short.deadline = Some(Duration::from_secs(2));
    let late = engine.submit(&short).unwrap();
    let mut stopped = engine.submit(&count(2000)).unwrap();
    for stream in [&mut flagged, &mut stopped] {
        pieces(stream, 1);
    }
    assert!(engine.pause(None).unwrap());
    let began = Instant::now();
    cancel.cancel();
    stopped.cancel();
    for stream in [flagged, stopped] {
        assert_eq!(rest(stream).1, FinishReason::Cancelled);
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(rest(late).1, FinishReason::Deadline);

    // Not waited for, it rests all the same; a close ends it.
    engine.resume().unwrap();
    let mut last = engine.submit(&count(2000)).unwrap();
    pieces(&mut last, 1);
    engine.pause(Some(Duration::ZERO)).unwrap();
    assert!(engine.close(Some(Duration::from_secs(20))).unwrap());
    assert_eq!(engine.pause(None).unwrap_err().code(), qask::Code::Closed);
    assert_eq!(engine.resume().unwrap_err().code(), qask::Code::Closed);
    assert_eq!(engine.trim(Trim::Cache, None).unwrap_err().code(), qask::Code::Closed);
}

#[test]
fn trimming_lets_go_of_what_is_idle() {
    let _one = alone();
    let model = Model::load(smollm2(), ModelOptions { repack: false, ..ModelOptions::default() }).unwrap();
    let engine = engine(&model);
    let pinned = Request::text("A pinned beginning of a text that stays.").max_tokens(0);
    rest(engine.prewarm(&pinned, true).unwrap());
    let expected = rest(engine.submit(&count(20)).unwrap()).0;
    let full = idle(&engine).cached_tokens;

    assert!(engine.trim(Trim::Cache, None).unwrap());
    let kept = engine.stats().cached_tokens;
    assert!(kept > 0 && kept < full, "{kept} of {full} tokens are pinned");
    assert_eq!(rest(engine.submit(&count(20)).unwrap()).0, expected);

    // 8,192 tokens of 22.5 KiB in the KV cache, and what computes.
    #[cfg(target_os = "linux")]
    let before = status("RssAnon");
    assert!(engine.trim(Trim::Context, None).unwrap());
    #[cfg(target_os = "linux")]
    assert!(before - status("RssAnon") > 180, "{before} MiB, then {} MiB", status("RssAnon"));
    assert_eq!((engine.stats().cached_tokens, engine.stats().kv_tokens_used), (0, 0));
    assert_eq!(rest(engine.submit(&count(20)).unwrap()).0, expected);

    #[cfg(target_os = "linux")]
    let mapped = status("RssFile");
    assert!(engine.trim(Trim::Weights, None).unwrap());
    #[cfg(target_os = "linux")]
    assert!(mapped - status("RssFile") > 60, "{mapped} MiB, then {} MiB", status("RssFile"));
    assert_eq!(rest(engine.submit(&count(20)).unwrap()).0, expected);

    // A session on disk needs the context as well.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prefix");
    engine.save_prefix(&count(20), &path, &qask::SaveOptions::default(), None).unwrap();
    engine.trim(Trim::Context, None).unwrap();
    assert!(engine.restore_prefix(&count(20), &path, None).unwrap() > 5);
}

#[test]
fn what_runs_keeps_its_memory_unless_the_engine_rests() {
    let _one = alone();
    let model = Model::load(smollm2(), ModelOptions::default()).unwrap();
    let engine = engine(&model);
    let expected = rest(engine.submit(&count(400)).unwrap()).0;
    let mut running = engine.submit(&count(400)).unwrap();
    let mut text = pieces(&mut running, 3);
    let preempted = engine.stats().preemptions;
    assert!(engine.trim(Trim::Context, None).unwrap());
    assert_eq!(engine.stats().preemptions, preempted, "it was running");
    text += &pieces(&mut running, 2);
    engine.pause(None).unwrap();
    engine.trim(Trim::Weights, None).unwrap();
    let stats = engine.stats();
    assert_eq!((stats.preemptions, stats.kv_tokens_used, stats.active), (preempted + 1, 0, 0));
    engine.resume().unwrap();
    assert_eq!(text + &rest(running).0, expected);
}
