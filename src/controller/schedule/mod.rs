//! When runs start, and what they are called. Pure.
//!
//! Promises: from the schedule, the newest slot that was started and the time alone follows which slot is due;
//! whoever looks, and however late, finds the same slots and gives them the same names, so that a second run of
//! one slot is impossible. The work is bounded, however many slots were missed. Refuses to know: runs, clients,
//! the clock.
//!
//! A slot is a time that the schedule names; a run of it may start later, by jitter or because nobody looked.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::destination::{self, Timing};
use crate::api::shared::{InvalidSpec, Span};

pub use name::run_name;
pub use overdue::{overdue, overdue_at};
pub use retry::{backoff, retry_limit};

mod cron;
#[cfg(test)]
mod dst_tests;
mod interval;
mod name;
mod overdue;
mod retry;
pub mod slot;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod two_operators;

use cron::Cron;
use interval::Interval;

/// Missed slots of a cron expression that are counted; more of them are as many.
const MOST_COUNTED: u32 = 1000;
/// A last slot that lies further in the future than this was written by a clock that was wrong.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// When runs start.
#[derive(Clone, Debug)]
pub struct Schedule {
    timing: Slots,
    starting_deadline: Option<Duration>,
    jitter: Duration,
    words: String,
}

#[derive(Clone, Debug)]
enum Slots {
    Cron(Box<Cron>),
    Interval(Interval),
}

/// What a schedule says at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The newest slot that should start now: one run catches up for all that were missed.
    pub slot: Option<Timestamp>,
    /// Older slots without a run of their own, of a cron expression at most 1000.
    pub missed: u32,
    /// The newest slot that is left out because it would start later than `startingDeadline` allows. Remembered as
    /// the last slot, it is told once.
    pub too_late: Option<Timestamp>,
    /// When the next slot starts, jitter included: when to look again, and what `nextRunTime` shows.
    pub next: Timestamp,
}

impl Schedule {
    /// The schedule of a Destination.
    ///
    /// An expression that never comes, such as 30 February, and a zone that does not exist are `InvalidSpec`;
    /// the field of the error is below `spec.schedule`.
    pub fn parse(spec: &destination::Schedule) -> Result<Self, InvalidSpec> {
        let (timing, words) = match spec.timing()? {
            Timing::Cron(expression) => {
                let cron = Cron::parse(expression, spec.time_zone.as_deref())?;
                let words = cron.words();
                (Slots::Cron(Box::new(cron)), words)
            }
            Timing::Interval(_) if spec.time_zone.is_some() => {
                return Err(InvalidSpec::new("timeZone", "belongs to cron"));
            }
            Timing::Interval(span) => {
                (Slots::Interval(Interval::parse(span)?), format!("every {}", span.as_str()))
            }
        };
        let starting_deadline = match &spec.starting_deadline {
            Some(span) => Some(Span::or(Some(span), "startingDeadline", Duration::ZERO)?),
            None => None,
        };
        let jitter = Span::or(spec.jitter.as_ref(), "jitter", Duration::ZERO)?;
        Ok(Self { timing, starting_deadline, jitter, words })
    }

    /// The schedule in words, such as `*/15 * * * * Europe/Paris` or `every 5m`, at most 200 characters.
    pub fn words(&self) -> String {
        self.words.chars().take(200).collect()
    }

    /// What is due.
    ///
    /// `last`: the newest slot that was started or left out. `since`: when the Destination was made, or when its
    /// schedule was last suspended or changed; older slots do not count. `uid`: that of the Destination.
    pub fn due(&self, last: Option<Timestamp>, since: Timestamp, uid: &str, now: Timestamp) -> Due {
        // A slot that a wrong clock started in the far future must not silence the schedule until then.
        let stray = last.filter(|last| *last > after(now, AHEAD));
        let last = last.filter(|_| stray.is_none());
        let anchor = last.unwrap_or(since);
        let base = match stray {
            Some(_) => since.max(now),
            None => anchor.max(since),
        };
        let offset = self.offset(uid);
        // Slots up to here have started by now.
        let reached = before(now, offset);
        let newest = self.last_until(anchor, reached).filter(|slot| *slot > base && Some(*slot) != stray);
        let missed = newest.map_or(0, |newest| self.count_between(anchor, base, newest));
        let is_late = |slot: &Timestamp| {
            let lateness = now.duration_since(after(*slot, offset)).unsigned_abs();
            self.starting_deadline.is_some_and(|deadline| lateness > deadline)
        };
        let too_late = newest.filter(is_late);
        let mut next = self.first_after(anchor, newest.unwrap_or(base).max(base));
        if next.is_some() && next == stray {
            next = next.and_then(|slot| self.first_after(anchor, slot));
        }
        Due {
            slot: newest.filter(|slot| !is_late(slot)),
            missed,
            too_late,
            next: next.map_or(Timestamp::MAX, |slot| after(slot, offset)),
        }
    }

    /// How much later than its slot each run of a Destination starts: whole seconds, always the same.
    fn offset(&self, uid: &str) -> Duration {
        match self.jitter.as_secs() {
            0 => Duration::ZERO,
            seconds => Duration::from_secs(name::hash(&[uid.as_bytes()]) % seconds),
        }
    }

    /// The newest slot that is not after a time.
    fn last_until(&self, anchor: Timestamp, time: Timestamp) -> Option<Timestamp> {
        match &self.timing {
            Slots::Cron(cron) => cron.last_until(time),
            Slots::Interval(interval) => interval.last_until(anchor, time),
        }
    }

    /// The first slot after a time.
    fn first_after(&self, anchor: Timestamp, time: Timestamp) -> Option<Timestamp> {
        match &self.timing {
            Slots::Cron(cron) => cron.first_after(time),
            Slots::Interval(interval) => interval.first_after(anchor, time),
        }
    }

    /// Slots after one time and before a slot.
    fn count_between(&self, anchor: Timestamp, base: Timestamp, end: Timestamp) -> u32 {
        match &self.timing {
            Slots::Cron(cron) => {
                let mut at = base;
                (0..MOST_COUNTED)
                    .find(|_| match cron.first_after(at) {
                        Some(slot) if slot < end => {
                            at = slot;
                            false
                        }
                        _ => true,
                    })
                    .unwrap_or(MOST_COUNTED)
            }
            Slots::Interval(interval) => interval.count_between(anchor, base, end),
        }
    }
}

/// A time and a span later, or the end of time.
fn after(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// A time and a span earlier, or the beginning of time.
fn before(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_sub(span).unwrap_or(Timestamp::MIN)
}
