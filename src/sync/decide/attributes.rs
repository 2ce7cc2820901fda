//! Values: docs/semantics.md, "One attribute: what is sent".

use crate::state::{AttributeEntry, Record};

use super::{Address, AttributeRule, AttributeWrite, Decision, Role, Row, Rules, Wanted};

/// Decides every attribute of a row, and the targets that are no longer mapped.
pub(super) fn decide(rules: &Rules, row: &Row<'_>, before: &Record, out: &mut Decision) {
    for (index, rule) in rules.attributes.iter().enumerate() {
        decide_one(rules, rule, index, row, before, out);
    }
    for &column in &rules.clearing_attributes {
        if ours(before.attribute(column.into())) {
            out.attributes.push(AttributeWrite::Cleared(column));
            out.touched.attributes.push(column);
        }
        out.after.set_attribute(column.into(), AttributeEntry::Never);
    }
}

fn decide_one(
    rules: &Rules,
    rule: &AttributeRule,
    index: usize,
    row: &Row<'_>,
    before: &Record,
    out: &mut Decision,
) {
    let entry = match before.attribute(rule.column.into()) {
        AttributeEntry::Held(_) if !rule.guarded_consent => AttributeEntry::Never,
        _ if rules.full && !rule.guarded_consent => AttributeEntry::Unknown,
        noted => noted,
    };
    match row.attributes[index] {
        Wanted::Value { hash, opt_in: true } if rule.guarded_consent => {
            decide_opt_in(rule, index, hash, entry, out);
        }
        Wanted::Value { hash, .. } => {
            // A full resync repeats an opt-out, though noted consent stays noted.
            let again = rules.full && rule.guarded_consent;
            if again || entry != AttributeEntry::Hash(hash) {
                send_value(rule, index, hash, out);
            }
            note_address(rule, row, out);
        }
        Wanted::Null if rule.clear_on_null && ours(entry) => {
            out.attributes.push(AttributeWrite::Null(index));
            out.after.set_attribute(rule.column.into(), AttributeEntry::Null);
            out.touched.attributes.push(rule.column);
            forget_address(rule, out);
        }
        Wanted::Null if rule.keeps_on_null && ours(before.attribute(rule.column.into())) => {
            out.kept_nulls.push(index);
            // It is told in each run, as long as the old value is there.
            out.unsettled = true;
        }
        Wanted::Null | Wanted::Dropped => {}
    }
}

/// Whether Braze holds, or may hold, a value that we sent.
pub(super) fn ours(entry: AttributeEntry) -> bool {
    matches!(entry, AttributeEntry::Unknown | AttributeEntry::Hash(_))
}

fn send_value(rule: &AttributeRule, index: usize, hash: u64, out: &mut Decision) {
    out.attributes.push(AttributeWrite::Value(index));
    out.after.set_attribute(rule.column.into(), AttributeEntry::Hash(hash));
    out.touched.attributes.push(rule.column);
}

fn decide_opt_in(rule: &AttributeRule, index: usize, hash: u64, entry: AttributeEntry, out: &mut Decision) {
    match entry {
        AttributeEntry::Never | AttributeEntry::Unknown => {
            out.after.set_attribute(rule.column.into(), AttributeEntry::Held(hash));
            out.held_consent += 1;
        }
        AttributeEntry::Hash(noted) | AttributeEntry::Held(noted) if noted != hash => {
            send_value(rule, index, hash, out);
        }
        AttributeEntry::Null | AttributeEntry::Hash(_) | AttributeEntry::Held(_) => {}
    }
}

/// Remembers the address that the row's value is.
pub(super) fn note_address(rule: &AttributeRule, row: &Row<'_>, out: &mut Decision) {
    match (rule.role, row.address(rule.role)) {
        (Role::Email, Address::Known(hash)) => out.after.email = Some(hash),
        (Role::Phone, Address::Known(hash)) => out.after.phone = Some(hash),
        _ => {}
    }
}

/// There is no such address any more.
pub(super) fn forget_address(rule: &AttributeRule, out: &mut Decision) {
    match rule.role {
        Role::Email => out.after.email = None,
        Role::Phone => out.after.phone = None,
        Role::Plain => {}
    }
}
