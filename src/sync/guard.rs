//! The deletion guard: how many removals may pass without a person (docs/semantics.md, "Deletion guard"). Pure.

use jiff::{SignedDuration, Timestamp};

use super::job::DeletionGuard;
use super::memory::{Ledger, PastRemovals};

/// Removals of this time count together.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// What the guard says of a run's removals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Destructive removals: of this run and of the last 24 hours, without approved ones.
    pub removals: u64,
    /// Known records at the start of the run, and what was removed in the last 24 hours.
    pub known: u64,
    /// Removals that would pass.
    pub limit: u64,
    /// Whether the removals are kept back.
    pub trips: bool,
}

/// Judges `removals` of this run that would send something destructive and that no approval covers, with
/// `known` records at its start.
pub fn judge(guard: &DeletionGuard, ledger: &Ledger, removals: u64, known: u64, now: Timestamp) -> Verdict {
    let past: u64 = recent(ledger, now).map(|past| past.count).sum();
    let (removals, known) = (removals + past, known + past);
    let share = if guard.max_percent >= 100 { u64::MAX } else { percent(guard.max_percent, known) };
    let limit = share.min(guard.max_count).max(guard.min_count);
    Verdict { removals, known, limit, trips: removals > limit }
}

/// The largest whole number that is not above `share` percent of `of`.
fn percent(share: u32, of: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(share) / 100).unwrap_or(u64::MAX)
}

fn recent(ledger: &Ledger, now: Timestamp) -> impl Iterator<Item = &PastRemovals> {
    ledger.removals.iter().filter(move |past| now.duration_since(past.time) < WINDOW)
}

/// Notes removals that were sent without an approval, and forgets those older than a day.
pub fn note(ledger: &mut Ledger, count: u64, now: Timestamp) {
    ledger.removals.retain(|past| now.duration_since(past.time) < WINDOW);
    if count > 0 {
        ledger.removals.push(PastRemovals { time: now, count });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: DeletionGuard =
        DeletionGuard { max_percent: 10, max_count: 10_000, min_count: 5, absent_reads: 1 };

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).expect("a time")
    }

    fn trips(guard: &DeletionGuard, removals: u64, known: u64) -> bool {
        judge(guard, &Ledger::default(), removals, known, at(0)).trips
    }

    /// semantics 8.1: D > minCount and (100 × D > maxPercent × K or D > maxCount).
    #[test]
    fn the_formula_trips_exactly_above_its_bounds() {
        for (removals, known, expected) in [
            (5, 5, false),
            (6, 6, true),
            (6, 60, false),
            (7, 60, true),
            (100, 1_000, false),
            (101, 1_000, true),
            (10_000, 1_000_000, false),
            (10_001, 1_000_000, true),
            (0, 0, false),
        ] {
            assert_eq!(trips(&GUARD, removals, known), expected, "{removals} of {known}");
            let formula = removals > 5 && (100 * removals > 10 * known || removals > 10_000);
            assert_eq!(formula, expected);
        }
    }

    /// api 6: maxPercent 100 removes the bound; 0 and 0 let nothing pass.
    #[test]
    fn the_ends_of_the_scale_mean_all_and_nothing() {
        assert!(!trips(&DeletionGuard { max_percent: 100, ..GUARD }, 60, 60));
        assert!(trips(&DeletionGuard { max_percent: 100, ..GUARD }, 10_001, 10_001));
        assert!(trips(&DeletionGuard { max_percent: 0, min_count: 0, ..GUARD }, 1, 1_000_000));
    }

    /// semantics 8.1: 96 runs a day of 9 % each do not pass.
    #[test]
    fn removals_of_the_last_24_hours_count() {
        let mut ledger = Ledger::default();
        note(&mut ledger, 90, at(0));
        let soon = judge(&GUARD, &ledger, 90, 910, at(1));
        assert_eq!((soon.removals, soon.known, soon.trips), (180, 1_000, true));
        assert!(!judge(&GUARD, &ledger, 90, 910, at(24)).trips);
        note(&mut ledger, 0, at(24));
        assert_eq!(ledger.removals, []);
    }
}
