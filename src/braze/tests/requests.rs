//! What leaves, what is counted, and what never shows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::instrument::WithSubscriber;

use crate::braze::testing::{Act, CANARY, Server, answer, batch, config, success};
use crate::braze::{Answers, Braze, BrazeError, By, Traffic};

/// braze-rest-api 1.2: bearer key, JSON body; our name.
#[tokio::test]
async fn a_request_has_key_type_and_name() {
    let server = Server::with(vec![success()]).await;
    server.run(server.client().track(&mut batch(0..2), None)).await;
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str(), seen.query.as_str()), ("POST", "/users/track", ""));
    assert_eq!(seen.headers["authorization"], format!("Bearer {CANARY}"));
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers["user-agent"], concat!("grouparoo/", env!("CARGO_PKG_VERSION")));
    assert_eq!(seen.body, r#"{"attributes":[{"n":0},{"n":1}]}"#);
}

/// api, SyncRun `traffic`.
#[tokio::test]
async fn traffic_counts_what_was_sent_and_answered() {
    let server = Server::with(vec![Act::Drop, answer(503, ""), success()]).await;
    let mut content = batch(0..3);
    let bytes = content.body_bytes() as u64;
    let traffic = server.run(server.client().track(&mut content, None)).await.traffic;
    let answers = Answers { classes: [0, 1, 0, 0, 1], limited: 0, lost: 1 };
    let expected = Traffic {
        requests: 2,
        track: 2,
        retries: 2,
        objects: 9,
        bytes: bytes * 3,
        answers,
        ..Traffic::default()
    };
    assert_eq!(traffic, expected);
    let mut sum = Traffic { status: 1, throttled: Duration::from_secs(1), ..Traffic::default() };
    sum += traffic;
    assert_eq!((sum.status, sum.track, sum.bytes, sum.throttled.as_secs()), (1, 2, bytes * 3, 1));
}

/// braze-rest-api 1.4: connections are kept.
#[tokio::test]
async fn a_batch_can_be_filled_again_after_it_was_sent() {
    let server = Server::with(vec![success()]).await;
    let client = server.client();
    let mut content = batch(0..2);
    server.run(client.track(&mut content, None)).await;
    content.clear();
    content.push(br#"{"n":7}"#);
    server.run(client.track(&mut content, None)).await;
    assert_eq!(server.seen()[1].objects(), [7]);
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused() {
    let server = Server::with(vec![success()]).await;
    let with = |change: fn(&mut crate::braze::BrazeConfig)| {
        let mut config = server.config();
        change(&mut config);
        Braze::new(config, server.clock.clone()).map(|_| ()).expect_err("refused")
    };
    assert_eq!(
        with(|config| config.endpoint = "http://rest.example.com".into()),
        BrazeError::InvalidEndpoint
    );
    assert_eq!(with(|config| config.key = "a\nb".to_owned().into()), BrazeError::InvalidKey);
    let https = |pem: &str| {
        let mut config = config("https://rest.example.com");
        config.extra_ca = Some(pem.to_owned());
        Braze::new(config, server.clock.clone()).map(|_| ()).expect_err("refused")
    };
    assert_eq!(https("no certificate"), BrazeError::InvalidCa);
    assert_eq!(https("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"), BrazeError::InvalidCa);
}

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// braze-rest-api 3.4: Braze repeats the key; nothing of ours does, in any path.
#[tokio::test]
async fn the_key_is_in_no_log_line_no_error_and_no_debug_output() {
    let echo = |status| {
        answer(status, format!(r#"{{"message":"Invalid API key: {CANARY}","errors":["{CANARY}"]}}"#))
    };
    let mut scripts: Vec<Vec<Act>> =
        [201, 400, 401, 403, 404, 408, 413, 415, 500, 503].map(|status| vec![echo(status)]).to_vec();
    scripts.extend([Act::Drop, Act::Cut(201), answer(201, format!("<{CANARY}>"))].map(|act| vec![act]));
    scripts.push(vec![echo(429), echo(429), echo(401)]);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let shown = async {
        let mut shown = String::new();
        for script in scripts {
            let server = Server::with(script).await;
            let client = server.client_with(|config| config.limits.retry_for = Duration::from_secs(3));
            let work = async {
                let mut content = batch(0..2);
                let delivery = client.track(&mut content, None).await;
                let deleted = client.delete(&["a"]).await;
                let exported = client.export(&["a"]).await;
                let status = client.subscription_status("g", By::Email, &["a"]).await;
                let report = client.test().await;
                for error in
                    [delivery.stop, deleted.stop, report.error, client.closed()].into_iter().flatten()
                {
                    shown += &format!("{error} {error:?} {} {}", error.advice(), error.reason());
                }
                shown += &format!("{delivery:?} {deleted:?} {exported:?} {status:?} {report:?} {content:?}");
            };
            server.run(work).await;
            shown += &format!("{client:?} {:?}", server.config());
        }
        shown
    }
    .with_subscriber(subscriber)
    .await;
    for path in ["AuthenticationFailed", "RequestRefused", "PermissionMissing", "Unreadable", "Unavailable"] {
        assert!(shown.contains(path), "{path} does not occur");
    }
    assert!(!shown.contains("canary"));
    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    assert!(log.contains("app closed until its test passes"));
    assert!(!log.contains("canary"));
}
