//! All metrics of the operator, by the names that count as API (conventions §10).

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::series::{
    Build, Condition, Destination, Kind, KindResult, Object, Records, Requests, Runs, Series, Whole,
    counters, gauges,
};

/// Content type of [`Metrics::encode`].
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// States that a condition can be in.
const STATES: [&str; 3] = ["True", "False", "Unknown"];

/// Bounds of the durations of reconciles, in seconds.
const RECONCILE_BUCKETS: [f64; 9] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Bounds of the durations of runs, in seconds: from seconds to a day.
const RUN_BUCKETS: [f64; 11] =
    [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 10_800.0, 43_200.0, 86_400.0];

/// A gauge of seconds.
type Seconds = Gauge<f64, AtomicU64>;

/// The metrics. Shared by all who count; made once a process.
pub struct Metrics {
    registry: Registry,
    reconciles: Series<KindResult, Counter>,
    reconcile_durations: Series<Kind, Histogram>,
    conditions: Series<Condition, Whole>,
    refused: Series<Object, Whole>,
    runs: Series<Runs, Counter>,
    run_durations: Series<Destination, Histogram>,
    records: Series<Records, Counter>,
    last_success: Series<Destination, Seconds>,
    next_run: Series<Destination, Seconds>,
    requests: Series<Requests, Counter>,
    rate_limited: Series<Destination, Counter>,
    queue_depth: Series<Kind, Whole>,
    leader: Whole,
}

impl Metrics {
    /// Metrics of a build: its version and the commit that it was built from.
    pub fn new(version: &str, revision: &str) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("grouparoo"),
            reconciles: counters(),
            reconcile_durations: Series::new(|| Histogram::new(RECONCILE_BUCKETS)),
            conditions: gauges(),
            refused: gauges(),
            runs: counters(),
            run_durations: Series::new(|| Histogram::new(RUN_BUCKETS)),
            records: counters(),
            last_success: gauges(),
            next_run: gauges(),
            requests: counters(),
            rate_limited: counters(),
            queue_depth: gauges(),
            leader: Whole::default(),
        };
        metrics.registered(version, revision)
    }

    fn registered(mut self, version: &str, revision: &str) -> Self {
        let mut registry = std::mem::take(&mut self.registry);
        let seconds = || Unit::Seconds;
        registry.register("reconcile", "Reconciles that ended", self.reconciles.family.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "Time that reconciles took",
            seconds(),
            self.reconcile_durations.family.clone(),
        );
        registry.register(
            "resource_condition",
            "Conditions of objects: 1 for the status that a condition has, 0 for the others",
            self.conditions.family.clone(),
        );
        registry.register(
            "resource_status_refused",
            "1 for each object that can have no status, because it breaks a rule of its definition",
            self.refused.family.clone(),
        );
        registry.register("sync_runs", "Runs that ended", self.runs.family.clone());
        registry.register_with_unit(
            "sync_run_duration",
            "Time that runs took",
            seconds(),
            self.run_durations.family.clone(),
        );
        registry.register("sync_records", "Records that runs dealt with", self.records.family.clone());
        registry.register_with_unit(
            "sync_last_success_timestamp",
            "End of the last run that succeeded, in seconds since 1970",
            seconds(),
            self.last_success.family.clone(),
        );
        registry.register_with_unit(
            "sync_next_run_timestamp",
            "Start of the next run that is planned, in seconds since 1970",
            seconds(),
            self.next_run.family.clone(),
        );
        registry.register(
            "destination_requests",
            "Requests that were answered",
            self.requests.family.clone(),
        );
        registry.register(
            "destination_rate_limited",
            "Requests that were refused for going too fast",
            self.rate_limited.family.clone(),
        );
        registry.register(
            "workqueue_depth",
            "Objects that wait to be reconciled",
            self.queue_depth.family.clone(),
        );
        registry.register("leader", "1 while this process leads", self.leader.clone());
        let build = Family::<Build, Whole>::default();
        build.get_or_create(&Build { version: version.to_owned(), revision: revision.to_owned() }).set(1);
        registry.register("build_info", "1, with the build in its labels", build);
        self.registry = registry;
        self
    }

    /// A reconcile ended. `result`: one of few words, such as `success` and `error`.
    pub fn reconciled(&self, kind: &str, result: &str, took: Duration) {
        self.reconciles.of(&KindResult { kind: kind.to_owned(), result: result.to_owned() }).inc();
        self.reconcile_durations.of(&Kind { kind: kind.to_owned() }).observe(took.as_secs_f64());
    }

    /// An object has these conditions, each a type and its status, and no others any more.
    pub fn conditions(&self, kind: &str, namespace: &str, name: &str, conditions: &[(&str, &str)]) {
        let has = |r#type: &str| conditions.iter().any(|(own, _)| *own == r#type);
        self.conditions.forget(|labels| is_object(labels, kind, namespace, name) && !has(&labels.r#type));
        for (r#type, status) in conditions {
            self.condition(kind, namespace, name, r#type, status);
        }
    }

    /// An object has a condition with this status; its others stay as they are.
    pub fn condition(&self, kind: &str, namespace: &str, name: &str, r#type: &str, status: &str) {
        for state in STATES {
            let labels = Condition {
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                r#type: r#type.to_owned(),
                status: state.to_owned(),
            };
            self.conditions.of(&labels).set(i64::from(state == status));
        }
    }

    /// Whether an object can have no status: what is stored breaks a rule of its definition.
    pub fn status_refused(&self, kind: &str, namespace: &str, name: &str, refused: bool) {
        let labels = Object { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
        if refused {
            self.refused.of(&labels).set(1);
        } else {
            self.refused.forget(|known| *known == labels);
        }
    }

    /// A run ended. `result`: `success` or the reason; `trigger`: what started it.
    pub fn run_ended(&self, namespace: &str, destination: &str, result: &str, trigger: &str, took: Duration) {
        let labels = Runs {
            namespace: namespace.to_owned(),
            destination: destination.to_owned(),
            result: result.to_owned(),
            trigger: trigger.to_owned(),
        };
        self.runs.of(&labels).inc();
        self.run_durations.of(&of(namespace, destination)).observe(took.as_secs_f64());
    }

    /// So many records were dealt with. `operation`: `create`, `update` or `delete`; `outcome`: one of few words.
    pub fn records(&self, namespace: &str, destination: &str, operation: &str, outcome: &str, count: u64) {
        let labels = Records {
            namespace: namespace.to_owned(),
            destination: destination.to_owned(),
            operation: operation.to_owned(),
            outcome: outcome.to_owned(),
        };
        self.records.of(&labels).inc_by(count);
    }

    /// So many requests were answered. `code_class`: `2xx` and so on, or `none` where no answer came.
    pub fn requests(&self, namespace: &str, destination: &str, code_class: &str, count: u64) {
        let labels = Requests {
            namespace: namespace.to_owned(),
            destination: destination.to_owned(),
            code_class: code_class.to_owned(),
        };
        self.requests.of(&labels).inc_by(count);
    }

    /// So many requests were refused for going too fast.
    pub fn rate_limited(&self, namespace: &str, destination: &str, count: u64) {
        self.rate_limited.of(&of(namespace, destination)).inc_by(count);
    }

    /// When the last run that succeeded ended.
    pub fn last_success(&self, namespace: &str, destination: &str, at: Timestamp) {
        self.last_success.of(&of(namespace, destination)).set(unix(at));
    }

    /// When the next run is planned; `None`: none is.
    pub fn next_run(&self, namespace: &str, destination: &str, at: Option<Timestamp>) {
        let labels = of(namespace, destination);
        match at {
            Some(at) => {
                self.next_run.of(&labels).set(unix(at));
            }
            None => self.next_run.forget(|known| *known == labels),
        }
    }

    /// So many objects of a kind wait to be reconciled.
    pub fn queue_depth(&self, kind: &str, waiting: usize) {
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        self.queue_depth.of(&Kind { kind: kind.to_owned() }).set(waiting);
    }

    /// Whether this process leads.
    pub fn leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// An object is gone, and so are its series. Numbers of a Destination that come later begin anew.
    pub fn forget(&self, kind: &str, namespace: &str, name: &str) {
        self.conditions.forget(|labels| is_object(labels, kind, namespace, name));
        self.status_refused(kind, namespace, name, false);
        if kind == "Destination" {
            let is = |of_namespace: &str, of_name: &str| of_namespace == namespace && of_name == name;
            self.runs.forget(|labels| is(&labels.namespace, &labels.destination));
            self.run_durations.forget(|labels| is(&labels.namespace, &labels.destination));
            self.records.forget(|labels| is(&labels.namespace, &labels.destination));
            self.last_success.forget(|labels| is(&labels.namespace, &labels.destination));
            self.next_run.forget(|labels| is(&labels.namespace, &labels.destination));
            self.requests.forget(|labels| is(&labels.namespace, &labels.destination));
            self.rate_limited.forget(|labels| is(&labels.namespace, &labels.destination));
        }
    }

    /// All of it in the text format of OpenMetrics.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn of(namespace: &str, destination: &str) -> Destination {
    Destination { namespace: namespace.to_owned(), destination: destination.to_owned() }
}

fn is_object(labels: &Condition, kind: &str, namespace: &str, name: &str) -> bool {
    labels.name == name && labels.namespace == namespace && labels.kind == kind
}

fn unix(at: Timestamp) -> f64 {
    // Whole seconds are exact in a float for as long as there are dates.
    at.as_second() as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn lines(metrics: &Metrics) -> BTreeSet<String> {
        metrics.encode().lines().map(str::to_owned).collect()
    }

    fn fill(metrics: &Metrics, name: &str) {
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        metrics.conditions("Destination", "crm", name, &[("Ready", "True"), ("Running", "True")]);
        metrics.run_ended("crm", name, "success", "Schedule", Duration::from_secs(61));
        metrics.records("crm", name, "create", "succeeded", 7);
        metrics.requests("crm", name, "2xx", 3);
        metrics.rate_limited("crm", name, 2);
        metrics.last_success("crm", name, at);
        metrics.next_run("crm", name, Some(at));
    }

    /// conventions 10, the table of metrics
    #[test]
    fn every_metric_of_the_table_is_exposed_under_its_name_with_its_labels() {
        let metrics = Metrics::new("1.2.3", "abc");
        fill(&metrics, "users");
        metrics.reconciled("Model", "success", Duration::from_millis(7));
        metrics.queue_depth("Model", 4);
        metrics.leader(true);
        metrics.status_refused("Model", "crm", "users", true);
        metrics.status_refused("Model", "crm", "mended", true);
        metrics.status_refused("Model", "crm", "mended", false);
        let lines = lines(&metrics);
        for line in [
            r#"grouparoo_reconcile_total{kind="Model",result="success"} 1"#,
            r#"grouparoo_reconcile_duration_seconds_count{kind="Model"} 1"#,
            r#"grouparoo_reconcile_duration_seconds_bucket{le="0.025",kind="Model"} 1"#,
            r#"grouparoo_resource_condition{kind="Destination",namespace="crm",name="users",type="Ready",status="True"} 1"#,
            r#"grouparoo_resource_condition{kind="Destination",namespace="crm",name="users",type="Ready",status="False"} 0"#,
            r#"grouparoo_resource_condition{kind="Destination",namespace="crm",name="users",type="Ready",status="Unknown"} 0"#,
            r#"grouparoo_sync_runs_total{namespace="crm",destination="users",result="success",trigger="Schedule"} 1"#,
            r#"grouparoo_sync_run_duration_seconds_sum{namespace="crm",destination="users"} 61.0"#,
            r#"grouparoo_sync_records_total{namespace="crm",destination="users",operation="create",outcome="succeeded"} 7"#,
            r#"grouparoo_sync_last_success_timestamp_seconds{namespace="crm",destination="users"} 1772366400.0"#,
            r#"grouparoo_sync_next_run_timestamp_seconds{namespace="crm",destination="users"} 1772366400.0"#,
            r#"grouparoo_destination_requests_total{namespace="crm",destination="users",code_class="2xx"} 3"#,
            r#"grouparoo_destination_rate_limited_total{namespace="crm",destination="users"} 2"#,
            r#"grouparoo_workqueue_depth{kind="Model"} 4"#,
            "grouparoo_leader 1",
            r#"grouparoo_resource_status_refused{kind="Model",namespace="crm",name="users"} 1"#,
            r#"grouparoo_build_info{version="1.2.3",revision="abc"} 1"#,
            "# TYPE grouparoo_sync_runs counter",
            "# UNIT grouparoo_sync_run_duration_seconds seconds",
            "# EOF",
        ] {
            assert!(lines.contains(line), "{line} is missing in\n{}", metrics.encode());
        }
        assert!(!metrics.encode().contains("mended"), "{}", metrics.encode());
    }

    /// conventions 10: series are gone after a delete
    #[test]
    fn an_object_that_is_gone_leaves_no_series_and_takes_no_others_along() {
        let metrics = Metrics::new("1", "a");
        fill(&metrics, "stays");
        let before = lines(&metrics);
        fill(&metrics, "goes");
        metrics.conditions("Model", "crm", "goes", &[("Ready", "False")]);
        metrics.forget("Destination", "crm", "goes");
        metrics.forget("Destination", "other", "stays");
        assert!(
            lines(&metrics).iter().any(|line| line.contains(r#"kind="Model",namespace="crm",name="goes""#))
        );
        metrics.forget("Model", "crm", "goes");
        assert_eq!(lines(&metrics), before);
        // The same name again begins at nothing.
        metrics.records("crm", "goes", "create", "succeeded", 1);
        assert!(metrics.encode().contains(r#"destination="goes",operation="create",outcome="succeeded"} 1"#));
    }

    #[test]
    fn a_condition_that_an_object_has_no_more_is_not_exposed() {
        let metrics = Metrics::new("1", "a");
        metrics.conditions("Model", "crm", "m", &[("Ready", "False"), ("Stalled", "True")]);
        metrics.conditions("Model", "crm", "m", &[("Ready", "True")]);
        let text = metrics.encode();
        assert!(!text.contains("Stalled"), "{text}");
        assert!(text.contains(r#"type="Ready",status="True"} 1"#) && text.contains(r#"status="False"} 0"#));
        metrics.next_run("crm", "d", Some(Timestamp::UNIX_EPOCH));
        metrics.next_run("crm", "d", None);
        assert!(!metrics.encode().contains("destination=\"d\""));
    }

    #[test]
    fn a_label_cannot_break_out_of_its_line() {
        let metrics = Metrics::new("1", "a");
        metrics.reconciled("Model\"} 7\nx", "a\\b", Duration::ZERO);
        let text = metrics.encode();
        assert!(text.contains(r#"kind="Model\"} 7\nx",result="a\\b""#), "{text}");
    }
}
