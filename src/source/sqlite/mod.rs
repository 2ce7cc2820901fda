//! SQLite: a database file, opened for reading only, in one read transaction.
//!
//! A read keeps SQLite's shared lock until its stream ends: in the rollback journal modes nobody can write
//! meanwhile; in WAL mode writers are not disturbed.

mod cells;
mod connection;
mod estimate;
mod statement;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use grouparoo_clock::Clock;
use rusqlite::Connection;

use self::connection::{Phase, Place};
use self::statement::Shape;
use super::pump::{self, Sink, Stopper};
use super::{Description, Relation, RowStream, Selection, ServerInfo, Source, SourceError};
use crate::data::Column;

/// Longest row that is taken.
const MAX_ROW_BYTES: usize = 256 << 20;

/// A SQLite database file.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The file, as the process opens it: resolved, and allowed to be read.
    pub path: PathBuf,
    /// The file as the manifest names it; shown to people.
    pub shown: String,
}

/// A database file as a source.
pub(super) struct Sqlite {
    config: SqliteConfig,
    timeout: Duration,
    clock: Clock,
}

impl Sqlite {
    pub(super) fn new(config: &SqliteConfig, timeout: Duration, clock: &Clock) -> Self {
        Self { config: config.clone(), timeout, clock: clock.clone() }
    }

    fn stopper(&self) -> Stopper {
        Stopper::new(&self.clock, self.timeout)
    }

    fn place(&self, relation: Option<&Relation>) -> Place {
        let (object, is_table) = match relation {
            Some(Relation::Table(table)) => (table.clone(), true),
            Some(Relation::Query(_)) => ("the query".to_owned(), false),
            None => ("the file".to_owned(), false),
        };
        Place { path: self.config.path.clone(), shown: self.config.shown.clone(), object, is_table }
    }
}

#[async_trait]
impl Source for Sqlite {
    fn kind(&self) -> &'static str {
        "Sqlite"
    }

    fn location(&self) -> String {
        self.config.shown.clone()
    }

    async fn check(&self) -> Result<ServerInfo, SourceError> {
        let place = self.place(None);
        pump::blocking(self.stopper(), move |stopper| {
            connection::open(&place, stopper)?;
            Ok(ServerInfo { version: None, warnings: Vec::new() })
        })
        .await
    }

    async fn describe(&self, relation: &Relation) -> Result<Description, SourceError> {
        let (place, relation) = (self.place(Some(relation)), relation.clone());
        pump::blocking(self.stopper(), move |stopper| {
            let connection = connection::open(&place, stopper)?;
            let shape = Shape::of(&relation, &connection, &place, stopper)?;
            let row_estimate = match relation {
                Relation::Table(_) => estimate::rows(&shape, &connection),
                Relation::Query(_) => None,
            };
            let columns = shape.columns.into_iter().map(|column| Column {
                kind: cells::kind(column.declared.as_deref()),
                source_type: column.declared.unwrap_or_default(),
                name: column.name,
            });
            Ok(Description { columns: columns.collect(), row_estimate })
        })
        .await
    }

    async fn read(
        &self,
        relation: &Relation,
        columns: &[String],
        selection: &Selection,
    ) -> Result<Box<dyn RowStream>, SourceError> {
        if columns.is_empty() {
            return Err(SourceError::Invalid("a read names at least one column".to_owned()));
        }
        let (place, relation) = (self.place(Some(relation)), relation.clone());
        let (columns, selection) = (columns.to_vec(), selection.clone());
        pump::start(self.stopper(), columns.len(), move |sink, stopper| {
            let connection = connection::open(&place, stopper)?;
            let shape = Shape::of(&relation, &connection, &place, stopper)?;
            pour(&connection, &shape, &columns, &selection, &place, sink, stopper)
        })
        .await
    }
}

fn pour(
    connection: &Connection,
    shape: &Shape,
    columns: &[String],
    selection: &Selection,
    place: &Place,
    sink: &mut Sink,
    stopper: &Stopper,
) -> Result<(), SourceError> {
    let (sql, parameter) = shape.select(columns, selection, &place.object)?;
    let explain = |e: rusqlite::Error, phase| place.explain(&e, phase, stopper);
    let mut statement = connection.prepare(&sql).map_err(|e| explain(e, Phase::Prepare))?;
    let kinds: Vec<_> = shape.kinds(columns);
    sink.opened()?;
    let mut rows =
        statement.query(rusqlite::params_from_iter(parameter)).map_err(|e| explain(e, Phase::Read))?;
    while let Some(row) = rows.next().map_err(|e| explain(e, Phase::Read))? {
        let mut bytes = 0;
        for (at, kind) in kinds.iter().enumerate() {
            let value = row.get_ref(at).map_err(|e| explain(e, Phase::Read))?;
            bytes += cells::push(value, kind, sink.batch());
            if bytes > MAX_ROW_BYTES {
                return Err(SourceError::QueryFailed {
                    sqlstate: None,
                    message: format!("a row is longer than {MAX_ROW_BYTES} bytes"),
                });
            }
        }
        sink.count_bytes(bytes as u64);
        sink.end_row()?;
    }
    Ok(())
}
