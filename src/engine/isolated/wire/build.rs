//! Which build speaks.

use serde::{Deserialize, Serialize};

/// Host and worker must be of one build: what they say to each other is for no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::isolated) struct Build {
    pub version: String,
    pub build: String,
}

impl Build {
    /// This one's: the library's version, and a hash of everything that shapes what is said.
    pub(in crate::engine::isolated) fn own() -> Build {
        let mut hasher = blake3::Hasher::new();
        for source in [
            include_str!("../wire.rs"),
            include_str!("build.rs"),
            include_str!("event.rs"),
            include_str!("options.rs"),
            include_str!("parts.rs"),
            include_str!("request.rs"),
            include_str!("written.rs"),
            include_str!("../frame.rs"),
            include_str!("../../options.rs"),
            include_str!("../../stats.rs"),
            include_str!("../../../request.rs"),
            include_str!("../../../event.rs"),
            include_str!("../../../error.rs"),
            include_str!("../../../sampling.rs"),
            include_str!("../../../constraint.rs"),
            crate::engine::prefixes::COMPUTED_BY,
        ] {
            hasher.update(source.as_bytes());
        }
        hasher.update(&[u8::from(cfg!(feature = "test-hooks"))]);
        let build = hasher.finalize().to_hex()[..16].to_owned();
        Build { version: env!("CARGO_PKG_VERSION").to_owned(), build }
    }
}
