//! After a restore: who is remembered as taken out of a subscription group by us may have opted out since, so Braze is
//! asked again before a join (docs/semantics.md, "State from a backup").

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::data::HashKey;
use crate::state::{
    Change, Commit, Found, GroupState, Header, Probe, Record, Reject, Size, StateError, Store,
};

use super::course::Course;
use super::evaluate::NEVER_EQUAL;
use super::keys::KeyList;
use super::run::Run;
use super::schema::{GroupColumnTarget, Schema};

/// Records that are written together.
const CHUNK: usize = 1_000;

/// Columns of subscription groups whose leaves are not believed to be ours any more.
#[derive(Clone, Debug)]
struct Doubted(Vec<usize>);

impl Doubted {
    fn of(schema: &Schema) -> Self {
        let groups = schema.groups.iter().enumerate();
        let groups = groups.filter(|(_, column)| matches!(column.target, GroupColumnTarget::Subscription(_)));
        Self(groups.map(|(number, _)| number).collect())
    }

    /// Keys of the records that are concerned.
    fn keys(&self, store: &dyn Store) -> Result<KeyList, StateError> {
        let ours = |state| matches!(state, GroupState::Out | GroupState::UnknownLeave(_));
        let mut keys = KeyList::default();
        if !self.0.is_empty() {
            store.all(&mut |record| {
                if self.0.iter().any(|&column| ours(record.group(column).state)) {
                    keys.push(&record.key);
                }
                true
            })?;
        }
        Ok(keys)
    }

    /// The record without our leaves.
    fn amend(&self, record: &mut Record) {
        for &column in &self.0 {
            let mut entry = record.group(column);
            entry.state = match entry.state {
                GroupState::Out => GroupState::None,
                // As old as can be: a leave that is not believed to be ours any more.
                GroupState::UnknownLeave(_) => GroupState::UnknownLeave(Timestamp::UNIX_EPOCH),
                _ => continue,
            };
            record.set_group(column, entry);
        }
    }
}

impl Run<'_> {
    /// What the run compares with. A plan after a restore, which may write nothing down, reads the state as the run
    /// would have amended it.
    pub(super) fn amended_store(&self) -> Result<Arc<dyn Store>, StateError> {
        let store = self.tools.store.clone();
        if !self.memory.ledger.rolled_back || !self.request.plan {
            return Ok(store);
        }
        let doubted = Doubted::of(&self.memory.schema);
        let keys = doubted.keys(store.as_ref())?.iter().map(<[u8]>::to_vec).collect();
        Ok(Arc::new(Amended { store, doubted, keys }))
    }

    /// Writes down that our leaves are not believed, before anything is read.
    pub(super) async fn distrust_leaves(&mut self, course: &Course) -> Result<(), StateError> {
        if !self.memory.ledger.rolled_back || self.request.plan {
            return Ok(());
        }
        let doubted = Doubted::of(&self.memory.schema);
        for chunk in &mut doubted.keys(course.store.as_ref())?.chunks(CHUNK) {
            let mut changes = Vec::with_capacity(chunk.len());
            for key in chunk {
                let Some(mut record) = course.store.get(&key)? else { continue };
                doubted.amend(&mut record);
                changes.push(Change::Put(record, 0));
            }
            course.note(changes).await;
        }
        self.memory.ledger.rolled_back = false;
        let _ = course.committer.remember(&self.memory).await;
        // Read back by the phases that follow. A state that cannot be written has stopped the run already.
        let _ = course.committer.flush().await;
        Ok(())
    }
}

/// A state of which some leaves are not believed. It is only read.
struct Amended {
    store: Arc<dyn Store>,
    doubted: Doubted,
    /// Records that are remembered otherwise than they are given out.
    keys: HashSet<Vec<u8>>,
}

impl Amended {
    fn amend_each(&self, each: &mut dyn FnMut(Record) -> bool) -> impl FnMut(Record) -> bool {
        |mut record| {
            self.doubted.amend(&mut record);
            each(record)
        }
    }
}

impl Store for Amended {
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
        // What is amended is looked at, whatever its fingerprint.
        let fingerprint =
            |probe: &Probe<'_>| if self.keys.contains(probe.key) { NEVER_EQUAL } else { probe.fingerprint };
        let probes: Vec<Probe<'_>> =
            probes.iter().map(|probe| Probe { fingerprint: fingerprint(probe), ..*probe }).collect();
        self.store.probe(&probes, out)?;
        for found in out {
            if let Found::Known(record) = found {
                self.doubted.amend(record);
            }
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Record>, StateError> {
        let mut record = self.store.get(key)?;
        record.iter_mut().for_each(|record| self.doubted.amend(record));
        Ok(record)
    }

    fn expect(&self, records: u64) {
        self.store.expect(records);
    }

    fn commit(&self, epoch: u64, commit: Commit) -> Result<(), StateError> {
        self.store.commit(epoch, commit)
    }

    fn unseen(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.store.unseen(&mut self.amend_each(each))
    }

    fn all(&self, each: &mut dyn FnMut(Record) -> bool) -> Result<(), StateError> {
        self.store.all(&mut self.amend_each(each))
    }

    fn size(&self) -> Size {
        self.store.size()
    }

    fn rejects(&self, each: &mut dyn FnMut(Reject) -> bool) -> Result<(), StateError> {
        self.store.rejects(each)
    }

    fn drop_rejects_before(&self, epoch: u64, serial: u64) -> Result<(), StateError> {
        self.store.drop_rejects_before(epoch, serial)
    }

    fn end(&self, epoch: u64) -> Result<(), StateError> {
        self.store.end(epoch)
    }
}
