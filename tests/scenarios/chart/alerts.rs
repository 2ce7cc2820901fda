//! The alerts, judged by Prometheus' own tool; and the queries of the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::helm::{USUAL, only, read};

const RULES: &str = "prometheusRule: { enabled: true, renderMode: alwaysRender }";

/// The eight of conventions 10.
const ALERTS: [&str; 8] = [
    "GrouparooSyncOverdue",
    "GrouparooStalled",
    "GrouparooRunsFail",
    "GrouparooRecordsRejected",
    "GrouparooRemovalsHeld",
    "GrouparooReconcileErrors",
    "GrouparooNoLeader",
    "GrouparooAbsent",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn promtool(arguments: &[&str], folder: &Path) -> String {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let found = Command::new(root().join("scripts/promtool")).output().expect("scripts/promtool runs");
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        PathBuf::from(String::from_utf8(found.stdout).expect("a path is text").trim())
    });
    let output = Command::new(program).args(arguments).current_dir(folder).output().expect("promtool runs");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    said
}

fn rules(values: &str) -> Value {
    only(&USUAL.objects(values), "PrometheusRule")["spec"].clone()
}

/// The rules in a folder of their own, as `rules.yaml`.
fn folder_with(rules: &Value) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("rules.yaml"), rules.to_string()).expect("written");
    folder
}

/// conventions 10: eight alerts, each with a runbook that is there
#[test]
fn every_alert_has_its_runbook_and_its_test() {
    let rules = rules(RULES);
    let alerts = rules["groups"][0]["rules"].as_array().expect("rules");
    let names: Vec<&str> = alerts.iter().map(|one| one["alert"].as_str().expect("a name")).collect();
    assert_eq!(names, ALERTS);
    for alert in alerts {
        let name = alert["alert"].as_str().expect("a name");
        let url = alert["annotations"]["runbook_url"].as_str().expect("a runbook");
        assert!(url.ends_with(&format!("/docs/runbooks/{name}.md")), "{url}");
        let runbook = std::fs::read_to_string(root().join(format!("docs/runbooks/{name}.md")));
        let runbook = runbook.unwrap_or_else(|error| panic!("runbook of {name}: {error}"));
        for part in [
            &format!("# {name}\n"),
            "**What it means.**",
            "**First look**",
            "(README.md#names-in-the-commands)",
            "hat to do",
        ] {
            assert!(runbook.contains(part), "{name}: {part}");
        }
        assert!(["warning", "critical"].contains(&alert["labels"]["severity"].as_str().expect("a severity")));
    }
    let folder = folder_with(&rules);
    let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"], folder.path());
    assert!(said.contains("8 rules found"), "{said}");
}

/// Played through: each alert fires when it should and at no other time
#[test]
fn each_alert_fires_when_it_should_and_not_otherwise() {
    let folder = folder_with(&rules(RULES));
    for alert in ALERTS {
        let text = std::fs::read_to_string(root().join(format!("tests/alerts/{alert}.yaml"))).expect(alert);
        let tests: Value = serde_saphyr::from_str(&text).expect("YAML");
        let checks: Vec<bool> = tests["tests"]
            .as_array()
            .expect("tests")
            .iter()
            .flat_map(|test| test["alert_rule_test"].as_array().expect("checks"))
            .inspect(|check| assert_eq!(check["alertname"], alert))
            .map(|check| check["exp_alerts"].as_array().is_some_and(|all| !all.is_empty()))
            .collect();
        assert!(checks.contains(&true) && checks.contains(&false), "{alert}: {checks:?}");
        std::fs::write(folder.path().join(format!("{alert}.yaml")), text).expect("written");
    }
    let files: Vec<String> = ALERTS.iter().map(|alert| format!("{alert}.yaml")).collect();
    let arguments: Vec<&str> =
        ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    promtool(&arguments, folder.path());
    let present = std::fs::read_dir(root().join("tests/alerts")).expect("a folder").count();
    assert_eq!(present, ALERTS.len(), "no test is left over");
}

/// Thresholds, labels and a place for runbooks of one's own
#[test]
fn alerts_can_be_adapted() {
    let rules = rules(
        "prometheusRule: { enabled: true, renderMode: alwaysRender, alertLabels: { team: crm }, disabled: [GrouparooAbsent],\n\
         \x20 overdueAfterSeconds: 10000000, failedRunsRatio: 0.25, rejectedRecordsRatio: 0.001, runbookUrl: 'https://wiki.example.com/' }",
    );
    let alerts = rules["groups"][0]["rules"].as_array().expect("rules");
    assert_eq!(alerts.len(), 7);
    let expression = |at: usize| alerts[at]["expr"].as_str().expect("an expression");
    assert!(expression(0).contains("> 10000000)"), "{}", expression(0));
    assert!(expression(2).contains("> 0.25\n"), "{}", expression(2));
    assert!(expression(3).contains("> 0.001"), "{}", expression(3));
    for alert in alerts {
        assert_eq!(alert["labels"]["team"], "crm");
        let url = alert["annotations"]["runbook_url"].as_str().expect("a runbook");
        assert!(url.starts_with("https://wiki.example.com/Grouparoo"), "{url}");
    }
    promtool(&["check", "rules", "rules.yaml"], folder_with(&rules).path());
}

/// The dashboard's queries are good PromQL over metrics that the program has
#[test]
fn the_dashboard_asks_for_what_there_is() {
    let objects = USUAL.objects("grafanaDashboard: { enabled: true, namespace: grafana }");
    let map = only(&objects, "ConfigMap");
    assert_eq!(map["metadata"]["namespace"], "grafana");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let text = map["data"]["grouparoo.json"].as_str().expect("a dashboard");
    assert_eq!(
        text.trim(),
        read("files/dashboards/grouparoo.json").trim(),
        "nothing in it is filled in by Helm"
    );
    let dashboard: Value = serde_json::from_str(text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut queries: Vec<String> =
        targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect();
    assert!(queries.len() > 15, "{}", queries.len());
    let known = known_metrics();
    let alerts = rules(RULES);
    let alerts = alerts["groups"][0]["rules"].as_array().expect("rules").iter();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for query in
        queries.iter().cloned().chain(alerts.map(|one| one["expr"].as_str().expect("text").to_owned()))
    {
        for word in query.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if word.starts_with("grouparoo_") {
                assert!(known.contains(word), "{word} in {query}");
                asked.insert(word.trim_end_matches("_bucket").to_owned());
            }
        }
    }
    assert!(asked.len() >= 12, "{asked:?}");
    let variables =
        BTreeMap::from([("$__rate_interval", "5m"), ("$namespace", ".*"), ("$destination", ".*")]);
    for query in &mut queries {
        for (variable, value) in &variables {
            *query = query.replace(variable, value);
        }
    }
    let records: Vec<Value> = queries
        .iter()
        .enumerate()
        .map(|(at, query)| json!({ "record": format!("dashboard:query:{at}"), "expr": query }))
        .collect();
    let all = json!({ "groups": [{ "name": "dashboard", "rules": records }] });
    promtool(&["check", "rules", "rules.yaml"], folder_with(&all).path());
}

/// Names of the program's metrics as Prometheus stores them.
fn known_metrics() -> BTreeSet<String> {
    let manual = include_str!("../../../docs/operator.md");
    let section = manual.split("\n## Metrics\n").nth(1).expect("a section").split("\nThe chart has").next();
    let names = section.expect("a table").split('`').skip(1).step_by(2);
    let mut all: BTreeSet<String> =
        names.filter(|name| name.starts_with("grouparoo_")).map(str::to_owned).collect();
    for name in ["grouparoo_reconcile_duration_seconds", "grouparoo_sync_run_duration_seconds"] {
        assert!(all.contains(name));
        all.insert(format!("{name}_bucket"));
    }
    all
}
