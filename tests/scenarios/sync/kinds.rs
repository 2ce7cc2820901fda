//! The JSON kind of a target is that of what Braze took first, not of what was merely met (semantics 4.1 and 5.1).

use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};
use grouparoo::sync::memory::Question;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::run::Request;
use serde_json::json;

use crate::support::world::{World, token};

const WHY: &str = "The value provided is not valid.";

/// Customers with a column of JSON, whose values may be objects or lists.
fn world(values: &[&str]) -> World {
    let mut world = World::new();
    world.sql("alter table users add column extra text");
    world.model = world.model.replacen(
        "    - { name: points, type: Integer }",
        "    - { name: points, type: Integer }\n    - { name: extra, type: Object }",
        1,
    );
    world.and("    - { from: extra, to: extra }");
    for (id, value) in (1..).zip(values) {
        world.sql(&format!(
            "insert into users (id, email, extra) values ({id}, 'u{id}@example.com', '{value}')"
        ));
    }
    world
}

/// semantics 5.1: a value of another kind than the first that was sent is dropped, in later runs too.
#[test]
fn the_kind_that_was_sent_first_stays() {
    let world = world(&["[\"a\"]", "{\"a\":1}"]);
    let report = world.sync();
    assert_eq!((report.counts.added, report.attributes.dropped), (2, 1));
    assert_eq!(world.rejects(), [("2".into(), "extra".into(), "KindMismatch".into())]);
    world.sql("update users set extra = '{\"b\":2}' where id = 1");
    let report = world.sync();
    assert_eq!((report.attributes.dropped, report.attributes.sent), (2, 0), "remembered from the run before");
    assert_eq!(world.user("1")["custom_attributes"]["extra"], json!(["a"]));
}

/// semantics 5.1: an object that Braze refused tells nothing about kinds.
#[test]
fn a_refused_object_fixes_no_kind() {
    let world = world(&["[\"a\"]", "{\"a\":1}", "{\"a\":2}"]);
    world.sandbox.refuse("1", WHY);
    assert_eq!(world.sync().counts.failed, 1);
    let report = world.sync();
    assert_eq!((report.counts.failed, report.attributes.dropped), (1, 0), "{report:#?}");
    for (id, extra) in [("2", json!({ "a": 1 })), ("3", json!({ "a": 2 }))] {
        assert_eq!(world.user(id)["custom_attributes"]["extra"], extra);
    }
    world.sandbox.refuse_nobody();
    let report = world.run(&Request { retry_rejects: true, ..Request::default() });
    assert_eq!((report.counts.added, report.attributes.dropped), (1, 1), "from now on it is an object");
    assert_eq!(world.user("1")["custom_attributes"].get("extra"), None);
}

/// semantics 5.1: what was read and never sent tells nothing about kinds.
#[test]
fn a_value_that_was_never_sent_fixes_no_kind() {
    let world = world(&["[\"a\"]", "{\"a\":1}"]);
    world.sandbox.set_faults([FaultRule::always(Effect::Status(401))]);
    assert_eq!(world.sync().reason, Some(Reason::AuthenticationFailed));
    world.sandbox.clear_faults();
    world.sql("update users set extra = '{\"b\":1}' where id = 1");
    let report = world.sync_well();
    assert_eq!((report.counts.added, report.attributes.dropped), (2, 0));
}

/// semantics 5.1: rows that are not delivered at all tell nothing about kinds.
#[test]
fn an_absent_user_fixes_no_kind() {
    let mut world = world(&["[\"a\"]"]);
    world.app = "  workspace: eu".to_owned();
    world.mode("Enrich");
    assert_eq!(world.sync_well().counts.skipped, 1);
    let other = World::new();
    other.insert(2..=2);
    other.sync_well();
    world.sandbox.load(other.sandbox.dump()).expect("a dump");
    world.sql("insert into users (id, email, extra) values (2, 'u2@example.com', '{\"a\":1}')");
    let report = world.sync_well();
    assert_eq!((report.counts.added, report.attributes.dropped), (1, 0), "{report:#?}");
    assert_eq!(world.user("2")["custom_attributes"]["extra"], json!({ "a": 1 }));
}

/// semantics 4.1, row "another JSON kind than first sent": nothing was sent, so nothing is asked.
#[test]
fn a_mapping_whose_values_were_never_taken_may_change_its_kind() {
    let mut world = World::new();
    world.insert(1..=2);
    world.sql("update users set points = null where id = 1");
    world.sandbox.refuse("2", WHY);
    assert_eq!(world.sync().counts.failed, 1);
    world.sandbox.refuse_nobody();
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    let report = world.sync_well();
    assert_eq!(report.counts.added, 1);
    assert_eq!(world.user("2")["custom_attributes"]["points"], json!("2"));
    world.change("{ from: points, to: points, as: String }", "{ from: points, to: points }");
    token(&world.sync(), Question::TargetTypeChanged, None);
}

/// semantics 4.1: what is sent without an answer may be in Braze, and counts.
#[test]
fn a_value_without_an_answer_fixes_its_kind() {
    let mut world = World::new();
    world.insert(1..=1);
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sandbox.set_faults([FaultRule::always(Effect::ResetAfter)]);
    assert_eq!(world.sync().counts.pending, 1);
    world.sandbox.clear_faults();
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    token(&world.sync(), Question::TargetTypeChanged, None);
}

/// semantics 13.2: under Adopt all that is read counts as acknowledged, its kind too.
#[test]
fn an_adopted_value_fixes_its_kind() {
    let mut world = world(&["[\"a\"]"]);
    world.and("  initialSync: Adopt");
    world.sync_well();
    world.rest(Duration::from_secs(60));
    world.sql("update users set extra = '{\"a\":1}'");
    let report = world.sync();
    assert_eq!((report.attributes.dropped, report.attributes.sent), (1, 0), "{report:#?}");
    world.change("{ from: points, to: points }", "{ from: points, to: points, as: String }");
    assert_eq!(world.sync().reason, None, "points were null, so there is no kind yet");
}
