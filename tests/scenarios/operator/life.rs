//! From the first apply to the deletion of a Destination.

use grouparoo::api::sync_run::Trigger;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use serde_json::json;

use super::installed::{DESTINATION, Installed, ready_reason, run_reason};

/// product: apply, and the users are in Braze seconds later; `kubectl get destinations` tells the story
#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_in_braze_soon() {
    let mut installed = Installed::with_people(20).await;
    installed.start();
    installed.apply().await;
    let destination = installed.ready("SyncSucceeded").await;
    let status = destination.status.expect("a status");
    let last = status.last_run.expect("a last run");
    assert_eq!(last.counts.and_then(|counts| counts.added), Some(20));
    assert_eq!(status.known_records, Some(20));
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(installed.sandbox.users().len(), 20);
    let runs = installed.runs().await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].spec.trigger, Some(Trigger::Change));
    assert_eq!(run_reason(&runs[0]), "SyncSucceeded");
    installed.check().await;
}

/// conventions 3: a missing referent is never a refusal; any apply order converges in 10 s
#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_applying_converges() {
    for reversed in [true, false] {
        let mut installed = Installed::with_people(3).await;
        installed.start();
        let mut manifests = installed.manifests();
        if reversed {
            manifests.reverse();
        } else {
            manifests.rotate_left(2);
        }
        for manifest in manifests {
            installed.space.apply(&manifest).await;
            // Each is looked at before the next one comes.
            if let Some(kind) = ["BrazeApp", "Source", "Model", "Destination"]
                .iter()
                .find(|kind| manifest.contains(&format!("kind: {kind}")))
            {
                let name = if *kind == "BrazeApp" {
                    "braze"
                } else if *kind == "Source" {
                    "crm"
                } else {
                    "users"
                };
                let seen =
                    |object: &kube::api::DynamicObject| object.data["status"]["observedGeneration"] == 1;
                crate::support::control_plane::wait(
                    installed.space.raw(kind),
                    name,
                    super::installed::SOON,
                    |object| object.is_some_and(seen),
                )
                .await;
            }
        }
        installed.ready("SyncSucceeded").await;
        assert_eq!(installed.sandbox.users().len(), 3);
        installed.check().await;
    }
}

/// api.md §8: an annotation starts a run, and its echo says so; the same token again starts none
#[tokio::test(flavor = "multi_thread")]
async fn a_request_starts_one_run() {
    let mut installed = Installed::with_people(3).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.sql("update users set plan = 'gold' where id = 1");
    for (annotation, token) in
        [("grouparoo.io/requested-at", "one"), ("reconcile.fluxcd.io/requestedAt", "2026-11-24T00:00:00Z")]
    {
        installed.annotate(annotation, token).await;
        installed
            .destination_when(|destination| {
                let status = destination.status.as_ref();
                let echoes =
                    status.map(|s| [s.last_handled_request_at.clone(), s.last_handled_reconcile_at.clone()]);
                echoes.is_some_and(|echoes| echoes.contains(&Some(token.to_owned())))
            })
            .await;
    }
    let runs = installed.runs_ended(3).await;
    assert_eq!(runs.iter().filter(|run| run.spec.trigger == Some(Trigger::Request)).count(), 2);
    assert_eq!(installed.user("1")["custom_attributes"]["plan"], "gold");
    installed.annotate("grouparoo.io/requested-at", "one").await;
    installed.annotate("example.com/unrelated", "x").await;
    installed.annotate("grouparoo.io/requested-at", "last").await;
    let runs = installed.runs_ended(4).await;
    assert_eq!(runs.len(), 4, "the same token starts no run");
    installed.check().await;
}

/// api.md §6 `suspend`, conventions 5: no run, the token is echoed, an event says why; resumed, runs go on
#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_destination_runs_only_when_it_is_resumed() {
    let mut installed = Installed::with_people(3).await;
    installed.destination = format!("  suspend: true\n{DESTINATION}");
    installed.start();
    installed.apply().await;
    installed.ready("Suspended").await;
    installed.annotate("grouparoo.io/requested-at", "now").await;
    installed
        .destination_when(|destination| {
            destination.status.as_ref().is_some_and(|status| status.last_handled_request_at.is_some())
        })
        .await;
    assert_eq!(installed.runs().await.len(), 0);
    let events = installed.space.kubectl(&["get", "events"]).await.success();
    assert!(events.contains("TriggerIgnoredSuspended"), "{events}");
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": false } })).await;
    installed.ready("SyncSucceeded").await;
    installed.check().await;
}

/// api.md §11: a change of what is sent starts a run, also one of the Model; a change of the schedule does not
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_is_sent_starts_a_run() {
    let mut installed = Installed::with_people(3).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let patch =
        json!({ "spec": { "schedule": { "cron": "0 0 1 1 *" }, "deletionGuard": { "maxPercent": 50 } } });
    installed.patch("Destination", "users", &patch).await;
    installed
        .destination_when(|destination| {
            let observed = destination.status.as_ref().and_then(|status| status.observed_generation);
            observed == Some(2) && ready_reason(destination) == "SyncSucceeded"
        })
        .await;
    assert_eq!(installed.runs().await.len(), 1);
    installed
        .patch(
            "Model",
            "users",
            &json!({ "spec": { "table": null, "query": "select * from users where id < 3" } }),
        )
        .await;
    let runs = installed.runs_ended(2).await;
    assert_eq!(runs[1].spec.trigger, Some(Trigger::Change));
    assert_eq!(runs[1].status.as_ref().and_then(|status| status.counts.as_ref()?.released), Some(1));
    installed.check().await;
}

/// api.md §6 `deletionPolicy`: Retain leaves Braze alone and needs no finalizer; recreated, it goes on as if never away
#[tokio::test(flavor = "multi_thread")]
async fn deleting_and_applying_again_sends_nothing() {
    let mut installed = Installed::with_people(5).await;
    installed.start();
    installed.apply().await;
    let destination = installed.ready("SyncSucceeded").await;
    assert_eq!(destination.finalizers(), [] as [String; 0]);
    let sent = installed.sandbox.journal().len();
    installed.space.raw("Destination").delete("users", &DeleteParams::default()).await.expect("a deletion");
    installed.space.wait_gone("Destination", "users").await;
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let writes = installed.sandbox.journal().into_iter().skip(sent);
    let accepted: usize = writes.map(|one| one.accepted).sum();
    assert_eq!(accepted, 0, "nothing is written");
    assert_eq!(installed.sandbox.users().len(), 5);
    installed.check().await;
}

/// api.md §6 `deletionPolicy: Delete`: what was sent is taken back, then the object and its memory go
#[tokio::test(flavor = "multi_thread")]
async fn with_policy_delete_the_users_go_with_the_destination() {
    let mut installed = Installed::with_people(5).await;
    installed.destination = "  deletionPolicy: Delete\n  deletionGuard: { maxPercent: 100 }\n".to_owned()
        + &DESTINATION.replace("Additive", "Sync");
    installed.start();
    installed.apply().await;
    let destination = installed.ready("SyncSucceeded").await;
    assert_eq!(destination.finalizers(), ["grouparoo.io/cleanup"]);
    assert_eq!(installed.sandbox.users().len(), 5);
    installed.space.raw("Destination").delete("users", &DeleteParams::default()).await.expect("a deletion");
    installed.space.wait_gone("Destination", "users").await;
    assert_eq!(installed.sandbox.users().len(), 0);
    let stores = installed.state().join("stores").join(&installed.space.name).join("users");
    assert!(!stores.exists(), "the memory goes too");
    installed.check().await;
}

/// api.md §6: expressions are held against the columns of the Model before a run is made
#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_does_not_fit_makes_no_run() {
    let mut installed = Installed::with_people(3).await;
    installed.destination = format!("{DESTINATION}\n    - {{ expression: record.nothing + 1, to: odd }}");
    installed.start();
    installed.apply().await;
    let destination = installed.ready("InvalidExpression").await;
    let conditions = destination.status.and_then(|status| status.conditions).unwrap_or_default();
    let message = conditions.into_iter().find(|one| one.type_ == "Ready").map(|one| one.message);
    assert!(
        message.as_ref().is_some_and(|text| text.contains("to=odd") && text.contains("nothing")),
        "{message:?}"
    );
    assert_eq!(installed.runs().await.len(), 0);
    installed.destination = DESTINATION.to_owned();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.check().await;
}
