//! Reports of runs that could not begin.

use grouparoo_clock::Clock;

use crate::sync::reason::{Reason, Stop};
use crate::sync::report::{Report, RunMode, SourceReport, TrafficReport, Verdict};
use crate::sync::run::Request;

/// The report of a run that was stopped before its first step.
pub fn stopped(namespace: &str, destination: &str, request: &Request, stop: Stop, clock: &Clock) -> Report {
    let now = clock.now();
    let result = if stop.reason == Reason::Cancelled { Verdict::Cancelled } else { Verdict::Failed };
    Report {
        namespace: namespace.to_owned(),
        destination: destination.to_owned(),
        mode: match (request.plan, request.retry_rejects, request.full) {
            (true, ..) => RunMode::Plan,
            (_, true, _) => RunMode::RetryRejected,
            (.., true) => RunMode::FullResync,
            _ => RunMode::Sync,
        },
        result,
        reason: Some(stop.reason),
        message: stop.message,
        exit_code: stop.reason.exit_code(),
        serial: None,
        start_time: now,
        completion_time: now,
        source: SourceReport { mode: "None".to_owned(), ..SourceReport::default() },
        counts: Default::default(),
        rejected: 0,
        skipped_by: Vec::new(),
        attributes: Default::default(),
        memberships: Default::default(),
        traffic: TrafficReport::default(),
        groups: Vec::new(),
        fields: Vec::new(),
        errors: Vec::new(),
        warnings: Vec::new(),
        pending_approvals: Vec::new(),
        known_records: 0,
        rejects: 0,
        plan: None,
    }
}
