//! The table of docs/semantics.md, "Outcomes": one provoked reason or more for each exit code.

use braze_sandbox::{DEFAULT_KEY, Effect, FaultRule, Permissions};

use super::shell::Shell;
use crate::support::world::NEWS;

#[test]
fn wrong_usage_is_2() {
    let shell = Shell::with_users(1..=1);
    shell.run(&[]).fails_with(2, &["Usage: grouparoo <COMMAND>"]);
    shell.run(&["snyc"]).fails_with(2, &["unrecognized subcommand", "sync"]);
    shell.run(&["sync"]).fails_with(2, &["--filename <PATH>"]);
    shell.sync(&["--samples", "3"]).fails_with(2, &["--samples"]);
    shell.sync(&["-q", "-o", "json"]).fails_with(2, &["cannot be used with"]);
    shell.sync(&["--retry-rejects", "--key", "1"]).fails_with(2, &["cannot be used with"]);
    shell.sync(&["--destination", "nobody"]).fails_with(2, &["no Destination nobody", "users-to-braze"]);
    assert!(!shell.file(".grouparoo").exists(), "nothing is made before all is known to be right");
}

#[test]
fn a_configuration_that_cannot_work_is_20_and_nothing_runs() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.destination = shell.world.destination.replace("from: plan", "from: nothing");
    let done = shell.sync(&["-o", "json"]);
    done.fails_with(20, &["manifests.yaml", "Destination users-to-braze", "nothing"]);
    let document = done.json();
    assert_eq!(document["exitCode"], 20);
    assert!(document["problems"][0].as_str().is_some_and(|problem| problem.contains("nothing")));
    assert_eq!(shell.world.requests(), [] as [&str; 0]);
}

#[test]
fn a_column_that_is_not_there_is_20() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.model = shell.world.model.replace("name: plan,", "name: plan, column: plann,");
    shell.sync(&[]).fails_with(20, &["InvalidSpec", "plann"]);
}

/// semantics 2.4 and docs/manifests.md: a Destination that deletes does not run beside another one
#[test]
fn deleting_beside_another_destination_is_20_also_when_only_its_memory_is_there() {
    let mut shell = Shell::with_users(1..=2);
    shell.sync(&[]).ends_with(0);
    let renamed = shell.world.manifests().replace("name: users-to-braze", "name: renamed");
    std::fs::write(shell.file("renamed.yaml"), &renamed).expect("a file");
    shell.run(&["sync", "-f", "renamed.yaml"]).fails_with(0, &["OrphanState", "stateName: users-to-braze"]);
    shell.world.destination = shell.world.destination.replace("Additive", "Sync");
    let deleting = shell.sync(&[]);
    deleting.fails_with(20, &["mode Sync beside the state default/renamed", "move its folder"]);
}

#[test]
fn a_key_that_braze_refuses_is_21() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.key = "wrong-key".to_owned();
    let done = shell.sync(&[]);
    done.fails_with(21, &["AuthenticationFailed", "Not acknowledged 1"]);
    assert!(!done.ends_with(21).contains("wrong-key"));
}

/// semantics 9.3, row 401: the app is closed to all; the next Destination of it is not begun.
#[test]
fn a_key_that_braze_refused_is_not_tried_for_the_next_destination() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.key = "wrong-key".to_owned();
    let second = "apiVersion: grouparoo.io/v1alpha1\nkind: Destination\nmetadata: { name: second }\nspec:\n  \
                  appRef: { name: braze }\n  modelRef: { name: users }\n  syncMode: Additive\n  \
                  propertyMappings: [{ from: id, to: external_id }, { from: plan, to: plan }]\n";
    shell.write();
    std::fs::write(shell.file("second.yaml"), second).expect("a file");
    let done = shell.run(&["sync", "-f", "manifests.yaml", "-f", "second.yaml", "-o", "json"]);
    done.ends_with(21);
    let reasons: Vec<serde_json::Value> = done.json()["destinations"]
        .as_array()
        .expect("two")
        .iter()
        .map(|destination| destination["reason"].clone())
        .collect();
    assert_eq!(reasons, ["AuthenticationFailed", "AuthenticationFailed"]);
    assert_eq!(shell.world.sandbox.journal().len(), 1);
}

#[test]
fn a_permission_that_is_missing_is_21() {
    let mut shell = Shell::with_users(1..=20);
    shell.world.destination = shell.world.destination.replace("Additive", "Sync");
    shell.world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), Permissions::only(["users.track"]))].into());
    shell.sync(&[]).ends_with(0);
    shell.world.sql("delete from users where id = 3");
    shell.sync(&[]).fails_with(21, &["PermissionMissing", "users.delete"]);
}

/// docs/command-line.md, "plan": a failure of Braze fails the plan, with the code of the sync
#[test]
fn a_plan_that_looks_up_ends_with_the_code_of_the_sync() {
    let mut shell = Shell::with_users(1..=20);
    shell.world.destination = shell.world.destination.replace("Additive", "Sync");
    shell.world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    shell.sync(&[]).ends_with(0);
    let some = Permissions::only(["users.track", "users.export.ids", "users.delete"]);
    shell.world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), some)].into());
    shell.world.sql("delete from users where id = 3");
    shell.plan(&["--look-up"]).fails_with(21, &["PermissionMissing", "subscription.status.get"]);
    shell.plan(&[]).ends_with(0);
    shell.sync(&[]).fails_with(21, &["PermissionMissing", "subscription.status.get"]);
    shell.world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), Permissions::All)].into());
    shell.world.sandbox.set_faults([FaultRule::always(Effect::Status(503)).at("/subscription/status/get")]);
    shell.plan(&["--look-up"]).fails_with(30, &["BrazeUnavailable"]);
    shell.sync(&[]).fails_with(30, &["BrazeUnavailable"]);
}

#[test]
fn too_many_rejects_or_rows_are_23() {
    let mut shell = Shell::with_users(1..=300);
    for id in 1..=150 {
        shell.world.sandbox.refuse(&id.to_string(), "a reason");
    }
    shell.sync(&[]).fails_with(23, &["TooManyRejects"]);
    shell.world.sandbox.refuse_nobody();
    shell.world.model.push_str("\n  expectedRows: { max: 10 }");
    shell.sync(&[]).fails_with(23, &["TooManyRows"]);
}

#[test]
fn what_may_pass_by_itself_is_30() {
    let mut shell = Shell::with_users(1..=20);
    shell.world.sandbox.set_faults([FaultRule::always(Effect::Status(503))]);
    shell.sync(&[]).fails_with(30, &["BrazeUnavailable", "Not acknowledged 20"]);
    shell.world.sandbox.clear_faults();
    shell.sync(&[]).ends_with(0);
    shell.world.model.push_str("\n  expectedRows: { min: 10 }");
    shell.world.sql("delete from users where id > 2");
    shell.sync(&[]).fails_with(30, &["TooFewRows", "nothing is removed"]);
    shell.world.sql("delete from users");
    shell.sync(&[]).fails_with(30, &["EmptyRead", "set collection.type to None"]);
    shell.world.sql("drop table users");
    shell.sync(&[]).fails_with(30, &["ReadFailed", "users"]);
    std::fs::write(shell.file("file"), "").expect("a file");
    shell.sync(&["--state", "file"]).fails_with(30, &["file"]);
    assert_eq!(shell.world.sandbox.user_count(), 20);
}

/// The gravest of several, in the order 32, 31, 20, 21, 22, 23, 30, 24, 10, 0.
#[test]
fn of_several_destinations_the_gravest_counts() {
    let shell = Shell::with_users(1..=2);
    shell.world.sql("insert into users values (3, 'nonsense', 'Cy', 'pro', 3, 0, 0)");
    let more = "apiVersion: grouparoo.io/v1alpha1\nkind: Model\nmetadata: { name: none }\nspec:\n  \
                sourceRef: { name: crm }\n  table: nowhere\n  primaryKey: id\n---\n\
                apiVersion: grouparoo.io/v1alpha1\nkind: Destination\nmetadata: { name: second }\nspec:\n  \
                appRef: { name: braze }\n  modelRef: { name: none }\n  syncMode: Additive\n  \
                propertyMappings: [{ from: id, to: external_id }]\n";
    std::fs::write(shell.file("more.yaml"), more).expect("a file");
    let done = shell.run(&["sync", "-f", "manifests.yaml", "-f", "more.yaml", "-o", "json"]);
    done.ends_with(30);
    let document = done.json();
    assert_eq!(document["exitCode"], 30);
    let codes: Vec<u64> = document["destinations"]
        .as_array()
        .expect("two")
        .iter()
        .filter_map(|d| d["exitCode"].as_u64())
        .collect();
    assert_eq!(codes, [10, 30]);
}
