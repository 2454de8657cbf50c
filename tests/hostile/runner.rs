//! Runs the cases of a group in a child process with limits, goes on behind one that ends it, and counts.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::{Duration, Instant};

use qask::Code;

use crate::case::{Cases, Want};

/// The stack of the caller: what needs more has to bring its own.
const STACK: usize = 256 << 10;

/// Address space of the child, most of it for stacks that are hardly touched.
const ADDRESS_SPACE: u64 = 6 << 30;

/// Under AddressSanitizer (`make hostile-asan`) stacks are larger, all is slower, and the address space is its shadow's, so that
/// only its own limit of a single allocation holds.
fn sanitized() -> bool {
    std::env::var_os("QASK_HOSTILE_SANITIZED").is_some()
}
const SANITIZED: usize = 8;

/// A case hangs when it has worked for so long, or waited for so long for nothing that works. Time in which others have
/// the processors does not count, so that a busy machine makes no hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// How often the parent looks at what a case has taken.
const LOOK: Duration = Duration::from_secs(1);

/// Begins a line of the child's that is meant for the parent.
const MARK: char = '\u{1}';

/// Cases that end their process or never end, for the test of the runner itself.
struct Planted;

impl Cases for Planted {
    fn count(&self) -> usize {
        5
    }

    fn label(&self, index: usize) -> String {
        ["aborts", "sleeps", "turns in a circle", "panics", "too much"][index].to_owned()
    }

    fn run(&mut self, index: usize) -> Result<(), qask::Error> {
        match index {
            0 => std::process::abort(),
            1 => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            2 => loop {
                std::hint::spin_loop();
            },
            3 => panic!("on purpose"),
            _ => {
                std::hint::black_box(vec![1u8; 2 * ADDRESS_SPACE as usize]);
                Ok(())
            }
        }
    }

    fn want(&self, _: usize) -> Want {
        Want::Either
    }
}

fn group(name: &str) -> Box<dyn Cases> {
    match name {
        "planted" => Box::new(Planted),
        _ => crate::group(name),
    }
}

// ---- the child ----

fn env<T: std::str::FromStr>(name: &str) -> T {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("{name}: run by another test"))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{line}").and_then(|()| out.flush()).expect("the parent listens");
}

/// Bytes that were resident at most since this was asked for the last time.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    kib << 10
}

pub(crate) fn child() {
    let limit = |what, most| {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: a call of the C library with a value of its own.
        assert_eq!(unsafe { libc::setrlimit(what, &limit) }, 0);
    };
    if !sanitized() {
        limit(libc::RLIMIT_AS, ADDRESS_SPACE);
    }
    let stack = if sanitized() { SANITIZED * STACK } else { STACK };
    limit(libc::RLIMIT_CORE, 0);
    let mut cases = group(&env::<String>("QASK_HOSTILE_CHILD"));
    for i in (env("QASK_HOSTILE_FROM")..cases.count()).step_by(env("QASK_HOSTILE_STEP")) {
        say(&format!("> {i}"));
        let (before, began) = (qask::engine::caught_faults(), Instant::now());
        peak_memory();
        let ended = std::thread::scope(|scope| {
            let run = || cases.run(i);
            let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, run).expect("a thread");
            thread.join()
        });
        let took = began.elapsed().as_micros();
        let [asserts, exceptions, memory] = qask::engine::caught_faults();
        let caught = [asserts - before[0], exceptions - before[1], memory - before[2]];
        let (code, message) = match ended {
            Ok(Ok(())) => (0, String::new()),
            Ok(Err(e)) => (e.code().value(), e.message().replace(['\n', '\r'], " ")),
            Err(panic) => std::panic::resume_unwind(panic),
        };
        say(&format!("< {i} {code} {} {} {} {} {took} {message}", caught[0], caught[1], caught[2], peak_memory()));
    }
    say(".");
}

// ---- the parent ----

/// What was counted of one group.
#[derive(Default)]
struct Row {
    name: String,
    cases: usize,
    answered: usize,
    refused: BTreeMap<i32, usize>,
    caught: [u64; 3],
    signals: usize,
    hangs: usize,
    peak: u64,
    slowest: Duration,
    took: Duration,
}

/// What was counted of all.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    problems: Vec<String>,
    /// By the engine's words: how often, and one case.
    faults: BTreeMap<String, (usize, String)>,
    /// Cases with asserts, and those that ended as faults. Other exceptions that were caught are told as errors of the input.
    unknown: usize,
}

pub(crate) fn run(name: &str, most: usize, table: &mut Table) {
    let cases = group(name);
    let count = cases.count();
    // An odd step, so that every bit of a byte has its turn.
    let step = if count > most { count.div_ceil(most) | 1 } else { 1 };
    let mut row = Row { name: name.to_owned(), ..Row::default() };
    let (mut next, began) = (0, Instant::now());
    while next < count {
        next = run_from(&*cases, next, step, &mut row, table).map_or(count, |last| last + step);
    }
    row.took = began.elapsed();
    table.rows.push(row);
}

/// What a case has taken of the time that it may take.
struct Patience {
    process: u32,
    /// The processor time of the child when the case began.
    before: Duration,
    asleep: Duration,
}

impl Patience {
    fn new(process: u32) -> Self {
        Patience {
            process,
            before: worked(process).map_or(Duration::ZERO, |(time, _)| time),
            asleep: Duration::ZERO,
        }
    }

    /// To be called every `LOOK`: what it worked, and how long it was seen with no thread that wants to.
    fn look(&mut self) -> Duration {
        let (time, wants) = worked(self.process).unwrap_or((self.before, false));
        if !wants {
            self.asleep += LOOK;
        }
        time.saturating_sub(self.before) + self.asleep
    }
}

/// The processor time that a process has used, and whether one of its threads would use more: it runs, waits for a
/// processor or a disk, or was stopped. Only Linux tells; elsewhere all time counts.
fn worked(process: u32) -> Option<(Duration, bool)> {
    // Behind the name in brackets: the state, and 11 and 12 words later the ticks of a hundredth of a second.
    let words = |path: std::path::PathBuf| -> Option<Vec<String>> {
        let line = std::fs::read_to_string(path).ok()?;
        Some(line.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
    };
    let all = words(format!("/proc/{process}/stat").into())?;
    let ticks = |i: usize| all.get(i).and_then(|w| w.parse::<u64>().ok());
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let wants = threads
        .flatten()
        .filter_map(|thread| words(thread.path().join("stat")))
        .any(|words| words.first().is_some_and(|state| matches!(state.as_str(), "R" | "D" | "T" | "t")));
    Some((Duration::from_millis(10 * (ticks(11)? + ticks(12)?)), wants))
}

/// Runs one child; gives the case that ended it.
fn run_from(cases: &dyn Cases, from: usize, step: usize, row: &mut Row, table: &mut Table) -> Option<usize> {
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env("QASK_HOSTILE_CHILD", &row.name)
        .env("QASK_HOSTILE_FROM", from.to_string())
        .env("QASK_HOSTILE_STEP", step.to_string())
        .env("OMP_WAIT_POLICY", "passive")
        .stdout(Stdio::piped())
        .stderr(if std::env::var_os("QASK_HOSTILE_LOUD").is_some() { Stdio::inherit() } else { Stdio::null() })
        .spawn()
        .expect("this program runs");
    let (send, lines) = channel();
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    std::thread::spawn(move || {
        for line in out.split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            // The test harness's own words may stand before it.
            let Some((_, ours)) = line.split_once(MARK) else { continue };
            if send.send(ours.to_owned()).is_err() {
                break;
            }
        }
    });
    let longest = if sanitized() { SANITIZED as u32 * LONGEST } else { LONGEST };
    let limit = if row.name == "planted" { Duration::from_secs(5) } else { longest };
    let mut current: Option<usize> = None;
    let mut patience = Patience::new(child.id());
    let problem = loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                patience = Patience::new(child.id());
                match line.split_at(1) {
                    (">", index) => {
                        current = index.trim().parse().ok();
                        row.cases += 1;
                    }
                    ("<", rest) => {
                        record(cases, rest, row, table);
                        current = None;
                    }
                    _ => {
                        let _ = child.wait();
                        return None;
                    }
                }
            }
            // What happens before the first case is not the case's.
            Err(RecvTimeoutError::Timeout) if patience.look() < current.map_or(longest, |_| limit) => {}
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                row.hangs += 1;
                break "no end".to_owned();
            }
            Err(RecvTimeoutError::Disconnected) => {
                row.signals += 1;
                let status = child.wait().expect("it ended");
                break match status.signal() {
                    Some(n) => format!("signal {n}"),
                    None => format!("exit code {}", status.code().unwrap_or(-1)),
                };
            }
        }
    };
    let index = current.unwrap_or_else(|| panic!("{}: {problem} outside of any case", row.name));
    table.problems.push(format!("{}: {problem}", cases.label(index)));
    Some(index)
}

/// Takes `index code asserts exceptions memory peak microseconds message`.
fn record(cases: &dyn Cases, line: &str, row: &mut Row, table: &mut Table) {
    let mut words = line.trim_start().splitn(8, ' ');
    let mut number = || words.next().and_then(|w| w.parse::<u64>().ok()).expect("a number");
    let (index, code) = (number() as usize, number() as i32);
    let caught = [number(), number(), number()];
    let (peak, took) = (number(), Duration::from_micros(number()));
    let message = words.next().unwrap_or_default();
    row.peak = row.peak.max(peak);
    row.slowest = row.slowest.max(took);
    (0..3).for_each(|i| row.caught[i] += caught[i]);
    let code = Code::ALL.iter().copied().find(|c| c.value() == code);
    match code {
        None => row.answered += 1,
        Some(code) => *row.refused.entry(code.value()).or_default() += 1,
    }
    if caught[0] + caught[1] > 0 {
        let fault = table.faults.entry(message.to_owned()).or_insert((0, cases.label(index)));
        fault.0 += 1;
        table.unknown += usize::from(caught[0] > 0 || code == Some(Code::EngineFault));
    }
    let want = cases.want(index);
    // A fault that was caught is judged apart, unless the case says what must come.
    let is_fault = matches!((want, code), (Want::Either, Some(Code::EngineFault)));
    if !is_fault && !want.is_met(code) {
        let got = code.map_or("an answer".to_owned(), |c| format!("{c} ({message})"));
        table.problems.push(format!("{}: wanted {want:?}, got {got}", cases.label(index)));
    }
}

impl Table {
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(crate) fn print(&self) {
        println!("group           cases answered  refused  caught: assert exception memory  signals hangs  peak  slowest   took");
        for r in &self.rows {
            println!(
                "{:14} {:>6} {:>8} {:>8} {:>15} {:>9} {:>6} {:>8} {:>5} {:>4}M {:>6}ms {:>5}s",
                r.name,
                r.cases,
                r.answered,
                r.refused.values().sum::<usize>(),
                r.caught[0],
                r.caught[1],
                r.caught[2],
                r.signals,
                r.hangs,
                r.peak >> 20,
                r.slowest.as_millis(),
                r.took.as_secs()
            );
        }
        let mut codes = BTreeMap::new();
        self.rows.iter().flat_map(|r| &r.refused).for_each(|(code, n)| *codes.entry(*code).or_insert(0) += n);
        for (code, n) in codes {
            let name = Code::ALL.iter().find(|c| c.value() == code).map_or("?", |c| c.name());
            println!("{name:18} {n:>7}");
        }
        for (message, (n, label)) in &self.faults {
            println!("caught {n} times, such as by {label}: {message}");
        }
        for problem in &self.problems {
            println!("PROBLEM {problem}");
        }
    }

    /// No signal, no hang, nothing unexpected; and few faults that had to be caught.
    pub(crate) fn judge(&self) {
        let cases: usize = self.rows.iter().map(|r| r.cases).sum();
        assert!(self.problems.is_empty(), "{} problems, the first: {}", self.problems.len(), self.problems[0]);
        assert!(cases > 0 && self.unknown * 100 < cases, "{} faults were caught in {cases} cases", self.unknown);
    }
}
