//! Watches that expire: the API server has forgotten what happened since their newest event.

use std::time::Duration;

use grouparoo::api::sync_run::Trigger;
use grouparoo::api::{Destination, SyncRun};
use grouparoo_clock::Clock;
use kube::api::DeleteParams;
use serde_json::json;

use super::proxy::Proxy;
use crate::operator::installed::{DESTINATION, Installed, ready_reason, run_reason};
use crate::support::control_plane::{ControlPlane, PATIENCE, until};

/// Longest time until a change is followed.
const FOLLOWED: Duration = Duration::from_secs(10);

/// conventions 6: a 410 makes a watch list anew, and nothing that happened meanwhile is missed
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_expired_lists_anew_and_misses_nothing() {
    let plane = tokio::task::spawn_blocking(ControlPlane::start_own).await.expect("an API server");
    let url = plane.url().to_owned();
    let proxy = Proxy::to(&url).await;
    let mut installed = Installed::on(&plane, 5).await;
    // The memory of the one that goes is not asked about.
    installed.destination = format!("  initialSync: SendAll\n{DESTINATION}");
    let kubeconfig = proxy.kubeconfig(&installed.space.kubeconfig(), &url);
    installed.start_as(&kubeconfig);
    installed.apply().await;
    let another = |name: &str| installed.manifests()[4].replacen("name: users", &format!("name: {name}"), 1);
    installed.space.apply(&another("goes")).await;
    installed.ready("SyncSucceeded").await;
    installed.space.wait::<Destination>("goes", |one| ready_reason(one) == "SyncSucceeded").await;
    proxy.close();
    // Each of these happens while nobody listens, and is forgotten before anybody asks.
    installed.space.raw("Destination").delete("goes", &DeleteParams::default()).await.expect("a deletion");
    installed.space.apply(&another("comes")).await;
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": true } })).await;
    plane.compact().await;
    // The server has an own memory of what happened, which ends with it.
    plane.stop().await;
    plane.start().await;
    proxy.open();
    for kind in ["BrazeApp", "Source", "Model", "Destination", "SyncRun"] {
        let expired =
            |line: &String| line.contains("watch expired") && line.contains(&format!("\"kind\":\"{kind}\""));
        let log = &installed.operators()[0].log;
        let found = log.wait(PATIENCE, |lines| lines.iter().find(|line| expired(line)).cloned());
        assert!(found.is_some(), "the watch of {kind} got a 410:\n{}", log.all().join("\n"));
    }
    installed.ready("Suspended").await;
    installed.space.wait::<Destination>("comes", |one| ready_reason(one) == "SyncSucceeded").await;
    let gone = format!("namespace=\"{}\",name=\"goes\"", installed.space.name);
    let is_forgotten = async || !installed.page("/metrics").await.contains(&gone);
    assert!(until(is_forgotten).await, "what went is known to be gone");
    // What comes now is followed at once.
    let clock = Clock::system();
    let begun = clock.monotonic();
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": false } })).await;
    installed.sql("update users set plan = 'gold'");
    installed.annotate("grouparoo.io/requested-at", "after").await;
    let asked =
        |run: &SyncRun| run.spec.trigger == Some(Trigger::Request) && run_reason(run) == "SyncSucceeded";
    installed.run_when(asked).await;
    let took = clock.monotonic() - begun;
    assert!(took < FOLLOWED, "it took {took:?}");
    assert_eq!(installed.user("3")["custom_attributes"]["plan"], "gold");
    installed.check().await;
}
