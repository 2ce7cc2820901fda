//! Releases of the chart on a real API server: from the first chart to this one, gone, and back.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::operator::installed::Installed;
use crate::support::control_plane::{ControlPlane, Space, User, until};
use crate::support::helm::{chart, helm};

/// The chart as it was first released. It is never changed.
fn first() -> String {
    let file = "tests/fixtures/chart-0.1.0/grouparoo-0.1.0.tgz";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file).display().to_string()
}

/// Runs Helm as the administrator of a namespace.
fn release(space: &Space, arguments: &[&str]) -> String {
    let kubeconfig = space.kubeconfig();
    let mut all = arguments.to_vec();
    all.extend(["--namespace", &space.name]);
    helm(Some(&kubeconfig), &all).success()
}

/// uid of each object of these kinds, by kind and name.
async fn uids(space: &Space, kinds: &str) -> BTreeMap<String, String> {
    let text = space.kubectl(&["get", kinds, "-o", "json"]).await.success();
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = list["items"].as_array().expect("a list");
    items
        .iter()
        .map(|one| {
            let name = format!("{}/{}", text(&one["kind"]), text(&one["metadata"]["name"]));
            (name, text(&one["metadata"]["uid"]))
        })
        .collect()
}

const DEFINITIONS: &str = "crd";
const OURS: &str = "brazeapps,sources,models,destinations,syncruns";
const PARTS: &str = "deployment,service,serviceaccount";

/// Gives a user what the ServiceAccount of the release has: nobody here makes tokens of service accounts.
async fn bind(space: &Space, user: &User) {
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "tests" },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": format!("grouparoo-{}", space.name) },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": user.name }],
    });
    space.kubectl_with(&["apply", "-f", "-"], &binding.to_string()).await.success();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(space.client_of(user));
    let wanted = json!({ "spec": { "resourceAttributes": {
        "group": "events.k8s.io", "resource": "events", "verb": "patch", "namespace": space.name,
    }}});
    let review = serde_json::from_value(wanted).expect("a review");
    let known = until(|| async {
        let answer = reviews.create(&PostParams::default(), &review).await.expect("anybody may ask");
        answer.status.is_some_and(|status| status.allowed)
    });
    assert!(known.await, "the role of the chart is not bound");
}

/// conventions 11: an upgrade from the first chart, a removal and a new installation lose no object and no definition,
/// and the operator works with exactly the rights of the chart all the while
#[tokio::test(flavor = "multi_thread")]
async fn objects_and_definitions_outlive_every_release() {
    let plane = ControlPlane::start_bare();
    let space = plane.space().await;
    release(&space, &["install", "grouparoo", &first()]);
    space.kubectl(&["wait", "--for=condition=Established", "crd", "--all"]).await.success();
    let mut installed = Installed::in_space(space.clone(), 5).await;
    let user = plane.fresh_user();
    bind(&space, &user).await;
    installed.everywhere = true;
    installed.watch_secrets = false;
    installed.start_as(&plane.kubeconfig(&user, &space.name));
    installed.apply().await;
    installed.ready("SyncSucceeded").await;

    let (definitions, ours) = (uids(&space, DEFINITIONS).await, uids(&space, OURS).await);
    let claim = uids(&space, "pvc").await;
    assert_eq!((definitions.len(), ours.len(), claim.len()), (5, 5, 1), "{definitions:?} {ours:?} {claim:?}");

    release(
        &space,
        &["upgrade", "grouparoo", &chart().display().to_string(), "--set", "rbac.secretWatch=true"],
    );
    assert_eq!(uids(&space, DEFINITIONS).await, definitions, "upgraded in place");
    assert_eq!(uids(&space, OURS).await, ours);
    stored_release_is_small(&space).await;
    // It works on, now by the roles of this chart.
    installed.sql("update users set plan = 'plus'");
    installed.annotate("grouparoo.io/requested-at", "upgraded").await;
    installed.runs_ended(2).await;
    let ours = uids(&space, OURS).await;
    let who = user.name.clone();
    let refused = plane
        .audit(|event| event["user"]["username"] == *who && event["responseStatus"]["code"] == 403)
        .await;
    assert_eq!(refused, [] as [Value; 0], "the roles of both charts are enough");

    release(&space, &["uninstall", "grouparoo"]);
    assert_eq!(uids(&space, PARTS).await, BTreeMap::new());
    assert_eq!(uids(&space, DEFINITIONS).await, definitions, "the definitions stay");
    assert_eq!(uids(&space, OURS).await, ours, "and so do all objects");
    assert_eq!(uids(&space, "pvc").await, claim, "and the memory");

    release(&space, &["install", "grouparoo", &chart().display().to_string()]);
    assert_eq!(uids(&space, DEFINITIONS).await, definitions);
    assert_eq!(uids(&space, OURS).await, ours);
    assert_eq!(uids(&space, "pvc").await, claim, "the memory is taken up again");
    assert_eq!(uids(&space, PARTS).await.len(), 3);
    installed.runs_ended(2).await;
    installed.check().await;
}

/// A Secret, and so a release, holds 1 MiB at most
async fn stored_release_is_small(space: &Space) {
    let text = space.kubectl(&["get", "secret", "-l", "owner=helm,version=2", "-o", "json"]).await.success();
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let data = list["items"][0]["data"]["release"].as_str().expect("a release");
    assert!(data.len() < 400 * 1024, "{} bytes", data.len());
    println!("a stored release: {} bytes", data.len());
}

/// What was installed by hand is taken over when Helm is told so, and no object is lost
#[tokio::test(flavor = "multi_thread")]
async fn an_installation_by_hand_is_taken_over() {
    let plane = ControlPlane::start_own();
    let space = plane.space().await;
    let app = "apiVersion: grouparoo.io/v1alpha1\nkind: BrazeApp\nmetadata: { name: braze }\n\
               spec: { restEndpoint: https://rest.iad-01.braze.com, apiKeySecretRef: { name: braze, key: key } }\n";
    space.apply(app).await;
    by_hand(&space).await;
    let kept =
        async || (uids(&space, DEFINITIONS).await, uids(&space, OURS).await, uids(&space, "pvc").await);
    let before = kept().await;
    assert_eq!((before.0.len(), before.1.len(), before.2.len()), (5, 1, 1));
    let kubeconfig = space.kubeconfig();
    let chart = chart().display().to_string();
    let arguments = ["install", "grouparoo", &chart, "--namespace", &space.name];
    let refused = helm(Some(&kubeconfig), &arguments).failure();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    let taking: Vec<&str> = arguments.into_iter().chain(["--take-ownership", "--force-conflicts"]).collect();
    helm(Some(&kubeconfig), &taking).success();
    assert_eq!(kept().await, before);
}

/// What the manual says, but for the definitions, which are there, and the Deployment, which has to go before.
async fn by_hand(space: &Space) {
    let printed = Command::new(env!("CARGO_BIN_EXE_grouparoo")).args(["rbac", "-n", &space.name]).output();
    let rights = String::from_utf8(printed.expect("the program starts").stdout).expect("UTF-8");
    space.kubectl(&["create", "serviceaccount", "grouparoo"]).await.success();
    space.kubectl_with(&["apply", "-f", "-"], &rights).await.success();
    let manual = include_str!("../../../docs/operator.md");
    let claim = manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("---").next()).expect("a claim");
    assert!(claim.contains("kind: PersistentVolumeClaim"), "{claim}");
    let claim = claim.replace("namespace: grouparoo }", &format!("namespace: {} }}", space.name));
    space.kubectl_with(&["apply", "-f", "-"], &claim).await.success();
}
