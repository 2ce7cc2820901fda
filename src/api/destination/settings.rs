//! Blocks of a Destination that say when runs start and what stops them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::patterns;
use crate::api::shared::{InvalidSpec, Span, exactly_one};

/// Which records are wanted in Braze.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// All records, the members of one Group, or None to take everything back.
    #[serde(rename = "type")]
    pub type_: CollectionType,
    /// Name of the model's group, with type Group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub group: Option<String>,
}

/// Which records are wanted.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum CollectionType {
    /// All records of the model.
    All,
    /// The members of one group.
    Group,
    /// No record: everything is taken back.
    None,
}

/// When runs start.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.cron) != has(self.interval)", "set exactly one of cron and interval"))]
#[x_kube(validation = ("!has(self.timeZone) || has(self.cron)", "timeZone belongs to cron"))]
pub struct Schedule {
    /// Five-field cron expression, or @hourly, @daily, @weekly, @monthly, @yearly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 120))]
    #[x_kube(validation = ("self.matches('^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$') || self.matches('^[0-9*,/-]+ +[0-9*,/-]+ +[0-9*?,/-]+ +[0-9A-Za-z*,/-]+ +[0-9A-Za-z*?,/-]+$')", "cron must have five fields, such as '*/15 * * * *', or be one of @hourly, @daily, @weekly, @monthly, @yearly"))]
    pub cron: Option<String>,
    /// Time from the start of one run to the start of the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('10s')", "interval must be at least 10s"))]
    pub interval: Option<Span>,
    /// IANA time zone of cron. Default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = patterns::TIME_ZONE))]
    pub time_zone: Option<String>,
    /// How late a run may still start; later it is left out. Default: any time, one run for all missed ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_deadline: Option<Span>,
    /// What a due run does while another is active: Forbid lets one wait, Replace cancels the active one. Default: Forbid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_policy: Option<ConcurrencyPolicy>,
    /// Delays each start by a fixed part of this span, different for each Destination. Default: 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
}

/// What a due run does while another is active.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum ConcurrencyPolicy {
    /// It waits.
    Forbid,
    /// It cancels the active one.
    Replace,
}

/// Settings for syncMode Enrich.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Enrich {
    /// How long a record whose user Braze did not know rests before it is looked up again. Default: 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "recheckMissing must be at least 1m"))]
    pub recheck_missing: Option<Span>,
    /// How long an existing user is taken to exist still. Default: 168h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "recheckExisting must be at least 1m"))]
    pub recheck_existing: Option<Span>,
}

/// Keeps removals back.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct DeletionGuard {
    /// Largest share of the known records, in percent; 100 removes the bound. Default: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_percent: Option<i32>,
    /// Largest number of records. Default: 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_count: Option<i64>,
    /// Up to so many are always allowed. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_count: Option<i64>,
    /// Full reads in a row in which a record must be missing before it counts as gone. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub absent_reads: Option<i32>,
}

/// How many records may be rejected before a run stops.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct RejectTolerance {
    /// Largest share of the records, in percent; 100 removes the bound. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_percent: Option<i32>,
    /// Up to so many never stop a run. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_count: Option<i64>,
}

/// An amount that may not be passed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// What is counted: DataPoints, Requests, or Records sent.
    pub resource: BudgetResource,
    /// Period of the budget: one Run, or one Day in UTC.
    pub per: BudgetPeriod,
    /// Largest amount in that period.
    #[schemars(range(min = 1))]
    pub max: i64,
}

/// What a budget counts.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum BudgetResource {
    /// Data points, by Braze's rules.
    DataPoints,
    /// Requests to Braze.
    Requests,
    /// Records sent.
    Records,
}

/// Period of a budget.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum BudgetPeriod {
    /// One run.
    Run,
    /// One day in UTC.
    Day,
}

/// How a failed run is tried again.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often a failed run is tried again before the Destination is Stalled. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub limit: Option<i32>,
    /// Wait before the first retry; it doubles each time. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1s')", "initialDelay must be at least 1s"))]
    pub initial_delay: Option<Span>,
    /// Longest wait between retries. Default: 30m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1s')", "maxDelay must be at least 1s"))]
    pub max_delay: Option<Span>,
}

/// How many finished runs are kept.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Succeeded runs to keep. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub succeeded_runs: Option<i32>,
    /// Failed and cancelled runs to keep. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub failed_runs: Option<i32>,
    /// Age at which a finished run is removed even below these numbers; the newest always stays. Default: no age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_after_finished: Option<Span>,
}

/// What makes a schedule due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing<'a> {
    /// A cron expression.
    Cron(&'a str),
    /// A time from start to start.
    Interval(&'a Span),
}

impl Schedule {
    /// What makes it due.
    pub fn timing(&self) -> Result<Timing<'_>, InvalidSpec> {
        exactly_one(
            [self.cron.as_deref().map(Timing::Cron), self.interval.as_ref().map(Timing::Interval)],
            "set exactly one of cron and interval",
        )
    }
}
