//! Checks a JSON Schema keyword by keyword before llguidance sees it: what cannot be kept is an error with the JSON
//! pointer of its place. What is out of reach of `$ref`s from the root does not matter.

use std::collections::HashSet;

use llguidance::derivre::RegexBuilder;
use llguidance::regex_to_lark;
use serde_json::{json, Map, Value};

use super::grammar_error;
use crate::error::{Error, Result};
use crate::message::short;

/// How deep schemas may nest; serde_json reads no deeper either.
const MOST_DEPTH: usize = 128;

/// Subschemas that are looked at.
const MOST_SUBSCHEMAS: usize = 100_000;

/// What a keyword is to this engine.
enum Keyword {
    /// Kept, and its value holds no schemas.
    Plain,
    /// Kept; a schema.
    Schema,
    /// Kept; a list of schemas.
    List,
    /// Kept; a schema or a list of schemas.
    Either,
    /// Kept; schemas by name.
    Map,
    /// Says nothing about validity, or is defined not to: left out.
    Annotation,
    /// Cannot be kept.
    Unsupported,
}

fn keyword(name: &str) -> Keyword {
    match name {
        "type" | "const" | "enum" | "required" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        | "minLength" | "maxLength" | "pattern" | "format" | "minimum" | "maximum" | "exclusiveMinimum"
        | "exclusiveMaximum" | "multipleOf" | "$ref" => Keyword::Plain,
        "additionalItems" | "additionalProperties" => Keyword::Schema,
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => Keyword::List,
        "items" => Keyword::Either,
        "properties" | "patternProperties" => Keyword::Map,
        "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "minContains"
        | "maxContains"
        | "uniqueItems"
        | "propertyNames"
        | "dependencies"
        | "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "$dynamicRef"
        | "$recursiveRef"
        | "x-guidance" => Keyword::Unsupported,
        // `$id`, `$anchor`, `$defs`, `definitions` name places; the rest describes, or is of no draft: the specification
        // wants unknown keywords taken as descriptions.
        _ => Keyword::Annotation,
    }
}

/// Formats that are kept. Others describe only, which is what draft 2020-12 says of all of them.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];

const DIALECTS: &[&str] = &[
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
];

/// Names the place of an error.
fn at(pointer: &str, words: impl std::fmt::Display) -> Error {
    grammar_error(format!(
        "the JSON schema cannot be used: {}: {words}",
        if pointer.is_empty() { "/" } else { pointer }
    ))
}

/// An error for a value that nests too deep for recursion.
pub(crate) fn check_depth(value: &Value) -> Result<()> {
    let mut open = vec![(value, 0)];
    while let Some((value, depth)) = open.pop() {
        if depth > MOST_DEPTH {
            return Err(grammar_error(format!("the JSON schema nests deeper than {MOST_DEPTH} levels")));
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|v| (v, depth + 1))),
            Value::Object(members) => open.extend(members.values().map(|v| (v, depth + 1))),
            _ => {}
        }
    }
    Ok(())
}

/// The schema as llguidance takes it.
pub(super) fn prepare(schema: &Value, json_whitespace: bool) -> Result<Value> {
    let mut root = match schema {
        Value::Bool(true) => json!({}),
        Value::Bool(false) => return Err(at("", "the schema is false, which nothing matches")),
        other => other.clone(),
    };
    Checker { seen: HashSet::new(), open: vec![String::new()], ids: ids(&root) }.run(&mut root)?;
    let layout = match json_whitespace {
        true => json!({ "whitespace_pattern": r"[ \n\r\t]{1,40}" }),
        false => json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " }),
    };
    if let Value::Object(members) = &mut root {
        members.insert("x-guidance".to_owned(), layout);
    }
    Ok(root)
}

/// Every `$id` of the document, without its fragment.
fn ids(root: &Value) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut open = vec![root];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                let id = ["$id", "id"].iter().find_map(|k| members.get(*k).and_then(Value::as_str));
                found.extend(id.map(|id| without_fragment(id).to_owned()));
                open.extend(members.values());
            }
            _ => {}
        }
    }
    found
}

fn without_fragment(uri: &str) -> &str {
    uri.split('#').next().unwrap_or(uri)
}

struct Checker {
    seen: HashSet<String>,
    /// Pointers of subschemas that are still to be looked at.
    open: Vec<String>,
    ids: HashSet<String>,
}

impl Checker {
    fn run(mut self, root: &mut Value) -> Result<()> {
        while let Some(pointer) = self.open.pop() {
            if !self.seen.insert(pointer.clone()) {
                continue;
            }
            if self.seen.len() > MOST_SUBSCHEMAS {
                return Err(grammar_error(format!("the JSON schema has more than {MOST_SUBSCHEMAS} subschemas")));
            }
            match root.pointer_mut(&pointer) {
                Some(Value::Object(members)) => self.subschema(&pointer, members)?,
                Some(Value::Bool(_)) => {}
                Some(_) => return Err(at(&pointer, "a schema must be an object, true or false")),
                None => return Err(at(&pointer, "$ref leads here, and there is nothing")),
            }
        }
        Ok(())
    }

    fn subschema(&mut self, pointer: &str, members: &mut Map<String, Value>) -> Result<()> {
        drop_what_says_nothing(members);
        for (name, value) in members.iter() {
            let here = child(pointer, name);
            match keyword(name) {
                Keyword::Plain => self.plain(&here, name, value)?,
                Keyword::Schema => self.open.push(here),
                Keyword::List => self.list(&here, name, value)?,
                Keyword::Either if value.is_array() => self.list(&here, name, value)?,
                Keyword::Either => self.open.push(here),
                Keyword::Map => self.map(&here, name, value)?,
                Keyword::Annotation => {
                    if name == "$schema" {
                        check_dialect(&here, value)?;
                    }
                }
                Keyword::Unsupported => return Err(at(&here, format!("\"{name}\" is not supported"))),
            }
        }
        Ok(())
    }

    fn plain(&mut self, here: &str, name: &str, value: &Value) -> Result<()> {
        match (name, value) {
            ("pattern", Value::String(pattern)) => check_pattern(here, pattern),
            ("$ref", Value::String(reference)) => self.reference(here, reference),
            ("$ref" | "pattern", _) => Err(at(here, "must be a string")),
            _ => Ok(()),
        }
    }

    fn list(&mut self, here: &str, name: &str, value: &Value) -> Result<()> {
        let Some(items) = value.as_array() else { return Err(at(here, format!("\"{name}\" must be a list"))) };
        self.open.extend((0..items.len()).map(|i| format!("{here}/{i}")));
        Ok(())
    }

    fn map(&mut self, here: &str, name: &str, value: &Value) -> Result<()> {
        let Some(members) = value.as_object() else {
            return Err(at(here, format!("\"{name}\" must be an object")));
        };
        for key in members.keys() {
            if name == "patternProperties" {
                check_pattern(&child(here, key), key)?;
            }
            self.open.push(child(here, key));
        }
        Ok(())
    }

    /// Follows a reference inside the document; one that leads out of it is an error.
    fn reference(&mut self, here: &str, reference: &str) -> Result<()> {
        if let Some(pointer) = reference.strip_prefix('#') {
            if pointer.is_empty() || pointer.starts_with('/') {
                // Under an `$id` of its own a fragment means another place: llguidance resolves and checks that.
                if self.ids.len() <= 1 {
                    self.open.push(percent_decoded(pointer));
                }
            }
            return Ok(());
        }
        let uri = without_fragment(reference);
        let known = self.ids.contains(uri) || DIALECTS.contains(&uri);
        if uri.contains("://") && !known {
            return Err(at(
                here,
                format!("\"{}\" is outside of the schema, and nothing is fetched", short(reference)),
            ));
        }
        Ok(())
    }
}

/// Keywords that count; 2.0 is 2.
const COUNTS: &[&str] = &["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// Leaves out keywords that the specification gives no effect as they stand, and writes counts as whole numbers.
fn drop_what_says_nothing(members: &mut Map<String, Value>) {
    let has = |name: &str| members.contains_key(name);
    let conditional = has("if") && (has("then") || has("else"));
    let (any_if, contains) = (has("if"), has("contains"));
    if let Some(name) = members.get("$schema").and_then(Value::as_str).and_then(dialect) {
        members.insert("$schema".to_owned(), Value::from(name));
    }
    for (_, value) in members.iter_mut().filter(|(name, _)| COUNTS.contains(&name.as_str())) {
        let whole = value.as_f64().filter(|n| !value.is_u64() && *n >= 0.0 && n.fract() == 0.0 && *n < 1e15);
        if let Some(whole) = whole {
            *value = Value::from(whole as u64);
        }
    }
    members.retain(|name, value| match name.as_str() {
        "uniqueItems" => *value != Value::Bool(false),
        "if" => conditional,
        "then" | "else" => any_if,
        "minContains" | "maxContains" => contains,
        "format" => value.as_str().is_none_or(|f| FORMATS.contains(&f)),
        "dependencies" | "dependentRequired" | "dependentSchemas" => {
            value.as_object().is_none_or(|m| !m.is_empty())
        }
        "unevaluatedItems" | "unevaluatedProperties" | "propertyNames" => *value != Value::Bool(true),
        _ => true,
    });
}

/// The dialect by its proper name: with `http` or `https`, with or without `#`.
fn dialect(name: &str) -> Option<&'static str> {
    let bare = |uri: &'static str| uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (_, name) = name.trim_end_matches('#').split_once("://")?;
    DIALECTS.iter().copied().find(|known| bare(known) == name)
}

fn check_dialect(here: &str, value: &Value) -> Result<()> {
    match value.as_str().and_then(dialect) {
        Some(_) => Ok(()),
        None => Err(at(here, "not a known dialect; known are drafts 2020-12, 2019-09, 7, 6 and 4")),
    }
}

fn check_pattern(here: &str, pattern: &str) -> Result<()> {
    let lark = regex_to_lark(pattern, "dw");
    match RegexBuilder::new().mk_regex_for_serach(&lark) {
        Ok(_) => Ok(()),
        Err(e) => {
            let text = e.to_string();
            let reason = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("not a regular expression");
            Err(at(here, format!("the pattern is not supported: {}", reason.trim().trim_start_matches("error: "))))
        }
    }
}

fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// `%25` and the like in a fragment.
fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let code = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn refused(schema: Value) -> String {
        let e = prepare(&schema, false).unwrap_err();
        assert_eq!(e.code(), Code::Grammar);
        e.message().to_owned()
    }

    #[test]
    fn what_cannot_be_kept_is_named_with_its_place() {
        for (schema, words) in [
            (json!({"properties": {"a": {"not": {}}}}), "/properties/a/not: \"not\" is not supported"),
            (json!({"items": [{}, {"uniqueItems": true}]}), "/items/1/uniqueItems"),
            (json!({"$ref": "#/$defs/x~1y", "$defs": {"x/y": {"if": {}, "then": {}}}}), "/$defs/x~1y/if"),
            (json!({"pattern": "(?=a)"}), "/pattern: the pattern is not supported"),
            (json!({"patternProperties": {"(": {}}}), "/patternProperties/(:"),
            (json!({"$schema": "http://json-schema.org/draft-03/schema#"}), "/$schema: not a known dialect"),
            (json!({"$ref": "http://example.com/s.json"}), "/$ref: \"http://example.com/s.json\" is outside"),
            (json!({"$ref": "file:///etc/passwd"}), "/$ref:"),
            (json!({"$ref": "#/nowhere"}), "/nowhere: $ref leads here"),
            (json!({"properties": 3}), "/properties: \"properties\" must be an object"),
            (json!({"anyOf": [3]}), "/anyOf/0: a schema must be"),
            (json!({"x-guidance": {"lenient": true}}), "/x-guidance"),
            (json!(false), "/: the schema is false"),
        ] {
            let message = refused(schema.clone());
            assert!(message.contains(words), "{schema}: {message}");
        }
    }

    #[test]
    fn what_has_no_effect_is_left_out() {
        let schema = json!({
            "uniqueItems": false, "then": {}, "minContains": 2, "format": "color", "title": "x",
            "$defs": {"unused": {"not": {}}},
        });
        let prepared = prepare(&schema, false).unwrap();
        let left: Vec<&String> = prepared.as_object().unwrap().keys().collect();
        assert_eq!(left, ["title", "$defs", "x-guidance"]);
    }

    #[test]
    fn counts_and_dialects_get_their_proper_form() {
        let dialect = "https://json-schema.org/draft-07/schema#";
        let prepared = prepare(&json!({"$schema": dialect, "minItems": 2.0, "maxItems": 2.5}), false).unwrap();
        assert_eq!(prepared["$schema"], "http://json-schema.org/draft-07/schema");
        assert_eq!((&prepared["minItems"], &prepared["maxItems"]), (&json!(2), &json!(2.5)));
    }

    #[test]
    fn loops_of_references_end() {
        prepare(&json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#"}}}), false)
            .unwrap();
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let mut value = json!({});
        for _ in 0..MOST_DEPTH + 1 {
            value = json!([value]);
        }
        assert!(check_depth(&value).unwrap_err().message().contains("nests deeper"));
    }
}
