//! `plan --look-up`: Braze is read, so that nothing in the plan is an upper bound (semantics 14.1).

use std::collections::BTreeMap;
use std::time::Duration;

use braze_sandbox::Permissions;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::Request;

use super::plan::{files, planned, sent};
use crate::support::world::{NEWS, World, warned};

const LOOK: &str = "/users/export/ids";
const READ: &str = "/subscription/status/get";

/// A plan that looks up, watched: it only reads, and leaves the state folder as it is.
fn look_up(world: &World) -> Report {
    let state = world.folder().join("state");
    // A world makes the folder with its hash key where there is none.
    world.plan();
    let before = files(&state);
    world.sandbox.clear_journal();
    let request = Request { plan: true, look_up: true, samples: 1_000, ..Request::default() };
    let report = world.run(&request);
    let others: Vec<String> =
        world.requests().into_iter().filter(|path| path != LOOK && path != READ).collect();
    assert_eq!(others, [] as [&str; 0], "a plan only reads");
    assert!(files(&state) == before, "a file of the state folder changed");
    assert_eq!(report.plan.as_ref().map(|plan| (plan.looked_up, plan.unknown)), Some((true, 0)));
    report
}

/// The next run does exactly what the plan said, and asks what it asked.
fn comes_true(world: &World, plan: &Report) -> Report {
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!(planned(plan), sent(world));
    assert_eq!(plan.counts, report.counts);
    assert_eq!((plan.attributes, plan.memberships), (report.attributes, report.memberships));
    let cost = |report: &Report| {
        let traffic = report.traffic;
        (traffic.lookup, traffic.status, traffic.track, traffic.objects, traffic.data_points, traffic.bytes)
    };
    assert_eq!(cost(plan), cost(&report));
    report
}

/// Twenty customers, all of whom want news; four of them opted out, two are subscribed already.
fn world(mode: &str) -> World {
    let mut world = World::new();
    // A label, so that no sample of the workspace is taken among the look-ups.
    world.app = "  workspace: eu".to_owned();
    world.mode(mode);
    world.and(&format!(
        "  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}\n    \
         - {{ group: vip, customAttribute: groups }}"
    ));
    world.insert(1..=20);
    world.sql("update users set news = 1, vip = id % 2");
    for id in 1..=4 {
        world.sandbox.opt_out(NEWS, &format!("u{id}@example.com"));
    }
    for id in 5..=6 {
        world.sandbox.opt_in(NEWS, &format!("u{id}@example.com"));
    }
    world
}

/// Braze knows the customers up to this one.
fn known_up_to(world: &World, last: u32) {
    let other = World::new();
    other.insert(1..=last);
    other.sync_well();
    let mut dump = world.sandbox.dump();
    dump.users = other.sandbox.dump().users;
    world.sandbox.load(dump).expect("a dump");
}

/// semantics 14.1 and 7.2: opted out, there already and joins are those of the run.
#[test]
fn joins_are_exact_when_braze_was_asked() {
    let world = world("Additive");
    let plan = look_up(&world);
    let memberships = plan.memberships;
    assert_eq!((memberships.opted_out, memberships.already_there), (4, 2));
    assert_eq!(memberships.joins, 14 + 10, "subscriptions and elements");
    assert_eq!(world.asked(READ), 1);
    assert_eq!(comes_true(&world, &plan).exit_code, 0);
}

/// semantics 14.1 and 12.2: who is not in Braze is skipped, and not counted as an upper bound.
#[test]
fn creates_and_skips_of_enrich_are_exact_when_braze_was_asked() {
    let world = world("Enrich");
    known_up_to(&world, 15);
    let plan = look_up(&world);
    assert_eq!((plan.counts.added, plan.counts.skipped), (15, 5));
    assert_eq!((plan.memberships.opted_out, plan.memberships.already_there), (4, 2));
    comes_true(&world, &plan);
}

/// semantics 14.1 and 12.3: absent ones that are due, and live ones that change, are looked up as in a run.
#[test]
fn what_is_due_is_looked_up_and_what_rests_is_not() {
    let mut world = world("Enrich");
    world.and("  enrich: { recheckMissing: 4h, recheckExisting: 4h }");
    known_up_to(&world, 15);
    world.sync_well();
    world.sql("update users set plan = 'gold' where id = 1");
    let plan = look_up(&world);
    assert_eq!((plan.counts.updated, plan.counts.skipped, world.asked(LOOK)), (1, 5, 0));
    world.rest(Duration::from_secs(6 * 3600));
    known_up_to(&world, 17);
    let plan = look_up(&world);
    assert_eq!((plan.counts.skipped, world.asked(LOOK)), (3, 1));
    comes_true(&world, &plan);
}

/// semantics 14.1, 7.2 and 7.4: leaves and releases are exact too.
#[test]
fn leaves_and_releases_are_exact_when_braze_was_asked() {
    let mut world = world("Additive");
    world.and("  deletionGuard: { maxPercent: 100 }");
    world.sync_well();
    world.sandbox.opt_out(NEWS, "u7@example.com");
    world.sandbox.opt_out(NEWS, "u9@example.com");
    world.sql("update users set news = 0 where id in (7, 8); delete from users where id in (9, 10, 11)");
    world.insert(30..=31);
    let bound = world.plan();
    assert_eq!((bound.memberships.opted_out, bound.plan.map(|plan| plan.looked_up)), (0, Some(false)));
    let plan = look_up(&world);
    assert_eq!((plan.counts.released, plan.memberships.opted_out), (3, 2));
    assert!(plan.memberships.leaves < bound.memberships.leaves);
    comes_true(&world, &plan);
}

/// semantics 7.2, row `none` with `nonMembers: Remove`, and 14.2: those of new records are in the plan, as if nobody of
/// them had opted out, for Braze does not know them yet; those of users whom it knows are exact.
#[test]
fn non_members_that_are_removed_at_first_sight_are_planned() {
    let mut world = world("Additive");
    world.sql("update users set news = 0");
    let removing = format!("subscriptionGroupId: {NEWS}, nonMembers: Remove");
    let leaving = world.destination.clone();
    world.change(&format!("subscriptionGroupId: {NEWS}"), &removing);
    assert_eq!(world.plan().memberships.leaves, 20);
    assert_eq!(look_up(&world).memberships.leaves, 20);
    let with_removal = std::mem::replace(&mut world.destination, leaving);
    world.sync_well();
    world.destination = with_removal;
    let plan = look_up(&world);
    assert_eq!((plan.memberships.leaves, plan.memberships.opted_out), (16, 4));
    comes_true(&world, &plan);
}

/// semantics 12.2 and 14.1: without the permission a plan that should look up says so, and sends nothing.
#[test]
fn a_look_up_that_is_not_permitted_is_told() {
    let world = world("Enrich");
    known_up_to(&world, 15);
    let some = Permissions::only(["users.track"]);
    world.sandbox.set_keys(BTreeMap::from([(world.key.clone(), some)]));
    let report = look_up(&world);
    assert_eq!((report.reason, report.exit_code), (Some(Reason::PermissionMissing), 21));
    assert!(report.message.contains("users.export.ids"), "{}", report.message);
}

/// semantics 14.1 and 4.3: the workspace of a changed key is asked for as well, and nothing is remembered of it.
#[test]
fn the_workspace_is_told_by_a_look_up() {
    let mut world = world("Additive");
    world.app = String::new();
    world.sync_well();
    world.sql("update users set plan = 'gold'");
    world.next();
    let other = "another-key";
    let keys = [world.key.as_str(), other].map(|key| (key.to_owned(), Permissions::All));
    world.sandbox.set_keys(BTreeMap::from(keys));
    world.key = other.to_owned();
    let plan = world.plan();
    assert!(warned(&plan, "WorkspaceNotChecked"), "{:#?}", plan.warnings);
    let plan = look_up(&world);
    assert_eq!((plan.reason, world.asked(LOOK)), (None, 1));
    assert!(!warned(&plan, "WorkspaceNotChecked") && !warned(&plan, "WorkspaceUnverified"));
}

/// Removals of members, with a key that may not read what they opted out of.
fn leaving_without_permission(mode: &str) -> World {
    let mut world = world(mode);
    if mode == "Enrich" {
        known_up_to(&world, 20);
    }
    world.and("  deletionGuard: { maxPercent: 100 }");
    world.sync_well();
    let some = Permissions::only(["users.track", "users.export.ids", "users.delete"]);
    world.sandbox.set_keys(BTreeMap::from([(world.key.clone(), some)]));
    world.sql("delete from users where id in (9, 10); update users set plan = 'gold' where id = 11");
    world
}

/// semantics 14.2 and 3: a permission that removals wait for fails the plan as it fails the run.
#[test]
fn a_plan_ends_as_the_run_when_a_state_may_not_be_read() {
    for mode in ["Sync", "Additive", "Enrich"] {
        let world = leaving_without_permission(mode);
        assert_eq!(world.plan().exit_code, 0, "{mode}: Braze is not asked, so nothing of the key is known");
        let plan = look_up(&world);
        assert_eq!((plan.reason, plan.exit_code), (Some(Reason::PermissionMissing), 21), "{mode}: {plan:#?}");
        assert!(plan.message.contains("subscription.status.get"), "{mode}: {}", plan.message);
        world.sandbox.clear_journal();
        let report = world.sync();
        assert_eq!((report.reason, report.exit_code), (plan.reason, plan.exit_code), "{mode}");
        assert_eq!((plan.counts, plan.message), (report.counts, report.message), "{mode}");
        assert_eq!(report.counts.pending, 2, "{mode}");
    }
}

/// semantics 7.2: deletes read opt-outs first, and a plan that looks up asks the same.
#[test]
fn deletes_are_exact_when_braze_was_asked() {
    let mut world = world("Sync");
    world.and("  deletionGuard: { maxPercent: 100 }");
    world.sync_well();
    world.sandbox.opt_out(NEWS, "u7@example.com");
    world.sql("delete from users where id in (7, 8)");
    let plan = look_up(&world);
    assert_eq!((plan.counts.deleted, world.asked(READ)), (2, 1));
    comes_true(&world, &plan);
    world.sql("insert into users values (7, 'u7@example.com', 'N7', 'basic', 7, 1, 0)");
    assert_eq!(world.next().memberships.joins, 0, "the run noted the opt-out");
}
