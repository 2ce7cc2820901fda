//! Advice that stops nothing, and is told as long as it is true.

use grouparoo::sync::report::Report;
use serde_json::json;

use crate::support::world::World;

/// Field and count of a warning.
fn told(report: &Report, code: &str) -> Vec<(String, u64)> {
    let warnings = report.warnings.iter().filter(|warning| warning.code == code);
    warnings.map(|warning| (warning.field.clone(), warning.count)).collect()
}

fn nested(more: &str) -> World {
    let mut world = World::new();
    world.change(
        "{ from: plan, to: plan }",
        &format!("{{ from: plan, to: account.plan, targetKind: Nested{more} }}"),
    );
    world.insert(1..=3);
    world
}

/// semantics 5.3, row `Nested`: a null is never sent inside, value and entry stay, and it is said in each run.
#[test]
fn a_null_inside_a_nested_attribute_is_told_and_not_sent() {
    let world = nested("");
    world.sql("update users set plan = null where id = 3");
    assert_eq!(told(&world.sync_well(), "NestedNotCleared"), [], "nothing of ours is there to be cleared");
    world.sql(
        "update users set plan = null where id = 1; update users set plan = null, points = 7 where id = 2",
    );
    let planned = world.plan();
    for run in 0..3 {
        let report = if run == 0 { planned.clone() } else { world.next() };
        assert_eq!(told(&report, "NestedNotCleared"), [("account.plan".to_owned(), 2)], "run {run}");
        assert_eq!(report.counts.updated, u64::from(run < 2));
    }
    assert_eq!(world.user("1")["custom_attributes"]["account"], json!({ "plan": "basic" }));
    world.sql("update users set plan = 'basic' where id = 1");
    let report = world.next();
    assert_eq!(
        (report.traffic.requests, told(&report, "NestedNotCleared")[0].1),
        (0, 1),
        "it is still there"
    );
    world.sql("update users set plan = 'gold' where id < 3");
    assert_eq!(told(&world.next(), "NestedNotCleared"), []);
    assert_eq!(world.user("2")["custom_attributes"]["account"], json!({ "plan": "gold" }));
}

/// semantics 5.3, row `Nested`: who writes `onNull: Leave` knows it.
#[test]
fn a_null_that_is_to_be_left_is_not_told() {
    let world = nested(", onNull: Leave");
    world.sync_well();
    world.sql("update users set plan = null");
    assert_eq!(told(&world.next(), "NestedNotCleared"), []);
}

/// semantics 4.1, row "mapping removed …": a nested key that is unmapped is left, and that is told.
#[test]
fn an_unmapped_nested_key_is_told_as_left() {
    let mut world = nested("");
    world.sync_well();
    world.change("\n    - { from: plan, to: account.plan, targetKind: Nested }", "");
    let report = world.next();
    assert_eq!(
        (told(&report, "TargetLeft"), report.traffic.requests),
        (vec![("account.plan".to_owned(), 0)], 0)
    );
}

/// Memberships from `from` on, a hundred of one attribute.
fn hundred(from: u32) -> String {
    let value = |n: u32| format!("    - {{ group: vip, customAttribute: groups, value: v{n} }}");
    let lines: Vec<String> = (from..from + 100).map(value).collect();
    format!("  onUnmap: Leave\n  groupMappings:\n{}", lines.join("\n"))
}

/// semantics 7.3: more than 400 values on one attribute, those of earlier mappings that were left there too.
#[test]
fn an_attribute_with_many_values_is_told_before_it_is_full() {
    let mut world = World::new();
    world.insert(1..=1);
    world.sql("update users set vip = 1");
    let bare = world.destination.clone();
    for from in [0, 100, 200, 300] {
        world.destination = bare.clone();
        world.and(&hundred(from));
        assert_eq!(told(&world.sync_well(), "ManyElements"), []);
    }
    world.destination = bare.clone();
    world.and(&hundred(301));
    assert_eq!(told(&world.plan(), "ManyElements"), [("groups".to_owned(), 401)]);
    assert_eq!(told(&world.sync_well(), "ManyElements"), [("groups".to_owned(), 401)]);
    assert_eq!(world.user("1")["custom_attributes"]["groups"].as_array().map(Vec::len), Some(401));
    // Taken back, they are no more.
    world.destination = bare;
    world.and(&hundred(301).replace("Leave", "Clear"));
    assert_eq!(told(&world.sync_well(), "ManyElements"), [("groups".to_owned(), 401)], "what was left stays");
}
