//! Clients of workspaces: each run has its own, and all of one workspace keep its limits together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grouparoo_clock::Clock;

use crate::braze::{Braze, BrazeError, Limits};
use crate::source::{self, Source};
use crate::sync::job::Job;
use crate::sync::read;
use crate::sync::reason::{Reason, Stop};

/// What is remembered of workspaces between runs. Shared by all runs of a process, also by those at the same time.
pub struct Workspaces {
    clock: Clock,
    apps: Mutex<HashMap<App, Newest>>,
}

/// A BrazeApp: the workspace as the state knows it, and the BrazeApp's name.
///
/// Two BrazeApps may be of one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct App {
    workspace: String,
    name: String,
}

impl App {
    fn of(job: &Job) -> Self {
        Self { workspace: job.app_name(), name: job.app.name.clone() }
    }

    /// Whether it is this object, whatever its workspace is called now.
    fn is(&self, namespace: &str, name: &str) -> bool {
        let of_namespace = self.workspace.split_once('/').is_some_and(|(known, _)| known == namespace);
        of_namespace && self.name == name
    }
}

/// The newest client of an app. It keeps the pauses, the ceilings and the circuit of the workspace while no run goes on.
struct Newest {
    client: Braze,
    limits: Limits,
}

impl Workspaces {
    /// None yet.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), apps: Mutex::default() }
    }

    /// A client for one run of a job: with the job's key and connections of its own, because a run ends with its
    /// runtime, and with the pauses, ceilings and circuit of all others of the workspace.
    ///
    /// The ceilings of the job's app hold from now on, also for runs that are under way. Where two apps of one
    /// workspace differ, the lower ceiling holds.
    pub fn client(&self, job: &Job) -> Result<Braze, Stop> {
        let own = App::of(job);
        let config = job.app.braze.clone();
        let limits = config.limits;
        let mut apps = self.apps();
        // The same object under an earlier name of its workspace.
        apps.retain(|app, _| *app == own || !app.is(&job.namespace, &own.name));
        let sibling = apps.iter().find(|(app, _)| app.workspace == own.workspace);
        let made = match sibling {
            Some((_, newest)) => newest.client.beside(config),
            None => Braze::new(config, self.clock.clone()),
        };
        let client = made.map_err(|error| braze_stop(&job.app.name, &error))?;
        apps.insert(own.clone(), Newest { client: client.clone(), limits });
        adjust(&apps, &own.workspace);
        Ok(client)
    }

    /// Why the newest run of the job's app found that nothing may be sent with its key, if so.
    ///
    /// For a process in which nobody tests the app anew, such as the command line.
    pub fn closed(&self, job: &Job) -> Option<BrazeError> {
        self.apps().get(&App::of(job)).and_then(|newest| newest.client.closed())
    }

    /// Forgets an app that is gone. Runs that are under way go on with what they have.
    pub fn forget(&self, namespace: &str, app: &str) {
        let mut apps = self.apps();
        let gone: Vec<App> = apps.keys().filter(|known| known.is(namespace, app)).cloned().collect();
        for app in gone {
            apps.remove(&app);
            adjust(&apps, &app.workspace);
        }
    }

    /// Whether anything is remembered of an app.
    pub fn knows(&self, namespace: &str, app: &str) -> bool {
        self.apps().keys().any(|known| known.is(namespace, app))
    }

    /// The source of a job.
    pub fn source(&self, job: &Job) -> Result<Arc<dyn Source>, Stop> {
        source::open(&job.source, &self.clock).map(Arc::from).map_err(|error| read::stop_for(&error))
    }

    fn apps(&self) -> MutexGuard<'_, HashMap<App, Newest>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the lowest ceilings of a workspace's apps.
fn adjust(apps: &HashMap<App, Newest>, workspace: &str) {
    let of_workspace = || apps.iter().filter(|(app, _)| app.workspace == workspace).map(|(_, newest)| newest);
    let ceilings = of_workspace().map(|newest| newest.limits).reduce(lower);
    if let (Some(newest), Some(ceilings)) = (of_workspace().next(), ceilings) {
        // All of a workspace share it.
        newest.client.set_ceilings(&ceilings);
    }
}

fn lower(one: Limits, other: Limits) -> Limits {
    Limits {
        requests_per_second: match (one.requests_per_second, other.requests_per_second) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        },
        max_in_flight: one.max_in_flight.min(other.max_in_flight),
        ..one
    }
}

/// Why a workspace cannot be used.
pub fn braze_stop(app: &str, error: &BrazeError) -> Stop {
    let reason = match error.reason() {
        "InvalidSpec" | "CertificateInvalid" => Reason::InvalidSpec,
        "PermissionMissing" => Reason::PermissionMissing,
        "AuthenticationFailed" => Reason::AuthenticationFailed,
        "EndpointNotAllowed" => Reason::EndpointNotAllowed,
        _ => Reason::BrazeUnavailable,
    };
    Stop::new(reason, format!("BrazeApp {app}: {error}; {}", error.advice()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(requests_per_second: Option<u32>, max_in_flight: usize) -> Limits {
        Limits { objects_per_request: 75, requests_per_second, max_in_flight, retry_for: Duration::ZERO }
    }

    /// semantics 9.2: two BrazeApps of one workspace are one app.
    #[test]
    fn of_two_apps_of_one_workspace_the_lower_ceiling_holds() {
        for (one, other, expected) in [
            (limits(None, 8), limits(Some(5), 9), limits(Some(5), 8)),
            (limits(Some(7), 9), limits(Some(5), 8), limits(Some(5), 8)),
            (limits(Some(7), 9), limits(None, 9), limits(Some(7), 9)),
            (limits(None, 1), limits(None, 2), limits(None, 1)),
        ] {
            assert_eq!(lower(one, other), expected);
        }
    }

    #[test]
    fn an_app_is_told_by_its_object_whatever_its_workspace_is_called() {
        let app = App { workspace: "crm/eu".to_owned(), name: "braze".to_owned() };
        assert!(app.is("crm", "braze"));
        assert!(!app.is("crm", "eu") && !app.is("cr", "braze") && !app.is("shop", "braze"));
    }
}
