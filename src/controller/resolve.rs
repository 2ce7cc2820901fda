//! A Destination with all that it refers to, as one job.
//!
//! The only place where defaults of the API are applied. Nothing is connected or read but what the given look-up
//! answers; what the source alone can tell (columns, types, expressions over them) is checked by the engine.

use std::time::Duration;

use kube::ResourceExt;
use serde::Serialize;

use crate::api::destination::{
    DeletionGuard, Enrich, ExecutorType, InitialSync, OnUnmap, RejectTolerance, SyncMode,
};
use crate::api::{BrazeApp, Destination, Lookup, Model, Source, Span, check};
use crate::sync::job::{self, Job};

use super::problem::{Advice, Findings, Problem, Problems};
use super::resolve_app::resolve_app;
use super::resolve_model::resolve_model;
use super::resolve_source::resolve_source;
use super::schedule::Schedule;
use super::{resolve_groups, resolve_mappings};

/// A Destination and the objects that it names.
#[derive(Clone, Copy, Debug)]
pub struct Objects<'a> {
    /// The Destination.
    pub destination: &'a Destination,
    /// Its BrazeApp.
    pub app: &'a BrazeApp,
    /// Its Model.
    pub model: &'a Model,
    /// The Model's Source.
    pub source: &'a Source,
}

/// A job that can be run.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The job, with every default applied.
    pub job: Job,
    /// Advice that stops nothing.
    pub advice: Vec<Advice>,
}

/// Makes the job of a Destination, or says everything that is wrong with the four objects.
///
/// Objects may have been stored before a rule of their kind, so the schema and its rules are applied first; only
/// when all four pass is the rest looked at.
pub fn resolve(objects: &Objects<'_>, lookup: &dyn Lookup) -> Result<Resolved, Problems> {
    let mut problems = Vec::new();
    problems.extend(check_object("BrazeApp", objects.app, &objects.app.spec));
    problems.extend(check_object("Source", objects.source, &objects.source.spec));
    problems.extend(check_object("Model", objects.model, &objects.model.spec));
    problems.extend(check_object("Destination", objects.destination, &objects.destination.spec));
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let app = resolve_app(objects.app, lookup).map_err(|found| problems.extend(found));
    let source = resolve_source(objects.source, lookup).map_err(|found| problems.extend(found));
    let model = resolve_model(objects.model, lookup).map_err(|found| problems.extend(found));
    let mut findings = Findings::of("Destination", objects.destination);
    refuse_impossible_fields(objects.destination, &mut findings);
    let properties = resolve_mappings::resolve(objects.destination, objects.model, &mut findings);
    let groups = resolve_groups::mappings(objects.destination, objects.model, &mut findings);
    let collection = resolve_groups::collection(objects.destination, objects.model, &mut findings);
    let times = times(objects.destination, &mut findings);
    problems.append(&mut findings.problems);
    match (app, source, model, times) {
        (Ok(app), Ok((source, mut advice)), Ok(model), Some((enrich, run_timeout)))
            if problems.is_empty() =>
        {
            advice.append(&mut findings.advice);
            let spec = &objects.destination.spec;
            let job = Job {
                namespace: objects.destination.namespace().unwrap_or_default(),
                destination: objects.destination.name_any(),
                state_name: spec.state_name.clone().unwrap_or_else(|| objects.destination.name_any()),
                app,
                source,
                model,
                mode: match spec.sync_mode {
                    SyncMode::Sync => job::SyncMode::Sync,
                    SyncMode::Additive => job::SyncMode::Additive,
                    SyncMode::Enrich => job::SyncMode::Enrich,
                },
                collection,
                properties,
                groups,
                initial_sync: match spec.initial_sync {
                    None | Some(InitialSync::SendAll) => job::InitialSync::SendAll,
                    Some(InitialSync::Adopt) => job::InitialSync::Adopt,
                },
                initial_sync_stated: spec.initial_sync.is_some(),
                on_unmap: match spec.on_unmap {
                    None | Some(OnUnmap::Clear) => job::OnUnmap::Clear,
                    Some(OnUnmap::Leave) => job::OnUnmap::Leave,
                },
                deletion_guard: deletion_guard(spec.deletion_guard.as_ref()),
                reject_tolerance: reject_tolerance(spec.reject_tolerance.as_ref()),
                enrich,
                run_timeout,
            };
            Ok(Resolved { job, advice })
        }
        _ => Err(Problems(problems)),
    }
}

/// What the schema and the rules say about a BrazeApp.
pub fn check_app(app: &BrazeApp) -> Vec<Problem> {
    check_object("BrazeApp", app, &app.spec)
}

/// What the schema and the rules say about a Source.
pub fn check_source(source: &Source) -> Vec<Problem> {
    check_object("Source", source, &source.spec)
}

/// What the schema and the rules say about a Model.
pub fn check_model(model: &Model) -> Vec<Problem> {
    check_object("Model", model, &model.spec)
}

/// What a Destination's own fields, and those of its Model, say of whether it can run: without its Secrets, and
/// without its Model as long as there is none.
pub fn check_destination(destination: &Destination, model: Option<&Model>) -> (Vec<Problem>, Vec<Advice>) {
    let problems = check_object("Destination", destination, &destination.spec);
    if !problems.is_empty() {
        return (problems, Vec::new());
    }
    let mut findings = Findings::of("Destination", destination);
    refuse_impossible_fields(destination, &mut findings);
    let _ = times(destination, &mut findings);
    if let Some(model) = model {
        let _ = resolve_mappings::resolve(destination, model, &mut findings);
        let _ = resolve_groups::mappings(destination, model, &mut findings);
        let _ = resolve_groups::collection(destination, model, &mut findings);
    }
    (findings.problems, findings.advice)
}

/// What a Destination maps, as a job says it.
pub struct Parts {
    /// Property mappings.
    pub properties: Vec<job::PropertyMapping>,
    /// Group mappings.
    pub groups: Vec<job::GroupMapping>,
    /// The collection.
    pub collection: job::Collection,
}

/// What a Destination maps; `None` where [`check_destination`] finds a problem.
pub fn destination_parts(destination: &Destination, model: &Model) -> Option<Parts> {
    let mut findings = Findings::of("Destination", destination);
    let properties = resolve_mappings::resolve(destination, model, &mut findings);
    let groups = resolve_groups::mappings(destination, model, &mut findings);
    let collection = resolve_groups::collection(destination, model, &mut findings);
    findings.problems.is_empty().then_some(Parts { properties, groups, collection })
}

/// What the schema and the rules of a kind say about an object.
fn check_object<K: kube::Resource>(kind: &'static str, object: &K, spec: &impl Serialize) -> Vec<Problem> {
    let mut findings = Findings::of(kind, object);
    let spec = serde_json::to_value(spec).expect("a spec is plain data");
    for violation in check::kind(kind).expect("each kind has a definition").check(Some(&spec), None) {
        findings.invalid(violation.path, violation.problem.to_string());
    }
    findings.problems
}

fn refuse_impossible_fields(destination: &Destination, findings: &mut Findings) {
    let spec = &destination.spec;
    if let Some(zone) = spec.schedule.as_ref().and_then(|schedule| schedule.time_zone.as_deref())
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        findings.invalid("spec.schedule.timeZone", format!("there is no IANA time zone {zone}"));
    }
    if let Some(schedule) = &spec.schedule
        && let Err(problem) = Schedule::parse(schedule)
    {
        let problem = problem.under("spec.schedule");
        if findings.problems.is_empty() {
            findings.invalid(problem.field, problem.message);
        }
    }
    if spec.budgets.as_ref().is_some_and(|budgets| !budgets.is_empty()) {
        findings.invalid("spec.budgets", "budgets are not supported by this version");
    }
    if spec.executor.as_ref().is_some_and(|executor| executor.type_ == ExecutorType::Job) {
        findings.invalid("spec.executor.type", "Job is not supported by this version; use Inline");
    }
}

/// Times of the Destination: those of mode Enrich, and the longest run.
fn times(destination: &Destination, findings: &mut Findings) -> Option<(job::Enrich, Duration)> {
    const HOUR: u64 = 3600;
    let Enrich { recheck_missing, recheck_existing } = destination.spec.enrich.clone().unwrap_or_default();
    let mut span = |span: Option<&Span>, parent: &str, field: &str, hours: u64| {
        findings.take(parent, Span::or(span, field, Duration::from_secs(hours * HOUR)))
    };
    let recheck_missing = span(recheck_missing.as_ref(), "spec.enrich", "recheckMissing", 24);
    let recheck_existing = span(recheck_existing.as_ref(), "spec.enrich", "recheckExisting", 168);
    let run_timeout = span(destination.spec.run_timeout.as_ref(), "spec", "runTimeout", 24);
    let enrich = job::Enrich { recheck_missing: recheck_missing?, recheck_existing: recheck_existing? };
    Some((enrich, run_timeout?))
}

/// The guard with its defaults; the schema keeps the numbers within their ranges.
fn deletion_guard(guard: Option<&DeletionGuard>) -> job::DeletionGuard {
    let guard = guard.cloned().unwrap_or_default();
    let percent = guard.max_percent.and_then(|value| u32::try_from(value).ok());
    let count = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    job::DeletionGuard {
        max_percent: percent.unwrap_or(10),
        max_count: count(guard.max_count).unwrap_or(10_000),
        min_count: count(guard.min_count).unwrap_or(5),
        absent_reads: guard.absent_reads.and_then(|value| u8::try_from(value).ok()).unwrap_or(1),
    }
}

/// The tolerance with its defaults; the schema keeps the numbers within their ranges.
fn reject_tolerance(tolerance: Option<&RejectTolerance>) -> job::RejectTolerance {
    let tolerance = tolerance.cloned().unwrap_or_default();
    job::RejectTolerance {
        max_percent: tolerance.max_percent.and_then(|value| u32::try_from(value).ok()).unwrap_or(20),
        min_count: tolerance.min_count.and_then(|value| u64::try_from(value).ok()).unwrap_or(100),
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
