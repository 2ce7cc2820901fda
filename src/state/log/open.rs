//! Opening a store: for a run, for reading, and for a glance.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use rusqlite::Connection;

#[cfg(test)]
use super::faults::Faults;
use super::keys::Keys;
use super::read::{Reader, Resident, Watched, open_rows, scan};
use super::schema::{Numbers, STORE, read_header};
use super::{
    DATABASE, LogStore, Noted, SNAPSHOT, Summary, Writer, bytes_of, first_request, rejects, snapshot,
};
use crate::data::HashKey;
use crate::state::folder::Lock;
use crate::state::sqlite::{self, Failure};
use crate::state::{Size, StateError};

impl LogStore {
    /// Opens or makes the store of this folder, for a run. `lock` is held as long as the store.
    pub(in crate::state) fn open(
        folder: &Path,
        name: &str,
        hash_key: HashKey,
        lock: Lock,
    ) -> Result<Self, StateError> {
        Self::open_with(folder, name, Keys::new(hash_key), Some(lock))
    }

    pub(super) fn open_with(
        folder: &Path,
        name: &str,
        keys: Keys,
        lock: Option<Lock>,
    ) -> Result<Self, StateError> {
        let path = folder.join(DATABASE);
        refuse_remains(folder, name)?;
        let db = sqlite::open_writing(&path, &STORE, name, keys.key_check())?;
        let reader = sqlite::open_reading(&path, &STORE, name, keys.key_check(), false)?;
        let reader = Reader::new(reader, None);
        Self::load(folder, name, keys, reader, Some(db), lock).map_err(|failure| failure.of(name))
    }

    /// Opens the store of this folder for reading, without a lock and without changing a file. `None`: there
    /// is none.
    pub(in crate::state) fn read(
        folder: &Path,
        name: &str,
        hash_key: HashKey,
    ) -> Result<Option<Self>, StateError> {
        let keys = Keys::new(hash_key);
        let Some(reader) = open_reader(folder, name, &keys)? else { return Ok(None) };
        Self::load(folder, name, keys, reader, None, None)
            .map(Some)
            .map_err(|failure| failure.of_reading(name))
    }

    /// What the file of this folder says of itself. `None`: there is none.
    pub(in crate::state) fn summary(
        folder: &Path,
        name: &str,
        hash_key: HashKey,
    ) -> Result<Option<Summary>, StateError> {
        let keys = Keys::new(hash_key);
        let Some(reader) = open_reader(folder, name, &keys)? else { return Ok(None) };
        let summary = || -> Result<Summary, Failure> {
            let db = reader.db();
            let Numbers { records, known, .. } = Numbers::read(db)?;
            let size = Size { records, known, rejects: rejects::count(db)?, bytes: bytes_of(folder) };
            let summary = Summary { header: read_header(db)?, size };
            reader.check()?;
            Ok(summary)
        };
        summary().map(Some).map_err(|failure| failure.of_reading(name))
    }

    fn load(
        folder: &Path,
        name: &str,
        keys: Keys,
        reader: Reader,
        writer: Option<Connection>,
        lock: Option<Lock>,
    ) -> Result<Self, Failure> {
        let db = reader.db();
        let numbers = Numbers::read(db)?;
        let noted = Noted { header: read_header(db)?, rejects: rejects::count(db)? };
        let snapshot = snapshot::load(&folder.join(SNAPSHOT), numbers.mark, &keys.hash_key);
        #[cfg(test)]
        let faults = Faults::opened(snapshot.is_some());
        let resident = match snapshot {
            Some(index) => Resident { index, open: open_rows(db)?.into_iter().collect() },
            None => scan(db, &keys)?,
        };
        reader.check()?;
        let writer = writer.map(|db| Mutex::new(Writer { db, numbers, in_flight: HashMap::new() }));
        Ok(Self {
            name: name.to_owned(),
            keys,
            folder: folder.to_owned(),
            resident: Mutex::new(resident),
            noted: Mutex::new(noted),
            requests: AtomicU64::new(first_request(numbers.epoch)),
            reader: Mutex::new(reader),
            writer,
            #[cfg(test)]
            faults,
            _lock: lock,
        })
    }
}

/// A snapshot of an index is written beside a database that has content. One without it is what is left of a state:
/// taken for a fresh one, everything would be sent again, and nobody who vanished would ever be removed.
fn refuse_remains(folder: &Path, name: &str) -> Result<(), StateError> {
    let empty = |file: &str| std::fs::metadata(folder.join(file)).map_or(true, |file| file.len() == 0);
    if empty(DATABASE) && empty(&format!("{DATABASE}-wal")) && folder.join(SNAPSHOT).exists() {
        let cause = format!(
            "its file {DATABASE} is lost or empty; restore it from a backup, or remove the folder {} to begin anew",
            folder.display()
        );
        return Err(StateError::Unreadable { name: name.to_owned(), cause });
    }
    Ok(())
}

fn open_reader(folder: &Path, name: &str, keys: &Keys) -> Result<Option<Reader>, StateError> {
    refuse_remains(folder, name)?;
    let path = folder.join(DATABASE);
    let write_ahead = std::fs::metadata(folder.join(format!("{DATABASE}-wal"))).map_or(0, |file| file.len());
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(StateError::Unreadable { name: name.to_owned(), cause: error.to_string() });
        }
        Ok(file) if file.len() == 0 && write_ahead == 0 => return Ok(None),
        Ok(_) => {}
    }
    let immutable = write_ahead == 0;
    let watched = if immutable {
        Some(Watched::new(&path).map_err(|error| Failure::Io(error).of_reading(name))?)
    } else {
        None
    };
    let db = sqlite::open_reading(&path, &STORE, name, keys.key_check(), immutable)?;
    // One moment for all that is read, however long it takes.
    db.execute_batch("BEGIN").map_err(|error| Failure::Sql(error).of_reading(name))?;
    Ok(Some(Reader::new(db, watched)))
}
