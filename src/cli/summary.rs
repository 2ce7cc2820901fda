//! What became of a run, in words for people.

use std::io::IsTerminal as _;
use std::time::Duration;

use crate::sync::account::{ErrorCount, Warning};
use crate::sync::reason::Reason;
use crate::sync::report::{PendingApproval, Report, RunMode, Sample};

use super::arguments::Selection;
use super::columns::{aligned, wrapped};
use super::questions::{approval_command, rejects_command};
use super::text::{colours_wanted, count, counted, harmless, span};

/// Fields and groups that are shown; all are in the JSON.
const MOST_LINES: usize = 8;

/// The summary of one run.
pub(super) struct Summary<'a> {
    /// The run.
    pub report: &'a Report,
    /// What the user typed, for the commands that are proposed.
    pub selection: &'a Selection,
}

impl Summary<'_> {
    /// The text, ending with a line end.
    pub fn text(&self) -> String {
        let report = self.report;
        let mut text = self.headline();
        if !report.message.is_empty() {
            for sentence in report.message.lines() {
                text.push_str(&wrapped(&harmless(sentence), "  ", "  "));
            }
        }
        if report.counts.read + report.counts.gone > 0 && !self.is_idle() {
            text.push_str(&self.figures());
            text.push_str(&self.fields());
            text.push_str(&self.groups());
        }
        if let Some(plan) = &report.plan {
            text.push_str(&samples(&plan.samples));
        }
        text.push_str(&self.errors());
        text.push_str(&warnings(&report.warnings));
        text.push_str(&self.questions());
        text
    }

    fn is_plan(&self) -> bool {
        self.report.mode == RunMode::Plan
    }

    /// Whether everything was as it should be already.
    fn is_idle(&self) -> bool {
        let counts = &self.report.counts;
        self.report.reason.is_none()
            && counts.read + counts.gone == counts.unchanged + counts.skipped
            && self.report.traffic.objects == 0
            && self.report.errors.is_empty()
    }

    fn headline(&self) -> String {
        let report = self.report;
        let name = if report.namespace == "default" {
            report.destination.clone()
        } else {
            format!("{}/{}", report.namespace, report.destination)
        };
        let (mark, what) = self.verdict();
        let took = report.completion_time.duration_since(report.start_time);
        // The start is cut to seconds, because rules see it.
        let took = Duration::try_from(took).unwrap_or_default();
        let time = if took < Duration::from_secs(2) { String::new() } else { format!(" ({})", span(took)) };
        format!("{} {}  {what}{time}\n", mark.drawn(), bold(&name))
    }

    fn verdict(&self) -> (Mark, String) {
        let report = self.report;
        let counts = &report.counts;
        let known = match counts.read {
            0 => match report.source.mode.as_str() {
                "Keys" if report.mode == RunMode::RetryRejected => {
                    "nothing is rejected that has a key and a row"
                }
                "Keys" => "no row has a key that was asked for",
                "None" => "the Destination delivers nobody",
                _ => "the source has no rows",
            }
            .to_owned(),
            read if counts.unchanged == 0 => {
                format!("{} left out", counted(read, "record is", "records are"))
            }
            1 => "the record is as Braze has it".to_owned(),
            read if counts.skipped == 0 => format!("all {} records are as Braze has them", count(read)),
            _ => format!("{} as Braze has them", counted(counts.unchanged, "record is", "records are")),
        };
        let unsent = counts.rejected() + report.attributes.dropped + report.memberships.refused;
        match (report.reason, self.is_plan()) {
            (Some(Reason::Interrupted), _) => (Mark::Warning, "interrupted".to_owned()),
            (Some(reason), _) => (Mark::Failure, reason.name().to_owned()),
            (None, _) if self.is_idle() => (Mark::Good, format!("nothing to send: {known}")),
            (None, true) => (Mark::Plan, "plan, nothing was sent".to_owned()),
            (None, false) if report.exit_code != 0 => {
                let what = counted(unsent, "record or value", "records or values");
                let did = match report.traffic.objects {
                    0 => "nothing new to send, but",
                    _ => "delivered, but",
                };
                (Mark::Warning, format!("{did} {what} could not be sent"))
            }
            (None, false) => (Mark::Good, "delivered".to_owned()),
        }
    }

    fn figures(&self) -> String {
        let Report { counts, attributes, memberships, traffic, .. } = self.report;
        let mut table = Table::default();
        let to = |would: &'static str, did: &'static str| if self.is_plan() { would } else { did };
        let how = match self.report.source.mode.as_str() {
            "Keys" => "by key",
            _ => "",
        };
        table.always("Rows read", counts.read, how);
        let gone = match self.report.source.mode.as_str() {
            "None" => "Not wanted any more",
            _ => "Gone from the source",
        };
        table.some(gone, counts.gone, "");
        table.always(to("To add", "Added"), counts.added, "");
        table.always(to("To update", "Updated"), counts.updated, "");
        table.always("Unchanged", counts.unchanged, "");
        table.some(to("To delete", "Deleted"), counts.deleted, "");
        table.some(
            to("To release", "Released"),
            counts.released,
            "not wanted any more; the users stay in Braze",
        );
        table.some("Skipped", counts.skipped, &self.skipped());
        let rejected = notes(&[(counts.invalid, "not fit to be sent"), (counts.failed, "refused by Braze")]);
        table.some("Rejected", counts.rejected(), &rejected);
        table.some("Held back", counts.held, "removals that wait for an answer");
        table.some("Not acknowledged", counts.pending, "the next run sends them again");
        table.gap();
        let values = notes(&[
            (attributes.dropped, "could not be sent"),
            (attributes.held_consent, "opt-ins held back"),
            (attributes.warned, "sent with a warning"),
        ]);
        if attributes.sent + attributes.dropped + attributes.held_consent > 0 {
            table.always(to("Values to send", "Values sent"), attributes.sent, &values);
        }
        table.some(to("Fields to remove", "Fields removed"), attributes.cleared, "");
        let joins = notes(&[
            (memberships.already_there, "were there already"),
            (memberships.opted_out, "opted out and left alone"),
            (memberships.no_address, "without an address"),
            (memberships.deferred, "deferred to the next run"),
            (memberships.refused, "refused by Braze"),
        ]);
        if memberships.joins > 0 || !joins.is_empty() {
            table.always(to("Memberships to begin", "Memberships begun"), memberships.joins, &joins);
        }
        let shared = notes(&[(memberships.shared_address, "kept for another record with the same address")]);
        if memberships.leaves + memberships.shared_address > 0 {
            table.always(to("Memberships to end", "Memberships ended"), memberships.leaves, &shared);
        }
        let throttled = Duration::from_millis(traffic.throttled_millis);
        let mut requests = notes(&[(traffic.retries, "sent again")]);
        if throttled >= Duration::from_secs(1) {
            let comma = if requests.is_empty() { "" } else { ", " };
            requests = format!("{requests}{comma}{} spent waiting for rate limits", span(throttled));
        }
        table.some("Requests", traffic.requests, &requests);
        table.some("Data points", traffic.data_points, "estimated by Braze's rules");
        if let Some(plan) = &self.report.plan {
            table.some("To look up first", plan.unknown, "users that Braze may not know; --look-up asks");
            let held = plan.guard == "Trips";
            let verdict = if held { "would hold the removals back" } else { "passes" };
            table.word("Deletion guard", verdict);
            table.word("Time that rules saw", &plan.now.to_string());
        }
        table.text()
    }

    fn skipped(&self) -> String {
        let reasons = self.report.skipped_by.iter().map(|skipped| {
            let why = match skipped.code.as_str() {
                "notInCollection" => "not in the collection",
                "notInBraze" => "unknown to Braze",
                "awaitingAbsence" => "missing, but not often enough yet",
                other => other,
            };
            format!("{} {why}", count(skipped.count))
        });
        reasons.collect::<Vec<_>>().join(", ")
    }

    fn fields(&self) -> String {
        let fields = &self.report.fields;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for field in fields.iter().filter(|field| field.set + field.cleared > 0).take(MOST_LINES) {
            let note = notes(&[(field.set, "set"), (field.cleared, "removed")]);
            rows.push(vec![harmless(&field.name), note]);
        }
        section("Fields", &rows, fields.len())
    }

    fn groups(&self) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for group in self.report.groups.iter().take(MOST_LINES) {
            let changes = notes(&[(group.joined, "joined"), (group.left, "left")]);
            rows.push(vec![group.name.clone(), counted(group.members, "member", "members"), changes]);
        }
        section("Groups", &rows, self.report.groups.len())
    }

    fn errors(&self) -> String {
        let errors = &self.report.errors;
        if errors.is_empty() {
            return String::new();
        }
        let mut text = format!("\n  {}\n", bold("Could not be sent"));
        for ErrorCount { code, field, count: n, hint, refs } in errors {
            let field = if field.is_empty() { String::new() } else { format!(" ({})", harmless(field)) };
            let refs = if refs.is_empty() { String::new() } else { format!(" (ref {})", refs.join(", ")) };
            let hint = harmless(hint.trim_end_matches('.'));
            text.push_str(&wrapped(
                &format!("{} × {code}{field}: {hint}{refs}", count(*n)),
                "    ",
                "      ",
            ));
        }
        if !self.is_plan() {
            let command = rejects_command(self.selection, &self.report.destination);
            text.push_str(&format!("    Which records: {}\n", bold(&command)));
        }
        text
    }

    fn questions(&self) -> String {
        let questions = &self.report.pending_approvals;
        if questions.is_empty() {
            return String::new();
        }
        let mut text = format!("\n  {}\n", bold("Waiting for your answer"));
        for PendingApproval { token, question, answer, message, expires, .. } in questions {
            let answer = answer.as_ref().map_or_else(String::new, |answer| format!(", {answer}"));
            let until = expires.strftime("%Y-%m-%d %H:%M UTC");
            let sentence = format!("{}{answer}: {message}. Open until {until}.", question.name());
            text.push_str(&wrapped(&sentence, "    ", "      "));
            let command = approval_command(self.selection, &self.report.destination, token);
            text.push_str(&format!("      {}\n", bold(&command)));
        }
        text
    }
}

fn warnings(warnings: &[Warning]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let mut text = format!("\n  {}\n", bold("Warnings"));
    for Warning { code, field, count: n, message } in warnings {
        let times = if *n > 0 { format!("{} × ", count(*n)) } else { String::new() };
        let field = if field.is_empty() { String::new() } else { format!(" ({})", harmless(field)) };
        let sentence = format!("{times}{code}{field}: {}", harmless(message));
        text.push_str(&wrapped(&sentence, "    ", "      "));
    }
    text
}

fn samples(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return String::new();
    }
    let mut text = format!("\n  {}\n", bold("For example"));
    for Sample { key, action, object } in samples {
        let object = object.as_ref().map_or("", |object| object.get());
        text.push_str(&format!("    {action} {}  {}\n", harmless(key), harmless(object)));
    }
    text
}

fn section(title: &str, rows: &[Vec<String>], all: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\n  {}\n{}", bold(title), aligned(rows, "    "));
    if all > rows.len() && rows.len() == MOST_LINES {
        text.push_str(&format!("    and {} more\n", count((all - rows.len()) as u64)));
    }
    text
}

/// Counts with what they are of, those that are zero left out.
fn notes(notes: &[(u64, &str)]) -> String {
    let some = notes.iter().filter(|(number, _)| *number > 0);
    some.map(|(number, what)| format!("{} {what}", count(*number))).collect::<Vec<_>>().join(", ")
}

/// Figures one below the other, right-aligned.
#[derive(Default)]
struct Table {
    rows: Vec<(String, String, String)>,
}

impl Table {
    fn always(&mut self, label: &str, number: u64, note: &str) {
        self.rows.push((label.to_owned(), count(number), note.to_owned()));
    }

    fn some(&mut self, label: &str, number: u64, note: &str) {
        if number > 0 {
            self.always(label, number, note);
        }
    }

    fn word(&mut self, label: &str, word: &str) {
        self.rows.push((label.to_owned(), String::new(), word.to_owned()));
    }

    fn gap(&mut self) {
        self.rows.push(Default::default());
    }

    fn text(mut self) -> String {
        while self.rows.last().is_some_and(|(label, ..)| label.is_empty()) {
            self.rows.pop();
        }
        let label = self.rows.iter().map(|row| row.0.chars().count()).max().unwrap_or(0);
        let number = self.rows.iter().map(|row| row.1.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (what, figure, note) in &self.rows {
            let line = if figure.is_empty() && !note.is_empty() {
                format!("  {what:label$}  {note}")
            } else {
                format!("  {what:label$}  {figure:>number$}  {note}")
            };
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[derive(Clone, Copy)]
enum Mark {
    Good,
    Warning,
    Failure,
    Plan,
}

impl Mark {
    fn drawn(self) -> String {
        let (mark, colour) = match self {
            Self::Good => ("✓", "32"),
            Self::Warning => ("!", "33"),
            Self::Failure => ("✗", "31"),
            Self::Plan => ("·", "36"),
        };
        painted(mark, colour)
    }
}

fn bold(text: &str) -> String {
    painted(text, "1")
}

fn painted(text: &str, colour: &str) -> String {
    if std::io::stdout().is_terminal() && colours_wanted() {
        format!("\u{1b}[{colour}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
