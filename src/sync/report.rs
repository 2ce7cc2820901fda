//! What a run reports: everything that its status, its summary and its JSON show.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{ErrorCount, GroupCount, Warning};
use super::memory::Question;
use super::outcome::{Attributes, Counts, Memberships};
use super::reason::Reason;
use crate::braze::Answers;

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunMode {
    /// Sends what changed.
    Sync,
    /// Sends nothing and counts.
    Plan,
    /// Sends every value again.
    FullResync,
    /// Sends what was rejected before.
    RetryRejected,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Complete read, nothing held or pending.
    Succeeded,
    /// One reason says why not.
    Failed,
    /// By a person or an edit.
    Cancelled,
}

/// The report of one run of one Destination. Field names are stable.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Namespace of the Destination.
    pub namespace: String,
    /// Name of the Destination.
    pub destination: String,
    /// What the run did.
    pub mode: RunMode,
    /// How it ended.
    pub result: Verdict,
    /// Why, unless it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// A sentence for a person, unless it succeeded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Exit code of the command line for this Destination.
    pub exit_code: u8,
    /// Serial of the run in the state; absent when the state could not be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// When it started: also the `now` of group rules, in whole seconds.
    pub start_time: Timestamp,
    /// When the last commit ended.
    pub completion_time: Timestamp,
    /// How the rows were read.
    pub source: SourceReport,
    /// Records by outcome.
    pub counts: Counts,
    /// Invalid plus failed.
    pub rejected: u64,
    /// Why records were skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_by: Vec<CodeCount>,
    /// Values.
    pub attributes: Attributes,
    /// Memberships.
    pub memberships: Memberships,
    /// What it cost at Braze, or would cost.
    pub traffic: TrafficReport,
    /// Mapped groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupCount>,
    /// Fields of the profile that changed most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldReport>,
    /// Most frequent errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorCount>,
    /// Advice that stops nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Questions that wait for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_approvals: Vec<PendingApproval>,
    /// Records that Braze holds of ours, as far as remembered, after the run.
    pub known_records: u64,
    /// Rejected records and values that can be listed.
    pub rejects: u64,
    /// Mode Plan: what would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanReport>,
}

/// How the rows were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// `Full`, `Keys`, or `None` with collection None.
    pub mode: String,
    /// Bytes read.
    pub bytes: u64,
    /// How long reading took, in milliseconds.
    pub duration_millis: u64,
    /// Rows that the source or the last full read let expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_expected: Option<u64>,
}

/// A code with its count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeCount {
    /// The code.
    pub code: String,
    /// How many.
    pub count: u64,
}

/// What a run cost at Braze.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficReport {
    /// Requests answered.
    pub requests: u64,
    /// Of these, to `/users/track`.
    pub track: u64,
    /// Of these, to `/users/delete`.
    pub delete: u64,
    /// Of these, to `/users/export/ids`.
    pub lookup: u64,
    /// Of these, to `/subscription/status/get`.
    pub status: u64,
    /// Requests sent again.
    pub retries: u64,
    /// User objects and deleted ids sent.
    pub objects: u64,
    /// Bytes of request bodies.
    pub bytes: u64,
    /// Data points by Braze's rules, estimated.
    pub data_points: u64,
    /// Milliseconds spent waiting for rate limits.
    pub throttled_millis: u64,
    /// How the requests were answered: for metrics, not for the document.
    #[serde(skip)]
    pub answers: Answers,
}

/// Changes of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldReport {
    /// Name of the target.
    pub name: String,
    /// Users whose field was set.
    pub set: u64,
    /// Users whose field was removed.
    pub cleared: u64,
}

/// A question that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingApproval {
    /// What to write into the approval.
    pub token: String,
    /// Which question.
    pub question: Question,
    /// What this token says, where a question has several answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What happens when it is given.
    pub message: String,
    /// Records that would be removed.
    pub removals: u64,
    /// Known records at that time.
    pub known_records: u64,
    /// When it was asked first.
    pub since: Timestamp,
    /// When the token loses its meaning.
    pub expires: Timestamp,
}

/// What a plan adds to the counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// The instant that rules saw.
    pub now: Timestamp,
    /// Whether the guard lets the removals pass: `Passes` or `Trips`.
    pub guard: String,
    /// Some objects as they would be sent.
    pub samples: Vec<Sample>,
    /// Enrich: records whose existence would be looked up first; 0 when Braze was asked.
    pub unknown: u64,
    /// Whether Braze was asked who exists and who opted out: then nothing is an upper bound.
    #[serde(default)]
    pub looked_up: bool,
}

/// One record as it would be sent. Shown on the terminal or in a file, never in a status.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// The external id.
    pub key: String,
    /// `add`, `update`, `release` or `delete`.
    pub action: String,
    /// The object; none for a delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Box<serde_json::value::RawValue>>,
}
