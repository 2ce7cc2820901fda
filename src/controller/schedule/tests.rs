use std::collections::BTreeSet;

use jiff::{SignedDuration, ToSpan as _};

use super::*;

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

pub(super) fn cron(expression: &str, zone: Option<&str>) -> destination::Schedule {
    destination::Schedule {
        cron: Some(expression.to_owned()),
        time_zone: zone.map(str::to_owned),
        ..destination::Schedule::default()
    }
}

fn every(interval: &str) -> destination::Schedule {
    destination::Schedule { interval: Some(Span::new(interval)), ..destination::Schedule::default() }
}

pub(super) fn schedule(spec: &destination::Schedule) -> Schedule {
    Schedule::parse(spec).unwrap_or_else(|error| panic!("{error}"))
}

fn nothing_until(next: &str) -> Due {
    Due { slot: None, missed: 0, too_late: None, next: time(next) }
}

fn slot(slot: &str, missed: u32, next: &str) -> Due {
    Due { slot: Some(time(slot)), missed, too_late: None, next: time(next) }
}

/// api.md 6, `schedule`: five fields, the names, one zone, one interval of at least 10 s.
#[test]
fn a_schedule_reads_in_words() {
    for (spec, words) in [
        (cron("*/15 * * * *", Some("Europe/Paris")), "*/15 * * * * Europe/Paris"),
        (cron("30 2 * * MON-FRI", None), "30 2 * * MON-FRI UTC"),
        (cron("@hourly", None), "@hourly UTC"),
        (every("5m"), "every 5m"),
    ] {
        assert_eq!(schedule(&spec).words(), words);
    }
    let longest =
        cron(&format!("{} * * * *", "0,".repeat(55) + "0"), Some("America/Argentina/ComodRivadavia"));
    assert!(schedule(&longest).words().len() <= 200);
}

/// api.md 6, `schedule`: what an API server would refuse is refused here too, and what never comes.
#[test]
fn a_schedule_that_cannot_be_is_refused() {
    let both = destination::Schedule { interval: Some(Span::new("5m")), ..cron("@daily", None) };
    let zoned = destination::Schedule { time_zone: Some("UTC".to_owned()), ..every("5m") };
    let late = destination::Schedule { starting_deadline: Some(Span::new("soon")), ..every("5m") };
    let jitter = destination::Schedule { jitter: Some(Span::new("1d")), ..every("5m") };
    for (spec, field, word) in [
        (cron("0 0 30 2 *", None), "cron", "never comes"),
        (cron("0 0 31 4,6,9,11 *", None), "cron", "never comes"),
        (cron("61 * * * *", None), "cron", "cannot be understood"),
        (cron("* * * * FUNDAY", None), "cron", "cannot be understood"),
        (cron("*/5 * * * * *", None), "cron", "five fields"),
        (cron("0 0 * *", None), "cron", "five fields"),
        (cron("@every 5m", None), "cron", "five fields"),
        (cron("@reboot", None), "cron", "five fields"),
        (cron("", None), "cron", "five fields"),
        (cron("@daily", Some("Europe/Atlantis")), "timeZone", "no IANA time zone"),
        (every("1s"), "interval", "at least 10s"),
        (every("often"), "interval", "no time span"),
        (both, "", "exactly one"),
        (destination::Schedule::default(), "", "exactly one"),
        (zoned, "timeZone", "belongs to cron"),
        (late, "startingDeadline", "no time span"),
        (jitter, "jitter", "no time span"),
    ] {
        let error = Schedule::parse(&spec).expect_err(word);
        assert!(error.field == field && error.message.contains(word), "{error}");
    }
    assert!(Schedule::parse(&cron("0 0 29 2 *", None)).is_ok(), "a leap day comes");
    assert!(Schedule::parse(&cron("0 0 30 2 MON", None)).is_ok(), "Mondays in February come");
}

/// api.md 6, `cron`: the names mean these times.
#[test]
fn the_names_of_schedules_mean_their_times() {
    let start = time("2026-01-01T00:30:00Z");
    for (name, next) in [
        ("@hourly", "2026-01-01T01:00:00Z"),
        ("@daily", "2026-01-02T00:00:00Z"),
        ("@midnight", "2026-01-02T00:00:00Z"),
        ("@weekly", "2026-01-04T00:00:00Z"),
        ("@monthly", "2026-02-01T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z"),
        ("@annually", "2027-01-01T00:00:00Z"),
    ] {
        assert_eq!(schedule(&cron(name, None)).due(None, start, "u", start), nothing_until(next), "{name}");
    }
}

/// conventions 9: a slot is due from its time on, until it is remembered as the last one.
#[test]
fn a_slot_is_due_once() {
    let quarters = schedule(&cron("*/15 * * * *", None));
    let made = time("2026-01-01T12:00:00Z");
    let due = |last: Option<&str>, now| quarters.due(last.map(time), made, "u", time(now));
    assert_eq!(due(None, "2026-01-01T12:00:00Z"), nothing_until("2026-01-01T12:15:00Z"));
    assert_eq!(due(None, "2026-01-01T12:14:59.999Z"), nothing_until("2026-01-01T12:15:00Z"));
    assert_eq!(due(None, "2026-01-01T12:15:00Z"), slot("2026-01-01T12:15:00Z", 0, "2026-01-01T12:30:00Z"));
    assert_eq!(
        due(Some("2026-01-01T12:15:00Z"), "2026-01-01T12:15:00Z"),
        nothing_until("2026-01-01T12:30:00Z")
    );
    assert_eq!(
        due(Some("2026-01-01T12:15:00Z"), "2026-01-01T12:29:59.5Z"),
        nothing_until("2026-01-01T12:30:00Z")
    );
}

/// conventions 9: missed slots are one catch-up.
#[test]
fn all_missed_slots_are_one_run_of_the_newest() {
    let quarters = schedule(&cron("*/15 * * * *", None));
    let last = Some(time("2026-01-01T12:00:00Z"));
    let due = quarters.due(last, time("2026-01-01T00:00:00Z"), "u", time("2026-01-01T13:20:00Z"));
    assert_eq!(due, slot("2026-01-01T13:15:00Z", 4, "2026-01-01T13:30:00Z"));
    let minutes = schedule(&every("1m"));
    let due = minutes.due(last, time("2026-01-01T00:00:00Z"), "u", time("2026-01-01T12:05:30Z"));
    assert_eq!(due, slot("2026-01-01T12:05:00Z", 4, "2026-01-01T12:06:00Z"));
}

/// api.md 6, `suspend` and `since`: what was missed while nothing should start is not caught up.
#[test]
fn slots_before_the_schedule_counts_are_no_slots() {
    let quarters = schedule(&cron("*/15 * * * *", None));
    let (last, resumed) = (Some(time("2026-01-01T12:00:00Z")), time("2026-01-02T12:05:00Z"));
    let at = |now| quarters.due(last, resumed, "u", time(now));
    assert_eq!(at("2026-01-02T12:06:00Z"), nothing_until("2026-01-02T12:15:00Z"));
    assert_eq!(at("2026-01-02T12:16:00Z"), slot("2026-01-02T12:15:00Z", 0, "2026-01-02T12:30:00Z"));
    let hourly = schedule(&every("1h"));
    let at = |now| hourly.due(Some(time("2026-01-01T12:30:00Z")), resumed, "u", time(now));
    assert_eq!(at("2026-01-02T12:06:00Z"), nothing_until("2026-01-02T12:30:00Z"));
}

/// api.md 6, `interval`: time from the start of one run to the start of the next; the first one after the object.
#[test]
fn an_interval_counts_from_slot_to_slot() {
    let five = schedule(&every("5m"));
    let made = time("2026-01-01T12:00:07Z");
    let first = five.due(None, made, "u", time("2026-01-01T12:05:07Z"));
    assert_eq!(first, slot("2026-01-01T12:05:07Z", 0, "2026-01-01T12:10:07Z"));
    let late = five.due(first.slot, made, "u", time("2026-01-01T12:12:00Z"));
    assert_eq!(late, slot("2026-01-01T12:10:07Z", 0, "2026-01-01T12:15:07Z"), "a late start moves no slot");
}

/// api.md 6, `startingDeadline`: how late a run may still start; later it is left out.
#[test]
fn a_slot_that_is_too_late_is_left_out() {
    let spec = destination::Schedule { starting_deadline: Some(Span::new("4h")), ..cron("30 2 * * *", None) };
    let daily = schedule(&spec);
    let (last, made) = (Some(time("2026-01-01T02:30:00Z")), time("2026-01-01T00:00:00Z"));
    let at = |now| daily.due(last, made, "u", time(now));
    assert_eq!(at("2026-01-03T06:30:00Z"), slot("2026-01-03T02:30:00Z", 1, "2026-01-04T02:30:00Z"));
    let left_out = at("2026-01-03T06:30:01Z");
    assert_eq!((left_out.slot, left_out.too_late), (None, Some(time("2026-01-03T02:30:00Z"))));
    assert_eq!(left_out.next, time("2026-01-04T02:30:00Z"));
    let after = daily.due(left_out.too_late, made, "u", time("2026-01-03T07:00:00Z"));
    assert_eq!(after, nothing_until("2026-01-04T02:30:00Z"), "told once");
}

/// api.md 6, `jitter`: a fixed part of the span, different for each Destination, that moves starts and not slots.
#[test]
fn jitter_delays_each_destination_by_its_own_part() {
    let spec = destination::Schedule {
        jitter: Some(Span::new("5m")),
        starting_deadline: Some(Span::new("1m")),
        ..cron("0 * * * *", None)
    };
    let hourly = schedule(&spec);
    let made = time("2026-01-01T12:30:00Z");
    let mut delays = BTreeSet::new();
    for n in 0..200 {
        let uid = format!("uid-{n}");
        let next = hourly.due(None, made, &uid, made).next;
        let delay = next.duration_since(time("2026-01-01T13:00:00Z"));
        assert!(!delay.is_negative() && delay < SignedDuration::from_mins(5), "{delay}");
        assert_eq!(next.subsec_nanosecond(), 0);
        let one_earlier = hourly.due(None, made, &uid, next - 1.nanosecond());
        assert_eq!((one_earlier.slot, one_earlier.next), (None, next));
        let due = hourly.due(None, made, &uid, next);
        assert_eq!(due.slot, Some(time("2026-01-01T13:00:00Z")), "the slot is that of the schedule");
        assert_eq!(due.next, next + 1.hour(), "always the same part");
        let late = hourly.due(None, made, &uid, next + 61.seconds());
        assert_eq!(late.too_late, Some(time("2026-01-01T13:00:00Z")), "late counts from the delayed start");
        delays.insert(delay);
    }
    assert!(delays.len() > 100, "only {} different delays", delays.len());
    let wide = destination::Schedule { jitter: Some(Span::new("3h")), ..cron("0 * * * *", None) };
    let due =
        schedule(&wide).due(Some(time("2026-01-01T12:00:00Z")), made, "u", time("2026-01-01T20:00:00Z"));
    assert!(due.slot.is_some() && due.next > time("2026-01-01T20:00:00Z"), "{due:?}");
}

/// A clock that jumps back starts nothing twice; one that jumped far ahead starts one run, and later on the
/// schedule goes on as if nothing had been.
#[test]
fn a_clock_that_jumps_starts_no_slot_twice() {
    let quarters = schedule(&cron("*/15 * * * *", None));
    let made = time("2026-01-01T00:00:00Z");
    let last = Some(time("2026-01-01T12:00:00Z"));
    for now in ["2026-01-01T11:59:30Z", "2026-01-01T11:00:00Z", "2025-12-31T12:00:00Z"] {
        assert_eq!(quarters.due(last, made, "u", time(now)), nothing_until("2026-01-01T12:15:00Z"), "{now}");
    }
    let ahead = quarters.due(last, made, "u", time("2027-06-01T00:00:00Z"));
    assert_eq!((ahead.slot, ahead.missed), (Some(time("2027-06-01T00:00:00Z")), MOST_COUNTED));
    let corrected = quarters.due(ahead.slot, made, "u", time("2026-01-01T12:05:00Z"));
    assert_eq!(corrected, nothing_until("2026-01-01T12:15:00Z"), "not silent for a year and a half");
    let weekly = schedule(&cron("@weekly", None));
    let sunday = time("2026-01-04T00:00:00Z");
    let back = weekly.due(Some(sunday), made, "u", time("2026-01-01T12:00:00Z"));
    assert_eq!(back, nothing_until("2026-01-11T00:00:00Z"), "the slot that was started is not started again");
}

/// The work is bounded: a year of missed slots is one step.
#[test]
fn a_year_of_missed_slots_is_one_catch_up() {
    let (last, now) = (time("2025-01-01T00:00:00Z"), time("2026-01-01T00:00:05Z"));
    let due = schedule(&every("10s")).due(Some(last), last, "u", now);
    assert_eq!(due, slot("2026-01-01T00:00:00Z", 3_153_599, "2026-01-01T00:00:10Z"));
    let due = schedule(&cron("* * * * *", None)).due(Some(last), last, "u", now);
    assert_eq!(due, slot("2026-01-01T00:00:00Z", MOST_COUNTED, "2026-01-01T00:01:00Z"));
    for spec in
        [every("10s"), every("9999h"), cron("* * * * *", None), cron("0 0 29 2 *", Some("Asia/Tokyo"))]
    {
        let schedule = schedule(&spec);
        for edge in [Timestamp::MIN, Timestamp::MAX, time("2026-01-01T00:00:00Z")] {
            for other in [Timestamp::MIN, Timestamp::MAX, time("2026-01-01T00:00:00Z")] {
                schedule.due(Some(edge), other, "u", other);
                schedule.due(None, edge, "u", other);
                overdue(&schedule, Some(edge), other, edge);
            }
        }
    }
}

/// conventions 1, row "overdue": no success in max(2 intervals, 1 h).
#[test]
fn a_success_is_overdue_after_two_intervals() {
    let made = time("2026-01-05T12:00:00Z");
    let at = |spec: &destination::Schedule, success: Option<&str>| {
        overdue_at(&schedule(spec), success.map(time), made).to_string()
    };
    assert_eq!(
        at(&every("5m"), None),
        "2026-01-05T13:00:00Z",
        "an hour at least, from when the object was made"
    );
    assert_eq!(at(&every("2h"), Some("2026-01-06T07:03:00Z")), "2026-01-06T11:03:00Z");
    assert_eq!(
        at(&every("2h"), Some("2026-01-04T07:03:00Z")),
        "2026-01-05T16:00:00Z",
        "since it counts again"
    );
    assert_eq!(at(&cron("0 */2 * * *", None), Some("2026-01-06T08:01:00Z")), "2026-01-06T12:01:00Z");
    assert_eq!(at(&cron("*/5 * * * *", None), Some("2026-01-06T08:01:00Z")), "2026-01-06T09:01:00Z");
    let working_days = cron("30 2 * * MON-FRI", None);
    assert_eq!(at(&working_days, Some("2026-01-06T02:40:00Z")), "2026-01-08T02:40:00Z", "Tuesday");
    assert_eq!(
        at(&working_days, Some("2026-01-08T02:40:00Z")),
        "2026-01-12T02:40:00Z",
        "Thursday, to Monday"
    );
    assert_eq!(at(&working_days, Some("2026-01-09T02:40:00Z")), "2026-01-13T02:40:00Z", "Friday, to Tuesday");
    let hourly = schedule(&every("1h"));
    let (success, edge) = (Some(time("2026-01-06T08:00:00Z")), time("2026-01-06T10:00:00Z"));
    assert!(overdue(&hourly, success, made, edge) && !overdue(&hourly, success, made, edge - 1.second()));
}
