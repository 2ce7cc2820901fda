//! The one list of what can go wrong with a source.

use std::time::Duration;

/// Why a source could not be used. Messages hold no values of rows and no credentials.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// DNS, connect, network, server shutting down.
    #[error("{location} cannot be reached: {cause}")]
    Unreachable {
        /// See [`Source::location`](super::Source::location).
        location: String,
        /// What the network said.
        cause: String,
    },
    /// The server's certificate was refused.
    #[error("the certificate of {location} was refused: {cause}")]
    CertificateInvalid {
        /// See [`Source::location`](super::Source::location).
        location: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Wrong user, password or client certificate.
    #[error("{location} refused the login")]
    AuthenticationFailed {
        /// See [`Source::location`](super::Source::location).
        location: String,
    },
    /// The login works; the database, table, file or folder does not open.
    #[error("{location} refused access to {object}")]
    AccessDenied {
        /// See [`Source::location`](super::Source::location).
        location: String,
        /// Database, table, file or folder.
        object: String,
    },
    /// A column that the Model names is not there.
    #[error("column {column:?} does not exist in {relation}")]
    ColumnMissing {
        /// The column.
        column: String,
        /// The table, or `the query`.
        relation: String,
    },
    /// The statement would write, or is not one SELECT.
    #[error("the query is not one read-only SELECT statement{detail}")]
    NotReadOnly {
        /// Where there is more to say: starts with a colon.
        detail: String,
    },
    /// The query failed.
    #[error("the query failed{}: {message}", sqlstate.as_deref().map(|s| format!(" (SQLSTATE {s})")).unwrap_or_default())]
    QueryFailed {
        /// SQLSTATE, where the system has it.
        sqlstate: Option<String>,
        /// What the system said, without values.
        message: String,
    },
    /// The query took longer than `queryTimeout`.
    #[error("the query was cancelled after {0:?} (queryTimeout)")]
    TimedOut(Duration),
    /// The read ended before the source announced the end of the result.
    #[error("the read was cut off: {0}")]
    Cut(String),
    /// A configuration that cannot work, found without connecting.
    #[error("{0}")]
    Invalid(String),
}
