//! A plan says exactly what the next run sends, and does nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use grouparoo::sync::memory::Question;
use grouparoo::sync::report::Report;
use grouparoo::sync::run::Request;
use serde_json::Value;

use crate::support::world::{NEWS, World, token};

/// Everything at once: mode Sync, elements, flag, subscription group, nulls, drops, duplicates, leavers, gone ones.
fn world(mode: &str) -> World {
    let mut world = World::new();
    world.mode(mode);
    world.and(&format!(
        "  groupMappings:\n    - {{ group: vip, customAttribute: groups }}\n    \
         - {{ group: news, subscriptionGroupId: {NEWS} }}\n    \
         - {{ group: rich, customAttribute: is_rich, style: Flag }}"
    ));
    world.insert(1..=20);
    world.sql("update users set vip = 1, news = 1 where id < 10");
    world
}

fn change(world: &mut World) {
    world.sql(
        "update users set plan = null where id = 2; update users set email = 'bad' where id = 3;
         update users set vip = 0, points = 500 where id = 4; update users set news = 0 where id = 5;
         update users set news = 1 where id = 12; delete from users where id in (8, 15);",
    );
    world.insert(30..=32);
    world.change("{ from: first_name, to: first_name }", "{ from: first_name, to: last_name }");
}

/// All files below a folder, with their content.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let content = std::fs::read(&path).expect("a file");
                found.insert(path, content);
            }
        }
    }
    found
}

/// The objects of a plan, as text, by key and action.
pub fn planned(report: &Report) -> Vec<(String, String)> {
    let samples = &report.plan.as_ref().expect("a plan").samples;
    let mut objects: Vec<(String, String)> = samples
        .iter()
        .map(|sample| {
            (sample.key.clone(), sample.object.as_ref().map_or_else(String::new, |o| o.get().to_owned()))
        })
        .collect();
    objects.sort();
    objects
}

/// The bytes of each attributes object that was sent, and each deleted id.
pub fn sent(world: &World) -> Vec<(String, String)> {
    let mut objects = Vec::new();
    for entry in world.sandbox.journal().iter().filter(|entry| entry.path == "/users/track") {
        let body: BTreeMap<String, Vec<Box<serde_json::value::RawValue>>> =
            serde_json::from_slice(&entry.body).expect("a body");
        for object in &body["attributes"] {
            let key: Value = serde_json::from_str(object.get()).expect("an object");
            objects
                .push((key["external_id"].as_str().unwrap_or_default().to_owned(), object.get().to_owned()));
        }
    }
    objects.extend(world.deleted().into_iter().map(|key| (key, String::new())));
    objects.sort();
    objects
}

fn plan(world: &World) -> Report {
    world.run(&Request { plan: true, samples: 1_000, ..Request::default() })
}

/// semantics 14.1 and 14.2: the same objects byte for byte, the same removals and counts.
#[test]
fn a_plan_predicts_the_next_run_byte_for_byte() {
    for mode in ["Sync", "Additive"] {
        let mut world = world(mode);
        let first = plan(&world);
        world.sync_well();
        assert_eq!(planned(&first), sent(&world), "{mode}: a first run");
        change(&mut world);
        world.sandbox.clear_journal();
        let second = plan(&world);
        assert_eq!(world.requests(), [] as [&str; 0], "{mode}: it asks nobody");
        let report = world.sync();
        assert_eq!(planned(&second), sent(&world), "{mode}: a later run");
        assert_eq!(second.counts, report.counts, "{mode}");
        assert_eq!(
            (second.attributes, second.memberships),
            (report.attributes, report.memberships),
            "{mode}"
        );
        assert_eq!(second.traffic.data_points, report.traffic.data_points, "{mode}");
        assert_eq!(second.traffic.objects, report.traffic.objects, "{mode}");
        assert_eq!(second.errors, report.errors, "{mode}");
        let again = plan(&world);
        assert_eq!(
            (planned(&again), again.exit_code),
            (Vec::new(), 10),
            "{mode}: the bad address is still there"
        );
    }
}

/// semantics 14.1: nothing is written, not even to the state.
#[test]
fn a_plan_changes_neither_braze_nor_the_state() {
    let mut world = world("Sync");
    world.sync_well();
    change(&mut world);
    let state = world.folder().join("state");
    let before = files(&state);
    world.sandbox.clear_journal();
    plan(&world);
    assert_eq!(world.requests(), [] as [&str; 0]);
    assert!(files(&state) == before, "a file of the state folder changed");
    let fresh = World::new();
    fresh.insert(1..=2);
    assert_eq!(plan(&fresh).counts.added, 2);
    assert_eq!(fresh.requests(), [] as [&str; 0]);
}

/// semantics 14.2: the same token as the run, and the same verdict of the guard.
#[test]
fn a_plan_shows_the_token_that_the_run_will_ask_for() {
    let world = world("Sync");
    world.sync_well();
    world.sql("delete from users where id <= 8");
    let planned = plan(&world);
    assert_eq!(planned.counts.held, 8);
    assert_eq!(planned.plan.as_ref().map(|plan| plan.guard.as_str()), Some("Trips"));
    let asked = token(&planned, Question::DeletionGuard, None);
    assert_eq!(token(&world.sync(), Question::DeletionGuard, None), asked);
    assert_eq!(world.approve(&asked).counts.deleted, 8);
}

/// semantics 14.1: questions are shown, and sending waits for them.
#[test]
fn a_plan_shows_the_questions_of_the_next_run() {
    let mut world = world("Sync");
    world.sync_well();
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    let asked = token(&plan(&world), Question::TargetTypeChanged, None);
    assert_eq!(token(&world.sync(), Question::TargetTypeChanged, None), asked);
    let request =
        Request { plan: true, samples: 1_000, approvals: vec![asked.clone()], ..Request::default() };
    let planned_then = world.run(&request);
    assert_eq!(planned_then.counts.updated, 20);
    world.sandbox.clear_journal();
    world.approve(&asked);
    assert_eq!(planned(&planned_then), sent(&world));
}

/// semantics 14.3, "`plan --full`: the cost".
#[test]
fn a_plan_of_a_full_resync_predicts_it() {
    let world = world("Additive");
    world.sync_well();
    let request = Request { plan: true, full: true, samples: 1_000, ..Request::default() };
    let expected = world.run(&request);
    world.sandbox.clear_journal();
    let report = world.run(&Request { full: true, ..Request::default() });
    assert_eq!(planned(&expected), sent(&world));
    assert_eq!((expected.counts, expected.traffic.data_points), (report.counts, report.traffic.data_points));
    assert_eq!(
        world.sandbox.journal().iter().map(|entry| entry.data_points).sum::<u64>(),
        report.traffic.data_points
    );
}

/// semantics 14.2: joins are an upper bound: a plan does not know of opt-outs in Braze.
#[test]
fn a_plan_counts_joins_as_if_nobody_had_opted_out() {
    let world = world("Additive");
    world.sandbox.opt_out(NEWS, "u1@example.com");
    assert_eq!(plan(&world).memberships.joins, 18);
    let report = world.sync_well();
    assert_eq!((report.memberships.joins, report.memberships.opted_out), (17, 1));
    assert_eq!(plan(&world).counts.unchanged, 20);
}

/// semantics 14.2: what Enrich does not know stands on a line of its own.
#[test]
fn a_plan_of_enrich_counts_what_it_cannot_know() {
    let world = world("Enrich");
    let planned = plan(&world);
    assert_eq!(planned.plan.as_ref().map(|plan| plan.unknown), Some(20));
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 14.3: data points by Braze's rules, as the sandbox counts them.
#[test]
fn data_points_are_those_that_braze_counts() {
    let mut world = world("Additive");
    let mut total = 0;
    for _ in 0..2 {
        let expected = plan(&world).traffic.data_points;
        world.sandbox.clear_journal();
        let report = world.sync();
        let counted: u64 = world.sandbox.journal().iter().map(|entry| entry.data_points).sum();
        assert_eq!((expected, report.traffic.data_points), (counted, counted));
        total += counted;
        if total == counted {
            change(&mut world);
        }
    }
    assert!(total > 0);
}
