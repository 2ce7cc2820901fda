//! Executes a SyncRun inside the operator: a task of its own, so that looks at objects stay short.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use crate::api::destination::DestinationStatus;
use crate::api::sync_run::{EarlierStart, Progress, RunMode, SyncRunStatus};
use crate::api::{APPROVE_ANNOTATION, SyncRun};
use crate::braze::KeySource;
use crate::controller::conditions::{Progressed, next_of_run};
use crate::controller::destination::{accept, around};
use crate::controller::execution::siblings::{self, Sibling};
use crate::controller::execution::{self, Archive, Remembering, stop_for, stopped};
use crate::controller::operator::context::Context;
use crate::controller::operator::stores::Known as _;
use crate::controller::run_status::{self, Ended};
use crate::state::StateError;
use crate::sync::reason::{Reason, Stop};
use crate::sync::report::Report;
use crate::sync::run::{self, Remembered, Request, Tools, Watch};

use super::decide::is_cleanup;
use super::inputs::inputs_with;
use super::phase::end_time;
use super::prepare::{Rotation, Taken, prepare};
use super::registry::Place;
use super::report::{self, write};

/// Time between two attempts at something that another process or the API server stands in the way of.
pub const AGAIN: Duration = Duration::from_secs(5);
/// The grain of stored times.
const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// Most entries of `earlierStarts`.
const EARLIER: usize = 10;

/// Why a run did not start although it might.
#[derive(Debug)]
pub enum NotYet {
    /// Its memory is held by another process, or cannot be used.
    State(String),
    /// Something may still come.
    Waits(String),
}

/// Executes a run to its end and writes what became of it. `sends`: the digest of `taken`.
pub async fn execute(context: Arc<Context>, run: SyncRun, taken: Taken, sends: String, place: Place) {
    let (namespace, name) = (run.namespace().unwrap_or_default(), run.name_any());
    let destination = taken.destination.name_any();
    let mut begun = None;
    let ended = carry_out(&context, &run, &taken, &sends, &place, &mut begun).await;
    match ended {
        Ok(Some(report)) => finish(&context, &run, &taken, report, begun).await,
        // Stopped by the end of the operator: it is resumed by whoever comes next.
        Ok(None) => {}
        Err(not_yet) => {
            let (reason, message) = match not_yet {
                NotYet::State(message) => ("StateUnavailable", message),
                NotYet::Waits(message) => ("DependencyNotReady", message),
            };
            tracing::debug!(reason, "run could not begin");
            let progressed = Progressed::Pending { reason: reason.to_owned(), message };
            report::progressed(&context, &run, &progressed).await;
            tokio::select! {
                () = context.clock.sleep(AGAIN) => {}
                () = place.halt().interrupt.cancelled() => {}
                _ = place.halt().cancellation.cancelled() => {}
            }
        }
    }
    // Other runs of the Destination must not begin before this one is known to have ended.
    drop(place);
    context.wake.run(&namespace, &name);
    context.wake.destination(&namespace, &destination);
    context.wake_waiting();
}

/// Runs the engine. `None`: the operator ended meanwhile.
async fn carry_out(
    context: &Arc<Context>,
    run: &SyncRun,
    taken: &Taken,
    sends: &str,
    place: &Place,
    begun_as: &mut Option<SyncRunStatus>,
) -> Result<Option<Report>, NotYet> {
    let siblings = Arc::new(context.siblings(&taken.destination.namespace().unwrap_or_default()));
    let request = request(run, taken, &siblings);
    let (namespace, destination) =
        (taken.destination.namespace().unwrap_or_default(), taken.destination.name_any());
    let unbegun = |stop: Stop| stopped(&namespace, &destination, &request, stop, &context.clock);
    let (resolved, key_version) = match prepare(context, taken).await {
        Ok(prepared) => prepared,
        Err(error) if error.may_pass() => return Err(NotYet::Waits(error.to_string())),
        Err(error) => return Ok(Some(unbegun(Stop::new(error.reason(), error.to_string())))),
    };
    let job = resolved.job;
    let opening = {
        let (context, job, request) = (Arc::clone(context), job.clone(), request.clone());
        tokio::task::spawn_blocking(move || open(&context, &job, &request, &siblings))
    };
    let opened = opening.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let (remembering, orphan) = match opened {
        Ok(opened) => opened,
        Err(Unopened::State(error @ StateError::Held { .. })) => {
            return Err(NotYet::State(format!("{error}; the run starts as soon as it is free")));
        }
        Err(Unopened::State(error)) => return Ok(Some(unbegun(stop_for(&error)))),
        Err(Unopened::Stop(stop)) => return Ok(Some(unbegun(stop))),
    };
    let request = Request { orphan, ..request.clone() };
    let braze = match context.workspaces.client(&job) {
        Ok(braze) => braze,
        Err(stop) => return Ok(Some(unbegun(stop))),
    };
    let rotation = Rotation::new(context, &taken.app, key_version, &remembering.store);
    braze.set_key_source(Arc::clone(&rotation) as Arc<dyn KeySource>);
    let source = match context.workspaces.source(&job) {
        Ok(source) => source,
        Err(stop) => return Ok(Some(unbegun(stop))),
    };
    let status = begun(context, run, taken, sends);
    tracing::info!(start = status.starts, "run began");
    *begun_as = Some(status.clone());
    report::progress(context, run, &status).await;
    let watch = Arc::new(Watch::default());
    let tools = Tools {
        store: remembering.store,
        app: remembering.app,
        braze,
        source,
        clock: context.clock.clone(),
        interrupt: place.halt().interrupt.clone(),
        cancellation: place.halt().cancellation.clone(),
        still_wanted: still_wanted(context, taken, sends),
        archive: telling(remembering.archive, rotation),
        carry_over: remembering.carry_over,
    };
    let report = engine(context, run, &status, job.clone(), tools, request.clone(), watch).await;
    if report.reason == Some(Reason::Interrupted) {
        // What it did so far stands in the status; the next start counts anew.
        report::progress(context, run, &cut_off(&status, &report)).await;
        return Ok(None);
    }
    if let Err(error) = execution::forget(&context.state, &job, &request, &report) {
        tracing::warn!(destination, %error, "memory not removed");
    }
    Ok(Some(report))
}

/// The engine on a thread of its own, with its progress written now and then.
async fn engine(
    context: &Arc<Context>,
    run: &SyncRun,
    status: &SyncRunStatus,
    job: crate::sync::job::Job,
    tools: Tools,
    request: Request,
    watch: Arc<Watch>,
) -> Report {
    let (sender, mut ended) = tokio::sync::oneshot::channel();
    let seen = Arc::clone(&watch);
    let span = tracing::Span::current();
    let thread = std::thread::Builder::new().name("run".to_owned()).spawn(move || {
        let _within = span.enter();
        // Nobody waits any more only when the process ends.
        let _ = sender.send(run::run(&job, tools, &request, &seen));
    });
    thread.expect("the system can make a thread");
    let mut written = status.clone();
    loop {
        tokio::select! {
            biased;
            report = &mut ended => {
                // A panic has been told by its hook; a half-dead process must not go on.
                return report.unwrap_or_else(|_| std::process::abort());
            }
            () = context.clock.sleep(context.settings.progress_every) => {
                let next = under_way(&written, &watch, context.now());
                if next != written {
                    report::progress(context, run, &next).await;
                    written = next;
                }
            }
        }
    }
}

/// What a run is asked to do.
fn request(run: &SyncRun, taken: &Taken, siblings: &[Sibling]) -> Request {
    let destination = &taken.destination;
    let annotation = destination.annotations().get(APPROVE_ANNOTATION).cloned().unwrap_or_default();
    let tokens = annotation.split(',').map(str::trim).filter(|token| !token.is_empty());
    let own = Sibling::of(destination, &taken.app);
    Request {
        plan: run.spec.mode == RunMode::Plan,
        full: run.spec.mode == RunMode::FullResync,
        retry_rejects: run.spec.mode == RunMode::RetryRejected,
        approvals: tokens.map(str::to_owned).collect(),
        mapped_elsewhere: siblings::mapped_elsewhere(&own, siblings),
        elements_elsewhere: siblings::elements_elsewhere(&own, siblings),
        remembered: destination.status.as_ref().map(remembered),
        cleanup: is_cleanup(run, destination),
        ..Request::default()
    }
}

fn remembered(status: &DestinationStatus) -> Remembered {
    Remembered {
        succeeded: status.last_success_time.is_some(),
        serial: status.state_serial.and_then(|serial| u64::try_from(serial).ok()).unwrap_or(0),
    }
}

enum Unopened {
    State(StateError),
    Stop(Stop),
}

/// Opens the memory of a run and looks at those beside it.
fn open(
    context: &Context,
    job: &crate::sync::job::Job,
    request: &Request,
    siblings: &[Sibling],
) -> Result<(Remembering, Option<String>), Unopened> {
    let kept = context.state.kept(&job.namespace).map_err(Unopened::State)?;
    let neighbours = siblings::neighbours(job, siblings, &kept);
    if let Some(stop) = neighbours.stop {
        return Err(Unopened::Stop(stop));
    }
    let remembering = match request.plan {
        true => context.state.for_plan(job),
        false => context.state.for_run(job),
    };
    Ok((remembering.map_err(Unopened::State)?, neighbours.orphan()))
}

/// The status of a run that starts, perhaps again.
fn begun(context: &Context, run: &SyncRun, taken: &Taken, sends: &str) -> SyncRunStatus {
    let now = context.now();
    let old = run.status.clone().unwrap_or_default();
    let starts = old.starts.unwrap_or(0);
    let mut earlier = old.earlier_starts.clone().unwrap_or_default();
    if starts > 0 {
        let end = old.progress.as_ref().and_then(|progress| progress.time.clone());
        earlier.push(EarlierStart {
            end_time: end,
            reason: Some("Interrupted".to_owned()),
            counts: old.counts.clone(),
        });
        let surplus = earlier.len().saturating_sub(EARLIER);
        earlier.drain(..surplus);
    }
    let generation = run.metadata.generation.unwrap_or(0);
    let start = starts + 1;
    let message =
        if start == 1 { "is in progress".to_owned() } else { format!("is in progress, start {start}") };
    let previous = old.conditions.clone().unwrap_or_default();
    SyncRunStatus {
        observed_generation: Some(generation),
        conditions: Some(next_of_run(&previous, &Progressed::Running { message }, generation, now)),
        trigger: Some(report::trigger(run)),
        start_time: old.start_time.or(Some(Time(now))),
        starts: Some(start),
        earlier_starts: if earlier.is_empty() { None } else { Some(earlier) },
        inputs: Some(inputs_with(&taken.objects(), sends.to_owned())),
        ..SyncRunStatus::default()
    }
}

/// Whether the objects of a run still say what it sends (semantics 8.3.5).
fn still_wanted(context: &Arc<Context>, taken: &Taken, sent: &str) -> run::StillWanted {
    let (context, sent) = (Arc::clone(context), sent.to_owned());
    let namespace = taken.destination.namespace().unwrap_or_default();
    let (name, uid) = (taken.destination.name_any(), taken.destination.metadata.uid.clone());
    let cleans_up = taken.destination.metadata.deletion_timestamp.is_some();
    Arc::new(move || {
        let found = around::find(&context.stores, &namespace, &name);
        let unwanted = |message: &str| Err(Stop::new(Reason::Cancelled, message));
        let Some(around) = found.filter(|around| around.destination.metadata.uid == uid) else {
            return unwanted("the Destination was deleted");
        };
        if around.destination.metadata.deletion_timestamp.is_some() != cleans_up {
            return unwanted("the Destination is being deleted");
        }
        match accept::accept(&around.borrow()).digest {
            Some(now) if now != sent => unwanted("what is sent was edited; the next run sends it"),
            _ => Ok(()),
        }
    })
}

/// The same way to begin anew, of which a rotation is told.
fn telling(archive: Archive, rotation: Arc<Rotation>) -> Archive {
    Arc::new(move || {
        let fresh = archive()?;
        rotation.begins_anew(&fresh);
        Ok(fresh)
    })
}

/// Writes the end of a run. The result is kept until the API server has it.
///
/// `begun`: the status that it began with. The watch may not have told of it yet when a run is short.
async fn finish(
    context: &Arc<Context>,
    run: &SyncRun,
    taken: &Taken,
    report: Report,
    begun: Option<SyncRunStatus>,
) {
    let name = run.name_any();
    let latest = begun.or_else(|| context.run_status(run)).or_else(|| run.status.clone());
    let location = format!("{}/{}", taken.destination.namespace().unwrap_or_default(), state_name(taken));
    let mut status = run_status::finished(&Ended {
        report: &report,
        name: &name,
        generation: run.metadata.generation.unwrap_or(0),
        previous: latest.as_ref(),
        rejects_location: Some(&location),
        now: context.now(),
    });
    status.completion_time = status.completion_time.map(|time| Time(after_others(context, run, time.0)));
    let number = |number: u64| i64::try_from(number).ok();
    status.trigger = Some(report::trigger(run));
    // A plan takes nothing: what it says of the memory is no fact about it.
    let took_state = report.serial.is_some() && run.spec.mode != RunMode::Plan;
    if took_state {
        status.state_serial = report.serial.and_then(number);
        status.known_records = number(report.known_records);
        status.pending_approvals = Some(run_status::pending(&report, &name)).filter(|all| !all.is_empty());
    }
    status.warnings = Some(run_status::warnings(&report)).filter(|all| !all.is_empty());
    run_status::fit(&mut status);
    context.record(run, taken, &report);
    if report.reason.is_some_and(is_doubtful) {
        doubt(context, taken, status.completion_time.as_ref().map_or(context.now(), |end| end.0));
    }
    write(context, run, &status).await;
    context.registry.end(&run.uid().unwrap_or_default());
}

/// Whether a run found something else than the tests of its connections.
fn is_doubtful(reason: Reason) -> bool {
    matches!(reason, Reason::AuthenticationFailed | Reason::PermissionMissing | Reason::EndpointNotAllowed)
}

/// A login or an address that a run found refused is tested again at once, so that everybody sees it and it is known
/// when it works.
fn doubt(context: &Context, taken: &Taken, end: Timestamp) {
    let namespace = taken.destination.namespace().unwrap_or_default();
    let (app, source) = (taken.app.name_any(), taken.source.name_any());
    context.tested.doubt("BrazeApp", &namespace, &app, end);
    context.tested.doubt("Source", &namespace, &source, end);
    context.wake.app(&namespace, &app);
    context.wake.source(&namespace, &source);
}

/// The end of a run as it is stored: a second after the ends before it at the earliest.
///
/// Times are whole seconds, and which of two runs is the newer one decides what the Destination tells. The serial of
/// the memory cannot tell it where the memory was lost or restored in between.
fn after_others(context: &Context, run: &SyncRun, end: Timestamp) -> Timestamp {
    let (namespace, name) = (run.namespace().unwrap_or_default(), run.name_any());
    let others = context.stores.runs.all(&namespace, |other| {
        other.spec.destination_ref.name == run.spec.destination_ref.name && other.name_any() != name
    });
    let before = others.iter().filter_map(end_time).filter(|before| *before <= end + SECOND).max();
    before.map_or(end, |before| end.max(before + SECOND))
}

fn state_name(taken: &Taken) -> String {
    let spec = &taken.destination.spec;
    spec.state_name.clone().unwrap_or_else(|| taken.destination.name_any())
}

/// The status of a run that goes on.
fn under_way(before: &SyncRunStatus, watch: &Watch, now: Timestamp) -> SyncRunStatus {
    let figures = run_status::figures(watch).unwrap_or_default();
    SyncRunStatus {
        progress: Some(run_status::progress(watch, Some(before), now)),
        counts: Some(figures.counts),
        attributes: Some(figures.attributes),
        memberships: Some(figures.memberships),
        traffic: Some(figures.traffic),
        ..before.clone()
    }
}

/// The status of a run whose operator ends: what it did until then.
fn cut_off(before: &SyncRunStatus, report: &Report) -> SyncRunStatus {
    let figures = run_status::figures_of(report);
    let progress = Progress { time: Some(Time(report.completion_time)), ..Progress::default() };
    SyncRunStatus { progress: Some(progress), counts: Some(figures.counts), ..before.clone() }
}
