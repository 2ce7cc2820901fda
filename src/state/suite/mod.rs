//! One suite for all stores: what the contract of [`Store`] promises, whatever keeps it.

mod crash;
mod folders;
mod intents;
mod model;
mod rules;
mod sizes;

use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::data::HashKey;

/// Where a store lives over restarts.
pub(super) trait Home {
    fn store(&self) -> &dyn Store;
    /// The process dies and another one opens the store.
    fn restart(&mut self);
    /// Bits of keys' hashes that count.
    fn spread(&self) -> u64 {
        u64::MAX
    }
}

struct InMemory(MemoryStore);

impl Home for InMemory {
    fn store(&self) -> &dyn Store {
        &self.0
    }
    fn restart(&mut self) {}
}

/// An embedded store in a folder of its own.
pub(super) struct Embedded {
    pub folder: TempDir,
    pub spread: u64,
    pub log: Option<LogStore>,
}

impl Embedded {
    pub fn new(spread: u64) -> Self {
        let mut home = Self { folder: tempfile::tempdir().expect("a folder"), spread, log: None };
        home.restart();
        home
    }

    pub fn log(&self) -> &LogStore {
        self.log.as_ref().expect("an open store")
    }

    /// A store opened from a copy of the files as they are now: what a kill or a backup would find.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy_files(self.folder.path(), folder.path());
        let mut copy = Self { folder, spread: self.spread, log: None };
        copy.restart();
        copy
    }
}

/// Copies all files but the shared memory, which a new process makes anew.
pub(super) fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

impl Home for Embedded {
    fn store(&self) -> &dyn Store {
        self.log()
    }
    fn restart(&mut self) {
        self.log = None;
        let path = self.folder.path();
        self.log =
            Some(LogStore::open_colliding(path, "shop/crm", hash_key(), self.spread).expect("a store"));
    }
    fn spread(&self) -> u64 {
        self.spread
    }
}

pub(super) fn hash_key() -> HashKey {
    HashKey::new(*b"fedcba9876543210")
}

/// Runs a test on every kind of store; on the embedded one also with hashes of keys that collide.
pub(super) fn everywhere(test: impl Fn(&mut dyn Home)) {
    test(&mut InMemory(MemoryStore::new("shop/crm", hash_key())));
    test(&mut Embedded::new(u64::MAX));
    test(&mut Embedded::new(1));
}

pub(super) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).expect("a time")
}

/// A live record with these attribute hashes.
pub(super) fn live(key: &str, hashes: &[u64]) -> Record {
    let attributes = hashes.iter().map(|&hash| AttributeEntry::Hash(hash)).collect();
    Record { attributes, ..Record::new(key, Status::Live) }
}

/// A fingerprint of the given content: as the engine's, it covers the key. 0 stays 0.
pub(super) fn mark(key: &[u8], content: u64) -> u64 {
    if content == 0 { 0 } else { HashKey::new([3; 16]).hash(key) ^ content }
}

pub(super) fn look(home: &dyn Home, key: &str, fingerprint: u64) -> Found {
    let mut out = Vec::new();
    let key_hash = home.store().hash_key().hash(key.as_bytes()) & home.spread();
    let probe = Probe { key: key.as_bytes(), key_hash, fingerprint: mark(key.as_bytes(), fingerprint) };
    home.store().probe(&[probe], &mut out).expect("an answer");
    assert_eq!(out.len(), 1);
    out.remove(0)
}

pub(super) fn get(home: &dyn Home, key: &str) -> Option<Record> {
    home.store().get(key.as_bytes()).expect("an answer")
}

pub(super) fn put(record: Record, fingerprint: u64) -> Commit {
    let fingerprint = mark(&record.key, fingerprint);
    Commit { changes: vec![Change::Put(record, fingerprint)], ..Commit::default() }
}

/// All records by key.
pub(super) fn all(store: &dyn Store) -> Vec<Record> {
    let mut records = Vec::new();
    store
        .all(&mut |record| {
            records.push(record);
            true
        })
        .expect("records");
    records.sort_by(|a: &Record, b| a.key.cmp(&b.key));
    records
}

pub(super) fn unseen(store: &dyn Store) -> Vec<String> {
    let mut keys = Vec::new();
    store
        .unseen(&mut |record| {
            keys.push(String::from_utf8(record.key).expect("text"));
            true
        })
        .expect("records");
    keys.sort();
    keys
}

pub(super) fn rejects(store: &dyn Store) -> Vec<Reject> {
    let mut rejects = Vec::new();
    store
        .rejects(&mut |reject| {
            rejects.push(reject);
            true
        })
        .expect("rejects");
    rejects.sort_by_key(|reject: &Reject| (reject.key.clone(), reject.field.clone(), reject.code.clone()));
    rejects
}

/// A request that makes the record what is given, touching its attributes.
pub(super) fn intended(after: Record, before: Option<Record>, fingerprint: u64) -> IntendedRecord {
    let touched = Touched { attributes: (0..after.attributes.len() as u16).collect(), ..Touched::default() };
    let fingerprint = mark(&after.key, fingerprint);
    IntendedRecord { after, before: before.map(Box::new), touched, fingerprint }
}

pub(super) fn track(request: u64, records: Vec<IntendedRecord>) -> Commit {
    let records = records.into_iter().map(Arc::new).collect();
    let intent = Intent { request, kind: IntentKind::Track, time: time(0), records };
    Commit { intents: vec![intent], ..Commit::default() }
}

pub(super) fn delete(request: u64, records: &[Record]) -> Commit {
    let records = records.iter().map(|before| IntendedRecord {
        after: Record::new(before.key.clone(), Status::Live),
        before: Some(Box::new(before.clone())),
        touched: Touched { deletes: Some(time(7)), ..Touched::default() },
        fingerprint: 0,
    });
    let intent =
        Intent { request, kind: IntentKind::Delete, time: time(7), records: records.map(Arc::new).collect() };
    Commit { intents: vec![intent], ..Commit::default() }
}

pub(super) fn settle(request: u64, exceptions: Vec<(usize, Settled)>) -> Commit {
    Commit { settlements: vec![Settlement { request, exceptions }], ..Commit::default() }
}
