//! The moments in the life of our objects, and what each reader of conditions makes of them: the truth table.

use grouparoo::api::API_VERSION;
use serde_json::{Value, json};

/// A row: what it is, an object in that moment, what kstatus and what Argo CD should say.
pub type Moment = (&'static str, Value, &'static str, &'static str);

/// An object in its second generation. `conditions` are type, status and reason; `observed` the generation that the
/// status speaks of.
fn object(kind: &str, observed: i64, conditions: &[(&str, &str, &str)]) -> Value {
    let suspend = conditions.iter().any(|(name, ..)| *name == "Suspended");
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
        "spec": { "suspend": suspend },
        "metadata": { "name": "it", "namespace": "default", "generation": 2 },
        "status": { "observedGeneration": observed, "conditions": conditions },
    })
}

/// conventions §1, the truth table, rows of a Destination
pub fn of_a_destination() -> Vec<Moment> {
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
    vec![
        ("created, unseen", unseen, "InProgress", "Progressing"),
        ("first look", at(2, &[checking, trying]), "InProgress", "Progressing"),
        (
            "referent missing",
            at(2, &[ready("False", "DependencyNotReady"), trying]),
            "InProgress",
            "Progressing",
        ),
        (
            "same for more than 10 minutes",
            at(2, &[ready("False", "DependencyNotReady"), stalled("ProgressDeadlineExceeded")]),
            "Failed",
            "Degraded",
        ),
        ("accepted, run not due", at(2, &[ready("True", "Scheduled")]), "Current", "Healthy"),
        (
            "run in progress, well before",
            at(2, &[ready("True", "SyncSucceeded"), running]),
            "Current",
            "Healthy",
        ),
        (
            "run in progress, failed before",
            at(2, &[ready("False", "SyncFailed"), stalled("SyncFailed"), running]),
            "Failed",
            "Degraded",
        ),
        ("run fine", at(2, &[ready("True", "SyncSucceeded")]), "Current", "Healthy"),
        (
            "run failed, retry planned",
            at(2, &[ready("False", "SyncFailed"), again]),
            "InProgress",
            "Progressing",
        ),
        (
            "bad login",
            at(2, &[ready("False", "AuthenticationFailed"), stalled("AuthenticationFailed")]),
            "Failed",
            "Degraded",
        ),
        ("guard", at(2, &[ready("False", "DeletionGuard"), stalled("DeletionGuard")]), "Failed", "Degraded"),
        (
            "invalid spec",
            at(2, &[ready("False", "InvalidSpec"), stalled("InvalidSpec")]),
            "Failed",
            "Degraded",
        ),
        ("overdue", at(2, &[ready("False", "Overdue"), stalled("Overdue")]), "Failed", "Degraded"),
        ("edited, unseen", at(1, &[ready("True", "SyncSucceeded")]), "InProgress", "Progressing"),
        (
            "edited, unseen, bad before",
            at(1, &[ready("False", "InvalidSpec"), stalled("InvalidSpec")]),
            "InProgress",
            "Progressing",
        ),
        ("edit seen, being checked", at(2, &[checking, trying]), "InProgress", "Progressing"),
        ("suspended, valid", at(2, &[ready("True", "Suspended"), suspended]), "Current", "Suspended"),
        (
            "suspended, invalid",
            at(2, &[ready("False", "InvalidSpec"), stalled("InvalidSpec"), suspended]),
            "Failed",
            "Degraded",
        ),
        ("deleting", deleting(at(2, &[ready("False", "Deleting")])), "Terminating", "Progressing"),
        (
            "cleanup blocked",
            deleting(at(
                2,
                &[ready("False", "CleanupBlocked"), ("CleanupBlocked", "True", "CleanupBlocked")],
            )),
            "Terminating",
            "Progressing",
        ),
    ]
}

/// conventions §1, the line below the table: a SyncRun
pub fn of_a_run() -> Vec<Moment> {
    let at = |conditions: &[_]| object("SyncRun", 2, conditions);
    let mut unseen = at(&[]);
    unseen["status"] = json!({ "observedGeneration": -1 });
    vec![
        ("unseen", unseen, "InProgress", "Progressing"),
        (
            "running",
            at(&[("Succeeded", "Unknown", "Running"), ("Reconciling", "True", "Running")]),
            "InProgress",
            "Progressing",
        ),
        ("done", at(&[("Succeeded", "True", "SyncSucceeded")]), "Current", "Healthy"),
        (
            "failed",
            at(&[("Succeeded", "False", "TimedOut"), ("Stalled", "True", "TimedOut")]),
            "Failed",
            "Degraded",
        ),
    ]
}
