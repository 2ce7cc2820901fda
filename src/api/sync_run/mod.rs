//! `SyncRun`: one execution of a Destination, made by the operator or by a person.
#![allow(clippy::duplicated_attributes, reason = "the lint takes the parts of two printer columns for one")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared::{Ref, Span};

pub use status::{
    CodeCount, EarlierStart, FieldChanges, GroupChanges, Inputs, Plan, Progress, ReadSource, Rejects,
    RunError, SyncRunStatus,
};

mod status;

/// What to execute. It cannot be changed, only cancelled.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "grouparoo.io",
    version = "v1alpha1",
    kind = "SyncRun",
    plural = "syncruns",
    shortname = "srun",
    category = "grouparoo",
    namespaced,
    doc = "A SyncRun is one execution of a Destination, made by the operator or by a person.",
    status = "SyncRunStatus",
    derive = "PartialEq",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    selectable = ".spec.destinationRef.name",
    printcolumn(name = "Destination", type_ = "string", json_path = ".spec.destinationRef.name"),
    printcolumn(name = "Trigger", type_ = "string", json_path = ".status.trigger"),
    printcolumn(
        name = "Succeeded",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Succeeded")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Succeeded")].reason"#
    ),
    printcolumn(name = "Started", type_ = "date", json_path = ".status.startTime"),
    printcolumn(name = "Duration", type_ = "string", json_path = ".status.duration"),
    printcolumn(name = "Read", type_ = "integer", json_path = ".status.counts.read"),
    printcolumn(name = "Added", type_ = "integer", json_path = ".status.counts.added"),
    printcolumn(name = "Updated", type_ = "integer", json_path = ".status.counts.updated"),
    printcolumn(name = "Deleted", type_ = "integer", json_path = ".status.counts.deleted"),
    printcolumn(name = "Failed", type_ = "integer", json_path = ".status.counts.rejected"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode", priority = 1),
    printcolumn(name = "Job", type_ = "string", json_path = ".status.jobName", priority = 1),
    printcolumn(name = "Attempt", type_ = "integer", json_path = ".spec.attempt", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Succeeded")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.destinationRef.name == oldSelf.destinationRef.name && self.mode == oldSelf.mode && has(self.trigger) == has(oldSelf.trigger) && (!has(self.trigger) || self.trigger == oldSelf.trigger) && has(self.slot) == has(oldSelf.slot) && (!has(self.slot) || self.slot == oldSelf.slot) && has(self.attempt) == has(oldSelf.attempt) && (!has(self.attempt) || self.attempt == oldSelf.attempt) && has(self.ttlAfterFinished) == has(oldSelf.ttlAfterFinished) && (!has(self.ttlAfterFinished) || self.ttlAfterFinished == oldSelf.ttlAfterFinished)", "a SyncRun cannot be changed, only cancelled; create another one"))]
#[x_kube(validation = ("!has(oldSelf.cancel) || !oldSelf.cancel || has(self.cancel) && self.cancel", "cancel cannot be taken back"))]
pub struct SyncRunSpec {
    /// Destination to execute.
    pub destination_ref: Ref,
    /// Sync sends what changed, Plan sends nothing and counts, FullResync sends every value again, RetryRejected sends what was rejected before.
    pub mode: RunMode,
    /// What started the run; only the operator sets it, people leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Scheduled time, request token or generation that the run answers; only the operator sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub slot: Option<String>,
    /// Number of the retry, from 1; only the operator sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub attempt: Option<i32>,
    /// Set to true to stop the run at its next checkpoint; it cannot be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<bool>,
    /// Age at which this run is removed after it ended. Default: the Destination's history for the operator's runs, never for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_after_finished: Option<Span>,
}

/// What a run does.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
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

/// What started a run.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum Trigger {
    /// The schedule.
    Schedule,
    /// A change of what is sent.
    Change,
    /// A request by annotation.
    Request,
    /// The failure of an earlier run.
    Retry,
    /// The answer to a question.
    Approval,
    /// The deletion of the Destination.
    Cleanup,
}
