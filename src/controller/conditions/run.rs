//! Conditions of a SyncRun.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::builder::Builder;
use super::{PROGRESSING, RECONCILING, STALLED, SUCCEEDED, find};

/// Where a SyncRun stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progressed {
    /// It has not begun.
    Pending {
        /// `Pending`, or what it waits for.
        reason: String,
        /// The same as a sentence.
        message: String,
    },
    /// It executes.
    Running {
        /// How far it is.
        message: String,
    },
    /// It ended well.
    Succeeded {
        /// `SyncSucceeded` or `PlanCompleted`.
        reason: String,
        /// What it did.
        message: String,
    },
    /// It ended otherwise, for good: another attempt is another SyncRun.
    Failed {
        /// The cause.
        reason: String,
        /// What to do.
        message: String,
    },
}

/// The next conditions of a SyncRun.
///
/// A result is a fact: once `Succeeded` is True or False, later calls keep it with its reason and message, and
/// only carry the generation on (a person may still write `cancel` into a run that is over).
pub fn next_of_run(
    previous: &[Condition],
    progressed: &Progressed,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let mut list = Builder::new(previous, generation, now);
    if let Some(result) = find(previous, SUCCEEDED).filter(|result| result.status != "Unknown") {
        list.add(SUCCEEDED, &result.status, &result.reason, &result.message);
        if result.status == "False" {
            list.add(STALLED, "True", &result.reason, &result.message);
        }
        return list.finish();
    }
    match progressed {
        Progressed::Pending { reason, message } => {
            list.add(SUCCEEDED, "Unknown", reason, message);
            list.add(RECONCILING, "True", PROGRESSING, message);
        }
        Progressed::Running { message } => {
            list.add(SUCCEEDED, "Unknown", "Running", message);
            list.add(RECONCILING, "True", PROGRESSING, message);
        }
        Progressed::Succeeded { reason, message } => list.add(SUCCEEDED, "True", reason, message),
        Progressed::Failed { reason, message } => {
            list.add(SUCCEEDED, "False", reason, message);
            list.add(STALLED, "True", reason, message);
        }
    }
    list.finish()
}
