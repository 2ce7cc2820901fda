//! Request ceilings.

use std::time::Duration;

use braze_sandbox::{Limit, Options, RateLimits, RetryAfter};
use grouparoo_clock::Clock;
use serde_json::json;

use crate::support::{Braze, options};

fn at_noon(rate: RateLimits) -> Braze {
    let noon = "2026-03-01T12:00:10Z".parse().expect("a timestamp");
    Braze::with(Options { rate, clock: Clock::manual(noon), ..options() })
}

/// Braze sheet 12.2, rows fixed windows [documented] and headers in mode `epoch` [documented, recorded in traffic].
#[tokio::test]
async fn windows_are_fixed_counted_apart_and_told_on_every_response() {
    let braze = at_noon(RateLimits::everywhere(Limit::per(2, 60)));
    let object = json!([{"external_id": "u"}]);
    let first = braze.track(object.clone()).await;
    assert_eq!((first.number("x-ratelimit-limit"), first.number("x-ratelimit-remaining")), (2, 1));
    let end: jiff::Timestamp = "2026-03-01T12:01:00Z".parse().expect("a timestamp");
    assert_eq!(first.number("x-ratelimit-reset"), end.as_second());
    assert_eq!(first.header("date").as_deref(), Some("Sun, 01 Mar 2026 12:00:10 GMT"));
    assert_eq!(braze.track(json!([])).await.number("x-ratelimit-remaining"), 0, "a 400 counts and tells too");
    let full = braze.track(object.clone()).await;
    assert_eq!((full.status, full.number("x-ratelimit-remaining")), (429, 0));
    assert!(!full.message().is_empty(), "Braze sheet 12.2, row 429 body [assumed]");
    assert_eq!(braze.delete(&["u"]).await.status, 201, "deletes have their own window");
    assert_eq!(braze.export(&["u"]).await.status, 201, "exports have their own window");
    assert_eq!(braze.get("/campaigns/list").await.status, 200);
    let status = format!("/subscription/user/status?external_id={}", "u");
    assert_eq!(braze.get(&status).await.status, 200);
    assert_eq!(braze.get("/campaigns/list").await.status, 429, "the default bucket is shared");
    braze.advance(Duration::from_secs(50));
    assert_eq!(braze.track(object).await.status, 201, "a new minute");
}

/// Braze sheet 12.2, row mode `mau` [documented].
#[tokio::test]
async fn mode_mau_tells_seconds_left_and_a_429_the_wait_alone() {
    let braze = at_noon(RateLimits::mau(1_000, 1));
    let object = json!([{"external_id": "u"}]);
    let first = braze.track(object.clone()).await;
    assert_eq!(first.number("x-ratelimit-reset"), 3_590);
    let full = braze.track(object.clone()).await;
    assert_eq!((full.status, full.number("x-ratelimit-retry-after")), (429, 2));
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"] {
        assert_eq!(full.header(name), None, "{name}");
    }
    braze.advance(Duration::from_secs(2));
    assert_eq!(braze.track(object).await.number("x-ratelimit-remaining"), 998);
}

/// Braze sheet 3.6: other forms of the wait, which a client should understand as well.
#[tokio::test]
async fn the_wait_can_be_told_in_other_forms() {
    for (form, name, value) in [
        (RetryAfter::Braze, "x-ratelimit-retry-after", "50"),
        (RetryAfter::Seconds, "retry-after", "50"),
        (RetryAfter::Date, "retry-after", "Sun, 01 Mar 2026 12:01:00 GMT"),
    ] {
        let rate = RateLimits { retry_after: form, ..RateLimits::everywhere(Limit::per(0, 60)) };
        let full = at_noon(rate).track(json!([{"external_id": "u"}])).await;
        assert_eq!((full.status, full.header(name).as_deref()), (429, Some(value)));
    }
    let rate = RateLimits { retry_after: RetryAfter::Nothing, ..RateLimits::everywhere(Limit::per(0, 60)) };
    let full = at_noon(rate).track(json!([{"external_id": "u"}])).await;
    assert!(full.headers.keys().all(|name| !name.as_str().contains("ratelimit")));
}

/// Braze sheet 5.1: light exports of newer accounts have a ceiling of their own.
#[tokio::test]
async fn exports_that_name_their_fields_are_counted_apart() {
    let rate = RateLimits { export: Limit::per(1, 60), ..RateLimits::new_account() };
    let braze = at_noon(rate);
    let light = json!({"external_ids": ["u"], "fields_to_export": ["external_id"]});
    let heavy = json!({"external_ids": ["u"], "fields_to_export": ["canvases_received"]});
    assert_eq!(braze.post("/users/export/ids", &heavy).await.status, 201);
    assert_eq!(braze.post("/users/export/ids", &heavy).await.status, 429);
    assert_eq!(braze.post("/users/export/ids", &light).await.number("x-ratelimit-limit"), 40);
}
