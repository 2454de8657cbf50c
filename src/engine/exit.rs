//! At `exit()` callbacks end, and engines and embedders stop before C++ destroys what they stand on.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once, Weak};
use std::time::{Duration, Instant};

use super::wake;

/// What has a thread that computes.
pub(super) trait Stop: Send + Sync {
    /// Takes no more work and lets the thread end. Waits for nothing.
    fn close(&self);
    /// Waits for the thread to be through; false when the time ran out.
    fn wait_finished(&self, timeout: Option<Duration>) -> bool;
}

static ENGINES: Mutex<Vec<Weak<dyn Stop>>> = Mutex::new(Vec::new());
/// The process that the engines' threads live in: a forked child has none of them, and would wait for nobody.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// How long `exit()` waits for all engines together.
const PATIENCE: Duration = Duration::from_millis(1800);

/// Asks for [`stop_all`] at exit, before what was made until now is destroyed.
fn ask() {
    // SAFETY: a function without arguments that lives as long as the library. A failure only means that engines are not
    // waited for.
    let _ = unsafe { libc::atexit(stop_all) };
}

/// After a step: back-ends of GPUs make statics in the first steps that use a kernel, and a thread that computes while
/// they are destroyed ends the process. (Seen with CUDA; its caches are made by the first steps of a kind.)
pub(super) fn stepped(steps: u64) {
    let gpu =
        cfg!(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "rocm", feature = "opencl"));
    if gpu && steps.is_power_of_two() {
        ask();
    }
}

/// Remembers an engine until it is gone.
pub(super) fn register(engine: Weak<dyn Stop>) {
    static AT_EXIT: Once = Once::new();
    // After llama.cpp's own statics were made, so that it runs before they are destroyed.
    AT_EXIT.call_once(ask);
    PROCESS.store(std::process::id(), Ordering::Release);
    let mut engines = ENGINES.lock().unwrap_or_else(|e| e.into_inner());
    engines.retain(|e| e.strong_count() > 0);
    engines.push(engine);
}

extern "C" fn stop_all() {
    if PROCESS.load(Ordering::Acquire) != std::process::id() {
        return;
    }
    // `try_lock`: a signal handler that calls exit() may have interrupted whoever holds it.
    let Ok(mut engines) = ENGINES.try_lock() else { return };
    let engines: Vec<Arc<dyn Stop>> = engines.drain(..).filter_map(|e| e.upgrade()).collect();
    wake::stop();
    let until = Instant::now() + PATIENCE;
    engines.iter().for_each(|e| e.close());
    for engine in engines {
        engine.wait_finished(Some(until.saturating_duration_since(Instant::now())));
    }
}
