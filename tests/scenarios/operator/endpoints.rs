//! Where values of Secrets may go (api.md §9).

use axum::Router;
use axum::http::{StatusCode, header::LOCATION};
use braze_sandbox::{Options as SandboxOptions, Sandbox};

use grouparoo::api::SyncRun;
use grouparoo::api::sync_run::Trigger;
use serde_json::json;

use super::installed::{Installed, run_message, run_reason};

/// The Ready condition of an object when it is False: reason and message.
async fn refusal(installed: &Installed, kind: &str, name: &str) -> (String, String) {
    let found = installed.space.wait_condition(kind, name, "Ready", "False").await;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

fn app(name: &str, endpoint: &str, secret: &str) -> String {
    format!(
        "apiVersion: grouparoo.io/v1alpha1\nkind: BrazeApp\nmetadata: {{ name: {name} }}\nspec:\n  \
         restEndpoint: {endpoint}\n  apiKeySecretRef: {{ name: {secret}, key: key }}\n"
    )
}

fn postgres(name: &str, host: &str) -> String {
    format!(
        "apiVersion: grouparoo.io/v1alpha1\nkind: Source\nmetadata: {{ name: {name} }}\nspec:\n  postgres:\n    \
         {{ host: {host}, database: crm, user: reader, passwordSecretRef: {{ name: braze, key: key }} }}\n"
    )
}

/// api.md §9 `allowedHosts`, `secretHostBinding`: a key is sent neither where the administrator nor where its owner does not want it
#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_only_where_both_allow_it() {
    let mut installed = Installed::with_people(1).await;
    let other = Sandbox::start(SandboxOptions::default());
    installed.start();
    let unbound = "---\napiVersion: v1\nkind: Secret\nmetadata: { name: unbound }\nstringData: { key: k }\n";
    installed.space.apply(&format!("{}{unbound}", installed.secret())).await;
    installed.space.apply(&app("elsewhere", &other.url(), "braze")).await;
    installed.space.apply(&app("unbound", &installed.sandbox.url(), "unbound")).await;
    let (reason, message) = refusal(&installed, "BrazeApp", "elsewhere").await;
    assert_eq!(reason, "EndpointNotAllowed");
    assert!(message.contains("allowedHosts"), "{message}");
    let (reason, message) = refusal(&installed, "BrazeApp", "unbound").await;
    assert_eq!(reason, "EndpointNotAllowed");
    assert!(message.contains("grouparoo.io/allowed-hosts"), "{message}");
    assert_eq!(other.journal().len() + installed.sandbox.journal().len(), 0, "nothing was sent anywhere");
    // The owner allows it, and it is tested again without a word to us.
    let bound = unbound
        .replace("name: unbound", "name: unbound, annotations: { grouparoo.io/allowed-hosts: 127.0.0.1 }");
    installed.space.apply(bound.trim_start_matches("---\n")).await;
    installed
        .patch(
            "BrazeApp",
            "unbound",
            &serde_json::json!({ "metadata": { "annotations": { "grouparoo.io/requested-at": "1" } } }),
        )
        .await;
    let wrong_key = |object: &kube::api::DynamicObject| {
        crate::support::control_plane::condition_of(&object.data, "Ready")["reason"] == "AuthenticationFailed"
    };
    crate::support::control_plane::wait(
        installed.space.raw("BrazeApp"),
        "unbound",
        super::installed::SOON,
        |object| object.is_some_and(wrong_key),
    )
    .await;
    installed.check().await;
}

/// api.md §9 `sources.allowedHosts`, `sources.privateAddresses`, `dataRoot`
#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_where_the_administrator_allows_it() {
    let mut installed = Installed::with_people(1).await;
    installed.offers_files = false;
    installed.flags.push("--deny-private-addresses".to_owned());
    installed.flags.push("--source-allowed-host=*.example.com".to_owned());
    installed.start();
    installed.space.apply(&installed.secret()).await;
    for (source, wanted) in [
        (postgres("other", "db.example.org"), "is not allowed in this cluster"),
        (postgres("private", "10.1.2.3"), "10.1.2.3"),
        (postgres("self", "127.0.0.1"), "127.0.0.1"),
        (postgres("unbound", "db.example.com"), "grouparoo.io/allowed-hosts"),
    ] {
        installed.space.apply(&source).await;
        let name = source.split("name: ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a name");
        let (reason, message) = refusal(&installed, "Source", name).await;
        assert_eq!(reason, "EndpointNotAllowed", "{name}: {message}");
        assert!(message.contains(wanted), "{name}: {message}");
        assert!(!message.contains(&installed.key), "{message}");
    }
    let file = installed.manifests().remove(2);
    installed.space.apply(&file).await;
    let (reason, message) = refusal(&installed, "Source", "crm").await;
    assert_eq!(reason, "InvalidSpec");
    assert!(message.contains("dataRoot"), "{message}");
    installed.check().await;
}

/// api.md §9: private addresses are refused where they are denied, also behind an allowed list of all hosts
#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_can_be_denied() {
    let mut installed = Installed::with_people(1).await;
    installed.flags.push("--deny-private-addresses".to_owned());
    installed.start();
    installed.space.apply(&installed.secret()).await;
    for (name, host) in [
        ("a", "10.1.2.3"),
        ("b", "192.168.0.9"),
        ("c", "100.64.1.1"),
        ("d", "169.254.169.254"),
        ("e", "127.0.0.1"),
    ] {
        installed.space.apply(&postgres(name, host)).await;
        let (reason, message) = refusal(&installed, "Source", name).await;
        assert_eq!(reason, "EndpointNotAllowed", "{host}: {message}");
    }
    installed.check().await;
}

/// conventions 12: no redirects, or an allowed host could send the key anywhere
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let mut installed = Installed::with_people(1).await;
    let target = installed.sandbox.url();
    let moved = move || async move { (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target.clone())]) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(moved)).await });
    installed.flags.push(format!("--allowed-host={address}"));
    installed.start();
    installed.space.apply(&installed.secret()).await;
    installed.space.apply(&app("moved", &format!("http://{address}"), "braze")).await;
    let (reason, message) = refusal(&installed, "BrazeApp", "moved").await;
    assert_eq!(reason, "AuthenticationFailed", "{message}");
    assert_eq!(installed.sandbox.journal().len(), 0, "the request stays where it was sent");
    installed.check().await;
    server.abort();
}

/// semantics 3: what may not be connected to any more when a run begins is told as such, and tested again; once that is
/// mended, a retry delivers what was left, and nobody has to ask for it
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_may_not_connect_any_more_says_so() {
    let mut installed = Installed::with_people(3).await;
    installed.watched = false;
    installed.destination.insert_str(0, "  retry: { initialDelay: 1s }\n");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let hosts =
        |hosts: &str| json!({ "metadata": { "annotations": { "grouparoo.io/allowed-hosts": hosts } } });
    installed.sql("update users set plan = 'gold'");
    installed.patch("Secret", "braze", &hosts("example.com")).await;
    installed.annotate("grouparoo.io/requested-at", "now").await;
    let run = installed.run_when(|run| run_reason(run) == "EndpointNotAllowed").await;
    assert!(run_message(&run).contains("grouparoo.io/allowed-hosts"), "{}", run_message(&run));
    let (reason, message) = refusal(&installed, "BrazeApp", "braze").await;
    assert_eq!(reason, "EndpointNotAllowed", "the app is tested again: {message}");
    installed.patch("Secret", "braze", &hosts("127.0.0.1")).await;
    let again = json!({ "metadata": { "annotations": { "grouparoo.io/requested-at": "mended" } } });
    installed.patch("BrazeApp", "braze", &again).await;
    installed.space.wait_condition("BrazeApp", "braze", "Ready", "True").await;
    let delivered =
        |run: &SyncRun| run.spec.trigger == Some(Trigger::Retry) && run_reason(run) == "SyncSucceeded";
    installed.run_when(delivered).await;
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.user("2")["custom_attributes"]["plan"], "gold");
    installed.check().await;
}
