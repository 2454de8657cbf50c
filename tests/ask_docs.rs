//! The example `ask_docs` over this project's own pages, with the 0.5B: the right file is cited.

mod support;

use std::path::Path;
use std::process::Command;

/// The answer, and the file of each source.
fn ask(question: &str) -> (String, Vec<String>) {
    // Cargo puts examples beside the folder of the tests.
    let test = std::env::current_exe().unwrap();
    let example = test.parent().unwrap().parent().unwrap().join("examples/ask_docs");
    let out = Command::new(&example)
        .arg(support::model("all-minilm-l6-v2-f32.gguf"))
        .arg(support::qwen())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"))
        .arg(question)
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", example.display()));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let (answer, sources) = text.rsplit_once("\n\n").expect("an answer and its sources");
    let file = |l: &str| l.split(' ').nth(1).and_then(|p| p.split(':').next()).expect("a place").to_owned();
    (answer.to_owned(), sources.lines().map(file).collect())
}

/// Files of the passages that the answer names in brackets.
fn cited<'a>(answer: &str, sources: &'a [String]) -> Vec<&'a str> {
    (1..=sources.len()).filter(|n| answer.contains(&format!("[{n}]"))).map(|n| sources[n - 1].as_str()).collect()
}

#[test]
fn the_right_file_is_cited() {
    for (question, file, word) in [
        ("How do I link my program with pkg-config?", "install.md", "pkg-config"),
        ("What happens when a limit of memory_budget is exceeded?", "memory.md", "memory"),
        ("Which JSON Schema keywords are supported?", "constraints.md", ""),
    ] {
        let (answer, sources) = ask(question);
        println!("{question}\n{answer}\n{sources:?}");
        assert_eq!(sources.len(), 4);
        assert_eq!(sources[0], file, "{question}");
        assert!(cited(&answer, &sources).contains(&file), "{question}: {answer} {sources:?}");
        assert!(answer.contains(word), "{question}: {answer}");
    }
}
