//! How far a SyncRun is, by its own status.

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::SyncRun;
use crate::api::sync_run::RunMode;
use crate::controller::conditions::find;

/// How far a SyncRun is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Has not started.
    Pending,
    /// Has started and not ended: in progress, or cut off by the end of a process.
    Running,
    /// Ended.
    Ended {
        /// Whether it succeeded.
        succeeded: bool,
        /// Reason of its condition.
        reason: String,
        /// Sentence of its condition.
        message: String,
    },
}

/// How far a run is.
pub fn phase(run: &SyncRun) -> Phase {
    let status = run.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    match find(conditions, "Succeeded") {
        Some(one) if one.status == "True" || one.status == "False" => Phase::Ended {
            succeeded: one.status == "True",
            reason: one.reason.clone(),
            message: one.message.clone(),
        },
        _ if status.is_some_and(|status| status.starts.unwrap_or(0) > 0) => Phase::Running,
        _ => Phase::Pending,
    }
}

/// Whether it ended.
pub fn ended(run: &SyncRun) -> bool {
    matches!(phase(run), Phase::Ended { .. })
}

/// When it ended.
pub fn end_time(run: &SyncRun) -> Option<Timestamp> {
    run.status.as_ref()?.completion_time.as_ref().map(|time| time.0)
}

/// Whether it sends nothing.
pub fn is_plan(run: &SyncRun) -> bool {
    run.spec.mode == RunMode::Plan
}

/// When the object was made, and its name: the order in which runs wait.
pub fn order(run: &SyncRun) -> (Option<Timestamp>, String) {
    (run.metadata.creation_timestamp.as_ref().map(|time| time.0), run.name_any())
}
