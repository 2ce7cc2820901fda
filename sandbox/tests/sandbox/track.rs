//! `/users/track`: what is accepted, what is refused, and for whom.

use braze_sandbox::{Ceiling, ErrorStyle, Options};
use serde_json::{Value, json};

use crate::support::{ALERTS, Braze, NEWS, options, send, with_json};

const NOTHING_VALID: &str =
    "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";

/// Braze sheet 12.3, row counters [recorded in traffic].
#[tokio::test]
async fn the_answer_counts_only_the_arrays_that_were_sent() {
    let braze = Braze::start();
    let got = braze.track(json!([{"external_id": "a"}, {"external_id": "b"}])).await;
    assert_eq!((got.status, got.json()), (201, json!({"message": "success", "attributes_processed": 2})));
    let event = json!({"external_id": "a", "name": "seen", "time": "2026-01-01"});
    let purchase = json!({"external_id": "a", "product_id": "p", "currency": "EUR", "price": 2.5, "time": "2026-01-01", "quantity": 2});
    let got = braze.post("/users/track", &json!({"events": [event], "purchases": [purchase]})).await;
    let expected = json!({"message": "success", "events_processed": 1, "purchases_processed": 1});
    assert_eq!((got.status, got.json()), (201, expected));
    let user = braze.user("a").expect("the user");
    assert_eq!((user.custom_events["seen"].count, user.total_revenue), (1, 5.0));
}

/// Braze sheet 12.3, row partial success [measured by third party].
#[tokio::test]
async fn a_refused_object_changes_nothing_and_the_rest_is_accepted() {
    let braze = Braze::start();
    let got = braze
        .post(
            "/users/track",
            &json!({
                "attributes": [
                    {"external_id": "good", "plan": "pro"},
                    {"external_id": "bad", "plan": "pro", "email_subscribe": "yes"},
                    {"external_id": "both", "braze_id": "x"},
                    {"external_id": "fine"},
                ],
                "events": [{"external_id": "good"}],
            }),
        )
        .await;
    assert_eq!(got.status, 201);
    assert_eq!(
        (&got.json()["attributes_processed"], &got.json()["events_processed"]),
        (&json!(2), &json!(0))
    );
    let places: Vec<_> = got.errors().into_iter().map(|(_, array, index)| (array, index)).collect();
    let expected = [("attributes", 1), ("attributes", 2), ("events", 0)];
    assert_eq!(places, expected.map(|(array, index)| (array.to_owned(), index)));
    assert!(braze.user("bad").is_none() && braze.user("both").is_none());
    assert_eq!(braze.user_count(), 2);
    let entry = &braze.journal()[0];
    assert_eq!((entry.accepted, entry.refused, entry.data_points), (2, 3, 1));
}

/// Braze sheet 12.3, row all refused or nothing sent [third-party client].
#[tokio::test]
async fn nothing_valid_is_a_400_with_the_errors_of_the_objects() {
    let braze = Braze::start();
    let got = braze.track(json!([{"external_id": "u", "email": "nobody"}])).await;
    assert_eq!((got.status, got.message()), (400, NOTHING_VALID.to_owned()));
    assert_eq!(got.errors().len(), 1);
    assert_eq!(got.json().get("attributes_processed"), None);
    for body in [json!({}), json!({"attributes": []}), json!({"attributes": {}}), json!([])] {
        let got = braze.post("/users/track", &body).await;
        assert_eq!((got.status, got.message()), (400, NOTHING_VALID.to_owned()), "{body}");
        assert_eq!(got.json().get("errors"), None);
    }
}

/// Braze sheet 12.3, row object ceiling [documented], body text [assumed].
#[tokio::test]
async fn too_many_objects_are_refused_as_a_whole() {
    let objects =
        |count: usize| (0..count).map(|n| json!({"external_id": n.to_string()})).collect::<Vec<Value>>();
    let events = |count: usize| {
        (0..count)
            .map(|_| json!({"external_id": "e", "name": "n", "time": "2026-01-01"}))
            .collect::<Vec<Value>>()
    };
    for (ceiling, attributes, more, status) in [
        (Ceiling::Total(75), 75, 0, 201),
        (Ceiling::Total(75), 76, 0, 400),
        (Ceiling::Total(75), 75, 1, 400),
        (Ceiling::PerArray(75), 75, 75, 201),
        (Ceiling::PerArray(75), 76, 0, 400),
        (Ceiling::Total(5), 6, 0, 400),
    ] {
        let braze = Braze::with(Options { ceiling, ..options() });
        let body = json!({"attributes": objects(attributes), "events": events(more)});
        let got = braze.post("/users/track", &body).await;
        assert_eq!(got.status, status, "{ceiling:?} {attributes} {more}");
        if status == 400 {
            assert!(got.json().get("errors").is_none());
            assert_eq!(braze.user_count(), 0);
        }
    }
}

/// Braze sheet 12.3, row identifier rules and error sentences [measured by third party], codes [documented].
#[tokio::test]
async fn errors_are_sentences_or_codes() {
    let cases = [
        (json!({"x": 1}), "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required", None),
        (
            json!({"external_id": "a", "user_alias": {"alias_name": "n", "alias_label": "l"}}),
            "You must specify only one of 'external_id', 'user_alias' or 'braze_id'",
            None,
        ),
        (
            json!({"external_id": "x".repeat(988)}),
            "'external_id' must be fewer than 988 bytes",
            Some("EXTERNAL_USER_ID_TOO_LARGE"),
        ),
        (
            json!({"external_id": "spam"}),
            "provided external_id is blacklisted and disallowed",
            Some("BLACKLISTED_EXTERNAL_USER_ID"),
        ),
        (
            json!({"external_id": "a", "email": "nobody"}),
            "The value provided for the 'email' field is not a valid email.",
            Some("EMAIL_BAD_FORMAT"),
        ),
        (
            json!({"external_id": "a", "email_subscribe": "Subscribed"}),
            "'email_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'",
            Some("BAD_EMAIL_SUBSCRIPTION_STATE"),
        ),
        (
            json!({"external_id": "a", "push_subscribe": 1}),
            "'push_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'",
            Some("BAD_PUSH_SUBSCRIPTION_STATE"),
        ),
        (json!({"external_id": "a", "current_location": {"longitude": 1}}), "BAD_LOCATION_UPDATE", None),
        (
            json!({"external_id": "a", "email_subscription_info": {}}),
            "INVALID_ATTRIBUTE_EMAIL_SUBSCRIPTION_INFO",
            None,
        ),
        (
            json!({"external_id": "a", "push_tokens": [{"app_id": "x", "token": 1}]}),
            "BAD_PUSH_TOKEN_STRING",
            None,
        ),
        (json!({"external_id": "a", "push_tokens": "x"}), "BAD_PUSH_TOKEN_VALUE", None),
        (json!({"push_token_import": true, "external_id": "a"}), "BAD_PUSH_TOKEN_IMPORT", None),
    ];
    for style in [ErrorStyle::Sentences, ErrorStyle::Codes] {
        let blocked = vec!["spam".to_owned()];
        let braze = Braze::with(Options { error_style: style, blocked, ..options() });
        for (object, sentence, code) in &cases {
            let expected = match style {
                ErrorStyle::Sentences => sentence,
                ErrorStyle::Codes => code.as_ref().unwrap_or(sentence),
            };
            let got = braze.track(json!([object])).await;
            assert_eq!((got.status, got.errors()[0].0.as_str()), (400, *expected), "{object}");
        }
        assert_eq!(braze.user_count(), 0);
    }
}

/// Braze sheet 12.3, row `_update_existing_only` [documented].
#[tokio::test]
async fn an_update_of_a_missing_user_is_ignored_without_an_error() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u", "plan": "pro", "_update_existing_only": true})).await;
    assert_eq!((braze.user_count(), braze.data_points()), (0, 0));
    let alias = json!({"alias_name": "n", "alias_label": "l"});
    braze.put(json!({"user_alias": alias, "plan": "pro"})).await;
    assert_eq!(braze.user_count(), 0, "an alias updates only");
    braze.put(json!({"user_alias": alias, "plan": "pro", "_update_existing_only": false})).await;
    assert_eq!(braze.user_count(), 1);
    braze.put(json!({"braze_id": "0123456789abcdef01234567", "plan": "pro"})).await;
    assert_eq!(braze.user_count(), 1, "a Braze id makes nobody");
    braze.put(json!({"external_id": "u"})).await;
    braze.put(json!({"external_id": "u", "plan": "pro", "_update_existing_only": true})).await;
    assert_eq!(braze.user("u").expect("the user").custom("plan"), Some(&json!("pro")));
}

/// Braze sheet 12.3, row upsert [documented], null removal [recorded in traffic].
#[tokio::test]
async fn fields_merge_and_null_removes() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u", "first_name": "Ana", "plan": "pro", " spaced ": 1})).await;
    braze.put(json!({"external_id": "u", "last_name": "Diaz", "First_Name": "Other", "plan": null})).await;
    braze.put(json!({"external_id": "U", "plan": "x"})).await;
    let user = braze.user("u").expect("the user");
    assert_eq!((user.text("first_name"), user.text("last_name")), (Some("Ana"), Some("Diaz")));
    assert_eq!(user.custom("plan"), None);
    assert_eq!(user.custom("First_Name"), Some(&json!("Other")), "names are case-sensitive");
    assert_eq!(user.custom("spaced"), Some(&json!(1)), "names are trimmed");
    braze.put(json!({"external_id": "u", "first_name": null, "last_name": ""})).await;
    let user = braze.user("u").expect("the user");
    assert_eq!((user.text("first_name"), user.text("last_name")), (None, Some("")));
    assert_eq!(braze.user_count(), 2, "external ids are case-sensitive");
}

/// Braze sheet 12.3, row email invalid [documented].
#[tokio::test]
async fn an_invalid_email_refuses_the_object() {
    let braze = Braze::start();
    for email in ["", "nobody", "a b@example.com"] {
        let got = braze.track(json!([{"external_id": "u", "email": email, "plan": "pro"}])).await;
        assert_eq!(got.status, 400, "{email}");
    }
    assert_eq!(braze.user_count(), 0);
    braze.put(json!({"external_id": "u", "email": "ana@example.com"})).await;
    braze.put(json!({"external_id": "u", "email": null})).await;
    assert_eq!(braze.user("u").expect("the user").email, None);
}

/// Braze sheet 12.3, row email/phone-only create and preference [documented].
#[tokio::test]
async fn an_address_alone_finds_the_latest_identified_profile_or_makes_one() {
    let braze = Braze::start();
    braze.put(json!({"email": "ana@example.com", "n": 1})).await;
    braze.put(json!({"email": "Ana@example.com", "n": 2})).await;
    assert_eq!(braze.user_count(), 1);
    for id in ["a", "b"] {
        braze.put(json!({"external_id": id, "email": "ana@example.com"})).await;
    }
    braze.put(json!({"external_id": "a", "touched": true})).await;
    braze.put(json!({"email": "ana@example.com", "n": 3, "phone": "+4930901820"})).await;
    let found = braze.user("a").expect("the user");
    assert_eq!(found.custom("n"), Some(&json!(3)), "the most recently updated with an external id");
    assert_eq!(found.phone.as_deref(), Some("+4930901820"), "the phone number is an attribute then");
    assert_eq!(braze.user("b").expect("the user").custom("n"), None);
    braze.put(json!({"phone": "+49 30 901820", "n": 4})).await;
    assert_eq!(braze.user("a").expect("the user").custom("n"), Some(&json!(4)));
    braze.put(json!({"phone": "(212) 555-2368", "n": 5})).await;
    assert_eq!(braze.users().last().and_then(|user| user.phone.clone()).as_deref(), Some("+12125552368"));
}

/// Braze sheet 12.3, row duplicate profile [documented].
#[tokio::test]
async fn a_new_external_id_with_a_known_email_makes_a_second_profile() {
    let braze = Braze::start();
    braze.put(json!({"email": "ana@example.com"})).await;
    braze.put(json!({"external_id": "u", "email": "ana@example.com"})).await;
    let users = braze.users();
    assert_eq!(users.iter().map(|user| user.external_id.as_deref()).collect::<Vec<_>>(), [None, Some("u")]);
    assert!(users.iter().all(|user| user.email.as_deref() == Some("ana@example.com")));
}

/// Braze sheet 12.3, row `X-Braze-Bulk` [recorded in traffic] and `partner` [third-party client].
#[tokio::test]
async fn the_bulk_header_and_the_partner_are_accepted_and_change_nothing() {
    let braze = Braze::start();
    let body = json!({"attributes": [{"external_id": "u"}], "partner": "grouparoo"});
    let request = braze.request("POST", "/users/track").header("X-Braze-Bulk", "true");
    let got = send(with_json(request, &body)).await;
    assert_eq!((got.status, got.json()), (201, json!({"message": "success", "attributes_processed": 1})));
}

/// Braze sheet 12.5, row `subscription_groups` inside an object [documented].
#[tokio::test]
async fn groups_inside_an_object_are_set_by_address_or_refused_with_their_error() {
    let braze = Braze::start();
    let groups = |id: &str, state: &str| json!([{"subscription_group_id": id, "subscription_state": state}]);
    braze
        .put(json!({
            "external_id": "u", "email": "Ana@example.com", "phone": "+4930901820",
            "subscription_groups": [
                {"subscription_group_id": NEWS, "subscription_state": "subscribed"},
                {"subscription_group_id": ALERTS, "subscription_state": "unsubscribed", "use_double_opt_in_logic": false},
            ],
        }))
        .await;
    assert_eq!(
        braze.subscription(NEWS, "ana@example.com").map(|state| state.to_string()).as_deref(),
        Some("Subscribed")
    );
    assert_eq!(
        braze.subscription(ALERTS, "+4930901820").map(|state| state.to_string()).as_deref(),
        Some("Unsubscribed")
    );
    assert_eq!(braze.journal()[0].data_points, 2, "the address and the number, not the groups");
    for (value, code) in [
        (json!("x"), "BAD_SUBSCRIPTION_GROUP_ARRAY"),
        (json!([{"subscription_state": "subscribed"}]), "BAD_SUBSCRIPTION_GROUP_HASH"),
        (groups("news", "subscribed"), "BAD_SUBSCRIPTION_GROUP_ID"),
        (groups("00000000-0000-4000-8000-000000000000", "subscribed"), "BAD_SUBSCRIPTION_GROUP_ID"),
        (groups(NEWS, "Subscribed"), "BAD_SUBSCRIPTION_GROUP_STATE"),
    ] {
        let got = braze.track(json!([{"external_id": "v", "subscription_groups": value}])).await;
        assert_eq!((got.status, got.errors()[0].0.as_str()), (400, code));
    }
    assert!(braze.user("v").is_none());
    braze.put(json!({"external_id": "w", "subscription_groups": groups(NEWS, "subscribed")})).await;
    assert_eq!(braze.swallowed()[0].field, "subscription_groups", "a user without an address has no state");
}

/// Braze sheet 12.5, row data-point counter [documented]: what section 9 says.
#[tokio::test]
async fn data_points_count_attributes_whether_or_not_they_change() {
    let braze = Braze::start();
    let object = json!({
        "external_id": "u", "first_name": "Ana", "email": "ana@example.com", "country": "DE",
        "email_subscribe": "opted_in", "push_subscribe": "unsubscribed",
        "plan": "pro", "old": null, "tags": ["a", "b"], "address": {"city": "Berlin", "geo": {"lat": 1, "lon": 2}},
    });
    for _ in 0..2 {
        braze.put(object.clone()).await;
    }
    let points: Vec<_> = braze.journal().iter().map(|entry| entry.data_points).collect();
    assert_eq!(points, [9, 9]);
    assert_eq!(braze.data_points(), 18);
}
