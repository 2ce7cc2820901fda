//! The embedded store: a log of records in one SQLite file, and an index of it in memory.
//!
//! The log is only appended to, one row a request or a pack of records; of each key the newest record counts.
//! A request is written once, before it goes out, with what its records will be when it is acknowledged: the
//! acknowledgement only takes the row from the list of open ones. While a row is listed, its records are read
//! in their open form.
//!
//! In memory are hashes, fingerprints and places, 24 bytes a record, so that a run in which nothing changed
//! never looks at the disk. What is dead in the log is removed at the end of a run.

mod codec;
mod compact;
#[cfg(test)]
mod faults;
mod index;
mod keys;
mod open;
mod probe;
mod read;
mod rejects;
mod row;
mod run;
mod schema;
mod snapshot;
mod varint;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::folder::Lock;
use super::sqlite::Failure;
use super::{Commit, Found, Header, Probe, Record, Reject, Size, StateError, Store};
use crate::data::HashKey;
use keys::Keys;
use read::{Reader, Resident, Visit};
use schema::Numbers;
use write::InFlight;

/// Names of a store's files in its folder.
pub(in crate::state) const DATABASE: &str = "state.db";
pub(in crate::state) const SNAPSHOT: &str = "index";

/// The embedded [`Store`].
///
/// Opened by [`Folder::store`](super::Folder::store) for a run or by
/// [`Folder::read_store`](super::Folder::read_store) for reading.
#[derive(Debug)]
pub struct LogStore {
    name: String,
    keys: Keys,
    folder: PathBuf,
    resident: Mutex<Resident>,
    noted: Mutex<Noted>,
    requests: AtomicU64,
    // In this order they are closed: the writer last, which folds the write-ahead log in, then the lock.
    reader: Mutex<Reader>,
    writer: Option<Mutex<Writer>>,
    #[cfg(test)]
    faults: faults::Faults,
    _lock: Option<Lock>,
}

/// The connection that writes, and what it must know to do so.
#[derive(Debug)]
struct Writer {
    db: Connection,
    numbers: Numbers,
    in_flight: HashMap<u64, InFlight>,
}

/// Small things that are asked often.
#[derive(Debug)]
struct Noted {
    header: Header,
    rejects: u64,
}

/// What can be told of a store without its records.
#[derive(Debug)]
pub(in crate::state) struct Summary {
    pub header: Header,
    pub size: Size,
}

impl LogStore {
    fn resident(&self) -> MutexGuard<'_, Resident> {
        self.resident.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, Failure> {
        let writer =
            self.writer.as_ref().ok_or_else(|| Failure::Refused("it is open for reading".to_owned()))?;
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn each_reject(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), Failure> {
        let mut last = None;
        loop {
            let rejects = {
                let reader = self.reader();
                let rejects = rejects::after(reader.db(), last.as_ref())?;
                reader.check()?;
                rejects
            };
            let Some(newest) = rejects.last().cloned() else { return Ok(()) };
            last = Some(newest);
            for reject in rejects {
                if !each(reject) {
                    return Ok(());
                }
            }
        }
    }

    fn written<T>(&self, result: Result<T, Failure>) -> Result<T, StateError> {
        result.map_err(|failure| failure.of_writing(&self.name, &self.folder))
    }

    fn was_read<T>(&self, result: Result<T, Failure>) -> Result<T, StateError> {
        result.map_err(|failure| failure.of_reading(&self.name))
    }
}

/// Requests of different epochs never share a number, whatever was lost before it was committed.
fn first_request(epoch: u64) -> u64 {
    epoch << 32
}

fn bytes_of(folder: &Path) -> u64 {
    let files = [DATABASE.to_owned(), format!("{DATABASE}-wal"), SNAPSHOT.to_owned()];
    files.iter().filter_map(|file| std::fs::metadata(folder.join(file)).ok()).map(|file| file.len()).sum()
}

impl Store for LogStore {
    fn hash_key(&self) -> &HashKey {
        &self.keys.hash_key
    }

    fn header(&self) -> Header {
        self.noted().header.clone()
    }

    fn begin(&self) -> Result<Header, StateError> {
        self.written(self.take())
    }

    fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    fn expect(&self, records: u64) {
        self.resident().index.expect(records);
    }

    fn probe(&self, probes: &[Probe<'_>], out: &mut Vec<Found>) -> Result<(), StateError> {
        self.was_read(self.look_up(probes, out))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Record>, StateError> {
        self.was_read(self.record_of(key))
    }

    fn commit(&self, epoch: u64, commit: Commit) -> Result<(), StateError> {
        self.written(self.write(epoch, commit))
    }

    fn unseen(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.was_read(self.visit(Visit::Unseen, each))
    }

    fn all(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.was_read(self.visit(Visit::All, each))
    }

    fn size(&self) -> Size {
        let rejects = self.noted().rejects;
        let resident = self.resident();
        let (records, known) = (resident.index.records(), resident.index.known());
        Size { records, known, rejects, bytes: bytes_of(&self.folder) }
    }

    fn rejects(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), StateError> {
        self.was_read(self.each_reject(each))
    }

    fn drop_rejects_before(&self, epoch: u64, serial: u64) -> Result<(), StateError> {
        self.written(self.drop_rejects(epoch, serial))
    }

    fn end(&self, epoch: u64) -> Result<(), StateError> {
        self.written(self.finish(epoch))
    }
}
