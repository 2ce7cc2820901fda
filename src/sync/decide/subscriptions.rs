//! Subscription groups, whose state hangs on an address and belongs to a person: docs/semantics.md, "Subscription
//! groups" and "Channels and addresses".

use jiff::{SignedDuration, Timestamp};

use crate::state::{GroupEntry, GroupState, Record};

use super::{
    Address, Answer, AttributeWrite, Decision, GroupKind, GroupRule, GroupWrite, Membership, Role, Row, Rules,
};

/// How long an unanswered leave counts as our own `unsubscribed`.
const OWN_LEAVE: SignedDuration = SignedDuration::from_hours(1);

/// Where the state of a subscription group hangs for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// By `external_id`: no address is mapped.
    ExternalId,
    /// There is no address to join with.
    Nowhere,
    /// Null is sent for the address in this very object.
    Clearing,
    /// The address changes to the one of this hash in this very object.
    Changing(u64),
    /// The address of this hash.
    Address(u64),
}

impl Place {
    /// `known`: the user has an address already, or none; one that we make now gets its first.
    fn of(
        role: Role,
        rules: &Rules,
        row: &Row<'_>,
        (before, known): (&Record, bool),
        out: &Decision,
    ) -> Self {
        let acknowledged = if role == Role::Phone { before.phone } else { before.email };
        match row.address(role) {
            Address::Unmapped => Self::ExternalId,
            Address::Missing => {
                let sent = |write: &AttributeWrite| matches!(write, AttributeWrite::Null(index) if rules.attributes[*index].role == role);
                if out.attributes.iter().any(sent) { Self::Clearing } else { Self::Nowhere }
            }
            Address::Dropped => Self::Nowhere,
            Address::Known(hash) if known && acknowledged != Some(hash) => Self::Changing(hash),
            Address::Known(hash) => Self::Address(hash),
        }
    }

    fn hash(self) -> Option<u64> {
        match self {
            Self::Address(hash) | Self::Changing(hash) => Some(hash),
            Self::ExternalId | Self::Nowhere | Self::Clearing => None,
        }
    }
}

/// What is true of one group of one record.
struct Situation {
    entry: GroupEntry,
    place: Place,
    member: Membership,
    answer: Option<Answer>,
}

/// Decides every subscription group of a row, after its attributes.
pub(super) fn decide(
    rules: &Rules,
    row: &Row<'_>,
    before: (&Record, bool),
    answers: &[Option<Answer>],
    out: &mut Decision,
) {
    for (index, rule) in rules.groups.iter().enumerate() {
        if let GroupKind::Subscription { address, .. } = rule.kind {
            let situation = Situation {
                entry: before.0.group(rule.column.into()),
                place: Place::of(address, rules, row, before, out),
                member: row.memberships[index],
                answer: answers.get(index).copied().flatten(),
            };
            decide_one(rules, rule, index, &situation, out);
        }
    }
}

fn decide_one(rules: &Rules, rule: &GroupRule, index: usize, at: &Situation, out: &mut Decision) {
    let column = usize::from(rule.column);
    let moved = matches!((at.place, at.entry.address), (Place::Address(now), Some(then)) if now != then);
    let state = if moved && at.entry.state != GroupState::OptedOut {
        // Written for another address, which an earlier run replaced: as if at first sight.
        out.after.set_group(column, GroupEntry::default());
        GroupState::None
    } else {
        unanswered(at.entry.state, at.member, rules.now)
    };
    match at.member {
        Membership::Unknown => {}
        Membership::Member => join(rules, rule, index, (state, at), out),
        Membership::NotMember => quit(rule, index, (state, at.place), out),
    }
    if at.place == Place::Clearing && at.member != Membership::NotMember && at.entry.state == GroupState::In {
        out.after.set_group(column, GroupEntry::default());
    }
}

/// What an unanswered join or leave counts as (last row of the table).
fn unanswered(state: GroupState, member: Membership, now: Timestamp) -> GroupState {
    match (state, member) {
        (GroupState::UnknownJoin(_), Membership::Member) => GroupState::None,
        (GroupState::UnknownJoin(_), _) => GroupState::In,
        (GroupState::UnknownLeave(_), Membership::Member) if own_leave(state, now) => GroupState::Out,
        (GroupState::UnknownLeave(_), Membership::Member) => GroupState::None,
        (other, _) => other,
    }
}

fn own_leave(state: GroupState, now: Timestamp) -> bool {
    matches!(state, GroupState::UnknownLeave(at) if now.duration_since(at) <= OWN_LEAVE)
}

fn join(
    rules: &Rules,
    rule: &GroupRule,
    index: usize,
    (state, at): (GroupState, &Situation),
    out: &mut Decision,
) {
    let GroupKind::Subscription { on_join, always, .. } = rule.kind else { return };
    let column = usize::from(rule.column);
    let address = at.place.hash();
    match state {
        GroupState::In => {
            // Once the new address is acknowledged, the group is joined for it.
            if let (Place::Changing(new), Some(then)) = (at.place, at.entry.address)
                && new != then
            {
                out.memberships.deferred += 1;
                out.unsettled = true;
            }
            return;
        }
        GroupState::OptedOut if !always => return,
        // A mark outlives the user and the address; under Always it means nothing.
        GroupState::None if at.answer == Some(Answer::OptOutMark) && !always => {
            out.memberships.opted_out += 1;
            out.after.set_group(column, GroupEntry { state: GroupState::OptedOut, address });
            return;
        }
        _ => {}
    }
    if !on_join {
        out.after.set_group(column, GroupEntry { state: GroupState::In, address });
        return;
    }
    match at.place {
        Place::Nowhere | Place::Clearing => {
            out.memberships.no_address += 1;
            return;
        }
        Place::Changing(_) => {
            out.memberships.deferred += 1;
            out.unsettled = true;
            return;
        }
        Place::ExternalId | Place::Address(_) => {}
    }
    let unread = always || state == GroupState::Out;
    let state = match (unread, at.answer) {
        (true, _) | (false, Some(Answer::Unknown)) => {
            out.groups.push(GroupWrite::Subscribe(index));
            out.touched.groups.push((rule.column, GroupState::UnknownJoin(rules.now)));
            GroupState::In
        }
        (false, Some(Answer::Subscribed)) => {
            out.memberships.already_there += 1;
            GroupState::In
        }
        (false, Some(Answer::Unsubscribed | Answer::OptOutMark)) => {
            out.memberships.opted_out += 1;
            GroupState::OptedOut
        }
        (false, Some(Answer::Missing)) => {
            out.memberships.deferred += 1;
            out.unsettled = true;
            return;
        }
        (false, None) => {
            out.reads.push(index);
            return;
        }
    };
    out.after.set_group(column, GroupEntry { state, address });
}

fn quit(rule: &GroupRule, index: usize, (state, place): (GroupState, Place), out: &mut Decision) {
    let GroupKind::Subscription { on_leave, .. } = rule.kind else { return };
    let ours = matches!(state, GroupState::In | GroupState::UnknownLeave(_));
    let foreign = state == GroupState::None && rule.remove_non_members && on_leave;
    match place {
        // The order inside an object is unknown, and the state follows the address: nothing is sent.
        Place::Changing(_) | Place::Clearing if ours => {
            out.after.set_group(rule.column.into(), GroupEntry::default());
        }
        Place::Changing(_) if foreign => {
            out.memberships.deferred += 1;
            out.unsettled = true;
        }
        _ if foreign || (ours && on_leave) => {
            out.leaves.push(index);
            out.unsettled = true;
        }
        _ if ours => out.after.set_group(rule.column.into(), GroupEntry::default()),
        _ => {}
    }
}

/// Whether a leave of this group must be preceded by a read of the state at Braze.
pub fn leave_needs_read(rules: &Rules, index: usize, before: &Record) -> bool {
    let rule = &rules.groups[index];
    let GroupKind::Subscription { always, .. } = rule.kind else { return false };
    let state = before.group(rule.column.into()).state;
    !(always || own_leave(state, rules.now))
}

/// One subscription leave (phase 3, or part of a release). `shared`: another record with the same address is a
/// member and stays.
pub fn leave(rules: &Rules, index: usize, answer: Option<Answer>, shared: bool, out: &mut Decision) {
    let rule = &rules.groups[index];
    let column = usize::from(rule.column);
    let entry = out.after.group(column);
    let needs_read = leave_needs_read(rules, index, &out.after);
    if shared {
        out.memberships.shared_address += 1;
        out.after.set_group(column, GroupEntry::default());
        return;
    }
    let state = match (needs_read, answer) {
        (true, None) => {
            out.reads.push(index);
            return;
        }
        (true, Some(Answer::Missing)) => {
            out.memberships.deferred += 1;
            out.unsettled = true;
            return;
        }
        (true, Some(Answer::Unsubscribed | Answer::OptOutMark)) => {
            out.memberships.opted_out += 1;
            GroupState::OptedOut
        }
        _ => {
            out.groups.push(GroupWrite::Unsubscribe(index));
            out.touched.groups.push((rule.column, GroupState::UnknownLeave(rules.now)));
            GroupState::Out
        }
    };
    out.after.set_group(column, GroupEntry { state, address: entry.address });
}
