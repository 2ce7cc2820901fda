//! Days and times: from text, from a wall clock, to text. Years 0 to 3000 alone, as Braze keeps no others.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Code;

/// 0000-01-01 in days since 1970-01-01.
const FIRST_DAY: i32 = -719_528;
/// 3000-12-31 in days since 1970-01-01.
const LAST_DAY: i32 = 376_564;
const DAY_MICROS: i64 = 86_400_000_000;

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
fn day_number(year: i32, month: u32, day: u32) -> Option<i32> {
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

/// The day of a text `YYYY-MM-DD`.
pub(super) fn parse_date(text: &str) -> Result<i32, Code> {
    let mut rest = text.as_bytes();
    let date = eat_date(&mut rest).filter(|_| rest.is_empty()).ok_or(Code::BadDate)?;
    day(date)
}

/// A time as its text states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// With an offset from UTC: microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// Without: microseconds of the wall clock.
    Wall(i64),
    /// A day alone.
    Day(i32),
}

/// The time of a text: RFC 3339 and what databases print, with or without offset, or a day alone.
pub(super) fn parse_time(text: &str) -> Result<Stated, Code> {
    let mut rest = text.as_bytes();
    let stated = eat_time(&mut rest).filter(|_| rest.is_empty()).ok_or(Code::BadDate)?;
    match stated {
        Stated::Day(days) => day(days).map(Stated::Day),
        Stated::Wall(micros) => instant(micros).map(Stated::Wall),
        Stated::Instant(micros) => instant(micros).map(Stated::Instant),
    }
}

fn eat_time(rest: &mut &[u8]) -> Option<Stated> {
    let days = eat_date(rest)?;
    if rest.is_empty() {
        return Some(Stated::Day(days));
    }
    if !matches!(rest[0], b'T' | b't' | b' ') {
        return None;
    }
    *rest = &rest[1..];
    let hour = eat_number(rest, 2)?;
    eat(rest, b':')?;
    let minute = eat_number(rest, 2)?;
    let mut second = 0;
    let mut micros = 0;
    if eat(rest, b':').is_some() {
        second = eat_number(rest, 2)?;
        if eat(rest, b'.').is_some() {
            micros = eat_fraction(rest)?;
        }
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // A leap second has no number of its own; it is shown as the second before.
    let second = second.min(59);
    let wall = i64::from(days) * DAY_MICROS
        + i64::from(hour * 3600 + minute * 60 + second) * 1_000_000
        + i64::from(micros);
    Some(match eat_offset(rest)? {
        Some(seconds) => Stated::Instant(wall - i64::from(seconds) * 1_000_000),
        None => Stated::Wall(wall),
    })
}

fn eat_date(rest: &mut &[u8]) -> Option<i32> {
    let year = eat_number(rest, 4)?;
    eat(rest, b'-')?;
    let month = eat_number(rest, 2)?;
    eat(rest, b'-')?;
    let day = eat_number(rest, 2)?;
    day_number(year as i32, month, day)
}

/// Digits after the point, cut to microseconds.
fn eat_fraction(rest: &mut &[u8]) -> Option<u32> {
    let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, after) = rest.split_at(len);
    *rest = after;
    if digits.is_empty() {
        return None;
    }
    Some((0..6).fold(0, |n, i| n * 10 + digits.get(i).map_or(0, |d| u32::from(d - b'0'))))
}

/// Seconds east of UTC of `Z`, `+HH`, `+HHMM`, `+HH:MM` or `+HH:MM:SS`; inner `None` when there is nothing.
fn eat_offset(rest: &mut &[u8]) -> Option<Option<i32>> {
    if rest.is_empty() {
        return Some(None);
    }
    if eat(rest, b'Z').or_else(|| eat(rest, b'z')).is_some() {
        return Some(Some(0));
    }
    let sign = if eat(rest, b'+').is_some() {
        1
    } else {
        eat(rest, b'-')?;
        -1
    };
    let hours = eat_number(rest, 2)?;
    let colon = eat(rest, b':').is_some();
    let minutes = if colon || !rest.is_empty() { eat_number(rest, 2)? } else { 0 };
    let seconds = if eat(rest, b':').is_some() { eat_number(rest, 2)? } else { 0 };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(Some(sign * (hours * 3600 + minutes * 60 + seconds) as i32))
}

fn eat(rest: &mut &[u8], byte: u8) -> Option<()> {
    let (first, after) = rest.split_first()?;
    (*first == byte).then(|| *rest = after)
}

fn eat_number(rest: &mut &[u8], len: usize) -> Option<u32> {
    let digits = rest.get(..len)?;
    let number =
        digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))?;
    *rest = &rest[len..];
    Some(number)
}

/// Whether Braze may read the text as a time.
pub(super) fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !(8..=40).contains(&bytes.len()) {
        return false;
    }
    match bytes[0] {
        b'0'..=b'9' => looks_iso(bytes) || looks_american(bytes),
        b'M' | b'T' | b'W' | b'F' | b'S' | b'm' | b't' | b'w' | b'f' | b's' => looks_like_words(text),
        _ => false,
    }
}

/// ISO 8601, with a space instead of `T`, or with a colon before the milliseconds.
fn looks_iso(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    if eat_date(&mut rest).is_none() {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let mut whole = bytes;
    if eat_time(&mut whole).is_some() && whole.is_empty() {
        return true;
    }
    let Some(at) = bytes.iter().rposition(|b| *b == b':').filter(|at| *at == 19) else { return false };
    let mut with_point = bytes.to_vec();
    with_point[at] = b'.';
    let mut rest = with_point.as_slice();
    eat_time(&mut rest).is_some() && rest.is_empty()
}

/// `MM/dd/yyyy`, also without leading zeros.
fn looks_american(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut parts = text.split('/');
    let (Some(month), Some(day), Some(year), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let number = |part: &str, len: std::ops::RangeInclusive<usize>| {
        (len.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse().unwrap_or(u32::MAX))
    };
    match (number(month, 1..=2), number(day, 1..=2), number(year, 4..=4)) {
        (Some(month), Some(day), Some(year)) => day_number(year as i32, month, day).is_some(),
        _ => false,
    }
}

/// `ddd MM dd HH:mm:ss.TZD YYYY`, with the month as number or name.
fn looks_like_words(text: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let is_one = |word: &str, known: &[&str]| known.iter().any(|k| k.eq_ignore_ascii_case(word));
    let is_number = |word: &str| (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [weekday, month, day, clock, .., year] = words.as_slice() else { return false };
    words.len() <= 6
        && is_one(weekday, &DAYS)
        && (is_one(month, &MONTHS) || is_number(month))
        && is_number(day)
        && clock.len() >= 8
        && clock
            .bytes()
            .take(8)
            .enumerate()
            .all(|(i, b)| if i == 2 || i == 5 { b == b':' } else { b.is_ascii_digit() })
        && year.len() == 4
        && year.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
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

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-01T",
            "2024-01-01T24:00:00",
            "2024-01-01T12",
            "2024-01-01T12:60:00",
            "2024-01-01T12:00:00+",
            "2024-01-01T12:00:00+2",
            "24-01-01",
            "2024-1-1",
            "2024-01-01T12:00:00.",
            "2024-01-01T12:00:00 Z",
            "infinity",
            "-0001-01-01",
            "3001-01-01",
            "10000-01-01",
            " 2024-01-01",
            "2024-01-01 ",
            "3000-12-31T23:30:00-01:00",
            "0000-01-01T00:00:00+01:00",
        ] {
            assert_eq!(parse_time(text), Err(Code::BadDate), "{text:?}");
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

    /// semantics 5.2, "String text in a time format".
    #[test]
    fn text_that_braze_may_read_as_a_time_is_found() {
        for text in [
            "2026-09-15",
            "2026-09-15T10:00:00Z",
            "2026-09-15T10:00:00+0200",
            "2026-09-15T10:00:00:123Z",
            "2026-09-15T10:00:00",
            "2026-09-15 10:00:00",
            "09/15/2026",
            "12/1/2021",
            "Tue 09 15 10:00:00.000 2026",
            "Tue Sep 15 10:00:00 UTC 2026",
        ] {
            assert!(looks_like_time(text), "{text}");
        }
        for text in [
            "hello",
            "20260915",
            "2026-09-15x",
            "2026-13-15",
            "1.2.2026",
            "99/99/2026",
            "Tuesday, all day",
            "",
            "Saturday",
            "1/2/3",
            "5550100200",
            "2026-09-15T",
            "Sun Valley is 12:30 late",
        ] {
            assert!(!looks_like_time(text), "{text}");
        }
    }
}
