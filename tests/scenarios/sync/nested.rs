//! Nested targets: several keys of one custom attribute (semantics 5.3, row `targetKind: Nested`).

use grouparoo::sync::run::Request;
use serde_json::{Value, json};

use crate::support::world::{World, warned};

/// Two customers; all columns but the address are keys of `profile`.
fn profiles() -> World {
    let mut world = World::new();
    world.sql("alter table users add column since text");
    world.model = world.model.replace("  groups:", "    - { name: since, type: Date }\n  groups:");
    for (from, to) in
        [("first_name", "profile.name"), ("plan", "profile.plan.name"), ("points", "profile.plan.points")]
    {
        let plain = if from == "first_name" { "first_name" } else { from };
        world.change(
            &format!("{{ from: {from}, to: {plain} }}"),
            &format!("{{ from: {from}, to: {to}, targetKind: Nested }}"),
        );
    }
    world.and("    - { from: since, to: profile.since, targetKind: Nested }");
    world.insert(1..=2);
    world.sql("update users set since = '2024-02-29'");
    world
}

fn profile(world: &World, id: u32) -> Value {
    world.user(&id.to_string())["custom_attributes"]["profile"].clone()
}

/// All keys that are due travel as one object, times as `$time`, under `_merge_objects`.
#[test]
fn all_keys_of_one_attribute_travel_as_one_object_that_braze_merges() {
    let world = profiles();
    let report = world.sync_well();
    let sent = json!({
        "name": "N1", "plan": { "name": "basic", "points": 1 }, "since": { "$time": "2024-02-29T00:00:00Z" }
    });
    assert_eq!(
        world.received()[0],
        json!({ "external_id": "1", "email": "u1@example.com", "profile": sent, "_merge_objects": true })
    );
    let held = profile(&world, 1);
    assert_eq!((&held["name"], &held["plan"]), (&json!("N1"), &json!({ "name": "basic", "points": 1 })));
    assert!(held["since"].to_string().contains("2024-02-29"), "{held}");
    // One for the address, and one a key (semantics 14.3).
    assert_eq!((report.traffic.data_points, report.counts.added), (10, 2));
    assert_eq!(world.sandbox.swallowed().len(), 0, "{:?}", world.sandbox.swallowed());
    assert_eq!(world.next().traffic.requests, 0);
}

/// Each key has an entry of its own: one that changed is sent alone, and Braze keeps the others and foreign ones.
#[test]
fn a_changed_key_is_sent_alone_and_the_others_stay() {
    let world = profiles();
    world.sync_well();
    let mut dump = world.sandbox.dump();
    let theirs = dump.users[0].custom_attributes.get_mut("profile").expect("an object");
    theirs["theirs"] = json!("kept");
    theirs["plan"]["theirs"] = json!(7);
    world.sandbox.load(dump).expect("a dump");
    world.sql("update users set points = 99 where id = 1");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.unchanged), (1, 1));
    assert_eq!(
        world.received(),
        [json!({ "external_id": "1", "profile": { "plan": { "points": 99 } }, "_merge_objects": true })]
    );
    let held = profile(&world, 1);
    assert_eq!(held["plan"], json!({ "name": "basic", "points": 99, "theirs": 7 }));
    assert_eq!((&held["name"], &held["theirs"]), (&json!("N1"), &json!("kept")));
    // A plain attribute that changes has nothing to merge.
    world.sql("update users set email = 'other@example.com' where id = 1");
    world.next();
    assert_eq!(world.received(), [json!({ "external_id": "1", "email": "other@example.com" })]);
}

/// A null is never sent inside, whatever `onNull` says: value and entry stay.
#[test]
fn a_key_that_becomes_null_is_left_as_it_is() {
    let mut world = profiles();
    world.change(
        "profile.plan.name, targetKind: Nested",
        "profile.plan.name, targetKind: Nested, onNull: Clear",
    );
    world.sync_well();
    world.sql(
        "update users set plan = null, points = 5 where id = 1; update users set plan = null where id = 2",
    );
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.unchanged, report.attributes.cleared), (1, 1, 0));
    assert_eq!(
        world.received(),
        [json!({ "external_id": "1", "profile": { "plan": { "points": 5 } }, "_merge_objects": true })]
    );
    assert_eq!(profile(&world, 1)["plan"], json!({ "name": "basic", "points": 5 }));
    world.sql("update users set plan = 'basic' where id = 1; update users set plan = 'gold' where id = 2");
    world.next();
    assert_eq!(
        world.received(),
        [json!({ "external_id": "2", "profile": { "plan": { "name": "gold" } }, "_merge_objects": true })],
        "the same value coming back sends nothing"
    );
    world.sql("update users set first_name = null, plan = null, points = null, since = null");
    assert_eq!(world.next().traffic.requests, 0);
    world.sandbox.clear_journal();
    let full = world.run(&Request { full: true, ..Request::default() });
    assert_eq!((full.exit_code, full.attributes.cleared), (0, 0), "{full:#?}");
    assert!(world.received().iter().all(|object| object.get("profile").is_none()), "{:?}", world.received());
    assert_eq!(profile(&world, 2)["plan"], json!({ "name": "gold", "points": 2 }));
}

/// A user who has nothing in the attribute gets no empty object.
#[test]
fn a_new_user_without_any_of_the_keys_gets_no_object() {
    let world = profiles();
    world.sql("update users set first_name = null, plan = null, points = null, since = null where id = 1");
    world.sync_well();
    assert_eq!(world.received()[0], json!({ "external_id": "1", "email": "u1@example.com" }));
    assert_eq!(profile(&world, 1), Value::Null);
}

/// semantics 4.1: a key that is no longer mapped is left in Braze, whatever `onUnmap` says, and told.
#[test]
fn a_key_that_is_no_longer_mapped_is_left_as_it_is() {
    let mut world = profiles();
    world.and("  onUnmap: Clear");
    world.sync_well();
    world.change("\n    - { from: plan, to: profile.plan.name, targetKind: Nested }", "");
    let report = world.next();
    assert_eq!((report.counts.unchanged, report.traffic.requests), (2, 0));
    assert!(warned(&report, "TargetLeft"), "{:?}", report.warnings);
    assert_eq!(profile(&world, 1)["plan"], json!({ "name": "basic", "points": 1 }));
}

/// semantics 5.1 and 5.3: a key that cannot be sent costs only itself.
#[test]
fn a_key_that_cannot_be_sent_is_dropped_alone() {
    let world = profiles();
    world.sql(&format!("update users set plan = '{}' where id = 1", "x".repeat(256)));
    let report = world.sync();
    assert_eq!((report.exit_code, report.attributes.dropped, report.counts.added), (10, 1, 2), "{report:#?}");
    assert_eq!(world.rejects(), [("1".to_owned(), "profile.plan.name".to_owned(), "TooLong".to_owned())]);
    assert_eq!(profile(&world, 1)["plan"], json!({ "points": 1 }));
}
