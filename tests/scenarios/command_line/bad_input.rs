//! What people get wrong: each gets a sentence that names the place, and nothing is sent.

use super::shell::Shell;
use crate::support::postgres::Server;

#[test]
fn folders_and_files_without_manifests_are_named() {
    let shell = Shell::new();
    std::fs::create_dir(shell.file("empty")).expect("a folder");
    shell.run(&["sync", "-f", "empty"]).fails_with(20, &["empty: holds no manifest", "*.yaml"]);
    shell.run(&["sync", "-f", "missing"]).fails_with(20, &["missing: there is no such file or folder"]);
    std::fs::write(shell.file("only.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n")
        .expect("a file");
    shell.run(&["sync", "-f", "only.yaml"]).fails_with(20, &["no Destination"]);
    shell.run(&["sync", "-f", "-"]).fails_with(20, &["<stdin>: holds no manifest"]);
    shell.run(&["sync", "-f", "-", "-f", "-"]).fails_with(2, &["only once"]);
}

#[test]
fn all_problems_of_the_manifests_are_told_at_once() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.destination = shell.world.destination.replace("syncMode: Additive", "syncMode: Sometimes");
    shell.world.model.push_str("\n  colour: red");
    let done = shell.sync(&[]);
    done.fails_with(20, &["manifests.yaml", "Sometimes", "colour"]);
    assert!(done.err.lines().count() >= 2, "{}", done.err);
    std::fs::write(shell.file("broken.yaml"), "kind: [\n").expect("a file");
    shell.run(&["validate", "-f", "broken.yaml", "--offline"]).fails_with(20, &["broken.yaml"]);
}

#[test]
fn a_malformed_group_id_is_refused_before_anything_is_sent() {
    let mut shell = Shell::with_users(1..=1);
    shell.world.destination.push_str(
        "\n  groupMappings:\n    - { group: news, subscriptionGroupId: not-a-uuid, channel: Email }",
    );
    shell.sync(&[]).fails_with(20, &["subscriptionGroupId"]);
    assert_eq!(shell.world.requests(), [] as [&str; 0]);
}

#[test]
fn a_missing_database_file_is_named() {
    let mut shell = Shell::new();
    shell.world.source = "{ sqlite: { path: other.db } }".to_owned();
    shell.sync(&[]).fails_with(30, &["ReadFailed", "other.db"]);
    assert!(!shell.file("other.db").exists(), "reading makes no file");
}

/// semantics 8.2: full, empty, K = 0
#[test]
fn an_empty_table_at_first_is_a_warning() {
    let shell = Shell::new();
    shell.sync(&[]).fails_with(0, &["nothing to send", "EmptySource"]);
}

#[test]
fn a_secret_or_object_that_is_not_there_is_named() {
    let shell = Shell::with_users(1..=1);
    let without = shell.world.manifests().replace("kind: Secret", "kind: ConfigMap");
    std::fs::write(shell.file("without.yaml"), without.replace("stringData", "data")).expect("a file");
    shell.run(&["sync", "-f", "without.yaml"]).fails_with(20, &["Secret", "braze"]);
}

/// api 4, Ready reason AuthenticationFailed
#[tokio::test]
async fn a_wrong_password_of_the_warehouse_is_told_without_it() {
    let database = Server::shared().database().await;
    database.run("create table users (id int primary key, email text, first_name text, plan text, points int, news bool, vip bool)").await;
    let login = database.login.clone();
    let mut shell = Shell::new();
    shell.world.source = format!(
        "{{ postgres: {{ host: {}, port: {}, database: {}, user: {}, passwordSecretRef: {{ name: braze, key: key }}, \
         tls: {{ mode: Disabled }} }} }}",
        login.host, login.port, login.database, login.user
    );
    let done = shell.sync(&[]);
    done.fails_with(21, &["AuthenticationFailed", "refused the login"]);
    assert!(!done.ends_with(21).contains(braze_sandbox::DEFAULT_KEY));
    shell.validate(&[]).fails_with(21, &["FAIL Source crm", "refused the login"]);
}
