//! Look-ups and subscription states.

use std::time::Duration;

use crate::braze::testing::{Act, Server, answer, success};
use crate::braze::{BrazeError, By, ExportedUser, Outage, SubscriptionState};

const GROUP: &str = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

/// Values of the parameters of a query.
fn values(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// braze-rest-api 5.1 and 5.2.
#[tokio::test]
async fn an_export_asks_for_two_fields_and_leaves_out_who_is_unknown() {
    let body =
        r#"{"users":[{"external_id":"u-2","braze_id":"22"}],"invalid_user_ids":["u-1"],"message":"success"}"#;
    let server = Server::with(vec![answer(201, body)]).await;
    let reply = server.run(server.client().export(&["u-1", "u-2"])).await;
    let user = ExportedUser { external_id: "u-2".into(), braze_id: "22".into() };
    assert_eq!(reply.result, Ok(vec![user]));
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/users/export/ids"));
    assert_eq!(seen.list("external_ids"), ["u-1", "u-2"]);
    assert_eq!(seen.list("fields_to_export"), ["external_id", "braze_id"]);
    assert_eq!((reply.traffic.lookup, reply.traffic.objects), (1, 0));
}

/// semantics 12.2: a failed look-up is no answer.
#[tokio::test]
async fn a_read_that_fails_is_tried_again_and_then_an_error() {
    let good = answer(201, r#"{"users":[]}"#);
    let server = Server::with(vec![answer(503, ""), Act::Drop, success(), good]).await;
    let reply = server.run(server.client().export(&["a"])).await;
    assert_eq!((reply.result, reply.traffic.retries), (Ok(vec![]), 3));

    let server = Server::with(vec![answer(503, "")]).await;
    let client = server.client_with(|config| config.limits.retry_for = Duration::from_secs(10));
    let error = BrazeError::Unavailable { cause: Outage::Status(503) };
    assert_eq!(server.run(client.export(&["a"])).await.result, Err(error));
    assert_eq!(server.run(client.subscription_status(GROUP, By::Email, &["a"])).await.result, Err(error));

    let server = Server::with(vec![answer(400, "{}")]).await;
    let error = BrazeError::RequestRefused { status: 400 };
    assert_eq!(server.run(server.client().export(&["a", "b"])).await.result, Err(error));
}

/// api, BrazeApp: the permission is named and the app stays open.
#[tokio::test]
async fn a_read_without_permission_names_it() {
    let server = Server::with(vec![answer(403, "")]).await;
    let client = server.client();
    let missing = |permission| Some(BrazeError::PermissionMissing { permission });
    assert_eq!(server.run(client.export(&["a"])).await.result.err(), missing("users.export.ids"));
    let reply = server.run(client.subscription_status(GROUP, By::Phone, &["+31"])).await;
    assert_eq!(reply.result.err(), missing("subscription.status.get"));
    assert_eq!(client.closed(), None);
}

/// braze-rest-api 8.5; semantics 7.4: answers are matched without case.
#[tokio::test]
async fn states_are_found_by_the_address_without_case() {
    let body = r#"{"status":{"ana@x.org":"Subscribed","B@X.ORG":"Unsubscribed","c@x.org":"Unknown","z@x.org":"Subscribed"},"message":"success"}"#;
    let server = Server::with(vec![answer(200, body)]).await;
    let asked = ["Ana@X.org", "b@x.org", "C@x.org", "d@x.org"];
    let reply = server.run(server.client().subscription_status(GROUP, By::Email, &asked)).await;
    let states = reply.result.expect("read");
    assert_eq!(states.len(), 3, "no answer for d, and z was not asked: {states:?}");
    assert_eq!(states["ana@x.org"], SubscriptionState::Subscribed);
    assert_eq!(states["b@x.org"], SubscriptionState::Unsubscribed);
    assert_eq!(states["c@x.org"], SubscriptionState::Unknown);
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/subscription/status/get"));
    let query = values(&seen.query);
    assert_eq!(query[0], ("subscription_group_id".to_owned(), GROUP.to_owned()));
    assert_eq!(query[1], ("email[]".to_owned(), "Ana@X.org".to_owned()));
    assert_eq!(reply.traffic.status, 1);
}

/// braze-rest-api 4.4: external ids differ by case.
#[tokio::test]
async fn states_by_external_id_are_matched_exactly() {
    let server = Server::with(vec![answer(200, r#"{"status":{"A":"Subscribed","a":"Unsubscribed"}}"#)]).await;
    let reply = server.run(server.client().subscription_status(GROUP, By::ExternalId, &["A", "b"])).await;
    let states = reply.result.expect("read");
    assert_eq!(states.into_iter().collect::<Vec<_>>(), [("A".to_owned(), SubscriptionState::Subscribed)]);
}

/// braze-rest-api 8.5: a plus is not a blank.
#[tokio::test]
async fn phone_numbers_keep_their_plus() {
    let server = Server::with(vec![answer(200, r#"{"status":{"+31612345678":"Subscribed"}}"#)]).await;
    let reply = server.run(server.client().subscription_status(GROUP, By::Phone, &["+31612345678"])).await;
    assert_eq!(reply.result.expect("read")["+31612345678"], SubscriptionState::Subscribed);
    assert!(server.seen()[0].query.ends_with("=%2B31612345678"));
}

/// semantics 9.1, row /subscription/status/get: a URL of at most 6 KB.
#[tokio::test]
async fn a_long_question_is_split() {
    let ids: Vec<String> = (0..50).map(|n| format!("{n:02}-{}", "é".repeat(100))).collect();
    let server = Server::new(|seen| {
        let states: Vec<String> =
            values(&seen.query)[1..].iter().map(|(_, value)| format!("{value:?}: \"Subscribed\"")).collect();
        answer(200, format!(r#"{{"status":{{{}}}}}"#, states.join(",")))
    })
    .await;
    let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
    let reply = server.run(server.client().subscription_status(GROUP, By::ExternalId, &asked)).await;
    assert_eq!(reply.result.expect("read").len(), 50);
    let seen = server.seen();
    assert!(seen.len() >= 5 && seen.len() <= 7, "{}", seen.len());
    let address = server.address.to_string();
    let longest = seen.iter().map(|seen| 7 + address.len() + seen.path.len() + 1 + seen.query.len()).max();
    assert!(longest.is_some_and(|bytes| bytes <= 6 * 1024 && bytes > 5 * 1024), "{longest:?}");
    let order: Vec<String> =
        seen.iter().flat_map(|seen| values(&seen.query).split_off(1)).map(|(_, value)| value).collect();
    assert_eq!(order, ids);
}

#[tokio::test]
async fn a_value_that_no_url_can_hold_has_no_answer() {
    let server = Server::with(vec![answer(200, r#"{"status":{"a":"Unknown","b":"Unknown"}}"#)]).await;
    let long = "x".repeat(7_000);
    let asked = ["a", &long, "b"];
    let reply = server.run(server.client().subscription_status(GROUP, By::Email, &asked)).await;
    let mut found: Vec<String> = reply.result.expect("read").into_keys().collect();
    found.sort();
    assert_eq!(found, ["a", "b"]);
}

/// semantics 7.2: a value that is refused is deferred, and takes no other with it.
#[tokio::test]
async fn a_refused_value_leaves_the_others_their_answers() {
    let server = Server::new(|seen| {
        let asked = values(&seen.query).split_off(1);
        if asked.iter().any(|(_, value)| value == "bad") {
            return answer(400, "{}");
        }
        let states: Vec<String> = asked.iter().map(|(_, value)| format!("{value:?}:\"Unknown\"")).collect();
        answer(200, format!(r#"{{"status":{{{}}}}}"#, states.join(",")))
    })
    .await;
    let client = server.client();
    let reply = server.run(client.subscription_status(GROUP, By::Email, &["a", "b", "bad", "c"])).await;
    let mut found: Vec<String> = reply.result.expect("read").into_keys().collect();
    found.sort();
    assert_eq!(found, ["a", "b", "c"]);
    let reply = server.run(client.subscription_status(GROUP, By::Email, &["bad", "bad"])).await;
    assert_eq!(reply.result, Err(BrazeError::RequestRefused { status: 400 }));
}

/// A group that is not there is no reason to close the app.
#[tokio::test]
async fn a_group_that_is_not_found_is_an_error_of_that_read() {
    let server = Server::with(vec![answer(404, "{}")]).await;
    let client = server.client();
    let reply = server.run(client.subscription_status(GROUP, By::Email, &["a", "b"])).await;
    assert_eq!(reply.result, Err(BrazeError::RequestRefused { status: 404 }));
    assert_eq!((client.closed(), server.seen().len()), (None, 1));
}
