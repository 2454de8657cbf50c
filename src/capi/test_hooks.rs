//! Switches that provoke faults on purpose, so that every binding's error path can be tested. Only with the feature
//! `test-hooks`, never in a release, and not in the header (see tests/c/qask_test.h).

use super::call::fallible;
use super::engine::{qask_engine, EngineObject};
use super::error::qask_error;
use super::handle;
use super::status::{qask_status, QASK_OK};
use crate::error::{Code, Error};

/// Makes llama.cpp assert on the engine's thread.
#[no_mangle]
pub extern "C" fn qask_test_provoke_fault(engine: *const qask_engine, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        handle::get::<EngineObject>(engine as usize)?.0.provoke_fault()?;
        Ok(QASK_OK)
    })
}

/// Panics inside the library.
#[no_mangle]
pub extern "C" fn qask_test_panic(error: *mut *mut qask_error) -> qask_status {
    // `resume_unwind` skips the hook, which would print.
    fallible(error, || std::panic::resume_unwind(Box::new("on purpose")))
}

/// Fails with any code; RANGE for one that does not exist.
#[no_mangle]
pub extern "C" fn qask_test_fail(code: qask_status, error: *mut *mut qask_error) -> qask_status {
    fallible(error, || {
        let code = Code::ALL.iter().find(|c| c.value() == code).copied().unwrap_or(Code::Range);
        Err(Error::new(code, "on purpose"))
    })
}
