//! A state that can be written only so often: what is on the disk afterwards is what a kill leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use grouparoo::data::HashKey;
use grouparoo::state::{Commit, Found, Header, Probe, Record, Reject, Size, StateError, Store};

/// A store whose commits fail after the first few, each one from then on.
pub struct Dying {
    store: Arc<dyn Store>,
    left: AtomicU64,
}

impl Dying {
    /// Lets so many commits pass.
    pub fn after(most: u64, store: Arc<dyn Store>) -> Self {
        Self { store, left: AtomicU64::new(most) }
    }

    fn alive(&self) -> Result<(), StateError> {
        let take = |left: u64| left.checked_sub(1);
        let alive = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        let dead =
            || StateError::Unwritable { name: "of a scenario".to_owned(), cause: "it died".to_owned() };
        alive.then_some(()).ok_or_else(dead)
    }
}

impl Store for Dying {
    fn hash_key(&self) -> &HashKey {
        self.store.hash_key()
    }

    fn header(&self) -> Header {
        self.store.header()
    }

    fn begin(&self) -> Result<Header, StateError> {
        self.store.begin()
    }

    fn next_request(&self) -> u64 {
        self.store.next_request()
    }

    fn probe(&self, probes: &[Probe<'_>], out: &mut Vec<Found>) -> Result<(), StateError> {
        self.store.probe(probes, out)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Record>, StateError> {
        self.store.get(key)
    }

    fn expect(&self, records: u64) {
        self.store.expect(records);
    }

    fn commit(&self, epoch: u64, commit: Commit) -> Result<(), StateError> {
        self.alive()?;
        self.store.commit(epoch, commit)
    }

    fn unseen(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.store.unseen(each)
    }

    fn all(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.store.all(each)
    }

    fn size(&self) -> Size {
        self.store.size()
    }

    fn rejects(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), StateError> {
        self.store.rejects(each)
    }

    fn drop_rejects_before(&self, epoch: u64, serial: u64) -> Result<(), StateError> {
        self.alive()?;
        self.store.drop_rejects_before(epoch, serial)
    }

    fn end(&self, epoch: u64) -> Result<(), StateError> {
        self.alive()?;
        self.store.end(epoch)
    }
}
