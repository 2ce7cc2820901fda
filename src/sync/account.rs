//! The books of a run: counts that all its threads write into, and the report made of them at the end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::braze::Traffic;

use super::outcome::{Counter, LiveAttributes, LiveCounts, LiveMemberships, Skip};

/// References to records that a report shows for each error.
const REFS: usize = 3;

/// The books, shared by the threads of a run.
#[derive(Debug, Default)]
pub struct Account {
    /// Records.
    pub counts: LiveCounts,
    /// Values.
    pub attributes: LiveAttributes,
    /// Memberships.
    pub memberships: LiveMemberships,
    /// Data points by Braze's rules, of all that was sent.
    pub data_points: Counter,
    /// Bytes read from the source.
    pub bytes_read: Counter,
    /// Removals that wait because Braze refused to tell the state of a subscription group.
    pub untold_removals: Counter,
    traffic: Mutex<Traffic>,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    skipped: HashMap<Skip, u64>,
    errors: HashMap<(&'static str, String), Trouble>,
    fields: HashMap<u16, FieldCount>,
    groups: Vec<GroupCount>,
    warnings: Vec<Warning>,
}

/// An error code with where it was met.
#[derive(Clone, Debug, Default)]
struct Trouble {
    count: u64,
    hint: &'static str,
    refs: Vec<String>,
}

/// Values of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldCount {
    /// Users whose field was set.
    pub set: u64,
    /// Users whose field was removed.
    pub cleared: u64,
}

/// One mapped group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCount {
    /// Name of the group.
    pub name: String,
    /// Members at the end of the run, among the rows read.
    pub members: u64,
    /// Memberships begun.
    pub joined: u64,
    /// Memberships ended.
    pub left: u64,
}

/// Advice that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable code.
    pub code: String,
    /// Field or mapping concerned, if one is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// How many records or values are concerned; 0 where it is not about records.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: u64,
    /// A sentence that says what it means and what to do.
    pub message: String,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The most frequent errors of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// Stable code.
    pub code: String,
    /// Property, target or group concerned.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// Records concerned.
    pub count: u64,
    /// What to do about it.
    pub hint: String,
    /// Up to three references that `grouparoo rejects --ref` resolves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<String>,
}

impl Account {
    /// Opens the books of these mapped groups.
    pub fn name_groups(&self, groups: impl Iterator<Item = String>) {
        self.tables().groups = groups.map(|name| GroupCount { name, ..GroupCount::default() }).collect();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts skipped records.
    pub fn skip(&self, why: Skip, n: u64) {
        if n > 0 {
            self.counts.skipped.add(n);
            *self.tables().skipped.entry(why).or_default() += n;
        }
    }

    /// Notes an error of one record; `reference` stands for its key.
    pub fn error(&self, code: &'static str, field: &str, hint: &'static str, reference: &str) {
        let mut tables = self.tables();
        let trouble = tables.errors.entry((code, field.to_owned())).or_default();
        trouble.count += 1;
        trouble.hint = hint;
        if trouble.refs.len() < REFS && !reference.is_empty() {
            trouble.refs.push(reference.to_owned());
        }
    }

    /// How many errors of a code were counted so far.
    pub fn errors_of(&self, code: &str) -> u64 {
        let tables = self.tables();
        tables.errors.iter().filter(|((one, _), _)| *one == code).map(|(_, trouble)| trouble.count).sum()
    }

    /// Notes what a call cost.
    pub fn traffic(&self, traffic: Traffic) {
        *self.traffic.lock().unwrap_or_else(PoisonError::into_inner) += traffic;
    }

    /// What all calls cost so far.
    pub fn traffic_so_far(&self) -> Traffic {
        *self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the counts of targets, by column.
    pub fn fields(&self, counts: &[FieldCount]) {
        let mut tables = self.tables();
        for (column, count) in (0..).zip(counts).filter(|(_, count)| count.set + count.cleared > 0) {
            let field = tables.fields.entry(column).or_default();
            field.set += count.set;
            field.cleared += count.cleared;
        }
    }

    /// Adds to the counts of a mapped group, by its index.
    pub fn group(&self, index: usize, members: u64, joined: u64, left: u64) {
        if let Some(group) = self.tables().groups.get_mut(index) {
            group.members += members;
            group.joined += joined;
            group.left += left;
        }
    }

    /// Notes a warning; the same code and field add up.
    pub fn warn(&self, code: &str, field: &str, count: u64, message: impl Into<String>) {
        let mut tables = self.tables();
        if let Some(known) = tables.warnings.iter_mut().find(|w| w.code == code && w.field == field) {
            known.count += count;
            return;
        }
        let (code, field, message) = (code.to_owned(), field.to_owned(), message.into());
        tables.warnings.push(Warning { code, field, count, message });
    }

    /// Warnings so far, in the order in which they came.
    pub fn warnings(&self) -> Vec<Warning> {
        self.tables().warnings.clone()
    }

    /// Why records were skipped, most frequent first.
    pub fn skipped_by(&self) -> Vec<(Skip, u64)> {
        let mut skipped: Vec<_> = self.tables().skipped.iter().map(|(&why, &n)| (why, n)).collect();
        skipped.sort_by_key(|&(why, n)| (std::cmp::Reverse(n), why.code()));
        skipped
    }

    /// The most frequent errors, at most `most` of them.
    pub fn errors(&self, most: usize) -> Vec<ErrorCount> {
        let mut errors: Vec<ErrorCount> = self
            .tables()
            .errors
            .iter()
            .map(|((code, field), trouble)| ErrorCount {
                code: (*code).to_owned(),
                field: field.clone(),
                count: trouble.count,
                hint: trouble.hint.to_owned(),
                refs: trouble.refs.clone(),
            })
            .collect();
        errors.sort_by(|a, b| (b.count, &a.code, &a.field).cmp(&(a.count, &b.code, &b.field)));
        errors.truncate(most);
        errors
    }

    /// Counts of mapped groups.
    pub fn groups(&self) -> Vec<GroupCount> {
        self.tables().groups.clone()
    }

    /// Counts of targets by column, those that changed most first.
    pub fn changed_fields(&self) -> Vec<(u16, FieldCount)> {
        let mut fields: Vec<_> =
            self.tables().fields.iter().map(|(&column, &count)| (column, count)).collect();
        fields.sort_by_key(|(column, count)| (std::cmp::Reverse(count.set + count.cleared), *column));
        fields
    }
}
