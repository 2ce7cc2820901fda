//! What the runs of a Destination tell. Pure: the status of a Destination can always be made from them anew.

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::destination::PendingApproval;
use crate::api::sync_run::Trigger;
use crate::api::{Destination, SyncRun};
use crate::controller::history::Finished;
use crate::controller::sync_run::decide::is_ours;
use crate::controller::sync_run::phase::{Phase, end_time, ended, is_plan, order, phase};

/// The runs of a Destination, newest end first.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    /// Those that ended, newest first.
    pub ended: Vec<&'a SyncRun>,
    /// Those that did not, oldest first.
    pub open: Vec<&'a SyncRun>,
}

/// What a run sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// Digest of all that decides what is sent.
    pub digest: &'a str,
    /// It was stopped by something else than a person who did not want it: the rest is still to be sent.
    pub cut_short: bool,
}

/// What became of the newest run that says something about the Destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Succeeded {
        /// Sentence.
        message: String,
    },
    /// It failed for a reason that may pass by itself.
    Transient {
        /// The reason.
        reason: String,
        /// Sentence.
        message: String,
    },
    /// It failed, and a person or an outside change is needed.
    Lasting {
        /// The reason.
        reason: String,
        /// Sentence.
        message: String,
    },
}

/// Whether a failure may pass by itself (semantics 3, table of exit codes); `None`: the Destination is as it was.
pub fn passes(reason: &str) -> Option<bool> {
    match reason {
        "Cancelled" | "Interrupted" => None,
        "InvalidSpec"
        | "AuthenticationFailed"
        | "PermissionMissing"
        | "EndpointNotAllowed"
        | "DeletionGuard"
        | "ApprovalRequired"
        | "TooManyRejects"
        | "RequestRefused"
        | "GroupRefused"
        | "TooManyRows" => Some(false),
        // Those of the table, and what a newer version may add.
        _ => Some(true),
    }
}

impl<'a> Runs<'a> {
    /// In their orders.
    pub fn of(all: &'a [SyncRun]) -> Self {
        let mut ended_runs: Vec<&SyncRun> = all.iter().filter(|run| ended(run)).collect();
        // Times are whole seconds: of two ends in one second the serial of the memory tells which came later.
        let serial = |run: &SyncRun| run.status.as_ref().and_then(|status| status.state_serial);
        ended_runs.sort_by_key(|run| std::cmp::Reverse((end_time(run), serial(run), order(run))));
        let mut open: Vec<&SyncRun> = all.iter().filter(|run| !ended(run)).collect();
        open.sort_by_key(|run| order(run));
        Self { ended: ended_runs, open }
    }

    /// The newest that ended and was no plan.
    pub fn last(&self) -> Option<&'a SyncRun> {
        self.ended.iter().find(|run| !is_plan(run)).copied()
    }

    /// The newest that ended, was no plan, and tells how the Destination is: those that were cancelled do not.
    pub fn telling(&self) -> Option<(&'a SyncRun, Outcome)> {
        let mut runs = self.ended.iter().filter(|run| !is_plan(run));
        runs.find_map(|run| outcome(run).map(|outcome| (*run, outcome)))
    }

    /// Those that wait or are in progress and are no plans.
    pub fn coming(&self) -> impl Iterator<Item = &'a SyncRun> {
        self.open.iter().filter(|run| !is_plan(run)).copied()
    }

    /// When the newest success ended.
    pub fn last_success(&self) -> Option<Timestamp> {
        let mut runs = self.ended.iter().filter(|run| !is_plan(run));
        runs.find_map(|run| matches!(outcome(run), Some(Outcome::Succeeded { .. })).then(|| end_time(run))?)
    }

    /// The newest slot of the schedule that a run was made for.
    pub fn last_slot(&self, destination: &Destination) -> Option<Timestamp> {
        let all = self.ended.iter().chain(&self.open);
        let scheduled =
            all.filter(|run| run.spec.trigger == Some(Trigger::Schedule) && is_ours(run, destination));
        scheduled
            .filter_map(|run| crate::controller::schedule::slot::scheduled_time(run.spec.slot.as_deref()?))
            .max()
    }

    /// What the newest run with inputs sent or sends.
    pub fn last_sent(&self) -> Option<Sent<'a>> {
        let all = self.open.iter().rev().chain(&self.ended).filter(|run| !is_plan(run));
        let with_inputs = all.filter_map(|run| {
            let status = run.status.as_ref()?;
            let sent =
                Sent { digest: status.inputs.as_ref()?.digest.as_deref()?, cut_short: is_cut_short(run) };
            Some((status.start_time.as_ref()?.0, sent))
        });
        // Times are whole seconds: of two starts in one second the first of the order is the newer one.
        with_inputs.min_by_key(|(start, _)| std::cmp::Reverse(*start)).map(|(_, sent)| sent)
    }

    /// Questions that are open: those of the newest run that came far enough to ask, as long as they mean something.
    pub fn questions(&self, now: Timestamp) -> Vec<PendingApproval> {
        for run in self.ended.iter().filter(|run| !is_plan(run)) {
            let asked = run.status.as_ref().and_then(|status| status.pending_approvals.clone());
            let asked = asked.unwrap_or_default();
            if !asked.is_empty() || matches!(outcome(run), Some(Outcome::Succeeded { .. })) {
                let open = |one: &PendingApproval| one.expires.as_ref().is_none_or(|expires| expires.0 > now);
                return asked.into_iter().filter(open).collect();
            }
        }
        Vec::new()
    }

    /// What is kept of those that ended.
    pub fn finished(&self, destination: &Destination) -> Vec<Finished> {
        let finished = self.ended.iter().map(|run| Finished {
            name: run.name_any(),
            completed: end_time(run).unwrap_or(Timestamp::UNIX_EPOCH),
            succeeded: matches!(phase(run), Phase::Ended { succeeded: true, .. }),
            by_person: !is_ours(run, destination),
            ttl: run.spec.ttl_after_finished.as_ref().and_then(|span| span.duration()),
        });
        finished.collect()
    }
}

/// Whether a suspension, an edit or a deletion stopped a run that nobody cancelled.
fn is_cut_short(run: &SyncRun) -> bool {
    let is_cancelled = matches!(phase(run), Phase::Ended { reason, .. } if reason == "Cancelled");
    is_cancelled && run.spec.cancel != Some(true)
}

fn outcome(run: &SyncRun) -> Option<Outcome> {
    let Phase::Ended { succeeded, reason, message } = phase(run) else { return None };
    if succeeded {
        return Some(Outcome::Succeeded { message });
    }
    Some(match passes(&reason)? {
        true => Outcome::Transient { reason, message },
        false => Outcome::Lasting { reason, message },
    })
}

/// Why the memory of a Destination cannot be used, as its waiting run tells.
pub fn held(all: &[SyncRun]) -> Option<String> {
    let open = all.iter().filter(|run| !ended(run));
    let mut told = open.filter_map(|run| {
        let conditions = run.status.as_ref()?.conditions.as_deref()?;
        let condition = crate::controller::conditions::find(conditions, "Succeeded")?;
        (condition.reason == "StateUnavailable").then(|| condition.message.clone())
    });
    told.next()
}
