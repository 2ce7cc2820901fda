//! The ledger of an app in a small SQLite file, which several processes may use at a time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::data::HashKey;
use crate::state::app::deletes_kept_since;
use crate::state::sqlite::{self, Failure, FileKind};
use crate::state::{AppLedger, OptOut, Person, StateError};

const LEDGER: FileKind = FileKind {
    application: 0x4752_504c,
    first_row: "INSERT INTO store VALUES (1, ?1, ?2)",
    tables: "
        CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, key_check INTEGER NOT NULL);
        CREATE TABLE deletes (key INTEGER PRIMARY KEY, time INTEGER NOT NULL);
        CREATE INDEX deletes_by_time ON deletes (time);
        CREATE TABLE opt_outs (mark INTEGER PRIMARY KEY);",
};

const NOTE_DELETE: &str =
    "INSERT INTO deletes VALUES (?1, ?2) ON CONFLICT DO UPDATE SET time = max(time, excluded.time)";
const NOTE_OPT_OUT: &str = "INSERT OR IGNORE INTO opt_outs VALUES (?1)";

/// An [`AppLedger`] in a file.
#[derive(Debug)]
pub(in crate::state) struct FileLedger {
    name: String,
    folder: PathBuf,
    hash_key: HashKey,
    db: Mutex<Connection>,
}

/// Deletes with their times, and opt-out marks, as they are stored.
type Content = (Vec<(i64, i64)>, Vec<i64>);

impl FileLedger {
    /// Opens or makes the ledger in this file.
    pub fn open(path: &Path, name: &str, hash_key: HashKey) -> Result<Self, StateError> {
        let db = sqlite::open_writing(path, &LEDGER, name, check(&hash_key))?;
        Ok(Self { name: name.to_owned(), folder: folder_of(path), hash_key, db: Mutex::new(db) })
    }

    /// Opens the ledger in this file for reading.
    pub fn read(path: &Path, name: &str, hash_key: HashKey, immutable: bool) -> Result<Self, StateError> {
        let db = sqlite::open_reading(path, &LEDGER, name, check(&hash_key), immutable)?;
        Ok(Self { name: name.to_owned(), folder: folder_of(path), hash_key, db: Mutex::new(db) })
    }

    /// Adds all that is noted here to another ledger of the same hash key.
    pub fn copy_to(&self, other: &Self) -> Result<(), StateError> {
        let (deletes, marks) = self.named(self.content())?;
        let mut db = other.db();
        let copy = |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (key, time) in deletes {
                transaction.prepare_cached(NOTE_DELETE)?.execute([key, time])?;
            }
            for mark in marks {
                transaction.prepare_cached(NOTE_OPT_OUT)?.execute([mark])?;
            }
            transaction.commit()
        };
        other.named(copy(&mut db))
    }

    fn content(&self) -> rusqlite::Result<Content> {
        let db = self.db();
        let mut deletes = db.prepare("SELECT key, time FROM deletes")?;
        let deletes =
            deletes.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let mut marks = db.prepare("SELECT mark FROM opt_outs")?;
        let marks = marks.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok((deletes, marks))
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named<T>(&self, result: rusqlite::Result<T>) -> Result<T, StateError> {
        result.map_err(|error| Failure::Sql(error).of_writing(&self.name, &self.folder))
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

fn check(hash_key: &HashKey) -> u64 {
    hash_key.derive("check of the hash key").hash(b"")
}

/// Nanoseconds; times that do not fit are far from every real one.
fn number(time: Timestamp) -> i64 {
    let bound = if time.as_second() < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(time.as_nanosecond()).unwrap_or(bound)
}

fn time(number: i64) -> Timestamp {
    Timestamp::from_nanosecond(number.into()).unwrap_or(Timestamp::MAX)
}

impl AppLedger for FileLedger {
    fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    fn note_deletes(&self, keys: &[u64], time: Timestamp) -> Result<(), StateError> {
        let mut db = self.db();
        let note = |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM deletes WHERE time < ?1", [number(deletes_kept_since(time))])?;
            {
                let mut put = transaction.prepare_cached(NOTE_DELETE)?;
                for &key in keys {
                    put.execute(params![key as i64, number(time)])?;
                }
            }
            transaction.commit()
        };
        self.named(note(&mut db))
    }

    fn deleted_since(&self, since: Timestamp) -> Result<Vec<(u64, Timestamp)>, StateError> {
        let db = self.db();
        let read = || {
            let mut select = db.prepare_cached("SELECT key, time FROM deletes WHERE time >= ?1")?;
            let rows = select
                .query_map([number(since)], |row| Ok((row.get::<_, i64>(0)? as u64, time(row.get(1)?))))?;
            rows.collect()
        };
        self.named(read())
    }

    fn is_empty(&self) -> Result<bool, StateError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM deletes) AND NOT EXISTS (SELECT 1 FROM opt_outs)";
        self.named(self.db().query_row(sql, [], |row| row.get(0)))
    }

    fn last_delete(&self) -> Result<Option<Timestamp>, StateError> {
        let newest: Option<i64> =
            self.named(self.db().query_row("SELECT max(time) FROM deletes", [], |row| row.get(0)))?;
        Ok(newest.map(time))
    }

    fn note_opt_outs(&self, marks: &[OptOut]) -> Result<(), StateError> {
        let mut db = self.db();
        let note = |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut put = transaction.prepare_cached(NOTE_OPT_OUT)?;
                for mark in marks {
                    put.execute([OptOut::mark(&mark.group, mark.person, &self.hash_key) as i64])?;
                }
            }
            transaction.commit()
        };
        self.named(note(&mut db))
    }

    fn is_opted_out(&self, group: &str, person: Person) -> Result<bool, StateError> {
        let mark = OptOut::mark(group, person, &self.hash_key) as i64;
        let db = self.db();
        let read = || {
            let mut select = db.prepare_cached("SELECT 1 FROM opt_outs WHERE mark = ?1")?;
            select.query_row([mark], |_| Ok(())).optional()
        };
        Ok(self.named(read())?.is_some())
    }
}
