//! semantics 7.4: the state of a subscription group hangs on an address.

use super::*;
use GroupState::{In, None, OptedOut, Out, UnknownJoin, UnknownLeave};
use Membership::{Member, NotMember, Unknown};

const SAME: u64 = 10;
const OTHER: u64 = 20;

/// A live record whose acknowledged address is `SAME`, with this entry of the group.
fn known(entry: GroupEntry) -> Record {
    Record { email: Some(SAME), ..record(&[AttributeEntry::Hash(1)], &[entry]) }
}

/// Its row with that address.
fn with(email: Address, wanted: Wanted, member: Membership) -> (Address, [Wanted; 1], [Membership; 1]) {
    (email, [wanted], [member])
}

fn decided(
    rule: GroupRule,
    before: Option<&Record>,
    (email, wanted, member): (Address, [Wanted; 1], [Membership; 1]),
    answer: Option<Answer>,
) -> Decision {
    let row = Row { email, ..row(&wanted, &member) };
    decide(&rules(&[EMAIL], &[rule]), before, &row, &[answer])
}

fn unchanged(member: Membership) -> (Address, [Wanted; 1], [Membership; 1]) {
    with(Address::Known(SAME), value(1), member)
}

fn changed(member: Membership) -> (Address, [Wanted; 1], [Membership; 1]) {
    with(Address::Known(OTHER), value(2), member)
}

fn null(member: Membership) -> (Address, [Wanted; 1], [Membership; 1]) {
    with(Address::Missing, Wanted::Null, member)
}

fn dropped(member: Membership) -> (Address, [Wanted; 1], [Membership; 1]) {
    with(Address::Dropped, Wanted::Dropped, member)
}

/// semantics 7.4.1: the entry remembers the address that the group was joined for.
#[test]
fn a_join_is_remembered_with_its_address() {
    for answer in [Answer::Unknown, Answer::Subscribed, Answer::Unsubscribed] {
        let decision = decided(NEWS, Some(&known(entry(None))), unchanged(Member), Some(answer));
        assert_eq!(decision.after.group(0).address, Some(SAME), "{answer:?}");
    }
}

/// semantics 7.4.1: groups of SMS and WhatsApp hang on the phone number.
#[test]
fn an_sms_group_hangs_on_the_phone_number() {
    let kind = GroupKind::Subscription { address: Role::Phone, on_join: true, on_leave: true, always: false };
    let rules = rules(&[AttributeRule { role: Role::Phone, ..PLAIN }], &[GroupRule { kind, ..NEWS }]);
    let wanted = [value(1)];
    let row = Row { phone: Address::Known(30), ..row(&wanted, &[Member]) };
    let decision = decide(&rules, Option::None, &row, &[Some(Answer::Unknown)]);
    assert_eq!(decision.groups, [GroupWrite::Subscribe(0)]);
    assert_eq!((decision.after.group(0).address, decision.after.phone), (Some(30), Some(30)));
}

/// semantics 2.3, row 1: a new user gets address and group in one object.
#[test]
fn a_new_user_joins_with_its_first_address() {
    let decision = decided(NEWS, Option::None, unchanged(Member), Some(Answer::Unknown));
    assert_eq!(decision.groups, [GroupWrite::Subscribe(0)]);
    assert!(!decision.unsettled);
}

/// semantics 7.4.2: no usable address for a join (null, dropped).
#[test]
fn a_join_without_a_usable_address_waits_for_one() {
    for row in [null(Member), dropped(Member)] {
        for (state, before) in
            [(None, Option::None), (None, Some(known(entry(None)))), (Out, Some(known(entry(Out))))]
        {
            let decision = decided(NEWS, before.as_ref(), row, Option::None);
            assert!(decision.groups.is_empty() && decision.reads.is_empty());
            assert_eq!((decision.memberships.no_address, decision.after.group(0).state), (1, state));
        }
    }
    let later = decided(
        NEWS,
        Some(&Record { email: Option::None, ..known(entry(None)) }),
        changed(Member),
        Option::None,
    );
    assert_eq!(later.memberships.deferred, 1, "it follows when an address comes");
}

/// semantics 7.4.2: an address that is dropped stays in Braze, and so does the membership.
#[test]
fn a_dropped_address_ends_no_membership() {
    let before = known(entry_at(In, SAME));
    assert_eq!(
        decided(NEWS, Some(&before), dropped(Member), Option::None).after.group(0),
        entry_at(In, SAME)
    );
    assert_eq!(decided(NEWS, Some(&before), dropped(NotMember), Option::None).leaves, [0]);
}

/// semantics 7.4.2: null sent for the address while `in`: the entry becomes `none`, nothing else.
#[test]
fn an_address_that_is_cleared_takes_its_membership_along() {
    for member in [Member, NotMember, Unknown] {
        let decision = decided(NEWS, Some(&known(entry_at(In, SAME))), null(member), Option::None);
        assert_eq!(decision.attributes, [AttributeWrite::Null(0)]);
        assert!(decision.groups.is_empty() && decision.leaves.is_empty() && decision.reads.is_empty());
        assert_eq!(decision.after.group(0), GroupEntry::default(), "{member:?}");
    }
    let out = decided(NEWS, Some(&known(entry_at(Out, SAME))), null(NotMember), Option::None);
    assert_eq!(out.after.group(0), entry_at(Out, SAME));
}

/// semantics 7.4.2: only a null that is sent does that; who is `in` without an address of ours leaves like others.
#[test]
fn a_member_that_never_had_an_address_stays_in() {
    let before = record(&[AttributeEntry::Null], &[entry(In)]);
    assert_eq!(decided(NEWS, Some(&before), null(Member), Option::None).after.group(0), entry(In));
    assert_eq!(decided(NEWS, Some(&before), null(NotMember), Option::None).leaves, [0]);
}

/// semantics 7.4.3: no join in the run of a change, whatever the entry and the policy.
#[test]
fn a_changed_address_defers_the_join() {
    for rule in [NEWS, always(NEWS)] {
        for state in [None, Out, UnknownJoin(ago(5)), UnknownLeave(ago(5))] {
            let decision = decided(rule, Some(&known(entry_at(state, SAME))), changed(Member), Option::None);
            assert_eq!(decision.attributes, [AttributeWrite::Value(0)]);
            assert!(decision.groups.is_empty() && decision.reads.is_empty());
            assert_eq!((decision.memberships.deferred, decision.unsettled), (1, true), "{state:?}");
            assert_eq!(decision.after.group(0).state, state);
        }
    }
}

/// semantics 7.4.3: a member keeps its entry in the run of the change, and the next run has to look again.
#[test]
fn a_member_with_a_changed_address_is_looked_at_again() {
    let decision = decided(NEWS, Some(&known(entry_at(In, SAME))), changed(Member), Option::None);
    assert_eq!((decision.memberships.deferred, decision.unsettled), (1, true));
    assert_eq!(decision.after.group(0), entry_at(In, SAME));
    let next = decided(NEWS, Some(&decision.after), changed(Member), Option::None);
    assert_eq!(next.reads, [0], "as if at first sight");
}

/// semantics 7.4.3: once the address is acknowledged, an entry written for another one goes by row `none`.
#[test]
fn an_entry_of_another_address_counts_as_none() {
    for state in [In, Out, UnknownJoin(ago(5)), UnknownLeave(ago(5))] {
        let before = known(entry_at(state, OTHER));
        let decision = decided(NEWS, Some(&before), unchanged(Member), Option::None);
        assert_eq!(decision.reads, [0], "{state:?}");
        let joined = decided(NEWS, Some(&before), unchanged(Member), Some(Answer::Unknown));
        assert_eq!(
            (&joined.groups[..], joined.after.group(0)),
            (&[GroupWrite::Subscribe(0)][..], entry_at(In, SAME))
        );
        let left = decided(NEWS, Some(&before), unchanged(NotMember), Option::None);
        assert!(left.leaves.is_empty() && !left.sends(), "the old address: nothing");
        assert_eq!(left.after.group(0), GroupEntry::default());
    }
}

/// semantics 7.2, `onJoin: Nothing`, with semantics 7.4.3: `in` without a write follows the address too.
#[test]
fn an_unwritten_membership_follows_the_address() {
    let rule = subscription(NEWS, |on_join, _, _| *on_join = false);
    let decision = decided(rule, Some(&known(entry_at(In, OTHER))), unchanged(Member), Option::None);
    assert_eq!((decision.sends(), decision.after.group(0)), (false, entry_at(In, SAME)));
}

/// semantics 7.2: an opt-out survives a new address; a mark counts for an entry of another address too.
#[test]
fn an_opt_out_survives_a_new_address() {
    for row in [changed(Member), unchanged(Member), null(Member)] {
        let decision = decided(NEWS, Some(&known(entry_at(OptedOut, OTHER))), row, Option::None);
        assert_eq!(decision.after.group(0).state, OptedOut);
        assert!(decision.groups.is_empty() && decision.reads.is_empty());
    }
    let before = known(entry_at(Out, OTHER));
    let marked = decided(NEWS, Some(&before), unchanged(Member), Some(Answer::OptOutMark));
    assert_eq!((marked.groups.len(), marked.after.group(0)), (0, entry_at(OptedOut, SAME)));
}

/// semantics 7.4.3: a leave in the run of a change: the entry becomes `none`, nothing is sent.
#[test]
fn a_leave_in_the_run_of_a_changed_address_sends_nothing() {
    for state in [In, UnknownJoin(ago(5)), UnknownLeave(ago(5)), UnknownLeave(ago(500))] {
        let decision = decided(NEWS, Some(&known(entry_at(state, SAME))), changed(NotMember), Option::None);
        assert!(decision.leaves.is_empty() && decision.groups.is_empty(), "{state:?}");
        assert_eq!(decision.after.group(0), GroupEntry::default());
    }
}

/// semantics 7.4.3 and 7.2, `nonMembers: Remove`: not in the run of a change, but in the next.
#[test]
fn a_non_member_with_a_changed_address_is_removed_in_the_next_run() {
    let decision = decided(remove(NEWS), Some(&known(entry(None))), changed(NotMember), Option::None);
    assert!(decision.leaves.is_empty() && decision.unsettled);
    let next = decided(remove(NEWS), Some(&decision.after), changed(NotMember), Option::None);
    assert_eq!(next.leaves, [0]);
}

/// semantics 7.4.4: another record with the same address is `in` and stays.
#[test]
fn a_shared_address_keeps_its_subscription() {
    let rules = rules(&[EMAIL], &[NEWS]);
    let mut decision = Decision { after: known(entry_at(In, SAME)), ..Decision::default() };
    leave(&rules, 0, Some(Answer::Subscribed), true, &mut decision);
    assert!(!decision.sends());
    assert_eq!((decision.memberships.shared_address, decision.after.group(0)), (1, GroupEntry::default()));
}

/// semantics 7.4.3: what we left keeps the address it was written for.
#[test]
fn a_leave_is_remembered_with_its_address() {
    let rules = rules(&[EMAIL], &[NEWS]);
    let mut decision = Decision { after: known(entry_at(In, SAME)), ..Decision::default() };
    leave(&rules, 0, Some(Answer::Subscribed), false, &mut decision);
    assert_eq!(
        (&decision.groups[..], decision.after.group(0)),
        (&[GroupWrite::Unsubscribe(0)][..], entry_at(Out, SAME))
    );
}
