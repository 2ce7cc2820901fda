//! Texts of times and spans, both ways.

use jiff::{SignedDuration, Timestamp};

/// Largest span, in seconds: 10,000 years, as CEL has it.
const MAX_SECONDS: i128 = 315_576_000_000;
const NANOS: i128 = 1_000_000_000;
/// 0001-01-01T00:00:00Z, the first second that a CEL timestamp holds. The last one is that of [`Timestamp`].
const FIRST_SECOND: i64 = -62_135_596_800;

/// The time, unless it is outside of what CEL holds.
pub(super) fn within_range(time: Timestamp) -> Option<Timestamp> {
    (time.as_second() >= FIRST_SECOND).then_some(time)
}

/// The time that a second since 1970 names.
pub(super) fn time_of_second(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok().and_then(within_range)
}

/// Reads an RFC 3339 time.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().and_then(within_range)
}

/// Reads a span: an optional sign, then numbers with `h`, `m`, `s`, `ms`, `us` or `ns`; or `0`.
pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let unit =
            rest[number..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(rest.len(), |u| number + u);
        let size: i128 = match &rest[number..unit] {
            "h" => 3600 * NANOS,
            "m" => 60 * NANOS,
            "s" => NANOS,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, fraction) = rest[..number].split_once('.').unwrap_or((&rest[..number], ""));
        if whole.len() + fraction.len() == 0
            || whole.len() > 15
            || fraction.len() > 15
            || fraction.contains('.')
        {
            return None;
        }
        let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
        let places = u32::try_from(fraction.len()).ok()?;
        nanos += digits(whole)? * size + digits(fraction)? * size / 10_i128.pow(places);
        rest = &rest[unit..];
    }
    span(if negative { -nanos } else { nanos })
}

/// The span of so many nanoseconds, unless it is longer than CEL holds.
fn span(nanos: i128) -> Option<SignedDuration> {
    let seconds = nanos / NANOS;
    if seconds.abs() > MAX_SECONDS {
        return None;
    }
    Some(SignedDuration::new(i64::try_from(seconds).ok()?, i32::try_from(nanos % NANOS).ok()?))
}

/// The span in seconds, such as `90s` or `1.5s`, as CEL writes it.
pub(super) fn duration_text(span: SignedDuration) -> String {
    let nanos = span.as_nanos();
    let (sign, nanos) = if nanos < 0 { ("-", -nanos) } else { ("", nanos) };
    let fraction = nanos % NANOS;
    if fraction == 0 {
        return format!("{sign}{}s", nanos / NANOS);
    }
    let digits = format!("{fraction:09}");
    format!("{sign}{}.{}s", nanos / NANOS, digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_as_cel_does() {
        for (text, written) in [
            ("720h", "2592000s"),
            ("1h30m", "5400s"),
            ("1.5h", "5400s"),
            ("-1m", "-60s"),
            ("1500ms", "1.5s"),
            ("0", "0s"),
            ("-0.25s", "-0.25s"),
        ] {
            assert_eq!(duration(text).map(duration_text).as_deref(), Some(written), "{text}");
        }
        for text in ["", "-", "1", "30d", "1h 30m", "h", "1.2.3s", "99999999999999h", "ten s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn times_outside_of_the_calendar_of_cel_are_none() {
        assert!(time("0001-01-01T00:00:00Z").is_some());
        assert!(time("9999-12-30T21:59:59.999Z").is_some());
        assert_eq!(time("-000001-01-01T00:00:00Z"), None);
        assert_eq!(time("2026-02-30T00:00:00Z"), None);
        assert_eq!(time_of_second(253_402_300_800), None);
    }
}
