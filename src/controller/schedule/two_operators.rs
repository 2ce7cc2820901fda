//! Two operators at work on the same schedule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::tests::{cron, schedule, time};
use super::*;

/// What one operator started: slots with the names of their runs.
type Started = BTreeMap<Timestamp, String>;

fn dice(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Looks whenever it is told to, some time later each time, until so many slots have started.
fn operate(schedule: &Schedule, since: Timestamp, slots: usize, mut seed: u64) -> Started {
    let mut started = Started::new();
    let (mut last, mut now) = (None, since);
    while started.len() < slots {
        let due = schedule.due(last, since, "uid-1", now);
        assert_eq!((due.missed, due.too_late), (0, None), "at {now}");
        assert!(due.next > now);
        if let Some(slot) = due.slot {
            let name = run_name("users", "uid-1", &slot::scheduled(slot), None);
            assert_eq!(started.insert(slot, name), None, "{slot} was started twice");
            last = Some(slot);
        }
        // Less late than the slot after the next one, at times far too early.
        let after = schedule.first_after(since, due.next).expect("a slot");
        let rest = after.duration_since(due.next);
        let delay = SignedDuration::from_secs(dice(&mut seed) as i64 % 10_000 * rest.as_secs() / 10_001);
        now = match dice(&mut seed) % 4 {
            0 => now + due.next.duration_since(now) / 2,
            _ => due.next + delay.abs(),
        };
    }
    started
}

/// conventions 9: the names are fixed by the slots, so that two operators start the same runs, none twice and none
/// left out; over 10,000 slots and the changes of clocks of some years.
#[test]
fn two_operators_start_the_same_runs() {
    for (expression, zone, slots) in [
        ("*/15 * * * *", "Europe/Berlin", 10_000),
        ("10,50 */3 * * *", "America/New_York", 3_000),
        ("15,45 1,2 * * *", "Australia/Lord_Howe", 1_000),
    ] {
        let schedule = schedule(&cron(expression, Some(zone)));
        let since = time("2026-03-01T00:07:00Z");
        let first = operate(&schedule, since, slots, 1);
        let second = operate(&schedule, since, slots, 0x9e37_79b9);
        assert_eq!(first, second, "{expression}");
        let names: BTreeSet<&String> = first.values().collect();
        assert_eq!(names.len(), slots, "no name stands for two slots");
        let mut at = since;
        for slot in first.keys() {
            at = schedule.first_after(since, at).expect("a slot");
            assert_eq!(at, *slot, "none is left out");
        }
    }
}

/// conventions 9: with one memory that the operators see more or less late, whoever comes second finds the name taken;
/// each slot has one run and none is left out.
#[test]
fn with_shared_memory_each_slot_has_one_run() {
    let schedule = schedule(&cron("*/15 * * * *", Some("Europe/Berlin")));
    let since = time("2026-10-24T00:00:00Z");
    let (mut written, mut caches, mut runs) = (None, [None, None], BTreeMap::new());
    let (mut now, mut seed, mut adopted) = (since, 7, 0);
    for _ in 0..4_000 {
        now += SignedDuration::from_mins((dice(&mut seed) % 9) as i64);
        for cache in &mut caches {
            if dice(&mut seed).is_multiple_of(2) {
                *cache = written;
            }
            let Some(slot) = schedule.due(*cache, since, "uid-1", now).slot else { continue };
            let name = run_name("users", "uid-1", &slot::scheduled(slot), None);
            if let Some(other) = runs.insert(name, slot) {
                assert_eq!(other, slot);
                adopted += 1;
            }
            written = written.max(Some(slot));
            *cache = Some(slot);
        }
    }
    let mut started: Vec<Timestamp> = runs.into_values().collect();
    started.sort();
    let next = |slot: &Timestamp| schedule.first_after(since, *slot).filter(|slot| Some(*slot) <= written);
    let all: Vec<Timestamp> = std::iter::successors(next(&since), next).collect();
    assert_eq!(started, all);
    assert!(adopted > 100 && all.len() > 500, "{adopted} of {}", all.len());
}

/// conventions 9: cut name, hash of uid and slot, the attempt; at most 63 characters, a DNS label.
#[test]
fn the_name_of_a_run_is_a_label_and_says_whose_it_is() {
    let label = |name: &str| {
        name.len() <= 63
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let long = "a-very-long-name.of-a-destination.".repeat(8);
    for destination in ["users-to-braze", "u", &long, "9.lives", &("x".repeat(44) + "-.-yz"), "", "ä"] {
        for attempt in [None, Some(1), Some(1000), Some(u32::MAX)] {
            let name = run_name(destination, "uid", "2026-01-01T00:00:00Z", attempt);
            assert!(label(&name), "{name}");
        }
    }
    let name = |uid, slot, attempt| run_name("users", uid, slot, attempt);
    assert_eq!(name("u1", "s1", None), name("u1", "s1", None));
    assert!(name("u1", "s1", None).starts_with("users-"));
    assert_eq!(name("u1", "s1", Some(2)), name("u1", "s1", None) + "-2");
    for other in [name("u2", "s1", None), name("u1", "s2", None), name("u1s", "1", None)] {
        assert_ne!(other, name("u1", "s1", None));
    }
    // Written down, because a later version must find the runs of this one.
    assert_eq!(run_name("users", "uid-1", "2026-03-01T02:30:00Z", None), "users-vxzmj5hqr7ms");
}

/// api.md 7, `slot`: scheduled time, request token or generation, at most 256 characters that a person can read.
#[test]
fn slots_are_readable_and_cannot_be_mistaken_for_each_other() {
    let inputs = crate::api::sync_run::Inputs {
        destination_generation: Some(3),
        model_generation: Some(2),
        ..Default::default()
    };
    let at = time("2026-03-01T02:30:00Z");
    assert_eq!(slot::scheduled(at), "2026-03-01T02:30:00Z");
    assert_eq!(slot::scheduled_time("2026-03-01T02:30:00Z"), Some(at));
    assert_eq!(slot::request("1772332200"), "request:1772332200");
    assert_eq!(
        slot::change(&inputs, 0xabc),
        "change:destination=3,model=2,source=-,app=-,content=0000000000000abc"
    );
    assert_eq!(slot::approval("k3x9,p2"), "approval:k3x9,p2");
    assert_eq!(slot::cleanup(at), "cleanup:2026-03-01T02:30:00Z");
    for (odd, other) in
        [("", "?"), ("a b", "ab"), ("\u{1b}[2J", "[2J"), (&"x".repeat(9000), &"x".repeat(9001))]
    {
        let text = slot::request(odd);
        assert!(text.len() <= 256 && text.is_ascii() && !text.contains(' '), "{text}");
        assert_ne!(text, slot::request(other));
        assert_eq!(slot::scheduled_time(&text), None);
    }
    let all =
        [slot::scheduled(at), slot::request("2026-03-01T02:30:00Z"), slot::approval("x"), slot::request("x")];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert_eq!(slot::scheduled_time(&all[1]), None, "a token that looks like a time is none");
}
