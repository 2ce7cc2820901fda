//! The customer table, wherever it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use grouparoo::demo::{TABLE, changes_sqlite, postgres_changes, postgres_statements, write_sqlite};
use grouparoo_clock::Clock;
use workbench::Failure;
use workbench::postgres::Login;

/// Where the table is.
#[derive(Clone, Debug)]
pub(crate) enum Table {
    /// In a SQLite file.
    Sqlite(PathBuf),
    /// In a PostgreSQL database.
    Postgres(Login),
}

/// Of one person, what the demo looks at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) email: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) lifetime_value: Option<f64>,
    pub(crate) loyalty_points: Option<i64>,
    pub(crate) newsletter: Option<bool>,
}

impl Row {
    /// The address, when mail can be sent to it.
    pub(crate) fn address(&self) -> Option<&str> {
        let email = self.email.as_deref()?;
        let (local, domain) = email.split_once('@')?;
        (!local.is_empty() && domain.contains('.') && !email.contains(' ')).then_some(email)
    }

    /// Whether the person is a member of the newsletter whom mail can reach.
    pub(crate) fn gets_newsletter(&self) -> bool {
        self.newsletter == Some(true) && self.address().is_some()
    }
}

/// All people by their id.
pub(crate) type Rows = BTreeMap<u32, Row>;

impl Table {
    /// Writes the table anew, and says what it holds.
    pub(crate) fn write(&self, people: u32, seed: u64) -> Result<String, Failure> {
        let now = Clock::system().now();
        match self {
            Self::Sqlite(file) => {
                let held = write_sqlite(file, people, seed, now)?;
                return Ok(format!(
                    "{} people in table {TABLE} of {}; {} want the newsletter and {} text messages. Wrong on purpose: {} e-mail \
                     addresses, {} phone numbers, {} texts longer than Braze keeps.",
                    held.people,
                    file.display(),
                    held.newsletter,
                    held.texts,
                    held.bad_emails,
                    held.bad_phones,
                    held.long_texts
                ));
            }
            Self::Postgres(login) => {
                let session = login.connect()?;
                for statement in postgres_statements(people, seed, now) {
                    session.execute(&statement)?;
                }
                session.execute(&format!("analyze {TABLE}"))?;
            }
        }
        let rows = self.rows()?;
        let newsletter = rows.values().filter(|row| row.newsletter == Some(true)).count();
        Ok(format!("{} people in table {TABLE}; {newsletter} want the newsletter.", rows.len()))
    }

    /// Changes the table, and says what it did.
    pub(crate) fn change(&self, people: u32, seed: u64) -> Result<String, Failure> {
        let now = Clock::system().now();
        match self {
            Self::Sqlite(file) => Ok(format!("{}.", changes_sqlite(file, now)?)),
            Self::Postgres(login) => {
                let before = self.rows()?;
                let session = login.connect()?;
                for statement in postgres_changes(people, seed, now) {
                    session.execute(&statement)?;
                }
                Ok(format!("{}.", Difference::between(&before, &self.rows()?)))
            }
        }
    }

    /// Loses a fifth of the people, as an import that broke off would, and says how many.
    pub(crate) fn lose(&self) -> Result<String, Failure> {
        let sql = format!("delete from {TABLE} where id % 5 = 0");
        let lost = match self {
            Self::Sqlite(file) => {
                let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
                rusqlite::Connection::open_with_flags(file, flags)?.execute(&sql, [])? as u64
            }
            Self::Postgres(login) => login.connect()?.execute(&sql)?,
        };
        Ok(format!("{lost} people are gone from table {TABLE}."))
    }

    /// Reads the table.
    pub(crate) fn rows(&self) -> Result<Rows, Failure> {
        let sql = format!(
            "select id, email, first_name, city, plan, cast(lifetime_value as double precision), \
             cast(loyalty_points as bigint), cast(wants_newsletter as integer) from {TABLE}"
        );
        let id = |id: i64| u32::try_from(id).unwrap_or(u32::MAX);
        match self {
            Self::Sqlite(file) => {
                let connection = rusqlite::Connection::open(file)?;
                let mut statement = connection.prepare(&sql)?;
                let rows = statement.query_map([], |row| {
                    let wants: Option<i32> = row.get(7)?;
                    let values = Row {
                        email: row.get(1)?,
                        first_name: row.get(2)?,
                        city: row.get(3)?,
                        plan: row.get(4)?,
                        lifetime_value: row.get(5)?,
                        loyalty_points: row.get(6)?,
                        newsletter: wants.map(|wants| wants != 0),
                    };
                    Ok((id(row.get(0)?), values))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            }
            Self::Postgres(login) => {
                let rows = login.connect()?.query(&sql)?;
                let read = |row: &tokio_postgres::Row| {
                    let wants: Option<i32> = row.get(7);
                    let values = Row {
                        email: row.get(1),
                        first_name: row.get(2),
                        city: row.get(3),
                        plan: row.get(4),
                        lifetime_value: row.get(5),
                        loyalty_points: row.get(6),
                        newsletter: wants.map(|wants| wants != 0),
                    };
                    (id(row.get(0)), values)
                };
                Ok(rows.iter().map(read).collect())
            }
        }
    }
}

/// What changed between two looks at the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) new: usize,
    pub(crate) deleted: usize,
    pub(crate) changed: usize,
    pub(crate) joined: usize,
    pub(crate) left: usize,
}

impl Difference {
    pub(crate) fn between(before: &Rows, after: &Rows) -> Self {
        let both = || before.iter().filter_map(|(id, row)| Some((row, after.get(id)?)));
        let moved = |from: bool| {
            let of = |row: &Row| row.newsletter == Some(true);
            both().filter(|(old, new)| of(old) == from && of(new) != from).count()
        };
        Self {
            new: after.keys().filter(|id| !before.contains_key(id)).count(),
            deleted: before.keys().filter(|id| !after.contains_key(id)).count(),
            changed: both().filter(|(old, new)| old != new).count(),
            joined: moved(false),
            left: moved(true),
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { new, deleted, changed, joined, left } = self;
        write!(
            f,
            "{new} new people, {deleted} deleted, {changed} changed; of these {joined} joined and {left} left the newsletter"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changes_are_seen_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = Table::Sqlite(folder.path().join("crm/customers.db"));
        let told = table.write(10_000, crate::SEED).expect("written");
        assert!(told.starts_with("10000 people in table users"), "{told}");
        let before = table.rows().expect("rows");
        table.change(10_000, crate::SEED).expect("changed");
        let difference = Difference::between(&before, &table.rows().expect("rows"));
        let wanted = Difference { new: 25, deleted: 12, changed: 260, joined: 40, left: 15 };
        assert_eq!(difference, wanted);
        let (before, told) = (table.rows().expect("rows"), table.lose().expect("lost"));
        let lost = Difference::between(&before, &table.rows().expect("rows")).deleted;
        assert!((1_990..=2_010).contains(&lost) && told.starts_with(&lost.to_string()), "{told}");
    }

    #[test]
    fn an_address_needs_both_its_sides() {
        let row = |email: &str| Row {
            email: Some(email.to_owned()),
            first_name: None,
            city: None,
            plan: None,
            lifetime_value: None,
            loyalty_points: None,
            newsletter: Some(true),
        };
        assert!(row("a@example.com").gets_newsletter());
        for bad in ["no-at-sign.example.com", "two words@example.com", "ends-with-at@"] {
            assert!(!row(bad).gets_newsletter(), "{bad}");
        }
    }
}
