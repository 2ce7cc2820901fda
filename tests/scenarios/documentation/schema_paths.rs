//! Fields that a command line names, in the schema of a kind.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;
use serde_json::Value;

/// Fields that an expression of jsonpath goes through; those within a `range` begin where it does.
pub fn paths_of(expression: &str) -> Vec<Vec<String>> {
    let part = Regex::new(r#"\{(range )?([^}]*)\}"#).expect("a good pattern");
    let index = Regex::new(r"\[[^\]]*\]").expect("a good pattern");
    let (mut above, mut found) = (Vec::new(), Vec::new());
    for parts in part.captures_iter(expression) {
        let text = index.replace_all(&parts[2], "");
        if text == "end" {
            above.clear();
        } else if text.starts_with('.') {
            let fields = text.split('.').filter(|field| !field.is_empty()).map(str::to_owned);
            let path: Vec<String> = above.iter().cloned().chain(fields).collect();
            if parts.get(1).is_some() {
                above.clone_from(&path);
            }
            found.push(path);
        }
    }
    found
}

/// The schema of a field, through lists and maps.
fn child<'a>(schema: &'a JSONSchemaProps, field: &str) -> Option<&'a JSONSchemaProps> {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        return child(items, field);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        return Some(values);
    }
    schema.properties.as_ref()?.get(field)
}

/// Whether a schema has a field.
pub fn has(schema: &JSONSchemaProps, path: &[String]) -> bool {
    match path.split_first() {
        // What is in the metadata is Kubernetes' own.
        None => true,
        Some((first, _)) if first == "metadata" => true,
        Some((first, rest)) => child(schema, first).is_some_and(|child| has(child, rest)),
    }
}

/// Why an object does not fit a schema, as far as patches in pages need it.
pub fn misfit(value: &Value, schema: &JSONSchemaProps, at: &str) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| match child(schema, key) {
            Some(child) => misfit(value, child, &format!("{at}.{key}")),
            None => Some(format!("no field {at}.{key}")),
        }),
        Value::Null => Some(format!("{at} is no JSON")),
        value => {
            let values = schema.enum_.iter().flatten().map(|one| one.0.clone()).collect::<Vec<_>>();
            let fits = match schema.type_.as_deref() {
                Some("boolean") => value.is_boolean(),
                Some("integer") => value.is_i64(),
                Some("string") => value.is_string(),
                _ => true,
            };
            (!fits || !(values.is_empty() || values.contains(value)))
                .then(|| format!("{at} cannot be {value}"))
        }
    }
}
