//! What the demo and the benchmark stand on: the built programs, a PostgreSQL and a Kubernetes API of one's own, and a
//! look into the sandbox from outside.
//!
//! Promises: whatever is started here is gone afterwards, also after a failure; servers listen on free ports of the
//! loopback only. It knows the product by its command line, never by its code; only the made-up customer table comes
//! from the library.

pub mod admin;
pub mod control_plane;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod sandbox;
pub mod watched;

/// Why a demo or a benchmark did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A program that belongs to the product has not been built.
    #[error("{0} is not built; `scripts/programs` builds it, as do `make demo` and `make bench`")]
    NotBuilt(String),
    /// A program of the system is missing or does not start.
    #[error("{0} does not start: {1}")]
    Program(String, std::io::Error),
    /// A file or folder.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// The sandbox does not answer as it should.
    #[error("the sandbox does not answer: {0}")]
    Sandbox(String),
    /// PostgreSQL is missing, does not start or refuses.
    #[error("PostgreSQL: {0}")]
    Postgres(String),
    /// The Kubernetes API does not start, or does not do as it should.
    #[error("Kubernetes API: {0}")]
    Kubernetes(String),
    /// The demo's table.
    #[error(transparent)]
    Table(#[from] grouparoo::demo::DemoError),
    /// SQLite refuses.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Something is not as announced.
    #[error("not as announced: {0}")]
    Unexpected(String),
}

impl Failure {
    /// A file's failure.
    pub fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        Self::File(path.display().to_string(), error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        Self::Postgres(text)
    }
}
