//! Runs that take longer than `runTimeout` (semantics 3 and 10.6).

use std::collections::HashMap;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, Options};
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Verdict;

use crate::support::by_hand::{run_meanwhile, standing};
use crate::support::world::{NEWS, World};

const PEOPLE: u32 = 300;
const SECOND: Duration = Duration::from_secs(1);

/// semantics 10.6: reading stops, what is in flight is finished and remembered, phases 3 and 4 do not run, and the
/// next run goes on from what was delivered; semantics 3: Cancelled with reason `TimedOut`, exit code 30.
#[test]
fn a_run_whose_time_is_up_ends_in_order_and_the_next_one_goes_on() {
    let braze = standing();
    let mut world = World::with(Options { clock: braze.clone(), ..Options::default() });
    world.clock = standing();
    world.limits = "{ settle: 0s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    world.mode("Sync");
    world.and(&format!(
        "  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}\n  runTimeout: 1m"
    ));
    world.insert(1..=PEOPLE);
    world.sql("update users set news = 1 where id <= 2");
    world.sync_well();
    world.sandbox.clear_journal();

    world.sql("update users set plan = 'gold'; update users set news = 0 where id = 1; delete from users where id = 300");
    let held = Effect::LatencyAfter(Duration::from_millis(500));
    world.sandbox.set_faults([FaultRule::always(held).at("/users/track")]);
    let report = run_meanwhile(&world, |meanwhile| {
        // Braze answers by its own clock, so that the run cannot be faster than its time.
        meanwhile.pass_with_each_answer(2 * SECOND, || braze.advance(SECOND));
    });
    assert_eq!(
        (report.result, report.reason, report.exit_code),
        (Verdict::Cancelled, Some(Reason::TimedOut), 30),
        "{report:#?}"
    );
    assert!(report.message.contains("runTimeout"), "{}", report.message);
    let updated = report.counts.updated;
    assert!((100..250).contains(&updated), "{:?}", report.counts);
    assert_eq!(report.counts.gone, 0, "{:?}", report.counts);
    assert_eq!((report.counts.deleted, report.memberships.leaves), (0, 0));
    assert!(world.requests().iter().all(|path| path == "/users/track"), "{:?}", world.requests());
    let first = world.received();
    // The one with a leave to come is pending: not all of it was delivered.
    assert_eq!(first.len() as u64, updated + 1, "what was sent is what is remembered");
    assert!(first.iter().all(|object| object.get("subscription_groups").is_none()), "no leaves");
    assert_eq!(world.sandbox.user_count(), PEOPLE as usize);

    world.sandbox.clear_faults();
    let rest = world.next();
    let alive = u64::from(PEOPLE) - 1;
    assert_eq!((rest.counts.deleted, rest.memberships.leaves), (1, 1));
    assert_eq!(rest.counts.updated + rest.counts.unchanged, alive);
    let attributes = world.received().into_iter().filter(|object| object.get("plan").is_some());
    let mut times: HashMap<String, u32> = HashMap::new();
    for object in first.into_iter().chain(attributes) {
        *times.entry(object["external_id"].to_string()).or_default() += 1;
    }
    assert!(times.len() as u64 == alive && times.values().all(|n| *n == 1), "everybody once: {times:?}");
    assert_eq!(world.next().traffic.requests, 0);
}

/// The same while Braze is away: a request that goes on trying gets no more than its last seconds.
#[test]
fn a_run_whose_time_is_up_in_an_outage_does_not_wait_for_its_end() {
    let mut world = World::new();
    world.clock = standing();
    world.limits = "{ settle: 0s, retryFor: 12h }".to_owned();
    world.and("  runTimeout: 1m");
    world.insert(1..=3);
    world.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at("/users/track")]);
    let report = run_meanwhile(&world, |meanwhile| {
        meanwhile.answered(1);
        meanwhile.pass(60 * SECOND);
    });
    assert_eq!((report.reason, report.exit_code), (Some(Reason::TimedOut), 30), "{report:#?}");
    assert_eq!((report.counts.pending, report.counts.added), (3, 0));
    let took = report.completion_time.duration_since(report.start_time);
    assert!(took.as_secs() < 120, "{took:#}");
    world.sandbox.clear_faults();
    assert_eq!(world.next().counts.added, 3);
}
