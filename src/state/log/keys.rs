//! The hashes of a store's keys.

use super::index::Identity;
use crate::data::HashKey;

/// The two hash functions of a store: the one the engine knows, and a second one that tells keys with one hash
/// apart.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub hash_key: HashKey,
    check: HashKey,
    /// Bits of the first hash that count; a test lets keys collide by clearing some.
    pub spread: u64,
}

impl Keys {
    pub fn new(hash_key: HashKey) -> Self {
        let check = hash_key.derive("second hash of keys");
        Self { hash_key, check, spread: u64::MAX }
    }

    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hash_key.hash(key) & self.spread
    }

    pub fn identity(&self, key: &[u8]) -> Identity {
        self.identity_with(self.hash(key), key)
    }

    /// The same when the first hash is known.
    pub fn identity_with(&self, hash: u64, key: &[u8]) -> Identity {
        Identity { hash, check: self.check.hash(key) }
    }

    /// A number by which another hash key is noticed.
    pub fn key_check(&self) -> u64 {
        self.hash_key.derive("check of the hash key").hash(b"")
    }
}
