//! One look at a SyncRun: fetch, decide, act, report.

use std::sync::Arc;

use jiff::SignedDuration;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use tracing::Instrument as _;

use crate::api::SyncRun;
use crate::controller::conditions::{Progressed, Readiness};
use crate::controller::destination::accept::accept_with;
use crate::controller::destination::around::{self, Found};
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::{Guarded, Known};
use crate::controller::operator::{Error, unreadable};

use super::decide::{Seen, Step, decide};
use super::execute::{AGAIN, execute};
use super::inputs::digest;
use super::phase::{Phase, end_time, phase};
use super::prepare::Taken;
use super::registry::{Full, Lane};
use super::report;

/// Looks at a SyncRun.
pub async fn reconcile(object: Arc<Guarded<SyncRun>>, context: Arc<Context>) -> Result<Action, Error> {
    let run = match &object.0 {
        Ok(run) => run,
        Err(invalid) => return unreadable::report::<SyncRun>(&context, invalid).await,
    };
    let namespace = run.namespace().unwrap_or_default();
    let wanted = run.spec.destination_ref.name.clone();
    let lane = Lane { namespace: namespace.clone(), destination: wanted.clone() };
    let found = around::find(&context.stores, &namespace, &wanted);
    let all = context.stores.runs.all(&namespace, |other| other.spec.destination_ref.name == wanted);
    let active = context.registry.active(&lane);
    let verdict = found.as_ref().map(|found| accept_with(&found.borrow(), &context.fits, context.now()));
    let obstacle = verdict.as_ref().and_then(|verdict| verdict.blocked.as_ref()).map(obstacle);
    let taken = found.as_ref().and_then(taken);
    let sends = taken.as_ref().map(|taken| digest(&taken.objects()));
    let seen = Seen {
        run,
        destination: found.as_ref().map(|found| &found.destination),
        unreadable: found.is_none() && context.stores.destinations.has(&namespace, &wanted),
        all: &all,
        active: active.as_ref().map(|active| active.run.as_str()),
        in_progress: active.as_ref().is_some_and(|active| run.uid().as_ref() == Some(&active.uid)),
        obstacle: obstacle.as_ref().map(|(reason, message)| (*reason, message.as_str())),
        edited: match (&active, &sends) {
            (Some(active), Some(now)) => active.digest != *now,
            _ => false,
        },
        over: context
            .registry
            .ended_unseen(&run.uid().unwrap_or_default(), matches!(phase(run), Phase::Ended { .. })),
        now: context.now(),
    };
    match decide(&seen) {
        Step::Nothing => expire(&context, run).await,
        Step::Stop { message } => {
            context.registry.cancel(&lane, &run.name_any(), &message);
            Ok(context.again_at([None]))
        }
        Step::End { reason, message } => {
            let ended = Progressed::Failed { reason: reason.to_owned(), message };
            say(&context, run, &ended).await
        }
        Step::Wait { reason, message, again } => {
            let waits = waiting(run, reason, message);
            say(&context, run, &waits).await.map(|_| context.again_at([again]))
        }
        Step::Start => {
            let Some(taken) = taken.zip(sends) else { return Ok(context.again_after(AGAIN)) };
            start(&context, run, taken, lane).await
        }
    }
}

/// Removes a run that carries an age of its own, once it is that old.
async fn expire(context: &Arc<Context>, run: &SyncRun) -> Result<Action, Error> {
    let ttl = run.spec.ttl_after_finished.as_ref().and_then(|span| span.duration());
    let (Some(ttl), Some(ended)) = (ttl, end_time(run)) else { return Ok(context.again_at([None])) };
    let due = SignedDuration::try_from(ttl).ok().and_then(|ttl| ended.checked_add(ttl).ok());
    match due {
        Some(due) if due <= context.now() => {
            report::remove(context, run).await?;
            Ok(context.again_at([None]))
        }
        due => Ok(context.again_at([due])),
    }
}

/// A run that was started before stays Running while it waits to go on.
fn waiting(run: &SyncRun, reason: String, message: String) -> Progressed {
    match phase(run) {
        Phase::Running if reason == "Pending" => {
            Progressed::Running { message: format!("goes on later: {message}") }
        }
        _ => Progressed::Pending { reason, message },
    }
}

/// Starts a run of these objects, whose digest comes with them, if there is a place.
async fn start(
    context: &Arc<Context>,
    run: &SyncRun,
    (taken, sends): (Taken, String),
    lane: Lane,
) -> Result<Action, Error> {
    let uid = run.uid().unwrap_or_default();
    let most = context.settings.max_concurrent_runs;
    let of_source =
        taken.source.spec.max_concurrent_reads.and_then(|most| usize::try_from(most).ok()).unwrap_or(4);
    let source = taken.source.name_any();
    match context.registry.begin(lane, (&run.name_any(), &uid), sends.clone(), &source, most, of_source) {
        Ok(place) => {
            let name = run.name_any();
            let span = tracing::error_span!(
                parent: None,
                "run",
                kind = "SyncRun",
                namespace = run.namespace(),
                name,
                generation = run.metadata.generation.unwrap_or(0),
                runId = name,
            );
            tokio::spawn(execute(Arc::clone(context), run.clone(), taken, sends, place).instrument(span));
            Ok(context.again_at([None]))
        }
        Err(full) => {
            let message = match full {
                Full::Lane(other) => format!("waits for the end of SyncRun {other}"),
                Full::Operator(most) => format!("waits until fewer than {most} runs are in progress"),
                Full::Source(most) => format!("waits until fewer than {most} runs read from Source {source}"),
                Full::Closed => return Ok(context.again_at([None])),
            };
            say(context, run, &waiting(run, "Pending".to_owned(), message)).await
        }
    }
}

async fn say(context: &Arc<Context>, run: &SyncRun, progressed: &Progressed) -> Result<Action, Error> {
    match report::progressed(context, run, progressed).await {
        None => Ok(context.again_at([None])),
        Some(error) => Err(error.into()),
    }
}

/// Why no run of a Destination may start, in the words of a run.
fn obstacle(blocked: &Readiness) -> (&'static str, String) {
    match blocked {
        Readiness::Progressing { message } => ("Pending", message.clone()),
        Readiness::Stalled { reason, message } if reason.starts_with("Invalid") => {
            ("DependencyNotReady", format!("the Destination cannot run as it is written: {message}"))
        }
        Readiness::Waiting { message, .. }
        | Readiness::Stalled { message, .. }
        | Readiness::Retrying { message, .. }
        | Readiness::Ready { message, .. }
        | Readiness::Deleting { message, .. } => ("DependencyNotReady", message.clone()),
    }
}

fn taken(found: &Found) -> Option<Taken> {
    Some(Taken {
        destination: found.destination.clone(),
        app: found.app.clone()?,
        model: found.model.clone()?,
        source: found.source.clone()?,
    })
}
