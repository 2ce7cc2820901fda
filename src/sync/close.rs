//! Phase 5 and what a run makes of its end: the verdict on the read, the last commit, the report.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::braze::Reply;
use crate::state::{StateError, Status};

use super::approval::{self, Asking};
use super::course::Course;
use super::guard;
use super::job::Collection;
use super::memory::{IssuedToken, Pair, Question};
use super::outcome::Skip;
use super::read::{self, ReadEnd};
use super::reason::{Reason, Stop};
use super::report::{
    CodeCount, FieldReport, PendingApproval, PlanReport, Report, RunMode, SourceReport, TrafficReport,
    Verdict,
};
use super::run::{Run, state_stop};

/// Pairs of record and `braze_id` that are kept to tell a workspace.
const MOST_PAIRS: usize = 50;
/// Pairs below which more are sampled.
const ENOUGH_PAIRS: usize = 10;
/// Rows of a report's lists.
const MOST_ERRORS: usize = 20;
const MOST_FIELDS: usize = 50;

/// How a run ended, before it is reported.
#[derive(Default)]
pub struct Ending {
    /// Why it stopped before its end.
    pub stop: Option<Stop>,
    /// Questions that wait for a person.
    pub questions: Vec<IssuedToken>,
    /// What the guard said, when it tripped.
    pub guard: Option<guard::Verdict>,
    /// The guard keeps removals back.
    pub guard_trips: bool,
    /// Removals that are kept back, with those of the last 24 hours.
    pub held: u64,
    /// Groups that Braze refused so often that they were left out.
    pub groups_off: Vec<String>,
    /// How the rows were read.
    pub read: SourceReport,
}

impl Ending {
    /// A run that stopped.
    pub fn stopped(stop: Stop) -> Self {
        Self { stop: Some(stop), ..Self::default() }
    }
}

/// What may follow a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Phase 3.
    pub leaves: bool,
    /// Phase 4 for records that are read and left.
    pub removals: bool,
    /// Phase 4 for records that are gone.
    pub gone: bool,
}

/// How the rows were read, for the report.
pub fn source_report(run: &Run<'_>, course: &Course, read: &ReadEnd) -> SourceReport {
    let mode = match (&run.job.collection, &course.asked.keys) {
        (Collection::None, _) => "None",
        (_, Some(_)) => "Keys",
        (_, None) => "Full",
    };
    SourceReport {
        mode: mode.to_owned(),
        bytes: course.account.bytes_read.get(),
        duration_millis: u64::try_from(read.took.as_millis()).unwrap_or(u64::MAX),
        rows_expected: run.watch.expected(),
    }
}

/// The question about a key none of whose values is known.
pub fn ask_keys(run: &mut Run<'_>) -> IssuedToken {
    let digest = run.tools.store.hash_key().hash(b"none of the first keys is known");
    let asking = Asking {
        question: Question::KeyChanged,
        answer: None,
        action: "KeyChanged",
        digest,
        removals: 0,
        known_records: run.known,
    };
    let key = run.tools.store.hash_key().clone();
    approval::ask(&key, &mut run.memory.ledger, &asking, run.header.serial, run.now)
}

/// The table of docs/semantics.md, "Reads": what a read permits, and why it fails the run.
pub fn judge_read(run: &Run<'_>, course: &Course, read: &ReadEnd) -> Permitted {
    let counts = course.account.counts.snapshot();
    if course.control.is_stopped() || !read.complete {
        return Permitted::default();
    }
    if read::too_many_rejects(&run.job.reject_tolerance, &counts) {
        course.control.stop(read::rejects_stop(&counts));
        return Permitted::default();
    }
    let everything = Permitted { leaves: true, removals: true, gone: true };
    if run.job.collection == Collection::None {
        return everything;
    }
    if let Some(named) = &course.asked.keys {
        // A second row of a key names no other record.
        let found = counts.read.saturating_sub(course.account.errors_of("DuplicateKey"));
        let missing = named.records.saturating_sub(found);
        if missing > 0 {
            let message = "keys that were asked for have no row; nothing is done to their users";
            course.account.warn("KeyNotFound", "", missing, message);
        }
        return Permitted { leaves: true, removals: false, gone: false };
    }
    match counts.read {
        0 if run.known > 0 => {
            course.control.stop(Stop::new(
                Reason::EmptyRead,
                format!(
                    "the read returned no row while {} records are known; nothing is removed. To empty the \
                     Destination on purpose, set collection.type to None",
                    run.known
                ),
            ));
            Permitted::default()
        }
        0 if run.job.model.min_rows == 0 => {
            course.account.warn("EmptySource", "", 0, "the read returned no row; nothing was ever delivered");
            everything
        }
        rows if rows < run.job.model.min_rows => {
            course.control.stop(Stop::new(
                Reason::TooFewRows,
                format!(
                    "the read returned {rows} rows, fewer than the {} of expectedRows.min; nothing is removed",
                    run.job.model.min_rows
                ),
            ));
            Permitted::default()
        }
        _ => everything,
    }
}

/// The last commit of a run.
pub async fn close(
    run: &mut Run<'_>,
    course: &Course,
    read: &ReadEnd,
    ending: &mut Ending,
) -> Result<(), StateError> {
    if run.request.plan {
        return Ok(());
    }
    let counts = course.account.counts.snapshot();
    let traffic = course.account.traffic_so_far();
    let full = course.asked.keys.is_none() && run.job.collection != Collection::None;
    let clean = !course.control.is_stopped() && read.complete && counts.pending == 0;
    // Also what had no answer may be applied still.
    if traffic.objects > 0 || course.abandoned.load(Ordering::Relaxed) {
        run.memory.ledger.last_write = Some(run.tools.clock.now());
    }
    if clean && full {
        run.memory.ledger.rows_last_full_read = Some(counts.read);
        run.memory.ledger.last_full_read = Some(run.now);
        run.memory.ledger.adopting = false;
        let awaiting = course.account.skipped_by().iter().any(|(why, _)| *why == Skip::AwaitingAbsence);
        // Whoever was not reached may still hold what is to be cleared.
        if counts.failed + counts.invalid + counts.held == 0 && !awaiting {
            run.memory.schema.forget_cleared();
        }
    }
    if clean && counts.held == 0 {
        run.memory.ledger.succeeded_once = true;
    }
    run.memory.ledger.running = false;
    run.memory.ledger.app_noted |= !course.app.is_empty()?;
    sample_workspace(run, course).await;
    let _ = course.committer.remember(&run.memory).await;
    let _ = course.committer.flush().await;
    if let Some(error) = course.committer.failure() {
        ending.stop = Some(state_stop(&error));
        return Ok(());
    }
    if clean && full {
        run.tools.store.drop_rejects_before(run.header.epoch, run.header.serial)?;
    }
    run.tools.store.end(run.header.epoch)
}

/// Learns by which `braze_id`s this workspace can be told from another (docs/semantics.md, "Identity").
async fn sample_workspace(run: &mut Run<'_>, course: &Course) {
    // A workspace that nobody could check must not be what it is checked by.
    let Some(binding) = run.memory.binding.as_mut().filter(|binding| !binding.unverified) else { return };
    for (key, id) in Course::lock(&course.pairs).drain(..) {
        if binding.pairs.len() < MOST_PAIRS && !binding.pairs.iter().any(|pair| pair.key == key) {
            binding.pairs.push(Pair { key, id });
        }
    }
    let wrote = course.account.traffic_so_far().track > 0;
    if binding.workspace.is_some()
        || !wrote
        || binding.pairs.len() >= ENOUGH_PAIRS
        || course.control.is_stopped()
    {
        return;
    }
    let keys = sample_keys(course, run.job.app.settle, run.known > 0);
    if keys.is_empty() {
        return;
    }
    let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
    let Reply { result, traffic } = course.braze.export(&asked).await;
    course.account.traffic(traffic);
    // Without the permission there is no sample: a changed key is then told as unverified.
    for user in result.unwrap_or_default() {
        let id = course.program.hash_key.hash(user.braze_id.as_bytes());
        if !binding.pairs.iter().any(|pair| pair.key == user.external_id) {
            binding.pairs.push(Pair { key: user.external_id, id });
        }
    }
}

/// Records that Braze must know by now: acknowledged long enough ago, or live since an earlier run.
fn sample_keys(course: &Course, settle: Duration, earlier: bool) -> Vec<String> {
    let settled = course.clock.monotonic().saturating_sub(settle);
    let mut keys: Vec<String> = Course::lock(&course.delivered)
        .iter()
        .filter(|(_, at)| *at <= settled)
        .map(|(key, _)| key.clone())
        .collect();
    if keys.is_empty() && earlier {
        // An unreadable store fails the run's last commit; here it only means fewer keys.
        let _ = course.store.all(&mut |record| {
            if record.status == Status::Live {
                keys.push(String::from_utf8_lossy(&record.key).into_owned());
            }
            keys.len() < MOST_PAIRS
        });
    }
    keys
}

/// The report of a run.
pub fn report(run: &Run<'_>, ending: Ending) -> Report {
    let account = &run.account;
    let size = run.tools.store.size();
    let counts = account.counts.snapshot();
    let stop =
        ending.stop.clone().or_else(|| run.control.stopped()).or_else(|| unfinished(run, &counts, &ending));
    let attributes = account.attributes.snapshot();
    let memberships = account.memberships.snapshot();
    let spotless = counts.rejected() == 0 && attributes.dropped == 0 && memberships.refused == 0;
    let exit_code = match &stop {
        Some(stop) => stop.reason.exit_code(),
        None if spotless => 0,
        None => 10,
    };
    let result = match stop.as_ref().map(|stop| stop.reason) {
        None => Verdict::Succeeded,
        Some(Reason::Cancelled | Reason::TimedOut) => Verdict::Cancelled,
        Some(_) => Verdict::Failed,
    };
    let traffic = account.traffic_so_far();
    let field = |column: u16| {
        run.memory.schema.attributes.get(usize::from(column)).map_or_else(String::new, |c| c.target.clone())
    };
    Report {
        namespace: run.job.namespace.clone(),
        destination: run.job.destination.clone(),
        mode: mode(run),
        result,
        reason: stop.as_ref().map(|stop| stop.reason),
        message: stop.map(|stop| stop.message).unwrap_or_default(),
        exit_code,
        serial: (run.header.serial > 0).then_some(run.header.serial),
        start_time: run.now,
        completion_time: run.tools.clock.now(),
        source: ending.read,
        counts,
        rejected: counts.rejected(),
        skipped_by: account
            .skipped_by()
            .into_iter()
            .map(|(why, count)| CodeCount { code: why.code().to_owned(), count })
            .collect(),
        attributes,
        memberships,
        traffic: TrafficReport {
            requests: traffic.requests,
            track: traffic.track,
            delete: traffic.delete,
            lookup: traffic.lookup,
            status: traffic.status,
            retries: traffic.retries,
            objects: traffic.objects,
            bytes: traffic.bytes,
            data_points: account.data_points.get(),
            throttled_millis: u64::try_from(traffic.throttled.as_millis()).unwrap_or(u64::MAX),
            answers: traffic.answers,
        },
        groups: account.groups(),
        fields: account
            .changed_fields()
            .into_iter()
            .take(MOST_FIELDS)
            .map(|(column, count)| FieldReport {
                name: field(column),
                set: count.set,
                cleared: count.cleared,
            })
            .collect(),
        errors: account.errors(MOST_ERRORS),
        warnings: account.warnings(),
        pending_approvals: ending.questions.iter().map(|token| question(run, token)).collect(),
        known_records: size.known,
        rejects: size.rejects,
        plan: run.plan_report(ending.guard_trips),
    }
}

fn mode(run: &Run<'_>) -> RunMode {
    match (run.request.plan, run.request.retry_rejects, run.request.full) {
        (true, ..) => RunMode::Plan,
        (_, true, _) => RunMode::RetryRejected,
        (.., true) => RunMode::FullResync,
        _ => RunMode::Sync,
    }
}

/// Why a run that was not stopped did not succeed.
fn unfinished(run: &Run<'_>, counts: &super::outcome::Counts, ending: &Ending) -> Option<Stop> {
    if counts.pending > 0 && run.account.warnings().iter().any(|told| told.code == "PermissionMissing") {
        return Some(Stop::new(
            Reason::PermissionMissing,
            format!(
                "removals that wait because the key may not read subscription states: {}; grant \
                 subscription.status.get (with a new key), or set optInPolicy: Always",
                counts.pending
            ),
        ));
    }
    let untold = run.account.untold_removals.get();
    if counts.pending > untold {
        let pending = counts.pending;
        let message = if run.request.plan {
            format!(
                "records of which Braze did not tell what a sync has to know: {pending}; plan again later"
            )
        } else {
            format!("records that Braze did not acknowledge: {pending}; the next run sends them again")
        };
        return Some(Stop::new(Reason::BrazeUnavailable, message));
    }
    if counts.pending > 0 {
        return Some(Stop::new(
            Reason::RequestRefused,
            format!(
                "removals that wait because Braze refuses to tell the state of a subscription group: {untold}; check \
                 subscriptionGroupId, or set optInPolicy: Always"
            ),
        ));
    }
    if run.request.plan {
        // What a guard would hold back is told by `plan.guard`.
        return None;
    }
    if !ending.groups_off.is_empty() {
        return Some(Stop::new(
            Reason::GroupRefused,
            format!(
                "Braze refused these groups again and again, so they were left out: {}; check subscriptionGroupId",
                ending.groups_off.join(", ")
            ),
        ));
    }
    let verdict = ending.guard?;
    Some(Stop::new(
        Reason::DeletionGuard,
        format!(
            "{} removals (with those of the last 24 hours) of {} known records are kept back; deletionGuard lets {} \
             pass. All else was delivered. Look at them with plan, then approve with the token",
            ending.held, verdict.known, verdict.limit
        ),
    ))
}

fn question(run: &Run<'_>, token: &IssuedToken) -> PendingApproval {
    let deletes = run.job.mode == super::job::SyncMode::Sync;
    let message = match (token.question, token.answer.as_deref()) {
        (Question::DeletionGuard, _) if deletes => {
            format!(
                "once approved, {} users are deleted in Braze: those of them that are still gone then",
                token.removals
            )
        }
        (Question::DeletionGuard, _) => {
            format!("once approved, {} users lose our groups and stay in Braze", token.removals)
        }
        (Question::WorkspaceChanged, Some("fresh")) => {
            "what is remembered is archived, and everything is sent to the new workspace".to_owned()
        }
        (Question::WorkspaceChanged, _) => {
            "it is the same workspace: what is remembered stays in force".to_owned()
        }
        (Question::KeyChanged, _) => {
            "all records are sent as new users; those of the old keys count as gone".to_owned()
        }
        (Question::TargetTypeChanged, _) => "the attributes are sent with their new type".to_owned(),
        (Question::CollectionNone, _) if deletes => {
            format!("all {} known users are deleted in Braze", token.removals)
        }
        (Question::CollectionNone, _) => {
            format!("all {} known users stay in Braze and lose our groups", token.removals)
        }
        (Question::StateLost, Some("adopt")) => {
            "nothing is sent: what the source says now is taken as delivered".to_owned()
        }
        (Question::StateLost, _) => {
            "everything is sent again, which costs data points for every value".to_owned()
        }
        (Question::OrphanState, _) => {
            let orphan = run.request.orphan.as_deref().unwrap_or_default();
            format!(
                "nothing is taken over from the state {orphan}: everything is sent as for a new Destination"
            )
        }
    };
    PendingApproval {
        token: token.token.clone(),
        question: token.question,
        answer: token.answer.clone(),
        message,
        removals: token.removals,
        known_records: token.known_records,
        since: token.since,
        expires: token.expires,
    }
}

impl Run<'_> {
    /// What a plan adds to its report.
    fn plan_report(&self, trips: bool) -> Option<PlanReport> {
        let planner = self.planner.as_ref()?;
        let mut planner = Course::lock(planner);
        Some(PlanReport {
            now: self.now,
            guard: if trips { "Trips" } else { "Passes" }.to_owned(),
            samples: std::mem::take(&mut planner.samples),
            unknown: planner.unknown,
            looked_up: planner.looks_up,
        })
    }
}
