//! Runs that are stopped in the middle (semantics 10.6).

use std::collections::HashMap;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};
use grouparoo::sync::reason::Reason;
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
