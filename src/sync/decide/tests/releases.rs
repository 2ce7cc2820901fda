//! semantics 2.3, rows 5, 6 and 10 for Additive and Enrich: our groups are cleared, the user stays.

use super::*;
use GroupState::{In, OptedOut, Out, UnknownJoin, UnknownLeave};

fn wide() -> Rules {
    let flag = AttributeRule { column: 1, flag: true, ..PLAIN };
    rules(&[EMAIL, flag], &[NEWS, GroupRule { column: 1, ..ELEMENT }])
}

/// semantics 2.3, row 5: G↓; semantics 7.3, Flag: cleared. A removal never touches attributes of a user that stays.
#[test]
fn a_release_clears_groups_and_flags_and_nothing_else() {
    let before = Record {
        email: Some(9),
        absences: 1,
        held_since: Some(3),
        refused: Some(4),
        ..record(&[AttributeEntry::Hash(1), AttributeEntry::Hash(2)], &[entry_at(In, 9), entry(In)])
    };
    let decision = release(&wide(), &before);
    assert_eq!(decision.attributes, [AttributeWrite::Null(1)]);
    assert_eq!(decision.groups, [GroupWrite::Remove(1)]);
    assert_eq!(decision.leaves, [0], "decided when it was asked about");
    let after = &decision.after;
    assert_eq!((after.status, after.released), (Status::Released, Some(at(0))));
    assert_eq!((after.absences, after.held_since, after.refused), (0, None, None));
    assert_eq!(after.attributes, [AttributeEntry::Hash(1), AttributeEntry::Null]);
    assert_eq!((after.group(1).state, after.email), (Out, Some(9)));
    assert!(release_is_destructive(&wide(), &before));
}

/// semantics 2.3, row 10: `in`, `unknownJoin` and `unknownLeave` are cleared, others not.
#[test]
fn a_release_leaves_what_is_in_or_may_be_in() {
    for (state, clears) in [
        (GroupState::None, false),
        (In, true),
        (Out, false),
        (OptedOut, false),
        (UnknownJoin(ago(5)), true),
        (UnknownLeave(ago(5)), true),
    ] {
        let news = record(&[], &[entry(state)]);
        assert_eq!(release(&rules(&[], &[NEWS]), &news).leaves.len(), usize::from(clears), "{state:?}");
        if state != OptedOut {
            let element = release(&rules(&[], &[ELEMENT]), &news);
            assert_eq!(element.groups.len(), usize::from(clears), "{state:?}");
            assert_eq!(element.after.group(0).state, if clears { Out } else { state });
        }
    }
}

/// semantics 2.3: a release with nothing to clear sends nothing, is never held, and is still a release.
#[test]
fn a_release_with_nothing_to_clear_is_harmless() {
    let before = record(&[AttributeEntry::Hash(1), AttributeEntry::Null], &[entry(OptedOut), entry(Out)]);
    let decision = release(&wide(), &before);
    assert!(!decision.sends() && decision.leaves.is_empty());
    assert_eq!(decision.after.status, Status::Released);
    assert!(!release_is_destructive(&wide(), &before));
}

/// semantics 7.2, `onLeave: Nothing`: leaving sets `none`, nothing sent, so it is not destructive.
#[test]
fn a_release_of_a_group_that_writes_no_leave_is_harmless() {
    let rules = rules(&[], &[subscription(NEWS, |_, on_leave, _| *on_leave = false)]);
    let before = record(&[], &[entry(In)]);
    assert_eq!(release(&rules, &before).after.group(0), GroupEntry::default());
    assert!(!release_is_destructive(&rules, &before));
}

/// semantics 4.1, custom-attribute mapping removed, for a record that leaves in the same run: element and Flag go,
/// other targets that are no longer mapped are left.
#[test]
fn a_release_clears_memberships_whose_mapping_is_gone() {
    let rules = Rules {
        clearing_attributes: vec![0, 1],
        clearing_flags: vec![1],
        clearing_elements: vec![0],
        ..rules(&[], &[])
    };
    let before = record(&[AttributeEntry::Hash(1), AttributeEntry::Hash(2)], &[entry(In)]);
    let decision = release(&rules, &before);
    assert_eq!(decision.attributes, [AttributeWrite::Cleared(1)]);
    assert_eq!(decision.groups, [GroupWrite::Remove(0)]);
    assert_eq!(decision.after.attributes, [AttributeEntry::Hash(1), AttributeEntry::Never]);
    assert_eq!(decision.after.group(0), GroupEntry::default());
}

/// semantics 4.2, Sync → Additive, with row 18: a delete without an answer becomes a release, and what the user
/// holds is not believed when it comes back.
#[test]
fn a_release_after_an_unanswered_delete_believes_nothing() {
    let before = Record {
        delete_sent: Some(ago(5)),
        email: Some(9),
        ..record(&[AttributeEntry::Hash(1), AttributeEntry::Never], &[entry_at(In, 9), entry(In)])
    };
    let decision = release(&wide(), &before);
    assert_eq!((&decision.leaves[..], &decision.groups[..]), (&[0][..], &[GroupWrite::Remove(1)][..]));
    assert_eq!(decision.after.delete_sent, None);
    assert_eq!(decision.after.attribute(0), AttributeEntry::Unknown);
    let wanted = [value(1), value(2)];
    let back = Row { email: Address::Known(9), ..row(&wanted, &[Membership::NotMember; 2]) };
    let decision = decide(&wide(), Some(&decision.after), &back, &[]);
    assert_eq!(decision.attributes, [AttributeWrite::Value(0), AttributeWrite::Value(1)]);
}

/// semantics 7.2, column not a member, as part of a release.
#[test]
fn the_leaves_of_a_release_follow_what_braze_says() {
    let rules = rules(&[], &[NEWS]);
    for (answer, sent, state) in [
        (Answer::Subscribed, true, Out),
        (Answer::Unknown, true, Out),
        (Answer::Unsubscribed, false, OptedOut),
        (Answer::Missing, false, In),
    ] {
        let mut decision = release(&rules, &record(&[], &[entry(In)]));
        leave(&rules, 0, Some(answer), false, &mut decision);
        assert_eq!((decision.sends(), decision.after.group(0).state), (sent, state), "{answer:?}");
    }
}
