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
