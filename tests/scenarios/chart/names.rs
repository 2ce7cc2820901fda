//! Names: where they come from, and that they stay text whatever they look like.

use serde_json::Value;

use crate::support::helm::{Release, USUAL, only};

/// Names tell the release, and are not longer than Kubernetes takes them
#[test]
fn names_come_from_the_release() {
    let long = "a-release-with-a-name-that-is-as-long-as-helm-takes-it";
    for (release, values, name) in [
        ("grouparoo", "{}", "grouparoo"),
        ("my-grouparoo", "{}", "my-grouparoo"),
        ("crm", "{}", "crm-grouparoo"),
        ("crm", "fullnameOverride: braze-sync", "braze-sync"),
        (&long[..53], "{}", &long[..50]),
    ] {
        let objects = Release { name: release, ..USUAL }.objects(values);
        assert_eq!(only(&objects, "Deployment")["metadata"]["name"], name.trim_end_matches('-'));
        for object in &objects {
            let found = object["metadata"]["name"].as_str().expect("a name");
            let is_ours = object["kind"] == "CustomResourceDefinition";
            assert!(
                is_ours || (found.starts_with(name.trim_end_matches('-')) && found.len() < 64),
                "{found}"
            );
        }
    }
}

/// Names that YAML reads as a number, a truth value, nothing or a date, and that Kubernetes takes.
pub const LIKE_OTHER_TYPES: [&str; 10] =
    ["123", "0x1f", "0o17", "1e3", "true", "null", "on", "no", "2001-01-02", "0123"];

/// Values in which every name that can be given is `name`, with everything on that has a name.
pub fn all_named(name: &str) -> String {
    format!(
        "crds: {{ install: false }}\nfullnameOverride: '{name}'\nserviceAccount: {{ name: '{name}' }}\nwatchNamespaces: ['{name}']\n\
         rbac: {{ secretNamespaces: ['{name}'], aggregateToView: true, aggregateToEdit: true }}\nreplicaCount: 2\n\
         leaderElection: {{ enabled: true, leaseName: '{name}' }}\npodDisruptionBudget: {{ enabled: true }}\n\
         state: {{ shared: true, persistence: {{ existingClaim: '{name}' }} }}\n\
         dataRoot: {{ volume: {{ persistentVolumeClaim: {{ claimName: '{name}' }} }} }}\nnetworkPolicy: {{ enabled: true }}\n\
         image: {{ registry: '', repository: '{name}', tag: '{name}' }}\nimagePullSecrets: [{{ name: '{name}' }}]\n\
         priorityClassName: '{name}'\ncommonLabels: {{ team: '{name}' }}\npodLabels: {{ tier: '{name}' }}\n\
         podAnnotations: {{ example.com/a: '{name}' }}\ndeploymentAnnotations: {{ example.com/a: '{name}' }}\n\
         nodeSelector: {{ disk: '{name}' }}\nextraEnv: [{{ name: A, value: '{name}' }}]\n\
         serviceMonitor: {{ enabled: true, renderMode: alwaysRender, labels: {{ release: '{name}' }} }}\n\
         prometheusRule: {{ enabled: true, renderMode: alwaysRender, alertLabels: {{ team: '{name}' }} }}\n\
         grafanaDashboard: {{ enabled: true, namespace: '{name}', labels: {{ grafana_dashboard: '{name}' }} }}\n"
    )
}

/// Every text of the values is found again as text, in the metadata and wherever one object names another
#[test]
fn names_that_look_like_numbers_stay_text() {
    for name in LIKE_OTHER_TYPES {
        let release = Release { name, namespace: name, known: &[] };
        for values in [all_named(name), "crds: { install: false }".to_owned()] {
            let text = release.text(&values).unwrap_or_else(|error| panic!("{name}: {error}"));
            // The reader of this test does not know the truth values of YAML 1.1.
            let bare = text.lines().find(|line| line.ends_with(": on") || line.ends_with(": no"));
            assert_eq!(bare, None, "{name}");
            for object in release.objects(&values) {
                for place in
                    ["/metadata", "/spec/template/metadata", "/spec/selector", "/roleRef", "/subjects/0"]
                {
                    object.pointer(place).into_iter().for_each(|value| strings(value, &object));
                }
            }
        }
        let objects = release.objects(&all_named(name));
        let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], *name);
        assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], *name);
        let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
        assert!(arguments.iter().all(Value::is_string), "{arguments:?}");
        assert_eq!(only(&objects, "Service")["metadata"]["labels"]["app.kubernetes.io/instance"], *name);
    }
}

/// All that is below is text.
fn strings(value: &Value, object: &Value) {
    match value {
        Value::Object(map) => map.values().for_each(|child| strings(child, object)),
        Value::Array(list) => list.iter().for_each(|child| strings(child, object)),
        Value::String(_) => (),
        other => panic!("{other} is not text in {object:#}"),
    }
}

/// A Service's name must begin with a letter (RFC 1035), those of all other kinds need not
#[test]
fn the_name_of_the_service_begins_with_a_letter() {
    for (release, name) in [("grouparoo", "grouparoo-metrics"), ("4711", "metrics-4711-grouparoo")] {
        let objects = Release { name: release, ..USUAL }.objects("crds: { install: false }");
        assert_eq!(only(&objects, "Service")["metadata"]["name"], name);
    }
}
