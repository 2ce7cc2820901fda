//! semantics 7.3 and 13.3: elements of array attributes, and Flags.

use super::*;
use GroupState::{In, None, Out, UnknownJoin, UnknownLeave};
use Membership::{Member, NotMember, Unknown};

const ADD: Option<GroupWrite> = Some(GroupWrite::Add(0));
const REMOVE: Option<GroupWrite> = Some(GroupWrite::Remove(0));

fn check(rules: &Rules, member: Membership, cells: &[(GroupState, Option<GroupWrite>, GroupState)]) {
    for &(state, sent, after) in cells {
        let decision = decide(rules, Some(&record(&[], &[entry(state)])), &row(&[], &[member]), &[]);
        let found = (decision.groups.first().copied(), decision.after.group(0).state);
        assert_eq!(found, (sent, after), "{member:?} after {state:?}");
        let open = match sent {
            ADD => vec![(0, UnknownJoin(at(0)))],
            Some(_) => vec![(0, UnknownLeave(at(0)))],
            Option::None => vec![],
        };
        assert_eq!(decision.touched.groups, open);
        assert!(decision.reads.is_empty() && decision.leaves.is_empty());
    }
}

/// semantics 7.3, all rows, column member.
#[test]
fn a_member_is_added_unless_it_is_in() {
    let cells = [
        (None, ADD, In),
        (In, Option::None, In),
        (Out, ADD, In),
        (UnknownJoin(ago(5)), ADD, In),
        (UnknownLeave(ago(5)), ADD, In),
    ];
    check(&rules(&[], &[ELEMENT]), Member, &cells);
}

/// semantics 7.3, all rows, column not a member.
#[test]
fn a_member_that_left_is_removed_and_others_are_left_alone() {
    let cells = [
        (None, Option::None, None),
        (In, REMOVE, Out),
        (Out, Option::None, Out),
        (UnknownJoin(ago(5)), REMOVE, Out),
        (UnknownLeave(ago(500)), REMOVE, Out),
    ];
    check(&rules(&[], &[ELEMENT]), NotMember, &cells);
}

/// semantics 7.3, row none, `nonMembers: Remove`: values that an older tool left.
#[test]
fn non_members_are_removed_once_where_that_is_wanted() {
    let cells = [(None, REMOVE, Out), (Out, Option::None, Out), (In, REMOVE, Out)];
    check(&rules(&[], &[remove(ELEMENT)]), NotMember, &cells);
}

/// semantics 7.1.2: a rule that could not be evaluated neither joins nor leaves.
#[test]
fn an_unknown_membership_changes_nothing() {
    for state in [None, In, Out, UnknownJoin(ago(5)), UnknownLeave(ago(5))] {
        check(&rules(&[], &[remove(ELEMENT)]), Unknown, &[(state, Option::None, state)]);
        check(&full(rules(&[], &[ELEMENT])), Unknown, &[(state, Option::None, state)]);
    }
}

/// semantics 13.3: add for members, remove for other entries but `none`, those by `nonMembers`.
#[test]
fn a_full_resync_adds_members_and_removes_what_was_ever_ours() {
    let plain = full(rules(&[], &[ELEMENT]));
    for state in [None, In, Out, UnknownJoin(ago(5)), UnknownLeave(ago(5))] {
        check(&plain, Member, &[(state, ADD, In)]);
    }
    let cells = [
        (None, Option::None, None),
        (In, REMOVE, Out),
        (Out, REMOVE, Out),
        (UnknownJoin(ago(5)), REMOVE, Out),
        (UnknownLeave(ago(5)), REMOVE, Out),
    ];
    check(&plain, NotMember, &cells);
    check(&full(rules(&[], &[remove(ELEMENT)])), NotMember, &[(None, REMOVE, Out)]);
}

/// semantics 4.1, custom-attribute mapping removed: `remove` of the value per `in` entry, entries forgotten.
#[test]
fn an_unmapped_element_is_removed_from_those_who_have_it() {
    let rules = Rules { clearing_elements: vec![0], ..rules(&[], &[]) };
    for (state, sent) in
        [(None, false), (In, true), (Out, false), (UnknownJoin(ago(5)), true), (UnknownLeave(ago(5)), true)]
    {
        let decision = decide(&rules, Some(&record(&[], &[entry(state)])), &row(&[], &[]), &[]);
        assert_eq!(decision.groups.len(), usize::from(sent), "{state:?}");
        assert_eq!(decision.after.group(0), GroupEntry::default());
    }
}

/// semantics 4.1, custom attribute or `value` changed: the old one removed and the new one added in one object.
#[test]
fn a_changed_value_is_removed_and_added_in_one_object() {
    let new = GroupRule { column: 1, ..ELEMENT };
    let rules = Rules { clearing_elements: vec![0], ..rules(&[], &[new]) };
    let decision = decide(&rules, Some(&record(&[], &[entry(In)])), &row(&[], &[Member]), &[]);
    assert_eq!(decision.groups, [GroupWrite::Add(0), GroupWrite::Remove(0)]);
}

/// semantics 7.3, `style: Flag`: compared and sent like a property mapping with its own column.
#[test]
fn a_flag_is_compared_like_an_attribute() {
    let flag = rules(&[AttributeRule { flag: true, ..PLAIN }], &[]);
    let send = |entry: AttributeEntry, wanted| {
        decide(&flag, Some(&record(&[entry], &[])), &row(&[wanted], &[]), &[]).attributes
    };
    assert_eq!(send(AttributeEntry::Never, value(1)), [AttributeWrite::Value(0)]);
    assert_eq!(send(AttributeEntry::Hash(1), value(1)), []);
    assert_eq!(send(AttributeEntry::Hash(1), value(2)), [AttributeWrite::Value(0)]);
    assert_eq!(send(AttributeEntry::Hash(1), Wanted::Dropped), []);
}
