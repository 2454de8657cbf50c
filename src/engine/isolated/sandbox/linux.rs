//! Linux: no capabilities, Landlock for files, seccomp for what else there is to ask of a kernel.

#[path = "linux/calls.rs"]
mod calls;
#[path = "linux/files.rs"]
mod files;
#[cfg(feature = "test-hooks")]
#[path = "linux/probe.rs"]
pub(in crate::engine::isolated) mod probe;
#[path = "linux/rights.rs"]
mod rights;

use std::path::Path;

pub(super) fn hold(prefixes: Option<&Path>) -> Vec<(&'static str, Result<bool, String>)> {
    vec![("a user's rights", rights::give_up()), ("Landlock", files::hold(prefixes)), ("seccomp", calls::hold())]
}
