//! What Helm says after an installation.

use tempfile::TempDir;

use crate::support::helm::{chart, helm};

/// The notes for these values, of a release `crm` in the namespace `ops`.
pub fn notes(values: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).expect("the folder can be written");
    let (file, chart) = (file.display().to_string(), chart().display().to_string());
    let arguments = ["install", "crm", &chart, "--dry-run=client", "--namespace", "ops", "--values", &file];
    let output = helm(None, &arguments).success();
    output.split_once("\nNOTES:\n").unwrap_or_else(|| panic!("{output}")).1.to_owned()
}

/// One line, so that it can be searched for.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commands lead to the release, and to a namespace in which the operator sees what is made
#[test]
fn commands_name_their_namespaces() {
    let text = notes("{}");
    assert!(text.starts_with(concat!(
        "grouparoo ",
        env!("CARGO_PKG_VERSION"),
        " takes care of all namespaces."
    )));
    assert!(text.contains("kubectl --namespace ops rollout status deployment/crm-grouparoo\n"), "{text}");
    assert!(text.contains("  kubectl create secret generic braze "), "{text}");
    let text = notes("watchNamespaces: [shop, crm]");
    assert!(text.contains("takes care of the namespaces shop, crm."), "{text}");
    assert!(text.contains("kubectl --namespace ops rollout status deployment/crm-grouparoo\n"), "{text}");
    let commands = text.lines().filter(|line| line.trim_start().starts_with("kubectl")).skip(1);
    let commands: Vec<&str> = commands.map(str::trim).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    assert!(commands.iter().all(|one| one.starts_with("kubectl --namespace shop ")), "{commands:?}");
}

/// What is meant otherwise than it looks is told, and nothing when there is nothing to tell
#[test]
fn what_was_left_out_or_is_dangerous_is_told() {
    let usual = notes("{}");
    assert!(!usual.contains("WARNING") && !usual.contains("was made"), "{usual}");
    for (values, sentence) in [
        (
            "state: { persistence: { enabled: false } }",
            "WARNING: the state is lost with the Pod: what Braze acknowledged is forgotten",
        ),
        ("secretHostBinding: Off", "can send any Secret of its namespace anywhere"),
        ("podDisruptionBudget: { enabled: true }", "No PodDisruptionBudget was made"),
        ("crds: { install: false }", "The definitions of the kinds are not part of this release"),
        (
            "serviceMonitor: { enabled: true }",
            "No ServiceMonitor was made, because the cluster does not know the kind (serviceMonitor.renderMode is skipIfMissing)",
        ),
        (
            "prometheusRule: { enabled: true }\nserviceMonitor: { enabled: true }",
            "No PrometheusRule was made, because the cluster does not know the kind (prometheusRule.renderMode is skipIfMissing)",
        ),
        (
            "prometheusRule: { enabled: true }",
            "WARNING: prometheusRule.enabled is true and serviceMonitor.enabled is false.",
        ),
    ] {
        let text = line(&notes(values));
        assert!(text.contains(sentence), "{values}: {text}");
        assert!(!line(&usual).contains(sentence), "{values}");
    }
    let made = notes(
        "prometheusRule: { enabled: true, renderMode: alwaysRender }\n\
         serviceMonitor: { enabled: true, renderMode: alwaysRender }",
    );
    assert_eq!(made, usual, "there is nothing to tell");
}
