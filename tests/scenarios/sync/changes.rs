//! What an edited manifest makes the next run send.

use braze_sandbox::GroupState;
use grouparoo::sync::memory::Question;
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use serde_json::{Value, json};

use crate::support::world::{NEWS, World, token, warned};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn subscribing() -> World {
    let mut world = World::new();
    world.sandbox.add_group(braze_sandbox::Group::email(OTHER, "Other"));
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=3);
    world.sql("update users set news = 1 where id < 3");
    world.sync_well();
    world
}

/// semantics 4.1, row "property mapping added".
#[test]
fn an_added_mapping_sends_that_target_for_every_record_with_a_value() {
    let mut world = World::new();
    world.change("\n    - { from: plan, to: plan }", "");
    world.insert(1..=3);
    world.sql("update users set plan = null where id = 2");
    world.sync_well();
    world.and("    - { from: plan, to: plan }");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.unchanged), (2, 1));
    assert_eq!(
        world.received(),
        [json!({ "external_id": "1", "plan": "basic" }), json!({ "external_id": "3", "plan": "basic" }),]
    );
}

/// semantics 4.1, row "mapping removed, `onUnmap: Clear`": released records are left.
#[test]
fn a_removed_mapping_is_cleared_once_where_something_was_sent() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sql("update users set plan = null where id = 2");
    world.sync_well();
    world.sql("delete from users where id = 3");
    assert_eq!(world.next().counts.released, 1);
    world.change("\n    - { from: plan, to: plan }", "");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.unchanged, report.attributes.cleared), (1, 1, 1));
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": null })]);
    assert!(warned(&report, "TargetCleared"));
    assert_eq!(world.user("3")["custom_attributes"]["plan"], json!("basic"));
    world.and("    - { from: plan, to: plan }");
    let back = world.next();
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "basic" })], "as at first sight");
    assert_eq!(back.counts.updated, 1);
}

/// semantics 4.1: a clear that was not acknowledged is not forgotten.
#[test]
fn a_clear_that_fails_is_sent_by_the_next_run() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    world.change("\n    - { from: plan, to: plan }", "");
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    let down = braze_sandbox::FaultRule::always(braze_sandbox::Effect::Status(503));
    world.sandbox.set_faults([down]);
    assert_eq!(world.sync().counts.pending, 3);
    world.sandbox.clear_faults();
    assert_eq!(world.next().attributes.cleared, 3);
    assert_eq!(world.user("1")["custom_attributes"], json!({ "points": 1 }));
}

/// semantics 4.1, row "mapping removed, `onUnmap: Leave`; or target `email` …".
#[test]
fn a_removed_mapping_leaves_the_address_and_whatever_is_told_to_be_left() {
    let mut world = World::new();
    world.insert(1..=2);
    world.sync_well();
    world.change("\n    - { from: email, to: email }", "");
    let report = world.next();
    assert_eq!(report.counts.unchanged, 2);
    assert!(warned(&report, "TargetLeft") && !warned(&report, "TargetCleared"));
    world.change("\n    - { from: plan, to: plan }", "");
    world.and("  onUnmap: Leave");
    let report = world.next();
    assert_eq!(report.counts.unchanged, 2);
    assert!(warned(&report, "TargetLeft"));
    assert_eq!(world.requests(), [] as [&str; 0]);
    assert_eq!(world.user("1")["custom_attributes"]["plan"], json!("basic"));
}

/// semantics 4.1, row "`from`, `value`, `expression`, `as` … changed": attributes whose JSON differs.
#[test]
fn a_changed_expression_sends_only_what_differs() {
    let mut world = World::new();
    world.insert(1..=4);
    world.sql("update users set plan = 'gold' where id = 4");
    world.sync_well();
    world.change(
        "{ from: plan, to: plan }",
        "{ expression: 'record.plan == \"gold\" ? \"gold\" : \"other\"', to: plan }",
    );
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.unchanged), (3, 1));
    assert_eq!(world.received()[0], json!({ "external_id": "1", "plan": "other" }));
}

/// semantics 4.1, row "the mapping now yields another JSON kind": asks first, then sends.
#[test]
fn another_json_kind_waits_for_a_person() {
    let mut world = World::new();
    world.insert(1..=2);
    world.sync_well();
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    world.sandbox.clear_journal();
    world.sql("update users set plan = 'gold'");
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ApprovalRequired), 22));
    assert_eq!(world.requests(), [] as [&str; 0], "no request until it is answered");
    let asked = token(&report, Question::TargetTypeChanged, None);
    assert_eq!(token(&world.sync(), Question::TargetTypeChanged, None), asked);
    let report = world.approve(&asked);
    assert_eq!((report.counts.updated, report.exit_code), (2, 0), "{report:#?}");
    assert_eq!(world.received()[0], json!({ "external_id": "1", "plan": "gold", "points": "1" }));
    assert_eq!(world.next().counts.unchanged, 2, "and it is not asked again");
}

/// semantics 4.1, row "the mapping now yields another JSON kind": taken back, the question is over.
#[test]
fn a_kind_that_is_taken_back_asks_nothing() {
    let mut world = World::new();
    world.insert(1..=2);
    world.sync_well();
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    assert_eq!(world.sync().exit_code, 22);
    world.change("{ from: points, to: points, as: String }", "{ from: points, to: points }");
    assert_eq!(world.next().counts.unchanged, 2);
}

/// semantics 4.1, row "`onNull`".
#[test]
fn on_null_decides_about_nulls_from_then_on() {
    let mut world = World::new();
    world.change("{ from: plan, to: plan }", "{ from: plan, to: plan, onNull: Leave }");
    world.insert(1..=2);
    world.sync_well();
    world.sql("update users set plan = null where id = 1");
    assert_eq!(world.next().counts.unchanged, 2);
    world.change("{ from: plan, to: plan, onNull: Leave }", "{ from: plan, to: plan }");
    assert_eq!(world.next().attributes.cleared, 1);
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": null })]);
    world.change("{ from: plan, to: plan }", "{ from: plan, to: plan, onNull: Leave }");
    assert_eq!(world.next().counts.unchanged, 2);
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 2.2, row "null, `onNull: Leave`": the same value coming back sends nothing.
#[test]
fn a_left_value_that_comes_back_sends_nothing() {
    let mut world = World::new();
    world.change("{ from: plan, to: plan }", "{ from: plan, to: plan, onNull: Leave }");
    world.insert(1..=1);
    world.sync_well();
    world.sql("update users set plan = null");
    world.next();
    world.sql("update users set plan = 'basic'");
    assert_eq!(world.next().counts.unchanged, 1);
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 4.1, row "group mapping added, or retargeted": the old subscription group gets nothing.
#[test]
fn a_retargeted_subscription_group_joins_the_new_one_and_leaves_the_old_one_alone() {
    let mut world = subscribing();
    world.change(NEWS, OTHER);
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.joins, report.memberships.leaves), (2, 2, 0));
    assert!(warned(&report, "GroupLeftAsIs"));
    assert_eq!(world.sandbox.subscription(OTHER, "u1@example.com"), Some(GroupState::Subscribed));
    assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), Some(GroupState::Subscribed));
}

/// semantics 4.1, row "subscription mapping removed": a deleted line does not unsubscribe an audience.
#[test]
fn a_removed_subscription_mapping_sends_nothing_and_is_forgotten() {
    let mut world = subscribing();
    let line = format!("\n  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}");
    world.change(&line, "");
    let report = world.next();
    assert_eq!(report.counts.unchanged, 3);
    assert!(warned(&report, "GroupLeftAsIs"));
    assert_eq!(world.requests(), [] as [&str; 0]);
    assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
    world.and(&line[1..]);
    let back = world.next();
    assert_eq!((back.memberships.opted_out, back.memberships.already_there), (1, 1), "as at first sight");
    assert_eq!(world.received(), [] as [Value; 0]);
}

/// semantics 4.1, row "custom-attribute mapping removed".
#[test]
fn a_removed_element_is_taken_out_of_the_attribute_unless_told_to_be_left() {
    for leave in [false, true] {
        let mut world = World::new();
        world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
        world.insert(1..=3);
        world.sql("update users set vip = 1 where id < 3");
        world.sync_well();
        world.change("\n  groupMappings:\n    - { group: vip, customAttribute: groups }", "");
        if leave {
            world.and("  onUnmap: Leave");
        }
        let report = world.next();
        let removed = [
            json!({ "external_id": "1", "groups": { "remove": ["vip"] } }),
            json!({ "external_id": "2", "groups": { "remove": ["vip"] } }),
        ];
        assert_eq!(world.received(), if leave { &[] } else { &removed[..] });
        assert!(warned(&report, if leave { "TargetLeft" } else { "TargetCleared" }), "{:?}", report.warnings);
        assert_eq!(world.next().counts.unchanged, 3);
        assert_eq!(world.requests(), [] as [&str; 0]);
    }
}

/// semantics 4.1, row "custom attribute … changed": one object moves the value.
#[test]
fn an_element_moves_to_another_attribute_in_one_object() {
    let mut world = World::new();
    world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
    world.insert(1..=1);
    world.sql("update users set vip = 1");
    world.sync_well();
    world.change("customAttribute: groups", "customAttribute: segments");
    world.next();
    assert_eq!(
        world.received(),
        [json!({
            "external_id": "1", "groups": { "remove": ["vip"] }, "segments": { "add": ["vip"] }
        })]
    );
}

/// semantics 4.1, row "rule or Boolean column changed": joins and leaves of the records read, not guarded.
#[test]
fn a_changed_rule_joins_and_leaves() {
    let mut world = World::new();
    world.and(&format!("  groupMappings:\n    - {{ group: rich, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=20);
    world.sql("update users set points = 200 where id <= 10");
    assert_eq!(world.sync_well().memberships.joins, 10);
    world.model = world.model.replace("record.points >= 100", "record.points < 100");
    let report = world.next();
    assert_eq!((report.memberships.joins, report.memberships.leaves, report.counts.updated), (10, 10, 20));
}

/// semantics 4.1, last row: nothing is sent, left or removed.
#[test]
fn a_missing_column_refuses_the_run_before_the_first_request() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    world.sandbox.clear_journal();
    world.sql("alter table users drop column plan; delete from users where id = 1");
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::InvalidSpec), 20), "{report:#?}");
    assert!(report.message.contains("plan"), "{}", report.message);
    assert_eq!((world.requests().len(), report.known_records), (0, 3));
}

/// semantics 4.2, row "Additive or Enrich → Sync": released users are never deleted by a mode change.
#[test]
fn a_change_to_sync_never_deletes_whom_an_earlier_mode_released() {
    let mut world = World::new();
    world.insert(1..=4);
    world.sync_well();
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.released, 1);
    world.mode("Sync");
    assert_eq!(world.next().counts, Counts { read: 3, unchanged: 3, ..Counts::default() });
    assert_eq!(world.requests(), [] as [&str; 0]);
    world.sql("delete from users where id = 2");
    world.next();
    assert_eq!(world.deleted(), ["2"]);
}

/// semantics 4.2, row "Sync → Additive or Enrich": held deletes become releases.
#[test]
fn held_deletes_become_releases_when_the_mode_no_longer_deletes() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=10);
    world.sync_well();
    world.sql("delete from users where id <= 8");
    assert_eq!(world.sync().counts.held, 8);
    world.mode("Additive");
    let report = world.next();
    assert_eq!((report.counts.released, report.counts.held), (8, 0), "nothing to clear is never held");
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 4.2, row "Additive or Sync → Enrich": looked up before the next update, not before.
#[test]
fn a_change_to_enrich_looks_up_before_the_next_update() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    world.mode("Enrich");
    assert_eq!(world.next().counts.unchanged, 3);
    assert_eq!(world.requests(), [] as [&str; 0]);
    let mut dump = world.sandbox.dump();
    dump.users.retain(|user| user.external_id.as_deref() != Some("2"));
    world.sandbox.load(dump).expect("a dump");
    world.sql("update users set plan = 'gold'");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.skipped), (2, 1), "{report:#?}");
    assert_eq!(world.requests()[..2], ["/users/export/ids", "/users/track"]);
    assert_eq!(world.user("2"), Value::Null);
}

/// semantics 4.2, row "Enrich → Additive or Sync": absent records are created.
#[test]
fn a_change_from_enrich_creates_the_absent_ones() {
    for mode in ["Additive", "Sync"] {
        let mut world = World::new();
        world.mode("Enrich");
        world.insert(1..=3);
        assert_eq!(world.sync_well().counts.skipped, 3);
        world.mode(mode);
        let report = world.next();
        assert_eq!((report.counts.added, world.sandbox.user_count()), (3, 3), "{mode}");
    }
}

/// semantics 4.2, row "collection … Group A → B".
#[test]
fn another_collection_group_removes_those_who_are_only_in_the_old_one() {
    let mut world = World::new();
    world.mode("Sync");
    world.and("  collection: { type: Group, group: vip }");
    world.insert(1..=6);
    world.sql("update users set vip = 1 where id <= 3; update users set news = 1 where id >= 3");
    assert_eq!(world.sync_well().counts.added, 3);
    world.change("group: vip }", "group: news }");
    let report = world.next();
    assert_eq!((report.counts.deleted, report.counts.unchanged, report.counts.added), (2, 1, 3));
    assert_eq!(world.deleted(), ["1", "2"]);
}

/// semantics 4.2, row "collection → None": always asks, does not read, removes all.
#[test]
fn collection_none_asks_and_then_takes_everything_back() {
    for mode in ["Sync", "Additive"] {
        let mut world = World::new();
        world.mode(mode);
        world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
        world.insert(1..=3);
        world.sql("update users set vip = 1");
        world.sync_well();
        world.and("  collection: { type: None }");
        world.sandbox.clear_journal();
        let report = world.sync();
        assert_eq!((report.reason, report.exit_code), (Some(Reason::ApprovalRequired), 22));
        assert_eq!(report.pending_approvals[0].removals, 3);
        assert_eq!(world.requests(), [] as [&str; 0]);
        world.sql("delete from users");
        let report = world.approve(&token(&report, Question::CollectionNone, None));
        assert_eq!((report.exit_code, report.counts.gone, report.counts.read), (0, 3, 0), "{report:#?}");
        assert_eq!((report.known_records, report.source.mode.as_str()), (0, "None"));
        if mode == "Sync" {
            assert_eq!((report.counts.deleted, world.sandbox.user_count()), (3, 0));
        } else {
            assert_eq!((report.counts.released, world.sandbox.user_count()), (3, 3));
            assert_eq!(world.user("1")["custom_attributes"]["groups"], json!([]));
        }
        assert_eq!(world.next().counts, Counts::default(), "nothing is left to ask about");
    }
}

/// semantics 8.3.4 for 4.2, "collection → None": an approval is used up by the run that completes its set.
#[test]
fn an_approval_of_collection_none_outlives_an_outage() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    world.and("  collection: { type: None }");
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    let approval = token(&world.sync(), Question::CollectionNone, None);
    world.sandbox.set_faults([braze_sandbox::FaultRule::always(braze_sandbox::Effect::Status(503))]);
    assert_eq!(world.approve(&approval).counts.pending, 3);
    world.sandbox.clear_faults();
    let report = world.approve(&approval);
    assert_eq!((report.counts.deleted, report.exit_code), (3, 0), "{report:#?}");
}

/// semantics 4.2, row "`modelRef`, table or query changed": differences as usual, and a warning once.
#[test]
fn another_query_sends_the_difference_and_warns_once() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    world.model = world.model.replace(
        "table: users",
        "query: select id, email, first_name, plan, points * 2 as points, news, vip from users where id > 1",
    );
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.released), (2, 1));
    assert!(warned(&report, "SourceChanged"));
    assert!(!warned(&world.next(), "SourceChanged"));
}

/// semantics 4.2, row "source swapped (host, database, file)".
#[test]
fn another_file_of_the_source_sends_the_difference_and_warns() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    std::fs::copy(world.folder().join("crm.db"), world.folder().join("other.db")).expect("a copy");
    world.source = "{ sqlite: { path: other.db } }".to_owned();
    let report = world.next();
    assert_eq!(report.counts.unchanged, 3);
    assert!(warned(&report, "SourceChanged"), "{:?}", report.warnings);
}

/// semantics 4.2, row "`primaryKey`: other property": nothing until approved.
#[test]
fn another_primary_key_waits_for_a_person() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=3);
    world.sync_well();
    world.model = world.model.replace("primaryKey: id", "primaryKey: first_name");
    world.change("{ from: id, to: external_id }", "{ from: first_name, to: external_id }");
    world.change("\n    - { from: first_name, to: first_name }", "");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ApprovalRequired), 22));
    assert_eq!(world.requests(), [] as [&str; 0]);
    let approval = token(&report, Question::KeyChanged, None);
    let report = world.approve(&approval);
    assert_eq!((report.counts.added, report.counts.deleted), (3, 3), "{report:#?}");
    assert_eq!(world.next().counts.unchanged, 3);
}

/// semantics 4.2, row "integer ↔ text family".
#[test]
fn a_key_of_another_family_waits_for_a_person_and_one_of_the_same_does_not() {
    let mut world = World::new();
    world.insert(1..=3);
    world.sync_well();
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: Decimal");
    assert_eq!(world.next().counts.unchanged, 3, "Integer and Decimal have the same canonical text");
    world.model = world.model.replace("name: id, type: Decimal", "name: id, type: String");
    assert_eq!(world.sync().pending_approvals[0].question, Question::KeyChanged);
    world.model = world.model.replace("name: id, type: String", "name: id, type: Integer");
    assert_eq!(world.next().counts.unchanged, 3, "taken back, nothing is asked");
}

/// semantics 4.2, row "… a full read with K ≥ 1,000 of whose first 1,000 keys not one is known".
#[test]
fn a_thousand_unknown_keys_wait_for_a_person() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=1_000);
    world.sync_well();
    world.sql("update users set id = id + 100000");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ApprovalRequired), 22), "{report:#?}");
    assert_eq!((report.counts.held + report.counts.deleted, world.requests().len()), (0, 0));
    let approval = token(&report, Question::KeyChanged, None);
    let report = world.approve(&approval);
    assert_eq!((report.counts.added, report.counts.held), (1_000, 1_000), "{:?}", report.counts);
    world.sql("update users set id = id + 100000");
    world.sandbox.clear_journal();
    let again = world.approve(&approval);
    assert_eq!((again.reason, world.requests().len()), (Some(Reason::ApprovalRequired), 0), "acts once");
}

/// semantics 4.2, row "`primaryKey`": one answer is enough, though none of the first thousand keys is known then.
#[test]
fn one_approval_is_enough_for_another_primary_key_of_many_records() {
    let mut world = World::new();
    world.insert(1..=1_000);
    world.sync_well();
    world.model = world.model.replace("primaryKey: id", "primaryKey: first_name");
    world.change("{ from: id, to: external_id }", "{ from: first_name, to: external_id }");
    world.change("\n    - { from: first_name, to: first_name }", "");
    let approval = token(&world.sync(), Question::KeyChanged, None);
    let report = world.approve(&approval);
    assert_eq!((report.counts.added, report.counts.released, report.exit_code), (1_000, 1_000, 0));
}

/// semantics 4.2, row "`deletionGuard` raised".
#[test]
fn a_raised_guard_lets_the_held_removals_go_with_the_next_run() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=20);
    world.sync_well();
    world.sql("delete from users where id <= 8");
    assert_eq!(world.sync().counts.held, 8);
    world.and("  deletionGuard: { maxPercent: 50 }");
    assert_eq!(world.next().counts.deleted, 8);
}

/// semantics 4.1, row "mapping removed, `onUnmap: Clear`": every live record is cleared, also one that could not be
/// sent, was not there or was invalid in the run of the edit.
#[test]
fn a_clear_reaches_those_who_could_not_be_cleared_at_once() {
    let mut world = World::new();
    world.and("  deletionGuard: { absentReads: 2 }");
    world.and("  collection: { type: Group, group: rich }");
    world.insert(101..=104);
    world.sync_well();
    world.change("\n    - { from: plan, to: plan }", "");
    world.sandbox.refuse("101", "The value provided is not valid.");
    world.sql("delete from users where id = 102; update users set points = 'many' where id = 103");
    let report = world.sync();
    let counts = report.counts;
    assert_eq!((counts.failed, counts.skipped, counts.invalid, counts.updated), (1, 1, 1, 1), "{report:#?}");
    world.sandbox.refuse_nobody();
    world.insert(102..=102);
    world.sql("update users set points = 1000");
    let report = world.next();
    assert_eq!((report.counts.updated, report.attributes.cleared), (4, 3), "{report:#?}");
    for key in ["101", "102", "103", "104"] {
        assert_eq!(world.user(key)["custom_attributes"], json!({ "points": 1000 }), "{key}");
    }
}

/// semantics 4.1, row "custom-attribute mapping removed": the same for elements.
#[test]
fn an_element_is_removed_from_those_who_could_not_be_reached_at_once() {
    let mut world = World::new();
    world.and("  deletionGuard: { absentReads: 2 }");
    world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
    world.insert(1..=2);
    world.sql("update users set vip = 1");
    world.sync_well();
    world.change("\n  groupMappings:\n    - { group: vip, customAttribute: groups }", "");
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.skipped, 1);
    world.insert(1..=1);
    world.next();
    assert_eq!(world.received(), [json!({ "external_id": "1", "groups": { "remove": ["vip"] } })]);
}

/// semantics 14.3: 0 for tracking flags, also when one is cleared because it is no longer mapped.
#[test]
fn a_tracking_flag_that_is_cleared_costs_no_data_point() {
    let mut world = World::new();
    world.model = world.model.replacen(
        "    - { name: points, type: Integer }",
        "    - { name: points, type: Integer }\n    - { name: vip, type: Boolean }",
        1,
    );
    world.and("    - { from: vip, to: email_open_tracking_disabled }");
    world.insert(1..=2);
    assert_eq!(world.sync_well().traffic.data_points, 8);
    world.change("\n    - { from: vip, to: email_open_tracking_disabled }", "");
    assert_eq!(world.plan().traffic.data_points, 0);
    let report = world.next();
    assert_eq!((report.attributes.cleared, report.traffic.data_points), (2, 0));
    assert_eq!(world.sandbox.journal().iter().map(|entry| entry.data_points).sum::<u64>(), 0);
    assert_eq!(world.received()[0], json!({ "external_id": "1", "email_open_tracking_disabled": null }));
}
