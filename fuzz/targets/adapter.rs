//! Any bytes as an adapter file, for a model of the tests' size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::Code;
use qask_fuzz::probe;

fuzz_target!(|data: &[u8]| {
    if let Err(e) = probe::adapter(data) {
        assert!(matches!(e.code(), Code::Invalid | Code::TooLarge), "{e}");
        assert!(e.message().len() < 4096 && !e.message().chars().any(char::is_control), "{e:?}");
    }
});
