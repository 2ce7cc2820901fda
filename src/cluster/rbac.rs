//! What the operator must be allowed to do, and no more: its roles as Kubernetes takes them.
//!
//! The rules stand in code, beside the calls that need them. A scenario compares them with what the API server saw.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::api::ObjectMeta;
use serde::Serialize;

/// Group of roles and bindings.
const RBAC: &str = "rbac.authorization.k8s.io";
/// Group of our kinds.
const OURS: &str = "grouparoo.io";
/// Plurals of our kinds.
const KINDS: [&str; 5] = ["brazeapps", "destinations", "models", "sources", "syncruns"];

/// For whom roles are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation<'a> {
    /// Namespace of the operator.
    pub namespace: &'a str,
    /// Its ServiceAccount.
    pub service_account: &'a str,
    /// Namespaces that it watches; empty: all.
    pub watched: &'a [String],
    /// Whether it watches labelled Secrets and ConfigMaps.
    pub watch_secrets: bool,
    /// Name of the Lease, where there is an election.
    pub lease: Option<&'a str>,
}

/// The rights in a namespace that is watched.
///
/// A watch of Secrets permits reading all of them; without it each is read by its name only.
pub fn rules(watch_secrets: bool) -> Vec<PolicyRule> {
    let values: &[&str] = if watch_secrets { &["get", "list", "watch"] } else { &["get"] };
    let statuses = KINDS.map(|kind| format!("{kind}/status"));
    vec![
        rule(OURS, &KINDS, &["get", "list", "watch"]),
        rule(OURS, &statuses.each_ref().map(String::as_str), &["patch"]),
        // Its own finalizer, and nothing else of it.
        rule(OURS, &["destinations"], &["patch"]),
        // Asked for by clusters that check who makes an owner block a deletion, such as OpenShift.
        rule(OURS, &["destinations/finalizers"], &["update"]),
        rule(OURS, &["syncruns"], &["create", "delete"]),
        rule("", &["configmaps", "secrets"], values),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
    ]
}

/// The rights in the namespace of the Lease. A right to create cannot be bound to a name.
pub fn lease_rules(name: &str) -> Vec<PolicyRule> {
    const GROUP: &str = "coordination.k8s.io";
    let named = PolicyRule {
        resource_names: Some(vec![name.to_owned()]),
        ..rule(GROUP, &["leases"], &["get", "update"])
    };
    vec![rule(GROUP, &["leases"], &["create"]), named]
}

/// Roles and bindings of an installation in one stream, for `kubectl apply -f -`. The same text every time.
pub fn to_yaml(installation: &Installation<'_>) -> String {
    let Installation { namespace, watched, watch_secrets, lease, .. } = *installation;
    let rules = rules(watch_secrets);
    let mut text = String::new();
    if watched.is_empty() {
        let name = cluster_name(namespace);
        let rules = Some(rules.clone());
        document(&mut text, &ClusterRole { metadata: meta(&name, None), rules, ..ClusterRole::default() });
        let binding = ClusterRoleBinding {
            metadata: meta(&name, None),
            role_ref: reference("ClusterRole", &name),
            subjects: Some(vec![subject(installation)]),
        };
        document(&mut text, &binding);
    }
    for watched in watched {
        pair(&mut text, installation, watched, "grouparoo", rules.clone());
    }
    if let Some(lease) = lease {
        pair(&mut text, installation, namespace, "grouparoo-leader", lease_rules(lease));
    }
    text
}

/// Two installations in one cluster have a role each.
fn cluster_name(namespace: &str) -> String {
    if namespace == "grouparoo" { namespace.to_owned() } else { format!("grouparoo-{namespace}") }
}

fn pair(text: &mut String, to: &Installation<'_>, namespace: &str, name: &str, rules: Vec<PolicyRule>) {
    document(text, &Role { metadata: meta(name, Some(namespace)), rules: Some(rules) });
    let binding = RoleBinding {
        metadata: meta(name, Some(namespace)),
        role_ref: reference("Role", name),
        subjects: Some(vec![subject(to)]),
    };
    document(text, &binding);
}

fn document(text: &mut String, object: &impl Serialize) {
    text.push_str("---\n");
    text.push_str(&serde_saphyr::to_string(object).expect("a role is plain data"));
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn meta(name: &str, namespace: Option<&str>) -> ObjectMeta {
    let labels = [("app.kubernetes.io/name", "grouparoo"), ("app.kubernetes.io/component", "operator")];
    let labels: BTreeMap<String, String> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

fn reference(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: RBAC.to_owned(), kind: kind.to_owned(), name: name.to_owned() }
}

fn subject(of: &Installation<'_>) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: of.service_account.to_owned(),
        namespace: Some(of.namespace.to_owned()),
        api_group: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation<'a>(watched: &'a [String], lease: Option<&'a str>) -> Installation<'a> {
        Installation { namespace: "crm-sync", service_account: "robot", watched, watch_secrets: false, lease }
    }

    /// conventions 12: never `*`, no write to Secrets, nothing that leads to other rights
    #[test]
    fn no_right_is_broader_than_it_must_be() {
        let never = [
            "*",
            "pods",
            "pods/exec",
            "nodes",
            "serviceaccounts",
            "serviceaccounts/token",
            "roles",
            "clusterroles",
            "rolebindings",
            "clusterrolebindings",
            "escalate",
            "bind",
            "impersonate",
            "deletecollection",
        ];
        for rule in [rules(true), rules(false), lease_rules("l")].concat() {
            let words = [rule.api_groups.as_deref(), rule.resources.as_deref(), Some(&rule.verbs)];
            let mut words = words.into_iter().flatten().flatten();
            assert!(words.all(|word| !never.contains(&word.as_str())), "{rule:?}");
            let resources = rule.resources.clone().unwrap_or_default();
            if resources.iter().any(|one| one == "secrets") {
                assert!(rule.verbs.iter().all(|verb| ["get", "list", "watch"].contains(&verb.as_str())));
            }
            assert_eq!(rule.non_resource_urls, None);
        }
        let values =
            rules(false).into_iter().find(|rule| rule.resources.iter().flatten().any(|one| one == "secrets"));
        assert_eq!(
            values.map(|rule| rule.verbs),
            Some(vec!["get".to_owned()]),
            "conventions 12: get alone by default"
        );
    }

    #[test]
    fn namespaces_that_are_named_get_roles_and_nothing_beyond() {
        let watched = ["crm".to_owned(), "shop".to_owned()];
        let text = to_yaml(&installation(&watched, Some("l")));
        assert!(!text.contains("ClusterRole"), "{text}");
        assert_eq!(
            text.matches("kind: Role\n").count(),
            3 + 3,
            "a role each, and its binding's reference:\n{text}"
        );
        let all = to_yaml(&installation(&[], None));
        assert_eq!(all.matches("---\n").count(), 2);
        assert!(all.contains("name: grouparoo-crm-sync") && all.contains("name: robot"), "{all}");
    }
}
