//! Locks and waits as the whole library uses them.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Takes a lock, also one that a panic left behind: every critical section of the library leaves its data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// The end of a timeout that begins now; `None` is never.
pub(crate) fn until(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|t| Instant::now().checked_add(t))
}

/// Waits for a sign, at most until then; false in the second place when that time is over.
pub(crate) fn wait<'a, T>(
    sign: &Condvar,
    guard: MutexGuard<'a, T>,
    until: Option<Instant>,
) -> (MutexGuard<'a, T>, bool) {
    let Some(until) = until else { return (sign.wait(guard).unwrap_or_else(|e| e.into_inner()), true) };
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return (guard, false);
    }
    (sign.wait_timeout(guard, left).unwrap_or_else(|e| e.into_inner()).0, true)
}
