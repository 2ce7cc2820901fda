//! A key that is rotated while a run goes on (semantics 9.3, 9.5; api 10).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use braze_sandbox::{Effect, FaultRule, Permissions};
use grouparoo::braze::KeySource;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::Report;
use secrecy::SecretString;

use crate::support::world::World;

const NEW_KEY: &str = "the-newer-key";

/// A Secret that holds this key now, and counts who looks.
struct Secret {
    key: Option<&'static str>,
    asked: AtomicU64,
}

#[async_trait]
impl KeySource for Secret {
    async fn newer_key(&self) -> Option<SecretString> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.key.map(SecretString::from)
    }
}

fn world() -> World {
    let mut world = World::new();
    world.limits = "{ settle: 0s, objectsPerRequest: 5, maxInFlight: 4 }".to_owned();
    world.app = "  workspace: eu".to_owned();
    world.insert(1..=400);
    world.sandbox.set_faults([FaultRule::always(Effect::Latency(Duration::from_millis(20)))]);
    world
}

/// Runs, and rotates the key at Braze after a few answers. The Secret has then what is given.
fn rotate_meanwhile(world: &mut World, key: Option<&'static str>) -> (Report, u64) {
    let secret = Arc::new(Secret { key, asked: AtomicU64::new(0) });
    world.key_source = Some(secret.clone());
    let report = std::thread::scope(|scope| {
        let sandbox = &world.sandbox;
        scope.spawn(move || {
            assert!(sandbox.wait_until_blocking(Duration::from_secs(60), |totals| totals.answered >= 6));
            sandbox.set_keys(BTreeMap::from([(NEW_KEY.to_owned(), Permissions::All)]));
        });
        world.sync()
    });
    (report, secret.asked.load(Ordering::Relaxed))
}

fn statuses(world: &World) -> HashMap<u16, usize> {
    let mut statuses = HashMap::new();
    for status in world.sandbox.journal().iter().filter_map(|entry| entry.status) {
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

/// api 10: a run that gets 401 reads the Secret once more; a new key continues the run.
#[test]
fn a_run_whose_key_is_rotated_asks_once_and_goes_on_with_the_new_key() {
    let mut world = world();
    let (report, asked) = rotate_meanwhile(&mut world, Some(NEW_KEY));
    assert_eq!((report.counts.added, report.exit_code, asked), (400, 0, 1), "{report:#?}");
    let statuses = statuses(&world);
    let refused = statuses.get(&401).copied().unwrap_or_default();
    assert!((1..=4).contains(&refused), "only what was in flight: {statuses:?}");
    assert_eq!(world.sandbox.user_count(), 400);
    world.key = NEW_KEY.to_owned();
    world.sandbox.clear_faults();
    assert_eq!(world.next().counts.unchanged, 400);
}

/// semantics 9.3, row 401; api 10: the same key fails the run; what was delivered is known, the rest follows.
#[test]
fn a_run_without_a_newer_key_ends_after_what_was_in_flight() {
    for key in [None, Some(braze_sandbox::DEFAULT_KEY)] {
        let mut world = world();
        let (report, asked) = rotate_meanwhile(&mut world, key);
        assert_eq!(
            (report.reason, report.exit_code),
            (Some(Reason::AuthenticationFailed), 21),
            "{report:#?}"
        );
        assert_eq!(asked, 1, "asked once, however many requests were refused");
        let delivered = report.counts.added;
        assert!(delivered > 0 && delivered < 400, "{:?}", report.counts);
        assert_eq!(report.counts.pending, report.counts.read - delivered);
        assert!(statuses(&world)[&401] <= 4, "closed to all that came later");
        assert_eq!(world.sandbox.user_count() as u64, delivered);
        world.key = NEW_KEY.to_owned();
        world.sandbox.clear_faults();
        let rest = world.next();
        assert_eq!((rest.counts.added, rest.counts.unchanged), (400 - delivered, delivered), "{rest:#?}");
    }
}
