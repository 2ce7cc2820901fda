//! Leader election over one Lease. It decides who starts work; it cannot call back a request that has left, so
//! whoever writes elsewhere needs a fence of its own.
//!
//! What makes it right: every write carries the resourceVersion just read; a foreign lease is dead only after we
//! watched it stand still for its whole duration on our monotonic clock; every call is bounded; a leader that
//! could not renew in time stops leading by its own clock, before anybody else can begin; a clean end gives the
//! lease back.

mod decide;
mod elector;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use elector::Elector;

/// How long things take in an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long others wait before they take the lease of a leader that stands still. Whole seconds.
    pub duration: Duration,
    /// Age of the last renewal at which a leader stops leading. Shorter than `duration`.
    pub renew_deadline: Duration,
    /// Pause between two looks at the lease.
    pub retry: Duration,
    /// Most that is added to each pause, by chance, so that candidates do not walk in step.
    pub jitter: Duration,
    /// Longest time of one call.
    pub call: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
            jitter: Duration::from_millis(400),
            call: Duration::from_secs(5),
        }
    }
}

/// Why the lead is lost. The process has to end: work of it may be going on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Somebody else holds the lease.
    #[error("the lease is held by {by}")]
    Taken {
        /// Identity of the holder; empty when it was given back by hand.
        by: String,
    },
    /// No renewal came through in time: the API server is away, or this process stood still.
    #[error("the lease was not renewed for {age:?}")]
    TooLate {
        /// Age of the last renewal.
        age: Duration,
    },
}
