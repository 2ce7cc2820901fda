//! Phase 4: removals. Releases first, deletes last, with nothing else in flight (docs/semantics.md, "Phases of a
//! run", "Subscription groups", "Deletion guard").

use std::collections::HashMap;
use std::sync::Arc;

use crate::braze::{Braze, BrazeError, Fate, Refusal, Traffic};
use crate::state::{
    Change, GroupState, IntendedRecord, Intent, IntentKind, OptOut, Person, Record, Settled, Settlement,
    StateError, Touched,
};

use super::course::{Course, Leave};
use super::decide::{self, Answer, Decision, GroupKind};
use super::keys::KeyList;
use super::leave::Staying;
use super::object::{GroupField, Value};
use super::outcome::Outcome;
use super::parcel::{Composed, Parcel, Subject, compose};
use super::reason::{Reason, Stop};

/// Ids in one delete, and records in one question.
const CHUNK: usize = 50;

impl Course {
    /// Releases these records: our groups are cleared, the users stay.
    pub async fn release_all(&self, keys: &KeyList) -> Result<(), StateError> {
        let staying = self.staying(&self.leaves_of(keys)?)?;
        for chunk in &mut keys.chunks(CHUNK.min(self.objects_per_request)) {
            if self.is_unwanted() {
                self.account.counts.pending.add(chunk.len() as u64);
                continue;
            }
            self.release_chunk(&chunk, &staying).await?;
        }
        Ok(())
    }

    /// Leaves of subscription groups that releases of these records are.
    fn leaves_of(&self, keys: &KeyList) -> Result<Vec<Leave>, StateError> {
        let rules = &self.program.rules;
        if !rules.groups.iter().any(|rule| matches!(rule.kind, GroupKind::Subscription { .. })) {
            return Ok(Vec::new());
        }
        let mut leaves = Vec::new();
        for key in keys.iter() {
            let Some(record) = self.store.get(key)? else { continue };
            let groups = decide::release(rules, &record).leaves;
            if !groups.is_empty() {
                leaves.push(Leave { key: key.to_vec(), key_hash: self.program.hash_key.hash(key), groups });
            }
        }
        Ok(leaves)
    }

    async fn release_chunk(&self, keys: &[Vec<u8>], staying: &Staying) -> Result<(), StateError> {
        let rules = &self.program.rules;
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            match self.store.get(key)? {
                Some(record) => records.push(record),
                None => self.account.counts.count(Outcome::Released),
            }
        }
        let decisions: Vec<Decision> = records.iter().map(|record| decide::release(rules, record)).collect();
        let leaves: Vec<(Vec<u8>, Vec<usize>)> = records
            .iter()
            .zip(&decisions)
            .map(|(record, decision)| (record.key.clone(), decision.leaves.clone()))
            .collect();
        let answers = self.answers_for_leaves(&leaves, &records.iter().collect::<Vec<_>>()).await;
        let (mut parcel, mut changes, mut object) = (Parcel::default(), Vec::new(), Vec::new());
        for ((record, mut decision), answers) in records.into_iter().zip(decisions).zip(answers) {
            let mut waiting = Vec::new();
            for group in std::mem::take(&mut decision.leaves) {
                waiting.extend((answers[group] == Some(Answer::Missing)).then_some(group));
                let shared = self.is_shared(&record, group, staying);
                decide::leave(rules, group, answers[group], shared, &mut decision);
            }
            decision.memberships.add_to(&self.account.memberships);
            if !waiting.is_empty() {
                self.wait_for_states(&waiting);
                continue;
            }
            object.clear();
            let key = record.key.clone();
            let key_hash = self.program.hash_key.hash(&key);
            let before = Some(Box::new(record));
            let subject = Subject { key: &key, key_hash, fingerprint: 0, before };
            let no_value = |_| Value { json: b"", data_points: 0 };
            let how = (self.asked.retry, true);
            match compose(&self.program, subject, decision, no_value, how, &mut object) {
                Composed::Send(item) => {
                    parcel.batch.push(&object);
                    parcel.items.push(*item);
                }
                Composed::Note(change, outcome) => {
                    changes.push(change);
                    self.account.counts.count(outcome);
                }
                Composed::Nothing(outcome) => self.account.counts.count(outcome),
                Composed::RefusedBefore(refusal) => {
                    let mut rejects = Vec::new();
                    self.report_refusal(&key, key_hash, refusal, &mut rejects);
                    let _ = self.committer.reject(rejects, Vec::new()).await;
                    self.account.counts.count(Outcome::Failed);
                }
                Composed::TooLarge => self.account.counts.count(Outcome::Pending),
            }
        }
        self.note(changes).await;
        self.deliver(parcel).await;
        Ok(())
    }

    /// Deletes these users.
    pub async fn delete_all(&self, keys: &KeyList) -> Result<(), StateError> {
        for chunk in &mut keys.chunks(CHUNK) {
            if self.is_unwanted() {
                self.account.counts.pending.add(chunk.len() as u64);
                continue;
            }
            self.delete_chunk(&chunk).await?;
        }
        Ok(())
    }

    async fn delete_chunk(&self, keys: &[Vec<u8>]) -> Result<(), StateError> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            match self.store.get(key)? {
                Some(record) => records.push(record),
                None => self.account.counts.count(Outcome::Deleted),
            }
        }
        let records = self.keep_opt_outs(records).await?;
        if records.is_empty() {
            return Ok(());
        }
        if self.control.is_stopped() {
            self.account.counts.pending.add(records.len() as u64);
            return Ok(());
        }
        let now = self.now();
        let hashes: Vec<u64> = records.iter().map(|record| self.app.hash_key().hash(&record.key)).collect();
        self.app.note_deletes(&hashes, now)?;
        let request = self.store.next_request();
        let intended = records.iter().map(|record| {
            Arc::new(IntendedRecord {
                after: Record::new(record.key.clone(), record.status),
                before: Some(Box::new(record.clone())),
                touched: Touched { deletes: Some(record.delete_sent.unwrap_or(now)), ..Touched::default() },
                fingerprint: 0,
            })
        });
        let intent = Intent { request, kind: IntentKind::Delete, time: now, records: intended.collect() };
        if self.committer.intend(intent).await.is_err() {
            self.account.counts.pending.add(records.len() as u64);
            return Ok(());
        }
        if self.is_unwanted() {
            // Stopped while the intent became durable: nothing of it goes out.
            let exceptions = (0..records.len()).map(|position| (position, Settled::Before)).collect();
            let _ = self.committer.settle(Settlement { request, exceptions }).await;
            self.account.counts.pending.add(records.len() as u64);
            return Ok(());
        }
        let mut delivery = self.braze.delete(&ids_of(&records)).await;
        self.account.traffic(delivery.traffic);
        if let Some(stop) = delivery.stop.take() {
            self.delete_stopped(&stop);
        }
        let mut exceptions = Vec::new();
        let mut rejects = Vec::new();
        for (position, (record, fate)) in records.iter().zip(delivery.fates).enumerate() {
            let (outcome, settled) = match fate {
                Fate::Acknowledged => {
                    self.account.counts.count(Outcome::Deleted);
                    continue;
                }
                Fate::Refused(refusal) => {
                    let key_hash = self.program.hash_key.hash(&record.key);
                    self.report_refusal(&record.key, key_hash, refusal, &mut rejects);
                    (Outcome::Failed, Settled::Before)
                }
                Fate::TooLarge => {
                    let key_hash = self.program.hash_key.hash(&record.key);
                    self.report_refusal(&record.key, key_hash, Refusal::ObjectRefused, &mut rejects);
                    (Outcome::Failed, Settled::Before)
                }
                Fate::Unknown => (Outcome::Pending, Settled::Unknown),
                Fate::NotSent | Fate::Stale => (Outcome::Pending, Settled::Before),
            };
            self.account.counts.count(outcome);
            exceptions.push((position, settled));
        }
        let _ = self.committer.settle(Settlement { request, exceptions }).await;
        if !rejects.is_empty() {
            let _ = self.committer.reject(rejects, Vec::new()).await;
        }
        Ok(())
    }

    fn delete_stopped(&self, stop: &BrazeError) {
        if matches!(stop, BrazeError::PermissionMissing { .. }) {
            self.control.stop(Stop::new(
                Reason::PermissionMissing,
                "the key may not delete users, so all was delivered but the removals; grant users.delete (with a \
                 new key), or use syncMode Additive",
            ));
        } else {
            self.stop_for(stop);
        }
    }

    /// Opt-outs outlive the user: each mapped group is read first, and those who opted out go to the app's ledger.
    /// Returns the records that may be deleted; the others are pending.
    async fn keep_opt_outs(&self, records: Vec<Record>) -> Result<Vec<Record>, StateError> {
        let rules = &self.program.rules;
        // Under Always nobody's opt-out counts, and nothing is asked.
        let subscription =
            |rule: &decide::GroupRule| matches!(rule.kind, GroupKind::Subscription { always: false, .. });
        if !rules.groups.iter().any(subscription) {
            return Ok(records);
        }
        let asked: Vec<(Vec<u8>, Vec<usize>)> = records
            .iter()
            .map(|record| {
                let groups = rules.groups.iter().enumerate().filter(|(_, rule)| {
                    let state = record.group(rule.column.into()).state;
                    subscription(rule) && !matches!(state, GroupState::Out | GroupState::OptedOut)
                });
                (record.key.clone(), groups.map(|(group, _)| group).collect())
            })
            .collect();
        let mut answers: HashMap<(usize, usize), Answer> = HashMap::new();
        for group in 0..rules.groups.len() {
            let positions: Vec<usize> = (0..asked.len()).filter(|&at| asked[at].1.contains(&group)).collect();
            let names: Vec<String> =
                positions.iter().map(|&at| String::from_utf8_lossy(&asked[at].0).into_owned()).collect();
            let states = self.read_states(group, crate::braze::By::ExternalId, &names).await;
            answers.extend(positions.into_iter().zip(states).map(|(at, state)| ((at, group), state)));
        }
        let mut free = Vec::new();
        let mut marks = Vec::new();
        for (at, record) in records.into_iter().enumerate() {
            let untold = |group: &usize| answers[&(at, *group)] == Answer::Missing;
            let waiting: Vec<usize> = asked[at].1.iter().copied().filter(untold).collect();
            if !waiting.is_empty() {
                self.wait_for_states(&waiting);
                continue;
            }
            for (group, rule) in rules.groups.iter().enumerate().filter(|(_, rule)| subscription(rule)) {
                let entry = record.group(rule.column.into());
                let opted_out = entry.state == GroupState::OptedOut
                    || answers.get(&(at, group)) == Some(&Answer::Unsubscribed);
                if let (true, GroupField::Subscription(id)) = (opted_out, &self.program.shape.groups[group]) {
                    let key = self.app.hash_key().hash(&record.key);
                    marks.push(OptOut { group: id.clone(), person: Person::Key(key) });
                    if let Some(address) = entry.address.or(self.address_of(&record, group)) {
                        marks.push(OptOut { group: id.clone(), person: Person::Address(address) });
                    }
                }
            }
            free.push(record);
        }
        if !marks.is_empty() && self.planner.is_none() {
            self.app.note_opt_outs(&marks)?;
        }
        Ok(free)
    }

    /// A removal without an answer about these groups: the record stays as it is, and the next run asks again.
    fn wait_for_states(&self, groups: &[usize]) {
        let untold = Self::lock(&self.untold_groups);
        if groups.iter().any(|group| untold.contains_key(group)) {
            self.account.untold_removals.one();
        }
        self.account.counts.count(Outcome::Pending);
    }

    /// Keyed hash of the address that a group's state hangs on.
    fn address_of(&self, record: &Record, group: usize) -> Option<u64> {
        match self.program.rules.groups[group].kind {
            GroupKind::Subscription { address: decide::Role::Phone, .. } => record.phone,
            GroupKind::Subscription { .. } => record.email,
            GroupKind::Element => None,
        }
    }

    /// Counts removals that are kept back, and notes since when.
    pub async fn hold(&self, keys: &KeyList, mark: bool) -> Result<(), StateError> {
        let mut changes = Vec::new();
        for key in keys.iter() {
            self.account.counts.count(Outcome::Held);
            if let (true, Some(mut record)) = (mark, self.store.get(key)?)
                && record.held_since.is_none()
            {
                record.held_since = Some(self.serial);
                changes.push(Change::Put(record, 0));
            }
        }
        self.note(changes).await;
        Ok(())
    }

    /// Mode Plan: what deletes would be. With a look-up those that would wait for a state wait here too.
    pub async fn plan_deletes(&self, keys: &KeyList) -> Result<(), StateError> {
        for chunk in &mut keys.chunks(CHUNK) {
            if self.control.is_stopped() {
                self.account.counts.pending.add(chunk.len() as u64);
                continue;
            }
            let mut records = Vec::with_capacity(chunk.len());
            for key in &chunk {
                match self.store.get(key)? {
                    Some(record) => records.push(record),
                    None => self.account.counts.count(Outcome::Deleted),
                }
            }
            if !self.asks_nothing() {
                records = self.keep_opt_outs(records).await?;
            }
            if records.is_empty() {
                continue;
            }
            for record in &records {
                self.account.counts.count(Outcome::Deleted);
                if let Some(planner) = &self.planner {
                    Self::lock(planner).sample(&record.key, "delete", None);
                }
            }
            let (objects, bytes) = (records.len() as u64, Braze::delete_bytes(&ids_of(&records)));
            self.account.traffic(Traffic { requests: 1, delete: 1, objects, bytes, ..Traffic::default() });
        }
        Ok(())
    }
}

fn ids_of(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| std::str::from_utf8(&record.key).expect("a canonical key is text")).collect()
}
