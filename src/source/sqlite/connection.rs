//! Opening a file so that nothing can be written to it, and what its errors mean.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::source::SourceError;
use crate::source::error::without_values;
use crate::source::pump::Stopper;

/// Longest wait for another process that holds the file's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest text that is taken.
const MAX_TEXT_BYTES: i32 = 64 << 20;
/// Steps of SQLite's machine between two looks at the clock: below a millisecond.
const STEPS: i32 = 10_000;

/// How far the work had come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Opening the file.
    Open,
    /// Parsing: messages can only repeat what stands in the manifest.
    Prepare,
    /// Running: messages may repeat values.
    Read,
}

/// What is read, for opening it and for messages.
pub(super) struct Place {
    pub path: PathBuf,
    pub shown: String,
    /// Table, `the query` or `the file`.
    pub object: String,
    pub is_table: bool,
}

/// Opens the file and begins the read transaction.
pub(super) fn open(place: &Place, stopper: &Stopper) -> Result<Connection, SourceError> {
    match std::fs::metadata(&place.path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(place.denied("the file, which is no regular file")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(place.denied("the file, which does not exist"));
        }
        Err(_) => return Err(place.denied("the file")),
    }
    // Without the URI flag a path is a path, whatever it holds.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(&place.path, flags).and_then(|mut connection| {
        connection.busy_timeout(BUSY_TIMEOUT.min(stopper.time_left()))?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_TEXT_BYTES)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        let watch = stopper.clone();
        connection.progress_handler(STEPS, Some(move || watch.must_stop()))?;
        connection.execute_batch("pragma query_only = on; pragma cache_size = -4096; begin")?;
        // The first look takes the lock and reads the file's head.
        connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))?;
        connection.authorizer(Some(|context: AuthContext<'_>| permission(&context.action)))?;
        Ok(connection)
    });
    opened.map_err(|e| place.explain(&e, Phase::Open, stopper))
}

/// Reading is all that a statement may do.
fn permission(action: &AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        // Full-text search looks whether its table changed.
        AuthAction::Pragma { pragma_name: "data_version", pragma_value: None } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

impl Place {
    fn denied(&self, object: &str) -> SourceError {
        SourceError::AccessDenied { location: self.shown.clone(), object: object.to_owned() }
    }

    pub(super) fn explain(&self, error: &rusqlite::Error, phase: Phase, stopper: &Stopper) -> SourceError {
        let not_read_only = |detail: &str| SourceError::NotReadOnly { detail: detail.to_owned() };
        let (code, message) = match error {
            rusqlite::Error::SqliteFailure(failure, message) => (failure, message.as_deref()),
            rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg.as_str())),
            rusqlite::Error::MultipleStatement => return not_read_only(": it is more than one statement"),
            rusqlite::Error::Empty => return not_read_only(": it is empty"),
            other => return self.failed(&other.to_string(), phase),
        };
        let message = message.map_or_else(|| code.to_string(), str::to_owned);
        match code.code {
            ErrorCode::OperationInterrupted => stopper.verdict(),
            ErrorCode::AuthorizationForStatementDenied => not_read_only(""),
            ErrorCode::ReadOnly if phase == Phase::Open => {
                self.denied("the file, which was left by a crashed writer and needs to be repaired")
            }
            ErrorCode::ReadOnly => not_read_only(""),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => SourceError::Unreachable {
                location: self.shown.clone(),
                cause: "the database is locked by a writer".to_owned(),
            },
            ErrorCode::NotADatabase => self.denied("the file, which is no SQLite database or is encrypted"),
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied => self.denied("the file"),
            ErrorCode::DatabaseCorrupt => SourceError::Cut("the database file is damaged".to_owned()),
            ErrorCode::SystemIoFailure => SourceError::Cut(format!("{} cannot be read", self.shown)),
            _ if self.is_table && message.starts_with("no such table") => self.denied(&self.object),
            _ => self.failed(&message, phase),
        }
    }

    fn failed(&self, message: &str, phase: Phase) -> SourceError {
        let message = match phase {
            Phase::Read => without_values(message),
            _ => message.to_owned(),
        };
        SourceError::QueryFailed { sqlstate: None, message }
    }
}
