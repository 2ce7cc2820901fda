//! The ValidatingAdmissionPolicy of the examples, at a real API server.

use std::fs;

use super::example;
use crate::support::control_plane::{ControlPlane, Space, until};

/// The example, bound to one namespace only: the API server is shared with other tests.
fn policy(space: &Space) -> String {
    let text = fs::read_to_string(example("policies/deletes.yaml")).expect("the policy");
    let only = format!(
        "  matchResources: {{ namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {} }} }} }}\n",
        space.name
    );
    format!("{text}{only}")
}

fn destination(mode: &str, annotations: &str) -> String {
    format!(
        "{{apiVersion: grouparoo.io/v1alpha1, kind: Destination, metadata: {{name: users, annotations: {{{annotations}}}}},
          spec: {{appRef: {{name: a}}, modelRef: {{name: m}}, syncMode: {mode},
                  propertyMappings: [{{from: id, to: external_id}}]}}}}"
    )
}

/// api §9: the policy that ships as an example
#[tokio::test]
async fn the_policy_keeps_deletes_and_answers_to_those_who_may() {
    let space = ControlPlane::shared().space().await;
    space.kubectl_with(&["apply", "--server-side", "-f", "-"], &policy(&space)).await.success();
    let create = ["create", "--dry-run=server", "-f", "-"];
    // It takes the API server a moment to put a policy into force.
    let sync = destination("Sync", "");
    let forbidden = until(|| async { space.kubectl_with(&create, &sync).await.code != 0 }).await;
    assert!(forbidden, "the policy is in force");
    let said = space.kubectl_with(&create, &sync).await.failure();
    assert!(said.contains("it needs the label crm.example.com/deletes=Allowed on the namespace"), "{said}");
    space.kubectl_with(&create, &destination("Additive", "")).await.success();
    space.kubectl(&["label", "namespace", &space.name, "crm.example.com/deletes=Allowed"]).await.success();
    let allowed = until(|| async { space.kubectl_with(&create, &sync).await.code == 0 }).await;
    assert!(allowed, "with the label it may");

    space.kubectl_with(&["create", "-f", "-"], &destination("Additive", "")).await.success();
    let answer = ["annotate", "destination", "users", "grouparoo.io/approve=abc", "--overwrite"];
    let by = |group: &'static str| {
        let mut arguments = answer.to_vec();
        arguments.extend(["--as=erin", "--as-group=system:masters", group]);
        arguments
    };
    let said = space.kubectl(&by("--as-group=analysts")).await.failure();
    assert!(said.contains("only members of crm-approvers may answer questions"), "{said}");
    space.kubectl(&by("--as-group=crm-approvers")).await.success();
    // An answer that is there already does not stop other edits, as a sync from Git.
    let edit =
        ["annotate", "destination", "users", "example.com/note=x", "--as=erin", "--as-group=system:masters"];
    space.kubectl(&edit).await.success();
    let remove =
        ["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "grouparoo-deletes"];
    space.kubectl(&remove).await.success();
}
