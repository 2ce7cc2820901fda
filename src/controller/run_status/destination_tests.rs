//! What a Destination repeats of its runs.

use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::tests::{ended, report, time};
use super::*;
use crate::api::check;
use crate::api::sync_run::{SyncRun, SyncRunStatus};
use crate::sync::run::Watch;

fn run(mode: &str, status: Option<SyncRunStatus>) -> SyncRun {
    let spec = json!({ "destinationRef": { "name": "users" }, "mode": mode });
    let mut run = SyncRun::new("users-x", serde_json::from_value(spec).expect("a spec"));
    run.status = status;
    run
}

/// api.md 6, `lastRun`: the newest finished run that was not a plan.
#[test]
fn a_destination_repeats_its_last_run() {
    for (result, reason, shown) in [
        ("Succeeded", Value::Null, ("Succeeded", "SyncSucceeded")),
        ("Failed", json!("ReadFailed"), ("Failed", "ReadFailed")),
        ("Cancelled", json!("Cancelled"), ("Cancelled", "Cancelled")),
        ("Cancelled", json!("TimedOut"), ("Cancelled", "TimedOut")),
    ] {
        let report =
            report(json!({ "result": result, "reason": reason, "counts": { "read": 3, "added": 3 } }));
        let status = finished(&ended(&report, None));
        let last = last_run(&run("Sync", Some(status.clone()))).expect("a finished run");
        assert_eq!((last.result.as_deref(), last.reason.as_deref()), (Some(shown.0), Some(shown.1)));
        assert_eq!((last.name.as_str(), last.mode.as_deref()), ("users-x", Some("Sync")));
        assert_eq!((last.duration.as_deref(), &last.counts), (Some("4m12s"), &status.counts));
        assert_eq!(last_run(&run("Plan", Some(status))), None);
        let json = json!({ "lastRun": last });
        assert_eq!(check::kind("Destination").expect("the kind").check_status(&json), []);
    }
    assert_eq!(last_run(&run("Sync", None)), None);
    let going_on = running(&Watch::default(), &SyncRunStatus::default(), 1, time("2026-01-01T12:00:00Z"));
    assert_eq!(last_run(&run("Sync", Some(going_on))), None);
}

/// api.md 6, `pendingApprovals` ≤ 8 by token, `errors` ≤ 5, `warnings` ≤ 10.
#[test]
fn questions_errors_and_warnings_of_a_destination_keep_their_bounds() {
    let asked = |n: i64, token: &str| {
        json!({ "token": token, "question": "WorkspaceChanged", "answer": "fresh", "message": "m", "removals": 0,
            "knownRecords": 1, "since": time("2026-01-01T00:00:00Z") + n.minutes(), "expires": "2026-01-08T00:00:00Z" })
    };
    let mut questions: Vec<Value> = (0..12).map(|n| asked(n, &format!("token-{n}"))).collect();
    questions.push(asked(20, "token-11"));
    let error = |n: u64| json!({ "code": format!("Code{n}"), "count": 100 - n, "hint": "h" });
    let warning = |n: u64| json!({ "code": format!("Code{n}"), "field": "f", "message": "m" });
    let report = report(json!({
        "pendingApprovals": questions,
        "errors": (0..30).map(error).collect::<Vec<_>>(),
        "warnings": (0..30).map(warning).collect::<Vec<_>>(),
    }));
    let asked = pending(&report, "users-x");
    let tokens: Vec<&str> = asked.iter().map(|one| one.token.as_str()).collect();
    assert_eq!(tokens[..3], ["token-11", "token-10", "token-9"], "newest first");
    assert_eq!((tokens.len(), asked[0].run.as_deref()), (8, Some("users-x")));
    let errors = top_errors(&finished(&ended(&report, None)));
    assert_eq!((errors.len(), errors[0].code.as_str(), errors[0].count), (5, "Code0", Some(100)));
    let json = json!({ "pendingApprovals": asked, "errors": errors, "warnings": warnings(&report) });
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(10));
    assert_eq!(check::kind("Destination").expect("the kind").check_status(&json), []);
}
