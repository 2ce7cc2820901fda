//! One look at a Destination: fetch, decide, act, report.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::api::destination::DestinationStatus;
use crate::api::sync_run::{SyncRunSpec, Trigger};
use crate::api::{CLEANUP_FINALIZER, DESTINATION_LABEL, Destination, Ref, Span, SyncRun};
use crate::cluster::{ClusterError, Notice, call};
use crate::controller::conditions::find;
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::{Guarded, Known};
use crate::controller::operator::{Error, unreadable};
use crate::controller::schedule::run_name;
use crate::controller::sync_run::decide::is_of_another;
use crate::controller::sync_run::inputs::inputs;
use crate::controller::sync_run::registry::Lane;
use crate::controller::sync_run::report::remove;
use crate::controller::{Objects, destination::accept::accept_with};

use super::cleanup::{self, Cleaning};
use super::decide::{Decision, NewRun, Seen, cleans_up, decide};
use super::{around, runs};

/// Looks at a Destination.
pub async fn reconcile(object: Arc<Guarded<Destination>>, context: Arc<Context>) -> Result<Action, Error> {
    let destination = match &object.0 {
        Ok(destination) => destination,
        Err(invalid) => return unreadable::report::<Destination>(&context, invalid).await,
    };
    if destination.metadata.deletion_timestamp.is_some() {
        return going(&context, destination).await;
    }
    keep_finalizer(&context, destination, cleans_up(destination)).await?;
    let namespace = destination.namespace().unwrap_or_default();
    let name = destination.name_any();
    let found = around::of(&context.stores, destination.clone());
    let verdict = accept_with(&found.borrow(), &context.fits, context.now());
    let all = runs_of(&context, destination);
    let active = context.registry.active(&Lane { namespace: namespace.clone(), destination: name.clone() });
    let inputs = match (&found.app, &found.model, &found.source) {
        (Some(app), Some(model), Some(source)) => Some(inputs(&Objects { destination, app, model, source })),
        _ => None,
    };
    let app = found.app.as_ref().and_then(|app| app.status.as_ref());
    let source = found.source.as_ref().and_then(|source| source.status.as_ref());
    let app = app.and_then(|it| tested(it.conditions.as_deref(), it.last_check_time.as_ref()));
    let source = source.and_then(|it| tested(it.conditions.as_deref(), it.last_check_time.as_ref()));
    let held = runs::held(&all);
    let decision = decide(&Seen {
        destination,
        verdict: &verdict,
        inputs: inputs.as_ref(),
        connections_checked: app.zip(source).map(|(app, source)| app.min(source)),
        runs: &all,
        active: active.as_ref().map(|active| active.run.as_str()),
        held: held.as_deref(),
        now: context.now(),
    });
    act(&context, destination, &decision).await?;
    report(&context, destination, &decision.status).await?;
    if decision.ignored_request {
        let notice = Notice {
            warning: false,
            reason: "TriggerIgnoredSuspended",
            action: "Request",
            note: "a run was asked for while spec.suspend is true; none is made",
        };
        context.events.publish(&destination.object_ref(&()), notice).await;
    }
    Ok(context.again_at([decision.again]))
}

/// The runs of a Destination, with those that were made a moment ago, and without those of a former object of its name.
/// When an object's last test found it in order.
fn tested(conditions: Option<&[Condition]>, checked: Option<&Time>) -> Option<Timestamp> {
    let ready = find(conditions?, "Ready")?;
    checked.filter(|_| ready.status == "True").map(|time| time.0)
}

fn runs_of(context: &Context, destination: &Destination) -> Vec<SyncRun> {
    let (namespace, name) = (destination.namespace().unwrap_or_default(), destination.name_any());
    let mut runs = context.stores.runs.all(&namespace, |run| run.spec.destination_ref.name == name);
    context.expected.add_to(&mut runs, &namespace, &name, context.clock.monotonic());
    runs.retain(|run| !is_of_another(run, destination));
    runs
}

async fn act(context: &Context, destination: &Destination, decision: &Decision) -> Result<(), Error> {
    context.while_leading().await;
    let namespace = destination.namespace().unwrap_or_default();
    if let Some((run, why)) = &decision.replace {
        let lane = Lane { namespace: namespace.clone(), destination: destination.name_any() };
        context.registry.cancel(&lane, run, why);
    }
    if let Some(new) = &decision.create {
        create(context, destination, new).await?;
    }
    for name in &decision.prune {
        if let Some(run) = context.stores.runs.named(&namespace, name) {
            remove(context, &run).await?;
        }
    }
    Ok(())
}

/// Makes a SyncRun. That there is one of that name already is as good: it is the same run.
pub(super) async fn create(
    context: &Context,
    destination: &Destination,
    new: &NewRun,
) -> Result<(), ClusterError> {
    let run = new_run(destination, new);
    let (namespace, name) = (destination.namespace().unwrap_or_default(), run.name_any());
    let lane = Lane { namespace: namespace.clone(), destination: destination.name_any() };
    if context.registry.active(&lane).is_some_and(|active| active.run == name) {
        // It was deleted and has not stopped yet. Its end wakes the Destination.
        return Ok(());
    }
    let runs: Api<SyncRun> = Api::namespaced(context.clients.calls.clone(), &namespace);
    let what = format!("SyncRun {name}");
    match call(&context.clock, "create", &what, runs.create(&PostParams::default(), &run)).await {
        Ok(made) => {
            // The watch may have been faster than the answer.
            if !context.stores.runs.has(&namespace, &name) {
                context.expected.made(made, context.clock.monotonic());
            }
            tracing::info!(runId = name, trigger = ?new.trigger, "run made");
            Ok(())
        }
        Err(error) if error.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

fn new_run(destination: &Destination, new: &NewRun) -> SyncRun {
    let (name, uid) = (destination.name_any(), destination.uid().unwrap_or_default());
    let spec = SyncRunSpec {
        destination_ref: Ref { name: name.clone() },
        mode: new.mode,
        trigger: Some(new.trigger),
        slot: Some(new.slot.clone()),
        attempt: new.attempt.and_then(|attempt| i32::try_from(attempt).ok()),
        cancel: None,
        // Nothing else removes a run that outlives its Destination.
        ttl_after_finished: (new.trigger == Trigger::Cleanup).then(|| Span::new("24h")),
    };
    let mut run = SyncRun::new(&run_name(&name, &uid, &new.slot, new.attempt), spec);
    run.metadata.namespace = destination.namespace();
    let labels = [
        ("app.kubernetes.io/name", "grouparoo".to_owned()),
        ("app.kubernetes.io/component", "run".to_owned()),
        ("app.kubernetes.io/managed-by", "grouparoo".to_owned()),
        ("app.kubernetes.io/part-of", "grouparoo".to_owned()),
        (DESTINATION_LABEL, label(&name)),
    ];
    run.metadata.labels = Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    // A foreground deletion of the Destination would end the run that cleans up after it.
    if new.trigger != Trigger::Cleanup {
        run.metadata.owner_references = Some(vec![OwnerReference {
            api_version: Destination::api_version(&()).into_owned(),
            kind: Destination::kind(&()).into_owned(),
            name,
            uid,
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]);
    }
    run
}

/// A name as the value of a label: at most 63 letters, else cut with a hash.
fn label(name: &str) -> String {
    if name.len() <= 63 { name.to_owned() } else { run_name(name, "", "", None) }
}

async fn report(
    context: &Context,
    destination: &Destination,
    status: &DestinationStatus,
) -> Result<(), Error> {
    context.measure_destination(destination, status);
    context.report(destination, destination.status.as_ref(), status).await
}

/// A Destination that is being deleted.
async fn going(context: &Context, destination: &Destination) -> Result<Action, Error> {
    let namespace = destination.namespace().unwrap_or_default();
    let name = destination.name_any();
    let lane = Lane { namespace: namespace.clone(), destination: name.clone() };
    let found = around::of(&context.stores, destination.clone());
    let all = runs_of(context, destination);
    let active = context.registry.active(&lane);
    let cleaning = cleanup::decide(&cleanup::Seen {
        found: &found,
        runs: &all,
        active: active.as_ref().map(|active| active.run.as_str()),
        now: context.now(),
    });
    let Cleaning { create: new, let_go, status, again, give_up } = cleaning;
    if let Some(new) = &new
        && let Err(error) = create(context, destination, new).await
    {
        if error.is_terminating_namespace() {
            tracing::warn!("namespace is being deleted; what is in Braze stays");
            keep_finalizer(context, destination, false).await?;
            return Ok(context.again_at([None]));
        }
        return Err(error.into());
    }
    if let Some(why) = give_up {
        let notice = Notice { warning: true, reason: "CleanupAbandoned", action: "Cleanup", note: &why };
        context.events.publish(&destination.object_ref(&()), notice).await;
    }
    if let_go {
        keep_finalizer(context, destination, false).await?;
        return Ok(context.again_at([None]));
    }
    report(context, destination, &status).await?;
    Ok(context.again_at([again]))
}

/// Adds or removes our finalizer, and touches no other.
async fn keep_finalizer(context: &Context, destination: &Destination, wanted: bool) -> Result<(), Error> {
    let finalizers = destination.finalizers();
    let has = finalizers.iter().any(|one| one == CLEANUP_FINALIZER);
    if has == wanted {
        return Ok(());
    }
    let mut next: Vec<&String> = finalizers.iter().filter(|one| *one != CLEANUP_FINALIZER).collect();
    let ours = CLEANUP_FINALIZER.to_owned();
    if wanted {
        next.push(&ours);
    }
    let patch = json!({
        "metadata": { "finalizers": next, "resourceVersion": destination.metadata.resource_version },
    });
    let (namespace, name) = (destination.namespace().unwrap_or_default(), destination.name_any());
    let api: Api<Destination> = Api::namespaced(context.clients.calls.clone(), &namespace);
    let (parameters, patch) = (PatchParams::default(), Patch::Merge(&patch));
    let patching = api.patch(&name, &parameters, &patch);
    let what = format!("Destination {name}");
    match call(&context.clock, "patch the finalizers of", &what, patching).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
