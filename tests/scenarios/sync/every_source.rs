//! The same story over every kind of source: created, unchanged, changed, gone.

use serde_json::{Value, json};

use crate::support::postgres::Server;
use crate::support::world::World;

/// People as every source holds them: key, e-mail, first name, plan, points, in the newsletter.
type Person = (u32, Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<i64>, bool);

const BEFORE: [Person; 3] = [
    (1, Some("ana@example.com"), Some("Ana"), Some("pro"), Some(10), true),
    (2, Some("bo@example.com"), None, Some("basic"), None, false),
    (3, Some("cé@example.com"), Some("Cé, \"C\""), None, Some(9_007_199_254_740_993), false),
];
/// Person 1 changes a value, 2 gets points, 3 is gone, 4 is new.
const AFTER: [Person; 3] = [
    (1, Some("ana@example.com"), Some("Ana"), Some("gold"), Some(10), true),
    (2, Some("bo@example.com"), None, Some("basic"), Some(7), false),
    (4, Some("di@example.com"), Some("Di"), Some("pro"), Some(1), true),
];

fn literal(text: Option<&str>) -> String {
    text.map_or("null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}

fn inserts(people: &[Person]) -> String {
    people
        .iter()
        .map(|(id, email, name, plan, points, news)| {
            let points = points.map_or("null".to_owned(), |points| points.to_string());
            let (email, name, plan) = (literal(*email), literal(*name), literal(*plan));
            format!("insert into users values ({id}, {email}, {name}, {plan}, {points}, {news}, false);")
        })
        .collect()
}

fn csv(people: &[Person]) -> String {
    let quoted =
        |text: Option<&str>| text.map_or(String::new(), |text| format!("\"{}\"", text.replace('"', "\"\"")));
    let mut file = "id,email,first_name,plan,points,news,vip\n".to_owned();
    for (id, email, name, plan, points, news) in people {
        let points = points.map_or(String::new(), |points| points.to_string());
        let (email, name, plan) = (quoted(*email), quoted(*name), quoted(*plan));
        file += &format!("{id},{email},{name},{plan},{points},{news},false\n");
    }
    file
}

/// Tells the story; `write` puts people into the source.
fn tell(mut world: World, mut write: impl FnMut(&World, &[Person])) {
    world.mode("Sync");
    write(&world, &BEFORE);
    let first = world.sync_well();
    assert_eq!((first.counts.read, first.counts.added), (3, 3));
    assert_eq!(world.user("3")["custom_attributes"], json!({ "points": 9_007_199_254_740_993_i64 }));
    assert_eq!(world.user("3")["fields"]["first_name"], json!("Cé, \"C\""));

    world.sandbox.clear_journal();
    assert_eq!(world.sync_well().counts.unchanged, 3);
    assert_eq!(world.requests(), [] as [&str; 0]);

    write(&world, &AFTER);
    let planned = world.plan();
    let third = world.sync_well();
    let counts = (third.counts.added, third.counts.updated, third.counts.deleted, third.counts.gone);
    assert_eq!(counts, (1, 2, 1, 1));
    assert_eq!(planned.counts, third.counts, "semantics 14.2: a plan promises what the run does");
    let objects: Vec<Value> = world.received();
    assert!(objects.contains(&json!({ "external_id": "1", "plan": "gold" })), "{objects:?}");
    assert!(objects.contains(&json!({ "external_id": "2", "points": 7 })), "{objects:?}");
    assert_eq!(objects.len(), 3);
    assert_eq!(world.user("3"), Value::Null);
}

#[test]
fn sqlite_table() {
    tell(World::new(), |world, people| world.sql(&format!("delete from users; {}", inserts(people))));
}

#[test]
fn sqlite_query() {
    let mut world = World::new();
    world.model = world.model.replace("table: users", "query: select * from users order by id desc");
    tell(world, |world, people| world.sql(&format!("delete from users; {}", inserts(people))));
}

#[test]
fn csv_in_a_folder() {
    let mut world = World::new();
    world.source = "{ csv: { directory: . } }".to_owned();
    world.model = world.model.replace("table: users", "table: people.csv");
    tell(world, |world, people| {
        std::fs::write(world.folder().join("people.csv"), csv(people)).expect("a file can be written");
    });
}

#[test]
fn csv_of_another_encoding_and_delimiter() {
    let mut world = World::new();
    world.source = "{ csv: { directory: ., delimiter: ';', encoding: Utf16 } }".to_owned();
    world.model = world.model.replace("table: users", "table: people.csv");
    tell(world, |world, people| {
        let text = csv(people).replace("\"Cé, \"\"C\"\"\"", "\u{1}").replace(',', ";");
        let text = text.replace('\u{1}', "\"Cé, \"\"C\"\"\"");
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(world.folder().join("people.csv"), bytes).expect("a file can be written");
    });
}

fn postgres(change: impl FnOnce(&mut World)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(Server::shared().database());
    let mut world = World::new();
    world.reads_from(&database.login);
    change(&mut world);
    runtime.block_on(database.run(
        "create table users (id bigint primary key, email text, first_name text, plan text, points bigint, \
         news boolean, vip boolean)",
    ));
    tell(world, |_, people| {
        runtime.block_on(database.run(&format!("begin; delete from users; {} commit", inserts(people))));
    });
}

#[test]
fn postgresql_table() {
    postgres(|world| world.model = world.model.replace("table: users", "table: public.users"));
}

#[test]
fn postgresql_query() {
    postgres(|world| {
        world.model = world.model.replace("table: users", "query: select * from users -- all of them")
    });
}
