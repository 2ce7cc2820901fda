//! Whether success is overdue.

use std::time::Duration;

use jiff::Timestamp;

use super::{Schedule, Slots, after};

/// A success is never overdue earlier, however short the interval.
const LEAST: Duration = Duration::from_secs(60 * 60);

/// Whether no run has succeeded for two intervals of the schedule, or for an hour where that is longer.
pub fn overdue(
    schedule: &Schedule,
    last_success: Option<Timestamp>,
    since: Timestamp,
    now: Timestamp,
) -> bool {
    now >= overdue_at(schedule, last_success, since)
}

/// When a success will be overdue.
///
/// Time counts from the newest success, from when the schedule began to count (`since`) if that is later. Intervals
/// of a cron expression differ: these are the two that follow the slot of the newest success, so that a schedule
/// of working days is not overdue on Mondays.
pub fn overdue_at(schedule: &Schedule, last_success: Option<Timestamp>, since: Timestamp) -> Timestamp {
    let base = last_success.map_or(since, |success| success.max(since));
    let two = match &schedule.timing {
        Slots::Interval(interval) => interval.length().saturating_mul(2),
        Slots::Cron(cron) => {
            let slot = cron.last_until(base).unwrap_or(base);
            let second = cron.first_after(base).and_then(|first| cron.first_after(first));
            second.map_or(Duration::MAX, |second| second.duration_since(slot).unsigned_abs())
        }
    };
    after(base, two.max(LEAST))
}
