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
mod probe;
mod read;
mod rejects;
mod schema;
mod snapshot;
mod varint;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::folder::Lock;
use super::sqlite::{self, Failure};
use super::{Commit, Found, Header, Probe, Record, Reject, Size, StateError, Store};
use crate::data::HashKey;
use keys::Keys;
use read::{Reader, Resident, Visit, Watched};
use schema::{Numbers, STORE};
use write::{Appender, InFlight, Outcome};

/// Names of a store's files in its folder.
const DATABASE: &str = "state.db";
const SNAPSHOT: &str = "index";

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
    /// Opens or makes the store of this folder, for a run. `lock` is held as long as the store.
    pub(in crate::state) fn open(
        folder: &Path,
        name: &str,
        hash_key: HashKey,
        lock: Lock,
    ) -> Result<Self, StateError> {
        Self::open_with(folder, name, Keys::new(hash_key), Some(lock))
    }

    fn open_with(folder: &Path, name: &str, keys: Keys, lock: Option<Lock>) -> Result<Self, StateError> {
        let path = folder.join(DATABASE);
        create_private(&path).map_err(|error| Failure::Io(error).of(name))?;
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
        Self::load(folder, name, keys, reader, None, None).map(Some).map_err(|failure| failure.of(name))
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
            let summary = Summary { header: schema::read_header(db)?, size };
            reader.check()?;
            Ok(summary)
        };
        summary().map(Some).map_err(|failure| failure.of(name))
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
        let noted = Noted { header: schema::read_header(db)?, rejects: rejects::count(db)? };
        let snapshot = snapshot::load(&folder.join(SNAPSHOT), numbers.mark, &keys.hash_key);
        #[cfg(test)]
        let faults = faults::Faults::opened(snapshot.is_some());
        let resident = match snapshot {
            Some(index) => Resident { index, open: read::open_rows(db)?.into_iter().collect() },
            None => read::scan(db, &keys)?,
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

    fn take(&self) -> Result<Header, Failure> {
        let mut writer = self.writer()?;
        let Writer { db, numbers, in_flight } = &mut *writer;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stored = Numbers::read(&transaction)?;
        let mut resident = self.resident();
        if stored.mark != numbers.mark {
            // Somebody wrote since, or the last transaction was not understood: what is in memory is void.
            *resident = read::scan(&transaction, &self.keys)?;
        }
        let lineage = random();
        let mut appender = Appender::new(&transaction, &self.keys, stored);
        appender.close_dead(read::open_rows(&transaction)?, &resident.index)?;
        let outcome = appender.finish(|numbers| {
            numbers.epoch += 1;
            numbers.serial += 1;
            numbers.mark.lineage = lineage;
            numbers.records = resident.index.records();
            numbers.known = resident.index.known();
        })?;
        let header = Header {
            epoch: outcome.numbers.epoch,
            serial: outcome.numbers.serial,
            ..schema::read_header(&transaction)?
        };
        transaction.commit()?;
        in_flight.clear();
        self.apply(outcome, numbers, in_flight, &mut resident, db)?;
        resident.index.clean(true);
        self.requests.fetch_max(first_request(header.epoch), Ordering::Relaxed);
        self.noted().header = header.clone();
        Ok(header)
    }

    fn write(&self, epoch: u64, commit: Commit) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        let Writer { db, numbers, in_flight } = &mut *writer;
        let transaction = fenced(db, epoch, numbers)?;
        let mut appender = Appender::new(&transaction, &self.keys, *numbers);
        let mut settled = Vec::with_capacity(commit.settlements.len());
        for settlement in commit.settlements {
            let request = settlement.request;
            let flight = in_flight.get(&request).filter(|_| !settled.contains(&request));
            let flight = flight.ok_or_else(|| Failure::Refused(format!("request {request} is not open")))?;
            appender.settle(settlement, flight, &self.resident().index)?;
            settled.push(request);
        }
        for change in commit.changes {
            appender.change(change)?;
        }
        for intent in &commit.intents {
            appender.intent(intent)?;
        }
        let mut rejects = None;
        if !commit.rejects.is_empty() || (!commit.cleared_rejects.is_empty() && self.noted().rejects > 0) {
            rejects::update(&transaction, &commit.cleared_rejects, &commit.rejects)?;
            rejects = Some(rejects::count(&transaction)?);
        }
        let header = commit.header.map(|header| Header { epoch, ..header });
        if let Some(header) = &header {
            let mut update = transaction.prepare_cached("UPDATE store SET header = ?1")?;
            update.execute([header.body.to_string()])?;
        }
        let (records, known) = {
            let resident = self.resident();
            (resident.index.records(), resident.index.known())
        };
        let outcome = appender.finish(|numbers| {
            numbers.records = records;
            numbers.known = known;
            numbers.serial = header.as_ref().map_or(numbers.serial, |header| header.serial);
        })?;
        transaction.commit()?;
        let mut resident = self.resident();
        for request in settled {
            in_flight.remove(&request);
        }
        self.apply(outcome, numbers, in_flight, &mut resident, db)?;
        drop(resident);
        let mut noted = self.noted();
        noted.header = header.unwrap_or_else(|| noted.header.clone());
        noted.rejects = rejects.unwrap_or(noted.rejects);
        Ok(())
    }

    fn apply(
        &self,
        outcome: Outcome,
        numbers: &mut Numbers,
        in_flight: &mut HashMap<u64, InFlight>,
        resident: &mut Resident,
        db: &Connection,
    ) -> Result<(), Failure> {
        *numbers = outcome.numbers;
        outcome.apply(resident, in_flight, db).inspect_err(|_| {
            // What is in memory is half-way: no mark of the log fits it until the next run reads it anew.
            numbers.mark.transactions = u64::MAX;
        })
    }

    fn finish(&self, epoch: u64) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        {
            let Writer { db, numbers, .. } = &mut *writer;
            fenced(db, epoch, numbers)?;
        }
        self.resident().index.clean(false);
        match self.tidy(&mut writer) {
            Err(Failure::Fenced) => Err(Failure::Fenced),
            Err(failure) => {
                tracing::warn!(state = %self.name, cause = %failure.of(&self.name), "the state was not compacted");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Makes the store small and quick to open. When that fails nothing is lost: it is tried again by the end
    /// of the next run, and a log without a snapshot is read as a whole.
    fn tidy(&self, writer: &mut Writer) -> Result<(), Failure> {
        self.compact(writer)?;
        let Writer { db, numbers, .. } = writer;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let resident = self.resident();
        let outcome = Appender::new(&transaction, &self.keys, *numbers).finish(|numbers| {
            numbers.records = resident.index.records();
            numbers.known = resident.index.known();
        })?;
        transaction.commit()?;
        *numbers = outcome.numbers;
        snapshot::save(&self.folder.join(SNAPSHOT), &resident.index, numbers.mark, &self.keys.hash_key)?;
        drop(resident);
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    fn drop_rejects(&self, epoch: u64, serial: u64) -> Result<(), Failure> {
        let mut writer = self.writer()?;
        let Writer { db, numbers, .. } = &mut *writer;
        let transaction = fenced(db, epoch, numbers)?;
        rejects::drop_before(&transaction, serial)?;
        let count = rejects::count(&transaction)?;
        transaction.commit()?;
        self.noted().rejects = count;
        Ok(())
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

    fn named<T>(&self, result: Result<T, Failure>) -> Result<T, StateError> {
        result.map_err(|failure| failure.of(&self.name))
    }
}

/// Begins a transaction that the run of this epoch may make.
fn fenced<'a>(db: &'a mut Connection, epoch: u64, numbers: &Numbers) -> Result<Transaction<'a>, Failure> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored = Numbers::read(&transaction)?;
    if stored.epoch != epoch {
        return Err(Failure::Fenced);
    }
    if stored.mark != numbers.mark {
        return Err(Failure::Refused("an earlier commit was left half-way; begin a new run".to_owned()));
    }
    Ok(transaction)
}

/// Requests of different epochs never share a number, whatever was lost before it was committed.
fn first_request(epoch: u64) -> u64 {
    epoch << 32
}

fn random() -> u64 {
    let [a, b, c, d, e, f, ..] = *uuid::Uuid::new_v4().as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

fn open_reader(folder: &Path, name: &str, keys: &Keys) -> Result<Option<Reader>, StateError> {
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
        Some(Watched::new(&path).map_err(|error| Failure::Io(error).of(name))?)
    } else {
        None
    };
    let db = sqlite::open_reading(&path, &STORE, name, keys.key_check(), immutable)?;
    // One moment for all that is read, however long it takes.
    db.execute_batch("BEGIN").map_err(|error| Failure::Sql(error).of(name))?;
    Ok(Some(Reader::new(db, watched)))
}

/// Makes a file that only its owner can read, unless it is there.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
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
        self.named(self.take())
    }

    fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    fn expect(&self, records: u64) {
        self.resident().index.expect(records);
    }

    fn probe(&self, probes: &[Probe<'_>], out: &mut Vec<Found>) -> Result<(), StateError> {
        self.named(self.look_up(probes, out))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Record>, StateError> {
        self.named(self.record_of(key))
    }

    fn commit(&self, epoch: u64, commit: Commit) -> Result<(), StateError> {
        self.named(self.write(epoch, commit))
    }

    fn unseen(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.named(self.visit(Visit::Unseen, each))
    }

    fn all(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.named(self.visit(Visit::All, each))
    }

    fn size(&self) -> Size {
        let rejects = self.noted().rejects;
        let resident = self.resident();
        let (records, known) = (resident.index.records(), resident.index.known());
        Size { records, known, rejects, bytes: bytes_of(&self.folder) }
    }

    fn rejects(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), StateError> {
        self.named(self.each_reject(each))
    }

    fn drop_rejects_before(&self, epoch: u64, serial: u64) -> Result<(), StateError> {
        self.named(self.drop_rejects(epoch, serial))
    }

    fn end(&self, epoch: u64) -> Result<(), StateError> {
        self.named(self.finish(epoch))
    }
}
