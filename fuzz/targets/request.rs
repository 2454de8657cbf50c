//! Any text as a request in JSON: what is read was checked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::Code;
use qask_fuzz::openai::request_from_json;

fuzz_target!(|json: &str| {
    match request_from_json(json) {
        Ok(request) => request.check().expect("it was checked"),
        Err(e) => {
            let codes = [Code::Json, Code::Range, Code::TooLong, Code::Unsupported, Code::Grammar];
            assert!(codes.contains(&e.code()), "{e:?}");
            assert!(e.message().len() < 4096, "{} bytes", e.message().len());
        }
    }
});
