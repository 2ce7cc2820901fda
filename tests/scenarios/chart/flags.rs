//! The flags that the chart hands to the program.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::values::SETS;
use crate::support::helm::{USUAL, only};

fn arguments(values: &str) -> Vec<String> {
    let objects = USUAL.objects(values);
    let deployment = only(&objects, "Deployment");
    let arguments =
        deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().expect("arguments");
    arguments.iter().map(|one| one.as_str().expect("text").to_owned()).collect()
}

/// Whatever values are given, the program understands what comes of them: it gets as far as the login
#[test]
fn the_program_understands_the_flags_of_every_set_of_values() {
    for (name, values) in SETS {
        let output = Command::new(env!("CARGO_BIN_EXE_grouparoo"))
            .args(arguments(values))
            .arg("--kubeconfig=/nonexistent/kubeconfig")
            .env_remove("KUBECONFIG")
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("/nonexistent/kubeconfig"), "{name}: {said}");
        assert!(!said.contains("unexpected argument") && !said.contains("invalid value"), "{name}: {said}");
    }
}

/// Every flag is reached by a value, but for those that make no sense in a Pod
#[test]
fn every_flag_has_a_value() {
    let help = Command::new(env!("CARGO_BIN_EXE_grouparoo")).args(["operator", "--help"]).output();
    let help = String::from_utf8(help.expect("the program starts").stdout).expect("UTF-8");
    let flags: BTreeSet<String> = help
        .split(|c: char| c.is_whitespace() || "[]<>,=".contains(c))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(str::to_owned)
        .collect();
    let used: BTreeSet<String> = SETS
        .iter()
        .flat_map(|(_, values)| arguments(values))
        .filter_map(|one| one.split('=').next().map(str::to_owned))
        .collect();
    let without: Vec<&str> = flags.iter().filter(|flag| !used.contains(*flag)).map(String::as_str).collect();
    assert_eq!(without, ["--context", "--help", "--kubeconfig", "--lease-namespace"]);
    let checks = crate::support::helm::read("templates/_checks.tpl");
    for flag in used.iter().filter(|flag| flag.starts_with("--") && *flag != "--http") {
        let name = format!("\"{}\"", flag.trim_start_matches("--"));
        assert!(checks.contains(&name), "extraArgs may repeat {flag}: enter it in templates/_checks.tpl");
    }
}

/// The values become these flags, with these words
#[test]
fn a_value_becomes_its_flag() {
    for (values, flag) in [
        ("{}", "--state=/state"),
        ("{}", "--allowed-host=rest.*.braze.com"),
        ("{}", "--secret-host-binding=true"),
        ("{}", "--max-concurrent-runs=8"),
        ("secretHostBinding: Off", "--secret-host-binding=false"),
        ("watchNamespaces: [crm]", "--watch-namespace=crm"),
        ("allowedHosts: ['127.0.0.1:8070']", "--allowed-host=127.0.0.1:8070"),
        ("sources: { allowedHosts: ['*.example.com'] }", "--source-allowed-host=*.example.com"),
        ("sources: { types: [csv] }", "--source-type=csv"),
        ("sources: { privateAddresses: Denied }", "--deny-private-addresses"),
        ("sources: { tls: Required }", "--require-source-tls"),
        ("dataRoot: { volume: { hostPath: { path: /files } } }", "--data-root=/data"),
        ("rbac: { secretWatch: true }", "--watch-secrets"),
        ("leaderElection: { enabled: true }", "--lease-name=grouparoo"),
        ("leaderElection: { enabled: true, leaseName: l }", "--lease-name=l"),
        ("log: { level: 'info,grouparoo::braze=debug' }", "--log-level=info,grouparoo::braze=debug"),
        ("maxConcurrentRuns: 10000000", "--max-concurrent-runs=10000000"),
    ] {
        assert!(arguments(values).iter().any(|one| one == flag), "{values}: {:?}", arguments(values));
    }
    let plain = arguments("{}");
    for flag in
        ["--watch-secrets", "--leader-elect", "--data-root", "--watch-namespace", "--deny-private-addresses"]
    {
        assert!(!plain.iter().any(|one| one.starts_with(flag)), "{flag}: {plain:?}");
    }
}

/// The probes and the Service lead to where the program listens
#[test]
fn the_port_is_that_of_the_program() {
    let objects = USUAL.objects("{}");
    let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], 8080);
    let help = include_str!("../command_line/help/operator.txt");
    assert!(help.contains("0.0.0.0:8080"), "the default of --http is another one");
    let paths: Vec<&Value> =
        ["livenessProbe", "readinessProbe"].map(|probe| &container[probe]["httpGet"]["path"]).into();
    assert_eq!(paths, ["/healthz", "/readyz"]);
}
