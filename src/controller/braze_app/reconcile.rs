//! One look at a BrazeApp: fetch, decide, act, report.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::api::braze_app::BrazeAppStatus;
use crate::api::{BrazeApp, Destination};
use crate::braze::Braze;
use crate::cluster::{Snapshot, references_of_app};
use crate::controller::checking::{self, Present, TestedStatus as _};
use crate::controller::conditions::Readiness;
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::{Guarded, Known as _};
use crate::controller::operator::telling::Shown;
use crate::controller::operator::{Error, trouble, unreadable};
use crate::controller::resolve::check_app;
use crate::controller::resolve_app::resolve_app;
use crate::controller::sync_run::prepare::snapshot;

use super::decide;

/// Looks at a BrazeApp.
pub async fn reconcile(object: Arc<Guarded<BrazeApp>>, context: Arc<Context>) -> Result<Action, Error> {
    let app = match &object.0 {
        Ok(app) => app,
        Err(invalid) => return unreadable::report::<BrazeApp>(&context, invalid).await,
    };
    if app.metadata.deletion_timestamp.is_some() {
        return Ok(context.again_at([None]));
    }
    let (namespace, name) = (app.namespace().unwrap_or_default(), app.name_any());
    let destinations = context.stores.destinations.all(&namespace, |one| one.spec.app_ref.name == name);
    let old = app.status.clone().unwrap_or_default();
    let references = references_of_app(app);
    let known = old.known();
    let shown = Shown {
        secrets: std::slice::from_ref(&app.spec.api_key_secret_ref.name),
        versions: old.secret_resource_version.as_deref(),
    };
    let present = Present {
        meta: &app.metadata,
        interval: app.spec.check_interval.as_ref(),
        moved: context.is_moved("BrazeApp", &app.metadata, &references, shown),
        now: context.now(),
    };
    if !checking::is_due(&known, &present) {
        let status = recounted(&old, &destinations);
        context.report(app, app.status.as_ref(), &status).await?;
        return Ok(context.again_at([checking::next(&known, present.interval)]));
    }
    if known.observed != app.metadata.generation {
        let seen = Readiness::Progressing { message: "the login is being tested".to_owned() };
        let status = BrazeAppStatus {
            last_check_time: old.last_check_time.clone(),
            ..old.looked(&app.metadata, &seen, context.now())
        };
        context.report(app, app.status.as_ref(), &status).await?;
    }
    let since = context.begin_test("BrazeApp", &app.metadata, &references);
    let (version, tested) = test(&context, app, &destinations).await;
    let checked = checking::time_of_test(context.now(), since, old.last_check_time.as_ref());
    let before = old.clone();
    let old =
        BrazeAppStatus { secret_resource_version: version.or(old.secret_resource_version.clone()), ..old };
    let status = match tested {
        Ok((found, readiness)) => BrazeAppStatus {
            last_check_time: Some(Time(checked)),
            endpoint: app.spec.endpoint().ok().map(str::to_owned),
            warnings: Some(found.warnings.unwrap_or_default()).filter(|all| !all.is_empty()),
            permissions: found.permissions,
            ..old.looked(&app.metadata, &readiness, context.now())
        },
        Err(readiness) => {
            let checked = match readiness {
                // No test was made.
                Readiness::Waiting { .. } => old.last_check_time.clone(),
                _ => Some(Time(checked)),
            };
            BrazeAppStatus {
                last_check_time: checked,
                ..old.looked(&app.metadata, &readiness, context.now())
            }
        }
    };
    let status = recounted(&status, &destinations);
    context.report(app, Some(&before), &status).await?;
    let known = status.known();
    Ok(trouble::again(&context, "BrazeApp", &app.metadata, &known, present.interval))
}

/// The status after the Destinations that name the app changed.
fn recounted(status: &BrazeAppStatus, destinations: &[Destination]) -> BrazeAppStatus {
    let needed = decide::needs(destinations);
    let permissions = status.permissions.as_deref().map(|all| decide::needed_again(all, &needed));
    let warnings = permissions.as_deref().map(|all| decide::warnings(all, &needed)).unwrap_or_default();
    BrazeAppStatus {
        destinations: i32::try_from(destinations.len()).ok(),
        permissions,
        warnings: if warnings.is_empty() { None } else { Some(warnings) },
        ..status.clone()
    }
}

/// Tests the login and the permissions. Writes nothing to Braze. The resourceVersion of the Secret that was read
/// comes with whatever was found.
async fn test(
    context: &Context,
    app: &BrazeApp,
    destinations: &[Destination],
) -> (Option<String>, Result<(BrazeAppStatus, Readiness), Readiness>) {
    let namespace = app.namespace().unwrap_or_default();
    let policy = &context.settings.policy;
    let fit = trouble::first(&check_app(app))
        .and_then(|()| policy.admit_app(app).map_err(|problem| trouble::of(&problem)));
    if let Err(readiness) = fit {
        return (None, Err(readiness));
    }
    match snapshot(context, &namespace, &references_of_app(app)).await {
        Err(error) => (None, Err(trouble::unreached(&error))),
        Ok(found) => {
            let version = found.resource_version(&app.spec.api_key_secret_ref.name).map(str::to_owned);
            (version, connect(context, app, destinations, &found).await)
        }
    }
}

async fn connect(
    context: &Context,
    app: &BrazeApp,
    destinations: &[Destination],
    found: &Snapshot,
) -> Result<(BrazeAppStatus, Readiness), Readiness> {
    let mut resolved = resolve_app(app, found).map_err(|problems| trouble::worst(&problems))?;
    let policy = &context.settings.policy;
    policy.guard_app(app, &mut resolved.braze, found).map_err(|problem| trouble::of(&problem))?;
    let client = Braze::new(resolved.braze, context.clock.clone()).map_err(|error| decide::failed(&error))?;
    let report = client.test().await;
    let needed = decide::needs(destinations);
    let permissions = decide::permissions(&report, &needed);
    let readiness = decide::readiness(app, &report);
    let status = BrazeAppStatus {
        warnings: Some(decide::warnings(&permissions, &needed)),
        permissions: Some(permissions),
        ..BrazeAppStatus::default()
    };
    Ok((status, readiness))
}
