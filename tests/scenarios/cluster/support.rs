//! The Kubernetes API of the tests itself: other scenarios lean on what is proven here.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchParams};
use serde_json::json;

use crate::support::control_plane::{ControlPlane, PATIENCE, condition_of, wait};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name } })).expect("a config map")
}

#[tokio::test]
async fn each_test_has_a_namespace_of_its_own() {
    let plane = ControlPlane::shared();
    let (one, other) = (plane.space().await, plane.space().await);
    one.apply("{ apiVersion: v1, kind: ConfigMap, metadata: { name: mine }, data: { a: b } }").await;
    assert_eq!(one.api::<ConfigMap>().get("mine").await.unwrap().data.unwrap()["a"], "b");
    assert!(other.api::<ConfigMap>().get_opt("mine").await.unwrap().is_none());
    let seen = one.kubectl(&["get", "configmaps", "--output=name"]).await.success();
    assert_eq!(seen, "configmap/mine\n");
}

#[tokio::test]
async fn a_user_may_do_what_a_role_says_and_nothing_else() {
    let plane = ControlPlane::shared();
    let space = plane.space().await;
    let user = plane.fresh_user();
    let maps: Api<ConfigMap> = Api::default_namespaced(space.client_of(&user));
    let refused = maps.list(&ListParams::default()).await.unwrap_err().to_string();
    assert!(refused.contains("is forbidden"), "{refused}");
    space.grant(&user, "[{ apiGroups: [''], resources: [configmaps], verbs: [list] }]").await;
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 0);
    let refused = maps.create(&PostParams::default(), &config_map("a")).await.unwrap_err().to_string();
    assert!(refused.contains("is forbidden"), "{refused}");
}

#[tokio::test]
async fn the_audit_shows_who_did_what() {
    let plane = ControlPlane::shared();
    let space = plane.space().await;
    let user = plane.fresh_user();
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::default_namespaced(space.client_of(&user));
    secrets.get("treasure").await.expect_err("a secret of others");
    let name = user.name.clone();
    let events = plane.audit(move |event| event["user"]["username"] == *name).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["verb"], "get");
    assert_eq!(events[0]["objectRef"]["resource"], "secrets");
    assert_eq!(events[0]["objectRef"]["name"], "treasure");
    assert_eq!(events[0]["responseStatus"]["code"], 403);
}

/// Stopped, started again, halted, gone on, and without its past: all in one, for a start takes seconds.
#[tokio::test]
async fn a_server_of_a_tests_own_stops_starts_freezes_and_forgets() {
    let plane = ControlPlane::start_own();
    let space = plane.space().await;
    let maps: Api<ConfigMap> = space.api();
    let before = maps.create(&PostParams::default(), &config_map("before")).await.unwrap();
    maps.create(&PostParams::default(), &config_map("after")).await.unwrap();

    plane.compact().await;
    plane.stop().await;
    assert!(maps.get("before").await.is_err(), "the server is away");
    plane.start().await;
    assert_eq!(maps.get("before").await.unwrap().metadata.uid, before.metadata.uid, "the data is the same");

    let version = before.metadata.resource_version.unwrap();
    let events = maps.watch(&WatchParams::default(), &version).await;
    let first = futures::TryStreamExt::try_next(&mut std::pin::pin!(events.unwrap())).await;
    let first = format!("{first:?}");
    assert!(first.contains("410"), "a watch from before the compaction is refused: {first}");

    plane.freeze();
    let clock = grouparoo_clock::Clock::system();
    let answer = clock.timeout(std::time::Duration::from_millis(300), maps.get("before")).await;
    assert!(answer.is_none(), "a frozen server does not answer");
    plane.thaw();
    maps.get("before").await.unwrap();
}

#[tokio::test]
async fn a_kubeconfig_leads_a_program_to_its_namespace() {
    let plane = ControlPlane::shared();
    let space = plane.space().await;
    space.apply("{ apiVersion: v1, kind: ConfigMap, metadata: { name: mine }, data: { a: b } }").await;
    let file = kube::config::Kubeconfig::read_from(space.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
    assert!(plane.url().starts_with(config.cluster_url.to_string().trim_end_matches('/')));
    let maps: Api<ConfigMap> = Api::default_namespaced(kube::Client::try_from(config).unwrap());
    maps.get("mine").await.unwrap();
}

/// What a test waits for is watched: the object, a condition, its end.
#[tokio::test]
async fn waiting_ends_with_the_change_that_was_waited_for() {
    let space = ControlPlane::shared().space().await;
    let maps: Api<ConfigMap> = space.api();
    maps.create(&PostParams::default(), &config_map("it")).await.unwrap();
    let change = json!({ "data": { "a": "b" } });
    let waiting = space.wait::<ConfigMap>("it", |map| map.data.is_some());
    let (plain, change) = (PatchParams::default(), Patch::Merge(&change));
    let changing = maps.patch("it", &plain, &change);
    let (seen, changed) = tokio::join!(waiting, changing);
    assert_eq!(seen.metadata.resource_version, changed.unwrap().metadata.resource_version);
    let deletion = DeleteParams::default();
    let (gone, deleted) =
        tokio::join!(wait(maps.clone(), "it", PATIENCE, |map| map.is_none()), maps.delete("it", &deletion));
    assert!(gone.is_none() && deleted.is_ok());

    space.apply("{ apiVersion: grouparoo.io/v1alpha1, kind: Source, metadata: { name: crm }, spec: { sqlite: { path: a } } }").await;
    let sources = space.raw("Source");
    let status = json!({ "status": { "observedGeneration": 1, "conditions": [{
        "type": "Ready", "status": "True", "reason": "Connected", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }]}});
    let patch = Patch::Merge(&status);
    let (condition, written) = tokio::join!(
        space.wait_condition("Source", "crm", "Ready", "True"),
        sources.patch_status("crm", &plain, &patch)
    );
    assert_eq!(condition["reason"], "Connected");
    assert_eq!(condition_of(&written.unwrap().data, "Ready"), &condition);
    let (_, deleted) = tokio::join!(space.wait_gone("Source", "crm"), sources.delete("crm", &deletion));
    deleted.unwrap();
}
