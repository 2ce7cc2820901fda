//! `grouparoo sync`: runs Destinations.

use grouparoo_clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::sync::report::Report;
use crate::sync::run::Request;

use super::arguments::{Form, Selection, Sync};
use super::failure::Failure;
use super::places::{self, Place};
use super::progress::Progress;
use super::runs::{self, Event, Runs};
use super::signals::{Audience, supervise};
use super::summary::Summary;
use super::{json, output, rejects_file};

/// Sends what changed.
pub(super) fn run(arguments: &Sync, clock: &Clock) -> Result<u8, Failure> {
    let selection = &arguments.selection;
    let request = Request {
        full: selection.full,
        keys: selection.keys.clone(),
        retry_rejects: arguments.retry_rejects,
        approvals: arguments.approvals.iter().map(|token| token.trim().to_owned()).collect(),
        ..Request::default()
    };
    let place = place(selection, true, clock)?;
    let told = if arguments.quiet { Told::Problems } else { Told::of(selection.output) };
    let reports = carry_out(&place, selection, &request, told, clock)?;
    if let Some(path) = &arguments.rejects {
        rejects_file::write(path, &place)?;
    }
    Ok(runs::exit_code(&reports))
}

/// Finds what a command works on; a failure is told in the form of the result too.
pub(super) fn place(selection: &Selection, for_run: bool, clock: &Clock) -> Result<Place, Failure> {
    places::find(selection, for_run, clock).inspect_err(|failure| {
        if selection.output == Form::Json {
            // The failure itself is told in any case.
            let _ = output::print(&json::failed(failure));
        }
    })
}

/// What is told of each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A summary for people.
    Summary,
    /// One document at the end.
    Document,
    /// Only what is wrong, on standard error.
    Problems,
}

impl Told {
    /// As the user asked.
    pub fn of(form: Form) -> Self {
        match form {
            Form::Text => Self::Summary,
            Form::Json => Self::Document,
        }
    }
}

/// Runs the chosen Destinations and tells what became of them.
pub(super) fn carry_out(
    place: &Place,
    selection: &Selection,
    request: &Request,
    told: Told,
    clock: &Clock,
) -> Result<Vec<Report>, Failure> {
    let interrupt = CancellationToken::new();
    let runs = Runs {
        chosen: &place.chosen,
        all: &place.all,
        state: &place.state,
        clock,
        interrupt: interrupt.clone(),
    };
    let wanted = !selection.no_progress && told != Told::Problems;
    let mut terminal = Terminal {
        progress: Progress::new(wanted, request.plan),
        told,
        selection,
        reports: Vec::new(),
        trouble: None,
    };
    supervise(&interrupt, |events| runs.carry_out(request, &events), &mut terminal)?;
    let Terminal { reports, trouble, .. } = terminal;
    if let Some(trouble) = trouble {
        return Err(trouble);
    }
    if told == Told::Document {
        output::print(&json::reports(runs::exit_code(&reports), &reports, &place.suspended))?;
    }
    Ok(reports)
}

struct Terminal<'a> {
    progress: Progress,
    told: Told,
    selection: &'a Selection,
    reports: Vec<Report>,
    /// The first summary that could not be written; the runs go on all the same.
    trouble: Option<Failure>,
}

/// Whether a run that ended well warns of something that a person must put right, or opt-outs may be lost.
fn tells_of_loss(report: &Report) -> bool {
    let is_loss = |code: &str| {
        matches!(code, "AppLedgerLost" | "StateLost" | "StateRolledBack" | "WorkspaceUnverified")
    };
    report.warnings.iter().any(|warning| is_loss(&warning.code))
}

impl Audience<Event> for Terminal<'_> {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Started { destination, watch } => self.progress.start(&destination, watch),
            Event::Ended(report) => {
                self.progress.end();
                let summary = Summary { report: &report, selection: self.selection };
                match self.told {
                    Told::Summary => {
                        let first = if self.reports.is_empty() { "" } else { "\n" };
                        let text = format!("{first}{}", summary.text());
                        self.trouble = self.trouble.take().or_else(|| output::print(&text).err());
                    }
                    Told::Problems if report.exit_code != 0 || tells_of_loss(&report) => {
                        output::warn(summary.text().trim_end())
                    }
                    Told::Problems | Told::Document => {}
                }
                self.reports.push(*report);
            }
        }
    }

    fn tick(&mut self) {
        self.progress.tick();
    }

    fn interrupted(&mut self) {
        output::warn("finishing the requests in flight, at most 25 s; press again to stop at once");
    }
}
