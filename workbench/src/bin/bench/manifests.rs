//! The manifests that are measured: every column of the table becomes a field of the profile, as it is.

use std::path::Path;

use workbench::Failure;
use workbench::postgres::Login;

/// Columns of the table and what they become in Braze, the key first.
pub(crate) const COLUMNS: [(&str, &str, &str); 12] = [
    ("id", "external_id", "i"),
    ("email", "email", "'person' || i || '@example.com'"),
    ("first_name", "first_name", "(array['Ann','Bülent','Chloé','Dmitri','Eva'])[1 + i % 5]"),
    ("last_name", "last_name", "'Family' || (i % 5003)"),
    ("country", "country", "(array['DE','FR','GB','US','BR'])[1 + (i / 5) % 5]"),
    ("city", "home_city", "'City ' || (i % 997)"),
    ("birthday", "dob", "date '1940-01-01' + (i * 31 % 24000)::int"),
    ("plan", "plan", "(array['free','basic','pro'])[1 + i % 3]"),
    ("loyalty_points", "loyalty_points", "(i * 7919 % 100000)::int"),
    ("lifetime_value", "lifetime_value", "((i * 104729 % 10000000)::numeric / 100)::numeric(12,2)"),
    ("is_vip", "is_vip", "i % 17 = 0"),
    (
        "last_purchase_at",
        "last_purchase_at",
        "timestamptz '2024-01-01 00:00:00+00' + (i * 61 % 31536000) * interval '1 second'",
    ),
];

/// The statement that makes the table.
pub(crate) fn table(rows: u64) -> String {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _, value)| format!("{value} as {name}")).collect();
    format!(
        "create table users as select {} from generate_series(1, {rows}::bigint) as i",
        columns.join(", ")
    )
}

/// Writes the manifests into a folder.
pub(crate) fn write(folder: &Path, endpoint: &str, login: &Login) -> Result<(), Failure> {
    let mappings: Vec<String> =
        COLUMNS.iter().map(|(from, to, _)| format!("    - {{ from: {from}, to: {to} }}")).collect();
    let Login { host, port, database, user, .. } = login;
    let text = format!(
        r#"apiVersion: v1
kind: Secret
metadata: {{ name: secrets, annotations: {{ grouparoo.io/allowed-hosts: 127.0.0.1 }} }}
stringData: {{ apiKey: sandbox-key, password: "{password}" }}
---
apiVersion: grouparoo.io/v1alpha1
kind: BrazeApp
metadata: {{ name: braze }}
spec:
  restEndpoint: {endpoint}
  apiKeySecretRef: {{ name: secrets, key: apiKey }}
  limits: {{ settle: 0s }}
---
apiVersion: grouparoo.io/v1alpha1
kind: Source
metadata: {{ name: warehouse }}
spec:
  postgres:
    host: {host}
    port: {port}
    database: {database}
    user: {user}
    passwordSecretRef: {{ name: secrets, key: password }}
    tls: {{ mode: Disabled }}
---
apiVersion: grouparoo.io/v1alpha1
kind: Model
metadata: {{ name: users }}
spec:
  sourceRef: {{ name: warehouse }}
  table: public.users
  primaryKey: id
---
apiVersion: grouparoo.io/v1alpha1
kind: Destination
metadata: {{ name: users-to-braze }}
spec:
  appRef: {{ name: braze }}
  modelRef: {{ name: users }}
  syncMode: Additive
  schedule: {{ interval: 1h }}
  propertyMappings:
{mappings}
"#,
        password = login.password(),
        mappings = mappings.join("\n"),
    );
    let path = folder.join("manifests.yaml");
    std::fs::write(&path, text).map_err(|error| Failure::file(&path, error))
}
