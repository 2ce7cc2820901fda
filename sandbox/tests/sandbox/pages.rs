//! The pages that a person looks at.

use braze_sandbox::GroupState;
use serde_json::json;

use crate::support::{Braze, NEWS, send};

async fn page(braze: &Braze, path: &str) -> String {
    let got = send(braze.bare("GET", path)).await;
    assert_eq!(got.status, 200, "{path}");
    assert_eq!(got.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    got.text
}

/// Braze sheet 12.6, a person's opt-out by a button.
#[tokio::test]
async fn the_button_on_a_page_opts_a_person_out() {
    let braze = Braze::start();
    let groups = json!([{"subscription_group_id": NEWS, "subscription_state": "subscribed"}]);
    braze
        .put(json!({"external_id": "u", "email": "ana+news@example.com", "subscription_groups": groups}))
        .await;
    let id = braze.user("u").expect("the user").braze_id;
    let user = page(&braze, &format!("/page/users/{id}")).await;
    assert!(user.contains("<button class=\"out\">Opt out</button>"), "{user}");
    assert!(user.contains("name=\"address\" value=\"ana+news@example.com\""));
    let form = format!("group={NEWS}&address=ana%2Bnews%40example.com&back=%2Fpage%2Fusers%2F{id}");
    let press = |action: &str, form: String| {
        let request = braze.bare("POST", action).header("Content-Type", "application/x-www-form-urlencoded");
        send(request.body(form))
    };
    let after = press("/admin/opt-out", form).await;
    assert!(after.text.contains("by the person") && after.text.contains("Opt in"), "back on the user's page");
    assert_eq!(braze.subscription(NEWS, "ana+news@example.com"), Some(GroupState::Unsubscribed));
    let away = format!("group={NEWS}&address=x%40y.co&back=https%3A%2F%2Fexample.com");
    assert!(press("/admin/opt-in", away).await.text.contains("Newest users"), "never to another site");
    press("/admin/faults", "rule=503%401&back=%2Fpage%2Ffaults".to_owned()).await;
    assert!(page(&braze, "/page/faults").await.contains("<code>503@1</code>"));
    press("/admin/faults/clear", "back=%2Fpage%2Ffaults".to_owned()).await;
    assert!(page(&braze, "/page/faults").await.contains("everything works"));
}

#[tokio::test]
async fn what_was_sent_is_never_markup() {
    let braze = Braze::start();
    let evil = "<script>alert('x')</script>\"";
    braze.put(json!({"external_id": evil, "first_name": evil, evil: evil})).await;
    let id = braze.users()[0].braze_id.clone();
    let user = format!("/page/users/{id}");
    for path in
        ["/", "/page/users", "/page/users?q=%3Cscript%3E", &user, "/page/requests", "/page/requests/1"]
    {
        let text = page(&braze, path).await;
        assert!(!text.contains("<script"), "{path}");
        assert!(text.contains("&lt;script&gt;") || path == "/page/requests", "{path}");
    }
}

#[tokio::test]
async fn every_page_is_there_and_others_are_not() {
    let braze = Braze::start();
    braze.track(json!([{"external_id": "u", "email": "ana@example.com"}, {"x": 1}])).await;
    braze.opt_out(NEWS, "bob@example.com");
    let overview = page(&braze, "/?watch=1").await;
    assert!(overview.contains("http-equiv=\"refresh\"") && overview.contains("1 accepted, 1 refused"));
    assert!(page(&braze, "/page/subscriptions").await.contains("(no profile has it)"));
    assert!(page(&braze, "/page/users?q=nobody").await.contains("No users."));
    assert!(page(&braze, "/page/requests/1").await.contains("Bearer ****"));
    for path in ["/page/users/nobody", "/page/requests/99", "/page/x"] {
        assert_eq!(send(braze.bare("GET", path)).await.status, 404, "{path}");
    }
    assert_eq!(braze.totals().answered, 1, "pages are not requests to Braze");
}
