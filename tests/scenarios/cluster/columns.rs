//! What `kubectl get` shows, as the API itself prints it; and what it finds by field, short name and category.

use axum::http::Request;
use grouparoo::api::{API_VERSION, check};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::fragments::{minimal, with};
use super::objects::{documents, plural, schemas};
use crate::support::control_plane::{ControlPlane, Space};

/// A cell that holds how long something is ago.
const AGO: &str = "<ago>";

/// What the API prints for `kubectl get KIND --output=wide`: headings, those of the wide form behind a bar; and cells.
async fn table(space: &Space, kind: &str) -> (String, Vec<Value>) {
    let path = format!("/apis/{API_VERSION}/namespaces/{}/{}", space.name, plural(kind));
    let request = Request::get(path).header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let table: Value =
        space.client.request(request.body(Vec::new()).expect("a good path")).await.expect("a table");
    let columns = table["columnDefinitions"].as_array().expect("columns");
    let headings = |wide: bool| {
        let names = columns.iter().filter(|column| (column["priority"] != 0) == wide);
        names
            .map(|column| column["name"].as_str().expect("a name").to_uppercase())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let rows = table["rows"].as_array().expect("rows").iter();
    let rows = rows.map(|row| {
        let cells = row["cells"].as_array().expect("cells").iter().zip(columns);
        cells.map(|(cell, column)| if is_ago(cell, column) { json!(AGO) } else { cell.clone() }).collect()
    });
    (format!("{} | {}", headings(false), headings(true)), rows.collect())
}

/// Whether a cell of a time says how long it is ago; a time in the future would be `<invalid>`.
fn is_ago(cell: &Value, column: &Value) -> bool {
    let digits = cell.as_str().is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    column["type"] == "date" && digits
}

/// Makes an object and gives it a status, as the operator would.
async fn make(space: &Space, kind: &str, name: &str, spec: &Value, status: Option<Value>) {
    let object =
        json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec });
    space.apply(&object.to_string()).await;
    if let Some(status) = status {
        let patch = Patch::Merge(json!({ "status": status }));
        space.raw(kind).patch_status(name, &PatchParams::default(), &patch).await.expect("a good status");
    }
}

/// A condition.
fn condition(name: &str, status: &str, reason: &str, message: &str) -> Value {
    json!([{
        "type": name, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }])
}

/// Compares what is printed for one object of a kind that was looked at and one that was not.
async fn prints(kind: &str, headings: &str, spec: Value, status: Value, cells: Value, unseen: Value) {
    let space = ControlPlane::shared().space().await;
    make(&space, kind, "it", &spec, Some(status)).await;
    make(&space, kind, "new", &spec, None).await;
    let (found, rows) = table(&space, kind).await;
    assert_eq!(found, headings);
    assert_eq!(rows, [cells, unseen]);
    let wide = space.kubectl(&["get", &plural(kind), "--output=wide"]).await.success();
    let heading: Vec<&str> = wide.lines().next().expect("a heading").split_whitespace().collect();
    assert_eq!(heading.join(" "), headings.replace(" | ", " "));
    assert!(!wide.contains("<invalid>"), "{wide}");
}

/// api.md §3
#[tokio::test]
async fn a_braze_app_shows_its_endpoint_and_whether_it_is_ready() {
    let endpoint = "https://rest.iad-01.braze.com";
    prints(
        "BrazeApp",
        "NAME ENDPOINT READY STATUS AGE | DESTINATIONS CHECKED MESSAGE",
        minimal("BrazeApp"),
        json!({
            "conditions": condition("Ready", "True", "Connected", "All is well."), "endpoint": endpoint,
            "destinations": 2, "lastCheckTime": "2026-01-02T03:04:05Z",
        }),
        json!(["it", endpoint, "True", "Connected", AGO, 2, AGO, "All is well."]),
        json!(["new", null, null, null, AGO, null, null, null]),
    )
    .await;
}

/// api.md §4
#[tokio::test]
async fn a_source_shows_its_system_and_whether_it_is_ready() {
    prints(
        "Source",
        "NAME TYPE READY STATUS AGE | HOST CHECKED MESSAGE",
        minimal("Source"),
        json!({
            "conditions": condition("Ready", "False", "AuthenticationFailed", "Give another password."),
            "type": "Postgres", "host": "pg.example.com:5432", "lastCheckTime": "2026-01-02T03:04:05Z",
        }),
        json!([
            "it",
            "Postgres",
            "False",
            "AuthenticationFailed",
            AGO,
            "pg.example.com:5432",
            AGO,
            "Give another password."
        ]),
        json!(["new", null, null, null, AGO, null, null, null]),
    )
    .await;
}

/// api.md §5
#[tokio::test]
async fn a_model_shows_its_source_its_key_and_its_size() {
    prints(
        "Model",
        "NAME SOURCE READY STATUS KEY COLUMNS AGE | ROWS MESSAGE",
        minimal("Model"),
        json!({
            "conditions": condition("Ready", "True", "Described", "12 columns."),
            "columnCount": 12, "rowEstimate": 5_000_000_000_i64,
        }),
        json!(["it", "warehouse", "True", "Described", "id", 12, AGO, 5_000_000_000_i64, "12 columns."]),
        json!(["new", "warehouse", null, null, "id", null, AGO, null, null]),
    )
    .await;
}

/// api.md §6: numbers come from the last run, FAILED is what was rejected; NEXT-RUN may lie in the future
#[tokio::test]
async fn a_destination_shows_its_last_run_and_its_next() {
    let mut spec = minimal("Destination");
    spec["suspend"] = json!(true);
    let run = json!({
        "name": "users-to-braze-1", "mode": "Sync", "result": "Succeeded", "reason": "SyncSucceeded",
        "startTime": "2026-01-02T03:00:00Z", "completionTime": "2026-01-02T03:04:12Z", "duration": "4m12s",
        "counts": { "added": 1, "updated": 2, "deleted": 3, "rejected": 4 },
    });
    let (schedule, next) = ("*/15 * * * * UTC", "2099-01-02T03:15:00Z");
    prints(
        "Destination",
        "NAME MODEL MODE READY STATUS LAST-SYNC ADDED UPDATED DELETED FAILED SUSPENDED AGE \
         | SCHEDULE NEXT-RUN DURATION LAST-RUN MESSAGE",
        spec,
        json!({
            "conditions": condition("Ready", "True", "Suspended", "Asleep."), "lastRun": run,
            "lastSuccessTime": "2026-01-02T03:04:05Z", "schedule": schedule, "nextRunTime": next,
        }),
        json!([
            "it",
            "users",
            "Additive",
            "True",
            "Suspended",
            AGO,
            1,
            2,
            3,
            4,
            true,
            AGO,
            schedule,
            next,
            "4m12s",
            "users-to-braze-1",
            "Asleep."
        ]),
        json!([
            "new", "users", "Additive", null, null, null, null, null, null, null, true, AGO, null, null,
            null, null, null
        ]),
    )
    .await;
}

/// conventions §4: SUSPENDED is blank for no
#[tokio::test]
async fn a_destination_that_is_not_suspended_shows_a_blank() {
    let space = ControlPlane::shared().space().await;
    make(&space, "Destination", "it", &minimal("Destination"), None).await;
    let (_, rows) = table(&space, "Destination").await;
    assert_eq!(rows[0][10], Value::Null);
}

/// api.md §7: TRIGGER is `status.trigger`, numbers come from `status.counts`
#[tokio::test]
async fn a_run_shows_what_it_did() {
    prints(
        "SyncRun",
        "NAME DESTINATION TRIGGER SUCCEEDED REASON STARTED DURATION READ ADDED UPDATED DELETED FAILED \
         | MODE JOB ATTEMPT MESSAGE",
        with("SyncRun", "spec", "{attempt: 2}"),
        json!({
            "conditions": condition("Succeeded", "False", "TooManyRejects", "Look at the rejects."),
            "trigger": "Manual", "startTime": "2026-01-02T03:04:05Z", "duration": "4m12s", "jobName": "it-job",
            "counts": { "read": 9, "added": 1, "updated": 2, "deleted": 3, "rejected": 4 },
        }),
        json!([
            "it", "users-to-braze", "Manual", "False", "TooManyRejects", AGO, "4m12s", 9, 1, 2, 3, 4, "Sync",
            "it-job", 2, "Look at the rejects."
        ]),
        json!([
            "new", "users-to-braze", null, null, null, null, null, null, null, null, null, null, "Sync", null, 2,
            null
        ]),
    )
    .await;
}

/// api.md §1 and the headings of §3 to §7
#[tokio::test]
async fn kinds_are_found_by_their_short_names_and_their_category() {
    let space = ControlPlane::shared().space().await;
    for kind in check::kinds() {
        make(&space, &kind.name, "it", &minimal(&kind.name), None).await;
    }
    let names: Vec<String> =
        check::kinds().iter().map(|kind| format!("{}.grouparoo.io/it", kind.name)).collect();
    let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let by_short = space.kubectl(&["get", "sapp,ssrc,smodel,sdest,srun", "--output=name"]).await.success();
    assert_eq!(by_short.lines().collect::<Vec<_>>(), names);
    let by_category = space.kubectl(&["get", "grouparoo", "--output=name"]).await.success();
    let mut by_category: Vec<&str> = by_category.lines().collect();
    by_category.sort_unstable();
    names.sort_unstable();
    assert_eq!(by_category, names);
    let all = space.kubectl(&["get", "all", "--output=name"]).await.success();
    assert_eq!(all, "", "what is in `all` is deleted by people who do not know it");
}

/// api.md §5 to §7: selectable fields
#[tokio::test]
async fn objects_are_found_by_the_fields_that_link_them() {
    let space = ControlPlane::shared().space().await;
    let mut other = minimal("Destination");
    other["appRef"] = json!({ "name": "other-app" });
    other["modelRef"] = json!({ "name": "other-model" });
    other["suspend"] = json!(true);
    make(&space, "Destination", "one", &minimal("Destination"), None).await;
    make(&space, "Destination", "other", &other, None).await;
    let other = with("Model", "spec", "{sourceRef: {name: other}}");
    make(&space, "Model", "one", &minimal("Model"), None).await;
    make(&space, "Model", "other", &other, None).await;
    let other = with("SyncRun", "spec", "{destinationRef: {name: other}}");
    make(&space, "SyncRun", "one", &minimal("SyncRun"), None).await;
    make(&space, "SyncRun", "other", &other, None).await;
    for (kind, selector, wanted) in [
        ("Destination", "spec.appRef.name=braze", &["one"][..]),
        ("Destination", "spec.appRef.name=other-app", &["other"]),
        ("Destination", "spec.modelRef.name=users", &["one"]),
        ("Destination", "spec.suspend=true", &["other"]),
        ("Destination", "spec.suspend!=true", &["one"]),
        ("Destination", "spec.appRef.name=nobody", &[]),
        ("Model", "spec.sourceRef.name=warehouse", &["one"]),
        ("SyncRun", "spec.destinationRef.name=other", &["other"]),
    ] {
        let found = space.raw(kind).list(&ListParams::default().fields(selector)).await.expect(selector);
        let found: Vec<String> = found.items.into_iter().filter_map(|it| it.metadata.name).collect();
        assert_eq!(found, wanted, "{kind} {selector}");
        let selector = format!("--field-selector={selector}");
        let shown = space.kubectl(&["get", &plural(kind), &selector, "--output=name"]).await.success();
        assert_eq!(shown.lines().count(), wanted.len(), "{shown}");
    }
}

/// Every field of every status is kept as it is written: none is missing in the definition, none is refused.
#[tokio::test]
async fn a_status_with_every_field_is_kept() {
    let space = ControlPlane::shared().space().await;
    for (kind, _, schema) in schemas() {
        make(&space, &kind, "it", &minimal(&kind), None).await;
        let status = filled(&schema);
        let patch = Patch::Merge(json!({ "status": status }));
        let written = space.raw(&kind).patch_status("it", &PatchParams::default(), &patch).await;
        let written = written.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(written.data["status"], status, "{kind}");
    }
}

/// A value with every field that a schema knows.
fn filled(schema: &Value) -> Value {
    match schema["type"].as_str().expect("a type") {
        "object" => match schema["properties"].as_object() {
            Some(fields) => fields.iter().map(|(name, child)| (name.clone(), filled(child))).collect(),
            None => json!({ "a": filled(&schema["additionalProperties"]) }),
        },
        "array" => json!([filled(&schema["items"])]),
        "string" if schema["format"] == "date-time" => json!("2026-01-02T03:04:05Z"),
        "string" => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("x")),
        "integer" => schema["minimum"].as_f64().map_or(json!(7), |least| json!((least as i64).max(7))),
        "boolean" => json!(true),
        other => panic!("a status with {other}"),
    }
}

/// conventions §3: each definition stays small, and applying it again changes nothing
#[tokio::test]
async fn the_definitions_are_small_and_do_not_drift() {
    let space = ControlPlane::shared().space().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    let arguments = ["diff", "--server-side", "--field-manager=scenarios", "--filename", folder];
    let said = space.kubectl(&arguments).await;
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
    let arguments = ["get", "--output=json", "--filename", folder];
    let list: Value = serde_json::from_str(&space.kubectl(&arguments).await.success()).expect("JSON");
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 5);
    for item in items {
        let size = item["spec"].to_string().len();
        assert!(size <= 100 * 1024, "{}: {size}", item["metadata"]["name"]);
        assert_eq!(item["status"]["storedVersions"], json!(["v1alpha1"]));
        let conditions = item["status"]["conditions"].as_array().expect("conditions");
        let bad = conditions.iter().find(|it| it["type"] == "NonStructuralSchema" && it["status"] == "True");
        assert_eq!(bad, None);
    }
    assert_eq!(documents(&grouparoo::api::crds::all_as_yaml()).len(), items.len());
}
