//! What a test needs beyond Braze: the journal, the clock, the state as a document, opt-outs, strict mode.

use std::time::Duration;

use braze_sandbox::{Dump, Group, GroupState, Options, Sandbox};
use serde_json::{Value, json};

use crate::support::{Braze, NEWS, options, send, with_json};

async fn admin(braze: &Braze, method: &str, path: &str, body: &Value) -> crate::support::Got {
    send(with_json(braze.bare(method, path), body)).await
}

/// Braze sheet 12.6, request journal.
#[tokio::test]
async fn the_journal_holds_what_was_sent_and_what_became_of_it() {
    let braze = Braze::start();
    let request = braze.request("POST", "/users/track?x=1").header("X-Trace", "abc");
    let body = json!({"attributes": [{"external_id": "u", "plan": "pro"}, {"plan": "x"}]});
    send(with_json(request, &body)).await;
    assert!(braze.wait_for_requests(1, Duration::from_secs(10)).await);
    let journal = braze.journal();
    let entry = &journal[0];
    assert_eq!((entry.method.as_str(), entry.path.as_str()), ("POST", "/users/track"));
    assert_eq!((entry.query.as_deref(), entry.header("x-trace")), (Some("x=1"), Some("abc")));
    assert_eq!((entry.json(), entry.attributes().len()), (body, 2));
    assert_eq!((entry.status, entry.accepted, entry.refused, entry.data_points), (Some(201), 1, 1, 1));
    assert_eq!(entry.outcome().to_string(), "1 accepted, 1 refused");
    assert_eq!(entry.header("authorization"), Some("Bearer ****"), "a short key is masked altogether");
    braze.clear_journal();
    assert!(braze.journal().is_empty());
    assert_eq!(braze.totals().answered, 1);
}

#[tokio::test]
async fn a_bounded_journal_keeps_the_newest_and_counts_all() {
    let braze = Braze::with(Options { journal_limit: 2, ..options() });
    for id in ["a", "b", "c"] {
        braze.put(json!({"external_id": id})).await;
    }
    let kept: Vec<_> = braze.journal().iter().map(|entry| entry.number).collect();
    assert_eq!((kept, braze.totals().accepted), (vec![2, 3], 3));
    let braze = Braze::with(Options { journal_bytes: 100, ..options() });
    for id in ["a", "b", "c"] {
        braze.put(json!({"external_id": id, "pad": "x".repeat(40)})).await;
    }
    assert_eq!(braze.journal().len(), 1, "two bodies are more than 100 bytes");
    let braze = Braze::with(Options { journal_limit: 0, ..options() });
    braze.put(json!({"external_id": "a"})).await;
    assert_eq!((braze.journal().len(), braze.totals().answered), (0, 1));
}

/// Braze sheet 12.6, an administrator's call by which a person opts out.
#[tokio::test]
async fn a_person_opts_out_and_in_again_by_address() {
    let braze = Braze::start();
    let groups = json!([{"subscription_group_id": NEWS, "subscription_state": "subscribed"}]);
    braze.put(json!({"external_id": "u", "email": "ana@example.com", "subscription_groups": groups})).await;
    let decision = json!({"group": NEWS, "address": "ANA@example.com"});
    assert_eq!(admin(&braze, "POST", "/admin/opt-out", &decision).await.status, 200);
    assert_eq!(braze.subscription(NEWS, "ana@example.com"), Some(GroupState::Unsubscribed));
    let path = format!("/subscription/status/get?subscription_group_id={NEWS}&external_id=u");
    assert_eq!(braze.get(&path).await.json()["status"]["u"], "Unsubscribed");
    assert_eq!(admin(&braze, "POST", "/admin/opt-in", &decision).await.status, 200);
    assert_eq!(braze.subscription(NEWS, "ana@example.com"), Some(GroupState::Subscribed));
    let unknown = json!({"group": "x", "address": "ana@example.com"});
    assert_eq!(admin(&braze, "POST", "/admin/opt-out", &unknown).await.status, 404);
    assert!(!braze.opt_out("x", "ana@example.com"));
}

/// An administrator's call from a command line: JSON that its client calls a form, and what is wrong with other bodies.
#[tokio::test]
async fn json_is_read_as_json_whatever_its_sender_calls_it() {
    let braze = Braze::start();
    let post = async |body: String| {
        let request = braze.bare("POST", "/admin/opt-out");
        send(request.header("Content-Type", "application/x-www-form-urlencoded").body(body)).await
    };
    let answer = post(format!(" {{\"group\": \"{NEWS}\", \"address\": \"ana@example.com\"}}")).await;
    assert_eq!((answer.status, answer.json()["message"].clone()), (200, json!("done")));
    assert_eq!(braze.subscription(NEWS, "ana@example.com"), Some(GroupState::Unsubscribed));
    let answer = post("{\"group\": ".to_owned()).await;
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    assert!(answer.status == 400 && message.contains("GET /admin lists the calls"), "{message}");
}

/// Braze sheet 12.6, state dump and load.
#[tokio::test]
async fn the_content_can_be_saved_and_loaded_with_all_its_ways_to_be_found() {
    let braze = Braze::start();
    let groups = json!([{"subscription_group_id": NEWS, "subscription_state": "unsubscribed"}]);
    braze
        .put(json!({"external_id": "u", "email": "ana@example.com", "plan": {"a": [1, 2.5]}, "dob": "1980-12-21",
            "subscription_groups": groups}))
        .await;
    let text = serde_json::to_string(&braze.dump()).expect("a document");
    let content: Dump = serde_json::from_str(&text).expect("a dump");
    let other = Braze::with(Options { content, groups: Vec::new(), ..options() });
    assert_eq!(other.user("u"), braze.user("u"));
    assert_eq!(other.subscription(NEWS, "ana@example.com"), Some(GroupState::Unsubscribed));
    other.put(json!({"email": "ana@example.com", "more": 1})).await;
    assert_eq!(other.user_count(), 1, "found by its address");
    let saved = admin(&other, "GET", "/admin/state", &json!({})).await.json();
    assert_eq!(admin(&braze, "PUT", "/admin/state", &saved).await.status, 200);
    assert_eq!(braze.user("u").expect("the user").custom("more"), Some(&json!(1)));
    let twice = json!({"users": [saved["users"][0], saved["users"][0]]});
    assert_eq!(admin(&braze, "PUT", "/admin/state", &twice).await.status, 400);
    assert_eq!(braze.user_count(), 1, "a bad document changes nothing");
}

/// Braze sheet 12.6, group catalogue seeding.
#[tokio::test]
async fn groups_can_be_added_while_it_runs() {
    let braze = Braze::start();
    let id = "11111111-2222-4333-8444-555555555555";
    let object = json!([{"external_id": "u", "email": "a@b.co",
        "subscription_groups": [{"subscription_group_id": id, "subscription_state": "subscribed"}]}]);
    assert_eq!(braze.track(object.clone()).await.status, 400);
    let group = json!({"id": id, "name": "Late", "channel": "email"});
    assert_eq!(admin(&braze, "POST", "/admin/groups", &group).await.status, 200);
    assert_eq!(braze.track(object).await.status, 201);
    braze.add_group(Group::sms("11111111-2222-4333-8444-666666666666", "Texts"));
    assert_eq!(
        admin(&braze, "GET", "/admin/groups", &json!({})).await.json()["groups"].as_array().map(Vec::len),
        Some(4)
    );
}

/// Braze sheet 12.6, strict mode.
#[tokio::test]
async fn strict_mode_refuses_what_braze_swallows() {
    let braze = Braze::with(Options { strict: true, ..options() });
    braze.put(json!({"external_id": "u", "time_zone": "Europe/Berlin", "country": "DE"})).await;
    for object in [
        json!({"time_zone": "Mars/Base"}),
        json!({"country": "Atlantis"}),
        json!({"first_name": 7}),
        json!({"x": "y".repeat(256)}),
        json!({"x": {"a": null}}),
        json!({"x": [[1]]}),
        json!({"phone": "12"}),
    ] {
        let mut object = object;
        object["external_id"] = json!("u");
        let got = braze.track(json!([object])).await;
        assert_eq!(got.status, 400, "{object}");
        assert!(got.errors()[0].0.starts_with("strict mode"), "{}", got.text);
    }
    let missing = braze.track(json!([{"external_id": "v", "_update_existing_only": true}])).await;
    assert_eq!(missing.status, 400);
    assert!(braze.swallowed().is_empty());
}

/// Braze sheet 12.6, clock control.
#[tokio::test]
async fn time_can_be_moved_by_a_call() {
    let braze = Braze::start();
    let before = braze.now();
    let got = admin(&braze, "POST", "/admin/clock", &json!({"advance": "2h 30m"})).await;
    assert_eq!(got.status, 200);
    assert!(braze.now().duration_since(before) >= jiff::SignedDuration::from_mins(150));
    assert_eq!(admin(&braze, "POST", "/admin/clock", &json!({"advance": "later"})).await.status, 400);
}

#[tokio::test]
async fn administration_needs_no_key_and_stays_out_of_the_journal() {
    let braze = Braze::start();
    braze.put(json!({"external_id": "u/1", "email": "ana@example.com"})).await;
    let rules = json!({"rules": ["503@1", "latency=1ms"]});
    assert_eq!(admin(&braze, "PUT", "/admin/faults", &rules).await.status, 200);
    assert_eq!(admin(&braze, "GET", "/admin/faults", &json!({})).await.json(), rules);
    assert_eq!(admin(&braze, "PUT", "/admin/faults", &json!({"rules": ["nonsense"]})).await.status, 400);
    assert_eq!(braze.track(json!([{"external_id": "v"}])).await.status, 503);
    assert_eq!(admin(&braze, "DELETE", "/admin/faults", &json!({})).await.status, 200);
    assert_eq!(admin(&braze, "PUT", "/admin/refused", &json!({"v": "no"})).await.status, 200);
    assert_eq!(braze.track(json!([{"external_id": "v"}])).await.status, 400);
    let users = admin(&braze, "GET", "/admin/users?q=ANA", &json!({})).await.json();
    assert_eq!((&users["total"], &users["users"][0]["external_id"]), (&json!(1), &json!("u/1")));
    let user = admin(&braze, "GET", "/admin/users/u%2F1", &json!({})).await.json();
    assert_eq!(user["user"]["email"], "ana@example.com");
    assert_eq!(admin(&braze, "GET", "/admin/users/nobody", &json!({})).await.status, 404);
    let journal = admin(&braze, "GET", "/admin/journal", &json!({})).await.json();
    assert_eq!(journal["requests"].as_array().map(Vec::len), Some(3));
    assert_eq!(journal["requests"][1]["outcome"], "server error (fault 503@1)");
    assert_eq!(admin(&braze, "PUT", "/admin/keys", &json!({"other": ["users.track"]})).await.status, 200);
    assert_eq!(braze.track(json!([{"external_id": "v"}])).await.status, 401);
    assert_eq!(admin(&braze, "DELETE", "/admin/journal", &json!({})).await.status, 200);
    assert!(braze.journal().is_empty());
    assert_eq!(admin(&braze, "GET", "/admin/nonsense", &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_counting_sink_counts_and_keeps_nobody() {
    let braze = Braze::with(Options { counting_sink: true, journal_limit: 0, ..options() });
    let objects: Vec<Value> = (0..75).map(|n| json!({"external_id": n.to_string()})).collect();
    let got = braze.track(json!(objects)).await;
    assert_eq!((got.status, got.json()), (201, json!({"message": "success", "attributes_processed": 75})));
    assert_eq!((braze.user_count(), braze.totals().accepted), (0, 75));
    assert!(braze.totals().bytes > 1_000);
    objects_over_the_ceiling(&braze, objects).await;
}

async fn objects_over_the_ceiling(braze: &Braze, mut objects: Vec<Value>) {
    objects.push(json!({"external_id": "one more"}));
    assert_eq!(braze.track(json!(objects)).await.status, 400);
}

/// A test without a runtime of its own can wait too, and a stopped sandbox is gone.
#[test]
fn a_sandbox_serves_a_test_without_a_runtime_and_stops() {
    let sandbox = Sandbox::start(options());
    let address = sandbox.address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = format!("{}/campaigns/list", sandbox.url());
    let sent = std::thread::spawn(move || {
        runtime.block_on(async { reqwest::get(url).await.map(|got| got.status()) })
    });
    assert!(sandbox.wait_until_blocking(Duration::from_secs(10), |totals| totals.answered == 1));
    assert_eq!(sent.join().expect("no panic").expect("an answer"), 401);
    sandbox.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
    let again = Sandbox::start(Options { listen: address, ..options() });
    assert_eq!(again.address(), address, "the port is free at once");
}

#[tokio::test]
async fn a_wait_that_is_in_vain_ends() {
    let braze = Braze::start();
    assert!(!braze.wait_for_requests(1, Duration::from_millis(10)).await);
}
