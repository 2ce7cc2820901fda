//! A key that is refused, a newer one, and an app that is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use secrecy::SecretString;

use crate::braze::testing::{CANARY, Seen, Server, answer, batch, success};
use crate::braze::{BrazeError, Fate, KeySource, PermissionState};

/// A source with one answer, which counts how often it is asked.
struct Source(Option<&'static str>, AtomicUsize);

#[async_trait]
impl KeySource for Source {
    async fn newer_key(&self) -> Option<SecretString> {
        self.1.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.0.map(SecretString::from)
    }
}

fn source(key: Option<&'static str>) -> Arc<Source> {
    Arc::new(Source(key, AtomicUsize::new(0)))
}

fn has_key(seen: &Seen, key: &str) -> bool {
    seen.headers["authorization"] == format!("Bearer {key}")
}

/// braze-rest-api 3.4: a 401 repeats the key.
fn unknown_key() -> crate::braze::testing::Act {
    answer(401, format!(r#"{{"message":"Invalid API key: {CANARY}"}}"#))
}

/// semantics 9.3, row 401, 403, 404: pending, stop, closed to all until the test passes.
#[tokio::test]
async fn a_refused_key_closes_the_app_until_its_test_passes() {
    for (status, error) in [
        (401, BrazeError::AuthenticationFailed { status: 401 }),
        (403, BrazeError::AuthenticationFailed { status: 403 }),
        (404, BrazeError::NotBraze { status: 404 }),
        (301, BrazeError::NotBraze { status: 301 }),
    ] {
        let server = Server::with(vec![answer(status, "").with("location", "/elsewhere"), success()]).await;
        let client = server.client();
        let delivery = server.run(client.track(&mut batch(0..2), None)).await;
        assert_eq!(delivery.fates, [Fate::NotSent; 2]);
        assert_eq!(delivery.stop, Some(error));
        assert_eq!(error.reason(), "AuthenticationFailed");

        let other = client.clone();
        assert_eq!(other.closed(), Some(error));
        assert_eq!(server.run(other.track(&mut batch(0..1), None)).await.stop, Some(error));
        assert_eq!(server.run(other.delete(&["a"])).await.stop, Some(error));
        assert_eq!(server.run(other.export(&["a"])).await.result, Err(error));
        assert_eq!(server.seen().len(), 1, "nothing is sent while it is closed");

        let report = server.run(client.test()).await;
        assert_eq!(report.error, None);
        assert_eq!(client.closed(), None);
        let delivery = server.run(other.track(&mut batch(0..1), None)).await;
        assert_eq!(delivery.fates, [Fate::Acknowledged]);
    }
}

/// semantics 9.3, the same row: a test that fails leaves it closed.
#[tokio::test]
async fn a_test_that_fails_leaves_the_app_closed() {
    let server = Server::with(vec![unknown_key(), unknown_key(), answer(403, "")]).await;
    let client = server.client();
    server.run(client.track(&mut batch(0..1), None)).await;
    let report = server.run(client.test()).await;
    assert_eq!(report.error, Some(BrazeError::AuthenticationFailed { status: 401 }));
    let report = server.run(client.test()).await;
    assert_eq!(report.error, Some(BrazeError::PermissionMissing { permission: "users.track" }));
    assert!(report.permissions.iter().all(|permission| permission.state == PermissionState::Missing));
    assert!(client.closed().is_some());
    // A new key alone does not open it either.
    client.replace_key(SecretString::from("another")).expect("a key");
    assert!(client.closed().is_some());
}

/// semantics 9.3, the same row: a newer key in the Secret, once more.
#[tokio::test]
async fn a_newer_key_is_asked_for_once_and_the_request_sent_again() {
    let server = Server::new(|seen| if has_key(seen, "newer") { success() } else { unknown_key() }).await;
    let client = server.client();
    let source = source(Some("newer"));
    client.set_key_source(source.clone());
    let calls = (0..30_u64).map(|n| {
        let client = client.clone();
        async move { client.track(&mut batch(n..n + 1), None).await }
    });
    for delivery in server.run(join_all(calls)).await {
        assert_eq!((delivery.fates, delivery.stop), (vec![Fate::Acknowledged], None));
    }
    assert_eq!(source.1.load(Ordering::Relaxed), 1);
    assert_eq!(client.closed(), None);
}

/// The same: no newer key, the same key, one that is no key, or one that is refused too.
#[tokio::test]
async fn without_a_better_key_the_app_is_closed() {
    for newer in [None, Some(CANARY), Some("not a key\n"), Some("also-bad")] {
        let server = Server::with(vec![unknown_key()]).await;
        let client = server.client();
        let source = source(newer);
        client.set_key_source(source.clone());
        let calls = (0..10_u64).map(|n| {
            let client = client.clone();
            async move { client.track(&mut batch(n..n + 1), None).await }
        });
        for delivery in server.run(join_all(calls)).await {
            assert_eq!(delivery.fates, [Fate::NotSent]);
            assert_eq!(delivery.stop, Some(BrazeError::AuthenticationFailed { status: 401 }));
        }
        assert_eq!(source.1.load(Ordering::Relaxed), 1, "{newer:?}");
        assert!(server.seen().len() <= 20);
    }
}

/// semantics 9.5: the next request uses the new key.
#[tokio::test]
async fn a_replaced_key_is_used_by_the_next_request() {
    let server = Server::with(vec![success()]).await;
    let client = server.client();
    server.run(client.track(&mut batch(0..1), None)).await;
    client.replace_key(SecretString::from("second")).expect("a key");
    assert_eq!(client.replace_key(SecretString::from("")), Err(BrazeError::InvalidKey));
    server.run(client.track(&mut batch(0..1), None)).await;
    let seen = server.seen();
    assert!(has_key(&seen[0], CANARY) && has_key(&seen[1], "second"));
}

/// semantics 9.3, last paragraph: a 403 on delete alone.
#[tokio::test]
async fn a_missing_permission_for_deletes_stops_deletes_only() {
    let server =
        Server::new(|seen| if seen.path == "/users/delete" { answer(403, "") } else { success() }).await;
    let client = server.client();
    let source = source(None);
    client.set_key_source(source.clone());
    let stop = BrazeError::PermissionMissing { permission: "users.delete" };
    for _ in 0..3 {
        let delivery = server.run(client.delete(&["a", "b"])).await;
        assert_eq!(delivery.fates, [Fate::NotSent; 2]);
        assert_eq!(delivery.stop, Some(stop));
    }
    assert_eq!(source.1.load(Ordering::Relaxed), 1, "asked once for this key");
    assert!(!stop.stops_everything());
    assert_eq!(client.closed(), None);
    let delivery = server.run(client.track(&mut batch(0..1), None)).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged]);
}

/// A key that was unclear before and is refused then: what may have been applied stays unknown.
#[tokio::test]
async fn objects_of_an_unclear_attempt_stay_unknown_when_the_key_is_refused_then() {
    for unclear in [answer(504, ""), answer(201, r#"{"errors":["which?"]}"#)] {
        let server = Server::with(vec![unclear, unknown_key()]).await;
        let delivery = server.run(server.client().track(&mut batch(0..2), None)).await;
        assert_eq!(delivery.fates, [Fate::Unknown; 2]);
        assert_eq!(delivery.stop, Some(BrazeError::AuthenticationFailed { status: 401 }));
    }
}
