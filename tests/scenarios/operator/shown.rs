//! What people and tools see of real statuses: `kubectl get`, `kubectl wait`, kstatus.

use std::time::Duration;

use braze_sandbox::{Effect, FaultRule};
use grouparoo::api::sync_run::Trigger;
use serde_json::{Value, json};

use super::installed::{DESTINATION, Installed, run_reason};
use crate::support::kstatus::kstatus;

/// Headings and cells of the rows that `kubectl get` prints; a cell ends with two spaces.
async fn get(installed: &Installed, kind: &str) -> Vec<Vec<(String, String)>> {
    let text = installed.space.kubectl(&["get", kind, "--output=wide"]).await.success();
    assert!(!text.contains("<invalid>") && !text.contains("<unknown>"), "{text}");
    let mut lines = text.lines();
    let heading = lines.next().expect("a heading");
    let mut starts: Vec<usize> = vec![0];
    let bytes = heading.as_bytes();
    starts.extend((1..bytes.len()).filter(|at| bytes[*at] != b' ' && bytes[*at - 1] == b' '));
    let cells = |line: &str| {
        let ends = starts.iter().skip(1).map(|end| Some(*end)).chain([None]);
        let cells = starts.iter().zip(ends).map(|(start, end)| {
            let cell = line.get(*start..end.unwrap_or(line.len()).min(line.len())).unwrap_or_default();
            cell.trim().to_owned()
        });
        cells.collect::<Vec<_>>()
    };
    let names = cells(heading);
    lines.map(|line| names.iter().cloned().zip(cells(line)).collect()).collect()
}

fn cell<'a>(row: &'a [(String, String)], heading: &str) -> &'a str {
    row.iter()
        .find(|(name, _)| name == heading)
        .map(|(_, cell)| cell.as_str())
        .expect("a column of that name")
}

/// product: `kubectl get` tells the story
#[tokio::test(flavor = "multi_thread")]
async fn the_columns_tell_what_happened() {
    let mut installed = Installed::with_people(4).await;
    installed.destination =
        format!("  schedule: {{ cron: '0 3 * * *', timeZone: Europe/Paris }}\n{DESTINATION}");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let rows = get(&installed, "destinations").await;
    let row = &rows[0];
    for (heading, wanted) in [
        ("NAME", "users"),
        ("MODEL", "users"),
        ("MODE", "Additive"),
        ("READY", "True"),
        ("STATUS", "SyncSucceeded"),
        ("ADDED", "4"),
        ("UPDATED", "0"),
        ("DELETED", "0"),
        ("FAILED", "0"),
        ("SCHEDULE", "0 3 * * * Europe/Paris"),
        ("MESSAGE", "4 rows read: 4 added"),
    ] {
        assert_eq!(cell(row, heading), wanted, "{row:?}");
    }
    for heading in ["LAST-SYNC", "AGE", "NEXT-RUN", "DURATION", "LAST-RUN"] {
        assert!(!["", "<none>"].contains(&cell(row, heading)), "{heading}: {row:?}");
    }
    let rows = get(&installed, "syncruns").await;
    let row = &rows[0];
    for (heading, wanted) in [
        ("DESTINATION", "users"),
        ("TRIGGER", "Change"),
        ("SUCCEEDED", "True"),
        ("REASON", "SyncSucceeded"),
        ("READ", "4"),
        ("ADDED", "4"),
        ("MODE", "Sync"),
        ("MESSAGE", "4 rows read: 4 added"),
    ] {
        assert_eq!(cell(row, heading), wanted, "{row:?}");
    }
    let rows = get(&installed, "brazeapps").await;
    assert_eq!(cell(&rows[0], "ENDPOINT"), installed.sandbox.url());
    assert_eq!((cell(&rows[0], "STATUS"), cell(&rows[0], "DESTINATIONS")), ("Connected", "1"));
    let rows = get(&installed, "sources").await;
    assert_eq!((cell(&rows[0], "TYPE"), cell(&rows[0], "STATUS")), ("Sqlite", "Connected"));
    let rows = get(&installed, "models").await;
    assert_eq!((cell(&rows[0], "READY"), cell(&rows[0], "STATUS")), ("True", "Described"));
    installed.check().await;
}

/// The objects of the namespace as JSON, each with its kind and name.
async fn objects(installed: &Installed) -> Vec<Value> {
    let mut all = Vec::new();
    for kind in ["BrazeApp", "Source", "Model", "Destination", "SyncRun"] {
        for object in installed.space.raw(kind).list(&Default::default()).await.expect("a list") {
            let mut value = serde_json::to_value(&object).expect("JSON");
            value["kind"] = json!(kind);
            value["apiVersion"] = json!("grouparoo.io/v1alpha1");
            all.push(value);
        }
    }
    all
}

/// What the readers must make of an object, by the table of the conventions.
fn by_the_table(object: &Value) -> &'static str {
    let conditions = object["status"]["conditions"].as_array().expect("conditions");
    let of = |type_: &str| conditions.iter().find(|one| one["type"] == type_);
    let is_true = |type_: &str| of(type_).is_some_and(|one| one["status"] == "True");
    if object["metadata"]["deletionTimestamp"].is_string() {
        return "Terminating";
    }
    if object["kind"] == "SyncRun" {
        return match of("Succeeded").expect("a result")["status"].as_str() {
            Some("True") => "Current",
            Some("False") => "Failed",
            _ => "InProgress",
        };
    }
    let ready = of("Ready").expect("a summary");
    match (ready["status"].as_str(), is_true("Stalled")) {
        (Some("True"), _) => "Current",
        (_, true) => "Failed",
        _ => "InProgress",
    }
}

/// Compares all objects with the table, and those that are named with what is wanted.
async fn compare(installed: &Installed, wanted: &[(&str, &str, &str)]) {
    let all = objects(installed).await;
    let seen = kstatus(&all);
    for (object, seen) in all.iter().zip(&seen) {
        assert_eq!(seen, by_the_table(object), "{object:#}");
    }
    for (kind, name, status) in wanted {
        let at = all.iter().position(|it| it["kind"] == **kind && it["metadata"]["name"] == **name);
        assert_eq!(seen[at.expect("it is there")], *status, "{kind} {name}");
    }
}

/// conventions 1: kstatus agrees with the table in each state that a Destination comes through
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_conditions_agree_with_the_table() {
    let mut installed = Installed::with_people(3).await;
    installed.destination = format!("  retry: {{ limit: 1, initialDelay: 3s }}\n{DESTINATION}");
    installed.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    installed.start();
    let manifests = installed.manifests();
    installed.space.apply(&manifests[4]).await;
    installed.ready("DependencyNotReady").await;
    compare(&installed, &[("Destination", "users", "InProgress")]).await;
    installed.slow(Duration::from_secs(2));
    installed.space.apply(&manifests[..4].join("---\n")).await;
    installed.run_when(|run| run_reason(run) == "Running").await;
    compare(&installed, &[("Destination", "users", "Current"), ("BrazeApp", "braze", "Current")]).await;
    installed.sandbox.clear_faults();
    installed.ready("SyncSucceeded").await;
    compare(&installed, &[("Destination", "users", "Current")]).await;
    installed.patch("Destination", "users", &json!({ "spec": { "suspend": true } })).await;
    installed.ready("Suspended").await;
    compare(&installed, &[("Destination", "users", "Current")]).await;
    installed.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at("/users/track")]);
    installed.sql("update users set plan = 'gold'");
    let patch = json!({ "metadata": { "annotations": { "grouparoo.io/requested-at": "x" } }, "spec": { "suspend": false } });
    installed.patch("Destination", "users", &patch).await;
    installed.ready("SyncFailed").await;
    compare(&installed, &[("Destination", "users", "InProgress")]).await;
    installed.ready("BrazeUnavailable").await;
    compare(&installed, &[("Destination", "users", "Failed")]).await;
    let wrong = json!({ "spec": { "propertyMappings": [{ "from": "id", "to": "external_id" }, { "from": "nix", "to": "nix" }] } });
    installed.patch("Destination", "users", &wrong).await;
    installed.ready("InvalidSpec").await;
    compare(&installed, &[("Destination", "users", "Failed")]).await;
    installed.check().await;
}

/// conventions 1, row "deleting": what takes back what it sent is Terminating
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_conditions_agree_about_what_is_being_deleted() {
    let mut installed = Installed::with_people(3).await;
    installed.destination = format!("  deletionPolicy: Delete\n{DESTINATION}");
    installed.limits = "{ settle: 0s, retryFor: 1s }".to_owned();
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    // Somebody else holds it too, so that it is still there when ours has been let go.
    let ours = "grouparoo.io/cleanup";
    let held = json!({ "metadata": { "finalizers": [ours, "example.com/hold"] } });
    installed.patch("Destination", "users", &held).await;
    installed.slow(Duration::from_secs(5));
    installed.space.raw("Destination").delete("users", &Default::default()).await.expect("a deletion");
    installed
        .run_when(|run| run.spec.trigger == Some(Trigger::Cleanup) && run_reason(run) == "Running")
        .await;
    installed.ready("Deleting").await;
    compare(&installed, &[("Destination", "users", "Terminating"), ("Model", "users", "Current")]).await;
    installed.sandbox.clear_faults();
    installed
        .destination_when(|it| it.metadata.finalizers.iter().flatten().all(|finalizer| finalizer != ours))
        .await;
    compare(&installed, &[("Destination", "users", "Terminating")]).await;
    let let_go = json!({ "metadata": { "finalizers": null } });
    installed.patch("Destination", "users", &let_go).await;
    installed.space.wait_gone("Destination", "users").await;
    installed.check().await;
}

/// conventions 7: events tell transitions, in stable words
#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_changed() {
    let mut installed = Installed::with_people(3).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let events = installed.space.kubectl(&["get", "events", "--output=json"]).await.success();
    let events: Value = serde_json::from_str(&events).expect("JSON");
    let of = |kind: &str| {
        let items = events["items"].as_array().expect("items").iter();
        items
            .filter(|it| it["involvedObject"]["kind"] == kind)
            .map(|it| it["reason"].as_str().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert!(of("Destination").contains(&"SyncSucceeded"), "{:?}", of("Destination"));
    assert!(of("BrazeApp").contains(&"Connected") && of("Source").contains(&"Connected"), "{events:#}");
    installed.check().await;
}

/// conventions 7: 25 events of an object at once and no more, repeats in one event with a count
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_transitions_is_few_events() {
    let mut installed = Installed::with_people(3).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    for _ in 0..20 {
        for (suspend, reason) in [(true, "Suspended"), (false, "SyncSucceeded")] {
            installed.patch("Destination", "users", &json!({ "spec": { "suspend": suspend } })).await;
            installed.ready(reason).await;
        }
    }
    let (user, namespace) = (installed.operator.name.clone(), installed.space.name.clone());
    let of_events = move |event: &Value| {
        event["user"]["username"] == *user
            && event["objectRef"]["namespace"] == *namespace
            && event["objectRef"]["resource"] == "events"
    };
    let writes = installed.space.plane.audit(of_events).await;
    let events = installed.space.kubectl(&["get", "events.events.k8s.io", "--output=json"]).await.success();
    let events: Value = serde_json::from_str(&events).expect("JSON");
    let items = events["items"].as_array().expect("items");
    let of_destination: Vec<&Value> =
        items.iter().filter(|it| it["regarding"]["kind"] == "Destination").collect();
    let count = |event: &Value| event["series"]["count"].as_u64().unwrap_or(1);
    let told: u64 = of_destination.iter().map(|it| count(it)).sum();
    assert_eq!(told, 25, "41 transitions, 25 told: {of_destination:#?}");
    let all: u64 = items.iter().map(count).sum();
    assert_eq!(u64::try_from(writes.len()).expect("few"), all, "each is one write, and there are no others");
    for reason in ["Suspended", "SyncSucceeded"] {
        let events: Vec<_> = of_destination.iter().filter(|it| it["reason"] == reason).collect();
        assert_eq!(events.len(), 1, "repeats are counted: {events:#?}");
        assert!(count(events[0]) > 5, "{events:#?}");
    }
    installed.check().await;
}
