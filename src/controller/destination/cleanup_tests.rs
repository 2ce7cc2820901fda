use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;
use crate::api::{BrazeApp, Destination, Model, Source};
use crate::controller::conditions::find;
use crate::controller::schedule::run_name;

fn at(text: &str) -> Timestamp {
    format!("2026-03-01T{text}Z").parse().expect("a time")
}

fn object<K: serde::de::DeserializeOwned>(kind: &str, metadata: &Value, spec: &Value) -> K {
    let value = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec,
    });
    serde_json::from_value(value).expect("an object")
}

/// Deleted at noon.
fn found(policy: &str, finalizers: &[&str]) -> Found {
    let metadata = json!({
        "name": "users", "namespace": "crm", "uid": "d-1", "generation": 2, "finalizers": finalizers,
        "deletionTimestamp": at("12:00:00").to_string(),
    });
    let spec = json!({
        "appRef": { "name": "braze" }, "modelRef": { "name": "users" }, "syncMode": "Sync", "deletionPolicy": policy,
        "propertyMappings": [{ "from": "id", "to": "external_id" }],
    });
    let named = json!({ "name": "one", "namespace": "crm" });
    let app: BrazeApp = object(
        "BrazeApp",
        &named,
        &json!({ "instance": "EU-01", "apiKeySecretRef": { "name": "s", "key": "k" } }),
    );
    let model: Model =
        object("Model", &named, &json!({ "sourceRef": { "name": "one" }, "table": "t", "primaryKey": "id" }));
    let source: Source = object("Source", &named, &json!({ "sqlite": { "path": "a.db" } }));
    let destination: Destination = object("Destination", &metadata, &spec);
    Found {
        destination,
        app: Some(app),
        model: Some(model),
        source: Some(source),
        all: vec![],
        apps: vec![],
        unreadable: Default::default(),
    }
}

fn run(attempt: Option<u32>, end: Option<(&str, &str, &str)>) -> SyncRun {
    let slot = slot::cleanup(at("12:00:00"));
    let metadata = json!({ "name": run_name("users", "d-1", &slot, attempt), "namespace": "crm" });
    let mut spec = json!({
        "destinationRef": { "name": "users" }, "mode": "Sync", "trigger": "Cleanup", "slot": slot,
    });
    if let Some(attempt) = attempt {
        spec["attempt"] = json!(attempt);
    }
    let mut run: SyncRun = object("SyncRun", &metadata, &spec);
    if let Some((time, status, reason)) = end {
        let condition = json!([{
            "type": "Succeeded", "status": status, "reason": reason, "message": "why",
            "lastTransitionTime": at(time).to_string(),
        }]);
        run.status = Some(crate::api::sync_run::SyncRunStatus {
            conditions: Some(serde_json::from_value(condition).expect("conditions")),
            completion_time: Some(Time(at(time))),
            ..Default::default()
        });
    }
    run
}

fn decided(found: &Found, runs: &[SyncRun], now: &str) -> Cleaning {
    decide(&Seen { found, runs, active: None, now: at(now) })
}

const OURS: &[&str] = &[CLEANUP_FINALIZER];

/// api.md §6: Retain touches nothing; switching back to it lets go at once, also while deleting
#[test]
fn with_retain_the_object_goes_at_once() {
    let cleaning = decided(&found("Retain", OURS), &[], "12:00:01");
    assert!(cleaning.let_go && cleaning.create.is_none());
    // A finalizer of somebody else is none of our business.
    let other = decided(&found("Retain", &["example.com/x"]), &[], "12:00:01");
    assert!(!other.let_go && other.create.is_none());
}

/// conventions 8: a run that takes all back, again after its failure, until it succeeds
#[test]
fn with_delete_a_run_takes_everything_back_first() {
    let found = found("Delete", OURS);
    let first = decided(&found, &[], "12:00:01");
    let new = first.create.expect("a run");
    assert_eq!((new.trigger, new.attempt), (Trigger::Cleanup, None));
    let open = decided(&found, &[run(None, None)], "12:00:02");
    assert!(open.create.is_none() && !open.let_go);
    let failed = [run(None, Some(("12:00:10", "False", "BrazeUnavailable")))];
    let waits = decided(&found, &failed, "12:00:20");
    assert_eq!((waits.create, waits.again), (None, Some(at("12:00:40"))));
    let again = decided(&found, &failed, "12:00:40").create.expect("another attempt");
    assert_eq!(again.attempt, Some(1));
    let done = [run(None, Some(("12:00:10", "True", "SyncSucceeded")))];
    assert!(decided(&found, &done, "12:00:11").let_go);
}

/// conventions 8: ten minutes without success → `CleanupBlocked`, whose message says what to set; retries go on
#[test]
fn after_ten_minutes_the_cleanup_counts_as_blocked() {
    let found = found("Delete", OURS);
    let failed = [run(None, Some(("12:09:59", "False", "DeletionGuard")))];
    let conditions = |now: &str| decided(&found, &failed, now).status.conditions.expect("conditions");
    assert!(find(&conditions("12:09:59"), "CleanupBlocked").is_none());
    let blocked = conditions("12:10:00");
    let ready = find(&blocked, "Ready").expect("Ready");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "CleanupBlocked"));
    assert!(ready.message.contains("deletionPolicy: Retain"), "{}", ready.message);
    assert!(find(&blocked, "CleanupBlocked").is_some());
    assert!(decided(&found, &failed, "12:40:00").create.is_some(), "retries go on");
}

/// conventions 8: what it needs is gone: waited for ten minutes, then let go with a warning
#[test]
fn what_cannot_come_back_is_given_up() {
    let mut found = found("Delete", OURS);
    found.app = None;
    let waits = decided(&found, &[], "12:09:59");
    assert!(!waits.let_go && waits.create.is_none());
    assert_eq!(waits.again, Some(at("12:10:00")));
    let gone = decided(&found, &[], "12:10:00");
    assert!(gone.let_go && gone.give_up.is_some_and(|why| why.contains("BrazeApp")));
}
