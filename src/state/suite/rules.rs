//! Taking a store, looking up, seen marks, rejects, header.

use super::*;

/// semantics 10.4: one writer.
#[test]
fn a_run_that_was_overtaken_writes_nothing() {
    everywhere(|home| {
        let first = home.store().begin().expect("taken");
        let second = home.store().begin().expect("taken");
        assert_eq!((second.epoch, second.serial), (first.epoch + 1, first.serial + 1));
        let store = home.store();
        assert!(matches!(store.commit(first.epoch, put(live("a", &[1]), 5)), Err(StateError::Fenced { .. })));
        assert!(matches!(store.drop_rejects_before(first.epoch, 9), Err(StateError::Fenced { .. })));
        assert!(matches!(store.end(first.epoch), Err(StateError::Fenced { .. })));
        assert_eq!(get(home, "a"), None);
        store.commit(second.epoch, put(live("a", &[1]), 5)).expect("written");
        assert_eq!(get(home, "a"), Some(live("a", &[1])));
    });
}

#[test]
fn a_restart_goes_on_with_the_next_epoch_and_serial() {
    everywhere(|home| {
        let first = home.store().begin().expect("taken");
        home.restart();
        let second = home.store().begin().expect("taken");
        assert_eq!((second.epoch, second.serial), (first.epoch + 1, first.serial + 1));
    });
}

#[test]
fn a_key_is_new_once_and_a_duplicate_afterwards() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        assert_eq!(look(home, "a", 5), Found::New);
        assert_eq!(look(home, "a", 5), Found::Duplicate);
        assert_eq!(look(home, "a", 6), Found::Duplicate);
        assert_eq!(look(home, "b", 5), Found::New);
        home.store().commit(epoch, put(live("a", &[1]), 5)).expect("written");
        assert_eq!(look(home, "a", 5), Found::Duplicate);
        assert_eq!(look(home, "a", 6), Found::Duplicate);
    });
}

#[test]
fn a_known_key_is_unchanged_by_its_fingerprint_alone() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        for (key, fingerprint) in [("a", 5), ("b", 6), ("c", 0)] {
            look(home, key, fingerprint);
            home.store().commit(epoch, put(live(key, &[1]), fingerprint)).expect("written");
        }
        for _ in 0..2 {
            home.store().begin().expect("taken");
            assert_eq!(look(home, "a", 5), Found::Unchanged);
            assert_eq!(look(home, "a", 5), Found::Duplicate);
            assert_eq!(look(home, "b", 7), Found::Known(Box::new(live("b", &[1]))));
            assert_eq!(look(home, "b", 6), Found::Duplicate);
            assert_eq!(look(home, "c", 1), Found::Known(Box::new(live("c", &[1]))));
            home.restart();
        }
    });
}

#[test]
fn a_batch_answers_in_the_order_of_its_probes() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        for key in ["a", "b", "c"] {
            look(home, key, 5);
            home.store().commit(epoch, put(live(key, &[1]), 5)).expect("written");
        }
        home.store().begin().expect("taken");
        let wanted =
            [("a", 6), ("n", 1), ("a", 5), ("b", 5), ("m", 1), ("b", 6), ("c", 9), ("n", 2), ("c", 9)];
        let hash = |key: &str| home.store().hash_key().hash(key.as_bytes()) & home.spread();
        let probes: Vec<Probe<'_>> = wanted
            .iter()
            .map(|&(key, content)| {
                let fingerprint = mark(key.as_bytes(), content);
                Probe { key: key.as_bytes(), key_hash: hash(key), fingerprint }
            })
            .collect();
        let mut out = vec![Found::Duplicate];
        home.store().probe(&probes, &mut out).expect("answers");
        let known = |key| Found::Known(Box::new(live(key, &[1])));
        assert_eq!(out[0], known("a"));
        assert_eq!(out[1], Found::New);
        assert_eq!(out[2], Found::Duplicate);
        assert_eq!(out[3], Found::Unchanged);
        assert_eq!(out[4], Found::New);
        assert_eq!(out[5], Found::Duplicate);
        assert_eq!(out[6], known("c"));
        assert_eq!(out[7..], [Found::Duplicate, Found::Duplicate]);
    });
}

#[test]
fn places_of_new_keys_without_a_record_vanish_with_the_run() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        assert_eq!(look(home, "a", 5), Found::New);
        home.store().end(epoch).expect("ended");
        home.store().begin().expect("taken");
        assert_eq!(look(home, "a", 5), Found::New);
        assert_eq!(home.store().size().records, 0);
    });
}

/// semantics 2.3, cases 5 and 7.
#[test]
fn an_erased_key_stays_erased_and_may_come_back() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        look(home, "a", 5);
        home.store().commit(epoch, put(live("a", &[1]), 5)).expect("written");
        let erase = Commit { changes: vec![Change::Erase("a".into())], ..Commit::default() };
        home.store().commit(epoch, erase).expect("written");
        assert_eq!(get(home, "a"), None);
        // Seen in this run all the same.
        assert_eq!(look(home, "a", 5), Found::Duplicate);
        home.restart();
        assert_eq!((get(home, "a"), home.store().size().records), (None, 0));
        let epoch = home.store().begin().expect("taken").epoch;
        assert_eq!(look(home, "a", 5), Found::New);
        home.store().commit(epoch, put(live("a", &[2]), 6)).expect("written");
        home.restart();
        assert_eq!(get(home, "a"), Some(live("a", &[2])));
    });
}

#[test]
fn what_was_not_looked_up_is_unseen() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        for n in 0..300 {
            let key = format!("k{n:03}");
            look(home, &key, n + 1);
            home.store().commit(epoch, put(live(&key, &[n]), n + 1)).expect("written");
        }
        assert_eq!(unseen(home.store()).len(), 0);
        home.restart();
        home.store().begin().expect("taken");
        assert_eq!(unseen(home.store()).len(), 300);
        // Unchanged, known and new alike.
        for n in 0..297 {
            look(home, &format!("k{n:03}"), n + 1 + n % 2);
        }
        look(home, "other", 1);
        assert_eq!(unseen(home.store()), ["k297", "k298", "k299"]);
        let mut calls = 0;
        let stop = &mut |_: Record| {
            calls += 1;
            false
        };
        home.store().unseen(stop).expect("stopped");
        assert_eq!(calls, 1);
        home.store().begin().expect("taken");
        assert_eq!(unseen(home.store()).len(), 300);
    });
}

#[test]
fn a_visitor_may_ask_the_store() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        look(home, "a", 1);
        home.store().commit(epoch, put(live("a", &[1]), 1)).expect("written");
        let mut found = None;
        home.store()
            .all(&mut |record| {
                found = home.store().get(&record.key).expect("an answer");
                home.store().size().records == 1
            })
            .expect("visited");
        assert_eq!(found, Some(live("a", &[1])));
    });
}

fn reject(key: &str, code: &str, run: u64, seen: i64) -> Reject {
    Reject { key: key.into(), field: "email".into(), code: code.into(), run, first_seen: time(seen) }
}

/// semantics 1: rejects are rewritten for the records read, all by a full read.
#[test]
fn rejects_are_renewed_cleared_and_dropped() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        let add = |rejects: Vec<Reject>, cleared: &[&str]| {
            let cleared_rejects = cleared.iter().map(|key| (*key).to_owned()).collect();
            home.store()
                .commit(epoch, Commit { rejects, cleared_rejects, ..Commit::default() })
                .expect("written");
        };
        add(
            vec![
                reject("a", "X", 1, 0),
                reject("a", "Y", 1, 0),
                reject("b", "X", 1, 0),
                reject("", "X", 1, 0),
            ],
            &[],
        );
        assert_eq!(home.store().size().rejects, 4);
        add(vec![reject("b", "X", 2, 50)], &[]);
        assert_eq!(rejects(home.store())[3], reject("b", "X", 2, 0), "seen first when it was");
        add(vec![reject("a", "X", 2, 60)], &["a", "never seen"]);
        let kept = [reject("", "X", 1, 0), reject("a", "X", 2, 0), reject("b", "X", 2, 0)];
        assert_eq!(rejects(home.store()), kept);
        add(vec![], &["b"]);
        home.store().drop_rejects_before(epoch, 2).expect("dropped");
        assert_eq!(rejects(home.store()), [reject("a", "X", 2, 0)]);
        assert_eq!(home.store().size().rejects, 1);
        home.restart();
        assert_eq!(rejects(home.store()), [reject("a", "X", 2, 0)]);
        assert_eq!(home.store().size().rejects, 1);
    });
}

#[test]
fn all_rejects_are_listed_however_many_they_are() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        let many: Vec<Reject> = (0..1_300).map(|n| reject(&format!("k{n:04}"), "X", 1, 0)).collect();
        home.store().commit(epoch, Commit { rejects: many.clone(), ..Commit::default() }).expect("written");
        assert_eq!(rejects(home.store()), many);
    });
}

#[test]
fn header_and_records_are_written_together_or_not_at_all() {
    everywhere(|home| {
        let begun = home.store().begin().expect("taken");
        let body = serde_json::json!({"cursor": "2026-01-01", "columns": ["a"]});
        let header = Some(Header { epoch: 99, body: body.clone(), ..begun.clone() });
        let bad = Commit { header: header.clone(), ..settle(12_345, vec![]) };
        let with_record = Commit { changes: vec![Change::Put(live("a", &[1]), 5)], ..bad };
        assert!(matches!(home.store().commit(begun.epoch, with_record), Err(StateError::Unwritable { .. })));
        assert_eq!((home.store().header(), get(home, "a")), (begun.clone(), None));

        let good = Commit { header, ..put(live("a", &[1]), 5) };
        home.store().commit(begun.epoch, good).expect("written");
        assert_eq!(home.store().header(), Header { body, ..begun.clone() }, "the epoch is the run's");
        home.restart();
        assert_eq!(home.store().header().body["cursor"], "2026-01-01");
        assert_eq!(home.store().header().epoch, begun.epoch);
        assert_eq!(get(home, "a"), Some(live("a", &[1])));
    });
}

#[test]
fn sizes_count_records_and_known_ones() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        let statuses = [Status::Live, Status::Attempted, Status::Released, Status::Refused, Status::Absent];
        for (n, status) in statuses.into_iter().enumerate() {
            let key = format!("k{n}");
            look(home, &key, 1);
            home.store().commit(epoch, put(Record::new(key, status), 1)).expect("written");
        }
        let sizes = |home: &dyn Home| (home.store().size().records, home.store().size().known);
        assert_eq!(sizes(home), (5, 2));
        home.store().commit(epoch, put(Record::new("k0", Status::Released), 1)).expect("written");
        assert_eq!(sizes(home), (5, 1));
        home.restart();
        assert_eq!(sizes(home), (5, 1));
    });
}

#[test]
fn numbers_of_requests_are_never_given_twice() {
    everywhere(|home| {
        let mut numbers = std::collections::HashSet::new();
        for _ in 0..3 {
            home.store().begin().expect("taken");
            for _ in 0..50 {
                assert!(numbers.insert(home.store().next_request()));
            }
            home.restart();
        }
    });
}

/// Looking up goes on while another thread commits, and what is committed is found.
#[test]
fn look_ups_run_beside_commits() {
    everywhere(|home| {
        let epoch = home.store().begin().expect("taken").epoch;
        let key = |n: u64| format!("k{n}");
        for n in 0..600 {
            look(home, &key(n), n);
        }
        let changes = (0..300).map(|n| Change::Put(live(&key(n), &[n]), mark(key(n).as_bytes(), 1)));
        home.store()
            .commit(epoch, Commit { changes: changes.collect(), ..Commit::default() })
            .expect("written");
        let epoch = home.store().begin().expect("taken").epoch;
        let (store, spread) = (home.store(), home.spread());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..30 {
                    let records = (0..10).map(|i| intended(live(&key(n * 10 + i), &[7]), None, 2)).collect();
                    let request = store.next_request();
                    store.commit(epoch, track(request, records)).expect("written");
                    store.commit(epoch, settle(request, vec![])).expect("written");
                }
            });
            let mut out = Vec::new();
            for n in (0..300).step_by(3) {
                let keys = [key(n), key(n + 1), key(n + 300)];
                let probes = keys.each_ref().map(|key| Probe {
                    key: key.as_bytes(),
                    key_hash: store.hash_key().hash(key.as_bytes()) & spread,
                    fingerprint: mark(key.as_bytes(), 3),
                });
                store.probe(&probes, &mut out).expect("answers");
                for (found, key) in out.iter().zip(&keys).take(2) {
                    assert!(
                        matches!(found, Found::Known(record) if record.key == key.as_bytes()),
                        "{found:?}"
                    );
                }
                assert_eq!(out[2], Found::New);
            }
        });
        assert_eq!(unseen(home.store()).len(), 100);
        assert_eq!(all(home.store()).len(), 300);
        assert!(all(home.store()).iter().all(|record| record.attributes == [AttributeEntry::Hash(7)]));
    });
}
