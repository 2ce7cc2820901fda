//! Failures that tests ask for.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::LogStore;
use super::keys::Keys;
use super::read::{scan, walk};
use crate::data::HashKey;
use crate::state::StateError;

/// Failures to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    compactions_left: AtomicUsize,
    by_snapshot: bool,
}

impl Faults {
    /// None, for a store whose index came from its snapshot or not.
    pub fn opened(by_snapshot: bool) -> Self {
        Self { by_snapshot, ..Self::default() }
    }

    /// Whether the compaction stops here.
    pub fn stop_compaction(&self) -> bool {
        let left = self.compactions_left.load(Ordering::Relaxed);
        self.compactions_left.store(left.saturating_sub(1), Ordering::Relaxed);
        left == 1
    }
}

impl LogStore {
    /// Opens a store without a lock in which only the given bits of keys' hashes count, and which does not wait
    /// for the disk: a kill, unlike a loss of power, takes nothing from what the system was given.
    pub(in crate::state) fn open_colliding(
        folder: &Path,
        name: &str,
        hash_key: HashKey,
        spread: u64,
    ) -> Result<Self, StateError> {
        let mut keys = Keys::new(hash_key);
        keys.spread = spread;
        let store = Self::open_with(folder, name, keys, None)?;
        let synchronous = store.writer().map(|writer| writer.db.pragma_update(None, "synchronous", "OFF"));
        synchronous.expect("a writer").expect("set");
        Ok(store)
    }

    /// Whether the index is what a scan of the log builds, and the records of the log are counted rightly.
    pub(in crate::state) fn index_fits_the_log(&self) -> bool {
        let mut logged = 0;
        let count = |_, _: super::row::Body<'_>| {
            logged += 1;
            Ok(())
        };
        walk(self.reader().db(), count).expect("a log");
        let counted = self.writer().expect("a store for a run").numbers.logged;
        let mut scanned = scan(self.reader().db(), &self.keys).expect("a log");
        let mut resident = self.resident();
        resident.index.clean(true);
        scanned.index.clean(true);
        logged == counted
            && resident.open == scanned.open
            && resident.index.sorted() == scanned.index.sorted()
    }

    /// The bits of a key's second hash that the index keeps.
    pub(in crate::state) fn tag_of(hash_key: HashKey, key: &[u8]) -> u64 {
        Keys::new(hash_key).identity(key).check & super::index::TAG
    }

    /// Whether the index came from its snapshot.
    pub(in crate::state) fn opened_by_snapshot(&self) -> bool {
        self.faults.by_snapshot
    }

    /// The file of the index.
    pub(in crate::state) fn snapshot_path(&self) -> PathBuf {
        self.folder.join(super::SNAPSHOT)
    }

    /// A setting of the connection that writes.
    pub(in crate::state) fn setting(&self, pragma: &str) -> String {
        let writer = self.writer().expect("a store for a run");
        let value = writer.db.pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0));
        match value.expect("a setting") {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Lets compaction stop after so many transactions, as a kill would.
    pub(in crate::state) fn stop_compaction_after(&self, transactions: usize) {
        self.faults.compactions_left.store(transactions, Ordering::Relaxed);
    }

    /// Lets the database file grow by so many pages at most, as a disk that fills up would.
    pub(in crate::state) fn leave_pages(&self, pages: u32) {
        let writer = self.writer().expect("a store for a run");
        let used: u32 = writer.db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a count");
        let limit = format!("PRAGMA max_page_count = {}", used + pages);
        writer.db.query_row(&limit, [], |_| Ok(())).expect("a limit");
    }
}
