//! The objects for Flux and Argo CD at a real API server, which has the definitions of their kinds.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::example;
use crate::support::control_plane::{ControlPlane, Space, script, until};

/// A namespace at an API server that knows the kinds of Flux and Argo CD and has their namespaces.
async fn with_kinds() -> Space {
    let space = ControlPlane::shared().space().await;
    let folder = tokio::task::spawn_blocking(|| script(&["--gitops-kinds"])).await.expect("the script runs");
    let folder = folder.to_str().expect("a readable path");
    // Another test may do the same at the same time.
    space.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", folder]).await.success();
    for name in ["flux-system", "argocd", "crm-production"] {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        space.kubectl_with(&["apply", "--server-side", "-f", "-"], &namespace.to_string()).await.success();
    }
    let kinds = "gitrepositories,kustomizations,helmreleases,applications";
    assert!(until(|| async { space.kubectl(&["get", kinds]).await.code == 0 }).await, "{kinds}");
    space
}

async fn apply(space: &Space, text: &str) -> Result<(), String> {
    let arguments =
        ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"];
    let output = space.kubectl_with(&arguments, text).await;
    if output.code == 0 { Ok(()) } else { Err(output.stderr) }
}

fn manifests(folder: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(example(folder)).expect("the example");
    let files = entries.map(|entry| entry.expect("a file").path());
    let is_yaml = |path: &Path| path.extension().is_some_and(|kind| kind == "yaml");
    let texts = files
        .filter(|path| is_yaml(path))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("a readable file")));
    texts.collect()
}

/// conventions 13: every object of the examples, field by field
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_for_flux_and_argo_cd_fit_their_definitions() {
    let space = with_kinds().await;
    let mut all = manifests("gitops/flux");
    all.extend(manifests("gitops/argocd"));
    assert_eq!(all.len(), 5);
    for (path, text) in all {
        apply(&space, &text).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

/// The definitions are the real ones, and strict: what does not fit is refused
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_does_not_fit_is_refused() {
    let space = with_kinds().await;
    for (path, part, instead, told) in [
        ("flux/manifests.yaml", "retryInterval: 1m", "retryEvery: 1m", "retryEvery"),
        ("flux/manifests.yaml", "interval: 10m", "interval: 10 minutes", "spec.interval"),
        ("flux/manifests.yaml", "prune: true", "wait: false", "spec.prune: Required value"),
        ("flux/operator.yaml", "url: https", "url: file", "spec.url"),
        ("flux/operator-release.yaml", "Revision", "Always", "reconcileStrategy"),
        ("flux/operator-release.yaml", "createNamespace", "createNamespaces", "createNamespaces"),
        ("argocd/application.yaml", "selfHeal", "selfheal", "selfheal"),
        (
            "argocd/application.yaml",
            "project: default",
            "revisionHistoryLimit: 1",
            "spec.project: Required value",
        ),
    ] {
        let text = fs::read_to_string(example(&format!("gitops/{path}"))).expect("a readable file");
        assert!(text.contains(part), "{path}: {part}");
        let refused = apply(&space, &text.replacen(part, instead, 1)).await.expect_err(part);
        assert!(refused.contains(told), "{path}, {instead}: {refused}");
    }
}
