//! The result for programs: one document, whose names stay (docs/command-line.md, "JSON").

use serde::Serialize;

use crate::sync::report::Report;

use super::failure::Failure;

/// Version of the document: raised when a program that reads it would have to change.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    exit_code: u8,
    destinations: &'a [Report],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    suspended: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
}

/// The document of some runs.
pub(super) fn reports(exit_code: u8, destinations: &[Report], suspended: &[String]) -> String {
    text(&Document { version: VERSION, exit_code, destinations, suspended, problems: &[] })
}

/// The document of a command that failed before any run.
pub(super) fn failed(failure: &Failure) -> String {
    text(&Document {
        version: VERSION,
        exit_code: failure.code,
        destinations: &[],
        suspended: &[],
        problems: &failure.problems,
    })
}

/// Any document as text with a line end.
pub(super) fn text(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("reports are plain data");
    text.push('\n');
    text
}
