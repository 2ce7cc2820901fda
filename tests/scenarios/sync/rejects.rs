//! What Braze refuses and what cannot be sent.

use braze_sandbox::{Effect, FaultRule};
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::RunMode;
use grouparoo::sync::run::Request;
use serde_json::{Value, json};

use crate::support::world::{NEWS, World};

const WHY: &str = "The value provided is not valid.";

fn retry(world: &World) -> grouparoo::sync::report::Report {
    world.sandbox.clear_journal();
    world.run(&Request { retry_rejects: true, ..Request::default() })
}

/// semantics 2.3, row 12: a refused object is not sent again, and stays failed.
#[test]
fn a_refused_object_is_not_sent_again() {
    let world = World::new();
    world.insert(1..=2);
    world.sandbox.refuse("1", WHY);
    let first = world.sync();
    assert_eq!((first.counts.failed, first.counts.added, first.known_records), (1, 1, 1));
    world.sandbox.refuse_nobody();
    world.sandbox.clear_journal();
    let second = world.sync();
    assert_eq!(second.counts, Counts { read: 2, failed: 1, unchanged: 1, ..Counts::default() });
    assert_eq!((world.requests().len(), second.exit_code, second.rejected), (0, 10, 1));
    assert_eq!(second.errors[0].code, first.errors[0].code, "with the reason of then");
}

/// semantics 2.3, row 13: the record, the mapping or the Model changed: sent again.
#[test]
fn a_refused_record_is_sent_again_when_it_or_its_mapping_changes() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    world.sandbox.refuse("1", WHY);
    world.sql("update users set plan = 'gold' where id = 1");
    assert_eq!(world.sync().counts.failed, 1);
    assert_eq!(
        world.user("1")["custom_attributes"]["plan"],
        json!("basic"),
        "a refused object has no effect"
    );
    world.sql("update users set plan = 'silver' where id = 1");
    world.sandbox.clear_journal();
    assert_eq!((world.sync().counts.failed, world.received().len()), (1, 1), "another object, tried again");
    world.sandbox.refuse_nobody();
    world.and("    - { value: x, to: origin }");
    let report = world.next();
    assert_eq!(report.counts.updated, 3);
    assert_eq!(world.received()[0], json!({ "external_id": "1", "plan": "silver", "origin": "x" }));
    assert_eq!(world.rejects(), []);
}

/// semantics 9.3: taken back, the old value compares as acknowledged.
#[test]
fn a_refused_change_that_is_taken_back_sends_nothing() {
    let world = World::new();
    world.insert(1..=1);
    world.sync_well();
    world.sandbox.refuse("1", WHY);
    world.sql("update users set plan = 'gold'");
    assert_eq!(world.sync().counts.failed, 1);
    world.sql("update users set plan = 'basic'");
    assert_eq!(world.next().counts.unchanged, 1);
    assert_eq!((world.requests().len(), world.rejects().len()), (0, 0));
}

/// semantics 2.3, row 13, and 13.6: a person asks for the rejected rows.
#[test]
fn rejected_records_are_sent_again_when_a_person_asks() {
    let world = World::new();
    world.insert(1..=5);
    world.sandbox.refuse("1", WHY);
    world.sandbox.refuse("2", WHY);
    assert_eq!(world.sync().counts.failed, 2);
    world.sql("update users set plan = 'gold' where id = 5; delete from users where id = 4");
    world.sandbox.refuse_nobody();
    world.sandbox.refuse("2", WHY);
    let report = retry(&world);
    assert_eq!((report.mode, report.counts.read, report.counts.gone), (RunMode::RetryRejected, 2, 0));
    assert_eq!((report.counts.added, report.counts.failed, report.exit_code), (1, 1, 10));
    assert_eq!(world.rejects().len(), 1, "the one that was taken is off the list");
    world.sandbox.refuse_nobody();
    assert_eq!((retry(&world).counts.added, world.rejects().len()), (1, 0));
    assert_eq!(retry(&world).counts, Counts::default(), "nothing is rejected any more");
    assert_eq!(
        world.next().counts,
        Counts { read: 4, gone: 1, updated: 1, unchanged: 3, released: 1, ..Counts::default() }
    );
}

/// semantics 2.3, row 12: refused, new and gone: it was never ours, and nothing is removed.
#[test]
fn a_refused_new_record_that_vanishes_is_forgotten() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sandbox.refuse("1", WHY);
    world.sync();
    world.sql("delete from users where id = 1");
    let report = world.next();
    assert_eq!((report.counts, report.rejects), (Counts { read: 2, unchanged: 2, ..Counts::default() }, 0));
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 9.3, row "400 without indexes": halved down to one; the others are delivered.
#[test]
fn a_request_refused_without_a_reason_is_halved_until_the_culprit_is_alone() {
    let world = World::new();
    world.insert(1..=20);
    world.sandbox.set_faults([FaultRule::nth(1, Effect::Status(400)).at("/users/track")]);
    assert_eq!(world.sync_well().counts.added, 20);
}

/// semantics 9.3: three batches refused one by one: the fault is not the objects'.
#[test]
fn three_batches_refused_one_by_one_stop_the_run() {
    let mut world = World::new();
    world.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 3, maxInFlight: 1 }".to_owned();
    world.insert(1..=60);
    world.sandbox.set_faults([FaultRule::always(Effect::Status(400)).at("/users/track")]);
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::RequestRefused), 23), "{report:#?}");
    assert!(report.counts.pending >= 45 && report.counts.added == 0, "{:?}", report.counts);
    world.sandbox.clear_faults();
    let next = retry_all(&world);
    assert_eq!((next.counts.added, world.sandbox.user_count()), (60, 60), "{next:#?}");
}

fn retry_all(world: &World) -> grouparoo::sync::report::Report {
    world.run(&Request { full: true, ..Request::default() })
}

/// semantics 9.6: looked at at the end of the read: neither leaves nor removals, and the changes are delivered.
#[test]
fn too_many_rejects_at_the_end_keep_leaves_and_removals_back() {
    let mut world = World::new();
    world.mode("Sync");
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.and("  rejectTolerance: { maxPercent: 20, minCount: 2 }");
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: String");
    world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean);",
    );
    world.insert(1..=10);
    world.sql("update users set news = 1");
    world.sync_well();
    world.sql("update users set id = ' ' || id where id < '4'; update users set plan = 'gold', news = 0 where id = '9'");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::TooManyRejects), 23), "{report:#?}");
    assert_eq!((report.counts.invalid, report.counts.gone, world.deleted().len()), (4, 0, 0));
    assert_eq!(world.received(), [json!({ "external_id": "9", "plan": "gold" })]);
    world.change("maxPercent: 20", "maxPercent: 60");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!(
        (report.counts.deleted, report.memberships.leaves, report.exit_code),
        (4, 1, 10),
        "{report:#?}"
    );
}

/// semantics 9.6: up to `minCount` never stop a run, whatever their share.
#[test]
fn a_few_rejects_never_stop_a_run() {
    let world = World::new();
    world.insert(1..=3);
    for key in ["1", "2", "3"] {
        world.sandbox.refuse(key, WHY);
    }
    let report = world.sync();
    assert_eq!((report.counts.failed, report.exit_code), (3, 10));
}

/// semantics 9.6: from 10,000 records on during the read: reading stops.
#[test]
fn too_many_rejects_from_ten_thousand_records_on_stop_the_read() {
    let mut world = World::new();
    world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
         insert into users (id, plan) select case when i % 2 = 0 then 'bad' else i end, 'x' from n",
    );
    world.model.push_str("\n  expectedRows: { max: 100000 }");
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::TooManyRejects), "{report:#?}");
    assert!(report.counts.read >= 10_000 && report.counts.read < 60_000, "{:?}", report.counts);
}

/// A world whose Model has twelve columns of JSON, and a value of so many kB in each of them.
fn wide() -> World {
    let mut world = World::new();
    let columns: Vec<String> = (0..12).map(|n| format!("big{n} text")).collect();
    for column in &columns {
        world.sql(&format!("alter table users add column {column}"));
    }
    let properties: String = (0..12).map(|n| format!("    - {{ name: big{n}, type: Object }}\n")).collect();
    world.model = world.model.replace("  groups:", &format!("{properties}  groups:"));
    for n in 0..12 {
        world.and(&format!("    - {{ from: big{n}, to: big{n} }}"));
    }
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=2);
    world.sql("update users set news = 1");
    world
}

fn grow(world: &World) {
    let sets: Vec<String> = (0..12)
        .map(|n| format!("big{n} = '{{\"text\": [' || substr(replace(hex(zeroblob(16000)), '00', ',\"abc\"'), 2) || ']}}'"))
        .collect();
    world.sql(&format!("update users set {} where id = 1", sets.join(", ")));
}

/// semantics 2.3, row 14: `ObjectTooLarge`: nothing is sent, the entry is untouched, neither left nor gone.
#[test]
fn an_object_that_is_too_large_changes_nothing() {
    let world = wide();
    world.sync_well();
    world.sandbox.clear_journal();
    grow(&world);
    world.sql("update users set news = 0, plan = 'gold' where id = 1");
    let report = world.sync();
    assert_eq!(
        report.counts,
        Counts { read: 2, invalid: 1, unchanged: 1, ..Counts::default() },
        "{report:#?}"
    );
    assert_eq!((report.memberships.leaves, report.known_records), (0, 2));
    assert_eq!(world.received(), [] as [Value; 0]);
    assert!(report.errors.iter().any(|error| error.code == "ObjectTooLarge"), "{:?}", report.errors);
    assert!(world.rejects().iter().any(|(key, _, code)| key == "1" && code == "ObjectTooLarge"));
    for n in 0..12 {
        world.sql(&format!("update users set big{n} = null"));
    }
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves, world.rejects().len()), (1, 1, 0));
}

/// semantics 2.3, row 14, for a new record that also waits for an answer about a subscription group.
#[test]
fn a_new_record_that_is_too_large_is_invalid_and_not_known() {
    let world = wide();
    grow(&world);
    let report = world.sync();
    assert_eq!((report.counts.invalid, report.counts.added, report.known_records), (1, 1, 1), "{report:#?}");
    assert_eq!(world.user("1"), Value::Null);
}

/// semantics 15: errors carry references, never keys or values; the list of rejects has the keys.
#[test]
fn errors_show_references_and_never_keys() {
    let world = World::new();
    world.insert(4242..=4242);
    world.sandbox.refuse("4242", WHY);
    let report = world.sync();
    let json = serde_json::to_string(&report).expect("a report is plain data");
    for value in ["u4242", "N4242", "basic", "example.com"] {
        assert!(!json.contains(value), "{json}");
    }
    let reference = &report.errors[0].refs[0];
    assert!(reference.len() == 8 && reference != "00004242", "{reference}");
    assert_eq!(world.rejects()[0].0, "4242");
}

/// semantics 2.3 and 15: a row without a usable key is told by its place in the read, each by its own; nobody mistakes it
/// for a key.
#[test]
fn rows_without_a_usable_key_are_told_by_their_place() {
    let mut world = World::new();
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: String");
    world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean);
         insert into users (id, plan) values ('a', 'x'), (null, 'y'), ('row 2', 'z'), (' b', 'w'), (null, 'v')",
    );
    let report = world.sync();
    assert_eq!((report.counts.added, report.counts.invalid, report.exit_code), (2, 3, 10));
    let refs: Vec<&String> = report.errors.iter().flat_map(|error| &error.refs).collect();
    let different: std::collections::BTreeSet<&String> = refs.iter().copied().collect();
    assert_eq!((refs.len(), different.len()), (3, 3), "{:?}", report.errors);
    let told: Vec<(String, String)> = world.rejects().into_iter().map(|(key, _, code)| (key, code)).collect();
    let row = |place: &str, code: &str| (place.to_owned(), code.to_owned());
    assert_eq!(told, [row("row 2", "KeyNull"), row("row 4", "KeyWhitespace"), row("row 5", "KeyNull")]);
    world.sql("update users set plan = 'new'");
    let report = retry(&world);
    assert_eq!((report.counts.read, report.warnings.len()), (0, 0), "places are no keys: {report:#?}");
    world.sql("delete from users where id is null or id = ' b'");
    world.next();
    assert_eq!(world.rejects(), []);
}
