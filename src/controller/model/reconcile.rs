//! One look at a Model: fetch, decide, act, report.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::api::model::{Column, ModelStatus};
use crate::api::shared::Warning;
use crate::api::{Model, Source};
use crate::cluster::{references_of_model, references_of_source};
use crate::controller::checking::{self, Known, Present, TestedStatus as _};
use crate::controller::conditions::{Readiness, find};
use crate::controller::destination::accept::missing;
use crate::controller::examine::model::{Described, Unfit, describe};
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::{Guarded, Known as _};
use crate::controller::operator::telling::Shown;
use crate::controller::operator::{Error, trouble, unreadable};
use crate::controller::resolve::check_model;
use crate::controller::resolve_model::resolve_model;
use crate::controller::resolve_source::resolve_source;
use crate::controller::source::failed;
use crate::controller::sync_run::prepare::snapshot;
use crate::source::open;
use crate::sync::value::infer;

/// Most columns of the status.
const COLUMNS: usize = 200;

/// Looks at a Model.
pub async fn reconcile(object: Arc<Guarded<Model>>, context: Arc<Context>) -> Result<Action, Error> {
    let model = match &object.0 {
        Ok(model) => model,
        Err(invalid) => return unreadable::report::<Model>(&context, invalid).await,
    };
    if model.metadata.deletion_timestamp.is_some() {
        return Ok(context.again_at([None]));
    }
    let (namespace, name) = (model.namespace().unwrap_or_default(), model.name_any());
    let destinations =
        context.stores.destinations.all(&namespace, |one| one.spec.model_ref.name == name).len();
    let destinations = i32::try_from(destinations).ok();
    let source = context.stores.sources.named(&namespace, &model.spec.source_ref.name);
    let old = model.status.clone().unwrap_or_default();
    let known = old.known();
    let interval = source.as_ref().and_then(|source| source.spec.check_interval.as_ref());
    let references = references_of_model(model);
    let moved = context.is_moved("Model", &model.metadata, &references, Shown::default());
    let present = Present { meta: &model.metadata, interval, moved, now: context.now() };
    // A process that has just started must see the columns for itself before it judges Destinations by them.
    let is_known = known.conditions.is_empty() || context.fits.knows(model) || !is_ready(&known);
    if !checking::is_due(&known, &present) && !source_moved(&known, source.as_ref()) && is_known {
        context.report(model, model.status.as_ref(), &ModelStatus { destinations, ..old.clone() }).await?;
        return Ok(context.again_at([checking::next(&known, interval)]));
    }
    if known.observed != model.metadata.generation {
        let seen = Readiness::Progressing { message: "the rows are being looked at".to_owned() };
        let status = ModelStatus { destinations, ..old.looked(&model.metadata, &seen, context.now()) };
        context.report(model, model.status.as_ref(), &status).await?;
    }
    // No run casts doubt on a Model.
    let _ = context.begin_test("Model", &model.metadata, &references);
    let status = match look(&context, model, source.as_ref()).await {
        Ok(found) => ModelStatus {
            last_check_time: Some(Time(context.now())),
            destinations,
            columns: Some(columns(&found)),
            column_count: i32::try_from(found.columns.len()).ok(),
            row_estimate: found.row_estimate.and_then(|rows| i64::try_from(rows).ok()),
            sampled_rows: i32::try_from(found.sampled).ok(),
            warnings: Some(warnings(&found, model)).filter(|all| !all.is_empty()),
            ..old.looked(&model.metadata, &ready(&found), context.now())
        },
        Err(readiness) => {
            let checked = match readiness {
                Readiness::Waiting { .. } => old.last_check_time.clone(),
                _ => Some(Time(context.now())),
            };
            ModelStatus {
                destinations,
                last_check_time: checked,
                ..old.looked(&model.metadata, &readiness, context.now())
            }
        }
    };
    context.report(model, Some(&old), &status).await?;
    Ok(trouble::again(&context, "Model", &model.metadata, &status.known(), interval))
}

/// Whether the Source was tested, or became unusable, after the Model was.
fn source_moved(known: &Known<'_>, source: Option<&Source>) -> bool {
    let Some(source) = source else { return true };
    let status = source.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let source_is_ready = find(conditions, "Ready").is_some_and(|ready| ready.status == "True");
    let tested = status.and_then(|status| status.last_check_time.as_ref()).map(|time| time.0);
    (!source_is_ready && is_ready(known)) || (source_is_ready && tested > known.checked)
}

fn is_ready(known: &Known<'_>) -> bool {
    find(known.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

fn ready(found: &Described) -> Readiness {
    let message = format!("{} columns fit, {} rows were looked at", found.columns.len(), found.sampled);
    Readiness::Ready { reason: "Described", message }
}

async fn look(context: &Context, model: &Model, source: Option<&Source>) -> Result<Described, Readiness> {
    let namespace = model.namespace().unwrap_or_default();
    trouble::first(&check_model(model))?;
    let name = &model.spec.source_ref.name;
    let waits = |message: String| Readiness::Waiting { reason: "DependencyNotReady", message };
    let Some(source) = source else {
        return Err(waits(missing("Source", name, context.stores.sources.has(&namespace, name))));
    };
    let conditions =
        source.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    match find(conditions, "Ready") {
        Some(ready) if ready.observed_generation != source.metadata.generation => {
            return Err(waits(format!("Source {name} is being checked")));
        }
        Some(ready) if ready.status == "True" => {}
        Some(ready) => {
            return Err(waits(format!("Source {name} is not ready: {}: {}", ready.reason, ready.message)));
        }
        None => return Err(waits(format!("Source {name} is being checked"))),
    }
    let policy = &context.settings.policy;
    let references = references_of_source(source).and(references_of_model(model));
    let found =
        snapshot(context, &namespace, &references).await.map_err(|error| trouble::unreached(&error))?;
    let resolved = resolve_model(model, &found).map_err(|problems| trouble::worst(&problems))?;
    let (mut config, _) = resolve_source(source, &found).map_err(|problems| trouble::worst(&problems))?;
    policy.guard_source(source, &mut config, &found).map_err(|problem| trouble::of(&problem))?;
    let system = open(&config, &context.clock).map_err(|error| failed(&error))?;
    match describe(&*system, &resolved, context.now()).await {
        Ok(described) => {
            let is_first = !context.fits.knows(model);
            context.fits.described(model, described.columns.clone());
            if is_first {
                // They were accepted without a look at the columns.
                let name = model.name_any();
                for one in context.stores.destinations.all(&namespace, |one| one.spec.model_ref.name == name)
                {
                    context.wake.destination(&namespace, &one.name_any());
                }
            }
            Ok(described)
        }
        Err(Unfit::Source(error)) => Err(failed(&error)),
        Err(Unfit::Rules(problems)) => Err(unfit(&problems)),
    }
}

/// What the engine says of columns, types and rules, as a reason.
fn unfit(problems: &[String]) -> Readiness {
    let message = problems.join("; ");
    let first = problems.first().map(String::as_str).unwrap_or_default();
    let reason = if first.contains("no column") {
        "ColumnMissing"
    } else if first.contains(".when: ") {
        "InvalidExpression"
    } else {
        "TypeMismatch"
    };
    Readiness::Stalled { reason: reason.to_owned(), message }
}

fn columns(found: &Described) -> Vec<Column> {
    let all = found.columns.iter().take(COLUMNS);
    all.map(|column| Column {
        name: column.name.chars().take(128).collect(),
        source_type: Some(column.source_type.chars().take(64).collect()),
        type_: infer(&column.kind).map(|kind| format!("{kind:?}")),
        misfits: found.misfits.get(&column.name).and_then(|count| i32::try_from(*count).ok()),
    })
    .collect()
}

fn warnings(found: &Described, model: &Model) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let misfits: Vec<&str> = found.misfits.keys().map(String::as_str).take(5).collect();
    if !misfits.is_empty() {
        warnings.push(Warning {
            code: "SampleMisfits".to_owned(),
            field: Some("spec.properties".to_owned()),
            message: format!(
                "some values of the sample do not fit their type and would not be sent: {}",
                misfits.join(", ")
            ),
        });
    }
    if found.duplicates > 0 {
        warnings.push(Warning {
            code: "DuplicateKeys".to_owned(),
            field: Some("spec.primaryKey".to_owned()),
            message: format!(
                "{} is not unique in the sample: of several rows with one key only the first is sent",
                model.spec.primary_key
            ),
        });
    }
    warnings
}
