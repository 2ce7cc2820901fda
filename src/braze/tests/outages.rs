//! Braze is away, or does not say what it did.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::braze::testing::{Act, Server, answer, batch, config, drive, success};
use crate::braze::{Braze, BrazeError, Fate, Outage};

const SECOND: Duration = Duration::from_secs(1);

/// The answers that leave it open whether the request was applied.
fn unclear() -> Vec<(Act, Outage)> {
    vec![
        (answer(500, "{}"), Outage::Status(500)),
        (answer(502, "<html>"), Outage::Status(502)),
        (answer(503, ""), Outage::Status(503)),
        (answer(504, ""), Outage::Status(504)),
        (answer(529, ""), Outage::Status(529)),
        (Act::Drop, Outage::Broken),
        (Act::Cut(201), Outage::Unreadable),
        (answer(201, ""), Outage::Unreadable),
        (answer(201, "<html>"), Outage::Unreadable),
        (Act::Hang, Outage::Timeout),
    ]
}

/// semantics 9.3, rows 504 and 503; semantics 9.4: values are sent again in this run.
#[tokio::test]
async fn an_unclear_answer_is_followed_by_the_same_request_until_it_is_accepted() {
    for (act, _) in unclear() {
        let server = Server::with(vec![act.clone(), act, success()]).await;
        let delivery = server.run(server.client().track(&mut batch(0..2), None)).await;
        assert_eq!(delivery.fates, [Fate::Acknowledged; 2]);
        assert_eq!(delivery.traffic.retries, 2);
        assert_eq!(delivery.traffic.objects, 6);
        let seen = server.seen();
        assert!(seen.iter().all(|request| request.body == seen[0].body));
        assert!(seen[1].at - seen[0].at >= SECOND * 3 / 4, "waits about a second");
        assert!(seen[2].at - seen[1].at >= SECOND * 3 / 2, "waits about two seconds");
    }
}

/// semantics 9.3: until `retryFor`, then `BrazeUnavailable`; semantics 9.4: unknown.
#[tokio::test]
async fn after_retry_for_the_objects_are_unknown_and_the_run_stops() {
    for (act, cause) in unclear() {
        let server = Server::with(vec![act]).await;
        let client = server.client_with(|config| config.limits.retry_for = SECOND * 30);
        let delivery = server.run(client.track(&mut batch(0..2), None)).await;
        assert_eq!(delivery.fates, [Fate::Unknown; 2], "{cause}");
        assert_eq!(delivery.stop, Some(BrazeError::Unavailable { cause }));
        let seen = server.seen();
        assert!(seen.len() >= 2, "{cause}: the last attempt is at the end of retryFor");
        let last = seen[seen.len() - 1].at - seen[0].at;
        assert!(last <= SECOND * 33, "{cause}: {last:?}");
    }
}

/// semantics 9.3, row connect error: certainly not applied.
#[tokio::test]
async fn a_refused_connection_leaves_the_objects_unsent() {
    let server = Server::with(vec![success()]).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("bound")
    };
    let mut config = config(&format!("http://{closed}"));
    config.limits.retry_for = SECOND * 20;
    let client = Braze::new(config, server.clock.clone()).expect("a client");
    let begin = server.clock.monotonic();
    let delivery = server.run(client.track(&mut batch(0..2), None)).await;
    assert_eq!(delivery.fates, [Fate::NotSent; 2]);
    assert_eq!(delivery.stop, Some(BrazeError::Unavailable { cause: Outage::Connect }));
    assert_eq!(delivery.traffic, Default::default(), "nothing left this machine");
    assert!(server.clock.monotonic() - begin >= SECOND * 20);
}

/// semantics 9.3: `retryFor` counts the outage, so an answer in between starts it anew.
#[tokio::test]
async fn an_answer_ends_an_outage() {
    let mut acts = Vec::new();
    for _ in 0..6 {
        acts.extend([answer(503, ""), answer(503, ""), answer(429, "").with("retry-after", 1)]);
    }
    acts.push(success());
    let server = Server::with(acts).await;
    let client = server.client_with(|config| config.limits.retry_for = SECOND * 6);
    let delivery = server.run(client.track(&mut batch(0..1), None)).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged]);
    assert_eq!(delivery.traffic.retries, 18);
}

/// semantics 7.2 and 9.4: nothing leaves after the deadline, and what never left is stale.
#[tokio::test]
async fn objects_whose_deadline_passed_before_they_left_are_stale() {
    let server = Server::with(vec![success()]).await;
    let client = server.client();
    server.clock.advance(SECOND * 100);
    let delivery = server.run(client.track(&mut batch(0..2), Some(SECOND * 99))).await;
    assert_eq!(delivery.fates, [Fate::Stale; 2]);
    assert_eq!(delivery.stop, None);
    assert!(server.seen().is_empty());
}

/// The same while a rate limit holds the objects back: they come back at the deadline, not at its end.
#[tokio::test]
async fn a_deadline_ends_the_wait_for_a_rate_limit() {
    let server = Server::with(vec![answer(429, "").with("x-ratelimit-retry-after", 1_800), success()]).await;
    let client = server.client();
    let begin = server.clock.monotonic();
    let delivery = server.run(client.track(&mut batch(0..2), Some(begin + SECOND * 60))).await;
    assert_eq!(delivery.fates, [Fate::Stale; 2], "a 429 applies nothing");
    let waited = server.clock.monotonic() - begin;
    assert!(waited >= SECOND * 60 && waited < SECOND * 70, "{waited:?}");
    assert_eq!(server.seen().len(), 1);
    let throttled = delivery.traffic.throttled;
    assert!(throttled > SECOND * 50 && throttled <= SECOND * 60, "{throttled:?}");
}

/// The same before the next attempt: what may have been applied stays unknown.
#[tokio::test]
async fn a_deadline_between_two_attempts_leaves_unknown_what_may_have_been_applied() {
    let server = Server::with(vec![answer(504, "")]).await;
    let client = server.client();
    let begin = server.clock.monotonic();
    let delivery = server.run(client.track(&mut batch(0..2), Some(begin + SECOND * 10))).await;
    assert_eq!(delivery.fates, [Fate::Unknown; 2]);
    assert_eq!(delivery.stop, None, "the run goes on");
    let seen = server.seen();
    assert!(seen.len() >= 2 && seen.iter().all(|request| request.at <= begin + SECOND * 11));
}

/// The same between two halves of a refused batch: each object has its own fate.
#[tokio::test]
async fn a_deadline_between_two_halves_leaves_only_the_second_stale() {
    let server = Server::new(|seen| match seen.objects()[..] {
        [0, 1] => answer(400, "{}"),
        [0] => success(),
        _ => answer(429, "").with("retry-after", 100),
    })
    .await;
    let deadline = server.clock.monotonic() + SECOND * 50;
    let delivery = server.run(server.client().track(&mut batch(0..2), Some(deadline))).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged, Fate::Stale]);
}

/// semantics 9.3, last paragraph: after ten failures in a row one probe at a time.
#[tokio::test]
async fn after_ten_failures_in_a_row_one_request_at_a_time_probes() {
    let held = Arc::new(Notify::new());
    let gate = Arc::clone(&held);
    let served = std::sync::atomic::AtomicU32::new(0);
    let server = Server::new(move |_| match served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0..20 => answer(503, ""),
        20 => Act::After(Arc::clone(&gate), Box::new(success())),
        _ => success(),
    })
    .await;
    let client = server.client();
    let calls = futures::future::join_all((0..20).map(|n| {
        let client = client.clone();
        async move { client.track(&mut batch(n..n + 1), None).await.fates }
    }));
    tokio::pin!(calls);
    // Twenty failures; then the only probe, which the server holds.
    drive(&server.clock, async {
        tokio::select! {
            biased;
            _ = &mut calls => panic!("the probe is held"),
            () = until(|| server.seen().len() >= 21) => {}
        }
    })
    .await;
    let begin = server.clock.monotonic();
    drive(&server.clock, async {
        tokio::select! {
            biased;
            _ = &mut calls => panic!("the probe is held"),
            () = until(|| server.clock.monotonic() > begin + SECOND * 5) => {}
        }
    })
    .await;
    assert_eq!(server.seen().len(), 21, "nobody else tries meanwhile");
    held.notify_one();
    let fates = server.run(&mut calls).await;
    assert!(fates.iter().all(|fates| *fates == [Fate::Acknowledged]));
    assert_eq!(server.seen().len(), 40);
}

/// The same: a probe whose caller went away is not waited for.
#[tokio::test]
async fn another_request_probes_when_the_probe_is_given_up() {
    let mut acts = vec![answer(503, ""); 10];
    acts.extend([Act::Hang, success()]);
    let server = Server::with(acts).await;
    let client = server.client();
    let mut probe = batch(0..1);
    server
        .run(async {
            tokio::select! {
                biased;
                _ = client.track(&mut probe, None) => panic!("no answer comes"),
                () = until(|| server.seen().len() >= 11) => {}
            }
        })
        .await;
    let begin = server.clock.monotonic();
    let delivery = server.run(client.track(&mut batch(1..2), None)).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged]);
    assert!(server.clock.monotonic() - begin < SECOND * 5);
}

/// The same: who only waits for the probe of others gives up after `retryFor` too, all at the same time.
#[tokio::test]
async fn calls_behind_an_open_circuit_give_up_together() {
    let server = Server::with(vec![answer(503, "")]).await;
    let client = server.client_with(|config| config.limits.retry_for = SECOND * 60);
    let begin = server.clock.monotonic();
    let calls = (0..200_u64).map(|n| {
        let client = client.clone();
        async move { client.track(&mut batch(n..n + 1), None).await }
    });
    let deliveries = server.run(futures::future::join_all(calls)).await;
    for delivery in &deliveries {
        assert!(matches!(delivery.stop, Some(BrazeError::Unavailable { .. })), "{delivery:?}");
        assert!(matches!(delivery.fates[..], [Fate::Unknown | Fate::NotSent]));
    }
    let waited = server.clock.monotonic() - begin;
    assert!(waited >= SECOND * 55 && waited < SECOND * 150, "{waited:?}");
    let sent = server.seen().len();
    assert!(sent < 90, "{sent} requests to a workspace that is down");
    assert!(deliveries.iter().any(|delivery| delivery.fates == [Fate::NotSent]));
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}
