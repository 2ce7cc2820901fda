//! Everything that is rendered is accepted by a real API server, in a namespace that enforces `restricted`.

use serde_json::{Value, json};

use super::names::all_named;
use super::values::SETS;
use crate::support::control_plane::{ControlPlane, Space, until};
use crate::support::helm::{Release, only};

/// The two kinds of the Prometheus Operator, as far as the chart fills them: more fields would be refused.
const MONITORING: &str = include_str!("monitoring.yaml");

/// Namespaces that the sets of values name.
const NAMED: [&str; 2] = ["crm", "shop"];

async fn restricted() -> Space {
    let space = ControlPlane::shared().space().await;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    space.kubectl(&["label", "namespace", &space.name, label]).await.success();
    for name in NAMED {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        space.kubectl_with(&["apply", "--server-side", "-f", "-"], &namespace.to_string()).await.success();
    }
    space.kubectl_with(&["apply", "--server-side", "-f", "-"], MONITORING).await.success();
    let wait = ["wait", "--for=condition=Established", "crd/servicemonitors.monitoring.coreos.com"];
    space.kubectl(&wait).await.success();
    let wait = ["wait", "--for=condition=Established", "crd/prometheusrules.monitoring.coreos.com"];
    space.kubectl(&wait).await.success();
    space
}

async fn dry_run(space: &Space, object: &Value) -> Result<(), String> {
    let arguments =
        ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "--validate=strict", "-f", "-"];
    let output = space.kubectl_with(&arguments, &object.to_string()).await;
    if output.code == 0 && !output.stderr.contains("Warning") { Ok(()) } else { Err(output.stderr) }
}

/// The Pod that a Deployment would make.
fn pod(deployment: &Value) -> Value {
    let template = &deployment["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!("pod");
    metadata["namespace"] = deployment["metadata"]["namespace"].clone();
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}

/// conventions 11 and 12: each object of each set of values, and its Pod under `enforce: restricted`
#[tokio::test(flavor = "multi_thread")]
async fn every_rendered_object_is_accepted() {
    let space = restricted().await;
    let release = Release { name: "grouparoo", namespace: &space.name, known: &[] };
    let mut known = Vec::new();
    // A kind that was just installed is known to discovery a moment later.
    assert!(
        until(|| async { space.kubectl(&["get", "prometheusrules,servicemonitors"]).await.code == 0 }).await
    );
    for (name, values) in SETS {
        let objects = release.objects(values);
        for object in objects.iter().chain([&pod(only(&objects, "Deployment"))]) {
            // Most sets share most objects.
            let text = object.to_string();
            if known.contains(&text) {
                continue;
            }
            let accepted = dry_run(&space, object).await;
            accepted.unwrap_or_else(|error| panic!("{name}: {error}\n{object:#}"));
            known.push(text);
        }
    }
    assert!(known.len() > 40, "{}", known.len());
}

/// Names that look like numbers and truth values arrive as the text that they are
#[tokio::test(flavor = "multi_thread")]
async fn objects_with_names_like_numbers_are_accepted() {
    let space = restricted().await;
    for name in ["123", "true"] {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        space.kubectl_with(&["apply", "--server-side", "-f", "-"], &namespace.to_string()).await.success();
        // As Helm hands it over: in YAML, and not as this test would write it.
        let text = Release { name, namespace: name, known: &[] }.text(&all_named(name)).expect(name);
        let arguments = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
        space.kubectl_with(&arguments, &text).await.success();
    }
}

/// The namespace does refuse what is less than `restricted`, so that the test above proves something
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_more_rights_is_refused_here() {
    let space = restricted().await;
    let release = Release { name: "grouparoo", namespace: &space.name, known: &[] };
    for values in [
        "securityContext: { allowPrivilegeEscalation: true }",
        "podSecurityContext: { runAsNonRoot: false, runAsUser: 0 }",
        "podSecurityContext: { seccompProfile: { type: Unconfined } }",
        "dataRoot: { volume: { hostPath: { path: /data } } }",
    ] {
        let objects = release.objects(values);
        let refused = dry_run(&space, &pod(only(&objects, "Deployment"))).await.expect_err(values);
        assert!(refused.contains("violates PodSecurity \"restricted:latest\""), "{values}: {refused}");
    }
}

/// The manifests of the manual, for those who install without Helm
#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_of_the_manual_are_accepted() {
    let space = restricted().await;
    let manual = include_str!("../../../docs/operator.md");
    let block = manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let text = block.replace("namespace: grouparoo }", &format!("namespace: {} }}", space.name));
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    for object in objects.iter().chain([&pod(only(&objects, "Deployment"))]) {
        dry_run(&space, object).await.unwrap_or_else(|error| panic!("{error}\n{object:#}"));
    }
    let container =
        |objects: &[Value]| only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0].clone();
    let release = Release { name: "grouparoo", namespace: &space.name, known: &[] };
    let (by_hand, by_chart) = (container(&objects), container(&release.objects("{}")));
    for part in ["env", "ports", "resources", "securityContext", "volumeMounts"] {
        assert_eq!(by_hand[part], by_chart[part], "the manual differs from the chart");
    }
    let flags = by_chart["args"].as_array().expect("arguments");
    assert!(by_hand["args"].as_array().expect("arguments").iter().all(|flag| flags.contains(flag)));
}
