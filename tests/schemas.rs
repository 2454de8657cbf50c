//! The JSON Schema test suite and real-world schemas (`tools/schemas.py` fetches them): what compiles is kept by every
//! answer, by the word of an independent validator, and what does not says why. `make schemas` takes all of them, an
//! ordinary test run a sample.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use qask::{
    Code, Constraint, Engine, EngineOptions, FinishReason, Message, Model, ModelOptions, Request, Sampling, Stream,
};
use serde_json::{json, Value};

fn full() -> bool {
    std::env::var_os("QASK_SCHEMAS").is_some_and(|v| v == "full")
}

/// A list of the cache; `None`, loudly, when it was not fetched.
fn fetched(name: &str) -> Option<Vec<Value>> {
    let path = support::cache().join("json-schemas-1").join(name);
    if !path.is_file() {
        assert!(!full(), "{} is missing: tools/schemas.py", path.display());
        eprintln!("NOT CHECKED: {} is missing: tools/schemas.py", path.display());
        return None;
    }
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// The suite names a schema's draft by its folder where the schema does not.
fn with_draft(case: &Value) -> Value {
    let mut schema = case["schema"].clone();
    if let (Some(members), "draft7") = (schema.as_object_mut(), case["draft"].as_str().unwrap()) {
        members.entry("$schema").or_insert(json!("http://json-schema.org/draft-07/schema#"));
    }
    schema
}

struct Subject {
    name: String,
    schema: Value,
    validator: jsonschema::Validator,
}

#[test]
fn answers_are_valid_under_every_schema_of_the_suite_that_compiles() {
    let Some(cases) = fetched("suite.json") else { return };
    let mut unsupported: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut subjects = Vec::new();
    for case in &cases {
        let schema = with_draft(case);
        let name = format!("{} {}: {}", case["draft"], case["group"], case["description"]);
        match Constraint::JsonSchema(schema.clone()).accepts("", false) {
            Ok(_) => {
                let draft = match case["draft"].as_str() {
                    Some("draft7") => jsonschema::Draft::Draft7,
                    _ => jsonschema::Draft::Draft202012,
                };
                match jsonschema::options().with_draft(draft).build(&schema) {
                    Ok(validator) => subjects.push(Subject { name, schema, validator }),
                    Err(e) => println!("no validator for {name}: {e}"),
                }
            }
            Err(e) => {
                assert_eq!(e.code(), Code::Grammar, "{name}: {e}");
                let group = format!("{} {}", case["draft"].as_str().unwrap(), case["group"].as_str().unwrap());
                let reason = e.message().trim_start_matches("the JSON schema cannot be used: ");
                let reason = reason.rsplit_once(": ").map_or(reason, |(_, last)| last);
                *unsupported.entry(group).or_default().entry(reason.chars().take(70).collect()).or_default() += 1;
            }
        }
    }
    let refused: usize = unsupported.values().flat_map(|r| r.values()).sum();
    println!("{} of {} schemas compile; not supported, by group:", subjects.len(), cases.len());
    for (group, reasons) in &unsupported {
        println!("  {:>3}  {group}: {reasons:?}", reasons.values().sum::<usize>());
    }
    assert_eq!(cases.len(), cases.len().max(subjects.len() + refused));

    let (step, rounds, most) = if full() { (1, 8, 100) } else { (9, 1, 100) };
    let enough = if full() { (1_000, 300) } else { (15, 15) };
    let subjects: Vec<&Subject> = subjects.iter().step_by(step).collect();
    let model = Model::load(support::smollm2(), ModelOptions::default()).unwrap();
    let options = EngineOptions { max_sequences: 16, n_ctx: Some(512), ..EngineOptions::default() };
    let engine = Engine::new(&model, options).unwrap();
    let (mut documents, mut cut, mut invalid, mut reached) = (0, 0, Vec::new(), HashSet::new());
    for round in 0..rounds {
        for batch in subjects.chunks(32) {
            let streams: Vec<Stream> = batch.iter().map(|s| ask(&engine, s, round, most)).collect();
            for (subject, stream) in batch.iter().zip(streams) {
                let (text, done) = stream.collect_text().unwrap_or_else(|e| panic!("{}: {e}", subject.name));
                if done.reason != FinishReason::Stop {
                    cut += 1;
                    continue;
                }
                documents += 1;
                reached.insert(&subject.name);
                match serde_json::from_str::<Value>(&text) {
                    Ok(value) if subject.validator.is_valid(&value) => {}
                    Ok(_) => invalid.push(format!("{}: {}: {text}", subject.name, subject.schema)),
                    Err(e) => invalid.push(format!("{}: not JSON ({e}): {text}", subject.name)),
                }
            }
            let n = reached.len();
            println!("  {documents} documents over {n} schemas, {} invalid, {cut} cut off", invalid.len());
        }
        if documents >= enough.0 && reached.len() >= enough.1 {
            break;
        }
    }
    let reached = reached.len();
    println!(
        "{documents} documents over {reached} of {} schemas, {} invalid, {cut} cut off",
        subjects.len(),
        invalid.len()
    );
    assert!(invalid.is_empty(), "{} invalid:\n{}", invalid.len(), invalid.join("\n"));
    assert!(documents >= enough.0 && reached >= enough.1, "{documents} documents over {reached} schemas");
}

/// A document under a schema, written at random.
fn ask(engine: &Engine, subject: &Subject, i: u32, most: u32) -> Stream {
    let sampling = Sampling { temperature: Some(1.2), seed: Some(1000 + i), ..Sampling::default() };
    let request = Request::chat([Message::user("Write a short piece of JSON.")])
        .sampling(sampling)
        .max_tokens(most)
        .constraint(Constraint::JsonSchema(subject.schema.clone()));
    engine.submit(&request).unwrap()
}

#[test]
fn real_world_schemas_compile_or_say_why_in_time() {
    let Some(cases) = fetched("store.json") else { return };
    let step = if full() { 1 } else { 8 };
    let (mut compiled, mut slowest, mut reasons) =
        (0, (Duration::ZERO, String::new()), BTreeMap::<String, usize>::new());
    let cases: Vec<&Value> = cases.iter().step_by(step).collect();
    for case in &cases {
        let constraint = Constraint::JsonSchema(case["schema"].clone());
        let began = Instant::now();
        let result = constraint.accepts("{", false);
        let took = began.elapsed();
        if took > slowest.0 {
            slowest = (took, case["url"].to_string());
        }
        match result {
            Ok(_) => compiled += 1,
            Err(e) => {
                assert_eq!(e.code(), Code::Grammar, "{}: {e}", case["url"]);
                let reason = e.message().trim_start_matches("the JSON schema cannot be used: ");
                let reason = reason.rsplit_once(": ").map_or(reason, |(_, last)| last);
                *reasons.entry(reason.chars().take(80).collect()).or_default() += 1;
            }
        }
    }
    println!("{compiled} of {} real-world schemas compile; slowest {:?}: {}", cases.len(), slowest.0, slowest.1);
    reasons.iter().for_each(|(reason, n)| println!("  {n:>3}  {reason}"));
    // A machine that is shared may take longer; the limit itself is for `make schemas`.
    let most = if full() { Duration::from_secs(1) } else { Duration::from_millis(2_200) };
    assert!(slowest.0 <= most, "{slowest:?}");
}
