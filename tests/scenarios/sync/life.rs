//! The life of a record: each case in all three modes.

use braze_sandbox::{Effect, FaultRule, GroupState};
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Report;
use serde_json::{Value, json};

use crate::support::world::{NEWS, World};

const MODES: [&str; 3] = ["Sync", "Additive", "Enrich"];

/// Elements and a subscription group.
fn groups() -> String {
    format!(
        "  groupMappings:\n    - {{ group: vip, customAttribute: groups }}\n    \
         - {{ group: news, subscriptionGroupId: {NEWS} }}"
    )
}

/// Customers 1 to `most` whom Braze knows already, and an empty state.
fn filled(mode: &str, most: u32) -> World {
    let mut world = World::new();
    world.destination =
        "  syncMode: Additive\n  propertyMappings:\n    - { from: id, to: external_id }".to_owned();
    world.and("    - { from: email, to: email }");
    world.insert(1..=most);
    world.sync_well();
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state folder");
    world.destination = World::new().destination;
    world.mode(mode);
    world.and(&groups());
    world.sandbox.clear_journal();
    world
}

fn skipped(report: &Report, why: &str) -> u64 {
    report.skipped_by.iter().find(|skip| skip.code == why).map_or(0, |skip| skip.count)
}

fn plus_u(mode: &str, mut object: Value) -> Value {
    if mode == "Enrich" {
        object["_update_existing_only"] = json!(true);
    }
    object
}

/// semantics 2.3, rows 1, 3 and 4: all that is known, then the difference, then nothing.
#[test]
fn a_new_record_gets_all_a_changed_one_the_difference_and_an_equal_one_nothing() {
    for mode in MODES {
        let world = filled(mode, 2);
        world.sql("update users set vip = 1, plan = null where id = 1");
        let report = world.sync_well();
        assert_eq!(report.counts, Counts { read: 2, added: 2, ..Counts::default() }, "{mode}");
        let all = json!({ "external_id": "1", "email": "u1@example.com", "first_name": "N1", "points": 1,
                          "groups": { "add": ["vip"] } });
        assert_eq!(world.received()[0], plus_u(mode, all), "{mode}: no null at first sight");

        world.sql("update users set points = null, vip = 0 where id = 1");
        let report = world.next();
        assert_eq!(
            report.counts,
            Counts { read: 2, updated: 1, unchanged: 1, ..Counts::default() },
            "{mode}"
        );
        let difference = json!({ "external_id": "1", "points": null, "groups": { "remove": ["vip"] } });
        assert_eq!(world.received(), [plus_u(mode, difference)], "{mode}");

        let report = world.next();
        assert_eq!(report.counts, Counts { read: 2, unchanged: 2, ..Counts::default() }, "{mode}");
        assert_eq!(world.requests(), [] as [&str; 0], "{mode}: an unchanged run makes no call");
    }
}

/// semantics 2.3, row 1 in Enrich: a user who is not there is looked up, and not made.
#[test]
fn enrich_skips_whom_braze_does_not_know() {
    let world = filled("Enrich", 2);
    world.insert(3..=3);
    let report = world.sync_well();
    assert_eq!(report.counts, Counts { read: 3, added: 2, skipped: 1, ..Counts::default() });
    assert_eq!((skipped(&report, "notInBraze"), report.known_records), (1, 2));
    assert_eq!(world.user("3"), Value::Null);
    assert_eq!(world.next().counts, Counts { read: 3, unchanged: 2, skipped: 1, ..Counts::default() });
    assert_eq!(world.requests(), [] as [&str; 0], "it rests");
}

/// semantics 2.3, rows 2 and 17: a record outside the collection leaves no trace.
#[test]
fn a_new_record_outside_the_collection_is_skipped_and_not_remembered() {
    for mode in MODES {
        let mut world = filled(mode, 2);
        world.and("  collection: { type: Group, group: rich }");
        let report = world.sync_well();
        assert_eq!(report.counts, Counts { read: 2, skipped: 2, ..Counts::default() }, "{mode}");
        assert_eq!((skipped(&report, "notInCollection"), report.known_records), (2, 0), "{mode}");
        assert_eq!(world.requests(), [] as [&str; 0], "{mode}");
    }
}

/// semantics 2.3, row 6: gone from the source; the whole removal by mode.
#[test]
fn a_gone_record_is_deleted_in_sync_and_released_in_the_other_modes() {
    for mode in MODES {
        let world = filled(mode, 3);
        world.sql("update users set vip = 1, news = 1");
        assert_eq!(world.sync_well().memberships.joins, 6, "{mode}");
        world.sql("delete from users where id = 2");
        let report = world.next();
        assert_eq!((report.counts.gone, report.counts.unchanged, report.known_records), (1, 2, 2), "{mode}");
        if mode == "Sync" {
            assert_eq!((report.counts.deleted, world.deleted()), (1, vec!["2".to_owned()]));
            assert_eq!(world.requests(), ["/subscription/status/get", "/users/delete"]);
            continue;
        }
        assert_eq!(report.counts.released, 1, "{mode}");
        assert_eq!(
            world.received(),
            [json!({
                "external_id": "2", "groups": { "remove": ["vip"] }, "_update_existing_only": true,
                "subscription_groups": [{ "subscription_group_id": NEWS, "subscription_state": "unsubscribed" }]
            })],
            "{mode}"
        );
        assert_eq!(world.next().counts, Counts { read: 2, unchanged: 2, ..Counts::default() }, "{mode}");
        assert_eq!(world.requests(), [] as [&str; 0]);
    }
}

/// semantics 2.3, row 6 and 8.2: with `absentReads: 2` a record must be missing in two full reads in a row.
#[test]
fn with_two_absent_reads_the_first_absence_is_only_counted() {
    for mode in MODES {
        let mut world = filled(mode, 3);
        world.and("  deletionGuard: { absentReads: 2 }");
        world.sync_well();
        world.sql("delete from users where id < 3");
        let first = world.next();
        assert_eq!(first.counts, Counts { read: 1, gone: 2, skipped: 2, unchanged: 1, ..Counts::default() });
        assert_eq!((skipped(&first, "awaitingAbsence"), first.known_records), (2, 3), "{mode}");
        assert_eq!(world.requests(), [] as [&str; 0]);
        // One comes back in between: it starts counting anew.
        world.insert(1..=1);
        let second = world.next();
        assert_eq!((second.counts.gone, second.counts.deleted + second.counts.released), (1, 1), "{mode}");
        assert_eq!(second.counts.unchanged, 2, "{mode}: what came back is as it was");
        world.sql("delete from users where id = 1");
        assert_eq!(skipped(&world.next(), "awaitingAbsence"), 1, "{mode}");
        assert_eq!(world.next().known_records, 1, "{mode}");
    }
}

/// semantics 2.3, row 7, and 7.2, "Sync delete": an opt-out outlives the user, for its key and for its address.
#[test]
fn an_opt_out_outlives_the_deleted_user_under_its_key_and_its_address() {
    let world = filled("Sync", 3);
    world.sql("update users set news = 1");
    assert_eq!(world.sync_well().memberships.joins, 3);
    assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.deleted, 1);
    assert_eq!(world.user("1"), Value::Null);
    // Braze forgets the address; the ledger does not.
    let mut dump = world.sandbox.dump();
    dump.subscriptions.retain(|subscription| subscription.address != "u1@example.com");
    world.sandbox.load(dump).expect("a dump");
    world.sql(
        "insert into users values (1, 'new@example.com', 'N', 'basic', 1, 1, 0),
                                  (9, 'U1@example.com', 'N', 'basic', 1, 1, 0),
                                  (10, 'ten@example.com', 'N', 'basic', 1, 1, 0)",
    );
    let report = world.next();
    assert_eq!((report.counts.added, report.memberships.joins, report.memberships.opted_out), (3, 1, 2));
    assert_eq!(world.sandbox.subscription(NEWS, "new@example.com"), None);
    assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), None);
    assert_eq!(world.sandbox.subscription(NEWS, "ten@example.com"), Some(GroupState::Subscribed));
    assert_eq!(world.next().counts.unchanged, 5);
    assert_eq!(world.requests(), [] as [&str; 0], "opted out for good");
}

/// semantics 7.2, "Sync delete": no answer about the state, no delete.
#[test]
fn a_user_whose_opt_out_cannot_be_read_is_not_deleted() {
    let world = filled("Sync", 3);
    world.sql("update users set news = 1");
    world.sync_well();
    world.sql("delete from users where id = 1");
    world.sandbox.set_faults([FaultRule::always(Effect::Status(400)).at("/subscription/status/get")]);
    let report = world.sync();
    assert_eq!((report.counts.pending, report.counts.deleted), (1, 0));
    assert_eq!((report.reason, world.user("1").is_null()), (Some(Reason::RequestRefused), false));
    world.sandbox.clear_faults();
    assert_eq!(world.next().counts.deleted, 1);
}

/// semantics 2.3, row 8: what came back after a release is compared with what is remembered, and joins again.
#[test]
fn a_released_record_that_comes_back_gets_the_difference_and_its_groups() {
    for mode in ["Additive", "Enrich"] {
        let world = filled(mode, 2);
        world.sql("update users set vip = 1, news = 1");
        world.sync_well();
        world.sql("delete from users where id = 1");
        assert_eq!(world.next().counts.released, 1);
        world.sql("insert into users values (1, 'u1@example.com', 'N1', 'gold', 1, 1, 1)");
        let report = world.next();
        assert_eq!((report.counts.added, report.counts.unchanged), (1, 1), "{mode}");
        assert_eq!(
            world.received(),
            [plus_u(
                mode,
                json!({
                    "external_id": "1", "plan": "gold", "groups": { "add": ["vip"] },
                    "subscription_groups": [{ "subscription_group_id": NEWS, "subscription_state": "subscribed" }]
                })
            )],
            "{mode}"
        );
        assert!(!world.requests().contains(&"/subscription/status/get".to_owned()), "the leave was our own");
    }
}

/// semantics 2.3, row 8, and 3: without a difference it becomes live by comparison alone.
#[test]
fn a_released_record_that_comes_back_unchanged_is_added_without_a_request() {
    let world = World::new();
    world.insert(1..=2);
    world.sync_well();
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.released, 1);
    assert_eq!(world.requests(), [] as [&str; 0]);
    world.insert(1..=1);
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.unchanged), (1, 1));
    assert_eq!(world.requests(), [] as [&str; 0]);
}

fn lose_answers(world: &mut World, path: &str) {
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::ResetAfter).at(path)]);
}

/// semantics 2.3, row 9: sent, nothing acknowledged, still wanted.
#[test]
fn an_unanswered_new_record_is_sent_again_in_full() {
    let mut world = World::new();
    world.insert(1..=2);
    lose_answers(&mut world, "/users/track");
    let lost = world.sync();
    assert_eq!((lost.counts.pending, lost.known_records), (2, 2), "attempted records are known");
    world.sandbox.clear_faults();
    let report = world.next();
    assert_eq!(report.counts.added, 2);
    assert_eq!(
        world.received()[1],
        json!({
            "external_id": "2", "email": "u2@example.com", "first_name": "N2", "plan": "basic", "points": 2
        })
    );
}

/// semantics 2.3, row 10: sent, nothing acknowledged, and gone.
#[test]
fn an_unanswered_new_record_that_vanishes_is_removed() {
    for mode in ["Sync", "Additive"] {
        let mut world = World::new();
        world.mode(mode);
        world.and(&groups());
        world.insert(1..=2);
        world.sql("update users set vip = 1");
        lose_answers(&mut world, "/users/track");
        assert_eq!(world.sync().counts.pending, 2, "{mode}");
        world.sandbox.clear_faults();
        world.sql("delete from users where id = 1");
        let report = world.next();
        assert_eq!((report.counts.gone, report.counts.added), (1, 1), "{mode}");
        if mode == "Sync" {
            assert_eq!((report.counts.deleted, world.user("1").is_null()), (1, true));
        } else {
            assert_eq!(report.counts.released, 1);
            assert!(world.received().contains(&json!({
                "external_id": "1", "groups": { "remove": ["vip"] }, "_update_existing_only": true
            })));
        }
    }
}

/// semantics 2.3, row 14: a record whose place cannot be told stays as it is, and is not gone.
#[test]
fn a_record_whose_collection_rule_fails_is_invalid_and_stays() {
    for mode in MODES {
        let mut world = filled(mode, 2);
        world.and("  collection: { type: Group, group: rich }");
        world.sql("update users set points = 500");
        world.sync_well();
        world.sql("update users set points = 'many', plan = 'gold' where id = 1");
        world.sandbox.clear_journal();
        let report = world.sync();
        assert_eq!(
            report.counts,
            Counts { read: 2, invalid: 1, unchanged: 1, ..Counts::default() },
            "{mode}"
        );
        assert_eq!((report.known_records, report.exit_code), (2, 10), "{mode}");
        assert_eq!(world.requests(), [] as [&str; 0], "{mode}");
        assert!(report.errors.iter().any(|error| error.code == "RuleError"), "{:?}", report.errors);
    }
}

/// semantics 2.3, row 18: a delete without an answer is sent again while it is unwanted.
#[test]
fn a_delete_without_an_answer_is_sent_again() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    world.sql("delete from users where id = 1");
    lose_answers(&mut world, "/users/delete");
    let lost = world.sync();
    assert_eq!((lost.counts.pending, lost.exit_code), (1, 30));
    world.sandbox.clear_faults();
    let report = world.next();
    assert_eq!((report.counts.deleted, world.deleted()), (1, vec!["1".to_owned()]));
}

/// semantics 2.3, row 18: wanted again, all is unknown.
#[test]
fn a_record_that_comes_back_after_an_unanswered_delete_is_sent_in_full() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    world.sql("delete from users where id = 1");
    lose_answers(&mut world, "/users/delete");
    assert_eq!(world.sync().counts.pending, 1);
    assert_eq!(world.user("1"), Value::Null, "it was applied");
    world.sandbox.clear_faults();
    world.insert(1..=1);
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.unchanged), (1, 2), "{report:#?}");
    assert_eq!(
        world.received(),
        [json!({
            "external_id": "1", "email": "u1@example.com", "first_name": "N1", "plan": "basic", "points": 1
        })]
    );
}

/// semantics 9.4, row "delete": after 24 hours without an answer a person is asked.
#[test]
fn a_delete_without_an_answer_for_a_day_is_held() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    world.sql("delete from users where id = 1");
    lose_answers(&mut world, "/users/delete");
    world.sync();
    world.sandbox.clear_faults();
    world.sandbox.clear_journal();
    world.rest(std::time::Duration::from_secs(25 * 3600));
    let report = world.sync();
    assert_eq!((report.counts.held, report.reason), (1, Some(Reason::DeletionGuard)), "{report:#?}");
    assert_eq!(world.requests(), [] as [&str; 0]);
    let token = report.pending_approvals[0].token.clone();
    let report = world.approve(&token);
    assert_eq!((report.counts.deleted, report.exit_code), (1, 0), "{report:#?}");
}

/// semantics 9.3: a key that may not delete delivers everything else; the removals wait.
#[test]
fn without_the_permission_to_delete_all_else_is_delivered() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    let keys = braze_sandbox::Permissions::only(["users.track", "users.export.ids"]);
    world.sandbox.set_keys([(world.key.clone(), keys)].into());
    world.sql("delete from users where id = 1; update users set plan = 'gold' where id = 2");
    let report = world.sync();
    assert_eq!((report.counts.updated, report.counts.pending), (1, 1));
    assert_eq!((report.reason, report.exit_code), (Some(Reason::PermissionMissing), 21));
    assert!(report.message.contains("users.delete"), "{}", report.message);
    world.sandbox.set_keys([(world.key.clone(), braze_sandbox::Permissions::All)].into());
    assert_eq!(world.next().counts.deleted, 1);
}

/// semantics 2.3, row 10: an unanswered join of a subscription group is taken back by the release.
#[test]
fn an_unanswered_join_is_taken_back_by_a_release() {
    let mut world = World::new();
    world.and(&groups());
    world.insert(1..=2);
    world.sql("update users set news = 1");
    lose_answers(&mut world, "/users/track");
    assert_eq!(world.sync().counts.pending, 2);
    world.sandbox.clear_faults();
    assert_eq!(
        world.sandbox.subscription(NEWS, "u1@example.com"),
        Some(GroupState::Subscribed),
        "it was applied"
    );
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.released, 1);
    assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), Some(GroupState::Unsubscribed));
    assert_eq!(world.sandbox.subscription(NEWS, "u2@example.com"), Some(GroupState::Subscribed));
}

/// semantics 2.3, row 5: a release respects an opt-out, and remembers it when the person comes back.
#[test]
fn a_release_respects_an_opt_out() {
    for mode in ["Additive", "Enrich"] {
        let world = filled(mode, 2);
        world.sql("update users set news = 1");
        world.sync_well();
        world.sandbox.opt_out(NEWS, "u1@example.com");
        world.sql("delete from users where id = 1");
        let report = world.next();
        assert_eq!((report.counts.released, report.memberships.opted_out), (1, 1), "{mode}");
        assert_eq!(world.received(), [] as [Value; 0]);
        world.sql("insert into users values (1, 'u1@example.com', 'N1', 'basic', 1, 1, 0)");
        let report = world.next();
        assert_eq!((report.counts.added, report.memberships.joins), (1, 0), "{mode}");
        assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), Some(GroupState::Unsubscribed));
    }
}

/// semantics 2.3, row 8: attribute hashes of a released record are believed for 90 days.
#[test]
fn a_record_that_was_released_long_ago_is_sent_in_full() {
    for (days, sent) in [(89, 1), (91, 4)] {
        let mut world = World::new();
        world.insert(1..=2);
        world.sync_well();
        world.sql("delete from users where id = 1");
        world.next();
        world.rest(std::time::Duration::from_secs(days * 24 * 3600));
        world.sql("insert into users values (1, 'u1@example.com', 'N1', 'gold', 1, 0, 0)");
        let report = world.next();
        assert_eq!((report.counts.added, report.attributes.sent), (1, sent), "after {days} days");
    }
}

/// semantics 3: several things happen to one record: the gravest counts.
#[test]
fn of_several_objects_of_one_record_the_gravest_outcome_counts() {
    let mut world = World::new();
    world.and(&groups());
    world.insert(1..=2);
    world.sql("update users set news = 1");
    world.sync_well();
    world.sql("update users set news = 0, plan = 'gold'");
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sandbox.set_faults([FaultRule::from(2, Effect::Status(503)).at("/users/track")]);
    let report = world.sync();
    assert_eq!(
        (report.counts.pending, report.counts.updated, report.attributes.sent),
        (2, 0, 2),
        "{report:#?}"
    );
    world.sandbox.clear_faults();
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves, report.attributes.sent), (2, 2, 0));
}
