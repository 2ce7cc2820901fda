//! Keys and passwords that change while the operator runs (api.md §10).

use std::collections::BTreeMap;
use std::time::Duration;

use braze_sandbox::{Effect, FaultRule, Options, Permissions, Sandbox};
use futures::StreamExt as _;
use grouparoo::api::Source;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, watcher};
use serde_json::json;

use super::installed::{Installed, SOON, run_reason};
use crate::support::control_plane::{condition_of, wait};
use crate::support::kstatus::kstatus;
use crate::support::postgres::Server;

const NEW_KEY: &str = "a-newer-key";

/// From now on Braze accepts this key alone.
fn accept(installed: &Installed, key: &str) {
    installed.sandbox.set_keys(BTreeMap::from([(key.to_owned(), Permissions::All)]));
}

/// Waits until an object says why it is or is not ready, after a test with the Secret of this version.
async fn tested(installed: &Installed, kind: &str, name: &str, version: &str, reason: &str) -> DynamicObject {
    let seen = |object: &DynamicObject| {
        object.data["status"]["secretResourceVersion"] == version
            && condition_of(&object.data, "Ready")["reason"] == reason
    };
    let found = wait(installed.space.raw(kind), name, SOON, |object| object.is_some_and(seen)).await;
    found.expect("an object that was looked at")
}

/// api.md §10: a labelled Secret is seen soon; a wrong key is told and cleared when the right one comes
#[tokio::test(flavor = "multi_thread")]
async fn a_labelled_key_is_tested_as_soon_as_it_changes() {
    let mut installed = Installed::with_people(3).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let wrong = installed.rotate(NEW_KEY).await;
    let app = tested(&installed, "BrazeApp", "braze", &wrong, "AuthenticationFailed").await;
    assert_eq!(condition_of(&app.data, "Stalled")["status"], "True");
    assert_eq!(kstatus(&[serde_json::to_value(&app).expect("JSON")]), ["Failed"]);
    installed.ready("DependencyNotReady").await;
    accept(&installed, NEW_KEY);
    let right = installed.rotate(NEW_KEY).await;
    assert_eq!(right, wrong, "the same content is no change");
    installed.patch("Secret", "braze", &json!({ "metadata": { "annotations": { "note": "again" } } })).await;
    let secret = installed.space.api::<k8s_openapi::api::core::v1::Secret>().get("braze").await.expect("it");
    let version = secret.metadata.resource_version.expect("a version");
    tested(&installed, "BrazeApp", "braze", &version, "Connected").await;
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.runs().await.len(), 1, "a key alone starts no run");
    installed.check().await;
}

/// api.md §10: also a first key that could not be used at all is seen to change
#[tokio::test(flavor = "multi_thread")]
async fn a_first_key_that_is_none_is_replaced_and_seen() {
    let mut installed = Installed::with_people(3).await;
    installed.key = "two words".to_owned();
    installed.start();
    installed.apply().await;
    installed.space.wait_condition("BrazeApp", "braze", "Stalled", "True").await;
    let version = installed.rotate(braze_sandbox::DEFAULT_KEY).await;
    tested(&installed, "BrazeApp", "braze", &version, "Connected").await;
    installed.ready("SyncSucceeded").await;
    installed.check().await;
}

/// api.md §10, §11: the same for the password of a Source; a login that is refused is not tried again by itself,
/// for databases lock accounts
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_tried_once_and_again_when_it_changes() {
    let database = Server::shared().database().await;
    let mut installed = Installed::with_people(1).await;
    let login = database.config().login;
    installed.flags.push(format!("--source-allowed-host={}", login.host));
    installed.start();
    let secret = |password: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: pg, labels: {{ grouparoo.io/watch: Enabled }}, \
             annotations: {{ grouparoo.io/allowed-hosts: {} }} }}\nstringData: {{ password: '{password}' }}\n",
            login.host
        )
    };
    installed.space.apply(&secret("wrong")).await;
    let source = format!(
        "{{ apiVersion: grouparoo.io/v1alpha1, kind: Source, metadata: {{ name: pg }}, spec: {{ postgres: {{ host: {}, \
         port: {}, database: {}, user: {}, passwordSecretRef: {{ name: pg, key: password }}, tls: {{ mode: Disabled }} }} }} }}",
        login.host, login.port, login.database, login.user
    );
    installed.space.apply(&source).await;
    let version = async || {
        let secret = installed.space.api::<k8s_openapi::api::core::v1::Secret>().get("pg").await.expect("it");
        secret.metadata.resource_version.expect("a version")
    };
    tested(&installed, "Source", "pg", &version().await, "AuthenticationFailed").await;
    installed.space.apply(&secret("as wrong")).await;
    tested(&installed, "Source", "pg", &version().await, "AuthenticationFailed").await;
    let api = installed.space.api::<Source>();
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).boxed());
    let mut writes = 0;
    let counting = async {
        while let Some(event) = events.next().await {
            writes += usize::from(matches!(event, Ok(watcher::Event::Apply(_))));
        }
    };
    grouparoo_clock::Clock::system().timeout(Duration::from_secs(4), counting).await;
    assert!(writes <= 1, "{writes} writes of a status that says nothing new");
    use secrecy::ExposeSecret as _;
    let password = login.password.as_ref().expect("a password").expose_secret().to_owned();
    installed.space.apply(&secret(&password)).await;
    tested(&installed, "Source", "pg", &version().await, "Connected").await;
    installed.check().await;
}

/// 400 people known to Braze, and a slow run that changes all of them under a Secret that nobody watches.
async fn in_mid_run() -> Installed {
    let mut installed = Installed::with_people(400).await;
    installed.watched = false;
    installed.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.sql("update users set plan = 'gold'");
    let slow = FaultRule::always(Effect::Latency(Duration::from_millis(100))).at("/users/track");
    installed.sandbox.set_faults([slow]);
    installed.annotate("grouparoo.io/requested-at", "go").await;
    installed.running().await;
    installed
}

/// api.md §10, semantics 4.3, 9.5: a run whose key was rotated goes on with the new one, proven by what Braze knows
#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_a_new_key_of_the_same_workspace() {
    let installed = in_mid_run().await;
    installed.rotate(NEW_KEY).await;
    accept(&installed, NEW_KEY);
    installed.sandbox.clear_faults();
    let runs = installed.runs_ended(2).await;
    assert_eq!(run_reason(&runs[1]), "SyncSucceeded", "{:#?}", runs[1].status);
    assert!(installed.sandbox.journal().iter().any(|entry| entry.status == Some(401)), "the key was refused");
    let counts = runs[1].status.as_ref().and_then(|status| status.counts.as_ref()).expect("counts");
    assert_eq!(counts.updated, Some(400));
    assert_eq!(installed.user("400")["custom_attributes"]["plan"], "gold");
    installed.check().await;
}

/// semantics 4.3: a key of another workspace is never used to go on, and the next run asks
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_workspace_writes_nothing() {
    let installed = in_mid_run().await;
    installed.rotate(NEW_KEY).await;
    // What the new key leads to: another workspace, in which nobody of these is known.
    let other = Sandbox::start(Options::default());
    installed.sandbox.load(other.dump()).expect("an empty workspace");
    accept(&installed, NEW_KEY);
    let run = installed.run_when(|run| run_reason(run) == "AuthenticationFailed").await;
    let app = installed.space.api::<grouparoo::api::BrazeApp>();
    wait(app, "braze", SOON, |app| {
        let status = app.and_then(|app| app.status.as_ref());
        let checked = status.and_then(|status| status.last_check_time.clone());
        checked >= run.status.as_ref().and_then(|status| status.completion_time.clone())
    })
    .await;
    installed.sandbox.clear_faults();
    installed.annotate("grouparoo.io/requested-at", "again").await;
    let destination = installed.ready("ApprovalRequired").await;
    let pending = destination.status.and_then(|status| status.pending_approvals).expect("questions");
    assert_eq!(pending.len(), 2, "the same workspace, or a fresh beginning: {pending:?}");
    let journal = installed.sandbox.journal();
    let refused =
        journal.iter().filter(|entry| entry.status == Some(401)).map(|entry| entry.answered_at).min();
    let refused = refused.expect("the old key was refused");
    let written = journal.iter().filter(|entry| entry.path == "/users/track" && entry.accepted > 0);
    assert!(written.clone().all(|entry| entry.at < refused), "the new key wrote into another workspace");
    installed.check().await;
}

/// semantics 4.3.3: nothing is known of the workspace yet, so the run ends; the next one uses the new key and says so
#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_is_repeated_with_the_new_key() {
    let mut installed = Installed::with_people(200).await;
    installed.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 5, maxInFlight: 2 }".to_owned();
    installed.destination = format!("  retry: {{ initialDelay: 1s }}\n{}", super::installed::DESTINATION);
    installed.watched = false;
    installed.slow(Duration::from_millis(100));
    installed.start();
    installed.apply().await;
    installed.running().await;
    installed.rotate(NEW_KEY).await;
    accept(&installed, NEW_KEY);
    let first = installed.run_when(|run| run_reason(run) == "AuthenticationFailed").await;
    assert_eq!(first.spec.attempt, None);
    installed.sandbox.clear_faults();
    let destination = installed.ready("SyncSucceeded").await;
    assert_eq!(installed.sandbox.user_count(), 200);
    let warnings = destination.status.and_then(|status| status.warnings).expect("a warning");
    assert!(warnings.iter().any(|warning| warning.code == "WorkspaceUnverified"), "{warnings:?}");
    installed.check().await;
}
