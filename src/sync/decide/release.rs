//! What a record gets that left the collection or the source and whose user stays (docs/semantics.md, "One record").

use crate::state::{AttributeEntry, GroupEntry, Record, Status};

use super::attributes;
use super::elements;
use super::{AttributeWrite, Decision, GroupKind, Rules};

/// Our groups are cleared; attributes and user are left alone.
///
/// Subscription leaves stand in [`Decision::leaves`]; [`super::leave`] decides each.
pub fn release(rules: &Rules, before: &Record) -> Decision {
    let mut after = before.clone();
    after.status = Status::Released;
    (after.absences, after.held_since, after.refused) = (0, None, None);
    (after.delete_sent, after.released) = (None, Some(rules.now));
    if let Some(at) = before.delete_sent {
        // Should it come back, the user may have to be made anew. Groups are cleared as remembered.
        let groups = std::mem::take(&mut after.groups);
        super::doubt(&mut after, at);
        after.groups = groups;
    }
    let mut out = Decision { after, ..Decision::default() };
    clear_flags(rules, before, &mut out);
    for (index, rule) in rules.groups.iter().enumerate() {
        let ours = elements::ours(before.group(rule.column.into()).state);
        match rule.kind {
            GroupKind::Element if ours => {
                elements::remove(rule.column, crate::state::GroupState::Out, rules.now, &mut out);
            }
            GroupKind::Subscription { on_leave: true, .. } if ours => out.leaves.push(index),
            GroupKind::Subscription { .. } if ours => {
                out.after.set_group(rule.column.into(), GroupEntry::default());
            }
            _ => {}
        }
    }
    elements::clear_unmapped(rules, before, &mut out);
    out
}

/// The Boolean of a group is a membership, though it is written like a value.
fn clear_flags(rules: &Rules, before: &Record, out: &mut Decision) {
    for (index, rule) in rules.attributes.iter().enumerate().filter(|(_, rule)| rule.flag) {
        if attributes::ours(before.attribute(rule.column.into())) {
            out.attributes.push(AttributeWrite::Null(index));
            out.touched.attributes.push(rule.column);
            out.after.set_attribute(rule.column.into(), AttributeEntry::Null);
        }
    }
    for &column in &rules.clearing_flags {
        if attributes::ours(before.attribute(column.into())) {
            out.attributes.push(AttributeWrite::Cleared(column));
            out.touched.attributes.push(column);
        }
        out.after.set_attribute(column.into(), AttributeEntry::Never);
    }
}

/// Whether a removal of this record would send something destructive: the measure of the deletion guard.
pub fn release_is_destructive(rules: &Rules, before: &Record) -> bool {
    let release = release(rules, before);
    release.sends() || !release.leaves.is_empty()
}
