//! The operator: watches, queues, controllers, leader election, shutdown.

pub mod context;
mod error;
mod expected;
mod failures;
mod heard;
mod refusals;
mod scope;
pub mod settings;
mod slots;
pub mod stores;
pub mod telling;
mod tested;
pub mod trouble;
pub mod unreadable;
mod waiting;
pub mod wakeups;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use grouparoo_clock::Clock;
use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use settings::{Election, Settings};

use crate::cluster::{Clients, Elector, Lost, Recorder};
use crate::controller::execution::{State, Workspaces};
use crate::state::{Lock, StateError};
use crate::telemetry::{Health, Metrics};

use super::sync_run::registry::Registry;
use context::Shared;
use expected::Expected;
use failures::Failures;
use refusals::Refusals;
use tested::Tested;
use waiting::Waiting;

/// Longest time for requests in flight when the operator ends (semantics 10.6), and a little more for the commit.
const GRACE: Duration = Duration::from_secs(28);

/// Time between two attempts to take the state folder.
const FOLDER_RETRY: Duration = Duration::from_secs(1);

/// How an operator ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to, and everything is in order.
    Stopped,
    /// It leads no more: the process must end at once.
    LeaseLost(String),
}

/// Why an operator could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A watch ended, which none does by itself.
    #[error("the watches of {0} ended; this is a fault of the program")]
    WatchEnded(String),
}

/// Runs the operator until `shutdown` is cancelled or the lease is lost.
pub async fn run(
    settings: Settings,
    clients: Clients,
    clock: Clock,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    shutdown: CancellationToken,
) -> Result<Ended, OperatorError> {
    let elector = settings.election.as_ref().map(|election| {
        Arc::new(Elector::new(
            clients.lease.clone(),
            &election.namespace,
            &election.name,
            &election.identity,
            election.timing,
            clock.clone(),
        ))
    });
    // A standby is ready too: it can take over at any moment.
    health.set_synced(elector.is_some());
    let state = State::open(&settings.state, "grouparoo operator", &clock)?;
    let Some(_folder) = take(&state, elector.is_some(), &clock, &health, &shutdown).await? else {
        return Ok(Ended::Stopped);
    };
    health.set_synced(elector.is_some());
    if let Some(elector) = &elector
        && !elector.acquire(&shutdown).await
    {
        return Ok(Ended::Stopped);
    }
    metrics.leader(true);
    let instance = settings.election.as_ref().map(|election| election.identity.clone());
    let shared = Arc::new(Shared {
        state,
        workspaces: Workspaces::new(&clock),
        registry: Arc::new(Registry::default()),
        events: Recorder::new(clients.calls.clone(), instance, clock.clone()),
        failures: Failures::default(),
        waiting: Arc::new(Waiting::new(Arc::clone(&metrics))),
        expected: Expected::default(),
        tested: Tested::default(),
        refusals: Refusals::default(),
        elector: elector.clone(),
        clients,
        clock,
        settings,
        metrics,
        health,
    });
    let stop = CancellationToken::new();
    let controllers = lead(Arc::clone(&shared), stop.clone());
    tokio::pin!(controllers);
    let holding = hold(elector.as_deref());
    tokio::pin!(holding);
    tokio::select! {
        biased;
        lost = &mut holding => return Ok(Ended::LeaseLost(lost)),
        ended = &mut controllers => return ended.map(|()| Ended::Stopped),
        () = shutdown.cancelled() => {}
    }
    tracing::info!(runs = shared.registry.count(), "ending");
    shared.registry.close();
    stop.cancel();
    let finish = async {
        shared.registry.idle().await;
        // Looks that go on end by themselves; each is bounded.
        let _ = (&mut controllers).await;
    };
    tokio::select! {
        lost = &mut holding => return Ok(Ended::LeaseLost(lost)),
        _ = shared.clock.timeout(GRACE, finish) => {}
    }
    if let Some(elector) = &elector
        && let Err(error) = elector.release().await
    {
        tracing::warn!(%error, "lease not released");
    }
    Ok(Ended::Stopped)
}

/// Takes the state folder: two operators that do not elect one of them would write the same statuses in turn.
/// Whoever comes second waits until the first has ended, and writes nothing meanwhile. `None`: asked to end before.
async fn take(
    state: &State,
    elects: bool,
    clock: &Clock,
    health: &Health,
    shutdown: &CancellationToken,
) -> Result<Option<Option<Lock>>, OperatorError> {
    let mut told = None;
    loop {
        match state.operate(elects) {
            Ok(lock) => return Ok(Some(lock)),
            Err(StateError::Held { name, holder }) => {
                if told.as_ref() != Some(&holder) {
                    tracing::warn!(
                        state = name,
                        %holder,
                        "waiting for the state folder: another operator has it; nothing is written until it has ended"
                    );
                }
                told = Some(holder);
                // It can take over at any moment, so it is as ready as a standby.
                health.set_synced(true);
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = clock.sleep(FOLDER_RETRY) => {}
        }
    }
}

/// Keeps the lease; without election, for ever.
async fn hold(elector: Option<&Elector>) -> String {
    match elector {
        None => std::future::pending().await,
        Some(elector) => match elector.hold().await {
            Lost::Taken { by } => format!("the lease was taken by {by}"),
            lost => format!("{lost:?}"),
        },
    }
}

/// Runs the controllers of all scopes until `stop` is cancelled.
async fn lead(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), OperatorError> {
    let namespaces = shared.settings.namespaces.clone();
    let scopes: Vec<Option<String>> = match namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    let running = scopes.into_iter().map(|scope| scope::run(Arc::clone(&shared), scope, stop.clone()));
    join_all(running).await.into_iter().collect()
}
