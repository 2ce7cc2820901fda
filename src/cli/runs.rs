//! Destinations one after another, in the order of the manifests.

use std::sync::Arc;

use grouparoo_clock::Clock;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::controller::execution::siblings::{self, Orphan, Sibling};
use crate::controller::execution::{State, Workspaces, braze_stop, stop_for, stopped};
use crate::sync::account::Warning;
use crate::sync::halt::Cancellation;
use crate::sync::reason::{Reason, Stop, graver};
use crate::sync::report::Report;
use crate::sync::run::{self, Request, Tools, Watch};

use super::manifests::Prepared;

/// What the thread of the runs tells the thread of the terminal.
pub(super) enum Event {
    /// A run begins.
    Started {
        /// Name of its Destination.
        destination: String,
        /// How far it is.
        watch: Arc<Watch>,
    },
    /// A run ended.
    Ended(Box<Report>),
}

/// What all runs of a command share.
pub(super) struct Runs<'a> {
    /// Those to run.
    pub chosen: &'a [Prepared],
    /// All Destinations of the manifests, run or not.
    pub all: &'a [Sibling],
    /// The memory.
    pub state: &'a State,
    /// The time.
    pub clock: &'a Clock,
    /// Cancelled by the first signal.
    pub interrupt: CancellationToken,
}

impl Runs<'_> {
    /// Runs them all. After a signal the rest is not begun.
    pub fn carry_out(&self, request: &Request, events: &UnboundedSender<Event>) {
        let workspaces = Workspaces::new(self.clock);
        for prepared in self.chosen {
            let request = self.request(prepared, request);
            let watch = Arc::new(Watch::default());
            let destination = prepared.job.destination.clone();
            let _ = events.send(Event::Started { destination, watch: watch.clone() });
            let mut report = self
                .one(prepared, &request, &workspaces, &watch)
                .unwrap_or_else(|stop| self.unbegun(prepared, &request, stop));
            let advice = prepared.advice.iter().map(|advice| Warning {
                code: advice.code.to_owned(),
                field: format!("{} {}: {}", advice.kind, advice.name, advice.field),
                count: 0,
                message: advice.message.clone(),
            });
            report
                .warnings
                .splice(..0, advice.chain(siblings::conflicts(&Sibling::of_job(&prepared.job), self.all)));
            let _ = events.send(Event::Ended(Box::new(report)));
        }
    }

    fn unbegun(&self, prepared: &Prepared, request: &Request, stop: Stop) -> Report {
        stopped(&prepared.job.namespace, &prepared.job.destination, request, stop, self.clock)
    }

    fn request(&self, prepared: &Prepared, request: &Request) -> Request {
        let mut approvals = prepared.approvals.clone();
        approvals.extend(request.approvals.iter().cloned());
        let own = Sibling::of_job(&prepared.job);
        let mapped_elsewhere = siblings::mapped_elsewhere(&own, self.all);
        let elements_elsewhere = siblings::elements_elsewhere(&own, self.all);
        Request { approvals, mapped_elsewhere, elements_elsewhere, ..request.clone() }
    }

    fn one(
        &self,
        prepared: &Prepared,
        request: &Request,
        workspaces: &Workspaces,
        watch: &Watch,
    ) -> Result<Report, Stop> {
        let job = &prepared.job;
        if self.interrupt.is_cancelled() {
            return Err(Stop::new(Reason::Interrupted, "was not begun, because of the signal"));
        }
        let kept = self.state.kept(&job.namespace).map_err(|error| stop_for(&error))?;
        let neighbours = siblings::neighbours(job, self.all, &kept);
        if let Some(stop) = neighbours.stop {
            return Err(stop);
        }
        if let Some(error) = workspaces.closed(job) {
            return Err(braze_stop(&job.app.name, &error));
        }
        let remembering = if request.plan { self.state.for_plan(job) } else { self.state.for_run(job) }
            .map_err(|error| stop_for(&error))?;
        let tools = Tools {
            store: remembering.store,
            app: remembering.app,
            braze: workspaces.client(job)?,
            source: workspaces.source(job)?,
            clock: self.clock.clone(),
            interrupt: self.interrupt.clone(),
            cancellation: Cancellation::default(),
            still_wanted: run::always_wanted(),
            archive: remembering.archive,
            carry_over: remembering.carry_over,
        };
        let mut report = run::run(job, tools, request, watch);
        report.warnings.splice(..0, neighbours.orphans.iter().map(Orphan::warning));
        Ok(report)
    }
}

/// The exit code of several runs: the gravest.
pub(super) fn exit_code(reports: &[Report]) -> u8 {
    reports.iter().map(|report| report.exit_code).fold(0, graver)
}
