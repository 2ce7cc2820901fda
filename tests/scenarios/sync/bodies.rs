//! What goes over the wire, byte for byte: one file for each kind of request, made by runs against the sandbox.
//!
//! `UPDATE_GOLDEN=1 cargo test --test scenarios sync::bodies` writes the files in `bodies/` anew: look at what changed
//! before you keep it, since Braze reads these bytes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use braze_sandbox::Entry;
use serde_json::Value;

use crate::support::world::{NEWS, World};

/// One customer with a value for everything: plain, nested, an array attribute of groups, a subscription group.
fn shop() -> World {
    let mut world = World::new();
    // A label, so that no sample of the workspace is taken.
    world.app = "  workspace: eu".to_owned();
    world.change(
        "{ from: points, to: points }",
        "{ from: points, to: account.points, targetKind: Nested }\n    \
         - { expression: 'record.points > 5', to: account.active, targetKind: Nested }\n    \
         - { value: 'crm \"é\" \\ /', to: source }",
    );
    world.and(&format!(
        "  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}\n    \
         - {{ group: vip, customAttribute: groups }}\n    \
         - {{ group: rich, customAttribute: groups, value: Rich }}"
    ));
    world.insert(1..=1);
    world.sql("update users set vip = 1, news = 1");
    world
}

/// The next run, after these changes of the table.
fn after(world: &World, change: &str) -> Vec<Entry> {
    world.sql(change);
    world.sandbox.clear_journal();
    world.sync_well();
    world.sandbox.journal()
}

/// Compares the only request to this path with its file: the body, or the query where there is no body.
#[track_caller]
fn compare(journal: &[Entry], path: &str, file: &str) {
    let mut found = journal.iter().filter(|entry| entry.path == path);
    let (Some(entry), None) = (found.next(), found.next()) else {
        panic!("not one request to {path}: {journal:#?}")
    };
    let body = String::from_utf8(entry.body.to_vec()).expect("UTF-8");
    let (sent, kind) = match &entry.query {
        Some(query) => (query.clone(), "application/x-www-form-urlencoded"),
        None => (body.clone(), "application/json"),
    };
    if kind == "application/json" {
        assert_eq!(entry.header("content-type"), Some(kind));
        serde_json::from_str::<Value>(&body).expect("JSON");
    } else {
        assert_eq!(body, "");
    }
    let text = format!("{} {path}\n{sent}\n", entry.method);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/sync/bodies").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &text).expect("a file can be written");
    }
    let wanted = fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
    assert!(text == wanted, "{file}\nexpected\n{wanted}\nfound\n{text}");
}

const TRACK: &str = "/users/track";
const STATUS: &str = "/subscription/status/get";
const EXPORT: &str = "/users/export/ids";

/// semantics 2.3, row 1, and 9.1: everything of a new user in one object; the group is asked about by address first.
#[test]
fn a_new_user() {
    let world = shop();
    let journal = after(&world, "update users set email = 'Ana+1@Example.com'");
    compare(&journal, STATUS, "status_by_email.txt");
    compare(&journal, TRACK, "track_create.txt");
}

/// semantics 2.3, row 3: a value, a null, nested keys, elements added and removed, and nothing that did not change.
#[test]
fn a_changed_user() {
    let world = shop();
    world.sync_well();
    let journal = after(&world, "update users set plan = 'gold', first_name = null, points = 123, vip = 0");
    compare(&journal, TRACK, "track_update.txt");
}

/// semantics 7.2, row `out`: a join of one who is known.
#[test]
fn a_user_who_joins_again() {
    let world = shop();
    world.sync_well();
    after(&world, "update users set news = 0");
    let journal = after(&world, "update users set news = 1");
    compare(&journal, TRACK, "track_join.txt");
}

/// semantics 7.2, row `in`, and 7.4.4: asked about by `external_id`, then written.
#[test]
fn a_user_who_leaves_a_subscription_group() {
    let world = shop();
    world.sync_well();
    let journal = after(&world, "update users set news = 0");
    compare(&journal, STATUS, "status_by_external_id.txt");
    compare(&journal, TRACK, "track_leave.txt");
}

/// semantics 2.3, row 5, mode Additive, and 12.1: our groups are cleared, and no user is made by it.
#[test]
fn a_released_user() {
    let world = shop();
    world.insert(2..=2);
    world.sync_well();
    let journal = after(&world, "delete from users where id = 1");
    compare(&journal, TRACK, "track_release.txt");
}

/// semantics 2.3, row 6, mode Sync.
#[test]
fn a_deleted_user() {
    let mut world = shop();
    world.mode("Sync");
    world.insert(2..=2);
    world.sync_well();
    let journal = after(&world, "delete from users where id = 1");
    compare(&journal, "/users/delete", "delete.txt");
}

/// semantics 12.1 to 12.3: looked up by `external_id`, then updated and never created.
#[test]
fn an_enriched_user() {
    let mut world = shop();
    world.sync_well();
    world.mode("Enrich");
    world.rest(Duration::from_secs(8 * 24 * 3_600));
    let journal = after(&world, "update users set plan = 'gold', points = 4");
    compare(&journal, EXPORT, "export_ids.txt");
    compare(&journal, TRACK, "track_enrich.txt");
}
