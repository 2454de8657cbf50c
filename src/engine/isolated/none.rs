//! Where a program may not start another one: there are no isolated engines.

use std::sync::Arc;

use super::options::Resolved;
use super::shared::Shared;
use super::stats::Stats;
use super::stream::Channel;
use super::submission::Submission;
use super::worker::Held;
use crate::cancel::Cancel;
use crate::error::{Code, Error, Result};
use crate::model::{Model, Token};
use crate::request::Request;
use crate::session::{Opened, Record};

/// There is none of it.
pub(crate) enum Remote {}

pub(super) enum Call {}

pub(super) fn start(_: &Arc<Shared>, _: &Model, _: &Resolved) -> Result<Arc<Remote>> {
    Err(Error::new(
        Code::Unsupported,
        "isolated: this system does not let a library start processes, or it was never tried there: leave it off",
    ))
}

pub(crate) fn serve_if_worker(_: &str) -> Option<i32> {
    None
}

impl Remote {
    pub(super) fn kv_tokens(&self) -> u32 {
        match *self {}
    }

    pub(super) fn submit(&self, _: Submission, _: &Arc<Channel>, _: Option<Cancel>) -> Result<()> {
        match *self {}
    }

    pub(super) fn stats(&self, _: Stats) -> Stats {
        match *self {}
    }

    pub(super) fn take_out(
        &self,
        _: &[Token],
        _: &[Token],
        _: &Request,
        _: &mut Record,
        _: &dyn Fn() -> bool,
    ) -> Result<Option<Held>> {
        match *self {}
    }

    pub(super) fn put_back(&self, _: &Opened, _: &Request, _: &[Token], _: &dyn Fn() -> bool) -> Result<usize> {
        match *self {}
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn provoke(&self, _: i32) {
        match *self {}
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn worker_id(&self) -> Option<u32> {
        match *self {}
    }

    #[cfg(feature = "test-hooks")]
    pub(super) fn probe(&self, _: &std::path::Path, _: &std::path::Path) -> Result<Vec<(String, i32)>> {
        match *self {}
    }
}
