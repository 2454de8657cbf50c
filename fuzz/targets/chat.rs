//! Any text as a chat's history in JSON: what is read is written and read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::Code;
use qask_fuzz::probe;

fuzz_target!(|json: &str| {
    if let Err(e) = probe::history(json) {
        let codes = [Code::Json, Code::Range, Code::TooLong, Code::Unsupported];
        assert!(codes.contains(&e.code()), "{e:?}");
    }
});
