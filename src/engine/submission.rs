//! A request on its way to an engine's process.

use std::sync::Arc;
use std::time::Instant;

use crate::request::Request;
use crate::transcript::Transcript;

// Nothing reads it where there are no isolated engines.
#[allow(dead_code)]
pub(super) struct Submission {
    pub request: Request,
    pub pin: bool,
    pub followed: bool,
    pub before: Option<Arc<Transcript>>,
    pub submitted: Instant,
}
