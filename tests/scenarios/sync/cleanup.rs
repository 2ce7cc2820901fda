//! A Destination that is deleted under `deletionPolicy: Delete` (semantics 4.3, last table; api 6).

use grouparoo::controller::execution;
use grouparoo::sync::memory::Question;
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::{Remembered, Request};
use serde_json::json;

use crate::support::world::{World, token};

fn people(mode: &str, most: u32) -> World {
    let mut world = World::new();
    world.mode(mode);
    world.insert(1..=most);
    world.sync_well();
    world.sandbox.clear_journal();
    world
}

fn cleanup(approvals: &[String]) -> Request {
    Request { cleanup: true, approvals: approvals.to_vec(), ..Request::default() }
}

fn forget(world: &World, request: &Request, report: &Report) -> bool {
    execution::forget(&world.memories(), &world.job(), request, report).expect("a state folder that works")
}

fn is_remembered(world: &World) -> bool {
    world.memories().store("default", "users-to-braze").expect("readable").is_some()
}

/// semantics 4.3: as with collection None, without its question, and the state is removed.
#[test]
fn a_cleanup_deletes_everybody_within_the_guard_and_forgets() {
    let mut world = people("Sync", 120);
    world.and("  deletionGuard: { maxPercent: 100 }");
    let report = world.run(&cleanup(&[]));
    assert_eq!(report.counts, Counts { gone: 120, deleted: 120, ..Counts::default() }, "{report:#?}");
    assert_eq!((report.exit_code, report.known_records, report.source.mode.as_str()), (0, 0, "None"));
    assert_eq!((world.sandbox.user_count(), world.asked("/users/delete")), (0, 3));
    assert!(is_remembered(&world));
    assert!(forget(&world, &cleanup(&[]), &report));
    assert!(!is_remembered(&world));
    assert!(forget(&world, &cleanup(&[]), &report), "nothing is left to be forgotten");
    assert_eq!(world.sync_well().counts.added, 120, "an object of the same name begins anew");
}

/// api 6, `deletionPolicy`: guarded; `CollectionNone` is not asked; the token of the guard lets it pass.
#[test]
fn a_cleanup_that_trips_the_guard_waits_for_its_token() {
    let world = people("Sync", 20);
    let report = world.run(&cleanup(&[]));
    assert_eq!((report.reason, report.counts.held, report.exit_code), (Some(Reason::DeletionGuard), 20, 22));
    assert_eq!((world.requests().len(), report.pending_approvals.len()), (0, 1), "{report:#?}");
    assert!(!forget(&world, &cleanup(&[]), &report) && is_remembered(&world));
    let approvals = [token(&report, Question::DeletionGuard, None)];
    let again = world.run(&cleanup(&[]));
    assert_eq!(
        token(&again, Question::DeletionGuard, None),
        approvals[0],
        "an unchanged set keeps its token"
    );
    let report = world.run(&cleanup(&approvals));
    assert_eq!((report.counts.deleted, report.exit_code), (20, 0), "{report:#?}");
    assert!(forget(&world, &cleanup(&approvals), &report) && !is_remembered(&world));
}

/// api 6: the token of collection None is none of the guard.
#[test]
fn the_answer_about_collection_none_does_not_let_a_cleanup_pass() {
    let mut world = people("Sync", 20);
    world.and("  collection: { type: None }");
    let none = token(&world.sync(), Question::CollectionNone, None);
    let report = world.run(&cleanup(&[none]));
    assert_eq!((report.counts.held, report.counts.deleted), (20, 0), "{report:#?}");
}

/// semantics 2.3, row 6: Additive releases; who has nothing of our groups is not even asked about.
#[test]
fn a_cleanup_of_an_additive_destination_clears_groups_and_leaves_users() {
    let mut world = World::new();
    world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
    world.insert(1..=10);
    world.sql("update users set vip = 1 where id <= 3");
    world.sync_well();
    world.sandbox.clear_journal();
    let report = world.run(&cleanup(&[]));
    assert_eq!((report.counts.released, report.exit_code, report.known_records), (10, 0, 0), "{report:#?}");
    assert!(world.received().iter().all(|object| object["groups"] == json!({ "remove": ["vip"] })));
    assert_eq!((world.received().len(), world.sandbox.user_count()), (3, 10));
    assert!(forget(&world, &cleanup(&[]), &report));
}

/// semantics 8.4: what is asked about rows stands in nobody's way when no row is sent any more.
#[test]
fn a_cleanup_is_not_asked_about_keys_kinds_or_a_lost_state() {
    let mut world = people("Sync", 5);
    world.model = world.model.replace("primaryKey: id", "primaryKey: email");
    world.change("{ from: id, to: external_id }", "{ from: email, to: external_id }");
    world.change("{ from: email, to: email }", "{ from: id, to: plan_number }");
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    assert_eq!(world.sync().reason, Some(Reason::ApprovalRequired));
    let report = world.run(&cleanup(&[]));
    assert_eq!((report.counts.deleted, report.exit_code), (5, 0), "{report:#?}");
    let lost = World::new();
    lost.insert(1..=5);
    let remembered = Some(Remembered { succeeded: true, serial: 9 });
    let request = Request { remembered, orphan: Some("another".to_owned()), ..cleanup(&[]) };
    let report = lost.run(&request);
    assert_eq!((report.counts, report.exit_code), (Counts::default(), 0), "{report:#?}");
    assert!(lost.requests().is_empty() && forget(&lost, &request, &report));
}

/// semantics 4.3.4: users of another workspace are never deleted without a word.
#[test]
fn a_cleanup_in_another_workspace_asks() {
    let mut world = World::new();
    world.mode("Sync");
    world.app = "  workspace: eu".to_owned();
    world.insert(1..=5);
    world.sync_well();
    world.app = "  workspace: us".to_owned();
    let report = world.run(&cleanup(&[]));
    assert_eq!((report.reason, world.deleted().len()), (Some(Reason::ApprovalRequired), 0), "{report:#?}");
    assert!(!forget(&world, &cleanup(&[]), &report));
    let same = token(&report, Question::WorkspaceChanged, Some("same"));
    assert_eq!(world.run(&cleanup(&[same])).counts.deleted, 5);
}

/// A cleanup that could not end leaves a Destination that goes on as before when its object stays.
#[test]
fn a_cleanup_that_was_held_changes_nothing_for_the_next_run() {
    let world = people("Sync", 20);
    world.run(&cleanup(&[]));
    let report = world.sync_well();
    assert_eq!((report.counts.unchanged, report.warnings.len()), (20, 0), "{report:#?}");
}

/// An ordinary run forgets nothing, however well it ends.
#[test]
fn only_a_cleanup_forgets() {
    let world = people("Sync", 3);
    let report = world.sync_well();
    assert!(!forget(&world, &Request::default(), &report) && is_remembered(&world));
}
