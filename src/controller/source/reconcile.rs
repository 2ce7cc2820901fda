//! One look at a Source: fetch, decide, act, report.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::api::Source;
use crate::api::shared::Warning;
use crate::api::source::SourceStatus;
use crate::cluster::{Snapshot, references_of_source};
use crate::controller::checking::{self, Present, TestedStatus as _};
use crate::controller::conditions::Readiness;
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::{Guarded, Known as _};
use crate::controller::operator::telling::Shown;
use crate::controller::operator::{Error, trouble, unreadable};
use crate::controller::resolve::check_source;
use crate::controller::resolve_source::resolve_source;
use crate::controller::sync_run::prepare::snapshot;
use crate::source::open;

use super::failed;

/// Looks at a Source.
pub async fn reconcile(object: Arc<Guarded<Source>>, context: Arc<Context>) -> Result<Action, Error> {
    let source = match &object.0 {
        Ok(source) => source,
        Err(invalid) => return unreadable::report::<Source>(&context, invalid).await,
    };
    if source.metadata.deletion_timestamp.is_some() {
        return Ok(context.again_at([None]));
    }
    let (namespace, name) = (source.namespace().unwrap_or_default(), source.name_any());
    let models = context.stores.models.all(&namespace, |one| one.spec.source_ref.name == name).len();
    let models = i32::try_from(models).ok();
    let old = source.status.clone().unwrap_or_default();
    let references = references_of_source(source);
    let known = old.known();
    let secrets: Vec<String> = references.secrets.iter().cloned().collect();
    let shown = Shown { secrets: &secrets, versions: old.secret_resource_version.as_deref() };
    let present = Present {
        meta: &source.metadata,
        interval: source.spec.check_interval.as_ref(),
        moved: context.is_moved("Source", &source.metadata, &references, shown),
        now: context.now(),
    };
    if !checking::is_due(&known, &present) {
        context.report(source, source.status.as_ref(), &SourceStatus { models, ..old.clone() }).await?;
        return Ok(context.again_at([checking::next(&known, present.interval)]));
    }
    if known.observed != source.metadata.generation {
        let seen = Readiness::Progressing { message: "the connection is being tested".to_owned() };
        let status = SourceStatus { models, ..old.looked(&source.metadata, &seen, context.now()) };
        context.report(source, source.status.as_ref(), &status).await?;
    }
    let since = context.begin_test("Source", &source.metadata, &references);
    let (versions, tested) = test(&context, source).await;
    let checked = checking::time_of_test(context.now(), since, old.last_check_time.as_ref());
    let before = old.clone();
    let old =
        SourceStatus { secret_resource_version: versions.or(old.secret_resource_version.clone()), ..old };
    let status = match tested {
        Ok(found) => SourceStatus {
            last_check_time: Some(Time(checked)),
            models,
            type_: found.type_,
            host: found.host,
            server_version: found.server_version,
            warnings: found.warnings,
            ..old.looked(&source.metadata, &ready(&name), context.now())
        },
        Err(readiness) => {
            let checked = match readiness {
                Readiness::Waiting { .. } => old.last_check_time.clone(),
                _ => Some(Time(checked)),
            };
            SourceStatus {
                models,
                last_check_time: checked,
                ..old.looked(&source.metadata, &readiness, context.now())
            }
        }
    };
    context.report(source, Some(&before), &status).await?;
    Ok(trouble::again(&context, "Source", &source.metadata, &status.known(), present.interval))
}

fn ready(name: &str) -> Readiness {
    Readiness::Ready { reason: "Connected", message: format!("Source {name} can be read") }
}

/// Connects, logs in and looks what is there. The resourceVersions of the Secrets that were read come with whatever
/// was found.
async fn test(context: &Context, source: &Source) -> (Option<String>, Result<SourceStatus, Readiness>) {
    let namespace = source.namespace().unwrap_or_default();
    let policy = &context.settings.policy;
    let fit = trouble::first(&check_source(source))
        .and_then(|()| policy.admit_source(source).map_err(|problem| trouble::of(&problem)));
    if let Err(readiness) = fit {
        return (None, Err(readiness));
    }
    match snapshot(context, &namespace, &references_of_source(source)).await {
        Err(error) => (None, Err(trouble::unreached(&error))),
        Ok(found) => {
            let versions = Some(found.resource_versions()).filter(|text| !text.is_empty());
            (versions, connect(context, source, &found).await)
        }
    }
}

async fn connect(context: &Context, source: &Source, found: &Snapshot) -> Result<SourceStatus, Readiness> {
    let (mut config, advice) = resolve_source(source, found).map_err(|problems| trouble::worst(&problems))?;
    let policy = &context.settings.policy;
    policy.guard_source(source, &mut config, found).map_err(|problem| trouble::of(&problem))?;
    let system = open(&config, &context.clock).map_err(|error| failed(&error))?;
    let server = system.check().await.map_err(|error| failed(&error))?;
    let mut warnings: Vec<Warning> = advice
        .into_iter()
        .map(|one| Warning { code: one.code.to_owned(), field: Some(one.field), message: one.message })
        .collect();
    for (code, message) in server.warnings {
        if warnings.iter().all(|warning| warning.code != code) {
            warnings.push(Warning { code: code.to_owned(), field: None, message });
        }
    }
    Ok(SourceStatus {
        type_: Some(system.kind().to_owned()),
        host: Some(system.location().chars().take(320).collect()),
        server_version: server.version.map(|version| version.chars().take(32).collect()),
        warnings: Some(warnings).filter(|all| !all.is_empty()),
        ..SourceStatus::default()
    })
}
