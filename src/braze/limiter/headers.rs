//! The rate-limit headers, in both contracts (braze-rest-api 3.6).

use std::time::Duration;

use grouparoo_clock::Clock;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Values above this are seconds since 1970, values below it seconds left.
const EPOCH_SINCE: f64 = 1_000_000_000.0;

/// Longest wait that is believed: windows are at most an hour.
pub(in crate::braze) const fn longest_wait() -> Duration {
    Duration::from_secs(3_600)
}

/// How long to wait after a 429, if the server says so.
pub(super) fn wait_after_429(headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    number(headers, "x-ratelimit-retry-after")
        .and_then(seconds)
        .or_else(|| retry_after(headers, clock))
        .or_else(|| reset(headers, clock))
}

/// How long to wait because less than a twentieth of the limit is left.
pub(super) fn wait_when_low(headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    let remaining = number(headers, "x-ratelimit-remaining")?;
    let limit = number(headers, "x-ratelimit-limit")?;
    if remaining * 20.0 < limit { reset(headers, clock) } else { None }
}

fn retry_after(headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    if let Some(number) = number(headers, RETRY_AFTER.as_str()) {
        return seconds(number);
    }
    let time = http_date(headers.get(RETRY_AFTER)?.to_str().ok()?)?;
    until(time, headers, clock)
}

/// Time until the window ends; `None` when it has ended or nothing is said.
fn reset(headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    let number = number(headers, "x-ratelimit-reset")?;
    if number <= EPOCH_SINCE {
        return seconds(number);
    }
    // Milliseconds would be beyond the calendar, and are taken for what they are: nonsense.
    let time = Timestamp::new(number as i64, 0).ok()?;
    until(time, headers, clock)
}

/// Time from the server's now, where it tells it, to a time of the server.
fn until(time: Timestamp, headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    let now = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
    let left: SignedDuration = time.duration_since(now.unwrap_or_else(|| clock.now()));
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn clock() -> Clock {
        // 1772366400 seconds since 1970.
        Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"))
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let entries = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        entries.collect()
    }

    fn after_429(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        wait_after_429(&headers(pairs), &clock()).map(|wait| wait.as_secs())
    }

    /// braze-rest-api 3.6: the order of the headers.
    #[test]
    fn the_wait_after_a_429_follows_the_most_specific_header() {
        let reset = ("x-ratelimit-reset", "40");
        let standard = ("retry-after", "30");
        let own = ("x-ratelimit-retry-after", "20");
        assert_eq!(after_429(&[reset, standard, own]), Some(20));
        assert_eq!(after_429(&[reset, standard]), Some(30));
        assert_eq!(after_429(&[reset]), Some(40));
        assert_eq!(after_429(&[]), None);
        assert_eq!(after_429(&[("x-ratelimit-retry-after", "soon"), standard]), Some(30));
    }

    /// braze-rest-api 3.6: Reset as epoch seconds and as seconds left.
    #[test]
    fn reset_is_read_in_both_meanings() {
        assert_eq!(after_429(&[("x-ratelimit-reset", "1772366425")]), Some(25));
        assert_eq!(after_429(&[("x-ratelimit-reset", "25")]), Some(25));
        let date = ("date", "Sun, 01 Mar 2026 12:00:20 GMT");
        assert_eq!(after_429(&[("x-ratelimit-reset", "1772366425"), date]), Some(5));
        assert_eq!(after_429(&[("x-ratelimit-reset", "25"), date]), Some(25));
    }

    #[test]
    fn a_reset_in_the_past_or_beyond_reason_says_nothing() {
        assert_eq!(after_429(&[("x-ratelimit-reset", "1772366399")]), None);
        for nonsense in ["1e300", "NaN", "-5", "inf", ""] {
            assert_eq!(after_429(&[("x-ratelimit-reset", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn the_standard_header_may_be_a_date() {
        assert_eq!(after_429(&[("retry-after", "Sun, 01 Mar 2026 12:01:00 GMT")]), Some(60));
    }

    /// semantics 9.2: below 5 % of the limit.
    #[test]
    fn the_limit_is_low_below_a_twentieth() {
        let low = |remaining, limit| {
            let pairs = [
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-limit", limit),
                ("x-ratelimit-reset", "7"),
            ];
            wait_when_low(&headers(&pairs), &clock()).map(|wait| wait.as_secs())
        };
        assert_eq!(low("12", "250"), Some(7));
        assert_eq!(low("13", "250"), None);
        assert_eq!(low("0", "5"), Some(7));
        assert_eq!(low("1", "5"), None);
        assert_eq!(wait_when_low(&headers(&[("x-ratelimit-reset", "7")]), &clock()), None);
    }
}
