//! Secrets and rows are nowhere to be read but where they belong.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};

use super::installed::{Installed, SOON};
use crate::support::control_plane::{condition_of, wait};
use crate::support::postgres::Server;

const WRONG_KEY: &str = "canary-key-5d1f7c";
const PASSWORD: &str = "canary-password-83aa";
const PLAN: &str = "canary-plan-40ce";
const MAIL: &str = "canary-mail-77ab";

/// conventions 10 and 12: no value, credential or personal data in a log line at any level, an event, a status or a metric
#[tokio::test(flavor = "multi_thread")]
async fn canaries_are_not_found() {
    let mut installed = Installed::with_people(5).await;
    installed.log_level = "trace".to_owned();
    // Of three people: one whose address cannot be sent, one with a text that is too long, and one who is fine.
    installed.sql(&format!(
        "update users set plan = '{PLAN}', email = '{MAIL}-' || id || '@example.com'; \
         update users set email = '{MAIL} at home' where id = 2; \
         update users set plan = plan || hex(zeroblob(400)) where id = 3;"
    ));
    let echo = echoing().await;
    let database = Server::shared().database().await;
    let config = database.config();
    let login = &config.login;
    let url =
        format!("postgres://{}:{PASSWORD}@{}:{}/{}", login.user, login.host, login.port, login.database);
    installed.flags.push(format!("--allowed-host={echo}"));
    installed.flags.push(format!("--source-allowed-host={}:{}", login.host, login.port));
    installed.start();
    installed.apply().await;
    installed
        .space
        .apply(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: canaries\n  \
             annotations: {{ grouparoo.io/allowed-hosts: 127.0.0.1 }}\nstringData: {{ key: {WRONG_KEY}, url: '{url}' }}\n\
             ---\napiVersion: grouparoo.io/v1alpha1\nkind: BrazeApp\nmetadata: {{ name: echo }}\nspec:\n  \
             restEndpoint: http://{echo}\n  apiKeySecretRef: {{ name: canaries, key: key }}\n\
             ---\napiVersion: grouparoo.io/v1alpha1\nkind: Source\nmetadata: {{ name: pg }}\nspec:\n  \
             postgres: {{ urlSecretRef: {{ name: canaries, key: url }}, tls: {{ mode: Disabled }} }}\n"
        ))
        .await;
    installed.runs_ended(1).await;
    for (kind, name) in [("BrazeApp", "echo"), ("Source", "pg")] {
        let refused = |object: &kube::api::DynamicObject| {
            condition_of(&object.data, "Ready")["reason"] == "AuthenticationFailed"
        };
        wait(installed.space.raw(kind), name, SOON, |object| object.is_some_and(refused)).await;
    }
    // The key of the app is changed to one that is wrong, and a run meets it.
    let right_key = std::mem::replace(&mut installed.key, WRONG_KEY.to_owned());
    installed.space.apply(&installed.secret()).await;
    installed.annotate("grouparoo.io/requested-at", "again").await;
    let refused = |object: &kube::api::DynamicObject| {
        condition_of(&object.data, "Ready")["reason"] == "AuthenticationFailed"
    };
    wait(installed.space.raw("BrazeApp"), "braze", SOON, |object| object.is_some_and(refused)).await;

    let mut places = vec![("metrics", installed.page("/metrics").await)];
    for what in ["brazeapps,sources,models,destinations,syncruns", "events"] {
        places.push((what, installed.space.kubectl(&["get", what, "-o", "json"]).await.success()));
    }
    let log = installed.log();
    assert!(log.iter().any(|line| line.contains("\"level\":\"DEBUG\"")), "the log is not quiet");
    places.push(("log", log.join("\n")));
    assert!(places[1].1.contains("\"errors\": ["), "some values were refused: {}", places[1].1);
    for (place, text) in places {
        for canary in [right_key.as_str(), WRONG_KEY, PASSWORD, PLAN, MAIL] {
            let found = text.find(canary).map(|at| &text[at.saturating_sub(200)..(at + 60).min(text.len())]);
            assert_eq!(found, None, "{canary} is in {place}");
        }
    }
    installed.check().await;
}

/// A server that refuses every key and repeats it.
async fn echoing() -> std::net::SocketAddr {
    let refuse = |headers: HeaderMap| async move {
        let key =
            headers.get("authorization").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
        (StatusCode::UNAUTHORIZED, format!("{{\"message\":\"Invalid API key: {key}\"}}"))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(refuse)).await });
    address
}
