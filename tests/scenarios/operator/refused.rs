//! Objects that lack what their definition requires since they were stored, some of which can have no status.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use super::bad_input::{definitions, install, loosen, object, told};
use super::installed::{Installed, SOON, ready_reason};
use crate::support::control_plane::{ControlPlane, PATIENCE, until};

/// All kinds: whatever their `spec` must hold, theirs holds nothing.
const KINDS: [&str; 5] = ["BrazeApp", "Source", "Model", "Destination", "SyncRun"];
/// Those of them whose faults the API server passes over as long as they do not change: they can have a status.
const WITH_STATUS: [&str; 3] = ["BrazeApp", "Source", "Model"];
/// Those whose faults it does not pass over: it refuses all writes.
const WITHOUT: [&str; 2] = ["Destination", "SyncRun"];

/// Stores an object of each kind with an empty `spec`, by definitions that allow it for a moment.
async fn store_hollow(installed: &Installed) {
    let api: Api<CustomResourceDefinition> = Api::all(installed.space.client.clone());
    for (name, definition) in definitions() {
        let mut loose = definition.clone();
        loosen(&mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]);
        install(&api, &name, &loose).await;
    }
    let clock = grouparoo_clock::Clock::system();
    for kind in KINDS {
        let hollow = object(kind, "hollow", &json!({}));
        // Nothing tells when a definition is in force everywhere.
        let storing = async {
            while installed.space.raw(kind).create(&PostParams::default(), &hollow).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        assert!(clock.timeout(SOON, storing).await.is_some(), "{kind} is not stored");
    }
    for (name, definition) in definitions() {
        install(&api, &name, &definition).await;
    }
    for kind in KINDS {
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let refused = async {
            let probe = object(kind, "probe", &json!({}));
            while installed.space.raw(kind).create(&dry, &probe).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        assert!(clock.timeout(SOON, refused).await.is_some(), "the rules of {kind} are in force again");
    }
}

/// Events about the object of this kind.
async fn events(installed: &Installed, kind: &str) -> Vec<Value> {
    let text = installed.space.kubectl(&["get", "events.events.k8s.io", "--output=json"]).await.success();
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let items = all["items"].as_array().expect("items").iter();
    let of_hollow = items.filter(|it| it["regarding"]["kind"] == kind && it["regarding"]["name"] == "hollow");
    of_hollow.cloned().collect()
}

/// Writes of statuses that the API server refused, of one kind.
async fn refusals(installed: &Installed, kind: &str) -> usize {
    let (user, plural) = (installed.operator.name.clone(), format!("{}s", kind.to_lowercase()));
    let is_refused = move |event: &Value| {
        event["user"]["username"] == *user
            && event["objectRef"]["resource"] == *plural
            && event["objectRef"]["name"] == "hollow"
            && event["objectRef"]["subresource"] == "status"
            && event["responseStatus"]["code"] == 422
    };
    installed.space.plane.audit(is_refused).await.len()
}

/// conventions 3, 6 and 7: where no status can be written an event, a log line and a metric tell; it is tried once, and
/// nobody else waits for it
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_can_have_no_status_is_told_by_an_event_and_delays_nobody() {
    let plane = tokio::task::spawn_blocking(ControlPlane::start_own).await.expect("an API server");
    let mut installed = Installed::on(&plane, 3).await;
    store_hollow(&installed).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let series = |kind: &str| {
        let namespace = &installed.space.name;
        format!(
            "grouparoo_resource_status_refused{{kind=\"{kind}\",namespace=\"{namespace}\",name=\"hollow\"}} 1\n"
        )
    };
    for kind in WITH_STATUS {
        let message = told(&installed, kind, "hollow", "InvalidSpec").await;
        assert!(message.starts_with("spec"), "{kind} should name a field: {message}");
    }
    for kind in WITHOUT {
        let has_event = async || !events(&installed, kind).await.is_empty();
        assert!(until(has_event).await, "{kind}: {:#?}", installed.log());
        let event = events(&installed, kind).await.remove(0);
        assert_eq!(
            (&event["type"], &event["reason"]),
            (&json!("Warning"), &json!("InvalidSpec")),
            "{event:#}"
        );
        let note = event["note"].as_str().expect("a note");
        for words in ["spec.", "is required", "apply the object again, or delete it"] {
            assert!(note.contains(words), "{kind} should say {words}: {note}");
        }
        let page = installed.page("/metrics").await;
        assert!(page.contains(&series(kind)), "{kind}:\n{page}");
        let line = |line: &&String| {
            line.contains("status refused") && line.contains(&format!("\"kind\":\"{kind}\""))
        };
        assert!(installed.log().iter().any(|it| line(&it)), "{kind}: {:#?}", installed.log());
    }
    // What happens around them makes no more of it.
    for token in ["1", "2", "3", "4", "5"] {
        installed.annotate("grouparoo.io/requested-at", token).await;
        installed
            .destination_when(|destination| {
                let status = destination.status.as_ref();
                let echo = status.and_then(|status| status.last_handled_request_at.as_deref());
                echo == Some(token) && status.is_some_and(|status| status.active_run.is_none())
            })
            .await;
    }
    for kind in WITHOUT {
        assert_eq!(refusals(&installed, kind).await, 1, "{kind} is tried once");
        assert_eq!(events(&installed, kind).await.len(), 1, "{kind} is told once");
    }
    // Another process sees them for the first time, and the events of both are told apart.
    installed.stop();
    installed.start();
    let log = installed.operator().log.clone();
    let refused = |lines: &[String]| lines.iter().filter(|line| line.contains("status refused")).count();
    let waited = tokio::task::spawn_blocking(move || {
        log.wait(PATIENCE, |lines| (refused(lines) == WITHOUT.len()).then_some(()))
    });
    assert!(waited.await.expect("no panic").is_some(), "{:#?}", installed.log());
    for kind in WITHOUT {
        assert_eq!(refusals(&installed, kind).await, 2, "{kind}");
    }
    // Mended, one is as any other; the rest can be deleted.
    let spec = json!({ "spec": {
        "appRef": { "name": "braze" }, "modelRef": { "name": "users" }, "syncMode": "Additive",
        "propertyMappings": [{ "from": "id", "to": "external_id" }, { "from": "plan", "to": "level" }],
    }});
    installed.patch("Destination", "hollow", &spec).await;
    installed
        .space
        .wait::<grouparoo::api::Destination>("hollow", |it| ready_reason(it) == "SyncSucceeded")
        .await;
    for kind in ["BrazeApp", "Source", "Model", "SyncRun"] {
        installed.space.raw(kind).delete("hollow", &DeleteParams::default()).await.expect("a deletion");
    }
    let is_clear = async || !installed.page("/metrics").await.contains("grouparoo_resource_status_refused{");
    assert!(until(is_clear).await, "{}", installed.page("/metrics").await);
    installed.check().await;
}
