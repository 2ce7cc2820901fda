//! From the objects of the cluster and their Secrets to a job, within what the administrator allows.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use grouparoo_clock::Clock;
use kube::Client;
use secrecy::SecretString;

use crate::api::{BrazeApp, Destination, Model, Source};
use crate::braze::{Braze, KeySource};
use crate::cluster::{
    ClusterError, References, Snapshot, fetch, references_of_app, references_of_model, references_of_source,
};
use crate::controller::hosts::Policy;
use crate::controller::operator::context::Context;
use crate::controller::resolve_app::resolve_app;
use crate::controller::{Objects, Problem, Problems, Reason, Resolved, resolve};
use crate::state::Store;
use crate::sync::proof::may_go_on;
use crate::sync::reason::Reason as StopReason;

/// How long the comparison of workspaces may try while Braze is down: requests of the run wait for it.
const PROOF_LIMIT: Duration = Duration::from_secs(30);

/// The four objects of a run, as they were when it began.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The Destination.
    pub destination: Destination,
    /// Its BrazeApp.
    pub app: BrazeApp,
    /// Its Model.
    pub model: Model,
    /// The Model's Source.
    pub source: Source,
}

impl Taken {
    /// Borrowed.
    pub fn objects(&self) -> Objects<'_> {
        Objects { destination: &self.destination, app: &self.app, model: &self.model, source: &self.source }
    }
}

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
pub enum Unprepared {
    /// Something is wrong with the objects, or something is missing.
    #[error("{0}")]
    Problems(#[from] Problems),
    /// The API server could not be asked.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
}

impl Unprepared {
    /// Why a run of these objects fails.
    pub fn reason(&self) -> StopReason {
        match self {
            Self::Cluster(_) => StopReason::AuthenticationFailed,
            Self::Problems(problems)
                if problems.0.iter().any(|problem| problem.reason == Reason::EndpointNotAllowed) =>
            {
                StopReason::EndpointNotAllowed
            }
            Self::Problems(_) => StopReason::InvalidSpec,
        }
    }

    /// Whether it may pass by itself.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Problems(problems) => {
                problems.0.iter().all(|problem| problem.reason == Reason::DependencyNotReady)
            }
            Self::Cluster(error) => error.is_transient(),
        }
    }
}

/// Reads the Secrets and ConfigMaps that the objects name, checks where their values may go, and makes the job.
///
/// Also returns the resourceVersion of the Secret that holds the API key.
pub async fn prepare(context: &Context, taken: &Taken) -> Result<(Resolved, Option<String>), Unprepared> {
    let namespace = taken.destination.metadata.namespace.clone().unwrap_or_default();
    let references = references_of_app(&taken.app)
        .and(references_of_source(&taken.source))
        .and(references_of_model(&taken.model));
    let policy = &context.settings.policy;
    // Before a Secret is read for it.
    policy.admit_app(&taken.app).map_err(refused)?;
    policy.admit_source(&taken.source).map_err(refused)?;
    let snapshot = snapshot(context, &namespace, &references).await?;
    let mut resolved = resolve(&taken.objects(), &snapshot)?;
    policy.guard_app(&taken.app, &mut resolved.job.app.braze, &snapshot).map_err(refused)?;
    policy.guard_source(&taken.source, &mut resolved.job.source, &snapshot).map_err(refused)?;
    let secret = &taken.app.spec.api_key_secret_ref.name;
    Ok((resolved, snapshot.resource_version(secret).map(str::to_owned)))
}

fn refused(problem: Problem) -> Unprepared {
    Unprepared::Problems(Problems(vec![problem]))
}

/// What Secrets and ConfigMaps hold now.
pub async fn snapshot(
    context: &Context,
    namespace: &str,
    references: &References,
) -> Result<Snapshot, ClusterError> {
    let root = context.settings.data_root.as_deref();
    fetch(&context.clients.calls, &context.clock, namespace, references, root).await
}

/// Reads the key of a BrazeApp once more when Braze refused the one that a run began with, and checks that it leads to
/// the same workspace (semantics 4.3): a key of another one is never used to go on.
pub struct Rotation {
    client: Client,
    clock: Clock,
    app: BrazeApp,
    policy: Policy,
    /// resourceVersion of the Secret that the run began with.
    used: Option<String>,
    /// What the run remembers by. The client outlives the run, and its memory must not.
    store: Mutex<Weak<dyn Store>>,
}

impl Rotation {
    /// For a run of this app that remembers by this store.
    pub fn new(context: &Context, app: &BrazeApp, used: Option<String>, store: &Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            client: context.clients.calls.clone(),
            clock: context.clock.clone(),
            app: app.clone(),
            policy: context.settings.policy.clone(),
            used,
            store: Mutex::new(Arc::downgrade(store)),
        })
    }

    /// From now on the run remembers by another store: a state that was archived proves nothing any more.
    pub fn begins_anew(&self, store: &Arc<dyn Store>) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(store);
    }
}

#[async_trait]
impl KeySource for Rotation {
    async fn newer_key(&self) -> Option<SecretString> {
        let namespace = self.app.metadata.namespace.clone().unwrap_or_default();
        let name = self.app.metadata.name.clone().unwrap_or_default();
        let references = references_of_app(&self.app);
        let found = fetch(&self.client, &self.clock, &namespace, &references, None).await;
        let snapshot = found.inspect_err(|error| tracing::warn!(%error, "key not read again")).ok()?;
        let secret = &self.app.spec.api_key_secret_ref.name;
        if snapshot.resource_version(secret).map(str::to_owned) == self.used {
            return None;
        }
        let mut app = resolve_app(&self.app, &snapshot).ok()?;
        self.policy.guard_app(&self.app, &mut app.braze, &snapshot).ok()?;
        let key = app.braze.key.clone();
        app.braze.limits.retry_for = PROOF_LIMIT;
        // A client of its own: the one that asks waits for the answer.
        let braze = Braze::new(app.braze, self.clock.clone()).ok()?;
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        if !may_go_on(app.workspace.as_deref(), &*store, &braze).await {
            tracing::warn!(
                namespace,
                app = name,
                "a newer key is not used in this run: that it belongs to the same workspace is not proven"
            );
            return None;
        }
        Some(key)
    }
}
