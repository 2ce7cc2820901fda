//! What the status of a BrazeApp says after a test. Pure.

use kube::ResourceExt;

use crate::api::braze_app::{Permission, PermissionState};
use crate::api::shared::Warning;
use crate::api::{BrazeApp, Destination};
use crate::braze::{self, BrazeError, ConnectionReport, ErrorClass};
use crate::controller::conditions::Readiness;
use crate::controller::examine::permissions::{Needed, Needs, needed};

/// The permissions that any Destination could need, by what the Destinations of this app need.
pub fn needs(destinations: &[Destination]) -> Vec<Needed> {
    needed(destinations.iter().map(Needs::of))
}

/// The list of the status.
pub fn permissions(report: &ConnectionReport, needed: &[Needed]) -> Vec<Permission> {
    let all = report.permissions.iter();
    all.map(|one| Permission {
        name: one.name.to_owned(),
        state: match one.state {
            braze::PermissionState::Granted => PermissionState::Granted,
            braze::PermissionState::Missing => PermissionState::Missing,
            braze::PermissionState::Unknown => PermissionState::Unknown,
        },
        needed: needed.iter().any(|need| need.name == one.name),
    })
    .collect()
}

/// The same list after the Destinations changed.
pub fn needed_again(permissions: &[Permission], needed: &[Needed]) -> Vec<Permission> {
    let is_needed = |name: &str| needed.iter().any(|need| need.name == name);
    permissions.iter().map(|one| Permission { needed: is_needed(&one.name), ..one.clone() }).collect()
}

/// A needed permission that is missing is advice here; `users.track` is more.
pub fn warnings(permissions: &[Permission], needed: &[Needed]) -> Vec<Warning> {
    let missing = permissions
        .iter()
        .filter(|one| one.needed && one.state == PermissionState::Missing && one.name != "users.track");
    let otherwise =
        |name: &str| needed.iter().find(|need| need.name == name).map_or("", |need| need.otherwise);
    missing
        .map(|one| Warning {
            code: "PermissionMissing".to_owned(),
            field: Some("spec.apiKeySecretRef".to_owned()),
            message: format!("the key lacks the permission {}: {}", one.name, otherwise(&one.name)),
        })
        .collect()
}

/// What a test says of the app.
pub fn readiness(app: &BrazeApp, report: &ConnectionReport) -> Readiness {
    match &report.error {
        None => Readiness::Ready {
            reason: "Connected",
            message: format!("the key of BrazeApp {} works and may send users", app.name_any()),
        },
        Some(error) => failed(error),
    }
}

/// What an error of the client means for the app.
pub fn failed(error: &BrazeError) -> Readiness {
    let message = format!("{error}; {}", error.advice());
    match error.class() {
        ErrorClass::Transient => Readiness::Waiting { reason: "EndpointUnreachable", message },
        _ => Readiness::Stalled { reason: error.reason().to_owned(), message },
    }
}
