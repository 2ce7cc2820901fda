//! A made-up customer table to try the program with: the same people for the same seed, everywhere.
//!
//! Promises: people of ten countries, in the letters of their languages; phone numbers that are valid for their
//! country, written as people write them (with `+` and spaces, or as dialled at home); nulls in most columns; and a
//! few rows that are wrong on purpose, so that a first run shows what happens to those. Then a set of changes whose
//! numbers are returned, so that a demo can announce what will be sent. Nobody in it exists: addresses end in
//! `example.com`, `example.org` or `example.net`, and the numbers are drawn by lot, so send them to a sandbox only.
//!
//! The table is called [`TABLE`]. Nothing here knows Braze or the engine.

mod changes;
mod dice;
mod people;
mod places;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

pub use changes::Changes;
pub use people::Population;
pub use postgres::{postgres_changes, postgres_statements};
pub use sqlite::{changes_sqlite, write_sqlite};

/// Name of the table.
pub const TABLE: &str = "users";

/// People that a demo has when nobody says otherwise.
pub const DEFAULT_PEOPLE: u32 = 10_000;

/// Why the table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder of the file cannot be made.
    #[error("the folder of the database cannot be made: {0}")]
    Folder(#[from] std::io::Error),
    /// SQLite refused.
    #[error("the database cannot be written: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file holds no table of this demo.
    #[error("there is no table {TABLE} in {0}; write the demo's data first")]
    NoTable(String),
}
