//! Is an object what its kind's schema and rules ask for? Answered in process, from the definition itself.
//!
//! Promises: everything that a Kubernetes API server refuses is refused, all problems at once, each with the
//! path of its field; unknown fields are refused too, as kubectl does. No message holds a value of the object,
//! apart from a word where one of a few was expected. Refuses to know: where the object came from.

use std::sync::LazyLock;

use kube::core::cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use serde_json::Value;

use super::crds;

mod structure;
mod words;

pub use structure::{Problem, Violation};

/// A kind of this program, ready to check objects.
pub struct Kind {
    /// Name of the kind, such as `Model`.
    pub name: String,
    schema: Value,
    status: Value,
    rules: CompiledSchema,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| crds::crds().iter().map(Kind::new).collect());

/// All kinds, in the order in which people write them.
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    fn new(
        crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    ) -> Self {
        let root = serde_json::to_value(crds::schema(crd)).expect("a schema is plain data");
        let mut spec_only = serde_json::json!({ "type": "object", "required": ["spec"], "properties": {} });
        spec_only["properties"]["spec"] = root["properties"]["spec"].clone();
        let rules = compile_schema(&spec_only);
        let status = root["properties"]["status"].clone();
        Self { name: crd.spec.names.kind.clone(), schema: spec_only, status, rules }
    }

    /// The schema of `{spec: …}`, as JSON.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// What is wrong with the `spec` of an object; nothing: it is accepted.
    ///
    /// `before`: the `spec` that it replaces, for rules about changes.
    pub fn check(&self, spec: Option<&Value>, before: Option<&Value>) -> Vec<Violation> {
        let mut object = serde_json::Map::new();
        if let Some(spec) = spec {
            object.insert("spec".to_owned(), spec.clone());
        }
        let object = Value::Object(object);
        let mut found = structure::check(&self.schema, &object);
        let seen_by_rules = structure::seen_by_rules(&self.schema, &object);
        let before =
            before.map(|spec| structure::seen_by_rules(&self.schema, &serde_json::json!({ "spec": spec })));
        let broken = self.broken_rules(&seen_by_rules, before.as_ref());
        let unrelated: Vec<Violation> =
            broken.into_iter().filter(|rule| !found.iter().any(|fault| fault.concerns(rule))).collect();
        found.extend(unrelated);
        found
    }

    /// What is wrong with the `status` of an object; nothing: it is accepted. Status has no rules, only shapes.
    pub fn check_status(&self, status: &Value) -> Vec<Violation> {
        let schema = serde_json::json!({ "type": "object", "properties": { "status": self.status } });
        structure::check(&schema, &serde_json::json!({ "status": status }))
    }

    fn broken_rules(&self, object: &Value, before: Option<&Value>) -> Vec<Violation> {
        let Err(errors) = Validator::new().validate_compiled(&self.rules, object, before) else {
            return Vec::new();
        };
        errors
            .into_iter()
            .map(|error| Violation {
                path: error.field_path,
                problem: match error.kind {
                    ErrorKind::ValidationFailure => Problem::Rule(error.message),
                    _ => Problem::Unevaluated(error.message),
                },
            })
            .collect()
    }
}

#[cfg(test)]
mod fragments;
#[cfg(test)]
mod rule_table;
#[cfg(test)]
mod tests;
