//! Every call ends: with its answer, or by the clock.

use std::time::Duration;

use grouparoo_clock::Clock;

use super::ClusterError;

/// Longest time of one call that nobody waits for more urgently.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Carries out one call within the time that any call has.
pub async fn call<T>(
    clock: &Clock,
    verb: &'static str,
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    bounded(clock, CALL_LIMIT, verb, what, call).await
}

/// Carries out one call for at most `limit`.
pub(super) async fn bounded<T>(
    clock: &Clock,
    limit: Duration,
    verb: &'static str,
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    match clock.timeout(limit, call).await {
        Some(Ok(done)) => Ok(done),
        Some(Err(error)) => Err(ClusterError::from_kube(&error, verb, what)),
        None => Err(ClusterError::TimedOut { verb, what: what.to_owned(), limit }),
    }
}
