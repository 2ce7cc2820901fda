use serde_json::{Value, json};

use super::*;
use crate::controller::schedule::{run_name, slot};

const NOW: &str = "2026-03-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn destination(spec: &Value) -> Destination {
    let mut value = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "Destination",
        "metadata": { "name": "users", "namespace": "crm", "uid": "d-1", "generation": 1 },
        "spec": {
            "appRef": { "name": "braze" }, "modelRef": { "name": "users" }, "syncMode": "Additive",
            "propertyMappings": [{ "from": "id", "to": "external_id" }],
        },
    });
    for (field, set) in spec.as_object().expect("fields") {
        value["spec"][field] = set.clone();
    }
    serde_json::from_value(value).expect("a Destination")
}

/// A run that a person made, so many seconds before now.
fn run(name: &str, age: i64, spec: &Value, status: &Value) -> SyncRun {
    let made = now() - SignedDuration::from_secs(age);
    let mut value = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "SyncRun",
        "metadata": { "name": name, "namespace": "crm", "creationTimestamp": made.to_string() },
        "spec": { "destinationRef": { "name": "users" }, "mode": "Sync" },
        "status": status,
    });
    for (field, set) in spec.as_object().expect("fields") {
        value["spec"][field] = set.clone();
    }
    serde_json::from_value(value).expect("a SyncRun")
}

fn plain(name: &str, age: i64) -> SyncRun {
    run(name, age, &json!({}), &json!({}))
}

fn started(name: &str, age: i64) -> SyncRun {
    run(name, age, &json!({}), &json!({ "starts": 1 }))
}

fn ended(name: &str, age: i64, status: &str) -> SyncRun {
    let condition = json!({
        "type": "Succeeded", "status": status, "reason": "SyncSucceeded", "message": "", "lastTransitionTime": NOW,
    });
    run(name, age, &json!({}), &json!({ "starts": 1, "conditions": [condition] }))
}

fn seen<'a>(run: &'a SyncRun, destination: Option<&'a Destination>, all: &'a [SyncRun]) -> Seen<'a> {
    Seen {
        run,
        destination,
        unreadable: false,
        all,
        active: None,
        in_progress: false,
        obstacle: None,
        edited: false,
        over: false,
        now: now(),
    }
}

fn waits(step: &Step, reason: &str, word: &str) -> bool {
    matches!(step, Step::Wait { reason: is, message, .. } if is == reason && message.contains(word))
}

/// api.md §7: one run of a Destination at a time, the older one first; one that was started goes before all
#[test]
fn runs_wait_for_each_other_in_their_order() {
    let destination = destination(&json!({}));
    let all = [plain("b", 60), plain("a", 30), ended("old", 900, "True")];
    assert_eq!(decide(&seen(&all[0], Some(&destination), &all)), Step::Start);
    assert!(waits(&decide(&seen(&all[1], Some(&destination), &all)), "Pending", "SyncRun b"));
    let all = [plain("b", 60), started("a", 30)];
    assert!(waits(&decide(&seen(&all[0], Some(&destination), &all)), "Pending", "SyncRun a"));
    assert_eq!(decide(&seen(&all[1], Some(&destination), &all)), Step::Start, "cut off before, it goes on");
    let active = Seen { active: Some("a"), ..seen(&all[0], Some(&destination), &all) };
    assert!(waits(&decide(&active), "Pending", "SyncRun a"));
    let same = Seen { active: Some("a"), in_progress: true, ..seen(&all[1], Some(&destination), &all) };
    assert_eq!(decide(&same), Step::Nothing);
}

/// A result is a fact: nothing is done about a run that ended.
#[test]
fn a_run_that_ended_is_left_alone() {
    for status in ["True", "False"] {
        let run = ended("a", 10, status);
        assert_eq!(decide(&seen(&run, None, &[])), Step::Nothing);
        let cancelled = Seen { edited: true, ..seen(&run, None, &[]) };
        assert_eq!(decide(&cancelled), Step::Nothing);
    }
}

/// api.md §8 and §11: what stops a run in progress, and what ends one that has not begun
#[test]
fn a_run_is_stopped_by_cancel_suspension_edit_and_deletion() {
    let fine = destination(&json!({}));
    let suspended = destination(&json!({ "suspend": true }));
    let mut going = destination(&json!({}));
    going.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    let run = started("a", 10);
    let cancelled = self::run("a", 10, &json!({ "cancel": true }), &json!({ "starts": 1 }));
    let step = |run: &SyncRun, destination: Option<&Destination>, active: bool, edited: bool| {
        let (in_progress, active) = (active, active.then_some("a"));
        decide(&Seen { active, in_progress, edited, ..seen(run, destination, &[]) })
    };
    for stopped in [
        step(&cancelled, Some(&fine), true, false),
        step(&run, Some(&suspended), true, false),
        step(&run, Some(&going), true, false),
        step(&run, Some(&fine), true, true),
        step(&run, None, true, false),
    ] {
        assert!(matches!(stopped, Step::Stop { .. }), "{stopped:?}");
    }
    let before = [step(&cancelled, Some(&fine), false, false), step(&run, Some(&going), false, false)];
    for step in before {
        assert!(matches!(step, Step::End { reason: "Cancelled", .. }), "{step:?}");
    }
    assert!(waits(&step(&run, Some(&suspended), false, false), "Pending", "suspended"));
    assert_eq!(step(&run, Some(&fine), true, false), Step::Nothing);
}

/// api.md §7: `trigger`, `slot` or `attempt` on a run that the operator did not make is `InvalidSpec`
#[test]
fn a_run_with_the_operators_own_fields_must_be_the_operators() {
    let destination = destination(&json!({}));
    for spec in [
        json!({ "trigger": "Schedule" }),
        json!({ "slot": "x" }),
        json!({ "attempt": 1 }),
        json!({ "trigger": "Cleanup", "slot": "cleanup:2026-03-01T00:00:00Z" }),
    ] {
        let run = run("mine", 10, &spec, &json!({}));
        let step = decide(&seen(&run, Some(&destination), &[]));
        assert!(matches!(step, Step::End { reason: "InvalidSpec", .. }), "{spec}: {step:?}");
    }
    let answered = slot::scheduled(now());
    let name = run_name("users", "d-1", &answered, Some(2));
    let spec = json!({ "trigger": "Retry", "slot": answered, "attempt": 2 });
    let ours = run(&name, 10, &spec, &json!({}));
    assert!(is_ours(&ours, &destination));
    assert_eq!(decide(&seen(&ours, Some(&destination), &[])), Step::Start);
    // A forged one does not hold up the others.
    let all = [run("forged", 99, &json!({ "slot": "x" }), &json!({})), ours.clone()];
    assert_eq!(decide(&seen(&ours, Some(&destination), &all)), Step::Start);
}

/// api.md §1: (R) while it lasts, and after ten minutes an end; a run that was started waits longer
#[test]
fn a_run_waits_ten_minutes_for_what_it_names() {
    let young = plain("a", 599);
    let step = decide(&seen(&young, None, &[]));
    assert!(waits(&step, "DependencyNotReady", "no Destination users"), "{step:?}");
    let Step::Wait { again: Some(again), .. } = step else { panic!("it is looked at again") };
    assert_eq!(again, now() + SignedDuration::from_secs(1));
    let old = plain("a", 600);
    assert!(matches!(decide(&seen(&old, None, &[])), Step::End { reason: "DependencyNotReady", .. }));
    let destination = destination(&json!({}));
    let obstacle = Some(("DependencyNotReady", "there is no Model users"));
    let blocked = |run: &SyncRun| decide(&Seen { obstacle, ..seen(run, Some(&destination), &[]) });
    assert!(matches!(blocked(&old), Step::End { .. }));
    assert!(waits(&blocked(&started("a", 6000)), "DependencyNotReady", "no Model"));
}

/// api.md §7: whether a run cleans up is decided by the Destination's deletion, never by what the run says
#[test]
fn only_the_deletion_of_a_destination_makes_a_run_clean_up() {
    let spec = json!({ "trigger": "Cleanup", "slot": "cleanup:2026-03-01T00:00:00Z" });
    let name = run_name("users", "d-1", "cleanup:2026-03-01T00:00:00Z", None);
    let run = run(&name, 10, &spec, &json!({}));
    let mut destination = destination(&json!({ "deletionPolicy": "Delete", "suspend": true }));
    assert!(!is_cleanup(&run, &destination));
    destination.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    assert!(is_cleanup(&run, &destination));
    // Also while suspended, and whatever else is not in order.
    let obstacle = Some(("DependencyNotReady", "the Model is not ready"));
    assert_eq!(decide(&Seen { obstacle, ..seen(&run, Some(&destination), &[]) }), Step::Start);
}
