//! Where rows come from: one trait, one file a system. Knows neither Braze nor Kubernetes.
//!
//! A new system touches: its own file here, [`SourceConfig`], [`open`], the `Source` kind in `api`, the
//! function that resolves the kind into a [`SourceConfig`], the scenario suite's list of sources, and its
//! page in `docs/`.

mod csv;
mod error;
mod postgres;
mod pump;
mod relation;
mod sqlite;
mod tls;

use std::time::Duration;

use async_trait::async_trait;
use grouparoo_clock::Clock;

use crate::data::{Column, KeyKind, RowBatch};

pub use csv::{CsvConfig, CsvEncoding, CsvFiles, CsvHeader};
pub use error::SourceError;
pub use postgres::{PostgresConfig, PostgresLogin};
pub use sqlite::SqliteConfig;
pub use tls::{ClientCertificate, Tls, TlsRoots};

/// What a Model reads from a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A table, view or file, read whole. May carry its schema: `public.users`.
    Table(String),
    /// One SELECT statement in the language of the source.
    Query(String),
}

/// What a source says about a relation without reading it.
#[derive(Clone, Debug)]
pub struct Description {
    /// All columns, in their order.
    pub columns: Vec<Column>,
    /// Rows to expect, as the source estimates them.
    pub row_estimate: Option<u64>,
}

/// What a source says about itself.
#[derive(Clone, Debug)]
pub struct ServerInfo {
    /// Version number that the server reported, where there is a server.
    pub version: Option<String>,
    /// Advice that stops nothing: a code (`RoleCanWrite`, `TlsDisabled`) and a sentence.
    pub warnings: Vec<(&'static str, String)>,
}

/// Which rows of a relation a read returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All rows, in one snapshot.
    All,
    /// The rows whose canonical key (see [`canonical_key`](crate::data::canonical_key)), or whose text as it stands,
    /// is one of `keys` (at most some thousands). Text is compared byte for byte. For whole numbers more rows may
    /// come, because a source finds other spellings (`007`, `7.0`) only roughly: whoever reads them looks at the
    /// canonical key of each.
    Keys {
        /// Column of the relation.
        column: String,
        /// Canonical texts of keys.
        keys: Vec<String>,
        /// What the column is read as.
        kind: KeyKind,
    },
    /// The first rows that the source happens to return, at most so many.
    Sample(u32),
}

/// A connection to one system, as one `Source` manifest describes it. It holds no open connection.
#[async_trait]
pub trait Source: Send + Sync {
    /// Kind of system, such as `Postgres`.
    fn kind(&self) -> &'static str;

    /// Host and port, file or folder in use: shown to people, never with credentials.
    fn location(&self) -> String;

    /// Identity of the data for the state's binding: changes when the source is swapped (host, database, file).
    fn identity(&self) -> String {
        format!("{} {}", self.kind(), self.location())
    }

    /// Connects, logs in and says what is there.
    async fn check(&self) -> Result<ServerInfo, SourceError>;

    /// Names and types of the columns of a relation. Reads no rows.
    async fn describe(&self, relation: &Relation) -> Result<Description, SourceError>;

    /// Opens a read of the named columns, in that order. Nothing is written to the source, ever: the session
    /// is read-only, and what would write is [`SourceError::NotReadOnly`].
    ///
    /// A network connection is served by the runtime that calls, so the whole read belongs to one runtime; a
    /// current-thread one is the fastest. `query_timeout` runs from here to the end of the stream, with the
    /// time in which nobody takes rows.
    async fn read(
        &self,
        relation: &Relation,
        columns: &[String],
        selection: &Selection,
    ) -> Result<Box<dyn RowStream>, SourceError>;
}

/// An open read. Dropping it cancels the query.
#[async_trait]
pub trait RowStream: Send {
    /// Fills `batch` (cleared first) with up to some hundreds of rows, of as many cells as columns were asked.
    ///
    /// `Ok(true)`: there may be more. `Ok(false)`: the source announced the end of the result; the batch may
    /// still hold the last rows. A stream that is cut, a file that changed meanwhile, a lost permission is an
    /// error, never `Ok(false)`: only a read that ended by this announcement is complete.
    async fn next(&mut self, batch: &mut RowBatch) -> Result<bool, SourceError>;

    /// Bytes read so far, as near to the wire as the driver tells.
    fn bytes(&self) -> u64;
}

/// A `Source` manifest with its Secrets and files resolved.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// The system and how to reach it.
    pub system: System,
    /// Longest time one query may take.
    pub query_timeout: Duration,
}

/// One block a system.
#[derive(Clone, Debug)]
pub enum System {
    /// A PostgreSQL server.
    Postgres(PostgresConfig),
    /// A SQLite database file.
    Sqlite(SqliteConfig),
    /// CSV files.
    Csv(CsvConfig),
}

/// Makes the source that a configuration describes. Nothing is connected or opened yet: all network and file
/// access is in the methods of [`Source`].
///
/// # Errors
/// [`SourceError::Invalid`] for a configuration that cannot work, such as a certificate that is no PEM.
pub fn open(config: &SourceConfig, clock: &Clock) -> Result<Box<dyn Source>, SourceError> {
    let timeout = config.query_timeout;
    Ok(match &config.system {
        System::Postgres(postgres) => Box::new(postgres::Postgres::new(postgres, timeout, clock)?),
        System::Sqlite(sqlite) => Box::new(sqlite::Sqlite::new(sqlite, timeout, clock)),
        System::Csv(csv) => Box::new(csv::Csv::new(csv, timeout, clock)?),
    })
}
