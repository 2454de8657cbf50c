//! Any prompt behind any prompt and answer: the tokens that it begins with say what its text says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::probe;
use qask_fuzz::template::{Rendered, SpecialTexts};

/// A text whose parts between two bars came from content.
fn rendered(marked: &str) -> Rendered {
    let (mut text, mut protected) = (String::new(), Vec::new());
    for (i, part) in marked.split('|').enumerate() {
        let start = text.len();
        text.push_str(part);
        if i % 2 == 1 && !part.is_empty() {
            protected.push(start..text.len());
        }
    }
    Rendered { text, protected }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |b| *b == 0);
    let (Some(old), Some(answer), Some(new)) = (parts.next(), parts.next(), parts.next()) else { return };
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else { return };
    let specials = SpecialTexts::new(["<end>".to_owned(), "<user>".to_owned()]);
    let new = rendered(new);
    let bytes = probe::transcript(rendered(old), answer, &new, &new.segments(&specials));
    assert!(bytes.is_none_or(|n| n >= rendered(old).text.len()));
});
