//! Faults on command.

use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, Options};
use grouparoo_clock::Clock;
use serde_json::json;

use crate::support::{Braze, options, with_json};

/// Braze sheet 12.2, row fault injection [assumed].
#[tokio::test]
async fn a_status_on_command_applies_nothing() {
    let braze = Braze::start();
    for status in [401, 403, 429, 500, 502, 503, 504] {
        braze.set_faults([FaultRule::nth(1, Effect::Status(status))]);
        let got = braze.track(json!([{"external_id": "u"}])).await;
        assert_eq!(got.status, status);
        assert!(!got.message().is_empty());
        assert_eq!(braze.user_count(), 0, "{status}");
    }
    braze.put(json!({"external_id": "u"})).await;
    assert_eq!(braze.user_count(), 1, "the fault was for the first request only");
}

/// Braze sheet 12.2, row fault injection: 504 and reset after the write was applied [assumed].
#[tokio::test]
async fn a_write_can_be_applied_and_its_answer_lost() {
    let braze = Braze::start();
    braze.set_faults([FaultRule::nth(1, Effect::StatusAfter(504)), FaultRule::nth(2, Effect::ResetAfter)]);
    assert_eq!(braze.track(json!([{"external_id": "a"}])).await.status, 504);
    assert!(braze.user("a").is_some());
    let body = json!({"attributes": [{"external_id": "b"}]});
    let lost = with_json(braze.request("POST", "/users/track"), &body).send().await;
    assert!(lost.is_err());
    assert!(braze.user("b").is_some());
    let statuses: Vec<_> = braze.journal().iter().map(|entry| (entry.status, entry.accepted)).collect();
    assert_eq!(statuses, [(Some(504), 1), (None, 1)]);
    braze.set_faults([FaultRule::nth(1, Effect::Reset)]);
    let body = json!({"attributes": [{"external_id": "c"}]});
    let lost = with_json(braze.request("POST", "/users/track"), &body).send().await.expect_err("a reset");
    assert!(!lost.is_timeout());
    assert!(braze.user("c").is_none(), "reset before the write");
}

#[tokio::test]
async fn an_answer_can_break_off_or_be_no_json() {
    let braze = Braze::start();
    braze.set_faults([FaultRule::nth(1, Effect::Cut), FaultRule::nth(2, Effect::Garbage)]);
    let body = json!({"attributes": [{"external_id": "a"}]});
    let cut = with_json(braze.request("POST", "/users/track"), &body).send().await.expect("a head");
    assert_eq!(cut.status(), 201);
    assert!(cut.bytes().await.is_err(), "the body breaks off");
    let garbage = braze.track(json!([{"external_id": "b"}])).await;
    assert_eq!(garbage.status, 201);
    assert!(serde_json::from_str::<serde_json::Value>(&garbage.text).is_err());
    assert_eq!(braze.user_count(), 2);
}

/// Braze sheet 3.3: errors that cannot be tied to an object.
#[tokio::test]
async fn errors_can_point_at_nothing() {
    let braze = Braze::start();
    braze.set_faults([FaultRule::nth(1, Effect::StrayErrors)]);
    let got = braze.track(json!([{"external_id": "a"}])).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.json()["errors"][0]["index"], 1_000);
    assert_eq!(got.json()["attributes_processed"], 1);
    assert!(got.header("x-ratelimit-limit").is_some());
}

/// Braze sheet 3.2, row 202 queued.
#[tokio::test]
async fn maintenance_answers_202_and_keeps_the_call() {
    let braze = Braze::start();
    braze.set_faults([FaultRule::first(1, Effect::Queued)]);
    let got = braze.track(json!([{"external_id": "a"}])).await;
    assert_eq!((got.status, got.message()), (202, "queued".to_owned()));
    assert!(braze.user("a").is_some());
}

#[tokio::test]
async fn a_share_of_the_requests_at_one_path_fails() {
    let braze = Braze::with(Options { seed: 3, ..options() });
    braze.set_faults([FaultRule::percent(30.0, Effect::Status(503)).at("/users/track")]);
    let mut failed = 0;
    for _ in 0..100 {
        failed += usize::from(braze.track(json!([{"external_id": "u"}])).await.status == 503);
        assert_eq!(braze.delete(&["nobody"]).await.status, 201);
    }
    assert!((15..45).contains(&failed), "{failed}");
}

/// Braze sheet 12.6: per-user fault rules.
#[tokio::test]
async fn one_user_can_be_refused() {
    let braze = Braze::start();
    braze.refuse("bad", "this one is refused");
    let got = braze.track(json!([{"external_id": "good"}, {"external_id": "bad"}])).await;
    assert_eq!(got.errors(), [("this one is refused".to_owned(), "attributes".to_owned(), 1)]);
    assert!(braze.user("good").is_some() && braze.user("bad").is_none());
    braze.refuse_nobody();
    braze.put(json!({"external_id": "bad"})).await;
}

#[tokio::test]
async fn a_key_can_be_withdrawn_from_the_nth_request_on() {
    let braze = Braze::start();
    braze.set_faults([FaultRule::from(3, Effect::Status(401))]);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(braze.track(json!([{"external_id": "u"}])).await.status);
    }
    assert_eq!(statuses, [201, 201, 401, 401]);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_write() {
    let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"));
    let braze = Braze::with(Options { clock: clock.clone(), ..options() });
    let hour = Duration::from_secs(3_600);
    braze.set_faults([FaultRule::nth(1, Effect::Latency(hour))]);
    let body = json!({"attributes": [{"external_id": "u"}]});
    let client = tokio::spawn(with_json(braze.request("POST", "/users/track"), &body).send());
    assert!(braze.wait_for_arrivals(1, Duration::from_secs(30)).await);
    assert_eq!((braze.totals().answered, braze.user_count()), (0, 0));
    client.abort();
    assert!(client.await.expect_err("no answer yet").is_cancelled());
    // The sandbox may fall asleep only after the first move of the clock.
    let mut moves = 0;
    while !braze.wait_for_requests(1, Duration::from_millis(50)).await {
        clock.advance(hour);
        moves += 1;
        assert!(moves < 600, "the write is never done");
    }
    assert!(braze.user("u").is_some());
}
