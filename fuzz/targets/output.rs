//! Any bytes as an output in any format: nothing panics, every cut gives the same events, calls carry JSON objects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qask_fuzz::output::{merge, Parser, Piece, Setup, FORMATS, TAGS};
use qask_fuzz::text::Utf8Assembler;
use serde_json::{json, Map, Value};
use std::sync::LazyLock;

static TOOLS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let tool = |name: &str| {
        json!({"name": name, "parameters": {"type": "object", "properties": {
            "a": {"type": "integer"}, "b": {"type": "string"}, "city": {"type": "string"},
            "c": {"type": ["string", "null"]}, "d": {"type": "object"}, "e": {}}}})
    };
    vec![tool("f"), tool("g"), tool("get_weather"), tool("now")]
});

fn pieces<'a>(setup: Setup<'_>, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Piece> {
    let (mut parser, mut utf8, mut out) = (Parser::new(setup), Utf8Assembler::default(), Vec::new());
    for part in parts {
        let mut text = String::new();
        utf8.push(part, &mut text);
        parser.push(&text, &mut out);
    }
    let mut text = String::new();
    utf8.finish(&mut text);
    parser.push(&text, &mut out);
    parser.finish(&mut out);
    merge(out)
}

fuzz_target!(|data: &[u8]| {
    let [format, tags, how, cut, output @ ..] = data else { return };
    let setup = Setup {
        format: FORMATS.get(*format as usize % (FORMATS.len() + 1)),
        tags: TAGS.get(*tags as usize % (TAGS.len() + 1)),
        thinking: how & 1 == 1,
        tools: if how & 2 == 2 { &[] } else { &TOOLS },
        salt: 1,
    };
    let whole = pieces(setup, [output]);
    let cut = *cut as usize % (output.len() + 1);
    assert_eq!(pieces(setup, [&output[..cut], &output[cut..]]), whole);
    assert_eq!(pieces(setup, output.chunks(1)), whole);
    for piece in &whole {
        if let Piece::Call { arguments, .. } = piece {
            assert!(serde_json::from_str::<Map<String, Value>>(arguments).is_ok());
        }
    }
});
