//! What to do about a Destination, and what its status says. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use crate::api::destination::{
    ActiveRun, ConcurrencyPolicy, DeletionPolicy, DestinationStatus, OnChange, RetryStatus,
};
use crate::api::shared::Warning;
use crate::api::sync_run::{Inputs, RunMode, Trigger};
use crate::api::{
    APPROVE_ANNOTATION, Destination, RECONCILE_AT_ANNOTATION, REQUESTED_AT_ANNOTATION, SyncRun,
};
use crate::controller::conditions::{self, Marks, Readiness};
use crate::controller::schedule::{Schedule, backoff, overdue_at, retry_limit, slot};
use crate::controller::sync_run::decide::is_ours;
use crate::controller::sync_run::phase::end_time;
use crate::controller::{history, run_status};

use super::accept::Verdict;
use super::runs::{Outcome, Runs};

/// Most warnings of a status.
const WARNINGS: usize = 10;
/// Most letters of an echo.
const ECHO: usize = 256;

/// What is known about a Destination when it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The Destination.
    pub destination: &'a Destination,
    /// What its objects tell.
    pub verdict: &'a Verdict,
    /// Versions of the objects, when all are there.
    pub inputs: Option<&'a Inputs>,
    /// Since when its BrazeApp and its Source are both known to be in order: the older of their last tests. `None`: one of
    /// them is not.
    pub connections_checked: Option<Timestamp>,
    /// Its runs.
    pub runs: &'a [SyncRun],
    /// Name of the run that is in progress in this process.
    pub active: Option<&'a str>,
    /// Why its memory cannot be used now.
    pub held: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
}

/// A run to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// What it does.
    pub mode: RunMode,
    /// What starts it.
    pub trigger: Trigger,
    /// What it answers.
    pub slot: String,
    /// Number of the retry.
    pub attempt: Option<u32>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// A run to be made before the status is written.
    pub create: Option<NewRun>,
    /// The active run is to stop, with the reason.
    pub replace: Option<(String, String)>,
    /// Runs to be removed.
    pub prune: Vec<String>,
    /// The status.
    pub status: DestinationStatus,
    /// When to look again.
    pub again: Option<Timestamp>,
    /// A request was heard and nothing done, because the Destination is suspended.
    pub ignored_request: bool,
}

/// What asks for a run now.
struct Asked {
    create: Option<NewRun>,
    /// Echo of a request that was answered.
    requested: Option<String>,
    /// The same for the annotation of Flux.
    reconciled: Option<String>,
    approval: Option<String>,
    scheduled: Option<Timestamp>,
    next_slot: Option<Timestamp>,
    next_retry: Option<Timestamp>,
    ignored_request: bool,
}

/// What is to be done about a Destination.
pub fn decide(seen: &Seen<'_>) -> Decision {
    let Seen { destination, verdict, now, .. } = *seen;
    let spec = &destination.spec;
    let old = destination.status.clone().unwrap_or_default();
    let runs = Runs::of(seen.runs);
    let schedule = spec.schedule.as_ref().and_then(|schedule| Schedule::parse(schedule).ok());
    let suspended = spec.suspend == Some(true);
    let asked = ask(seen, &runs, schedule.as_ref(), &old);
    let overdue = overdue_when(seen, &runs, schedule.as_ref(), &old);
    let readiness = readiness(seen, &runs, asked.next_retry, overdue);
    let coming = seen.active.map(str::to_owned);
    let marks = Marks {
        suspended: suspended && verdict.blocked.is_none(),
        running: coming.as_ref().map(|run| format!("SyncRun {run} is in progress")),
        cleanup_blocked: None,
    };
    let generation = destination.metadata.generation.unwrap_or(0);
    let previous = old.conditions.clone().unwrap_or_default();
    let conditions = conditions::next(&previous, &readiness, &marks, generation, now);
    let deadline = conditions::deadline(&conditions, generation);
    let finished = runs.finished(destination);
    let history = spec.history.as_ref();
    let replace = replaced(spec.schedule.as_ref(), &asked, seen.active);
    let status = DestinationStatus {
        observed_generation: Some(generation),
        conditions: Some(conditions),
        warnings: warnings(verdict, &runs),
        last_handled_request_at: asked.requested.or(old.last_handled_request_at.clone()),
        last_handled_reconcile_at: asked.reconciled.or(old.last_handled_reconcile_at.clone()),
        last_handled_approval: asked.approval.or(old.last_handled_approval.clone()),
        schedule: schedule.as_ref().map(Schedule::words),
        last_schedule_time: asked.scheduled.map(Time).or(old.last_schedule_time.clone()),
        next_run_time: asked.next_slot.filter(|_| !suspended && verdict.blocked.is_none()).map(Time),
        pending_approvals: some(runs.questions(now)),
        active_run: coming.map(|name| active(seen, name)),
        retry: retrying(&runs, asked.next_retry),
        ..from_runs(&runs, &old)
    };
    let again = [
        asked.next_slot.filter(|_| !suspended),
        asked.next_retry.filter(|_| !suspended),
        deadline,
        overdue.filter(|at| *at > now && !suspended),
        history::next_due(&finished, history, now),
        runs.questions(now).iter().filter_map(|one| one.expires.as_ref()).map(|time| time.0).min(),
    ];
    Decision {
        create: asked.create,
        replace,
        prune: history::prune(&finished, history, now),
        status,
        again: again.into_iter().flatten().filter(|at| *at > now).min(),
        ignored_request: asked.ignored_request,
    }
}

/// What a Destination that is not accepted, suspended or being deleted asks for: nothing. Otherwise the first of: the
/// answer to a question, a request, a change, a slot of the schedule, a retry.
fn ask(seen: &Seen<'_>, runs: &Runs<'_>, schedule: Option<&Schedule>, old: &DestinationStatus) -> Asked {
    let Seen { destination, verdict, now, .. } = *seen;
    let spec = &destination.spec;
    let annotation = |name: &str| destination.annotations().get(name).cloned();
    let fresh = |name: &str, echo: &Option<String>| {
        annotation(name).filter(|token| Some(cut(token)) != *echo && !token.is_empty())
    };
    let request = fresh(REQUESTED_AT_ANNOTATION, &old.last_handled_request_at);
    let reconcile = fresh(RECONCILE_AT_ANNOTATION, &old.last_handled_reconcile_at);
    let approval = fresh(APPROVE_ANNOTATION, &old.last_handled_approval);
    let mut asked = Asked {
        create: None,
        requested: None,
        reconciled: None,
        approval: None,
        scheduled: None,
        next_slot: None,
        next_retry: None,
        ignored_request: false,
    };
    let suspended = spec.suspend == Some(true);
    let uid = destination.metadata.uid.clone().unwrap_or_default();
    let created = destination.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let last_slot = old.last_schedule_time.as_ref().map(|time| time.0).max(runs.last_slot(destination));
    // A schedule that is new to an old Destination catches nothing up.
    let since = match last_slot {
        Some(_) => created,
        None => runs.last().and_then(end_time).map_or(created, |ended| ended.max(created)),
    };
    let due = schedule.map(|schedule| schedule.due(last_slot, since, &uid, now));
    asked.next_slot = due.as_ref().map(|due| due.next);
    if suspended {
        // The token is echoed, the run is not made.
        asked.ignored_request = request.is_some() || reconcile.is_some();
        asked.requested = request.as_deref().map(cut);
        asked.reconciled = reconcile.as_deref().map(cut);
        return asked;
    }
    asked.next_retry = next_retry(seen, runs);
    if verdict.blocked.is_some() || destination.metadata.deletion_timestamp.is_some() {
        return asked;
    }
    // A run that waits has read nothing yet: it answers whatever is asked meanwhile.
    let waiting = runs.coming().any(|run| Some(run.name_any().as_str()) != seen.active && !started(run));
    let mut make = |trigger: Trigger, slot: String, attempt: Option<u32>, mode: RunMode| {
        if !waiting && asked.create.is_none() {
            asked.create = Some(NewRun { mode, trigger, slot, attempt });
        }
    };
    if let Some(tokens) = &approval {
        if answers(tokens, runs, now) {
            make(Trigger::Approval, slot::approval(tokens), None, RunMode::Sync);
        }
        asked.approval = Some(cut(tokens));
    }
    if let Some(token) = request.as_ref().or(reconcile.as_ref()) {
        make(Trigger::Request, slot::request(token), None, RunMode::Sync);
    }
    let changed = match (verdict.digest.as_deref(), runs.last_sent()) {
        (Some(now), Some(last)) => now != last.digest || last.cut_short,
        (Some(_), None) => runs.coming().next().is_none(),
        (None, _) => false,
    };
    if changed
        && spec.on_change != Some(OnChange::Wait)
        && let Some(inputs) = seen.inputs
    {
        let digest = inputs.digest.as_deref().and_then(|text| u64::from_str_radix(text.get(..16)?, 16).ok());
        make(Trigger::Change, slot::change(inputs, digest.unwrap_or_default()), None, RunMode::Sync);
    }
    if let Some(due) = &due {
        if let Some(slot) = due.slot {
            make(Trigger::Schedule, slot::scheduled(slot), None, RunMode::Sync);
        }
        asked.scheduled = due.slot.max(due.too_late).or(last_slot);
    }
    if asked.next_retry.is_some_and(|at| at <= now)
        && let Some(last) = runs.last()
    {
        let slot = last.spec.slot.clone().unwrap_or_default();
        make(Trigger::Retry, slot, Some(attempts(last) + 1), last.spec.mode);
    }
    asked.requested = request.as_deref().map(cut);
    asked.reconciled = reconcile.as_deref().map(cut);
    asked
}

/// Whether one of the tokens answers a question that is open.
fn answers(tokens: &str, runs: &Runs<'_>, now: Timestamp) -> bool {
    let open = runs.questions(now);
    tokens.split(',').map(str::trim).any(|token| open.iter().any(|question| question.token == token))
}

fn started(run: &SyncRun) -> bool {
    run.status.as_ref().is_some_and(|status| status.starts.unwrap_or(0) > 0)
}

/// Retries before this run: it was the first attempt when it carries no number.
fn attempts(run: &SyncRun) -> u32 {
    run.spec.attempt.and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(0)
}

/// When the newest failure is tried again, while something comes of it.
fn next_retry(seen: &Seen<'_>, runs: &Runs<'_>) -> Option<Timestamp> {
    let last = runs.last()?;
    let (telling, outcome) = runs.telling()?;
    // A login that was found in order since: the run is repeated, for nothing else would send what it left.
    if !matches!(outcome, Outcome::Transient { .. }) && !is_login_mended(seen, telling, &outcome) {
        return None;
    }
    let is_last = telling.name_any() == last.name_any();
    let made = attempts(last);
    let retry = seen.destination.spec.retry.as_ref();
    // A run that a person made is executed once.
    if !is_last
        || !is_ours(last, seen.destination)
        || runs.coming().next().is_some()
        || made >= retry_limit(retry)
    {
        return None;
    }
    let wait = SignedDuration::try_from(backoff(retry, made + 1)).unwrap_or(SignedDuration::MAX);
    end_time(last)?.checked_add(wait).ok()
}

fn retrying(runs: &Runs<'_>, next: Option<Timestamp>) -> Option<RetryStatus> {
    let last = runs.last()?;
    match runs.telling()? {
        (telling, outcome)
            if telling.name_any() == last.name_any()
                && (matches!(outcome, Outcome::Transient { .. }) || next.is_some()) =>
        {
            Some(RetryStatus {
                attempt: i32::try_from(attempts(last) + 1).ok(),
                last_failure_time: end_time(last).map(Time),
                next_retry_time: next.map(Time),
            })
        }
        _ => None,
    }
}

/// With policy Replace a new run stops the one that is in progress.
fn replaced(
    schedule: Option<&crate::api::destination::Schedule>,
    asked: &Asked,
    active: Option<&str>,
) -> Option<(String, String)> {
    let replaces = schedule?.concurrency_policy == Some(ConcurrencyPolicy::Replace);
    let is_slot = asked.create.as_ref().is_some_and(|run| run.trigger == Trigger::Schedule);
    (replaces && is_slot)
        .then(|| Some((active?.to_owned(), "the next run of the schedule replaces it".to_owned())))?
}

/// When a success will be overdue. While something is in progress or waits, it is not.
fn overdue_when(
    seen: &Seen<'_>,
    runs: &Runs<'_>,
    schedule: Option<&Schedule>,
    old: &DestinationStatus,
) -> Option<Timestamp> {
    if runs.coming().next().is_some() || seen.verdict.blocked.is_some() {
        return None;
    }
    let success = runs.last_success().max(old.last_success_time.as_ref().map(|time| time.0));
    let created = seen.destination.metadata.creation_timestamp.as_ref()?.0;
    Some(overdue_at(schedule?, success, created))
}

/// The row of the truth table.
fn readiness(
    seen: &Seen<'_>,
    runs: &Runs<'_>,
    next_retry: Option<Timestamp>,
    overdue: Option<Timestamp>,
) -> Readiness {
    let Seen { destination, verdict, now, .. } = *seen;
    if destination.metadata.deletion_timestamp.is_some() {
        return Readiness::Deleting { reason: "Deleting", message: "is being deleted".to_owned() };
    }
    let suspended = destination.spec.suspend == Some(true);
    match &verdict.blocked {
        Some(Readiness::Stalled { reason, message }) if reason.starts_with("Invalid") => {
            return Readiness::Stalled { reason: reason.clone(), message: message.clone() };
        }
        _ if suspended => {
            let message = "spec.suspend is true: no run starts until it is false".to_owned();
            return Readiness::Ready { reason: "Suspended", message };
        }
        Some(blocked) => return blocked.clone(),
        None => {}
    }
    if let Some(held) = seen.held {
        return Readiness::Waiting { reason: "StateUnavailable", message: held.to_owned() };
    }
    if let Some(trouble) = &verdict.trouble {
        return trouble.clone();
    }
    let told = match runs.telling() {
        None => scheduled(destination),
        Some((run, outcome)) if is_past(seen, run, &outcome) => after_past(seen, outcome, next_retry),
        Some((run, outcome)) => after_run(seen, run, outcome, next_retry),
    };
    if matches!(told, Readiness::Ready { .. }) && overdue.is_some_and(|at| at <= now) {
        let message = "no run has succeeded for two intervals of the schedule".to_owned();
        return Readiness::Stalled { reason: "Overdue".to_owned(), message };
    }
    told
}

fn scheduled(destination: &Destination) -> Readiness {
    let message = match &destination.spec.schedule {
        Some(_) => "accepted; runs start by the schedule, after changes and on request",
        None => "accepted; runs start after changes and on request",
    };
    Readiness::Ready { reason: "Scheduled", message: message.to_owned() }
}

/// What a run met is over: it is repeated, or the next one comes as it does.
fn after_past(seen: &Seen<'_>, outcome: Outcome, next_retry: Option<Timestamp>) -> Readiness {
    match outcome {
        Outcome::Lasting { reason, message } if is_tried_again(seen, next_retry) => Readiness::Retrying {
            reason: "SyncFailed".to_owned(),
            message: format!("{reason}: {message}; the connection works now, and the run is repeated"),
        },
        _ => scheduled(seen.destination),
    }
}

/// Whether a retry is planned or under way.
fn is_tried_again(seen: &Seen<'_>, next_retry: Option<Timestamp>) -> bool {
    next_retry.is_some() || Runs::of(seen.runs).coming().any(|open| open.spec.trigger == Some(Trigger::Retry))
}

/// Whether the login or the address that a run found refused, Braze's or the warehouse's, was found in order since: a
/// refused run has both tested again. Times are whole seconds, and the test that a
/// refused run asks for often ends in the second of its end.
fn is_login_mended(seen: &Seen<'_>, run: &SyncRun, outcome: &Outcome) -> bool {
    let Outcome::Lasting { reason, .. } = outcome else { return false };
    matches!(reason.as_str(), "AuthenticationFailed" | "PermissionMissing" | "EndpointNotAllowed")
        && seen.connections_checked >= end_time(run)
}

/// Whether what a run met is over: what is sent was edited since, or the login that failed was found in order.
fn is_past(seen: &Seen<'_>, run: &SyncRun, outcome: &Outcome) -> bool {
    let Outcome::Lasting { reason, .. } = outcome else { return false };
    match reason.as_str() {
        _ if is_login_mended(seen, run, outcome) => true,
        "InvalidSpec" => {
            let sent = run.status.as_ref().and_then(|status| status.inputs.as_ref()?.digest.as_deref());
            sent.is_some() && sent != seen.verdict.digest.as_deref()
        }
        _ => false,
    }
}

fn after_run(seen: &Seen<'_>, run: &SyncRun, outcome: Outcome, next_retry: Option<Timestamp>) -> Readiness {
    match outcome {
        Outcome::Succeeded { message } => Readiness::Ready { reason: "SyncSucceeded", message },
        Outcome::Lasting { reason, message } => Readiness::Stalled { reason, message },
        Outcome::Transient { reason, message } => {
            let tries = attempts(run) + 1;
            if is_tried_again(seen, next_retry) {
                let message = format!("{reason}: {message}; attempt {tries} failed, it is tried again");
                return Readiness::Retrying { reason: "SyncFailed".to_owned(), message };
            }
            let message =
                format!("{message}; attempt {tries} failed and it is not tried again before the next run");
            Readiness::Stalled { reason, message }
        }
    }
}

/// What the objects and the newest run advise.
fn warnings(verdict: &Verdict, runs: &Runs<'_>) -> Option<Vec<Warning>> {
    let of_run = match runs.last() {
        Some(run) => run.status.as_ref().and_then(|status| status.warnings.clone()).unwrap_or_default(),
        None => Vec::new(),
    };
    let mut all: Vec<Warning> = Vec::new();
    for warning in verdict.warnings.iter().cloned().chain(of_run) {
        if !all.contains(&warning) {
            all.push(warning);
        }
    }
    all.truncate(WARNINGS);
    some(all)
}

/// Fields that only runs change; what is remembered of runs that are gone stays.
fn from_runs(runs: &Runs<'_>, old: &DestinationStatus) -> DestinationStatus {
    let last = runs.last();
    let with_state = runs.ended.iter().find_map(|run| {
        let status = run.status.as_ref()?;
        status.state_serial.map(|serial| (serial, status.known_records))
    });
    let success = runs.last_success().max(old.last_success_time.as_ref().map(|time| time.0));
    DestinationStatus {
        known_records: with_state.and_then(|(_, known)| known).or(old.known_records),
        state_serial: with_state.map(|(serial, _)| serial).or(old.state_serial),
        last_success_time: success.map(Time),
        last_run: last.and_then(run_status::last_run).or_else(|| old.last_run.clone()),
        errors: match last {
            Some(run) => run.status.as_ref().and_then(|status| some(run_status::top_errors(status))),
            None => old.errors.clone(),
        },
        ..DestinationStatus::default()
    }
}

fn active(seen: &Seen<'_>, name: String) -> ActiveRun {
    let run = seen.runs.iter().find(|run| run.name_any() == name);
    let inputs = run.and_then(|run| run.status.as_ref()?.inputs.as_ref());
    ActiveRun { name, generation: inputs.and_then(|inputs| inputs.destination_generation) }
}

/// Whether deleting the object takes everything back from Braze.
pub fn cleans_up(destination: &Destination) -> bool {
    destination.spec.deletion_policy == Some(DeletionPolicy::Delete)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    if list.is_empty() { None } else { Some(list) }
}

/// An echo as the status holds it.
pub(super) fn cut(token: &str) -> String {
    token.chars().take(ECHO).collect()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
