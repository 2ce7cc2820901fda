//! One run under way: what its threads share, and the delivery of a request's worth of objects.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grouparoo_clock::Clock;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::braze::{Braze, BrazeError, Fate, Refusal};
use crate::state::{
    AppLedger, Change, GroupState, IntendedRecord, Intent, IntentKind, Record, Reject, Settled, Settlement,
    Status, Store,
};

use super::account::{Account, FieldCount};
use super::committer::Committer;
use super::decide::GroupKind;
use super::keys::Named;
use super::kinds::Kinds;
use super::outcome::{Memberships, Outcome};
use super::parcel::{Candidate, Item, Parcel, refusal_mark};
use super::planning::Planner;
use super::program::Program;
use super::reason::{Reason, Stop};
use super::run::StillWanted;
use super::value::Code;

/// Refusals in a row after which a subscription group is left out for the rest of the run.
const GROUP_REFUSALS: u32 = 20;

/// What stops a run, and tells all its parts.
#[derive(Clone, Debug, Default)]
pub struct Control {
    token: CancellationToken,
    first: Arc<Mutex<Option<Stop>>>,
}

impl Control {
    /// Stops the run; only the first stop counts.
    pub fn stop(&self, stop: Stop) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
        self.token.cancel();
    }

    /// Why the run was stopped, if it was.
    pub fn stopped(&self) -> Option<Stop> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing new may be read or sent.
    pub fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Cancelled by the first stop.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

/// What a run was asked for beyond its job.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// A full resync.
    pub full: bool,
    /// Objects that were refused before are sent again.
    pub retry: bool,
    /// Only the records with these keys are read.
    pub keys: Option<Named>,
}

/// A run under way.
pub struct Course {
    /// What is done with each row.
    pub program: Arc<Program>,
    /// The Destination's memory.
    pub store: Arc<dyn Store>,
    /// What the Destinations of the app share.
    pub app: Arc<dyn AppLedger>,
    /// The workspace.
    pub braze: Braze,
    /// Most objects in one request.
    pub objects_per_request: usize,
    /// The thread that writes the state.
    pub committer: Committer,
    /// The books.
    pub account: Arc<Account>,
    /// What stops the run.
    pub control: Control,
    /// Asked before each batch of removals.
    pub still_wanted: StillWanted,
    /// The time.
    pub clock: Clock,
    /// Serial of the run.
    pub serial: u64,
    /// What was asked.
    pub asked: Asked,
    /// Whether objects never create users (mode Enrich).
    pub update_only: bool,
    /// Leaves of phase 3.
    pub leaves: Mutex<Vec<Leave>>,
    /// Outcomes of records that have a leave to come.
    pub unfinished: Mutex<HashMap<u64, Outcome>>,
    /// Refusals of subscription groups, one a group rule.
    pub group_faults: Mutex<Vec<u32>>,
    /// Group rules of which Braze refused to tell states, each with the questions refused in a row.
    pub untold_groups: Mutex<HashMap<usize, u32>>,
    /// Pairs of record and `braze_id` seen on the way (Enrich).
    pub pairs: Mutex<Vec<(String, u64)>>,
    /// The first keys that were acknowledged, with the time of the clock: to sample the workspace by.
    pub delivered: Mutex<Vec<(String, Duration)>>,
    /// Requests in flight were given up: their records have no outcome.
    pub abandoned: AtomicBool,
    /// Time of the clock before which nothing is written: the previous run's calls settle until then.
    pub first_write: Duration,
    /// JSON kinds that are not known from earlier runs.
    pub kinds: Kinds,
    /// Mode Plan: nothing is sent, and this counts what would be.
    pub planner: Option<Arc<Mutex<Planner>>>,
}

/// Keys by which a workspace is sampled.
const SAMPLE: usize = 50;

/// A subscription leave that waits for all joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Canonical key.
    pub key: Vec<u8>,
    /// Hash of the key.
    pub key_hash: u64,
    /// Group rules.
    pub groups: Vec<usize>,
}

/// What remains to be done after a delivery.
#[derive(Default)]
pub struct Leftover {
    /// Records whose reads had become too old: to be asked and decided again.
    pub stale: Vec<Candidate>,
    /// Hashes of the keys whose objects were acknowledged.
    pub accepted: HashSet<u64>,
}

impl Course {
    /// Locks something shared; a panic elsewhere does not spoil plain data.
    pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no removal may be sent any more: the run was stopped, or its objects changed meanwhile.
    pub fn is_unwanted(&self) -> bool {
        if let Err(stop) = (self.still_wanted)() {
            self.control.stop(stop);
        }
        self.control.is_stopped()
    }

    /// The reference of a key in reports.
    pub fn reference(key_hash: u64) -> String {
        format!("{:08x}", key_hash as u32)
    }

    /// Notes why Braze cannot be used any more.
    pub fn stop_for(&self, error: &BrazeError) {
        let reason = match error {
            BrazeError::PermissionMissing { .. } => Reason::PermissionMissing,
            BrazeError::RequestRefused { .. } => Reason::RequestRefused,
            BrazeError::EndpointNotAllowed => Reason::EndpointNotAllowed,
            BrazeError::Unavailable { .. } | BrazeError::EndpointUnreachable { .. } => {
                Reason::BrazeUnavailable
            }
            _ => Reason::AuthenticationFailed,
        };
        self.control.stop(Stop::new(reason, format!("{error}; {}", error.advice())));
    }

    /// Counts the outcome of a record, or keeps it while a leave is to come.
    pub fn finish(&self, key_hash: u64, outcome: Outcome, more: bool) {
        if more {
            let mut unfinished = Self::lock(&self.unfinished);
            let so_far = unfinished.entry(key_hash).or_insert(outcome);
            *so_far = outcome.min(*so_far);
        } else {
            self.account.counts.count(outcome);
        }
    }

    /// Delivers a parcel: intent, request, settlement, books.
    pub async fn deliver(&self, parcel: Parcel) -> Leftover {
        if let Some(planner) = &self.planner {
            Self::lock(planner).count(self, parcel);
            return Leftover::default();
        }
        self.settle().await;
        let (whole, stripped) = self.without_faulty_groups(parcel);
        let mut leftover = self.deliver_once(whole, true).await;
        if !stripped.items.is_empty() {
            leftover.stale.extend(self.deliver_once(stripped, false).await.stale);
        }
        leftover
    }

    /// Waits until what the previous run wrote has settled.
    pub async fn settle(&self) {
        let left = self.first_write.saturating_sub(self.clock.monotonic());
        if !left.is_zero() {
            self.control.token().run_until_cancelled(self.clock.sleep(left)).await;
        }
    }

    /// Delivers once; objects that Braze refused with their groups are sent once more without (`retry_groups`).
    async fn deliver_once(&self, mut parcel: Parcel, retry_groups: bool) -> Leftover {
        let mut leftover = Leftover::default();
        if parcel.items.is_empty() {
            return leftover;
        }
        if self.control.is_stopped() {
            self.give_up(&parcel.items);
            return leftover;
        }
        let now = self.clock.now();
        let intended = parcel.items.iter_mut().filter(|item| !item.intended.touched.groups.is_empty());
        for (_, meanwhile) in intended.flat_map(|item| &mut Arc::make_mut(&mut item.intended).touched.groups)
        {
            // How long an unanswered membership is believed counts from here, not from the start of the run.
            if let GroupState::UnknownJoin(since) | GroupState::UnknownLeave(since) = meanwhile {
                *since = now;
            }
        }
        let request = self.store.next_request();
        let records = parcel.items.iter().map(|item| item.intended.clone()).collect();
        let intent = Intent { request, kind: IntentKind::Track, time: now, records };
        if self.committer.intend(intent).await.is_err() {
            self.give_up(&parcel.items);
            return leftover;
        }
        let mut delivery = self.braze.track(&mut parcel.batch, parcel.deadline).await;
        let sent = delivery.traffic.objects;
        let points: u64 = parcel.items.iter().map(|item| item.data_points).sum();
        // Sent again, objects cost again; which ones were is not told, so the average counts.
        self.account.data_points.add(points * sent / parcel.items.len() as u64);
        self.account.traffic(delivery.traffic);
        if let Some(stop) = delivery.stop.take() {
            self.stop_for(&stop);
        }
        let mut again = Parcel::default();
        let mut suspects = Vec::new();
        let mut exceptions = Vec::new();
        let mut books = Books::default();
        for (position, (item, fate)) in parcel.items.into_iter().zip(delivery.fates).enumerate() {
            // A release is nothing but groups: without them nothing of it is left.
            let releases = item.outcome == Outcome::Released;
            let retries = retry_groups && item.subscriptions.is_some() && !releases;
            let settled = match fate {
                Fate::Acknowledged => {
                    books.acknowledged(self, &item);
                    self.kinds.sent(&item.intended);
                    self.note_delivered(&item);
                    leftover.accepted.insert(item.key_hash);
                    self.finish(item.key_hash, item.outcome, item.more);
                    continue;
                }
                Fate::Refused(_) if retries => {
                    let groups = self.subscriptions_of(&item);
                    if let Some((item, object)) = self.strip(&item, parcel.batch.object(position)) {
                        suspects.push((item.key_hash, groups));
                        again.batch.push(&object);
                        again.items.push(item);
                    } else {
                        // Nothing but groups: they were at fault, and the user is as it was.
                        groups.into_iter().for_each(|group| self.group_refused(group));
                        self.finish(item.key_hash, Outcome::Unchanged, item.more);
                    }
                    Settled::Before
                }
                Fate::Refused(refusal) => self.refused(&item, refusal, &mut books),
                Fate::TooLarge => self.refused_as_too_large(&item, &mut books),
                Fate::Unknown => {
                    self.kinds.sent(&item.intended);
                    self.finish(item.key_hash, Outcome::Pending, item.more);
                    Settled::Unknown
                }
                Fate::NotSent => {
                    self.finish(item.key_hash, Outcome::Pending, item.more);
                    Settled::Before
                }
                Fate::Stale => {
                    match item.candidate {
                        Some(candidate) if !self.control.is_stopped() => {
                            candidate.found.take_back(&self.account);
                            leftover.stale.push(*candidate);
                        }
                        _ => self.finish(item.key_hash, Outcome::Pending, item.more),
                    }
                    Settled::Before
                }
            };
            exceptions.push((position, settled));
        }
        books.post(self);
        // A state that cannot be written has stopped the run already.
        let _ = self.committer.settle(Settlement { request, exceptions }).await;
        if !books.rejects.is_empty() {
            let _ = self.committer.reject(books.rejects, Vec::new()).await;
        }
        if !again.items.is_empty() {
            let accepted = Box::pin(self.deliver_once(again, false)).await.accepted;
            for (_, groups) in suspects.into_iter().filter(|(key, _)| accepted.contains(key)) {
                groups.into_iter().for_each(|group| self.group_refused(group));
            }
            leftover.accepted.extend(accepted);
        }
        leftover
    }

    fn note_delivered(&self, item: &Item) {
        let mut delivered = Self::lock(&self.delivered);
        if delivered.len() < SAMPLE {
            let key = String::from_utf8_lossy(&item.intended.after.key).into_owned();
            delivered.push((key, self.clock.monotonic()));
        }
    }

    /// Records that are not sent because the run was stopped: what they want is not acknowledged.
    pub fn give_up(&self, items: &[Item]) {
        for item in items {
            self.finish(item.key_hash, Outcome::Pending, item.more);
        }
    }

    fn refused(&self, item: &Item, refusal: Refusal, books: &mut Books) -> Settled {
        let settled = self.refused_record(item, refusal);
        self.report_refusal(&item.intended.after.key, item.key_hash, refusal, &mut books.rejects);
        settled
    }

    fn refused_record(&self, item: &Item, refusal: Refusal) -> Settled {
        let mut record = match &item.intended.before {
            Some(before) => (**before).clone(),
            None => Record::new(item.intended.after.key.clone(), Status::Refused),
        };
        record.refused = Some(refusal_mark(item.object_hash, refusal));
        record.absences = 0;
        self.finish(item.key_hash, Outcome::Failed, item.more);
        Settled::Instead(record, 0)
    }

    /// Alone in its request the object was still larger than Braze takes.
    fn refused_as_too_large(&self, item: &Item, books: &mut Books) -> Settled {
        let settled = self.refused_record(item, Refusal::ObjectRefused);
        let hint = "the values of one record together are larger than Braze takes; map fewer or shorter ones";
        self.account.error("ObjectTooLarge", "", hint, &Self::reference(item.key_hash));
        books.rejects.push(self.reject(&item.intended.after.key, "", "ObjectTooLarge"));
        settled
    }

    /// Notes a refused record in errors and rejects.
    pub fn report_refusal(&self, key: &[u8], key_hash: u64, refusal: Refusal, rejects: &mut Vec<Reject>) {
        let field = refusal.field().unwrap_or_default();
        self.account.error(refusal.code(), field, refusal.hint(), &Self::reference(key_hash));
        rejects.push(self.reject(key, field, refusal.code()));
    }

    /// Counts a value that cannot be sent; returns its row of the list of rejects.
    pub fn drop_value(&self, key: &[u8], key_hash: u64, attribute: usize, code: Code) -> Reject {
        let field = &self.program.shape.fields[attribute].name;
        self.account.attributes.dropped.one();
        self.account.error(code.code(), field, code.hint(), &Self::reference(key_hash));
        self.reject(key, field, code.code())
    }

    /// A row of the list of rejects.
    pub fn reject(&self, key: &[u8], field: &str, code: &str) -> Reject {
        Reject {
            key: String::from_utf8_lossy(key).into_owned(),
            field: field.to_owned(),
            code: code.to_owned(),
            run: self.serial,
            first_seen: self.now(),
        }
    }

    /// The time, as records keep it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The object without its subscription groups, and the record as it is then; `None` when nothing is left of it.
    fn strip(&self, item: &Item, object: &[u8]) -> Option<(Item, Vec<u8>)> {
        let groups = item.subscriptions.clone()?;
        let mut stripped = object.to_vec();
        stripped.drain(groups);
        let subscriptions = self.subscription_columns();
        let mut intended = (*item.intended).clone();
        for &(column, _) in &item.intended.touched.groups {
            if subscriptions.contains(&column) {
                let before = intended.before.as_ref().map(|b| b.group(column.into())).unwrap_or_default();
                intended.after.set_group(column.into(), before);
            }
        }
        intended.touched.groups.retain(|(column, _)| !subscriptions.contains(column));
        intended.fingerprint = 0;
        let known = intended.before.as_ref().is_some_and(|b| b.status == Status::Live);
        if known && intended.touched.attributes.is_empty() && intended.touched.groups.is_empty() {
            return None;
        }
        let item = Item {
            intended: Arc::new(intended),
            key_hash: item.key_hash,
            outcome: item.outcome,
            data_points: item.data_points,
            object_hash: item.object_hash,
            subscriptions: None,
            more: item.more,
            candidate: None,
        };
        Some((item, stripped))
    }

    fn subscription_columns(&self) -> HashSet<u16> {
        let rules = self.program.rules.groups.iter();
        rules
            .filter(|rule| matches!(rule.kind, GroupKind::Subscription { .. }))
            .map(|rule| rule.column)
            .collect()
    }

    /// Group rules of the subscription groups that an object writes.
    fn subscriptions_of(&self, item: &Item) -> Vec<usize> {
        let touched = &item.intended.touched.groups;
        let rules = self.program.rules.groups.iter().enumerate();
        rules
            .filter(|(_, rule)| matches!(rule.kind, GroupKind::Subscription { .. }))
            .filter(|(_, rule)| touched.iter().any(|(column, _)| *column == rule.column))
            .map(|(index, _)| index)
            .collect()
    }

    /// Counts a refusal of a subscription group; after many in a row it is left out for the rest of the run.
    pub fn group_refused(&self, group: usize) {
        self.account.memberships.refused.one();
        let name = &self.program.group_names[group];
        self.account.error("GroupRefused", name, "check the id of the subscription group in Braze", "");
        if let Some(count) = Self::lock(&self.group_faults).get_mut(group) {
            *count += 1;
        }
    }

    /// Whether a group was refused so often that it is left out.
    pub fn group_is_off(&self, group: usize) -> bool {
        Self::lock(&self.group_faults).get(group).is_some_and(|count| *count >= GROUP_REFUSALS)
    }

    /// Splits off objects that carry a group that is left out; they are sent without their groups.
    fn without_faulty_groups(&self, parcel: Parcel) -> (Parcel, Parcel) {
        let off: HashSet<u16> = (0..self.program.rules.groups.len())
            .filter(|&group| self.group_is_off(group))
            .map(|group| self.program.rules.groups[group].column)
            .collect();
        let mut stripped = Parcel::default();
        if off.is_empty() {
            return (parcel, stripped);
        }
        let mut whole = Parcel { deadline: parcel.deadline, ..Parcel::default() };
        for (position, item) in parcel.items.into_iter().enumerate() {
            let object = parcel.batch.object(position);
            let faulty = item.intended.touched.groups.iter().any(|(column, _)| off.contains(column));
            if !faulty {
                whole.batch.push(object);
                whole.items.push(item);
                continue;
            }
            self.account.memberships.refused.one();
            match self.strip(&item, object) {
                Some((item, object)) => {
                    stripped.batch.push(&object);
                    stripped.items.push(item);
                }
                None => self.finish(item.key_hash, Outcome::Unchanged, item.more),
            }
        }
        (whole, stripped)
    }

    /// Hands over changes that need no request.
    pub async fn note(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            // A state that cannot be written has stopped the run already.
            let _ = self.committer.change(changes).await;
        }
    }
}

/// What a parcel adds to the books.
#[derive(Default)]
pub(super) struct Books {
    sent: u64,
    cleared: u64,
    memberships: Memberships,
    /// By column.
    fields: Vec<FieldCount>,
    groups: HashMap<usize, (u64, u64)>,
    rejects: Vec<Reject>,
}

impl Books {
    pub(super) fn acknowledged(&mut self, course: &Course, item: &Item) {
        let IntendedRecord { after, touched, .. } = &*item.intended;
        for &column in &touched.attributes {
            let column = usize::from(column);
            if column >= self.fields.len() {
                self.fields.resize(column + 1, FieldCount::default());
            }
            let field = &mut self.fields[column];
            if matches!(after.attribute(column), crate::state::AttributeEntry::Hash(_)) {
                field.set += 1;
                self.sent += 1;
            } else {
                field.cleared += 1;
                self.cleared += 1;
            }
        }
        for (column, meanwhile) in &touched.groups {
            let joined = matches!(meanwhile, GroupState::UnknownJoin(_));
            let (joins, leaves) = if joined { (1, 0) } else { (0, 1) };
            self.memberships.joins += joins;
            self.memberships.leaves += leaves;
            let rules = &course.program.rules.groups;
            if let Some(index) = rules.iter().position(|rule| rule.column == *column) {
                let group = self.groups.entry(index).or_default();
                group.0 += joins;
                group.1 += leaves;
                if let Some(count) = Course::lock(&course.group_faults).get_mut(index)
                    && *count < GROUP_REFUSALS
                {
                    *count = 0;
                }
            }
        }
    }

    pub(super) fn post(&self, course: &Course) {
        let account = &course.account;
        account.attributes.sent.add(self.sent);
        account.attributes.cleared.add(self.cleared);
        self.memberships.add_to(&account.memberships);
        account.fields(&self.fields);
        for (&group, &(joined, left)) in &self.groups {
            account.group(group, 0, joined, left);
        }
    }
}
