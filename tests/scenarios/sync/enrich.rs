//! Mode Enrich: existence is known before anything is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, Permissions};
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::run::Request;
use serde_json::{Value, json};

use crate::support::world::{NEWS, World};

const HOUR: Duration = Duration::from_secs(3600);
const LOOK: &str = "/users/export/ids";

/// Customers 1 to `known` are in Braze, up to `all` in the table; the state is empty.
fn world(known: u32, all: u32) -> World {
    let mut world = World::new();
    // A label, so that no sample of the workspace is taken among the look-ups.
    world.app = "  workspace: eu".to_owned();
    world.insert(1..=known);
    let full = world.destination.clone();
    world.destination =
        "  syncMode: Additive\n  propertyMappings:\n    - { from: id, to: external_id }\n    \
                         - { from: email, to: email }"
            .to_owned();
    world.sync_well();
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state folder");
    world.destination = full;
    world.mode("Enrich");
    if all > known {
        world.insert(known + 1..=all);
    }
    world.sandbox.clear_journal();
    world
}

fn forget_user(world: &World, key: &str) {
    let mut dump = world.sandbox.dump();
    dump.users.retain(|user| user.external_id.as_deref() != Some(key));
    world.sandbox.load(dump).expect("a dump");
}

/// Another system makes this user, or makes it again.
fn make_user(world: &World, key: &str) {
    let mut dump = world.sandbox.dump();
    let mut user = dump.users[0].clone();
    user.external_id = Some(key.to_owned());
    user.braze_id = format!("{:0>24}", format!("abc{key}"));
    user.email = None;
    user.custom_attributes = Default::default();
    dump.users.push(user);
    world.sandbox.load(dump).expect("a dump");
}

/// semantics 12.1 and 12.2: looked up by 50, missing ones skipped, each object updates only.
#[test]
fn existing_users_are_updated_and_missing_ones_skipped() {
    let world = world(60, 70);
    let report = world.sync_well();
    assert_eq!(report.counts, Counts { read: 70, added: 60, skipped: 10, ..Counts::default() });
    assert_eq!((world.asked(LOOK), report.traffic.lookup), (2, 2));
    assert!(world.received().iter().all(|object| object["_update_existing_only"] == json!(true)));
    assert_eq!((world.sandbox.user_count(), report.known_records), (60, 60));
    let entry = world.sandbox.journal().into_iter().find(|entry| entry.path == LOOK).expect("a look-up");
    let fields = entry.json()["fields_to_export"].clone();
    assert_eq!(fields, json!(["external_id", "braze_id"]));
}

/// semantics 12.2, `recheckMissing`: an absent record rests, then is looked up again, spread over time.
#[test]
fn an_absent_record_is_looked_up_again_after_its_rest() {
    let mut world = world(1, 3);
    world.and("  enrich: { recheckMissing: 4h }");
    assert_eq!(world.sync_well().counts.skipped, 2);
    make_user(&world, "2");
    world.rest(HOUR);
    let report = world.next();
    assert_eq!((report.counts.skipped, report.traffic.requests), (2, 0));
    world.rest(HOUR * 5);
    let report = world.next();
    assert_eq!(report.counts, Counts { read: 3, added: 1, skipped: 1, unchanged: 1, ..Counts::default() });
    assert_eq!(world.user("2")["custom_attributes"], json!({ "plan": "basic", "points": 2 }));
    assert_eq!(world.next().traffic.requests, 0, "the missing one rests again");
}

/// semantics 12.3, `recheckExisting`: a recent look-up is believed, an old one is repeated before an update.
#[test]
fn existence_is_believed_for_a_while() {
    let mut world = world(2, 2);
    world.and("  enrich: { recheckExisting: 48h }");
    world.sync_well();
    world.sql("update users set plan = 'gold'");
    assert_eq!((world.next().counts.updated, world.asked(LOOK)), (2, 0));
    world.rest(HOUR * 49);
    assert_eq!(world.next().traffic.requests, 0, "without a change nothing is looked up");
    world.sql("update users set plan = 'silver'");
    assert_eq!((world.next().counts.updated, world.asked(LOOK)), (2, 1));
    world.sql("update users set plan = 'bronze'");
    assert_eq!((world.next().counts.updated, world.asked(LOOK)), (2, 0), "believed anew");
}

/// semantics 12.3: missing: absent, entries dropped, skipped; when it is there again, all is sent.
#[test]
fn a_user_deleted_in_braze_is_noticed_at_the_next_change() {
    let mut world = world(2, 2);
    world.and("  enrich: { recheckExisting: 1h, recheckMissing: 1h }");
    world.sync_well();
    forget_user(&world, "1");
    world.rest(HOUR * 2);
    world.sql("update users set plan = 'gold'");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.skipped, report.known_records), (1, 1, 1));
    assert_eq!(world.user("1"), Value::Null);
    make_user(&world, "1");
    world.rest(HOUR * 2);
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.unchanged), (1, 1));
    assert_eq!(world.user("1")["custom_attributes"], json!({ "plan": "gold", "points": 1 }));
}

/// semantics 12.3: another `braze_id` is a user created anew: all is sent.
#[test]
fn a_user_created_anew_gets_everything() {
    let mut world = world(2, 2);
    world.and("  enrich: { recheckExisting: 1h }");
    world.sync_well();
    forget_user(&world, "1");
    make_user(&world, "1");
    world.rest(HOUR * 2);
    world.sql("update users set plan = 'gold'");
    let report = world.next();
    assert_eq!(report.counts.updated, 2);
    let sent = world.received();
    let anew = sent.iter().find(|object| object["external_id"] == json!("1")).expect("an object");
    assert_eq!(
        *anew,
        json!({ "external_id": "1", "email": "u1@example.com", "first_name": "N1", "plan": "gold",
                              "points": 1, "_update_existing_only": true })
    );
    assert_eq!(sent.len(), 2);
}

/// semantics 12.3: a join is a change: the user must be known to exist before it is called delivered.
#[test]
fn a_join_is_a_change_that_is_looked_up_first() {
    let mut world = world(2, 2);
    world.and("  enrich: { recheckExisting: 1h }");
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.sync_well();
    forget_user(&world, "1");
    world.rest(HOUR * 2);
    world.sql("update users set news = 1");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.skipped), (1, 1), "{report:#?}");
    assert_eq!(report.memberships.joins, 1);
}

/// semantics 7.2: an opt-out survives absence and re-creation.
#[test]
fn an_opt_out_survives_absence_and_a_new_user() {
    let mut world = world(1, 1);
    world.and("  enrich: { recheckExisting: 1h, recheckMissing: 1h }");
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.sql("update users set news = 1");
    world.sandbox.opt_out(NEWS, "u1@example.com");
    assert_eq!(world.sync_well().memberships.opted_out, 1);
    forget_user(&world, "1");
    world.rest(HOUR * 2);
    world.sql("update users set plan = 'gold'");
    assert_eq!(world.next().counts.skipped, 1);
    make_absent_user(&world);
    world.rest(HOUR * 2);
    let report = world.next();
    assert_eq!((report.counts.added, report.memberships.joins), (1, 0), "{report:#?}");
    assert!(world.received()[0].get("subscription_groups").is_none());
}

/// The only user is there again, as another system makes it, and nobody remembers a subscription.
fn make_absent_user(world: &World) {
    let other = World::new();
    other.insert(1..=1);
    other.sync_well();
    let mut dump = world.sandbox.dump();
    dump.users = other.sandbox.dump().users;
    dump.subscriptions.clear();
    for user in &mut dump.users {
        user.custom_attributes = Default::default();
        user.email = None;
    }
    world.sandbox.load(dump).expect("a dump");
}

/// semantics 12.2 and 3: a look-up that fails leaves its records pending.
#[test]
fn a_failed_look_up_leaves_its_records_pending() {
    let mut world = world(2, 3);
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at(LOOK)]);
    let report = world.sync();
    assert_eq!((report.counts.pending, report.reason), (3, Some(Reason::BrazeUnavailable)));
    world.sandbox.clear_faults();
    assert_eq!(world.next().counts.added, 2);
}

/// api 3: under Enrich the permission to look up is needed.
#[test]
fn without_the_permission_to_look_up_nothing_is_sent() {
    let world = world(2, 2);
    let some = Permissions::only(["users.track"]);
    world.sandbox.set_keys(BTreeMap::from([(world.key.clone(), some)]));
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::PermissionMissing), 21));
    assert!(report.message.contains("users.export.ids"), "{}", report.message);
    assert_eq!(world.received(), [] as [Value; 0]);
}

/// semantics 2.3, row 17: absent and not wanted: forgotten; gone: not counted.
#[test]
fn an_absent_record_that_leaves_or_vanishes_is_forgotten() {
    let mut world = world(1, 3);
    world.and("  collection: { type: Group, group: vip }");
    world.sql("update users set vip = 1");
    assert_eq!(world.sync_well().counts.skipped, 2);
    world.sql("update users set vip = 0 where id = 2; delete from users where id = 3");
    let report = world.next();
    assert_eq!(report.counts, Counts { read: 2, skipped: 1, unchanged: 1, ..Counts::default() });
    world.sql("update users set vip = 1 where id = 2");
    assert_eq!((world.next().counts.skipped, world.asked(LOOK)), (1, 1), "it is new again");
}

/// semantics 13.3: a full resync looks all up, also those that rest.
#[test]
fn a_full_resync_looks_everybody_up() {
    let world = world(2, 3);
    world.sync_well();
    make_user(&world, "3");
    forget_user(&world, "1");
    world.sandbox.clear_journal();
    let report = world.run(&Request { full: true, ..Request::default() });
    assert_eq!(report.counts, Counts { read: 3, updated: 1, added: 1, skipped: 1, ..Counts::default() });
    assert_eq!(world.asked(LOOK), 1);
    assert_eq!(world.user("1"), Value::Null);
}

/// semantics 12.1: a release never creates a user, and an Enrich Destination deletes nobody.
#[test]
fn a_release_of_a_user_who_is_gone_creates_nobody() {
    let mut world = world(2, 2);
    world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
    world.sql("update users set vip = 1");
    world.sync_well();
    forget_user(&world, "1");
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.released, 1);
    assert_eq!((world.user("1"), world.deleted().len()), (Value::Null, 0));
}
