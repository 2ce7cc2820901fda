//! Figures of a run, shown on SyncRun and on its Destination.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What happened, or with mode Plan would happen, to the records.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Rows read from the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub read: Option<i64>,
    /// Known records that were not in the source any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub gone: Option<i64>,
    /// Records delivered for the first time or again after they had left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub added: Option<i64>,
    /// Records of which something was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub updated: Option<i64>,
    /// Records equal to what was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub unchanged: Option<i64>,
    /// Users deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub deleted: Option<i64>,
    /// Records that left the collection or the source and whose user stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub released: Option<i64>,
    /// Records not wanted, or unknown to Braze in mode Enrich.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub skipped: Option<i64>,
    /// Records whose key or whole object cannot be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub invalid: Option<i64>,
    /// Records that Braze refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub failed: Option<i64>,
    /// Removals kept back by the guard or an open question, and changes kept back by a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub held: Option<i64>,
    /// Changes not acknowledged at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub pending: Option<i64>,
    /// Invalid plus failed: the base of rejectTolerance and the column FAILED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rejected: Option<i64>,
}

/// Values, not records.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// Values acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub sent: Option<i64>,
    /// Fields removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub cleared: Option<i64>,
    /// Values that could not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub dropped: Option<i64>,
    /// Opt-ins held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub held_consent: Option<i64>,
    /// Values sent with a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub warned: Option<i64>,
}

/// Memberships, not records.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Memberships {
    /// Joins written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub joins: Option<i64>,
    /// Leaves written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub leaves: Option<i64>,
    /// Members found subscribed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub already_there: Option<i64>,
    /// Members left alone because the person opted out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub opted_out: Option<i64>,
    /// Members without a usable address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub no_address: Option<i64>,
    /// Changes left for the next run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub deferred: Option<i64>,
    /// Leaves not written because another member has the same address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub shared_address: Option<i64>,
    /// Changes that Braze refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub refused: Option<i64>,
}

/// What the run cost, or with mode Plan would cost, at Braze.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Requests answered by Braze.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub requests: Option<i64>,
    /// Of these, to /users/track.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub track: Option<i64>,
    /// Of these, to /users/delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub delete: Option<i64>,
    /// Of these, look-ups of users.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub lookup: Option<i64>,
    /// Of these, reads of subscription states.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub status: Option<i64>,
    /// Requests sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub retries: Option<i64>,
    /// User objects and deleted ids sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub objects: Option<i64>,
    /// Bytes of request bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes: Option<i64>,
    /// Data points by Braze's rules, estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub data_points: Option<i64>,
    /// Time spent waiting for rate limits, such as 35s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 28))]
    pub throttled: Option<String>,
}
