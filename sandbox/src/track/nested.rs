//! Values with structure: what makes them invalid, and how large they are.

use std::io;

use serde_json::{Map, Value};

use crate::times;

/// Most bytes of a structured attribute.
pub(crate) const MAX_BYTES: usize = 100 * 1024;
/// Most characters of a string and of a key.
pub(crate) const MAX_TEXT: usize = 255;

/// Checks a nested object and turns its `$time` members into times.
pub(super) fn object(object: Map<String, Value>) -> Result<Map<String, Value>, &'static str> {
    object
        .into_iter()
        .map(|(key, value)| {
            if key.chars().count() > MAX_TEXT || key.contains([' ', '.', '$']) || key.is_empty() {
                return Err("the name of a nested key is invalid");
            }
            Ok((key, inner(value)?))
        })
        .collect()
}

fn inner(value: Value) -> Result<Value, &'static str> {
    Ok(match value {
        Value::Null => return Err("a nested value is null"),
        Value::String(text) if text.chars().count() > MAX_TEXT => return Err("a nested string is too long"),
        Value::Object(map) if map.len() == 1 && map.contains_key("$time") => time(&map["$time"])?,
        Value::Object(map) => Value::Object(object(map)?),
        Value::Array(items) => Value::Array(items.into_iter().map(inner).collect::<Result<_, _>>()?),
        other => other,
    })
}

fn time(value: &Value) -> Result<Value, &'static str> {
    let read = value.as_str().and_then(times::read);
    read.map(|at| Value::String(times::canonical(at))).ok_or("a nested $time is invalid")
}

/// Merges `new` into `old` at all levels.
pub(crate) fn merge(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (key, value) in new {
        match (old.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                old.insert(key, value);
            }
        }
    }
}

/// Bytes of the value as JSON.
pub(crate) fn size(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: Value) -> Result<Value, &'static str> {
        let Value::Object(map) = value else { panic!("an object") };
        object(map).map(Value::Object)
    }

    /// Braze sheet 4.7, nested: any invalid member spoils the whole.
    #[test]
    fn one_bad_member_spoils_a_nested_object() {
        for bad in [
            json!({"a": null}),
            json!({"a": {"b": [1, null]}}),
            json!({"a b": 1}),
            json!({"a.b": 1}),
            json!({"$a": 1}),
            json!({"a": "x".repeat(256)}),
            json!({"a": {"$time": "soon"}}),
            json!({"a": {"$time": "3001-01-01"}}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
        let good = check(json!({"a": {"$time": "2026-09-15"}, "b": [1, "2026-09-15"]}));
        assert_eq!(good, Ok(json!({"a": "2026-09-15T00:00:00.000Z", "b": [1, "2026-09-15"]})));
    }

    /// Braze sheet 4.5, `_merge_objects`: at all levels.
    #[test]
    fn a_merge_keeps_what_it_does_not_name_at_all_levels() {
        let (Value::Object(mut old), Value::Object(new)) =
            (json!({"a": {"x": 1, "y": 2}, "b": 1}), json!({"a": {"y": 3}, "c": 4}))
        else {
            panic!("objects")
        };
        merge(&mut old, new);
        assert_eq!(Value::Object(old), json!({"a": {"x": 1, "y": 3}, "b": 1, "c": 4}));
    }

    #[test]
    fn the_size_is_the_length_of_the_json_text() {
        let value = json!({"ä": [1, "x\n"], "b": null});
        assert_eq!(size(&value), value.to_string().len());
    }
}
