//! Objects of our kinds, and what a real API server says to them.

use std::collections::BTreeSet;

use axum::http::Request;
use futures::{StreamExt as _, stream};
use grouparoo::api::{API_VERSION, check, crds};
use kube::Client;
use serde_json::{Value, json};

use crate::support::control_plane::Space;

/// Requests at a time: enough to keep the server busy.
const AT_ONCE: usize = 8;

/// The examples of the design, and those that hold all other fields.
pub fn examples() -> Vec<Value> {
    let texts = [include_str!("../../../src/api/check/examples.yaml"), include_str!("full.yaml")];
    texts.into_iter().flat_map(documents).filter(|it| it["apiVersion"] == API_VERSION).collect()
}

/// Documents of a stream of YAML.
pub fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).expect("the text is YAML")
}

/// An object that the server names itself.
pub fn object(kind: &str, spec: &Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "generateName": "it-" }, "spec": spec })
}

/// The word for a kind in paths.
pub fn plural(kind: &str) -> String {
    crds::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .expect("a kind of ours")
        .spec
        .names
        .plural
}

/// Name, the schema of the spec, the schema of the status, of each kind.
pub fn schemas() -> Vec<(String, Value, Value)> {
    let all = crds::crds().into_iter().map(|crd| {
        let schema = serde_json::to_value(crds::schema(&crd)).expect("a schema is plain data");
        let part = |name: &str| schema["properties"][name].clone();
        (crd.spec.names.kind.clone(), part("spec"), part("status"))
    });
    all.collect()
}

/// What the server says to objects, in their order, without keeping any: nothing, or why it refuses one. Unknown
/// fields are refused, as kubectl does.
pub async fn judge(space: &Space, objects: &[Value]) -> Vec<Option<String>> {
    let asking = objects.iter().map(|object| create(&space.client, &space.name, object));
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

async fn create(client: &Client, namespace: &str, object: &Value) -> Option<String> {
    let kind = plural(object["kind"].as_str().expect("a kind"));
    let path = format!("/apis/{API_VERSION}/namespaces/{namespace}/{kind}?dryRun=All&fieldValidation=Strict");
    let request = Request::post(path).header("Content-Type", "application/json");
    let request = request.body(object.to_string().into_bytes()).expect("a good path");
    match client.request_text(request).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some(status.message),
        Err(error) => panic!("the server does not answer: {error}"),
    }
}

/// What our own check says: nothing, or why it refuses the object.
pub fn our_judgement(object: &Value) -> Option<String> {
    let kind = check::kind(object["kind"].as_str().expect("a kind")).expect("a kind of ours");
    let found = kind.check(object.get("spec"), None);
    (!found.is_empty()).then(|| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Paths of all fields that a value holds, entries of lists without their number.
pub fn fields_of(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                fields_of(field, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields_of(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

/// Paths of all fields that a schema knows, likewise.
pub fn fields_known(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        fields_known(child, &path, found);
        found.insert(path);
    }
    if schema["items"].is_object() {
        fields_known(&schema["items"], &format!("{path}[]"), found);
    }
}
