//! The table in a file, its changes, and the manifests of the quickstart over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::Value;

use super::*;
use crate::sync::expression::{Expression, Purpose};
use crate::sync::value::PropertyType;

/// 2026-01-31T12:00:00.5Z.
const NOW: Timestamp = Timestamp::constant(1_769_860_800, 500_000_000);

type Rows = BTreeMap<i64, Vec<Cell>>;

fn rows(path: &Path) -> Rows {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("select * from users").unwrap();
    let width = statement.column_count();
    let read = statement.query_map([], |row| {
        let cells = (0..width).map(|column| row.get(column)).collect::<Result<Vec<Cell>, _>>()?;
        Ok((row.get(0)?, cells))
    });
    read.unwrap().map(Result::unwrap).collect()
}

fn written(people: u32, seed: u64) -> (tempfile::TempDir, PathBuf, Population) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm/customers.db");
    let population = write_sqlite(&path, people, seed, NOW).unwrap();
    (folder, path, population)
}

#[test]
fn the_same_seed_gives_the_same_table_and_another_one_another() {
    let (_a, first, counted) = written(300, 1);
    let (_b, second, again) = written(300, 1);
    let (_c, third, _) = written(300, 3);
    assert_eq!((rows(&first), counted), (rows(&second), again));
    assert_ne!(rows(&first), rows(&third));
    assert_eq!(write_sqlite(&first, 300, 3, NOW).unwrap(), written(300, 3).2);
    assert_eq!(rows(&first), rows(&third), "a table that is there is replaced");
}

#[test]
fn the_population_is_what_the_table_holds() {
    let (_folder, path, population) = written(DEFAULT_PEOPLE, 1);
    let connection = Connection::open(&path).unwrap();
    let count = |which: &str| -> u32 {
        connection
            .query_row(&format!("select count(*) from users where {which}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(population.people, count("true"));
    assert_eq!(population.newsletter, count("wants_newsletter"));
    assert_eq!(population.texts, count("wants_sms"));
    assert_eq!(population.bad_emails, count("email like '% %' or email not like '%@%' or email like '%@'"));
    assert_eq!(population.long_texts, count("length(plan) > 255"));
    assert_eq!(
        (population.people, population.bad_emails, population.bad_phones, population.long_texts),
        (10_000, 8, 10, 5)
    );
}

/// The numbers that a demo announces, and that nothing else changed.
#[test]
fn the_changes_are_exactly_what_they_say() {
    let (_folder, path, _) = written(DEFAULT_PEOPLE, 1);
    let before = rows(&path);
    let changes = changes_sqlite(&path, NOW).unwrap();
    let after = rows(&path);
    let expected = Changes {
        new: 25,
        deleted: 12,
        joined_newsletter: 40,
        left_newsletter: 15,
        purchases: 120,
        upgrades: 60,
        moves: 20,
        names_removed: 5,
    };
    assert_eq!(changes, expected);
    assert_eq!(after.keys().filter(|id| !before.contains_key(id)).count(), 25);
    assert_eq!(before.keys().filter(|id| !after.contains_key(id)).count(), 12);
    let changed: Vec<(&Vec<Cell>, &Vec<Cell>)> = before
        .iter()
        .filter_map(|(id, row)| Some((row, after.get(id)?)))
        .filter(|(old, new)| old != new)
        .collect();
    assert_eq!(changed.len(), changes.updated() as usize);
    let columns = |old: &[Cell], new: &[Cell]| old.iter().zip(new).filter(|(a, b)| a != b).count();
    let of_three = changed.iter().filter(|(old, new)| columns(old, new) == 3).count();
    assert_eq!(of_three, 120, "a purchase changes three columns");
    assert!(changed.iter().all(|(old, new)| matches!(columns(old, new), 1 | 3)));
    for value in after.values().map(|row| &row[9]) {
        let Cell::Real(value) = value else { continue };
        assert!(format!("{value}").split('.').nth(1).is_none_or(|cents| cents.len() <= 2), "{value}");
    }
    assert!(
        changes.to_string().starts_with("25 new people, 12 deleted, 40 joined and 15 left the newsletter")
    );
}

#[test]
fn a_further_day_changes_other_people() {
    let (_folder, path, _) = written(DEFAULT_PEOPLE, 1);
    let first = changes_sqlite(&path, NOW).unwrap();
    let second = changes_sqlite(&path, NOW + jiff::SignedDuration::from_hours(24)).unwrap();
    assert_eq!(first, second);
    assert_eq!(rows(&path).len(), 10_000 + 2 * 25 - 2 * 12);
}

#[test]
fn a_small_table_has_less_to_change_and_says_so() {
    let (_folder, path, _) = written(40, 1);
    let before = rows(&path);
    let changes = changes_sqlite(&path, NOW).unwrap();
    assert_eq!(changes.deleted, 5);
    let gone = before.keys().filter(|id| !rows(&path).contains_key(id)).count();
    assert_eq!(gone, 5);
}

#[test]
fn changes_of_a_file_without_the_table_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    assert!(matches!(changes_sqlite(&path, NOW), Err(DemoError::Sqlite(_))), "there is no file");
    Connection::open(&path).unwrap().execute_batch("create table other (id)").unwrap();
    assert!(matches!(changes_sqlite(&path, NOW), Err(DemoError::NoTable(_))));
}

#[test]
fn postgres_gets_the_same_people() {
    let statements: Vec<String> = postgres_statements(1001, 1, NOW).collect();
    assert_eq!(statements.len(), 2 + 3);
    assert_eq!(statements[2].lines().count(), 501);
    let (_folder, path, _) = written(1001, 1);
    let connection = Connection::open(&path).unwrap();
    let mut people =
        connection.prepare("select email, phone, address from users where email is not null").unwrap();
    let mut people = people.query([]).unwrap();
    let all = statements.concat();
    while let Some(row) = people.next().unwrap() {
        for column in 0..3 {
            if let Some(text) = row.get::<_, Option<String>>(column).unwrap() {
                assert!(all.contains(&format!("'{}'", text.replace('\'', "''"))), "{text}");
            }
        }
    }
    assert!(all.contains("array['") && all.contains("array[]::text[]") && all.contains("O’Neill"));
    let changes = postgres_changes(1001, 1, NOW);
    assert_eq!(changes.len(), 8);
    assert!(changes[7].contains("\n(1002, ") && changes[7].contains("\n(1026, "));
}

fn manifest(variant: &str, name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart").join(variant);
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().filter_map(|item| item[key].as_str()).collect()
}

/// What the quickstart's expressions see: stated types, and those that PostgreSQL reports.
fn property_types(model: &Value) -> Vec<(String, PropertyType)> {
    let reported = |name: &str| match name {
        "birthday" => PropertyType::Date,
        "last_purchase_at" => PropertyType::Timestamp,
        "loyalty_points" => PropertyType::Integer,
        _ => PropertyType::String,
    };
    let properties = model["spec"]["properties"].as_array().unwrap();
    properties
        .iter()
        .map(|property| {
            let name = property["name"].as_str().unwrap();
            let stated = property.get("type").map(|t| serde_json::from_value(t.clone()).unwrap());
            (name.to_owned(), stated.unwrap_or_else(|| reported(name)))
        })
        .collect()
}

#[test]
fn the_expressions_of_the_quickstart_fit_its_model() {
    for variant in ["sqlite", "postgres"] {
        let (model, destination) = (manifest(variant, "model.yaml"), manifest(variant, "destination.yaml"));
        let properties = property_types(&model);
        let rules = texts(&model["spec"]["groups"], "when");
        assert_eq!(rules.len(), 2);
        for rule in rules {
            Expression::compile(rule, Purpose::Group, &properties).unwrap_or_else(|e| panic!("{rule}: {e}"));
        }
        let mappings = &destination["spec"]["propertyMappings"];
        let expressions = texts(mappings, "expression");
        assert_eq!(expressions.len(), 3);
        for expression in expressions {
            Expression::compile(expression, Purpose::Mapping, &properties)
                .unwrap_or_else(|e| panic!("{expression}: {e}"));
        }
        for from in texts(mappings, "from") {
            assert!(properties.iter().any(|(name, _)| name == from), "{from}");
        }
        let groups = texts(&model["spec"]["groups"], "name");
        for group in texts(&destination["spec"]["groupMappings"], "group") {
            assert!(groups.contains(&group), "{group}");
        }
    }
}

/// The query of the quickstart gives every property, and phone numbers that are valid but for the bad ones.
#[test]
fn the_query_of_the_quickstart_reads_the_demo_table() {
    let (_folder, path, population) = written(2500, 1);
    let model = manifest("sqlite", "model.yaml");
    let connection = Connection::open(&path).unwrap();
    let mut statement = connection.prepare(model["spec"]["query"].as_str().unwrap()).unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    for name in texts(&model["spec"]["properties"], "name") {
        assert!(columns.iter().any(|column| column == name), "{name}");
    }
    let mut rows = statement.query([]).unwrap();
    let (mut read, mut bad) = (0, 0);
    while let Some(row) = rows.next().unwrap() {
        read += 1;
        if let Some(phone) = row.get::<_, Option<String>>("phone").unwrap() {
            bad += u32::from(!phonenumber::parse(None, &phone).is_ok_and(|number| number.is_valid()));
        }
    }
    assert_eq!((read, bad), (population.people, population.bad_phones));
}
