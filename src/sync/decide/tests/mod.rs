//! The tables of the semantics, cell by cell.

mod addresses;
mod adopt;
mod attributes;
mod elements;
mod records;
mod releases;
mod subscriptions;

use jiff::Timestamp;

use crate::state::{AttributeEntry, GroupEntry, GroupState, Record, Status};

use super::*;

/// Hours after an arbitrary start; runs of these tests begin at hour 0.
fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).expect("a time")
}

/// Minutes before the run.
fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 - minutes * 60).expect("a time")
}

fn rules(attributes: &[AttributeRule], groups: &[GroupRule]) -> Rules {
    Rules {
        attributes: attributes.to_vec(),
        groups: groups.to_vec(),
        clearing_attributes: Vec::new(),
        clearing_flags: Vec::new(),
        clearing_elements: Vec::new(),
        full: false,
        adopt: false,
        now: at(0),
    }
}

fn full(rules: Rules) -> Rules {
    Rules { full: true, ..rules }
}

/// A plain attribute with `onNull: Clear`.
const PLAIN: AttributeRule = AttributeRule {
    column: 0,
    clear_on_null: true,
    guarded_consent: false,
    role: Role::Plain,
    flag: false,
    keeps_on_null: false,
};
/// A key inside an attribute with `onNull: Clear`: null is never sent to it.
const NESTED: AttributeRule = AttributeRule { clear_on_null: false, keeps_on_null: true, ..PLAIN };
/// Consent under `OnChange`; null is never sent to it.
const CONSENT: AttributeRule = AttributeRule { guarded_consent: true, clear_on_null: false, ..PLAIN };
/// The e-mail address.
const EMAIL: AttributeRule = AttributeRule { role: Role::Email, ..PLAIN };

/// A subscription group of e-mail with all defaults.
const NEWS: GroupRule = GroupRule {
    column: 0,
    kind: GroupKind::Subscription { address: Role::Email, on_join: true, on_leave: true, always: false },
    remove_non_members: false,
};
/// An element of an array.
const ELEMENT: GroupRule = GroupRule { column: 0, kind: GroupKind::Element, remove_non_members: false };

fn always(rule: GroupRule) -> GroupRule {
    subscription(rule, |_, _, always| *always = true)
}

fn subscription(mut rule: GroupRule, change: impl FnOnce(&mut bool, &mut bool, &mut bool)) -> GroupRule {
    if let GroupKind::Subscription { on_join, on_leave, always, .. } = &mut rule.kind {
        change(on_join, on_leave, always);
    }
    rule
}

fn remove(rule: GroupRule) -> GroupRule {
    GroupRule { remove_non_members: true, ..rule }
}

fn value(hash: u64) -> Wanted {
    Wanted::Value { hash, opt_in: false }
}

fn opt_in(hash: u64) -> Wanted {
    Wanted::Value { hash, opt_in: true }
}

/// A row of nothing but these attributes and memberships, with e-mail addresses unmapped.
fn row<'a>(attributes: &'a [Wanted], memberships: &'a [Membership]) -> Row<'a> {
    Row { key: b"k", attributes, memberships, email: Address::Unmapped, phone: Address::Unmapped }
}

/// A live record with these entries.
fn record(attributes: &[AttributeEntry], groups: &[GroupEntry]) -> Record {
    Record {
        attributes: attributes.to_vec(),
        groups: groups.to_vec(),
        ..Record::new(b"k".as_slice(), Status::Live)
    }
}

fn entry(state: GroupState) -> GroupEntry {
    GroupEntry { state, address: None }
}

fn entry_at(state: GroupState, address: u64) -> GroupEntry {
    GroupEntry { state, address: Some(address) }
}
