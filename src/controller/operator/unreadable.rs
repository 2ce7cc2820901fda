//! Objects that this program cannot read, such as those with a value that a newer version added. The others go on.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::DynamicObject;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use kube::{Api, CustomResourceExt, Resource};
use serde_json::{Value, json};

use crate::api::check;
use crate::cluster::{apply_dynamic_status, call};
use crate::controller::conditions::{Marks, Progressed, Readiness, next, next_of_run};

use super::context::Context;
use super::error::Error;
use super::refusals::AGAIN;

/// Writes into the status what is wrong with an object, naming the field.
pub async fn report<K>(context: &Context, object: &InvalidObject) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()> + CustomResourceExt,
{
    let kind = K::kind(&()).into_owned();
    if context.is_refused(&kind, &object.metadata) {
        return Ok(context.again_after(AGAIN));
    }
    let (namespace, name) = (
        object.metadata.namespace.clone().unwrap_or_default(),
        object.metadata.name.clone().unwrap_or_default(),
    );
    let api: Api<DynamicObject> =
        Api::namespaced_with(context.clients.calls.clone(), &namespace, &K::api_resource());
    let what = format!("{kind} {name}");
    let found = match call(&context.clock, "get", &what, api.get_opt(&name)).await? {
        Some(found) => found,
        None => return Ok(context.again_at([None])),
    };
    let message = sentence(&kind, &found);
    let generation = found.metadata.generation.unwrap_or(0);
    let previous: Vec<Condition> = found
        .data
        .pointer("/status/conditions")
        .and_then(|list| serde_json::from_value(list.clone()).ok())
        .unwrap_or_default();
    let now = context.now();
    let conditions = if kind == "SyncRun" {
        let failed = Progressed::Failed { reason: "InvalidSpec".to_owned(), message: message.clone() };
        next_of_run(&previous, &failed, generation, now)
    } else {
        let stalled = Readiness::Stalled { reason: "InvalidSpec".to_owned(), message: message.clone() };
        next(&previous, &stalled, &Marks::default(), generation, now)
    };
    let status = json!({ "observedGeneration": generation, "conditions": conditions });
    let is_news = found.data.get("status").is_none_or(|old| {
        old.get("observedGeneration") != status.get("observedGeneration")
            || old.get("conditions") != status.get("conditions")
    });
    if is_news {
        tracing::warn!("object cannot be read by this version");
        match apply_dynamic_status(&api, &context.clock, &K::api_resource(), &name, &status).await {
            Ok(()) => context.status_accepted(&kind, &found.metadata),
            Err(error) if error.refuses_what_is_stored() => {
                let reference = ObjectReference {
                    api_version: Some(K::api_version(&()).into_owned()),
                    kind: Some(kind),
                    name: Some(name),
                    namespace: Some(namespace),
                    uid: found.metadata.uid.clone(),
                    ..ObjectReference::default()
                };
                context.tell_refused(&reference, &found.metadata, &message).await;
                return Ok(context.again_after(AGAIN));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(context.again_at([None]))
}

/// The first field that does not fit the definition that this program carries.
fn sentence(kind: &str, object: &DynamicObject) -> String {
    let spec = object.data.get("spec").cloned().unwrap_or(Value::Null);
    let violations = check::kind(kind).map(|kind| kind.check(Some(&spec), None)).unwrap_or_default();
    match violations.into_iter().next() {
        Some(violation) => {
            format!("{}: {}; this version of grouparoo cannot read it", violation.path, violation.problem)
        }
        None => {
            "this version of grouparoo cannot read the object; use the version that its definition came with"
                .to_owned()
        }
    }
}
