//! The pair of `docs/migrating-from-grouparoo.md`: a configuration of the former tool, and the same in manifests.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::root;
use crate::cluster::objects::documents;

const FOLDER: &str = "examples/migrating-from-grouparoo";

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(FOLDER).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The object of a kind.
fn ours(file: &str, kind: &str) -> Value {
    documents(&text(file)).into_iter().find(|object| object["kind"] == kind).expect("an object")["spec"]
        .clone()
}

/// Objects of a class.
fn theirs(class: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(&text("before/config.json")).expect("JSON");
    all.into_iter().filter(|object| object["class"] == class).collect()
}

fn pairs(object: &Value) -> BTreeMap<String, String> {
    let pairs = object.as_object().expect("pairs").iter();
    pairs.map(|(name, value)| (name.clone(), value.as_str().expect("a name").to_owned())).collect()
}

#[test]
fn the_example_of_a_migration_sends_what_the_old_configuration_sent() {
    let (old, new) = (theirs("destination").remove(0), ours("destination.yaml", "Destination"));
    let mappings = new["propertyMappings"].as_array().expect("mappings");
    let mapped: BTreeMap<String, String> = mappings
        .iter()
        .map(|one| {
            (
                one["to"].as_str().expect("a target").to_owned(),
                one["from"].as_str().expect("a property").to_owned(),
            )
        })
        .collect();
    assert_eq!(mapped, pairs(&old["mapping"]));
    let groups: BTreeMap<String, String> = new["groupMappings"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|one| {
            assert_eq!(one["customAttribute"], "groups", "the attribute that the old tool wrote");
            (
                one["value"].as_str().expect("a name").to_owned(),
                one["group"].as_str().expect("a group").to_owned(),
            )
        })
        .collect();
    assert_eq!(groups, pairs(&old["destinationGroupMemberships"]));
    assert_eq!(new["syncMode"].as_str().map(str::to_lowercase), old["syncMode"].as_str().map(str::to_owned));
    assert_eq!((&old["collection"], &new["collection"]), (&json!("model"), &Value::Null), "all records");
    let minutes = theirs("schedule")[0]["recurringFrequency"].as_u64().expect("milliseconds") / 60_000;
    assert_eq!(new["schedule"]["interval"], format!("{minutes}m"));
}

#[test]
fn the_example_of_a_migration_has_the_properties_groups_and_addresses_of_the_old_configuration() {
    let model = ours("model.yaml", "Model");
    let types = BTreeMap::from([
        ("integer", "Integer"),
        ("float", "Float"),
        ("string", "String"),
        ("email", "Email"),
        ("phoneNumber", "PhoneNumber"),
        ("date", "Timestamp"),
    ]);
    let old: BTreeMap<String, String> = theirs("property")
        .iter()
        .map(|one| {
            (
                one["id"].as_str().expect("an id").to_owned(),
                types[one["type"].as_str().expect("a type")].to_owned(),
            )
        })
        .collect();
    let new: BTreeMap<String, String> = model["properties"]
        .as_array()
        .expect("properties")
        .iter()
        .map(|one| {
            (
                one["name"].as_str().expect("a name").to_owned(),
                one["type"].as_str().expect("a type").to_owned(),
            )
        })
        .collect();
    assert_eq!(new, old);
    let key = theirs("property").into_iter().find(|one| one["unique"] == true).expect("a key");
    assert_eq!(model["primaryKey"], key["id"]);
    let query = model["query"].as_str().expect("a query");
    for table in theirs("source") {
        assert!(query.contains(table["options"]["table"].as_str().expect("a table")), "{table}");
    }
    let group = theirs("group").remove(0);
    assert_eq!(model["groups"][0]["name"], group["id"]);
    let rule = model["groups"][0]["when"].as_str().expect("a rule");
    assert_eq!(rule.matches("&&").count() + 1, group["rules"].as_array().expect("rules").len());
    for property in group["rules"].as_array().expect("rules") {
        assert!(
            rule.contains(&format!("record.{}", property["propertyId"].as_str().expect("a name"))),
            "{rule}"
        );
    }
    let old = |kind: &str| {
        theirs("app").into_iter().find(|app| app["type"] == kind).expect("an app")["options"].clone()
    };
    assert_eq!(ours("braze-app.yaml", "BrazeApp")["restEndpoint"], old("braze")["restEndpoint"]);
    let (old, new) = (old("postgres"), ours("source.yaml", "Source")["postgres"].clone());
    for field in ["host", "port", "database", "user"] {
        assert_eq!(new[field], old[field], "{field}");
    }
    assert_eq!(new["sessionParameters"][0]["value"], old["schema"]);
}
