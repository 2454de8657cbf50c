//! Log lines, for a host that asks for them: silent until then. Lines never hold prompts or generated text.
//!
//! ```
//! use qask::log::{self, Level};
//!
//! # fn main() -> qask::Result<()> {
//! log::set(Level::Warn, |record| eprintln!("[{}] {}: {}", record.level.name(), record.target, record.message))?;
//! // …
//! log::clear()?;
//! # Ok(())
//! # }
//! ```
//!
//! Lines are handed over on a thread of their own, in order, soon after they were written: whoever writes one may hold
//! locks, which a host's function must never meet.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::error::{Code, Error, Result};

/// How much a line matters; a smaller number matters more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something failed for good.
    Error = 1,
    /// Something is not as it should be, and things go on.
    Warn = 2,
    /// What happens: a model was loaded, an engine started.
    Info = 3,
    /// What only matters for finding a fault.
    Debug = 4,
}

impl Level {
    /// `error`, `warn`, `info` or `debug`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// One line.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// How much it matters.
    pub level: Level,
    /// Who wrote it: `qask`, or `engine` for llama.cpp.
    pub target: &'a str,
    /// The line, without its end.
    pub message: &'a str,
}

type Sink = dyn Fn(&Record<'_>) + Send + Sync;

struct Line {
    level: Level,
    target: &'static str,
    message: String,
}

/// The sink, and the lines on their way to it. A line goes to the sink that it was written for.
struct Hub {
    sink: Option<Arc<Sink>>,
    lines: VecDeque<(Arc<Sink>, Line)>,
    /// Lines that there was no room for.
    lost: usize,
    started: bool,
}

static HUB: Mutex<Hub> = Mutex::new(Hub { sink: None, lines: VecDeque::new(), lost: 0, started: false });
static ARRIVED: Condvar = Condvar::new();

/// The level that is listened to; 0 for none. Looked at before anything is done for a line.
static LEVEL: AtomicI32 = AtomicI32::new(0);

/// The most lines on their way: a sink that hangs costs no more than these.
const MOST_LINES: usize = 4096;

/// The longest line, in bytes.
const MOST_BYTES: usize = 4096;

thread_local! {
    /// Whether this is the thread that calls sinks.
    static DELIVERS: Cell<bool> = const { Cell::new(false) };
}

fn lock() -> MutexGuard<'static, Hub> {
    // Nothing of a host runs while it is held.
    HUB.lock().unwrap_or_else(|e| e.into_inner())
}

/// Sends lines of `level` and above to `sink`, in the place of the one before. Lines that were written for that one
/// still go to it; it is dropped behind the last of them, on the thread that calls sinks.
///
/// # Errors
/// [`Code::Busy`] inside a sink, and [`Code::OutOfMemory`] when no thread can be started.
pub fn set(level: Level, sink: impl Fn(&Record<'_>) + Send + Sync + 'static) -> Result<()> {
    refuse_inside()?;
    start()?;
    replace(level as i32, Some(Arc::new(sink)));
    Ok(())
}

/// Falls silent again.
///
/// # Errors
/// [`Code::Busy`] inside a sink.
pub fn clear() -> Result<()> {
    refuse_inside()?;
    replace(0, None);
    Ok(())
}

fn refuse_inside() -> Result<()> {
    if DELIVERS.get() {
        return Err(Error::new(Code::Busy, "a log callback cannot change where the log goes"));
    }
    Ok(())
}

fn start() -> Result<()> {
    let mut hub = lock();
    if !hub.started {
        std::thread::Builder::new()
            .name("qask-log".into())
            .spawn(deliver)
            .map_err(|e| Error::new(Code::OutOfMemory, format!("the log's thread could not be started: {e}")))?;
        hub.started = true;
    }
    Ok(())
}

fn replace(level: i32, sink: Option<Arc<Sink>>) {
    let mut hub = lock();
    LEVEL.store(level, Ordering::Release);
    let old = std::mem::replace(&mut hub.sink, sink);
    drop(hub);
    // Here, where no lock is held: dropping it runs code of the host.
    drop(old);
}

/// The thread that calls sinks.
fn deliver() {
    DELIVERS.set(true);
    loop {
        let hub = lock();
        let mut hub = ARRIVED.wait_while(hub, |h| h.lines.is_empty()).unwrap_or_else(|e| e.into_inner());
        let next = hub.lines.pop_front();
        let lost = if hub.lines.is_empty() { std::mem::take(&mut hub.lost) } else { 0 };
        drop(hub);
        let Some((sink, line)) = next else { continue };
        hand_over(&sink, line);
        if lost > 0 {
            let message = format!("{lost} lines were lost: the log callback is too slow");
            hand_over(&sink, Line { level: Level::Warn, target: "qask", message });
        }
    }
}

fn hand_over(sink: &Arc<Sink>, line: Line) {
    let record = Record { level: line.level, target: line.target, message: &line.message };
    // A panic of the host's function is the host's: the next line is tried again.
    let _ = catch_unwind(AssertUnwindSafe(|| sink(&record)));
}

/// The level that is listened to; 0 for none.
pub(crate) fn level() -> i32 {
    LEVEL.load(Ordering::Acquire)
}

/// Writes a line that another process of the library's wrote.
pub(crate) fn pass_on(level: Level, engine: bool, message: String) {
    if enabled(level) {
        send(level, if engine { "engine" } else { "qask" }, message);
    }
}

impl Level {
    /// The level of a number.
    pub(crate) fn of(number: i32) -> Option<Level> {
        [Level::Error, Level::Warn, Level::Info, Level::Debug].into_iter().find(|l| *l as i32 == number)
    }
}

fn enabled(level: Level) -> bool {
    level as i32 <= LEVEL.load(Ordering::Acquire)
}

fn send(level: Level, target: &'static str, mut message: String) {
    if message.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rev().find(|i| message.is_char_boundary(*i)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    let mut hub = lock();
    let Some(sink) = hub.sink.clone() else { return };
    if hub.lines.len() >= MOST_LINES {
        hub.lost += 1;
        return;
    }
    hub.lines.push_back((sink, Line { level, target, message }));
    drop(hub);
    ARRIVED.notify_one();
}

/// Writes a line of qask's own.
pub(crate) fn write(level: Level, message: impl FnOnce() -> String) {
    if enabled(level) {
        send(level, "qask", message());
    }
}

/// A line of llama.cpp's that is not whole yet.
struct Part {
    level: Level,
    text: String,
}

thread_local! {
    static PART: RefCell<Part> = const { RefCell::new(Part { level: Level::Info, text: String::new() }) };
}

/// Takes text as llama.cpp gives it, in pieces; `level` is `None` when it goes on from the piece before.
pub(crate) fn engine(level: Option<Level>, text: &str) {
    if LEVEL.load(Ordering::Acquire) == 0 {
        return;
    }
    // Fails only while the thread ends.
    let _ = PART.try_with(|part| {
        let Ok(mut part) = part.try_borrow_mut() else { return };
        assemble(&mut part, level, text, |level, line| {
            if enabled(level) {
                send(level, "engine", line);
            }
        });
    });
}

fn assemble(part: &mut Part, level: Option<Level>, text: &str, mut emit: impl FnMut(Level, String)) {
    let mut line = |level: Level, text: &mut String| {
        let whole = std::mem::take(text);
        if !whole.trim().is_empty() {
            emit(level, whole.trim_end().to_owned());
        }
    };
    if let Some(level) = level {
        line(part.level, &mut part.text);
        part.level = level;
    }
    let mut pieces = text.split('\n');
    part.text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        line(part.level, &mut part.text);
        part.text.push_str(piece);
    }
    // Dots of a progress bar must not fill the memory.
    if part.text.len() > 2 * MOST_BYTES {
        line(part.level, &mut part.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[(Option<Level>, &str)]) -> Vec<(Level, String)> {
        let mut part = Part { level: Level::Info, text: String::new() };
        let mut out = Vec::new();
        for (level, text) in pieces {
            assemble(&mut part, *level, text, |level, line| out.push((level, line)));
        }
        out
    }

    #[test]
    fn pieces_become_whole_lines() {
        let one = |level, text: &str| (level, text.to_owned());
        assert_eq!(lines(&[(Some(Level::Info), "a: ")]), []);
        assert_eq!(
            lines(&[(Some(Level::Info), "a: "), (None, "b"), (None, ", c\n")]),
            [one(Level::Info, "a: b, c")]
        );
        assert_eq!(
            lines(&[(Some(Level::Warn), "a\nb\n\nc"), (Some(Level::Error), "d\n")]),
            [one(Level::Warn, "a"), one(Level::Warn, "b"), one(Level::Warn, "c"), one(Level::Error, "d")]
        );
        assert_eq!(lines(&[(Some(Level::Info), &".".repeat(10_000))]).len(), 1);
    }
}
