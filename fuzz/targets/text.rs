//! Any bytes in any pieces, with any stop text: characters come whole, and a stop text ends the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::text::{StopFilter, Utf8Assembler};

fuzz_target!(|data: &[u8]| {
    let [size, length, rest @ ..] = data else { return };
    let stop = &rest[..(*length as usize % 8).min(rest.len())];
    let bytes = &rest[stop.len()..];
    let stop = String::from_utf8_lossy(stop).into_owned();
    let whole = String::from_utf8_lossy(bytes).into_owned();
    let (mut utf8, mut filter, mut out) =
        (Utf8Assembler::default(), StopFilter::new(std::slice::from_ref(&stop)), String::new());
    for chunk in bytes.chunks(*size as usize % 7 + 1) {
        let mut text = String::new();
        utf8.push(chunk, &mut text);
        filter.push(&text, &mut out);
    }
    let mut text = String::new();
    utf8.finish(&mut text);
    filter.push(&text, &mut out);
    filter.finish(&mut out);
    let want =
        if stop.is_empty() { whole.as_str() } else { whole.split(stop.as_str()).next().unwrap_or_default() };
    assert_eq!(out, want);
});
