//! Fields of a kind in the words of its page, out of its definition.

use serde_json::Value;

/// A field.
pub struct Field {
    /// Path inside `spec` or `status`.
    pub path: String,
    /// Whether it must be written.
    pub is_required: bool,
    /// What may be written.
    pub values: String,
    /// What holds where nothing is written.
    pub default: String,
    /// What it means.
    pub meaning: String,
}

/// All fields below a schema. `closed`: paths whose insides are told elsewhere.
pub fn fields(schema: &Value, closed: &[&str]) -> Vec<Field> {
    let mut found = Vec::new();
    walk(schema, "", closed, &mut found);
    found
}

fn walk(schema: &Value, prefix: &str, closed: &[&str], found: &mut Vec<Field>) {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names: Vec<&String> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    // What must be written first, then what a reader meets in the order of the alphabet.
    names.sort_by_key(|name| (!required.contains(&name.as_str()), name.as_str().to_owned()));
    for name in names {
        let field = &schema["properties"][name.as_str()];
        let is_list = field["type"] == "array";
        let path = format!("{prefix}{name}{}", if is_list { "[]" } else { "" });
        let text = field["description"].as_str().unwrap_or_default();
        let (meaning, default) = split(text);
        let inside = if is_list { &field["items"] } else { field };
        found.push(Field {
            is_required: required.contains(&name.as_str()),
            values: values(field),
            default,
            meaning,
            path: path.clone(),
        });
        if reference(inside).is_none() && !closed.contains(&path.as_str()) {
            walk(inside, &format!("{path}."), closed, found);
        }
    }
}

/// Meaning and default of a description: "Meaning. Default: it."
fn split(description: &str) -> (String, String) {
    match description.split_once(" Default: ") {
        Some((meaning, default)) => (meaning.to_owned(), default.trim_end_matches('.').to_owned()),
        None => (description.to_owned(), String::new()),
    }
}

/// Whether it names another object, or a key in one.
fn reference(schema: &Value) -> Option<&'static str> {
    let names: Vec<&str> = schema["properties"].as_object()?.keys().map(String::as_str).collect();
    match names.as_slice() {
        ["name"] => Some("Ref"),
        ["key", "name"] => Some("KeyRef"),
        _ => None,
    }
}

fn values(field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`"));
        return words.collect::<Vec<_>>().join(", ");
    }
    // The definition has whole numbers as fractions.
    #[allow(clippy::cast_possible_truncation, reason = "bounds are small whole numbers")]
    let bound = |name: &str| field[name].as_f64().map(|bound| grouped(bound as i64));
    match field["type"].as_str().unwrap_or_default() {
        "boolean" => "true or false".to_owned(),
        "integer" => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("{least} or more"),
            _ => "whole number".to_owned(),
        },
        "array" => {
            let most = bound("maxItems").map(|most| format!(", at most {most}")).unwrap_or_default();
            let keys = field["x-kubernetes-list-map-keys"].as_array();
            let keys: Vec<String> =
                keys.into_iter().flatten().filter_map(Value::as_str).map(|key| format!("`{key}`")).collect();
            let once = match keys.len() {
                0 => String::new(),
                _ => format!(", each {} once", keys.join(" and ")),
            };
            format!("list{most}{once}")
        }
        "object" if field["additionalProperties"].is_object() => {
            format!("map, at most {}", bound("maxProperties").unwrap_or_default())
        }
        "object" => reference(field).unwrap_or("block").to_owned(),
        _ => text(field),
    }
}

fn text(field: &Value) -> String {
    let is_span = field["pattern"].as_str().is_some_and(|pattern| pattern.contains("(m|s|ms)"));
    if is_span {
        let rules = field["x-kubernetes-validations"].as_array().into_iter().flatten();
        let least = rules.filter_map(|rule| rule["message"].as_str()?.split_once("must be at least "));
        return least
            .map(|(_, least)| format!("Span, at least {least}"))
            .next()
            .unwrap_or_else(|| "Span".to_owned());
    }
    match (field["minLength"].as_i64(), field["maxLength"].as_i64(), field["format"].as_str()) {
        (_, _, Some("date-time")) => "time".to_owned(),
        (Some(1), Some(1), _) => "one character".to_owned(),
        (Some(least), Some(most), _) if least == most => format!("text of {most}"),
        (_, Some(most), _) => format!("text, at most {}", grouped(most)),
        _ => "text".to_owned(),
    }
}

/// 10000 as 10,000.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Paths and messages of all rules below a schema.
pub fn rules(schema: &Value, path: &str, found: &mut Vec<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        found.push((path.to_owned(), rule["message"].as_str().expect("a rule has a message").to_owned()));
    }
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        rules(child, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        rules(&schema["items"], &format!("{path}[]"), found);
    }
}
