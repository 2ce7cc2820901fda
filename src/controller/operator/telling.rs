//! What the operator tells: status, events, metrics; and small questions about what it knows.

use jiff::Timestamp;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::braze_app::BrazeAppStatus;
use crate::api::destination::DestinationStatus;
use crate::api::model::ModelStatus;
use crate::api::source::SourceStatus;
use crate::api::sync_run::SyncRunStatus;
use crate::api::{Destination, SyncRun};
use crate::cluster::{Notice, References, apply_status, differs};
use crate::controller::conditions::find;
use crate::controller::execution::siblings::Sibling;
use crate::controller::sync_run::phase::ended;
use crate::controller::sync_run::prepare::Taken;
use crate::controller::sync_run::registry::Lane;
use crate::controller::sync_run::report::trigger;
use crate::sync::outcome::Counts;
use crate::sync::reason::Reason;
use crate::sync::report::{Report, Verdict};

use super::context::Context;
use super::error::Error;
use super::stores::Known;

/// Statuses that have conditions.
pub trait Conditioned {
    /// The conditions.
    fn conditions(&self) -> &[Condition];
}

macro_rules! conditioned {
    ($($status:ty),+) => {
        $(impl Conditioned for $status {
            fn conditions(&self) -> &[Condition] {
                self.conditions.as_deref().unwrap_or_default()
            }
        })+
    };
}

conditioned!(BrazeAppStatus, SourceStatus, ModelStatus, DestinationStatus, SyncRunStatus);

impl Context {
    /// Writes the status of an object when it says something new, and tells of a new state by an event.
    pub async fn report<K, S>(&self, object: &K, old: Option<&S>, new: &S) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
        S: Serialize + Conditioned + std::fmt::Debug,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        self.measure(&K::kind(&()), &namespace, &name, new.conditions());
        let kind = K::kind(&());
        if !differs(old, new) || self.is_refused(&kind, object.meta()) {
            return Ok(());
        }
        self.while_leading().await;
        let api: Api<K> = Api::namespaced(self.clients.calls.clone(), &namespace);
        match apply_status(&api, &self.clock, &name, new).await {
            Ok(_) => self.status_accepted(&kind, object.meta()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.refuses_what_is_stored() => {
                self.tell_refused(&object.object_ref(&()), object.meta(), &error.to_string()).await;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let old = old.map(Conditioned::conditions).unwrap_or_default();
        self.tell_transition(&object.object_ref(&()), old, new.conditions()).await;
        Ok(())
    }

    /// An event when the state of an object became another one: its first failure, another cause, its recovery.
    pub async fn tell_transition(&self, object: &ObjectReference, old: &[Condition], new: &[Condition]) {
        let Some(now) = find(new, "Ready") else { return };
        let before = find(old, "Ready");
        let is_same = before.is_some_and(|before| before.status == now.status && before.reason == now.reason);
        if is_same || now.status == "Unknown" {
            return;
        }
        let notice = Notice {
            warning: now.status == "False" && find(new, "Stalled").is_some(),
            reason: &now.reason,
            action: "Reconcile",
            note: stable(now),
        };
        self.events.publish(object, notice).await;
    }

    /// Conditions as metrics.
    fn measure(&self, kind: &str, namespace: &str, name: &str, conditions: &[Condition]) {
        let all: Vec<(&str, &str)> =
            conditions.iter().map(|one| (one.type_.as_str(), one.status.as_str())).collect();
        self.metrics.conditions(kind, namespace, name, &all);
        self.forget_if_gone(kind, namespace, name);
    }

    /// Takes away the series of an object that went while it was measured; its deletion was told before.
    fn forget_if_gone(&self, kind: &str, namespace: &str, name: &str) {
        let is_there = match kind {
            "BrazeApp" => self.stores.apps.has(namespace, name),
            "Source" => self.stores.sources.has(namespace, name),
            "Model" => self.stores.models.has(namespace, name),
            _ => self.stores.destinations.has(namespace, name),
        };
        if !is_there {
            self.metrics.forget(kind, namespace, name);
        }
    }

    /// Times of a Destination as metrics.
    pub fn measure_destination(&self, destination: &Destination, status: &DestinationStatus) {
        let (namespace, name) = (destination.namespace().unwrap_or_default(), destination.name_any());
        self.metrics.begin(&namespace, &name);
        if let Some(time) = &status.last_success_time {
            self.metrics.last_success(&namespace, &name, time.0);
        }
        self.metrics.next_run(&namespace, &name, status.next_run_time.as_ref().map(|time| time.0));
        self.forget_if_gone("Destination", &namespace, &name);
    }

    /// The end of a run as metrics, and as a line in the log.
    pub fn record(&self, run: &SyncRun, taken: &Taken, report: &Report) {
        let namespace = taken.destination.namespace().unwrap_or_default();
        let destination = taken.destination.name_any();
        let result = match report.result {
            Verdict::Succeeded => "Succeeded",
            Verdict::Failed => "Failed",
            Verdict::Cancelled => "Cancelled",
        };
        let took = Duration::try_from(report.completion_time.duration_since(report.start_time));
        let (metrics, counts) = (&self.metrics, &report.counts);
        tracing::info!(
            namespace,
            destination,
            run = run.name_any(),
            result,
            reason = report.reason.map_or("", Reason::name),
            read = counts.read,
            added = counts.added,
            updated = counts.updated,
            deleted = counts.deleted,
            "run ended"
        );
        metrics.run_ended(&namespace, &destination, result, &trigger(run), took.unwrap_or_default());
        let answers = report.traffic.answers;
        for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(answers.classes) {
            if count > 0 {
                metrics.requests(&namespace, &destination, class, count);
            }
        }
        if answers.lost > 0 {
            metrics.requests(&namespace, &destination, "none", answers.lost);
        }
        metrics.rate_limited(&namespace, &destination, answers.limited);
        if report.plan.is_none() {
            self.record_counts(&namespace, &destination, &report.counts);
            let values = &report.attributes;
            for (outcome, count) in
                [("sent", values.sent), ("cleared", values.cleared), ("dropped", values.dropped)]
            {
                metrics.values(&namespace, &destination, outcome, count);
            }
        }
        self.forget_if_gone("Destination", &namespace, &destination);
    }

    fn record_counts(&self, namespace: &str, destination: &str, counts: &Counts) {
        for (operation, outcome, count) in [
            ("create", "delivered", counts.added),
            ("update", "delivered", counts.updated),
            ("delete", "delivered", counts.deleted),
            ("release", "delivered", counts.released),
            ("none", "unchanged", counts.unchanged),
            ("none", "skipped", counts.skipped),
            ("none", "invalid", counts.invalid),
            ("none", "failed", counts.failed),
            ("none", "held", counts.held),
            ("none", "pending", counts.pending),
        ] {
            self.metrics.records(namespace, destination, operation, outcome, count);
        }
    }

    /// The newest status of a run that we know.
    pub fn run_status(&self, run: &SyncRun) -> Option<SyncRunStatus> {
        let namespace = run.namespace().unwrap_or_default();
        let known = self.stores.runs.named(&namespace, &run.name_any())?;
        if known.uid() == run.uid() { known.status } else { None }
    }

    /// All Destinations of a namespace as they stand to each other.
    pub fn siblings(&self, namespace: &str) -> Vec<Sibling> {
        let apps = self.stores.apps.all(namespace, |_| true);
        let destinations = self.stores.destinations.all(namespace, |_| true);
        let app_of = |one: &Destination| apps.iter().find(|app| app.name_any() == one.spec.app_ref.name);
        destinations.iter().filter_map(|one| Some(Sibling::of(one, app_of(one)?))).collect()
    }

    /// Wakes the runs that wait for a place.
    pub fn wake_waiting(&self) {
        for run in self.stores.runs.state() {
            if let Ok(run) = &run.0
                && !ended(run)
            {
                self.wake.run(&run.namespace().unwrap_or_default(), &run.name_any());
            }
        }
    }

    /// Stops the run of a Destination that is gone.
    pub fn stop_run_of(&self, namespace: &str, destination: &str) {
        let lane = Lane { namespace: namespace.to_owned(), destination: destination.to_owned() };
        if let Some(active) = self.registry.active(&lane) {
            self.registry.cancel(&lane, &active.run, &format!("Destination {destination} was deleted"));
        }
    }

    /// Stops a run, if it is in progress.
    pub fn stop_run(&self, namespace: &str, destination: &str, run: &str, why: &str) {
        let lane = Lane { namespace: namespace.to_owned(), destination: destination.to_owned() };
        self.registry.cancel(&lane, run, why);
    }

    /// Versions of the labelled Secrets and ConfigMaps that an object names, as far as they are watched.
    pub fn watched_versions(&self, namespace: &str, references: &References) -> String {
        let mut versions = String::new();
        for name in &references.secrets {
            let found = self.stores.secrets.get(&ObjectRef::new(name).within(namespace));
            versions.extend(found.and_then(|one| Some(format!("s/{name}={},", one.resource_version()?))));
        }
        for name in &references.config_maps {
            let found = self.stores.config_maps.get(&ObjectRef::new(name).within(namespace));
            versions.extend(found.and_then(|one| Some(format!("c/{name}={},", one.resource_version()?))));
        }
        versions
    }

    /// Whether a test of an object is due because of what it names. `shown`: versions of Secrets that its status
    /// shows, for a process that has tested nothing yet.
    pub fn is_moved(&self, kind: &str, meta: &ObjectMeta, references: &References, shown: Shown<'_>) -> bool {
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let name = meta.name.as_deref().unwrap_or_default();
        let versions = self.watched_versions(namespace, references);
        self.tested.is_due(kind, namespace, name, &versions).unwrap_or_else(|| {
            let watched = shown.secrets.iter().map(|secret| {
                self.stores.secrets.get(&ObjectRef::new(secret).within(namespace))?.resource_version()
            });
            let watched: Option<Vec<String>> = watched.collect();
            watched.is_some_and(|all| !all.is_empty() && shown.versions != Some(all.join(",").as_str()))
        })
    }

    /// A test of an object begins. Gives the time before which its result is not to be dated: the end of the run that
    /// asked for it, which may lie a moment ahead.
    pub fn begin_test(&self, kind: &str, meta: &ObjectMeta, references: &References) -> Option<Timestamp> {
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let versions = self.watched_versions(namespace, references);
        self.tested.begins(kind, namespace, meta.name.as_deref().unwrap_or_default(), versions)
    }
}

/// The text of an event: the same for each success, so that repeats are counted in one event.
fn stable(now: &Condition) -> &str {
    match now.reason.as_str() {
        "SyncSucceeded" => "the newest run succeeded; status.lastRun has its figures",
        _ => &now.message,
    }
}

/// What a status shows of the Secrets of the last test.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// Names of the Secrets whose versions it shows, in order.
    pub secrets: &'a [String],
    /// The versions, joined by commas.
    pub versions: Option<&'a str>,
}
