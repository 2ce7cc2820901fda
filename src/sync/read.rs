//! Phase 2 on its own thread: rows are read, evaluated, compared and composed while the read goes on
//! (docs/semantics.md, "Phases of a run").

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::data::RowBatch;
use crate::source::{Relation, Selection, Source, SourceError};
use crate::state::{Change, Found, Probe, Record, Reject, StateError, Status};

use super::course::Course;
use super::decide::{self, Membership};
use super::evaluate::{Evaluator, Records};
use super::job::{Enrich, RejectTolerance, SyncMode};
use super::keys::KeyList;
use super::kinds::Met;
use super::outcome::{Outcome, Skip};
use super::parcel::{Candidate, Composed, Parcel, Subject, compose};
use super::reason::{Reason, Stop};
use super::value::Code;

/// Candidates that are asked about together.
const STAGE: usize = 50;
/// Rows of the list of rejects that one run writes: a report of more helps nobody.
const MOST_REJECTS: u64 = 100_000;
/// Of these, rows without a usable key: many of them are one mistake.
const MOST_UNNAMED: u64 = 1_000;
/// Records from which on the share of rejects is looked at during the read.
const TOLERANCE_FROM: u64 = 10_000;
/// Keys of a full read of which at least one should be known.
const TRIAL_KEYS: u64 = 1_000;

/// What the reader hands to delivery.
pub enum Work {
    /// Objects that can be sent.
    Parcel(Parcel),
    /// Records that Braze must be asked about first.
    Stage(Vec<Candidate>),
}

/// What is read, and within which limits.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Table or query.
    pub relation: Relation,
    /// Which rows.
    pub selection: Selection,
    /// Rows above which the read stops.
    pub max_rows: u64,
    /// Limit of rejects.
    pub tolerance: RejectTolerance,
    /// Times of mode Enrich.
    pub enrich: Enrich,
    /// Whether the first keys must hold a known one before anything is sent.
    pub trial: bool,
}

/// How a read ended.
#[derive(Default)]
pub struct ReadEnd {
    /// The source announced the end of the result.
    pub complete: bool,
    /// Known records that are read and not in the collection any more.
    pub left: KeyList,
    /// None of the first keys is known: nothing was sent.
    pub keys_unknown: bool,
    /// How long it took.
    pub took: Duration,
}

/// Reads to the end or until the run is stopped.
pub async fn read(
    course: Arc<Course>,
    source: &dyn Source,
    reading: Reading,
    work: mpsc::Sender<Work>,
) -> Result<ReadEnd, StateError> {
    let started = course.clock.monotonic();
    let mut reader = Reader {
        evaluator: Evaluator::new(&course.program),
        course: &course,
        reading: &reading,
        work,
        parcel: Parcel::default(),
        staged: Vec::new(),
        changes: Vec::new(),
        rejects: Vec::new(),
        cleared: Vec::new(),
        rejects_written: 0,
        rows_before: 0,
        unnamed_written: 0,
        object: Vec::new(),
        members: vec![0; course.program.mapped.len()],
        trial: reading.trial.then(Trial::default),
        end: ReadEnd::default(),
    };
    let result = reader.run(source).await;
    reader.flush_members();
    let mut end = reader.end;
    end.took = course.clock.monotonic().saturating_sub(started);
    result.map(|()| end)
}

#[derive(Default)]
struct Trial {
    keys: u64,
    held: Vec<Work>,
}

struct Reader<'a> {
    course: &'a Arc<Course>,
    reading: &'a Reading,
    evaluator: Evaluator<'a>,
    work: mpsc::Sender<Work>,
    parcel: Parcel,
    staged: Vec<Candidate>,
    changes: Vec<Change>,
    rejects: Vec<Reject>,
    /// Partial reads: keys whose earlier rejects are over unless they are listed again.
    cleared: Vec<String>,
    rejects_written: u64,
    /// Rows read before this batch.
    rows_before: u64,
    unnamed_written: u64,
    object: Vec<u8>,
    members: Vec<u64>,
    trial: Option<Trial>,
    end: ReadEnd,
}

impl Reader<'_> {
    async fn run(&mut self, source: &dyn Source) -> Result<(), StateError> {
        let course = self.course;
        let columns = &course.program.columns;
        let opened = source.read(&self.reading.relation, columns, &self.reading.selection);
        let mut stream = match course.control.token().run_until_cancelled(opened).await {
            None => return Ok(()),
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                course.control.stop(stop_for(&error));
                return Ok(());
            }
        };
        let (mut batch, mut records) = (RowBatch::new(columns.len()), Records::default());
        loop {
            let next = stream.next(&mut batch);
            let more = match course.control.token().run_until_cancelled(next).await {
                None => break,
                Some(Ok(more)) => more,
                Some(Err(error)) => {
                    course.control.stop(stop_for(&error));
                    break;
                }
            };
            course.account.bytes_read.add(stream.bytes().saturating_sub(course.account.bytes_read.get()));
            if let Some(named) = &course.asked.keys {
                named.keep_only_named(&mut batch);
            }
            self.batch(&batch, &mut records).await?;
            self.check_limits();
            if !more {
                self.end.complete = !course.control.is_stopped();
                break;
            }
            if course.control.is_stopped() {
                break;
            }
        }
        drop(stream);
        if self.end.complete && self.trial.as_ref().is_some_and(|trial| trial.keys > 0) {
            // The whole table has fewer rows than the trial asks for, and none of them is known.
            self.fail_trial().await;
            self.end.complete = false;
        }
        self.end_trial_now().await;
        self.flush_parcel().await;
        self.flush_staged().await;
        self.flush_notes().await;
        Ok(())
    }

    async fn batch(&mut self, batch: &RowBatch, records: &mut Records) -> Result<(), StateError> {
        let course = self.course;
        course.kinds.fill(&mut self.evaluator.kinds);
        self.evaluator.evaluate(batch, records);
        course.account.counts.read.add(records.rows.len() as u64);
        self.report_values(records);
        let mut rows = Vec::with_capacity(records.rows.len());
        let mut probes = Vec::with_capacity(records.rows.len());
        for (row, evaluated) in records.rows.iter().enumerate() {
            match evaluated.key {
                Ok(_) => {
                    let (key_hash, fingerprint) = (evaluated.key_hash, evaluated.fingerprint);
                    probes.push(Probe { key: records.key(row), key_hash, fingerprint });
                    if course.asked.keys.is_some() {
                        self.cleared.push(String::from_utf8_lossy(records.key(row)).into_owned());
                    }
                    rows.push(row);
                }
                Err(problem) => self.unnamed(row, problem.code()),
            }
        }
        let mut found = Vec::with_capacity(probes.len());
        course.store.probe(&probes, &mut found)?;
        for (row, found) in rows.into_iter().zip(found) {
            self.record(records, row, found).await;
        }
        if self.changes.len() >= 1_000 || self.rejects.len() >= 1_000 {
            self.flush_notes().await;
        }
        self.rows_before += records.rows.len() as u64;
        self.check_trial().await;
        Ok(())
    }

    /// Counts what evaluation found odd, and lists what cannot be sent.
    fn report_values(&mut self, records: &Records) {
        let course = self.course;
        for &(row, attribute, code) in &records.drops {
            self.reject(course.drop_value(records.key(row), records.rows[row].key_hash, attribute, code));
        }
        for &(attribute, warning) in &records.warnings {
            course.account.attributes.warned.one();
            let field = &course.program.shape.fields[attribute].name;
            course.account.warn(warning.code(), field, 1, warning.hint());
        }
        for &(_, group) in &records.rule_errors {
            let name = &course.program.memberships[group].name;
            let message = "the rule could not be evaluated for these records: they neither join nor leave";
            course.account.warn("RuleError", name, 1, message);
        }
    }

    fn reject(&mut self, reject: Reject) {
        if self.rejects_written < MOST_REJECTS {
            self.rejects_written += 1;
            self.rejects.push(reject);
        }
    }

    fn invalid(&mut self, records: &Records, row: usize, code: &'static str, hint: &'static str) {
        let course = self.course;
        course.account.counts.invalid.one();
        let property = course.program.properties.first().map(|p| p.name.as_str()).unwrap_or_default();
        course.account.error(code, property, hint, &Course::reference(records.rows[row].key_hash));
        self.reject(course.reject(records.key(row), property, code));
    }

    /// A row without a usable key is told by its place in the read.
    fn unnamed(&mut self, row: usize, code: &'static str) {
        let course = self.course;
        course.account.counts.invalid.one();
        let place = format!("row {}", self.rows_before + row as u64 + 1);
        let property = course.program.properties.first().map(|p| p.name.as_str()).unwrap_or_default();
        let reference = Course::reference(course.program.hash_key.hash(place.as_bytes()));
        course.account.error(code, property, key_hint(), &reference);
        // Among rows read by key a place means nothing, and the list holds those of the read of all.
        if course.asked.keys.is_none() && self.unnamed_written < MOST_UNNAMED {
            self.unnamed_written += 1;
            self.reject(course.reject(place.as_bytes(), property, code));
        }
    }

    async fn record(&mut self, records: &mut Records, row: usize, found: Found) {
        let course = self.course;
        if let Some(trial) = &mut self.trial {
            trial.keys += 1;
        }
        if matches!(found, Found::Duplicate) {
            let hint = "two rows have this key; the first one read was sent. Order the query, or make the key unique";
            return self.invalid(records, row, "DuplicateKey", hint);
        }
        match records.rows[row].wanted {
            Membership::Unknown => {
                self.known_key(&found).await;
                self.seen_again(&found);
                let hint = "the collection's rule could not be evaluated; the record stays as it is";
                self.invalid(records, row, "RuleError", hint);
            }
            Membership::NotMember => {
                self.known_key(&found).await;
                self.seen_again(&found);
                self.unwanted(records.key(row), found);
            }
            Membership::Member => {
                for (count, member) in self.members.iter_mut().zip(records.memberships(row)) {
                    *count += u64::from(*member == Membership::Member);
                }
                match found {
                    Found::Unchanged => {
                        self.known_key(&Found::Unchanged).await;
                        course.kinds.settle(&records.open_kinds(row));
                        course.kinds.unchanged(records.row(row).attributes);
                        course.account.counts.count(Outcome::Unchanged);
                    }
                    Found::New => self.wanted(records, row, None).await,
                    Found::Known(before) => {
                        self.end_trial_now().await;
                        self.wanted(records, row, Some(before)).await;
                    }
                    Found::Duplicate => {}
                }
            }
        }
    }

    /// A record that was missing and is read again: what counts is missing in several reads in a row.
    fn seen_again(&mut self, found: &Found) {
        if let Found::Known(before) = found
            && before.absences > 0
        {
            self.changes.push(Change::Put(Record { absences: 0, ..(**before).clone() }, 0));
        }
    }

    async fn known_key(&mut self, found: &Found) {
        if !matches!(found, Found::New | Found::Duplicate) {
            self.end_trial_now().await;
        }
    }

    fn unwanted(&mut self, key: &[u8], found: Found) {
        let course = self.course;
        match found {
            Found::Known(before) if before.status.is_known() => self.end.left.push(key),
            Found::Known(before) => {
                if matches!(before.status, Status::Absent | Status::Refused) && !before.has_opt_out() {
                    self.changes.push(Change::Erase(before.key));
                }
                course.account.skip(Skip::NotInCollection, 1);
            }
            Found::New | Found::Unchanged | Found::Duplicate => course.account.skip(Skip::NotInCollection, 1),
        }
    }

    async fn wanted(&mut self, records: &mut Records, row: usize, before: Option<Box<Record>>) {
        let course = self.course;
        let rules = &course.program.rules;
        let evaluated = records.rows[row];
        if self.rests(evaluated.key_hash, before.as_deref()) {
            course.account.skip(Skip::NotInBraze, 1);
            return;
        }
        let decision = decide::decide(rules, before.as_deref(), &records.row(row), &[]);
        let changes = decision.sends() || !decision.reads.is_empty() || !decision.leaves.is_empty();
        let look_up = !rules.adopt && self.looks_up(before.as_deref(), changes);
        if look_up || !decision.reads.is_empty() {
            let mut candidate = records.candidate(row);
            candidate.before = before;
            candidate.look_up = look_up;
            self.staged.push(candidate);
            if self.staged.len() >= STAGE {
                self.flush_staged().await;
            }
            return;
        }
        let mut met = records.open_kinds(row);
        let decision = if self.claim_kinds(records, row, &mut met) {
            decision
        } else {
            decide::decide(rules, before.as_deref(), &records.row(row), &[])
        };
        // What was dropped meanwhile is not remembered as wanted.
        let fingerprint = records.rows[row].remember;
        let wanted = records.row(row);
        course.kinds.found(&decision, wanted.attributes);
        course.tally(&decision, wanted.key, evaluated.key_hash);
        let more = !decision.leaves.is_empty();
        let subject = Subject { key: wanted.key, key_hash: evaluated.key_hash, fingerprint, before };
        let value = |index: usize| records.value(row, index);
        let how = (course.asked.retry, course.update_only);
        self.object.clear();
        let composed = compose(&course.program, subject, decision, value, how, &mut self.object);
        course.kinds.end_claim(&met, &composed);
        match composed {
            Composed::Send(item) => {
                if !self.parcel.batch.has_room(self.object.len(), course.objects_per_request) {
                    self.flush_parcel().await;
                }
                self.parcel.batch.push(&self.object);
                self.parcel.items.push(*item);
            }
            Composed::Note(change, outcome) => {
                self.changes.push(change);
                course.finish(evaluated.key_hash, outcome, more);
            }
            Composed::Nothing(outcome) => course.finish(evaluated.key_hash, outcome, more),
            Composed::RefusedBefore(refusal) => {
                let mut rejects = Vec::new();
                course.report_refusal(wanted.key, evaluated.key_hash, refusal, &mut rejects);
                rejects.into_iter().for_each(|reject| self.reject(reject));
                course.finish(evaluated.key_hash, Outcome::Failed, more);
            }
            Composed::TooLarge => course.too_large(wanted.key, evaluated.key_hash).await,
        }
    }

    /// Claims the kinds of a record that are not settled. False: a value was dropped, because another kind was first.
    fn claim_kinds(&mut self, records: &mut Records, row: usize, met: &mut Vec<Met>) -> bool {
        if met.is_empty() {
            return true;
        }
        let refused = self.course.kinds.claim(met);
        for &attribute in &refused {
            records.drop_value(row, attribute);
            let key_hash = records.rows[row].key_hash;
            let reject = self.course.drop_value(records.key(row), key_hash, attribute, Code::KindMismatch);
            self.reject(reject);
        }
        refused.is_empty()
    }

    /// Enrich: whether a record that is known to be absent rests until it is looked up again.
    fn rests(&self, key_hash: u64, before: Option<&Record>) -> bool {
        let Some(before) = before.filter(|b| b.status == Status::Absent) else { return false };
        if self.course.program.mode != SyncMode::Enrich || self.course.asked.full {
            return false;
        }
        let rest = (self.reading.enrich.recheck_missing.as_secs() / 60).max(1);
        // Spread over a quarter of the time, so that a first sync's absent records do not come due at once.
        let due = rest + key_hash % (rest / 4).max(1);
        self.age(before) < due
    }

    fn age(&self, before: &Record) -> u64 {
        let seen = u64::from(before.existence_minute.unwrap_or_default());
        u64::from(self.course.minute()).saturating_sub(seen)
    }

    fn looks_up(&self, before: Option<&Record>, changes: bool) -> bool {
        if self.course.program.mode != SyncMode::Enrich {
            return false;
        }
        match before {
            Some(before) if before.status == Status::Live => {
                let believed = self.reading.enrich.recheck_existing.as_secs() / 60;
                self.course.asked.full || (changes && self.age(before) >= believed)
            }
            _ => true,
        }
    }

    fn check_limits(&self) {
        let course = self.course;
        let counts = course.account.counts.snapshot();
        if counts.read > self.reading.max_rows {
            let most = self.reading.max_rows;
            course.control.stop(Stop::new(
                Reason::TooManyRows,
                format!("the read returned more than the {most} rows of expectedRows.max; correct the query, or raise it"),
            ));
        }
        if counts.decided() >= TOLERANCE_FROM && too_many_rejects(&self.reading.tolerance, &counts) {
            course.control.stop(rejects_stop(&counts));
        }
    }

    async fn check_trial(&mut self) {
        if self.trial.as_ref().is_some_and(|trial| trial.keys >= TRIAL_KEYS) {
            self.fail_trial().await;
        }
    }

    async fn fail_trial(&mut self) {
        self.flush_parcel().await;
        self.flush_staged().await;
        self.changes.clear();
        let trial = self.trial.take().unwrap_or_default();
        trial.held.into_iter().for_each(|work| abandon(self.course, work));
        self.end.keys_unknown = true;
        self.course.control.stop(Stop::new(
            Reason::ApprovalRequired,
            "none of the first 1,000 keys is known: sending would create every user anew",
        ));
    }

    async fn end_trial_now(&mut self) {
        if let Some(trial) = self.trial.take() {
            self.end_trial(trial).await;
        }
    }

    async fn end_trial(&mut self, trial: Trial) {
        for work in trial.held {
            self.send(work).await;
        }
    }

    async fn send(&mut self, work: Work) {
        if let Some(trial) = &mut self.trial {
            trial.held.push(work);
            return;
        }
        if let Err(mpsc::error::SendError(work)) = self.work.send(work).await {
            // Delivery was given up: nothing of this is sent.
            abandon(self.course, work);
        }
    }

    async fn flush_parcel(&mut self) {
        if !self.parcel.items.is_empty() {
            let parcel = std::mem::take(&mut self.parcel);
            self.send(Work::Parcel(parcel)).await;
        }
    }

    async fn flush_staged(&mut self) {
        if !self.staged.is_empty() {
            let staged = std::mem::take(&mut self.staged);
            self.send(Work::Stage(staged)).await;
        }
    }

    async fn flush_notes(&mut self) {
        self.course.note(std::mem::take(&mut self.changes)).await;
        if !self.rejects.is_empty() || !self.cleared.is_empty() {
            let (rejects, cleared) = (std::mem::take(&mut self.rejects), std::mem::take(&mut self.cleared));
            // A state that cannot be written has stopped the run already.
            let _ = self.course.committer.reject(rejects, cleared).await;
        }
    }

    fn flush_members(&mut self) {
        for (group, members) in self.members.iter().enumerate() {
            self.course.account.group(group, *members, 0, 0);
        }
    }
}

fn abandon(course: &Course, work: Work) {
    match work {
        Work::Parcel(parcel) => course.give_up(&parcel.items),
        Work::Stage(staged) => course.account.counts.pending.add(staged.len() as u64),
    }
}

fn key_hint() -> &'static str {
    "a row without a usable key names no record; correct the key in the source, or leave such rows out of the query"
}

/// Whether the rejects are above the limit, by the records decided so far.
pub fn too_many_rejects(tolerance: &RejectTolerance, counts: &super::outcome::Counts) -> bool {
    let rejected = counts.rejected();
    let share = u128::from(rejected) * 100 > u128::from(tolerance.max_percent) * u128::from(counts.decided());
    tolerance.max_percent < 100 && rejected > tolerance.min_count && share
}

/// The stop of a run with too many rejects.
pub fn rejects_stop(counts: &super::outcome::Counts) -> Stop {
    Stop::new(
        Reason::TooManyRejects,
        format!(
            "{} of {} records were rejected, more than rejectTolerance allows; see the errors, correct the data, or \
             raise the limit",
            counts.rejected(),
            counts.decided()
        ),
    )
}

/// What a failed read means for the run.
pub fn stop_for(error: &SourceError) -> Stop {
    let reason = match error {
        SourceError::ColumnMissing { .. } | SourceError::NotReadOnly { .. } | SourceError::Invalid(_) => {
            Reason::InvalidSpec
        }
        SourceError::AuthenticationFailed { .. } => Reason::AuthenticationFailed,
        SourceError::EndpointNotAllowed { .. } => Reason::EndpointNotAllowed,
        _ => Reason::ReadFailed,
    };
    Stop::new(reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics 3: an address that is refused in the middle is no failed read
    #[test]
    fn a_refused_address_is_told_apart_from_a_failed_read() {
        let location = || "db.example.com:5432".to_owned();
        let refused =
            SourceError::EndpointNotAllowed { location: location(), cause: "link-local".to_owned() };
        assert_eq!(stop_for(&refused).reason, Reason::EndpointNotAllowed);
        let away = SourceError::Unreachable { location: location(), cause: "no route".to_owned() };
        assert_eq!(stop_for(&away).reason, Reason::ReadFailed);
    }
}
