//! SyncRuns that people make (api.md §7, §8).

use grouparoo::api::SyncRun;
use serde_json::json;

use super::installed::{Installed, run_message, run_reason};

/// A world in which everything was sent once.
async fn settled(people: u32) -> Installed {
    let mut installed = Installed::with_people(people).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed
}

fn count(run: &SyncRun, of: &str) -> i64 {
    let counts = run.status.as_ref().and_then(|status| status.counts.as_ref());
    serde_json::to_value(counts).expect("JSON")[of].as_i64().unwrap_or(0)
}

/// Plan sends nothing and counts; it is not the last run of the Destination
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_a_run_would_do_and_sends_nothing() {
    let installed = settled(5).await;
    installed.sql("update users set plan = 'gold' where id < 3");
    let sent = installed.sandbox.totals().answered;
    installed.ask_for("what-if", "Plan", "").await;
    let plan = installed.ended("what-if").await;
    assert_eq!(run_reason(&plan), "PlanCompleted");
    assert_eq!((count(&plan, "read"), count(&plan, "updated")), (5, 2));
    assert_eq!(plan.status.as_ref().and_then(|status| status.trigger.as_deref()), Some("Manual"));
    assert_eq!(installed.sandbox.totals().answered, sent, "a plan asks Braze nothing");
    let destination = installed.ready("SyncSucceeded").await;
    let last = destination.status.and_then(|status| status.last_run).expect("a last run");
    assert_ne!(last.name, "what-if");
    installed.check().await;
}

/// FullResync sends every value again
#[tokio::test(flavor = "multi_thread")]
async fn a_full_resync_sends_everything_again_and_goes_after_its_time() {
    let installed = settled(5).await;
    installed.ask_for("all", "FullResync", "ttlAfterFinished: 1s").await;
    let run = installed
        .run_when(|run| kube::ResourceExt::name_any(run) == "all" && run_reason(run) == "SyncSucceeded")
        .await;
    assert_eq!(count(&run, "updated"), 5);
    installed.space.wait_gone("SyncRun", "all").await;
    assert_eq!(installed.runs().await.len(), 1, "the operator's own stays");
    installed.check().await;
}

/// RetryRejected sends what Braze refused, once more
#[tokio::test(flavor = "multi_thread")]
async fn what_was_rejected_is_tried_again_on_request() {
    let mut installed = Installed::with_people(5).await;
    installed.sandbox.refuse("3", "not this one");
    installed.start();
    installed.apply().await;
    let destination = installed.ready("SyncSucceeded").await;
    assert_eq!(destination.status.and_then(|status| status.known_records), Some(4));
    installed.sandbox.refuse_nobody();
    installed.ask_for("again", "RetryRejected", "").await;
    let run = installed.ended("again").await;
    assert_eq!(run_reason(&run), "SyncSucceeded", "{}", run_message(&run));
    assert_eq!(count(&run, "added"), 1);
    assert_eq!(installed.sandbox.user_count(), 5);
    installed.check().await;
}

/// api.md §7: trigger, slot and attempt on a run that the operator did not make is `InvalidSpec`
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_poses_as_the_operators_is_refused_and_holds_nobody_up() {
    let installed = settled(3).await;
    for (name, claim) in [
        ("a-trigger", "trigger: Cleanup"),
        ("a-slot", "slot: '2026-11-24T00:00:00Z'"),
        ("an-attempt", "attempt: 2"),
        ("all-three", "trigger: Schedule, slot: '2026-11-24T00:00:00Z', attempt: 1"),
    ] {
        installed.ask_for(name, "Sync", claim).await;
        let run = installed.ended(name).await;
        assert_eq!(run_reason(&run), "InvalidSpec", "{name}");
        assert!(run_message(&run).contains("set by the operator alone"), "{}", run_message(&run));
        assert_eq!(run.status.and_then(|status| status.starts), None);
    }
    installed.ask_for("plain", "Sync", "").await;
    assert_eq!(run_reason(&installed.ended("plain").await), "SyncSucceeded");
    installed.check().await;
}

/// A run waits ten minutes for a Destination that is not there; one that comes in time executes it
#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_its_destination_and_then_fails() {
    let mut installed = Installed::with_people(3).await;
    // The first minute is a second, so ten minutes are ten.
    installed.factor = 60;
    installed.start();
    installed.ask_for_another("nobody", "lost", "Sync", "").await;
    installed.ask_for("early", "Sync", "").await;
    let waits = installed.space.wait::<SyncRun>("lost", |run| run_reason(run) == "DependencyNotReady").await;
    assert!(run_message(&waits).contains("there is no Destination nobody"), "{}", run_message(&waits));
    installed.apply().await;
    assert_eq!(run_reason(&installed.ended("early").await), "SyncSucceeded");
    let lost = installed.ended("lost").await;
    assert_eq!(run_reason(&lost), "DependencyNotReady");
    assert!(run_message(&lost).contains("10 minutes"), "{}", run_message(&lost));
    installed.check().await;
}

/// Two at once: one after the other, and each executes once
#[tokio::test(flavor = "multi_thread")]
async fn two_runs_of_two_people_go_one_after_the_other() {
    let installed = settled(40).await;
    installed.slow(std::time::Duration::from_millis(700));
    installed.ask_for("first", "FullResync", "").await;
    installed.ask_for("second", "FullResync", "").await;
    let waits = installed.run_when(|run| run_message(run).contains("waits for")).await;
    assert_eq!(run_reason(&waits), "Pending");
    installed.sandbox.clear_faults();
    for name in ["first", "second"] {
        let run = installed.ended(name).await;
        assert_eq!((run_reason(&run).as_str(), count(&run, "updated")), ("SyncSucceeded", 40), "{name}");
        assert_eq!(run.status.and_then(|status| status.starts), Some(1));
    }
    installed.check().await;
}

/// `kubectl wait` and what it says of runs that people make
#[tokio::test(flavor = "multi_thread")]
async fn kubectl_waits_for_the_end_of_a_run() {
    let installed = settled(3).await;
    installed.ask_for("mine", "Sync", "").await;
    let waited = installed
        .space
        .kubectl(&["wait", "--for=condition=Succeeded", "--timeout=60s", "syncrun/mine"])
        .await
        .success();
    assert!(waited.contains("condition met"), "{waited}");
    let patch = json!({ "spec": { "mode": "Plan" } });
    let refused = installed
        .space
        .kubectl(&["patch", "syncrun", "mine", "--type=merge", "-p", &patch.to_string()])
        .await
        .failure();
    assert!(refused.contains("cannot be changed, only cancelled"), "{refused}");
    installed.check().await;
}
