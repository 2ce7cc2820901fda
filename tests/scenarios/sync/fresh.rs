//! First installation, adoption, full resync.

use braze_sandbox::GroupState;
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::report::RunMode;
use grouparoo::sync::run::Request;
use serde_json::{Value, json};

use crate::support::world::{NEWS, World};

/// Elements, a subscription group, a flag; five customers who are members of all.
fn world() -> World {
    let mut world = World::new();
    world.and(&format!(
        "  groupMappings:\n    - {{ group: vip, customAttribute: groups }}\n    \
         - {{ group: news, subscriptionGroupId: {NEWS} }}\n    \
         - {{ group: rich, customAttribute: is_rich, style: Flag }}"
    ));
    world.insert(1..=5);
    world.sql("update users set vip = 1, news = 1, points = 500 where id < 4");
    world
}

fn forget(world: &World) {
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state folder");
    world.sandbox.clear_journal();
}

fn full(world: &World) -> grouparoo::sync::report::Report {
    world.sandbox.clear_journal();
    world.run(&Request { full: true, ..Request::default() })
}

/// semantics 13.1: everything again, no nulls, no deletes, opt-outs hold.
#[test]
fn a_fresh_state_over_a_filled_braze_sends_everything_and_respects_opt_outs() {
    let mut world = world();
    world.sync_well();
    forget(&world);
    world.mode("Sync");
    world.sandbox.opt_out(NEWS, "u1@example.com");
    world.sql("update users set plan = null where id = 2; delete from users where id = 5");
    let report = world.next();
    assert_eq!(report.counts, Counts { read: 4, added: 4, ..Counts::default() });
    assert_eq!((report.memberships.opted_out, report.memberships.already_there), (1, 2));
    assert!(
        world
            .received()
            .iter()
            .all(|object| object.as_object().is_some_and(|o| !o.values().any(Value::is_null)))
    );
    assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), Some(GroupState::Unsubscribed));
    assert_eq!(world.user("2")["custom_attributes"]["plan"], json!("basic"), "no null at first sight");
    assert_eq!(world.sandbox.user_count(), 5);
}

/// semantics 13.2: reads everything, sends nothing; later differences are sent.
#[test]
fn adoption_sends_nothing_and_knows_everything() {
    let mut world = world();
    world.sync_well();
    forget(&world);
    world.and("  initialSync: Adopt");
    let report = world.next();
    assert_eq!((report.counts.added, report.traffic.requests, report.known_records), (5, 0, 5));
    assert_eq!(world.next().counts.unchanged, 5);
    world.sql("update users set plan = 'gold', vip = 0 where id = 1");
    assert_eq!(world.next().counts.updated, 1);
    assert_eq!(
        world.received(),
        [json!({ "external_id": "1", "plan": "gold", "groups": { "remove": ["vip"] } })]
    );
    world.sql("update users set plan = null where id = 2; delete from users where id = 5");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.released), (1, 1));
    assert_eq!(world.received()[0], json!({ "external_id": "2", "plan": null }));
}

/// semantics 13.2: what differs now stays different, what is not in Braze is taken as there.
#[test]
fn adoption_believes_the_source() {
    let mut world = world();
    world.and("  initialSync: Adopt");
    assert_eq!(world.sync_well().counts.added, 5);
    assert_eq!(world.sandbox.user_count(), 0);
    assert_eq!(world.next().counts.unchanged, 5);
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 13.2: dropped attributes stay `never`: once usable they are sent, as at first sight.
#[test]
fn adoption_does_not_believe_what_it_could_not_convert() {
    let mut world = world();
    world.and("  initialSync: Adopt");
    world.sql("update users set email = 'bad', news = 0 where id = 4");
    assert_eq!(world.sync().exit_code, 10);
    world.sql("update users set email = 'u4@example.com' where id = 4");
    assert_eq!(world.next().counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "4", "email": "u4@example.com" })]);
}

/// semantics 13.2: in force until one Adopt run has read everything; nothing is sent before.
#[test]
fn adoption_stays_in_force_until_one_run_has_read_everything() {
    let mut world = world();
    world.and("  initialSync: Adopt");
    world.model.push_str("\n  expectedRows: { min: 6 }");
    let report = world.sync();
    assert_eq!((report.exit_code, report.traffic.requests), (30, 0));
    world.sql("update users set plan = 'gold'");
    world.insert(6..=6);
    let report = world.next();
    assert_eq!(report.traffic.requests, 0, "still adopting: {report:#?}");
    world.sql("update users set plan = 'silver' where id = 1");
    assert_eq!(world.next().counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "silver" })]);
}

/// semantics 13.2: a Destination that delivered before adopts nothing.
#[test]
fn adoption_is_for_the_first_run_only() {
    let mut world = world();
    world.sync_well();
    world.and("  initialSync: Adopt");
    world.sql("update users set plan = 'gold' where id = 1");
    assert_eq!(world.next().counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "gold" })]);
}

/// semantics 13.3: all values, nulls and elements; subscription entries stay.
#[test]
fn a_full_resync_sends_values_nulls_and_elements_again() {
    let world = world();
    world.sync_well();
    world.sql("update users set plan = null where id = 1; update users set vip = 0 where id = 2");
    world.next();
    let report = full(&world);
    assert_eq!((report.mode, report.counts.updated, report.exit_code), (RunMode::FullResync, 5, 0));
    let sent = world.received();
    assert_eq!(
        sent[0],
        json!({
            "external_id": "1", "email": "u1@example.com", "first_name": "N1", "plan": null, "points": 500,
            "groups": { "add": ["vip"] }, "is_rich": true
        })
    );
    assert_eq!(sent[1]["groups"], json!({ "remove": ["vip"] }), "an entry that is `out` is removed again");
    assert!(sent[3].get("groups").is_none(), "never a member: {}", sent[3]);
    assert!(sent.iter().all(|object| object.get("subscription_groups").is_none()));
    assert_eq!(world.next().traffic.requests, 0);
}

/// semantics 13.3: it repairs what others changed, an opt-out stays.
#[test]
fn a_full_resync_repairs_what_others_changed() {
    let world = world();
    world.sync_well();
    let mut dump = world.sandbox.dump();
    for user in &mut dump.users {
        user.custom_attributes.insert("plan".to_owned(), json!("hacked"));
        user.custom_attributes.insert("groups".to_owned(), json!(["theirs"]));
    }
    world.sandbox.load(dump).expect("a dump");
    world.sandbox.opt_out(NEWS, "u1@example.com");
    assert_eq!(world.next().counts.unchanged, 5, "nothing is read back");
    full(&world);
    assert_eq!(world.user("1")["custom_attributes"]["plan"], json!("basic"));
    assert_eq!(world.user("1")["custom_attributes"]["groups"], json!(["theirs", "vip"]));
    assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), Some(GroupState::Unsubscribed));
}

/// semantics 13.3, "one key": `--key K --full` repairs one user.
#[test]
fn a_full_resync_of_one_key_sends_that_user() {
    let world = world();
    world.sync_well();
    world.sandbox.clear_journal();
    let report = world.run(&Request { full: true, keys: vec!["2".to_owned()], ..Request::default() });
    assert_eq!((report.counts.read, report.counts.updated, report.counts.gone), (1, 1, 0), "{report:#?}");
    assert_eq!(world.received()[0]["external_id"], json!("2"));
    assert_eq!(world.received()[0]["plan"], json!("basic"));
}

/// semantics 13.3 and 2.3, row 13: a full resync also tries again what Braze refused.
#[test]
fn a_full_resync_tries_refused_objects_again() {
    let world = world();
    world.sandbox.refuse("1", "The value provided is not valid.");
    assert_eq!(world.sync().counts.failed, 1);
    world.sandbox.refuse_nobody();
    let report = full(&world);
    assert_eq!((report.counts.added, report.counts.updated, report.exit_code), (1, 4, 0), "{report:#?}");
}

/// semantics 2.1.1: the first write waits until the writes of the previous run have settled.
#[test]
fn the_first_write_waits_until_the_last_run_has_settled() {
    let mut world = world();
    world.limits = "{ settle: 10s, retryFor: 5s }".to_owned();
    world.sync_well();
    let before = world.clock.monotonic();
    world.sql("update users set plan = 'gold' where id = 1");
    assert_eq!(world.next().counts.updated, 1);
    let waited = world.clock.monotonic() - before;
    assert!(waited >= std::time::Duration::from_secs(9), "{waited:?}");
    let before = world.clock.monotonic();
    assert_eq!(world.next().traffic.requests, 0);
    assert!(
        world.clock.monotonic() - before < std::time::Duration::from_secs(9),
        "an idle run waits for nothing"
    );
}

/// semantics 13.1: what a source estimates is only a hint: one large id must not cost memory for as many records.
#[test]
fn a_large_id_does_not_make_room_for_as_many_records() {
    let world = World::new();
    world.insert(4_000_000_000..=4_000_000_000);
    let before = world.clock.monotonic();
    assert_eq!(world.sync_well().counts.added, 1);
    assert!(world.clock.monotonic() - before < std::time::Duration::from_secs(30), "it took long");
}
