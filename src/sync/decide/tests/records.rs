//! semantics 2.3: one record, with its status before and after and its outcome.

use super::*;
use crate::braze::Refusal;
use crate::data::ColumnKind;
use crate::state::Change;
use crate::sync::object::Value;
use crate::sync::outcome::Outcome;
use crate::sync::parcel::{Composed, Subject, compose, refusal_mark};
use crate::sync::program::Program;
use crate::sync::program::testing::{from, job, program};

/// A program with one attribute, `city`.
fn one_city() -> Program {
    let columns = [("id", ColumnKind::Integer), ("city", ColumnKind::Text)];
    program(&job().map([from("city", "city")]), &columns).expect("a good job")
}

/// What becomes of a record whose city has that hash.
fn composed(before: Option<Record>, wanted: Wanted) -> Composed {
    let program = one_city();
    let rules = Rules { now: at(0), ..program.rules.clone() };
    let decision = decide(&rules, before.as_ref(), &row(&[wanted], &[]), &[]);
    finish(&program, before, decision, false).0
}

fn finish(
    program: &Program,
    before: Option<Record>,
    decision: Decision,
    update_only: bool,
) -> (Composed, String) {
    let subject = Subject { key: b"k", key_hash: 1, fingerprint: 77, before: before.map(Box::new) };
    let value = |_| Value { json: br#""Paris""#, data_points: 1 };
    let mut out = Vec::new();
    let composed = compose(program, subject, decision, value, (false, update_only), &mut out);
    (composed, String::from_utf8(out).expect("JSON is text"))
}

/// The outcome, the status afterwards, and whether something is sent.
fn fate(composed: Composed) -> (Outcome, Status, bool) {
    match composed {
        Composed::Send(item) => (item.outcome, item.intended.after.status, true),
        Composed::Note(Change::Put(after, _), outcome) => (outcome, after.status, false),
        Composed::Nothing(outcome) => (outcome, Status::Live, false),
        Composed::RefusedBefore(_) => (Outcome::Failed, Status::Refused, false),
        Composed::TooLarge | Composed::Note(Change::Erase(_), _) => panic!("neither here"),
    }
}

fn of(status: Status, city: AttributeEntry) -> Record {
    Record { status, ..record(&[city], &[]) }
}

use AttributeEntry::{Hash, Never, Unknown};

/// semantics 2.3, row 1.
#[test]
fn a_new_record_is_added() {
    assert_eq!(fate(composed(None, value(1))), (Outcome::Added, Status::Live, true));
    assert_eq!(fate(composed(None, Wanted::Null)), (Outcome::Added, Status::Live, false), "no object");
}

/// semantics 2.3, rows 3 and 4.
#[test]
fn a_live_record_is_updated_where_it_differs() {
    let live = of(Status::Live, Hash(1));
    assert_eq!(fate(composed(Some(live.clone()), value(2))), (Outcome::Updated, Status::Live, true));
    assert_eq!(fate(composed(Some(live), value(1))), (Outcome::Unchanged, Status::Live, false));
}

/// semantics 2.3, row 8: entries were kept, so only what differs is sent.
#[test]
fn a_record_that_came_back_after_a_release_is_added_by_what_differs() {
    let released = Record { released: Some(at(-24 * 90)), ..of(Status::Released, Hash(1)) };
    assert_eq!(fate(composed(Some(released.clone()), value(1))), (Outcome::Added, Status::Live, false));
    assert_eq!(fate(composed(Some(released.clone()), value(2))), (Outcome::Added, Status::Live, true));
    let Composed::Note(Change::Put(after, 77), _) = composed(Some(released), value(1)) else {
        panic!("remembered with its fingerprint")
    };
    assert_eq!(after.released, None);
}

/// semantics 1, record status: attribute hashes of a released record are kept 90 days, then `never`; groups stay.
#[test]
fn the_hashes_of_a_released_record_are_forgotten_after_90_days() {
    let rules = rules(&[PLAIN], &[ELEMENT]);
    let released = |hours: i64| Record {
        status: Status::Released,
        released: Some(at(-hours)),
        ..record(&[Hash(1)], &[entry(GroupState::Out)])
    };
    let sends = |hours| {
        let before = released(hours);
        let wanted = [value(1)];
        let row = row(&wanted, &[Membership::NotMember]);
        let decision = decide(&rules, Some(&before), &row, &[]);
        assert_eq!(decision.after.group(0).state, GroupState::Out);
        decision.sends()
    };
    assert!(!sends(24 * 90));
    assert!(sends(24 * 90 + 1));
}

/// semantics 2.3, row 9: unknown differs from everything.
#[test]
fn an_attempted_record_is_added() {
    assert_eq!(
        fate(composed(Some(of(Status::Attempted, Unknown)), value(1))),
        (Outcome::Added, Status::Live, true)
    );
}

/// semantics 2.3, row 7: after an erase there is no entry, so it is as row 1.
#[test]
fn a_record_that_was_erased_is_as_new() {
    assert_eq!(fate(composed(None, value(1))).0, Outcome::Added);
}

/// semantics 2.3, row 12, and row 13: object, mapping or Model changed, or retry asked.
#[test]
fn a_refused_object_is_not_sent_again_until_something_changes() {
    let program = one_city();
    let Composed::Send(item) = composed(None, value(1)) else { panic!("sent") };
    let mark = refusal_mark(item.object_hash, Refusal::ObjectRefused);
    for before in [of(Status::Refused, Never), of(Status::Live, Hash(9))] {
        let was_live = before.status == Status::Live;
        let before = Record { refused: Some(mark), ..before };
        let again = composed(Some(before.clone()), value(1));
        assert!(matches!(again, Composed::RefusedBefore(Refusal::ObjectRefused)));
        let other = Record { refused: Some(mark ^ (1 << 40)), ..before.clone() };
        let outcome = if was_live { Outcome::Updated } else { Outcome::Added };
        let (found, status, sent) = fate(composed(Some(other), value(1)));
        assert_eq!((found, status, sent), (outcome, Status::Live, true));
        let Composed::Send(item) = composed(Some(Record { refused: None, ..before.clone() }), value(1))
        else {
            panic!("sent")
        };
        assert_eq!(item.intended.after.refused, None);
        let decision = decide(&program.rules, Some(&before), &row(&[value(1)], &[]), &[]);
        let subject = Subject { key: b"k", key_hash: 1, fingerprint: 77, before: Some(Box::new(before)) };
        let json = |_| Value { json: br#""Paris""#, data_points: 1 };
        let retried = compose(&program, subject, decision, json, (true, false), &mut Vec::new());
        assert!(matches!(retried, Composed::Send(_)), "asked by a person");
    }
}

/// semantics 2.3, row 12: the refused change is taken back in the source.
#[test]
fn a_refused_change_that_is_taken_back_is_forgotten() {
    let before = Record { refused: Some(5), ..of(Status::Live, Hash(1)) };
    let Composed::Note(Change::Put(after, 77), Outcome::Unchanged) = composed(Some(before), value(1)) else {
        panic!("noted")
    };
    assert_eq!(after.refused, None);
}

/// semantics 2.3, row 14: an object above 1 MB.
#[test]
fn an_object_above_the_limit_is_not_sent() {
    let program = one_city();
    let decision = decide(&program.rules, None, &row(&[value(1)], &[]), &[]);
    let subject = Subject { key: b"k", key_hash: 1, fingerprint: 77, before: None };
    let long = vec![b'1'; 1_000_000];
    let mut out = b"before".to_vec();
    let json = |_| Value { json: &long, data_points: 1 };
    let composed = compose(&program, subject, decision, json, (false, false), &mut out);
    assert!(matches!(composed, Composed::TooLarge));
    assert_eq!(out, b"before");
}

/// semantics 2.3, row 16: known to be absent, or refused when it was new: as row 1; opt-outs stay (semantics 7.2).
#[test]
fn an_absent_or_refused_record_is_as_new_but_for_opt_outs() {
    let rules = rules(&[PLAIN], &[NEWS, GroupRule { column: 1, ..ELEMENT }]);
    for status in [Status::Absent, Status::Refused] {
        let before =
            Record { status, ..record(&[Hash(1)], &[entry(GroupState::OptedOut), entry(GroupState::In)]) };
        let wanted = [value(1)];
        let row = row(&wanted, &[Membership::Member; 2]);
        let decision = decide(&rules, Some(&before), &row, &[]);
        assert_eq!(decision.attributes, [AttributeWrite::Value(0)]);
        assert_eq!(decision.groups, [GroupWrite::Add(1)]);
        assert_eq!(decision.after.group(0).state, GroupState::OptedOut);
    }
    assert_eq!(fate(composed(Some(of(Status::Absent, Never)), value(1))).0, Outcome::Added);
}

/// semantics 2.3, row 18: wanted again while a delete is without an answer: all is unknown, as row 9.
#[test]
fn after_an_unanswered_delete_everything_is_unknown() {
    let doubtful = Record { delete_sent: Some(ago(5)), ..of(Status::Live, Hash(1)) };
    assert_eq!(fate(composed(Some(doubtful.clone()), value(1))), (Outcome::Added, Status::Live, true));
    assert_eq!(fate(composed(Some(doubtful.clone()), Wanted::Null)), (Outcome::Added, Status::Live, true));
    let after = decide(&rules(&[PLAIN], &[]), Some(&doubtful), &row(&[value(1)], &[]), &[]).after;
    assert_eq!(after.delete_sent, None);
}

/// semantics 2.3, row 18, with 7.2 and 7.3: memberships are unknown too; the delete may not have been applied.
#[test]
fn after_an_unanswered_delete_memberships_are_unknown() {
    let groups = [NEWS, GroupRule { column: 1, ..ELEMENT }];
    let decided = |state: GroupState, member| {
        let before = Record { delete_sent: Some(ago(5)), ..record(&[], &[entry(state), entry(state)]) };
        decide(&rules(&[], &groups), Some(&before), &row(&[], &[member; 2]), &[])
    };
    let joins = decided(GroupState::In, Membership::Member);
    assert_eq!((&joins.reads[..], &joins.groups[..]), (&[0][..], &[GroupWrite::Add(1)][..]));
    let leaves = decided(GroupState::In, Membership::NotMember);
    assert_eq!((&leaves.leaves[..], &leaves.groups[..]), (&[0][..], &[GroupWrite::Remove(1)][..]));
    let opted_out = decided(GroupState::OptedOut, Membership::Member);
    assert_eq!((opted_out.reads.len(), opted_out.after.group(0).state), (0, GroupState::OptedOut));
}

/// semantics 2.3, row 15 and 6: what comes back is no longer counted as missing, nor held.
#[test]
fn a_record_that_is_wanted_is_neither_missing_nor_held() {
    let before = Record { absences: 1, held_since: Some(4), ..of(Status::Live, Hash(1)) };
    let Composed::Note(Change::Put(after, 77), Outcome::Unchanged) = composed(Some(before), value(1)) else {
        panic!("noted")
    };
    assert_eq!((after.absences, after.held_since), (0, None));
}

/// semantics 2.3, row 5, Additive and Enrich: released, by an object that creates nobody; without one too.
#[test]
fn a_release_is_released_with_and_without_an_object() {
    let groups = [GroupRule { column: 0, ..ELEMENT }];
    let rules = rules(&[], &groups);
    let mut program = one_city();
    program.schema.groups.push(crate::sync::schema::GroupColumn {
        target: crate::sync::schema::GroupColumnTarget::Element {
            attribute: "segments".into(),
            value: "vip".into(),
        },
        use_now: crate::sync::schema::Use::Active,
    });
    let before = record(&[], &[entry(GroupState::In)]);
    let (composed, json) = finish(&program, Some(before.clone()), release(&rules, &before), true);
    assert_eq!(fate(composed), (Outcome::Released, Status::Released, true));
    assert_eq!(json, r#"{"external_id":"k","segments":{"remove":["vip"]},"_update_existing_only":true}"#);
    let before = record(&[], &[]);
    let (composed, _) = finish(&program, Some(before.clone()), release(&rules, &before), true);
    assert_eq!(fate(composed), (Outcome::Released, Status::Released, false));
}

/// semantics 2.3, row 4: nothing to send and nothing to note leaves the store alone.
#[test]
fn what_is_open_for_another_reason_is_not_written_again() {
    let program = one_city();
    let before = of(Status::Live, Hash(1));
    let mut decision = decide(&program.rules, Some(&before), &row(&[value(1)], &[]), &[]);
    decision.unsettled = true;
    assert!(matches!(
        finish(&program, Some(before), decision, false).0,
        Composed::Nothing(Outcome::Unchanged)
    ));
}
