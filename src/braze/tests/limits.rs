//! Rate limits, ceilings and turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Notify;

use crate::braze::Fate;
use crate::braze::testing::{Act, Server, answer, batch, success};

const SECOND: Duration = Duration::from_secs(1);

/// Time of the clock at which the test's servers start, in seconds since 1970.
const START: u64 = 1_772_366_400;

/// semantics 9.3, row 429; braze-rest-api 3.6, both contracts and the standard header.
#[tokio::test]
async fn a_429_waits_for_the_time_of_the_server_in_every_contract() {
    for (name, value) in [
        ("x-ratelimit-retry-after", 40),
        ("retry-after", 40),
        ("x-ratelimit-reset", 40),
        ("x-ratelimit-reset", START + 40),
    ] {
        let server = Server::with(vec![answer(429, "").with(name, value), success()]).await;
        let client = server.client_with(|config| config.limits.retry_for = SECOND * 5);
        let delivery = server.run(client.track(&mut batch(0..1), None)).await;
        assert_eq!(delivery.fates, [Fate::Acknowledged], "waiting spends no patience");
        let seen = server.seen();
        let waited = seen[1].at - seen[0].at;
        assert!(waited >= SECOND * 39 && waited < SECOND * 45, "{name} {value}: {waited:?}");
        let throttled = delivery.traffic.throttled;
        assert!(throttled >= SECOND * 39 && throttled < SECOND * 45, "{throttled:?}");
        assert_eq!((delivery.traffic.requests, delivery.traffic.retries), (2, 1));
    }
}

/// braze-rest-api 3.6: epoch seconds are compared with the server's own clock.
#[tokio::test]
async fn a_reset_is_measured_by_the_date_of_the_answer() {
    let limited = answer(429, "")
        .with("x-ratelimit-reset", START + 5_000)
        .with("date", "Sun, 01 Mar 2026 13:23:00 GMT");
    let server = Server::with(vec![limited, success()]).await;
    server.run(server.client().track(&mut batch(0..1), None)).await;
    let seen = server.seen();
    let waited = seen[1].at - seen[0].at;
    assert!(waited >= SECOND * 20 && waited < SECOND * 25, "{waited:?}");
}

/// braze-rest-api 3.6: own backoff near 3 s with jitter, and no attempts are spent however long it lasts.
#[tokio::test]
async fn a_429_that_says_nothing_waits_longer_each_time_and_never_gives_up() {
    let mut acts = vec![answer(429, "{\"message\":\"slow\"}"); 12];
    acts.push(success());
    let server = Server::with(acts).await;
    let client = server.client_with(|config| config.limits.retry_for = SECOND);
    let delivery = server.run(client.track(&mut batch(0..1), None)).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged]);
    let seen = server.seen();
    let first = seen[1].at - seen[0].at;
    assert!(first >= SECOND * 2 && first < SECOND * 5, "{first:?}");
    let last = seen[12].at - seen[11].at;
    assert!(last >= SECOND * 40 && last < SECOND * 65, "{last:?}");
}

/// braze-rest-api 3.6: a single wait is at most an hour, and never nothing.
#[tokio::test]
async fn a_wait_is_between_a_second_and_an_hour() {
    for (told, least, most) in [("0", 1, 2), ("999999", 3_600, 3_603)] {
        let server = Server::with(vec![answer(429, "").with("retry-after", told), success()]).await;
        let client = server.client();
        let call = async { client.track(&mut batch(0..1), None).await };
        server.run(call).await;
        let seen = server.seen();
        let waited = (seen[1].at - seen[0].at).as_secs_f64();
        assert!(waited >= f64::from(least) && waited < f64::from(most) + 1.0, "{told}: {waited}");
    }
}

/// semantics 9.2: a 429 pauses its family (braze-rest-api 2) and no other.
#[tokio::test]
async fn a_429_pauses_its_family_alone() {
    let server = Server::new(|seen| match seen.path.as_str() {
        "/users/track" if seen.at < SECOND * 50 => answer(429, "").with("retry-after", 100),
        "/users/export/ids" => answer(201, r#"{"users":[]}"#),
        "/subscription/status/get" => answer(200, r#"{"status":{}}"#),
        _ => success(),
    })
    .await;
    let client = server.client();
    let (mut one, mut other) = (batch(0..1), batch(1..2));
    let reads = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        client.delete(&["a"]).await;
        client.export(&["a"]).await.result.expect("read");
        client.subscription_status("g", crate::braze::By::Email, &["a"]).await.result.expect("read");
        server.clock.monotonic()
    };
    let tracks = async { tokio::join!(client.track(&mut one, None), client.track(&mut other, None)) };
    let (read_at, (first, second)) = server.run(async { tokio::join!(reads, tracks) }).await;
    assert!(read_at < SECOND * 20, "{read_at:?}");
    assert_eq!([first.fates[0], second.fates[0]], [Fate::Acknowledged; 2]);
    let throttled = first.traffic.throttled + second.traffic.throttled;
    assert!(throttled > SECOND * 90 && throttled < SECOND * 110, "counted once: {throttled:?}");
}

/// semantics 9.2: below 5 % of the limit, wait for the reset; braze-rest-api 3.6 in both meanings.
#[tokio::test]
async fn below_a_twentieth_of_the_limit_the_family_waits_for_the_reset() {
    for reset in [30, START + 30] {
        let low = |remaining: u32| {
            success()
                .with("x-ratelimit-limit", 250)
                .with("x-ratelimit-remaining", remaining)
                .with("x-ratelimit-reset", reset)
        };
        let server = Server::with(vec![low(13), low(12), success()]).await;
        let client = server.client();
        for n in 0..3 {
            let delivery = server.run(client.track(&mut batch(n..n + 1), None)).await;
            assert_eq!(delivery.fates, [Fate::Acknowledged]);
        }
        let seen = server.seen();
        assert!(seen[1].at - seen[0].at < SECOND * 3);
        let waited = seen[2].at - seen[1].at;
        assert!(waited >= SECOND * 27 && waited < SECOND * 33, "{reset}: {waited:?}");
    }
}

/// api, BrazeApp `limits.requestsPerSecond`: over all endpoints.
#[tokio::test]
async fn requests_per_second_hold_over_all_endpoints() {
    let server = Server::new(|seen| match seen.path.as_str() {
        "/users/export/ids" => answer(201, r#"{"users":[]}"#),
        _ => success(),
    })
    .await;
    let client = server.client_with(|config| config.limits.requests_per_second = Some(2));
    let calls = (0..20_u64).map(|n| {
        let client = client.clone();
        async move {
            if n % 2 == 0 {
                client.track(&mut batch(n..n + 1), None).await;
            } else {
                client.export(&["a"]).await.result.expect("read");
            }
        }
    });
    server.run(join_all(calls)).await;
    let mut times: Vec<Duration> = server.seen().iter().map(|seen| seen.at).collect();
    times.sort();
    assert_eq!(times.len(), 20);
    for second in times.windows(4) {
        assert!(second[3] - second[0] >= SECOND, "{times:?}");
    }
    assert!(times[19] - times[0] < SECOND * 14, "{times:?}");
}

/// api, BrazeApp `limits.maxInFlight`.
#[tokio::test]
async fn no_more_requests_wait_for_answers_than_allowed() {
    let permit = Arc::new(Notify::new());
    let gate = Arc::clone(&permit);
    let server = Server::new(move |_| Act::After(Arc::clone(&gate), Box::new(success()))).await;
    let client = server.client_with(|config| config.limits.max_in_flight = 3);
    let done = AtomicUsize::new(0);
    let calls = (0..9_u64).map(|n| {
        let (client, done) = (client.clone(), &done);
        async move {
            client.track(&mut batch(n..n + 1), None).await;
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
    let watch = async {
        for finished in 0..9 {
            while server.seen().len() < (finished + 3).min(9) || done.load(Ordering::Relaxed) < finished {
                tokio::task::yield_now().await;
            }
            // Some more turns, in which a fourth request would arrive.
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            assert_eq!(server.seen().len(), (finished + 3).min(9));
            permit.notify_one();
        }
    };
    // Time stands: nothing here may depend on it.
    tokio::join!(join_all(calls), watch);
    assert_eq!(done.load(Ordering::Relaxed), 9);
}

/// semantics 9.2: shared in turn.
#[tokio::test]
async fn requests_leave_in_the_order_in_which_they_came() {
    let server = Server::with(vec![
        answer(201, r#"{"message":"success"}"#)
            .with("x-ratelimit-limit", 100)
            .with("x-ratelimit-remaining", 0)
            .with("x-ratelimit-reset", 10),
        success(),
    ])
    .await;
    let client = server.client_with(|config| config.limits.max_in_flight = 1);
    server.run(client.track(&mut batch(99..100), None)).await;
    let calls = (0..30_u64).map(|n| {
        let client = client.clone();
        async move { client.track(&mut batch(n..n + 1), None).await }
    });
    server.run(join_all(calls)).await;
    let order: Vec<u64> = server.seen().iter().flat_map(|seen| seen.objects()).collect();
    assert_eq!(order[1..], (0..30).collect::<Vec<_>>());
}

/// api, BrazeApp `workspace`: two apps with one name share their limits.
#[tokio::test]
async fn a_client_beside_another_waits_for_the_same_limit() {
    let server = Server::with(vec![answer(429, "").with("retry-after", 50), success()]).await;
    let client = server.client();
    let mut config = server.config();
    config.key = "second".to_owned().into();
    let beside = client.beside(config).expect("a client");
    let late = server.run(client.track(&mut batch(0..1), Some(SECOND * 10))).await;
    assert_eq!(late.fates, [Fate::Stale]);
    let delivery = server.run(beside.track(&mut batch(1..2), None)).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged]);
    let seen = server.seen();
    assert!(seen.len() == 2 && seen[1].at >= SECOND * 50, "{seen:?}");
    assert_eq!(seen[1].headers["authorization"], "Bearer second");
}

/// A call that is given up frees its place.
#[tokio::test]
async fn a_dropped_call_frees_its_place() {
    let server = Server::with(vec![Act::Hang, success()]).await;
    let client = server.client_with(|config| config.limits.max_in_flight = 1);
    let mut given_up = batch(0..1);
    tokio::select! {
        biased;
        _ = client.track(&mut given_up, None) => panic!("no answer comes"),
        () = async { while server.seen().is_empty() { tokio::task::yield_now().await } } => {}
    }
    // Time stands, so it is not the request time-out that frees it.
    let delivery = client.track(&mut batch(1..2), None).await;
    assert_eq!(delivery.fates, [Fate::Acknowledged]);
}

/// semantics 9.3, row 429: also who already waited for a place in flight.
#[tokio::test]
async fn a_429_holds_back_the_request_that_gets_its_place() {
    let permit = Arc::new(Notify::new());
    let gate = Arc::clone(&permit);
    let first = std::sync::atomic::AtomicBool::new(true);
    let server = Server::new(move |_| {
        if first.swap(false, Ordering::Relaxed) {
            Act::After(Arc::clone(&gate), Box::new(answer(429, "").with("retry-after", 100)))
        } else {
            success()
        }
    })
    .await;
    let client = server.client_with(|config| config.limits.max_in_flight = 1);
    let (mut one, mut other) = (batch(0..1), batch(1..2));
    let release = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        permit.notify_one();
    };
    let calls = async { tokio::join!(client.track(&mut one, None), client.track(&mut other, None), release) };
    server.run(calls).await;
    let seen = server.seen();
    assert!(seen.len() == 3 && seen[1].at - seen[0].at >= SECOND * 100, "{seen:?}");
}

/// semantics 7.2: looked at again immediately before sending.
#[tokio::test]
async fn a_deadline_that_passes_as_a_place_becomes_free_holds() {
    let server = Server::with(vec![success()]).await;
    let client = server.client_with(|config| config.limits.max_in_flight = 1);
    let (mut one, mut other) = (batch(0..1), batch(1..2));
    let first = async {
        client.track(&mut one, None).await;
        server.clock.advance(SECOND * 11);
    };
    let (_, second) = tokio::join!(first, client.track(&mut other, Some(SECOND * 10)));
    assert_eq!(second.fates, [Fate::Stale]);
    assert_eq!(server.seen().len(), 1);
}

/// semantics 9.2: ceilings that were changed hold for all who share them, also for who waits already.
#[tokio::test]
async fn changed_ceilings_hold_for_all_who_share_them() {
    let server = Server::with(vec![success()]).await;
    let client = server.client_with(|config| config.limits.requests_per_second = None);
    let beside = client.beside(server.config()).expect("a client");
    let mut limits = client.limits();
    limits.requests_per_second = Some(1);
    beside.set_ceilings(&limits);
    let calls = async {
        let mut batches: Vec<_> = (0..4).map(|n| batch(n..n + 1)).collect();
        let (first, second) = batches.split_at_mut(2);
        let one = join_all(first.iter_mut().map(|batch| client.track(batch, None)));
        let other = join_all(second.iter_mut().map(|batch| beside.track(batch, None)));
        tokio::join!(one, other)
    };
    server.run(calls).await;
    let seen = server.seen();
    assert!(seen.len() == 4 && seen[3].at - seen[0].at >= SECOND * 3 - SECOND / 10, "{seen:?}");
    limits.requests_per_second = None;
    client.set_ceilings(&limits);
    let began = server.clock.monotonic();
    server.run(async { beside.track(&mut batch(9..10), None).await }).await;
    assert!(server.seen()[4].at - began < SECOND, "no ceiling any more");
}
