//! Records read by key, whose key stands in the source in another spelling than the canonical one.

use grouparoo::sync::report::Report;
use grouparoo::sync::run::Request;
use serde_json::json;

use crate::support::postgres::{Database, Server};
use crate::support::world::{World, warned};

const WHY: &str = "The value provided is not valid.";

/// Columns that hold whole numbers as text or in a type of their own: type of the property, type of the column, and the
/// spelling of 7 in it. Its canonical key is `7` in all of them.
const NUMBERS: [(&str, &str, &str); 6] = [
    ("Integer", "text", "'007'"),
    ("Integer", "text", "'+7'"),
    ("Decimal", "text", "'7.0'"),
    ("Decimal", "text", "'+07.00'"),
    ("Decimal", "numeric", "7"),
    ("Integer", "varchar(9)", "'07'"),
];

fn by_key(world: &World, keys: &[&str]) -> Report {
    world.sandbox.clear_journal();
    world.run(&Request { keys: keys.iter().map(|key| (*key).to_owned()).collect(), ..Request::default() })
}

fn retry(world: &World) -> Report {
    world.sandbox.clear_journal();
    world.run(&Request { retry_rejects: true, ..Request::default() })
}

fn table(column: &str, spelling: &str) -> String {
    format!(
        "drop table if exists users; create table users (id {column}, email text, first_name text, plan text, \
         points integer, news boolean, vip boolean); \
         insert into users (id, plan) values ({spelling}, 'one'), ('70', 'two'), ('-7', 'three'), ('77', 'four');"
    )
}

/// Refused records are found again, and only they; so is one that a person names, however it is written.
fn found_again(world: &World, column: &str, change: impl Fn(&str)) {
    world.sandbox.refuse("7", WHY);
    assert_eq!(world.sync().counts.failed, 1, "{column}");
    world.sandbox.refuse_nobody();
    let report = retry(world);
    assert_eq!(
        (report.counts.read, report.counts.added, report.exit_code),
        (1, 1, 0),
        "{column}: {report:#?}"
    );
    assert_eq!(world.received(), [json!({ "external_id": "7", "plan": "one" })]);
    assert_eq!(world.rejects(), []);
    change("update users set plan = plan || '!'");
    let report = by_key(world, &["7"]);
    assert_eq!((report.counts.read, report.counts.updated), (1, 1), "{column}: {report:#?}");
    let report = by_key(world, &["0070", "-07"]);
    assert_eq!((report.counts.read, report.counts.updated), (2, 2), "{column}: {report:#?}");
    assert!(!warned(&report, "KeyNotFound"), "{column}: {:?}", report.warnings);
    let report = by_key(world, &["700"]);
    assert_eq!((report.counts.read, warned(&report, "KeyNotFound")), (0, true), "{column}: {report:#?}");
}

/// semantics 6.1, 6.2 and 13.6: `007` under an Integer key and `7.0` under a Decimal one are the record 7.
#[test]
fn numbers_in_a_sqlite_text_column_are_found_by_their_key() {
    for (property, column, spelling) in NUMBERS {
        let mut world = World::new();
        world.model = world.model.replace("name: id, type: Integer", &format!("name: id, type: {property}"));
        world.sql(&table(column, spelling));
        found_again(&world, &format!("{property} over {column} {spelling}"), |sql| world.sql(sql));
    }
}

/// semantics 6.1 and 13.6: an expression of SQLite has no type, and its numbers may be of any kind.
#[test]
fn numbers_of_an_sqlite_expression_are_found_by_their_key() {
    let mut world = World::new();
    world.model = world.model.replace(
        "table: users",
        "query: select '00' || id as id, email, first_name, plan, points, news, vip from users",
    );
    world.insert(5..=9);
    world.sandbox.refuse("7", WHY);
    assert_eq!(world.sync().counts.failed, 1);
    world.sandbox.refuse_nobody();
    let report = retry(&world);
    assert_eq!((report.counts.read, report.counts.added, report.exit_code), (1, 1, 0), "{report:#?}");
}

/// semantics 6.1 and 13.6: a CSV file has no types; what the Model says decides which spellings are one record.
#[test]
fn numbers_of_a_csv_file_are_found_as_the_model_reads_them() {
    let rows = "id,email,first_name,plan,points,news,vip\n007,,,one,,,\n7.0,,,two,,,\n70,,,three,,,\n";
    for (property, rows_of_7) in [("Integer", 1), ("Decimal", 2), ("String", 0)] {
        let mut world = World::new();
        world.source = "{ csv: { directory: . } }".to_owned();
        world.model = world
            .model
            .replace("table: users", "table: people.csv")
            .replace("name: id, type: Integer", &format!("name: id, type: {property}"));
        std::fs::write(world.folder().join("people.csv"), rows).expect("a file");
        let report = by_key(&world, &["7"]);
        assert_eq!(report.counts.read, rows_of_7, "{property}: {report:#?}");
        let report = by_key(&world, &["007"]);
        assert_eq!(report.counts.read, rows_of_7.max(1), "{property}: {report:#?}");
    }
}

/// semantics 6.2 and 6.3: as text `007` and `7` are two records.
#[test]
fn text_keys_are_found_byte_for_byte() {
    let mut world = World::new();
    world.model = world.model.replace("name: id, type: Integer", "name: id, type: String");
    world.sql(&table("text", "'007'"));
    world.sql("insert into users (id, plan) values ('7', 'other'), ('ab', 'low'), ('AB', 'high')");
    world.sync_well();
    world.sql("update users set plan = plan || '!'");
    assert_eq!(by_key(&world, &["007"]).counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "007", "plan": "one!" })]);
    assert_eq!(by_key(&world, &["AB"]).counts.updated, 1);
    assert_eq!(world.received(), [json!({ "external_id": "AB", "plan": "high!" })]);
}

fn postgres(property: &str) -> (World, Database, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(Server::shared().database());
    let mut world = World::new();
    world.reads_from(&database.login);
    world.model = world.model.replace("name: id, type: Integer", &format!("name: id, type: {property}"));
    (world, database, runtime)
}

/// semantics 6.1, 6.2 and 13.6, over PostgreSQL.
#[test]
fn numbers_in_a_postgresql_text_column_are_found_by_their_key() {
    for (property, column, spelling) in NUMBERS {
        let (world, database, runtime) = postgres(property);
        runtime.block_on(database.run(&table(column, spelling)));
        found_again(&world, &format!("{property} over {column} {spelling}"), |sql| {
            runtime.block_on(database.run(sql));
        });
    }
}

/// semantics 6.1: uuid in lower case, also where a person writes it in capitals.
#[test]
fn a_uuid_is_found_in_capitals_too() {
    let (world, database, runtime) = postgres("String");
    let id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    runtime.block_on(database.run(&format!(
        "create table users (id uuid, email text, first_name text, plan text, points integer, news boolean, \
         vip boolean); insert into users (id, plan) values ('{}', 'one'), (gen_random_uuid(), 'two')",
        id.to_uppercase()
    )));
    world.sandbox.refuse(id, WHY);
    assert_eq!(world.sync().counts.failed, 1);
    world.sandbox.refuse_nobody();
    assert_eq!(retry(&world).counts.added, 1);
    runtime.block_on(database.run("update users set plan = 'gold'"));
    let report = by_key(&world, &[&id.to_uppercase()]);
    assert_eq!((report.counts.updated, report.warnings.len()), (1, 0), "{report:#?}");
    assert_eq!(world.received(), [json!({ "external_id": id, "plan": "gold" })]);
}

/// semantics 6.1: a whole number may have more digits than 64 bit hold.
#[test]
fn a_decimal_key_of_many_digits_is_found() {
    let (world, database, runtime) = postgres("Decimal");
    let id = "123456789012345678901234567890";
    runtime.block_on(database.run(&format!(
        "create table users (id numeric, email text, first_name text, plan text, points integer, news boolean, \
         vip boolean); insert into users (id, plan) values ({id}.00, 'one'), (1, 'two')"
    )));
    world.sandbox.refuse(id, WHY);
    assert_eq!(world.sync().counts.failed, 1);
    world.sandbox.refuse_nobody();
    let report = retry(&world);
    assert_eq!((report.counts.read, report.counts.added), (1, 1), "{report:#?}");
}

/// semantics 6.1: an address is a key as it is shown, although PostgreSQL's text of it has a mask.
#[test]
fn an_address_is_found_as_it_is_shown() {
    let (world, database, runtime) = postgres("String");
    runtime.block_on(database.run(
        "create table users (id inet, email text, first_name text, plan text, points integer, news boolean, \
         vip boolean); insert into users (id, plan) values ('192.0.2.7', 'one'), ('192.0.2.0/24', 'two')",
    ));
    assert_eq!(world.sync_well().counts.added, 2);
    runtime.block_on(database.run("update users set plan = 'gold'"));
    for key in ["192.0.2.7", "192.0.2.0/24"] {
        let report = by_key(&world, &[key]);
        assert_eq!(
            (report.counts.read, report.counts.updated, report.warnings.len()),
            (1, 1, 0),
            "{report:#?}"
        );
        assert_eq!(world.received(), [json!({ "external_id": key, "plan": "gold" })]);
    }
}

/// semantics 15: a place is one of the read of all rows; a read by key lists none.
#[test]
fn a_row_without_a_usable_key_keeps_its_place_when_it_is_named() {
    let world = World::new();
    world.sql(&table("text", "'1'"));
    world.sql("insert into users (id, plan) values (' 5', 'bad')");
    world.sync();
    let listed = format!("{:?}", world.rejects());
    assert!(listed.contains("row 5"), "{listed}");
    let report = by_key(&world, &[" 5"]);
    assert_eq!((report.counts.read, report.counts.invalid), (1, 1), "{report:#?}");
    assert_eq!(format!("{:?}", world.rejects()), listed);
}
