//! Manifests in pages and in `examples/`: they load, and a real API server takes them.

use std::process::Command;

use grouparoo::api::API_VERSION;
use serde_json::Value;

use super::{documents, files, root};
use crate::cluster::objects::{documents as objects, fields_known, fields_of, judge, our_judgement, schemas};
use crate::support::control_plane::ControlPlane;

/// Objects of our kinds in a text, each with the place where it stands.
fn ours(place: &str, yaml: &str) -> Vec<(String, Value)> {
    let all = objects(yaml).into_iter().filter(|object| object["apiVersion"] == API_VERSION);
    all.map(|object| (format!("{place}: {} {}", object["kind"], object["metadata"]["name"]), object))
        .collect()
}

/// All of them: in pages, and in the manifests that users copy.
fn everything() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for document in documents() {
        for block in document.blocks().iter().filter(|block| block.language == "yaml") {
            found.extend(ours(&format!("{}:{}", document.path, block.line), &block.text));
        }
    }
    let shown = found.len();
    assert!(shown > 10, "only {shown} objects were found in pages");
    for path in files(&root().join("examples"), "yaml") {
        let text = std::fs::read_to_string(root().join(&path)).expect("a manifest");
        found.extend(ours(&path, &text));
    }
    assert!(found.len() > shown + 20, "only {} objects were found in examples", found.len() - shown);
    found
}

#[test]
fn what_a_page_shows_of_a_file_is_the_file() {
    let mut shown = 0;
    for document in documents() {
        for block in document.blocks() {
            let Some(file) = &block.file else { continue };
            shown += 1;
            let text = std::fs::read_to_string(root().join(file));
            let text =
                text.unwrap_or_else(|error| panic!("{}:{}: {file}: {error}", document.path, block.line));
            assert_eq!(block.text, text, "{}:{} is not {file}", document.path, block.line);
        }
    }
    assert!(shown > 10, "only {shown} were found");
}

#[test]
fn every_manifest_in_a_page_or_an_example_is_one_that_loads() {
    let wrong: Vec<String> = everything()
        .iter()
        .filter_map(|(place, object)| Some(format!("{place}: {}", our_judgement(object)?)))
        .collect();
    assert_eq!(wrong, [] as [String; 0]);
}

#[tokio::test]
async fn the_server_takes_every_manifest_of_a_page_or_an_example() {
    let space = ControlPlane::shared().space().await;
    let (places, mut objects): (Vec<String>, Vec<Value>) = everything().into_iter().unzip();
    for object in &mut objects {
        // Posted into the namespace of this test.
        object["metadata"].as_object_mut().expect("metadata").remove("namespace");
    }
    let said = judge(&space, &objects).await;
    let wrong: Vec<String> = places
        .iter()
        .zip(said)
        .filter_map(|(place, refused)| Some(format!("{place}: {}", refused?)))
        .collect();
    assert_eq!(wrong, [] as [String; 0]);
}

/// Folders with manifests of their own, which are read as a whole.
fn folders() -> Vec<String> {
    let kustomizations = files(&root().join("examples"), "yaml");
    let folders = kustomizations.iter().filter_map(|path| path.strip_suffix("/kustomization.yaml"));
    folders
        .filter(|folder| root().join(folder).join("destination.yaml").is_file())
        // Made for kustomize, and proven with it.
        .filter(|folder| !folder.starts_with("examples/gitops/"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_folder_of_examples_is_complete_and_valid_by_itself() {
    let folders = folders();
    assert!(folders.len() >= 6, "{folders:?}");
    for folder in &folders {
        let output = Command::new(env!("CARGO_BIN_EXE_grouparoo"))
            .args(["validate", "--offline", "--filename", folder, "--state", "/nonexistent"])
            .current_dir(root())
            .output()
            .expect("the program starts");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{folder}\n{said}");
        let kustomization = std::fs::read_to_string(root().join(folder).join("kustomization.yaml"));
        let kustomization: Value = objects(&kustomization.expect("a kustomization")).remove(0);
        let mut listed: Vec<String> = kustomization["resources"]
            .as_array()
            .expect("resources")
            .iter()
            .map(|name| format!("{folder}/{}", name.as_str().expect("a name")))
            .collect();
        listed.sort();
        let mut there = files(&root().join(folder), "yaml");
        there.retain(|path| !path.ends_with("/kustomization.yaml"));
        assert_eq!(listed, there, "{folder}/kustomization.yaml");
    }
}

/// As a user applies them: by kustomize, with their Secrets and ConfigMaps.
#[tokio::test]
async fn every_folder_of_examples_can_be_applied() {
    let space = ControlPlane::shared().space().await;
    for folder in folders().into_iter().chain(["examples/quickstart/overlays/laptop".to_owned()]) {
        let path = root().join(&folder).display().to_string();
        let said = space.kubectl(&["apply", "--dry-run=server", "--kustomize", &path]).await;
        assert!(said.success().contains("destination.grouparoo.io/"), "{folder}");
    }
}

/// What this version refuses stands in no example.
const REFUSED: [&str; 4] = ["spec.mysql", "spec.changeCursor", "spec.budgets", "spec.executor.job"];

#[test]
fn the_example_with_every_field_has_every_field_that_this_version_takes() {
    let mut found = Vec::new();
    for path in files(&root().join("examples/every-field"), "yaml") {
        let text = std::fs::read_to_string(root().join(&path)).expect("a manifest");
        found.extend(ours(&path, &text));
    }
    for (kind, spec, _) in schemas() {
        let (mut known, mut used) = (Default::default(), Default::default());
        fields_known(&spec, "spec", &mut known);
        for (_, object) in found.iter().filter(|(_, object)| object["kind"] == *kind) {
            fields_of(&object["spec"], "spec", &mut used);
        }
        let refused = |path: &str| REFUSED.iter().any(|refused| path.starts_with(refused));
        let is_left_out = |path: &str| refused(path) || (kind == "SyncRun" && by_operator(path));
        let missing: Vec<&String> = known.difference(&used).filter(|path| !is_left_out(path)).collect();
        assert_eq!(missing, [] as [&String; 0], "{kind}");
    }
}

/// Fields that a person may not write.
fn by_operator(path: &str) -> bool {
    ["spec.trigger", "spec.slot", "spec.attempt"].contains(&path)
}
