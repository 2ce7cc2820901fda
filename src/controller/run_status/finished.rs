//! The status of a run that ended.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::sync_run::{Plan, ReadSource, Rejects, SyncRunStatus};
use crate::controller::conditions::{Progressed, next_of_run};
use crate::controller::text::{count, counted};
use crate::sync::report::{Report, RunMode, Verdict};

use super::words::{number, optional, text, time};
use super::{duration_text, figures_of, fit, lists, pending};

/// A run that ended, with what its status is made of.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// What the engine reports.
    pub report: &'a Report,
    /// Name of the SyncRun.
    pub name: &'a str,
    /// Its generation.
    pub generation: i64,
    /// Its status until now: what tells of the start (trigger, inputs, job, earlier starts) stays.
    pub previous: Option<&'a SyncRunStatus>,
    /// Where all rejects are listed, for people.
    pub rejects_location: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// The status of a run that ended. It passes the schema and has at most 32 KiB.
pub fn finished(ended: &Ended<'_>) -> SyncRunStatus {
    let report = ended.report;
    let before = ended.previous.cloned().unwrap_or_default();
    let start = before.start_time.clone().unwrap_or_else(|| time(report.start_time));
    let took = report.completion_time.duration_since(start.0);
    let figures = figures_of(report);
    let mut status = SyncRunStatus {
        observed_generation: Some(ended.generation),
        conditions: Some(next_of_run(
            before.conditions.as_deref().unwrap_or_default(),
            &verdict(report),
            ended.generation,
            ended.now,
        )),
        start_time: Some(start),
        completion_time: Some(time(report.completion_time)),
        duration: Some(duration_text(Duration::try_from(took).unwrap_or_default())),
        progress: None,
        source: Some(source(report)),
        counts: Some(figures.counts),
        skipped_by: lists::skipped_by(report),
        attributes: Some(figures.attributes),
        memberships: Some(figures.memberships),
        traffic: Some(figures.traffic),
        groups: lists::groups(report),
        fields: lists::fields(report),
        errors: lists::errors(report),
        plan: plan(report, ended.name),
        rejects: Some(Rejects {
            count: number(report.rejects),
            location: ended
                .rejects_location
                .filter(|_| report.rejects > 0)
                .and_then(|location| optional(location, 512)),
        }),
        ..before
    };
    fit(&mut status);
    status
}

/// Where the run stands now.
fn verdict(report: &Report) -> Progressed {
    let message = sentence(report);
    match (report.result, report.mode) {
        (Verdict::Succeeded, RunMode::Plan) => {
            Progressed::Succeeded { reason: "PlanCompleted".into(), message }
        }
        (Verdict::Succeeded, _) => Progressed::Succeeded { reason: "SyncSucceeded".into(), message },
        (Verdict::Failed | Verdict::Cancelled, _) => {
            let reason = report.reason.map_or("SyncFailed", |reason| reason.name());
            Progressed::Failed { reason: reason.to_owned(), message }
        }
    }
}

/// What a run did, or why it did not, in one sentence for people.
pub fn sentence(report: &Report) -> String {
    if report.result != Verdict::Succeeded {
        return match (report.message.as_str(), report.reason) {
            ("", Some(reason)) => format!("the run ended with {}", reason.name()),
            ("", None) => "the run did not succeed".to_owned(),
            (message, _) => text(message, 1024),
        };
    }
    let counts = &report.counts;
    let mut parts = Vec::new();
    for (number, word) in [
        (counts.added, "added"),
        (counts.updated, "updated"),
        (counts.deleted, "deleted"),
        (counts.released, "released"),
        (report.rejected, "rejected"),
        (counts.held, "held back"),
        (counts.pending, "not acknowledged"),
    ] {
        if number > 0 {
            parts.push(format!("{} {word}", count(number)));
        }
    }
    let read = counted(counts.read, "row", "rows");
    match (parts.as_slice(), report.mode) {
        ([], _) => format!("{read} read, nothing to change"),
        (_, RunMode::Plan) => format!("{read} read; a run would have: {}", parts.join(", ")),
        (_, _) => format!("{read} read: {}", parts.join(", ")),
    }
}

fn source(report: &Report) -> ReadSource {
    let full = report.source.mode == "Full" && report.result == Verdict::Succeeded;
    ReadSource {
        mode: optional(&report.source.mode, 16),
        bytes: number(report.source.bytes),
        duration: Some(duration_text(Duration::from_millis(report.source.duration_millis))),
        last_full_read: full.then(|| time(report.start_time)),
    }
}

fn plan(report: &Report, name: &str) -> Option<Plan> {
    let plan = report.plan.as_ref()?;
    let approvals = pending(report, name);
    Some(Plan {
        now: Some(time(plan.now)),
        guard: optional(&plan.guard, 16),
        approvals: (!approvals.is_empty()).then_some(approvals),
        warnings: lists::plan_warnings(report),
    })
}
