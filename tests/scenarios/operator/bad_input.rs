//! What nobody should write and somebody does: each is told in a sentence, and the others go on.

use std::net::TcpListener;

use grouparoo::api::SyncRun;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::installed::{DESTINATION, Installed, SOON, run_message, run_reason};
use crate::support::control_plane::{ControlPlane, condition_of, wait};

/// Waits for a reason of Ready, and returns its sentence: short, and not only the reason again.
pub(super) async fn told(installed: &Installed, kind: &str, name: &str, reason: &str) -> String {
    let seen = |object: &DynamicObject| condition_of(&object.data, "Ready")["reason"] == reason;
    let found = wait(installed.space.raw(kind), name, SOON, |object| object.is_some_and(seen)).await;
    let data = found.expect("an object that was looked at").data;
    let message = condition_of(&data, "Ready")["message"].as_str().expect("a sentence").to_owned();
    assert!(message.len() <= 1024 && message.contains(' '), "{kind} {name}: {message:?}");
    message
}

/// Everything that refuses a value, taken out of a schema.
pub(super) fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_schema = fields.get("type").is_some_and(Value::is_string);
            if is_schema {
                for word in ["enum", "pattern", "x-kubernetes-validations", "minimum", "maximum", "required"]
                {
                    fields.remove(word);
                }
            }
            let keys = fields.get("x-kubernetes-list-map-keys").cloned();
            fields.values_mut().for_each(loosen);
            if let Some(keys) = keys {
                fields["items"]["required"] = keys;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

/// The definitions as they are shipped.
pub(super) fn definitions() -> Vec<(String, Value)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a text"));
    let all = texts.map(|text| serde_saphyr::from_str::<Value>(&text).expect("a definition"));
    all.map(|it| (it["metadata"]["name"].as_str().expect("a name").to_owned(), it)).collect()
}

pub(super) async fn install(api: &Api<CustomResourceDefinition>, name: &str, definition: &Value) {
    let parameters = PatchParams::apply("scenarios").force();
    api.patch(name, &parameters, &Patch::Apply(definition)).await.expect("a definition that is served");
}

pub(super) fn object(kind: &str, name: &str, spec: &Value) -> DynamicObject {
    let object = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    serde_json::from_value(object).expect("an object")
}

/// Objects that no server would take today: name, spec, and what their sentence must name.
fn stored_before() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let mapping = json!([{ "from": "id", "to": "external_id" }]);
    let key = json!({ "name": "braze", "key": "key" });
    let refs = |rest: Value| {
        let mut spec = json!({ "appRef": { "name": "braze" }, "modelRef": { "name": "users" } });
        let more = rest.as_object().expect("fields").clone();
        spec.as_object_mut().expect("fields").extend(more);
        spec
    };
    vec![
        (
            "BrazeApp",
            "two-places",
            json!({ "apiKeySecretRef": key, "instance": "EU-01", "restEndpoint": "https://rest.fra-01.braze.eu" }),
            "instance",
        ),
        ("BrazeApp", "nowhere", json!({ "apiKeySecretRef": key }), "instance"),
        ("Source", "nothing", json!({}), "postgres"),
        (
            "Source",
            "two-systems",
            json!({ "sqlite": { "path": "crm.db" }, "csv": { "path": "x" } }),
            "sqlite",
        ),
        (
            "Model",
            "two-tables",
            json!({ "sourceRef": { "name": "crm" }, "table": "users", "query": "select 1", "primaryKey": "id" }),
            "query",
        ),
        (
            "Destination",
            "no-id",
            refs(json!({ "syncMode": "Additive", "propertyMappings": [{ "from": "id", "to": "id" }] })),
            "external_id",
        ),
        (
            "Destination",
            "unknown-mode",
            refs(json!({ "syncMode": "Mirror", "propertyMappings": mapping })),
            "syncMode",
        ),
        (
            "Destination",
            "bad-cron",
            refs(
                json!({ "syncMode": "Additive", "propertyMappings": mapping, "schedule": { "cron": "often" } }),
            ),
            "cron",
        ),
    ]
}

/// conventions 3: each rule of the schema has a twin in the operator; what it cannot read holds up nobody
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_were_stored_before_a_rule_are_told_what_is_wrong() {
    let plane = ControlPlane::start_own();
    let mut installed = Installed::on(&plane, 3).await;
    let api: Api<CustomResourceDefinition> = Api::all(installed.space.client.clone());
    for (name, definition) in definitions() {
        let mut loose = definition.clone();
        loosen(&mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]);
        install(&api, &name, &loose).await;
    }
    let mut all = stored_before();
    all.push((
        "SyncRun",
        "unknown-mode",
        json!({ "destinationRef": { "name": "users" }, "mode": "Everything" }),
        "mode",
    ));
    let clock = grouparoo_clock::Clock::system();
    for (kind, name, spec, _) in &all {
        // Nothing tells when a definition is in force everywhere.
        let storing = async {
            while let Err(error) =
                installed.space.raw(kind).create(&PostParams::default(), &object(kind, name, spec)).await
            {
                assert!(error.to_string().contains("nvalid"), "{kind} {name}: {error}");
                tokio::task::yield_now().await;
            }
        };
        assert!(clock.timeout(SOON, storing).await.is_some(), "{kind} {name} is not stored");
    }
    for (name, definition) in definitions() {
        install(&api, &name, &definition).await;
    }
    let refused = async {
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let probe = object("Destination", "probe", &json!({}));
        while installed.space.raw("Destination").create(&dry, &probe).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    assert!(clock.timeout(SOON, refused).await.is_some(), "the rules are in force again");
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    for (kind, name, _, names) in stored_before() {
        let message = told(&installed, kind, name, "InvalidSpec").await;
        assert!(message.contains(names), "{kind} {name} should name {names}: {message}");
    }
    let found = wait(installed.space.raw("SyncRun"), "unknown-mode", SOON, |object| {
        object.is_some_and(|it| condition_of(&it.data, "Succeeded")["reason"] == "InvalidSpec")
    });
    let data = found.await.expect("an object").data;
    let message = condition_of(&data, "Succeeded")["message"].as_str().expect("a sentence");
    assert!(message.contains("mode"), "{message}");
    // They can be mended, and removed.
    let mended = json!({ "spec": { "syncMode": "Additive" } });
    installed.patch("Destination", "unknown-mode", &mended).await;
    installed
        .space
        .wait::<grouparoo::api::Destination>("unknown-mode", |it| {
            super::installed::ready_reason(it) != "InvalidSpec"
        })
        .await;
    installed
        .space
        .raw("SyncRun")
        .delete("unknown-mode", &DeleteParams::default())
        .await
        .expect("a deletion");
    installed.space.wait_gone("SyncRun", "unknown-mode").await;
    installed.check().await;
}

/// What is wrong with a Secret is told; what does not matter is not
#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_can_be_wrong_with_a_secret_has_a_sentence() {
    let mut installed = Installed::with_people(2).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let cases = [
        (
            json!({ "data": { "key": null, "other": "eA==" } }),
            "DependencyNotReady",
            "Secret braze has no key key",
        ),
        (json!({ "data": { "key": "/////w==" } }), "InvalidSpec", "not UTF-8"),
        (json!({ "data": { "key": "" } }), "InvalidSpec", "is empty"),
        (json!({ "stringData": { "key": "two\nlines" } }), "InvalidSpec", "line ends"),
        (
            json!({ "metadata": { "annotations": { "grouparoo.io/allowed-hosts": "example.com" } }, "stringData": { "key": braze_sandbox::DEFAULT_KEY } }),
            "EndpointNotAllowed",
            "allowed-hosts",
        ),
    ];
    for (change, reason, words) in cases {
        installed.patch("Secret", "braze", &change).await;
        let seen = |object: &DynamicObject| {
            let ready = condition_of(&object.data, "Ready");
            ready["reason"] == reason && ready["message"].as_str().is_some_and(|text| text.contains(words))
        };
        wait(installed.space.raw("BrazeApp"), "braze", SOON, |object| object.is_some_and(seen)).await;
    }
    // A line end at the end comes from files and `echo`.
    let good = json!({
        "metadata": { "annotations": { "grouparoo.io/allowed-hosts": "127.0.0.1" } },
        "stringData": { "key": format!("{}\n", braze_sandbox::DEFAULT_KEY) },
    });
    installed.patch("Secret", "braze", &good).await;
    told(&installed, "BrazeApp", "braze", "Connected").await;
    installed.ready("SyncSucceeded").await;
    installed.annotate("grouparoo.io/requested-at", "with a line end").await;
    installed.runs_ended(2).await;
    installed.check().await;
}

/// Annotations may be as large as the API takes; nothing of them but their beginning is repeated
#[tokio::test(flavor = "multi_thread")]
async fn huge_annotations_do_no_harm() {
    let mut installed = Installed::with_people(2).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let huge = "x".repeat(200 * 1024);
    for (kind, name) in
        [("BrazeApp", "braze"), ("Source", "crm"), ("Model", "users"), ("Destination", "users")]
    {
        let annotations = json!({ "metadata": { "annotations": { "example.com/huge": huge } } });
        installed.patch(kind, name, &annotations).await;
    }
    let tokens = json!({ "metadata": { "annotations": {
        "example.com/huge": null, "grouparoo.io/requested-at": huge,
    } } });
    installed.patch("Destination", "users", &tokens).await;
    let runs = installed.runs_ended(2).await;
    assert_eq!(run_reason(&runs[1]), "SyncSucceeded");
    let echoed = installed
        .destination_when(|it| {
            it.status.as_ref().is_some_and(|status| status.last_handled_request_at.is_some())
        })
        .await;
    let echo = echoed.status.and_then(|status| status.last_handled_request_at).expect("an echo");
    assert_eq!(echo, huge[..256]);
    let question = json!({ "metadata": { "annotations": {
        "grouparoo.io/requested-at": null, "grouparoo.io/approve": huge.replace("xxxxxxxx", "xxxxxxx,"),
    } } });
    installed.patch("Destination", "users", &question).await;
    installed
        .destination_when(|it| {
            it.status.as_ref().is_some_and(|status| status.last_handled_approval.is_some())
        })
        .await;
    installed.ready("SyncSucceeded").await;
    assert_eq!(installed.runs().await.len(), 2, "no question is open, so nothing is answered");
    installed.check().await;
}

/// conventions 3: what is referred to comes and goes, and the Destination says which one it waits for
#[tokio::test(flavor = "multi_thread")]
async fn what_is_referred_to_may_go_and_come_back() {
    let mut installed = Installed::with_people(2).await;
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let manifests = installed.manifests();
    for (kind, name, at) in [("BrazeApp", "braze", 1), ("Source", "crm", 2), ("Model", "users", 3)] {
        installed.space.raw(kind).delete(name, &DeleteParams::default()).await.expect("a deletion");
        let message = told(&installed, "Destination", "users", "DependencyNotReady").await;
        assert!(message.contains(&format!("{kind} {name}")), "{message}");
        installed.annotate("grouparoo.io/requested-at", &format!("while {kind} is away")).await;
        installed.space.apply(&manifests[at]).await;
        installed.ready("SyncSucceeded").await;
    }
    installed.check().await;
}

/// conventions 6: one poison object may not delay others
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_never_answers_delays_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let mut installed = Installed::with_people(3).await;
    installed.flags.push("--source-allowed-host=127.0.0.1".to_owned());
    installed.start();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: pg, annotations: { grouparoo.io/allowed-hosts: 127.0.0.1 } }\n\
                  stringData: { password: secret }\n";
    installed.space.apply(secret).await;
    for number in 1..=3 {
        let spec = json!({ "postgres": {
            "host": "127.0.0.1", "port": port, "database": "d", "user": "u", "tls": { "mode": "Disabled" },
            "passwordSecretRef": { "name": "pg", "key": "password" },
        }});
        let name = format!("silent-{number}");
        installed
            .space
            .raw("Source")
            .create(&PostParams::default(), &object("Source", &name, &spec))
            .await
            .expect("it");
        let model = json!({ "sourceRef": { "name": name }, "table": "users", "primaryKey": "id" });
        installed
            .space
            .raw("Model")
            .create(&PostParams::default(), &object("Model", &name, &model))
            .await
            .expect("it");
    }
    told(&installed, "Source", "silent-1", "Progressing").await;
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    let model = told(&installed, "Model", "silent-2", "DependencyNotReady").await;
    assert!(model.contains("Source silent-2"), "{model}");
    let seen =
        |object: &DynamicObject| condition_of(&object.data, "Ready")["reason"] == "EndpointUnreachable";
    let patience = std::time::Duration::from_secs(60);
    let found =
        wait(installed.space.raw("Source"), "silent-1", patience, |object| object.is_some_and(seen)).await;
    assert!(condition_of(&found.expect("it").data, "Reconciling")["status"] == "True");
    drop(silent);
    installed.check().await;
}

/// conventions 6: nor do so many of them that all looks wait for one
#[tokio::test(flavor = "multi_thread")]
async fn forty_sources_that_never_answer_delay_nobody() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut installed = Installed::with_people(3).await;
    installed.flags.push("--source-allowed-host=127.0.0.1".to_owned());
    installed.start();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: pg, annotations: { grouparoo.io/allowed-hosts: 127.0.0.1 } }\n\
                  stringData: { password: secret }\n";
    installed.space.apply(secret).await;
    for number in 1..=40 {
        let spec = json!({ "postgres": {
            "host": "127.0.0.1", "port": port, "database": "d", "user": "u", "tls": { "mode": "Disabled" },
            "passwordSecretRef": { "name": "pg", "key": "password" },
        }});
        let silent = object("Source", &format!("silent-{number}"), &spec);
        installed.space.raw("Source").create(&PostParams::default(), &silent).await.expect("it");
    }
    // As many tests wait as looks work at a time.
    let mut open = Vec::new();
    let clock = grouparoo_clock::Clock::system();
    let accepting = async {
        while open.len() < 32 {
            open.push(listener.accept().await.expect("a connection"));
        }
    };
    assert!(clock.timeout(SOON, accepting).await.is_some(), "the Sources are tested");
    let begun = clock.monotonic();
    installed.space.apply(&installed.manifests()[2]).await;
    told(&installed, "Source", "crm", "Connected").await;
    let took = clock.monotonic() - begun;
    assert!(took < std::time::Duration::from_secs(10), "it took {took:?}");
    drop((open, listener));
    installed.check().await;
}

/// A table that changes under its Model is told by the run, and the next good run clears it
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_goes_is_told_by_its_name() {
    let mut installed = Installed::with_people(2).await;
    installed.destination = DESTINATION.to_owned();
    installed.start();
    installed.apply().await;
    installed.ready("SyncSucceeded").await;
    installed.sql("alter table users rename column plan to level");
    installed.ask_for("now", "Sync", "").await;
    let run: SyncRun = installed.ended("now").await;
    assert_eq!(run_reason(&run), "InvalidSpec");
    assert!(run_message(&run).contains("plan"), "{}", run_message(&run));
    installed.sql("alter table users rename column level to plan");
    installed.annotate("grouparoo.io/requested-at", "mended").await;
    installed.ready("SyncSucceeded").await;
    installed.check().await;
}
