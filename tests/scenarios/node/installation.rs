//! Installed, uninstalled, installed again.

use serde_json::{Value, json};

use super::world::{World, container, uid};
use crate::support::node::on_node;

/// product: `helm install`, apply, and the users are in Braze. Both names are resolved in an image that holds nothing but
/// the program: Braze's by the cluster's name service, the warehouse's by the Pod's hosts file.
#[test]
fn users_arrive_from_a_pod_that_may_do_nothing_else() {
    on_node(async |node| {
        let world = World::with_people(node, 500).await;
        let pod = world.install(&Value::Null).await;
        let spec = pod.spec.as_ref().expect("a Pod has one");
        let security = spec.containers[0].security_context.as_ref().expect("a context");
        assert_eq!(security.read_only_root_filesystem, Some(true));
        world.apply().await;
        world.succeeded("users").await;
        world.arrived(500);
        world.sent_once(None);
        report(&world, &uid(&pod)).await;
        world.check().await;
    });
}

/// What docs/benchmarks.md tells of a Pod.
async fn report(world: &World, pod: &str) {
    let node = world.place.node;
    let memory = world.place.kubectl(&["get", "--raw", "/api/v1/nodes/node/proxy/stats/summary"], "").await.success();
    let summary: Value = serde_json::from_str(&memory).expect("a summary");
    let pods = summary["pods"].as_array().expect("a list");
    let found = pods.iter().find(|one| one["podRef"]["uid"] == *pod).unwrap_or(&Value::Null);
    let bytes = found["containers"][0]["memory"]["workingSetBytes"].as_u64().unwrap_or_default();
    println!(
        "node ready after {:.1} s; the operator's container uses {:.1} MiB after its first run",
        node.started_in.as_secs_f64(),
        bytes as f64 / f64::from(1 << 20)
    );
    assert!(bytes < 200 << 20, "the operator uses {bytes} bytes");
}

/// semantics 4.3: what was acknowledged outlives the release; nothing is sent again, and what changed meanwhile is
#[test]
fn uninstalled_and_installed_again_it_goes_on_where_it_was() {
    on_node(async |node| {
        let world = World::with_people(node, 300).await;
        world.install(&Value::Null).await;
        world.apply().await;
        world.succeeded("users").await;
        let before = world.sandbox.data_points();
        world.place.helm(&["uninstall", "grouparoo", "--wait"], "").await.success();
        let kinds = "brazeapps,sources,models,destinations,syncruns,persistentvolumeclaims";
        let left = world.place.kubectl(&["get", kinds, "--output=name"], "").await.success();
        for name in ["brazeapp", "source", "model", "destination", "syncrun", "persistentvolumeclaim"] {
            assert!(left.contains(name), "{name} is gone: {left}");
        }
        world.people(301, 320).await;
        let pod = world.install(&Value::Null).await;
        assert_eq!(container(&pod).map(|one| one.restart_count), Some(0));
        world.request("after-reinstall").await;
        world
            .destination_when("users", |one| {
                one["status"]["lastHandledRequestAt"] == "after-reinstall" && one["status"]["activeRun"].is_null()
            })
            .await;
        world.succeeded("users").await;
        world.arrived(320);
        world.sent_once(None);
        // One for the address and one for the plan of each.
        assert_eq!(world.sandbox.data_points() - before, 40, "only what is new was sent");
        world.check().await;
    });
}

/// operator-conventions 12: the release is admitted where only restricted Pods are
#[test]
fn a_pod_with_more_rights_is_refused_where_the_operator_is_admitted() {
    on_node(async |node| {
        let world = World::with_people(node, 1).await;
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "root" },
            "spec": { "containers": [{ "name": "root", "image": "localhost/pause:1" }] },
        });
        let refused = world.place.kubectl(&["apply", "-f", "-"], &pod.to_string()).await.failure();
        assert!(refused.contains("violates PodSecurity \"restricted:latest\""), "{refused}");
        world.install(&Value::Null).await;
        world.check().await;
    });
}
