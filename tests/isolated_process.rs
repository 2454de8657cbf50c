//! The process of an isolated engine: how it ends and is started again, what it keeps, and that nothing is left behind.
#![cfg(all(feature = "test-hooks", target_os = "linux"))]

mod support;

use std::time::{Duration, Instant};

use qask::{Code, Engine, EngineOptions, Request};
use support::isolated::*;

#[test]
fn a_worker_that_is_killed_twenty_times_leaves_nothing_behind() {
    let _alone = alone();
    let (model, _file) = small();
    let engine = isolated(&model);
    let before = (descriptors(), children().len());
    let mut request = greedy(Request::text("a"));
    (request.ignore_eos, request.n) = (true, 2);
    for round in 0..20 {
        let process = engine.worker_id().expect("a worker runs");
        let stream = begin(&engine, &request);
        kill(process);
        let error = stream.collect();
        // The tiny context may be full before the signal strikes.
        if let Err(error) = error {
            assert!(error.code() == Code::EngineFault && error.message().contains("SIGKILL"), "{error}");
        }
        wait_for("its end", || engine.worker_id() != Some(process));
        engine.submit(&Request::text("b").max_tokens(2)).unwrap().collect().unwrap();
        assert!(engine.worker_id().is_some(), "round {round}");
    }
    assert_eq!((descriptors(), children().len()), before);
    assert!(engine.close(LONG).unwrap());
    assert_eq!(children().len(), before.1 - 1);
}

#[test]
fn a_worker_that_dies_again_and_again_ends_its_engine() {
    let _alone = alone();
    let (model, _file) = small();
    let engine = isolated(&model);
    // So that nothing is whole between the deaths.
    assert!(engine.pause(LONG).unwrap());
    let mut deaths = 0;
    let error = loop {
        match engine.submit(&Request::text("b")) {
            Ok(stream) => {
                wait_for("a worker", || engine.worker_id().is_some());
                let process = engine.worker_id();
                kill(process.unwrap());
                assert_eq!(failure(stream).code(), Code::EngineFault);
                // Its streams are told first.
                wait_for("its end", || engine.worker_id() != process);
                deaths += 1;
            }
            Err(error) => break error,
        }
        assert!(deaths <= 5, "it is not started for ever");
    };
    assert_eq!(deaths, 5);
    assert_eq!(error.code(), Code::EngineFault);
    assert!(error.message().contains("is not started again"), "{error}");
    assert!(engine.close(LONG).unwrap());
    // Another engine is another matter.
    isolated(&model).submit(&Request::text("b").max_tokens(1)).unwrap().collect().unwrap();
}

#[test]
fn fifty_engines_come_and_go() {
    let _alone = alone();
    let (model, _file) = small();
    let cycle = || {
        let engine = isolated(&model);
        engine.submit(&Request::text("abc").max_tokens(3)).unwrap().collect().unwrap();
        let process = engine.worker_id().unwrap();
        assert!(engine.close(LONG).unwrap());
        assert!(!runs(process), "close waits for it");
        assert_eq!(engine.submit(&Request::text("x")).err().map(|e| e.code()), Some(Code::Closed));
    };
    let resident = || -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    (0..5).for_each(|_| cycle());
    let before = (descriptors(), resident());
    (0..50).for_each(|_| cycle());
    let after = (descriptors(), resident());
    assert_eq!(before.0, after.0, "descriptors");
    assert!(after.1 < before.1 + (4 << 20), "{before:?} {after:?}");
    assert_eq!(children().len(), 0);
    // One that is only dropped ends soon.
    let engine = isolated(&model);
    let process = engine.worker_id().unwrap();
    drop(engine);
    wait_for("its end", || !runs(process));
}

/// What the test below runs again, as another process that is killed.
#[test]
fn a_host_that_is_killed() {
    if std::env::var_os("QASK_TEST_HOST").is_none() {
        return;
    }
    let (model, _file) = small();
    let engine = isolated(&model);
    println!("worker {}", engine.worker_id().unwrap());
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let _ = engine.stats();
    }
}

#[test]
fn a_worker_ends_with_its_host() {
    use std::io::{BufRead, BufReader};
    let _alone = alone();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_host_that_is_killed", "--nocapture"])
        .env("QASK_TEST_HOST", "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let worker: u32 = lines
        .find_map(|l| l.unwrap().split_once("worker ").and_then(|(_, id)| id.trim().parse().ok()))
        .expect("a worker");
    assert!(runs(worker));
    host.kill().unwrap();
    host.wait().unwrap();
    wait_for("its end", || !runs(worker));
}

/// What was given up, as the system tells; what comes of it is tried in `tests/isolated_sandbox.rs`.
#[test]
fn a_worker_keeps_nothing_that_it_does_not_need() {
    let _alone = alone();
    let (model, _file) = small();
    let engine = isolated(&model);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", engine.worker_id().unwrap())).unwrap();
    let limit = |key: &str| {
        let line = limits.lines().find(|l| l.starts_with(key)).unwrap_or_default();
        line[key.len()..].split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    };
    // One byte is less than any core has, and the only limit that a system keeps to which gives cores to a program.
    assert_eq!(
        (limit("Max core file size"), limit("Max open files")),
        ("1 1".into(), "512 512".into()),
        "{limits}"
    );
    let theirs = std::fs::read_dir(format!("/proc/{}/fd", engine.worker_id().unwrap())).unwrap().count();
    assert!(theirs < 16, "{theirs} descriptors");
}

/// What the test below runs again, as a host that was given a descriptor which stays open in its children.
#[test]
fn a_host_with_a_descriptor() {
    let Some(secret) = std::env::var_os("QASK_TEST_SECRET") else { return };
    let open = |process: &str| {
        let all = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        all.filter_map(|e| std::fs::read_link(e.unwrap().path()).ok()).any(|to| to.as_os_str() == secret)
    };
    let (model, _file) = small();
    let engine = isolated(&model);
    println!("host {}, worker {}", open("self"), open(&engine.worker_id().unwrap().to_string()));
}

#[test]
fn a_worker_has_no_descriptor_of_its_host() {
    let _alone = alone();
    let secret = tempfile::NamedTempFile::new().unwrap();
    let test = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "exec 9<\"$QASK_TEST_SECRET\" && exec \"$0\" --exact a_host_with_a_descriptor --nocapture"])
        .arg(test)
        .env("QASK_TEST_SECRET", secret.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("host true, worker false"), "{output:?}");
}

#[test]
fn signals_of_a_terminal_are_for_the_host() {
    let _alone = alone();
    let (model, _file) = small();
    let engine = isolated(&model);
    let process = engine.worker_id().unwrap();
    let group = |process: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).map(str::to_owned)
    };
    assert_ne!(group(&process.to_string()), group("self"));
    ["INT", "HUP", "QUIT", "TERM", "PIPE"].iter().for_each(|name| signal(process, name));
    engine.submit(&Request::text("b").max_tokens(2)).unwrap().collect().unwrap();
    assert_eq!(engine.worker_id(), Some(process));
}

/// Answers between the deaths do not make it go on for ever.
#[test]
fn a_worker_that_dies_thirty_times_ends_its_engine() {
    let _alone = alone();
    let (model, _file) = small();
    let engine = isolated(&model);
    let (mut deaths, began) = (0, Instant::now());
    let error = loop {
        match engine.submit(&Request::text("b").max_tokens(1)).map(qask::Stream::collect) {
            Ok(answer) => drop(answer.unwrap()),
            Err(error) => break error,
        }
        let process = engine.worker_id();
        kill(process.expect("a worker runs"));
        wait_for("its end", || engine.worker_id() != process);
        deaths += 1;
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "this machine is too slow: {deaths} deaths in a minute"
        );
        assert!(deaths <= 30, "it is not started for ever");
    };
    assert_eq!((deaths, error.code()), (30, Code::EngineFault));
    assert!(error.message().contains("30 times") && error.message().contains("is not started again"), "{error}");
}

/// One that is stopped does not answer, as one that hangs.
#[test]
fn a_worker_that_hangs_is_ended_behind_the_deadline() {
    let _alone = alone();
    let (model, _file) = small();
    let engine = isolated(&model);
    let process = engine.worker_id().unwrap();
    signal(process, "STOP");
    let mut request = Request::text("b").max_tokens(1);
    request.deadline = Some(Duration::from_millis(100));
    let began = Instant::now();
    let error = failure(engine.submit(&request).unwrap());
    assert!(error.code() == Code::EngineFault && error.message().contains("hung"), "{error}");
    let took = began.elapsed();
    assert!(took > Duration::from_secs(10) && took < Duration::from_secs(30), "{took:?}");
    wait_for("its end", || !runs(process));
    engine.submit(&Request::text("b").max_tokens(1)).unwrap().collect().unwrap();
}

#[test]
fn a_program_that_says_nothing_is_no_worker() {
    let _alone = alone();
    let (model, _file) = small();
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path().join("silent"), "#!/bin/sh\nexec sleep 600\n");
    let began = Instant::now();
    let error = Engine::new(&model, EngineOptions { worker: Some(path), ..options() }).unwrap_err();
    let took = began.elapsed();
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    assert!(error.message().contains("silent does not say who it is"), "{error}");
    assert!(took > Duration::from_secs(30) && took < Duration::from_secs(60), "{took:?}");
    wait_for("its end", || children().is_empty());
}
