//! The lists of a status, cut to their bounds.

use std::collections::BTreeSet;

use crate::api::Warning;
use crate::api::destination::{PendingApproval, TopError};
use crate::api::sync_run::{CodeCount, FieldChanges, GroupChanges, RunError, SyncRunStatus};
use crate::sync::report::{self, Report};

use super::words::{code, number, optional, text, time};

const MOST_APPROVALS: usize = 8;
const MOST_SKIPPED: usize = 8;
const MOST_GROUPS: usize = 100;
const MOST_FIELDS: usize = 50;
const MOST_ERRORS: usize = 20;
const MOST_TOP_ERRORS: usize = 5;
const MOST_WARNINGS: usize = 10;
const MOST_REFS: usize = 3;

/// The open questions of a run, newest first: entries of the Destination's `pendingApprovals`. Of more than 8 the
/// newest stay.
pub fn pending(report: &Report, run_name: &str) -> Vec<PendingApproval> {
    let mut newest_first: Vec<&report::PendingApproval> =
        report.pending_approvals.iter().filter(|asked| !asked.token.is_empty()).collect();
    newest_first.sort_by_key(|asked| std::cmp::Reverse(asked.since));
    let entries = newest_first.into_iter().map(|asked| approval(asked, run_name));
    distinct(entries, |asked| asked.token.clone()).take(MOST_APPROVALS).collect()
}

fn approval(asked: &report::PendingApproval, run_name: &str) -> PendingApproval {
    PendingApproval {
        token: text(&asked.token, 64),
        question: Some(asked.question.name().to_owned()),
        answer: asked.answer.as_deref().and_then(|answer| optional(answer, 64)),
        message: optional(&asked.message, 1024),
        removals: number(asked.removals),
        known_records: number(asked.known_records),
        run: optional(run_name, 253),
        since: Some(time(asked.since)),
        expires: Some(time(asked.expires)),
    }
}

/// The five most frequent errors of a SyncRun, for its Destination.
pub fn top_errors(status: &SyncRunStatus) -> Vec<TopError> {
    let errors = status.errors.iter().flatten().take(MOST_TOP_ERRORS);
    errors
        .map(|error| TopError {
            code: error.code.clone(),
            field: error.field.clone(),
            count: error.count,
            hint: error.hint.clone(),
        })
        .collect()
}

/// Advice of a run for `status.warnings` of its Destination, at most ten.
pub fn warnings(report: &Report) -> Vec<Warning> {
    let warnings = report.warnings.iter().take(MOST_WARNINGS);
    warnings
        .map(|warning| Warning {
            code: code(&warning.code),
            field: optional(&warning.field, 255),
            message: text(&warning.message, 1024),
        })
        .collect()
}

/// Warnings of a plan: one entry a code.
pub(super) fn plan_warnings(report: &Report) -> Option<Vec<CodeCount>> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for warning in &report.warnings {
        let word = code(&warning.code);
        match found.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count = count.saturating_add(warning.count),
            None => found.push((word, warning.count)),
        }
    }
    found.truncate(MOST_WARNINGS);
    filled(found.into_iter().map(|(code, count)| CodeCount { code, count: number(count) }))
}

/// Why records were skipped.
pub(super) fn skipped_by(report: &Report) -> Option<Vec<CodeCount>> {
    let skipped =
        report.skipped_by.iter().map(|why| CodeCount { code: code(&why.code), count: number(why.count) });
    filled(distinct(skipped, |why| why.code.clone()).take(MOST_SKIPPED))
}

/// Mapped groups, in their order; two mappings of one group are one entry.
pub(super) fn groups(report: &Report) -> Option<Vec<GroupChanges>> {
    let mut found: Vec<GroupChanges> = Vec::new();
    for group in report.groups.iter().filter(|group| !group.name.is_empty()) {
        let name = text(&group.name, 100);
        let joined =
            |known: Option<i64>, more: u64| known.zip(number(more)).map(|(a, b)| a.saturating_add(b));
        match found.iter_mut().find(|known| known.name == name) {
            Some(known) => {
                known.joined = joined(known.joined, group.joined);
                known.left = joined(known.left, group.left);
                known.members = known.members.max(number(group.members));
            }
            None => found.push(GroupChanges {
                name,
                members: number(group.members),
                joined: number(group.joined),
                left: number(group.left),
            }),
        }
    }
    found.truncate(MOST_GROUPS);
    filled(found)
}

/// Fields that changed most.
pub(super) fn fields(report: &Report) -> Option<Vec<FieldChanges>> {
    let fields = report.fields.iter().filter(|field| !field.name.is_empty()).map(|field| FieldChanges {
        name: text(&field.name, 255),
        set: number(field.set),
        cleared: number(field.cleared),
    });
    filled(distinct(fields, |field| field.name.clone()).take(MOST_FIELDS))
}

/// Most frequent errors.
pub(super) fn errors(report: &Report) -> Option<Vec<RunError>> {
    filled(report.errors.iter().take(MOST_ERRORS).map(|error| RunError {
        code: code(&error.code),
        field: optional(&error.field, 255),
        count: number(error.count),
        hint: optional(&error.hint, 512),
        refs: filled(error.refs.iter().take(MOST_REFS).map(|reference| text(reference, 64))),
    }))
}

/// Entries whose key was not there before: keyed lists of the API refuse a second one.
fn distinct<T>(entries: impl IntoIterator<Item = T>, key: impl Fn(&T) -> String) -> impl Iterator<Item = T> {
    let mut seen = BTreeSet::new();
    entries.into_iter().filter(move |entry| seen.insert(key(entry)))
}

/// A list, absent when it is empty.
fn filled<T>(entries: impl IntoIterator<Item = T>) -> Option<Vec<T>> {
    Some(entries.into_iter().collect::<Vec<T>>()).filter(|list| !list.is_empty())
}
