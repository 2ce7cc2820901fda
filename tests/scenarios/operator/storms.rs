//! Many things at once, and changes in the middle of a run (api.md §8, conventions 5).

use std::time::Duration;

use grouparoo::api::SyncRun;
use grouparoo::api::sync_run::Trigger;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::installed::{DESTINATION, Installed, ready_reason, run_message, run_reason};

/// So many people, and a Braze so slow that a run of them takes a while.
async fn slow_world(people: u32) -> Installed {
    let mut installed = Installed::with_people(people).await;
    installed.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    installed.slow(Duration::from_millis(200));
    installed.start();
    installed.apply().await;
    installed
}

fn is_open(run: &SyncRun) -> bool {
    run.status.as_ref().is_none_or(|status| status.completion_time.is_none())
}

fn added(run: &SyncRun) -> i64 {
    let counts = run.status.as_ref().and_then(|status| status.counts.as_ref());
    counts.and_then(|counts| counts.added).unwrap_or(0)
}

/// conventions 5: a storm coalesces to 1 running + 1 queued
#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_make_one_more_run() {
    let installed = slow_world(300).await;
    installed.running().await;
    installed.slow(Duration::from_secs(2));
    for token in 1..=50 {
        installed.annotate("grouparoo.io/requested-at", &format!("token-{token}")).await;
    }
    installed
        .destination_when(|destination| {
            let echo = destination.status.as_ref().and_then(|status| status.last_handled_request_at.clone());
            echo.as_deref() == Some("token-50")
        })
        .await;
    let runs = installed.runs().await;
    assert_eq!(runs.len(), 2, "one in progress and one queued: {:#?}", runs);
    assert!(runs.iter().all(is_open));
    installed.sandbox.clear_faults();
    let runs = installed.runs_ended(2).await;
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run_reason(run) == "SyncSucceeded"));
    let starts: Vec<_> =
        runs.iter().map(|run| run.status.as_ref().and_then(|status| status.starts)).collect();
    assert_eq!(starts, [Some(1), Some(1)], "each is executed once");
    installed.check().await;
}

/// conventions 5: the same when nothing is in progress yet
#[tokio::test(flavor = "multi_thread")]
async fn requests_in_quick_succession_do_not_pile_up() {
    let installed = slow_world(20).await;
    installed.ready("SyncSucceeded").await;
    let watched = installed.space.clone();
    for token in 1..=50 {
        installed.annotate("reconcile.fluxcd.io/requestedAt", &format!("token-{token}")).await;
        let list = watched.api::<SyncRun>().list(&Default::default()).await.expect("a list");
        let open = list.items.iter().filter(|run| is_open(run)).count();
        assert!(open <= 2, "{open} runs wait or are in progress: {:#?}", list.items);
    }
    installed.sandbox.clear_faults();
    installed
        .destination_when(|destination| {
            let status = destination.status.as_ref();
            let echo = status.and_then(|status| status.last_handled_reconcile_at.as_deref());
            echo == Some("token-50") && status.is_some_and(|status| status.active_run.is_none())
        })
        .await;
    installed.check().await;
}

/// api.md §11, semantics 8.3: ten edits in a second end with the last one sent and no stale run left
#[tokio::test(flavor = "multi_thread")]
async fn of_ten_edits_the_last_one_is_what_braze_has() {
    let installed = slow_world(50).await;
    installed.ready("SyncSucceeded").await;
    installed.sandbox.clear_faults();
    let edit = |target: String| {
        json!({ "spec": { "propertyMappings": [
            { "from": "id", "to": "external_id" }, { "from": "email", "to": "email" },
            { "from": "plan", "to": target },
        ] } })
    };
    for number in 1..=10 {
        installed.patch("Destination", "users", &edit(format!("plan_{number}"))).await;
    }
    let generation = installed.space.raw("Destination").get("users").await.expect("it").metadata.generation;
    installed
        .run_when(|run| {
            let inputs = run.status.as_ref().and_then(|status| status.inputs.as_ref());
            run_reason(run) == "SyncSucceeded"
                && inputs.is_some_and(|inputs| inputs.destination_generation == generation)
        })
        .await;
    installed
        .destination_when(|destination| {
            let status = destination.status.as_ref();
            ready_reason(destination) == "SyncSucceeded"
                && status.is_some_and(|status| {
                    status.observed_generation == generation && status.active_run.is_none()
                })
        })
        .await;
    assert_eq!(installed.user("7")["custom_attributes"], json!({ "plan_10": "basic" }));
    let open: Vec<SyncRun> = installed.runs().await.into_iter().filter(is_open).collect();
    assert!(open.is_empty(), "{open:#?}");
    installed.check().await;
}

/// api.md §6 `suspend`: a run in progress stops at its checkpoint; resumed, the Destination goes on with the rest
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_suspended_is_taken_up_again() {
    let installed = slow_world(300).await;
    installed.running().await;
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": true } })).await;
    let cut = installed.runs_ended(1).await.remove(0);
    assert_eq!(run_reason(&cut), "Cancelled");
    assert!(run_message(&cut).contains("suspended"), "{}", run_message(&cut));
    assert!(added(&cut) > 0 && added(&cut) < 300, "{}", added(&cut));
    installed.ready("Suspended").await;
    installed.sandbox.clear_faults();
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": false } })).await;
    let runs = installed.runs_ended(2).await;
    assert_eq!(run_reason(&runs[1]), "SyncSucceeded");
    assert_eq!(added(&cut) + added(&runs[1]), 300, "what was sent is not sent again");
    assert_eq!(installed.sandbox.user_count(), 300);
    installed.ready("SyncSucceeded").await;
    installed.check().await;
}

/// api.md §8: one run is stopped by a person, and no other comes by itself
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_person_cancels_stops_and_stays_so() {
    let installed = slow_world(300).await;
    let name = kube::ResourceExt::name_any(&installed.running().await);
    installed.patch("SyncRun", &name, &json!({ "spec": { "cancel": true } })).await;
    let cut = installed.ended(&name).await;
    assert_eq!(run_reason(&cut), "Cancelled");
    assert!(run_message(&cut).contains("spec.cancel"), "{}", run_message(&cut));
    installed.sandbox.clear_faults();
    installed
        .destination_when(|destination| {
            destination
                .status
                .as_ref()
                .is_some_and(|status| status.active_run.is_none() && status.last_run.is_some())
        })
        .await;
    assert_eq!(installed.runs().await.len(), 1);
    installed.annotate("grouparoo.io/requested-at", "rest").await;
    let runs = installed.runs_ended(2).await;
    assert_eq!(added(&runs[0]) + added(&runs[1]), 300);
    installed.check().await;
}

/// A run that has not begun is cancelled without a start.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_is_cancelled_at_once() {
    let installed = slow_world(300).await;
    installed.running().await;
    installed.ask_for("mine", "Sync", "").await;
    installed.space.wait::<SyncRun>("mine", |run| run_message(run).contains("waits for")).await;
    installed.patch("SyncRun", "mine", &json!({ "spec": { "cancel": true } })).await;
    let run = installed.ended("mine").await;
    assert_eq!(run_reason(&run), "Cancelled");
    assert_eq!(run.status.as_ref().and_then(|status| status.starts), None);
    installed.check().await;
}

/// api.md §6: a Destination that goes takes its run along; nothing more is sent
#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_destination_stops_its_run() {
    let installed = slow_world(300).await;
    let name = kube::ResourceExt::name_any(&installed.running().await);
    installed.space.raw("Destination").delete("users", &DeleteParams::default()).await.expect("a deletion");
    let cut = installed.ended(&name).await;
    assert_eq!(run_reason(&cut), "Cancelled");
    assert!(run_message(&cut).contains("deleted"), "{}", run_message(&cut));
    assert!(installed.sandbox.user_count() < 300);
    installed.sandbox.clear_faults();
    // The same name again goes on from what was delivered.
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.sandbox.user_count(), 300);
    installed.check().await;
}

/// api.md §7: deleting an active run cancels it; the Destination does not lose what it has to send
#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_run_stops_it() {
    let installed = slow_world(300).await;
    let run = installed.running().await;
    let (name, uid) = (kube::ResourceExt::name_any(&run), run.metadata.uid.clone());
    installed.space.raw("SyncRun").delete(&name, &DeleteParams::default()).await.expect("a deletion");
    installed.sandbox.clear_faults();
    // Nothing is known to have been sent, so it is sent by a run that is another object.
    let next = installed.run_when(|run| run_reason(run) == "SyncSucceeded").await;
    assert_ne!(next.metadata.uid, uid);
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.sandbox.user_count(), 300);
    installed.check().await;
}

/// semantics 8.3.5: an edit in mid-run cancels it, and the next run sends the rest in the new form
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_mid_run_is_what_the_rest_gets() {
    let installed = slow_world(300).await;
    installed.running().await;
    let mappings = json!([{ "from": "id", "to": "external_id" }, { "from": "plan", "to": "level" }]);
    installed.patch("Destination", "users", &json!({ "spec": { "propertyMappings": mappings } })).await;
    let cut = installed.run_when(|run| run_reason(run) == "Cancelled").await;
    assert!(run_message(&cut).contains("edited"), "{}", run_message(&cut));
    installed.sandbox.clear_faults();
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.sandbox.user_count(), 300);
    for id in ["1", "300"] {
        assert_eq!(installed.user(id)["custom_attributes"], json!({ "level": "basic" }), "{id}");
    }
    installed.check().await;
}

/// An edit that is taken back before a run of it began leaves what was cut off to be sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_taken_back_leaves_nothing_unsent() {
    let installed = slow_world(300).await;
    installed.running().await;
    let first = installed.space.raw("Destination").get("users").await.expect("it").data["spec"].clone();
    let mappings = json!([{ "from": "id", "to": "external_id" }, { "from": "plan", "to": "level" }]);
    let edited = json!({ "spec": { "propertyMappings": mappings, "onChange": "Wait" } });
    installed.patch("Destination", "users", &edited).await;
    installed.run_when(|run| run_reason(run) == "Cancelled").await;
    installed.sandbox.clear_faults();
    let back = json!({ "spec": { "propertyMappings": first["propertyMappings"], "onChange": Value::Null } });
    installed.patch("Destination", "users", &back).await;
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.sandbox.user_count(), 300);
    installed.check().await;
}

/// api.md §6 `concurrencyPolicy: Replace`: a due run cancels the active one
#[tokio::test(flavor = "multi_thread")]
async fn with_replace_the_next_slot_cancels_the_run() {
    let mut installed = Installed::with_people(300).await;
    installed.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    installed.destination =
        format!("  schedule: {{ interval: 10s, concurrencyPolicy: Replace }}\n{DESTINATION}");
    installed.factor = 5;
    installed.slow(Duration::from_millis(500));
    installed.start();
    installed.apply().await;
    let cut = installed.run_when(|run| run_reason(run) == "Cancelled").await;
    assert!(run_message(&cut).contains("replaces"), "{}", run_message(&cut));
    installed.sandbox.clear_faults();
    let next = installed
        .run_when(|run| run_reason(run) == "SyncSucceeded" && run.spec.trigger == Some(Trigger::Schedule))
        .await;
    assert_ne!(kube::ResourceExt::name_any(&next), kube::ResourceExt::name_any(&cut));
    installed
        .destination_when(|it| it.status.as_ref().is_some_and(|status| status.known_records == Some(300)))
        .await;
    installed.check().await;
}
