//! Text that Braze takes for a time.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Reads text in one of the documented time formats; a year beyond 3000 is no time.
///
/// Without an offset, and with a malformed one, the time is UTC.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    // Nearly all text is no time: settled by a look at few bytes.
    match bytes {
        [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => iso(text),
        [a, b'/', ..] | [a, _, b'/', ..] if a.is_ascii_digit() => slashes(text),
        [a, b, c, b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_alphabetic()) => words(text),
        _ => None,
    }
}

/// How an export shows a time.
pub(crate) fn canonical(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Whether the text is a calendar day, `YYYY-MM-DD`.
pub(crate) fn is_day(text: &str) -> bool {
    text.len() == 10 && read(text).is_some() && text.as_bytes()[4] == b'-'
}

fn iso(text: &str) -> Option<Timestamp> {
    let (year, month, day) = (digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?);
    if text.as_bytes().get(7) != Some(&b'-') {
        return None;
    }
    if text.len() == 10 {
        return civil(year, month, day, [0; 3], 0, 0);
    }
    if !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
        return None;
    }
    let (clock, nanos, rest) = clock(text.get(11..)?)?;
    civil(year, month, day, clock, nanos, offset(rest)?)
}

fn slashes(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = parts.next().is_none() && year.len() == 4 && (1..=2).contains(&day.len());
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    if !fits {
        return None;
    }
    civil(number(year)?, number(month)?, number(day)?, [0; 3], 0, 0)
}

/// `ddd MM dd HH:mm:ss.TZD YYYY`.
fn words(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.split(' ');
    parts.next()?;
    let month = parts.next()?;
    let month = match MONTHS.iter().position(|name| *name == month) {
        Some(index) => i16::try_from(index).ok()? + 1,
        None => month.parse().ok()?,
    };
    let day = parts.next()?.parse().ok()?;
    let (time, zone) = parts.next()?.split_once('.')?;
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    if parts.next().is_some() {
        return None;
    }
    let (clock, nanos, _) = clock(time)?;
    civil(year, month, day, clock, nanos, offset(zone).unwrap_or(0))
}

/// `HH:mm[:ss[.fraction]]`, and what follows.
fn clock(text: &str) -> Option<([i16; 3], i32, &str)> {
    let (hour, minute) = (digits(text, 0, 2)?, digits(text, 3, 2)?);
    if text.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    if text.as_bytes().get(5) != Some(&b':') {
        return Some(([hour, minute, 0], 0, &text[5..]));
    }
    let second = digits(text, 6, 2)?;
    let rest = &text[8..];
    if !rest.starts_with(['.', ',', ':']) {
        return Some(([hour, minute, second], 0, rest));
    }
    let count = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
    let fraction = &rest[1..=count];
    if fraction.is_empty() || count > 9 {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    Some(([hour, minute, second], nanos, &rest[1 + count..]))
}

/// Seconds east of UTC; `None` when the text is no offset at all.
fn offset(text: &str) -> Option<i32> {
    let text = text.trim();
    match text.as_bytes() {
        [] => Some(0),
        [b'+' | b'-', rest @ ..] => {
            let digits: Vec<i32> = rest
                .iter()
                .filter(|byte| **byte != b':')
                .map(|byte| i32::from(byte.wrapping_sub(b'0')))
                .collect();
            let valid = digits.iter().all(|digit| (0..10).contains(digit));
            let seconds = match digits[..] {
                [a, b] if valid => (a * 10 + b) * 3_600,
                [a, b, c, d] if valid => (a * 10 + b) * 3_600 + (c * 10 + d) * 60,
                _ => return Some(0),
            };
            Some(if text.starts_with('-') { -seconds } else { seconds })
        }
        _ if ["z", "utc", "gmt"].iter().any(|name| text.eq_ignore_ascii_case(name)) => Some(0),
        _ => None,
    }
}

fn digits(text: &str, at: usize, count: usize) -> Option<i16> {
    let part = text.get(at..at + count)?;
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}

fn civil(year: i16, month: i16, day: i16, clock: [i16; 3], nanos: i32, offset: i32) -> Option<Timestamp> {
    if year > 3_000 {
        return None;
    }
    let small = |number: i16| i8::try_from(number).ok();
    let [hour, minute, second] = clock;
    let at =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, nanos)
            .ok()?;
    let utc = Offset::UTC.to_timestamp(at).ok()?;
    utc.checked_sub(SignedDuration::from_secs(i64::from(offset))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Braze sheet 4.6 (time strings) and 12.3, row date-like strings.
    #[test]
    fn documented_formats_are_times() {
        for (text, expected) in [
            ("2026-09-15", "2026-09-15T00:00:00.000Z"),
            ("2026-09-15T10:20:30", "2026-09-15T10:20:30.000Z"),
            ("2026-09-15 10:20:30", "2026-09-15T10:20:30.000Z"),
            ("2026-09-15T10:20", "2026-09-15T10:20:00.000Z"),
            ("2026-09-15T10:20:30:123Z", "2026-09-15T10:20:30.123Z"),
            ("2026-09-15T10:20:30.5Z", "2026-09-15T10:20:30.500Z"),
            ("2026-09-15T10:20:30.123456+02:00", "2026-09-15T08:20:30.123Z"),
            ("2026-09-15T10:20:30-0330", "2026-09-15T13:50:30.000Z"),
            ("2026-09-15T10:20:30+2", "2026-09-15T10:20:30.000Z"),
            ("12/1/2021", "2021-12-01T00:00:00.000Z"),
            ("09/15/2026", "2026-09-15T00:00:00.000Z"),
            ("Tue 09 15 10:20:30.UTC 2026", "2026-09-15T10:20:30.000Z"),
            ("0000-01-01", "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(read(text).map(canonical).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "plan",
            "2026",
            "20260915",
            "2026-09",
            "2026-9-15",
            "2026-02-30",
            "3001-01-01",
            "-001-01-01",
            "13/1/2021",
            "1/2/21",
            "1/2/3/4",
            "2026-09-15T",
            "2026-09-15T25:00:00",
            "2026-09-15 noon",
            "2026-09-15T10:20:30 sharp",
            "1234-5678",
            "Mon the best day 2026",
            "äöüß-",
            "12/ä/2021",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(is_day("1980-12-21") && !is_day("12/21/1980") && !is_day("1980-12-21T00:00:00Z"));
    }
}
