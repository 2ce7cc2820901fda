//! Request ceilings: fixed windows of the clock, one counter a family, told in headers.

use std::collections::HashMap;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use jiff::Timestamp;

use crate::endpoint::Family;

/// So many requests in each window of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests that a window takes.
    pub requests: u64,
    /// Length of a window; windows start at whole multiples of it since the epoch.
    pub window: Duration,
}

impl Limit {
    /// So many requests in each window of so many seconds.
    pub const fn per(requests: u64, seconds: u64) -> Self {
        Self { requests, window: Duration::from_secs(seconds) }
    }
}

/// How ceilings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateMode {
    /// Three headers on every response; `X-RateLimit-Reset` is the epoch second of the window's end.
    Epoch,
    /// Contracts by monthly active users: `X-RateLimit-Reset` is the seconds left, a 429 carries the wait only.
    Mau,
}

/// What a 429 says about the time to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// What the mode documents: nothing but the three headers, or `X-Ratelimit-Retry-After` alone.
    ByMode,
    /// `X-Ratelimit-Retry-After` in seconds.
    Braze,
    /// The standard `Retry-After` in seconds.
    Seconds,
    /// The standard `Retry-After` as a date.
    Date,
    /// Nothing, not even the three headers.
    Nothing,
}

/// All ceilings of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// How they are told.
    pub mode: RateMode,
    /// What a 429 says.
    pub retry_after: RetryAfter,
    /// For `/users/track`.
    pub track: Limit,
    /// A second, short window for `/users/track`, beside the long one.
    pub track_burst: Option<Limit>,
    /// For `/users/delete` and its relatives.
    pub delete: Limit,
    /// For `/users/export/ids`.
    pub export: Limit,
    /// For exports that name their fields, in place of `export`.
    pub export_with_fields: Option<Limit>,
    /// For everything else together.
    pub default: Limit,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            mode: RateMode::Epoch,
            retry_after: RetryAfter::ByMode,
            track: Limit::per(50_000, 60),
            track_burst: None,
            delete: Limit::per(20_000, 60),
            export: Limit::per(2_500, 60),
            export_with_fields: None,
            default: Limit::per(250_000, 3_600),
        }
    }
}

impl RateLimits {
    /// A contract by monthly active users: an hourly ceiling and a burst ceiling of 3 seconds for track.
    pub fn mau(hourly: u64, burst: u64) -> Self {
        Self {
            mode: RateMode::Mau,
            track: Limit::per(hourly, 3_600),
            track_burst: Some(Limit::per(burst, 3)),
            ..Self::default()
        }
    }

    /// The ceilings of an account onboarded since 22 August 2024: 250 exports a minute, 40 a second with fields.
    pub fn new_account() -> Self {
        Self { export: Limit::per(250, 60), export_with_fields: Some(Limit::per(40, 1)), ..Self::default() }
    }

    /// The same ceiling for everything, for tests of waiting.
    pub fn everywhere(limit: Limit) -> Self {
        Self { track: limit, delete: limit, export: limit, default: limit, ..Self::default() }
    }
}

/// Which counter a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bucket {
    Family(Family),
    Burst,
    ExportWithFields,
}

/// What the limiter decided: the headers to send and whether the request may pass.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) passed: bool,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Counts requests per window.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    used: HashMap<Bucket, (i64, u64)>,
}

impl Limiter {
    /// Counts one request of a family.
    pub(crate) fn take(
        &mut self,
        rate: &RateLimits,
        family: Family,
        with_fields: bool,
        now: Timestamp,
    ) -> Verdict {
        let mut wanted = vec![match family {
            Family::Track => (Bucket::Family(family), rate.track),
            Family::Delete => (Bucket::Family(family), rate.delete),
            Family::Default => (Bucket::Family(family), rate.default),
            Family::Export => match rate.export_with_fields {
                Some(limit) if with_fields => (Bucket::ExportWithFields, limit),
                _ => (Bucket::Family(family), rate.export),
            },
        }];
        if let (Family::Track, Some(burst)) = (family, rate.track_burst) {
            wanted.push((Bucket::Burst, burst));
        }
        // Checked before anything is counted: a refused request uses up nothing of the other window.
        let full = wanted.iter().find(|(bucket, limit)| self.left(*bucket, *limit, now) == 0).copied();
        if let Some((_, limit)) = full {
            return Verdict { passed: false, headers: refusal_headers(rate, limit, now) };
        }
        for (bucket, limit) in &wanted {
            let window = window(*limit, now);
            let entry = self.used.entry(*bucket).or_insert((window, 0));
            if entry.0 != window {
                *entry = (window, 0);
            }
            entry.1 += 1;
        }
        let (bucket, limit) = wanted[0];
        let headers = triple(rate.mode, limit, self.left(bucket, limit, now), now);
        Verdict { passed: true, headers }
    }

    fn left(&self, bucket: Bucket, limit: Limit, now: Timestamp) -> u64 {
        match self.used.get(&bucket) {
            Some((at, used)) if *at == window(limit, now) => limit.requests.saturating_sub(*used),
            _ => limit.requests,
        }
    }
}

/// The headers of a 429 for a ceiling.
pub(crate) fn refusal_headers(
    rate: &RateLimits,
    limit: Limit,
    now: Timestamp,
) -> Vec<(HeaderName, HeaderValue)> {
    let wait = seconds_left(limit, now);
    let braze = || (HeaderName::from_static("x-ratelimit-retry-after"), HeaderValue::from(wait));
    match (rate.retry_after, rate.mode) {
        (RetryAfter::Nothing, _) => Vec::new(),
        (RetryAfter::ByMode, RateMode::Epoch) => triple(rate.mode, limit, 0, now),
        (RetryAfter::ByMode | RetryAfter::Braze, _) => vec![braze()],
        (RetryAfter::Seconds, _) => vec![(RETRY_AFTER, HeaderValue::from(wait))],
        (RetryAfter::Date, _) => {
            let at = now + jiff::SignedDuration::from_secs(i64::try_from(wait).unwrap_or(i64::MAX));
            vec![(RETRY_AFTER, crate::wire::http_date(at))]
        }
    }
}

fn triple(mode: RateMode, limit: Limit, left: u64, now: Timestamp) -> Vec<(HeaderName, HeaderValue)> {
    let reset = match mode {
        RateMode::Epoch => u64::try_from(window_end(limit, now).div_euclid(1_000)).unwrap_or(0),
        RateMode::Mau => seconds_left(limit, now),
    };
    vec![
        (HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(limit.requests)),
        (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(left)),
        (HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(reset)),
    ]
}

fn window(limit: Limit, now: Timestamp) -> i64 {
    now.as_millisecond().div_euclid(length(limit))
}

fn window_end(limit: Limit, now: Timestamp) -> i64 {
    (window(limit, now) + 1) * length(limit)
}

fn length(limit: Limit) -> i64 {
    i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX).max(1)
}

fn seconds_left(limit: Limit, now: Timestamp) -> u64 {
    let millis = window_end(limit, now) - now.as_millisecond();
    u64::try_from(millis).unwrap_or(0).div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn header(verdict: &Verdict, name: &str) -> Option<String> {
        let found = verdict.headers.iter().find(|(key, _)| key.as_str() == name)?;
        Some(found.1.to_str().expect("text").to_owned())
    }

    /// Braze sheet 12.2: fixed clock windows, a counter each, Reset = epoch at the window's end.
    #[test]
    fn a_window_ends_on_the_clock_and_starts_full() {
        let rate = RateLimits { track: Limit::per(2, 60), ..RateLimits::default() };
        let mut limiter = Limiter::default();
        let late = at("2026-03-01T12:00:59Z");
        let first = limiter.take(&rate, Family::Track, false, late);
        assert_eq!(header(&first, "x-ratelimit-remaining").as_deref(), Some("1"));
        let end = at("2026-03-01T12:01:00Z").as_second().to_string();
        assert_eq!(header(&first, "x-ratelimit-reset"), Some(end));
        assert!(limiter.take(&rate, Family::Track, false, late).passed);
        assert!(!limiter.take(&rate, Family::Track, false, late).passed);
        assert!(
            limiter.take(&rate, Family::Delete, false, late).passed,
            "another family has its own counter"
        );
        assert!(limiter.take(&rate, Family::Track, false, at("2026-03-01T12:01:00Z")).passed);
    }

    /// Braze sheet 12.2, row mode `mau`.
    #[test]
    fn a_burst_is_refused_with_the_wait_alone_and_costs_nothing_of_the_hour() {
        let rate = RateLimits::mau(100, 1);
        let mut limiter = Limiter::default();
        let now = at("2026-03-01T12:00:00.5Z");
        let first = limiter.take(&rate, Family::Track, false, now);
        assert_eq!(header(&first, "x-ratelimit-reset").as_deref(), Some("3600"));
        let second = limiter.take(&rate, Family::Track, false, now);
        assert!(!second.passed);
        assert_eq!(header(&second, "x-ratelimit-retry-after").as_deref(), Some("3"));
        assert_eq!(second.headers.len(), 1);
        let third = limiter.take(&rate, Family::Track, false, at("2026-03-01T12:00:03Z"));
        assert_eq!(header(&third, "x-ratelimit-remaining").as_deref(), Some("98"));
    }

    #[test]
    fn exports_that_name_their_fields_have_a_counter_of_their_own() {
        let rate = RateLimits { export: Limit::per(1, 60), ..RateLimits::new_account() };
        let mut limiter = Limiter::default();
        let now = at("2026-03-01T12:00:00Z");
        assert!(limiter.take(&rate, Family::Export, false, now).passed);
        assert!(!limiter.take(&rate, Family::Export, false, now).passed);
        assert!(limiter.take(&rate, Family::Export, true, now).passed);
    }
}
