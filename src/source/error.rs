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
    /// The host leads to an address that the cluster's operator does not allow.
    #[error("{location} leads to an address that is not allowed: {cause}")]
    EndpointNotAllowed {
        /// See [`Source::location`](super::Source::location).
        location: String,
        /// What kind of address it is.
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
    #[error("{}", denied(location, object))]
    AccessDenied {
        /// See [`Source::location`](super::Source::location).
        location: String,
        /// Database, table, file or folder; where more is known, with `, which` and what is wrong with it.
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

fn denied(location: &str, object: &str) -> String {
    match object.split_once(WHICH) {
        Some((object, wrong)) => format!("{location} cannot be opened: {object} {wrong}"),
        None => format!("{location} refused access to {object}"),
    }
}

/// What parts an object from what is wrong with it.
const WHICH: &str = ", which ";

impl SourceError {
    /// Whether access is denied by no right that somebody could grant: what is asked for is not there, or not fit.
    pub fn is_unfit(&self) -> bool {
        matches!(self, Self::AccessDenied { object, .. } if object.contains(WHICH))
    }
}

/// A message of the system in one line of bounded length.
pub(super) fn one_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// A message without what may be a value of a row: all between its first and its last quote goes, and every
/// word with a digit.
pub(super) fn without_values(message: &str) -> String {
    let line = one_line(message.lines().next().unwrap_or_default());
    let quotes = |c: char| matches!(c, '"' | '\'' | '«' | '»' | '„' | '“' | '”' | '`');
    let line = match (line.find(quotes), line.rfind(quotes)) {
        (Some(first), Some(last)) if first < last => {
            let after = line[last..].chars().next().map_or(0, char::len_utf8);
            format!("{}…{}", &line[..first], &line[last + after..])
        }
        (Some(first), _) => format!("{}…", &line[..first]),
        _ => line,
    };
    line.split(' ')
        .map(|word| if word.contains(|c: char| c.is_numeric()) { "…" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}
