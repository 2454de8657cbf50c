//! What a worker gives up before it reads a model.
//!
//! A worker reads files (models, adapters and sessions have names that come later), writes into the prefix cache's folder,
//! and talks to its host over a socket that is open already. Where the kernel can, it is held to that (`linux`). Where it
//! cannot, the worker goes on without, and the log says so.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "sandbox/linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "sandbox/none.rs"]
mod system;

use std::path::Path;

use crate::log::{self, Level};

#[cfg(feature = "test-hooks")]
pub(super) use system::probe;

/// Where a test lets a worker try what it may do.
#[cfg(feature = "test-hooks")]
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Grounds {
    /// The prefix cache's folder.
    pub inside: std::path::PathBuf,
    /// Another one, with the files `kept` (something in it), `removed` and `program` (no program, but executable), and an
    /// empty folder `hollow`.
    pub outside: std::path::PathBuf,
}

/// What was tried, and the number of the error that came of it; 0 for none.
#[cfg(feature = "test-hooks")]
pub(super) type Tried = Vec<(String, i32)>;

/// Descriptors that a worker may have open: parts of models, adapters, the folder.
const MOST_FILES: u64 = 512;

/// What holds a worker, and whether it does: false where the system has none of it.
pub(super) struct Held(Vec<(&'static str, Result<bool, String>)>);

/// Before there are other threads, which Landlock would leave as they are.
pub(super) fn hold(prefixes: Option<&Path>) -> Held {
    super::child::limit_files(MOST_FILES);
    if drivers_need_more() {
        return Held(vec![("a sandbox", Err("drivers of GPUs need more than it leaves".into()))]);
    }
    Held(system::hold(prefixes))
}

impl Held {
    /// Says what does not hold the worker: apart from [`hold`], since the log is a thread.
    pub(super) fn tell(self) {
        for (what, held) in self.0 {
            let why = match held {
                Ok(true) => continue,
                Ok(false) => "this system has none".to_owned(),
                Err(why) => why,
            };
            log::write(Level::Warn, || format!("the worker is not held by {what}: {why}"));
        }
    }
}

/// Drivers of GPUs open devices, start threads and talk to daemons as they like.
fn drivers_need_more() -> bool {
    cfg!(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "rocm", feature = "opencl"))
}
