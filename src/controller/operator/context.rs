//! What every look at an object works with.

use std::sync::Arc;
use std::time::Duration;

use grouparoo_clock::Clock;
use jiff::Timestamp;
use kube::runtime::controller::Action;

use crate::cluster::{Clients, Elector, Recorder};
use crate::controller::examine::fit::Fits;
use crate::controller::execution::{State, Workspaces};
use crate::telemetry::{Health, Metrics};

use super::expected::Expected;
use super::failures::Failures;
use super::heard::Heard;
use super::refusals::Refusals;
use super::settings::Settings;
use super::stores::Stores;
use super::tested::Tested;
use super::waiting::Waiting;
use super::wakeups::Wakeups;
use crate::controller::sync_run::registry::Registry;

/// Time after which an object is looked at again in any case: nothing should depend on it.
const SAFETY_NET: Duration = Duration::from_secs(30 * 60);

/// What is shared by all scopes of an operator.
pub struct Shared {
    /// The API server.
    pub clients: Clients,
    /// The time.
    pub clock: Clock,
    /// How the operator was installed.
    pub settings: Settings,
    /// The memory of all Destinations.
    pub state: State,
    /// One set of limits a workspace.
    pub workspaces: Workspaces,
    /// Runs in progress.
    pub registry: Arc<Registry>,
    /// Events.
    pub events: Recorder,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Objects that wait for a look.
    pub waiting: Arc<Waiting>,
    /// Objects whose last look failed.
    pub failures: Failures,
    /// SyncRuns that were made and not seen yet.
    pub expected: Expected,
    /// With what objects were last tested.
    pub tested: Tested,
    /// Objects that can have no status.
    pub refusals: Refusals,
    /// The lease, where there is an election.
    pub elector: Option<Arc<Elector>>,
    /// What probes ask.
    pub health: Arc<Health>,
}

impl Shared {
    /// Whether anything may be written: a leader that was frozen must not go on.
    pub fn may_lead(&self) -> bool {
        self.elector.as_ref().is_none_or(|elector| elector.may_lead())
    }

    /// Goes on while anything may be written. Who leads no more stays here: the process is about to end, and what
    /// it would write has become the business of somebody else.
    pub async fn while_leading(&self) {
        if !self.may_lead() {
            std::future::pending().await
        }
    }
}

/// One scope: all namespaces, or one.
pub struct Context {
    /// What all scopes share.
    pub shared: Arc<Shared>,
    /// What the API server holds.
    pub stores: Stores,
    /// Who is to be looked at again.
    pub wake: Wakeups,
    /// Whether Destinations fit the columns of their Models.
    pub fits: Fits,
    /// What was last heard of each SyncRun.
    pub heard: Heard,
    /// Namespace of the scope; none: all.
    pub namespace: Option<String>,
}

impl std::ops::Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Context {
    /// The present, in whole seconds: what is stored must be equal to what is read back.
    pub fn now(&self) -> Timestamp {
        whole_seconds(self.clock.now())
    }

    /// Look again at a moment, or after the longest time that an object is left alone.
    ///
    /// The moment is rounded up, so that what is due then is due when we look.
    pub fn again_at(&self, moments: impl IntoIterator<Item = Option<Timestamp>>) -> Action {
        let now = self.clock.now();
        let next = moments.into_iter().flatten().min();
        let wait = next.map_or(SAFETY_NET, |moment| {
            let left = Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO);
            left.min(SAFETY_NET) + Duration::from_millis(50)
        });
        self.again_after(wait)
    }

    /// Look again after a span of the operator's clock.
    pub fn again_after(&self, span: Duration) -> Action {
        Action::requeue(self.clock.on_the_wall(span))
    }
}

/// A time as it is stored: Kubernetes keeps whole seconds.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).expect("in range")
}
