//! What to do about a Destination that is being deleted. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::SyncRun;
use crate::api::destination::DestinationStatus;
use crate::api::sync_run::{RunMode, Trigger};
use crate::api::{APPROVE_ANNOTATION, CLEANUP_FINALIZER};
use crate::controller::conditions::{self, Marks, Readiness};
use crate::controller::schedule::{backoff, slot};
use crate::controller::sync_run::decide::{is_cleanup, is_ours};
use crate::controller::sync_run::phase::{Phase, end_time, phase};
use kube::ResourceExt;

use super::around::Found;
use super::decide::{NewRun, cleans_up, cut};
use super::runs::Runs;

/// Time without success after which the cleanup counts as blocked, or what cannot come back is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The Destination and what it refers to.
    pub found: &'a Found,
    /// Its runs.
    pub runs: &'a [SyncRun],
    /// Name of the run in progress.
    pub active: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleaning {
    /// A run to be made.
    pub create: Option<NewRun>,
    /// The object may go.
    pub let_go: bool,
    /// Why it goes although what is in Braze stays.
    pub give_up: Option<String>,
    /// The status meanwhile.
    pub status: DestinationStatus,
    /// When to look again.
    pub again: Option<Timestamp>,
}

/// What is to be done about a Destination that is being deleted.
pub fn decide(seen: &Seen<'_>) -> Cleaning {
    let Seen { found, now, .. } = *seen;
    let destination = &found.destination;
    let since = destination.metadata.deletion_timestamp.as_ref().map_or(now, |time| time.0);
    let patience = since + SignedDuration::try_from(PATIENCE).expect("a short span");
    let mut cleaning = Cleaning {
        create: None,
        let_go: false,
        give_up: None,
        status: DestinationStatus::default(),
        again: None,
    };
    let has_finalizer = destination.finalizers().iter().any(|one| one == CLEANUP_FINALIZER);
    if !cleans_up(destination) || !has_finalizer {
        cleaning.let_go = has_finalizer;
        cleaning.status = status(seen, None, since);
        return cleaning;
    }
    let runs = Runs::of(seen.runs);
    let ours: Vec<&SyncRun> = runs
        .ended
        .iter()
        .filter(|run| is_cleanup(run, destination) && is_ours(run, destination))
        .copied()
        .collect();
    let open = runs.open.iter().any(|run| is_cleanup(run, destination));
    if let Some(Phase::Ended { succeeded: true, .. }) = ours.first().map(|run| phase(run)) {
        cleaning.let_go = true;
        return cleaning;
    }
    if let Some(missing) = missing(found)
        && !open
    {
        if now >= patience {
            cleaning.give_up = Some(format!("{missing}, so what is in Braze stays as it is"));
            cleaning.let_go = true;
            return cleaning;
        }
        cleaning.again = Some(patience);
        cleaning.status = status(seen, Some(format!("{missing}; it is waited for 10 minutes")), since);
        return cleaning;
    }
    let blocked = ours.first().map(|run| match phase(run) {
        Phase::Ended { reason, message, .. } => format!("{reason}: {message}"),
        _ => String::new(),
    });
    if !open {
        let attempt = u32::try_from(ours.len()).unwrap_or(u32::MAX);
        let due = ours.first().and_then(|last| next_attempt(seen, last, attempt)).unwrap_or(now);
        if due <= now {
            cleaning.create = Some(NewRun {
                mode: RunMode::Sync,
                trigger: Trigger::Cleanup,
                slot: slot::cleanup(since),
                attempt: (attempt > 0).then_some(attempt),
            });
        } else {
            cleaning.again = Some(due);
        }
    }
    if now < patience {
        cleaning.again = cleaning.again.into_iter().chain([patience]).min();
    }
    cleaning.status = status(seen, blocked, since);
    cleaning
}

/// When the cleanup is tried again: at once when a question was answered since.
fn next_attempt(seen: &Seen<'_>, last: &SyncRun, attempt: u32) -> Option<Timestamp> {
    let destination = &seen.found.destination;
    let annotation = destination.annotations().get(APPROVE_ANNOTATION).map(|token| cut(token));
    let old = destination.status.as_ref();
    let echo = old.and_then(|status| status.last_handled_approval.clone());
    if annotation.is_some() && annotation != echo {
        return Some(seen.now);
    }
    let wait = SignedDuration::try_from(backoff(destination.spec.retry.as_ref(), attempt)).ok()?;
    end_time(last)?.checked_add(wait).ok()
}

/// What a cleanup needs and is not there.
fn missing(found: &Found) -> Option<String> {
    let spec = &found.destination.spec;
    if found.app.is_none() {
        return Some(format!("there is no BrazeApp {}", spec.app_ref.name));
    }
    if found.model.is_none() {
        return Some(format!("there is no Model {}", spec.model_ref.name));
    }
    if found.source.is_none() {
        return Some("the Source of its Model is gone".to_owned());
    }
    None
}

fn status(seen: &Seen<'_>, trouble: Option<String>, since: Timestamp) -> DestinationStatus {
    let destination = &seen.found.destination;
    let old = destination.status.clone().unwrap_or_default();
    let patience = since + SignedDuration::try_from(PATIENCE).expect("a short span");
    let is_blocked = seen.now >= patience && cleans_up(destination);
    let advice = "to leave what is in Braze as it is, set deletionPolicy: Retain";
    let message = match (&trouble, is_blocked) {
        (Some(trouble), _) => format!("{trouble}; {advice}"),
        (None, true) => format!("what it sent is still being taken back; {advice}"),
        (None, false) => "what it sent is being taken back".to_owned(),
    };
    let reason = if is_blocked { "CleanupBlocked" } else { "Deleting" };
    let marks = Marks {
        suspended: false,
        running: seen.active.map(|run| format!("SyncRun {run} is in progress")),
        cleanup_blocked: is_blocked.then(|| message.clone()),
    };
    let generation = destination.metadata.generation.unwrap_or(0);
    let previous = old.conditions.clone().unwrap_or_default();
    let readiness = Readiness::Deleting { reason, message };
    let runs = Runs::of(seen.runs);
    let questions = runs.questions(seen.now);
    let approval = destination.annotations().get(APPROVE_ANNOTATION).map(|token| cut(token));
    DestinationStatus {
        observed_generation: Some(generation),
        conditions: Some(conditions::next(&previous, &readiness, &marks, generation, seen.now)),
        pending_approvals: if questions.is_empty() { None } else { Some(questions) },
        last_handled_approval: approval.or_else(|| old.last_handled_approval.clone()),
        next_run_time: None,
        active_run: None,
        ..old
    }
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
