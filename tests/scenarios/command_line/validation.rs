//! `validate`: all that can be known before the first run.

use braze_sandbox::{DEFAULT_KEY, Permissions};

use super::shell::Shell;
use crate::support::world::NEWS;

#[test]
fn good_manifests_pass_and_nothing_is_sent_or_made() {
    let shell = Shell::with_users(1..=3);
    shell.validate(&[]).fails_with(
        0,
        &[
            "ok manifests: 4 objects",
            "ok BrazeApp braze:",
            "the key has users.track",
            "ok Source crm: Sqlite at",
            "ok Destination users-to-braze: 7 columns fit, 3 rows looked at",
        ],
    );
    assert_eq!(shell.world.sandbox.user_count(), 0);
    assert!(!shell.file(".grouparoo").exists());
}

#[test]
fn offline_nothing_is_connected() {
    let mut shell = Shell::new();
    shell.world.source = "{ sqlite: { path: nowhere.db } }".to_owned();
    shell.validate(&["--offline"]).fails_with(0, &["ok manifests"]);
    assert_eq!(shell.world.requests(), [] as [&str; 0]);
    shell.validate(&[]).fails_with(30, &["FAIL Source crm", "nowhere.db"]);
}

/// semantics 4.2, "collection → None": the source is not read, so it may be gone; another Destination may need it
#[test]
fn a_source_that_nobody_reads_is_not_looked_for() {
    let mut shell = Shell::with_users(1..=2);
    shell.sync(&[]).ends_with(0);
    std::fs::remove_file(shell.file("crm.db")).expect("a database");
    let reading = shell.world.destination.clone();
    shell.world.destination.push_str("\n  collection: { type: None }");
    let done = shell.validate(&[]);
    done.fails_with(0, &["users-to-braze: with collection None the source is not read"]);
    assert!(!done.out.contains("Source crm"), "{}", done.out);
    shell.sync(&[]).fails_with(22, &["CollectionNone"]);
    shell.world.destination = reading;
    shell
        .validate(&[])
        .fails_with(30, &["FAIL Source crm", "cannot be opened: the file does not exist (ReadFailed)"]);
}

#[test]
fn a_sample_shows_what_will_not_be_sent() {
    let shell = Shell::with_users(1..=3);
    shell.world.sql("insert into users values (4, 'nonsense', 'Di', 'pro', 'many', 1, 0)");
    shell.validate(&[]).fails_with(
        0,
        &[
            "4 rows looked at",
            "warn Destination users-to-braze: email: BadEmail in 1 of 4 rows",
            "points: NotConvertible",
        ],
    );
}

#[test]
fn keys_that_are_missing_or_not_unique_are_counted() {
    let mut shell = Shell::new();
    shell.world.sql(
        "create table people (id text, email text, first_name text, plan text, points integer, news boolean, vip boolean);
         insert into people (id) values ('a'), ('a'), (null)",
    );
    shell.world.model = shell
        .world
        .model
        .replace("table: users", "table: people")
        .replace("type: Integer }\n    - { name: email", "type: String }\n    - { name: email");
    shell.validate(&[]).fails_with(0, &["the key: DuplicateKey in 1 of 3", "the key: KeyNull in 1 of 3"]);
}

/// api 3: what is needed follows from the Destinations
#[test]
fn missing_permissions_are_told_with_what_is_lost() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.sandbox.set_keys([(DEFAULT_KEY.to_owned(), Permissions::only(["users.track"]))].into());
    shell.validate(&[]).ends_with(0);
    shell.world.destination = shell.world.destination.replace("Additive", "Sync");
    shell.world.destination.push_str(&format!(
        "\n  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS}, channel: Email }}"
    ));
    shell
        .validate(&[])
        .fails_with(21, &["users.delete: mode Sync could not delete", "subscription.status.get"]);
    shell.world.key = "wrong-key".to_owned();
    shell.validate(&[]).fails_with(21, &["FAIL BrazeApp braze", "AuthenticationFailed"]);
}

#[test]
fn columns_that_are_not_there_fail_where_they_are_sent_and_are_told_where_they_are_not() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.model = shell.world.model.replace("column: news", "column: nwes");
    shell
        .validate(&[])
        .fails_with(0, &["warn Destination users-to-braze: group news: there is no column nwes"]);
    shell.world.destination.push_str("\n  groupMappings: [{ group: news, customAttribute: segments }]");
    shell.validate(&[]).fails_with(20, &["FAIL Destination users-to-braze", "nwes"]);
    shell.sync(&[]).ends_with(20);
}
