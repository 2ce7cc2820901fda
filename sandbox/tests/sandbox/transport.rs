//! Keys, paths, forms and TLS.

use std::collections::BTreeMap;

use braze_sandbox::{DEFAULT_KEY, Endpoint, Options, Permissions, Sandbox};
use reqwest::{Certificate, Client};
use serde_json::json;

use crate::support::{Braze, options, send, with_json};

/// Braze sheet 12.1, row Bearer header [documented].
#[tokio::test]
async fn a_bearer_key_is_needed_and_its_scheme_may_be_in_any_case() {
    let braze = Braze::start();
    let body = json!({"attributes": [{"external_id": "u"}]});
    for (value, status) in [
        (format!("Bearer {DEFAULT_KEY}"), 201),
        (format!("bEARER {DEFAULT_KEY}"), 201),
        (format!("Basic {DEFAULT_KEY}"), 401),
        (DEFAULT_KEY.to_owned(), 401),
        (format!("Bearer {}", DEFAULT_KEY.to_uppercase()), 401),
    ] {
        let request = braze.bare("POST", "/users/track").header("authorization", &value);
        assert_eq!(send(with_json(request, &body)).await.status, status, "{value}");
    }
    let none = send(with_json(braze.bare("POST", "/users/track"), &body)).await;
    assert_eq!(none.status, 401);
}

/// Braze sheet 12.1, row 401 body [measured by third party].
#[tokio::test]
async fn a_401_echoes_the_key_but_the_journal_does_not_keep_it() {
    let braze = Braze::start();
    let request = braze.bare("GET", "/campaigns/list").header("Authorization", "Bearer wrong-key-0123456789");
    let got = send(request).await;
    assert_eq!((got.status, got.message()), (401, "Invalid API key: wrong-key-0123456789".to_owned()));
    let journal = format!("{:?}", braze.journal());
    assert!(!journal.contains("wrong-key"), "{journal}");
    assert_eq!(braze.journal()[0].header("authorization"), Some("Bearer ****6789"));
}

/// Braze sheet 12.1, row permission missing: status [documented], body [assumed].
#[tokio::test]
async fn each_endpoint_needs_its_own_permission() {
    let braze = Braze::start();
    for endpoint in Endpoint::ALL {
        let others = Endpoint::ALL.into_iter().filter(|other| *other != endpoint);
        let others = Permissions::only(others.map(Endpoint::permission));
        braze.set_keys(BTreeMap::from([(DEFAULT_KEY.to_owned(), others)]));
        let method = if endpoint.is_post() { "POST" } else { "GET" };
        let got = send(with_json(braze.request(method, endpoint.path()), &json!({}))).await;
        assert_eq!(got.status, 403, "{endpoint}");
        assert!(got.message().starts_with("Access Denied"), "{}", got.text);
        let own = Permissions::only([endpoint.permission()]);
        braze.set_keys(BTreeMap::from([(DEFAULT_KEY.to_owned(), own)]));
        let got = send(with_json(braze.request(method, endpoint.path()), &json!({}))).await;
        assert_ne!(got.status, 403, "{endpoint}");
    }
}

/// Braze sheet 12.1, rows unknown path and trailing slash: 404 [documented], choice [assumed].
#[tokio::test]
async fn unknown_paths_and_trailing_slashes_are_not_found() {
    let braze = Braze::start();
    for path in ["/users/track/", "/users/nobody", "/v2/users/track", "/users"] {
        assert_eq!(braze.post(path, &json!({})).await.status, 404, "{path}");
    }
}

/// Braze sheet 12.1, row wrong method [assumed].
#[tokio::test]
async fn a_wrong_method_is_not_found() {
    let braze = Braze::start();
    assert_eq!(braze.get("/users/track").await.status, 404);
    assert_eq!(braze.post("/campaigns/list", &json!({})).await.status, 404);
}

/// Braze sheet 12.1, row Content-Type [documented].
#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let braze = Braze::start();
    let body = r#"{"attributes":[{"external_id":"u"}]}"#;
    let plain = braze.request("POST", "/users/track").body(body);
    assert_eq!(send(plain).await.status, 415);
    let text = braze.request("POST", "/users/track").header("Content-Type", "text/plain").body(body);
    assert_eq!(send(text).await.status, 415);
    let charset = "application/json; charset=utf-8";
    let right = braze.request("POST", "/users/track").header("Content-Type", charset).body(body);
    assert_eq!(send(right).await.status, 201);
    assert_eq!(braze.user_count(), 1);
}

/// Braze sheet 12.1, row broken JSON [documented].
#[tokio::test]
async fn broken_json_is_named_under_both_keys() {
    let braze = Braze::start();
    for path in ["/users/track", "/users/delete", "/users/export/ids"] {
        for body in ["{\"attributes\": [", "", "{'a': 1}", "\u{feff}{}"] {
            let request = braze.request("POST", path).header("Content-Type", "application/json").body(body);
            let got = send(request).await;
            assert_eq!(got.status, 400, "{path} {body}");
            for key in ["error", "message"] {
                let text = got.json()[key].as_str().unwrap_or_default().to_owned();
                assert!(
                    text.contains("Error while parsing request body. Please check your syntax."),
                    "{text}"
                );
            }
        }
    }
}

/// Braze sheet 12.1, row body over the limit [documented].
#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let braze = Braze::start();
    let object = |length| json!([{"external_id": "u", "x": ["y".repeat(200)], "pad": "z".repeat(length)}]);
    assert_eq!(braze.track(object(5 << 20)).await.status, 413);
    assert_eq!(braze.user_count(), 0);
    assert_eq!(braze.track(object(1 << 20)).await.status, 201, "large, but allowed");
}

/// Braze sheet 12.1, row Content-Type, X-Request-Id, Date, chunked [recorded in traffic].
#[tokio::test]
async fn answers_carry_the_headers_of_the_real_ones() {
    let braze = Braze::start();
    let got = braze.track(json!([{"external_id": "u"}])).await;
    assert_eq!(got.header("content-type").as_deref(), Some("application/json"));
    assert_eq!(got.header("transfer-encoding").as_deref(), Some("chunked"));
    assert_eq!(got.header("content-length"), None);
    assert_eq!(got.header("x-request-id").map(|id| id.len()), Some(36));
    let date = got.header("date").expect("a date");
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).expect("an HTTP date");
    assert!(braze.now().duration_since(date).as_secs().abs() < 60);
}

/// Braze sheet 12.6, https with a CA made at the start.
#[tokio::test]
async fn https_is_trusted_by_its_own_ca_only() {
    let sandbox = Sandbox::start(Options::default());
    let url = format!("{}/campaigns/list", sandbox.https_url());
    let ca = Certificate::from_pem(sandbox.ca_pem().as_bytes()).expect("a certificate");
    let trusting = Client::builder().tls_certs_only([ca]).build().expect("a client");
    let request = trusting.get(&url).header("Authorization", format!("Bearer {DEFAULT_KEY}"));
    assert_eq!(send(request).await.status, 200);
    let other = Sandbox::start(Options::default());
    let ca = Certificate::from_pem(other.ca_pem().as_bytes()).expect("a certificate");
    let stranger = Client::builder().tls_certs_only([ca]).build().expect("a client");
    assert!(stranger.get(&url).send().await.is_err());
}

/// Braze sheet 10: the probes of a connection test.
#[tokio::test]
async fn empty_bodies_prove_a_permission_without_a_write() {
    let braze = Braze::with(Options { campaigns: vec!["Spring".to_owned()], ..options() });
    let got = braze.get("/campaigns/list?page=0").await;
    assert_eq!((got.status, &got.json()["campaigns"][0]["name"]), (200, &json!("Spring")));
    assert_eq!(braze.get("/campaigns/list?page=1").await.json()["campaigns"], json!([]));
    let track = braze.track(json!([])).await;
    assert_eq!(track.status, 400);
    assert!(track.message().starts_with("Valid data must be provided"));
    assert_eq!(braze.delete(&[]).await.status, 400);
    let body = json!({"external_ids": ["nobody"], "fields_to_export": ["external_id"]});
    let export = braze.post("/users/export/ids", &body).await;
    assert_eq!((export.status, export.json()["users"].clone()), (201, json!([])));
    assert_eq!(export.json()["invalid_user_ids"], json!(["nobody"]));
    assert_eq!((braze.user_count(), braze.data_points()), (0, 0));
}
