//! What one record gets: the tables of docs/semantics.md, "The life of a record" and "Groups". Pure.
//!
//! [`decide`] compares what is remembered of a record with what its row wants; [`release`] says what a record
//! gets that left; [`leave`] decides one subscription leave. Nothing here knows JSON, requests, or answers of
//! Braze other than subscription states.

mod attributes;
mod elements;
mod release;
mod subscriptions;
#[cfg(test)]
mod tests;
mod types;

use jiff::{SignedDuration, Timestamp};

use crate::state::{AttributeEntry, GroupEntry, GroupState, Record, Status, Touched};

use super::outcome::Memberships;

pub use release::{release, release_is_destructive};
pub use subscriptions::{leave, leave_needs_read};
pub use types::{
    Address, Answer, AttributeRule, AttributeWrite, GroupKind, GroupRule, GroupWrite, Membership, Role, Row,
    Rules, Wanted,
};

/// How long attribute hashes of a released record are believed.
const RELEASED_MEMORY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What a record gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Values to send.
    pub attributes: Vec<AttributeWrite>,
    /// Memberships to send.
    pub groups: Vec<GroupWrite>,
    /// Groups, by the index of their rule, whose state at Braze must be read before this can be decided.
    pub reads: Vec<usize>,
    /// Groups, by the index of their rule, that the record leaves after all joins (phase 3).
    pub leaves: Vec<usize>,
    /// The record when all that is sent is acknowledged.
    pub after: Record,
    /// What is open until then.
    pub touched: Touched,
    /// Memberships found; those written count when they are acknowledged.
    pub memberships: Memberships,
    /// Opt-ins held back.
    pub held_consent: u64,
    /// Nested targets, by the index of their rule, whose value stays although null is wanted.
    pub kept_nulls: Vec<usize>,
    /// Whether the next run has to look at the record even if its row does not change.
    pub unsettled: bool,
}

impl Decision {
    /// Whether an object has to be sent.
    pub fn sends(&self) -> bool {
        !self.attributes.is_empty() || !self.groups.is_empty()
    }
}

/// What a wanted record gets. `answers`: one a group rule, `None` where nothing was read yet.
pub fn decide(rules: &Rules, before: Option<&Record>, row: &Row<'_>, answers: &[Option<Answer>]) -> Decision {
    let remembered = remembered(before, row.key, rules.now);
    let mut after = remembered.clone();
    after.status = Status::Live;
    (after.absences, after.held_since, after.refused) = (0, None, None);
    (after.delete_sent, after.released) = (None, None);
    let mut decision = Decision { after, ..Decision::default() };
    if before.is_none() {
        // Nearly every value of a new record is sent: room for them is made once.
        let values = rules.attributes.len();
        decision.after.attributes.reserve(values);
        decision.attributes.reserve(values);
        decision.touched.attributes.reserve(values);
    }
    if rules.adopt {
        adopt(rules, row, &mut decision);
        return decision;
    }
    attributes::decide(rules, row, &remembered, &mut decision);
    elements::decide(rules, row, &remembered, &mut decision);
    let known = before
        .is_some_and(|b| matches!(b.status, Status::Live | Status::Released) && b.delete_sent.is_none());
    subscriptions::decide(rules, row, (&remembered, known), answers, &mut decision);
    decision
}

/// The record as decisions see it: what an unanswered delete, a refusal or an absence leaves of it.
fn remembered(before: Option<&Record>, key: &[u8], now: Timestamp) -> Record {
    let Some(before) = before else { return Record::new(key, Status::Live) };
    let mut record = before.clone();
    match before.status {
        Status::Refused | Status::Absent => {
            record.attributes.clear();
            (record.email, record.phone) = (None, None);
            for entry in &mut record.groups {
                if entry.state != GroupState::OptedOut {
                    *entry = GroupEntry::default();
                }
            }
        }
        Status::Released if before.released.is_some_and(|at| now.duration_since(at) > RELEASED_MEMORY) => {
            record.attributes.clear();
        }
        _ => {}
    }
    if let Some(at) = before.delete_sent {
        doubt(&mut record, at);
    }
    record
}

/// The user may be gone, or may still be there with all that we sent: everything is unknown.
fn doubt(record: &mut Record, since: Timestamp) {
    for entry in &mut record.attributes {
        if !matches!(entry, AttributeEntry::Never | AttributeEntry::Held(_)) {
            *entry = AttributeEntry::Unknown;
        }
    }
    (record.email, record.phone) = (None, None);
    for entry in &mut record.groups {
        entry.state = match entry.state {
            GroupState::In => GroupState::UnknownJoin(since),
            GroupState::Out => GroupState::UnknownLeave(since),
            other => other,
        };
    }
}

/// Everything wanted is taken as delivered; what is not known stays as it is.
fn adopt(rules: &Rules, row: &Row<'_>, out: &mut Decision) {
    for (rule, wanted) in rules.attributes.iter().zip(row.attributes) {
        match *wanted {
            Wanted::Value { hash, .. } => {
                out.after.set_attribute(rule.column.into(), AttributeEntry::Hash(hash));
                attributes::note_address(rule, row, out);
            }
            Wanted::Null => {
                out.after.set_attribute(rule.column.into(), AttributeEntry::Null);
                attributes::forget_address(rule, out);
            }
            Wanted::Dropped => {}
        }
    }
    for (rule, member) in rules.groups.iter().zip(row.memberships) {
        let column = usize::from(rule.column);
        let state = match member {
            Membership::Member => GroupState::In,
            Membership::NotMember => GroupState::None,
            Membership::Unknown => continue,
        };
        let address = match (rule.kind, state) {
            (GroupKind::Subscription { address, .. }, GroupState::In) => row.address(address).known(),
            _ => None,
        };
        if out.after.group(column).state != GroupState::OptedOut {
            out.after.set_group(column, GroupEntry { state, address });
        }
    }
}
