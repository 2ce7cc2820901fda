//! semantics 7.2: subscription groups whose state is asked for by `external_id` (no address mapped); addresses are in
//! the tests beside this one.

use super::*;
use Answer::{Missing, OptOutMark, Subscribed, Unsubscribed};
use GroupState::{In, None, OptedOut, Out, UnknownJoin, UnknownLeave};
use Membership::{Member, NotMember, Unknown};

/// What happens to one group.
#[derive(Debug, PartialEq)]
enum Does {
    Nothing,
    Reads,
    Subscribes,
    Unsubscribes,
}
use Does::{Nothing, Reads, Subscribes, Unsubscribes};

/// Phase 2 and, where a leave is found, phase 3.
fn happens(
    rule: GroupRule,
    state: GroupState,
    member: Membership,
    answer: Option<Answer>,
) -> (Does, GroupState, Decision) {
    let rules = rules(&[], &[rule]);
    let before = record(&[], &[entry(state)]);
    let mut decision = decide(&rules, Some(&before), &row(&[], &[member]), &[answer]);
    for group in std::mem::take(&mut decision.leaves) {
        assert!(decision.unsettled, "phase 3 follows");
        leave(&rules, group, answer, false, &mut decision);
    }
    let does = match (decision.reads.len(), decision.groups.first()) {
        (1, Option::None) => Reads,
        (0, Option::None) => Nothing,
        (0, Some(GroupWrite::Subscribe(0))) => Subscribes,
        (0, Some(GroupWrite::Unsubscribe(0))) => Unsubscribes,
        other => panic!("{other:?}"),
    };
    let open = match does {
        Subscribes => vec![(0, UnknownJoin(at(0)))],
        Unsubscribes => vec![(0, UnknownLeave(at(0)))],
        Nothing | Reads => vec![],
    };
    assert_eq!(decision.touched.groups, open);
    (does, decision.after.group(0).state, decision)
}

fn check(rule: GroupRule, member: Membership, cells: &[(GroupState, Option<Answer>, Does, GroupState)]) {
    for (state, answer, does, after) in cells {
        let (found, left, _) = happens(rule, *state, member, *answer);
        assert_eq!((&found, left), (does, *after), "{member:?} after {state:?}, Braze says {answer:?}");
    }
}

const UNKNOWN: Option<Answer> = Some(Answer::Unknown);
const NONE: Option<Answer> = Option::None;

/// semantics 7.2, row none, member.
#[test]
fn a_first_join_follows_what_braze_says() {
    let cells = [
        (None, NONE, Reads, None),
        (None, Some(Unsubscribed), Nothing, OptedOut),
        (None, Some(Subscribed), Nothing, In),
        (None, UNKNOWN, Subscribes, In),
        (None, Some(Missing), Nothing, None),
    ];
    check(NEWS, Member, &cells);
}

/// semantics 7.2 and 15: what is found is counted; without an answer the next run asks again.
#[test]
fn what_braze_says_is_counted() {
    let counts = |answer| happens(NEWS, None, Member, Some(answer)).2;
    assert_eq!(counts(Subscribed).memberships.already_there, 1);
    assert_eq!(counts(Unsubscribed).memberships.opted_out, 1);
    let deferred = counts(Missing);
    assert_eq!((deferred.memberships.deferred, deferred.unsettled), (1, true));
    assert!(!counts(Answer::Unknown).unsettled);
}

/// semantics 7.2, row none, not a member.
#[test]
fn who_was_never_a_member_is_left_alone() {
    check(NEWS, NotMember, &[(None, NONE, Nothing, None)]);
}

/// semantics 7.2, row none, not a member, `nonMembers: Remove`.
#[test]
fn non_members_are_unsubscribed_after_a_read_where_that_is_wanted() {
    let cells = [
        (None, NONE, Reads, None),
        (None, Some(Unsubscribed), Nothing, OptedOut),
        (None, Some(Subscribed), Unsubscribes, Out),
        (None, UNKNOWN, Unsubscribes, Out),
        (None, Some(Missing), Nothing, None),
        (Out, NONE, Nothing, Out),
        (OptedOut, NONE, Nothing, OptedOut),
    ];
    check(remove(NEWS), NotMember, &cells);
}

/// semantics 7.2, row in.
#[test]
fn a_member_stays_and_one_that_left_is_asked_about_first() {
    check(NEWS, Member, &[(In, NONE, Nothing, In)]);
    let cells = [
        (In, NONE, Reads, In),
        (In, Some(Unsubscribed), Nothing, OptedOut),
        (In, Some(Subscribed), Unsubscribes, Out),
        (In, UNKNOWN, Unsubscribes, Out),
        (In, Some(Missing), Nothing, In),
    ];
    check(NEWS, NotMember, &cells);
}

/// semantics 7.2, row out.
#[test]
fn who_we_unsubscribed_is_subscribed_without_a_read() {
    check(NEWS, Member, &[(Out, NONE, Subscribes, In)]);
    check(NEWS, NotMember, &[(Out, NONE, Nothing, Out)]);
}

/// semantics 7.2, row optedOut.
#[test]
fn an_opt_out_is_for_good() {
    for member in [Member, NotMember, Unknown] {
        for rule in [NEWS, remove(NEWS)] {
            check(
                rule,
                member,
                &[(OptedOut, NONE, Nothing, OptedOut), (OptedOut, Some(Subscribed), Nothing, OptedOut)],
            );
        }
    }
}

/// semantics 7.2, rows unknownJoin and unknownLeave, member.
#[test]
fn an_unanswered_join_is_asked_about_and_our_own_leave_is_taken_back_for_an_hour() {
    let cells = [
        (UnknownJoin(ago(1)), NONE, Reads, UnknownJoin(ago(1))),
        (UnknownJoin(ago(1)), UNKNOWN, Subscribes, In),
        (UnknownJoin(ago(1)), Some(Unsubscribed), Nothing, OptedOut),
        (UnknownLeave(ago(60)), NONE, Subscribes, In),
        (UnknownLeave(ago(61)), NONE, Reads, UnknownLeave(ago(61))),
        (UnknownLeave(ago(61)), Some(Unsubscribed), Nothing, OptedOut),
    ];
    check(NEWS, Member, &cells);
}

/// semantics 7.2, rows unknownJoin and unknownLeave, not a member.
#[test]
fn an_unanswered_membership_is_left_as_if_it_held() {
    let cells = [
        (UnknownJoin(ago(1)), NONE, Reads, UnknownJoin(ago(1))),
        (UnknownJoin(ago(1)), UNKNOWN, Unsubscribes, Out),
        (UnknownJoin(ago(1)), Some(Unsubscribed), Nothing, OptedOut),
        (UnknownLeave(ago(60)), NONE, Unsubscribes, Out),
        (UnknownLeave(ago(61)), NONE, Reads, UnknownLeave(ago(61))),
        (UnknownLeave(ago(61)), Some(Subscribed), Unsubscribes, Out),
    ];
    check(NEWS, NotMember, &cells);
}

/// semantics 7.1.2: a rule that could not be evaluated neither joins nor leaves.
#[test]
fn an_unknown_membership_changes_nothing() {
    for state in [None, In, Out, OptedOut, UnknownJoin(ago(1)), UnknownLeave(ago(1))] {
        check(remove(NEWS), Unknown, &[(state, NONE, Nothing, state)]);
    }
}

/// semantics 7.2, `optInPolicy: Always`: no reads; from `none`, `out` and `optedOut` alike.
#[test]
fn under_always_nobody_is_asked() {
    let cells = [
        (None, NONE, Subscribes, In),
        (Out, NONE, Subscribes, In),
        (OptedOut, NONE, Subscribes, In),
        (UnknownJoin(ago(1)), NONE, Subscribes, In),
        (UnknownLeave(ago(100)), NONE, Subscribes, In),
        (In, NONE, Nothing, In),
        (None, Some(OptOutMark), Subscribes, In),
    ];
    check(always(NEWS), Member, &cells);
    check(always(NEWS), NotMember, &[(In, NONE, Unsubscribes, Out), (None, NONE, Nothing, None)]);
    check(always(remove(NEWS)), NotMember, &[(None, NONE, Unsubscribes, Out)]);
}

/// semantics 7.2, `onJoin: Nothing`: becoming a member sets `in`, unwritten.
#[test]
fn a_join_that_writes_nothing_is_remembered() {
    let rule = subscription(NEWS, |on_join, _, _| *on_join = false);
    let cells = [
        (None, NONE, Nothing, In),
        (Out, NONE, Nothing, In),
        (In, NONE, Nothing, In),
        (OptedOut, NONE, Nothing, OptedOut),
    ];
    check(rule, Member, &cells);
    check(rule, NotMember, &[(In, Some(Subscribed), Unsubscribes, Out)]);
}

/// semantics 7.2, `onLeave: Nothing`: leaving sets `none`, nothing sent.
#[test]
fn a_leave_that_writes_nothing_is_remembered() {
    let rule = subscription(remove(NEWS), |_, on_leave, _| *on_leave = false);
    let cells = [
        (In, NONE, Nothing, None),
        (UnknownJoin(ago(1)), NONE, Nothing, None),
        (UnknownLeave(ago(1)), NONE, Nothing, None),
        (None, NONE, Nothing, None),
        (OptedOut, NONE, Nothing, OptedOut),
    ];
    check(rule, NotMember, &cells);
}

/// semantics 7.2, Sync delete: a later join of a person who had opted out starts as `optedOut`.
#[test]
fn a_mark_makes_a_new_member_one_that_opted_out() {
    check(
        NEWS,
        Member,
        &[
            (None, Some(OptOutMark), Nothing, OptedOut),
            (UnknownJoin(ago(1)), Some(OptOutMark), Nothing, OptedOut),
        ],
    );
    check(NEWS, NotMember, &[(None, Some(OptOutMark), Nothing, None)]);
    assert_eq!(happens(NEWS, None, Member, Some(OptOutMark)).2.memberships.opted_out, 1);
}

/// semantics 7.2: entries change on transitions only; a full resync rewrites no subscription.
#[test]
fn a_full_resync_leaves_subscriptions_as_they_are() {
    let rules = full(rules(&[], &[NEWS]));
    for (state, member) in [(In, Member), (Out, NotMember), (OptedOut, Member), (None, NotMember)] {
        let decision = decide(&rules, Some(&record(&[], &[entry(state)])), &row(&[], &[member]), &[]);
        assert!(!decision.sends() && decision.reads.is_empty() && decision.leaves.is_empty());
        assert_eq!(decision.after.group(0).state, state);
    }
}

/// semantics 7.2: a read precedes each leave but under `Always` and after our own unanswered one.
#[test]
fn which_leaves_need_a_read() {
    let needs = |rule, state| leave_needs_read(&rules(&[], &[rule]), 0, &record(&[], &[entry(state)]));
    assert!(needs(NEWS, In) && needs(NEWS, None) && needs(NEWS, UnknownJoin(ago(1))));
    assert!(needs(NEWS, UnknownLeave(ago(61))) && !needs(NEWS, UnknownLeave(ago(60))));
    assert!(!needs(always(NEWS), In) && !needs(ELEMENT, In));
}
