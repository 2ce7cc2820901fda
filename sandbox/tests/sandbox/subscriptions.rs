//! Subscription states by address, and their reads.

use std::time::Duration;

use braze_sandbox::GroupState;
use serde_json::{Value, json};

use crate::support::{ALERTS, Braze, NEWS};

fn join(group: &str, state: &str) -> Value {
    json!([{"subscription_group_id": group, "subscription_state": state}])
}

/// Braze sheet 12.5, rows states keyed by address, shared by profiles [documented].
#[tokio::test]
async fn a_state_belongs_to_the_address_and_all_profiles_share_it() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "a", "email": "Ana@example.com"})).await;
    braze.put(json!({"external_id": "b", "email": "ana@example.com", "subscription_groups": join(NEWS, "subscribed")})).await;
    let path =
        format!("/subscription/status/get?subscription_group_id={NEWS}&external_id[]=a&external_id[]=b");
    assert_eq!(braze.get(&path).await.json()["status"], json!({"a": "Subscribed", "b": "Subscribed"}));
    braze.put(json!({"external_id": "a", "email": "other@example.com"})).await;
    assert_eq!(braze.get(&path).await.json()["status"], json!({"a": "Unknown", "b": "Subscribed"}));
}

/// Braze sheet 12.5, row reads by id, e-mail, phone; capitalised; Unknown [documented].
#[tokio::test]
async fn the_state_in_one_group_is_read_by_id_email_or_phone() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u", "email": "ana@example.com", "subscription_groups": join(NEWS, "unsubscribed")})).await;
    braze.put(json!({"external_id": "p", "phone": "+4930901820", "subscription_groups": join(ALERTS, "subscribed")})).await;
    let news = format!("/subscription/status/get?subscription_group_id={NEWS}");
    let alerts = format!("/subscription/status/get?subscription_group_id={ALERTS}");
    for (path, status) in [
        (format!("{news}&external_id=u"), json!({"u": "Unsubscribed"})),
        (
            format!("{news}&external_id%5B%5D=u&external_id%5B%5D=nobody"),
            json!({"u": "Unsubscribed", "nobody": "Unknown"}),
        ),
        (format!("{news}&email=ana%40example.com"), json!({"ana@example.com": "Unsubscribed"})),
        (format!("{news}&external_id=p"), json!({"p": "Unknown"})),
        (format!("{alerts}&phone[]=%2B4930901820"), json!({"+4930901820": "Subscribed"})),
        (format!("{news}&external_id=u&email=x%40y.z&phone=%2B491"), json!({"u": "Unsubscribed"})),
    ] {
        let got = braze.get(&path).await;
        assert_eq!(
            (got.status, got.json()),
            (200, json!({"status": status, "message": "success"})),
            "{path}"
        );
    }
}

/// Braze sheet 12.5, row email and phone together: text [documented], status [assumed]; 50 users [documented].
#[tokio::test]
async fn bad_reads_are_refused() {
    let braze = Braze::start();
    let news = format!("/subscription/status/get?subscription_group_id={NEWS}");
    let both = braze.get(&format!("{news}&email=a%40b.co&phone=%2B4930901820")).await;
    let text = "Either an email address or a phone number should be provided, but not both.";
    assert_eq!((both.status, both.message()), (400, text.to_owned()));
    let many = |count: usize| (0..count).map(|n| format!("&external_id[]={n}")).collect::<String>();
    assert_eq!(braze.get(&format!("{news}{}", many(50))).await.status, 200);
    assert_eq!(braze.get(&format!("{news}{}", many(51))).await.status, 400);
    assert_eq!(braze.get(&news).await.status, 400);
    let unknown =
        "/subscription/status/get?subscription_group_id=00000000-0000-4000-8000-000000000000&external_id=u";
    assert_eq!(braze.get(unknown).await.status, 400);
    assert_eq!(braze.get("/subscription/user/status?limit=5").await.status, 400);
}

/// Braze sheet 8.5: all groups of users.
#[tokio::test]
async fn all_groups_that_a_user_has_a_history_with_are_read() {
    let braze = Braze::start();
    braze
        .put(json!({"external_id": "u", "email": "ana@example.com", "phone": "+4930901820",
            "subscription_groups": [join(NEWS, "subscribed")[0], join(ALERTS, "unsubscribed")[0]]}))
        .await;
    braze.put(json!({"external_id": "v", "email": "bob@example.com"})).await;
    let got =
        braze.get("/subscription/user/status?external_id[]=u&external_id[]=v&external_id[]=nobody").await;
    let news = json!({"id": NEWS, "name": "News", "channel": "email", "status": "Subscribed"});
    let alerts = json!({"id": ALERTS, "name": "Alerts", "channel": "sms", "status": "Unsubscribed"});
    let u = json!({"external_id": "u", "email": "ana@example.com", "phone": "+4930901820",
        "subscription_groups": [news, alerts]});
    let v = json!({"external_id": "v", "email": "bob@example.com", "phone": null, "subscription_groups": []});
    assert_eq!(got.status, 200);
    assert_eq!(got.json(), json!({"users": [u, v], "total_count": 2, "message": "success"}));
    for by in ["email=Ana%40example.com", "phone=%2B4930901820"] {
        let got = braze.get(&format!("/subscription/user/status?{by}")).await;
        assert_eq!(got.json()["users"], json!([u]), "{by}");
    }
    let second =
        braze.get("/subscription/user/status?external_id[]=u&external_id[]=v&limit=1&offset=1").await.json();
    assert_eq!((&second["users"], &second["total_count"]), (&json!([v]), &json!(2)));
}

/// Braze sheet 12.5, row 30-day orphan state [documented].
#[tokio::test]
async fn a_state_without_a_profile_waits_30_days_for_one() {
    let day = Duration::from_secs(24 * 3_600);
    let braze = Braze::start();
    assert!(braze.opt_out(NEWS, "ana@example.com") && braze.opt_out(NEWS, "bob@example.com"));
    braze.advance(29 * day);
    braze.put(json!({"external_id": "a", "email": "ana@example.com"})).await;
    braze.advance(2 * day);
    assert_eq!(
        braze.subscription(NEWS, "ana@example.com"),
        Some(GroupState::Unsubscribed),
        "inherited in time"
    );
    assert_eq!(braze.subscription(NEWS, "bob@example.com"), None, "dropped after 30 days");
    braze.put(json!({"external_id": "b", "email": "bob@example.com"})).await;
    assert_eq!(braze.subscription(NEWS, "bob@example.com"), None, "and not inherited");
}

/// Braze sheet 12.5, row last profile of an address [documented].
#[tokio::test]
async fn the_last_profile_takes_the_states_of_its_address_with_it() {
    let braze = Braze::start();
    for id in ["a", "b"] {
        braze.put(json!({"external_id": id, "email": "ana@example.com", "subscription_groups": join(NEWS, "subscribed")})).await;
    }
    braze.delete(&["a"]).await;
    assert_eq!(braze.subscription(NEWS, "ana@example.com"), Some(GroupState::Subscribed));
    braze.delete(&["b"]).await;
    assert_eq!(braze.subscription(NEWS, "ana@example.com"), None);
    braze.put(json!({"external_id": "a", "email": "ana@example.com"})).await;
    assert_eq!(braze.subscription(NEWS, "ana@example.com"), None);
}

/// Braze sheet 8.2: group states follow the address, not the profile.
#[tokio::test]
async fn a_state_stays_with_an_address_that_its_profile_left() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u", "email": "old@example.com", "subscription_groups": join(NEWS, "unsubscribed")})).await;
    braze.put(json!({"external_id": "u", "email": "new@example.com"})).await;
    assert_eq!(braze.subscription(NEWS, "new@example.com"), None);
    braze.put(json!({"external_id": "u", "email": "old@example.com"})).await;
    assert_eq!(braze.subscription(NEWS, "old@example.com"), Some(GroupState::Unsubscribed));
}
