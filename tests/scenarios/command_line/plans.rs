//! `plan`, and the questions that it and a sync ask.

use std::io::Read as _;

use serde_json::json;

use super::shell::{Done, Shell, done};

fn token(done: &Done) -> String {
    let line = done.out.lines().find(|line| line.contains("--approve ")).expect("a proposed command");
    line.rsplit(' ').next().expect("a token").to_owned()
}

/// semantics 14.1: writes nothing to Braze or state
#[test]
fn a_plan_shows_what_a_sync_would_send_and_leaves_no_trace() {
    let shell = Shell::with_users(1..=3);
    let plan = shell.plan(&["--samples", "1"]);
    plan.fails_with(
        0,
        &[
            "users-to-braze plan, nothing was sent",
            "To add 3",
            "Data points 12",
            "Deletion guard passes",
            r#"add 1 {"external_id":"1","email":"user1@example.com""#,
        ],
    );
    assert_eq!(shell.world.requests(), [] as [&str; 0]);
    assert!(!shell.file(".grouparoo").exists());
    shell.sync(&[]).ends_with(0);
    let before = walk(&shell.file(".grouparoo"));
    shell.insert(4..=4);
    let plan = shell.plan(&["-o", "json", "--samples", "5"]);
    plan.ends_with(0);
    let report = plan.json()["destinations"][0].clone();
    assert_eq!((&report["mode"], &report["counts"]["added"]), (&json!("Plan"), &json!(1)));
    assert_eq!(report["plan"]["samples"][0]["key"], json!("4"));
    assert_eq!(walk(&shell.file(".grouparoo")), before);
}

/// Names and sizes of all files below a folder.
fn walk(folder: &std::path::Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push((path.clone(), std::fs::metadata(&path).expect("a file").len()));
        }
    }
    found.sort();
    found
}

/// semantics 8.3: the run ends as DeletionGuard, the proposed command approves exactly that set
#[test]
fn removals_above_the_guard_wait_for_the_proposed_command() {
    let shell = Shell::with_users(1..=100);
    let mut shell = shell;
    shell.world.destination = shell.world.destination.replace("Additive", "Sync");
    shell.sync(&[]).ends_with(0);
    shell.world.sql("delete from users where id > 40");
    let planned = shell.plan(&[]);
    planned.fails_with(0, &["would hold the removals back", "Waiting for your answer"]);
    let held = shell.sync(&[]);
    held.fails_with(22, &["DeletionGuard", "Held back 60"]);
    assert_eq!(shell.world.sandbox.user_count(), 100);
    assert_eq!(token(&planned), token(&held), "semantics 14.2: the same token");
    let line = held.out.lines().find(|line| line.contains("--approve")).expect("a command").trim().to_owned();
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    shell.run(&words).fails_with(0, &["Deleted 60"]);
    assert_eq!(shell.world.sandbox.user_count(), 40);
}

/// semantics 8.3: an approval may stand in the manifest and stay there
#[test]
fn a_token_in_the_annotation_counts_as_an_approval() {
    let mut shell = Shell::with_users(1..=100);
    shell.world.destination = shell.world.destination.replace("Additive", "Sync");
    shell.sync(&[]).ends_with(0);
    shell.world.sql("delete from users where id > 40");
    let token = token(&shell.sync(&[]));
    let annotated = shell.world.manifests().replace(
        "metadata: { name: users-to-braze }",
        &format!("metadata: {{ name: users-to-braze, annotations: {{ grouparoo.io/approve: '{token}' }} }}"),
    );
    std::fs::write(shell.file("approved.yaml"), annotated).expect("a file");
    shell.run(&["sync", "-f", "approved.yaml"]).fails_with(0, &["Deleted 60"]);
    shell.run(&["sync", "-f", "approved.yaml"]).fails_with(0, &["nothing to send"]);
}

/// semantics 4.3.4: `fresh-…` archives the state and starts anew
#[test]
fn another_workspace_begins_with_a_fresh_state_when_told_so() {
    let mut shell = Shell::with_users(1..=3);
    shell.world.app = "  workspace: one".to_owned();
    shell.sync(&[]).ends_with(0);
    shell.world.app = "  workspace: two".to_owned();
    let asked = shell.sync(&[]);
    asked.fails_with(22, &["ApprovalRequired", "WorkspaceChanged, same", "WorkspaceChanged, fresh"]);
    let fresh = asked.out.lines().find(|line| line.contains("--approve fresh-")).expect("a command");
    let words: Vec<&str> = fresh.trim().split(' ').skip(1).collect();
    shell.run(&words).fails_with(0, &["Added 3"]);
    assert!(shell.file(".grouparoo/archive/default/users-to-braze").exists());
    shell.sync(&[]).fails_with(0, &["nothing to send"]);
}

/// semantics 8.4
#[test]
fn emptying_a_destination_asks_first() {
    let mut shell = Shell::with_users(1..=3);
    shell.sync(&[]).ends_with(0);
    shell.world.destination.push_str("\n  collection: { type: None }");
    let asked = shell.sync(&[]);
    asked.fails_with(22, &["CollectionNone"]);
    shell.sync(&["--approve", &token(&asked)]).fails_with(0, &["Released 3"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shell = Shell::with_users(1..=50);
    let mut child =
        shell.command(&["plan", "-f", "manifests.yaml", "--samples", "50"]).spawn().expect("a process");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("UTF-8");
    assert_eq!((child.wait().expect("an end").code(), err.as_str()), (Some(0), ""));
    let mut child = shell.command(&["crds"]).spawn().expect("a process");
    let mut first = [0; 3];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("a beginning");
    assert_eq!(done(child).ends_with(0), "");
}

/// semantics 14.1: with `--look-up` a plan reads Braze, and only reads
#[test]
fn a_plan_that_looks_up_is_exact_and_only_reads() {
    let mut shell = Shell::with_users(1..=3);
    shell.world.sync_well();
    std::fs::remove_dir_all(shell.file("state")).expect("the state of another tool");
    shell.world.mode("Enrich");
    shell.world.app = "  workspace: eu".to_owned();
    shell.insert(4..=5);
    shell.world.sandbox.clear_journal();
    shell
        .plan(&[])
        .fails_with(0, &["To add 5", "To look up first 5 users that Braze may not know; --look-up asks"]);
    assert_eq!(shell.world.requests(), [] as [&str; 0]);
    let looked = shell.plan(&["--look-up"]);
    looked.fails_with(0, &["plan, nothing was sent", "To add 3", "Skipped 2 2 unknown to Braze"]);
    assert!(!looked.out.contains("look up"), "{}", looked.out);
    assert_eq!(shell.world.requests(), ["/users/export/ids"]);
    assert!(!shell.file(".grouparoo").exists());
    let report = shell.plan(&["--look-up", "-o", "json"]).json()["destinations"][0].clone();
    assert_eq!((&report["plan"]["lookedUp"], &report["plan"]["unknown"]), (&json!(true), &json!(0)));
    assert_eq!((&report["counts"]["added"], &report["counts"]["skipped"]), (&json!(3), &json!(2)));
    let synced = shell.sync(&["-o", "json"]).json()["destinations"][0].clone();
    assert_eq!(synced["counts"], report["counts"]);
    shell.run(&["sync", "-f", "manifests.yaml", "--look-up"]).ends_with(2);
}

/// semantics 4.2, "collection → None": the source is not read; its table is gone
#[test]
fn a_destination_is_emptied_without_its_table() {
    let mut shell = Shell::with_users(1..=3);
    shell.sync(&[]).ends_with(0);
    shell.world.sql("drop table users");
    shell.sync(&[]).ends_with(30);
    shell.world.destination.push_str("\n  collection: { type: None }");
    shell.validate(&[]).fails_with(0, &["users-to-braze: with collection None the source is not read"]);
    let asked = shell.sync(&[]);
    asked.fails_with(22, &["CollectionNone"]);
    shell.sync(&["--approve", &token(&asked)]).fails_with(0, &["Released 3"]);
}

/// semantics 5.3 and 7.3: advice is in the summary and in the document
#[test]
fn advice_about_attributes_is_in_the_summary_and_in_the_document() {
    let mut shell = Shell::with_users(1..=2);
    shell.world.change("{ from: plan, to: plan }", "{ from: plan, to: account.plan, targetKind: Nested }");
    let one = |n: u32| format!("    - {{ group: vip, customAttribute: groups, value: v{n} }}");
    let groups = |from: u32| {
        let lines: Vec<String> = (from..from + 100).map(one).collect();
        format!("\n  onUnmap: Leave\n  groupMappings:\n{}", lines.join("\n"))
    };
    let bare = shell.world.destination.clone();
    for from in [0, 100, 200, 300, 350] {
        shell.world.destination = format!("{bare}{}", groups(from));
        shell.sync(&[]).ends_with(0);
    }
    shell.world.sql("update users set plan = null");
    let nested = "2 × NestedNotCleared (account.plan): a null inside an attribute";
    let many = "450 × ManyElements (groups): groups write so many values into this attribute";
    shell.plan(&[]).fails_with(0, &[nested, many]);
    let report = shell.sync(&["-o", "json"]).json()["destinations"][0].clone();
    let warning = |code: &str| {
        let all = report["warnings"].as_array().expect("warnings");
        let found = all.iter().find(|warning| warning["code"] == json!(code)).expect("the warning");
        (found["field"].clone(), found["count"].clone())
    };
    assert_eq!(warning("NestedNotCleared"), (json!("account.plan"), json!(2)));
    assert_eq!(warning("ManyElements"), (json!("groups"), json!(450)));
    shell.sync(&[]).fails_with(0, &[nested, many]);
}

/// semantics 7.3: an attribute is shared by all Destinations of a workspace, run or not
#[test]
fn values_that_other_destinations_write_into_an_attribute_count_too() {
    let mut shell = Shell::with_users(1..=2);
    let groups = |from: u32| {
        let one = |n: u32| format!("    - {{ group: vip, customAttribute: groups, value: v{n} }}\n");
        format!("  groupMappings:\n{}", (from..from + 100).map(one).collect::<String>())
    };
    shell.world.and(&groups(0));
    let others = |values: &[u32]| {
        let one = |from: &u32| {
            format!(
                "apiVersion: grouparoo.io/v1alpha1\nkind: Destination\nmetadata: {{ name: other-{from} }}\nspec:\n  \
                 suspend: true\n  syncMode: Additive\n  appRef: {{ name: braze }}\n  modelRef: {{ name: users }}\n  \
                 propertyMappings:\n    - {{ from: id, to: external_id }}\n{}---\n",
                groups(*from)
            )
        };
        std::fs::write(shell.file("more.yaml"), values.iter().map(one).collect::<String>()).expect("a file");
        shell.run(&["plan", "-f", "manifests.yaml", "-f", "more.yaml"])
    };
    let some = others(&[0, 100, 200, 300]);
    some.ends_with(0);
    assert!(!some.out.contains("ManyElements"), "400 are not more than 400: {}", some.out);
    others(&[100, 200, 300, 301]).fails_with(0, &["401 × ManyElements (groups)"]);
}
