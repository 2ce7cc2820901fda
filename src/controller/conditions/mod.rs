//! Conditions: what an object's state is, as people, `kubectl wait`, Argo CD and Flux read it. Pure.
//!
//! Promises: one row of the truth table in, the whole list of conditions out; the same input twice gives the
//! same list, so that an unchanged state is never written again. The list has one order: the summary first
//! (`Ready` or `Succeeded`), then `Reconciling` or `Stalled` (never both, so that readers who take the first of
//! them cannot be misled), then what is only told. Refuses to know: clients, runs, the time; all of it is given.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub use builder::MOST_BYTES;
pub use run::{Progressed, next_of_run};
pub use wait::{DEADLINE, deadline};

mod builder;
pub mod invariants;
mod run;
#[cfg(test)]
mod table;
mod wait;

use builder::Builder;
use wait::Wait;

/// The summary of all kinds but SyncRun.
pub const READY: &str = "Ready";
/// The summary of a SyncRun.
pub const SUCCEEDED: &str = "Succeeded";
/// The operator works towards the spec and expects to get there.
pub const RECONCILING: &str = "Reconciling";
/// Nothing moves without a person or an outside change.
pub const STALLED: &str = "Stalled";
/// `spec.suspend` was seen.
pub const SUSPENDED: &str = "Suspended";
/// A run is active.
pub const RUNNING: &str = "Running";
/// What shall be taken back from Braze before the object goes cannot be.
pub const CLEANUP_BLOCKED: &str = "CleanupBlocked";

const PROGRESSING: &str = "Progressing";
const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
const DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

/// What an object's state is: one row of the truth table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The first look at a generation: Ready is Unknown, and the object is Reconciling.
    Progressing {
        /// What is being done.
        message: String,
    },
    /// It waits for something that may come: Ready is False and the object is Reconciling, until the same
    /// reason has lasted for [`DEADLINE`]; then it is Stalled.
    Waiting {
        /// The cause.
        reason: &'static str,
        /// What is missing, and what to do.
        message: String,
    },
    /// A failed run will be tried again: Ready is False and the object is Reconciling, however long it takes.
    Retrying {
        /// The cause.
        reason: String,
        /// What failed, and when it is tried again.
        message: String,
    },
    /// It needs a person or an outside change: Ready is False and the object is Stalled.
    Stalled {
        /// The cause.
        reason: String,
        /// What to do.
        message: String,
    },
    /// All is well: Ready is True.
    Ready {
        /// What is well.
        reason: &'static str,
        /// The same as a sentence.
        message: String,
    },
    /// The object is being deleted: Ready is False.
    Deleting {
        /// `Deleting` or `CleanupBlocked`.
        reason: &'static str,
        /// What is still to be done.
        message: String,
    },
}

/// What is told beside the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// `spec.suspend` is true.
    pub suspended: bool,
    /// A run is active: the sentence that says which.
    pub running: Option<String>,
    /// The cleanup is blocked: the sentence that says why and what to do.
    pub cleanup_blocked: Option<String>,
}

/// The next conditions of an object other than a SyncRun.
///
/// `lastTransitionTime` moves only when a status flips, and is in whole seconds; messages are cut to
/// [`MOST_BYTES`]; a type that does not apply any more is gone.
pub fn next(
    previous: &[Condition],
    readiness: &Readiness,
    marks: &Marks,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let mut list = Builder::new(previous, generation, now);
    match readiness {
        Readiness::Progressing { message } => {
            list.add(READY, "Unknown", PROGRESSING, message);
            list.add(RECONCILING, "True", PROGRESSING, message);
        }
        Readiness::Waiting { reason, message } => {
            list.add(READY, "False", reason, message);
            match Wait::of(previous, reason, generation, now) {
                Wait::Since(since) => list.add(RECONCILING, "True", reason, &wait::sentence(since, message)),
                Wait::Over => list.add(STALLED, "True", DEADLINE_EXCEEDED, &wait::over_sentence(message)),
            }
        }
        Readiness::Retrying { reason, message } => {
            list.add(READY, "False", reason, message);
            list.add(RECONCILING, "True", PROGRESSING_WITH_RETRY, message);
        }
        Readiness::Stalled { reason, message } => {
            list.add(READY, "False", reason, message);
            list.add(STALLED, "True", reason, message);
        }
        Readiness::Ready { reason, message } => list.add(READY, "True", reason, message),
        Readiness::Deleting { reason, message } => list.add(READY, "False", reason, message),
    }
    if marks.suspended {
        list.add(SUSPENDED, "True", "Suspended", "spec.suspend is true: no run starts until it is false");
    }
    if let Some(message) = &marks.running {
        list.add(RUNNING, "True", "Running", message);
    }
    if let Some(message) = &marks.cleanup_blocked {
        list.add(CLEANUP_BLOCKED, "True", CLEANUP_BLOCKED, message);
    }
    list.finish()
}

/// The condition of a type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of a type is there and True.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}
