use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fragments::{minimal, with};
use super::rule_table::{ROWS, Row};
use super::*;
use crate::api::patterns;

fn problems(kind_name: &str, spec: &Value) -> Vec<String> {
    kind(kind_name).unwrap().check(Some(spec), None).iter().map(ToString::to_string).collect()
}

#[test]
fn the_smallest_objects_are_accepted() {
    for kind in kinds() {
        assert_eq!(problems(&kind.name, &minimal(&kind.name)), Vec::<String>::new());
    }
}

/// api.md §3 to §6, each rule: the ✓ fragment
#[test]
fn every_rule_accepts_its_good_example() {
    for Row { kind, path, message, accepted, .. } in ROWS {
        assert_eq!(problems(kind, &with(kind, path, accepted)), Vec::<String>::new(), "{message}");
    }
}

/// api.md §3 to §6, each rule: the ✗ fragment and its message
#[test]
fn every_rule_refuses_its_bad_example_with_its_own_message() {
    for Row { kind, path, message, refused, .. } in ROWS {
        let found = super::kind(kind).unwrap().check(Some(&with(kind, path, refused)), None);
        assert!(
            found.iter().any(|violation| violation.problem == Problem::Rule((*message).to_owned())),
            "{kind} {refused}: {found:?}"
        );
        assert!(
            !found.iter().any(|violation| matches!(violation.problem, Problem::Unevaluated(_))),
            "{kind} {refused}: {found:?}"
        );
    }
}

/// api.md §1: one accepted and one refused object for each rule, at each place where it stands
#[test]
fn the_table_breaks_every_rule_of_the_definitions() {
    let mut broken = BTreeSet::new();
    for Row { kind, path, refused, .. } in ROWS {
        for violation in super::kind(kind).unwrap().check(Some(&with(kind, path, refused)), None) {
            if let Problem::Rule(message) = violation.problem {
                broken.insert((kind.to_string(), without_indexes(&violation.path), message));
            }
        }
    }
    let mut all = BTreeSet::new();
    for kind in kinds().iter().filter(|kind| kind.name != "SyncRun") {
        collect_rules(&kind.name, kind.schema(), "", &mut all);
    }
    assert!(all.len() > 50, "{}", all.len());
    let untested: Vec<_> = all.difference(&broken).collect();
    assert!(untested.is_empty(), "{untested:#?}");
}

fn without_indexes(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in path.chars() {
        inside = (inside || c == '[') && c != ']';
        if !inside || c == '[' {
            plain.push(c);
        }
    }
    plain
}

fn collect_rules(kind: &str, schema: &Value, path: &str, all: &mut BTreeSet<(String, String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let message = rule["message"].as_str().expect("every rule has a message");
        all.insert((kind.to_owned(), path.to_owned(), message.to_owned()));
    }
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect_rules(kind, child, &below, all);
    }
    if schema["items"].is_object() {
        collect_rules(kind, &schema["items"], &format!("{path}[]"), all);
    }
}

/// api.md §7
#[test]
fn a_run_can_only_be_cancelled() {
    let run = kind("SyncRun").unwrap();
    let check = |before: &str, after: &str| -> Vec<String> {
        let before = with("SyncRun", "spec", before);
        let after = with("SyncRun", "spec", after);
        run.check(Some(&after), Some(&before)).iter().map(ToString::to_string).collect()
    };
    assert_eq!(check("{}", "{cancel: true}"), Vec::<String>::new());
    assert_eq!(check("{cancel: true}", "{cancel: true}"), Vec::<String>::new());
    let frozen = "spec: a SyncRun cannot be changed, only cancelled; create another one";
    for change in ["{mode: Plan}", "{slot: a}", "{trigger: Retry}", "{attempt: 2}", "{ttlAfterFinished: 1h}"]
    {
        assert_eq!(check("{}", change), [frozen], "{change}");
        assert!(check(change, "{}").contains(&frozen.to_owned()), "{change}");
    }
    assert_eq!(check("{cancel: true}", "{cancel: false}"), ["spec: cancel cannot be taken back"]);
    assert_eq!(check("{cancel: true}", "{}"), ["spec: cancel cannot be taken back"]);
}

/// api.md, all example objects
#[test]
fn the_examples_of_the_design_are_accepted() {
    let documents: Vec<Value> = serde_saphyr::from_multiple(include_str!("examples.yaml")).unwrap();
    let mut kinds_seen = BTreeSet::new();
    for document in documents {
        let name = document["kind"].as_str().unwrap();
        let Some(kind) = kind(name) else { continue };
        let found = kind.check(Some(&document["spec"]), None);
        assert!(found.is_empty(), "{}: {found:#?}", document["metadata"]);
        kinds_seen.insert(name.to_owned());
    }
    assert_eq!(kinds_seen.len(), 5);
}

#[test]
fn structure_is_checked_field_by_field_and_all_at_once() {
    let mut spec = minimal("Destination");
    spec["syncmode"] = json!("Sync");
    spec["syncMode"] = json!("sync");
    spec["suspend"] = json!("no");
    spec["runTimeout"] = json!("1 day");
    spec["deletionGuard"] = json!({ "maxPercent": 101, "absentReads": 0, "maxCount": "9" });
    spec["propertyMappings"] = json!([
        { "from": "id", "to": "external_id" },
        { "from": "id", "to": "external_id" },
        { "form": "email", "to": "email" },
        "email",
        { "from": "x", "to": "" },
    ]);
    spec["onChange"] = Value::Null;
    spec.as_object_mut().unwrap().remove("modelRef");
    assert_eq!(
        problems("Destination", &spec),
        [
            "spec.modelRef: is required",
            "spec.deletionGuard.absentReads: must be at least 1, but is 0",
            "spec.deletionGuard.maxCount: must be a whole number, but is a text",
            "spec.deletionGuard.maxPercent: must be at most 100, but is 101",
            "spec.onChange: must be a text, but is null",
            "spec.propertyMappings[2].form: there is no such field; did you mean from?",
            "spec.propertyMappings[3]: must be a block of fields, but is a text",
            "spec.propertyMappings[4].to: must not be empty",
            "spec.propertyMappings[1]: to \"external_id\" is already used by entry 0",
            "spec.runTimeout: must be a time span, such as 90s or 1h30m",
            "spec.suspend: must be true or false, but is a text",
            "spec.syncMode: must be Sync, Additive or Enrich, but is \"sync\"",
            "spec.syncmode: there is no such field; did you mean syncMode?",
        ]
    );
}

/// api.md §14: explicit null is absent for every rule
#[test]
fn null_counts_as_absent() {
    let mut spec = minimal("Source");
    spec["sqlite"] = Value::Null;
    spec["queryTimeout"] = Value::Null;
    assert_eq!(problems("Source", &spec), Vec::<String>::new());
    let mut spec = minimal("Model");
    spec["groups"] = Value::Null;
    spec["properties"] = Value::Null;
    assert_eq!(problems("Model", &spec), Vec::<String>::new());
    let mut spec = minimal("Destination");
    spec["propertyMappings"] = Value::Null;
    assert_eq!(problems("Destination", &spec), ["spec.propertyMappings: must be a list, but is null"]);
}

#[test]
fn an_object_without_spec_is_refused_in_one_sentence() {
    let found = kind("Model").unwrap().check(None, None);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["spec: is required"]);
}

/// api.md §3 to §7, †: texts with a pattern
#[test]
fn patterns_accept_what_people_write_and_refuse_the_rest() {
    let cases = [
        (
            patterns::HOST,
            &["pg.example.com", "10.20.0.4", "::1", "my_db", "2001:db8::7", "db-1"][..],
            &["", "a b", "-a", "pg/x", "a@b"][..],
        ),
        (patterns::SETTING, &["search_path", "my.setting"], &["TimeZone", "a-b", "1a", ""]),
        (patterns::PROPERTY, &["id", "firstName", "_x1"], &["1a", "a-b", "a.b", "é"]),
        (patterns::GROUP, &["big-spenders", "Very good ones", "v1.2", "x"], &["-a", "a ", "", "a\nb"]),
        (
            patterns::TIME_ZONE,
            &["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+3"],
            &["+02:00", "", "Europe Paris"],
        ),
        (patterns::COUNTRY, &["FR"], &["fr", "FRA", "F"]),
        (patterns::DNS_NAME, &["braze-eu", "a.b", "7"], &["Braze", "-a", "a_b"]),
        (patterns::DATA_KEY, &["ca.crt", "A_b-c"], &["a/b", "a b"]),
        (
            patterns::SPAN,
            &["90s", "1h30m", "168h", "0s", "10ms", "1h1m1s1ms", "99999h99999h99999h99999h"],
            &["1d", "5", "1.5h", "-1s", "1h 2m", "", "1h1h1h1h1h", "100000h"],
        ),
    ];
    for (pattern, good, bad) in cases {
        for text in good {
            assert!(words::matches(pattern, text), "{pattern} {text}");
        }
        for text in bad {
            assert!(!words::matches(pattern, text), "{pattern} {text}");
        }
    }
}

#[test]
fn every_pattern_of_the_schema_has_its_sentence() {
    fn walk(schema: &Value, seen: &mut usize) {
        if let Some(pattern) = schema["pattern"].as_str() {
            *seen += 1;
            assert!(!words::of_pattern(pattern).starts_with("must match"), "{pattern}");
        }
        for child in schema["properties"].as_object().into_iter().flatten().map(|(_, child)| child) {
            walk(child, seen);
        }
        if schema["items"].is_object() {
            walk(&schema["items"], seen);
        }
    }
    let mut seen = 0;
    for kind in kinds() {
        walk(kind.schema(), &mut seen);
    }
    assert!(seen > 30, "{seen}");
}

/// api.md §1: the largest lists that the limits allow are still checked, rules and all
#[test]
fn the_largest_lists_are_checked_by_every_rule() {
    let mut spec = minimal("Destination");
    let mappings = spec["propertyMappings"].as_array_mut().unwrap();
    for n in 0..249 {
        mappings.push(json!({ "from": format!("p{n}"), "to": format!("attribute {n}") }));
    }
    let groups: Vec<Value> =
        (0..100).map(|n| json!({ "group": format!("g{n}"), "customAttribute": "segments" })).collect();
    spec["groupMappings"] = groups.into();
    assert_eq!(problems("Destination", &spec), Vec::<String>::new());
    spec["groupMappings"][99]["group"] = json!("g0");
    assert_eq!(
        problems("Destination", &spec),
        [
            "spec.groupMappings: each element of a customAttribute may be mapped once, and an attribute of style Flag takes one group"
        ]
    );
}

/// The rules of the schema walk lists within lists: nothing above the bounds may reach them.
#[test]
fn what_is_too_large_is_refused_without_a_look_at_the_rules() {
    let mut spec = minimal("Destination");
    let many: Vec<Value> =
        (0..20_000).map(|n| json!({ "group": "g", "customAttribute": format!("a{n}") })).collect();
    spec["groupMappings"] = many.into();
    assert_eq!(
        problems("Destination", &spec),
        ["spec.groupMappings: must have at most 100 entries, but has 20000"]
    );
    let mut spec = minimal("Model");
    spec["query"] = json!("x".repeat(40_000));
    assert_eq!(problems("Model", &spec), ["spec.query: must have at most 32768 characters, but has 40000"]);
}

/// semantics 7.3: one attribute is either a flag of one group or a list of elements
#[test]
fn an_attribute_is_a_flag_or_a_list_and_never_both() {
    let said = "spec.groupMappings: each element of a customAttribute may be mapped once, and an attribute of style Flag takes one group";
    for (mappings, accepted) in [
        ("[{group: a, customAttribute: x}, {group: b, customAttribute: x}]", true),
        ("[{group: a, customAttribute: x, value: v}, {group: b, customAttribute: x, value: v}]", false),
        ("[{group: a, customAttribute: x, value: b}, {group: b, customAttribute: x}]", false),
        ("[{group: a, customAttribute: x}, {group: b, customAttribute: x, style: Flag}]", false),
        (
            "[{group: b, customAttribute: x, style: Flag}, {group: a, customAttribute: x, style: Element}]",
            false,
        ),
        ("[{group: a, customAttribute: x, style: Flag}, {group: a, customAttribute: z, style: Flag}]", true),
    ] {
        let found =
            problems("Destination", &with("Destination", "spec", &format!("{{groupMappings: {mappings}}}")));
        let wanted: &[&str] = if accepted { &[] } else { &[said] };
        assert_eq!(found, wanted, "{mappings}");
    }
}
