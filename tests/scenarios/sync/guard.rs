//! The deletion guard and its approvals.

use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};
use grouparoo::sync::memory::Question;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Report;
use serde_json::{Value, json};

use crate::support::world::{NEWS, World, token};

const HOUR: Duration = Duration::from_secs(3600);

/// A Sync Destination of so many delivered customers.
fn people(most: u32) -> World {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=most);
    world.sync_well();
    world.sandbox.clear_journal();
    world
}

fn ask(report: &Report) -> String {
    token(report, Question::DeletionGuard, None)
}

fn held(world: &World) -> Report {
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::DeletionGuard), 22), "{report:#?}");
    assert_eq!(world.deleted(), [] as [&str; 0]);
    report
}

/// G 11.18; semantics 8.3.1: all else is delivered, and the schedule goes on.
#[test]
fn a_tripped_run_delivers_all_but_the_removals() {
    let world = people(20);
    world.sql("delete from users where id <= 12; update users set plan = 'gold' where id = 20");
    let report = held(&world);
    assert_eq!((report.counts.held, report.counts.updated, report.known_records), (12, 1, 20));
    assert_eq!(world.received(), [json!({ "external_id": "20", "plan": "gold" })]);
    let asked = &report.pending_approvals[0];
    assert_eq!((asked.token.len(), asked.removals, asked.known_records), (12, 12, 20));
    assert!(report.message.contains("12") && report.message.contains("20"), "{}", report.message);
    world.sql("update users set plan = 'silver' where id = 20");
    let next = held(&world);
    assert_eq!((next.counts.held, next.counts.updated), (12, 1), "later runs deliver changes");
    assert_eq!(ask(&next), ask(&report), "an unchanged set keeps its token");
}

/// G 11.18; semantics 8.3.2: approval lets it continue, and is used up.
#[test]
fn an_approval_lets_exactly_that_set_go_once() {
    let world = people(20);
    world.sql("delete from users where id <= 12");
    let approval = ask(&held(&world));
    let report = world.approve(&approval);
    assert_eq!((report.counts.deleted, report.exit_code, report.known_records), (12, 0, 8), "{report:#?}");
    assert_eq!(world.deleted().len(), 12);
    assert!(report.pending_approvals.is_empty());
    world.insert(1..=12);
    world.next();
    world.sql("delete from users where id <= 12");
    world.sandbox.clear_journal();
    let again = world.approve(&approval);
    assert_eq!((again.counts.held, again.reason), (12, Some(Reason::DeletionGuard)), "it may stay in Git");
    assert_ne!(ask(&again), approval);
}

/// semantics 8.3.3: those that came back stay, later ones face the formula.
#[test]
fn an_approval_covers_who_was_held_then_and_is_still_unwanted() {
    let world = people(40);
    world.sql("delete from users where id <= 10");
    let first = ask(&held(&world));
    world.insert(1..=2);
    world.sql("delete from users where id between 21 and 23");
    let report = world.approve(&first);
    assert_eq!((report.counts.deleted, report.counts.unchanged), (11, 29), "{report:#?}");
    assert_eq!(world.deleted(), ["10", "21", "22", "23", "3", "4", "5", "6", "7", "8", "9"]);
}

/// semantics 8.3.3: those that came later are held when the formula trips for them alone.
#[test]
fn an_approval_does_not_carry_those_that_came_later() {
    let world = people(40);
    world.sql("delete from users where id <= 10");
    let first = ask(&held(&world));
    world.sql("delete from users where id between 21 and 30");
    let both = held(&world);
    assert_eq!(both.counts.held, 20);
    assert_ne!(ask(&both), first);
    let report = world.approve(&first);
    assert_eq!((report.counts.deleted, report.counts.held), (10, 10), "{report:#?}");
    assert_eq!(report.reason, Some(Reason::DeletionGuard));
    let rest = ask(&report);
    assert_eq!(world.approve(&rest).counts.deleted, 10);
}

/// semantics 8.3.2: a newer token of a larger set covers it all.
#[test]
fn the_newest_approval_covers_all_that_is_held() {
    let world = people(40);
    world.sql("delete from users where id <= 10");
    held(&world);
    world.sql("delete from users where id between 21 and 30");
    let both = ask(&held(&world));
    assert_eq!(world.approve(&both).counts.deleted, 20);
}

/// semantics 8.3.3: one who came back and left again was not held all the while.
#[test]
fn who_came_back_and_left_again_faces_the_formula() {
    let world = people(60);
    world.sql("delete from users where id <= 10");
    let first = ask(&held(&world));
    world.insert(1..=7);
    assert_eq!(world.sync().counts.held, 0, "three of sixty pass");
    world.sql("delete from users where id <= 7");
    world.sandbox.clear_journal();
    let report = world.approve(&first);
    assert_eq!((report.counts.held, report.counts.deleted), (7, 0), "{report:#?}");
}

/// semantics 8.3.4: a token expires after 7 days.
#[test]
fn an_approval_expires_after_seven_days() {
    let mut world = people(20);
    world.sql("delete from users where id <= 12");
    let approval = ask(&held(&world));
    world.rest(HOUR * (7 * 24 + 1));
    let report = world.approve(&approval);
    assert_eq!(report.counts.held, 12, "{report:#?}");
    let renewed = ask(&report);
    assert_eq!(world.approve(&renewed).counts.deleted, 12);
}

/// semantics 8.3.4: used up by the run that completes its set: an outage in between does not spend it.
#[test]
fn an_approval_outlives_an_outage() {
    let mut world = people(20);
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sql("delete from users where id <= 12");
    let approval = ask(&held(&world));
    world.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at("/users/delete")]);
    let down = world.approve(&approval);
    assert_eq!((down.counts.pending, down.reason), (12, Some(Reason::BrazeUnavailable)));
    world.sandbox.clear_faults();
    let report = world.approve(&approval);
    assert_eq!((report.counts.deleted, report.exit_code), (12, 0), "{report:#?}");
}

/// semantics 8.1: those sent in the last 24 hours count, with those who were known before them.
#[test]
fn removals_of_the_last_day_count_together() {
    let mut world = people(100);
    world.sql("delete from users where id <= 9");
    assert_eq!(world.next().counts.deleted, 9);
    world.rest(HOUR);
    world.sql("delete from users where id <= 18");
    assert_eq!(held(&world).counts.held, 9);
    world.rest(HOUR * 24);
    assert_eq!(world.next().counts.deleted, 9);
}

/// semantics 8.1: `D` counts what was sent: removals that an outage kept from being sent count once.
#[test]
fn removals_that_were_never_sent_do_not_count_against_the_next_run() {
    let mut world = people(20);
    world.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    world.sql("delete from users where id <= 4");
    world.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at("/users/delete")]);
    assert_eq!(world.sync().counts.pending, 4);
    world.sandbox.clear_faults();
    assert_eq!(world.next().counts.deleted, 4);
}

/// semantics 8.1: approved removals do not count.
#[test]
fn approved_removals_do_not_count_against_the_next_run() {
    let world = people(40);
    world.sql("delete from users where id <= 20");
    let approval = ask(&held(&world));
    assert_eq!(world.approve(&approval).counts.deleted, 20);
    world.sql("delete from users where id <= 24");
    assert_eq!(world.next().counts.deleted, 4);
}

/// semantics 8.3.3: a token of a plan covers an identical set, and no other.
#[test]
fn a_token_of_a_plan_covers_the_identical_set_only() {
    let world = people(40);
    world.sql("delete from users where id <= 10");
    let planned = world.plan();
    let approval = ask(&planned);
    assert_eq!(planned.plan.as_ref().map(|plan| plan.guard.as_str()), Some("Trips"));
    assert_eq!(world.requests(), [] as [&str; 0]);
    world.sql("delete from users where id = 11");
    assert_eq!(world.approve(&approval).counts.held, 11, "another set");
    world.insert(11..=11);
    let report = world.approve(&approval);
    assert_eq!((report.counts.deleted, report.exit_code), (10, 0), "{report:#?}");
    assert_eq!(ask_after(&world), (9, 0), "used up");
}

/// The same set again after it came back: how many are held, and deleted.
fn ask_after(world: &World) -> (u64, u64) {
    world.sql("delete from users where id between 20 and 28");
    let report = world.sync();
    (report.counts.held, report.counts.deleted)
}

/// semantics 8.1: only what sends something destructive counts; a release with nothing to clear is never held.
#[test]
fn releases_with_nothing_to_clear_are_never_held() {
    let mut world = World::new();
    world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
    world.insert(1..=30);
    world.sql("update users set vip = 1 where id <= 10");
    world.sync_well();
    world.sql("delete from users where id <= 20");
    world.sandbox.clear_journal();
    let report = world.sync();
    assert_eq!((report.counts.held, report.counts.released), (10, 10), "{report:#?}");
    assert_eq!(report.pending_approvals[0].removals, 10);
    assert_eq!(world.requests(), [] as [&str; 0]);
    let report = world.approve(&ask(&report));
    assert_eq!((report.counts.released, report.exit_code, report.counts.gone), (10, 0, 10));
    assert!(world.received().iter().all(|object| object["groups"] == json!({ "remove": ["vip"] })));
}

/// semantics 8.1 and api 6: `maxPercent: 0, minCount: 0` lets no removal pass; `maxPercent: 100` removes the bound.
#[test]
fn the_ends_of_the_scale_hold_everything_and_nothing() {
    let mut world = people(10);
    world.and("  deletionGuard: { maxPercent: 0, minCount: 0 }");
    world.sql("delete from users where id = 1");
    assert_eq!(held(&world).counts.held, 1);
    world.change("{ maxPercent: 0, minCount: 0 }", "{ maxPercent: 100, maxCount: 4, minCount: 0 }");
    world.sql("delete from users where id <= 5");
    assert_eq!(held(&world).counts.held, 5, "maxCount still holds");
    world.change("maxCount: 4, ", "");
    assert_eq!(world.next().counts.deleted, 5);
}

/// semantics 8.5: leaves by rule, nulls and clears of those who stay are not guarded.
#[test]
fn whoever_stays_is_not_guarded() {
    let mut world = World::new();
    world.mode("Sync");
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=30);
    world.sql("update users set news = 1");
    world.sync_well();
    world.sql("update users set news = 0, plan = null");
    world.change("\n    - { from: points, to: points }", "");
    let report = world.next();
    assert_eq!((report.counts.updated, report.memberships.leaves, report.attributes.cleared), (30, 30, 60));
}

/// semantics 8.3.5 and 2.1: deletes are the last writes of a run.
#[test]
fn deletes_come_last() {
    let world = people(30);
    world.sql("delete from users where id <= 2; update users set plan = 'gold'");
    world.next();
    assert_eq!(world.requests(), ["/users/track", "/users/delete"]);
}

/// semantics 8.3.2: only the token of the set lets it go.
#[test]
fn a_token_that_nobody_issued_means_nothing() {
    let world = people(20);
    world.sql("delete from users where id <= 12");
    held(&world);
    let report = world.approve("abcdefghjkmn");
    assert_eq!((report.counts.held, report.counts.deleted), (12, 0));
    assert_eq!(world.received(), [] as [Value; 0]);
}

/// semantics 14.2: a plan beside a held set shows the same question.
#[test]
fn a_question_about_removals_is_not_asked_twice_by_a_plan() {
    let world = people(20);
    world.sql("delete from users where id <= 12");
    let asked = ask(&held(&world));
    for _ in 0..2 {
        let planned = world.plan();
        assert_eq!((ask(&planned), planned.pending_approvals.len()), (asked.clone(), 1));
    }
    assert_eq!(world.approve(&asked).counts.deleted, 12);
    assert!(world.plan().pending_approvals.is_empty());
}

/// semantics 8.1, 8.3.1: what was removed earlier keeps nothing back; with no removal there is nothing to ask.
#[test]
fn a_run_without_removals_passes_whatever_was_removed_before() {
    let mut world = people(20);
    world.sql("delete from users where id <= 5");
    assert_eq!(world.sync_well().counts.deleted, 5);
    world.and("  deletionGuard: { minCount: 1 }");
    let report = world.sync_well();
    assert_eq!((report.counts.held, report.pending_approvals.len()), (0, 0));
    world.sql("delete from users where id = 6");
    assert_eq!(held(&world).counts.held, 1, "the next removal still meets the last 24 hours");
}
