//! What a run executes: the versions of its objects, and a digest of all that decides what is sent.

use std::hash::Hasher as _;

use serde::Serialize;
use serde_json::{Value, json};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::api::sync_run::Inputs;
use crate::controller::Objects;

/// Fields of a Destination that decide what is sent. The others say when and how carefully (api.md §11).
const DESTINATION: [&str; 9] = [
    "appRef",
    "modelRef",
    "stateName",
    "collection",
    "syncMode",
    "propertyMappings",
    "groupMappings",
    "initialSync",
    "onUnmap",
];
/// Those of a BrazeApp.
const APP: [&str; 3] = ["restEndpoint", "instance", "workspace"];
/// Those of a Model that do not.
const MODEL_ASIDE: [&str; 2] = ["sampleRows", "expectedRows"];
/// Those of a server that say where the data are; TLS and the login do not.
const SERVER: [&str; 4] = ["host", "port", "database", "sessionParameters"];

/// The versions of the objects as they are now.
pub fn inputs(objects: &Objects<'_>) -> Inputs {
    inputs_with(objects, digest(objects))
}

/// The same where the digest of these objects is known.
pub fn inputs_with(objects: &Objects<'_>, digest: String) -> Inputs {
    Inputs {
        destination_generation: objects.destination.metadata.generation,
        model_generation: objects.model.metadata.generation,
        source_generation: objects.source.metadata.generation,
        app_generation: objects.app.metadata.generation,
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        digest: Some(digest),
    }
}

/// A digest of all that decides what is sent: 32 hexadecimal digits.
///
/// It tells changes apart and keeps no secret; nobody gains anything from two contents with one digest.
pub fn digest(objects: &Objects<'_>) -> String {
    let model = spec(&objects.model.spec);
    let source = spec(&objects.source.spec);
    let systems = ["postgres", "mysql"].map(|system| picked(&source[system], &SERVER));
    let content = json!({
        "destination": picked(&spec(&objects.destination.spec), &DESTINATION),
        "app": picked(&spec(&objects.app.spec), &APP),
        "model": without(model, &MODEL_ASIDE),
        "servers": systems,
        "files": picked(&source, &["sqlite", "csv"]),
    });
    let mut hasher = SipHasher13::new();
    hasher.write(content.to_string().as_bytes());
    let hash = hasher.finish128();
    format!("{:016x}{:016x}", hash.h1, hash.h2)
}

fn spec(spec: &impl Serialize) -> Value {
    serde_json::to_value(spec).expect("a spec is plain data")
}

fn picked(from: &Value, fields: &[&str]) -> Value {
    let fields = fields.iter().filter_map(|field| Some((*field, from.get(field)?.clone())));
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn without(mut from: Value, fields: &[&str]) -> Value {
    if let Some(object) = from.as_object_mut() {
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{BrazeApp, Destination, Model, Source};

    struct All(BrazeApp, Source, Model, Destination);

    fn all() -> All {
        let object = |kind: &str, spec: Value| json!({"apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": {"name": "one"}, "spec": spec});
        let from = |value: Value| serde_json::from_value(value);
        let app = json!({"instance": "EU-01", "apiKeySecretRef": {"name": "s", "key": "k"}});
        let source = json!({"postgres": {"host": "pg", "database": "d", "user": "u"}});
        let model = json!({"sourceRef": {"name": "one"}, "table": "users", "primaryKey": "id"});
        let destination = json!({
            "appRef": {"name": "one"}, "modelRef": {"name": "one"}, "syncMode": "Additive",
            "propertyMappings": [{"from": "id", "to": "external_id"}],
        });
        All(
            from(object("BrazeApp", app))
                .map(|o: Value| serde_json::from_value(o).expect("an app"))
                .expect("json"),
            serde_json::from_value(object("Source", source)).expect("a source"),
            serde_json::from_value(object("Model", model)).expect("a model"),
            serde_json::from_value(object("Destination", destination)).expect("a destination"),
        )
    }

    fn of(All(app, source, model, destination): &All) -> String {
        digest(&Objects { destination, app, model, source })
    }

    fn edited<K: Serialize + serde::de::DeserializeOwned>(object: &K, pointer: &str, to: Value) -> K {
        let mut value = serde_json::to_value(object).expect("json");
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        value.pointer_mut(parent).expect("a parent")[field] = to;
        serde_json::from_value(value).expect("still an object")
    }

    /// api.md §11: what is sent starts a run; schedule, limits, guard, suspend, TLS and a Secret do not
    #[test]
    fn only_what_decides_what_is_sent_changes_the_digest() {
        let base = all();
        let first = of(&base);
        let destination = |pointer: &str, to: Value| {
            let All(app, source, model, destination) = all();
            of(&All(app, source, model, edited(&destination, pointer, to)))
        };
        for (pointer, to) in [
            ("/spec/syncMode", json!("Sync")),
            ("/spec/propertyMappings", json!([{"from": "key", "to": "external_id"}])),
            ("/spec/collection", json!({"type": "None"})),
            ("/spec/onUnmap", json!("Leave")),
        ] {
            assert_ne!(destination(pointer, to), first, "{pointer}");
        }
        for (pointer, to) in [
            ("/spec/schedule", json!({"cron": "@hourly"})),
            ("/spec/deletionGuard", json!({"maxPercent": 50})),
            ("/spec/suspend", json!(true)),
            ("/spec/retry", json!({"limit": 1})),
            ("/spec/history", json!({"failedRuns": 1})),
            ("/spec/onChange", json!("Wait")),
        ] {
            assert_eq!(destination(pointer, to), first, "{pointer}");
        }
        let All(app, source, model, destination) = all();
        let other = edited(&source, "/spec/postgres/host", json!("pg2"));
        assert_ne!(of(&All(app.clone(), other, model.clone(), destination.clone())), first);
        let secured = edited(&source, "/spec/postgres/tls", json!({"serverName": "db"}));
        assert_eq!(of(&All(app.clone(), secured, model.clone(), destination.clone())), first);
        let renamed = edited(&app, "/spec/apiKeySecretRef", json!({"name": "t", "key": "k"}));
        assert_eq!(of(&All(renamed, source.clone(), model.clone(), destination.clone())), first);
        let sampled = edited(&model, "/spec/sampleRows", json!(7));
        assert_eq!(of(&All(app.clone(), source.clone(), sampled, destination.clone())), first);
        let queried =
            edited(&edited(&model, "/spec/table", Value::Null), "/spec/query", json!("select 1 as id"));
        assert_ne!(of(&All(app, source, queried, destination)), first);
    }
}
