//! Runs that are stopped in the middle (semantics 10.6).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};
use grouparoo::sync::halt::Cancellation;
use grouparoo::sync::reason::{Reason, Stop};
use grouparoo::sync::report::Verdict;
use grouparoo::sync::run::{StillWanted, always_wanted};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::world::World;

/// semantics 10.6, 10.2: stop reading, let the requests in flight finish, commit, `Interrupted`; the next run sends
/// what is left and nothing twice.
#[test]
fn an_interrupted_run_finishes_what_is_in_flight_and_the_next_sends_the_rest() {
    let mut world = World::new();
    world.limits = "{ settle: 0s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    let rows: Vec<String> =
        (1..=400).map(|id| format!("({id}, 'u{id}@example.com', 'U', 'basic', {id}, 0, 0)")).collect();
    world.sql(&format!("insert into users values {}", rows.join(",")));
    let slow = Effect::Latency(Duration::from_millis(30));
    world.sandbox.set_faults([FaultRule::always(slow).at("/users/track")]);
    let interrupt = world.interrupt.clone();
    let report = std::thread::scope(|scope| {
        let sandbox = &world.sandbox;
        scope.spawn(move || {
            assert!(sandbox.wait_until_blocking(Duration::from_secs(60), |totals| totals.answered >= 4));
            interrupt.cancel();
        });
        world.sync()
    });
    assert_eq!(report.reason, Some(Reason::Interrupted), "{}", report.message);
    assert_eq!(report.exit_code, 32);
    assert!(report.counts.added > 0 && report.counts.added < 400, "{:?}", report.counts);
    assert_eq!(world.sandbox.user_count() as u64, report.counts.added, "what was sent is known as sent");

    world.sandbox.clear_faults();
    world.interrupt = CancellationToken::new();
    let rest = world.sync_well();
    assert_eq!(rest.counts.added, 400 - report.counts.added);
    assert_eq!(rest.counts.unchanged, report.counts.added);
    let mut times: HashMap<String, u32> = HashMap::new();
    for object in world.received() {
        *times.entry(object["external_id"].to_string()).or_default() += 1;
    }
    assert!(times.len() == 400 && times.values().all(|n| *n == 1), "nobody was sent twice");
}

/// semantics 10.6: stopped by a person or an edit: the same, `Cancelled`, with the sentence that says why; neither
/// leaves nor removals, and the next run goes on.
#[test]
fn a_cancelled_run_ends_as_an_interrupted_one_and_says_why() {
    let mut world = World::new();
    world.mode("Sync");
    world.limits = "{ settle: 0s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    world.insert(1..=3);
    world.sync_well();
    world.sql("delete from users");
    world.insert(10..=409);
    world.sandbox.clear_journal();
    world.sandbox.set_faults([FaultRule::always(Effect::Latency(Duration::from_millis(30)))]);
    let cancellation = world.cancellation.clone();
    let answered = world.sandbox.totals().answered;
    let report = std::thread::scope(|scope| {
        let sandbox = &world.sandbox;
        scope.spawn(move || {
            let enough = Duration::from_secs(60);
            assert!(sandbox.wait_until_blocking(enough, |totals| totals.answered >= answered + 4));
            cancellation.cancel("spec.suspend was set");
        });
        world.sync()
    });
    assert_eq!((report.reason, report.result), (Some(Reason::Cancelled), Verdict::Cancelled), "{report:#?}");
    assert_eq!((report.message.as_str(), report.exit_code), ("spec.suspend was set", 32));
    assert!(report.counts.added > 0 && report.counts.added < 400, "{:?}", report.counts);
    assert_eq!((report.counts.deleted, world.deleted().len()), (0, 0), "no removals after a stop");
    assert_eq!(world.sandbox.user_count() as u64, report.counts.added + 3, "what was sent is known as sent");

    world.sandbox.clear_faults();
    world.cancellation = Cancellation::default();
    let rest = world.sync_well();
    assert_eq!((rest.counts.added, rest.counts.deleted), (400 - report.counts.added, 3), "{rest:#?}");
}

/// semantics 10.6: a run that is cancelled before it asked anybody sends nothing.
#[test]
fn a_run_that_is_cancelled_before_its_first_request_sends_nothing() {
    let world = World::new();
    world.insert(1..=3);
    world.cancellation.cancel("the SyncRun was cancelled");
    world.interrupt.cancel();
    let report = world.sync();
    assert_eq!(report.reason, Some(Reason::Cancelled), "what a person stopped is not taken up: {report:#?}");
    assert_eq!(world.requests(), [] as [&str; 0]);
}

/// Says yes so many times and then no.
fn wanted_times(times: u64) -> (StillWanted, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    let still_wanted: StillWanted = Arc::new(move || {
        if count.fetch_add(1, Ordering::Relaxed) < times {
            return Ok(());
        }
        Err(Stop::new(Reason::Cancelled, "the Destination was edited"))
    });
    (still_wanted, asked)
}

/// semantics 8.3.5: before each batch of deletes: the generations of `inputs` unchanged.
#[test]
fn an_edit_in_the_middle_of_the_deletes_stops_them_before_the_next_batch() {
    let mut world = World::new();
    world.mode("Sync");
    world.and("  deletionGuard: { maxPercent: 100 }");
    world.insert(1..=150);
    world.sync_well();
    world.sql("delete from users where id <= 120; update users set plan = 'gold' where id = 150");
    world.sandbox.clear_journal();
    // Once before a batch is made ready, and once before it goes out.
    let (still_wanted, asked) = wanted_times(2);
    world.still_wanted = still_wanted;
    let report = world.sync();
    assert_eq!((report.reason, report.result), (Some(Reason::Cancelled), Verdict::Cancelled), "{report:#?}");
    assert_eq!(report.message, "the Destination was edited");
    assert_eq!((report.counts.deleted, report.counts.pending, report.counts.updated), (50, 70, 1));
    assert_eq!((world.deleted().len(), world.asked("/users/delete")), (50, 1));
    assert!(asked.load(Ordering::Relaxed) > 2);
    world.still_wanted = always_wanted();
    assert_eq!(world.next().counts.deleted, 70);
}

/// semantics 8.3.5: looked at again when the batch is ready to go out.
#[test]
fn an_edit_while_a_batch_is_made_ready_keeps_it_back() {
    let mut world = World::new();
    world.mode("Sync");
    world.insert(1..=100);
    world.sync_well();
    world.sql("delete from users where id <= 5");
    world.still_wanted = wanted_times(1).0;
    let report = world.sync();
    assert_eq!((report.reason, report.counts.pending), (Some(Reason::Cancelled), 5), "{report:#?}");
    assert_eq!((world.deleted().len(), report.known_records), (0, 100));
    world.still_wanted = always_wanted();
    assert_eq!(world.next().counts.deleted, 5);
}

/// semantics 8.3.5, for releases: nothing is taken back for a configuration that is over.
#[test]
fn an_edit_keeps_releases_back() {
    let mut world = World::new();
    world.and("  groupMappings:\n    - { group: vip, customAttribute: groups }");
    world.insert(1..=100);
    world.sql("update users set vip = 1");
    world.sync_well();
    world.sql("delete from users where id <= 5");
    world.sandbox.clear_journal();
    world.still_wanted = wanted_times(0).0;
    let report = world.sync();
    assert_eq!((report.reason, report.counts.pending), (Some(Reason::Cancelled), 5), "{report:#?}");
    assert_eq!(world.requests(), [] as [&str; 0]);
    world.still_wanted = always_wanted();
    assert_eq!(world.next().counts.released, 5);
    assert!(world.received().iter().all(|object| object["groups"] == json!({ "remove": ["vip"] })));
}

/// semantics 8.3.5: a run without removals is asked nothing.
#[test]
fn a_run_without_removals_is_not_asked_whether_it_is_wanted() {
    let mut world = World::new();
    world.insert(1..=3);
    let (still_wanted, asked) = wanted_times(0);
    world.still_wanted = still_wanted;
    world.sync_well();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

/// semantics 10.6: at most 25 s for requests in flight; what has no answer then is pending, and sent again.
#[test]
fn a_cancelled_run_waits_at_most_25_seconds_for_an_answer() {
    let mut world = World::new();
    world.rest_at(Duration::ZERO, 20);
    // So that it is this limit that ends the run, and not the patience with an outage.
    world.limits = "{ settle: 0s, retryFor: 15m }".to_owned();
    world.insert(1..=3);
    let never = Effect::Latency(Duration::from_secs(60));
    world.sandbox.set_faults([FaultRule::always(never).at("/users/track")]);
    let (cancellation, clock) = (world.cancellation.clone(), world.clock.clone());
    let (report, cancelled) = std::thread::scope(|scope| {
        let sandbox = &world.sandbox;
        let cancelling = scope.spawn(move || {
            assert!(sandbox.wait_until_blocking(Duration::from_secs(60), |totals| totals.arrived >= 1));
            let now = clock.monotonic();
            cancellation.cancel("the Destination is being deleted");
            now
        });
        (world.sync(), cancelling.join().expect("no panic"))
    });
    let waited = world.clock.monotonic().saturating_sub(cancelled);
    assert_eq!((report.reason, report.counts.pending), (Some(Reason::Cancelled), 3), "{report:#?}");
    // Twenty times as fast as the machine, whose own delays count as often.
    assert!(waited >= Duration::from_secs(25) && waited < Duration::from_secs(55), "{waited:?}");
    world.sandbox.clear_faults();
    world.cancellation = Cancellation::default();
    assert_eq!(world.sync_well().counts.added, 3);
}
