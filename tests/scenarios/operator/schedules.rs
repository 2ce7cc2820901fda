//! Runs that the clock starts, retries, and what is overdue (api.md §6, conventions 9).

use braze_sandbox::{Effect, FaultRule};
use grouparoo::api::destination::DestinationStatus;
use grouparoo::api::sync_run::Trigger;
use grouparoo::api::{Destination, SyncRun};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::installed::{Installed, ready_reason, run_reason};

/// What a Destination sends, without its history.
const MAPPINGS: &str = "  syncMode: Additive\n  propertyMappings:\n    - { from: id, to: external_id }\n    - { from: plan, to: plan }";

fn slot(run: &SyncRun) -> Option<Timestamp> {
    (run.spec.trigger == Some(Trigger::Schedule)).then(|| run.spec.slot.as_deref()?.parse().ok())?
}

/// api.md §6: an interval of ten seconds; three runs are kept, and the next one is announced
#[tokio::test(flavor = "multi_thread")]
async fn runs_come_by_the_interval_and_three_are_kept() {
    let mut installed = Installed::with_people(2).await;
    installed.destination = format!("  schedule: {{ interval: 10s }}\n{MAPPINGS}");
    installed.factor = 20;
    installed.start();
    installed.apply().await;
    let mut slots = std::collections::BTreeSet::new();
    while slots.len() < 7 {
        let known = slots.clone();
        let next = |run: &SyncRun| {
            run_reason(run) == "SyncSucceeded" && slot(run).is_some_and(|slot| !known.contains(&slot))
        };
        let run = installed.run_when(next).await;
        slots.insert(slot(&run).expect("a slot"));
    }
    let slots: Vec<Timestamp> = slots.into_iter().collect();
    for pair in slots.windows(2) {
        let apart = pair[1].duration_since(pair[0]).as_secs();
        assert!(apart > 0 && apart % 10 == 0, "{slots:?}");
    }
    let destination = installed
        .destination_when(|destination| {
            let status = destination.status.as_ref();
            status.is_some_and(|status| status.next_run_time.is_some() && status.last_schedule_time.is_some())
        })
        .await;
    let status = destination.status.expect("a status");
    assert_eq!(status.schedule.as_deref(), Some("every 10s"));
    assert!(status.next_run_time > status.last_schedule_time);
    // Suspended, nothing comes any more, and three are left.
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": true } })).await;
    installed.ready("Suspended").await;
    let pruned = async || {
        let runs = installed.runs().await;
        runs.iter().filter(|run| run_reason(run) == "SyncSucceeded").count() <= 3
    };
    let clock = grouparoo_clock::Clock::system();
    let waiting = async {
        while !pruned().await {
            installed.run_when(|_| true).await;
        }
    };
    assert!(clock.timeout(super::installed::SOON, waiting).await.is_some(), "{:#?}", installed.runs().await);
    installed.check().await;
}

/// The start of the next slot, as the status tells it.
async fn next_slot(installed: &Installed) -> Timestamp {
    let has = |status: &DestinationStatus| status.next_run_time.is_some() && status.last_run.is_some();
    let destination = installed.destination_when(|one| one.status.as_ref().is_some_and(has)).await;
    destination.status.and_then(|status| status.next_run_time).expect("a next run").0
}

async fn slots(installed: &Installed) -> Vec<Timestamp> {
    installed.runs().await.iter().filter_map(slot).collect()
}

/// conventions 9: what was missed is one catch-up, however long nobody looked
#[tokio::test(flavor = "multi_thread")]
async fn after_a_pause_one_run_catches_up() {
    let mut installed = Installed::with_people(2).await;
    installed.destination =
        format!("  schedule: {{ interval: 30m }}\n  history: {{ succeededRuns: 90 }}\n{MAPPINGS}");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let first = next_slot(&installed).await;
    // Five hours and a minute later.
    installed.restart_at(first + 301.minutes());
    installed.run_when(|run| slot(run).is_some() && run_reason(run) == "SyncSucceeded").await;
    installed.ready("SyncSucceeded").await;
    assert_eq!(slots(&installed).await, [first + 300.minutes()], "ten slots were missed, and one is run");
    // The next one is half an hour later, as if nothing had happened.
    assert_eq!(next_slot(&installed).await, first + 330.minutes());
    installed.check().await;
}

/// api.md §6 `startingDeadline`, conventions 1 row "overdue": slots that come too late are left out, however many; a
/// Destination without success for two intervals says so, and the next slot in time clears it
#[tokio::test(flavor = "multi_thread")]
async fn slots_that_are_too_late_are_left_out_until_success_is_overdue() {
    let mut installed = Installed::with_people(2).await;
    installed.destination = format!("  schedule: {{ interval: 30m, startingDeadline: 2m }}\n{MAPPINGS}");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let first = next_slot(&installed).await;
    // Within the hour that a success may be old: left out, and no more.
    installed.restart_at(first + 10.minutes());
    let left_out = |at: Timestamp| {
        move |one: &Destination| {
            let last = one.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
            last.is_some_and(|last| last.0 == at)
        }
    };
    let destination = installed.destination_when(left_out(first)).await;
    assert_eq!(ready_reason(&destination), "SyncSucceeded");
    // Two more are left out, and an hour is over.
    installed.restart_at(first + 70.minutes());
    let overdue = installed.ready("Overdue").await;
    assert!(left_out(first + 60.minutes())(&overdue), "{overdue:#?}");
    let stalled = installed.space.wait_condition("Destination", "users", "Stalled", "True").await;
    assert_eq!(stalled["reason"], "Overdue");
    assert!(stalled["message"].as_str().is_some_and(|text| text.contains("two intervals")), "{stalled}");
    assert_eq!(slots(&installed).await, [] as [Timestamp; 0], "no slot has a run");
    let page = installed.page("/metrics").await;
    let wanted = "name=\"users\",type=\"Stalled\",status=\"True\"} 1";
    assert!(page.contains(wanted), "an alert can be made of it: {page}");
    // A minute late is in time.
    installed.restart_at(first + 91.minutes());
    let healed = installed.ready("SyncSucceeded").await;
    assert_eq!(slots(&installed).await, [first + 90.minutes()]);
    let conditions = healed.status.and_then(|status| status.conditions).expect("conditions");
    assert!(conditions.iter().all(|one| one.type_ != "Stalled"), "{conditions:?}");
    installed.check().await;
}

/// api.md §6 `retry`: failed runs are tried again, later each time; then a person is needed; a success clears all
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_tried_again_and_then_told() {
    let mut installed = Installed::with_people(2).await;
    installed.destination = format!("  retry: {{ limit: 2, initialDelay: 20s }}\n{MAPPINGS}");
    installed.limits = "{ settle: 0s, retryFor: 2s }".to_owned();
    installed.factor = 10;
    installed.start();
    // The test of the connection asks there too: it comes first.
    installed.destination = format!("  suspend: true\n{}", installed.destination);
    installed.apply().await;
    installed.ready("Suspended").await;
    installed.space.wait_condition("BrazeApp", "braze", "Ready", "True").await;
    installed.space.wait_condition("Model", "users", "Ready", "True").await;
    installed.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at("/users/track")]);
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": false } })).await;
    let retrying = installed.ready("SyncFailed").await.status.expect("a status");
    let retry = retrying.retry.expect("a retry");
    assert_eq!(retry.attempt, Some(1));
    assert!(retry.next_retry_time > retry.last_failure_time, "{retry:?}");
    let conditions = retrying.conditions.expect("conditions");
    assert!(conditions.iter().any(|one| one.type_ == "Reconciling" && one.reason == "ProgressingWithRetry"));
    let stalled = installed.ready("BrazeUnavailable").await;
    assert_eq!(stalled.status.as_ref().and_then(|status| status.retry.as_ref()?.attempt), Some(3));
    let conditions = stalled.status.and_then(|status| status.conditions).expect("conditions");
    assert!(conditions.iter().any(|one| one.type_ == "Stalled"), "{conditions:?}");
    let runs = installed.runs().await;
    let attempts: Vec<Option<i32>> = runs.iter().map(|run| run.spec.attempt).collect();
    assert_eq!(attempts, [None, Some(1), Some(2)]);
    let slots: std::collections::BTreeSet<_> = runs.iter().map(|run| run.spec.slot.clone()).collect();
    assert_eq!(slots.len(), 1, "a retry answers the same: {slots:?}");
    let ends: Vec<_> =
        runs.iter().map(|run| run.status.as_ref().and_then(|s| s.completion_time.clone())).collect();
    let starts: Vec<_> =
        runs.iter().map(|run| run.status.as_ref().and_then(|s| s.start_time.clone())).collect();
    for (retry, wait) in [(1, 20), (2, 40)] {
        let end = ends[retry - 1].as_ref().expect("an end").0;
        let waited = starts[retry].as_ref().expect("a start").0.duration_since(end).as_secs();
        assert!(waited >= wait, "retry {retry} after {waited} s");
    }
    installed.sandbox.clear_faults();
    installed.annotate("grouparoo.io/requested-at", "now").await;
    let healed = installed.ready("SyncSucceeded").await;
    assert_eq!(healed.status.and_then(|status| status.retry), None);
    installed.check().await;
}
