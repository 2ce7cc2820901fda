//! Which state belongs to which workspace.

use std::collections::BTreeMap;

use braze_sandbox::{Permissions, Sandbox};
use grouparoo::sync::memory::Question;
use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::run::Request;
use serde_json::json;

use crate::support::world::{World, token, warned};

const NEW_KEY: &str = "another-key";
const WITHOUT_EXPORT: [&str; 3] = ["users.track", "users.delete", "subscription.status.get"];

/// A world whose first run was delivered.
fn delivered(workspace: Option<&str>) -> World {
    let mut world = World::new();
    world.mode("Sync");
    label(&mut world, workspace);
    world.insert(1..=20);
    world.sync_well();
    world.sandbox.clear_journal();
    world
}

fn label(world: &mut World, workspace: Option<&str>) {
    world.app = workspace.map(|name| format!("  workspace: {name}")).unwrap_or_default();
}

fn rotate(world: &mut World, permissions: Permissions) {
    world.sandbox.set_keys(BTreeMap::from([(NEW_KEY.to_owned(), permissions)]));
    world.key = NEW_KEY.to_owned();
}

/// Another Braze behind the same address and key: the same external ids, other users.
fn replace_users(world: &World) {
    let mut dump = world.sandbox.dump();
    for user in &mut dump.users {
        user.braze_id = format!("ffff{}", &user.braze_id[4..]);
    }
    world.sandbox.load(dump).expect("a dump");
}

/// Another Braze at another address.
fn move_away(world: &mut World) {
    let other = World::new();
    let _: Sandbox = std::mem::replace(&mut world.sandbox, other.sandbox);
}

/// semantics 4.3.1: the same label, so no probe; a rotated key passes.
#[test]
fn under_one_label_a_rotated_key_passes_without_a_question_or_a_probe() {
    let mut world = delivered(Some("eu"));
    rotate(&mut world, Permissions::only(WITHOUT_EXPORT));
    world.sql("delete from users where id = 1; update users set plan = 'gold' where id = 2");
    let report = world.next();
    assert_eq!((report.counts.deleted, report.counts.updated), (1, 1));
    assert_eq!(world.requests(), ["/users/track", "/users/delete"]);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

/// semantics 4.3.1: under one label another host is the same workspace too.
#[test]
fn under_one_label_another_host_is_the_same_workspace() {
    let mut world = delivered(Some("eu"));
    move_away(&mut world);
    assert_eq!(world.next().counts.unchanged, 20);
}

/// semantics 4.3.1 and 4.3.4: another label is another workspace: no request, two tokens.
#[test]
fn another_label_asks_and_sends_nothing() {
    let mut world = delivered(Some("eu"));
    label(&mut world, Some("us"));
    world.sql("delete from users where id = 1; update users set plan = 'gold'");
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ApprovalRequired), 22));
    assert_eq!((report.counts, world.requests().len()), (Counts::default(), 0));
    let same = token(&report, Question::WorkspaceChanged, Some("same"));
    let fresh = token(&report, Question::WorkspaceChanged, Some("fresh"));
    assert!(same.starts_with("same-") && fresh.starts_with("fresh-"), "{same} {fresh}");
    assert_eq!(token(&world.sync(), Question::WorkspaceChanged, Some("same")), same, "it keeps its token");
    label(&mut world, Some("eu"));
    assert_eq!(world.next().counts.updated, 19, "taken back, nothing is asked");
}

/// semantics 4.3.4: `same-…` keeps the state.
#[test]
fn the_answer_same_goes_on_with_what_is_remembered() {
    let mut world = delivered(Some("eu"));
    label(&mut world, Some("us"));
    let same = token(&world.sync(), Question::WorkspaceChanged, Some("same"));
    let report = world.approve(&same);
    assert_eq!((report.counts.unchanged, report.exit_code), (20, 0), "{report:#?}");
    assert_eq!(world.next().counts.unchanged, 20, "the label is the present one now");
    label(&mut world, Some("eu"));
    let back = world.approve(&same);
    assert_eq!(back.reason, Some(Reason::ApprovalRequired), "a used token means nothing");
}

/// semantics 4.3.4: `fresh-…` archives the state and sends everything, whatever `initialSync` says; a plan says so.
#[test]
fn the_answer_fresh_begins_anew_and_sends_everything() {
    let mut world = delivered(Some("eu"));
    world.and("  initialSync: Adopt");
    move_away(&mut world);
    label(&mut world, Some("us"));
    let fresh = token(&world.sync(), Question::WorkspaceChanged, Some("fresh"));
    let request = Request { plan: true, approvals: vec![fresh.clone()], ..Request::default() };
    assert_eq!(world.run(&request).counts.added, 20);
    assert_eq!(world.sandbox.user_count(), 0);
    let report = world.approve(&fresh);
    assert_eq!((report.counts.added, report.exit_code), (20, 0), "{report:#?}");
    assert_eq!((world.sandbox.user_count(), report.serial), (20, Some(1)));
    assert!(world.folder().join("state/archive").exists());
    assert_eq!(world.approve(&fresh).counts.unchanged, 20, "a token of another state means nothing");
}

/// semantics 4.3.5: without a label a run that wrote takes a sample at its end; a run that writes nothing calls nobody.
#[test]
fn a_run_that_wrote_samples_the_workspace_and_an_idle_one_calls_nobody() {
    let world = delivered(None);
    world.sql("update users set plan = 'gold' where id = 1");
    world.next();
    assert_eq!(world.requests(), ["/users/track"], "twenty pairs are enough");
    assert_eq!(world.next().traffic.requests, 0);
    let labelled = World::new();
    let mut labelled = labelled;
    label(&mut labelled, Some("eu"));
    labelled.insert(1..=3);
    labelled.sync_well();
    assert_eq!(labelled.requests(), ["/users/track"], "a label needs no sample");
}

/// semantics 4.3.2: one equal `braze_id` proves the workspace, and the binding is renewed silently.
#[test]
fn a_rotated_key_is_proven_by_one_user_and_then_believed() {
    let mut world = delivered(None);
    rotate(&mut world, Permissions::All);
    world.sql("delete from users where id = 1");
    let report = world.next();
    assert_eq!((report.counts.deleted, report.counts.unchanged), (1, 19));
    assert_eq!(world.requests(), ["/users/export/ids", "/users/delete"]);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert_eq!(world.next().traffic.requests, 0, "asked once");
}

/// semantics 4.3.2: the same external ids prove nothing; no equal `braze_id` means another workspace.
#[test]
fn a_rotated_key_that_shows_other_users_asks() {
    let mut world = delivered(None);
    rotate(&mut world, Permissions::All);
    replace_users(&world);
    world.sql("update users set plan = 'gold'");
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::ApprovalRequired));
    assert_eq!(world.requests(), ["/users/export/ids"]);
    let same = token(&report, Question::WorkspaceChanged, Some("same"));
    assert_eq!(world.approve(&same).counts.updated, 20);
}

/// semantics 4.3.3: without the permission, a changed key is trusted but for removals.
#[test]
fn a_key_that_nobody_can_check_is_trusted_for_all_but_removals() {
    let mut world = delivered(None);
    rotate(&mut world, Permissions::only(WITHOUT_EXPORT));
    world.sql("delete from users where id = 1; update users set plan = 'gold' where id = 2");
    let report = world.sync();
    assert!(warned(&report, "WorkspaceUnverified"), "{:?}", report.warnings);
    assert_eq!((report.counts.updated, report.counts.held, report.exit_code), (1, 1, 22));
    assert_eq!(world.deleted(), [] as [&str; 0]);
    let again = world.sync();
    assert_eq!((again.counts.held, again.exit_code), (1, 22), "it stays unverified");
    let report = world.approve(&token(&again, Question::DeletionGuard, None));
    assert_eq!((report.counts.deleted, report.exit_code), (1, 0), "{report:#?}");
    world.sql("delete from users where id = 3");
    assert_eq!(world.next().counts.deleted, 1, "the approval cleared it");
}

/// semantics 4.3.3 and 8.3.3: a token that only a plan gave clears it as well.
#[test]
fn the_token_of_a_plan_clears_an_unverified_workspace() {
    let mut world = delivered(None);
    rotate(&mut world, Permissions::only(WITHOUT_EXPORT));
    assert!(warned(&world.next(), "WorkspaceUnverified"));
    world.sql("delete from users where id = 1");
    let plan = world.plan();
    let report = world.approve(&token(&plan, Question::DeletionGuard, None));
    assert_eq!((report.counts.deleted, report.exit_code), (1, 0), "{report:#?}");
    world.sql("delete from users where id = 3");
    assert_eq!(world.next().counts.deleted, 1, "the approval cleared it");
}

/// semantics 4.3.3: a later probe clears it too.
#[test]
fn a_probe_that_becomes_possible_releases_the_held_removals() {
    let mut world = delivered(None);
    rotate(&mut world, Permissions::only(WITHOUT_EXPORT));
    world.sql("delete from users where id = 1");
    assert_eq!(world.sync().counts.held, 1);
    world.sandbox.set_keys(BTreeMap::from([(NEW_KEY.to_owned(), Permissions::All)]));
    assert_eq!(world.next().counts.deleted, 1);
}

/// semantics 4.3.3: another host that cannot be probed is another workspace.
#[test]
fn another_host_without_a_probe_asks() {
    let mut world = delivered(None);
    move_away(&mut world);
    rotate(&mut world, Permissions::only(WITHOUT_EXPORT));
    world.sql("update users set plan = 'gold'");
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::ApprovalRequired));
    assert!(!world.requests().contains(&"/users/track".to_owned()));
}

/// semantics 4.3.2: another host with the same users, such as a proxy in front of Braze, is the same workspace.
#[test]
fn another_host_with_the_same_users_is_the_same_workspace() {
    let mut world = delivered(None);
    let dump = world.sandbox.dump();
    move_away(&mut world);
    world.sandbox.load(dump).expect("a dump");
    world.sql("update users set plan = 'gold' where id = 1");
    let report = world.next();
    assert_eq!((report.counts.updated, report.counts.unchanged), (1, 19));
    assert_eq!(world.received(), [json!({ "external_id": "1", "plan": "gold" })]);
}

/// semantics 4.3.1: a label on one side only: the probe decides, then the binding takes the present label.
#[test]
fn a_label_that_is_written_later_is_taken_up() {
    let mut world = delivered(None);
    label(&mut world, Some("eu"));
    assert_eq!(world.next().traffic.requests, 0, "host and key are the same");
    rotate(&mut world, Permissions::only(WITHOUT_EXPORT));
    assert_eq!(world.next().traffic.requests, 0, "and now the label is known on both sides");
    label(&mut world, Some("us"));
    assert_eq!(world.sync().reason, Some(Reason::ApprovalRequired));
}
