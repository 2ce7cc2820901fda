//! Argo CD's health scripts and actions: the ConfigMap that users apply, its scripts run by Lua 5.1 with what Argo CD
//! opens of the library (base, table, a small os) and nothing else.
//!
//! `UPDATE_GOLDEN=1 cargo test --test scenarios gitops::argocd` writes the ConfigMap anew from the scripts beside it.

use std::fmt::Write as _;
use std::fs;

use mlua::{Lua, LuaOptions, LuaSerdeExt as _, StdLib};
use serde_json::{Value, json};

use super::example;
use crate::support::moments::{self, Moment};

const TESTED: [&str; 3] = ["BrazeApp", "Source", "Model"];

/// Kind, script of its health, script that discovers its actions, and these with their scripts.
type Scripts = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

fn scripts() -> Vec<Scripts> {
    let tested = |kind| (kind, "resource", "tested.discovery", [("test-now", "request")].as_slice());
    let actions: &[_] = &[("sync-now", "request"), ("suspend", "suspend"), ("resume", "resume")];
    let mut all: Vec<Scripts> = TESTED.map(tested).into();
    all.push(("Destination", "resource", "destination.discovery", actions));
    all.push(("SyncRun", "run", "run.discovery", &[("cancel", "cancel")]));
    all
}

/// The ConfigMap as it follows from the scripts.
fn composed() -> String {
    let indented = |text: &mut String, script: &str, by: usize| {
        let script = fs::read_to_string(example(&format!("gitops/argocd/{script}.lua"))).expect("a script");
        for line in script.lines() {
            let by = if line.is_empty() { 0 } else { by };
            writeln!(text, "{:by$}{line}", "").expect("a text takes text");
        }
    };
    let mut text = "\
# What Argo CD should know of grouparoo's kinds: their health, and what people may do to them by a click.
# Generated from health/ and actions/ beside it. To install it:
#   kubectl patch configmap argocd-cm --namespace argocd --patch-file argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
"
    .to_owned();
    for (kind, health, discovery, actions) in scripts() {
        writeln!(text, "  resource.customizations.health.grouparoo.io_{kind}: |").expect("text");
        indented(&mut text, &format!("health/{health}"), 4);
        writeln!(text, "  resource.customizations.actions.grouparoo.io_{kind}: |").expect("text");
        text.push_str("    discovery.lua: |\n");
        indented(&mut text, &format!("actions/{discovery}"), 6);
        text.push_str("    definitions:\n");
        for (name, script) in actions {
            writeln!(text, "      - name: {name}\n        action.lua: |").expect("text");
            indented(&mut text, &format!("actions/{script}"), 10);
        }
    }
    text
}

/// What is installed, out of the file.
fn installed() -> Value {
    let text = fs::read_to_string(example("gitops/argocd/argocd-cm.yaml")).expect("the ConfigMap");
    serde_saphyr::from_str(&text).expect("YAML")
}

fn health_script(kind: &str) -> String {
    let data = &installed()["data"];
    data[format!("resource.customizations.health.grouparoo.io_{kind}")].as_str().expect("a script").to_owned()
}

fn actions_of(kind: &str) -> Value {
    let data = &installed()["data"];
    let text =
        data[format!("resource.customizations.actions.grouparoo.io_{kind}")].as_str().expect("actions");
    serde_saphyr::from_str(text).expect("YAML in YAML")
}

/// Runs a script over an object as Argo CD does.
fn run(script: &str, object: &Value) -> mlua::Result<Value> {
    let lua = Lua::new_with(StdLib::TABLE | StdLib::PACKAGE, LuaOptions::default())?;
    let os = lua.create_table()?;
    os.set("date", lua.create_function(|_, _: String| Ok("2026-01-02T03:04:05Z"))?)?;
    os.set("time", lua.create_function(|_, ()| Ok(1_767_323_045))?)?;
    lua.globals().get::<mlua::Table>("package")?.get::<mlua::Table>("loaded")?.set("os", os)?;
    // An empty map and an absent field are what they are in Argo CD: a table, and nil.
    let options = mlua::SerializeOptions::new().serialize_none_to_null(false).serialize_unit_to_null(false);
    lua.globals().set("obj", lua.to_value_with(object, options)?)?;
    let result: mlua::Value = lua.load(script).eval()?;
    lua.from_value(result)
}

fn health(kind: &str, object: &Value) -> Value {
    run(&health_script(kind), object).unwrap_or_else(|error| panic!("{kind}: {error}\n{object:#}"))
}

#[test]
fn the_config_map_is_made_of_the_scripts() {
    let path = example("gitops/argocd/argocd-cm.yaml");
    let composed = composed();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &composed).expect("a file");
    }
    assert_eq!(fs::read_to_string(&path).expect("the ConfigMap"), composed, "UPDATE_GOLDEN=1 writes it anew");
}

/// conventions §1, the truth table, column Argo CD
#[test]
fn argo_cd_reads_each_moment_as_meant() {
    let check = |kind: &str, (moment, object, _, wanted): &Moment| {
        let found = health(kind, object);
        assert_eq!(found["status"], *wanted, "{kind}, {moment}: {found}");
        let ready = object["status"]["conditions"].as_array().is_some_and(|all| !all.is_empty());
        let message = found["message"].as_str().expect("a message");
        assert!(!message.is_empty(), "{kind}, {moment}");
        // What the object says itself is shown, once it speaks of this generation.
        let current = object["status"]["observedGeneration"] == 2;
        if ready && current && object["metadata"]["deletionTimestamp"].is_null() {
            assert_eq!(message, "In words.", "{kind}, {moment}");
        }
    };
    for moment in moments::of_a_destination() {
        check("Destination", &moment);
        if moment.1["spec"]["suspend"] == false {
            TESTED.iter().for_each(|kind| check(kind, &moment));
        }
    }
    for moment in moments::of_a_run() {
        check("SyncRun", &moment);
    }
}

/// conventions §13: what is being deleted names the finalizer that it waits for
#[test]
fn a_deletion_that_waits_names_its_finalizer() {
    let moments = moments::of_a_destination();
    let (_, object, ..) =
        moments.iter().find(|(moment, ..)| *moment == "cleanup blocked").expect("the moment");
    let mut object = object.clone();
    object["metadata"]["finalizers"] = json!(["grouparoo.io/cleanup"]);
    assert_eq!(health("Destination", &object)["message"], "In words. (waits for grouparoo.io/cleanup)");
}

/// conventions §13: an error counts as worst health, so no script stumbles over what an object lacks
#[test]
fn no_script_stumbles_over_what_an_object_lacks() {
    let known = ["Healthy", "Progressing", "Degraded", "Suspended"];
    let all = moments::of_a_destination().into_iter().chain(moments::of_a_run());
    for (moment, object, ..) in all {
        for path in paths(&object, String::new()) {
            let mut lacking = object.clone();
            let (parent, field) = path.rsplit_once('/').expect("a path begins with a slash");
            match lacking.pointer_mut(parent).expect("it is there") {
                Value::Object(fields) => drop(fields.remove(field)),
                Value::Array(items) => drop(items.remove(field.parse::<usize>().expect("an index"))),
                _ => unreachable!("a leaf has no fields"),
            }
            for (kind, ..) in scripts() {
                let found = health(kind, &lacking);
                let status = found["status"].as_str().expect("a status");
                assert!(known.contains(&status), "{kind}, {moment} without {path}: {found}");
                run(actions_of(kind)["discovery.lua"].as_str().expect("a script"), &lacking)
                    .unwrap_or_else(|error| panic!("{kind}, {moment} without {path}: {error}"));
            }
        }
    }
}

/// Pointers to every field and item of a value.
fn paths(value: &Value, at: String) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect()
        }
        _ => Vec::new(),
    };
    below.into_iter().flat_map(|(path, value)| [vec![path.clone()], paths(value, path)].concat()).collect()
}

/// conventions §13: actions `sync-now`, `suspend`, `resume`; ours are also another test and a cancelled run
#[test]
fn each_action_changes_what_its_name_says() {
    let act = |kind: &str, action: &str, object: &Value| {
        let actions = actions_of(kind);
        let all = actions["definitions"].as_array().expect("a list");
        let found = all.iter().find(|definition| definition["name"] == action).expect("the action");
        run(found["action.lua"].as_str().expect("a script"), object).expect("it runs")
    };
    let offered = |kind: &str, object: &Value| {
        let actions = actions_of(kind);
        let offered = run(actions["discovery.lua"].as_str().expect("a script"), object).expect("it runs");
        let offered = offered.as_object().expect("a table").clone();
        let defined = actions["definitions"].as_array().expect("a list");
        assert_eq!(offered.len(), defined.len(), "what is offered is defined");
        let names =
            offered.into_iter().filter(|(_, action)| action["disabled"] != true).map(|(name, _)| name);
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let object = json!({ "metadata": { "name": "it" }, "spec": { "syncMode": "Additive" } });
    let requested = json!({ "metadata": { "name": "it",
        "annotations": { "grouparoo.io/requested-at": "2026-01-02T03:04:05Z" } }, "spec": { "syncMode": "Additive" } });
    assert_eq!(act("Destination", "sync-now", &object), requested);
    for kind in TESTED {
        assert_eq!(act(kind, "test-now", &object), requested);
        assert_eq!(offered(kind, &object), ["test-now"]);
    }
    let suspended = act("Destination", "suspend", &object);
    assert_eq!(suspended["spec"], json!({ "syncMode": "Additive", "suspend": true }));
    assert_eq!(act("Destination", "resume", &suspended), object);
    assert_eq!(offered("Destination", &object), ["suspend", "sync-now"]);
    assert_eq!(offered("Destination", &suspended), ["resume"]);
    let run = json!({ "metadata": { "name": "it" }, "spec": { "mode": "Sync" } });
    let cancelled = act("SyncRun", "cancel", &run);
    assert_eq!(cancelled["spec"], json!({ "mode": "Sync", "cancel": true }));
    assert_eq!(offered("SyncRun", &run), ["cancel"]);
    assert_eq!(offered("SyncRun", &cancelled), Vec::<String>::new());
    let over = json!({ "metadata": {}, "spec": {}, "status": { "completionTime": "2026-01-02T03:04:05Z" } });
    assert_eq!(offered("SyncRun", &over), Vec::<String>::new());
}
