//! Promises about constrained answers: what is accepted and refused, what a hostile constraint may cost, and that a
//! model's answers keep to it.

mod support;

use std::time::{Duration, Instant};

use qask::{
    Code, Constraint, Engine, EngineOptions, Event, FinishReason, Message, Model, ModelOptions, Next, Request,
    Sampling,
};
use serde_json::{json, Value};

// ---- without a model ----

/// `tests/conformance/constraints.json`, which every binding runs too.
#[test]
fn conformance() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("conformance/constraints.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let (name, constraint) = (&case["name"], support::cases::constraint(case));
        let free = case["json_whitespace"] == true;
        if let Some(words) = case["error"].as_str() {
            match constraint.accepts("x", free) {
                Err(e) if e.code() == Code::Grammar && e.message().contains(words) => {}
                other => wrong.push(format!("{name}: {other:?}, expected an error with {words:?}")),
            }
        }
        for (key, expected) in [("accepts", true), ("rejects", false)] {
            for text in case[key].as_array().into_iter().flatten() {
                match constraint.accepts(text.as_str().unwrap(), free) {
                    Ok(found) if found == expected => {}
                    Err(e) if e.code() == Code::Grammar && case["or_error"] == true => {}
                    other => wrong.push(format!("{name}: {text}: {other:?}")),
                }
            }
        }
    }
    assert!(cases.len() > 40 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// llama.cpp's own example grammars mean here what they mean there.
#[test]
fn example_grammars_of_llama_cpp() {
    let folder = support::cache().join("grammars-0.3.36");
    if !folder.is_dir() {
        eprintln!("NOT CHECKED: llama.cpp's grammars are not in {}: tools/vectors.py", folder.display());
        return;
    }
    let cases: [(&str, &[&str], &[&str]); 7] = [
        (
            "json",
            &["{}", "{\"a\": [1, true, \"x\\n\"], \"b\":{}} ", "{ \"a\":\n  -1.5e+1}"],
            &["[]", "{a:1}", "{\"a\":01}"],
        ),
        ("json_arr", &["[\n1,\n2]", "[\n{\"a\": null}]"], &["[]", "{}"]),
        ("arithmetic", &["a=1\n", "x*(y+2)= z9 \n\n", "1+b = 3\na=b\n"], &["a=1", "=1\n", "(a=1\n"]),
        ("list", &["- one\n", "- one\n- two, three\n"], &["- one", "one\n", "- \n"]),
        (
            "chess",
            &["1. e4 e5\n2. Nf3 Nc6\n", "1. d4 d5\n2. O-O exd8=Q+\n"],
            &["1. e4 e5\n", "1. e9 e5\n2. a3 a4\n"],
        ),
        ("english", &["Hello, world! 42"], &["日本"]),
        ("japanese", &["こんにちは 世界", "カタカナ、"], &["hello"]),
    ];
    for (name, accepted, refused) in cases {
        let source = std::fs::read_to_string(folder.join(format!("{name}.gbnf"))).unwrap();
        let grammar = Constraint::Gbnf(source);
        for (texts, expected) in [(accepted, true), (refused, false)] {
            for text in texts {
                assert_eq!(grammar.accepts(text, false), Ok(expected), "{name}: {text:?}");
            }
        }
    }
    let c = Constraint::Gbnf(std::fs::read_to_string(folder.join("c.gbnf")).unwrap());
    assert!(c.accepts("nonsense", false).is_ok_and(|yes| !yes));
}

/// What no compile may pass: its limit of two seconds, and a tenth for giving up.
const MOST_TIME: Duration = Duration::from_millis(2_100);

/// A compile that was left behind has ended by then, also on a machine that does other things.
const MOST_LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Address space is not memory: the peak of what was resident, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Constraints made to hang, to overflow a stack or to eat memory.
fn hostile() -> Vec<(&'static str, Constraint)> {
    let lark = |s: String| Constraint::Lark(s);
    let gbnf = |s: String| Constraint::Gbnf(s);
    let regex = |s: String| Constraint::Regex(s);
    let schema = |s: Value| Constraint::JsonSchema(s);
    let parentheses = format!("{}\"a\"{}", "(".repeat(100_000), ")".repeat(100_000));
    let chain = |define: &str, prefix: &str, n: usize| -> String {
        (0..n).map(|i| format!("{prefix}{i} {define} {prefix}{}\n", i + 1)).collect()
    };
    let doubled = |define: &str, prefix: &str, n: usize| -> String {
        let rule = |i: usize| format!("{prefix}{i} {define} {prefix}{0} {prefix}{0} | {prefix}{0} \"x\"\n", i + 1);
        (0..n).map(rule).collect()
    };
    let options: Vec<Value> = (0..40).map(|i| json!({"anyOf": [{"minimum": i}, {"maxLength": i}]})).collect();
    let big: Value = (0..150_000)
        .map(|i| (format!("property{i}"), json!({"type": "string", "title": "some words here"})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let wide: Value = (0..20_000)
        .map(|i| (format!("p{i}"), json!({"type": "integer", "minimum": i})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    vec![
        ("100,000 nested parentheses, GBNF", gbnf(format!("root ::= {parentheses}"))),
        ("100,000 nested parentheses, Lark", lark(format!("start: {parentheses}\n"))),
        ("100,000 nested parentheses, regex", regex(format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000)))),
        (
            "a chain of 100,000 rules, GBNF",
            gbnf(format!("root ::= a0\n{}a100000 ::= \"x\"\n", chain("::=", "a", 100_000))),
        ),
        (
            "a chain of 100,000 rules, Lark",
            lark(format!("start: a0\n{}a100000: \"x\"\n", chain(":", "a", 100_000))),
        ),
        (
            "a chain of 9,900 rules, GBNF",
            gbnf(format!("root ::= a0 root?\n{}a9900 ::= \"x\"\n", chain("::=", "a", 9_900))),
        ),
        (
            "a chain of 9,900 terminals, GBNF",
            gbnf(format!("root ::= a0\n{}a9900 ::= \"x\"\n", chain("::=", "a", 9_900))),
        ),
        ("a chain of 9,900 rules, Lark", lark(format!("start: a0\n{}a9900: \"x\"\n", chain(":", "a", 9_900)))),
        ("a chain of 9,900 terminals, Lark", lark(format!("start: A0\n{}A9900: \"x\"\n", chain(":", "A", 9_900)))),
        ("left recursion, GBNF", gbnf("root ::= root root root | \"a\" | \"\"".into())),
        ("left recursion, Lark", lark("start: start start start | \"a\" | \"\"\n".into())),
        (
            "mutual left recursion over 2,000 rules",
            gbnf(format!("root ::= a0\n{}a2000 ::= a0 \"x\" | \"y\"\n", chain("::=", "a", 2_000))),
        ),
        ("{2000} nested, GBNF", gbnf("root ::= (((\"a\"{2000}){2000}){2000}){2000}".into())),
        ("{2000} nested, Lark rules", lark("start: ((((\"a\"{2000}){2000}){2000}){2000})\n".into())),
        (
            "{2000} nested, Lark terminals",
            lark("start: A\nA: B{2000}\nB: C{2000}\nC: D{2000}\nD: \"a\"{2000}\n".into()),
        ),
        ("{2000} nested, regex", regex("(((a{2000}){2000}){2000}){2000}".into())),
        ("{2000} of a choice nested, regex", regex("((([ab]c|d){1,2000}e?){1,2000}f?){1,2000}".into())),
        ("2^40 alternates, GBNF", gbnf(format!("root ::= a0\n{}a40 ::= \"x\"\n", doubled("::=", "a", 40)))),
        ("2^40 alternates, Lark rules", lark(format!("start: a0\n{}a40: \"x\"\n", doubled(":", "a", 40)))),
        ("2^40 alternates, Lark terminals", lark(format!("start: A0\n{}A40: \"x\"\n", doubled(":", "A", 40)))),
        ("2^40 alternates, schema", schema(json!({"allOf": options}))),
        ("catastrophic regex", regex("(a+)+b(a*)*c((a|aa)+)+d".into())),
        ("exponential automaton", regex("(a|b)*a(a|b){60}c".into())),
        (
            "intersections",
            lark("start: A\nA: /(.*a.{20})*/ & /(.*b.{21})*/ & /(.*c.{22})*/ & /(.*d.{23})*/\n".into()),
        ),
        ("a big negation", lark("start: A\nA: ~/(.*a.{30})*(b.{40})*c/\n".into())),
        ("a schema of 10 MB", schema(json!({"type": "object", "properties": big}))),
        ("20,000 properties", schema(json!({"type": "object", "properties": wide}))),
        (
            "maxItems of 1e9",
            schema(json!({"type": "array", "items": {"type": "integer"}, "maxItems": 1_000_000_000})),
        ),
        (
            "maxLength of 1e9",
            schema(json!({"type": "string", "maxLength": 1_000_000_000, "pattern": "^(ab|c)*$"})),
        ),
        ("minItems of 1e9", schema(json!({"type": "array", "minItems": 1_000_000_000u64}))),
        ("a loop of $ref", schema(json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}))),
        ("a loop of $ref with siblings", schema(json!({"$ref": "#", "minLength": 1}))),
        ("a loop of allOf", schema(json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}))),
        ("remote $ref", schema(json!({"$ref": "http://127.0.0.1:9/x.json"}))),
        ("a file as $ref", schema(json!({"$ref": "file:///etc/passwd"}))),
        (
            "a huge number",
            schema(json!({"type": "integer", "multipleOf": 1e-300, "minimum": -1e300, "maximum": 1e300})),
        ),
        (
            "patterns that meet",
            schema(json!({"patternProperties": {"^(a|b)*a(a|b){30}$": {}, "^(a|b)*b(a|b){30}$": {}}})),
        ),
        ("10,000 texts of 100 bytes", Constraint::Choice((0..10_000).map(|i| format!("{i:0>100}")).collect())),
    ]
}

/// Each ends within its limit, from a thread with a small stack, whether it is refused or not; memory stays bounded.
#[test]
fn hostile_constraints_end_in_time() {
    let before = peak_memory();
    let mut slow = Vec::new();
    for (name, constraint) in hostile() {
        let run = move || {
            let began = Instant::now();
            let result = constraint.accepts("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);
            (began.elapsed(), result)
        };
        let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(run).unwrap();
        let (took, result) = thread.join().expect("no panic");
        println!("{:>6} ms {:>5} MB  {name}: {result:?}", took.as_millis(), (peak_memory() - before) >> 20);
        if let Err(e) = &result {
            assert_eq!(e.code(), Code::Grammar, "{name}: {e}");
        }
        if took > MOST_TIME {
            slow.push(format!("{name}: {took:?}"));
        }
    }
    // What took too long and was left behind ends by its own limits.
    let began = Instant::now();
    while qask::constraint::running_compiles() > 0 {
        assert!(began.elapsed() < MOST_LEFT_BEHIND, "a compile goes on and on");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("compiles ended {} ms after the last call", began.elapsed().as_millis());
    let grown = peak_memory() - before;
    assert!(slow.is_empty(), "{slow:?}");
    assert!(grown < 2 << 30, "the peak of memory grew by {grown} bytes");
}

// ---- with models ----

fn load(path: std::path::PathBuf) -> Model {
    Model::load(path, ModelOptions::default()).expect("the model loads")
}

fn start(model: &Model) -> Engine {
    Engine::new(model, EngineOptions { threads: Some(2), ..EngineOptions::default() }).expect("the engine starts")
}

/// An answer's text, tokens, and how it ended.
fn run(engine: &Engine, request: &Request) -> (String, Vec<i32>, qask::Done) {
    let mut request = request.clone();
    request.return_tokens = true;
    let mut stream = engine.submit(&request).expect("submitted");
    let (mut text, mut tokens, mut end) = (String::new(), Vec::new(), None);
    while let Next::Event(event) = stream.next(None).expect("an event") {
        match event {
            Event::Text(t) if t.choice == 0 => {
                assert!(request.logprobs.is_none() || t.tokens.len() == t.logprobs.len());
                text += &t.text;
                tokens.extend(t.tokens);
            }
            Event::Done(d) if d.choice == 0 => end = Some(d),
            _ => {}
        }
    }
    (text, tokens, end.expect("a DONE event"))
}

fn error_of(done: &qask::Done) -> &qask::Error {
    match &done.reason {
        FinishReason::Error(e) => e,
        other => panic!("{other:?} is no error"),
    }
}

/// Keys that the schema fixes, values that the model chooses.
fn form(fields: usize) -> Value {
    let properties: serde_json::Map<_, _> = (0..fields)
        .map(|i| (format!("field_number_{i}"), json!({"type": "integer", "minimum": 0, "maximum": 9})))
        .collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn hot(seed: u32) -> Sampling {
    Sampling {
        temperature: Some(1.5),
        top_k: Some(0),
        top_p: Some(1.0),
        min_p: Some(0.0),
        seed: Some(seed),
        ..Sampling::default()
    }
}

#[test]
fn answers_keep_to_their_constraint_and_fixed_keys_are_not_sampled() {
    for path in [support::smollm2(), support::qwen()] {
        let model = load(path);
        let engine = start(&model);
        let constraint = Constraint::JsonSchema(form(8));
        let request = Request::chat([Message::user("Fill in the form.")]).constraint(constraint.clone());
        for seed in 0..2 {
            let (text, tokens, done) = run(&engine, &request.clone().sampling(hot(seed)));
            assert_eq!(done.reason, FinishReason::Stop, "{text}");
            assert!(constraint.accepts(&text, false).unwrap(), "{text}");
            assert_eq!(done.usage.output_tokens as usize, tokens.len());
            assert!(done.usage.forced_tokens * 2 > done.usage.output_tokens, "{:?}: {text}", done.usage);
            // What was forced is what the tokenizer itself would have made of the text.
            assert_eq!(model.detokenize(&tokens, false).unwrap(), text);
            let canonical = model.tokenize(&text, false, false).unwrap();
            assert!(tokens.len() <= canonical.len() + 8, "{} tokens, {} canonical", tokens.len(), canonical.len());
        }
        // Beside each other, each with its own.
        let lengths: Vec<u32> = (1..=6).collect();
        let streams: Vec<_> = lengths
            .iter()
            .map(|n| {
                let regex = Constraint::Regex(format!("[a-z]{{{n}}}(, [0-9]{{{n}}}){{3}}!"));
                engine.submit(&Request::text("Say").sampling(hot(*n)).constraint(regex)).unwrap()
            })
            .collect();
        for (n, stream) in lengths.iter().zip(streams) {
            let (text, done) = stream.collect_text().unwrap();
            assert_eq!(done.reason, FinishReason::Stop);
            assert_eq!(text.len() as u32, n + 3 * (n + 2) + 1, "{text}");
        }
        // Several answers to one request.
        let mut several =
            Request::text("x").sampling(hot(1)).constraint(Constraint::Choice(vec!["yes".into(), "no".into()]));
        several.n = 4;
        let mut stream = engine.submit(&several).unwrap();
        let mut texts = vec![String::new(); 4];
        while let Next::Event(event) = stream.next(None).unwrap() {
            if let Event::Text(t) = event {
                texts[t.choice as usize] += &t.text;
            }
        }
        assert!(texts.iter().all(|t| t == "yes" || t == "no"), "{texts:?}");
    }
}

/// Greedy answers are the same whether forced tokens are sampled (as for logprobs) or appended.
#[test]
fn json_may_be_laid_out_freely() {
    let constraint = Constraint::JsonSchema(json!({"type": "object", "required": ["a"],
        "properties": {"a": {"const": 1}}, "additionalProperties": false}));
    let spread = "{\n  \"a\" : 1\n}";
    assert!(constraint.accepts("{\"a\": 1}", false).unwrap());
    assert!(!constraint.accepts(spread, false).unwrap());
    assert!(constraint.accepts(spread, true).unwrap());
    let engine = start(&load(support::smollm2()));
    let mut request = Request::text("As JSON:").max_tokens(40).sampling(Sampling::greedy()).constraint(constraint);
    request.json_whitespace = true;
    let (text, ..) = run(&engine, &request);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"a": 1}), "{text:?}");
}

#[test]
fn fast_forward_changes_no_greedy_answer() {
    let model = load(support::smollm2());
    let engine = start(&model);
    let base = Request::chat([Message::user("Invent a person.")])
        .sampling(Sampling::greedy())
        .constraint(Constraint::JsonSchema(json!({
            "type": "object", "required": ["first_name", "favourite_colour", "likes_music"], "additionalProperties": false,
            "properties": {"first_name": {"type": "string", "maxLength": 12},
                "favourite_colour": {"enum": ["dark red", "dark blue"]}, "likes_music": {"type": "boolean"}},
        })));
    let (text, tokens, done) = run(&engine, &base);
    let mut each = base.clone();
    each.logprobs = Some(0);
    let (text_each, tokens_each, done_each) = run(&engine, &each);
    assert_eq!((&text, tokens), (&text_each, tokens_each));
    assert_eq!(done_each.usage.forced_tokens, 0);
    assert!(done.usage.forced_tokens > 8, "{:?}", done.usage);
}

#[test]
fn limits_and_stop_texts_hold_inside_forced_tokens() {
    let model = load(support::smollm2());
    let engine = start(&model);
    let fixed =
        Constraint::Regex("The quick brown fox jumps over the lazy dog and runs far away into the woods".into());
    let request = Request::text("x").constraint(fixed.clone());
    // All of it is forced: nothing is left to sample.
    let (text, tokens, done) = run(&engine, &request);
    assert!(fixed.accepts(&text, false).unwrap(), "{text}");
    assert_eq!((done.reason, done.usage.forced_tokens as usize), (FinishReason::Stop, tokens.len()));
    for most in [1, 3, 7] {
        let (_, tokens, done) = run(&engine, &request.clone().max_tokens(most));
        assert_eq!((done.reason, tokens.len()), (FinishReason::Length, most as usize));
    }
    let mut stops = request.clone();
    stops.stop = vec!["fox jumps".into()];
    let (text, _, done) = run(&engine, &stops);
    assert_eq!((text.as_str(), done.reason), ("The quick brown ", FinishReason::Stop));
    // A context that ends inside it.
    let small = Engine::new(&model, EngineOptions { n_ctx: Some(10), ..EngineOptions::default() }).unwrap();
    let (_, tokens, done) = run(&small, &request);
    assert_eq!(done.reason, FinishReason::Length);
    assert!(tokens.len() >= 8 && tokens.len() <= 10, "{}", tokens.len());
}

#[test]
fn an_impossible_constraint_is_an_error_and_the_next_request_is_served() {
    let model = load(support::smollm2());
    let engine = start(&model);
    let digits: Vec<(i32, f32)> = (0..model.vocabulary_size() as i32)
        .filter(|t| model.token_bytes(*t, false).unwrap().iter().all(u8::is_ascii_digit))
        .map(|t| (t, f32::NEG_INFINITY))
        .collect();
    for sampling in [Sampling::greedy(), Sampling { top_k: Some(1), ..Sampling::default() }, hot(1)] {
        let sampling = Sampling { logit_bias: digits.clone(), ..sampling };
        let request = Request::text("x").sampling(sampling).constraint(Constraint::Regex("[0-9]{5}x".into()));
        let (_, _, done) = run(&engine, &request);
        assert_eq!(error_of(&done).code(), Code::Grammar);
        assert!(error_of(&done).message().contains("logit_bias"), "{:?}", done.reason);
    }
    for constraint in [Constraint::Lark("start: (".into()), Constraint::JsonSchema(json!({"not": {}}))] {
        let (_, _, done) = run(&engine, &Request::text("x").constraint(constraint));
        assert_eq!(error_of(&done).code(), Code::Grammar);
    }
    // A grammar whose only text ends in a token that no vocabulary has is found while generating.
    let (text, _, done) =
        run(&engine, &Request::text("x").sampling(hot(2)).constraint(Constraint::Regex("[0-9]{3}".into())));
    assert_eq!((done.reason, text.len()), (FinishReason::Stop, 3));
}

/// The constraint ends an answer; `min_tokens` and `ignore_eos` do not keep it open.
#[test]
fn a_complete_answer_ends() {
    let model = load(support::smollm2());
    let engine = start(&model);
    let mut request = Request::text("x").sampling(hot(3)).constraint(Constraint::Regex("[a-c]{4}".into()));
    request.ignore_eos = true;
    request.min_tokens = 50;
    let (text, _, done) = run(&engine, &request);
    assert_eq!((text.len(), done.reason), (4, FinishReason::Stop));
    // Where it may end or go on, they do.
    let mut open =
        Request::text("x").sampling(hot(3)).constraint(Constraint::Regex("[a-c]*".into())).max_tokens(30);
    open.ignore_eos = true;
    let (_, tokens, done) = run(&engine, &open);
    assert_eq!((tokens.len(), done.reason), (30, FinishReason::Length));
}

#[test]
fn a_lazy_constraint_begins_behind_its_trigger() {
    let model = load(support::smollm2());
    let engine = start(&model);
    let mut begun = 0;
    for trigger in ["e", " the", "is ", "an"] {
        for seed in 0..3 {
            let mut request = Request::text("Once upon a time there was")
                .sampling(Sampling { seed: Some(seed), ..Sampling::default() })
                .max_tokens(60)
                .constraint(Constraint::Regex("<[0-9]{3}>".into()));
            request.constraint_triggers = vec!["\u{0}never".into(), trigger.into()];
            let (text, _, done) = run(&engine, &request);
            let Some(at) = text.find(trigger) else { continue };
            if done.reason == FinishReason::Length {
                continue; // it came too late to be followed
            }
            begun += 1;
            let behind = &text[at + trigger.len()..];
            assert_eq!(done.reason, FinishReason::Stop, "{trigger:?}: {text:?}");
            assert!(
                behind.len() == 5 && behind.starts_with('<') && behind.ends_with('>'),
                "{trigger:?}: {text:?}"
            );
        }
    }
    assert!(begun >= 6, "{begun} of 12");
    let (_, _, done) = run(&engine, &{
        let mut r = Request::text("x").max_tokens(5).constraint(Constraint::Json);
        r.constraint_triggers = vec!["\u{0}never".into()];
        r
    });
    assert_eq!(done.reason, FinishReason::Length);
}

#[test]
fn healing_spells_the_end_of_the_prompt_anew() {
    let model = load(support::qwen());
    let engine = start(&model);
    let request = |prompt: &str, heal: bool| {
        let mut r = Request::text(prompt).sampling(Sampling::greedy()).max_tokens(8);
        r.heal = heal;
        run(&engine, &r).0
    };
    // "http:" is followed by "//" in one token with the colon, which a prompt that ends in ":" rules out.
    let whole = request("The link is <a href=\"http", false);
    let healed = request("The link is <a href=\"http:", true);
    assert!(whole.starts_with("://") && healed.starts_with("//"), "{whole:?} {healed:?}");
    // Only what is new is given, also where the prompt ends inside a word.
    let healed = request("The capital of France is Par", true);
    assert!(healed.starts_with("is"), "{healed:?}");
    // With a constraint that begins inside a token.
    let mut r = Request::text("def add(a, b):\n    retu")
        .sampling(Sampling::greedy())
        .constraint(Constraint::Regex("rn a \\+ b\n".into()));
    r.heal = true;
    assert_eq!(run(&engine, &r).0, "rn a + b\n");
}

#[test]
fn ask_json_gives_a_value_or_says_why_not() {
    let model = load(support::qwen());
    let engine = start(&model);
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"], "additionalProperties": false});
    let request = Request::chat([Message::user("Invent a person.")]).sampling(Sampling::greedy()).max_tokens(100);
    let person = engine.ask_json(&request, &schema).unwrap();
    assert!(person["name"].is_string() && person["age"].is_i64(), "{person}");
    assert_eq!(engine.ask_json(&request.clone().max_tokens(4), &schema).unwrap_err().code(), Code::TooLong);
    assert_eq!(engine.ask_json(&request, &json!({"not": {}})).unwrap_err().code(), Code::Grammar);
    let cancel = qask::Cancel::new();
    cancel.cancel();
    assert_eq!(engine.ask_json_with(&request, &schema, Some(cancel)).unwrap_err().code(), Code::Cancelled);
    let mut chat = qask::Chat::new(&engine);
    chat.set_request(qask::Request::chat([]).sampling(Sampling::greedy()).max_tokens(100)).unwrap();
    let person = chat.ask_json("Invent a person.", &schema).unwrap();
    assert!(person["name"].is_string() && chat.count() == 2, "{person}");
    assert!(chat.request().constraint.is_none());
}
