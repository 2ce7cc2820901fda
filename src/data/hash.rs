//! Keyed hashes: what is remembered of a value without holding the value.
//!
//! SipHash-1-3 with a secret key of 128 bit. Its output is specified, so stored hashes stay valid over
//! releases; without the key a state is no dictionary of e-mail addresses and nobody can craft a collision.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use zeroize::Zeroize as _;

/// The secret key of all hashes of a state folder.
#[derive(Clone)]
pub struct HashKey([u8; 16]);

impl Drop for HashKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(redacted)")
    }
}

impl HashKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the key file.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A key for one purpose or one state, derived from this one: different labels give unrelated hashes.
    pub fn derive(&self, label: &str) -> Self {
        let mut bytes = [0; 16];
        for (half, out) in bytes.chunks_exact_mut(8).enumerate() {
            let mut hasher = SipHasher13::new_with_key(&self.0);
            hasher.write_u8(half as u8);
            hasher.write(label.as_bytes());
            out.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        Self(bytes)
    }

    /// The hash of some bytes.
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.0).hash(bytes)
    }

    /// A hasher that takes its input piece by piece.
    pub fn hasher(&self) -> KeyedHasher {
        KeyedHasher(SipHasher13::new_with_key(&self.0))
    }
}

/// A hash under construction, see [`HashKey::hasher`].
#[derive(Clone, Debug)]
pub struct KeyedHasher(SipHasher13);

impl KeyedHasher {
    /// Adds bytes. The caller separates fields of changing length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Adds a number as eight bytes.
    pub fn number(&mut self, n: u64) {
        self.0.write_u64(n);
    }

    /// The hash of all that was added.
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_stable_over_releases() {
        // Stored in states: a change of these figures would resend every attribute of every user.
        let key = HashKey::new(*b"0123456789abcdef");
        assert_eq!(key.hash(b"\"ana@example.com\""), STABLE);
        assert_eq!(key.derive("a").hash(b""), STABLE_DERIVED);
    }
    const STABLE: u64 = 1_643_314_579_018_015_657;
    const STABLE_DERIVED: u64 = 6_761_261_524_141_666_619;

    #[test]
    fn another_key_or_label_gives_another_hash() {
        let key = HashKey::new([1; 16]);
        assert_ne!(key.hash(b"x"), HashKey::new([2; 16]).hash(b"x"));
        assert_ne!(key.derive("a").hash(b"x"), key.derive("b").hash(b"x"));
    }

    #[test]
    fn a_key_does_not_print_itself() {
        assert_eq!(format!("{:?}", HashKey::new([1; 16])), "HashKey(redacted)");
    }
}
