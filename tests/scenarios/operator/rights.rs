//! What the operator may do: enough, and nothing that it does not use. Every other scenario runs with these rights too.

use std::collections::BTreeSet;
use std::process::Command;

use grouparoo::api::{Destination, SyncRun};
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceValidation, JSONSchemaProps,
};
use kube::api::{PostParams, Resource as _};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::installed::{DESTINATION, Installed};
use crate::support::control_plane::{ControlPlane, condition_of, until};
use crate::support::helm::{Release, of};

/// Group, resource with its subresource, verb.
type Right = (String, String, String);

/// conventions 12: the verbs that the chart grants are those that a story with everything in it uses
#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_what_is_used() {
    let plane = ControlPlane::start_own();
    let mut installed = Installed::on(&plane, 5).await;
    installed.flags.push("--leader-elect".to_owned());
    let rules = rules_of_the_chart(&installed);
    let text = serde_json::to_string(&rules).expect("rules are plain data");
    installed.space.grant(&installed.operator, &text).await;
    installed.destination = format!("  deletionPolicy: Delete\n{DESTINATION}");
    installed.space.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: query\n  labels: { grouparoo.io/watch: Enabled }\n\
         data: { sql: select * from users }\n",
    ).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let query = json!({ "spec": { "table": null, "queryFrom": { "configMapKeyRef": { "name": "query", "key": "sql" } } } });
    installed.patch("Model", "users", &query).await;
    installed.runs_ended(2).await;
    passing_run(&installed).await;
    // The same event twice is one event that is counted.
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": true } })).await;
    installed.ready("Suspended").await;
    for token in ["one", "two"] {
        installed.annotate("grouparoo.io/requested-at", token).await;
        installed
            .destination_when(|it| {
                it.status.as_ref().and_then(|status| status.last_handled_request_at.as_deref()) == Some(token)
            })
            .await;
    }
    let who = installed.operator.name.clone();
    let counted = {
        let who = who.clone();
        move |event: &Value| {
            event["user"]["username"] == *who && right(event).0 == "events.k8s.io" && event["verb"] == "patch"
        }
    };
    plane.audit_until(counted).await;
    unreadable_objects(&installed).await;

    let events = plane.audit(|event| event["user"]["username"] == *who).await;
    let refused: Vec<Right> =
        events.iter().filter(|event| event["responseStatus"]["code"] == 403).map(right).collect();
    assert_eq!(refused, [], "enough");
    let used: BTreeSet<Right> = events.iter().map(right).collect();
    let mut granted = rights(&rules);
    // No request of its own: what admission asks for when a run is made.
    let asked = ("grouparoo.io", "destinations/finalizers", "update");
    assert!(granted.remove(&(asked.0.into(), asked.1.into(), asked.2.into())));
    assert_eq!(used, granted, "no more");
    owners_are_checked(&installed, asked).await;
    installed.check().await;
}

/// What the chart grants to an operator that watches this namespace, its Secrets too, and takes part in an election.
fn rules_of_the_chart(installed: &Installed) -> Vec<PolicyRule> {
    let namespace = &installed.space.name;
    let values = format!(
        "watchNamespaces: [{namespace}]\nrbac: {{ secretWatch: true }}\nleaderElection: {{ enabled: true }}"
    );
    let objects = Release { name: "grouparoo", namespace, known: &[] }.objects(&values);
    let rules = of(&objects, "Role").into_iter().flat_map(|role| role["rules"].as_array().expect("rules"));
    rules.map(|rule| serde_json::from_value(rule.clone()).expect("a rule")).collect()
}

/// A run that is removed by its age.
async fn passing_run(installed: &Installed) {
    let run = "apiVersion: grouparoo.io/v1alpha1\nkind: SyncRun\nmetadata: { name: passing }\n\
               spec: { destinationRef: { name: users }, mode: Plan, ttlAfterFinished: 1s }\n";
    installed.space.apply(run).await;
    installed.space.wait_gone("SyncRun", "passing").await;
}

/// Objects of all kinds that this version cannot read, as a later version could have stored them.
async fn unreadable_objects(installed: &Installed) {
    let space = &installed.space;
    let definitions: Api<CustomResourceDefinition> = Api::all(space.client.clone());
    for (kind, plural) in [
        ("BrazeApp", "brazeapps"),
        ("Source", "sources"),
        ("Model", "models"),
        ("Destination", "destinations"),
        ("SyncRun", "syncruns"),
    ] {
        let name = format!("{plural}.grouparoo.io");
        let mut definition = definitions.get(&name).await.expect("a definition");
        let anything = JSONSchemaProps {
            type_: Some("object".to_owned()),
            x_kubernetes_preserve_unknown_fields: Some(true),
            ..JSONSchemaProps::default()
        };
        for version in &mut definition.spec.versions {
            version.schema = Some(CustomResourceValidation { open_api_v3_schema: Some(anything.clone()) });
            version.selectable_fields = None;
        }
        definitions.replace(&name, &PostParams::default(), &definition).await.expect("a looser definition");
        let odd = json!({
            "apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": { "name": "odd" }, "spec": 5,
        });
        let odd = serde_json::from_value(odd).expect("an object");
        let api = space.raw(kind);
        // The server takes the new definition a moment later.
        assert!(until(|| async { api.create(&PostParams::default(), &odd).await.is_ok() }).await, "{kind}");
        let condition = if kind == "SyncRun" { "Succeeded" } else { "Ready" };
        let found = space.wait_condition(kind, "odd", condition, "False").await;
        assert_eq!(found["reason"], "InvalidSpec", "{kind}: {found}");
        assert_eq!(condition_of(&api.get("odd").await.expect("there").data, condition)["status"], "False");
    }
}

/// Some clusters let only those make an owner block a deletion who may finalize the owner.
async fn owners_are_checked(installed: &Installed, (group, resource, verb): (&str, &str, &str)) {
    let space = &installed.space;
    let destination = space.api::<Destination>().get("users").await.expect("a Destination");
    let mut owner = destination.controller_owner_ref(&()).expect("it is stored");
    owner.block_owner_deletion = Some(true);
    let run = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "SyncRun",
        "metadata": { "name": "owned", "ownerReferences": [owner] },
        "spec": { "destinationRef": { "name": "users" }, "mode": "Plan" },
    });
    let run: SyncRun = serde_json::from_value(run).expect("a SyncRun");
    for may_finalize in [false, true] {
        let user = space.plane.fresh_user();
        let mut rules = vec![json!({ "apiGroups": [group], "resources": ["syncruns"], "verbs": ["create"] })];
        if may_finalize {
            rules.push(json!({ "apiGroups": [group], "resources": [resource], "verbs": [verb] }));
        }
        space.grant(&user, &Value::from(rules).to_string()).await;
        let runs: Api<SyncRun> = Api::namespaced(space.client_of(&user), &space.name);
        let made = runs.create(&PostParams::default(), &run).await;
        assert_eq!(made.is_ok(), may_finalize, "{made:?}");
    }
}

fn right(event: &Value) -> Right {
    let object = &event["objectRef"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = match object["subresource"].as_str() {
        Some(sub) => format!("{}/{sub}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    (text(&object["apiGroup"]), resource, text(&event["verb"]))
}

fn rights(rules: &[PolicyRule]) -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                all.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
            }
        }
    }
    all
}

/// What `grouparoo rbac` prints can be applied, and is enough for an operator of all namespaces that watches no Secret
#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_is_enough() {
    let plane = ControlPlane::start_own();
    let mut installed = Installed::on(&plane, 3).await;
    let (namespace, user) = (installed.space.name.clone(), plane.fresh_user());
    let printed = Command::new(env!("CARGO_BIN_EXE_grouparoo"))
        .args(["rbac", "--leader-elect", "--namespace", &namespace])
        .output()
        .expect("the program starts");
    assert!(printed.status.success());
    let text = String::from_utf8(printed.stdout).expect("UTF-8");
    // Nobody here makes tokens of service accounts.
    let account = format!("kind: ServiceAccount\n  name: grouparoo\n  namespace: {namespace}\n");
    assert!(text.contains(&account), "{text}");
    installed.space.kubectl_with(&["apply", "-f", "-"], &text).await.success();
    let group = "rbac.authorization.k8s.io";
    for (kind, role, scope) in [
        ("ClusterRoleBinding", "ClusterRole", format!("grouparoo-{namespace}")),
        ("RoleBinding", "Role", "grouparoo-leader".to_owned()),
    ] {
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": { "name": "tests" },
            "roleRef": { "apiGroup": group, "kind": role, "name": scope },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": user.name }],
        });
        installed.space.kubectl_with(&["apply", "-f", "-"], &binding.to_string()).await.success();
    }
    installed.everywhere = true;
    installed.watch_secrets = false;
    installed.flags.push("--leader-elect".to_owned());
    installed.start_as(&plane.kubeconfig(&user, &namespace));
    installed.apply().await;
    let destination = installed.ready("SyncSucceeded").await;
    assert_eq!(destination.name_any(), "users");
    let who = user.name.clone();
    let refused = plane
        .audit(|event| event["user"]["username"] == *who && event["responseStatus"]["code"] == 403)
        .await;
    // Rights that were just bound are known a moment later.
    let refused: Vec<Right> =
        refused.iter().map(right).filter(|right| right.0 != "coordination.k8s.io").collect();
    assert_eq!(refused, []);
    installed.check().await;
}
