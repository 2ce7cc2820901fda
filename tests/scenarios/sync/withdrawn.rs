//! Collection None: everything is taken back, and nothing is read (semantics 4.2).

use grouparoo::sync::memory::Question;
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::run::Request;
use serde_json::json;

use crate::support::world::{NEWS, World, token, warned};

/// Ten customers in a subscription group, an array, a Flag and a consent target.
fn world(mode: &str) -> World {
    let mut world = World::new();
    world.mode(mode);
    world.and("    - { value: unsubscribed, to: push_subscribe }");
    world.and("    - { expression: 'record.points * 2', to: twice }");
    world.and("    - { from: plan, to: account.plan, targetKind: Nested }");
    world.and(&format!(
        "  groupMappings:\n    - {{ group: vip, customAttribute: groups }}\n    \
         - {{ group: news, subscriptionGroupId: {NEWS} }}\n    \
         - {{ group: rich, customAttribute: is_rich, style: Flag }}"
    ));
    world.insert(1..=10);
    world.sql("update users set vip = 1, news = 1");
    world.sync_well();
    world.and("  collection: { type: None }");
    world
}

/// The whole way: asked, approved, removed; and nothing is left to do.
fn takes_all_back(world: &World, mode: &str) {
    world.sandbox.clear_journal();
    let asked = world.sync();
    assert_eq!((asked.reason, asked.exit_code), (Some(Reason::ApprovalRequired), 22), "{asked:#?}");
    assert_eq!(world.requests(), [] as [&str; 0]);
    let approval = token(&asked, Question::CollectionNone, None);
    assert_eq!(token(&world.plan(), Question::CollectionNone, None), approval);
    let planned = world.run(&Request { plan: true, approvals: vec![approval.clone()], ..Request::default() });
    let report = world.approve(&approval);
    assert_eq!((report.exit_code, report.message.as_str()), (0, ""), "{report:#?}");
    assert_eq!(planned.counts, report.counts);
    assert_eq!((report.known_records, report.source.mode.as_str()), (0, "None"));
    let expected = match mode {
        "Sync" => Counts { gone: 10, deleted: 10, ..Counts::default() },
        _ => Counts { gone: 10, released: 10, ..Counts::default() },
    };
    assert_eq!(report.counts, expected);
    if mode == "Sync" {
        assert_eq!(world.sandbox.user_count(), 0);
    } else {
        let user = world.user("3");
        assert_eq!(user["custom_attributes"]["groups"], json!([]));
        assert_eq!(user["custom_attributes"].get("is_rich"), None);
        assert_eq!(user["custom_attributes"]["twice"], json!(6), "attributes stay");
        let state = world.sandbox.subscription(NEWS, "u3@example.com");
        assert_eq!(state, Some(braze_sandbox::GroupState::Unsubscribed));
    }
    assert_eq!(world.next().counts, Counts::default(), "nothing is left to ask about");
}

/// semantics 4.2, row "collection → None": the source is not read, so its table may be gone.
#[test]
fn a_destination_is_emptied_though_its_table_is_gone() {
    for mode in ["Sync", "Additive"] {
        let world = world(mode);
        world.sql("drop table users");
        takes_all_back(&world, mode);
    }
}

/// semantics 4.2, row "collection → None": the source is not read, so it may be gone altogether.
#[test]
fn a_destination_is_emptied_though_its_database_is_gone() {
    let world = world("Sync");
    std::fs::remove_file(world.folder().join("crm.db")).expect("a database");
    takes_all_back(&world, "Sync");
    assert!(!world.folder().join("crm.db").exists(), "nor is it made");
}

/// semantics 4.2, row "collection → None": the source is not read, so its server need not answer.
#[test]
fn a_destination_is_emptied_though_its_server_is_another_one_that_is_gone() {
    let mut world = world("Additive");
    world.source = "{ postgres: { host: 127.0.0.1, port: 1, database: crm, user: nobody } }".to_owned();
    takes_all_back(&world, "Additive");
}

/// semantics 4.2, row "`primaryKey`": what is not read changes nothing that is known of it.
#[test]
fn an_empty_collection_does_not_hide_another_key_from_the_run_after_it() {
    let mut world = world("Additive");
    world.sql("update users set email = 'k' || id || '@example.com'");
    world.model = world.model.replace("primaryKey: id", "primaryKey: email");
    world.change("{ from: id, to: external_id }", "{ from: email, to: external_id }");
    world.change("\n    - { from: email, to: email }", "");
    let report = world.sync();
    assert_eq!(report.pending_approvals.len(), 1, "only about the collection: {report:#?}");
    token(&report, Question::CollectionNone, None);
    assert!(!warned(&report, "SourceChanged"));
    world.change("\n  collection: { type: None }", "");
    token(&world.sync(), Question::KeyChanged, None);
}

/// semantics 4.1: what is unmapped together with the collection is taken back too.
#[test]
fn elements_that_are_unmapped_in_the_same_edit_are_removed_as_well() {
    let mut world = world("Additive");
    world.change("\n    - { group: vip, customAttribute: groups }", "");
    world.sql("drop table users");
    let asked = world.sync();
    let report = world.approve(&token(&asked, Question::CollectionNone, None));
    assert_eq!((report.counts.released, report.exit_code), (10, 0), "{report:#?}");
    assert_eq!(world.user("3")["custom_attributes"]["groups"], json!([]));
}
