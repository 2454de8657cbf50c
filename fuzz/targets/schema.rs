//! Any JSON as a schema: it is rewritten to a JSON value or refused with a place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::constraint::probe;
use qask_fuzz::error::Code;

fuzz_target!(|data: &[u8]| {
    let [how, json @ ..] = data else { return };
    let Ok(schema) = serde_json::from_slice(json) else { return };
    let first = qask_fuzz::on_a_big_stack(|| probe::prepare(&schema, how & 1 == 1));
    if let Err(e) = &first {
        assert_eq!(e.code(), Code::Grammar, "{e}");
    }
    assert_eq!(qask_fuzz::on_a_big_stack(|| probe::prepare(&schema, how & 1 == 1)), first);
});
