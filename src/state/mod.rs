//! What is remembered of deliveries: one trait, an embedded store and an in-memory reference.
//! Knows neither Braze nor Kubernetes.
//!
//! One store holds one Destination's memory: who was delivered with which attributes (as keyed hashes), which
//! requests were on the wire, and the header with binding, schema and ledger. A commit is atomic and durable
//! when [`Store::commit`] returns.

mod app;
mod folder;
mod log;
mod memory;
mod record;
mod sqlite;
#[cfg(test)]
mod suite;

pub use app::{AppLedger, DELETES_KEPT_DAYS, MemoryAppLedger, OptOut, Person};
pub use folder::{Folder, FolderOptions, Listed, Lock, Stamp};
pub use log::LogStore;
pub use memory::MemoryStore;
pub use record::{AttributeEntry, GroupEntry, GroupState, Record, Status};

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a record lies in a store's log. Opaque outside this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(pub(in crate::state) u64);

impl Location {
    /// The record at a position of a row of the log.
    fn new(row: u64, position: usize) -> Self {
        Self(row << 8 | position as u64)
    }

    /// The row.
    fn row(self) -> u64 {
        self.0 >> 8
    }

    /// The position in it.
    fn position(self) -> usize {
        (self.0 & 0xff) as usize
    }
}

/// One key to look up: its hash, and the fingerprint of what the configuration and this run's row want.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// The canonical key.
    pub key: &'a [u8],
    /// Its hash by the store's key, see [`Store::hash_key`].
    pub key_hash: u64,
    /// Hash of all that is wanted for the record, its key included: a key is told by it where possible. Never 0.
    pub fingerprint: u64,
}

/// Answer to a [`Probe`]. The look-up also marks the key as seen in this run.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The key was never seen: a place is reserved for it, so that a second row of it is a `Duplicate`.
    New,
    /// Known, and what was acknowledged has the same fingerprint: there is nothing to do.
    Unchanged,
    /// Known, and something differs or is open: the remembered record.
    Known(Box<Record>),
    /// The key was probed before in this run.
    Duplicate,
}

/// A request about to be sent: durable before it goes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Number of the request, unique in the store: from [`Store::next_request`].
    pub request: u64,
    /// What kind of request.
    pub kind: IntentKind,
    /// When it was noted.
    pub time: Timestamp,
    /// The records it carries, in the order of its objects.
    pub records: Vec<Arc<IntendedRecord>>,
}

/// Kinds of requests that change something at Braze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntentKind {
    /// Attributes and groups by `/users/track`.
    Track,
    /// Users by `/users/delete`.
    Delete,
}

/// What a record will be when its request is acknowledged, and what is open until then.
#[derive(Clone, Debug, PartialEq)]
pub struct IntendedRecord {
    /// The record after an acknowledgement. For a delete only the key counts.
    pub after: Record,
    /// The record as it was before: restored by a refusal. `None`: the key was not known.
    pub before: Option<Box<Record>>,
    /// What the request touches, see [`IntendedRecord::open`].
    pub touched: Touched,
    /// Fingerprint to remember with `after`; 0 when the next run must look again.
    pub fingerprint: u64,
}

/// What one object of a request touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Attribute columns.
    pub attributes: Vec<u16>,
    /// Group columns, each with what holds while no answer is known.
    pub groups: Vec<(u16, GroupState)>,
    /// The request deletes the user: since when.
    pub deletes: Option<Timestamp>,
}

impl IntendedRecord {
    /// What holds while no answer is known: touched attributes `unknown`, touched groups as listed, a record
    /// that was not known before `attempted`.
    pub fn open(&self) -> Record {
        let mut open = match &self.before {
            Some(before) => (**before).clone(),
            None => Record::new(self.after.key.clone(), Status::Attempted),
        };
        if !open.status.is_known() && self.touched.deletes.is_none() && self.after.status.is_known() {
            open.status = Status::Attempted;
        }
        for &column in &self.touched.attributes {
            open.set_attribute(column.into(), AttributeEntry::Unknown);
        }
        for &(column, state) in &self.touched.groups {
            let address = self.after.group(column.into()).address;
            open.set_group(column.into(), GroupEntry { state, address });
        }
        if self.touched.deletes.is_some() {
            open.delete_sent = self.touched.deletes;
        }
        open
    }
}

/// A change that needs no request: a record by comparison alone, a mark, a forgotten record.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Writes a record with its fingerprint (0: the next run must look again).
    Put(Record, u64),
    /// Forgets a key.
    Erase(Vec<u8>),
}

/// How a request ended, record by record.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The request.
    pub request: u64,
    /// Records that did not end as intended: position in the intent and what holds instead. `None` in the
    /// change: as it was before the request (a refusal of a known record restores it).
    pub exceptions: Vec<(usize, Settled)>,
}

/// What holds for one record of a request that did not end as intended.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "exceptions are few and do not live long")]
pub enum Settled {
    /// Nothing is known of the answer: the open form of the intent holds.
    Unknown,
    /// As it was before the request: the object certainly had no effect.
    Before,
    /// This record instead, with this fingerprint (a refused object, groups that failed, …).
    Instead(Record, u64),
}

/// A rejected record, for `grouparoo rejects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The key in clear, or where the row stood in the read (`row 12`) when it has no usable key.
    pub key: String,
    /// Property, target or group concerned.
    pub field: String,
    /// Stable code.
    pub code: String,
    /// Serial of the run that saw it last.
    pub run: u64,
    /// When it was seen first.
    pub first_seen: Timestamp,
}

/// What one durable commit contains. All of it or nothing is applied, in this order: settlements, changes,
/// intents, rejects, header.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Requests to be released by this commit.
    pub intents: Vec<Intent>,
    /// Requests that were answered, or given up.
    pub settlements: Vec<Settlement>,
    /// Changes without a request.
    pub changes: Vec<Change>,
    /// Rejects to add or renew (by key, field and code).
    pub rejects: Vec<Reject>,
    /// Keys whose rejects are forgotten before `rejects` are added: records read and found in order. A reject
    /// that the same commit adds again keeps the time when it was seen first.
    pub cleared_rejects: Vec<String>,
    /// A new header, when it changed. Its epoch is that of the commit, whatever it says.
    pub header: Option<Header>,
}

/// All that a store remembers besides records: small, versioned, rewritten as a whole.
///
/// The content is the engine's; this room stores it and enforces only `epoch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Who may write, see [`Store::begin`].
    pub epoch: u64,
    /// Serial of the newest run that began.
    pub serial: u64,
    /// The engine's own part: binding, schema, ledger.
    pub body: serde_json::Value,
}

/// Sizes of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Records with an entry of any status.
    pub records: u64,
    /// Records that count as known: `live` or `attempted`.
    pub known: u64,
    /// Rejects: with none there is nothing to clear.
    pub rejects: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// The memory of one Destination. All methods may block on the disk: call them off the async threads.
///
/// One run writes at a time; `probe` and `load` may run beside `commit` from another thread.
pub trait Store: Send + Sync {
    /// The key of all hashes of this store, derived from the folder's key and the store's name.
    fn hash_key(&self) -> &crate::data::HashKey;

    /// The header as of the last commit.
    fn header(&self) -> Header;

    /// Takes the store for a run: epoch + 1 and serial + 1, durable. Open intents of earlier runs have been
    /// turned into their open form; no key is marked as seen. Returns the new header.
    fn begin(&self) -> Result<Header, StateError>;

    /// A number for the next request; never given twice by a store.
    fn next_request(&self) -> u64;

    /// Looks keys up under one lock, see [`Found`]. `out` is cleared and has one answer a probe.
    fn probe(&self, probes: &[Probe<'_>], out: &mut Vec<Found>) -> Result<(), StateError>;

    /// The remembered record of a key, without marking it as seen.
    fn get(&self, key: &[u8]) -> Result<Option<Record>, StateError>;

    /// Tells how many records are expected, so that room for them is made once. Only a hint.
    fn expect(&self, _records: u64) {}

    /// Applies a commit, durably. `epoch` is that of [`Store::begin`]; when another run has taken the store
    /// since: [`StateError::Fenced`], and nothing is applied. The same for a settlement of a request that is
    /// not open ([`StateError::Unwritable`]).
    ///
    /// A settlement concerns a record only as long as nothing newer was written for its key; a
    /// [`Settled::Instead`] is newer itself. A record settled as [`Settled::Before`] is looked at again by the
    /// next run (fingerprint 0).
    fn commit(&self, epoch: u64, commit: Commit) -> Result<(), StateError>;

    /// Calls `each` with every record not seen in this run, in an order of the store's choice, until it
    /// returns `false`. Commits may follow only after the call.
    fn unseen(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError>;

    /// The same for all records.
    fn all(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError>;

    /// Sizes as of the last commit.
    fn size(&self) -> Size;

    /// Rejected records, in an order of the store's choice.
    fn rejects(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), StateError>;

    /// Forgets all rejects whose `run` is older than the given serial: the end of a full read.
    fn drop_rejects_before(&self, epoch: u64, serial: u64) -> Result<(), StateError>;

    /// Ends a run well: compacts, writes the index snapshot. Harmless to leave out (a kill).
    fn end(&self, epoch: u64) -> Result<(), StateError>;
}

/// Why a state could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run has taken the store.
    #[error("another run has taken the state {name} since")]
    Fenced {
        /// Name of the store.
        name: String,
    },
    /// Another process holds the store.
    #[error("the state {name} is in use by {holder}")]
    Held {
        /// Name of the store.
        name: String,
        /// Who holds it: program, host, process number, since when.
        holder: String,
    },
    /// Written by a newer version.
    #[error("the state {name} was written by a newer version (format {found}, this program knows {known})")]
    Newer {
        /// Name of the store.
        name: String,
        /// Format number found.
        found: u32,
        /// Newest format number known here.
        known: u32,
    },
    /// Damaged, or written with another hash key.
    #[error("the state {name} cannot be read: {cause}")]
    Unreadable {
        /// Name of the store.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// The disk is full, read-only, or failed.
    #[error("the state {name} cannot be written: {cause}")]
    Unwritable {
        /// Name of the store.
        name: String,
        /// What the system said.
        cause: String,
    },
}
