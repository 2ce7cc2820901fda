//! Where the runs of a Destination execute.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::api::patterns;

/// Where runs execute.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Executor {
    /// Inline runs inside the operator; Job makes a Kubernetes Job for every run.
    #[serde(rename = "type")]
    pub type_: ExecutorType,
    /// Settings of the Job's pod, with type Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobPod>,
}

/// Where runs execute.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum ExecutorType {
    /// Inside the operator.
    Inline,
    /// In a Kubernetes Job for every run.
    Job,
}

/// Settings of the Job's pod.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct JobPod {
    /// Requests and limits of the worker container. Default: as the operator was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Node labels that the pod needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "label_map")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Taints that the pod tolerates, as in a Pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Option<Vec<Toleration>>,
    /// PriorityClass of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_NAME))]
    pub priority_class_name: Option<String>,
    /// Extra labels of the pod, outside the domains of Kubernetes, GitOps tools and the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "label_map")]
    #[x_kube(validation = ("self.all(k, !k.matches('(^|[.])(kubernetes[.]io|k8s[.]io|argoproj[.]io|fluxcd[.]io|helm[.]sh|grouparoo[.]io)/'))", "labels of kubernetes.io, k8s.io, argoproj.io, fluxcd.io, helm.sh and grouparoo.io are reserved"))]
    pub pod_labels: Option<BTreeMap<String, String>>,
    /// Extra annotations of the pod, outside the same domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "annotation_map")]
    #[x_kube(validation = ("self.all(k, !k.matches('(^|[.])(kubernetes[.]io|k8s[.]io|argoproj[.]io|fluxcd[.]io|helm[.]sh|grouparoo[.]io)/'))", "annotations of kubernetes.io, k8s.io, argoproj.io, fluxcd.io, helm.sh and grouparoo.io are reserved"))]
    pub pod_annotations: Option<BTreeMap<String, String>>,
}

/// Requests and limits of a container.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Amounts that the container is promised, such as cpu and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantity_map")]
    pub requests: Option<BTreeMap<String, String>>,
    /// Amounts that the container may not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantity_map")]
    pub limits: Option<BTreeMap<String, String>>,
}

/// A taint that the pod tolerates.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// Key of the taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    pub key: Option<String>,
    /// Exists or Equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub operator: Option<String>,
    /// Value of the taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// Effect of the taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub effect: Option<String>,
    /// How long the taint is tolerated, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// At most sixteen labels.
fn label_map(_: &mut SchemaGenerator) -> Schema {
    text_map(16, 63)
}

/// At most sixteen annotations.
fn annotation_map(_: &mut SchemaGenerator) -> Schema {
    text_map(16, 1024)
}

/// At most eight quantities.
fn quantity_map(_: &mut SchemaGenerator) -> Schema {
    text_map(8, 32)
}

/// A bounded map of bounded texts; the derive has no attribute for either bound.
fn text_map(entries: u32, length: u32) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "maxProperties": entries,
        "additionalProperties": { "type": "string", "maxLength": length },
    })
}
