//! `BrazeApp`: one Braze workspace, where its REST API is and how to log in.
#![allow(clippy::duplicated_attributes, reason = "the lint takes the parts of two printer columns for one")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared::{CaRef, InvalidSpec, KeyRef, Span, Warning, ca_ref, exactly_one};

/// Where the REST API of the workspace is, and how to log in.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "grouparoo.io",
    version = "v1alpha1",
    kind = "BrazeApp",
    plural = "brazeapps",
    shortname = "sapp",
    category = "grouparoo",
    namespaced,
    doc = "A BrazeApp is one Braze workspace: where its REST API is and how to log in.",
    status = "BrazeAppStatus",
    derive = "PartialEq",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint"),
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
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Destinations", type_ = "integer", json_path = ".status.destinations", priority = 1),
    printcolumn(name = "Checked", type_ = "date", json_path = ".status.lastCheckTime", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.restEndpoint) != has(self.instance)", "set exactly one of restEndpoint and instance"))]
pub struct BrazeAppSpec {
    /// Base URL of the Braze REST API, as shown in the Braze dashboard, without a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = ("self.matches('^https://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?/?$') || self.matches('^http://(localhost|127[.]0[.]0[.]1)(:[0-9]{1,5})?/?$')", "restEndpoint must be https with a host and no path, such as https://rest.iad-01.braze.com (http only for localhost and 127.0.0.1)"))]
    #[x_kube(validation = ("!self.matches('^https://(sdk|dashboard)[-.]')", "restEndpoint must be the REST host (rest...), not the SDK or dashboard host"))]
    pub rest_endpoint: Option<String>,
    /// Name of the Braze instance, a shortcut for its public REST endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// Secret key that holds the Braze REST API key.
    pub api_key_secret_ref: KeyRef,
    /// Your name for the Braze workspace behind the key; what is remembered for one name is never used for another, and two BrazeApps of one namespace with one name share their limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub workspace: Option<String>,
    /// Extra certificate authority for the endpoint, for a proxy or a private test server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!(has(self.caSecretRef) && has(self.caConfigMapRef))", "set at most one of caSecretRef and caConfigMapRef"))]
    pub tls: Option<AppTls>,
    /// Ceilings for the traffic to this workspace, shared by all its Destinations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<AppLimits>,
    /// How often the login and the permissions are tested again. Default: 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "checkInterval must be at least 1m"))]
    pub check_interval: Option<Span>,
}

/// Extra certificate authority of a BrazeApp.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct AppTls {
    /// Secret key with the PEM certificates to trust besides the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<KeyRef>,
    /// ConfigMap key with the PEM certificates to trust besides the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<KeyRef>,
}

/// Ceilings for the traffic to one workspace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct AppLimits {
    /// Most user objects in one request to /users/track. Default: 75, Braze's own maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 75))]
    pub objects_per_request: Option<i32>,
    /// Most requests per second over all endpoints. Default: as many as Braze's rate-limit headers allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: Option<i32>,
    /// Most requests waiting for an answer at the same time. Default: 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 512))]
    pub max_in_flight: Option<i32>,
    /// Time after which Braze has applied what it accepted; the next run of a Destination waits for it. Default: 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// How long a request is tried again while Braze is down, before the run gives up. Default: 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_for: Option<Span>,
}

/// A public instance of Braze.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum Instance {
    /// The instance US-01.
    #[serde(rename = "US-01")]
    Us01,
    /// The instance US-02.
    #[serde(rename = "US-02")]
    Us02,
    /// The instance US-03.
    #[serde(rename = "US-03")]
    Us03,
    /// The instance US-04.
    #[serde(rename = "US-04")]
    Us04,
    /// The instance US-05.
    #[serde(rename = "US-05")]
    Us05,
    /// The instance US-06.
    #[serde(rename = "US-06")]
    Us06,
    /// The instance US-07.
    #[serde(rename = "US-07")]
    Us07,
    /// The instance US-08.
    #[serde(rename = "US-08")]
    Us08,
    /// The instance US-10.
    #[serde(rename = "US-10")]
    Us10,
    /// The instance EU-01.
    #[serde(rename = "EU-01")]
    Eu01,
    /// The instance EU-02.
    #[serde(rename = "EU-02")]
    Eu02,
    /// The instance AU-01.
    #[serde(rename = "AU-01")]
    Au01,
    /// The instance ID-01.
    #[serde(rename = "ID-01")]
    Id01,
    /// The instance JP-01.
    #[serde(rename = "JP-01")]
    Jp01,
    /// The instance KR-01.
    #[serde(rename = "KR-01")]
    Kr01,
}

/// What the last test of the workspace found.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct BrazeAppStatus {
    /// Generation of the object that this status is about; -1 before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// State of the object, one entry a type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
    /// Advice that stops nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub warnings: Option<Vec<Warning>>,
    /// End of the last real test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_check_time: Option<Time>,
    /// Last value of the annotation reconcile.fluxcd.io/requestedAt that was acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Last value of the annotation grouparoo.io/requested-at that was acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_request_at: Option<String>,
    /// Base URL in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub endpoint: Option<String>,
    /// What the API key may do, one entry a permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub permissions: Option<Vec<Permission>>,
    /// resourceVersion of the Secret that the last test used; it shows that a rotated key was picked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub secret_resource_version: Option<String>,
    /// Number of Destinations that name this app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub destinations: Option<i32>,
}

/// One permission of the API key.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// Braze's name of the permission, such as users.track.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Granted, Missing or Unknown.
    pub state: PermissionState,
    /// Whether a Destination needs it.
    pub needed: bool,
}

/// What is known about a permission.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum PermissionState {
    /// The key has it.
    Granted,
    /// The key does not have it.
    Missing,
    /// It could not be found out.
    Unknown,
}

impl Instance {
    /// Base URL of the instance's REST API, as Braze publishes it.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::Us01 => "https://rest.iad-01.braze.com",
            Self::Us02 => "https://rest.iad-02.braze.com",
            Self::Us03 => "https://rest.iad-03.braze.com",
            Self::Us04 => "https://rest.iad-04.braze.com",
            Self::Us05 => "https://rest.iad-05.braze.com",
            Self::Us06 => "https://rest.iad-06.braze.com",
            Self::Us07 => "https://rest.iad-07.braze.com",
            Self::Us08 => "https://rest.iad-08.braze.com",
            Self::Us10 => "https://rest.us-10.braze.com",
            Self::Eu01 => "https://rest.fra-01.braze.eu",
            Self::Eu02 => "https://rest.fra-02.braze.eu",
            Self::Au01 => "https://rest.au-01.braze.com",
            Self::Id01 => "https://rest.id-01.braze.com",
            Self::Jp01 => "https://rest.jp-01.braze.com",
            Self::Kr01 => "https://rest.kr-01.braze.com",
        }
    }
}

impl BrazeAppSpec {
    /// Base URL of the REST API, without a trailing slash.
    pub fn endpoint(&self) -> Result<&str, InvalidSpec> {
        let stated = self.rest_endpoint.as_deref().map(|url| url.strip_suffix('/').unwrap_or(url));
        exactly_one(
            [stated, self.instance.map(Instance::endpoint)],
            "set exactly one of restEndpoint and instance",
        )
    }
}

impl AppTls {
    /// Where the extra certificates stand, if any are named.
    pub fn ca(&self) -> Result<Option<CaRef<'_>>, InvalidSpec> {
        ca_ref(self.ca_secret_ref.as_ref(), self.ca_config_map_ref.as_ref())
    }
}
