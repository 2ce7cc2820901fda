//! The example of a repository with a base and overlays, built by the kustomize of kubectl.

use std::fs;
use std::process::Command;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::Value;

use super::example;
use crate::support::control_plane::ControlPlane;

/// What kustomize makes of a folder.
async fn built(folder: &std::path::Path) -> (String, Vec<Value>) {
    let plane = ControlPlane::shared();
    let folder = folder.to_str().expect("a readable path");
    let text = plane.kubectl(plane.admin(), "default", &["kustomize", folder], "").await.success();
    let objects = serde_saphyr::from_multiple(&text).expect("YAML");
    (text, objects)
}

fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).expect("one of each kind")
}

#[tokio::test]
async fn each_overlay_is_accepted_and_differs_where_it_says() {
    let space = ControlPlane::shared().space().await;
    for (overlay, host, groups) in [("staging", "fra-02", 1), ("production", "fra-01", 2)] {
        let (_, mut objects) = built(&example(&format!("gitops/repository/{overlay}"))).await;
        assert_eq!(
            one(&objects, "BrazeApp")["spec"]["restEndpoint"],
            format!("https://rest.{host}.braze.eu")
        );
        let destination = one(&objects, "Destination");
        assert_eq!(destination["spec"]["groupMappings"].as_array().map(Vec::len), Some(groups));
        assert_eq!(destination["metadata"]["namespace"], format!("crm-{overlay}"));
        let name = &one(&objects, "ConfigMap")["metadata"]["name"];
        assert_ne!(name, "users-query", "it is named after its content");
        assert_eq!(&one(&objects, "Model")["spec"]["queryFrom"]["configMapKeyRef"]["name"], name);
        // The API server takes them, whatever the namespace.
        let mut stream = String::new();
        for object in &mut objects {
            object["metadata"].as_object_mut().expect("metadata").remove("namespace");
            stream.push_str(&format!("---\n{object}\n"));
        }
        let arguments = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
        space.kubectl_with(&arguments, &stream).await.success();
    }
}

/// With references.yaml every name follows a prefix; without it kustomize leaves the old ones.
#[tokio::test]
async fn names_follow_a_prefix_and_what_is_built_is_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    for place in ["base", "staging"] {
        let target = folder.path().join(place);
        fs::create_dir(&target).expect("a folder");
        for file in fs::read_dir(example(&format!("gitops/repository/{place}"))).expect("the example") {
            let file = file.expect("a file");
            fs::copy(file.path(), target.join(file.file_name())).expect("a copy");
        }
    }
    let base = folder.path().join("base/kustomization.yaml");
    let text = fs::read_to_string(&base).expect("the base");
    fs::write(&base, format!("namePrefix: eu-\n{text}")).expect("a file");
    let (text, objects) = built(&folder.path().join("base")).await;
    assert_eq!(one(&objects, "Destination")["spec"]["appRef"]["name"], "eu-braze");
    assert_eq!(one(&objects, "Destination")["spec"]["modelRef"]["name"], "eu-users");
    assert_eq!(one(&objects, "Model")["spec"]["sourceRef"]["name"], "eu-warehouse");
    let query = one(&objects, "Model")["spec"]["queryFrom"]["configMapKeyRef"]["name"].clone();
    assert!(query.as_str().is_some_and(|name| name.starts_with("eu-users-query-")), "{query}");
    // The Secrets come from elsewhere: here by hand.
    let secrets = "---\n{apiVersion: v1, kind: Secret, metadata: {name: braze}, stringData: {apiKey: k}}\n\
        ---\n{apiVersion: v1, kind: Secret, metadata: {name: warehouse}, stringData: {password: p}}\n";
    let file = folder.path().join("built.yaml");
    fs::write(&file, format!("{text}\n{secrets}")).expect("a file");
    let program = env!("CARGO_BIN_EXE_grouparoo");
    let said =
        Command::new(program).args(["validate", "--offline", "-f"]).arg(file).output().expect("it runs");
    assert!(said.status.success(), "{said:?}");
}

/// Whatever refers to another object in our kinds is in references.yaml, so a new reference cannot be forgotten there.
#[test]
fn every_reference_of_the_kinds_is_known_to_kustomize() {
    let text = fs::read_to_string(example("gitops/repository/base/references.yaml")).expect("the file");
    let config: Value = serde_saphyr::from_str(&text).expect("YAML");
    let mut known: Vec<(String, String, String)> = Vec::new();
    for rule in config["nameReference"].as_array().expect("a list") {
        for spec in rule["fieldSpecs"].as_array().expect("a list") {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            known.push((text(&rule["kind"]), text(&spec["kind"]), text(&spec["path"])));
        }
    }
    let mut wanted = Vec::new();
    for crd in grouparoo::api::crds::crds() {
        let spec = &grouparoo::api::crds::schema(&crd).properties.as_ref().expect("properties")["spec"];
        references(spec, "spec", &mut |target, path| {
            wanted.push((target.to_owned(), crd.spec.names.kind.clone(), format!("{path}/name")));
        });
    }
    known.sort();
    wanted.sort();
    assert!(wanted.len() > 20, "{wanted:?}");
    assert_eq!(known, wanted);
}

fn references(schema: &JSONSchemaProps, at: &str, found: &mut impl FnMut(&str, &str)) {
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{at}/{name}");
        let target = match name.as_str() {
            "appRef" => Some("BrazeApp"),
            "sourceRef" => Some("Source"),
            "modelRef" => Some("Model"),
            "destinationRef" => Some("Destination"),
            name if name.ends_with("SecretRef") => Some("Secret"),
            name if name.ends_with("onfigMapRef") || name.ends_with("onfigMapKeyRef") => Some("ConfigMap"),
            name => {
                assert!(!name.ends_with("Ref"), "{path}: to what does it refer?");
                None
            }
        };
        match target {
            Some(target) => found(target, &path),
            None => references(property, &path, found),
        }
    }
}
