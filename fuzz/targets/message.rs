//! Any JSON as a message: one that is taken has a role and a text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::error::Code;
use qask_fuzz::message::Message;

fuzz_target!(|json: &str| {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else { return };
    match Message::from_json(value.clone()) {
        Ok(message) => {
            assert!((1..=64).contains(&message.role().len()));
            let _ = message.text();
            assert_eq!(serde_json::Value::from(message.as_json().clone()), value);
        }
        Err(e) => assert!(matches!(e.code(), Code::Json | Code::Range | Code::Unsupported), "{e:?}"),
    }
});
