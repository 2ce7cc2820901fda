//! Requests: open, answered, refused, unanswered, and what a kill makes of them.

use super::*;

fn sizes(home: &dyn Home) -> (u64, u64) {
    (home.store().size().records, home.store().size().known)
}

/// A store with `a` (live), and a request on its way that changes `a` and makes `n`.
fn on_the_way(home: &mut dyn Home) -> (u64, u64) {
    let epoch = home.store().begin().expect("taken").epoch;
    look(home, "a", 5);
    home.store().commit(epoch, put(live("a", &[1, 2]), 5)).expect("written");
    let epoch = home.store().begin().expect("taken").epoch;
    let before = look(home, "a", 6);
    assert_eq!(before, Found::Known(Box::new(live("a", &[1, 2]))));
    assert_eq!(look(home, "n", 7), Found::New);
    let request = home.store().next_request();
    let records =
        vec![intended(live("a", &[1, 3]), Some(live("a", &[1, 2])), 6), intended(live("n", &[4]), None, 7)];
    home.store().commit(epoch, track(request, records)).expect("written");
    (epoch, request)
}

fn unknown(key: &str, status: Status, attributes: usize) -> Record {
    Record { attributes: vec![AttributeEntry::Unknown; attributes], ..Record::new(key, status) }
}

/// semantics 10.1: what is on the wire is unknown.
#[test]
fn records_of_an_open_request_are_in_their_open_form() {
    everywhere(|home| {
        on_the_way(home);
        for _ in 0..2 {
            assert_eq!(get(home, "a"), Some(unknown("a", Status::Live, 2)));
            assert_eq!(get(home, "n"), Some(unknown("n", Status::Attempted, 1)));
            assert_eq!(sizes(home), (2, 2));
            home.restart();
        }
    });
}

/// semantics 10.2.
#[test]
fn an_acknowledged_request_leaves_what_was_intended() {
    everywhere(|home| {
        let (epoch, request) = on_the_way(home);
        home.store().commit(epoch, settle(request, vec![])).expect("written");
        for _ in 0..2 {
            assert_eq!(get(home, "a"), Some(live("a", &[1, 3])));
            assert_eq!(get(home, "n"), Some(live("n", &[4])));
            home.restart();
        }
        home.store().begin().expect("taken");
        assert_eq!(look(home, "a", 6), Found::Unchanged);
        assert_eq!(look(home, "n", 7), Found::Unchanged);
    });
}

/// semantics 9.3 and 10.2: a refused object has no effect.
#[test]
fn a_refused_object_changes_nothing() {
    everywhere(|home| {
        let (epoch, request) = on_the_way(home);
        let exceptions = vec![(0, Settled::Before), (1, Settled::Before)];
        home.store().commit(epoch, settle(request, exceptions)).expect("written");
        for _ in 0..2 {
            assert_eq!(get(home, "a"), Some(live("a", &[1, 2])));
            assert_eq!(get(home, "n"), None);
            assert_eq!(sizes(home), (1, 1));
            home.restart();
        }
        home.store().begin().expect("taken");
        assert!(matches!(look(home, "a", 6), Found::Known(_)));
        assert_eq!(look(home, "n", 7), Found::New);
    });
}

#[test]
fn an_exception_may_say_what_holds_instead() {
    everywhere(|home| {
        let (epoch, request) = on_the_way(home);
        let refused = Record { refused: Some(77), ..Record::new("n", Status::Refused) };
        let exceptions = vec![(1, Settled::Instead(refused.clone(), mark(b"n", 7)))];
        home.store().commit(epoch, settle(request, exceptions)).expect("written");
        for _ in 0..2 {
            assert_eq!(get(home, "a"), Some(live("a", &[1, 3])));
            assert_eq!(get(home, "n"), Some(refused.clone()));
            assert_eq!(sizes(home), (2, 1));
            home.restart();
        }
        home.store().begin().expect("taken");
        assert_eq!(look(home, "n", 7), Found::Unchanged);
    });
}

/// semantics 9.4: ambiguous answers.
#[test]
fn an_ambiguous_answer_leaves_the_open_form() {
    everywhere(|home| {
        let (epoch, request) = on_the_way(home);
        let exceptions = vec![(0, Settled::Unknown), (1, Settled::Unknown)];
        home.store().commit(epoch, settle(request, exceptions)).expect("written");
        for _ in 0..2 {
            assert_eq!(get(home, "a"), Some(unknown("a", Status::Live, 2)));
            assert_eq!(get(home, "n"), Some(unknown("n", Status::Attempted, 1)));
            home.restart();
        }
        home.store().begin().expect("taken");
        assert!(matches!(look(home, "a", 6), Found::Known(_)));
        assert!(matches!(look(home, "n", 7), Found::Known(_)));
    });
}

/// semantics 10.3.
#[test]
fn a_kill_leaves_open_requests_unknown_and_their_answers_come_too_late() {
    everywhere(|home| {
        let (epoch, request) = on_the_way(home);
        home.restart();
        assert!(matches!(
            home.store().commit(epoch + 7, settle(request, vec![])),
            Err(StateError::Fenced { .. })
        ));
        let epoch = home.store().begin().expect("taken").epoch;
        let late = home.store().commit(epoch, settle(request, vec![]));
        assert!(matches!(late, Err(StateError::Unwritable { .. })), "{late:?}");
        for _ in 0..2 {
            assert_eq!(get(home, "a"), Some(unknown("a", Status::Live, 2)));
            assert_eq!(get(home, "n"), Some(unknown("n", Status::Attempted, 1)));
            assert_eq!(sizes(home), (2, 2));
            home.restart();
        }
    });
}

#[test]
fn a_request_is_settled_once() {
    everywhere(|home| {
        let (epoch, request) = on_the_way(home);
        let mut twice = settle(request, vec![]);
        twice.settlements.extend(twice.settlements.clone());
        assert!(home.store().commit(epoch, twice).is_err());
        assert_eq!(get(home, "n"), Some(unknown("n", Status::Attempted, 1)), "nothing was applied");
        home.store().commit(epoch, settle(request, vec![])).expect("written");
        assert!(home.store().commit(epoch, settle(request, vec![])).is_err());
    });
}

/// semantics 2.3, cases 5 and 18.
#[test]
fn a_delete_erases_when_it_is_acknowledged_and_is_remembered_when_it_is_not() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        for key in ["a", "b", "c"] {
            look(home, key, 5);
            home.store().commit(epoch, put(live(key, &[1]), 5)).expect("written");
        }
        home.restart();
        let epoch = home.store().begin().expect("taken").epoch;
        let request = home.store().next_request();
        let records = ["a", "b", "c"].map(|key| live(key, &[1]));
        home.store().commit(epoch, delete(request, &records)).expect("written");
        let sent = |key: &str| Some(Record { delete_sent: Some(time(7)), ..live(key, &[1]) });
        assert_eq!([get(home, "a"), get(home, "c")], [sent("a"), sent("c")]);
        assert_eq!(sizes(home), (3, 3));
        let exceptions = vec![(1, Settled::Before), (2, Settled::Unknown)];
        home.store().commit(epoch, settle(request, exceptions)).expect("written");
        for _ in 0..2 {
            assert_eq!(
                [get(home, "a"), get(home, "b"), get(home, "c")],
                [None, Some(live("b", &[1])), sent("c")]
            );
            assert_eq!(sizes(home), (2, 2));
            home.restart();
        }
    });
}

/// semantics 7.2: unanswered joins and leaves.
#[test]
fn touched_groups_hold_what_the_request_says() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        let entry = |state| GroupEntry { state, address: Some(9) };
        let mut before = live("a", &[1]);
        before.groups = vec![entry(GroupState::In), GroupEntry::default(), entry(GroupState::OptedOut)];
        before.email = Some(9);
        look(home, "a", 5);
        home.store().commit(epoch, put(before.clone(), 5)).expect("written");
        let mut after = before.clone();
        after.groups[0] = entry(GroupState::Out);
        after.groups[1] = entry(GroupState::In);
        after.phone = Some(8);
        let states = vec![(0, GroupState::UnknownLeave(time(1))), (1, GroupState::UnknownJoin(time(2)))];
        let touched = Touched { groups: states.clone(), ..Touched::default() };
        let record =
            IntendedRecord { after, before: Some(Box::new(before.clone())), touched, fingerprint: 6 };
        let request = home.store().next_request();
        home.store().commit(epoch, track(request, vec![record.clone()])).expect("written");
        home.restart();
        assert_eq!(get(home, "a"), Some(record.open()));
        assert_eq!(record.open().group(1).state, states[1].1);
        let epoch = home.store().begin().expect("taken").epoch;
        assert_eq!(get(home, "a"), Some(record.open()));
        let request = home.store().next_request();
        home.store().commit(epoch, track(request, vec![record.clone()])).expect("written");
        home.store().commit(epoch, settle(request, vec![(0, Settled::Before)])).expect("written");
        assert_eq!(get(home, "a"), Some(before));
    });
}

#[test]
fn a_settlement_leaves_alone_what_was_written_since() {
    everywhere(|home| {
        for exception in [None, Some(Settled::Before), Some(Settled::Unknown)] {
            let (epoch, request) = on_the_way(home);
            let newer = Record { absences: 3, ..live("n", &[8]) };
            home.store().commit(epoch, put(newer.clone(), 8)).expect("written");
            let exceptions = exception.into_iter().map(|settled| (1, settled)).collect();
            home.store().commit(epoch, settle(request, exceptions)).expect("written");
            for _ in 0..2 {
                assert_eq!(get(home, "n"), Some(newer.clone()));
                home.restart();
            }
            let epoch = home.store().begin().expect("taken").epoch;
            let erase = Commit { changes: vec![Change::Erase("n".into())], ..Commit::default() };
            home.store().commit(epoch, erase).expect("written");
        }
    });
}

#[test]
fn a_request_may_have_more_records_than_a_row() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        let key = |n: u64| format!("k{n:03}");
        let records: Vec<IntendedRecord> = (0..600)
            .map(|n| {
                look(home, &key(n), n + 1);
                intended(live(&key(n), &[n]), None, n + 1)
            })
            .collect();
        let request = home.store().next_request();
        home.store().commit(epoch, track(request, records)).expect("written");
        let exceptions = vec![(0, Settled::Before), (256, Settled::Unknown), (599, Settled::Before)];
        home.store().commit(epoch, settle(request, exceptions)).expect("written");
        for _ in 0..2 {
            assert_eq!([get(home, &key(0)), get(home, &key(599))], [None, None]);
            assert_eq!(get(home, &key(256)), Some(unknown(&key(256), Status::Attempted, 1)));
            assert_eq!(get(home, &key(255)), Some(live(&key(255), &[255])));
            assert_eq!(get(home, &key(598)), Some(live(&key(598), &[598])));
            assert_eq!(sizes(home), (598, 598));
            home.restart();
        }
    });
}
