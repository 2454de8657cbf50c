//! Any text as a constraint of any kind: it compiles or is refused, nothing panics outside of llguidance's own guard, and
//! an answer is judged alike however often it is asked about. Time is libFuzzer's to watch (`-timeout`).
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::constraint::Constraint;
use qask_fuzz::error::Code;

fuzz_target!(|data: &[u8]| {
    let [kind, length, rest @ ..] = data else { return };
    let Ok(rest) = std::str::from_utf8(rest) else { return };
    let Some((answer, source)) = rest.split_at_checked(*length as usize % (rest.len() + 1)) else { return };
    let constraint = match kind % 5 {
        0 => match serde_json::from_str(source) {
            Ok(schema) => Constraint::JsonSchema(schema),
            Err(_) => return,
        },
        1 => Constraint::Regex(source.to_owned()),
        2 => Constraint::Lark(source.to_owned()),
        3 => Constraint::Gbnf(source.to_owned()),
        _ => Constraint::Choice(source.split('\n').map(str::to_owned).collect()),
    };
    let first = constraint.accepts(answer, kind & 128 != 0);
    match &first {
        Ok(_) => assert_eq!(constraint.accepts(answer, kind & 128 != 0).ok(), first.ok()),
        Err(e) => assert!(matches!(e.code(), Code::Grammar | Code::QueueFull), "{e}"),
    }
});
