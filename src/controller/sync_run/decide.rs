//! What to do about a SyncRun. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::api::destination::DeletionPolicy;
use crate::api::sync_run::Trigger;
use crate::api::{Destination, SyncRun};
use crate::controller::destination::accept::missing;
use crate::controller::schedule::run_name;

use super::phase::{Phase, order, phase};

/// How long a run waits for what it names before it fails.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// What is known about a run when it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The run.
    pub run: &'a SyncRun,
    /// Its Destination, if there is one.
    pub destination: Option<&'a Destination>,
    /// It is there and cannot be read.
    pub unreadable: bool,
    /// All runs of the Destination.
    pub all: &'a [SyncRun],
    /// Name of the run of the Destination that is in progress in this process.
    pub active: Option<&'a str>,
    /// That run is this one, and not a former object of the same name.
    pub in_progress: bool,
    /// Why no run of the Destination may start now: a reason and a sentence.
    pub obstacle: Option<(&'a str, &'a str)>,
    /// Digest of what the active run sends, and of what would be sent now, when both are known and differ.
    pub edited: bool,
    /// It ended in this process, and no watch has told of that yet.
    pub over: bool,
    /// The present.
    pub now: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has ended, or goes on as it should.
    Nothing,
    /// It waits.
    Wait {
        /// Reason of its condition.
        reason: String,
        /// Sentence.
        message: String,
        /// When to look again, where no event tells.
        again: Option<Timestamp>,
    },
    /// It may start.
    Start,
    /// It stops at its next checkpoint.
    Stop {
        /// Why.
        message: String,
    },
    /// It ends without a start.
    End {
        /// Reason of its condition.
        reason: &'static str,
        /// Sentence.
        message: String,
    },
}

/// What is to be done about a run.
pub fn decide(seen: &Seen<'_>) -> Step {
    let Seen { run, destination, active, in_progress, .. } = *seen;
    let phase = phase(run);
    if seen.over || matches!(phase, Phase::Ended { .. }) {
        return Step::Nothing;
    }
    if let Some(message) = must_stop(seen, in_progress) {
        return if in_progress { Step::Stop { message } } else { Step::End { reason: "Cancelled", message } };
    }
    if in_progress {
        return Step::Nothing;
    }
    let wanted = &run.spec.destination_ref.name;
    let Some(destination) = destination else {
        return patiently(seen, "DependencyNotReady", missing("Destination", wanted, seen.unreadable));
    };
    if let Some(message) = forged(run, destination) {
        return Step::End { reason: "InvalidSpec", message };
    }
    let cleans_up = is_cleanup(run, destination);
    if !cleans_up && destination.spec.suspend == Some(true) {
        return wait("Pending", format!("Destination {wanted} is suspended"));
    }
    if let Some(active) = active {
        return wait("Pending", format!("waits for the end of SyncRun {active}"));
    }
    if let Some(before) = before(seen) {
        return wait("Pending", format!("waits for SyncRun {before}, which was made earlier"));
    }
    if let Some((reason, message)) = seen.obstacle
        && !cleans_up
    {
        return match phase {
            // Once started it goes on as soon as it can.
            Phase::Pending if reason == "DependencyNotReady" => patiently(seen, reason, message.to_owned()),
            _ => wait(reason, message.to_owned()),
        };
    }
    Step::Start
}

/// Whether a run takes everything back: decided by the Destination's deletion alone, never by what the run says.
pub fn is_cleanup(run: &SyncRun, destination: &Destination) -> bool {
    destination.metadata.deletion_timestamp.is_some()
        && destination.spec.deletion_policy == Some(DeletionPolicy::Delete)
        && run.spec.trigger == Some(Trigger::Cleanup)
}

/// Whether the operator made a run: its name follows from what it answers.
pub fn is_ours(run: &SyncRun, destination: &Destination) -> bool {
    let (Some(uid), Some(slot), Some(_)) =
        (destination.metadata.uid.as_deref(), run.spec.slot.as_deref(), run.spec.trigger)
    else {
        return false;
    };
    let attempt = run.spec.attempt.and_then(|attempt| u32::try_from(attempt).ok());
    run.name_any() == run_name(&destination.name_any(), uid, slot, attempt)
}

/// Whether a run was made for a former object of the Destination's name.
pub fn is_of_another(run: &SyncRun, destination: &Destination) -> bool {
    let owners = run.owner_references().iter().filter(|owner| owner.controller == Some(true));
    let mut uids = owners.map(|owner| owner.uid.as_str());
    uids.any(|uid| Some(uid) != destination.metadata.uid.as_deref())
}

fn must_stop(seen: &Seen<'_>, in_progress: bool) -> Option<String> {
    let Seen { run, destination, .. } = *seen;
    if run.metadata.deletion_timestamp.is_some() {
        return Some("the SyncRun was deleted".to_owned());
    }
    if run.spec.cancel == Some(true) {
        return Some("spec.cancel is true".to_owned());
    }
    let name = &run.spec.destination_ref.name;
    match destination {
        None if in_progress && seen.unreadable => Some(missing("Destination", name, true)),
        None if in_progress => Some(format!("Destination {name} was deleted")),
        None => None,
        Some(destination) if is_of_another(run, destination) => {
            Some(format!("the Destination {name} for which it was made was deleted"))
        }
        Some(destination) if is_cleanup(run, destination) => None,
        Some(destination) if destination.metadata.deletion_timestamp.is_some() => {
            Some(format!("Destination {name} is being deleted"))
        }
        Some(destination) if in_progress && destination.spec.suspend == Some(true) => {
            Some(format!("Destination {name} was suspended"))
        }
        Some(_) if in_progress && seen.edited => {
            Some("what is sent was edited; the next run sends it".to_owned())
        }
        Some(_) => None,
    }
}

/// A run that claims to be the operator's and is not.
fn forged(run: &SyncRun, destination: &Destination) -> Option<String> {
    let claims = [run.spec.trigger.is_some(), run.spec.slot.is_some(), run.spec.attempt.is_some()];
    let claims_any = claims.contains(&true);
    (claims_any && !is_ours(run, destination)).then(|| {
        "trigger, slot and attempt are set by the operator alone; make a SyncRun without them".to_owned()
    })
}

/// A run of the Destination that goes first: one that was started, else the older one.
fn before(seen: &Seen<'_>) -> Option<String> {
    let ours = (phase(seen.run) == Phase::Pending, order(seen.run));
    let others = seen.all.iter().filter(|other| other.name_any() != seen.run.name_any());
    let waiting = others.filter(|other| {
        !matches!(phase(other), Phase::Ended { .. })
            && other.spec.cancel != Some(true)
            && other.metadata.deletion_timestamp.is_none()
            && seen.destination.is_some_and(|destination| forged(other, destination).is_none())
    });
    let first = waiting.min_by_key(|other| (phase(other) == Phase::Pending, order(other)))?;
    ((phase(first) == Phase::Pending, order(first)) < ours).then(|| first.name_any())
}

fn wait(reason: &str, message: String) -> Step {
    Step::Wait { reason: reason.to_owned(), message, again: None }
}

/// Waits up to ten minutes for something that may still come.
fn patiently(seen: &Seen<'_>, reason: &str, message: String) -> Step {
    let made = seen.run.metadata.creation_timestamp.as_ref().map_or(seen.now, |time| time.0);
    let until = made + SignedDuration::try_from(PATIENCE).expect("a short span");
    if seen.now >= until {
        return Step::End {
            reason: "DependencyNotReady",
            message: format!("{message}; it was waited for {} minutes", PATIENCE.as_secs() / 60),
        };
    }
    Step::Wait { reason: reason.to_owned(), message, again: Some(until) }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
