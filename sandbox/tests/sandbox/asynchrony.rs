//! Writes that take effect later, in a time that the tests move.

use std::time::Duration;

use braze_sandbox::{Delays, Options};
use grouparoo_clock::Clock;
use serde_json::{Value, json};

use crate::support::{Braze, options};

fn with(delays: Delays) -> Braze {
    let noon = "2026-03-01T12:00:00Z".parse().expect("a timestamp");
    Braze::with(Options { delays, clock: Clock::manual(noon), ..options() })
}

/// Braze sheet 12.4, row delay between acceptance and visibility, preset 2021 [recorded in traffic].
#[tokio::test]
async fn the_recorded_preset_is_slow_with_one_object_and_goes_on_profile_by_profile() {
    let braze = with(Delays::recorded_2021());
    braze.put(json!({"external_id": "single"})).await;
    let many: Vec<Value> = (0..50).map(|n| json!({"external_id": format!("u{n}")})).collect();
    assert_eq!(braze.track(json!(many)).await.status, 201);
    assert_eq!((braze.user_count(), braze.pending()), (0, 51));
    braze.advance(Duration::from_millis(1_240));
    assert_eq!(braze.user_count(), 7, "one at 1 s, and one each 40 ms");
    assert_eq!(braze.export(&["u6", "u7"]).await.json()["invalid_user_ids"], json!(["u7"]));
    braze.advance(Duration::from_millis(4_000));
    assert_eq!(braze.user_count(), 50);
    braze.advance(Duration::from_millis(760));
    assert!(braze.user("single").is_some());
}

/// Braze sheet 12.4, row two-step visibility [recorded in traffic].
#[tokio::test]
async fn a_new_profile_can_be_seen_before_its_attributes() {
    let braze = with(Delays { two_step: Duration::from_secs(2), ..Delays::none() });
    braze.put(json!({"external_id": "u", "first_name": "Ana", "plan": "pro"})).await;
    let shell = braze.export(&["u"]).await.json()["users"][0].clone();
    assert_eq!(shell["external_id"], "u");
    assert!(shell.get("first_name").is_none() && shell.get("custom_attributes").is_none());
    braze.advance(Duration::from_secs(2));
    assert_eq!(braze.field("first_name").await, "Ana");
}

/// Braze sheet 12.4, row no order between requests [documented].
#[tokio::test]
async fn requests_overtake_each_other_within_the_window() {
    let braze = with(Delays { shuffle: Duration::from_secs(10), ..Delays::none() });
    for n in 0..20 {
        braze.put(json!({"external_id": format!("u{n:02}")})).await;
    }
    braze.advance(Duration::from_secs(10));
    let order: Vec<_> = braze.users().into_iter().filter_map(|user| user.external_id).collect();
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(order.len(), 20);
    assert_ne!(order, sorted);
}

/// Braze sheet 12.4, row delete applied after its own delay [recorded in traffic].
#[tokio::test]
async fn a_deleted_user_is_still_exported_for_a_while() {
    let braze = with(Delays { delete: Duration::from_secs(1), ..Delays::none() });
    braze.put(json!({"external_id": "u"})).await;
    assert_eq!(braze.delete(&["u"]).await.status, 201);
    assert_eq!(braze.export(&["u"]).await.json()["users"][0]["external_id"], "u");
    braze.advance(Duration::from_secs(1));
    assert_eq!(braze.export(&["u"]).await.json()["users"], json!([]));
}

/// Braze sheet 12.4, row re-created user [recorded in traffic].
#[tokio::test]
async fn a_user_made_again_is_a_new_one() {
    let braze = with(Delays::none());
    braze.put(json!({"external_id": "u", "plan": "pro", "email": "ana@example.com"})).await;
    let old = braze.user("u").expect("the user");
    braze.delete(&["u"]).await;
    braze.advance(Duration::from_secs(5));
    braze.put(json!({"external_id": "u", "first_name": "Ana"})).await;
    let new = braze.user("u").expect("the user");
    assert_ne!(new.braze_id, old.braze_id);
    assert!(new.created_at > old.created_at);
    assert!(new.custom_attributes.is_empty() && new.email.is_none());
}

/// Braze sheet 3.7: a late write makes a deleted user again.
#[tokio::test]
async fn a_write_that_is_late_makes_a_deleted_user_again() {
    let braze = with(Delays { single: Duration::from_secs(6), ..Delays::none() });
    braze.put(json!({"external_id": "u", "plan": "pro"})).await;
    braze.delete(&["u"]).await;
    assert_eq!(braze.user_count(), 0);
    braze.settle();
    assert_eq!((braze.user_count(), braze.pending()), (1, 0));
}
