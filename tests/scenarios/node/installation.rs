//! Installed, uninstalled, installed again.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::world::{World, container};
use crate::support::node::{PATIENCE, on_node};

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
        report(&world, &pod);
        world.check().await;
    });
}

/// What docs/benchmarks.md tells of a Pod.
fn report(world: &World, pod: &Pod) {
    let peak = world.peak_memory(pod);
    println!(
        "node ready after {:.1} s; Pod ready after {}; the operator's largest resident size is {:.1} MiB",
        world.place.node.started_in.as_secs_f64(),
        time_to_ready(pod).expect("a Pod that is ready"),
        peak as f64 / f64::from(1 << 20)
    );
    assert!(peak < 200 << 20, "the operator uses {peak} bytes");
}

/// From the Pod's making to its readiness; the API tells whole seconds.
fn time_to_ready(pod: &Pod) -> Option<String> {
    let made = pod.metadata.creation_timestamp.as_ref()?.0;
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().find(|one| one.type_ == "Ready" && one.status == "True")?;
    Some(format!("{} s", (ready.last_transition_time.as_ref()?.0 - made).get_seconds()))
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
        let sent = world.sandbox.wait_until(PATIENCE, |totals| totals.accepted >= 320).await;
        assert!(sent, "what is new is not sent: {}", world.told("users").await);
        world.succeeded("users").await;
        world.arrived(320);
        world.sent_once(None);
        // One for the address and one for the plan of each.
        assert_eq!(world.sandbox.data_points() - before, 40, "only what is new was sent");
        world.check().await;
    });
}

/// conventions 12: the release is admitted where only restricted Pods are
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
