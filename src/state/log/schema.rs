//! The tables of a store.

use rusqlite::{Connection, params};

use super::snapshot::Mark;
use crate::state::Header;
use crate::state::sqlite::{Failure, FileKind};

/// The file of a store.
pub(super) const STORE: FileKind = FileKind {
    application: 0x4752_5053,
    first_row: "INSERT INTO store VALUES (1, ?1, ?2, 0, 0, 0, 0, 1, 0, 0, 0, 'null')",
    tables: TABLES,
};

const TABLES: &str = "
    CREATE TABLE store (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        name TEXT NOT NULL,
        key_check INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        lineage INTEGER NOT NULL,
        transactions INTEGER NOT NULL,
        next_row INTEGER NOT NULL,
        logged INTEGER NOT NULL,
        records INTEGER NOT NULL,
        known INTEGER NOT NULL,
        header TEXT NOT NULL
    );
    CREATE TABLE log (row INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE open (row INTEGER PRIMARY KEY, request INTEGER NOT NULL);
    CREATE TABLE rejects (
        key TEXT NOT NULL,
        field TEXT NOT NULL,
        code TEXT NOT NULL,
        run INTEGER NOT NULL,
        first_seen TEXT NOT NULL,
        PRIMARY KEY (key, field, code)
    ) WITHOUT ROWID;";

/// The numbers of a store, as its one row holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub epoch: u64,
    pub serial: u64,
    pub mark: Mark,
    /// Number of the next row of the log; never given twice.
    pub next_row: u64,
    /// Records in the log, dead ones and forgotten keys included.
    pub logged: u64,
    /// Live records and known ones among them, before the last commit.
    pub records: u64,
    pub known: u64,
}

impl Numbers {
    pub fn read(db: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT epoch, serial, lineage, transactions, next_row, logged, records, known FROM store";
        db.prepare_cached(sql)?.query_row([], |row| {
            let number = |i| row.get::<_, i64>(i).map(|n| n as u64);
            Ok(Self {
                epoch: number(0)?,
                serial: number(1)?,
                mark: Mark { lineage: number(2)?, transactions: number(3)? },
                next_row: number(4)?,
                logged: number(5)?,
                records: number(6)?,
                known: number(7)?,
            })
        })
    }

    pub fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE store SET epoch = ?1, serial = ?2, lineage = ?3, transactions = ?4, next_row = ?5,
                   logged = ?6, records = ?7, known = ?8";
        db.prepare_cached(sql)?.execute(params![
            self.epoch as i64,
            self.serial as i64,
            self.mark.lineage as i64,
            self.mark.transactions as i64,
            self.next_row as i64,
            self.logged as i64,
            self.records as i64,
            self.known as i64,
        ])?;
        Ok(())
    }
}

/// Reads the header.
pub(super) fn read_header(db: &Connection) -> Result<Header, Failure> {
    let numbers = Numbers::read(db)?;
    let body: String = db.prepare_cached("SELECT header FROM store")?.query_row([], |row| row.get(0))?;
    let body = serde_json::from_str(&body).map_err(|_| Failure::Damaged("its header is damaged"))?;
    Ok(Header { epoch: numbers.epoch, serial: numbers.serial, body })
}
