//! First sync, unchanged sync, changed sync.

use serde_json::json;

use crate::support::world::World;

/// semantics 2.3, rows 1, 3 and 4: the main job.
#[test]
fn a_first_sync_creates_an_unchanged_one_sends_nothing_and_a_changed_one_sends_the_change() {
    let world = World::new();
    world.sql(
        "insert into users values (1, 'ana@example.com', 'Ana', 'pro', 10, 1, 0),
                                  (2, 'bo@example.com', null, 'basic', null, 0, 1)",
    );
    let first = world.sync_well();
    assert_eq!((first.counts.read, first.counts.added), (2, 2));
    assert_eq!(world.user("1")["custom_attributes"], json!({ "plan": "pro", "points": 10 }));
    assert_eq!(world.user("2")["email"], json!("bo@example.com"));

    world.sandbox.clear_journal();
    let second = world.sync_well();
    assert_eq!(second.counts.unchanged, 2);
    assert_eq!(world.requests(), [] as [&str; 0]);

    world.sql("update users set plan = 'gold' where id = 2");
    let third = world.sync_well();
    assert_eq!((third.counts.updated, third.counts.unchanged, third.attributes.sent), (1, 1, 1));
    assert_eq!(world.received(), [json!({ "external_id": "2", "plan": "gold" })]);
}
