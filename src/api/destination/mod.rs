//! `Destination`: which records and groups go to Braze, as what, and when.
#![allow(clippy::duplicated_attributes, reason = "the lint takes the parts of two printer columns for one")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;
use super::shared::{Ref, Span};

pub use executor::{Executor, ExecutorType, JobPod, Resources, Toleration};
pub use group_mapping::{
    Channel, GroupMapping, GroupOptInPolicy, MembershipTarget, NonMembers, OnJoin, OnLeave, Style,
};
pub use property_mapping::{
    As, Check, OnNull, OptInPolicy, PropertyMapping, TargetKind, TooLong, ValueOrigin,
};
pub use settings::{
    Budget, BudgetPeriod, BudgetResource, Collection, CollectionType, ConcurrencyPolicy, DeletionGuard,
    Enrich, History, RejectTolerance, Retry, Schedule, Timing,
};
pub use status::{ActiveRun, DestinationStatus, LastRun, PendingApproval, RetryStatus, TopError};

mod executor;
mod group_mapping;
mod property_mapping;
mod settings;
mod status;

/// Which records and groups go to Braze, as what, and when.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "grouparoo.io",
    version = "v1alpha1",
    kind = "Destination",
    plural = "destinations",
    shortname = "sdest",
    category = "grouparoo",
    namespaced,
    doc = "A Destination says which records and groups go to Braze, as what, and when.",
    status = "DestinationStatus",
    derive = "PartialEq",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    selectable = ".spec.appRef.name",
    selectable = ".spec.modelRef.name",
    selectable = ".spec.suspend",
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.modelRef.name"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.syncMode"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Last-Sync", type_ = "date", json_path = ".status.lastSuccessTime"),
    printcolumn(name = "Added", type_ = "integer", json_path = ".status.lastRun.counts.added"),
    printcolumn(name = "Updated", type_ = "integer", json_path = ".status.lastRun.counts.updated"),
    printcolumn(name = "Deleted", type_ = "integer", json_path = ".status.lastRun.counts.deleted"),
    printcolumn(name = "Failed", type_ = "integer", json_path = ".status.lastRun.counts.rejected"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Schedule", type_ = "string", json_path = ".status.schedule", priority = 1),
    printcolumn(name = "Next-Run", type_ = "string", json_path = ".status.nextRunTime", priority = 1),
    printcolumn(name = "Duration", type_ = "string", json_path = ".status.lastRun.duration", priority = 1),
    printcolumn(name = "Last-Run", type_ = "string", json_path = ".status.lastRun.name", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.propertyMappings.exists(m, m.to == 'external_id' && has(m.from))", "propertyMappings must map the model's primary key to external_id, such as {from: id, to: external_id}"))]
#[x_kube(validation = ("!has(self.groupMappings) || !self.groupMappings.exists(g, has(g.customAttribute) && self.propertyMappings.exists(m, m.to == g.customAttribute))", "a customAttribute of groupMappings cannot also be a target of propertyMappings"))]
pub struct DestinationSpec {
    /// BrazeApp to send to.
    pub app_ref: Ref,
    /// Model whose records are sent.
    pub model_ref: Ref,
    /// Name under which the operator remembers what was delivered; keep the old name here when you rename the Destination. Default: the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_NAME))]
    pub state_name: Option<String>,
    /// Which records are wanted in Braze. Default: all records of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("(self.type == 'Group') == has(self.group)", "group must be set exactly when type is Group"))]
    pub collection: Option<Collection>,
    /// Sync creates, updates and deletes users; Additive creates and updates; Enrich only updates.
    pub sync_mode: SyncMode,
    /// When runs start. Default: only after a change of the objects and on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Whether a change of what is sent starts a run at once or waits for the schedule or a request. Default: Run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_change: Option<OnChange>,
    /// Which value goes to which field of the Braze user profile.
    #[schemars(length(max = 250))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["to".into()]))]
    pub property_mappings: Vec<PropertyMapping>,
    /// Which group of the model becomes which membership in Braze.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(validation = ("self.all(g, !has(g.subscriptionGroupId) || self.exists_one(o, has(o.subscriptionGroupId) && o.subscriptionGroupId == g.subscriptionGroupId))", "each subscriptionGroupId may be mapped once"))]
    #[x_kube(validation = ("self.all(g, !has(g.customAttribute) || self.exists_one(o, has(o.customAttribute) && o.customAttribute == g.customAttribute && (has(o.style) && o.style == 'Flag' || (has(o.value) ? o.value : o.group) == (has(g.value) ? g.value : g.group))))", "each element of a customAttribute may be mapped once, and an attribute of style Flag takes one group"))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub group_mappings: Option<Vec<GroupMapping>>,
    /// What happens in the very first run, when nothing is remembered yet. Default: SendAll, unless a question must be answered first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_sync: Option<InitialSync>,
    /// Whether a field that is no longer mapped is removed in Braze (Clear) or left as it is (Leave). Default: Clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unmap: Option<OnUnmap>,
    /// Settings for syncMode Enrich.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrich: Option<Enrich>,
    /// Keeps removals back when a run would remove more than this within 24 hours; a person must then approve exactly that set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_guard: Option<DeletionGuard>,
    /// How many records may be rejected before a run stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_tolerance: Option<RejectTolerance>,
    /// Amounts that may not be passed; what is left over waits for the next run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["resource".into(), "per".into()]))]
    pub budgets: Option<Vec<Budget>>,
    /// How a failed run is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest time a run may take before it is stopped as failed. Default: 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "runTimeout must be at least 1m"))]
    pub run_timeout: Option<Span>,
    /// How many finished runs are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Where runs execute. Default: as the operator was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!has(self.job) || self.type == 'Job'", "job belongs to type Job"))]
    pub executor: Option<Executor>,
    /// What deleting this object does in Braze: nothing (Retain), or the same as collection None (Delete). Default: Retain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Set to true to start no more runs; a run in progress stops at its next checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// What happens to users.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum SyncMode {
    /// Creates, updates and deletes users.
    Sync,
    /// Creates and updates users.
    Additive,
    /// Only updates users that Braze knows.
    Enrich,
}

/// What a change of what is sent does.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum OnChange {
    /// It starts a run at once.
    Run,
    /// It waits for the schedule or a request.
    Wait,
}

/// What happens in the very first run.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum InitialSync {
    /// Everything is sent.
    SendAll,
    /// Braze's present content is taken as equal to the source; nothing is sent.
    Adopt,
}

/// What happens to a field that is no longer mapped.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum OnUnmap {
    /// It is removed in Braze.
    Clear,
    /// It is left as it is.
    Leave,
}

/// What deleting the object does in Braze.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum DeletionPolicy {
    /// Nothing.
    Retain,
    /// The same as collection None, then the memory is forgotten.
    Delete,
}

impl DestinationSpec {
    /// The group mappings.
    pub fn group_mappings(&self) -> &[GroupMapping] {
        self.group_mappings.as_deref().unwrap_or_default()
    }
}
