//! The CustomResourceDefinitions of the five kinds, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;

use super::{BrazeApp, Destination, Model, Source, SyncRun};

/// The five definitions, in the order in which people write the kinds.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [BrazeApp::crd(), Source::crd(), Model::crd(), Destination::crd(), SyncRun::crd()]
        .into_iter()
        .map(complete)
        .collect()
}

/// One definition as YAML, the same text every time.
pub fn to_yaml(crd: &CustomResourceDefinition) -> String {
    serde_saphyr::to_string(crd).expect("a definition is plain data")
}

/// All definitions in one stream, for `kubectl apply --server-side -f -`.
pub fn all_as_yaml() -> String {
    crds().iter().map(|crd| format!("---\n{}", to_yaml(crd))).collect()
}

/// Name of the file under `crds/` that holds a definition.
pub fn file_name(crd: &CustomResourceDefinition) -> String {
    format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural)
}

/// Adds what the derive has no attribute for: the first status of an object, from which readers see that
/// nobody has looked at it yet.
fn complete(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(status) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
            .and_then(|root| root.properties.as_mut())
            .and_then(|properties| properties.get_mut("status"))
        {
            status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
            status.nullable = None;
        }
    }
    crd
}

/// The schema of a definition's only version.
pub fn schema(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    crd.spec.versions[0]
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref())
        .expect("derived definitions carry a schema")
}

#[cfg(test)]
#[path = "crds_tests.rs"]
mod tests;
