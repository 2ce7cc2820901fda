//! Slots around the days on which clocks are changed.

use jiff::ToSpan as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::cron::Cron;
use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn slots(cron: &Cron, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let next = |slot: &Timestamp| cron.first_after(*slot).filter(|slot| *slot <= to);
    std::iter::successors(next(&(from - 1.nanosecond())), next).collect()
}

/// Looking back finds what looking forward finds, wherever one stands.
fn check_both_ways(cron: &Cron, slots: &[Timestamp], from: Timestamp, to: Timestamp) {
    let mut at = from;
    while at < to {
        let shown = slots.partition_point(|slot| *slot <= at);
        if let Some(passed) = shown.checked_sub(1).map(|index| &slots[index]) {
            assert_eq!(cron.last_until(at).as_ref(), Some(passed), "until {at}");
        }
        if let Some(coming) = slots.get(shown) {
            assert_eq!(cron.first_after(at).as_ref(), Some(coming), "after {at}");
        }
        at += 31.minutes().seconds(13).nanoseconds(1);
    }
}

/// A slot that clocks skip comes once, right afterwards; one that they show twice comes once; an expression that
/// names every hour goes by the time that passes. One row: zone, expression, a day in UTC, its slots and those of
/// the next day.
#[test]
fn slots_on_the_days_of_changed_clocks() {
    let (berlin, york, howe) = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe");
    let rows: &[(&str, &str, &str, &[&str])] = &[
        // 29 March, 02:00 → 03:00 at 01:00 UTC
        (berlin, "30 2 * * *", "2026-03-28", &["28T01:30", "29T01:00", "30T00:30"]),
        (berlin, "0 2 * * *", "2026-03-28", &["28T01:00", "29T01:00", "30T00:00"]),
        (berlin, "0 3 * * *", "2026-03-28", &["28T02:00", "29T01:00", "30T01:00"]),
        (berlin, "0,30 2 * * *", "2026-03-29", &["29T01:00", "30T00:00", "30T00:30", "31T00:00"]),
        (berlin, "30 2,3 * * *", "2026-03-29", &["29T01:00", "29T01:30", "30T00:30", "30T01:30"]),
        (berlin, "0 */2 * * *", "2026-03-29", &["29T01:00", "29T02:00", "29T04:00", "29T06:00"]),
        (berlin, "30 * * * *", "2026-03-29", &["29T00:30", "29T01:30", "29T02:30"]),
        (berlin, "*/30 * * * *", "2026-03-29", &["29T00:00", "29T00:30", "29T01:00", "29T01:30", "29T02:00"]),
        // 25 October, 03:00 → 02:00 at 01:00 UTC
        (berlin, "30 2 * * *", "2026-10-24", &["24T00:30", "25T00:30", "26T01:30"]),
        (berlin, "0 3 * * *", "2026-10-24", &["24T01:00", "25T02:00", "26T02:00"]),
        (berlin, "0,30 2 * * *", "2026-10-25", &["25T00:00", "25T00:30", "26T01:00", "26T01:30"]),
        (berlin, "0 */2 * * *", "2026-10-25", &["25T00:00", "25T03:00", "25T05:00"]),
        (berlin, "30 0-23 * * *", "2026-10-25", &["25T00:30", "25T01:30", "25T02:30"]),
        (berlin, "*/30 * * * *", "2026-10-25", &["25T00:00", "25T00:30", "25T01:00", "25T01:30", "25T02:00"]),
        // 8 March, 02:00 → 03:00 at 07:00 UTC; 1 November, 02:00 → 01:00 at 06:00 UTC
        (york, "15 2 * * *", "2026-03-07", &["07T07:15", "08T07:00", "09T06:15"]),
        (york, "15 1 * * *", "2026-10-31", &["31T05:15", "01T05:15", "02T06:15"]),
        (york, "0 2 * * *", "2026-10-31", &["31T06:00", "01T07:00", "02T07:00"]),
        // 4 October, 02:00 → 02:30 at 15:30 UTC of the 3rd; 5 April, 02:00 → 01:30 at 15:00 UTC of the 4th
        (howe, "15 2 * * *", "2026-10-02", &["02T15:45", "03T15:30", "04T15:15"]),
        (howe, "45 2 * * *", "2026-10-02", &["02T16:15", "03T15:45", "04T15:45"]),
        (howe, "45 1 * * *", "2026-04-03", &["03T14:45", "04T14:45", "05T15:15"]),
        (howe, "0 2 * * *", "2026-04-03", &["03T15:00", "04T15:30", "05T15:30"]),
        (howe, "15 * * * *", "2026-04-04", &["04T00:15", "04T01:15"]),
    ];
    for (zone, expression, day, wanted) in rows {
        let cron = Cron::parse(expression, Some(zone)).expect("a schedule");
        let from = time(&format!("{day}T00:00:00Z"));
        let found = slots(&cron, from, from + 100.hours());
        let words: Vec<String> = found.iter().map(|slot| slot.to_string()[8..16].to_owned()).collect();
        assert_eq!(&words[..wanted.len()], *wanted, "{expression} {zone}");
        check_both_ways(&cron, &found, from, from + 95.hours());
    }
}

/// The same by force: each minute that a zone's clocks show is held against the expression.
#[test]
fn slots_are_those_that_a_look_at_each_minute_finds() {
    const ALL: std::ops::Range<i8> = 0..24;
    let zones = [
        ("Europe/Berlin", "2026-03-20", 20),
        ("Europe/Berlin", "2026-10-20", 20),
        ("America/New_York", "2026-10-25", 20),
        ("America/Sao_Paulo", "2018-10-28", 14), // at midnight
        ("America/Sao_Paulo", "2018-02-10", 14),
        ("Australia/Lord_Howe", "2026-03-30", 14),
        ("Australia/Lord_Howe", "2026-09-28", 14),
        ("Antarctica/Troll", "2026-03-25", 10), // two hours
        ("Antarctica/Troll", "2026-10-20", 10),
        ("Pacific/Apia", "2011-12-25", 10), // a whole day is skipped
        ("Africa/Casablanca", "2026-02-10", 14),
        ("Asia/Kolkata", "2026-01-01", 5),
    ];
    let expressions: [(&str, &[i8], &[i8]); 6] = [
        ("30 2 * * *", &[30], &[2]),
        ("0,15,45 0,1,2,3 * * *", &[0, 15, 45], &[0, 1, 2, 3]),
        ("59 23 * * *", &[59], &[23]),
        ("*/20 */3 * * *", &[0, 20, 40], &[0, 3, 6, 9, 12, 15, 18, 21]),
        (
            "7,37 1-23 * * *",
            &[7, 37],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
        ),
        ("10,40 * * * *", &[10, 40], &[]),
    ];
    for (name, day, days) in zones {
        let zone = TimeZone::get(name).expect("a zone");
        let start: DateTime = format!("{day}T00:00:00").parse().expect("a day");
        for (expression, minutes, hours) in expressions {
            let every_hour = hours.is_empty();
            let mut wanted = Vec::new();
            for minute in 0..days * 24 * 60 {
                let shown = start + i64::from(minute).minutes();
                let named =
                    if every_hour { ALL.contains(&shown.hour()) } else { hours.contains(&shown.hour()) };
                if !named || !minutes.contains(&shown.minute()) {
                    continue;
                }
                let moment = zone.to_ambiguous_zoned(shown);
                let (skipped, twice) = (moment.offset(), moment.is_ambiguous());
                match skipped {
                    jiff::tz::AmbiguousOffset::Gap { .. } if every_hour => {}
                    jiff::tz::AmbiguousOffset::Gap { .. } => {
                        let mut after = shown;
                        while matches!(
                            zone.to_ambiguous_zoned(after).offset(),
                            jiff::tz::AmbiguousOffset::Gap { .. }
                        ) {
                            after += 1.minute();
                        }
                        wanted.push(zone.to_timestamp(after).expect("a time"));
                    }
                    _ => {
                        wanted.push(moment.clone().earlier().expect("a time").timestamp());
                        if every_hour && twice {
                            wanted.push(moment.later().expect("a time").timestamp());
                        }
                    }
                }
            }
            wanted.sort();
            wanted.dedup();
            let cron = Cron::parse(expression, Some(name)).expect("a schedule");
            let from = zone.to_timestamp(start).expect("a time");
            let to = *wanted.last().expect("some slots");
            assert_eq!(slots(&cron, from, to), wanted, "{expression} {name}");
            check_both_ways(&cron, &wanted, from, to);
        }
    }
}
