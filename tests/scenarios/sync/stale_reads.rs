//! Answers about subscription groups that grew old before they were used (semantics 7.2, last rule).

use std::collections::HashMap;
use std::time::Duration;

use braze_sandbox::{Effect, Entry, FaultRule, GroupState, Options, RateLimits, RetryAfter};
use grouparoo::sync::outcome::Memberships;
use grouparoo::sync::reason::Reason;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::by_hand::{run_meanwhile, standing};
use crate::support::world::{NEWS, World};

const READ: &str = "/subscription/status/get";
const TRACK: &str = "/users/track";
const MINUTE: Duration = Duration::from_secs(60);

/// So many members of the group; the engine and Braze share a clock that stands.
fn members(most: u32, limits: &str) -> World {
    let clock = standing();
    // A 429 that does not say how long to wait: a few seconds.
    let rate = RateLimits { retry_after: RetryAfter::Nothing, ..RateLimits::default() };
    let mut world = World::with(Options { clock: clock.clone(), rate, ..Options::default() });
    world.clock = clock;
    world.limits = limits.to_owned();
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=most);
    world.sql("update users set news = 1");
    world
}

/// Who is subscribed by a request.
fn subscribed(entry: &Entry) -> Vec<String> {
    let joins = |object: &Value| object["subscription_groups"][0]["subscription_state"] == "subscribed";
    let objects = entry.attributes().into_iter().filter(joins);
    objects.map(|object| object["email"].as_str().expect("an address").to_owned()).collect()
}

/// Which addresses a read asks about.
fn asked(entry: &Entry) -> Vec<String> {
    let query = entry.query.as_deref().unwrap_or_default().as_bytes();
    let parts = url::form_urlencoded::parse(query).filter(|(name, _)| name.starts_with("email"));
    parts.map(|(_, address)| address.into_owned()).collect()
}

/// The same rule: what is as old as a minute, and not older, may be used.
#[test]
fn a_join_that_was_held_back_for_less_than_a_minute_is_not_asked_about_again() {
    let world = members(2, "{ settle: 0s }");
    world.sandbox.set_faults([FaultRule::nth(1, Effect::Status(429)).at(TRACK)]);
    let report = run_meanwhile(&world, |meanwhile| meanwhile.answered(2));
    assert_eq!((report.memberships.joins, report.counts.added), (2, 2), "{report:#?}");
    assert_eq!(world.requests()[..3], [READ, TRACK, TRACK]);
}

/// semantics 7.2 and 9.4, row "join": an outage is no excuse either: what had no answer for a minute is left to the
/// next run, which reads first.
#[test]
fn a_join_without_an_answer_is_not_repeated_on_an_old_read() {
    let world = members(2, "{ settle: 0s, retryFor: 10m }");
    world.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at(TRACK)]);
    let report = run_meanwhile(&world, |meanwhile| {
        meanwhile.answered(2);
        assert!(world.sandbox.opt_out(NEWS, "u1@example.com"));
        meanwhile.pass(MINUTE + Duration::from_secs(1));
    });
    assert_eq!((report.reason, report.exit_code), (Some(Reason::BrazeUnavailable), 30), "{report:#?}");
    assert_eq!(report.counts.pending, 2);
    assert_eq!(world.requests(), [READ, TRACK]);
    world.sandbox.clear_faults();
    let report = world.next();
    assert_eq!((report.memberships.joins, report.memberships.opted_out), (1, 1));
    assert_eq!(world.requests()[..2], [READ, TRACK]);
    assert_eq!(world.sandbox.subscription(NEWS, "u1@example.com"), Some(GroupState::Unsubscribed));
}

/// semantics 7.2, "No `subscribed` leaves on a read that is older than 60 s", under a limit of one request a second:
/// whoever waits for longer is asked about again, and who opted out meanwhile is left alone. What is found is counted
/// once.
#[test]
fn however_long_the_queue_is_no_join_leaves_on_an_old_read() {
    let world = members(80, "{ settle: 0s, objectsPerRequest: 1, maxInFlight: 8, requestsPerSecond: 1 }");
    // Two stages of reads share the queue: the last of the first stage wait for more than a minute.
    world.sandbox.opt_out(NEWS, "u49@example.com");
    world.sandbox.opt_in(NEWS, "u48@example.com");
    let report = run_meanwhile(&world, |meanwhile| {
        meanwhile.pass_with_each_answer(Duration::from_secs(1), || {
            let received = meanwhile.world.received().len();
            if received > 20 && received < 40 {
                meanwhile.world.sandbox.opt_out(NEWS, "u50@example.com");
            }
        });
    });
    assert_eq!((report.exit_code, report.message.as_str()), (0, ""), "{report:#?}");
    let mut read: HashMap<String, Vec<Timestamp>> = HashMap::new();
    for entry in world.sandbox.journal() {
        for address in asked(&entry) {
            read.entry(address).or_default().push(entry.at);
        }
        for address in subscribed(&entry) {
            let newest = read.get(&address).and_then(|times| times.last()).expect("asked about first");
            let age = entry.at.duration_since(*newest);
            assert!(age <= SignedDuration::from_secs(60), "{address} was subscribed on a read of {age:#}");
        }
    }
    for id in [48, 49, 50] {
        assert_eq!(read[&format!("u{id}@example.com")].len(), 2, "{id} waited for more than a minute");
    }
    assert_eq!(world.sandbox.subscription(NEWS, "u50@example.com"), Some(GroupState::Unsubscribed));
    let found = Memberships { joins: 77, opted_out: 2, already_there: 1, ..Memberships::default() };
    assert_eq!((report.memberships, report.counts.added), (found, 80));
    assert_eq!(world.next().traffic.requests, 0);
}
