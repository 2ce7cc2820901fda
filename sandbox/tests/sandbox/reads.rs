//! Exports and deletes.

use braze_sandbox::{Account, Options};
use serde_json::{Value, json};

use crate::support::{Braze, options};

/// Braze sheet 12.5, rows export shape [recorded in traffic] and new profile defaults of 5.3 [recorded in traffic].
#[tokio::test]
async fn an_export_shows_a_fresh_profile_with_its_defaults_and_no_empty_field() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u"})).await;
    let got = braze.export(&["u"]).await;
    assert_eq!((got.status, got.message()), (201, "success".to_owned()));
    let user = got.json()["users"][0].clone();
    let keys: Vec<&str> = user.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = [
        "appboy_id",
        "braze_id",
        "created_at",
        "email_subscribe",
        "external_id",
        "push_subscribe",
        "random_bucket",
        "total_revenue",
        "user_aliases",
    ];
    assert_eq!(keys, expected);
    assert_eq!(user["appboy_id"], user["braze_id"]);
    assert_eq!(user["braze_id"].as_str().map(str::len), Some(24));
    assert_eq!(
        (&user["email_subscribe"], &user["push_subscribe"]),
        (&json!("subscribed"), &json!("subscribed"))
    );
    assert_eq!((&user["total_revenue"], &user["user_aliases"]), (&json!(0), &json!([])));
    assert!(user["random_bucket"].as_u64().is_some_and(|bucket| bucket < 10_000));
    let created = user["created_at"].as_str().expect("text");
    assert_eq!((created.len(), created.ends_with('Z'), created.contains('.')), (24, true, true));
}

/// Braze sheet 12.5, row export: order and unknown ids [recorded in traffic].
#[tokio::test]
async fn users_come_in_the_order_of_the_request_and_unknown_ids_apart() {
    let braze = Braze::start();
    braze.track(json!([{"external_id": "a"}, {"external_id": "b"}, {"external_id": "c"}])).await;
    let ids = |value: &Value| -> Vec<String> {
        let users = value["users"].as_array().expect("users");
        users.iter().map(|user| user["external_id"].as_str().expect("an id").to_owned()).collect()
    };
    let all = braze.export(&["c", "a", "b"]).await.json();
    assert_eq!(ids(&all), ["c", "a", "b"]);
    assert!(all.get("invalid_user_ids").is_none(), "absent, not empty");
    let some = braze.export(&["z", "b", "y"]).await.json();
    assert_eq!((ids(&some), &some["invalid_user_ids"]), (vec!["b".to_owned()], &json!(["z", "y"])));
    let none = braze.export(&["z"]).await;
    assert_eq!((none.status, &none.json()["users"]), (201, &json!([])));
}

/// Braze sheet 12.5, row export honours `fields_to_export` [documented].
#[tokio::test]
async fn an_export_shows_the_fields_asked_for() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u", "email": "ana@example.com", "plan": "pro"})).await;
    let body =
        json!({"external_ids": ["u"], "fields_to_export": ["external_id", "custom_attributes", "phone"]});
    let user = braze.post("/users/export/ids", &body).await.json()["users"][0].clone();
    assert_eq!(user, json!({"external_id": "u", "custom_attributes": {"plan": "pro"}}));
}

/// Braze sheet 12.5, row export limits: 50 [documented], missing fields [assumed].
#[tokio::test]
async fn an_export_takes_50_ids_and_newer_accounts_must_name_fields() {
    let braze = Braze::start();
    let ids: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(braze.export(&ids[..50]).await.status, 201);
    assert_eq!(braze.export(&ids).await.status, 400);
    assert_eq!(braze.post("/users/export/ids", &json!({})).await.status, 400);
    let braze = Braze::with(Options { account: Account::New, ..options() });
    assert_eq!(braze.export(&["u"]).await.status, 400);
    let body = json!({"external_ids": ["u"], "fields_to_export": ["external_id"]});
    assert_eq!(braze.post("/users/export/ids", &body).await.status, 201);
}

/// Braze sheet 5.1: the other identifiers of an export.
#[tokio::test]
async fn an_export_finds_by_alias_address_braze_id_and_device() {
    let braze = Braze::start();
    let alias = json!({"alias_name": "n", "alias_label": "l"});
    braze.put(json!({"user_alias": alias, "_update_existing_only": false, "n": 1})).await;
    braze.put(json!({"external_id": "u", "email": "ana@example.com", "phone": "+4930901820"})).await;
    let tokens = json!([{"app_id": "app", "token": "t", "device_id": "device-0001"}]);
    braze.put(json!({"push_token_import": true, "push_tokens": tokens})).await;
    braze.put(json!({"push_token_import": true, "push_tokens": tokens})).await;
    assert_eq!(braze.user_count(), 3, "a known token makes nobody");
    let id = braze.user("u").expect("the user").braze_id;
    for (body, field, value) in [
        (json!({"user_aliases": [alias]}), "custom_attributes", json!({"n": 1})),
        (json!({"email_address": "ANA@example.com"}), "external_id", json!("u")),
        (json!({"phone": "+4930901820"}), "external_id", json!("u")),
        (json!({"braze_id": id}), "external_id", json!("u")),
        (json!({"device_id": "device-0001"}), "push_tokens", tokens.clone()),
    ] {
        let got = braze.post("/users/export/ids", &body).await;
        assert_eq!((got.status, &got.json()["users"][0][field]), (201, &value), "{body}");
    }
    assert_eq!(
        braze.post("/users/export/ids", &json!({"phone": "030901820"})).await.status,
        400,
        "not E.164"
    );
}

/// Braze sheet 12.5, row delete counts [recorded in traffic].
#[tokio::test]
async fn a_delete_counts_the_ids_of_the_request() {
    let braze = Braze::start();
    braze.track(json!([{"external_id": "a"}, {"external_id": "b"}])).await;
    let got = braze.delete(&["a", "nobody", "never"]).await;
    assert_eq!((got.status, got.json()), (201, json!({"deleted": 3, "message": "success"})));
    assert_eq!(braze.user_count(), 1);
    assert_eq!(braze.journal()[1].data_points, 0);
}

/// Braze sheet 12.5, row delete limits: 50 [documented], mixing [assumed].
#[tokio::test]
async fn a_delete_takes_50_ids_of_one_kind() {
    let braze = Braze::start();
    let ids: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(braze.delete(&ids[..50]).await.status, 201);
    assert_eq!(braze.delete(&ids).await.status, 400);
    let mixed = json!({"external_ids": ["a"], "braze_ids": ["b"]});
    assert_eq!(braze.post("/users/delete", &mixed).await.status, 400);
    assert_eq!(braze.post("/users/delete", &json!({"external_ids": "a"})).await.status, 400);
}

/// Braze sheet 6.1: deletes by address touch one user or nobody.
#[tokio::test]
async fn a_delete_by_address_needs_one_match() {
    let braze = Braze::start();
    braze.put(json!({"email": "ana@example.com"})).await;
    braze.put(json!({"external_id": "a", "email": "ana@example.com"})).await;
    braze.put(json!({"external_id": "b", "email": "ana@example.com"})).await;
    let delete =
        |words: Value| json!({"email_addresses": [{"email": "ana@example.com", "prioritization": words}]});
    braze.post("/users/delete", &delete(json!([]))).await;
    braze.post("/users/delete", &delete(json!(["identified"]))).await;
    assert_eq!(braze.user_count(), 3, "more than one match");
    braze.post("/users/delete", &delete(json!(["unidentified"]))).await;
    assert_eq!(braze.user_count(), 2);
    braze.post("/users/delete", &delete(json!(["identified", "most_recently_updated"]))).await;
    assert_eq!(braze.users().iter().map(|user| user.external_id.as_deref()).collect::<Vec<_>>(), [Some("a")]);
}
