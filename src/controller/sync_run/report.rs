//! Writes what is known about a SyncRun: the one place that does.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Resource as _, ResourceExt};

use crate::api::SyncRun;
use crate::api::sync_run::SyncRunStatus;
use crate::cluster::{ClusterError, apply_status, call, differs};
use crate::controller::conditions::{Progressed, next_of_run};
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::Known;

use super::execute::AGAIN;

/// What started a run, as its status says it.
pub fn trigger(run: &SyncRun) -> String {
    match run.spec.trigger {
        None => "Manual".to_owned(),
        Some(trigger) => format!("{trigger:?}"),
    }
}

fn api(context: &Context, run: &SyncRun) -> Api<SyncRun> {
    Api::namespaced(context.clients.calls.clone(), &run.namespace().unwrap_or_default())
}

/// Writes a status, unless the API server refuses any for the run as it is stored.
async fn once(context: &Context, run: &SyncRun, status: &SyncRunStatus) -> Result<(), ClusterError> {
    context.while_leading().await;
    let namespace = run.namespace().unwrap_or_default();
    if context.stores.runs.named(&namespace, &run.name_any()).is_some_and(|known| known.uid() != run.uid()) {
        // The run was deleted, and its name is another's now.
        return Ok(());
    }
    if context.is_refused("SyncRun", &run.metadata) {
        return Ok(());
    }
    match apply_status(&api(context, run), &context.clock, &run.name_any(), status).await {
        Ok(_) => context.status_accepted("SyncRun", &run.metadata),
        Err(error) if error.refuses_what_is_stored() => {
            context.tell_refused(&run.object_ref(&()), &run.metadata, &error.to_string()).await;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Writes a status that must not be lost: until the API server has it, or the run is gone.
pub async fn write(context: &Context, run: &SyncRun, status: &SyncRunStatus) {
    loop {
        match once(context, run, status).await {
            Ok(()) => return,
            Err(error) if error.is_not_found() => return,
            Err(error) => {
                tracing::warn!(%error, "status not written");
                context.clock.sleep(AGAIN).await;
            }
        }
    }
}

/// Writes how far a run is. Runs go on while the API server is away: the next time will do when this one fails.
pub async fn progress(context: &Context, run: &SyncRun, status: &SyncRunStatus) {
    if let Err(error) = once(context, run, status).await {
        tracing::debug!(%error, "progress not written");
    }
}

/// Removes a run, and no other one that got its name meanwhile.
pub async fn remove(context: &Context, run: &SyncRun) -> Result<(), ClusterError> {
    let name = run.name_any();
    let preconditions = Preconditions { uid: run.uid(), ..Preconditions::default() };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    let what = format!("SyncRun {name}");
    match call(&context.clock, "delete", &what, api(context, run).delete(&name, &parameters)).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes what a run that is not in progress waits for, or why it ended without a start, when that is news.
pub async fn progressed(context: &Context, run: &SyncRun, progressed: &Progressed) -> Option<ClusterError> {
    let now = context.now();
    let generation = run.metadata.generation.unwrap_or(0);
    let old = run.status.clone().unwrap_or_default();
    let previous = old.conditions.clone().unwrap_or_default();
    let is_over = matches!(progressed, Progressed::Failed { .. } | Progressed::Succeeded { .. });
    let status = SyncRunStatus {
        observed_generation: Some(generation),
        conditions: Some(next_of_run(&previous, progressed, generation, now)),
        trigger: Some(trigger(run)),
        completion_time: if is_over { old.completion_time.clone().or(Some(Time(now))) } else { None },
        ..old
    };
    if !differs(run.status.as_ref(), &status) {
        return None;
    }
    match once(context, run, &status).await {
        Ok(()) => None,
        Err(error) if error.is_not_found() => None,
        Err(error) => Some(error),
    }
}
