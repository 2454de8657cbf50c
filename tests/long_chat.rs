//! A conversation without end. Its test has this file, and so a process, to itself: it measures the memory of the
//! whole process, where other tests would load models meanwhile.
#![cfg(target_os = "linux")]

mod support;

use std::time::Instant;

use qask::{Chat, ContextPolicy, Engine, EngineOptions, Model, ModelOptions, Request, Sampling};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Ten thousand turns, of which the context holds a handful: memory does not grow with them, the system message
/// stays, and between cuts every prompt is found in the cache.
#[test]
fn ten_thousand_turns_take_no_more_memory_than_two_thousand() {
    const SYSTEM: &str = "You count.";
    let file = support::tiny().file();
    let model = Model::load(&file, ModelOptions::default()).unwrap();
    let engine = Engine::new(&model, EngineOptions { threads: Some(2), ..EngineOptions::default() }).unwrap();
    let mut settings = Request::chat([]).max_tokens(2).sampling(Sampling::greedy());
    settings.context_policy = ContextPolicy::DropOldest;
    let mut chat = Chat::with_request(&engine, settings).unwrap();
    chat.set_system(SYSTEM).unwrap();
    let began = Instant::now();
    let (mut early, mut most, mut cached, mut cuts) = (0, 0, 0u64, 0);
    for turn in 0..10_000 {
        let (_, done) = chat.send(format!("turn {turn}")).unwrap().collect_text().unwrap();
        assert_ne!(done.usage.prompt_tokens, 0);
        assert_eq!(chat.message_at(0).unwrap().text(), SYSTEM);
        cached += u64::from(done.usage.cached_tokens);
        cuts += usize::from(done.usage.dropped_messages > 0);
        most = most.max(chat.count());
        if turn == 2_000 {
            early = resident_kib();
        }
    }
    let grown = resident_kib().saturating_sub(early);
    println!(
        "10,000 turns in {:.1} s, {cuts} cuts, {cached} tokens cached, {grown} KiB grown",
        began.elapsed().as_secs_f64()
    );
    assert!(grown < 2048, "{grown} KiB more after 10,000 turns than after 2,000");
    assert!(most < 30, "{most} messages were kept");
    assert_eq!(chat.dropped_messages() as usize + chat.count(), 20_001);
    assert!(cuts < 6_000, "{cuts} cuts");
    assert!(cached > 10_000 * 60, "{cached} tokens were cached");
    assert!(
        chat.message_at(chat.count() - 1).unwrap().role() == "assistant" && chat.export().unwrap().len() < 10_000
    );
}
