//! Objects made of the fragments of the rule table. The scenarios against a real API server use them too.

use serde_json::{Value, json};

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("a fragment is YAML")
}

/// The smallest valid spec of a kind.
pub(super) fn minimal(kind: &str) -> Value {
    match kind {
        "BrazeApp" => json!({
            "restEndpoint": "https://rest.iad-01.braze.com",
            "apiKeySecretRef": { "name": "sync", "key": "brazeKey" },
        }),
        "Source" => json!({ "postgres": {
            "host": "pg.example.com", "database": "analytics", "user": "reader",
            "passwordSecretRef": { "name": "sync", "key": "pgPassword" },
        }}),
        "Model" => {
            json!({ "sourceRef": { "name": "warehouse" }, "table": "public.users", "primaryKey": "id" })
        }
        "Destination" => json!({
            "appRef": { "name": "braze" },
            "modelRef": { "name": "users" },
            "syncMode": "Additive",
            "schedule": { "cron": "*/15 * * * *" },
            "propertyMappings": [{ "from": "id", "to": "external_id" }],
        }),
        "SyncRun" => json!({ "destinationRef": { "name": "users-to-braze" }, "mode": "Sync" }),
        other => panic!("no kind {other}"),
    }
}

/// The smallest spec with a fragment put over it.
pub(super) fn with(kind: &str, path: &str, fragment: &str) -> Value {
    let mut spec = minimal(kind);
    let fragment = yaml(fragment);
    if let Some(list) = path.strip_suffix("[]") {
        let list = spec.as_object_mut().unwrap().entry(list).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(fragment);
    } else {
        for (name, value) in fragment.as_object().expect("a fragment is a map") {
            if value.is_null() {
                spec.as_object_mut().unwrap().remove(name);
            } else {
                spec[name] = value.clone();
            }
        }
    }
    spec
}
