//! The words of a check's sentences.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::Value;

use crate::api::patterns;

/// A type of the schema, in words.
pub(super) fn of_type(name: &str) -> &'static str {
    match name {
        "object" => "a block of fields",
        "array" => "a list",
        "string" => "a text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        _ => "something else",
    }
}

/// The type of a value, in words.
pub(super) fn of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a block of fields",
    }
}

/// What a pattern of the schema asks for.
pub(super) fn of_pattern(pattern: &str) -> String {
    let meaning = match pattern {
        patterns::HOST => "must be a host name or an IP address",
        patterns::SERVER_NAME => "must be a host name as it stands in a certificate",
        patterns::SETTING => "must be the name of a setting, in lower case, such as search_path",
        patterns::PROPERTY => "must be a name of letters, digits and _ that does not begin with a digit",
        patterns::GROUP => {
            "must begin and end with a letter or digit, with letters, digits, spaces, '-', '.' and '_' between"
        }
        patterns::TIME_ZONE => "must be an IANA time zone, such as Europe/Paris",
        patterns::COUNTRY => "must be a country of two capital letters, such as FR",
        patterns::DNS_NAME => "must be a name of lower-case letters, digits, '-' and '.'",
        patterns::DATA_KEY => "must be a key of letters, digits, '-', '_' and '.'",
        patterns::SPAN => "must be a time span, such as 90s or 1h30m",
        other => return format!("must match {other}"),
    };
    meaning.to_owned()
}

/// The sentence for a word that is not among those allowed.
pub(super) fn one_of(allowed: &[Value], found: &str) -> String {
    let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
    // A long text at such a place is a mistake of its own, and may be something that no message should show.
    let shown = if found.chars().count() <= 24 { format!(", but is {found:?}") } else { String::new() };
    match allowed.split_last() {
        Some((last, [])) => format!("must be {last}{shown}"),
        Some((last, others)) => format!("must be {} or {last}{shown}", others.join(", ")),
        None => format!("has no allowed value{shown}"),
    }
}

/// The most similar of the known names, when one is similar enough to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    known
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(steps, _)| *steps <= limit)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate.clone())
}

/// Edits (insert, remove, replace) from one text to another; letters in another order count as one.
fn distance(a: &str, b: &str) -> usize {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    if a != b && sorted(a) == sorted(b) {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Whether a text matches a pattern of the schema.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().expect("no thread panics while it holds the patterns");
    compiled
        .entry(pattern.to_owned())
        .or_insert_with(|| Regex::new(pattern).expect("the patterns of the schema are tested"))
        .is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_name_is_suggested_and_a_different_one_is_not() {
        let known = ["propertyMappings".to_owned(), "groupMappings".to_owned(), "schedule".to_owned()];
        assert_eq!(nearest("propertyMapping", known.iter()).as_deref(), Some("propertyMappings"));
        assert_eq!(nearest("scheduel", known.iter()).as_deref(), Some("schedule"));
        assert_eq!(nearest("frequency", known.iter()), None);
    }

    #[test]
    fn a_long_text_is_not_repeated_in_a_message() {
        let words = [Value::from("Sync"), Value::from("Additive")];
        assert_eq!(one_of(&words, "sync"), "must be Sync or Additive, but is \"sync\"");
        assert_eq!(one_of(&words, "0123456789012345678901234567"), "must be Sync or Additive");
    }
}
