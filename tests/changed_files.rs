//! Model files that somebody changes while they are loaded or used.
#![cfg(target_os = "linux")]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use qask::plan::Plan;
use qask::{Code, Engine, EngineOptions, Message, Model, ModelOptions};
use support::{ask, tiny};

const QUESTION: &str = "What is the sea?";

fn written(folder: &Path) -> PathBuf {
    let path = folder.join("m.gguf");
    std::fs::write(&path, tiny().bytes()).unwrap();
    path
}

fn cut_off(path: &Path) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
}

fn engine(model: &Model) -> Engine {
    Engine::new(model, EngineOptions { threads: Some(1), ..EngineOptions::default() }).unwrap()
}

#[test]
fn weights_that_were_read_are_there_when_the_file_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let model = Model::load(&path, ModelOptions { mmap: false, ..ModelOptions::default() }).unwrap();
    let before = ask(&engine(&model), &[Message::user(QUESTION)]);
    cut_off(&path);
    ask(&engine(&model), &[Message::user(QUESTION)]).assert_equals(&before, "after the file was cut off");
}

#[test]
#[ignore = "a part of a_mapped_file_that_is_cut_off_is_a_signal"]
fn child_with_a_mapped_file() {
    let path = PathBuf::from(std::env::var_os("QASK_CUT_OFF").expect("run by another test"));
    // Repacked weights would be a copy.
    let model = Model::load(&path, ModelOptions { repack: false, ..ModelOptions::default() }).unwrap();
    let engine = engine(&model);
    cut_off(&path);
    ask(&engine, &[Message::user(QUESTION)]);
}

/// What docs/reliability.md says of mapped files: this is why `mmap` can be switched off.
#[test]
fn a_mapped_file_that_is_cut_off_is_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child_with_a_mapped_file", "--ignored"]).env("QASK_CUT_OFF", written(folder.path()));
    let status = child.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
}

#[test]
fn a_file_that_is_written_to_while_it_is_loaded_is_refused() {
    for mmap in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let writes = {
            let path = path.clone();
            move |_: f32| {
                use std::io::Write;
                std::fs::File::options().append(true).open(&path).unwrap().write_all(b"!").unwrap();
            }
        };
        let options = ModelOptions { mmap, progress: Some(Box::new(writes)), ..ModelOptions::default() };
        let e = Model::load(&path, options).expect_err("refused");
        assert_eq!(e.code(), Code::Io, "{e}");
        assert!(e.message().contains("written to while it was loaded") && e.message().contains("m.gguf"), "{e}");
    }
}

/// What is checked and what llama.cpp opens is one file, also when it looks at it again later.
#[test]
fn another_file_in_its_place_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let model = Model::load(&path, ModelOptions::default()).unwrap();
    let options = EngineOptions::default();
    let before = Plan::for_engine(&model, &options).unwrap().total();
    let other = folder.path().join("other");
    std::fs::write(&other, "not a model").unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(Plan::for_engine(&model, &options).unwrap().total(), before);
    assert_eq!(Model::load(&path, ModelOptions::default()).unwrap_err().code(), Code::Invalid);
}

/// What llama.cpp says of a file names it by the path that the caller gave.
#[test]
fn errors_name_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let cuts = {
        let path = path.clone();
        move |_: f32| cut_off(&path)
    };
    let options = ModelOptions { mmap: false, progress: Some(Box::new(cuts)), ..ModelOptions::default() };
    let e = Model::load(&path, options).expect_err("refused");
    assert!(matches!(e.code(), Code::Io | Code::Invalid), "{e}");
    assert!(!e.message().contains("/proc/"), "{e}");
}
