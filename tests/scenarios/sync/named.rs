//! The named tests of the tool that this one succeeds: each was wrong there.

use braze_sandbox::{Effect, FaultRule, Limit, Options, RateLimits};
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Verdict;
use serde_json::{Value, json};
use std::time::Duration;

use crate::support::world::{NEWS, World, warned};

const GROUPS: &str = "  groupMappings:
    - { group: vip, customAttribute: groups }
    - { group: rich, customAttribute: groups, value: Rich }";

fn groups_of(world: &World, key: &str) -> Value {
    world.user(key)["custom_attributes"]["groups"].clone()
}

/// G 11.1; semantics 2.3, row 5, and 7.3: additive clears the group when a value changes so that a member leaves.
#[test]
fn a_value_that_ends_a_membership_removes_the_group_and_nothing_else() {
    let mut world = World::new();
    world.and(GROUPS);
    world.insert(1..=3);
    world.sql("update users set points = 200, vip = 1 where id = 1");
    world.sync_well();
    assert_eq!(groups_of(&world, "1"), json!(["Rich", "vip"]));
    world.sql("update users set points = 5 where id = 1");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves), (1, 1));
    assert_eq!(
        world.received(),
        [json!({ "external_id": "1", "points": 5, "groups": { "remove": ["Rich"] } })]
    );
}

/// G 11.1; semantics 2.3, row 5: the same change of a value makes a member leave the collection, mode by mode.
#[test]
fn a_value_that_ends_the_place_in_the_collection_deletes_in_sync_and_releases_in_the_other_modes() {
    for mode in ["Sync", "Additive", "Enrich"] {
        let mut world = World::new();
        world.insert(1..=4);
        world.sql("update users set points = 200, vip = 1");
        if mode == "Enrich" {
            world.sync_well();
            world = renewed(world);
        }
        world.mode(mode);
        world.and("  collection: { type: Group, group: rich }");
        world.and(GROUPS);
        world.sync_well();
        world.sql("update users set points = 5 where id = 1");
        let report = world.next();
        if mode == "Sync" {
            assert_eq!(report.counts.deleted, 1, "{mode}");
            assert_eq!(world.deleted(), ["1"]);
            assert_eq!(world.user("1"), Value::Null);
        } else {
            assert_eq!(report.counts.released, 1, "{mode}");
            assert_eq!(
                world.received(),
                [json!({
                    "external_id": "1", "groups": { "remove": ["Rich", "vip"] }, "_update_existing_only": true
                })]
            );
            assert_eq!(world.user("1")["custom_attributes"]["points"], json!(200), "attributes stay");
        }
        assert_eq!(report.counts.unchanged, 3);
    }
}

/// The same Braze and table with an empty state: what an Enrich Destination finds in a filled workspace.
fn renewed(world: World) -> World {
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state folder");
    world
}

/// G 11.2: a rule that changes so that all leave does the same for all of them.
#[test]
fn a_rule_that_nobody_fulfils_any_more_clears_the_group_of_everybody() {
    let mut world = World::new();
    world.and(GROUPS);
    world.insert(100..=120);
    world.sync_well();
    world.model = world.model.replace("record.points >= 100", "record.points >= 10000");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves), (21, 21));
    assert!(world.received().iter().all(|object| object["groups"] == json!({ "remove": ["Rich"] })));
}

/// G 11.3; semantics 4.2, row "All → Group": only non-members are removed, in one batch with members.
#[test]
fn a_collection_narrowed_to_a_group_removes_only_those_outside_it() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=40);
    world.sql("update users set vip = 1 where id > 4");
    world.sync_well();
    world.and("  collection: { type: Group, group: vip }");
    let report = world.next();
    assert_eq!((report.counts.deleted, report.counts.unchanged), (4, 36));
    assert_eq!(world.deleted(), ["1", "2", "3", "4"]);
    assert_eq!(world.received(), [] as [Value; 0]);
}

/// G 11.4; semantics 4.2, row "Group → All".
#[test]
fn a_collection_widened_to_all_sends_new_records_only() {
    let mut world = World::new();
    world.and("  collection: { type: Group, group: vip }");
    world.insert(1..=6);
    world.sql("update users set vip = 1 where id > 2");
    let first = world.sync_well();
    assert_eq!((first.counts.added, first.counts.skipped), (4, 2));
    world.change("\n  collection: { type: Group, group: vip }", "");
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.unchanged), (2, 4));
    let keys: Vec<Value> = world.received().iter().map(|object| object["external_id"].clone()).collect();
    assert_eq!(keys, [json!("1"), json!("2")]);
}

/// G 11.5; semantics 4.1, rows "added", "removed" and "renamed": every record is looked at once.
#[test]
fn an_edited_mapping_is_carried_out_once_for_every_record() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    world.and("    - { expression: 'record.plan + \"!\"', to: shout }");
    let gained = world.next();
    assert_eq!((gained.counts.updated, gained.attributes.sent), (3, 3));
    assert_eq!(world.received()[0], json!({ "external_id": "1", "shout": "basic!" }));

    world.change("to: shout }", "to: cry }");
    let renamed = world.next();
    assert_eq!((renamed.attributes.sent, renamed.attributes.cleared), (3, 3));
    assert_eq!(world.received()[0], json!({ "external_id": "1", "cry": "basic!", "shout": null }));

    world.change("\n    - { expression: 'record.plan + \"!\"', to: cry }", "");
    let lost = world.next();
    assert_eq!((lost.counts.updated, lost.attributes.cleared), (3, 3));
    assert!(warned(&lost, "TargetCleared"));
    assert_eq!(world.received()[0], json!({ "external_id": "1", "cry": null }));
    assert_eq!(world.next().counts.unchanged, 3);
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// G 11.6; semantics 4.1, row "custom attribute or `value` changed".
#[test]
fn a_renamed_group_value_replaces_the_old_one_and_keeps_what_others_put_there() {
    let mut world = World::new();
    world.and(GROUPS);
    world.insert(1..=2);
    world.sql("update users set vip = 1");
    world.sync_well();
    foreign(&world, "1", "groups", &json!({ "add": ["theirs"] }));
    world.change("group: vip, customAttribute: groups", "group: vip, customAttribute: groups, value: VIP");
    let report = world.next();
    assert_eq!(report.counts.updated, 2);
    assert_eq!(
        world.received()[0],
        json!({
            "external_id": "1", "groups": { "add": ["VIP"], "remove": ["vip"] }
        })
    );
    let mut groups: Vec<String> = serde_json::from_value(groups_of(&world, "1")).expect("texts");
    groups.sort();
    assert_eq!(groups, ["VIP", "theirs"]);
}

/// Another system writes an attribute, by way of a second world on the same Braze.
fn foreign(world: &World, key: &str, attribute: &str, value: &Value) {
    let mut dump = world.sandbox.dump();
    let user = dump.users.iter_mut().find(|user| user.external_id.as_deref() == Some(key)).expect("a user");
    let added = value["add"].as_array().expect("values to add");
    let list = user.custom_attributes.entry(attribute).or_insert(json!([]));
    list.as_array_mut().expect("a list").extend(added.iter().cloned());
    world.sandbox.load(dump).expect("a dump");
}

/// G 11.7: a user that Braze knows without attributes of ours is updated like its neighbours.
#[test]
fn a_user_whom_braze_knows_without_our_attributes_is_updated() {
    let mut world = World::new();
    world.insert(1..=3);
    let mut bare = World::new();
    std::mem::swap(&mut bare.sandbox, &mut world.sandbox);
    bare.destination = "  syncMode: Additive\n  propertyMappings:\n    - { from: id, to: external_id }\n    \
                        - { value: x, to: other }"
        .to_owned();
    bare.insert(2..=2);
    bare.sync_well();
    std::mem::swap(&mut bare.sandbox, &mut world.sandbox);
    world.and(GROUPS);
    world.sql("update users set vip = 1");
    assert_eq!(world.sync_well().counts.added, 3);
    for key in ["1", "2", "3"] {
        assert_eq!(groups_of(&world, key), json!(["vip"]));
        assert_eq!(world.user(key)["custom_attributes"]["plan"], json!("basic"));
    }
    assert_eq!(world.user("2")["custom_attributes"]["other"], json!("x"), "foreign attributes stay");
}

const TEXT_KEYS: &str = "drop table users; create table users (id text, email text, first_name text, plan text, \
                         points integer, news boolean, vip boolean);";

fn text_keys() -> World {
    let mut world = World::new();
    world.sql(TEXT_KEYS);
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: String");
    world
}

/// G 11.8; semantics 6.3: two users, for updates, look-ups and deletes alike.
#[test]
fn keys_that_differ_in_case_are_two_users_in_every_mode() {
    let mut world = text_keys();
    world.mode("Sync");
    world.sql("insert into users (id, plan) values ('Ab1', 'one'), ('ab1', 'two')");
    assert_eq!(world.sync_well().counts.added, 2);
    assert_eq!(world.user("Ab1")["custom_attributes"]["plan"], json!("one"));
    assert_eq!(world.user("ab1")["custom_attributes"]["plan"], json!("two"));
    let mut enrich = renewed(world);
    enrich.mode("Enrich");
    enrich.sql("update users set points = 7");
    assert_eq!(enrich.next().counts.added, 2);
    assert_eq!(enrich.user("Ab1")["custom_attributes"]["points"], json!(7));
    enrich.mode("Sync");
    enrich.sql("delete from users where id = 'ab1'");
    assert_eq!(enrich.next().counts.deleted, 1);
    assert_eq!((enrich.deleted(), enrich.user("Ab1").is_null()), (vec!["ab1".to_owned()], false));
}

/// G 11.9; semantics 6.4: the first row wins, the other is named.
#[test]
fn of_two_rows_with_one_key_the_first_is_sent_and_the_other_is_named() {
    let world = text_keys();
    world.sql("insert into users (id, plan) values ('a', 'first'), ('b', 'x'), ('a', 'second')");
    let report = world.sync();
    assert_eq!((report.counts.read, report.counts.added, report.counts.invalid), (3, 2, 1));
    assert_eq!((report.result, report.exit_code, report.rejected), (Verdict::Succeeded, 10, 1));
    assert_eq!(world.user("a")["custom_attributes"]["plan"], json!("first"));
    assert_eq!(world.rejects(), [("a".to_owned(), "id".to_owned(), "DuplicateKey".to_owned())]);
    assert_eq!(report.errors[0].code, "DuplicateKey");
    assert_eq!((report.errors[0].count, report.errors[0].refs.len()), (1, 1));
}

/// G 11.10; semantics 2.3: a changed key is a new record plus a gone one, and additive never deletes.
#[test]
fn a_changed_key_in_additive_adds_a_user_and_keeps_the_old_one() {
    let world = World::new();
    world.insert(1..=2);
    world.sync_well();
    world.sql("update users set id = 10 where id = 1");
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.released, report.counts.gone), (1, 1, 1));
    assert_eq!((world.user("1").is_null(), world.user("10").is_null()), (false, false));
    assert_eq!(world.received().len(), 1, "a release with nothing to clear sends nothing");
}

/// G 11.11; semantics 5.2, rows Integer and Url.
#[test]
fn long_integers_and_the_case_of_a_path_arrive_unchanged() {
    let mut world = World::new();
    world.model = world.model.replace("name: plan, type: String", "name: plan, type: Url");
    world.sql(
        "insert into users (id, plan, points) values (9007199254740993, 'https://Example.com/Pa/Th?Q=Ab', \
         9223372036854775807)",
    );
    world.sync_well();
    let entry = &world.sandbox.journal()[0];
    let body = String::from_utf8(entry.body.to_vec()).expect("text");
    assert!(body.contains(r#""external_id":"9007199254740993""#), "{body}");
    assert!(body.contains(r#""points":9223372036854775807"#), "{body}");
    assert!(body.contains(r#""plan":"https://Example.com/Pa/Th?Q=Ab""#), "{body}");
}

/// G 11.12; semantics 5.1: a failed conversion is never a null.
#[test]
fn a_bad_address_leaves_the_remote_one_and_is_reported() {
    let world = World::new();
    world.insert(1..=2);
    world.sync_well();
    world.sandbox.clear_journal();
    world.sql("update users set email = 'no address', plan = 'gold' where id = 1");
    let report = world.sync();
    assert_eq!((report.counts.updated, report.attributes.dropped, report.exit_code), (1, 1, 10));
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "gold" })]);
    assert_eq!(world.user("1")["email"], json!("u1@example.com"));
    assert_eq!(world.rejects(), [("1".to_owned(), "email".to_owned(), "BadEmail".to_owned())]);
    world.sandbox.clear_journal();
    let again = world.sync();
    assert_eq!(
        (again.counts.unchanged, again.attributes.dropped),
        (2, 1),
        "counted in every run that reads it"
    );
    assert_eq!(world.requests(), [] as [&str; 0]);
    world.sql("update users set email = 'u1@example.com' where id = 1");
    assert_eq!(world.next().counts.unchanged, 2);
    assert_eq!(world.rejects(), []);
}

/// G 11.13; semantics 9.3: everything arrives without a person doing anything.
#[test]
fn ten_minutes_of_503_only_make_a_run_longer() {
    let mut world = World::new();
    world.limits = "{ settle: 0s, retryFor: 15m }".to_owned();
    world.rest_at(Duration::ZERO, 200);
    world.insert(1..=200);
    let down = world.clock.monotonic() + Duration::from_secs(600);
    world.sandbox.set_faults([FaultRule::always(Effect::Status(503))]);
    let (clock, end) = (world.clock.clone(), down);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(clock.sleep(end.saturating_sub(clock.monotonic())));
            world.sandbox.clear_faults();
        });
        let report = world.sync();
        assert_eq!((report.result, report.counts.added), (Verdict::Succeeded, 200), "{report:#?}");
    });
    assert_eq!(world.sandbox.user_count(), 200);
}

/// G 11.14; semantics 9.2: a 429 waits for the reset and spends no attempt.
#[test]
fn a_full_window_makes_the_run_wait_and_fails_nothing() {
    let rate = RateLimits { track: Limit::per(2, 1), track_burst: None, ..RateLimits::default() };
    let mut world = World::with(Options { rate, ..Options::default() });
    world.limits = "{ settle: 0s, retryFor: 1s, objectsPerRequest: 10 }".to_owned();
    world.rest_at(Duration::ZERO, 1);
    world.insert(1..=60);
    let report = world.sync_well();
    assert_eq!(report.counts.added, 60);
    assert_eq!(world.sandbox.user_count(), 60);
    assert!(report.traffic.throttled_millis > 0, "{:?}", report.traffic);
}

/// G 11.15; semantics 9.3: whatever is unclear is sent again and ends well.
#[test]
fn resets_lost_answers_and_answers_that_are_no_json_end_in_one_state() {
    for effect in [Effect::Reset, Effect::ResetAfter, Effect::Garbage, Effect::Cut, Effect::StatusAfter(504)]
    {
        let world = World::new();
        world.insert(1..=5);
        world.sandbox.set_faults([FaultRule::first(2, effect).at("/users/track")]);
        let report = world.sync_well();
        assert_eq!((report.counts.added, report.traffic.retries > 0), (5, true), "{effect:?}");
        assert_eq!(world.sandbox.user_count(), 5);
        assert_eq!(world.next().counts.unchanged, 5);
    }
}

/// G 11.15: nobody listens. The reason is Braze, not the data, and the next run delivers.
#[test]
fn a_braze_that_cannot_be_reached_leaves_everything_pending() {
    let world = World::new();
    world.insert(1..=5);
    world.sandbox.set_faults([FaultRule::always(Effect::Reset)]);
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::BrazeUnavailable), 30), "{report:#?}");
    assert_eq!(report.counts.pending, 5);
    world.sandbox.clear_faults();
    assert_eq!(world.next().counts.added, 5);
}

/// G 11.16; semantics 9.3, row "2xx, errors with array and index".
#[test]
fn of_a_partly_refused_batch_exactly_the_named_records_fail() {
    let world = World::new();
    world.insert(1..=10);
    world.sandbox.refuse("3", "The value provided is not valid.");
    world.sandbox.refuse("7", "The value provided is not valid.");
    let report = world.sync();
    assert_eq!((report.counts.added, report.counts.failed, report.exit_code), (8, 2, 10));
    let keys: Vec<String> = world.rejects().into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["3", "7"]);
    assert_eq!((world.user("3").is_null(), world.user("4").is_null()), (true, false));
}

/// G 11.17; semantics 8.2: an empty table, a failing query and a table that is gone remove nobody.
#[test]
fn a_read_that_is_empty_or_fails_removes_nobody() {
    for (statement, reason) in [
        ("delete from users", Reason::EmptyRead),
        ("alter table users rename to elsewhere", Reason::InvalidSpec),
    ] {
        let mut world = World::new();
        world.mode("Sync");
        world.insert(1..=5);
        world.sync_well();
        world.sandbox.clear_journal();
        world.sql(statement);
        let report = world.sync();
        assert!(report.reason.is_some_and(|r| r == reason || r == Reason::ReadFailed), "{report:#?}");
        assert_eq!((report.counts.deleted, report.known_records), (0, 5));
        assert_eq!(world.requests(), [] as [&str; 0]);
    }
}

/// G 11.19: one bad row does not keep the others from being delivered; it is reported in every run.
#[test]
fn a_permanently_bad_row_is_reported_each_time_and_holds_nothing_up() {
    let world = World::new();
    world.insert(1..=3);
    world.sandbox.refuse("2", "The value provided is not valid.");
    assert_eq!(world.sync().counts.failed, 1);
    world.sql("update users set plan = 'gold'");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.counts.updated, report.counts.failed), (2, 1));
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.counts.unchanged, report.counts.failed), (2, 1));
    assert_eq!(world.requests(), [] as [&str; 0], "a refused object is not sent again");
}

/// G 11.21; semantics 2.3: a vanished row is one removal with the old key, and a row without a key names nobody.
#[test]
fn a_deleted_row_is_one_removal_with_the_old_key() {
    let mut world = text_keys();
    world.mode("Sync");
    world.sql("insert into users (id, plan) values ('a', 'x'), ('b', 'y'), ('c', 'z')");
    world.sync_well();
    world.sandbox.clear_journal();
    world.sql("update users set id = null where id = 'a'; delete from users where id = 'b'");
    let report = world.sync();
    assert_eq!((report.counts.deleted, report.counts.invalid, report.counts.gone), (2, 1, 2));
    assert_eq!(world.deleted(), ["a", "b"]);
    assert_eq!(world.received(), [] as [Value; 0]);
    assert_eq!(report.errors[0].code, "KeyNull");
}

/// G 11.22; semantics 2.3, row 7: a record that comes back is sent in full.
#[test]
fn a_removed_record_that_comes_back_is_sent_in_full() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=2);
    world.sync_well();
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.deleted, 1);
    world.insert(1..=1);
    let report = world.next();
    assert_eq!(report.counts.added, 1);
    assert_eq!(
        world.received(),
        [json!({
            "external_id": "1", "email": "u1@example.com", "first_name": "N1", "plan": "basic", "points": 1
        })]
    );
}

/// G 11.23; semantics 10.1: an unanswered B in between does not survive.
#[test]
fn a_value_that_goes_a_b_a_ends_as_a_though_b_was_never_answered() {
    let mut world = World::new();
    world.insert(1..=1);
    world.sync_well();
    world.sql("update users set plan = 'b'");
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::ResetAfter).at("/users/track")]);
    let lost = world.sync();
    assert_eq!((lost.counts.pending, lost.exit_code), (1, 30));
    assert_eq!(world.user("1")["custom_attributes"]["plan"], json!("b"), "it was applied");
    world.sandbox.clear_faults();
    world.sql("update users set plan = 'basic'");
    let report = world.next();
    assert_eq!(report.counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "basic" })]);
    assert_eq!(world.user("1")["custom_attributes"]["plan"], json!("basic"));
}

/// G 11.24; semantics 10.6: a stopped run goes on, and nothing is delivered twice with different content.
#[test]
fn a_stopped_run_is_taken_up_by_the_next_one() {
    let mut world = World::new();
    world.insert(1..=500);
    world.limits = "{ settle: 0s, retryFor: 1s, objectsPerRequest: 10, maxInFlight: 1 }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::Latency(Duration::from_millis(20)))]);
    let report = std::thread::scope(|scope| {
        let run = scope.spawn(|| world.sync());
        assert!(world.sandbox.wait_until_blocking(Duration::from_secs(30), |totals| totals.accepted >= 30));
        world.interrupt.cancel();
        run.join().expect("a run")
    });
    assert_eq!((report.reason, report.exit_code), (Some(Reason::Interrupted), 32));
    assert!(report.counts.added >= 10 && report.counts.added < 500, "{:?}", report.counts);
    world.interrupt = Default::default();
    world.sandbox.clear_faults();
    let sent = world.received().len();
    let rest = world.sync_well();
    assert_eq!(rest.counts.added + rest.counts.unchanged, 500);
    assert_eq!(rest.counts.unchanged, report.counts.added);
    let mut bodies: std::collections::HashMap<String, Value> = Default::default();
    for object in world.received() {
        let key = object["external_id"].as_str().expect("a key").to_owned();
        assert_eq!(bodies.entry(key).or_insert_with(|| object.clone()), &object);
    }
    assert_eq!((bodies.len(), world.sandbox.user_count()), (500, 500));
    assert!(sent < 500);
}

/// G 11.25: a failed run shows in its exit code, its counts and its JSON.
#[test]
fn a_failed_run_is_visible_to_machines() {
    let world = World::new();
    world.insert(1..=3);
    world.sandbox.set_faults([FaultRule::always(Effect::Status(401))]);
    let report = world.sync();
    assert_eq!(report.exit_code, 21);
    let json = serde_json::to_value(&report).expect("a report is plain data");
    assert_eq!(json["result"], "Failed");
    assert_eq!(json["reason"], "AuthenticationFailed");
    assert_eq!(json["exitCode"], 21);
    assert_eq!(json["counts"]["pending"], 3);
    assert_eq!(json["counts"]["added"], 0, "zeros are written");
    assert!(json["message"].as_str().is_some_and(|text| !text.is_empty()));
}

const JOINED: &str = "  query: select u.id, u.email, u.first_name, u.plan, o.total as points, u.news, u.vip from \
                      users u left join (select user_id, sum(amount) as total from orders group by user_id) o on \
                      o.user_id = u.id";

/// G 11.26 and 11.27; semantics 0: joins belong in the query; a row of nobody makes no record.
#[test]
fn rows_of_a_second_table_travel_by_a_join_whatever_their_order() {
    let mut world = World::new();
    world.sql("create table orders (user_id integer, amount integer)");
    world.sql("insert into orders values (2, 30), (99, 1000)");
    world.insert(1..=2);
    world.model = world.model.replace("  table: users", JOINED);
    let first = world.sync_well();
    assert_eq!((first.counts.read, first.counts.added), (2, 2));
    assert_eq!(world.user("2")["custom_attributes"]["points"], json!(30));
    world.sql("insert into orders values (3, 5)");
    world.insert(3..=3);
    world.sql("insert into orders values (3, 6), (2, 1)");
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.updated), (1, 1));
    assert_eq!(world.user("3")["custom_attributes"]["points"], json!(11));
    assert_eq!(world.user("99"), Value::Null);
}

/// semantics 7.2 and 7.3 beside G 11.1: a subscription leaves after the attributes, in an object of its own.
#[test]
fn a_member_of_a_subscription_group_that_leaves_is_unsubscribed() {
    let mut world = World::new();
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=2);
    world.sql("update users set news = 1");
    assert_eq!(world.sync_well().memberships.joins, 2);
    world.sql("update users set news = 0, plan = 'gold' where id = 1");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves), (1, 1));
    assert_eq!(
        world.received(),
        [
            json!({ "external_id": "1", "plan": "gold" }),
            json!({ "external_id": "1", "_update_existing_only": true, "subscription_groups": [
            { "subscription_group_id": NEWS, "subscription_state": "unsubscribed" }] }),
        ]
    );
    assert_eq!(world.next().counts.unchanged, 2);
    assert_eq!(world.requests(), [] as [&str; 0]);
}
