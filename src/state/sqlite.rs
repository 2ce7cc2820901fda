//! SQLite files of this room: how they are opened, told apart and understood when they fail.
//!
//! Every file has a table `store` of one row with its name and a number that shows another hash key.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};

use super::StateError;

/// Newest format of the files that this program knows.
pub(in crate::state) const FORMAT: u32 = 1;
/// How long a statement waits for another process that reads or writes.
pub(in crate::state) const PATIENCE: Duration = Duration::from_secs(10);
/// Pages of 8 KiB in the write-ahead log before it is folded in: 64 MiB.
const CHECKPOINT_PAGES: u32 = 8_192;

/// A kind of file.
#[derive(Debug)]
pub(in crate::state) struct FileKind {
    /// Tells our files from other SQLite files.
    pub application: i32,
    /// Makes the tables.
    pub tables: &'static str,
    /// Fills `store` with the name and the check of the hash key.
    pub first_row: &'static str,
}

/// A failure inside this room, before it has the store's name.
#[derive(Debug)]
pub(in crate::state) enum Failure {
    /// SQLite's word.
    Sql(rusqlite::Error),
    /// The system's word.
    Io(std::io::Error),
    /// A row, or what it should hold, is not there or not what this program writes.
    Damaged(&'static str),
    /// Another run has taken the store.
    Fenced,
    /// The caller asks for what cannot be.
    Refused(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    /// The failure of the store of this name when it was only to be read.
    pub fn of_reading(self, name: &str) -> StateError {
        match self.of(name) {
            StateError::Unwritable { name, cause } => StateError::Unreadable { name, cause },
            other => other,
        }
    }

    /// The failure of the store of this name when its folder was to be written: where that may help, with what to
    /// do about the disk.
    pub fn of_writing(self, name: &str, folder: &Path) -> StateError {
        let remedy = self.remedy();
        match (self.of(name), remedy) {
            (StateError::Unwritable { name, cause }, Some(remedy)) => {
                let cause = format!("{cause}; {}", remedy.replace("{}", &folder.display().to_string()));
                StateError::Unwritable { name, cause }
            }
            (other, _) => other,
        }
    }

    fn remedy(&self) -> Option<&'static str> {
        const ROOM: &str = "make room in {}, then run this again: nothing that is remembered is lost";
        const ACCESS: &str = "see that {} has room and may be written, then run this again";
        match self {
            Self::Io(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Some(ROOM),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(ACCESS),
                _ => None,
            },
            Self::Sql(error) => match error.sqlite_error_code()? {
                ErrorCode::DiskFull => Some(ROOM),
                // SQLite does not tell whether it was the room of one of its smaller files.
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly => Some(ACCESS),
                _ => None,
            },
            Self::Damaged(_) | Self::Fenced | Self::Refused(_) => None,
        }
    }

    /// The failure of the store of this name.
    pub fn of(self, name: &str) -> StateError {
        let name = name.to_owned();
        match self {
            Self::Fenced => StateError::Fenced { name },
            Self::Damaged(cause) => StateError::Unreadable { name, cause: cause.to_owned() },
            Self::Refused(cause) => StateError::Unwritable { name, cause },
            Self::Io(error) => StateError::Unwritable { name, cause: error.to_string() },
            Self::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch)
                | None => StateError::Unreadable { name, cause: error.to_string() },
                Some(ErrorCode::DiskFull) => {
                    StateError::Unwritable { name, cause: "no space left on the device".to_owned() }
                }
                Some(_) => StateError::Unwritable { name, cause: error.to_string() },
            },
        }
    }
}

/// Opens the file for writing and makes the tables if they are not there.
pub(in crate::state) fn open_writing(
    path: &Path,
    kind: &FileKind,
    name: &str,
    key_check: u64,
) -> Result<Connection, StateError> {
    let write = || -> Result<Connection, Failure> {
        match create_private(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => drop(made?),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(PATIENCE)?;
        db.set_prepared_statement_cache_capacity(32);
        Ok(db)
    };
    let folder = path.parent().unwrap_or(path);
    let db = write().map_err(|failure| failure.of_writing(name, folder))?;
    check_format(&db, kind, name)?;
    let prepare = |db: &Connection| -> Result<(), Failure> {
        // The page size counts only as long as the file is empty.
        db.pragma_update(None, "page_size", 8_192)?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "cache_size", -4_096)?;
        db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        db.pragma_update(None, "journal_size_limit", 8_192 * CHECKPOINT_PAGES)?;
        db.execute_batch("BEGIN IMMEDIATE")?;
        if !has_tables(db)? {
            db.execute_batch(kind.tables)?;
            db.execute(kind.first_row, params![name, key_check as i64])?;
            db.pragma_update(None, "application_id", kind.application)?;
            db.pragma_update(None, "user_version", FORMAT)?;
        }
        db.execute_batch("COMMIT")?;
        Ok(())
    };
    prepare(&db).map_err(|failure| failure.of_writing(name, folder))?;
    check_key(&db, name, key_check)?;
    Ok(db)
}

/// Opens the file for reading only, in the way that leaves the folder as it is.
///
/// Without a write-ahead log nobody has the file open for writing, and SQLite would have to make one: such a
/// file is read as `immutable`, and the caller watches whether it changes.
pub(in crate::state) fn open_reading(
    path: &Path,
    kind: &FileKind,
    name: &str,
    key_check: u64,
    immutable: bool,
) -> Result<Connection, StateError> {
    let open = || -> Result<Connection, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let mut url =
            url::Url::from_file_path(path).map_err(|()| Failure::Damaged("its path is not absolute"))?;
        if immutable {
            url.set_query(Some("immutable=1"));
        }
        let db = Connection::open_with_flags(url.as_str(), flags)?;
        db.busy_timeout(PATIENCE)?;
        db.set_prepared_statement_cache_capacity(32);
        db.pragma_update(None, "cache_size", -1_024)?;
        Ok(db)
    };
    let db = open().map_err(|failure| failure.of_reading(name))?;
    check_format(&db, kind, name)?;
    if !has_tables(&db).map_err(|error| Failure::Sql(error).of(name))? {
        return Err(StateError::Unreadable {
            name: name.to_owned(),
            cause: "it was never finished".to_owned(),
        });
    }
    check_key(&db, name, key_check)?;
    Ok(db)
}

/// Makes a file that only its owner can read. An existing one is not touched: to open and close a database in
/// this way would take SQLite's own locks off it.
pub(in crate::state) fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn has_tables(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'store'", [], |row| row.get(0))
}

fn check_format(db: &Connection, kind: &FileKind, name: &str) -> Result<(), StateError> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let read = || Ok((number("user_version")?, number("application_id")?));
    let (format, application) = read().map_err(|error: rusqlite::Error| Failure::Sql(error).of(name))?;
    let found = u32::try_from(format).unwrap_or(u32::MAX);
    if application == i64::from(kind.application) && found > FORMAT {
        return Err(StateError::Newer { name: name.to_owned(), found, known: FORMAT });
    }
    if application != i64::from(kind.application) && (application != 0 || format != 0) {
        return Err(StateError::Unreadable {
            name: name.to_owned(),
            cause: "it is not a state file".to_owned(),
        });
    }
    Ok(())
}

fn check_key(db: &Connection, name: &str, key_check: u64) -> Result<(), StateError> {
    let read = db.query_row("SELECT name, key_check FROM store", [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    });
    let cause = match read.optional().map_err(|error| Failure::Sql(error).of(name))? {
        Some((stored, _)) if stored != name => format!("it is the state {stored} under another name"),
        Some((_, stored)) if stored as u64 == key_check => return Ok(()),
        Some(_) => "it was written with another hash key".to_owned(),
        None => "its first row is missing".to_owned(),
    };
    Err(StateError::Unreadable { name: name.to_owned(), cause })
}
