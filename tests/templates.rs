//! Every chat template of llama.cpp's collection against Python's jinja2 (`tools/templates.py` makes the expected
//! digests, `tools/vectors.py` fetches the templates).

mod support;

use qask::template::{RenderInput, Rendered, Segment, SpecialTexts, Template};
use qask::{Message, Result};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The time of the expected texts: 2024-07-26 12:34:56.
const LOCAL_TIME: i64 = 1_721_997_296;

struct Cases {
    tools: Vec<Value>,
    cases: Vec<Value>,
}

fn cases() -> Cases {
    let all: Value = serde_json::from_str(include_str!("templates/cases.json")).unwrap();
    let list = |name: &str| all[name].as_array().unwrap().clone();
    Cases { tools: list("tools"), cases: list("cases") }
}

/// Names and sources of the templates; empty, and loudly so, where they could not be fetched.
fn templates() -> Vec<(String, String)> {
    let folder = support::cache().join("chat-templates-0.3.36");
    if !folder.is_dir() {
        eprintln!("NOT CHECKED: chat templates are not in {}: tools/vectors.py", folder.display());
        return Vec::new();
    }
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "jinja"))
        .map(|p| (p.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&p).unwrap()))
        .collect();
    found.sort();
    assert!(found.len() >= 60, "{} templates", found.len());
    found
}

fn render(template: &Template, case: &Value, tools: &[Value]) -> Result<Rendered> {
    let messages = case["messages"].as_array().unwrap().iter().cloned().map(Message::from_json);
    let messages = messages.collect::<Result<Vec<_>>>()?;
    let flag = |name: &str, otherwise: bool| case.get(name).map_or(otherwise, |v| v.as_bool().unwrap());
    let own = case.get("tools").and_then(Value::as_array);
    let none = Map::new();
    on_a_big_stack(|| {
        template.render(&RenderInput {
            messages: &messages,
            tools: if flag_of(case, "tools") { tools } else { own.map_or(&[], Vec::as_slice) },
            variables: case.get("variables").map_or(&none, |v| v.as_object().unwrap()),
            add_generation_prompt: flag("add_generation_prompt", true),
            continue_final_message: flag("continue_final_message", false),
            bos_token: "<s>",
            eos_token: "</s>",
            local_time: Some(LOCAL_TIME),
        })
    })
}

fn flag_of(case: &Value, name: &str) -> bool {
    case.get(name) == Some(&Value::Bool(true))
}

/// The library renders on threads of its own.
fn on_a_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|s| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(s, work).unwrap();
        thread.join().expect("no panic")
    })
}

fn digest(text: &str) -> String {
    let hash: String = Sha256::digest(text).iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("{} {hash}", text.len())
}

#[test]
fn texts_equal_those_of_jinja2() {
    let Cases { tools, cases } = cases();
    let expected: Value = serde_json::from_str(include_str!("templates/expected.json")).unwrap();
    let (mut equal, mut texts, mut wrong) = (0, 0, Vec::new());
    let mut templates = templates();
    if let Ok(only) = std::env::var("QASK_TEMPLATE") {
        templates.retain(|(name, _)| *name == only);
    }
    for (name, source) in &templates {
        let template = Template::new(source.as_str());
        let before = wrong.len();
        for case in &cases {
            let title = case["name"].as_str().unwrap();
            let rendered = render(&template, case, &tools);
            texts += 1;
            match (&expected[name][title], &rendered) {
                (Value::Null, Err(e)) => assert_eq!(e.code(), qask::Code::Template),
                (Value::String(want), Ok(r)) if digest(&r.text) == *want => {}
                (want, got) => {
                    let got = match got {
                        Ok(r) => {
                            let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("rendered.txt");
                            std::fs::write(&file, &r.text).unwrap();
                            format!("{}, in {}", digest(&r.text), file.display())
                        }
                        Err(e) => e.to_string(),
                    };
                    wrong.push(format!("{name} / {title}: {got}; expected {want}: tools/templates.py --show"));
                }
            }
        }
        equal += usize::from(wrong.len() == before);
    }
    println!("{equal} of {} templates equal, {texts} texts, {} wrong", templates.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What in a template's source looks like special tokens: `<…>` and `[…]` without blanks.
fn specials_of(source: &str) -> Vec<String> {
    let mut found = vec!["<s>".to_owned(), "</s>".to_owned()];
    for (open, close) in [('<', '>'), ('[', ']')] {
        for (at, _) in source.match_indices(open) {
            let Some(end) = source[at..].chars().take(60).position(|c| c == close) else { continue };
            let text: String = source[at..].chars().take(end + 1).collect();
            let inside = &text[1..text.len() - 1];
            let plain = |c: char| c.is_alphanumeric() || "_|/-:\u{ff5c}\u{2581}".contains(c);
            if inside.len() > 1
                && inside.chars().all(plain)
                && !inside.chars().all(|c| c.is_ascii_digit() || c == '-')
            {
                found.push(text);
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Templates stay within their limits in long conversations.
#[test]
fn a_thousand_messages_are_rendered() {
    let Cases { tools, cases } = cases();
    for (name, source) in templates() {
        let template = Template::new(source.as_str());
        for title in ["no system", "tools, no system"] {
            let mut case = cases.iter().find(|c| c["name"] == title).unwrap().clone();
            if render(&template, &case, &tools).is_err() {
                continue;
            }
            let turns: Vec<Value> = case["messages"].as_array().unwrap()[..2].to_vec();
            let last = case["messages"][2].clone();
            case["messages"] = turns.iter().cycle().take(1_000).cloned().chain([last]).collect();
            if let Err(e) = render(&template, &case, &tools) {
                panic!("{name} / {title}: {e}");
            }
        }
    }
}

/// Stands before and behind each special token's text that is put into content.
const NONCE: (&str, &str) = ("Q7q", "q7Q");

/// Every string of a value, but roles and types, with all special texts and halves of them behind it.
fn stuff(value: &mut Value, specials: &[String]) {
    match value {
        Value::String(text) => {
            for special in specials {
                text.push_str(&format!("{}{special}{}", NONCE.0, NONCE.1));
            }
            let half = |s: &String| s.chars().take(s.chars().count() / 2).collect::<String>();
            text.extend(specials.iter().take(3).map(half));
        }
        Value::Array(items) => items.iter_mut().for_each(|v| stuff(v, specials)),
        Value::Object(map) => map
            .iter_mut()
            .filter(|(k, _)| !["role", "type", "required"].contains(&k.as_str()))
            .for_each(|(_, v)| stuff(v, specials)),
        _ => {}
    }
}

/// Content, names, tool calls, results and definitions that are full of the template's own special tokens.
#[test]
fn content_makes_no_special_tokens_in_any_template() {
    let Cases { tools, cases } = cases();
    let (mut rendered_texts, mut own, mut stuffed) = (0, 0, 0);
    for (name, source) in templates() {
        let template = Template::new(source.as_str());
        let texts = specials_of(&source);
        let specials = SpecialTexts::new(texts.iter().cloned());
        // A template that splits content at such a text puts its own back there: no neighbour could tell which it is.
        let cut = |t: &String| {
            [format!("('{t}'"), format!("(\"{t}\""), format!("= '{t}'"), format!("= \"{t}\""), format!("'{t}' in")]
                .iter()
                .any(|c| source.contains(c))
        };
        let texts: Vec<String> = texts.into_iter().filter(|t| !cut(t)).collect();
        let mut evil_tools = tools.clone();
        evil_tools.iter_mut().for_each(|t| stuff(t, &texts));
        for case in &cases {
            let mut evil = case.clone();
            stuff(&mut evil["messages"], &texts);
            if let Some(variables) = evil.get_mut("variables") {
                stuff(variables, &texts);
            }
            // What a template makes of such names and arguments may be an error.
            let Ok(rendered) = render(&template, &evil, &evil_tools) else { continue };
            rendered_texts += 1;
            stuffed += rendered.text.matches(NONCE.0).count();
            let segments = rendered.segments(&specials);
            for (i, segment) in segments.iter().enumerate() {
                let Segment::Special(text) = segment else { continue };
                own += 1;
                let before = i.checked_sub(1).map(|i| segments[i]);
                let injected = matches!(before, Some(Segment::Plain(p)) if p.ends_with(NONCE.0))
                    || matches!(segments.get(i + 1), Some(Segment::Plain(p)) if p.starts_with(NONCE.1));
                assert!(!injected, "{name} / {}: {text} came from content", case["name"]);
            }
        }
    }
    println!("{rendered_texts} texts, {own} special tokens of the templates' own, {stuffed} in content");
    // Not for nothing, where there are templates: most conversations render, and templates have tokens of their own.
    let enough = rendered_texts > 1_000 && own > 5_000 && stuffed > 100_000;
    assert!(rendered_texts == 0 || enough, "{rendered_texts} {own} {stuffed}");
}
