//! Values that people give: what they may not be, and all that they may be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::helm::{Release, USUAL, of, only, read};

/// Sets of values that together use every value and every branch of the templates.
pub const SETS: [(&str, &str); 12] = [
    ("defaults", "{}"),
    (
        "some namespaces",
        "watchNamespaces: [crm, shop]\nrbac: { secretWatch: true, aggregateToView: true, aggregateToEdit: true }",
    ),
    ("Secrets of one namespace", "watchNamespaces: [crm, shop]\nrbac: { secretNamespaces: [crm] }"),
    ("Secrets of one namespace of all", "rbac: { secretNamespaces: [crm] }"),
    (
        "an election of one",
        "leaderElection: { enabled: true, leaseName: crm-leader, leaseDuration: 30s, renewDeadline: 20s, retryPeriod: 4s }",
    ),
    (
        "several Pods",
        "replicaCount: 2\nleaderElection: { enabled: true }\nstate: { shared: true, persistence: { accessModes: [ReadWriteMany] } }\n\
         podDisruptionBudget: { enabled: true, minAvailable: 50% }",
    ),
    ("paused", "replicaCount: 0"),
    (
        "a trial",
        "state: { persistence: { enabled: false } }\nsecretHostBinding: Off\npodDisruptionBudget: { enabled: true }",
    ),
    (
        "a claim of one's own",
        "state: { persistence: { existingClaim: memory } }\ncrds: { install: false }\nrbac: { create: false }\nserviceAccount: { create: false, name: robot }",
    ),
    (
        "monitored",
        "serviceMonitor: { enabled: true, renderMode: alwaysRender, labels: { release: prometheus }, interval: 1m, scrapeTimeout: 20s,\n\
         \x20 relabelings: [{ targetLabel: cluster, replacement: eu }], metricRelabelings: [{ action: labeldrop, regex: pod }] }\n\
         prometheusRule: { enabled: true, renderMode: alwaysRender, labels: { release: prometheus }, alertLabels: { team: crm },\n\
         \x20 disabled: [GrouparooStalled], overdueAfterSeconds: 7200, failedRunsRatio: 0.25, rejectedRecordsRatio: 0.1,\n\
         \x20 runbookUrl: 'https://wiki.example.com/runbooks/' }\n\
         grafanaDashboard: { enabled: true, labels: { grafana_dashboard: '1' }, annotations: { grafana_folder: crm } }",
    ),
    (
        "closed in",
        "networkPolicy:\n  enabled: true\n  dns: { to: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } } }], ports: [53, 5353] }\n\
         \x20 apiServer: { to: [{ ipBlock: { cidr: 198.51.100.1/32 } }], ports: [6443] }\n  braze: { to: [], ports: [443] }\n\
         \x20 databases: { to: [{ ipBlock: { cidr: 192.0.2.0/24 } }], ports: [5433] }\n  metrics: { from: [{ namespaceSelector: {} }] }\n\
         \x20 extraEgress: [{ ports: [{ port: 8443 }] }]\n  extraIngress: [{ from: [{ podSelector: {} }] }]\n\
         sources: { allowedHosts: ['*.example.com'], types: [postgres, csv], privateAddresses: Denied, tls: Required }\n\
         allowedHosts: [rest.iad-01.braze.com]",
    ),
    (
        "everything else",
        "image: { registry: registry.example.com, repository: crm/grouparoo, tag: v9, pullPolicy: Always,\n\
         \x20 digest: 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }\n\
         imagePullSecrets: [{ name: registry }]\nfullnameOverride: braze-sync\n\
         crds: { annotations: { example.com/a: b } }\nmaxConcurrentRuns: 2\nprogressInterval: 10s\n\
         log: { format: text, level: 'info,grouparoo::braze=debug' }\n\
         state: { persistence: { size: 1Gi, storageClassName: fast, accessModes: [ReadWriteOnce], selector: { matchLabels: { a: b } }, annotations: { a: b } } }\n\
         dataRoot: { volume: { persistentVolumeClaim: { claimName: files } }, readOnly: false }\nscratch: { sizeLimit: 1Gi }\n\
         serviceAccount: { name: robot, annotations: { example.com/role: r }, automount: false }\n\
         resources: { requests: { cpu: 1, memory: 1Gi }, limits: { memory: 2Gi } }\nterminationGracePeriodSeconds: 60\n\
         topologySpreadConstraints: [{ maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway }]\n\
         affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: a, operator: Exists }] }] } } }\n\
         nodeSelector: { kubernetes.io/os: linux }\ntolerations: [{ key: a, operator: Exists }]\npriorityClassName: system-cluster-critical\n\
         hostAliases: [{ ip: 192.0.2.1, hostnames: [pg.example.com] }]\nextraArgs: ['--http=[::]:8080']\n\
         extraEnv: [{ name: SSL_CERT_FILE, value: /ca/ca.pem }, { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]\n\
         extraVolumes: [{ name: ca, configMap: { name: ca } }]\nextraVolumeMounts: [{ name: ca, mountPath: /ca }]\n\
         extraObjects:\n  - { apiVersion: v1, kind: ConfigMap, metadata: { name: ca }, data: { ca.pem: '{{ .Release.Name }}' } }\n\
         \x20 - |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: { name: '{{ .Release.Name }}-more' }\n\
         commonLabels: { team: crm }\npodLabels: { tier: back }\npodAnnotations: { example.com/a: b }\ndeploymentAnnotations: { example.com/c: d }\n\
         rbac: { secretWatch: true }",
    ),
];

/// Every contradiction, and a part of the sentence that says what to do.
#[test]
fn values_that_contradict_each_other_are_refused_with_a_sentence() {
    for (values, sentence) in [
        (
            "replicaCount: 2\nleaderElection: { enabled: true }",
            "one process at a time uses the state folder on its volume: set replicaCount to 1",
        ),
        (
            "replicaCount: 2\nstate: { shared: true, persistence: { accessModes: [ReadWriteMany] } }",
            "nobody chooses which Pod works: set leaderElection.enabled to true",
        ),
        ("state: { shared: true, persistence: { enabled: false } }", "each Pod has a folder of its own"),
        ("state: { shared: true }", "state.persistence.accessModes does not have ReadWriteMany"),
        ("state: { persistence: { enabled: false, existingClaim: memory } }", "so it would not be used"),
        (
            "leaderElection: { renewDeadline: 1m }",
            "leaderElection.renewDeadline (1m) must be less than leaderElection.leaseDuration (15s)",
        ),
        (
            "leaderElection: { retryPeriod: 10s }",
            "leaderElection.retryPeriod (10s) must be less than leaderElection.renewDeadline (10s)",
        ),
        (
            "leaderElection: { leaseDuration: 1m30s, renewDeadline: 1h }",
            "renewDeadline (1h) must be less than leaderElection.leaseDuration (1m30s)",
        ),
        (
            "serviceMonitor: { interval: 5s }",
            "serviceMonitor.scrapeTimeout (10s) must not be longer than serviceMonitor.interval (5s)",
        ),
        ("rbac: { secretNamespaces: [crm], secretWatch: true }", "takes it away in some: set one of the two"),
        ("rbac: { secretNamespaces: [crm], create: false }", "it would narrow nothing"),
        (
            "watchNamespaces: [shop]\nrbac: { secretNamespaces: [crm] }",
            "rbac.secretNamespaces names crm, which watchNamespaces does not",
        ),
        ("serviceAccount: { create: false }", "which every Pod of the namespace may use: name one"),
        (
            "podDisruptionBudget: { minAvailable: 1, maxUnavailable: 1 }",
            "exclude each other: set one to null",
        ),
        (
            "dataRoot: { volume: { emptyDir: {}, hostPath: { path: /data } } }",
            "several sources (emptyDir, hostPath), and a volume has one",
        ),
        (
            "commonLabels: { app.kubernetes.io/name: mine }",
            "may not have app.kubernetes.io/name, which the chart sets itself",
        ),
        (
            "podLabels: { grouparoo.io/watch: Enabled }",
            "may not have grouparoo.io/watch, which the chart sets itself",
        ),
        (
            "extraArgs: [--watch-secrets]",
            "extraArgs has --watch-secrets, which the chart sets itself: use the value rbac.secretWatch",
        ),
        ("extraArgs: ['--allowed-host=a']", "use the value allowedHosts"),
        ("extraArgs: ['--http=[::]:9090']", "the probes and the Service look at port 8080"),
        ("extraArgs: [--lease-namespace=crm]", "in the namespace of the release only: leave it out"),
        (
            "serviceMonitor: { enabled: true, renderMode: failIfMissing }",
            "the cluster does not know the kind ServiceMonitor: install the Prometheus Operator first",
        ),
        (
            "prometheusRule: { enabled: true, renderMode: failIfMissing }",
            "the cluster does not know the kind PrometheusRule",
        ),
        ("extraEnv: [{ name: POD_NAME, value: a }]", "extraEnv has POD_NAME"),
        (
            "extraVolumes: [{ name: state, emptyDir: {} }]",
            "extraVolumes has state, which is a volume of the chart's own",
        ),
        (
            "extraVolumeMounts: [{ name: ca, mountPath: /tmp/ }]",
            "extraVolumeMounts has /tmp/, where the chart mounts its own",
        ),
    ] {
        let error = USUAL.text(values).expect_err(values);
        let words = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(sentence), "{values}: {error}");
    }
}

/// The values in the example for Flux are ones that the chart takes
#[test]
fn the_values_of_the_example_for_flux_are_good() {
    let text = include_str!("../../../examples/gitops/flux/operator-release.yaml");
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    let release = only(&objects, "HelmRelease");
    let values = release["spec"]["values"].to_string();
    assert!(values.len() > 2, "{release:#}");
    let namespace = release["spec"]["targetNamespace"].as_str().expect("a namespace");
    assert!(!Release { namespace, ..USUAL }.objects(&values).is_empty());
    assert_eq!(release["spec"]["chart"]["spec"]["chart"], "charts/grouparoo");
}

/// Several contradictions are told at once
#[test]
fn all_contradictions_are_told_together() {
    let error = USUAL.text("replicaCount: 3\nserviceAccount: { create: false }").expect_err("refused");
    for part in ["one process at a time", "set leaderElection.enabled", "name one"] {
        assert!(error.contains(part), "{error}");
    }
}

/// conventions 11: a typing error is refused, and so is a value of the wrong kind
#[test]
fn what_the_schema_does_not_know_is_refused() {
    for (values, place) in [
        ("replicas: 1", "replicas"),
        ("image: { name: a }", "name"),
        ("state: { persistence: { claim: a } }", "claim"),
        ("networkPolicy: { databases: { port: 5432 } }", "port"),
        ("sources: { tls: Maybe }", "tls"),
        ("sources: { types: [oracle] }", "types"),
        ("secretHostBinding: true", "secretHostBinding"),
        ("allowedHosts: []", "allowedHosts"),
        ("allowedHosts: ['https://rest.iad-01.braze.com']", "allowedHosts"),
        ("watchNamespaces: ['*']", "watchNamespaces"),
        ("watchNamespaces: crm", "watchNamespaces"),
        ("replicaCount: -1", "replicaCount"),
        ("progressInterval: 3", "progressInterval"),
        ("image: { digest: abc }", "digest"),
        ("prometheusRule: { failedRunsRatio: 50 }", "failedRunsRatio"),
        ("prometheusRule: { disabled: [GrouparooOverdue] }", "disabled"),
        ("extraArgs: [watch-secrets]", "extraArgs"),
        ("livenessProbe: 5", "livenessProbe"),
    ] {
        let error = USUAL.text(values).expect_err(values);
        assert!(error.contains("schema") && error.contains(place), "{values}: {error}");
    }
}

/// conventions 11: additionalProperties is false wherever the fields are ours
#[test]
fn the_schema_knows_exactly_the_values() {
    fn walk(schema: &Value, values: &Value, path: &str, faults: &mut Vec<String>) {
        let Some(properties) = schema["properties"].as_object() else { return };
        if schema["additionalProperties"] != false {
            faults.push(format!("{path}: other fields are allowed"));
        }
        // Helm hands it to every chart.
        let known: BTreeSet<&str> =
            properties.keys().map(String::as_str).filter(|key| *key != "global").collect();
        let there: BTreeSet<&str> =
            values.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        if path != ".resources" && known != there {
            faults.push(format!("{path}: {:?}", known.symmetric_difference(&there).collect::<Vec<_>>()));
        }
        for (key, schema) in properties {
            walk(schema, &values[key], &format!("{path}.{key}"), faults);
        }
    }
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    let mut faults = Vec::new();
    walk(&schema, &values, "", &mut faults);
    assert_eq!(faults, Vec::<String>::new());
}

/// A label or annotation that is given in two places, or that the chart sets too, is there once: the nearer place counts,
/// and what the chart needs stays
#[test]
fn what_is_given_twice_is_there_once() {
    let objects = USUAL.objects(
        "commonLabels: { team: crm }\npodLabels: { team: web }\n\
         crds: { annotations: { helm.sh/resource-policy: delete, kustomize.toolkit.fluxcd.io/substitute: enabled } }\n\
         state: { persistence: { annotations: { helm.sh/resource-policy: delete } } }\n\
         serviceMonitor: { enabled: true, renderMode: alwaysRender, labels: { team: sre } }\n\
         prometheusRule: { enabled: true, renderMode: alwaysRender, labels: { team: sre }, alertLabels: { severity: page } }\n\
         grafanaDashboard: { enabled: true, labels: { team: sre } }",
    );
    let pod = &only(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(pod["team"], "web");
    for kind in ["ServiceMonitor", "PrometheusRule", "ConfigMap"] {
        assert_eq!(only(&objects, kind)["metadata"]["labels"]["team"], "sre", "{kind}");
    }
    assert_eq!(only(&objects, "Service")["metadata"]["labels"]["team"], "crm");
    assert_eq!(
        only(&objects, "PrometheusRule")["spec"]["groups"][0]["rules"][0]["labels"],
        json!({ "severity": "page" })
    );
    for definition in
        of(&objects, "CustomResourceDefinition").into_iter().chain(of(&objects, "PersistentVolumeClaim"))
    {
        let annotations = &definition["metadata"]["annotations"];
        assert_eq!(annotations["helm.sh/resource-policy"], "keep", "{annotations}");
        assert_ne!(annotations["kustomize.toolkit.fluxcd.io/substitute"], "enabled");
    }
}

/// Every value is in one of the sets of these tests, or it would be tested by its default alone.
#[test]
fn every_value_is_tried() {
    fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value.as_object().filter(|map| !map.is_empty()) {
            Some(map) => map.iter().for_each(|(key, child)| leaves(child, &format!("{path}.{key}"), found)),
            None => {
                found.insert(path.to_owned());
            }
        }
    }
    // Maps of Kubernetes' own, which go through as they are.
    let whole = ["livenessProbe", "readinessProbe", "podSecurityContext", "securityContext"];
    let mut all = BTreeSet::new();
    let mut values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    for key in whole {
        values.as_object_mut().expect("a map").remove(key).expect("a value");
    }
    leaves(&values, "", &mut all);
    let mut tried = BTreeSet::new();
    for (_, set) in SETS {
        leaves(&serde_saphyr::from_str(set).expect("YAML"), "", &mut tried);
    }
    let missing: Vec<&String> = all
        .iter()
        .filter(|path| !tried.iter().any(|one| one == *path || one.starts_with(&format!("{path}."))))
        .collect();
    let untried = [
        ".crds.keep",
        ".grafanaDashboard.namespace",
        ".podDisruptionBudget.maxUnavailable",
        ".state.persistence.keep",
    ];
    assert_eq!(missing, untried, "these have tests of their own");
}
