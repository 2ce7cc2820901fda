//! How long one call goes on trying.

use std::time::Duration;

/// The time that one call has left: for an outage, and until its content is too old.
#[derive(Debug)]
pub(super) struct Patience {
    /// Monotonic time after which nothing may leave any more.
    pub(super) deadline: Option<Duration>,
    retry_for: Duration,
    /// Time lost to the present outage. Waiting for a rate limit is not part of it: Braze is there then.
    lost: Duration,
    failures: u32,
    /// Time waited for rate limits.
    pub(super) throttled: Duration,
}

impl Patience {
    pub(super) fn new(deadline: Option<Duration>, retry_for: Duration) -> Self {
        Self { deadline, retry_for, lost: Duration::ZERO, failures: 0, throttled: Duration::ZERO }
    }

    /// Whether the content is too old to be sent at this time.
    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }

    /// Another attempt failed, after this time.
    pub(super) fn failed(&mut self, took: Duration) {
        self.failures += 1;
        self.lose(took);
    }

    /// Time went by in which Braze was away.
    pub(super) fn lose(&mut self, span: Duration) {
        self.lost += span;
    }

    /// Braze answered: the outage is over.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.lost = Duration::ZERO;
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// What is left of `retryFor`.
    pub(super) fn left(&self) -> Duration {
        self.retry_for.saturating_sub(self.lost)
    }
}
