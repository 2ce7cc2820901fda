use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::api::check;
use crate::api::sync_run::{Progress, SyncRunStatus};
use crate::controller::conditions::invariants;
use crate::sync::account::Account;
use crate::sync::report::Report;
use crate::sync::run::{Stage, Watch};

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// A report with these fields over the plainest one.
pub(super) fn report(fields: Value) -> Report {
    let mut plain = json!({
        "namespace": "crm", "destination": "users", "mode": "Sync", "result": "Succeeded", "exitCode": 0,
        "serial": 7, "startTime": "2026-01-01T12:00:00Z", "completionTime": "2026-01-01T12:04:12.9Z",
        "source": { "mode": "Full", "bytes": 4096, "durationMillis": 250_000, "rowsExpected": 10 },
        "counts": { "read": 0, "gone": 0, "added": 0, "updated": 0, "unchanged": 0, "deleted": 0, "released": 0,
            "skipped": 0, "invalid": 0, "failed": 0, "held": 0, "pending": 0 },
        "rejected": 0,
        "attributes": { "sent": 0, "cleared": 0, "dropped": 0, "heldConsent": 0, "warned": 0 },
        "memberships": { "joins": 0, "leaves": 0, "alreadyThere": 0, "optedOut": 0, "noAddress": 0, "deferred": 0,
            "sharedAddress": 0, "refused": 0 },
        "traffic": { "requests": 0, "track": 0, "delete": 0, "lookup": 0, "status": 0, "retries": 0, "objects": 0,
            "bytes": 0, "dataPoints": 0, "throttledMillis": 35_000 },
        "knownRecords": 9, "rejects": 0,
    });
    for (name, field) in fields.as_object().expect("fields") {
        match field {
            Value::Object(inner) if plain[name].is_object() => {
                for (name_within, value) in inner {
                    plain[name][name_within] = value.clone();
                }
            }
            _ => plain[name] = field.clone(),
        }
    }
    serde_json::from_value(plain).expect("a report")
}

pub(super) fn ended<'a>(report: &'a Report, previous: Option<&'a SyncRunStatus>) -> Ended<'a> {
    let now = time("2026-01-01T12:05:00Z");
    Ended {
        report,
        name: "users-x",
        generation: 1,
        previous,
        rejects_location: Some("crm/users/rejects"),
        now,
    }
}

/// The status as JSON. It passes the schema, the invariants and the bound on its size.
#[track_caller]
pub(super) fn checked(status: &SyncRunStatus) -> Value {
    let json = serde_json::to_value(status).expect("plain data");
    let found = check::kind("SyncRun").expect("the kind").check_status(&json);
    assert!(found.is_empty(), "{found:?}\n{json:#}");
    let object = json!({ "kind": "SyncRun", "metadata": { "generation": 1 }, "status": json });
    assert_eq!(invariants::violations_of_write(&object), Vec::<String>::new(), "{object:#}");
    object["status"].clone()
}

/// api.md 7, status; semantics 15: integers, zeros are written, the sum holds.
#[test]
fn a_finished_run_tells_everything() {
    let report = report(json!({
        "counts": { "read": 10, "added": 3, "updated": 2, "unchanged": 4, "invalid": 1 }, "rejected": 1, "rejects": 2,
        "skippedBy": [{ "code": "notInCollection", "count": 4 }],
        "groups": [{ "name": "vip", "members": 5, "joined": 2, "left": 0 }],
        "fields": [{ "name": "email", "set": 5, "cleared": 0 }],
        "errors": [{ "code": "KeyNull", "field": "id", "count": 1, "hint": "give it a key", "refs": ["0a1b2c3d"] }],
    }));
    let status = checked(&finished(&ended(&report, None)));
    assert_eq!(
        status,
        json!({
            "observedGeneration": 1,
            "conditions": [{ "type": "Succeeded", "status": "True", "reason": "SyncSucceeded",
                "message": "10 rows read: 3 added, 2 updated, 1 rejected",
                "lastTransitionTime": "2026-01-01T12:05:00Z", "observedGeneration": 1 }],
            "startTime": "2026-01-01T12:00:00Z", "completionTime": "2026-01-01T12:04:12Z", "duration": "4m12s",
            "source": { "mode": "Full", "bytes": 4096, "duration": "4m10s", "lastFullRead": "2026-01-01T12:00:00Z" },
            "counts": { "read": 10, "gone": 0, "added": 3, "updated": 2, "unchanged": 4, "deleted": 0, "released": 0,
                "skipped": 0, "invalid": 1, "failed": 0, "held": 0, "pending": 0, "rejected": 1 },
            "skippedBy": [{ "code": "notInCollection", "count": 4 }],
            "attributes": { "sent": 0, "cleared": 0, "dropped": 0, "heldConsent": 0, "warned": 0 },
            "memberships": { "joins": 0, "leaves": 0, "alreadyThere": 0, "optedOut": 0, "noAddress": 0,
                "deferred": 0, "sharedAddress": 0, "refused": 0 },
            "traffic": { "requests": 0, "track": 0, "delete": 0, "lookup": 0, "status": 0, "retries": 0,
                "objects": 0, "bytes": 0, "dataPoints": 0, "throttled": "35s" },
            "groups": [{ "name": "vip", "members": 5, "joined": 2, "left": 0 }],
            "fields": [{ "name": "email", "set": 5, "cleared": 0 }],
            "errors": [{ "code": "KeyNull", "field": "id", "count": 1, "hint": "give it a key",
                "refs": ["0a1b2c3d"] }],
            "rejects": { "count": 2, "location": "crm/users/rejects" },
        })
    );
}

/// api.md 7, `plan`, and the reasons of `Succeeded`.
#[test]
fn a_plan_and_a_failure_say_what_they_are() {
    let plan = report(json!({
        "mode": "Plan", "counts": { "read": 3, "added": 3 },
        "plan": { "now": "2026-01-01T12:00:00Z", "guard": "Trips", "samples": [], "unknown": 0 },
        "warnings": [
            { "code": "NearStandardField", "field": "a", "count": 1, "message": "rename it" },
            { "code": "NearStandardField", "field": "b", "count": 2, "message": "rename it" },
        ],
        "pendingApprovals": [{ "token": "abcdefghijkl", "question": "DeletionGuard", "message": "3 users go",
            "removals": 3, "knownRecords": 4, "since": "2026-01-01T12:00:00Z", "expires": "2026-01-08T12:00:00Z" }],
    }));
    let status = checked(&finished(&ended(&plan, None)));
    assert_eq!(status["conditions"][0]["reason"], "PlanCompleted");
    assert_eq!(status["conditions"][0]["message"], "3 rows read; a run would have: 3 added");
    assert_eq!(
        status["plan"],
        json!({ "now": "2026-01-01T12:00:00Z", "guard": "Trips",
            "approvals": [{ "token": "abcdefghijkl", "question": "DeletionGuard", "message": "3 users go",
                "removals": 3, "knownRecords": 4, "run": "users-x", "since": "2026-01-01T12:00:00Z",
                "expires": "2026-01-08T12:00:00Z" }],
            "warnings": [{ "code": "NearStandardField", "count": 3 }] })
    );
    assert_eq!(status["rejects"], json!({ "count": 0 }));
    for (result, reason) in [("Failed", "ReadFailed"), ("Cancelled", "TimedOut"), ("Cancelled", "Cancelled")]
    {
        let failed = report(json!({ "result": result, "reason": reason, "message": "the table\nis gone" }));
        let status = checked(&finished(&ended(&failed, None)));
        let words = |n: usize| {
            let condition = &status["conditions"][n];
            format!(
                "{}={} {} {}",
                condition["type"], condition["status"], condition["reason"], condition["message"]
            )
            .replace('"', "")
        };
        assert_eq!(words(0), format!("Succeeded=False {reason} the table is gone"));
        assert_eq!(words(1), format!("Stalled=True {reason} the table is gone"));
        assert_eq!(status["source"].get("lastFullRead"), None, "not all rows were read");
        let silent = report(json!({ "result": result, "reason": reason }));
        assert_eq!(sentence(&silent), format!("the run ended with {reason}"));
    }
    assert_eq!(sentence(&report(json!({ "counts": { "read": 1 } }))), "1 row read, nothing to change");
}

/// api.md 7: a run that was started again keeps its beginning and what its earlier starts did.
#[test]
fn earlier_starts_are_kept() {
    let first = started(
        &SyncRunStatus { trigger: Some("Schedule".into()), ..Default::default() },
        "",
        time("2026-01-01T11:00:00Z"),
    );
    assert_eq!((first.starts, &first.earlier_starts), (Some(1), &None));
    let cut_off = SyncRunStatus {
        counts: Some(figures_of(&report(json!({ "counts": { "read": 4 } }))).counts),
        ..first
    };
    let mut again = started(&cut_off, "Interrupted", time("2026-01-01T11:30:00Z"));
    assert_eq!((again.starts, again.counts.is_none()), (Some(2), true));
    let report = report(json!({}));
    let status = checked(&finished(&ended(&report, Some(&again))));
    assert_eq!(status["startTime"], "2026-01-01T11:00:00Z");
    assert_eq!(status["duration"], "1h4m12s");
    assert_eq!(status["trigger"], "Schedule");
    assert_eq!(status["earlierStarts"][0]["reason"], "Interrupted");
    assert_eq!(status["earlierStarts"][0]["endTime"], "2026-01-01T11:30:00Z");
    assert_eq!(status["earlierStarts"][0]["counts"]["read"], 4);
    for n in 0..20 {
        again = started(&again, &format!("Cause{n}"), time("2026-01-01T11:30:00Z"));
    }
    let kept = again.earlier_starts.expect("earlier starts");
    assert_eq!((again.starts, kept.len(), kept[9].reason.as_deref()), (Some(22), 10, Some("Cause19")));
}

/// api.md 7, `progress`: percent of the expected rows, absent if unknown, 0 to 100; rows per second lately.
#[test]
fn progress_is_a_share_and_a_rate() {
    let now = time("2026-01-01T12:00:10.7Z");
    let of = |rows, expected, previous: Option<&SyncRunStatus>| {
        let found = progress::of(Stage::Reading, rows, expected, previous, now);
        (found.percent, found.rows_per_second)
    };
    let before = |read: i64, time_before: &str, rate| SyncRunStatus {
        counts: Some(crate::api::statistics::Counts { read: Some(read), ..Default::default() }),
        progress: Some(Progress {
            time: Some(words::time(time(time_before))),
            rows_per_second: rate,
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(of(50, None, None), (None, None));
    for (rows, expected, percent) in [
        (0, 10, 0),
        (5, 10, 50),
        (999, 1000, 99),
        (30, 10, 100),
        (u64::MAX, 1, 100),
        (u64::MAX, u64::MAX, 100),
    ] {
        assert_eq!(of(rows, Some(expected), None).0, Some(percent), "{rows} of {expected}");
    }
    let five_seconds_ago = before(1_000, "2026-01-01T12:00:05Z", None);
    assert_eq!(of(6_000, None, Some(&five_seconds_ago)).1, Some(1_000));
    assert_eq!(of(1_000, None, Some(&five_seconds_ago)).1, Some(0));
    assert_eq!(of(500, None, Some(&five_seconds_ago)).1, Some(100), "it began anew");
    let just_now = before(1_000, "2026-01-01T12:00:10Z", Some(77));
    assert_eq!(of(6_000, None, Some(&just_now)).1, Some(77), "too early to tell");
    let from_the_future = before(1_000, "2026-01-01T13:00:00Z", Some(77));
    assert_eq!(of(6_000, None, Some(&from_the_future)).1, Some(77));
}

/// semantics 15: the same blocks while a run goes on.
#[test]
fn a_run_that_goes_on_shows_its_books() {
    let account = Account::default();
    account.counts.read.add(5);
    account.counts.invalid.add(2);
    account.counts.failed.add(1);
    account.attributes.sent.add(9);
    account.memberships.joins.one();
    account.data_points.add(12);
    let shown = figures::of_account(&account);
    assert_eq!((shown.counts.read, shown.counts.rejected, shown.counts.added), (Some(5), Some(3), Some(0)));
    assert_eq!((shown.attributes.sent, shown.memberships.joins), (Some(9), Some(1)));
    assert_eq!((shown.traffic.data_points, shown.traffic.throttled.as_deref()), (Some(12), Some("0s")));

    let watch = Watch::default();
    assert_eq!(figures(&watch), None);
    let now = time("2026-01-01T12:00:10.7Z");
    let status = running(&watch, &started(&SyncRunStatus::default(), "", now), 1, now);
    let json = checked(&status);
    assert_eq!(json["progress"], json!({ "stage": "Waiting", "time": "2026-01-01T12:00:10Z" }));
    assert_eq!(json["conditions"][0]["reason"], "Running");
    assert_eq!(
        running(&watch, &status, 1, now).conditions,
        status.conditions,
        "nothing new, nothing to write"
    );
}
