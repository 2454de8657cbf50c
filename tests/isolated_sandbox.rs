//! What the system refuses the process of an isolated engine, tried from inside. First by a process that nothing holds,
//! which shows that each attempt would have come to something; then by one that only Landlock, or only seccomp holds; and
//! then by a worker.
#![cfg(all(feature = "test-hooks", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use qask::{Engine, EngineOptions, Model, ModelOptions, Request};

const WORKER: &str = env!("CARGO_BIN_EXE_qask-worker");

/// What must go, whatever holds it.
const ALLOWED: &[&str] = &[
    "read a file",
    "list a folder",
    "keep a prefix",
    "start a thread",
    "tgkill oneself",
    "limit oneself",
    "name a thread",
];

/// What seccomp leaves to Landlock. All else that is no [`ALLOWED`] it must refuse.
const ONLY_LANDLOCK: &[&str] = &[
    "make a file",
    "write to a file",
    "cut a file off",
    "move a file out",
    "link a file out",
    "make a folder",
    "make a symbolic link",
    "make a symbolic link inside",
    "make a folder inside",
    "make a pipe inside",
    "remove a file",
    "remove a folder",
    "write to a device",
    "read the host's memory by its name",
    "read the host's environment",
];

/// What Landlock must refuse too.
const ALSO_LANDLOCK: &[&str] = &[
    "connect by TCP",
    "listen by TCP",
    "run a program",
    "run a program by a folder",
    "kill the host",
    "tkill the host",
    "tgkill the host",
    "queue a signal",
    "queue a signal for a thread",
    "read the host's memory",
    "write the host's memory",
    "compare the host's memory",
    "migrate_pages",
    "move_pages",
];

/// Folders as an attempt wants them.
struct Grounds(tempfile::TempDir);

impl Grounds {
    fn new() -> Grounds {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        ["inside", "outside", "outside/hollow"].iter().for_each(|name| std::fs::create_dir(at(name)).unwrap());
        for name in ["kept", "removed", "program"] {
            std::fs::write(at("outside").join(name), "\0 no program").unwrap();
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(at("outside/program"), executable).unwrap();
        Grounds(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

type Tried = BTreeMap<String, i32>;

fn probe(holds: &[&str]) -> Output {
    let grounds = Grounds::new();
    let argument =
        serde_json::json!([holds, { "inside": grounds.at("inside"), "outside": grounds.at("outside") }])
            .to_string();
    // Its standard error is no terminal that it could type into.
    Command::new(WORKER).arg(format!("--qask-probe={argument}")).stderr(Stdio::piped()).output().unwrap()
}

/// What a process could do that is held by these; `None` where the system has one of them not.
fn tried(holds: &[&str]) -> Option<Tried> {
    let output = probe(holds);
    assert!(output.status.success(), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let tried: Vec<(String, i32)> = serde_json::from_value(said["tried"].clone()).unwrap();
    assert!(tried.len() > 100, "{tried:?}");
    (said["held"] == true).then(|| tried.into_iter().collect())
}

/// Whether an error says that the caller may not.
fn refused(error: i32) -> bool {
    [libc::EPERM, libc::EACCES, libc::EXDEV].contains(&error)
}

/// Compares what was tried with what must be refused, as far as `free`, which nothing held, shows anything.
fn compare(what: &str, tried: &Tried, free: &Tried, must: &dyn Fn(&str) -> bool) {
    let mut wrong = Vec::new();
    for (name, error) in tried {
        // It must not exist, rather than be refused: then C libraries go another way.
        let held = refused(*error) || (name == "clone3" && *error == libc::ENOSYS);
        if must(name) && !held && !refused(free[name]) {
            wrong.push(format!("{name}: not refused (error {error})"));
        }
        if ALLOWED.contains(&name.as_str()) && *error != 0 {
            wrong.push(format!("{name}: refused (error {error})"));
        }
    }
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

fn free() -> Tried {
    let free = tried(&[]).unwrap();
    for name in ALLOWED.iter().chain(ONLY_LANDLOCK).chain(ALSO_LANDLOCK) {
        assert!(free.contains_key(*name), "{name} is not tried any more");
    }
    // What must go goes.
    for name in ALLOWED {
        assert_eq!(free[*name], 0, "{name}");
    }
    // As no root, or in a container, the system refuses some of it to everybody.
    let untold: Vec<_> = free.iter().filter(|(_, e)| refused(**e)).map(|(n, e)| format!("{n} ({e})")).collect();
    if !untold.is_empty() {
        eprintln!(
            "NOT CHECKED, since this system refuses it to a process that nothing holds: {}",
            untold.join(", ")
        );
    }
    assert!(untold.len() < free.len() / 2, "this system refuses too much for the test to say anything");
    free
}

fn by_seccomp(name: &str) -> bool {
    !ALLOWED.contains(&name) && !ONLY_LANDLOCK.contains(&name)
}

fn by_landlock(name: &str) -> bool {
    ONLY_LANDLOCK.contains(&name) || ALSO_LANDLOCK.contains(&name)
}

/// Beside Landlock no rights of root, who may look into other processes in spite of it.
#[test]
fn landlock_refuses() {
    let Some(held) = tried(&["rights", "Landlock"]) else {
        return eprintln!("NOT CHECKED: this kernel has no Landlock: a worker may write wherever its user may");
    };
    compare("Landlock", &held, &free(), &by_landlock);
}

#[test]
fn seccomp_refuses() {
    let Some(held) = tried(&["seccomp"]) else {
        return eprintln!("NOT CHECKED: this kernel has no seccomp: a worker may ask it for anything");
    };
    compare("seccomp", &held, &free(), &by_seccomp);
}

/// As programs of 32 bits ask, whose numbers are others: the end of the process.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_32_bits_end_the_process() {
    use std::os::unix::process::ExitStatusExt;
    if !probe(&["a call of 32 bits"]).status.success() {
        return eprintln!("NOT CHECKED: this kernel knows no calls of 32 bits");
    }
    assert_eq!(probe(&["seccomp", "a call of 32 bits"]).status.signal(), Some(libc::SIGSYS));
}

#[test]
fn a_worker_is_held() {
    let file = support::tiny().file();
    let model = Model::load(&file, ModelOptions::default()).unwrap();
    let grounds = Grounds::new();
    let (inside, outside) = (grounds.at("inside"), grounds.at("outside"));
    let options = EngineOptions {
        isolated: true,
        worker: Some(WORKER.into()),
        prefix_cache_dir: Some(inside.clone()),
        ..EngineOptions::default()
    };
    let engine = Engine::new(&model, options).unwrap();
    let ask = || engine.submit(&Request::text("abc").max_tokens(3)).unwrap().collect().unwrap();
    ask();
    let held: Tried = engine.probe_worker(&inside, &outside).unwrap().into_iter().collect();
    let files = tried(&["rights", "Landlock"]).is_some();
    if !files {
        eprintln!("NOT CHECKED: this kernel has no Landlock: a worker may write wherever its user may");
    }
    let must = |name: &str| by_seccomp(name) || (files && by_landlock(name));
    compare("a worker", &held, &free(), &must);
    // All of its threads, whenever they were started.
    let tasks = format!("/proc/{}/task", engine.worker_id().unwrap());
    let mut threads = 0;
    for task in std::fs::read_dir(tasks).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2"] {
            assert!(status.contains(line), "{status}");
        }
        let rights = status.lines().find_map(|l| l.strip_prefix("CapPrm:\t")).unwrap();
        // At most those of files (1, 2, 3) and of memory that is not swapped (14).
        assert_eq!(u64::from_str_radix(rights, 16).unwrap() & !0x400e, 0, "{status}");
        threads += 1;
    }
    assert!(threads > 2, "{threads} threads");
    ask();
}
