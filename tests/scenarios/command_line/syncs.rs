//! `sync` and `rejects`: what is sent, said and remembered.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::shell::Shell;
use crate::support::world::NEWS;

#[test]
fn a_first_sync_delivers_and_a_second_one_has_nothing_to_send() {
    let shell = Shell::with_users(1..=3);
    let first = shell.sync(&[]);
    first.fails_with(0, &["✓ users-to-braze delivered", "Rows read 3", "Added 3", "Values sent 12"]);
    assert_eq!(shell.world.sandbox.user_count(), 3);
    shell.world.sandbox.clear_journal();
    let second = shell.sync(&[]);
    second.ends_with(0);
    let line = "✓ users-to-braze  nothing to send: all 3 records are as Braze has them";
    assert!(second.out.starts_with(line) && second.out.lines().count() == 1, "{}", second.out);
    assert_eq!(shell.world.requests(), [] as [&str; 0]);
}

#[test]
fn the_reason_for_an_idle_sync_is_the_true_one() {
    let mut shell = Shell::with_users(1..=3);
    shell.sync(&[]).ends_with(0);
    shell.sync(&["--key", "9"]).fails_with(0, &["nothing to send: no row has a key that was asked for"]);
    shell.world.destination.push_str("\n  collection: { type: Group, group: vip }");
    shell.world.sql("delete from users where id > 1");
    shell.world.insert(4..=4);
    shell.write();
    shell.sync(&["--state", "other"]).fails_with(0, &["nothing to send: 2 records are left out"]);
    shell.world.change("{ type: Group, group: vip }", "{ type: None }");
    shell.write();
    let asked = shell.sync(&["-o", "json"]).json();
    let token =
        asked["destinations"][0]["pendingApprovals"][0]["token"].as_str().expect("a token").to_owned();
    let emptied = shell.sync(&["--approve", &token]);
    emptied.fails_with(0, &["Not wanted any more 3"]);
    assert!(!emptied.out.contains("Gone from the source"), "{}", emptied.out);
    shell.sync(&[]).fails_with(0, &["nothing to send: the Destination delivers nobody"]);
}

#[test]
fn without_a_terminal_nothing_is_drawn_or_coloured() {
    let shell = Shell::with_users(1..=200);
    let done = shell.sync(&[]);
    done.ends_with(0);
    assert_eq!(done.err, "");
    assert!(!done.out.contains('\u{1b}') && !done.out.contains('\r'), "{:?}", done.out);
}

#[test]
fn the_state_lies_beside_the_manifests_unless_a_folder_is_given() {
    let shell = Shell::with_users(1..=2);
    shell.sync(&[]).ends_with(0);
    let state = shell.file(".grouparoo");
    assert_eq!(std::fs::read_to_string(state.join(".gitignore")).expect("a file"), "*\n");
    assert_eq!(std::fs::metadata(&state).expect("a folder").permissions().mode() & 0o077, 0);
    let other = shell.sync(&["--state", "elsewhere", "-o", "json"]);
    other.ends_with(0);
    assert_eq!(other.json()["destinations"][0]["counts"]["added"], json!(2));
    assert!(shell.file("elsewhere/hash.key").exists());
}

#[test]
fn manifests_come_from_standard_input_too() {
    let shell = Shell::with_users(1..=2);
    let mut command = shell.command(&["sync", "-f", "-"]);
    let file = std::fs::File::open(shell.file("manifests.yaml")).expect("a file");
    super::shell::done(command.stdin(file).spawn().expect("a process")).ends_with(0);
    assert!(shell.file(".grouparoo").exists(), "in the working folder");
}

/// docs/command-line.md, "JSON"
#[test]
fn the_document_for_programs_has_all_counts_and_no_words_beside_it() {
    let shell = Shell::with_users(1..=2);
    shell.world.sql("insert into users values (3, 'nonsense', 'Cy', 'pro', 3, 0, 0)");
    let done = shell.sync(&["-o", "json"]);
    done.ends_with(10);
    assert_eq!(done.err, "");
    let document = done.json();
    assert_eq!(document["version"], json!(1));
    assert_eq!(document["exitCode"], json!(10));
    let report = &document["destinations"][0];
    assert_eq!(report["destination"], json!("users-to-braze"));
    assert_eq!(report["result"], json!("Succeeded"));
    assert_eq!(
        report["counts"],
        json!({ "read": 3, "gone": 0, "added": 3, "updated": 0, "unchanged": 0, "deleted": 0, "released": 0,
                "skipped": 0, "invalid": 0, "failed": 0, "held": 0, "pending": 0 })
    );
    assert_eq!(report["attributes"]["dropped"], json!(1));
    assert_eq!(report["errors"][0]["code"], json!("BadEmail"));
    assert_eq!(report["errors"][0]["refs"].as_array().map(Vec::len), Some(1));
    assert!(!done.out.contains("nonsense"), "no values of rows");
}

/// semantics 15: `rejects` and `--rejects FILE` give key, property and code
#[test]
fn rejected_records_are_listed_with_their_keys() {
    let shell = Shell::with_users(1..=2);
    shell.world.sql("insert into users values (3, 'nonsense', 'Cy', 'pro', 3, 0, 0)");
    shell.world.sandbox.refuse("2", "a reason");
    let done = shell.sync(&["--rejects", "rejects.csv", "-o", "json"]);
    done.ends_with(10);
    let file = shell.file("rejects.csv");
    let text = std::fs::read_to_string(&file).expect("a file");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(lines[0], "destination,key,property,code");
    assert!(lines[1].starts_with("users-to-braze,2,"), "{text}");
    assert_eq!(lines[2], "users-to-braze,3,email,BadEmail");
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);

    let listed = shell.run(&["rejects"]);
    listed.fails_with(0, &["DESTINATION KEY PROPERTY CODE REF", "users-to-braze 3 email BadEmail"]);
    let errors = &done.json()["destinations"][0]["errors"];
    let bad = errors.as_array().expect("errors").iter().find(|error| error["code"] == json!("BadEmail"));
    let reference = bad.expect("the e-mail")["refs"][0].as_str().expect("a reference").to_owned();
    let one = shell.run(&["rejects", "-f", "manifests.yaml", "--ref", &reference, "-o", "json"]);
    one.ends_with(0);
    let rejects = one.json()["rejects"].clone();
    assert_eq!(rejects.as_array().map(Vec::len), Some(1));
    assert_eq!((&rejects[0]["key"], &rejects[0]["code"]), (&json!("3"), &json!("BadEmail")));
    shell.run(&["rejects", "--destination", "others"]).fails_with(2, &["there are: users-to-braze"]);
}

/// docs/command-line.md, "rejects": a folder without a state is no state without rejects
#[test]
fn rejects_of_a_folder_without_a_state_are_a_mistake() {
    let shell = Shell::with_users(1..=2);
    std::fs::create_dir(shell.file("empty")).expect("a folder");
    for folder in ["nowhere", "empty"] {
        for form in ["text", "json"] {
            let done = shell.run(&["rejects", "--state", folder, "-o", form]);
            done.fails_with(2, &[folder, "there is no state here", "--state"]);
            assert_eq!(done.out, "");
        }
    }
    shell.run(&["rejects"]).fails_with(2, &["there is no state here"]);
    assert!(!shell.file("nowhere").exists());
    shell.run(&["rejects", "-f", "manifests.yaml"]).fails_with(0, &["nothing was ever sent or rejected"]);
    shell.sync(&[]).ends_with(0);
    shell.run(&["rejects"]).fails_with(0, &["nothing is rejected"]);
    shell.run(&["rejects", "-f", "manifests.yaml", "--state", "empty"]).fails_with(2, &["empty"]);
}

/// semantics 15: a reference leads to a row also when the row has no usable key
#[test]
fn a_row_without_a_key_is_found_by_its_reference() {
    let mut shell = Shell::new();
    shell.world.model = shell.world.model.replace("name: id, type: Integer", "name: id, type: String");
    shell.world.sql(
        "drop table users; create table users (id text, email text, first_name text, plan text, points integer, \
         news boolean, vip boolean); insert into users (id, plan) values ('a', 'x'), (null, 'y'), (null, 'z')",
    );
    let done = shell.sync(&["-o", "json"]);
    done.ends_with(10);
    let refs = done.json()["destinations"][0]["errors"][0]["refs"].clone();
    let reference = refs[1].as_str().expect("a second reference").to_owned();
    shell.run(&["rejects", "--ref", &reference]).fails_with(0, &["users-to-braze row 3 id KeyNull"]);
    shell.sync(&["--retry-rejects"]).fails_with(0, &["nothing is rejected that has a key and a row"]);
}

/// semantics 13.6 and 9.3: what Braze refused is sent again when a person asks
#[test]
fn rejected_records_are_tried_again_when_asked() {
    let shell = Shell::with_users(1..=2);
    shell.world.sandbox.refuse("2", "a reason");
    shell.sync(&[]).fails_with(10, &["Rejected 1 1 refused by Braze"]);
    shell.world.sandbox.refuse_nobody();
    shell.sync(&[]).fails_with(10, &["nothing new to send, but 1 record or value could not be sent"]);
    shell.sync(&["--retry-rejects"]).fails_with(0, &["by key", "Added 1"]);
    shell.sync(&[]).fails_with(0, &["nothing to send"]);
}

#[test]
fn only_what_is_asked_for_is_sent_again() {
    let shell = Shell::with_users(1..=3);
    shell.sync(&[]).ends_with(0);
    shell.world.sandbox.clear_journal();
    shell.sync(&["--key", "2", "--full"]).fails_with(0, &["Rows read 1", "Updated 1"]);
    assert_eq!(shell.world.received().len(), 1);
    shell.sync(&["--full"]).fails_with(0, &["Updated 3"]);
}

#[test]
fn destinations_run_in_their_order_and_suspended_ones_only_by_name() {
    let shell = Shell::with_users(1..=2);
    shell.write();
    let more = "apiVersion: grouparoo.io/v1alpha1\nkind: Destination\nmetadata: { name: second }\nspec:\n  \
                appRef: { name: braze }\n  modelRef: { name: users }\n  syncMode: Additive\n  suspend: true\n  \
                propertyMappings:\n    - { from: id, to: external_id }\n    - { from: plan, to: plan }\n";
    std::fs::write(shell.file("more.yaml"), more).expect("a file");
    let both = ["sync", "-f", "manifests.yaml", "-f", "more.yaml"];
    let done = shell.run(&[&both[..], &["-o", "json"]].concat());
    done.fails_with(0, &["Destination second is suspended and left out"]);
    let document = done.json();
    assert_eq!(document["destinations"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["suspended"], json!(["second"]));
    let warnings = document["destinations"][0]["warnings"].to_string();
    assert!(warnings.contains("AttributeConflict") && warnings.contains("plan"), "{warnings}");

    let named = shell.run(&[&both[..], &["--destination", "second", "-o", "json"]].concat());
    named.ends_with(0);
    assert_eq!(named.json()["destinations"][0]["destination"], json!("second"));
    let text =
        shell.run(&[&both[..], &["--destination", "users-to-braze", "--destination", "second"]].concat());
    let text = text.ends_with(0);
    let first = text.find("users-to-braze  nothing").expect("the first");
    assert!(first < text.find("second  nothing").expect("the second"));
}

#[test]
fn a_quiet_sync_speaks_only_of_trouble() {
    let shell = Shell::with_users(1..=20);
    let done = shell.sync(&["-q"]);
    assert_eq!(done.ends_with(0), "");
    shell.world.sql("delete from users where id > 2");
    let done = shell.sync(&["-q"]);
    assert_eq!(done.out, "");
    done.ends_with(0);
    shell.world.sql("delete from users");
    let done = shell.sync(&["-q"]);
    done.fails_with(30, &["EmptyRead", "collection.type"]);
    assert_eq!(done.out, "");
}

/// semantics 2.4: a loss that could bring an opt-out back is trouble, however the run ended
#[test]
fn a_quiet_sync_tells_of_a_lost_ledger() {
    let mut shell = Shell::new();
    shell.world.mode("Sync");
    shell.world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    shell.write();
    shell.insert(1..=20);
    shell.world.sql("update users set news = 1");
    shell.sync(&["-q"]).ends_with(0);
    assert!(shell.world.sandbox.opt_out(NEWS, "user1@example.com"));
    shell.world.sql("delete from users where id = 1");
    assert_eq!(shell.sync(&["-q"]).ends_with(0), "");
    std::fs::remove_dir_all(shell.file(".grouparoo/apps")).expect("the ledger");
    shell.sync(&["-q"]).fails_with(0, &["AppLedgerLost"]);
}

/// semantics 6.1: a key below zero is a key, not a flag
#[test]
fn a_key_below_zero_is_a_key() {
    let shell = Shell::with_users(1..=2);
    shell.world.sql("update users set id = -9 where id = 1");
    shell.sync(&["--key", "-9"]).fails_with(0, &["Rows read 1", "Added 1"]);
}

#[test]
fn the_log_filter_is_taken_from_the_environment() {
    let shell = Shell::with_users(1..=2);
    let mut command = shell.command(&["sync", "-f", "manifests.yaml"]);
    let done = super::shell::done(command.env("GROUPAROO_LOG", "debug").spawn().expect("a process"));
    done.ends_with(0);
    assert!(done.err.contains("DEBUG"), "{}", done.err);
    assert!(!format!("{}{}", done.err, done.out).contains(braze_sandbox::DEFAULT_KEY));
    let mut command = shell.command(&["sync", "-f", "manifests.yaml"]);
    let done = super::shell::done(command.env("GROUPAROO_LOG", "a=b=c").spawn().expect("a process"));
    done.fails_with(2, &["GROUPAROO_LOG"]);
}
