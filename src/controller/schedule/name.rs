//! What a run is called: the same slot has the same name, whoever asks.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// Longest name: a DNS label, because a Job and a label value have the same name.
const MOST: usize = 63;
/// Letters and digits of the hash; 27 symbols without vowels, so that no word comes out.
const SYMBOLS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// 27 to the power of 12: 57 bits.
const HASH_LENGTH: usize = 12;
/// Room for `-1000`, kept by first attempts too, so that all attempts begin alike.
const ATTEMPT_LENGTH: usize = 5;

/// Name of the SyncRun of a slot: the beginning of the Destination's name, a hash of its uid and the slot, and for
/// a retry the attempt. A DNS label of at most 63 characters.
pub fn run_name(destination: &str, uid: &str, slot: &str, attempt: Option<u32>) -> String {
    let room = MOST - ATTEMPT_LENGTH - HASH_LENGTH - 1;
    let mut name: String = destination
        .chars()
        .take(room)
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '-',
        })
        .collect();
    name.truncate(name.trim_end_matches('-').len());
    let mut name = match name.trim_start_matches('-') {
        "" => "run".to_owned(),
        rest => rest.to_owned(),
    };
    name.push('-');
    let mut rest = hash(&[uid.as_bytes(), slot.as_bytes()]);
    for _ in 0..HASH_LENGTH {
        name.push(char::from(SYMBOLS[(rest % 27) as usize]));
        rest /= 27;
    }
    if let Some(attempt) = attempt {
        name.push_str(&format!("-{}", attempt.min(9999)));
    }
    name
}

/// A hash that stays the same over releases and machines. It protects nothing; it only spreads.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    for part in parts {
        // Lengths keep ("a", "bc") and ("ab", "c") apart.
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish()
}
