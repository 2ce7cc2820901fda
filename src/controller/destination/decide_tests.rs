use serde_json::{Value, json};

use super::*;
use crate::controller::conditions::find;
use crate::controller::schedule::run_name;

const DIGEST: &str = "00000000000000010000000000000002";

fn at(text: &str) -> Timestamp {
    format!("2026-03-01T{text}Z").parse().expect("a time")
}

/// A Destination made at eleven, with these fields over the smallest one.
fn destination(spec: &Value, annotations: &Value, status: &Value) -> Destination {
    let mut value = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "Destination",
        "metadata": {
            "name": "users", "namespace": "crm", "uid": "d-1", "generation": 3,
            "creationTimestamp": at("11:00:00").to_string(), "annotations": annotations,
        },
        "spec": {
            "appRef": { "name": "braze" }, "modelRef": { "name": "users" }, "syncMode": "Additive",
            "propertyMappings": [{ "from": "id", "to": "external_id" }],
        },
        "status": status,
    });
    for (field, set) in spec.as_object().expect("fields") {
        value["spec"][field] = set.clone();
    }
    serde_json::from_value(value).expect("a Destination")
}

fn simple(spec: &Value) -> Destination {
    destination(spec, &json!({}), &json!({}))
}

/// A run of the operator that ended so at a time, with what it sent.
fn ended(slot: &str, attempt: Option<u32>, trigger: &str, end: &str, result: (&str, &str)) -> SyncRun {
    let (succeeded, reason) = result;
    let name = run_name("users", "d-1", slot, attempt);
    let end = at(end).to_string();
    let mut value = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "SyncRun",
        "metadata": { "name": name, "namespace": "crm", "creationTimestamp": end },
        "spec": { "destinationRef": { "name": "users" }, "mode": "Sync", "trigger": trigger, "slot": slot },
        "status": {
            "starts": 1, "startTime": end, "completionTime": end, "inputs": { "digest": DIGEST },
            "conditions": [{
                "type": "Succeeded", "status": succeeded, "reason": reason, "message": "what was done",
                "lastTransitionTime": end,
            }],
        },
    });
    if let Some(attempt) = attempt {
        value["spec"]["attempt"] = json!(attempt);
    }
    serde_json::from_value(value).expect("a SyncRun")
}

fn good(end: &str) -> SyncRun {
    ended("change:1", None, "Change", end, ("True", "SyncSucceeded"))
}

fn waiting(slot: &str, trigger: &str) -> SyncRun {
    let mut run = ended(slot, None, trigger, "11:59:00", ("Unknown", "Pending"));
    run.status = None;
    run
}

fn accepted() -> Verdict {
    Verdict { digest: Some(DIGEST.to_owned()), ..Verdict::default() }
}

fn decided(destination: &Destination, verdict: &Verdict, runs: &[SyncRun], now: &str) -> Decision {
    let inputs =
        Inputs { destination_generation: Some(3), digest: verdict.digest.clone(), ..Inputs::default() };
    let seen = Seen {
        destination,
        verdict,
        inputs: Some(&inputs),
        connections_checked: None,
        runs,
        active: None,
        held: None,
        now: at(now),
    };
    decide(&seen)
}

fn ready(decision: &Decision) -> (String, String) {
    let conditions = decision.status.conditions.as_deref().expect("conditions");
    let ready = find(conditions, "Ready").expect("Ready is always there");
    (ready.status.clone(), ready.reason.clone())
}

fn is_ready(decision: &Decision, status: &str, reason: &str) {
    assert_eq!(ready(decision), (status.to_owned(), reason.to_owned()));
}

fn trigger(decision: &Decision) -> Option<Trigger> {
    decision.create.as_ref().map(|run| run.trigger)
}

/// api.md §6: no `schedule` means after changes and on request; a new object is a change. `Wait` keeps it.
#[test]
fn a_new_destination_runs_at_once_unless_it_waits() {
    let run = decided(&simple(&json!({})), &accepted(), &[], "12:00:00");
    assert_eq!(trigger(&run), Some(Trigger::Change));
    is_ready(&run, "True", "Scheduled");
    let waits = decided(&simple(&json!({ "onChange": "Wait" })), &accepted(), &[], "12:00:00");
    assert_eq!(trigger(&waits), None);
    is_ready(&waits, "True", "Scheduled");
}

/// api.md §11: another digest starts a run, the same does not, and one that waits answers it already
#[test]
fn what_is_sent_is_compared_with_what_was_sent() {
    let destination = simple(&json!({}));
    let same = decided(&destination, &accepted(), &[good("11:30:00")], "12:00:00");
    assert_eq!(trigger(&same), None);
    is_ready(&same, "True", "SyncSucceeded");
    let edited = Verdict { digest: Some("other0000000000f".to_owned()), ..Verdict::default() };
    assert_eq!(
        trigger(&decided(&destination, &edited, &[good("11:30:00")], "12:00:00")),
        Some(Trigger::Change)
    );
    let runs = [good("11:30:00"), waiting("change:2", "Change")];
    assert_eq!(trigger(&decided(&destination, &edited, &runs, "12:00:00")), None);
}

/// conventions 5: a token that differs from its echo starts a run and is echoed; suspended it is only echoed
#[test]
fn a_token_is_answered_once() {
    let annotations = json!({ "grouparoo.io/requested-at": "b" });
    let runs = [good("11:30:00")];
    let asked = destination(&json!({}), &annotations, &json!({ "lastHandledRequestAt": "a" }));
    let decision = decided(&asked, &accepted(), &runs, "12:00:00");
    assert_eq!(trigger(&decision), Some(Trigger::Request));
    assert_eq!(decision.status.last_handled_request_at.as_deref(), Some("b"));
    let echoed = destination(&json!({}), &annotations, &json!({ "lastHandledRequestAt": "b" }));
    assert_eq!(trigger(&decided(&echoed, &accepted(), &runs, "12:00:00")), None);
    let suspended = destination(&json!({ "suspend": true }), &annotations, &json!({}));
    let decision = decided(&suspended, &accepted(), &runs, "12:00:00");
    assert_eq!((trigger(&decision), decision.ignored_request), (None, true));
    assert_eq!(decision.status.last_handled_request_at.as_deref(), Some("b"));
    is_ready(&decision, "True", "Suspended");
    // A storm: one that waits has read nothing yet, so it answers all.
    let runs = [good("11:30:00"), waiting("request:a", "Request")];
    let storm = decided(&asked, &accepted(), &runs, "12:00:00");
    assert_eq!((trigger(&storm), storm.status.last_handled_request_at.as_deref()), (None, Some("b")));
    // While it cannot run the token is kept for later.
    let blocked = Verdict {
        blocked: Some(Readiness::Waiting {
            reason: "DependencyNotReady",
            message: "there is no Model".into(),
        }),
        ..accepted()
    };
    let decision = decided(&asked, &blocked, &[], "12:00:00");
    assert_eq!(decision.status.last_handled_request_at.as_deref(), Some("a"));
    is_ready(&decision, "False", "DependencyNotReady");
}

/// conventions 9: slots; one catch-up for those that were missed; what is shown
#[test]
fn the_schedule_makes_one_run_a_slot() {
    let spec = json!({ "schedule": { "cron": "*/15 * * * *" } });
    let before = decided(&simple(&spec), &accepted(), &[good("11:10:00")], "11:14:59");
    assert_eq!(trigger(&before), None);
    assert_eq!(before.again, Some(at("11:15:00")));
    assert_eq!(before.status.next_run_time.as_ref().map(|time| time.0), Some(at("11:15:00")));
    assert_eq!(before.status.schedule.as_deref(), Some("*/15 * * * * UTC"));
    let due = decided(&simple(&spec), &accepted(), &[good("11:10:00")], "11:15:00");
    let run = due.create.expect("a run");
    assert_eq!((run.trigger, run.slot.as_str()), (Trigger::Schedule, "2026-03-01T11:15:00Z"));
    assert_eq!(due.status.last_schedule_time.as_ref().map(|time| time.0), Some(at("11:15:00")));
    // Its run is known although the status was lost.
    let made = [good("11:10:00"), waiting("2026-03-01T11:15:00Z", "Schedule")];
    assert_eq!(trigger(&decided(&simple(&spec), &accepted(), &made, "11:16:00")), None);
    let late = decided(&simple(&spec), &accepted(), &[good("11:10:00")], "13:07:00");
    assert_eq!(late.create.expect("one catch-up").slot, "2026-03-01T13:00:00Z");
}

/// api.md §6 `retry`: tried again after a doubling wait, then Stalled; the schedule goes on
#[test]
fn a_failure_that_may_pass_is_tried_again() {
    let down = ("False", "BrazeUnavailable");
    let first = [ended("change:1", None, "Change", "12:00:00", down)];
    let decision = decided(&simple(&json!({})), &accepted(), &first, "12:00:10");
    is_ready(&decision, "False", "SyncFailed");
    assert_eq!(trigger(&decision), None);
    assert_eq!(decision.again, Some(at("12:00:30")));
    let retry = decision.status.retry.expect("what is tried");
    assert_eq!((retry.attempt, retry.next_retry_time.map(|time| time.0)), (Some(1), Some(at("12:00:30"))));
    let due = decided(&simple(&json!({})), &accepted(), &first, "12:00:30");
    let run = due.create.expect("a retry");
    assert_eq!((run.trigger, run.slot.as_str(), run.attempt), (Trigger::Retry, "change:1", Some(1)));
    let second = [ended("change:1", Some(1), "Retry", "12:02:00", down)];
    assert_eq!(decided(&simple(&json!({})), &accepted(), &second, "12:02:10").again, Some(at("12:03:00")));
    let last = [ended("change:1", Some(2), "Retry", "12:02:00", down)];
    let spec = json!({ "retry": { "limit": 2 }, "schedule": { "interval": "30m" } });
    let decision = decided(&simple(&spec), &accepted(), &last, "12:02:10");
    is_ready(&decision, "False", "BrazeUnavailable");
    assert!(find(decision.status.conditions.as_deref().expect("conditions"), "Stalled").is_some());
    assert!(decision.status.next_run_time.is_some(), "the schedule goes on");
}

/// semantics 3: what a person must mend is Stalled at once; a cancelled run leaves all as it was
#[test]
fn the_reason_of_the_newest_telling_run_is_shown() {
    for reason in
        ["DeletionGuard", "ApprovalRequired", "TooManyRejects", "AuthenticationFailed", "InvalidSpec"]
    {
        let runs = [good("11:10:00"), ended("request:a", None, "Request", "12:00:00", ("False", reason))];
        let decision = decided(&simple(&json!({})), &accepted(), &runs, "12:00:10");
        is_ready(&decision, "False", reason);
        assert_eq!(trigger(&decision), None, "{reason} is not tried again");
    }
    let runs = [good("11:10:00"), ended("request:a", None, "Request", "12:00:00", ("False", "Cancelled"))];
    is_ready(&decided(&simple(&json!({})), &accepted(), &runs, "12:00:10"), "True", "SyncSucceeded");
}

/// api.md §10: `AuthenticationFailed` clears itself when the test passes, and the run is made again
#[test]
fn a_login_that_works_again_clears_its_failure() {
    let destination = simple(&json!({}));
    let runs = [ended("change:1", None, "Change", "12:00:00", ("False", "AuthenticationFailed"))];
    let verdict = accepted();
    let seen = |checked: &str| Seen {
        destination: &destination,
        verdict: &verdict,
        inputs: None,
        connections_checked: Some(at(checked)),
        runs: &runs,
        active: None,
        held: None,
        now: at("12:10:00"),
    };
    is_ready(&decide(&seen("11:59:00")), "False", "AuthenticationFailed");
    let mended = decide(&seen("12:01:00"));
    is_ready(&mended, "False", "SyncFailed");
    assert_eq!(trigger(&mended), Some(Trigger::Retry), "what it could not send is sent now");
}

/// conventions 1: no success in max(2 intervals, 1 h)
#[test]
fn a_success_can_be_overdue() {
    let spec = json!({ "schedule": { "interval": "5m" }, "onChange": "Wait" });
    let status = json!({ "lastScheduleTime": at("12:28:00").to_string() });
    let destination = destination(&spec, &json!({}), &status);
    let runs = [good("11:30:00")];
    is_ready(&decided(&destination, &accepted(), &runs, "12:29:59"), "True", "SyncSucceeded");
    is_ready(&decided(&destination, &accepted(), &runs, "12:30:00"), "False", "Overdue");
}

/// api.md §8: a token of an open question starts a run at once; any other one is only echoed
#[test]
fn an_answer_starts_a_run() {
    let mut asking = ended("request:a", None, "Request", "12:00:00", ("False", "DeletionGuard"));
    let question =
        json!([{ "token": "k7f", "question": "DeletionGuard", "expires": "2026-03-08T12:00:00Z" }]);
    asking.status.as_mut().expect("a status").pending_approvals =
        Some(serde_json::from_value(question).expect("a question"));
    let runs = [good("11:10:00"), asking];
    let with = |token: &str| destination(&json!({}), &json!({ "grouparoo.io/approve": token }), &json!({}));
    let decision = decided(&with("old, k7f"), &accepted(), &runs, "12:01:00");
    assert_eq!(trigger(&decision), Some(Trigger::Approval));
    assert_eq!(decision.status.last_handled_approval.as_deref(), Some("old, k7f"));
    assert_eq!(decision.status.pending_approvals.as_ref().map(Vec::len), Some(1));
    let stray = decided(&with("other"), &accepted(), &runs, "12:01:00");
    assert_eq!((trigger(&stray), stray.status.last_handled_approval.as_deref()), (None, Some("other")));
    // A question that ran out means nothing any more.
    let mut later = runs.clone();
    later[1].status.as_mut().expect("a status").pending_approvals.as_mut().expect("one")[0].expires =
        Some(Time(at("12:00:30")));
    assert_eq!(trigger(&decided(&with("k7f"), &accepted(), &later, "12:01:00")), None);
}

/// conventions 2: status is a function of what is seen, so a second look writes nothing
#[test]
fn the_same_look_twice_says_the_same() {
    let spec = json!({ "schedule": { "cron": "*/15 * * * *" } });
    let runs = [good("11:10:00")];
    let mut destination = simple(&spec);
    let first = decided(&destination, &accepted(), &runs, "11:12:00");
    destination.status = Some(first.status.clone());
    let second = decided(&destination, &accepted(), &runs, "11:13:30");
    assert_eq!(second.status, first.status);
}
