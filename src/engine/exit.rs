//! At `exit()` callbacks end, and engines and embedders stop before C++ destroys what they stand on.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once, Weak};
use std::time::{Duration, Instant};

use super::{guard, wake};

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

/// How long `exit()` waits for all engines together. Under sanitizers, which have the test hooks, one node of a graph may
/// take longer.
const PATIENCE: Duration = Duration::from_millis(if cfg!(feature = "test-hooks") { 20_000 } else { 1800 });

/// Asks for [`stop_all`] at exit, before what was made until now is destroyed.
fn ask() {
    // SAFETY: a function without arguments that lives as long as the library. A failure only means that engines are not
    // waited for.
    let _ = unsafe { libc::atexit(stop_all) };
}

/// Remembers an engine until it is gone.
pub(super) fn register(engine: Weak<dyn Stop>) {
    static AT_EXIT: Once = Once::new();
    // After llama.cpp's own statics were made, so that it runs before they are destroyed.
    AT_EXIT.call_once(|| {
        // And before those that a GPU's back-end makes later, where late_statics.cpp can see to it.
        // SAFETY: as in `ask`.
        let _ = unsafe { guard::qg_first_at_exit(stop_all) };
        ask();
    });
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

#[cfg(all(test, feature = "test-hooks", target_os = "linux"))]
mod tests {
    use super::*;

    static GONE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

    struct Computes;

    impl Stop for Computes {
        fn close(&self) {
            // SAFETY: it ends the process, which is the child below.
            unsafe { libc::_exit(if GONE.load(Ordering::Acquire) { 9 } else { 8 }) }
        }
        fn wait_finished(&self, _: Option<Duration>) -> bool {
            true
        }
    }

    /// A child, since what is tested is the end of a process.
    #[test]
    fn engines_stop_before_statics_that_were_made_after_them_go() {
        if std::env::var_os("QASK_TEST_LATE_STATIC").is_some() {
            let engine: Arc<dyn Stop> = Arc::new(Computes);
            register(Arc::downgrade(&engine));
            // SAFETY: as in `register`; without its own exit handlers the child ends as one that says so.
            unsafe {
                if !guard::qg_first_at_exit(stop_all) {
                    libc::_exit(6);
                }
            }
            // SAFETY: `GONE` lives as long as the process, and a `bool` lies in it.
            unsafe { guard::qg_test_late_static(GONE.as_ptr()) };
            std::process::exit(7);
        }
        let name = "engine::exit::tests::engines_stop_before_statics_that_were_made_after_them_go";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--test-threads=1"])
            .env("QASK_TEST_LATE_STATIC", "1")
            .output()
            .unwrap();
        if child.status.code() == Some(6) {
            eprintln!("NOT TESTED: a sanitizer, or a C library that is not glibc");
            return;
        }
        assert_eq!(child.status.code(), Some(8), "{}", String::from_utf8_lossy(&child.stderr));
    }
}
