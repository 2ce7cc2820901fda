//! What a Destination repeats of its newest finished run.

use kube::ResourceExt as _;

use crate::api::SyncRun;
use crate::api::destination::LastRun;
use crate::api::sync_run::RunMode;
use crate::controller::conditions::{SUCCEEDED, find};

/// The `lastRun` of a Destination; `None` for a run that is not over, and for a plan.
pub fn last_run(run: &SyncRun) -> Option<LastRun> {
    let mode = match run.spec.mode {
        RunMode::Sync => "Sync",
        RunMode::FullResync => "FullResync",
        RunMode::RetryRejected => "RetryRejected",
        RunMode::Plan => return None,
    };
    let status = run.status.as_ref()?;
    let end = find(status.conditions.as_deref()?, SUCCEEDED)?;
    let result = match (end.status.as_str(), end.reason.as_str()) {
        ("True", _) => "Succeeded",
        ("False", "Cancelled" | "TimedOut") => "Cancelled",
        ("False", _) => "Failed",
        _ => return None,
    };
    Some(LastRun {
        name: run.name_any(),
        mode: Some(mode.to_owned()),
        result: Some(result.to_owned()),
        reason: Some(super::words::text(&end.reason, 64)),
        start_time: status.start_time.clone(),
        completion_time: status.completion_time.clone(),
        duration: status.duration.clone(),
        counts: status.counts.clone(),
        attributes: status.attributes.clone(),
        memberships: status.memberships.clone(),
        traffic: status.traffic.clone(),
    })
}
