//! The truth table of the conventions, row by row, and what holds from one row to the next.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn row(readiness: &Readiness, marks: &Marks) -> Vec<Condition> {
    next(&[], readiness, marks, 1, at(0))
}

/// `Type=Status/Reason`, in order.
fn words(conditions: &[Condition]) -> String {
    let word = |c: &Condition| format!("{}={}/{}", c.type_, c.status, c.reason);
    conditions.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn fine(conditions: &[Condition], generation: i64) {
    let object = json!({ "metadata": { "generation": generation },
        "status": { "observedGeneration": generation, "conditions": conditions } });
    assert_eq!(invariants::violations_of_write(&object), Vec::<String>::new(), "{object:#}");
}

/// What kstatus makes of an object whose observedGeneration is its generation and that is not being deleted.
fn kstatus(conditions: &[Condition]) -> &'static str {
    for condition in conditions.iter().filter(|c| c.status == "True") {
        match condition.type_.as_str() {
            RECONCILING => return "InProgress",
            STALLED => return "Failed",
            _ => {}
        }
    }
    match find(conditions, READY) {
        Some(ready) if ready.status == "True" => "Current",
        Some(_) => "InProgress",
        None => "Current",
    }
}

fn progressing() -> Readiness {
    Readiness::Progressing { message: "looking at generation 1".into() }
}

fn waiting() -> Readiness {
    Readiness::Waiting { reason: "DependencyNotReady", message: "there is no Secret braze-key".into() }
}

fn retrying() -> Readiness {
    Readiness::Retrying { reason: "SyncFailed".into(), message: "tried again at 12:00".into() }
}

fn stalled(reason: &str) -> Readiness {
    Readiness::Stalled { reason: reason.into(), message: "do something".into() }
}

fn ready(reason: &'static str) -> Readiness {
    Readiness::Ready { reason, message: "all is well".into() }
}

fn deleting(reason: &'static str) -> Readiness {
    Readiness::Deleting { reason, message: "taking records back".into() }
}

/// conventions 1, the truth table of a Destination: each row gives these conditions and this kstatus.
#[test]
fn the_truth_table_row_by_row() {
    let none = Marks::default();
    let running = Marks { running: Some("users-abc runs".into()), ..Marks::default() };
    let suspended = Marks { suspended: true, ..Marks::default() };
    let blocked = Marks { cleanup_blocked: Some("taking records back".into()), ..Marks::default() };
    let stall = |reason| format!("Ready=False/{reason} Stalled=True/{reason}");
    let rows = [
        (progressing(), &none, "Ready=Unknown/Progressing Reconciling=True/Progressing".into(), "InProgress"),
        (
            waiting(),
            &none,
            "Ready=False/DependencyNotReady Reconciling=True/DependencyNotReady".into(),
            "InProgress",
        ),
        (ready("Scheduled"), &none, "Ready=True/Scheduled".into(), "Current"),
        (ready("Scheduled"), &running, "Ready=True/Scheduled Running=True/Running".into(), "Current"),
        (ready("SyncSucceeded"), &none, "Ready=True/SyncSucceeded".into(), "Current"),
        (
            retrying(),
            &none,
            "Ready=False/SyncFailed Reconciling=True/ProgressingWithRetry".into(),
            "InProgress",
        ),
        (
            retrying(),
            &running,
            "Ready=False/SyncFailed Reconciling=True/ProgressingWithRetry Running=True/Running".into(),
            "InProgress",
        ),
        (stalled("SyncFailed"), &none, stall("SyncFailed"), "Failed"),
        (stalled("AuthenticationFailed"), &none, stall("AuthenticationFailed"), "Failed"),
        (stalled("DeletionGuard"), &none, stall("DeletionGuard"), "Failed"),
        (stalled("InvalidSpec"), &none, stall("InvalidSpec"), "Failed"),
        (stalled("Overdue"), &none, stall("Overdue"), "Failed"),
        (ready("Suspended"), &suspended, "Ready=True/Suspended Suspended=True/Suspended".into(), "Current"),
        (stalled("InvalidSpec"), &suspended, stall("InvalidSpec") + " Suspended=True/Suspended", "Failed"),
        (deleting("Deleting"), &none, "Ready=False/Deleting".into(), "InProgress"),
        (
            deleting("CleanupBlocked"),
            &blocked,
            "Ready=False/CleanupBlocked CleanupBlocked=True/CleanupBlocked".into(),
            "InProgress",
        ),
    ];
    for (readiness, marks, wanted, seen) in rows {
        let conditions = row(&readiness, marks);
        assert_eq!(words(&conditions), wanted);
        assert_eq!(kstatus(&conditions), seen, "{wanted}");
        fine(&conditions, 1);
    }
}

/// conventions 1, row "same for > 10 min".
#[test]
fn what_waits_for_ten_minutes_is_stalled_until_something_else_happens() {
    let none = Marks::default();
    let first = next(&[], &progressing(), &none, 1, at(0));
    assert_eq!(deadline(&first, 1), None);
    let waits = next(&first, &waiting(), &none, 1, at(5));
    assert_eq!(deadline(&waits, 1), Some(at(605)));
    let still = next(&waits, &waiting(), &none, 1, at(604));
    assert_eq!(still, waits, "nothing to write before the deadline");
    let over = next(&still, &waiting(), &none, 1, at(605));
    assert_eq!(words(&over), "Ready=False/DependencyNotReady Stalled=True/ProgressDeadlineExceeded");
    assert_eq!(kstatus(&over), "Failed");
    assert_eq!(deadline(&over, 1), None);
    fine(&over, 1);
    assert_eq!(next(&over, &waiting(), &none, 1, at(9999)), over);
    let other = Readiness::Waiting { reason: "StateUnavailable", message: "the disk is full".into() };
    let anew = next(&over, &other, &none, 1, at(10_000));
    assert_eq!(deadline(&anew, 1), Some(at(10_600)), "another cause has its own ten minutes");
    assert_eq!(words(&next(&over, &ready("Scheduled"), &none, 1, at(10_000))), "Ready=True/Scheduled");
}

/// conventions 1: "same" is the same reason of the same generation, however long the object was not ready before.
#[test]
fn a_wait_counts_from_its_own_beginning() {
    let none = Marks::default();
    let failed = next(&[], &retrying(), &none, 1, at(0));
    let waits = next(&failed, &waiting(), &none, 1, at(5000));
    assert_eq!(deadline(&waits, 1), Some(at(5600)));
    assert_eq!(find(&waits, RECONCILING).map(|c| c.last_transition_time.0), Some(at(0)), "it never ended");
    let edited = next(&waits, &waiting(), &none, 2, at(5599));
    assert_eq!(deadline(&edited, 2), Some(at(6199)));
    assert_eq!(deadline(&edited, 3), None, "of another generation nothing is known");
    let reworded = Readiness::Waiting { reason: "DependencyNotReady", message: "the key is missing".into() };
    let same = next(&edited, &reworded, &none, 2, at(6000));
    assert_eq!(deadline(&same, 2), Some(at(6199)), "another sentence is no other reason");
    let far = next(&waits, &waiting(), &none, 1, at(-100_000));
    assert_eq!(deadline(&far, 1), Some(at(-99_400)), "a clock that was wrong keeps no wait open");
}

/// conventions 1: the wait is also known where `Reconciling` has a sentence of another version.
#[test]
fn without_its_sentence_a_wait_counts_from_the_transition() {
    let mut waits = next(&[], &waiting(), &Marks::default(), 1, at(0));
    waits[1].message = "there is no Secret braze-key".into();
    assert_eq!(deadline(&waits, 1), Some(at(600)));
    assert!(is_true(&next(&waits, &waiting(), &Marks::default(), 1, at(600)), STALLED));
}

/// conventions 1: `lastTransitionTime` changes only when `status` flips, never when reason or message changes.
#[test]
fn the_transition_time_moves_only_when_the_status_flips() {
    let none = Marks::default();
    let time = |list: &[Condition], type_| find(list, type_).map(|c| c.last_transition_time.0);
    let mut list = next(&[], &progressing(), &none, 1, at(0) + 400.milliseconds());
    assert_eq!(time(&list, READY), Some(at(0)), "whole seconds");
    for (second, readiness, moved) in [
        (1, waiting(), 1),
        (2, retrying(), 1),
        (3, stalled("SyncFailed"), 1),
        (4, stalled("DeletionGuard"), 1),
        (5, ready("SyncSucceeded"), 5),
        (6, ready("Scheduled"), 5),
        (7, progressing(), 7),
        (8, deleting("Deleting"), 8),
    ] {
        list = next(&list, &readiness, &none, second, at(second));
        assert_eq!(time(&list, READY), Some(at(moved)), "{readiness:?}");
        fine(&list, second);
    }
    let twice = next(&next(&[], &retrying(), &none, 1, at(0)), &progressing(), &none, 2, at(9));
    assert_eq!(time(&twice, RECONCILING), Some(at(0)), "it was Reconciling all the time");
    let suspended = Marks { suspended: true, ..Marks::default() };
    let one = next(&[], &ready("Suspended"), &suspended, 1, at(0));
    let two = next(&one, &ready("Suspended"), &suspended, 2, at(50));
    assert_eq!(time(&two, SUSPENDED), Some(at(0)));
}

/// conventions 2: 10,000 no-op reconciles write nothing, so the same state gives the same conditions.
#[test]
fn the_same_state_gives_the_same_conditions() {
    let states = [
        progressing(),
        waiting(),
        retrying(),
        stalled("Overdue"),
        ready("Scheduled"),
        deleting("Deleting"),
        Readiness::Waiting { reason: "StateUnavailable", message: "ä€".repeat(2000) },
        Readiness::Waiting {
            reason: "Progressing",
            message: "no cause, but it must not be rewritten".into(),
        },
    ];
    let marks = Marks { suspended: true, running: Some("x runs".into()), cleanup_blocked: None };
    for before in &states {
        for state in &states {
            let start = next(&[], before, &marks, 1, at(0));
            for later in [0, 700] {
                let now = at(later) + SignedDuration::from_millis(300);
                let one = next(&start, state, &marks, 1, now);
                for soon in [0, 1, 59] {
                    let soon = now + SignedDuration::from_secs(soon);
                    assert_eq!(next(&one, state, &marks, 1, soon), one, "{before:?} → {state:?}");
                }
                fine(&one, 1);
            }
        }
    }
}

/// conventions 1, SyncRun: pending and running, success, failure; kstatus sees InProgress, Current, Failed.
#[test]
fn the_conditions_of_a_run() {
    let pending = Progressed::Pending { reason: "Pending".into(), message: "waits for users-abc".into() };
    let running = Progressed::Running { message: "reads rows".into() };
    let good = Progressed::Succeeded { reason: "SyncSucceeded".into(), message: "2 added".into() };
    let bad = Progressed::Failed { reason: "ReadFailed".into(), message: "the table is gone".into() };
    let first = next_of_run(&[], &pending, 1, at(0));
    assert_eq!(words(&first), "Succeeded=Unknown/Pending Reconciling=True/Progressing");
    let second = next_of_run(&first, &running, 1, at(1));
    assert_eq!(words(&second), "Succeeded=Unknown/Running Reconciling=True/Progressing");
    assert_eq!(second[0].last_transition_time.0, at(0), "still Unknown");
    let done = next_of_run(&second, &good, 1, at(2));
    assert_eq!(words(&done), "Succeeded=True/SyncSucceeded");
    let failed = next_of_run(&second, &bad, 1, at(2));
    assert_eq!(words(&failed), "Succeeded=False/ReadFailed Stalled=True/ReadFailed");
    let seen = [&first, &second, &done, &failed].map(|list| {
        fine(list, 1);
        kstatus(list)
    });
    assert_eq!(seen, ["InProgress", "InProgress", "Current", "Failed"]);
    for (end, other) in [(&done, &bad), (&failed, &running)] {
        let later = next_of_run(end, other, 2, at(9));
        assert_eq!(words(&later), words(end), "a result is a fact");
        assert_eq!(later[0].last_transition_time.0, at(2));
        fine(&later, 2);
    }
}
