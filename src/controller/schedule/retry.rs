//! How long a failed run waits before it is tried again.

use std::time::Duration;

use crate::api::destination::Retry;
use crate::api::shared::Span;

const LIMIT: u32 = 5;
const INITIAL_DELAY: Duration = Duration::from_secs(30);
const MAX_DELAY: Duration = Duration::from_secs(30 * 60);

/// The wait before a retry, counted from 1: it doubles from `initialDelay` (30s) to `maxDelay` (30m). A span that
/// cannot be read counts as not written.
pub fn backoff(retry: Option<&Retry>, attempt: u32) -> Duration {
    let or = |span: Option<&Span>, default| span.and_then(Span::duration).unwrap_or(default);
    let initial = or(retry.and_then(|retry| retry.initial_delay.as_ref()), INITIAL_DELAY);
    let most = or(retry.and_then(|retry| retry.max_delay.as_ref()), MAX_DELAY);
    let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    initial.saturating_mul(doubled).min(most)
}

/// How often a failed run is tried again: `retry.limit`, 5 by default.
pub fn retry_limit(retry: Option<&Retry>) -> u32 {
    let limit = retry.and_then(|retry| retry.limit);
    limit.map_or(LIMIT, |limit| u32::try_from(limit).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// api.md 6, `retry`: 5 times, after 30 s and then twice as long each time, at most 30 min.
    #[test]
    fn retries_wait_twice_as_long_each_time_up_to_the_longest_wait() {
        let seconds =
            |retry: Option<&Retry>| [1, 2, 3, 6, 7, 40, u32::MAX].map(|n| backoff(retry, n).as_secs());
        assert_eq!(seconds(None), [30, 60, 120, 960, 1800, 1800, 1800]);
        assert_eq!(retry_limit(None), 5);
        let own =
            Retry { limit: Some(0), initial_delay: Some(Span::new("1m")), max_delay: Some(Span::new("1h")) };
        assert_eq!(seconds(Some(&own)), [60, 120, 240, 1920, 3600, 3600, 3600]);
        assert_eq!(retry_limit(Some(&own)), 0);
        let odd = Retry { max_delay: Some(Span::new("10s")), ..Retry::default() };
        assert_eq!(seconds(Some(&odd))[0], 10, "the longest wait is the longest");
    }
}
