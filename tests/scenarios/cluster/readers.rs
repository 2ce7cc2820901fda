//! What readers of conditions make of our statuses: kstatus, which Flux, Helm and many command lines use.

use grouparoo::api::API_VERSION;
use serde_json::{Value, json};

use crate::support::kstatus::kstatus;

/// An object in its second generation. `conditions` are type, status and reason; `observed` the generation that the
/// status speaks of.
fn object(kind: &str, observed: i64, conditions: &[(&str, &str, &str)]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(name, status, reason)| {
            json!({
                "type": name, "status": status, "reason": reason, "message": "In words.",
                "observedGeneration": observed, "lastTransitionTime": "2026-01-02T03:04:05Z",
            })
        })
        .collect();
    json!({
        "apiVersion": API_VERSION, "kind": kind,
        "metadata": { "name": "it", "namespace": "default", "generation": 2 },
        "status": { "observedGeneration": observed, "conditions": conditions },
    })
}

/// conventions §1, the truth table, rows of a Destination, column kstatus
#[test]
fn kstatus_reads_each_moment_of_a_destination_as_meant() {
    let again = ("Reconciling", "True", "ProgressingWithRetry");
    let trying = ("Reconciling", "True", "Progressing");
    let checking = ("Ready", "Unknown", "Progressing");
    let stalled = |reason: &'static str| ("Stalled", "True", reason);
    let ready = |status: &'static str, reason: &'static str| ("Ready", status, reason);
    let at = |observed: i64, conditions: &[_]| object("Destination", observed, conditions);
    let deleting = |mut object: Value| {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
        object
    };
    let mut unseen = at(-1, &[]);
    unseen["status"] = json!({ "observedGeneration": -1 });
    let running = ("Running", "True", "Running");
    let suspended = ("Suspended", "True", "Suspended");
    let rows = [
        ("created, unseen", unseen, "InProgress"),
        ("first look", at(2, &[checking, trying]), "InProgress"),
        ("referent missing", at(2, &[ready("False", "DependencyNotReady"), trying]), "InProgress"),
        (
            "same for more than 10 minutes",
            at(2, &[ready("False", "DependencyNotReady"), stalled("ProgressDeadlineExceeded")]),
            "Failed",
        ),
        ("accepted, run not due", at(2, &[ready("True", "Scheduled")]), "Current"),
        ("run in progress, well before", at(2, &[ready("True", "SyncSucceeded"), running]), "Current"),
        (
            "run in progress, failed before",
            at(2, &[ready("False", "SyncFailed"), stalled("SyncFailed"), running]),
            "Failed",
        ),
        ("run fine", at(2, &[ready("True", "SyncSucceeded")]), "Current"),
        ("run failed, retry planned", at(2, &[ready("False", "SyncFailed"), again]), "InProgress"),
        (
            "bad login",
            at(2, &[ready("False", "AuthenticationFailed"), stalled("AuthenticationFailed")]),
            "Failed",
        ),
        ("guard", at(2, &[ready("False", "DeletionGuard"), stalled("DeletionGuard")]), "Failed"),
        ("invalid spec", at(2, &[ready("False", "InvalidSpec"), stalled("InvalidSpec")]), "Failed"),
        ("overdue", at(2, &[ready("False", "Overdue"), stalled("Overdue")]), "Failed"),
        ("edited, unseen", at(1, &[ready("True", "SyncSucceeded")]), "InProgress"),
        (
            "edited, unseen, bad before",
            at(1, &[ready("False", "InvalidSpec"), stalled("InvalidSpec")]),
            "InProgress",
        ),
        ("edit seen, being checked", at(2, &[checking, trying]), "InProgress"),
        ("suspended, valid", at(2, &[ready("True", "Suspended"), suspended]), "Current"),
        (
            "suspended, invalid",
            at(2, &[ready("False", "InvalidSpec"), stalled("InvalidSpec"), suspended]),
            "Failed",
        ),
        ("deleting", deleting(at(2, &[ready("False", "Deleting")])), "Terminating"),
        (
            "cleanup blocked",
            deleting(at(
                2,
                &[ready("False", "CleanupBlocked"), ("CleanupBlocked", "True", "CleanupBlocked")],
            )),
            "Terminating",
        ),
    ];
    agree(&rows);
}

/// conventions §1: kstatus does not know `Succeeded`; the two helpers make it understand a run
#[test]
fn kstatus_reads_a_run_as_meant() {
    let at = |conditions: &[_]| object("SyncRun", 2, conditions);
    agree(&[
        (
            "running",
            at(&[("Succeeded", "Unknown", "Running"), ("Reconciling", "True", "Running")]),
            "InProgress",
        ),
        ("done", at(&[("Succeeded", "True", "SyncSucceeded")]), "Current"),
        ("failed", at(&[("Succeeded", "False", "TimedOut"), ("Stalled", "True", "TimedOut")]), "Failed"),
    ]);
}

fn agree(rows: &[(&str, Value, &str)]) {
    let objects: Vec<Value> = rows.iter().map(|(_, object, _)| object.clone()).collect();
    for ((moment, _, wanted), found) in rows.iter().zip(kstatus(&objects)) {
        assert_eq!(found, *wanted, "{moment}");
    }
}
