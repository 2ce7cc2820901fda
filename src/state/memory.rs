//! The in-memory reference: the whole contract of [`Store`] without a disk, for plans without a state and for
//! tests, which can let it fail and wait for its commits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{
    Change, Commit, Found, Header, Intent, IntentKind, Probe, Record, Reject, Settled, Settlement, Size,
    StateError, Store,
};
use crate::data::HashKey;

/// A [`Store`] that forgets everything when it is dropped.
#[derive(Debug)]
pub struct MemoryStore {
    name: String,
    hash_key: HashKey,
    inner: Mutex<Inner>,
    commits: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    header: Header,
    entries: BTreeMap<Vec<u8>, Entry>,
    open: HashMap<u64, Intent>,
    rejects: BTreeMap<(String, String, String), Reject>,
    seen: HashSet<Vec<u8>>,
    requests: u64,
    tried: u64,
    failures: HashSet<u64>,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    fingerprint: u64,
    /// The unanswered request that wrote the entry, and the position in it.
    owner: Option<(u64, usize)>,
}

impl MemoryStore {
    /// An empty store of this name; all its hashes hang on `hash_key`.
    pub fn new(name: impl Into<String>, hash_key: HashKey) -> Self {
        Self { name: name.into(), hash_key, inner: Mutex::default(), commits: watch::Sender::new(0) }
    }

    /// Lets the `nth` commit from now on (1: the next one) fail as on a full disk; nothing of it is applied.
    pub fn fail_commit(&self, nth: u64) {
        let mut inner = self.lock();
        let at = inner.tried + nth;
        inner.failures.insert(at);
    }

    /// The number of commits that succeeded; the receiver is told of each one.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// How many requests are open: noted and not settled.
    pub fn open_requests(&self) -> usize {
        self.lock().open.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, inner: &Inner, epoch: u64) -> Result<(), StateError> {
        if inner.header.epoch == epoch { Ok(()) } else { Err(StateError::Fenced { name: self.name.clone() }) }
    }

    fn unwritable(&self, cause: impl Into<String>) -> StateError {
        StateError::Unwritable { name: self.name.clone(), cause: cause.into() }
    }

    fn visit(&self, unseen_only: bool, each: &mut dyn FnMut(Record) -> bool) {
        // The lock is not held during the calls, so that they may ask the store.
        let records: Vec<Record> = {
            let inner = self.lock();
            let wanted = |key: &Vec<u8>| !unseen_only || !inner.seen.contains(key);
            inner
                .entries
                .iter()
                .filter(|(key, _)| wanted(key))
                .map(|(_, entry)| entry.record.clone())
                .collect()
        };
        for record in records {
            if !each(record) {
                return;
            }
        }
    }
}

impl Inner {
    fn put(&mut self, record: Record, fingerprint: u64, owner: Option<(u64, usize)>) {
        self.entries.insert(record.key.clone(), Entry { record, fingerprint, owner });
    }

    fn settle(&mut self, settlement: Settlement) {
        let Some(intent) = self.open.remove(&settlement.request) else { return };
        let mut exceptions: HashMap<usize, Settled> = settlement.exceptions.into_iter().collect();
        for (position, intended) in intent.records.into_iter().enumerate() {
            let key = intended.after.key.clone();
            let owner = Some((intent.request, position));
            let current = self.entries.get(&key).is_some_and(|entry| entry.owner == owner);
            match exceptions.remove(&position) {
                Some(Settled::Instead(record, fingerprint)) => self.put(record, fingerprint, None),
                // Overwritten since: what is newer holds.
                _ if !current => {}
                Some(Settled::Unknown) => self.put(intended.open(), 0, None),
                Some(Settled::Before) => match &intended.before {
                    Some(before) => self.put((**before).clone(), 0, None),
                    None => drop(self.entries.remove(&key)),
                },
                None if intent.kind == IntentKind::Delete => drop(self.entries.remove(&key)),
                None => self.put(intended.after.clone(), intended.fingerprint, None),
            }
        }
    }

    fn note(&mut self, intent: Intent) {
        for (position, intended) in intent.records.iter().enumerate() {
            self.put(intended.open(), 0, Some((intent.request, position)));
        }
        self.open.insert(intent.request, intent);
    }

    fn reject(&mut self, cleared: &[String], rejects: Vec<Reject>) {
        let added: HashSet<_> = rejects.iter().map(reject_id).collect();
        let cleared: HashSet<&String> = cleared.iter().collect();
        self.rejects.retain(|id, _| !cleared.contains(&id.0) || added.contains(id));
        for mut reject in rejects {
            let id = reject_id(&reject);
            if let Some(old) = self.rejects.get(&id) {
                reject.first_seen = reject.first_seen.min(old.first_seen);
            }
            self.rejects.insert(id, reject);
        }
    }
}

fn reject_id(reject: &Reject) -> (String, String, String) {
    (reject.key.clone(), reject.field.clone(), reject.code.clone())
}

impl Store for MemoryStore {
    fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    fn header(&self) -> Header {
        self.lock().header.clone()
    }

    fn begin(&self) -> Result<Header, StateError> {
        let mut inner = self.lock();
        let open: Vec<(u64, usize)> =
            inner.open.values().map(|intent| (intent.request, intent.records.len())).collect();
        for (request, records) in open {
            let exceptions = (0..records).map(|position| (position, Settled::Unknown)).collect();
            inner.settle(Settlement { request, exceptions });
        }
        inner.seen.clear();
        inner.header.epoch += 1;
        inner.header.serial += 1;
        Ok(inner.header.clone())
    }

    fn next_request(&self) -> u64 {
        let mut inner = self.lock();
        inner.requests += 1;
        inner.requests
    }

    fn probe(&self, probes: &[Probe<'_>], out: &mut Vec<Found>) -> Result<(), StateError> {
        let mut inner = self.lock();
        out.clear();
        for probe in probes {
            let found = if !inner.seen.insert(probe.key.to_vec()) {
                Found::Duplicate
            } else {
                match inner.entries.get(probe.key) {
                    None => Found::New,
                    Some(entry) if entry.fingerprint == probe.fingerprint && probe.fingerprint != 0 => {
                        Found::Unchanged
                    }
                    Some(entry) => Found::Known(Box::new(entry.record.clone())),
                }
            };
            out.push(found);
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Record>, StateError> {
        Ok(self.lock().entries.get(key).map(|entry| entry.record.clone()))
    }

    fn commit(&self, epoch: u64, commit: Commit) -> Result<(), StateError> {
        let mut inner = self.lock();
        inner.tried += 1;
        self.check(&inner, epoch)?;
        let tried = inner.tried;
        if inner.failures.remove(&tried) {
            return Err(self.unwritable("no space left on the device"));
        }
        let mut requests = HashSet::new();
        for settlement in &commit.settlements {
            if !inner.open.contains_key(&settlement.request) || !requests.insert(settlement.request) {
                return Err(self.unwritable(format!("request {} is not open", settlement.request)));
            }
        }
        for settlement in commit.settlements {
            inner.settle(settlement);
        }
        for change in commit.changes {
            match change {
                Change::Put(record, fingerprint) => inner.put(record, fingerprint, None),
                Change::Erase(key) => drop(inner.entries.remove(&key)),
            }
        }
        for intent in commit.intents {
            inner.note(intent);
        }
        inner.reject(&commit.cleared_rejects, commit.rejects);
        if let Some(header) = commit.header {
            inner.header = Header { epoch, ..header };
        }
        drop(inner);
        self.commits.send_modify(|count| *count += 1);
        Ok(())
    }

    fn unseen(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.visit(true, each);
        Ok(())
    }

    fn all(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.visit(false, each);
        Ok(())
    }

    fn size(&self) -> Size {
        let inner = self.lock();
        let known = inner.entries.values().filter(|entry| entry.record.status.is_known()).count();
        Size {
            records: inner.entries.len() as u64,
            known: known as u64,
            rejects: inner.rejects.len() as u64,
            bytes: 0,
        }
    }

    fn rejects(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), StateError> {
        let rejects: Vec<Reject> = self.lock().rejects.values().cloned().collect();
        for reject in rejects {
            if !each(reject) {
                break;
            }
        }
        Ok(())
    }

    fn drop_rejects_before(&self, epoch: u64, serial: u64) -> Result<(), StateError> {
        let mut inner = self.lock();
        self.check(&inner, epoch)?;
        inner.rejects.retain(|_, reject| reject.run >= serial);
        Ok(())
    }

    fn end(&self, epoch: u64) -> Result<(), StateError> {
        self.check(&self.lock(), epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Status;

    fn put(key: &str) -> Commit {
        Commit { changes: vec![Change::Put(Record::new(key, Status::Live), 1)], ..Commit::default() }
    }

    #[test]
    fn a_commit_that_is_to_fail_fails_once_and_changes_nothing() {
        let store = MemoryStore::new("shop/crm", HashKey::new([1; 16]));
        let epoch = store.begin().expect("taken").epoch;
        store.fail_commit(2);
        store.commit(epoch, put("a")).expect("written");
        let failed = store.commit(epoch, put("b"));
        assert!(matches!(failed, Err(StateError::Unwritable { .. })), "{failed:?}");
        assert_eq!(store.get(b"b").expect("an answer"), None);
        store.commit(epoch, put("b")).expect("written");
        assert_eq!(store.size().records, 2);
    }

    #[tokio::test]
    async fn commits_can_be_waited_for() {
        let store = std::sync::Arc::new(MemoryStore::new("shop/crm", HashKey::new([1; 16])));
        let epoch = store.begin().expect("taken").epoch;
        let mut commits = store.commits();
        let waiting =
            tokio::spawn(async move { commits.wait_for(|count| *count == 2).await.map(|count| *count) });
        for key in ["a", "b"] {
            store.commit(epoch, put(key)).expect("written");
        }
        assert_eq!(waiting.await.expect("it ends").expect("a count"), 2);
    }
}
