//! Engines in processes of their own, and those processes as the system shows them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use qask::{
    Done, Engine, EngineOptions, Event, FinishReason, Message, Model, ModelOptions, Next, Request, Sampling,
};

use super::tiny;

pub(crate) const LONG: Option<Duration> = Some(Duration::from_secs(120));

pub(crate) fn worker() -> Option<PathBuf> {
    // Only tests have it.
    option_env!("CARGO_BIN_EXE_qask-worker").map(PathBuf::from)
}

pub(crate) fn options() -> EngineOptions {
    EngineOptions { isolated: true, worker: worker(), ..EngineOptions::default() }
}

pub(crate) fn load(path: impl AsRef<Path>) -> Model {
    Model::load(path, ModelOptions::default()).unwrap()
}

/// A model of random weights; its file has to stay, since each worker opens it.
pub(crate) fn small() -> (Model, impl AsRef<Path>) {
    let file = tiny().file();
    (load(&file), file)
}

pub(crate) fn isolated(model: &Model) -> Engine {
    Engine::new(model, options()).unwrap()
}

/// A program that may be run, of this text; its path.
pub(crate) fn program(path: PathBuf, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Descriptors, children and threads are counted for the whole process: one such test at a time, and none beside it.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    // The last test's engines end behind it.
    wait_for("the end of all workers", || children().is_empty());
    one
}

pub(crate) fn greedy(request: Request) -> Request {
    request.sampling(Sampling::greedy())
}

pub(crate) fn ask(text: &str) -> Request {
    greedy(Request::chat([Message::user(text)])).max_tokens(24)
}

/// A request that runs until its context is full, and longer than any test looks.
pub(crate) fn endless() -> Request {
    let mut request = greedy(Request::chat([Message::user("Count.")]));
    request.ignore_eos = true;
    request
}

/// Waits until an answer is being made.
pub(crate) fn begin(engine: &Engine, request: &Request) -> qask::Stream {
    let mut stream = engine.submit(request).unwrap();
    loop {
        match stream.next(LONG).unwrap() {
            Next::Event(Event::Text(_)) => return stream,
            Next::Event(Event::Done(done)) => panic!("{done:?}"),
            Next::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn wait_for(what: &str, ready: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < until, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// By the program of that name, so that no test needs `unsafe`.
pub(crate) fn signal(process: u32, name: &str) {
    let arguments = [format!("-{name}"), process.to_string()];
    assert!(std::process::Command::new("kill").args(arguments).status().unwrap().success());
}

pub(crate) fn kill(process: u32) {
    signal(process, "KILL");
}

pub(crate) fn runs(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

pub(crate) fn children() -> HashSet<u32> {
    let own = std::process::id().to_string();
    let parent = |process: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1).map(str::to_owned)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| parent(name).as_deref() == Some(&own))
        .filter_map(|name| name.parse().ok())
        .collect()
}

pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The error that a stream ends with.
pub(crate) fn failure(mut stream: qask::Stream) -> qask::Error {
    loop {
        match stream.next(LONG) {
            Ok(Next::Event(Event::Done(Done { reason: FinishReason::Error(e), .. }))) | Err(e) => return e,
            Ok(Next::Event(_)) => {}
            Ok(other) => panic!("it should have failed: {other:?}"),
        }
    }
}
