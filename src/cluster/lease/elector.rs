//! The calls around the decision.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use grouparoo_clock::Clock;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::decide::{Decision, Observed, decide, held, released};
use super::{Lost, Timing};
use crate::cluster::ClusterError;
use crate::cluster::bounded::bounded;

/// Attempts to give the lease back; the first may meet a renewal that was under way.
const RELEASE_ATTEMPTS: u32 = 3;

/// One candidate. It holds no task: it leads while somebody awaits [`Elector::hold`].
pub struct Elector {
    leases: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    observed: Option<Observed>,
    /// Monotonic time at which the last renewal that succeeded was sent; `None`: we do not lead.
    renewed: Option<Duration>,
}

/// What one look at the lease gave.
enum Look {
    /// It is ours, as of now.
    Held,
    /// It is somebody else's.
    Other(String),
}

/// Where a look is headed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Acquire,
    Renew,
}

impl Elector {
    /// A candidate for the Lease `name` in a namespace. `identity`: the Pod's name and something random, so that
    /// no two processes ever share one. `client` must have a time-out for answers: not the one of watches.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        timing: Timing,
        clock: Clock,
    ) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            timing,
            clock,
            state: Mutex::default(),
        }
    }

    /// Waits until we lead: `true`. `false`: `cancel` came first. An API server that is away, or a missing
    /// permission, is waited out.
    pub async fn acquire(&self, cancel: &CancellationToken) -> bool {
        let mut told = None;
        while !cancel.is_cancelled() {
            match self.look(Aim::Acquire, self.timing.call, Some(cancel)).await {
                Ok(Some(Look::Held)) => {
                    tracing::info!(lease = %self.name, identity = %self.identity, "leading");
                    return true;
                }
                Ok(Some(Look::Other(holder))) => {
                    told = None;
                    tracing::debug!(lease = %self.name, %holder, "waiting for the lease");
                }
                Ok(None) => break,
                Err(error) if error.is_conflict() => {}
                Err(error) => {
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(lease = %self.name, %error, "cannot take part in the election");
                    }
                    told = Some(error);
                }
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                () = self.clock.sleep(self.pause()) => {}
            }
        }
        false
    }

    /// Keeps the lead, and returns only when it is lost. Not cancelled by a shutdown: see [`Elector::release`].
    pub async fn hold(&self) -> Lost {
        loop {
            // Each step looks at the clock again: a process that was frozen must find out before it acts.
            let Some(left) = self.left() else { return self.too_late() };
            self.clock.sleep(self.pause().min(left)).await;
            let Some(left) = self.left() else { return self.too_late() };
            match self.look(Aim::Renew, left.min(self.timing.call), None).await {
                Ok(Some(Look::Other(by))) => {
                    self.state().renewed = None;
                    return Lost::Taken { by };
                }
                Ok(_) => {}
                Err(error) if error.is_conflict() => {}
                Err(error) => tracing::warn!(lease = %self.name, %error, "the lease was not renewed"),
            }
        }
    }

    /// Whether we lead right now, by our own clock: the last renewal is younger than the deadline. Ask it before
    /// anything that only a leader may do.
    pub fn may_lead(&self) -> bool {
        self.left().is_some()
    }

    /// Gives the lease back, if we hold it, so that the next leader need not wait. We do not lead any more when it
    /// begins, so everything that only a leader does has to be at its end.
    ///
    /// # Errors
    /// The lease then runs out by itself.
    pub async fn release(&self) -> Result<(), ClusterError> {
        if self.state().renewed.take().is_none() {
            return Ok(());
        }
        let mut last = Ok(());
        for _ in 0..RELEASE_ATTEMPTS {
            last = self.give_back().await;
            if !last.as_ref().is_err_and(ClusterError::is_conflict) {
                break;
            }
        }
        last
    }

    async fn give_back(&self) -> Result<(), ClusterError> {
        let limit = self.timing.call;
        let what = self.what();
        let found = self.leases.get_opt(&self.name);
        let Some(lease) = bounded(&self.clock, limit, "get", &what, found).await? else { return Ok(()) };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        if holder != Some(self.identity.as_str()) {
            return Ok(());
        }
        let lease = released(lease, MicroTime(self.clock.now()));
        let parameters = PostParams::default();
        let call = self.leases.replace(&self.name, &parameters, &lease);
        bounded(&self.clock, limit, "replace", &what, call).await.map(drop)
    }

    /// Looks at the lease once and does what is to be done. `None`: `cancel` came before anything was written;
    /// a write that was begun is waited for, or a lease could be ours without our knowing.
    async fn look(
        &self,
        aim: Aim,
        limit: Duration,
        cancel: Option<&CancellationToken>,
    ) -> Result<Option<Look>, ClusterError> {
        let what = self.what();
        let get = bounded(&self.clock, limit, "get", &what, self.leases.get_opt(&self.name));
        let found = match cancel {
            None => get.await?,
            Some(cancel) => tokio::select! {
                () = cancel.cancelled() => return Ok(None),
                found = get => found?,
            },
        };
        let now = self.clock.monotonic();
        let (decision, holder) = self.observe(found.as_ref(), now);
        if decision == Decision::Wait || (aim == Aim::Renew && found.is_some() && decision != Decision::Renew)
        {
            return Ok(Some(Look::Other(holder)));
        }
        // A thaw between the two calls: what was read may be old, and what is written would be too late.
        if aim == Aim::Renew && !self.may_lead() {
            return Ok(None);
        }
        let exists = found.is_some();
        let mut lease = found.unwrap_or_default();
        lease.metadata.name = Some(self.name.clone());
        lease.metadata.managed_fields = None;
        let lease = held(lease, &self.identity, self.timing.duration, MicroTime(self.clock.now()));
        let parameters = PostParams::default();
        // Counted from before the request: others count from after it.
        let sent = self.clock.monotonic();
        let written = if exists {
            let call = self.leases.replace(&self.name, &parameters, &lease);
            bounded(&self.clock, limit, "replace", &what, call).await?
        } else {
            let call = self.leases.create(&parameters, &lease);
            bounded(&self.clock, limit, "create", &what, call).await?
        };
        self.observe(Some(&written), self.clock.monotonic());
        let mut state = self.state();
        // Once it is too late it stays so: whoever saw that we lead no more has stopped for good.
        if aim == Aim::Renew && self.left_since(state.renewed).is_none() {
            return Ok(None);
        }
        state.renewed = Some(sent);
        Ok(Some(Look::Held))
    }

    fn observe(&self, lease: Option<&Lease>, now: Duration) -> (Decision, String) {
        let mut state = self.state();
        let spec = lease.map(|lease| lease.spec.clone().unwrap_or_default());
        let observed =
            spec.map(|spec| Observed::new(&spec, state.observed.as_ref(), self.timing.duration, now));
        let decision = decide(observed.as_ref(), &self.identity, now);
        let holder = observed.as_ref().map(|observed| observed.holder.clone()).unwrap_or_default();
        state.observed = observed;
        (decision, holder)
    }

    /// What is left until we have to stop leading; `None`: nothing, or we do not lead.
    fn left(&self) -> Option<Duration> {
        let renewed = self.state().renewed;
        self.left_since(renewed)
    }

    fn left_since(&self, renewed: Option<Duration>) -> Option<Duration> {
        let renewed = renewed?;
        let age = self.clock.monotonic().saturating_sub(renewed);
        self.timing.renew_deadline.checked_sub(age).filter(|left| !left.is_zero())
    }

    fn too_late(&self) -> Lost {
        let renewed = self.state().renewed.take();
        let now = self.clock.monotonic();
        Lost::TooLate { age: now.saturating_sub(renewed.unwrap_or_default()) }
    }

    fn pause(&self) -> Duration {
        let most = u64::try_from(self.timing.jitter.as_nanos()).unwrap_or(u64::MAX);
        let chance = RandomState::new().hash_one(self.clock.monotonic());
        self.timing.retry + Duration::from_nanos(chance.checked_rem(most).unwrap_or(0))
    }

    fn what(&self) -> String {
        format!("Lease {}", self.name)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the state is held")
    }
}
