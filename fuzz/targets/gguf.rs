//! Any bytes as a model file: it is described or refused, twice alike, in a message that is short and plain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::{Code, Error};
use qask_fuzz::gguf;

fn check(e: &Error) {
    assert!(matches!(e.code(), Code::Invalid | Code::TooLarge | Code::UnsupportedArch), "{e}");
    assert!(!e.message().is_empty() && e.message().len() < 4096, "{} bytes", e.message().len());
    assert!(!e.message().chars().any(char::is_control), "{e:?}");
}

fuzz_target!(|data: &[u8]| {
    let first = gguf::inspect_source(data);
    match &first {
        Ok(info) => {
            assert!(info.file_size == data.len() as u64 && info.tensor_bytes <= info.file_size);
            for i in 0..info.metadata_count() {
                let (key, value) = info.metadata_at(i).expect("an entry");
                // The same place: numbers that are none are not equal to themselves.
                assert!(info.metadata(key).is_some_and(|v| std::ptr::eq(v, value)));
                let _ = value.to_string();
            }
        }
        Err(e) => check(e),
    }
    assert_eq!(gguf::inspect_source(data).err(), first.err());
});
