//! Phase 3: leaves of subscription groups by records that stay in the collection, after all joins
//! (docs/semantics.md, "Channels and addresses").

use std::collections::{HashMap, HashSet};

use crate::braze::By;
use crate::state::{GroupState, Record, StateError};

use super::course::{Course, Leave};
use super::decide::{self, Answer, Decision, GroupKind};
use super::outcome::Outcome;
use super::parcel::{Composed, Parcel, Subject, compose};

/// Records that are asked about and sent together.
const CHUNK: usize = 50;

/// Addresses, by group rule, of members that stay: a leave of another record with the same address waits.
pub type Staying = HashSet<(usize, u64)>;

impl Course {
    /// Carries out the leaves that were found while reading, and counts the outcomes that waited for them.
    ///
    /// `proceed`: false after a read that failed: then the leaves stay pending.
    pub async fn leave_groups(&self, proceed: bool) -> Result<(), StateError> {
        let mut leaves: HashMap<u64, Leave> = HashMap::new();
        for leave in Self::lock(&self.leaves).drain(..) {
            // A record that was asked about twice stands here twice.
            leaves.entry(leave.key_hash).or_insert(leave);
        }
        let mut leaves: Vec<Leave> = leaves.into_values().collect();
        leaves.sort_by(|a, b| a.key.cmp(&b.key));
        let staying = if proceed { self.staying(&leaves)? } else { Staying::new() };
        for chunk in leaves.chunks(CHUNK.min(self.objects_per_request)) {
            if proceed && !self.control.is_stopped() {
                self.leave_chunk(chunk, &staying).await?;
            } else {
                chunk.iter().for_each(|leave| self.finish(leave.key_hash, Outcome::Pending, true));
            }
        }
        let unfinished = std::mem::take(&mut *Self::lock(&self.unfinished));
        unfinished.into_values().for_each(|outcome| self.account.counts.count(outcome));
        Ok(())
    }

    /// A record that leaves, as phase 2 left it: a plan wrote nothing down.
    fn remembered(&self, leave: &Leave) -> Result<Option<Record>, StateError> {
        let planned = self
            .planner
            .as_ref()
            .and_then(|planner| Self::lock(planner).leaving.get(&leave.key_hash).cloned());
        planned.map_or_else(|| self.store.get(&leave.key), |record| Ok(Some(record)))
    }

    /// Members with the address of a record that leaves, and who do not leave themselves.
    pub(super) fn staying(&self, leaves: &[Leave]) -> Result<Staying, StateError> {
        let mut asked: HashSet<(usize, u64)> = HashSet::new();
        let mut leaving: HashSet<(u64, usize)> = HashSet::new();
        for leave in leaves {
            let record = self.remembered(leave)?;
            for &group in &leave.groups {
                leaving.insert((leave.key_hash, group));
                let column = usize::from(self.program.rules.groups[group].column);
                if let Some(address) = record.as_ref().and_then(|r| r.group(column).address) {
                    asked.insert((group, address));
                }
            }
        }
        let mut staying = Staying::new();
        if asked.is_empty() {
            return Ok(staying);
        }
        self.store.all(&mut |record: Record| {
            let key_hash = self.program.hash_key.hash(&record.key);
            for (group, rule) in self.program.rules.groups.iter().enumerate() {
                let entry = record.group(rule.column.into());
                let Some(address) = entry.address.filter(|_| entry.state == GroupState::In) else { continue };
                if asked.contains(&(group, address)) && !leaving.contains(&(key_hash, group)) {
                    staying.insert((group, address));
                }
            }
            true
        })?;
        Ok(staying)
    }

    /// Whether a member with the same address stays.
    pub(super) fn is_shared(&self, record: &Record, group: usize, staying: &Staying) -> bool {
        let address = record.group(self.program.rules.groups[group].column.into()).address;
        address.is_some_and(|address| staying.contains(&(group, address)))
    }

    async fn leave_chunk(&self, chunk: &[Leave], staying: &Staying) -> Result<(), StateError> {
        let mut records = Vec::with_capacity(chunk.len());
        for leave in chunk {
            records.push(self.remembered(leave)?);
        }
        let wanted: Vec<(&Leave, &Record)> = chunk
            .iter()
            .zip(&records)
            .filter_map(|(leave, record)| Some((leave, record.as_ref()?)))
            .collect();
        let lists: Vec<(Vec<u8>, Vec<usize>)> =
            wanted.iter().map(|(leave, _)| (leave.key.clone(), leave.groups.clone())).collect();
        let befores: Vec<&Record> = wanted.iter().map(|(_, record)| *record).collect();
        let answers = self.answers_for_leaves(&lists, &befores).await;
        let mut parcel = Parcel::default();
        let mut changes = Vec::new();
        let mut object = Vec::new();
        for ((leave, before), answers) in wanted.into_iter().zip(answers) {
            let mut decision = Decision { after: before.clone(), ..Decision::default() };
            for &group in &leave.groups {
                let shared = self.is_shared(before, group, staying);
                decide::leave(&self.program.rules, group, answers[group], shared, &mut decision);
            }
            decision.memberships.add_to(&self.account.memberships);
            decision.unsettled = true;
            object.clear();
            let before = Some(Box::new(before.clone()));
            let subject = Subject { key: &leave.key, key_hash: leave.key_hash, fingerprint: 0, before };
            let no_value = |_| super::object::Value { json: b"", data_points: 0 };
            match compose(&self.program, subject, decision, no_value, (true, true), &mut object) {
                Composed::Send(mut item) => {
                    item.more = true;
                    parcel.batch.push(&object);
                    parcel.items.push(*item);
                }
                Composed::Note(change, outcome) => {
                    changes.push(change);
                    self.finish(leave.key_hash, outcome, true);
                }
                Composed::Nothing(outcome) => self.finish(leave.key_hash, outcome, true),
                Composed::RefusedBefore(_) | Composed::TooLarge => {
                    self.finish(leave.key_hash, Outcome::Pending, true);
                }
            }
        }
        self.note(changes).await;
        self.deliver(parcel).await;
        Ok(())
    }

    /// What Braze says of these records' groups before they are left: asked by `external_id`.
    pub async fn answers_for_leaves(
        &self,
        leaves: &[(Vec<u8>, Vec<usize>)],
        before: &[&Record],
    ) -> Vec<Vec<Option<Answer>>> {
        let rules = &self.program.rules;
        let mut answers = vec![vec![None; rules.groups.len()]; leaves.len()];
        for (group, rule) in rules.groups.iter().enumerate() {
            if !matches!(rule.kind, GroupKind::Subscription { .. }) {
                continue;
            }
            let asked: Vec<usize> = (0..leaves.len())
                .filter(|&at| leaves[at].1.contains(&group))
                .filter(|&at| decide::leave_needs_read(rules, group, before[at]))
                .collect();
            let names: Vec<String> =
                asked.iter().map(|&at| String::from_utf8_lossy(&leaves[at].0).into_owned()).collect();
            let states = if self.asks_nothing() {
                // As if nobody had opted out.
                vec![Answer::Subscribed; names.len()]
            } else if self.group_is_off(group) {
                vec![Answer::Missing; names.len()]
            } else {
                self.read_states(group, By::ExternalId, &names).await
            };
            for (at, state) in asked.into_iter().zip(states) {
                answers[at][group] = Some(state);
            }
        }
        answers
    }
}
