//! What Flux makes of our manifests: kustomize, then the substitution of variables, by its own library.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::{fs, path::PathBuf};

use grouparoo::api::crds::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use super::example;
use crate::support::control_plane::script;

const OFF: &str = "kustomize.toolkit.fluxcd.io/substitute";

fn built(folder: &Path) -> Vec<Value> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| script(&["--flux"]));
    let output = Command::new(program).arg(folder).arg("cluster=production").output().expect("flux runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_saphyr::from_multiple(&String::from_utf8(output.stdout).expect("text")).expect("YAML")
}

/// conventions §3: SQL in an annotated ConfigMap keeps its dollar signs
#[test]
fn a_query_in_an_annotated_config_map_keeps_its_dollar_signs() {
    let wanted = fs::read_to_string(example("gitops/repository/base/query.sql")).expect("the query");
    assert!(wanted.contains("$$") && wanted.contains("${"), "the example has what can go wrong");
    let objects = built(&example("gitops/repository/production"));
    assert_eq!(objects.len(), 5);
    let map = objects.iter().find(|object| object["kind"] == "ConfigMap").expect("the ConfigMap");
    assert_eq!(map["data"]["query.sql"], wanted);
}

/// The trap itself: without the annotation the same query arrives as another one. Were it not so, the advice would be idle.
#[test]
fn without_the_annotation_a_query_is_rewritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let map =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: q}, data: {query.sql: 'select $$a$$, ''${b}'''}}";
    fs::write(folder.path().join("map.yaml"), map).expect("a file");
    fs::write(folder.path().join("kustomization.yaml"), "resources: [map.yaml]").expect("a file");
    let objects = built(folder.path());
    assert_eq!(objects[0]["data"]["query.sql"], "select $a$, ''");
}

/// conventions §3: the definitions are full of text and patterns, and say that nothing is to be substituted in them
#[test]
fn the_definitions_pass_through_flux_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut list = String::new();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for file in fs::read_dir(files).expect("crds/") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.path().join(file.file_name())).expect("a copy");
        list.push_str(&format!("- {}\n", file.file_name().to_str().expect("a readable name")));
    }
    fs::write(folder.path().join("kustomization.yaml"), format!("resources:\n{list}")).expect("a file");
    let built = built(folder.path());
    let mut names: Vec<&str> = Vec::new();
    for object in &built {
        let name = object["metadata"]["name"].as_str().expect("a name");
        assert_eq!(object["metadata"]["annotations"][OFF], "disabled", "{name}");
        let ours =
            crds().into_iter().find(|crd| crd.metadata.name.as_deref() == Some(name)).expect("one of ours");
        let passed: CustomResourceDefinition = serde_json::from_value(object.clone()).expect("a definition");
        assert!(passed.spec == ours.spec, "{name} is not what it was");
        names.push(name);
    }
    assert_eq!(names.len(), 5);
}
