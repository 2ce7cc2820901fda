//! The rights that the chart grants are those that `grouparoo rbac` prints, and enough.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::helm::{Release, USUAL, of};

const KINDS: [&str; 4] = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];

fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// Roles and bindings without their labels, sorted.
fn rights(objects: Vec<Value>) -> Vec<Value> {
    let is_right = |object: &Value| KINDS.iter().any(|kind| object["kind"] == *kind);
    let mut all: Vec<Value> = objects.into_iter().filter(is_right).collect();
    for object in &mut all {
        object["metadata"].as_object_mut().expect("metadata").remove("labels");
    }
    all.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]));
    all
}

/// For the same options both say the same, name for name and verb for verb
#[test]
fn the_chart_grants_what_the_program_asks_for() {
    for (values, flags) in [
        ("{}", vec![]),
        ("rbac: { secretWatch: true }", vec!["--watch-secrets"]),
        ("leaderElection: { enabled: true }", vec!["--leader-elect"]),
        ("leaderElection: { enabled: true, leaseName: l }", vec!["--leader-elect", "--lease-name=l"]),
        ("watchNamespaces: [crm, shop]", vec!["--watch-namespace=crm,shop"]),
        (
            "watchNamespaces: [crm]\nrbac: { secretWatch: true }\nleaderElection: { enabled: true }\nserviceAccount: { name: robot }",
            vec!["--watch-namespace=crm", "--watch-secrets", "--leader-elect", "--service-account=robot"],
        ),
    ] {
        for namespace in ["grouparoo", "crm-sync"] {
            let printed = Command::new(env!("CARGO_BIN_EXE_grouparoo"))
                .args(["rbac", "--namespace", namespace])
                .args(&flags)
                .output()
                .expect("the program starts");
            let printed = rights(documents(&String::from_utf8(printed.stdout).expect("UTF-8")));
            let rendered = rights(Release { namespace, ..USUAL }.objects(values));
            assert!(!printed.is_empty());
            assert_eq!(rendered, printed, "{namespace}: {values}");
        }
    }
}

/// conventions 11: with a list of namespaces, Roles only
#[test]
fn some_namespaces_need_nothing_that_is_cluster_wide() {
    let objects = USUAL.objects("watchNamespaces: [crm, shop]\ncrds: { install: false }");
    assert_eq!(of(&objects, "ClusterRole").len() + of(&objects, "ClusterRoleBinding").len(), 0);
    assert_eq!(of(&objects, "Role").len(), 2);
    for object in &objects {
        assert!(object["metadata"]["namespace"].is_string(), "{object:#}");
    }
    assert_eq!(
        rights(USUAL.objects("rbac: { create: false }\nleaderElection: { enabled: true }")),
        Vec::<Value>::new()
    );
}

/// conventions 12: Secrets are read where `rbac.secretNamespaces` says, and nowhere else
#[test]
fn the_reading_of_secrets_can_be_narrowed() {
    for (values, wide) in [
        ("rbac: { secretNamespaces: [crm] }", "ClusterRole"),
        ("watchNamespaces: [crm, shop]\nrbac: { secretNamespaces: [crm] }", "Role"),
    ] {
        let objects = USUAL.objects(values);
        let reads = |object: &Value| {
            object["rules"].as_array().is_some_and(|rules| {
                rules.iter().any(|rule| {
                    rule["resources"].as_array().is_some_and(|all| all.contains(&json!("secrets")))
                })
            })
        };
        let roles: Vec<&Value> =
            of(&objects, "ClusterRole").into_iter().chain(of(&objects, "Role")).collect();
        let reading: Vec<&&Value> = roles.iter().filter(|role| reads(role)).collect();
        assert_eq!(reading.len(), 1, "{values}");
        assert_eq!(reading[0]["kind"], "Role");
        assert_eq!(reading[0]["metadata"]["namespace"], "crm");
        assert_eq!(
            reading[0]["rules"],
            json!([{ "apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get"] }])
        );
        assert!(roles.iter().any(|role| role["kind"] == *wide && !reads(role)), "{values}");
        // Nothing else went with it.
        let all = |values: &str, kind: &str| -> usize {
            of(&USUAL.objects(values), kind)[0]["rules"].as_array().expect("rules").len()
        };
        let plain = values.split("rbac:").next().expect("a part");
        let plain = if plain.is_empty() { "{}" } else { plain };
        assert_eq!(all(values, wide) + 1, all(plain, wide));
    }
}

/// Who may look at or edit a namespace gets the same for our kinds, and no more than that
#[test]
fn aggregated_roles_give_people_our_kinds() {
    let objects = USUAL.objects("rbac: { create: false, aggregateToView: true, aggregateToEdit: true }");
    let roles = of(&objects, "ClusterRole");
    let label = |role: &Value, to: &str| {
        role["metadata"]["labels"][format!("rbac.authorization.k8s.io/aggregate-to-{to}")] == "true"
    };
    assert_eq!(roles.len(), 2);
    for (role, view, verbs) in [
        (roles[0], true, json!(["get", "list", "watch"])),
        (roles[1], false, json!(["create", "delete", "deletecollection", "patch", "update"])),
    ] {
        assert_eq!(label(role, "view"), view, "{role:#}");
        assert!(label(role, "edit") && label(role, "admin"), "{role:#}");
        let rules = role["rules"].as_array().expect("rules");
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0]["verbs"], verbs);
        assert_eq!(rules[0]["apiGroups"], json!(["grouparoo.io"]));
        let resources = json!(["brazeapps", "destinations", "models", "sources", "syncruns"]);
        assert_eq!(rules[0]["resources"], resources, "and no status");
    }
}
