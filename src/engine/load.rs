//! What the system tells cheaply of other programs: how often it took a thread of ours off its core, and how many cores
//! have nothing to do. Hints only: some systems tell neither.

use std::time::{Duration, Instant};

/// Times that a thread of this process had to give its core to another since the process began.
#[cfg(unix)]
pub(super) fn preemptions() -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: room for what the call writes; all zeros is a valid value of it.
    let usage =
        unsafe { (libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) == 0).then(|| usage.assume_init()) };
    usage.and_then(|u| u64::try_from(u.ru_nivcsw).ok())
}

#[cfg(not(unix))]
pub(super) fn preemptions() -> Option<u64> {
    None
}

/// Cores that an engine could have, averaged over a little while.
pub(super) struct Cores {
    since: Instant,
    /// Ticks that all cores were idle for, at `since`.
    idle: Option<f64>,
    /// Seconds that this engine's threads computed since.
    own: f64,
    free: Option<f64>,
}

/// Ticks are 10 ms: shorter would be guesswork.
const WINDOW: Duration = Duration::from_millis(250);

/// A longer look back says little of now.
const STALE: Duration = Duration::from_secs(1);

impl Cores {
    pub(super) fn new() -> Cores {
        Cores { since: Instant::now(), idle: None, own: 0.0, free: None }
    }

    /// The engine computed with so many threads.
    pub(super) fn used(&mut self, threads: u32, took: Duration) {
        self.own += f64::from(threads) * took.as_secs_f64();
    }

    /// Those that are idle and those that this engine has; `None` where nobody tells.
    pub(super) fn free(&mut self) -> Option<f64> {
        let passed = self.since.elapsed();
        if self.idle.is_some() && passed < WINDOW {
            return self.free;
        }
        let now = idle_seconds();
        let free = |before: f64, now: f64| ((now - before).max(0.0) + self.own) / passed.as_secs_f64();
        self.free = self.idle.filter(|_| passed < STALE).zip(now).map(|(before, now)| free(before, now));
        (self.since, self.idle, self.own) = (Instant::now(), now, 0.0);
        self.free
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn idle_seconds() -> Option<f64> {
    use std::io::Read;
    let mut start = [0; 256];
    let n = std::fs::File::open("/proc/stat").ok()?.read(&mut start).ok()?;
    // SAFETY: a plain question.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let idle = idle_ticks(std::str::from_utf8(&start[..n]).ok()?)?;
    (ticks > 0).then(|| idle as f64 / ticks as f64)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn idle_seconds() -> Option<f64> {
    None
}

/// The first line of /proc/stat sums up all cores: user, nice, system, idle, waiting for a device, and more.
#[cfg(any(target_os = "linux", target_os = "android", test))]
fn idle_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().skip(3);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_ticks_are_found() {
        let stat = "cpu  56508 0 7925 64227 492 0 71 33 0 0\ncpu0 27155 0 3496 33924 81 0 5 11 0 0\n";
        assert_eq!(idle_ticks(stat), Some(64719));
        assert_eq!(idle_ticks("cpu0 1 2 3 4 5\n"), None);
        assert_eq!(idle_ticks("cpu  1 2 3\n"), None);
        assert_eq!(idle_ticks(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_both() {
        assert!(preemptions().is_some());
        let mut cores = Cores::new();
        assert_eq!(cores.free(), None);
        std::thread::sleep(WINDOW);
        // Another process may have taken them all.
        assert!(cores.free().is_none_or(|n| n >= 0.0));
    }
}
