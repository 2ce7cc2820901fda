//! semantics 13.2: everything wanted is noted as acknowledged, and nothing is sent.

use super::*;

fn adopting(rules: Rules) -> Rules {
    Rules { adopt: true, ..rules }
}

/// semantics 13.2: hashes and membership are noted; dropped attributes stay `never`.
#[test]
fn adoption_notes_everything_and_sends_nothing() {
    let columns = |rule: AttributeRule| {
        let plain = |column| AttributeRule { column, ..PLAIN };
        rules(
            &[rule, plain(1), plain(2)],
            &[NEWS, GroupRule { column: 1, ..ELEMENT }, GroupRule { column: 2, ..ELEMENT }],
        )
    };
    let wanted = [value(1), Wanted::Null, Wanted::Dropped];
    let members = [Membership::Member, Membership::Member, Membership::NotMember];
    let row = Row { email: Address::Known(9), ..row(&wanted, &members) };
    let decision = decide(&adopting(columns(EMAIL)), None, &row, &[]);
    assert!(!decision.sends() && decision.reads.is_empty() && decision.leaves.is_empty());
    assert!(decision.touched.attributes.is_empty() && decision.touched.groups.is_empty());
    let after = decision.after;
    assert_eq!((after.status, after.email), (Status::Live, Some(9)));
    assert_eq!(after.attribute(0), AttributeEntry::Hash(1));
    assert_eq!(after.attribute(1), AttributeEntry::Null);
    assert_eq!(after.attribute(2), AttributeEntry::Never);
    assert_eq!(after.group(0), entry_at(GroupState::In, 9));
    assert_eq!(after.group(1), entry(GroupState::In));
    assert_eq!(after.group(2), entry(GroupState::None));
}

/// semantics 13.2 and 5.5: an opt-in is noted like any value, so that only a change from it is sent.
#[test]
fn adoption_notes_consent() {
    let decision = decide(&adopting(rules(&[CONSENT], &[])), None, &row(&[opt_in(1)], &[]), &[]);
    assert_eq!((decision.after.attribute(0), decision.held_consent), (AttributeEntry::Hash(1), 0));
}

/// semantics 13.2: until one run has read everything, later runs adopt what changed meanwhile; an opt-out and what
/// cannot be judged stay.
#[test]
fn a_second_adopting_run_notes_what_changed_and_nothing_else() {
    let rules = adopting(rules(&[PLAIN], &[NEWS, GroupRule { column: 1, ..NEWS }]));
    let before = record(&[AttributeEntry::Hash(1)], &[entry(GroupState::In), entry(GroupState::OptedOut)]);
    let members = [Membership::Unknown, Membership::Member];
    let decision = decide(&rules, Some(&before), &row(&[value(2)], &members), &[]);
    assert!(!decision.sends());
    assert_eq!(decision.after.attribute(0), AttributeEntry::Hash(2));
    assert_eq!(decision.after.group(0).state, GroupState::In);
    assert_eq!(decision.after.group(1).state, GroupState::OptedOut);
}
