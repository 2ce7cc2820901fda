//! What a run did.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::destination::PendingApproval;
use crate::api::shared::Warning;
use crate::api::statistics::{Attributes, Counts, Memberships, Traffic};

/// What the run did.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct SyncRunStatus {
    /// Generation of the object that this status is about; -1 before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// State of the object, one entry a type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
    /// spec.trigger, or Manual for a run made by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub trigger: Option<String>,
    /// When the run started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// How long the run took, such as 4m12s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 28))]
    pub duration: Option<String>,
    /// How often this run was started; more than 1 after a restart of the operator or of its Pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub starts: Option<i32>,
    /// What earlier starts did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub earlier_starts: Option<Vec<EarlierStart>>,
    /// Job that executes the run, with executor Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub job_name: Option<String>,
    /// Versions of the objects that the run executes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
    /// How far the run has come, while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// How the rows were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ReadSource>,
    /// What happened, or with mode Plan would happen, to the records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Why records were skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["code".into()]))]
    pub skipped_by: Option<Vec<CodeCount>>,
    /// Values, not records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// Memberships, not records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memberships: Option<Memberships>,
    /// What the run cost, or with mode Plan would cost, at Braze.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Members and changes of each mapped group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub groups: Option<Vec<GroupChanges>>,
    /// Fields of the Braze profile that changed most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub fields: Option<Vec<FieldChanges>>,
    /// Most frequent errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub errors: Option<Vec<RunError>>,
    /// What a plan found, with mode Plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Where all rejected records are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<Rejects>,
    /// Questions that the run left open; those of the newest run stand in the status of the Destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["token".into()]))]
    pub pending_approvals: Option<Vec<PendingApproval>>,
    /// Advice that the run gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub warnings: Option<Vec<Warning>>,
    /// Records that Braze held of ours after the run, as far as remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub known_records: Option<i64>,
    /// Serial of the run in the remembered state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub state_serial: Option<i64>,
}

/// What an earlier start did.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct EarlierStart {
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// What it did to the records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

/// Versions of the objects that a run executes.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// Generation of the Destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub destination_generation: Option<i64>,
    /// Generation of the Model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub model_generation: Option<i64>,
    /// Generation of the Source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub source_generation: Option<i64>,
    /// Generation of the BrazeApp.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub app_generation: Option<i64>,
    /// Version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// Digest of all that decides what is sent; when it is another one later, a change starts a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub digest: Option<String>,
}

/// How far a run has come.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Waiting, Checking, Reading, Leaving, Removing or Closing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub stage: Option<String>,
    /// Share of the expected rows that is done, when their number is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<i32>,
    /// Rows to expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rows_expected: Option<i64>,
    /// Rows read per second, lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rows_per_second: Option<i64>,
    /// When these figures were taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// How the rows were read.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct ReadSource {
    /// Full or Incremental.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub mode: Option<String>,
    /// Bytes read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes: Option<i64>,
    /// How long reading took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 28))]
    pub duration: Option<String>,
    /// When all rows were last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_full_read: Option<Time>,
}

/// How often something happened.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeCount {
    /// Stable CamelCase word for what happened.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// How often it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub count: Option<i64>,
}

/// Members and changes of one group.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupChanges {
    /// Name of the group.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Members at the end of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub members: Option<i64>,
    /// Memberships begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub joined: Option<i64>,
    /// Memberships ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub left: Option<i64>,
}

/// Changes of one field of the profile.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChanges {
    /// Target of the mapping.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Users whose field was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub set: Option<i64>,
    /// Users whose field was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub cleared: Option<i64>,
}

/// One of the most frequent errors.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunError {
    /// Stable CamelCase word for the error.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// Property or Braze field concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub field: Option<String>,
    /// Records concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub count: Option<i64>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub hint: Option<String>,
    /// References that grouparoo rejects --ref resolves to keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 3), inner(length(max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub refs: Option<Vec<String>>,
}

/// What a plan found.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The instant that rules saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Time>,
    /// Passes or Trips.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub guard: Option<String>,
    /// Questions that the run would ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["token".into()]))]
    pub approvals: Option<Vec<PendingApproval>>,
    /// Warnings that the run would give.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["code".into()]))]
    pub warnings: Option<Vec<CodeCount>>,
}

/// Where all rejected records are listed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Rejects {
    /// Records in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub count: Option<i64>,
    /// Path of the list in the state store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub location: Option<String>,
}
