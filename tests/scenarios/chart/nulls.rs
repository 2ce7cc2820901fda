//! `null`, by which people take a default away: it counts as nothing given, or is refused with the name of the value.

use serde_json::{Value, json};

use crate::support::helm::{USUAL, read};

/// Everything is on that can be, so that every template looks at its values.
const ALL_ON: &str = "replicaCount: 2\nleaderElection: { enabled: true }\npodDisruptionBudget: { enabled: true }\n\
    state: { shared: true, persistence: { accessModes: [ReadWriteMany] } }\n\
    watchNamespaces: [crm]\nrbac: { aggregateToView: true, aggregateToEdit: true }\n\
    dataRoot: { volume: { persistentVolumeClaim: { claimName: files } } }\nnetworkPolicy: { enabled: true }\n\
    serviceMonitor: { enabled: true, renderMode: alwaysRender }\n\
    prometheusRule: { enabled: true, renderMode: alwaysRender }\ngrafanaDashboard: { enabled: true }";

/// Maps that go through as they are, where false is another thing than nothing.
const KUBERNETES: [&str; 5] =
    ["resources", "podSecurityContext", "securityContext", "livenessProbe", "readinessProbe"];

/// Each value, and each map of values, by its path.
fn paths(values: &Value, above: &[&str], found: &mut Vec<Vec<String>>) {
    for (key, value) in values.as_object().into_iter().flatten() {
        let mut path = above.to_vec();
        path.push(key);
        found.push(path.iter().map(|&part| part.to_owned()).collect());
        paths(value, &path, found);
    }
}

fn with(values: &Value, path: &[String], given: Value) -> Value {
    let mut values = values.clone();
    let mut place = &mut values;
    for part in path {
        // An index of a map makes what is not there.
        place = &mut place[part.as_str()];
    }
    *place = given;
    values
}

fn nulls(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(nulls),
        Value::Array(list) => list.iter().any(nulls),
        Value::String(text) => text.contains("<nil>") || text.contains("%!"),
        _ => false,
    }
}

/// Whether a default is the same as nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        other => *other == Value::Null || *other == "" || *other == false,
    }
}

/// conventions 11: every value of the chart is set to null in turn
#[test]
fn a_value_that_is_null_counts_as_not_given_or_is_refused_by_its_name() {
    let defaults: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    let base: Value = serde_saphyr::from_str(ALL_ON).expect("YAML");
    let mut all = Vec::new();
    paths(&defaults, &[], &mut all);
    assert!(all.len() > 120, "{}", all.len());
    let rendered = |path: &[String], given| {
        let mut values = with(&base, path, given);
        // The definitions are most of the text, and no other value is in them.
        if path[0] != "crds" {
            values["crds"] = json!({ "install": false });
        }
        USUAL.text(&values.to_string())
    };
    let (mut faults, mut refused, mut taken) = (Vec::new(), 0, 0);
    for path in &all {
        let (name, last) = (path.join("."), path.last().expect("a path"));
        let default = path.iter().fold(&defaults, |value, part| &value[part]);
        let result = rendered(path, Value::Null);
        let is_empty = is_empty(default) && !KUBERNETES.contains(&path[0].as_str());
        if is_empty && result != rendered(path, default.clone()) {
            faults.push(format!("{name}: null is another thing than {default}: {result:?}"));
        }
        match result {
            // A contradiction, which the default is too.
            Err(_) if is_empty => (),
            Err(error) => {
                refused += 1;
                if !error.contains("values don't meet the specifications of the schema")
                    || !error.contains(&format!("missing property '{last}'"))
                {
                    faults.push(format!("{name}: {error}"));
                }
            }
            Ok(text) => {
                taken += 1;
                let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
                if objects.iter().filter(|object| !object.is_null()).any(nulls) {
                    faults.push(format!("{name}: null is passed on"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(refused > 30 && taken > 50, "{refused} and {taken}");
}

/// Inside lists, and in maps whose keys people choose, null is nothing that could be meant
#[test]
fn a_null_among_values_is_refused() {
    for values in [
        "watchNamespaces: [null]",
        "allowedHosts: [null]",
        "extraArgs: [null]",
        "extraEnv: [null]",
        "extraObjects: [null]",
        "imagePullSecrets: [{ name: null }]",
        "nodeSelector: { disk: null }",
        "commonLabels: { team: null }",
        "podAnnotations: { a: null }",
        "serviceMonitor: { labels: { a: null } }",
    ] {
        let error = USUAL.text(values).expect_err(values);
        assert!(error.contains("got null, want"), "{values}: {error}");
    }
}

/// Parts of what is Kubernetes' own are taken away by null, as OpenShift needs it
#[test]
fn null_takes_a_default_away() {
    let objects = USUAL.objects(
        "podSecurityContext: { runAsUser: null, runAsGroup: null, fsGroup: null }\nlivenessProbe: null\n\
         resources: { limits: null }\nsecurityContext: null",
    );
    let pod = &crate::support::helm::only(&objects, "Deployment")["spec"]["template"]["spec"];
    let kept = json!({ "runAsNonRoot": true, "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" } });
    assert_eq!(pod["securityContext"], kept);
    let container = &pod["containers"][0];
    assert_eq!(container.get("livenessProbe"), None);
    assert_eq!(container.get("securityContext"), None);
    assert_eq!(container["resources"], json!({ "requests": { "cpu": "100m", "memory": "128Mi" } }));
}
