//! Which objects a real API server takes, and whether our own check in process says the same.

use std::collections::BTreeSet;

use grouparoo::api::check;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::fragments::{minimal, with};
use super::mutations::mutations;
use super::objects::{examples, fields_known, fields_of, judge, object, our_judgement, schemas};
use super::rule_table::{ROWS, Row};
use crate::support::control_plane::ControlPlane;

/// api.md §3 to §6, each rule: the ✓ fragment
#[tokio::test]
async fn the_server_accepts_the_good_example_of_every_rule() {
    let space = ControlPlane::shared().space().await;
    let objects: Vec<Value> =
        ROWS.iter().map(|row| object(row.kind, &with(row.kind, row.path, row.accepted))).collect();
    for (row, refused) in ROWS.iter().zip(judge(&space, &objects).await) {
        assert_eq!(refused, None, "{} {}", row.kind, row.accepted);
    }
}

/// api.md §3 to §6, each rule: the ✗ fragment and its message
#[tokio::test]
async fn the_server_refuses_the_bad_example_of_every_rule_with_its_message() {
    let space = ControlPlane::shared().space().await;
    let objects: Vec<Value> =
        ROWS.iter().map(|row| object(row.kind, &with(row.kind, row.path, row.refused))).collect();
    for (Row { kind, message, refused, .. }, said) in ROWS.iter().zip(judge(&space, &objects).await) {
        let said = said.unwrap_or_else(|| panic!("{kind} {refused} is accepted"));
        assert!(said.contains(message), "{kind} {refused}: {said}");
    }
}

/// api.md, all example objects; and all other fields
#[tokio::test]
async fn the_server_accepts_the_examples_and_every_field() {
    let space = ControlPlane::shared().space().await;
    let objects = examples();
    for (object, refused) in objects.iter().zip(judge(&space, &objects).await) {
        assert_eq!(refused, None, "{object}");
        assert_eq!(our_judgement(object), None, "{object}");
    }
    for (kind, spec, _) in schemas() {
        let (mut known, mut used) = (BTreeSet::new(), BTreeSet::new());
        fields_known(&spec, "spec", &mut known);
        for object in objects.iter().filter(|object| object["kind"] == *kind) {
            fields_of(&object["spec"], "spec", &mut used);
        }
        let unused: Vec<_> = known.difference(&used).collect();
        assert!(unused.is_empty(), "{kind}: no example holds {unused:?}");
    }
}

/// api.md §1: every rule holds for the command line too, evaluated in process from the same definition
#[tokio::test]
async fn the_server_and_our_own_check_agree_on_every_small_change_of_every_example() {
    let space = ControlPlane::shared().space().await;
    let mut objects = Vec::new();
    for (kind, schema, _) in schemas() {
        let mut seen = BTreeSet::new();
        for example in examples().iter().filter(|example| example["kind"] == *kind) {
            let variants = mutations(&schema, &example["spec"], &mut seen);
            objects.extend(variants.iter().map(|spec| object(&kind, spec)));
        }
    }
    let said = judge(&space, &objects).await;
    let refused = said.iter().flatten().count();
    assert!(refused > 500 && said.len() - refused > 100, "{refused} of {} are refused", said.len());
    let differences: Vec<String> = objects
        .iter()
        .zip(said)
        .map(|(object, said)| (object, said, our_judgement(object)))
        .filter(|(_, server, ours)| server.is_some() != ours.is_some())
        .map(|(object, server, ours)| {
            format!("{} {}\n  the server: {server:?}\n  ours: {ours:?}", object["kind"], object["spec"])
        })
        .collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

/// api.md §7: a run is a fact; it can only be cancelled
#[tokio::test]
async fn the_server_lets_a_run_only_be_cancelled() {
    let space = ControlPlane::shared().space().await;
    let runs = space.raw("SyncRun");
    let frozen = "a SyncRun cannot be changed, only cancelled; create another one";
    let back = "cancel cannot be taken back";
    let cases = [
        ("{}", "{cancel: true}", None),
        ("{}", "{cancel: false}", None),
        ("{cancel: true}", "{cancel: false}", Some(back)),
        ("{cancel: true}", "{cancel: null}", Some(back)),
        ("{}", "{mode: Plan}", Some(frozen)),
        ("{}", "{slot: a}", Some(frozen)),
        ("{slot: a}", "{slot: null}", Some(frozen)),
        ("{}", "{trigger: Retry}", Some(frozen)),
        ("{}", "{attempt: 2}", Some(frozen)),
        ("{attempt: 2}", "{attempt: 3}", Some(frozen)),
        ("{}", "{ttlAfterFinished: 1h}", Some(frozen)),
        ("{}", "{destinationRef: {name: other}}", Some(frozen)),
    ];
    for (before, change, message) in cases {
        let made = object("SyncRun", &with("SyncRun", "spec", before));
        let made = serde_json::from_value(made).expect("an object");
        let name = runs.create(&PostParams::default(), &made).await.unwrap().metadata.name.unwrap();
        let change_value: Value = serde_saphyr::from_str(change).expect("YAML");
        let patch = Patch::Merge(json!({ "spec": change_value }));
        let changed = runs.patch(&name, &PatchParams::default(), &patch).await;
        match message {
            None => drop(changed.unwrap()),
            Some(message) => {
                let said = changed.expect_err(change).to_string();
                assert!(said.contains(message), "{before} then {change}: {said}");
            }
        }
    }
}

/// api.md §14: the largest objects that the limits allow pass all rules
#[tokio::test]
async fn the_server_accepts_the_largest_objects_that_the_limits_allow() {
    let space = ControlPlane::shared().space().await;
    let long = |prefix: String, length: usize| format!("{prefix}{}", "x".repeat(length - prefix.len()));
    let mut destination = minimal("Destination");
    let mappings = (1..250)
        .map(|n| json!({ "expression": long(format!("'{n}' + "), 2048), "to": long(format!("a{n} "), 255) }));
    destination["propertyMappings"].as_array_mut().unwrap().extend(mappings);
    destination["groupMappings"] = (0..100)
        .map(|n| {
            let group = long(format!("g{n} "), 100);
            json!({ "group": group, "customAttribute": long("s".into(), 255), "value": long(format!("v{n} "), 255) })
        })
        .collect();
    let mut model = minimal("Model");
    model["table"] = Value::Null;
    model["query"] = long("select ".into(), 32_768).into();
    model["properties"] = (0..499)
        .map(|n| json!({ "name": long(format!("p{n}_"), 128), "column": long(format!("c{n}"), 128), "type": "Timestamp" }))
        .chain([json!({ "name": "id" })])
        .collect();
    model["groups"] = (0..200)
        .map(|n| json!({ "name": long(format!("g{n}"), 100), "when": long(format!("{n} == "), 2048) }))
        .collect();
    let objects = [object("Destination", &destination), object("Model", &model)];
    let sizes = objects.each_ref().map(|object| object.to_string().len());
    assert!(sizes.iter().all(|size| *size > 550_000), "{sizes:?}");
    for (object, refused) in objects.iter().zip(judge(&space, &objects).await) {
        assert_eq!(refused, None, "{}", object["kind"]);
        assert_eq!(our_judgement(object), None, "{}", object["kind"]);
    }
}

/// api.md §14 and conventions §2: nobody but the operator writes status
#[tokio::test]
async fn a_new_object_was_never_looked_at_and_a_users_status_is_dropped() {
    let space = ControlPlane::shared().space().await;
    for kind in check::kinds() {
        let mut wanted = object(&kind.name, &minimal(&kind.name));
        wanted["status"] = json!({ "observedGeneration": 1, "conditions": [{
            "type": "Ready", "status": "True", "reason": "Forged", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]});
        let api = space.raw(&kind.name);
        let wanted = serde_json::from_value(wanted).expect("an object");
        let name = api.create(&PostParams::default(), &wanted).await.unwrap().metadata.name.unwrap();
        let found = api.get(&name).await.unwrap();
        assert_eq!(found.data["status"], json!({ "observedGeneration": -1 }), "{}", kind.name);
        assert_eq!(found.metadata.generation, Some(1));
    }
}
