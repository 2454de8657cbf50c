//! What models write, taken apart: `tests/conformance/tools.json` and `reasoning.json`, however they are cut; and
//! whatever else comes, nothing panics and nothing is lost.

mod support;

use proptest::prelude::*;
use qask::output::{
    detect_format, detect_tags, format_named, merge, tags_named, Parser, Piece, Setup, FORMATS, TAGS,
};
use qask::text::Utf8Assembler;
use serde_json::{json, Value};

struct Case {
    name: String,
    format: Option<String>,
    tags: Option<String>,
    thinking: bool,
    output: String,
    events: Vec<Value>,
}

fn read(file: &str) -> Value {
    let path = format!("{}/tests/conformance/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn tools() -> Vec<Value> {
    read("tools.json")["tools"].as_array().unwrap().clone()
}

fn cases() -> Vec<Case> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let files = ["tools.json", "reasoning.json"].map(read);
    let all = files.iter().flat_map(|f| f["cases"].as_array().unwrap());
    all.map(|c| Case {
        name: text(&c["name"]).unwrap(),
        format: text(&c["format"]),
        tags: text(&c["tags"]),
        thinking: c["thinking"] == true,
        output: text(&c["output"]).unwrap(),
        events: c["events"].as_array().unwrap().clone(),
    })
    .collect()
}

fn setup<'a>(case: &Case, tools: &'a [Value]) -> Setup<'a> {
    let format = case.format.as_deref().map(|n| format_named(n).unwrap_or_else(|| panic!("no format {n}")));
    let tags = case.tags.as_deref().map(|n| tags_named(n).unwrap_or_else(|| panic!("no tags {n}")));
    Setup { format, tags, thinking: case.thinking, tools, salt: 1 }
}

/// What an output gives when its bytes come in these parts.
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

/// Pieces in the form of the files: text and reasoning joined, deltas gone where their call is complete.
fn events(pieces: &[Piece]) -> Vec<Value> {
    let complete = |i: u32| pieces.iter().any(|p| matches!(p, Piece::Call { index, .. } if *index == i));
    let mut events: Vec<Value> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => events.push(json!({ "text": text })),
            Piece::Reasoning(text) => events.push(json!({ "reasoning": text })),
            Piece::Delta { index, .. } if complete(*index) => {}
            Piece::Delta { name, .. } => events.push(json!({ "broken": name })),
            Piece::Call { name, arguments, .. } => {
                let arguments: Value = serde_json::from_str(arguments).unwrap();
                events.push(json!({ "call": name, "arguments": arguments }));
            }
        }
    }
    events
}

/// What holds of every output: arguments are objects, deltas make up their call, indices grow.
fn check(pieces: &[Piece]) {
    let mut next = 0;
    for piece in pieces {
        let Piece::Call { index, id, name, arguments } = piece else { continue };
        assert!(serde_json::from_str::<serde_json::Map<String, Value>>(arguments).is_ok(), "{arguments}");
        assert!(*index >= next, "call {index} comes late");
        next = index + 1;
        let mut put_together = String::new();
        let mut firsts = 0;
        for piece in pieces {
            if let Piece::Delta { index: i, id: delta_id, name: delta_name, arguments, first } = piece {
                if i == index {
                    assert_eq!((delta_id, delta_name), (id, name));
                    put_together.push_str(arguments);
                    firsts += u32::from(*first);
                }
            }
        }
        assert_eq!((&put_together, firsts), (arguments, 1));
    }
}

#[test]
fn recorded_outputs_give_their_events() {
    let tools = tools();
    let all = cases();
    assert!(all.len() > 100);
    for format in FORMATS {
        assert!(all.iter().any(|c| c.format.as_deref() == Some(format.name)), "no case for {}", format.name);
    }
    for tags in TAGS {
        assert!(all.iter().any(|c| c.tags.as_deref() == Some(tags.name)), "no case for {}", tags.name);
    }
    let mut wrong = 0;
    for case in &all {
        let got = pieces(setup(case, &tools), [case.output.as_bytes()]);
        check(&got);
        if events(&got) != case.events {
            wrong += 1;
            println!("{}\n  want {}\n  got  {}", case.name, json!(case.events), json!(events(&got)));
        }
    }
    assert_eq!(wrong, 0);
}

#[test]
fn every_cut_gives_the_same_events() {
    let tools = tools();
    for case in cases() {
        let bytes = case.output.as_bytes();
        let whole = pieces(setup(&case, &tools), [bytes]);
        for cut in 0..=bytes.len() {
            let got = pieces(setup(&case, &tools), [&bytes[..cut], &bytes[cut..]]);
            assert_eq!(got, whole, "{} cut at {cut}", case.name);
        }
        assert_eq!(pieces(setup(&case, &tools), bytes.chunks(1)), whole, "{} byte by byte", case.name);
    }
}

/// What was said of an output: all of it, when no call and no mark was taken out.
fn said(pieces: &[Piece]) -> String {
    pieces.iter().filter_map(|p| if let Piece::Text(t) = p { Some(t.as_str()) } else { None }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Pieces of recorded outputs, shuffled, cut and mixed with noise.
    #[test]
    fn whatever_comes_is_cut_alike_and_holds(
        which in any::<prop::sample::Index>(),
        parts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
        noise in "[<>|\\[\\]{}()\",:a-f\n ]{0,12}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let (all, tools) = (cases(), tools());
        let case = &all[which.index(all.len())];
        let mut text = String::new();
        for (from, start, end) in parts {
            let chars: Vec<char> = all[from.index(all.len())].output.chars().collect();
            let (a, b) = (start.index(chars.len() + 1), end.index(chars.len() + 1));
            text.extend(&chars[a.min(b)..a.max(b)]);
            text.push_str(&noise);
        }
        let bytes = text.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        let whole = pieces(setup(case, &tools), [bytes]);
        check(&whole);
        prop_assert_eq!(pieces(setup(case, &tools), at.windows(2).map(|w| &bytes[w[0]..w[1]])), whole);
    }

    /// Every output of the files, cut off anywhere, in every format.
    #[test]
    fn a_cut_off_output_holds(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), format in 0..FORMATS.len()) {
        let (all, tools) = (cases(), tools());
        let case = &all[which.index(all.len())];
        let bytes = &case.output.as_bytes()[..at.index(case.output.len() + 1)];
        for setup in [setup(case, &tools), Setup { format: Some(&FORMATS[format]), ..setup(case, &tools) }] {
            check(&pieces(setup, [bytes]));
        }
    }

    /// Without a mark in it, text is what it was.
    #[test]
    fn plain_text_passes_through(text in "[^<\\[{`>|◁f]{0,200}", format in 0..FORMATS.len() + 1, tags in 0..TAGS.len() + 1) {
        let tools = tools();
        let setup = Setup { format: FORMATS.get(format), tags: TAGS.get(tags), tools: &tools, ..Setup::default() };
        prop_assert_eq!(said(&pieces(setup, [text.as_bytes()])), text);
    }
}

/// Every template of llama.cpp's collection: `tests/conformance/templates.json` says what it is taken for.
#[test]
fn templates_are_recognised() {
    let folder = support::cache().join("chat-templates-0.3.36");
    if !folder.is_dir() {
        return eprintln!("NOT CHECKED: chat templates are not in {}: tools/vectors.py", folder.display());
    }
    let want = read("templates.json");
    let mut got = serde_json::Map::new();
    for file in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "jinja") {
            let source = std::fs::read_to_string(&file).unwrap();
            let tags = detect_tags(&source).map(|t| t.name);
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            got.insert(name, json!([detect_format(&source).name, tags]));
        }
    }
    got.sort_keys();
    assert!(got.len() >= 60, "{} templates", got.len());
    assert_eq!(Value::from(got), want);
}

/// `docs/tools.md` lists what the code knows.
#[test]
fn the_table_is_the_code() {
    let path = format!("{}/docs/tools.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let code = |s: &str| {
        let fence = if s.contains('`') { ("```` ", " ````") } else { ("`", "`") };
        match s {
            "" => "a header".to_owned(),
            s => format!("{}{}{}", fence.0, s.replace('\n', "⏎").replace('|', "\\|"), fence.1),
        }
    };
    let formats = FORMATS.iter().map(|f| format!("| {} | {} | {} |", f.name, f.models, code(f.example)));
    let tags = TAGS.iter().map(|t| format!("| {} | {} | {} |", t.name, code(t.open), code(t.close)));
    let want: Vec<String> = formats.chain(tags).collect();
    let got: Vec<&str> = text
        .lines()
        .filter(|l| l.starts_with("| ") && !l.starts_with("| format") && !l.starts_with("| marks"))
        .collect();
    assert_eq!(want.join("\n"), got.join("\n"));
}
