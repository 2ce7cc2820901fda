//! Reading Secrets and ConfigMaps from an API server in process.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use grouparoo_clock::Clock;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::api::{Found, Lookup as _};
use crate::cluster::testing::{Answer, Seen, Server, noon};

const SECRETS: &str = "/api/v1/namespaces/crm/secrets/";
const MAPS: &str = "/api/v1/namespaces/crm/configmaps/";

fn wanted(secrets: &[&str], config_maps: &[&str]) -> References {
    References {
        secrets: secrets.iter().map(|name| (*name).to_owned()).collect(),
        config_maps: config_maps.iter().map(|name| (*name).to_owned()).collect(),
    }
}

async fn fetched(
    answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    references: References,
) -> (Result<Snapshot, ClusterError>, Vec<Seen>) {
    let server = Server::new(answer);
    let found = fetch(&server.client(), &Clock::manual(noon()), "crm", &references, None).await;
    (found, server.seen())
}

fn object<T: serde::de::DeserializeOwned>(kind: &str, spec: Value) -> T {
    let object = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": { "name": "x" }, "spec": spec,
    });
    serde_json::from_value(object).expect(kind)
}

#[test]
fn every_reference_of_a_kind_is_found() {
    let key = |name: &str| json!({ "name": name, "key": "k" });
    let app: BrazeApp = object(
        "BrazeApp",
        json!({ "instance": "EU-01", "apiKeySecretRef": key("a"), "tls": { "caConfigMapRef": key("m") } }),
    );
    assert_eq!(references_of_app(&app), wanted(&["a"], &["m"]));
    let app: BrazeApp = object(
        "BrazeApp",
        json!({ "instance": "EU-01", "apiKeySecretRef": key("a"), "tls": { "caSecretRef": key("b") } }),
    );
    assert_eq!(references_of_app(&app), wanted(&["a", "b"], &[]));
    let tls = json!({ "caSecretRef": key("ca"), "clientCertSecretRef": { "name": "cert" } });
    let login = json!({ "userSecretRef": key("u"), "passwordSecretRef": key("p"), "tls": tls });
    for block in ["postgres", "mysql"] {
        let source: Source = object("Source", json!({ block: login }));
        assert_eq!(references_of_source(&source), wanted(&["ca", "cert", "p", "u"], &[]));
    }
    let url = json!({ "urlSecretRef": key("url"), "tls": { "caConfigMapRef": key("m") } });
    let source: Source = object("Source", json!({ "postgres": url }));
    assert_eq!(references_of_source(&source), wanted(&["url"], &["m"]));
    let source: Source = object("Source", json!({ "csv": { "configMapRef": { "name": "files" } } }));
    assert_eq!(references_of_source(&source), wanted(&[], &["files"]));
    let query = json!({ "sourceRef": { "name": "s" }, "primaryKey": "id", "queryFrom": { "configMapKeyRef": key("sql") } });
    let model: Model = object("Model", query);
    assert_eq!(references_of_model(&model), wanted(&[], &["sql"]));
    let all = references_of_app(&app).and(references_of_source(&source)).and(references_of_model(&model));
    assert_eq!(all, wanted(&["a", "b"], &["files", "sql"]));
    assert!(References::default().is_empty() && !all.is_empty());
}

#[tokio::test]
async fn each_object_is_read_once_and_what_is_missing_is_missing() {
    let answer = |request: &Seen| match request.path.as_str().rsplit_once('/') {
        Some((_, "login")) => Answer::json(
            StatusCode::OK,
            &json!({
                "metadata": { "name": "login", "resourceVersion": "41", "annotations": { "a": "b" } },
                "data": { "password": "Z2VoZWlt", "raw": "//4=" },
            }),
        ),
        Some((_, "empty")) => {
            Answer::json(StatusCode::OK, &json!({ "metadata": { "resourceVersion": "42" }, "data": null }))
        }
        Some((_, "files")) => Answer::json(
            StatusCode::OK,
            &json!({
                "metadata": { "name": "files" },
                "data": { "a.csv": "id\n1\n" }, "binaryData": { "b.csv": "//4=" },
            }),
        ),
        _ => Answer::status(StatusCode::NOT_FOUND, "NotFound"),
    };
    let (found, seen) = fetched(answer, wanted(&["login", "empty", "none"], &["files", "gone"])).await;
    let found = found.expect("a snapshot");
    let mut paths: Vec<String> = seen.iter().map(|request| request.path.clone()).collect();
    paths.sort_unstable();
    let mut expected = [
        format!("{MAPS}files"),
        format!("{MAPS}gone"),
        format!("{SECRETS}empty"),
        format!("{SECRETS}login"),
        format!("{SECRETS}none"),
    ];
    expected.sort_unstable();
    assert_eq!(paths, expected);
    assert_eq!(found.secret("login", "password").value().expect("a value").expose_secret(), "geheim");
    assert!(matches!(found.secret("login", "raw"), Found::NotText));
    assert!(matches!(found.secret("empty", "x"), Found::NoKey));
    assert!(matches!(found.secret("none", "x"), Found::NoObject));
    assert_eq!(found.resource_versions(), "42,41");
    assert_eq!(found.annotations("login").and_then(|all| all.get("a")).map(String::as_str), Some("b"));
    assert_eq!(found.config_map("files", "a.csv").value().as_deref(), Some("id\n1\n"));
    assert!(matches!(found.config_map("files", "b.csv"), Found::NotText));
    assert_eq!(found.files("files").map(|files| files.len()), Some(2));
    assert!(found.files("gone").is_none());
}

/// conventions 12: where the permission is missing, the chart value is named
#[tokio::test]
async fn a_secret_that_may_not_be_read_names_the_chart_value() {
    let (found, _) =
        fetched(|_| Answer::status(StatusCode::FORBIDDEN, "Forbidden"), wanted(&["login"], &[])).await;
    let error = found.expect_err("forbidden");
    assert_eq!(
        error,
        ClusterError::SecretForbidden { namespace: "crm".to_owned(), name: "login".to_owned() }
    );
    assert!(error.to_string().contains("rbac.secretNamespaces"), "{error}");
    let (found, _) =
        fetched(|_| Answer::status(StatusCode::FORBIDDEN, "Forbidden"), wanted(&[], &["m"])).await;
    assert!(matches!(found.err(), Some(ClusterError::Forbidden { .. })));
}

/// Takes log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn an_answer_about_a_secret_reaches_no_message_and_no_log_line_at_any_level() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::trace!("the log works");
    let answers: [(StatusCode, &str); 5] = [
        (StatusCode::OK, r#"{"metadata":{"resourceVersion":"1"},"data":{"k":"geheim!"}}"#),
        (StatusCode::OK, r#"{"metadata":{"resourceVersion":"1"},"data":["geheim"]}"#),
        (StatusCode::OK, "geheim"),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            r#"{"kind":"Status","reason":"InternalError","message":"geheim","code":500}"#,
        ),
        (StatusCode::BAD_GATEWAY, "geheim"),
    ];
    for (code, body) in answers {
        let answer = move |_: &Seen| Answer::Body(code, body.as_bytes().to_vec());
        let (found, _) = fetched(answer, wanted(&["login"], &[])).await;
        let error = found.expect_err("no snapshot");
        assert!(!error.to_string().contains("geheim"), "{error}");
        assert_eq!(error.is_transient(), code.is_server_error());
    }
    let log = String::from_utf8_lossy(&log.0.lock().expect("not poisoned")).into_owned();
    assert!(log.contains("the log works") && !log.contains("geheim"), "{log}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let server = Server::new(|_| Answer::Never);
    let clock = Clock::manual(noon());
    let client = server.client();
    let references = wanted(&["a"], &["b"]);
    let work = fetch(&client, &clock, "crm", &references, None);
    let error = server.drive(&clock, Duration::from_secs(1), work).await.expect_err("no answer");
    assert!(matches!(error, ClusterError::TimedOut { .. }) && error.is_transient(), "{error}");
    assert_eq!(clock.monotonic(), Duration::from_secs(10));
}
