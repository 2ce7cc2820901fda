//! A run goes on, whatever happens to its Pod: nothing is lost, and nothing is sent twice that need not be.

use std::collections::BTreeMap;

use braze_sandbox::{DEFAULT_KEY, Permissions};
use grouparoo_clock::Clock;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::world::{World, container, last_end};
use crate::support::node::{Node, on_node};

const PEOPLE: u32 = 1_500;

/// A world with a run in progress, of which Braze has taken some.
async fn running(node: &'static Node) -> (World, Pod) {
    let world = World::with_people(node, PEOPLE).await;
    world.slow();
    let pod = world.install(&Value::Null).await;
    world.apply().await;
    world.in_the_middle(20).await;
    (world, pod)
}

/// The one run that there was has succeeded, after so many starts.
async fn went_on(world: &World, starts: i32) {
    world.sandbox.clear_faults();
    world.succeeded("users").await;
    world.arrived(PEOPLE);
    let runs = world.runs().await;
    assert_eq!(runs.len(), 1, "the run was resumed, not made anew: {runs:#?}");
    let status = runs[0].status.as_ref().expect("a status");
    assert_eq!(status.starts, Some(starts), "{status:#?}");
}

/// semantics 10.3: a killed process is started again by the kubelet, and the run is resumed
#[test]
fn a_process_killed_in_the_middle_of_a_run_is_started_again_and_goes_on() {
    on_node(async |node| {
        let (world, pod) = running(node).await;
        let process = world.process(&pod);
        let died = Clock::system().now();
        node.run("kill", &["-KILL", &process]);
        let pod =
            world.pod_when(|pod| container(pod).is_some_and(|one| one.restart_count == 1 && one.ready)).await;
        assert_eq!(last_end(&pod), Some(("Error".to_owned(), 137)));
        went_on(&world, 2).await;
        world.sent_once(Some(died));
        world.check().await;
    });
}

/// semantics 10.6: drained from its node the operator stops its run at a checkpoint; elsewhere, or here again, it goes on
#[test]
fn a_drained_node_loses_and_repeats_nothing() {
    on_node(async |node| {
        let (world, pod) = running(node).await;
        let selector = "--pod-selector=app.kubernetes.io/instance=grouparoo";
        let drain = ["drain", "node", "--delete-emptydir-data", selector, "--timeout=3m"];
        world.place.kubectl(&drain, "").await.success();
        let waiting = world.pod_when(|one| one.name_any() != pod.name_any() && one.spec.is_some()).await;
        assert_eq!(waiting.spec.and_then(|spec| spec.node_name), None, "no node takes it");
        world.place.kubectl(&["uncordon", "node"], "").await.success();
        world.ready().await;
        went_on(&world, 2).await;
        world.sent_once(None);
        world.check().await;
    });
}

/// semantics 10.6: an upgrade ends the old Pod before the new one starts, and the run goes on in the new one
#[test]
fn an_upgrade_in_the_middle_of_a_run_loses_and_repeats_nothing() {
    on_node(async |node| {
        let (world, pod) = running(node).await;
        let next = world.install(&json!({ "podAnnotations": { "example.com/upgraded": "yes" } })).await;
        assert_ne!(next.name_any(), pod.name_any());
        assert_eq!(next.annotations().get("example.com/upgraded").map(String::as_str), Some("yes"));
        went_on(&world, 2).await;
        world.sent_once(None);
        world.check().await;
    });
}

/// semantics 10.3: a limit that is too low for the program kills it again and again; with enough memory the run goes on
#[test]
fn a_pod_without_enough_memory_is_killed_and_goes_on_when_it_has_more() {
    on_node(async |node| {
        let (world, _) = running(node).await;
        let limit = |limit: &str| json!({ "resources": { "requests": { "memory": limit }, "limits": { "memory": limit } } });
        world.helm(&limit("8Mi")).await.success();
        let pod = world.pod_when(|pod| last_end(pod).is_some_and(|(reason, _)| reason == "OOMKilled")).await;
        assert_eq!(last_end(&pod), Some(("OOMKilled".to_owned(), 137)));
        assert!(world.sandbox.user_count() < PEOPLE as usize, "the run was over before");
        let died = Clock::system().now();
        world.install(&limit("256Mi")).await;
        world.sandbox.clear_faults();
        world.succeeded("users").await;
        world.arrived(PEOPLE);
        assert_eq!(world.runs().await.len(), 1, "the run was resumed, not made anew");
        world.sent_once(Some(died));
        world.check().await;
    });
}

/// semantics 9.5: a key that is taken away in the middle of a run is looked up once more in the Secret, where the
/// BrazeApp says that the workspace is the same
#[test]
fn a_key_that_is_rotated_in_the_middle_of_a_run_loses_and_repeats_nothing() {
    on_node(async |node| {
        let (world, pod) = running(node).await;
        let keys = |keys: &[&str]| {
            keys.iter().map(|&key| (key.to_owned(), Permissions::All)).collect::<BTreeMap<_, _>>()
        };
        world.sandbox.set_keys(keys(&[DEFAULT_KEY, "another-key"]));
        let secret = json!({ "stringData": { "apiKey": "another-key" } }).to_string();
        let patch = ["patch", "secret", "braze", "--type=merge", "--patch", &secret];
        world.place.kubectl(&patch, "").await.success();
        world.sandbox.set_keys(keys(&["another-key"]));
        world.in_the_middle(20).await;
        went_on(&world, 1).await;
        world.sent_once(None);
        let after = world.ready().await;
        assert_eq!(after.name_any(), pod.name_any(), "the Pod stayed");
        world.check().await;
    });
}
