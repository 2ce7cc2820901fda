//! The definitions against those of the first release: whoever upgrades keeps objects that are still valid, and readers
//! still find what they read.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::helm::helm;

/// The definitions out of the chart that was frozen.
fn frozen() -> Vec<Value> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chart-0.1.0/grouparoo-0.1.0.tgz");
    let text = helm(None, &["template", "grouparoo", chart.to_str().expect("a readable path")]).success();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    objects.into_iter().filter(|object| object["kind"] == "CustomResourceDefinition").collect()
}

/// upgrading: within a version of the API fields, values and limits are only ever added or loosened
#[test]
fn what_was_valid_in_the_first_release_still_is() {
    let frozen = frozen();
    assert_eq!(frozen.len(), 5);
    let now: Vec<Value> = grouparoo::api::crds::crds()
        .iter()
        .map(|crd| serde_saphyr::from_str(&grouparoo::api::crds::to_yaml(crd)).expect("YAML"))
        .collect();
    let mut broken = Vec::new();
    for old in &frozen {
        let name = old["metadata"]["name"].as_str().expect("a name");
        let Some(new) = now.iter().find(|one| one["metadata"]["name"] == name) else {
            broken.push(format!("{name} is gone"));
            continue;
        };
        for field in ["names", "scope", "group"] {
            if old["spec"][field] != new["spec"][field] {
                broken.push(format!("{name}: {field} changed"));
            }
        }
        for version in old["spec"]["versions"].as_array().expect("a list") {
            let versions = new["spec"]["versions"].as_array().expect("a list");
            match versions.iter().find(|one| one["name"] == version["name"] && one["served"] == true) {
                Some(other) => {
                    let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
                    compare(&schema(version), &schema(other), name, &mut broken);
                    let columns = |version: &Value| version["additionalPrinterColumns"].clone();
                    for column in columns(version).as_array().into_iter().flatten() {
                        let others = columns(other);
                        if !others
                            .as_array()
                            .is_some_and(|all| all.iter().any(|one| one["name"] == column["name"]))
                        {
                            broken.push(format!("{name}: column {} is gone", column["name"]));
                        }
                    }
                }
                None => broken.push(format!("{name}: version {} is not served any more", version["name"])),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The comparison sees what it is for.
#[test]
fn each_way_of_tightening_a_definition_is_seen() {
    let old = json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "string", "maxLength": 9, "minLength": 1, "enum": ["X", "Y"], "pattern": "^.$" },
        "b": { "type": "array", "maxItems": 3, "items": { "type": "integer", "maximum": 5, "minimum": 1 } },
        "c": { "type": "object", "properties": { "d": { "type": "string" } },
               "x-kubernetes-validations": [{ "rule": "has(self.d)" }] } } });
    let broken = |change: fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        let mut found = Vec::new();
        compare(&old, &new, "it", &mut found);
        found
    };
    assert_eq!(broken(|_| ()), [] as [String; 0]);
    let loosened: [fn(&mut Value); 5] = [
        |it| it["properties"]["e"] = json!({ "type": "string" }),
        |it| it["properties"]["a"]["maxLength"] = json!(10),
        |it| it["properties"]["a"]["enum"] = json!(["X", "Y", "Z"]),
        |it| it["properties"]["a"]["description"] = json!("In other words."),
        |it| it["properties"]["c"]["x-kubernetes-validations"] = json!([]),
    ];
    for change in loosened {
        assert_eq!(broken(change), [] as [String; 0]);
    }
    let tightened: [fn(&mut Value); 12] = [
        |it| drop(it["properties"].as_object_mut().expect("a map").remove("b")),
        |it| it["required"] = json!(["a", "b"]),
        |it| it["properties"]["a"]["maxLength"] = json!(8),
        |it| it["properties"]["a"]["minLength"] = json!(2),
        |it| it["properties"]["a"]["enum"] = json!(["X"]),
        |it| it["properties"]["a"]["pattern"] = json!("^..$"),
        |it| it["properties"]["a"]["type"] = json!("integer"),
        |it| it["properties"]["b"]["maxItems"] = json!(2),
        |it| it["properties"]["b"]["items"]["maximum"] = json!(4),
        |it| it["properties"]["b"]["items"]["minimum"] = json!(2),
        |it| it["properties"]["c"]["properties"]["d"]["format"] = json!("date-time"),
        |it| {
            it["properties"]["c"]["x-kubernetes-validations"] =
                json!([{ "rule": "has(self.d)" }, { "rule": "false" }])
        },
    ];
    for change in tightened {
        assert_eq!(broken(change).len(), 1, "{:?}", broken(change));
    }
}

/// What of `old` a user could still have that `new` refuses or does not show.
fn compare(old: &Value, new: &Value, at: &str, broken: &mut Vec<String>) {
    let empty = Map::new();
    let map = |value: &Value| value.as_object().unwrap_or(&empty).clone();
    let texts = |value: &Value| -> Vec<Value> { value.as_array().cloned().unwrap_or_default() };
    for field in ["type", "format", "pattern", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"] {
        if old[field] != new[field] && !(new[field].is_null() && field != "type") {
            broken.push(format!("{at}: {field} was {} and is {}", old[field], new[field]));
        }
    }
    for (field, lower) in [
        ("maxLength", false),
        ("maxItems", false),
        ("maxProperties", false),
        ("maximum", false),
        ("minLength", true),
        ("minItems", true),
        ("minProperties", true),
        ("minimum", true),
    ] {
        let is_tighter = match (old[field].as_f64(), new[field].as_f64()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => {
                if lower {
                    new > old
                } else {
                    new < old
                }
            }
        };
        if is_tighter {
            broken.push(format!("{at}: {field} was {} and is {}", old[field], new[field]));
        }
    }
    let values = texts(&new["enum"]);
    let was_free = old["enum"].is_null() && !values.is_empty();
    if was_free || (!values.is_empty() && texts(&old["enum"]).iter().any(|one| !values.contains(one))) {
        broken.push(format!("{at}: the values were {} and are {}", old["enum"], new["enum"]));
    }
    for name in texts(&new["required"]) {
        if !texts(&old["required"]).contains(&name) {
            broken.push(format!("{at}: {name} is required now"));
        }
    }
    let rules = |value: &Value| -> Vec<Value> {
        texts(&value["x-kubernetes-validations"]).iter().map(|rule| rule["rule"].clone()).collect()
    };
    for rule in rules(new) {
        if !rules(old).contains(&rule) {
            broken.push(format!("{at}: the rule {rule} is new"));
        }
    }
    for (name, property) in map(&old["properties"]) {
        match new["properties"].get(&name) {
            Some(other) => compare(&property, other, &format!("{at}.{name}"), broken),
            None => broken.push(format!("{at}.{name} is gone")),
        }
    }
    for nested in ["items", "additionalProperties"] {
        if old[nested].is_object() {
            compare(&old[nested], &new[nested], &format!("{at}[]"), broken);
        }
    }
}
