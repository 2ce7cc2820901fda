//! How an operator was installed.

use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::Timing;
use crate::controller::hosts::Policy;

/// What an administrator chose; the flags of `grouparoo operator`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespaces whose objects are looked at; empty: all.
    pub namespaces: Vec<String>,
    /// The state folder.
    pub state: PathBuf,
    /// Folder below which the files of Sources lie, one folder a namespace; none: such Sources are refused.
    pub data_root: Option<PathBuf>,
    /// What may be reached, and which Secrets may be sent where.
    pub policy: Policy,
    /// Whether labelled Secrets and ConfigMaps are watched: it needs the right to list them.
    pub watch_secrets: bool,
    /// Runs at a time.
    pub max_concurrent_runs: usize,
    /// Leader election, for more than one replica.
    pub election: Option<Election>,
    /// Least time between two writes of a run's progress.
    pub progress_every: Duration,
}

/// Which Lease says who leads.
#[derive(Clone, Debug)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are: the name of the Pod with something random.
    pub identity: String,
    /// Its times.
    pub timing: Timing,
}
