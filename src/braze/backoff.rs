//! How long to wait before trying again.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest wait between two attempts of our own choice.
const LONGEST: Duration = Duration::from_secs(60);

/// Waits that double from a first one up to a minute, each shifted at random by up to a quarter, so that
/// clients that failed together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    seed: AtomicU64,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { seed: AtomicU64::new(RandomState::new().hash_one(0_u8)) }
    }

    /// The wait after `failures` failures in a row, of which the first is number 1.
    pub(super) fn after(&self, first: Duration, failures: u32) -> Duration {
        let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
        doubled.mul_f64(0.75 + self.fraction() / 2.0).min(LONGEST)
    }

    /// A number from 0 to 1 (SplitMix64: spread is wanted here, not secrecy).
    fn fraction(&self) -> f64 {
        let mut bits =
            self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics 9.3, row 500, 502, 503: from one second to a minute, with jitter.
    #[test]
    fn waits_double_from_the_first_to_a_minute_and_are_spread() {
        let backoff = Backoff::new();
        let second = Duration::from_secs(1);
        for (failures, about) in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (400, 60.0)] {
            let waits: Vec<f64> = (0..200).map(|_| backoff.after(second, failures).as_secs_f64()).collect();
            let least = waits.iter().copied().fold(f64::MAX, f64::min);
            let most = waits.iter().copied().fold(0.0, f64::max);
            assert!(
                least >= about * 0.75 && most <= (about * 1.25_f64).min(60.0),
                "{failures}: {least}..{most}"
            );
            assert!(most - least > about * 0.1, "{failures}: no spread, {least}..{most}");
        }
    }
}
