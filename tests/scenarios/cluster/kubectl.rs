//! What people see who use kubectl.

use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::objects::{documents, plural, schemas};
use crate::support::control_plane::{ControlPlane, Space};

/// Manifests that users copy, and the examples of the design.
const MANIFESTS: [&[&str]; 2] = [
    &[include_str!("../../../src/api/check/examples.yaml"), include_str!("full.yaml")],
    &[
        include_str!("../../../examples/quickstart/postgres/braze-app.yaml"),
        include_str!("../../../examples/quickstart/postgres/source.yaml"),
        include_str!("../../../examples/quickstart/postgres/model.yaml"),
        include_str!("../../../examples/quickstart/postgres/destination.yaml"),
    ],
];

/// api.md: `kubectl diff` after apply is empty, whichever way it is applied: nothing drifts in a GitOps tool.
#[tokio::test]
async fn after_an_apply_there_is_no_difference() {
    let plane = ControlPlane::shared();
    for manifests in MANIFESTS {
        // An object that the server names can be created, not applied.
        let named =
            manifests.iter().flat_map(|it| documents(it)).filter(|it| it["metadata"]["name"].is_string());
        let manifests: String = named.map(|document| format!("---\n{document}\n")).collect();
        for way in [&[][..], &["--server-side"][..]] {
            let space = plane.space().await;
            let run = async |verb: &str| {
                let arguments = [&[verb, "--filename", "-"], way].concat();
                space.kubectl_with(&arguments, &manifests).await
            };
            assert_eq!(run("diff").await.code, 1, "before, all is new");
            let said = run("apply").await;
            assert_eq!((said.code, said.stderr.as_str()), (0, ""));
            let said = run("diff").await;
            assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""), "{way:?}");
            // The status that the definition gives to a new object is stored with the first write after it.
            run("apply").await.success();
            let before = versions(&space).await;
            run("apply").await.success();
            assert_eq!(versions(&space).await, before, "another apply changes nothing");
        }
    }
}

/// Version of each of our objects.
async fn versions(space: &Space) -> String {
    let columns = "--output=custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion";
    space.kubectl(&["get", "grouparoo", columns]).await.success()
}

/// api.md §14: unknown fields are refused by kubectl
#[tokio::test]
async fn a_misspelt_field_is_refused() {
    let space = ControlPlane::shared().space().await;
    let source = "apiVersion: grouparoo.io/v1alpha1
kind: Source
metadata: { name: crm }
spec: { sqlite: { path: crm.db }, checkIntervall: 5m }
";
    let said = space.kubectl_with(&["create", "--filename", "-"], source).await.failure();
    assert!(said.contains("unknown field \"spec.checkIntervall\""), "{said}");
    let said = space.kubectl_with(&["apply", "--filename", "-"], source).await.failure();
    assert!(said.contains("unknown field \"spec.checkIntervall\""), "{said}");
    let said = space.kubectl_with(&["apply", "--server-side", "--filename", "-"], source).await.failure();
    assert!(said.contains(".spec.checkIntervall: field not declared in schema"), "{said}");
    assert_eq!(space.kubectl(&["get", "sources", "--output=name"]).await.success(), "");
}

/// api.md §14: every field has a description, also the first ones
#[tokio::test]
async fn every_field_is_explained() {
    let space = &ControlPlane::shared().space().await;
    let mut nodes = Vec::new();
    for (kind, spec, status) in schemas() {
        nodes.push(plural(&kind));
        parents(&spec, &format!("{}.spec", plural(&kind)), &mut nodes);
        parents(&status, &format!("{}.status", plural(&kind)), &mut nodes);
    }
    assert!(nodes.len() > 60, "{nodes:?}");
    let explaining = nodes.iter().map(async |node| (node, explain(space, node).await));
    let explained: Vec<_> = stream::iter(explaining).buffered(3).collect().await;
    for (node, text) in explained {
        let (about, fields) = text.split_once("FIELDS:").expect("a block has fields");
        let about = about.split_once("DESCRIPTION:").expect("a description").1.trim();
        assert!(!about.is_empty() && !text.contains("<no description>"), "{node}: {text}");
        assert!(fields.contains("\n    "), "{node}: {fields}");
    }
}

async fn explain(space: &Space, node: &str) -> String {
    space.kubectl(&["explain", "--api-version=grouparoo.io/v1alpha1", node]).await.success()
}

/// Paths of all blocks that have fields, as `kubectl explain` wants them.
fn parents(schema: &Value, path: &str, found: &mut Vec<String>) {
    let Some(fields) = schema["properties"].as_object() else { return };
    found.push(path.to_owned());
    for (name, child) in fields {
        let below = if child["items"].is_object() { &child["items"] } else { child };
        parents(below, &format!("{path}.{name}"), found);
    }
}

/// `kubectl explain --recursive` shows the whole kind
#[tokio::test]
async fn a_whole_kind_can_be_shown_at_once() {
    let space = ControlPlane::shared().space().await;
    for (kind, spec, _) in schemas() {
        let kind_name = plural(&kind);
        let arguments = ["explain", "--recursive", "--api-version=grouparoo.io/v1alpha1", &kind_name];
        let text = space.kubectl(&arguments).await.success();
        let (mut known, mut missing) = (std::collections::BTreeSet::new(), Vec::new());
        super::objects::fields_known(&spec, "spec", &mut known);
        for field in &known {
            let name = field.rsplit('.').next().expect("a name");
            let depth = field.matches('.').count() + 1;
            let line = format!("\n{}{name}\t<", "  ".repeat(depth));
            if !text.contains(&line) {
                missing.push(field);
            }
        }
        assert!(missing.is_empty(), "{kind}: {missing:?}\n{text}");
    }
}
