//! Several runs of one app at the same time keep its limits together (semantics 9.2).

use std::sync::Arc;
use std::time::Duration;

use braze_sandbox::{Effect, Entry, FaultRule};
use grouparoo::controller::execution::Workspaces;
use grouparoo::sync::reason::Reason;
use grouparoo_clock::Clock;
use jiff::SignedDuration;

use crate::support::world::World;

/// Two Destinations of one app in real time, with customers of their own; one request a customer.
fn two(limits: &str, each: u32) -> (World, World, Arc<Workspaces>) {
    let clock = Clock::system();
    let workspaces = Arc::new(Workspaces::new(&clock));
    let (mut one, mut other) = (World::new(), World::new());
    other.endpoint = Some(one.sandbox.url());
    for (world, first) in [(&mut one, 1), (&mut other, 1001)] {
        world.limits = format!("{{ settle: 0s, objectsPerRequest: 1, {limits} }}");
        world.app = "  workspace: eu".to_owned();
        world.clock = clock.clone();
        world.workspaces = Some(workspaces.clone());
        world.insert(first..=first + each - 1);
    }
    (one, other, workspaces)
}

fn run_both(one: &World, other: &World) {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| one.sync_well());
        other.sync_well();
        running.join().expect("no panic");
    });
}

fn tracks(world: &World) -> Vec<Entry> {
    let mut entries = world.sandbox.journal();
    entries.retain(|entry| entry.path == "/users/track");
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// Whether customers of both were delivered in the first half of the requests.
fn mixed(entries: &[Entry]) -> bool {
    let of_first =
        |entry: &&Entry| entry.attributes()[0]["external_id"].as_str().is_some_and(|id| id.len() < 4);
    let half = &entries[..entries.len() / 2];
    let firsts = half.iter().filter(of_first).count();
    firsts > 0 && firsts < half.len()
}

/// Most requests that were worked on at the same time.
fn most_at_once(entries: &[Entry]) -> usize {
    let at = |moment| entries.iter().filter(|e| e.at <= moment && moment < e.answered_at).count();
    entries.iter().map(|entry| at(entry.at)).max().unwrap_or_default()
}

/// semantics 9.2, `limits.requestsPerSecond`: of the app, not of each run.
#[test]
fn two_runs_together_keep_the_requests_per_second_of_their_app() {
    let (one, other, _) = two("requestsPerSecond: 20, maxInFlight: 2", 20);
    run_both(&one, &other);
    let entries = tracks(&one);
    assert!(entries.len() == 40 && mixed(&entries), "{} requests", entries.len());
    let took = entries[39].at.duration_since(entries[0].at);
    // 39 times 50 ms, less what a busy machine adds before the first; with limits of their own, half of it.
    assert!(took >= SignedDuration::from_millis(1_500), "{took:?}");
    for window in entries.windows(30) {
        let took = window[29].at.duration_since(window[0].at);
        assert!(took >= SignedDuration::from_millis(1_050), "30 requests within {took:?}");
    }
}

/// semantics 9.2, `limits.maxInFlight`: of the app, not of each run.
#[test]
fn two_runs_together_keep_the_requests_in_flight_of_their_app() {
    let (one, other, _) = two("maxInFlight: 3", 40);
    one.sandbox.set_faults([FaultRule::always(Effect::Latency(Duration::from_millis(60)))]);
    run_both(&one, &other);
    let entries = tracks(&one);
    assert!(entries.len() == 80 && mixed(&entries), "{} requests", entries.len());
    assert_eq!(most_at_once(&entries), 3);
}

/// api 3, `limits`: what is written in the BrazeApp holds from the next run on; an app that is gone is forgotten.
#[test]
fn limits_that_were_edited_hold_for_the_next_run() {
    let (mut one, _, workspaces) = two("maxInFlight: 1", 20);
    one.sandbox.set_faults([FaultRule::always(Effect::Latency(Duration::from_millis(60)))]);
    one.sync_well();
    assert_eq!(most_at_once(&tracks(&one)), 1);
    for (limit, plan) in [(4, "gold"), (2, "silver")] {
        one.limits = format!("{{ settle: 0s, objectsPerRequest: 1, maxInFlight: {limit} }}");
        one.sql(&format!("update users set plan = '{plan}'"));
        one.next();
        assert_eq!(most_at_once(&tracks(&one)), limit);
    }
    assert!(workspaces.knows("default", "braze"));
    workspaces.forget("default", "another");
    assert!(workspaces.knows("default", "braze"));
    workspaces.forget("default", "braze");
    assert!(!workspaces.knows("default", "braze"));
}

/// semantics 9.3, row 401: what a run found out about the key is known, and keeps no later run from trying: it is begun
/// only after the app's test passed.
#[test]
fn a_key_that_was_refused_is_known_and_may_be_tried_again() {
    let (one, other, workspaces) = two("maxInFlight: 1", 1);
    assert!(workspaces.closed(&one.job()).is_none());
    one.sandbox.set_faults([FaultRule::always(Effect::Status(401))]);
    assert_eq!(one.sync().reason, Some(Reason::AuthenticationFailed));
    assert!(workspaces.closed(&one.job()).is_some() && workspaces.closed(&other.job()).is_some());
    one.sandbox.clear_faults();
    other.sync_well();
    assert!(workspaces.closed(&one.job()).is_none());
}
