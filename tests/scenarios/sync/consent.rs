//! Consent targets, keys that cannot be used, and values that are dropped, end to end.

use grouparoo::sync::outcome::Counts;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::Request;
use serde_json::{Value, json};

use crate::support::world::World;

/// The plan column says what the person agreed to.
fn consenting() -> World {
    let mut world = World::new();
    world.change("{ from: plan, to: plan }", "{ from: plan, to: email_subscribe }");
    world.insert(1..=4);
    world.sql(
        "update users set plan = case id when 1 then 'opted_in' when 2 then 'Subscribed ' \
         when 3 then 'unsubscribed' else null end",
    );
    world
}

fn sent(world: &World) -> Vec<(String, Value)> {
    let objects = world.received().into_iter().filter(|object| object.get("email_subscribe").is_some());
    objects
        .map(|object| {
            (object["external_id"].as_str().unwrap_or_default().to_owned(), object["email_subscribe"].clone())
        })
        .collect()
}

/// semantics 5.5: an opt-in is held at first sight, an opt-out is sent.
#[test]
fn opt_ins_are_held_at_first_sight_and_opt_outs_are_sent() {
    let world = consenting();
    let report = world.sync_well();
    assert_eq!(report.attributes.held_consent, 2);
    assert_eq!(sent(&world), [("3".to_owned(), json!("unsubscribed"))]);
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 5.5: sent on a change from another noted value.
#[test]
fn an_opt_in_is_sent_on_a_change_from_another_noted_value() {
    let world = consenting();
    world.sync_well();
    world.sql("update users set plan = 'opted_in'");
    let report = world.next();
    let expected = [("2".to_owned(), json!("opted_in")), ("3".to_owned(), json!("opted_in"))];
    assert_eq!(sent(&world), expected, "4 had nothing noted: first sight");
    assert_eq!(report.attributes.held_consent, 1);
    world.sql("update users set plan = 'unsubscribed' where id = 1");
    world.next();
    assert_eq!(sent(&world), [("1".to_owned(), json!("unsubscribed"))]);
}

/// semantics 5.5 and 13.3: never on a full resync; `unsubscribed` is sent again.
#[test]
fn a_full_resync_repeats_opt_outs_and_holds_opt_ins() {
    let world = consenting();
    world.sync_well();
    world.sql("update users set plan = 'subscribed' where id = 3");
    world.next();
    world.sql("update users set plan = 'unsubscribed' where id = 2");
    world.next();
    world.sandbox.clear_journal();
    let report = world.run(&Request { full: true, ..Request::default() });
    assert_eq!((report.counts.updated, report.exit_code), (4, 0));
    assert_eq!(sent(&world), [("2".to_owned(), json!("unsubscribed"))]);
}

/// semantics 5.5: an edit of the mapping counts as first sight.
#[test]
fn an_edited_consent_mapping_holds_opt_ins_again() {
    let mut world = consenting();
    world.sync_well();
    world.sql("update users set plan = 'opted_in' where id = 3");
    world.change("{ from: plan, to: email_subscribe }", "{ expression: record.plan, to: email_subscribe }");
    let report = world.next();
    assert_eq!((sent(&world), report.attributes.held_consent), (Vec::new(), 3), "{report:#?}");
    world.sql("update users set plan = 'unsubscribed' where id = 3");
    world.next();
    assert_eq!(sent(&world), [("3".to_owned(), json!("unsubscribed"))]);
}

/// semantics 5.5: after state loss opt-ins are held, too.
#[test]
fn a_lost_state_holds_opt_ins() {
    let world = consenting();
    world.sync_well();
    world.sql("update users set plan = 'subscribed'");
    world.next();
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state folder");
    let report = world.next();
    assert_eq!((sent(&world), report.attributes.held_consent), (Vec::new(), 4));
}

/// semantics 5.5, `optInPolicy: Always`.
#[test]
fn always_sends_opt_ins_like_any_value() {
    let mut world = consenting();
    world.change("to: email_subscribe }", "to: email_subscribe, optInPolicy: Always }");
    let report = world.sync_well();
    assert_eq!((sent(&world).len(), report.attributes.held_consent), (3, 0));
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 5.3, row consent: another word is dropped, null is never sent.
#[test]
fn other_words_are_dropped_and_nulls_never_sent() {
    let world = consenting();
    world.sync_well();
    world.sql("update users set plan = null where id = 3; update users set plan = 'yes' where id = 1");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.attributes.dropped, world.requests().len()), (1, 0));
    assert_eq!(report.errors[0].code, "BadConsent");
}

/// semantics 4.1 and 5.5: an unmapped consent target is left.
#[test]
fn an_unmapped_consent_target_is_left() {
    let mut world = consenting();
    world.sync_well();
    world.change("\n    - { from: plan, to: email_subscribe }", "");
    assert_eq!(world.next().traffic.requests, 0);
}

fn codes(report: &Report) -> Vec<(&str, u64)> {
    let mut codes: Vec<_> = report.errors.iter().map(|error| (error.code.as_str(), error.count)).collect();
    codes.sort_unstable();
    codes
}

/// semantics 6: every kind of unusable key is invalid, named by its code, and sends nothing.
#[test]
fn unusable_keys_are_named_and_send_nothing() {
    let mut world = World::new();
    world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean);",
    );
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: String");
    world.sql(
        "insert into users (id) values (null), (''), (' a'), ('a '), ('a' || char(7)), (printf('%.*c', 988, 'x')),
         (printf('%.*c', 987, 'x')), ('007'), ('ok'), ('ok');
         update users set plan = 'x'",
    );
    let report = world.sync();
    assert_eq!((report.counts.read, report.counts.added, report.counts.invalid), (10, 3, 7), "{report:#?}");
    assert_eq!(
        codes(&report),
        [
            ("DuplicateKey", 1),
            ("KeyBadText", 1),
            ("KeyEmpty", 1),
            ("KeyNull", 1),
            ("KeyTooLong", 1),
            ("KeyWhitespace", 2)
        ]
    );
    assert_eq!(world.user("007")["external_id"], json!("007"));
    assert_eq!(report.exit_code, 10);
}

/// semantics 6.1, rows Integer and Decimal: canonical text decides.
#[test]
fn whole_numbers_have_one_canonical_text() {
    let world = World::new();
    world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean);",
    );
    world.sql(
        "insert into users (id) values ('007'), ('7'), ('-1'), ('1.5'), ('x'); update users set plan = 'x'",
    );
    let report = world.sync();
    assert_eq!(codes(&report), [("DuplicateKey", 1), ("KeyNotIntegral", 2)]);
    assert_eq!(
        (report.counts.added, world.user("7").is_null(), world.user("-1").is_null()),
        (2, false, false)
    );
}

/// semantics 2.3: a row that loses its key is not an update with a null key; the record is gone.
#[test]
fn a_key_that_becomes_unusable_is_gone_under_its_old_name() {
    let mut world = World::new();
    world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean);",
    );
    world.mode("Sync");
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: String");
    world.sql("insert into users (id, plan) values ('a', 'x'), ('b', 'x'), ('c', 'x')");
    world.sync_well();
    world.sql("update users set id = ' a' where id = 'a'");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!(
        report.counts,
        Counts { read: 3, gone: 1, unchanged: 2, invalid: 1, deleted: 1, ..Counts::default() }
    );
    assert_eq!(world.deleted(), ["a"]);
}
