//! What the Destinations of one app share: whom one of them deleted, and who opted out of which group.
//!
//! Only hashes are kept. Deletes are forgotten after [`DELETES_KEPT_DAYS`]; opt-out marks never.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::StateError;
use crate::data::HashKey;

/// Days for which a delete is remembered.
pub const DELETES_KEPT_DAYS: i64 = 90;

/// Whom an opt-out mark is about: the hash, by [`AppLedger::hash_key`], of a key or of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Person {
    /// Hash of the canonical key.
    Key(u64),
    /// Hash of the e-mail address in lower case, or of the phone number.
    Address(u64),
}

/// A person who opted out of a subscription group, to be remembered beyond the user's delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOut {
    /// The subscription group's id.
    pub group: String,
    /// The person.
    pub person: Person,
}

impl OptOut {
    /// The one number that stands for the mark.
    pub(in crate::state) fn mark(group: &str, person: Person, key: &HashKey) -> u64 {
        let mut hasher = key.hasher();
        let (kind, hash) = match person {
            Person::Key(hash) => (0, hash),
            Person::Address(hash) => (1, hash),
        };
        hasher.number(kind);
        hasher.number(hash);
        hasher.bytes(group.as_bytes());
        hasher.finish()
    }
}

/// The ledger of an app. Several processes may use one at a time; every method may block on the disk, and what
/// it was given is durable when it returns.
pub trait AppLedger: Send + Sync {
    /// The key of the hashes of keys and addresses in this ledger: the same for all apps of a state folder.
    fn hash_key(&self) -> &HashKey;

    /// Notes the hashes of keys about to be deleted, and forgets deletes that are too old.
    fn note_deletes(&self, keys: &[u64], time: Timestamp) -> Result<(), StateError>;

    /// Hashes of the keys deleted at or after `time`, in no order, each with the time of its last delete.
    fn deleted_since(&self, time: Timestamp) -> Result<Vec<(u64, Timestamp)>, StateError>;

    /// Whether nothing was ever noted. What was once noted may be forgotten, but never all of it.
    fn is_empty(&self) -> Result<bool, StateError>;

    /// When the last delete was noted.
    fn last_delete(&self) -> Result<Option<Timestamp>, StateError>;

    /// Notes opt-outs.
    fn note_opt_outs(&self, marks: &[OptOut]) -> Result<(), StateError>;

    /// Whether the person was noted as opted out of the group.
    fn is_opted_out(&self, group: &str, person: Person) -> Result<bool, StateError>;
}

/// The oldest delete that is still remembered at `now`.
pub(in crate::state) fn deletes_kept_since(now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * DELETES_KEPT_DAYS)).unwrap_or(Timestamp::MIN)
}

/// An [`AppLedger`] that forgets everything when it is dropped.
#[derive(Debug)]
pub struct MemoryAppLedger {
    hash_key: HashKey,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    deletes: HashMap<u64, Timestamp>,
    opt_outs: HashSet<u64>,
}

impl MemoryAppLedger {
    /// An empty ledger.
    pub fn new(hash_key: HashKey) -> Self {
        Self { hash_key, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppLedger for MemoryAppLedger {
    fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    fn note_deletes(&self, keys: &[u64], time: Timestamp) -> Result<(), StateError> {
        let mut inner = self.lock();
        let since = deletes_kept_since(time);
        inner.deletes.retain(|_, noted| *noted >= since);
        for &key in keys {
            let noted = inner.deletes.entry(key).or_insert(time);
            *noted = time.max(*noted);
        }
        Ok(())
    }

    fn deleted_since(&self, time: Timestamp) -> Result<Vec<(u64, Timestamp)>, StateError> {
        let inner = self.lock();
        Ok(inner
            .deletes
            .iter()
            .filter(|(_, noted)| **noted >= time)
            .map(|(&key, &noted)| (key, noted))
            .collect())
    }

    fn is_empty(&self) -> Result<bool, StateError> {
        let inner = self.lock();
        Ok(inner.deletes.is_empty() && inner.opt_outs.is_empty())
    }

    fn last_delete(&self) -> Result<Option<Timestamp>, StateError> {
        Ok(self.lock().deletes.values().max().copied())
    }

    fn note_opt_outs(&self, marks: &[OptOut]) -> Result<(), StateError> {
        let mut inner = self.lock();
        inner
            .opt_outs
            .extend(marks.iter().map(|mark| OptOut::mark(&mark.group, mark.person, &self.hash_key)));
        Ok(())
    }

    fn is_opted_out(&self, group: &str, person: Person) -> Result<bool, StateError> {
        Ok(self.lock().opt_outs.contains(&OptOut::mark(group, person, &self.hash_key)))
    }
}
