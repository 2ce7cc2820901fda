//! Metrics, probes and log lines of a running operator (conventions 10).

use std::collections::BTreeSet;

use braze_sandbox::{Effect, FaultRule, Limit, Options, RateLimits, Sandbox};
use kube::api::DeleteParams;
use serde_json::Value;

use super::installed::Installed;
use crate::support::control_plane::until;

/// conventions 10: the table of metrics is complete, and an object that is gone has no series
#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_tell_what_happened() {
    let mut installed = Installed::with_people(4).await;
    installed.destination = format!("  schedule: {{ interval: 24h }}\n{}", installed.destination);
    installed.start();
    assert!(until(|| async { installed.page("/readyz").await.starts_with("HTTP/1.1 200") }).await);
    assert!(installed.page("/healthz").await.starts_with("HTTP/1.1 200"));
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.sandbox.set_faults([FaultRule::nth(1, Effect::Status(503)).at("/users/track")]);
    installed.sql("update users set plan = 'gold'");
    installed.annotate("grouparoo.io/requested-at", "now").await;
    installed.runs_ended(2).await;
    let namespace = &installed.space.name;
    let of = format!("namespace=\"{namespace}\",destination=\"users\"");
    let text = installed.page("/metrics").await;
    for wanted in [
        "grouparoo_reconcile_total{kind=\"Destination\",result=\"success\"}".to_owned(),
        "grouparoo_reconcile_duration_seconds_bucket{".to_owned(),
        format!(
            "grouparoo_resource_condition{{kind=\"Destination\",namespace=\"{namespace}\",name=\"users\",type=\"Ready\",status=\"True\"}} 1\n"
        ),
        format!(
            "grouparoo_resource_condition{{kind=\"Source\",namespace=\"{namespace}\",name=\"crm\",type=\"Ready\",status=\"False\"}} 0\n"
        ),
        format!("grouparoo_sync_runs_total{{{of},result=\"Succeeded\",trigger=\"Request\"}} 1\n"),
        format!("grouparoo_sync_run_duration_seconds_count{{{of}}} 2\n"),
        format!("grouparoo_sync_records_total{{{of},operation=\"create\",outcome=\"delivered\"}} 4\n"),
        format!("grouparoo_sync_records_total{{{of},operation=\"update\",outcome=\"delivered\"}} 4\n"),
        format!("grouparoo_sync_last_success_timestamp_seconds{{{of}}}"),
        format!("grouparoo_sync_next_run_timestamp_seconds{{{of}}}"),
        format!("grouparoo_destination_requests_total{{{of},code_class=\"2xx\"}}"),
        format!("grouparoo_destination_requests_total{{{of},code_class=\"5xx\"}} 1\n"),
        format!("grouparoo_destination_rate_limited_total{{{of}}} 0\n"),
        "grouparoo_workqueue_depth{kind=\"SyncRun\"}".to_owned(),
        "grouparoo_leader 1\n".to_owned(),
        "grouparoo_build_info{".to_owned(),
    ] {
        assert!(text.contains(&wanted), "{wanted} is missing:\n{text}");
    }
    installed.space.raw("Destination").delete("users", &DeleteParams::default()).await.expect("a deletion");
    let gone = until(|| async { !installed.page("/metrics").await.contains(&of) }).await;
    assert!(gone, "{}", installed.page("/metrics").await);
    installed.check().await;
}

/// conventions 10: one JSON object a line, constant messages, and the fields by which lines are found
#[tokio::test(flavor = "multi_thread")]
async fn every_log_line_can_be_found_by_its_object() {
    let mut installed = Installed::with_people(2).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let run = installed.runs().await.remove(0).metadata.name.expect("a name");
    let namespace = installed.space.name.clone();
    let mut messages = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for line in installed.stop() {
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let text =
            |field: &str| line[field].as_str().unwrap_or_else(|| panic!("{line} has no {field}")).to_owned();
        let (message, level) = (text("message"), text("level"));
        assert!(text("timestamp").ends_with('Z'), "{line}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&level.as_str()), "{line}");
        assert!(!message.contains(&namespace) && !message.contains(&run), "no names in messages: {line}");
        if ["looked", "look failed"].contains(&message.as_str()) {
            assert_eq!(text("namespace"), namespace);
            assert!(!text("name").is_empty() && text("reconcileId").len() == 32, "{line}");
            assert!(line["generation"].as_i64() >= Some(1), "{line}");
            kinds.insert(text("kind"));
        }
        if message.starts_with("run ") && message != "run made" {
            assert_eq!(
                (text("kind"), text("name"), text("runId")),
                ("SyncRun".into(), run.clone(), run.clone())
            );
            assert!(line["reconcileId"].is_null(), "a run outlives the look that started it: {line}");
        }
        messages.insert(message);
    }
    assert_eq!(kinds, ["BrazeApp", "Destination", "Model", "Source", "SyncRun"].map(str::to_owned).into());
    for wanted in ["run made", "run began", "run ended", "looked", "asked to end"] {
        assert!(messages.contains(wanted), "{wanted}: {messages:?}");
    }
    installed.check().await;
}

/// conventions 10: answers 429 are counted, as many as Braze gave
#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_tell_how_often_braze_was_asked_too_fast() {
    let mut installed = Installed::with_people(40).await;
    let rate = RateLimits { track: Limit::per(2, 1), ..RateLimits::default() };
    installed.sandbox = Sandbox::start(Options { rate, ..Options::default() });
    installed.limits = "{ settle: 0s, retryFor: 60s, objectsPerRequest: 5, maxInFlight: 8 }".to_owned();
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let journal = installed.sandbox.journal();
    let of_run = journal.iter().filter(|entry| !entry.attributes().is_empty());
    let limited = of_run.filter(|entry| entry.status == Some(429)).count();
    assert!(limited > 0, "Braze limited: {journal:#?}");
    let namespace = &installed.space.name;
    let wanted = format!(
        "grouparoo_destination_rate_limited_total{{namespace=\"{namespace}\",destination=\"users\"}} {limited}\n"
    );
    let text = installed.page("/metrics").await;
    assert!(text.contains(&wanted), "{wanted} is missing:\n{text}");
    installed.check().await;
}
