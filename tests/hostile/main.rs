//! Hostile input, each case in a child process with limits of address space, time and stack: every one must end in the
//! answer or the error that it names, and none in a signal, a hang or a panic.
//!
//! In `make test` a part of the long series; `make hostile` runs all of it and prints the table. What other tests have
//! (session files, templates, constraints, the C interface) is not repeated here.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod architectures;
mod bits;
mod case;
mod complete;
mod files;
mod requests;
mod runner;
mod seeds;
mod tokenizers;

use case::Cases;

/// A group by its name, as parent and child both make it.
fn group(name: &str) -> Box<dyn Cases> {
    match name {
        "files" => Box::new(files::Files::new()),
        "requests" => Box::new(requests::Requests::new()),
        "tokenizers" => Box::new(tokenizers::Tokenizers::new()),
        "architectures" => Box::new(architectures::Architectures::new()),
        "complete" => Box::new(complete::Complete::new()),
        "prefixes" => Box::new(bits::Prefixes::new()),
        "boundaries" => Box::new(bits::Boundaries::new()),
        "types" => Box::new(bits::Types::new()),
        "metadata" => Box::new(bits::Metadata::new()),
        "data" => Box::new(bits::Data::new()),
        other => panic!("there is no group {other}"),
    }
}

/// The names of the groups, and how many cases of each `make test` runs; `make hostile` runs all of them.
const GROUPS: [(&str, usize); 10] = [
    ("files", 1_000),
    ("requests", 1_000),
    ("tokenizers", 300),
    ("architectures", 1_000),
    ("complete", 200),
    ("prefixes", 1_000),
    ("boundaries", 1_000),
    ("types", 400),
    ("metadata", 1_000),
    ("data", 300),
];

#[test]
fn nothing_hostile_ends_the_process() {
    let full = std::env::var("QASK_HOSTILE").is_ok_and(|v| v == "full");
    let only = std::env::var("QASK_HOSTILE_GROUP").unwrap_or_default();
    let mut table = runner::Table::default();
    for (name, part) in GROUPS.iter().filter(|(name, _)| only.is_empty() || only == *name) {
        let most = std::env::var("QASK_HOSTILE_MOST").ok().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
        let most = if full { most } else { *part };
        if most > 0 {
            runner::run(name, most, &mut table);
        }
    }
    table.print();
    table.judge();
}

#[test]
#[ignore = "a part of nothing_hostile_ends_the_process"]
fn child() {
    runner::child();
}

/// The runner sees what it is there to see.
#[test]
fn the_runner_sees_signals_and_hangs() {
    let mut table = runner::Table::default();
    runner::run("planted", usize::MAX, &mut table);
    assert_eq!(
        table.problems(),
        [
            "aborts: signal 6",
            "sleeps: no end",
            "turns in a circle: no end",
            "panics: exit code 101",
            "too much: signal 6"
        ]
    );
}
