//! Memberships as elements of an array attribute: docs/semantics.md, "Custom-attribute groups".

use jiff::Timestamp;

use crate::state::{GroupEntry, GroupState, Record};

use super::{Decision, GroupKind, GroupRule, GroupWrite, Membership, Row, Rules};

/// Decides every element of a row, and those that are no longer mapped.
pub(super) fn decide(rules: &Rules, row: &Row<'_>, before: &Record, out: &mut Decision) {
    for (index, rule) in rules.groups.iter().enumerate() {
        if rule.kind == GroupKind::Element {
            let state = before.group(rule.column.into()).state;
            decide_one(rules, rule, index, state, row.memberships[index], out);
        }
    }
    clear_unmapped(rules, before, out);
}

/// Removes elements whose mapping is gone.
pub(super) fn clear_unmapped(rules: &Rules, before: &Record, out: &mut Decision) {
    for &column in &rules.clearing_elements {
        if ours(before.group(column.into()).state) {
            remove(column, GroupState::None, rules.now, out);
        }
        out.after.set_group(column.into(), GroupEntry::default());
    }
}

fn decide_one(
    rules: &Rules,
    rule: &GroupRule,
    index: usize,
    state: GroupState,
    member: Membership,
    out: &mut Decision,
) {
    match member {
        Membership::Unknown => {}
        Membership::Member => {
            if rules.full || state != GroupState::In {
                out.groups.push(GroupWrite::Add(index));
                out.touched.groups.push((rule.column, GroupState::UnknownJoin(rules.now)));
                out.after.set_group(rule.column.into(), GroupEntry { state: GroupState::In, address: None });
            }
        }
        Membership::NotMember => {
            let foreign = state == GroupState::None && rule.remove_non_members;
            let again = rules.full && state == GroupState::Out;
            if ours(state) || foreign || again {
                remove(rule.column, GroupState::Out, rules.now, out);
            }
        }
    }
}

/// Whether Braze holds, or may hold, a membership of ours.
pub(super) fn ours(state: GroupState) -> bool {
    matches!(state, GroupState::In | GroupState::UnknownJoin(_) | GroupState::UnknownLeave(_))
}

/// Removes the element of a column.
pub(super) fn remove(column: u16, becomes: GroupState, now: Timestamp, out: &mut Decision) {
    out.groups.push(GroupWrite::Remove(column));
    out.touched.groups.push((column, GroupState::UnknownLeave(now)));
    out.after.set_group(column.into(), GroupEntry { state: becomes, address: None });
}
