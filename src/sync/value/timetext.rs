//! Days and times from text, and what Braze itself takes for one.

use super::Code;
use super::time::{self, DAY_MICROS};

/// The day of a text `YYYY-MM-DD`.
pub(super) fn parse_date(text: &str) -> Result<i32, Code> {
    let mut rest = text.as_bytes();
    let date = eat_date(&mut rest).filter(|_| rest.is_empty()).ok_or(Code::BadDate)?;
    time::day(date)
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
        Stated::Day(days) => time::day(days).map(Stated::Day),
        Stated::Wall(micros) => time::instant(micros).map(Stated::Wall),
        Stated::Instant(micros) => time::instant(micros).map(Stated::Instant),
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
    time::day_number(year as i32, month, day)
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

/// Whether the text is a time that Braze keeps: in one of its formats and of the years 0 to 3000.
pub(super) fn is_kept_time(text: &str) -> bool {
    if parse_time(text).is_ok() {
        return true;
    }
    // The formats that only Braze reads have the year at one of their ends.
    let year = if text.as_bytes().get(4) == Some(&b'-') {
        text.get(..4)
    } else {
        text.get(text.len().saturating_sub(4)..)
    };
    looks_like_time(text) && year.and_then(|year| year.parse().ok()).is_some_and(|year: u16| year <= 3000)
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
        (Some(month), Some(day), Some(year)) => time::day_number(year as i32, month, day).is_some(),
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
    use super::*;

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

    /// semantics 5.3, row object: valid `$time`.
    #[test]
    fn a_time_is_kept_in_each_format_within_the_years_0_to_3000() {
        for text in
            ["2026-09-15", "2026-09-15T10:00:00:123Z", "2026-09-15 10:00:00", "09/15/2026", "0000-01-01"]
        {
            assert!(is_kept_time(text), "{text}");
        }
        for text in ["3001-01-01", "3001-01-01T10:00:00:123Z", "09/15/3001", "2026-02-30", "soon", "", "é"] {
            assert!(!is_kept_time(text), "{text}");
        }
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
