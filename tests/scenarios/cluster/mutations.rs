//! Objects that differ in one place from a good one: some are as good, most are not.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Variants of a spec: in each, one field is null, missing, of another type, at or beyond a bound, misspelt, or
/// twice in its list. `seen` are paths of fields that were varied before and are left out.
pub fn mutations(schema: &Value, spec: &Value, seen: &mut BTreeSet<String>) -> Vec<Value> {
    let mut found = Vec::new();
    walk(schema, spec, "spec", seen, &mut |changed| found.push(changed));
    found
}

/// Calls `emit` with the value changed in one place, for every change of it and below it.
fn walk(schema: &Value, value: &Value, path: &str, seen: &mut BTreeSet<String>, emit: &mut dyn FnMut(Value)) {
    if seen.insert(path.to_owned()) {
        instead(schema, value).into_iter().for_each(&mut *emit);
    }
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let rebuilt = |field: Option<Value>| {
                    let mut fields: Map<String, Value> = fields.clone();
                    fields.remove(name);
                    fields.extend(field.map(|field| (name.clone(), field)));
                    Value::Object(fields)
                };
                let in_map = schema["additionalProperties"].is_object();
                let child = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                let path = format!("{path}.{name}");
                if !seen.contains(&path) {
                    emit(rebuilt(None));
                }
                walk(child, field, &path, seen, &mut |changed| {
                    // The server itself is of two minds: null in a map is dropped by a create and refused by an
                    // apply. We refuse it.
                    if !(in_map && changed.is_null()) {
                        emit(rebuilt(Some(changed)));
                    }
                });
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(&schema["items"], item, &format!("{path}[]"), seen, &mut |changed| {
                    let mut items = items.clone();
                    items[at] = changed;
                    emit(Value::Array(items));
                });
            }
        }
        _ => {}
    }
}

/// What could stand in the place of a value.
fn instead(schema: &Value, value: &Value) -> Vec<Value> {
    let mut found = vec![Value::Null];
    match value {
        Value::Object(fields) => {
            let mut more = fields.clone();
            more.insert("unheardOf".to_owned(), json!("x"));
            found.extend([Value::Object(more), json!({}), json!([]), json!("text")]);
            if let Some(most) = schema["maxProperties"].as_u64() {
                found.extend([most, most + 1].map(|size| {
                    (0..size).map(|n| (format!("example.com/k{n}"), json!("1"))).collect::<Map<_, _>>().into()
                }));
            }
        }
        Value::Array(items) => {
            let twice: Vec<Value> = items.iter().chain(items.first()).cloned().collect();
            found.extend([json!([]), Value::Array(twice), json!([null]), json!({}), json!([[]])]);
        }
        Value::String(text) => {
            found.extend([json!(""), json!(7), json!([]), json!(format!("{text} "))]);
            found.extend([format!("{text}\n"), format!("é{text}")].map(Value::from));
            if let Some(most) = schema["maxLength"].as_u64() {
                let most = most as usize;
                found.extend(["a".repeat(most), "a".repeat(most + 1), "é".repeat(most)].map(Value::from));
            }
        }
        // Not a whole number with a point: the server takes it where no rule looks at it.
        Value::Number(_) => {
            found.extend([json!("7"), json!(1.5), json!(true), json!(u64::MAX)]);
            let bounds = ["minimum", "maximum"].iter().filter_map(|name| schema[*name].as_f64());
            let around = bounds.flat_map(|bound| [-1, 0, 1].map(|step| bound as i64 + step));
            let numbers = around.chain([i64::from(i32::MAX) + 1, i64::MAX]);
            found.extend(numbers.collect::<BTreeSet<_>>().into_iter().map(Value::from));
        }
        Value::Bool(flag) => found.extend([json!(!flag), json!("true"), json!(1)]),
        Value::Null => {}
    }
    found
}
