//! One client a workspace, shared by all its Destinations so that they keep its limits together.

use std::collections::HashMap;
use std::sync::Arc;

use grouparoo_clock::Clock;

use crate::braze::{Braze, BrazeError};
use crate::source::{self, Source};
use crate::sync::job::Job;
use crate::sync::read;
use crate::sync::reason::{Reason, Stop};

/// The clients made so far.
pub struct Workspaces {
    clock: Clock,
    clients: HashMap<(String, String), Braze>,
}

impl Workspaces {
    /// None yet.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), clients: HashMap::new() }
    }

    /// The client for a job.
    pub fn client(&mut self, job: &Job) -> Result<Braze, Stop> {
        let workspace = job.app_name();
        let own = (workspace.clone(), job.app.name.clone());
        if let Some(client) = self.clients.get(&own) {
            return Ok(client.clone());
        }
        let config = job.app.braze.clone();
        let sibling = self.clients.iter().find(|((known, _), _)| *known == workspace);
        let made = match sibling {
            Some((_, client)) => client.beside(config),
            None => Braze::new(config, self.clock.clone()),
        };
        let client = made.map_err(|error| braze_stop(&job.app.name, &error))?;
        self.clients.insert(own, client.clone());
        Ok(client)
    }

    /// The source of a job.
    pub fn source(&self, job: &Job) -> Result<Arc<dyn Source>, Stop> {
        source::open(&job.source, &self.clock).map(Arc::from).map_err(|error| read::stop_for(&error))
    }
}

/// Why a workspace cannot be used.
pub fn braze_stop(app: &str, error: &BrazeError) -> Stop {
    let reason = match error.reason() {
        "InvalidSpec" | "CertificateInvalid" => Reason::InvalidSpec,
        "PermissionMissing" => Reason::PermissionMissing,
        "AuthenticationFailed" => Reason::AuthenticationFailed,
        _ => Reason::BrazeUnavailable,
    };
    Stop::new(reason, format!("BrazeApp {app}: {error}; {}", error.advice()))
}
