//! What becomes of values.

use std::collections::BTreeMap;

use braze_sandbox::{DobForm, GlobalState, Kind, Options};
use serde_json::{Value, json};

use crate::support::{Braze, options};

/// Braze sheet 12.3, row `[]` [recorded in traffic].
#[tokio::test]
async fn an_empty_array_stays() {
    let braze = Braze::start();
    assert_eq!(braze.custom(json!([])).await, json!([]));
    assert_eq!(braze.field("custom_attributes").await, json!({"x": []}));
}

/// Braze sheet 12.3, row arrays and `inc` [documented].
#[tokio::test]
async fn arrays_are_sets_with_operations_and_numbers_can_be_increased() {
    let braze = Braze::start();
    assert_eq!(braze.custom(json!(["a", "b", "a"])).await, json!(["b", "a"]));
    assert_eq!(braze.custom(json!({"add": ["b", "c"]})).await, json!(["a", "b", "c"]));
    assert_eq!(braze.custom(json!({"remove": ["a", "z"]})).await, json!(["b", "c"]));
    assert_eq!(braze.custom(json!({"add": ["n"], "remove": ["b"]})).await, json!(["c", "n"]));
    let many: Vec<u32> = (0..501).collect();
    assert_eq!(braze.custom(json!(many)).await, json!(many[1..]), "beyond 500 the oldest drop out");
    assert_eq!(braze.custom(Value::Null).await, Value::Null);
    assert_eq!(braze.custom(json!({"inc": 2})).await, json!(2));
    assert_eq!(braze.custom(json!({"inc": -5})).await, json!(-3));
}

/// Braze sheet 12.3, row nested [documented].
#[tokio::test]
async fn nested_objects_replace_or_merge_and_one_bad_value_spoils_the_update() {
    let braze = Braze::start();
    assert_eq!(braze.custom(json!({"a": {"b": 1, "c": 2}})).await, json!({"a": {"b": 1, "c": 2}}));
    braze.put(json!({"external_id": "u", "_merge_objects": true, "x": {"a": {"c": 3}, "d": 4}})).await;
    assert_eq!(braze.x(), json!({"a": {"b": 1, "c": 3}, "d": 4}));
    let before = braze.x();
    for bad in [json!({"a": null}), json!({"when": {"$time": "never"}}), json!({"a.b": 1})] {
        assert_eq!(braze.custom(bad.clone()).await, before, "{bad}");
    }
    let large: BTreeMap<String, String> = (0..600).map(|n| (format!("k{n}"), "x".repeat(200))).collect();
    assert_eq!(braze.custom(json!(large)).await, before, "over 100 KB");
    let half: BTreeMap<&String, &String> = large.iter().take(400).collect();
    braze.custom(json!(half)).await;
    let other: BTreeMap<String, String> = (0..400).map(|n| (format!("z{n}"), "x".repeat(200))).collect();
    braze.put(json!({"external_id": "u", "_merge_objects": true, "x": other})).await;
    assert_eq!(braze.x(), json!(half), "over 100 KB after the merge");
    assert_eq!(
        braze.custom(json!({"e": 5})).await,
        json!({"e": 5}),
        "without a merge the object is replaced"
    );
    assert_eq!(braze.swallowed().len(), 5);
}

/// Braze sheet 12.3, row `$add/$remove/$update` order [documented].
#[tokio::test]
async fn operations_on_arrays_of_objects_run_in_a_fixed_order() {
    let braze = Braze::start();
    braze.custom(json!([{"id": 1, "v": "a"}, {"id": 2, "v": "b"}])).await;
    let operations = json!({
        "$update": [{"$identifier_key": "id", "$identifier_value": 3, "$new_object": {"w": "new"}}],
        "$remove": [{"$identifier_key": "id", "$identifier_value": 1}],
        "$add": [{"id": 3, "v": "c"}, {"id": 1, "v": "again"}],
    });
    braze.put(json!({"external_id": "u", "_merge_objects": true, "x": operations})).await;
    assert_eq!(braze.x(), json!([{"id": 2, "v": "b"}, {"id": 3, "v": "c", "w": "new"}]));
}

/// Braze sheet 12.3, row date-like strings [measured by third party], [documented].
#[tokio::test]
async fn text_that_looks_like_a_date_becomes_a_time() {
    let braze = Braze::start();
    assert_eq!(braze.custom(json!("2026-09-15")).await, json!("2026-09-15T00:00:00.000Z"));
    assert_eq!(braze.custom(json!("12/1/2021")).await, json!("2021-12-01T00:00:00.000Z"));
    assert_eq!(braze.custom(json!("2026-09-15T10:00:00+02:00")).await, json!("2026-09-15T08:00:00.000Z"));
    assert_eq!(braze.custom(json!("3001-01-01")).await, json!("3001-01-01"));
    assert_eq!(
        braze.custom(json!({"at": {"$time": "2026-09-15"}})).await,
        json!({"at": "2026-09-15T00:00:00.000Z"})
    );
}

/// Braze sheet 12.3, row country, time zone, long strings [documented], dropped rather than cut [assumed].
#[tokio::test]
async fn bad_standard_values_are_nulled_or_ignored_without_an_error() {
    let braze = Braze::start();
    braze
        .put(json!({
            "external_id": "u", "country": "Australia", "time_zone": "Europe/Berlin", "language": "de",
            "gender": "F", "dob": "1980-12-21", "first_name": "Ana",
        }))
        .await;
    assert_eq!(braze.field("country").await, json!("AU"));
    let got = braze
        .track(json!([{
            "external_id": "u", "country": "Atlantis", "time_zone": "Mars/Base", "language": "german",
            "gender": "female", "dob": "21.12.1980", "first_name": "x".repeat(256), "home_city": 7, "bio": "x",
        }]))
        .await;
    assert_eq!((got.status, got.errors().len()), (201, 0));
    let user = braze.user("u").expect("the user");
    assert_eq!(user.text("country"), None, "erased");
    let kept = ["time_zone", "language", "gender", "dob", "first_name"].map(|field| user.text(field));
    assert_eq!(kept, ["Europe/Berlin", "de", "F", "1980-12-21", "Ana"].map(Some));
    assert!(!user.fields.contains_key("home_city") && user.custom_attributes.is_empty());
    assert_eq!(braze.swallowed().len(), 8);
    assert_eq!(braze.custom(json!("ü".repeat(255))).await, json!("ü".repeat(255)));
    assert_eq!(braze.custom(json!("ü".repeat(256))).await, json!("ü".repeat(255)), "not stored");
}

/// Braze sheet 12.3, row first-seen type, forced type [documented].
#[tokio::test]
async fn the_first_type_sticks_and_a_forced_one_coerces() {
    let forced_types =
        BTreeMap::from([("score".to_owned(), Kind::Number), ("active".to_owned(), Kind::Boolean)]);
    let braze = Braze::with(Options { sticky_types: true, forced_types, ..options() });
    assert_eq!(braze.custom(json!("first")).await, json!("first"));
    assert_eq!(braze.custom(json!("2026-09-15")).await, json!("2026-09-15"), "a string stays a string");
    assert_eq!(braze.custom(json!(7)).await, json!("7"));
    assert_eq!(braze.custom(json!(["a"])).await, json!("7"), "ignored");
    braze.put(json!({"external_id": "other", "x": true})).await;
    assert_eq!(braze.user("other").expect("the user").custom("x"), None, "the type holds for all users");
    braze.put(json!({"external_id": "u", "score": "100", "active": "t"})).await;
    braze.put(json!({"external_id": "u", "score": "many", "active": "perhaps"})).await;
    let user = braze.user("u").expect("the user");
    assert_eq!((user.custom("score"), user.custom("active")), (Some(&json!(100)), Some(&json!(true))));
}

/// Braze sheet 5.4: sent and exported values.
#[tokio::test]
async fn some_values_are_exported_in_another_form() {
    let braze = Braze::start();
    let location = json!({"longitude": 13.4, "latitude": 52.5});
    braze.put(json!({"external_id": "u", "dob": "1980-12-21", "current_location": location})).await;
    assert_eq!(braze.field("dob").await, json!("1980-12-21"));
    assert_eq!(braze.field("last_coordinates").await, json!([13.4, 52.5]));
    let braze = Braze::with(Options { dob: DobForm::Timestamp, ..options() });
    braze.put(json!({"external_id": "u", "dob": "1980-12-21"})).await;
    assert_eq!(braze.field("dob").await, json!("1980-12-21T00:00:00.000Z"));
}

/// Braze sheet 8.2: a changed e-mail address resets the global e-mail state, or inherits it.
#[tokio::test]
async fn the_global_email_state_follows_the_address() {
    let braze = Braze::start();
    let state = |id: &str| braze.user(id).expect("the user").email_subscribe;
    braze
        .put(json!({"external_id": "u", "email": "old@example.com", "email_subscribe": "unsubscribed"}))
        .await;
    assert_eq!(state("u"), GlobalState::Unsubscribed);
    braze.put(json!({"external_id": "u", "email": "OLD@example.com", "plan": "pro"})).await;
    assert_eq!(state("u"), GlobalState::Unsubscribed, "the same address");
    braze.put(json!({"external_id": "u", "email": "new@example.com"})).await;
    assert_eq!(state("u"), GlobalState::Subscribed, "reset");
    braze.put(json!({"external_id": "v", "email": "v@example.com", "email_subscribe": "opted_in"})).await;
    braze.put(json!({"external_id": "u", "email": "v@example.com"})).await;
    assert_eq!(state("u"), GlobalState::OptedIn, "inherited");
    braze.put(json!({"external_id": "u", "email_subscribe": "unsubscribed"})).await;
    assert_eq!(state("v"), GlobalState::Unsubscribed, "spread to the address");
    let braze = Braze::with(Options { resubscribe_on_email_change: true, ..options() });
    braze.put(json!({"external_id": "v", "email": "v@example.com", "email_subscribe": "unsubscribed"})).await;
    braze.put(json!({"external_id": "u", "email": "v@example.com"})).await;
    assert_eq!(braze.user("u").expect("the user").email_subscribe, GlobalState::Subscribed);
}
