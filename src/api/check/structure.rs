//! The structural half of a check: types, bounds, patterns, unknown fields, duplicates.

use std::fmt;

use serde_json::{Map, Value};

use super::words;

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Path of the field, such as `spec.propertyMappings[2].to`.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The kind has no such field. With the name of a similar one.
    Unknown(Option<String>),
    /// A required field is not there.
    Missing,
    /// Another type than the schema's.
    Type {
        /// The schema's type, in words.
        wanted: &'static str,
        /// The value's type, in words.
        found: &'static str,
    },
    /// Not one of the words of an enum: the sentence.
    Word(String),
    /// A bound or a pattern: the sentence.
    Shape(String),
    /// Two entries of a list have one key: the sentence.
    Duplicate(String),
    /// A broken rule: its own message.
    Rule(String),
    /// A rule that could not be evaluated on this object.
    Unevaluated(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(None) => f.write_str("there is no such field"),
            Self::Unknown(Some(near)) => write!(f, "there is no such field; did you mean {near}?"),
            Self::Missing => f.write_str("is required"),
            Self::Type { wanted, found } => write!(f, "must be {wanted}, but is {found}"),
            Self::Word(sentence) | Self::Shape(sentence) | Self::Duplicate(sentence) => f.write_str(sentence),
            Self::Rule(message) => f.write_str(message),
            Self::Unevaluated(message) => write!(f, "a rule could not be evaluated: {message}"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl Violation {
    /// Whether a broken rule may only be a consequence of this fault: the rule saw the faulty field.
    pub(super) fn concerns(&self, rule: &Violation) -> bool {
        within(&self.path, &rule.path) || within(&rule.path, &self.path)
    }
}

/// Whether a path is `parent` or lies below it.
fn within(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Everything in `value` that does not fit `schema`.
pub(super) fn check(schema: &Value, value: &Value) -> Vec<Violation> {
    let mut walk = Walk { found: Vec::new() };
    walk.node(schema, value, "");
    walk.found
}

/// What rules may see of a value: no nulls, which are absent for every rule (api.md §14), no unknown fields, and
/// of lists, maps and texts no more than their bounds, because the cost of a rule is bounded only by them. What is
/// cut off is a fault already, and a rule that saw the rest of it does not count.
pub(super) fn seen_by_rules(schema: &Value, value: &Value) -> Value {
    let most = |name: &str| schema[name].as_u64().map_or(usize::MAX, |most| most as usize);
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, field)| !field.is_null())
            .filter_map(|(name, field)| {
                let child = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"))?;
                Some((name.clone(), seen_by_rules(child, field)))
            })
            .take(most("maxProperties"))
            .collect::<Map<String, Value>>()
            .into(),
        Value::Array(items) => {
            items.iter().take(most("maxItems")).map(|item| seen_by_rules(&schema["items"], item)).collect()
        }
        Value::String(text) => match text.char_indices().nth(most("maxLength")) {
            Some((end, _)) => Value::from(&text[..end]),
            None => value.clone(),
        },
        other => other.clone(),
    }
}

struct Walk {
    found: Vec<Violation>,
}

impl Walk {
    fn fault(&mut self, path: &str, problem: Problem) {
        self.found.push(Violation { path: path.to_owned(), problem });
    }

    fn shape(&mut self, path: &str, sentence: String) {
        self.fault(path, Problem::Shape(sentence));
    }

    fn node(&mut self, schema: &Value, value: &Value, path: &str) {
        let wanted = schema["type"].as_str().unwrap_or_default();
        if value.is_null() {
            let allowed = schema["nullable"] == true && schema.get("enum").is_none();
            if !allowed {
                self.fault(path, Problem::Type { wanted: words::of_type(wanted), found: "null" });
            }
            return;
        }
        match (wanted, value) {
            ("object", Value::Object(fields)) => self.object(schema, fields, path),
            ("array", Value::Array(items)) => self.list(schema, items, path),
            ("string", Value::String(text)) => self.text(schema, text, path),
            ("integer", Value::Number(number)) if number.is_i64() => {
                self.integer(schema, number.as_i64().unwrap_or_default(), path);
            }
            ("integer", Value::Number(number)) if number.is_u64() => {
                self.shape(path, "is too large a number".to_owned());
            }
            ("boolean", Value::Bool(_)) => {}
            _ => {
                let found = words::of_value(value);
                self.fault(path, Problem::Type { wanted: words::of_type(wanted), found });
            }
        }
    }

    fn object(&mut self, schema: &Value, fields: &Map<String, Value>, path: &str) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let known = schema["properties"].as_object();
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                self.fault(&below(required), Problem::Missing);
            }
        }
        if let Some(most) = schema["maxProperties"].as_u64()
            && fields.len() as u64 > most
        {
            self.shape(path, format!("must have at most {most} entries, but has {}", fields.len()));
            return;
        }
        for (name, field) in fields {
            match known.and_then(|known| known.get(name)) {
                Some(child) => self.node(child, field, &below(name)),
                None if schema["additionalProperties"].is_object() => {
                    self.node(&schema["additionalProperties"], field, &below(name));
                }
                None => {
                    let near = known.and_then(|known| words::nearest(name, known.keys()));
                    self.fault(&below(name), Problem::Unknown(near));
                }
            }
        }
    }

    fn list(&mut self, schema: &Value, items: &[Value], path: &str) {
        if let Some(most) = schema["maxItems"].as_u64()
            && items.len() as u64 > most
        {
            self.shape(path, format!("must have at most {most} entries, but has {}", items.len()));
            return;
        }
        if let Some(least) = schema["minItems"].as_u64()
            && (items.len() as u64) < least
        {
            self.shape(path, format!("must have at least {least} entries"));
        }
        for (index, item) in items.iter().enumerate() {
            self.node(&schema["items"], item, &format!("{path}[{index}]"));
        }
        match schema["x-kubernetes-list-type"].as_str() {
            Some("map") => self.duplicate_keys(schema, items, path),
            Some("set") => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(first) = items[..index].iter().position(|earlier| earlier == item) {
                        let sentence = format!("is the same as entry {first}");
                        self.fault(&format!("{path}[{index}]"), Problem::Duplicate(sentence));
                    }
                }
            }
            _ => {}
        }
    }

    fn duplicate_keys(&mut self, schema: &Value, items: &[Value], path: &str) {
        let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let key_of = |item: &Value| -> Option<Vec<String>> {
            keys.iter().map(|key| item.get(key).and_then(Value::as_str).map(str::to_owned)).collect()
        };
        let mut seen: std::collections::HashMap<Vec<String>, usize> = std::collections::HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(key) = key_of(item) else { continue };
            let named = key.join(" and ");
            if let Some(first) = seen.get(&key) {
                let sentence = format!("{} {named:?} is already used by entry {first}", keys.join(" and "));
                self.fault(&format!("{path}[{index}]"), Problem::Duplicate(sentence));
            } else {
                seen.insert(key, index);
            }
        }
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str) {
        if let Some(words) = schema["enum"].as_array() {
            if !words.iter().any(|word| word.as_str() == Some(text)) {
                self.fault(path, Problem::Word(words::one_of(words, text)));
            }
            return;
        }
        let length = text.chars().count() as u64;
        if let Some(most) = schema["maxLength"].as_u64()
            && length > most
        {
            let sentence = match most {
                1 => "must be one character".to_owned(),
                _ => format!("must have at most {most} characters, but has {length}"),
            };
            self.shape(path, sentence);
            return;
        }
        if let Some(least) = schema["minLength"].as_u64()
            && length < least
        {
            let sentence = if length == 0 {
                "must not be empty".to_owned()
            } else {
                format!("must have at least {least} characters, but has {length}")
            };
            self.shape(path, sentence);
            return;
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && !words::matches(pattern, text)
        {
            self.shape(path, words::of_pattern(pattern));
        }
    }

    fn integer(&mut self, schema: &Value, number: i64, path: &str) {
        let format_bounds = match schema["format"].as_str() {
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
        let least = bound("minimum").unwrap_or(format_bounds.0);
        let most = bound("maximum").unwrap_or(format_bounds.1);
        if number < least {
            self.shape(path, format!("must be at least {least}, but is {number}"));
        } else if number > most {
            self.shape(path, format!("must be at most {most}, but is {number}"));
        }
    }
}
