//! What a read permits, and what it never does.

use grouparoo::sync::outcome::Counts;
use grouparoo::sync::reason::Reason;
use grouparoo::sync::report::{Report, Verdict};
use grouparoo::sync::run::Request;
use serde_json::json;

use crate::support::world::{NEWS, World, warned};

/// A Sync Destination of ten customers in a subscription group.
fn ten() -> World {
    let mut world = World::new();
    world.mode("Sync");
    world.and(&format!("  groupMappings:\n    - {{ group: news, subscriptionGroupId: {NEWS} }}"));
    world.insert(1..=10);
    world.sql("update users set news = 1");
    world.sync_well();
    world.sandbox.clear_journal();
    world
}

fn fails(world: &World, reason: Reason, code: u8) -> Report {
    let report = world.sync();
    assert_eq!((report.result, report.reason), (Verdict::Failed, Some(reason)), "{report:#?}");
    assert_eq!((report.exit_code, report.counts.deleted), (code, 0));
    assert_eq!(world.deleted(), [] as [&str; 0]);
    report
}

/// semantics 8.2, row "full, empty, K ≥ 1": none, ever.
#[test]
fn an_empty_read_removes_nobody_and_says_how_to_empty_a_destination() {
    let world = ten();
    world.sql("delete from users");
    let report = fails(&world, Reason::EmptyRead, 30);
    assert!(report.message.contains("None"), "{}", report.message);
    assert_eq!((report.known_records, world.requests().len()), (10, 0));
    assert_eq!(report.pending_approvals.len(), 0, "no token lets this pass");
}

/// semantics 8.2, row "full, empty, K = 0".
#[test]
fn an_empty_read_of_a_fresh_state_succeeds_with_a_warning() {
    let world = World::new();
    let report = world.sync_well();
    assert!(warned(&report, "EmptySource"));
    assert_eq!(report.counts, Counts::default());
}

/// semantics 8.2, row "fewer rows than `expectedRows.min`": rows read are delivered, leaves and removals wait.
#[test]
fn too_few_rows_send_changes_and_neither_leaves_nor_removals() {
    let mut world = ten();
    world.model.push_str("\n  expectedRows: { min: 8 }");
    world.sql("delete from users where id <= 3; update users set plan = 'gold' where id = 4");
    world.sql("update users set news = 0 where id = 5");
    let report = fails(&world, Reason::TooFewRows, 30);
    assert_eq!((report.counts.read, report.counts.gone, report.counts.updated), (7, 0, 1));
    assert_eq!(report.counts.pending, 1, "the leave waits");
    assert_eq!(world.received(), [json!({ "external_id": "4", "plan": "gold" })]);
    world.insert(1..=1);
    world.sql("update users set news = 1 where id = 1");
    let report = world.next();
    assert_eq!((report.counts.deleted, report.memberships.leaves), (2, 1));
}

/// semantics 8.2, row "more than `max`": reading stops; rows already sent stay sent.
#[test]
fn too_many_rows_stop_the_read() {
    let mut world = ten();
    world.model.push_str("\n  expectedRows: { max: 10 }");
    assert_eq!(world.next().counts.unchanged, 10, "as many as allowed");
    world.sql("delete from users where id = 1");
    world.insert(11..=5_000);
    let report = fails(&world, Reason::TooManyRows, 23);
    assert_eq!(report.counts.gone, 0);
}

/// semantics 8.2: one row too many in the last batch is too many as well.
#[test]
fn one_row_too_many_is_too_many() {
    let mut world = ten();
    world.model.push_str("\n  expectedRows: { max: 10 }");
    world.sql("delete from users where id = 1");
    world.insert(11..=12);
    fails(&world, Reason::TooManyRows, 23);
}

/// semantics 8.2, row "failed": a query that fails removes nobody.
#[test]
fn a_query_that_fails_in_the_middle_removes_nobody() {
    let mut world = ten();
    world.model = world.model.replace(
        "table: users",
        "query: \"select id, email, first_name, plan, points, news, vip from users union all select \
         abs(-9223372036854775808), null, null, null, null, null, null\"",
    );
    let report = world.sync();
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ReadFailed), 30), "{report:#?}");
    assert_eq!((report.counts.gone, report.known_records), (0, 10));
}

/// semantics 8.2, row "full, complete, shrunk": by the formula.
#[test]
fn a_table_that_shrank_is_judged_by_the_formula() {
    let world = ten();
    world.sql("delete from users where id <= 5");
    assert_eq!(world.next().counts.deleted, 5);
    world.sql("delete from users where id <= 9");
    assert_eq!(world.sync().counts.held, 4, "with the five of today");
}

/// semantics 8.2, row "first run, fresh state": K = 0, none.
#[test]
fn a_fresh_state_removes_nobody() {
    let world = ten();
    std::fs::remove_dir_all(world.folder().join("state")).expect("a state folder");
    world.sql("delete from users where id <= 9");
    let report = world.next();
    assert_eq!((report.counts.added, report.counts.gone, world.sandbox.user_count()), (1, 0, 10));
}

/// semantics 13.6: named rows only; a missing one is reported and never gone.
#[test]
fn a_read_of_one_key_sends_that_record_and_removes_nobody() {
    let mut world = ten();
    world.model.push_str("\n  expectedRows: { min: 5 }");
    world.sql("update users set plan = 'gold'; delete from users where id = 3");
    let request = Request { keys: vec!["2".to_owned(), "3".to_owned()], ..Request::default() };
    let report = world.run(&request);
    assert_eq!((report.counts.read, report.counts.updated, report.exit_code), (1, 1, 0), "{report:#?}");
    assert_eq!((report.counts.gone, report.source.mode.as_str()), (0, "Keys"));
    assert!(warned(&report, "KeyNotFound"), "{:?}", report.warnings);
    assert_eq!(world.received(), [json!({ "external_id": "2", "plan": "gold" })]);
    let report = world.next();
    assert_eq!((report.counts.deleted, report.counts.updated, report.counts.unchanged), (1, 8, 1));
}

/// semantics 13.6 and 6.2: a key given twice, or in another spelling, names one record; two rows of a key too.
#[test]
fn only_keys_without_a_row_are_reported_as_missing() {
    let world = ten();
    let asked = |keys: &[&str]| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let report = world.run(&Request { keys, ..Request::default() });
        let missing = report.warnings.iter().find(|warning| warning.code == "KeyNotFound");
        (report.counts.read, missing.map_or(0, |warning| warning.count))
    };
    assert_eq!(asked(&["2", "2", "007", "+7"]), (2, 0));
    assert_eq!(asked(&["2", "99", "099", "none"]), (1, 2));
    world.sql(
        "alter table users rename to t; create table users as select * from t union all select * from t",
    );
    assert_eq!(asked(&["2", "99"]), (2, 1), "its second row is not the row of the other key");
}

/// semantics 13.6: a key that left the collection is not removed by a read of its key.
#[test]
fn a_read_of_a_key_that_left_the_collection_removes_nobody() {
    let mut world = ten();
    world.and("  collection: { type: Group, group: news }");
    assert_eq!(world.next().counts.unchanged, 10);
    world.sql("update users set news = 0 where id = 2");
    let request = Request { keys: vec!["2".to_owned()], ..Request::default() };
    let report = world.run(&request);
    assert_eq!((report.counts.skipped, report.exit_code), (1, 0), "{report:#?}");
    assert_eq!(world.deleted(), [] as [&str; 0]);
    assert_eq!(world.next().counts.deleted, 1);
}

/// semantics 13.6: absence counts stay.
#[test]
fn a_read_of_keys_does_not_count_absences() {
    let mut world = ten();
    world.and("  deletionGuard: { absentReads: 2 }");
    world.sql("delete from users where id = 1");
    assert_eq!(world.next().counts.skipped, 1);
    let request = Request { keys: vec!["1".to_owned(), "2".to_owned()], ..Request::default() };
    assert_eq!(world.run(&request).counts.gone, 0);
    assert_eq!(world.next().counts.deleted, 1);
}

/// A CSV file of so many customers, delivered in small requests one after the other.
fn csv(rows: u32) -> World {
    let mut world = World::new();
    world.mode("Sync");
    world.source = "{ csv: { directory: . } }".to_owned();
    world.model = world.model.replace("table: users", "table: users.csv");
    world.limits = "{ settle: 0s, retryFor: 5s, objectsPerRequest: 10, maxInFlight: 1 }".to_owned();
    write_csv(&world, rows);
    world
}

fn write_csv(world: &World, rows: u32) {
    let mut text = String::from("id,email,first_name,plan,points,news,vip\n");
    for id in 1..=rows {
        text.push_str(&format!("{id},u{id}@example.com,N{id},basic,{id},false,false\n"));
    }
    std::fs::write(world.folder().join("users.csv"), text).expect("a file");
}

/// semantics 8.2, row "CSV changed meanwhile": none; rows already sent stay sent.
#[test]
fn a_file_that_changes_while_it_is_read_removes_nobody() {
    let world = csv(30);
    world.sync_well();
    write_csv(&world, 100_000);
    let file = world.folder().join("users.csv");
    let text = std::fs::read_to_string(&file).expect("a file").replacen(
        "1,u1@example.com,N1,basic,1,false,false\n",
        "",
        1,
    );
    std::fs::write(&file, &text).expect("a file");
    world.sandbox.set_faults([braze_sandbox::FaultRule::always(braze_sandbox::Effect::Latency(
        std::time::Duration::from_millis(20),
    ))]);
    let before = world.sandbox.totals().accepted;
    let report = std::thread::scope(|scope| {
        let run = scope.spawn(|| world.sync());
        let deadline = std::time::Duration::from_secs(60);
        assert!(world.sandbox.wait_until_blocking(deadline, |totals| totals.accepted > before + 20));
        // Another one in its place, and the rest goes quickly.
        std::fs::write(&file, &text[..text.len() / 2]).expect("a file");
        world.sandbox.clear_faults();
        run.join().expect("a run")
    });
    assert_eq!((report.reason, report.exit_code), (Some(Reason::ReadFailed), 30), "{report:#?}");
    assert_eq!((report.counts.gone, report.counts.deleted, world.deleted().len()), (0, 0, 0));
    assert!(report.counts.added > 0);
    assert!(!world.user("1").is_null());
}

/// semantics 8.2, "cut": a file that is cut short in the middle of a row removes nobody.
#[test]
fn a_file_that_ends_in_the_middle_of_a_row_removes_nobody() {
    let world = csv(10);
    world.sync_well();
    let file = world.folder().join("users.csv");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, &text[..text.len() - 12]).expect("a file");
    let report = world.sync();
    assert_eq!((report.counts.gone, world.deleted().len()), (0, 0), "{report:#?}");
    assert!(report.exit_code != 0, "{report:#?}");
}
