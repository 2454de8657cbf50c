//! The tools of a request, as far as reading calls needs them.

use serde_json::{Map, Value};

use super::json::{read, Dialect};

/// Names and parameters. Without any tool every name is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Tools(Vec<Tool>);

#[derive(Clone, Debug)]
struct Tool {
    name: String,
    parameters: Map<String, Value>,
}

/// What a parameter's schema lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds {
    text: bool,
    null: bool,
    other: bool,
    /// Nothing is said.
    unknown: bool,
}

impl Tools {
    /// From OpenAI's definitions, with or without `{"type":"function","function":…}` around them.
    pub(super) fn new(definitions: &[Value]) -> Tools {
        let tool = |value: &Value| {
            let function = value.get("function").filter(|f| f.is_object()).unwrap_or(value);
            let properties =
                function.pointer("/parameters/properties").or(function.pointer("/input_schema/properties"));
            Some(Tool {
                name: function.get("name")?.as_str()?.to_owned(),
                parameters: properties.and_then(Value::as_object).cloned().unwrap_or_default(),
            })
        };
        Tools(definitions.iter().filter_map(tool).collect())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !name.is_empty() && (self.0.is_empty() || self.0.iter().any(|t| t.name == name))
    }

    /// Whether a name could begin so.
    pub(super) fn could_begin(&self, start: &str) -> bool {
        if self.0.is_empty() {
            return start.chars().all(|c| c.is_alphanumeric() || "_-.:/".contains(c));
        }
        self.0.iter().any(|t| t.name.starts_with(start))
    }

    fn parameter(&self, tool: &str, key: &str) -> Option<&Value> {
        self.0.iter().find(|t| t.name == tool)?.parameters.get(key)
    }

    /// Whether a parameter can only be a string: then its text is taken as it is.
    pub(super) fn is_text(&self, tool: &str, key: &str) -> bool {
        let kinds = kinds(self.parameter(tool, key));
        kinds.text && !kinds.other && !kinds.null
    }

    /// A parameter's text as JSON, by its schema.
    pub(super) fn json_of(&self, tool: &str, key: &str, text: &str) -> String {
        let kinds = kinds(self.parameter(tool, key));
        let fits = |json: &String| match json.as_str() {
            _ if kinds.unknown => true,
            "null" => kinds.null || !kinds.text,
            // Of a string and a number the text `1` fits both: a string it stays.
            json => !kinds.text || kinds.other && json.starts_with(['{', '[']),
        };
        read(text, Dialect::Json)
            .or_else(|| read(text, Dialect::Python))
            .filter(fits)
            .unwrap_or_else(|| Value::from(text).to_string())
    }
}

fn kinds(schema: Option<&Value>) -> Kinds {
    let mut found = Kinds { text: false, null: false, other: false, unknown: false };
    note(schema, &mut found, 0);
    if !(found.text || found.null || found.other) {
        found.unknown = true;
    }
    found
}

fn note(schema: Option<&Value>, found: &mut Kinds, depth: usize) {
    let Some(schema) = schema.and_then(Value::as_object).filter(|_| depth < 8) else { return };
    let mut one = |name: &str| match name {
        "string" => found.text = true,
        "null" => found.null = true,
        _ => found.other = true,
    };
    match schema.get("type") {
        Some(Value::String(name)) => one(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).for_each(one),
        _ => {
            let values =
                schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
            for value in values {
                match value {
                    Value::String(_) => found.text = true,
                    Value::Null => found.null = true,
                    _ => found.other = true,
                }
            }
        }
    }
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        found.null = true;
    }
    for list in ["anyOf", "oneOf", "allOf"].iter().filter_map(|k| schema.get(*k)).filter_map(Value::as_array) {
        list.iter().for_each(|s| note(Some(s), found, depth + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_by_their_schema() {
        for (schema, text, want) in [
            (json!({"type":"string"}), "42", r#""42""#),
            (json!({"type":"string"}), "a\n\"b\"", r#""a\n\"b\"""#),
            (json!({"type":"integer"}), " 42 ", "42"),
            (json!({"type":"integer"}), "many", r#""many""#),
            (json!({"type":"boolean"}), "True", "true"),
            (json!({"type":"array"}), "['a', 1]", r#"["a", 1]"#),
            (json!({"type":"object"}), r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 1}}"#),
            (json!({"type":["string","null"]}), "null", "null"),
            (json!({"type":["string","null"]}), "nulls", r#""nulls""#),
            (json!({"type":["string","integer"]}), "42", r#""42""#),
            (json!({"anyOf":[{"type":"string"},{"type":"object"}]}), "{\"a\":1}", "{\"a\":1}"),
            (json!({"enum":["1","2"]}), "1", r#""1""#),
            (json!({"enum":[1,2]}), "1", "1"),
            (json!({}), "1", "1"),
            (json!({}), "one", r#""one""#),
        ] {
            let tools = Tools::new(&[json!({"type":"function","function":{"name":"f","parameters":
                {"type":"object","properties":{"x":schema}}}})]);
            assert_eq!(tools.json_of("f", "x", text), want, "{schema} {text}");
        }
    }
}
