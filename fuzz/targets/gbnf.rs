//! Any text as GBNF: it is translated to Lark or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::constraint::probe;
use qask_fuzz::error::Code;

fuzz_target!(|source: &str| {
    match probe::translate(source) {
        Ok(lark) => assert!(lark.contains("start:")),
        Err(e) => assert_eq!(e.code(), Code::Grammar, "{e}"),
    }
});
