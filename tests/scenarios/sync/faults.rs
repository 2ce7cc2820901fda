//! What every kind of answer of Braze comes to, end to end (semantics 9.2 to 9.5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use braze_sandbox::{DEFAULT_KEY, Effect, FaultRule, Permissions};
use grouparoo::data::AddressGuard;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::run::Request;
use grouparoo_clock::Clock;

use crate::support::world::{NEWS, World};

/// A world with so many people, objects in requests of 10, and time that runs fast enough for retries.
fn crowd(people: u32) -> World {
    let mut world = World::new();
    world.limits = "{ settle: 0s, retryFor: 10m, objectsPerRequest: 10, maxInFlight: 4 }".to_owned();
    world.clock = Clock::scaled(20);
    let rows: Vec<String> =
        (1..=people).map(|id| format!("({id}, 'u{id}@example.com', 'U{id}', 'basic', {id}, 0, 0)")).collect();
    world.sql(&format!("insert into users values {}", rows.join(",")));
    world
}

/// Whether Braze holds exactly the people of the table.
fn assert_in_step(world: &World, people: u32) {
    assert_eq!(world.sandbox.user_count(), people as usize);
    for id in 1..=people {
        let user = world.user(&id.to_string());
        assert_eq!(user["email"], format!("u{id}@example.com"), "{user}");
        assert_eq!(user["custom_attributes"]["points"], id);
    }
}

/// semantics 9.3, rows "body unreadable; 504, time-out, reset", "500, 502, 503", "429", "413": sent again in the
/// same run, and everybody arrives.
#[test]
fn what_passes_is_sent_again_in_the_same_run() {
    for fault in [
        FaultRule::nth(2, Effect::Garbage),
        FaultRule::nth(2, Effect::Cut),
        FaultRule::nth(2, Effect::StatusAfter(504)),
        FaultRule::nth(2, Effect::ResetAfter),
        FaultRule::nth(2, Effect::Reset),
        FaultRule::first(3, Effect::Status(500)),
        FaultRule::first(3, Effect::Status(502)),
        FaultRule::first(3, Effect::Status(503)),
        FaultRule::nth(2, Effect::Status(429)),
        FaultRule::nth(2, Effect::Status(413)),
        FaultRule::nth(2, Effect::StrayErrors),
        FaultRule::nth(2, Effect::Queued),
    ] {
        let world = crowd(30);
        world.sandbox.set_faults([fault.clone().at("/users/track")]);
        let report = world.sync_well();
        assert_eq!(report.counts.added, 30, "{fault:?}");
        assert_in_step(&world, 30);
    }
}

/// semantics 9.3, row "an error that points at nothing": sent once more, then pending; the next run sends it again.
#[test]
fn errors_that_point_at_nothing_leave_the_records_pending() {
    let world = crowd(5);
    world.sandbox.set_faults([FaultRule::always(Effect::StrayErrors).at("/users/track")]);
    let report = world.sync();
    assert_eq!((report.exit_code, report.counts.pending), (30, 5), "{}", report.message);
    assert_eq!(world.requests().iter().filter(|path| *path == "/users/track").count(), 2);
    world.sandbox.clear_faults();
    assert_eq!(world.sync_well().counts.added, 5);
    assert_in_step(&world, 5);
}

/// semantics 9.3, row "500, 502, 503": until `retryFor`, then pending and `BrazeUnavailable`; G 13: nobody has to do
/// anything, the next run sends what is left.
#[test]
fn an_outage_longer_than_retry_for_leaves_the_rest_to_the_next_run() {
    let mut world = crowd(30);
    world.limits = "{ settle: 0s, retryFor: 20s, objectsPerRequest: 10, maxInFlight: 1 }".to_owned();
    world.sandbox.set_faults([FaultRule::from(2, Effect::Status(503)).at("/users/track")]);
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::BrazeUnavailable), "{}", report.message);
    assert_eq!((report.exit_code, report.counts.added, report.counts.pending), (30, 10, 20));
    world.sandbox.clear_faults();
    let report = world.sync_well();
    assert_eq!((report.counts.added, report.counts.unchanged), (20, 10));
    assert_in_step(&world, 30);
}

/// semantics 9.3, row "401, 403, 404": pending, `AuthenticationFailed`, nothing more is tried; the key is nowhere in
/// the report.
#[test]
fn a_refused_key_stops_the_run_and_is_not_shown() {
    let mut world = crowd(30);
    world.limits = "{ settle: 0s, objectsPerRequest: 10, maxInFlight: 1 }".to_owned();
    world.key = "canary-0000-key".to_owned();
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::AuthenticationFailed));
    assert_eq!((report.exit_code, report.counts.pending), (21, 30));
    assert!(!serde_json::to_string(&report).expect("JSON").contains("canary"));
    assert_eq!(world.requests().len(), 1);
    world.key = DEFAULT_KEY.to_owned();
    assert_eq!(world.sync_well().counts.added, 30);
}

/// semantics 9.3: a 403 on `/users/delete` alone: the rest is delivered, removals are pending, the permission is
/// named; with the permission the next run deletes.
#[test]
fn without_the_delete_permission_all_but_deletes_is_delivered() {
    let mut world = crowd(30);
    world.destination = world.destination.replace("Additive", "Sync");
    world.sync_well();
    let everything_but = Permissions::only(["users.track", "users.export.ids", "subscription.status.get"]);
    world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), everything_but)].into());
    world.sql("delete from users where id = 7; update users set plan = 'gold' where id = 8");
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::PermissionMissing), "{}", report.message);
    assert_eq!((report.exit_code, report.counts.updated, report.counts.pending), (21, 1, 1));
    assert!(report.message.contains("users.delete"), "{}", report.message);
    assert_ne!(world.user("7"), serde_json::Value::Null);
    world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), Permissions::All)].into());
    assert_eq!(world.sync_well().counts.deleted, 1);
    assert_eq!(world.user("7"), serde_json::Value::Null);
}

/// semantics 3 and 7.2: a removal that waits for a subscription state which the key may not read names the permission;
/// trying again later would not help.
#[test]
fn without_the_status_permission_waiting_removals_name_it() {
    let mut world = World::new();
    world.mode("Sync");
    world.and(&format!(
        "  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS}, channel: Email }}"
    ));
    world.insert(1..=10);
    world.sql("update users set news = 1");
    world.sync_well();
    let everything_but = Permissions::only(["users.track", "users.export.ids", "users.delete"]);
    world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), everything_but)].into());
    world.sql("delete from users where id = 7; update users set plan = 'gold' where id = 8");
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::PermissionMissing), "{}", report.message);
    assert_eq!((report.exit_code, report.counts.updated, report.counts.pending), (21, 1, 1));
    assert!(report.message.contains("subscription.status.get"), "{}", report.message);
    assert_ne!(world.user("7"), serde_json::Value::Null);
    world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), Permissions::All)].into());
    assert_eq!(world.sync_well().counts.deleted, 1);
}

/// semantics 9.3 and 3: a state that Braze refuses to tell is a refused request, for a run and for its plan; trying again
/// later would not help.
#[test]
fn a_refused_status_read_before_a_removal_is_a_refused_request() {
    for mode in ["Sync", "Additive"] {
        let mut world = World::new();
        world.mode(mode);
        world.and(&format!(
            "  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS}, channel: Email }}"
        ));
        world.insert(1..=10);
        world.sql("update users set news = 1");
        world.sync_well();
        world.sql("delete from users where id = 7; update users set plan = 'gold' where id = 8");
        world.sandbox.set_faults([FaultRule::always(Effect::Status(400)).at("/subscription/status/get")]);
        let plan = world.run(&Request { plan: true, look_up: true, ..Request::default() });
        let report = world.sync();
        assert_eq!(report.reason, Some(Reason::RequestRefused), "{mode}: {report:#?}");
        assert_eq!((report.exit_code, report.counts.updated, report.counts.pending), (23, 1, 1), "{mode}");
        assert!(report.message.contains("subscriptionGroupId"), "{mode}: {}", report.message);
        assert_eq!((plan.reason, plan.counts), (report.reason, report.counts), "{mode}");
        assert_ne!(world.user("7"), serde_json::Value::Null, "{mode}");
        world.sandbox.clear_faults();
        let counts = world.sync_well().counts;
        assert_eq!(counts.deleted + counts.released, 1, "{mode}");
    }
}

/// semantics 9.3, row "400 without indexes": halved down to one; three batches refused one by one stop the run.
#[test]
fn requests_refused_without_a_cause_stop_the_run() {
    let world = crowd(60);
    world.sandbox.set_faults([FaultRule::always(Effect::Status(400)).at("/users/track")]);
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::RequestRefused), "{}", report.message);
    assert_eq!(report.exit_code, 23);
    assert!(report.counts.failed >= 30, "{:?}", report.counts);
    assert_eq!(world.sandbox.user_count(), 0);
}

/// semantics 9.4, 10.3: whatever is lost on the way, repeated runs end with Braze as the table says, and every run's
/// outcomes add up.
#[test]
fn under_a_storm_of_faults_repeated_runs_bring_braze_in_step() {
    let mut world = crowd(120);
    world.limits = "{ settle: 0s, retryFor: 3s, objectsPerRequest: 7, maxInFlight: 8 }".to_owned();
    world.destination = world.destination.replace("Additive", "Sync");
    world.sandbox.set_faults(
        [
            Effect::Status(500),
            Effect::StatusAfter(504),
            Effect::ResetAfter,
            Effect::Reset,
            Effect::Garbage,
            Effect::StrayErrors,
            Effect::Status(429),
        ]
        .map(|effect| FaultRule::percent(6.0, effect)),
    );
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs < 40, "the storm does not end");
        // The table goes on changing meanwhile: what counts is the end.
        if runs <= 3 {
            world.sql(&format!("update users set plan = 'p{runs}' where id % 3 = {}", runs % 3));
            world.sql(&format!("delete from users where id = {}", 200 + runs));
        }
        if world.sync().exit_code == 0 && runs > 3 {
            break;
        }
    }
    assert_in_step(&world, 120);
    world.sandbox.clear_faults();
    world.sandbox.clear_journal();
    assert_eq!(world.sync_well().counts.unchanged, 120);
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// semantics 3: an address that was allowed when the run began and is refused later (the name leads elsewhere) is
/// neither an outage nor a wrong key
#[test]
fn an_address_that_is_refused_in_the_middle_is_named() {
    let mut world = World::new();
    let refuses = Arc::new(AtomicBool::new(false));
    let asked = refuses.clone();
    world.guard = Some(AddressGuard::new(move |_| match asked.load(Ordering::Relaxed) {
        true => Err("a link-local address".to_owned()),
        false => Ok(()),
    }));
    world.insert(1..=5);
    world.sync_well();
    refuses.store(true, Ordering::Relaxed);
    world.sql("update users set plan = 'gold'");
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::EndpointNotAllowed), 20), "{report:#?}");
    assert!(report.message.contains("allowedHosts"), "{}", report.message);
    refuses.store(false, Ordering::Relaxed);
    assert_eq!(world.next().counts.updated, 5);
}
