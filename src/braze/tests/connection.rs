//! The connection test, row by row.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;

use crate::braze::PermissionState::{Granted, Missing, Unknown};
use crate::braze::testing::{Act, Server, answer, batch, config, success};
use crate::braze::{Braze, BrazeError, ConnectionReport, Fate, Outage, PermissionState};

fn states(report: &ConnectionReport) -> Vec<PermissionState> {
    report.permissions.iter().map(|permission| permission.state).collect()
}

/// braze-rest-api 10: the probes, which write nothing.
#[tokio::test]
async fn the_test_probes_every_permission_without_writing() {
    let server = Server::new(|seen| match seen.path.as_str() {
        "/users/export/ids" => answer(201, r#"{"users":[],"invalid_user_ids":["x"],"message":"success"}"#),
        "/subscription/status/get" => answer(200, r#"{"status":{}}"#),
        _ => answer(400, r#"{"message":"Valid data must be provided"}"#),
    })
    .await;
    let report = server.run(server.client().test()).await;
    assert_eq!(report.error, None);
    let names: Vec<_> = report.permissions.iter().map(|permission| permission.name).collect();
    assert_eq!(names, ["users.track", "users.delete", "users.export.ids", "subscription.status.get"]);
    assert_eq!(states(&report), [Granted; 4]);
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[0].body, r#"{"attributes":[]}"#);
    assert_eq!(seen[1].body, r#"{"external_ids":[]}"#);
    assert_eq!(seen[2].list("external_ids").len(), 1);
    assert!(seen[3].query.contains("subscription_group_id="));
    assert_eq!((report.traffic.requests, report.traffic.objects), (4, 0));
    let again = server.run(server.client().test()).await;
    assert_eq!(states(&again), [Granted; 4]);
    assert_ne!(server.seen()[6].body, seen[2].body, "another random id each time");
}

/// braze-rest-api 10, diagnosis: 403 is a missing permission.
#[tokio::test]
async fn a_403_is_a_missing_permission() {
    let server = Server::new(|seen| match seen.path.as_str() {
        "/users/delete" | "/subscription/status/get" => answer(403, ""),
        _ => answer(400, ""),
    })
    .await;
    let report = server.run(server.client().test()).await;
    assert_eq!((report.error, states(&report)), (None, vec![Granted, Missing, Granted, Missing]));

    let server = Server::new(|seen| answer(if seen.path == "/users/track" { 403 } else { 400 }, "")).await;
    let report = server.run(server.client().test()).await;
    assert_eq!(report.error, Some(BrazeError::PermissionMissing { permission: "users.track" }));
    assert_eq!(states(&report), [Missing, Granted, Granted, Granted]);
}

/// braze-rest-api 10, diagnosis: 401, 404; api, BrazeApp reasons: 5xx is not reachable.
#[tokio::test]
async fn what_holds_for_the_whole_workspace_ends_the_test() {
    for (act, error, reason) in [
        (answer(401, ""), BrazeError::AuthenticationFailed { status: 401 }, "AuthenticationFailed"),
        (answer(404, ""), BrazeError::NotBraze { status: 404 }, "AuthenticationFailed"),
        (answer(302, ""), BrazeError::NotBraze { status: 302 }, "AuthenticationFailed"),
        (
            answer(503, ""),
            BrazeError::EndpointUnreachable { cause: Outage::Status(503) },
            "EndpointUnreachable",
        ),
        (Act::Drop, BrazeError::EndpointUnreachable { cause: Outage::Broken }, "EndpointUnreachable"),
        (Act::Hang, BrazeError::EndpointUnreachable { cause: Outage::Timeout }, "EndpointUnreachable"),
    ] {
        let server = Server::with(vec![act]).await;
        let report = server.run(server.client().test()).await;
        assert_eq!(report.error, Some(error));
        assert_eq!(error.reason(), reason);
        assert_eq!(states(&report), [Unknown; 4]);
        assert_eq!(server.seen().len(), 1);
    }
}

/// A busy workspace is not a broken one.
#[tokio::test]
async fn a_429_says_nothing_about_a_permission() {
    let server = Server::new(|seen| match seen.path.as_str() {
        "/users/track" | "/users/export/ids" => answer(429, "").with("retry-after", 3_000),
        _ => answer(400, ""),
    })
    .await;
    let report = server.run(server.client().test()).await;
    assert_eq!((report.error, states(&report)), (None, vec![Unknown, Granted, Unknown, Granted]));
}

/// braze-rest-api 10: a host that nobody answers at.
#[tokio::test]
async fn a_closed_port_is_not_reachable() {
    let server = Server::with(vec![success()]).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("bound")
    };
    let client = Braze::new(config(&format!("http://{closed}")), server.clock.clone()).expect("a client");
    let report = server.run(client.test()).await;
    assert_eq!(report.error, Some(BrazeError::EndpointUnreachable { cause: Outage::Connect }));
    assert_eq!(report.traffic, Default::default());
}

/// A server with a certificate of its own for this name, and the certificate.
async fn tls_server(name: &str) -> (Server, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("certificate and key");
    (Server::start(Some(Arc::new(tls)), |_| success()).await, cert.pem())
}

fn https(server: &Server, extra_ca: Option<&str>) -> Braze {
    let mut config = config(&format!("https://{}", server.address));
    config.extra_ca = extra_ca.map(str::to_owned);
    config.limits.retry_for = std::time::Duration::from_secs(3);
    Braze::new(config, server.clock.clone()).expect("a client")
}

/// api, BrazeApp `tls`: certificates besides the public ones; reason `CertificateInvalid`.
#[tokio::test]
async fn a_certificate_is_trusted_only_with_its_authority() {
    let (server, pem) = tls_server("127.0.0.1").await;
    let report = https(&server, None).test().await;
    assert_eq!(report.error, Some(BrazeError::CertificateInvalid));
    let report = https(&server, Some(&pem)).test().await;
    assert_eq!((report.error, states(&report)[0]), (None, Granted));

    let (other, pem) = tls_server("rest.example.com").await;
    let report = https(&other, Some(&pem)).test().await;
    assert_eq!(report.error, Some(BrazeError::CertificateInvalid), "another host's certificate");
}

/// semantics 9.3, row TLS error: certainly not applied.
#[tokio::test]
async fn objects_do_not_leave_to_a_host_that_is_not_trusted() {
    let (server, _) = tls_server("127.0.0.1").await;
    let client = https(&server, None);
    let mut content = batch(0..2);
    let delivery = server.run(client.track(&mut content, None)).await;
    assert_eq!(delivery.fates, [Fate::NotSent; 2]);
    assert_eq!(delivery.stop, Some(BrazeError::Unavailable { cause: Outage::Certificate }));
    assert!(server.seen().is_empty());
}

/// A port that speaks no TLS.
#[tokio::test]
async fn a_host_without_tls_is_not_reachable() {
    let server = Server::with(vec![success()]).await;
    let report = https(&server, None).test().await;
    assert!(
        matches!(
            report.error,
            Some(BrazeError::EndpointUnreachable { cause: Outage::Tls | Outage::Connect })
        ),
        "{report:?}"
    );
}
