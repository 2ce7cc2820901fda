//! Days and times: from a wall clock, to text. Years 0 to 3000 alone, as Braze keeps no others.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Code;

/// 0000-01-01 in days since 1970-01-01.
const FIRST_DAY: i32 = -719_528;
/// 3000-12-31 in days since 1970-01-01.
const LAST_DAY: i32 = 376_564;
/// Microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// A day of the years that Braze keeps.
pub(super) fn day(days: i32) -> Result<i32, Code> {
    if (FIRST_DAY..=LAST_DAY).contains(&days) { Ok(days) } else { Err(Code::BadDate) }
}

/// A point in time of the years that Braze keeps, in microseconds.
pub(super) fn instant(micros: i64) -> Result<i64, Code> {
    let days = i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| Code::BadDate)?;
    day(days).map(|_| micros)
}

/// The point in time that a wall clock shows in a zone: in a gap the later reading, in an overlap the earlier.
pub(super) fn instant_of_wall(micros: i64, zone: &TimeZone) -> Result<i64, Code> {
    let micros = instant(micros)?;
    if *zone == TimeZone::UTC {
        return Ok(micros);
    }
    let (days, rest) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    let (year, month, day) = civil(days as i32);
    let seconds = rest / 1_000_000;
    let wall = DateTime::new(
        year as i16,
        month as i8,
        day as i8,
        (seconds / 3600) as i8,
        (seconds / 60 % 60) as i8,
        (seconds % 60) as i8,
        (rest % 1_000_000) as i32 * 1000,
    )
    .map_err(|_| Code::BadDate)?;
    let found = zone.to_timestamp(wall).map_err(|_| Code::BadDate)?;
    instant(found.as_microsecond())
}

/// Year, month and day of a day number, in the proleptic Gregorian calendar.
fn civil(days: i32) -> (i32, u32, u32) {
    // Years are counted from March, so that the leap day is the last of a year; eras have 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i32::from(month <= 2);
    (year, month as u32, day as u32)
}

/// The day number of a date, if there is such a day.
pub(super) fn day_number(year: i32, month: u32, day: u32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let (month, day) = (month as i32, day as i32);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468)
}

/// Appends `YYYY-MM-DD`.
pub(super) fn push_date(days: i32, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    push_two(year as u32 / 100, out);
    push_two(year as u32 % 100, out);
    out.push(b'-');
    push_two(month, out);
    out.push(b'-');
    push_two(day, out);
}

/// Appends the first moment of a day in UTC: `YYYY-MM-DDT00:00:00Z`.
pub(super) fn push_midnight(days: i32, out: &mut Vec<u8>) {
    push_date(days, out);
    out.extend_from_slice(b"T00:00:00Z");
}

/// Appends a point in time in UTC, cut to milliseconds, without `.000`.
pub(super) fn push_instant(micros: i64, out: &mut Vec<u8>) {
    let (days, rest) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    push_date(days as i32, out);
    let (millis, seconds) = ((rest / 1000 % 1000) as u32, (rest / 1_000_000) as u32);
    out.push(b'T');
    push_two(seconds / 3600, out);
    out.push(b':');
    push_two(seconds / 60 % 60, out);
    out.push(b':');
    push_two(seconds % 60, out);
    if millis != 0 {
        out.push(b'.');
        out.push(b'0' + (millis / 100) as u8);
        push_two(millis % 100, out);
    }
    out.push(b'Z');
}

fn push_two(n: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]);
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
    use super::super::timetext::{Stated, parse_date, parse_time};
    use super::*;

    fn shown(micros: i64) -> String {
        let mut out = Vec::new();
        push_instant(micros, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn zone(name: &str) -> TimeZone {
        super::super::Settings::new(name, None, false).expect("known").time_zone
    }

    fn micros(text: &str) -> i64 {
        match parse_time(text) {
            Ok(Stated::Instant(micros) | Stated::Wall(micros)) => micros,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// semantics 5.2, row Timestamp: UTC, RFC 3339 with Z, cut to milliseconds, .000 omitted.
    #[test]
    fn times_are_shown_in_utc_cut_to_milliseconds() {
        for (text, expected) in [
            ("2024-02-29T12:34:56.789999+02:00", "2024-02-29T10:34:56.789Z"),
            ("2024-02-29 12:34:56.000999+00", "2024-02-29T12:34:56Z"),
            ("2024-02-29 12:34:56.120Z", "2024-02-29T12:34:56.120Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("3000-12-31T23:59:59Z", "3000-12-31T23:59:59Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("2024-01-01T00:00-0330", "2024-01-01T03:30:00Z"),
            ("1890-01-01 00:00:00+00:09:21", "1889-12-31T23:50:39Z"),
        ] {
            assert_eq!(shown(micros(text)), expected, "{text}");
        }
    }

    /// semantics 5.2, row Timestamp: naive times are read in the zone; gap later, overlap earlier.
    #[test]
    fn a_wall_clock_is_read_in_its_zone() {
        let paris = zone("Europe/Paris");
        for (wall, expected) in [
            ("2024-01-15 12:00:00", "2024-01-15T11:00:00Z"),
            ("2024-07-15 12:00:00", "2024-07-15T10:00:00Z"),
            // The hour that is skipped: 02:30 becomes 03:30 in summer time.
            ("2024-03-31 02:30:00", "2024-03-31T01:30:00Z"),
            // The hour that comes twice: its first pass, still in summer time.
            ("2024-10-27 02:30:00", "2024-10-27T00:30:00Z"),
            ("2024-10-27 02:30:00.123456", "2024-10-27T00:30:00.123Z"),
        ] {
            assert_eq!(instant_of_wall(micros(wall), &paris).map(shown).as_deref(), Ok(expected), "{wall}");
        }
        assert_eq!(
            instant_of_wall(micros("2024-03-31 02:30:00"), &TimeZone::UTC),
            Ok(micros("2024-03-31T02:30:00Z"))
        );
    }

    #[test]
    fn a_year_that_the_zone_moves_out_of_range_is_refused() {
        assert_eq!(instant_of_wall(micros("0000-01-01 00:00:00"), &zone("Asia/Tokyo")), Err(Code::BadDate));
        assert_eq!(
            instant_of_wall(micros("3000-12-31 23:59:59"), &zone("America/New_York")),
            Err(Code::BadDate)
        );
    }

    #[test]
    fn day_numbers_and_dates_are_each_others_inverse() {
        for days in FIRST_DAY..=LAST_DAY {
            let (year, month, date) = civil(days);
            assert_eq!(day_number(year, month, date), Some(days));
        }
        assert_eq!(civil(FIRST_DAY), (0, 1, 1));
        assert_eq!(civil(LAST_DAY), (3000, 12, 31));
    }

    #[test]
    fn our_calendar_agrees_with_the_one_of_jiff() {
        let mut random = Random::new(5);
        for _ in 0..20_000 {
            let span = i64::from(LAST_DAY - FIRST_DAY) * DAY_MICROS;
            let micros = i64::from(FIRST_DAY) * DAY_MICROS + (random.next() % span as u64) as i64;
            let theirs = jiff::Timestamp::from_microsecond(micros).expect("in range");
            let ours = shown(micros);
            let back: jiff::Timestamp = ours.parse().expect("RFC 3339");
            assert_eq!(back.as_millisecond(), theirs.as_microsecond().div_euclid(1000), "{ours}");
            assert_eq!(parse_time(&ours), Ok(Stated::Instant(micros.div_euclid(1000) * 1000)));
        }
    }

    /// semantics 5.2, row Date: year, infinity, no such day.
    #[test]
    fn dates_are_days_that_exist() {
        assert_eq!(parse_date("1970-01-01"), Ok(0));
        assert_eq!(parse_date("2024-02-29"), Ok(19_782));
        for text in
            ["2023-02-29", "2024-02-29T00:00:00Z", "2024-2-29", "29.02.2024", "infinity", "3001-01-01"]
        {
            assert_eq!(parse_date(text), Err(Code::BadDate), "{text}");
        }
        assert_eq!(day(FIRST_DAY - 1), Err(Code::BadDate));
        assert_eq!(day(LAST_DAY + 1), Err(Code::BadDate));
    }
}
