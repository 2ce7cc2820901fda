//! What to do about a lease, without doing it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// A lease as it was last seen, and since when it stands still.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observed {
    pub(super) holder: String,
    renewed: Option<MicroTime>,
    transitions: Option<i32>,
    /// How long it has to stand still to be dead.
    duration: Duration,
    /// Monotonic time at which this state was first seen.
    seen_at: Duration,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nobody leads: make the lease ours.
    Acquire,
    /// It is ours: renew it.
    Renew,
    /// Somebody leads.
    Wait,
}

impl Observed {
    /// A lease, looked at after `earlier` looks. `own`: duration of a lease that states none.
    pub(super) fn new(spec: &LeaseSpec, earlier: Option<&Self>, own: Duration, now: Duration) -> Self {
        let stated = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let mut observed = Self {
            holder: spec.holder_identity.clone().unwrap_or_default(),
            renewed: spec.renew_time.clone(),
            transitions: spec.lease_transitions,
            duration: stated.filter(|seconds| *seconds > 0).map_or(own, Duration::from_secs),
            seen_at: now,
        };
        if let Some(earlier) = earlier {
            let stood_still = earlier.holder == observed.holder
                && earlier.renewed == observed.renewed
                && earlier.transitions == observed.transitions;
            if stood_still {
                observed.seen_at = earlier.seen_at;
            }
        }
        observed
    }
}

/// Who leads, as far as `identity` can tell.
pub(super) fn decide(observed: Option<&Observed>, identity: &str, now: Duration) -> Decision {
    match observed {
        None => Decision::Acquire,
        Some(observed) if observed.holder.is_empty() => Decision::Acquire,
        Some(observed) if observed.holder == identity => Decision::Renew,
        Some(observed) if now.saturating_sub(observed.seen_at) > observed.duration => Decision::Acquire,
        Some(_) => Decision::Wait,
    }
}

/// The lease as its holder writes it, over what it was.
pub(super) fn held(mut lease: Lease, identity: &str, duration: Duration, now: MicroTime) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(identity) {
        let before = spec.lease_transitions;
        let was_held = spec.acquire_time.is_some() || spec.holder_identity.is_some();
        spec.lease_transitions = Some(before.unwrap_or(0).saturating_add(i32::from(was_held)));
        spec.holder_identity = Some(identity.to_owned());
        spec.acquire_time = Some(now.clone());
    }
    spec.renew_time = Some(now);
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs().max(1)).unwrap_or(i32::MAX));
    lease
}

/// The lease as its holder gives it back.
pub(super) fn released(mut lease: Lease, now: MicroTime) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(1);
    spec.renew_time = Some(now);
    lease
}
