use super::*;
use serde_json::json;

fn tools() -> Vec<Value> {
    vec![
        json!({"type":"function","function":{"name":"f","parameters":{"type":"object","properties":
            {"a":{"type":"integer"},"b":{"type":"string"}}}}}),
        json!({"type":"function","function":{"name":"g","parameters":{"type":"object","properties":
            {"a":{"type":"integer"},"b":{"type":"string"}}}}}),
    ]
}

fn parse(setup: Setup<'_>, text: &str) -> Vec<Piece> {
    let mut parser = Parser::new(setup);
    let mut out = Vec::new();
    parser.push(text, &mut out);
    parser.finish(&mut out);
    merge(out)
}

fn calls(pieces: &[Piece]) -> Vec<(&str, Value)> {
    pieces
        .iter()
        .filter_map(|p| match p {
            Piece::Call { name, arguments, .. } => Some((name.as_str(), serde_json::from_str(arguments).unwrap())),
            _ => None,
        })
        .collect()
}

#[test]
fn every_example_is_a_call() {
    for format in FORMATS {
        let setup = Setup { format: Some(format), tools: &tools(), ..Setup::default() };
        // The prompt's end is the beginning of the example there.
        let example = match format.name {
            "functionary-v3.2" => &format.example[3..],
            _ => format.example,
        };
        let pieces = parse(setup, example);
        let found = calls(&pieces);
        assert!(!found.is_empty(), "{}: {pieces:?}", format.name);
        assert_eq!(found[0].0, "f", "{}", format.name);
        assert_eq!(found[0].1["a"], 1, "{}", format.name);
        assert!(!pieces.iter().any(|p| matches!(p, Piece::Text(_))), "{}: {pieces:?}", format.name);
    }
}

#[test]
fn names_are_unique_and_found() {
    for format in FORMATS {
        assert_eq!(format_named(format.name).unwrap().example, format.example);
    }
    for tags in TAGS {
        assert_eq!(tags_named(tags.name).unwrap().open, tags.open);
    }
    assert!(format_named("nonsense").is_none() && tags_named("nonsense").is_none());
}

#[test]
fn ids_are_nine_letters_and_digits_and_stay() {
    let setup = Setup { format: format_named("hermes"), tools: &tools(), salt: 7, ..Setup::default() };
    let text = "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call><tool_call>{\"name\":\"g\"}</tool_call>";
    let ids = |pieces: &[Piece]| -> Vec<String> {
        pieces
            .iter()
            .filter_map(|p| if let Piece::Call { id, .. } = p { Some(id.clone()) } else { None })
            .collect()
    };
    let first = ids(&parse(setup, text));
    assert_eq!(first, ids(&parse(setup, text)));
    assert_ne!(first, ids(&parse(Setup { salt: 8, ..setup }, text)));
    assert!(first.len() == 2 && first[0] != first[1]);
    assert!(first.iter().all(|id| id.len() == 9 && id.chars().all(|c| c.is_ascii_alphanumeric())));
}

#[test]
fn deltas_come_as_soon_as_the_name_is_known() {
    let setup = Setup { format: format_named("hermes"), tools: &tools(), ..Setup::default() };
    let mut parser = Parser::new(setup);
    let mut out = Vec::new();
    parser.push("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"b\": \"hel", &mut out);
    let [Piece::Delta { name, arguments, first: true, .. }] = &out[..] else { panic!("{out:?}") };
    assert_eq!((name.as_str(), arguments.as_str()), ("f", "{\"b\": \"hel"));
    out.clear();
    parser.push("lo\"}", &mut out);
    assert!(matches!(&out[..], [Piece::Delta { first: false, .. }]));
}

#[test]
fn hostile_outputs_take_linear_time() {
    let long = 200_000;
    for format in FORMATS {
        for text in [
            "<tool_call>".repeat(long / 11),
            "[".repeat(long),
            "{\"name\":".repeat(long / 8),
            format.example.repeat(long / format.example.len()),
            format.example[..format.example.len() - 1].repeat(long / format.example.len()),
            "<tool_call><function=f><parameter=b>".to_owned() + &"<tool_call>".repeat(long / 11),
            "<".repeat(long),
            "\n".repeat(long),
        ] {
            let began = std::time::Instant::now();
            let setup =
                Setup { format: Some(format), tags: tags_named("think"), tools: &tools(), ..Setup::default() };
            parse(setup, &text);
            let took = began.elapsed();
            assert!(took.as_millis() < 2000, "{}: {took:?} for {}", format.name, &text[..40]);
        }
    }
}
