//! How long an object has waited for the same thing.
//!
//! A wait has a beginning, and the beginning must outlive the operator; but `lastTransitionTime` may not move
//! when only a reason changes. So the sentence of `Reconciling` tells it to people ("since 12:00"), and the
//! operator reads its own sentence again. Where the sentence is not ours, `lastTransitionTime` stands in.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::builder::whole_second;
use super::{DEADLINE_EXCEEDED, READY, RECONCILING, STALLED, find};

/// How long an object waits for the same thing before it is Stalled.
pub const DEADLINE: SignedDuration = SignedDuration::from_mins(10);

const BEGINNING: &str = "waiting since ";

/// Where a wait stands.
pub(super) enum Wait {
    /// It goes on.
    Since(Timestamp),
    /// It has lasted for too long.
    Over,
}

impl Wait {
    /// Where the wait for a reason stands, given what was written before.
    pub(super) fn of(previous: &[Condition], reason: &str, generation: i64, now: Timestamp) -> Self {
        let now = whole_second(now);
        let same = |condition: &&Condition| condition.observed_generation == Some(generation);
        let same_cause = find(previous, READY)
            .filter(same)
            .is_some_and(|ready| ready.reason == reason && ready.status == "False");
        if !same_cause {
            return Self::Since(now);
        }
        if find(previous, STALLED).filter(same).is_some_and(|stalled| stalled.reason == DEADLINE_EXCEEDED) {
            return Self::Over;
        }
        // A beginning in the future comes from a clock that was wrong: it would keep the wait open for ever.
        let since = beginning(previous, generation).filter(|since| *since <= now).unwrap_or(now);
        if now.duration_since(since) >= DEADLINE { Self::Over } else { Self::Since(since) }
    }
}

/// When the wait that the conditions tell of ends as Stalled; `None` when there is no wait with a deadline.
///
/// The conditions must be of this generation.
pub fn deadline(conditions: &[Condition], generation: i64) -> Option<Timestamp> {
    beginning(conditions, generation)?.checked_add(DEADLINE).ok()
}

/// Since when an object waits: only a wait has the same cause in both conditions.
fn beginning(conditions: &[Condition], generation: i64) -> Option<Timestamp> {
    let ready = find(conditions, READY).filter(|ready| ready.status == "False")?;
    let waiting = find(conditions, RECONCILING).filter(|reconciling| {
        reconciling.status == "True"
            && reconciling.observed_generation == Some(generation)
            && reconciling.reason == ready.reason
    })?;
    Some(told(&waiting.message).unwrap_or(waiting.last_transition_time.0))
}

fn told(message: &str) -> Option<Timestamp> {
    let (time, _) = message.strip_prefix(BEGINNING)?.split_once(": ")?;
    time.parse().ok()
}

/// What `Reconciling` says of a wait. The beginning stands first, where no cut reaches it.
pub(super) fn sentence(since: Timestamp, message: &str) -> String {
    format!("{BEGINNING}{since}: {message}")
}

/// What `Stalled` says when the wait took too long.
pub(super) fn over_sentence(message: &str) -> String {
    format!("no progress for more than 10 minutes: {message}")
}
