//! At `exit()` callbacks end, and engines stop before C++ destroys what they stand on.

use std::sync::{Arc, Mutex, Once, Weak};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::wake;

static ENGINES: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// How long `exit()` waits for all engines together.
const PATIENCE: Duration = Duration::from_millis(1800);

/// Remembers an engine until it is gone.
pub(super) fn register(engine: &Arc<Shared>) {
    static AT_EXIT: Once = Once::new();
    // After llama.cpp's own statics were made, so that it runs before they are destroyed.
    AT_EXIT.call_once(|| {
        // SAFETY: a function without arguments that lives as long as the library. A failure only means that engines
        // are not waited for.
        let _ = unsafe { libc::atexit(stop_all) };
    });
    let mut engines = ENGINES.lock().unwrap_or_else(|e| e.into_inner());
    engines.retain(|e| e.strong_count() > 0);
    engines.push(Arc::downgrade(engine));
}

extern "C" fn stop_all() {
    // `try_lock`: in a forked child the lock may be held for ever.
    let Ok(mut engines) = ENGINES.try_lock() else { return };
    let engines: Vec<Arc<Shared>> = engines.drain(..).filter_map(|e| e.upgrade()).collect();
    wake::stop();
    let until = Instant::now() + PATIENCE;
    engines.iter().for_each(|e| e.close());
    for engine in engines {
        engine.wait_finished(Some(until.saturating_duration_since(Instant::now())));
    }
}
