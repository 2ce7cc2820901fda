//! The table in a SQLite file.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::changes::{Changes, NEW, steps};
use super::people::{COLUMNS, Person, Population, person};
use super::{DemoError, TABLE};

/// Seed of the people who come with the changes: a file does not tell its own.
const NEW_SEED: u64 = 2;

/// Writes the table with `people` rows into a SQLite file; a table that is there already is replaced. Folders are
/// made as needed. `now` is the time at which the newest purchases happened.
///
/// # Errors
/// When the file cannot be written.
pub fn write_sqlite(path: &Path, people: u32, seed: u64, now: Timestamp) -> Result<Population, DemoError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(&format!(
        "drop table if exists {TABLE};
         create table {TABLE} (
           id bigint not null primary key, email text, first_name text, last_name text, phone text,
           country text not null, language text, city text, birthday date, lifetime_value decimal(12,2),
           loyalty_points integer, plan text, interests text, address json, wants_newsletter boolean,
           wants_sms boolean, last_purchase_at timestamp, created_at timestamp not null
         );"
    ))?;
    let mut population = Population::default();
    for id in 1..=people {
        let person = person(id, seed, now);
        insert(&transaction, &person)?;
        population.count(&person);
    }
    transaction.commit()?;
    Ok(population)
}

/// Changes the table as a day in a shop would, and tells what it did. The numbers are always the same in a table of
/// [`super::DEFAULT_PEOPLE`]; a small one has less to change. It can be called again for a further day.
///
/// # Errors
/// When the file or its table is not there or cannot be written.
pub fn changes_sqlite(path: &Path, now: Timestamp) -> Result<Changes, DemoError> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let transaction = connection.transaction()?;
    let tables = "select count(*) from sqlite_schema where type = 'table' and name = ?1";
    if transaction.query_row(tables, [TABLE], |row| row.get::<_, u32>(0))? == 0 {
        return Err(DemoError::NoTable(path.display().to_string()));
    }
    let newest: u32 =
        transaction.query_row(&format!("select coalesce(max(id), 0) from {TABLE}"), [], |row| row.get(0))?;
    let mut changes = Changes::default();
    for step in steps(&format!("'{}'", second(now))) {
        let rows = transaction.execute(&step.sql, [])?;
        *(step.count)(&mut changes) = u32::try_from(rows).unwrap_or(u32::MAX);
    }
    for id in newest + 1..=newest + NEW {
        insert(&transaction, &person(id, NEW_SEED, now))?;
        changes.new += 1;
    }
    transaction.commit()?;
    Ok(changes)
}

fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn insert(transaction: &Transaction<'_>, person: &Person) -> Result<(), DemoError> {
    let marks = (1..=18).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let mut statement =
        transaction.prepare_cached(&format!("insert into {TABLE} ({COLUMNS}) values ({marks})"))?;
    statement.execute(params![
        person.id,
        person.email,
        person.first_name,
        person.last_name,
        person.phone,
        person.country,
        person.language,
        person.city,
        person.birthday.map(|day| day.to_string()),
        person.lifetime_value.map(|cents| f64::from(cents) / 100.0),
        person.loyalty_points,
        person.plan,
        person.interests.as_ref().map(|list| serde_json::Value::from(list.clone()).to_string()),
        person.address,
        person.wants_newsletter,
        person.wants_sms,
        person.last_purchase_at.map(|time| time.to_string()),
        person.created_at.to_string(),
    ])?;
    Ok(())
}
