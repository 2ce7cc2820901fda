//! The same table as statements for PostgreSQL.

use jiff::Timestamp;

use super::TABLE;
use super::changes::{NEW, steps};
use super::people::{COLUMNS, Person, person};

/// Rows of one statement.
const ROWS: u32 = 500;

/// Statements that make the table and fill it with the people of [`super::write_sqlite`], to be executed in order.
/// A table that is there already is replaced.
pub fn postgres_statements(people: u32, seed: u64, now: Timestamp) -> impl Iterator<Item = String> {
    let create = [
        format!("drop table if exists {TABLE}"),
        format!(
            "create table {TABLE} (id bigint primary key, email text, first_name text, last_name text, phone text, \
             country text not null, language text, city text, birthday date, lifetime_value numeric(12,2), \
             loyalty_points integer, plan text, interests text[], address jsonb, wants_newsletter boolean, \
             wants_sms boolean, last_purchase_at timestamptz, created_at timestamptz not null)"
        ),
    ];
    let starts = (1..=people).step_by(ROWS as usize);
    create.into_iter().chain(starts.map(move |first| {
        let last = people.min(first + ROWS - 1);
        insert((first..=last).map(|id| person(id, seed, now)))
    }))
}

/// Statements that change the table as [`super::changes_sqlite`] does, for the first day. `people` and `seed` are
/// those of [`postgres_statements`]; each statement's number of rows is what it changed.
pub fn postgres_changes(people: u32, seed: u64, now: Timestamp) -> Vec<String> {
    let time = format!("'{}'", Timestamp::from_second(now.as_second()).unwrap_or(now));
    let steps = steps(&time).into_iter().map(|step| step.sql);
    let new = insert((people + 1..=people + NEW).map(|id| person(id, seed, now)));
    steps.chain([new]).collect()
}

fn insert(people: impl Iterator<Item = Person>) -> String {
    let rows: Vec<String> = people.map(|person| row(&person)).collect();
    format!("insert into {TABLE} ({COLUMNS}) values\n{}", rows.join(",\n"))
}

fn row(person: &Person) -> String {
    let interests = person.interests.as_ref().map(|list| {
        let items: Vec<String> = list.iter().map(|item| quoted(item)).collect();
        format!("array[{}]::text[]", items.join(", "))
    });
    let columns = [
        Some(person.id.to_string()),
        person.email.as_deref().map(quoted),
        person.first_name.map(quoted),
        person.last_name.map(quoted),
        person.phone.as_deref().map(quoted),
        Some(quoted(person.country)),
        person.language.map(quoted),
        person.city.map(quoted),
        person.birthday.map(|day| quoted(&day.to_string())),
        person.lifetime_value.map(|cents| format!("{}.{:02}", cents / 100, cents % 100)),
        person.loyalty_points.map(|points| points.to_string()),
        person.plan.as_deref().map(quoted),
        interests,
        person.address.as_deref().map(quoted),
        person.wants_newsletter.map(|wants| wants.to_string()),
        person.wants_sms.map(|wants| wants.to_string()),
        person.last_purchase_at.map(|time| quoted(&time.to_string())),
        Some(quoted(&person.created_at.to_string())),
    ];
    let columns = columns.map(|column| column.unwrap_or_else(|| "null".to_owned()));
    format!("({})", columns.join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
