//! What is rendered, and when.

use std::path::Path;

use serde_json::{Value, json};

use super::values::SETS;
use crate::support::helm::{Release, USUAL, of, only};

/// The whole default render, so that a change of it is seen in review. `UPDATE_CHART=1` writes it anew.
#[test]
fn the_default_render_is_the_reviewed_one() {
    let text = USUAL.text("crds: { install: false }").expect("the defaults are good");
    super::generated::is_current(Path::new("tests/scenarios/chart/default.golden.yaml"), &text);
}

/// conventions 11: no random values, no time, nothing that is looked up
#[test]
fn two_renders_are_identical() {
    for (name, values) in SETS {
        let once = USUAL.text(values).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(once, USUAL.text(values).expect("rendered before"), "{name}");
    }
    for path in std::fs::read_dir(crate::support::helm::chart().join("templates")).expect("a folder") {
        let path = path.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        for word in ["lookup ", "now ", "rand", "genCA", "genSelfSigned", "uuidv4", "htpasswd"] {
            assert!(
                !text.contains(&format!("{{{{ {word}")) && !text.contains(&format!("({word}")),
                "{}: {word}",
                path.display()
            );
        }
    }
}

/// conventions 11: the definitions stay when the release goes, and are upgraded with it
#[test]
fn the_definitions_are_templates_that_are_kept() {
    for (values, keep, annotation) in [
        ("{}", json!("keep"), Value::Null),
        ("crds: { keep: false, annotations: { a: b } }", Value::Null, json!("b")),
    ] {
        let objects = USUAL.objects(values);
        let definitions = of(&objects, "CustomResourceDefinition");
        assert_eq!(definitions.len(), 5);
        for definition in definitions {
            let annotations = &definition["metadata"]["annotations"];
            assert_eq!(annotations["helm.sh/resource-policy"], keep, "{values}");
            assert_eq!(annotations["a"], annotation, "{values}");
            assert_eq!(annotations["kustomize.toolkit.fluxcd.io/substitute"], "disabled");
            // Word for word: Helm neither fills in nor reformats what is in them.
            let name = definition["metadata"]["name"].as_str().expect("a name");
            let plural = name.split('.').next().expect("a plural");
            let file = format!("{}/crds/grouparoo.io_{plural}.yaml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(file).expect("a definition");
            let wanted: Value = serde_saphyr::from_str(&text).expect("YAML");
            assert_eq!(definition["spec"], wanted["spec"], "{name}");
        }
    }
    assert_eq!(of(&USUAL.objects("crds: { install: false }"), "CustomResourceDefinition").len(), 0);
}

/// conventions 11: over a single Pod a budget would block every drain
#[test]
fn a_disruption_budget_is_there_with_several_pods_only() {
    let several = "replicaCount: 2\nleaderElection: { enabled: true }\nstate: { shared: true, persistence: { existingClaim: memory } }\n";
    for (values, spec) in [
        ("podDisruptionBudget: { enabled: true }".to_owned(), None),
        (several.to_owned(), None),
        (format!("{several}podDisruptionBudget: {{ enabled: true }}"), Some(json!({ "maxUnavailable": 1 }))),
        (
            format!("{several}podDisruptionBudget: {{ enabled: true, maxUnavailable: 50% }}"),
            Some(json!({ "maxUnavailable": "50%" })),
        ),
        (
            format!("{several}podDisruptionBudget: {{ enabled: true, minAvailable: 0 }}"),
            Some(json!({ "minAvailable": 0 })),
        ),
    ] {
        let objects = USUAL.objects(&values);
        let found = of(&objects, "PodDisruptionBudget");
        let mut found = found.into_iter().map(|budget| {
            let mut spec = budget["spec"].clone();
            let selector = spec.as_object_mut().expect("a spec").remove("selector");
            assert_eq!(selector, Some(only(&objects, "Deployment")["spec"]["selector"].clone()));
            spec
        });
        assert_eq!(found.next(), spec, "{values}");
    }
}

/// The state outlives the Pod and the release; a new Pod waits for the old one
#[test]
fn the_state_is_kept_on_a_volume_of_one_pod() {
    let objects = USUAL.objects("{}");
    let claim = only(&objects, "PersistentVolumeClaim");
    assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    assert_eq!(claim["spec"].get("storageClassName"), None, "the cluster's own default");
    let deployment = only(&objects, "Deployment");
    assert_eq!(deployment["spec"]["strategy"], json!({ "type": "Recreate" }));
    assert_eq!(deployment["spec"]["replicas"], 1);
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);

    let objects = USUAL.objects("state: { persistence: { keep: false, storageClassName: '' } }");
    let claim = only(&objects, "PersistentVolumeClaim");
    assert_eq!(claim["metadata"].get("annotations"), None);
    assert_eq!(claim["spec"]["storageClassName"], "", "none, which is not the default");

    let objects = USUAL.objects("state: { persistence: { enabled: false, size: 2Gi } }");
    let volumes = &only(&objects, "Deployment")["spec"]["template"]["spec"]["volumes"];
    assert_eq!(
        volumes[0],
        json!({ "name": "state", "emptyDir": { "sizeLimit": "2Gi" } }),
        "the node is not filled"
    );

    let objects = USUAL.objects("state: { persistence: { existingClaim: memory } }");
    assert_eq!(of(&objects, "PersistentVolumeClaim").len(), 0);
    let volumes = &only(&objects, "Deployment")["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["persistentVolumeClaim"]["claimName"], "memory");
}

/// conventions 11, renderMode
#[test]
fn monitoring_is_rendered_as_the_cluster_and_its_mode_say() {
    let known = [
        "monitoring.coreos.com/v1",
        "monitoring.coreos.com/v1/ServiceMonitor",
        "monitoring.coreos.com/v1/PrometheusRule",
    ];
    for (value, kind) in [("serviceMonitor", "ServiceMonitor"), ("prometheusRule", "PrometheusRule")] {
        for (enabled, mode, is_known, wanted) in [
            (false, "alwaysRender", true, 0),
            (true, "skipIfMissing", false, 0),
            (true, "skipIfMissing", true, 1),
            (true, "failIfMissing", true, 1),
            (true, "alwaysRender", false, 1),
        ] {
            let values = format!("{value}: {{ enabled: {enabled}, renderMode: {mode} }}");
            let release = Release { known: if is_known { &known } else { &[] }, ..USUAL };
            assert_eq!(of(&release.objects(&values), kind).len(), wanted, "{values} known: {is_known}");
        }
    }
    let monitor = USUAL.objects("serviceMonitor: { enabled: true, renderMode: alwaysRender }");
    let (monitor, service) = (only(&monitor, "ServiceMonitor"), only(&monitor, "Service"));
    assert_eq!(monitor["spec"]["endpoints"][0]["honorLabels"], true, "namespace is the object's");
    let labels = monitor["spec"]["selector"]["matchLabels"].as_object().expect("labels");
    assert!(labels.iter().all(|(key, value)| service["metadata"]["labels"][key] == *value));
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
}

/// conventions 12: fit for `restricted` as it stands
#[test]
fn the_pod_may_do_as_little_as_possible() {
    let objects = USUAL.objects("{}");
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(container["securityContext"]["capabilities"], json!({ "drop": ["ALL"] }));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert!(pod["securityContext"]["runAsUser"].as_u64() >= Some(10_000));
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert!(container["resources"]["limits"]["memory"].is_string());
    assert!(container["resources"]["requests"]["cpu"].is_string());
    let scratch = pod["volumes"].as_array().expect("volumes").iter().find(|one| one["name"] == "scratch");
    assert!(scratch.expect("a scratch")["emptyDir"]["sizeLimit"].is_string());
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(pod.get(key), None);
    }
}

/// The Pod reaches what it must, at the ports that were given, and nothing else
#[test]
fn the_network_policy_opens_what_is_needed() {
    assert_eq!(of(&USUAL.objects("{}"), "NetworkPolicy").len(), 0);
    let objects = USUAL.objects("networkPolicy: { enabled: true }");
    let policy = only(&objects, "NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["spec"]["podSelector"], only(&objects, "Deployment")["spec"]["selector"]);
    let ports = |rules: &Value| -> Vec<Value> {
        let rules = rules.as_array().expect("rules").iter();
        rules
            .flat_map(|rule| rule["ports"].as_array().expect("ports"))
            .map(|port| port["port"].clone())
            .collect()
    };
    assert_eq!(ports(&policy["spec"]["ingress"]), [json!("http")]);
    let opened = [53, 53, 443, 6443, 443, 5432, 3306].map(|port| json!(port));
    assert_eq!(ports(&policy["spec"]["egress"]), opened);
    let closed = "networkPolicy: { enabled: true, databases: { ports: [] }, metrics: { from: [{ podSelector: {} }] } }";
    let objects = USUAL.objects(closed);
    let policy = only(&objects, "NetworkPolicy");
    assert_eq!(ports(&policy["spec"]["egress"]), opened[..5]);
    assert_eq!(policy["spec"]["ingress"][0]["from"], json!([{ "podSelector": {} }]));
}

/// Labels say whose an object is, and those by which Pods are found never change
#[test]
fn every_object_has_its_labels() {
    for (name, values) in SETS {
        let is_extra = |object: &Value| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            object["kind"] == "ConfigMap" && !name.ends_with("-dashboard")
        };
        for object in USUAL.objects(values).iter().filter(|object| !is_extra(object)) {
            let labels = &object["metadata"]["labels"];
            for (key, value) in [
                ("app.kubernetes.io/name", "grouparoo"),
                ("app.kubernetes.io/instance", "grouparoo"),
                ("app.kubernetes.io/managed-by", "Helm"),
                ("app.kubernetes.io/version", env!("CARGO_PKG_VERSION")),
                ("helm.sh/chart", concat!("grouparoo-", env!("CARGO_PKG_VERSION"))),
            ] {
                assert_eq!(labels[key], value, "{name}: {object:#}");
            }
            if values.contains("commonLabels") {
                assert_eq!(labels["team"], "crm", "{name}: {object:#}");
            }
            if object["kind"] == "Deployment" {
                let selector = object["spec"]["selector"]["matchLabels"].as_object().expect("labels");
                assert_eq!(selector.len(), 3, "{selector:?}");
                let pod = &object["spec"]["template"]["metadata"]["labels"];
                assert!(selector.iter().all(|(key, value)| pod[key] == *value));
            }
        }
    }
}

/// A digest names the image better than a tag
#[test]
fn the_image_is_named_by_what_was_given() {
    let image = |values: &str| {
        let objects = USUAL.objects(values);
        only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image("{}"), concat!("ghcr.io/grouparoo-io/grouparoo:", env!("CARGO_PKG_VERSION")));
    assert_eq!(image("image: { registry: '', repository: grouparoo, tag: test }"), "grouparoo:test");
    let digest = "a".repeat(64);
    assert_eq!(
        image(&format!("image: {{ tag: test, digest: 'sha256:{digest}' }}")),
        format!("ghcr.io/grouparoo-io/grouparoo@sha256:{digest}")
    );
}
