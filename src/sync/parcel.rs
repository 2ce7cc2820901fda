//! What travels from comparison to delivery: composed objects, and records that Braze must be asked about first.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::braze::{Refusal, TrackBatch};
use crate::state::{Change, IntendedRecord, Record, Status};

use super::account::Account;
use super::decide::{Address, Decision, Membership, Row, Wanted};
use super::evaluate::NEVER_EQUAL;
use super::kinds::Met;
use super::object::{self, Value};
use super::outcome::{Memberships, Outcome};
use super::program::Program;

/// Largest object that Braze takes, with room for the envelope of its request.
const MAX_OBJECT_BYTES: usize = 999_900;

/// A request's worth of objects.
#[derive(Default)]
pub struct Parcel {
    /// The objects.
    pub batch: TrackBatch,
    /// One an object.
    pub items: Vec<Item>,
    /// Time of the clock after which it may not be sent: what was read about its people is too old then.
    pub deadline: Option<Duration>,
}

/// One object of a request and what it means.
pub struct Item {
    /// The record before, after and meanwhile.
    pub intended: Arc<IntendedRecord>,
    /// Hash of the key.
    pub key_hash: u64,
    /// The record's outcome when the object is acknowledged.
    pub outcome: Outcome,
    /// Data points by Braze's rules.
    pub data_points: u64,
    /// Hash of the object, so that it is not sent again once Braze refused it.
    pub object_hash: u64,
    /// Where its subscription groups stand.
    pub subscriptions: Option<Range<usize>>,
    /// The record has leaves to come in phase 3: its outcome is not final.
    pub more: bool,
    /// What it was decided from, to decide again when what was read is too old.
    pub candidate: Option<Box<Candidate>>,
}

/// A record that cannot be decided before Braze is asked: it owns what its row wants.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Canonical key.
    pub key: Vec<u8>,
    /// Hash of the key.
    pub key_hash: u64,
    /// Fingerprint of all that is wanted.
    pub fingerprint: u64,
    /// What is remembered.
    pub before: Option<Box<Record>>,
    /// One an attribute rule.
    pub wanted: Vec<Wanted>,
    /// One a group rule.
    pub memberships: Vec<Membership>,
    /// The e-mail address.
    pub email: Address,
    /// The phone number.
    pub phone: Address,
    /// JSON of the values, one after the other.
    pub json: Vec<u8>,
    /// Where each value's JSON stands, and its data points; one an attribute rule.
    pub values: Vec<ValueSpan>,
    /// Kinds of its values that are not settled.
    pub kinds: Vec<Met>,
    /// Whether the user's existence must be looked up first.
    pub look_up: bool,
    /// What its decision found and counted; taken back when it is decided again.
    pub found: Found,
}

/// What a decision finds besides what it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Memberships that need nothing, or wait.
    pub memberships: Memberships,
    /// Opt-ins that were held back.
    pub held_consent: u64,
}

impl Found {
    /// What this decision finds.
    pub fn by(decision: &Decision) -> Self {
        Self { memberships: decision.memberships, held_consent: decision.held_consent }
    }

    /// Adds it to the books.
    pub fn count(&self, account: &Account) {
        self.memberships.add_to(&account.memberships);
        account.attributes.held_consent.add(self.held_consent);
    }

    /// Takes it out of the books.
    pub fn take_back(&self, account: &Account) {
        self.memberships.take_from(&account.memberships);
        account.attributes.held_consent.take(self.held_consent);
    }
}

/// A value's JSON in a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueSpan {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// Data points by Braze's rules.
    pub data_points: u32,
}

impl Candidate {
    /// The row as decisions see it.
    pub fn row(&self) -> Row<'_> {
        Row {
            key: &self.key,
            attributes: &self.wanted,
            memberships: &self.memberships,
            email: self.email,
            phone: self.phone,
        }
    }

    /// The value of an attribute rule.
    pub fn value(&self, index: usize) -> Value<'_> {
        let span = self.values[index];
        Value { json: &self.json[span.start as usize..span.end as usize], data_points: span.data_points }
    }
}

/// A decided record, with what is needed to compose its object.
pub struct Subject<'a> {
    /// Canonical key.
    pub key: &'a [u8],
    /// Hash of the key.
    pub key_hash: u64,
    /// Fingerprint of all that is wanted; 0: the next run must look again.
    pub fingerprint: u64,
    /// What is remembered.
    pub before: Option<Box<Record>>,
}

/// What a decision comes to.
#[expect(clippy::large_enum_variant, reason = "taken apart at once, one at a time")]
pub enum Composed {
    /// An object to send: appended to the buffer.
    Send(Box<Item>),
    /// Nothing to send; the state changes.
    Note(Change, Outcome),
    /// Nothing to send, nothing to note.
    Nothing(Outcome),
    /// Braze refused this very object before.
    RefusedBefore(Refusal),
    /// The object is larger than Braze takes.
    TooLarge,
}

/// Makes an object, or a change without one, of a decision.
///
/// `retry`: an object that was refused before is sent again. `update_only`: it never creates a user.
pub fn compose<'v>(
    program: &Program,
    subject: Subject<'_>,
    decision: Decision,
    value: impl Fn(usize) -> Value<'v>,
    (retry, update_only): (bool, bool),
    out: &mut Vec<u8>,
) -> Composed {
    let Subject { key, key_hash, fingerprint, before } = subject;
    let fingerprint = if decision.unsettled || fingerprint == NEVER_EQUAL { 0 } else { fingerprint };
    let more = !decision.leaves.is_empty();
    // A user that may have been deleted is delivered anew.
    let was_live = before.as_ref().is_some_and(|b| b.status == Status::Live && b.delete_sent.is_none());
    if !decision.sends() {
        let outcome = match decision.after.status {
            Status::Released => Outcome::Released,
            _ if was_live => Outcome::Unchanged,
            _ => Outcome::Added,
        };
        let same = before.as_ref().is_some_and(|b| **b == decision.after);
        return if same && fingerprint == 0 {
            Composed::Nothing(outcome)
        } else {
            Composed::Note(Change::Put(decision.after, fingerprint), outcome)
        };
    }
    let start = out.len();
    let written = object::write(&program.shape, &program.schema, key, &decision, value, update_only, out);
    let object = &out[start..];
    if object.len() > MAX_OBJECT_BYTES {
        out.truncate(start);
        return Composed::TooLarge;
    }
    let object_hash = program.object_hash(object);
    if let Some(refusal) = before.as_ref().and_then(|b| b.refused).filter(|_| !retry).and_then(|mark| {
        let (hash, refusal) = read_refusal_mark(mark);
        (hash == read_refusal_mark(object_hash).0).then_some(refusal)
    }) {
        out.truncate(start);
        return Composed::RefusedBefore(refusal);
    }
    let outcome = match decision.after.status {
        Status::Released => Outcome::Released,
        _ if was_live => Outcome::Updated,
        _ => Outcome::Added,
    };
    Composed::Send(Box::new(Item {
        intended: Arc::new(IntendedRecord {
            after: decision.after,
            before,
            touched: decision.touched,
            fingerprint,
        }),
        key_hash,
        outcome,
        data_points: written.data_points,
        object_hash,
        subscriptions: written.subscriptions,
        more,
        candidate: None,
    }))
}

/// Bits of a refusal mark that tell the cause; the others are the object's hash.
const CAUSE_BITS: u64 = 0x1f;

/// The mark that remembers a refused object and why it was refused.
pub fn refusal_mark(object_hash: u64, refusal: Refusal) -> u64 {
    let cause = Refusal::ALL.iter().position(|r| *r == refusal).unwrap_or_default() as u64;
    (object_hash & !CAUSE_BITS) | (cause & CAUSE_BITS)
}

fn read_refusal_mark(mark: u64) -> (u64, Refusal) {
    let cause = (mark & CAUSE_BITS) as usize;
    (mark & !CAUSE_BITS, Refusal::ALL.get(cause).copied().unwrap_or(Refusal::ObjectRefused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_mark_tells_object_and_cause() {
        for refusal in Refusal::ALL {
            let mark = refusal_mark(0xdead_beef_cafe_f00d, refusal);
            assert_eq!(read_refusal_mark(mark), (0xdead_beef_cafe_f000 & !CAUSE_BITS, refusal));
        }
    }
}
