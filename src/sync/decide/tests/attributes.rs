//! semantics 2.2, 5.5 and 13.3: one attribute.

use super::*;

/// What is sent for one attribute, and its entry afterwards.
fn cell(
    rules: Rules,
    entry: AttributeEntry,
    wanted: Wanted,
) -> (Option<AttributeWrite>, AttributeEntry, Decision) {
    let decision = decide(&rules, Some(&record(&[entry], &[])), &row(&[wanted], &[]), &[]);
    assert!(decision.attributes.len() <= 1);
    let touched: &[u16] = if decision.attributes.is_empty() { &[] } else { &[0] };
    assert_eq!(decision.touched.attributes, touched, "what is sent is open until it is acknowledged");
    (decision.attributes.first().copied(), decision.after.attribute(0), decision)
}

fn check(rules: Rules, wanted: Wanted, cells: &[(AttributeEntry, Option<AttributeWrite>, AttributeEntry)]) {
    for &(entry, sent, after) in cells {
        let (found, left, _) = cell(rules.clone(), entry, wanted);
        assert_eq!((found, left), (sent, after), "{wanted:?} after {entry:?}");
    }
}

use AttributeEntry::{Hash, Held, Never, Null, Unknown};
const VALUE: Option<AttributeWrite> = Some(AttributeWrite::Value(0));
const NULL: Option<AttributeWrite> = Some(AttributeWrite::Null(0));

/// semantics 2.2, row value.
#[test]
fn a_value_is_sent_unless_its_hash_was_acknowledged() {
    let cells = [
        (Never, VALUE, Hash(1)),
        (Unknown, VALUE, Hash(1)),
        (Null, VALUE, Hash(1)),
        (Hash(2), VALUE, Hash(1)),
        (Hash(1), None, Hash(1)),
    ];
    check(rules(&[PLAIN], &[]), value(1), &cells);
}

/// semantics 2.2, row null, `onNull: Clear`.
#[test]
fn a_null_clears_only_what_we_put_there() {
    let cells = [(Never, None, Never), (Unknown, NULL, Null), (Null, None, Null), (Hash(1), NULL, Null)];
    check(rules(&[PLAIN], &[]), Wanted::Null, &cells);
}

/// semantics 2.2, row null, `onNull: Leave`: the entry is kept, so the same value coming back sends nothing.
#[test]
fn a_null_that_leaves_keeps_value_and_entry() {
    let leave = rules(&[AttributeRule { clear_on_null: false, ..PLAIN }], &[]);
    let cells =
        [(Never, None, Never), (Unknown, None, Unknown), (Null, None, Null), (Hash(1), None, Hash(1))];
    check(leave.clone(), Wanted::Null, &cells);
    check(leave, value(1), &[(Hash(1), None, Hash(1))]);
}

/// semantics 5.3, row Nested: value and entry stay, and it is told in each run as long as something of ours is there.
#[test]
fn a_null_inside_an_attribute_is_never_sent_and_told_while_the_value_stays() {
    for rules in [rules(&[NESTED], &[]), full(rules(&[NESTED], &[]))] {
        for (entry, told) in [(Never, false), (Unknown, true), (Null, false), (Hash(1), true)] {
            let (sent, left, decision) = cell(rules.clone(), entry, Wanted::Null);
            assert_eq!((sent, left), (None, entry), "after {entry:?}");
            assert_eq!((decision.kept_nulls.len() == 1, decision.unsettled), (told, told), "after {entry:?}");
        }
    }
}

/// semantics 2.2, row dropped by pre-flight.
#[test]
fn a_dropped_attribute_keeps_entry_and_remote_value() {
    let cells =
        [(Never, None, Never), (Unknown, None, Unknown), (Null, None, Null), (Hash(1), None, Hash(1))];
    check(rules(&[PLAIN], &[]), Wanted::Dropped, &cells);
    check(full(rules(&[PLAIN], &[])), Wanted::Dropped, &cells);
}

/// semantics 2.2, row no longer mapped with `onUnmap: Clear`: then the column is forgotten.
#[test]
fn an_unmapped_target_is_cleared_once_where_we_put_it() {
    for (entry, sent) in [(Never, false), (Unknown, true), (Null, false), (Hash(1), true)] {
        for rules in [rules(&[], &[]), full(rules(&[], &[]))] {
            let rules = Rules { clearing_attributes: vec![0], ..rules };
            let decision = decide(&rules, Some(&record(&[entry], &[])), &row(&[], &[]), &[]);
            let cleared: &[AttributeWrite] = if sent { &[AttributeWrite::Cleared(0)] } else { &[] };
            assert_eq!(
                (&decision.attributes[..], decision.after.attribute(0)),
                (cleared, Never),
                "{entry:?}"
            );
            assert_eq!(decision.touched.attributes.len(), usize::from(sent));
        }
    }
}

/// semantics 2.2, row consent value under `OnChange`; semantics 5.5: only a change from a noted value is sent.
#[test]
fn an_opt_in_is_sent_only_on_a_change_from_another_noted_value() {
    let cells = [
        (Never, None, Held(1)),
        (Unknown, None, Held(1)),
        (Null, None, Null),
        (Hash(1), None, Hash(1)),
        (Hash(2), VALUE, Hash(1)),
        (Held(1), None, Held(1)),
        (Held(2), VALUE, Hash(1)),
    ];
    check(rules(&[CONSENT], &[]), opt_in(1), &cells);
}

/// semantics 5.5 and 15: held opt-ins are counted when they are noted.
#[test]
fn a_held_opt_in_is_counted_once() {
    let consent = || rules(&[CONSENT], &[]);
    assert_eq!(cell(consent(), Never, opt_in(1)).2.held_consent, 1);
    assert_eq!(cell(consent(), Held(1), opt_in(1)).2.held_consent, 0);
    assert_eq!(cell(consent(), Held(2), opt_in(1)).2.held_consent, 0);
}

/// semantics 5.5: `unsubscribed` is sent like any value; null never is.
#[test]
fn an_opt_out_is_sent_like_any_value() {
    let cells = [
        (Never, VALUE, Hash(1)),
        (Unknown, VALUE, Hash(1)),
        (Null, VALUE, Hash(1)),
        (Hash(2), VALUE, Hash(1)),
        (Held(2), VALUE, Hash(1)),
        (Hash(1), None, Hash(1)),
    ];
    check(rules(&[CONSENT], &[]), value(1), &cells);
    let nothing = [(Never, None, Never), (Held(1), None, Held(1)), (Hash(1), None, Hash(1))];
    check(rules(&[CONSENT], &[]), Wanted::Null, &nothing);
}

/// semantics 5.5: under `optInPolicy: Always` an opt-in is a value, at first sight too.
#[test]
fn an_opt_in_under_always_is_sent_at_first_sight() {
    let rules = rules(&[AttributeRule { clear_on_null: false, ..PLAIN }], &[]);
    check(rules, opt_in(1), &[(Never, VALUE, Hash(1)), (Held(1), VALUE, Hash(1)), (Hash(1), None, Hash(1))]);
}

/// semantics 13.3: active entries count as unknown, so that all values and nulls are sent.
#[test]
fn a_full_resync_sends_values_and_nulls_whatever_is_remembered() {
    for entry in [Never, Unknown, Null, Hash(1), Hash(2)] {
        check(full(rules(&[PLAIN], &[])), value(1), &[(entry, VALUE, Hash(1))]);
        check(full(rules(&[PLAIN], &[])), Wanted::Null, &[(entry, NULL, Null)]);
    }
    let leave = full(rules(&[AttributeRule { clear_on_null: false, ..PLAIN }], &[]));
    check(leave, Wanted::Null, &[(Never, None, Never), (Hash(1), None, Hash(1))]);
}

/// semantics 13.3: noted consent stays; `unsubscribed` is sent again, opt-ins compare as in any run.
#[test]
fn a_full_resync_repeats_opt_outs_and_no_opt_in() {
    let consent = || full(rules(&[CONSENT], &[]));
    check(consent(), value(1), &[(Hash(1), VALUE, Hash(1)), (Never, VALUE, Hash(1))]);
    let cells = [
        (Never, None, Held(1)),
        (Held(1), None, Held(1)),
        (Hash(1), None, Hash(1)),
        (Held(2), VALUE, Hash(1)),
        (Null, None, Null),
    ];
    check(consent(), opt_in(1), &cells);
}

/// semantics 1, record: address hashes follow what is acknowledged.
#[test]
fn the_address_is_remembered_with_its_value() {
    let rules = rules(&[EMAIL], &[]);
    let mut before = record(&[Hash(1)], &[]);
    before.email = Some(10);
    let wanted = [value(2)];
    let new = Row { email: Address::Known(20), ..row(&wanted, &[]) };
    assert_eq!(decide(&rules, Some(&before), &new, &[]).after.email, Some(20));
    let gone = Row { email: Address::Missing, ..row(&[Wanted::Null], &[]) };
    assert_eq!(decide(&rules, Some(&before), &gone, &[]).after.email, None);
    let bad = Row { email: Address::Dropped, ..row(&[Wanted::Dropped], &[]) };
    assert_eq!(decide(&rules, Some(&before), &bad, &[]).after.email, Some(10));
}
