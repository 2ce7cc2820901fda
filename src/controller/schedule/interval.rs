//! Slots from start to start.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::shared::{InvalidSpec, Span};

/// Shortest interval, also of objects stored before the rule.
const LEAST: Duration = Duration::from_secs(10);

/// The slots `anchor + n × interval`, for n from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval(Duration);

impl Interval {
    pub(super) fn parse(span: &Span) -> Result<Self, InvalidSpec> {
        let span = Span::or(Some(span), "interval", LEAST)?;
        if span < LEAST {
            return Err(InvalidSpec::new("interval", "interval must be at least 10s"));
        }
        Ok(Self(span))
    }

    pub(super) fn length(self) -> Duration {
        self.0
    }

    /// How many whole intervals lie between.
    fn number(self, anchor: Timestamp, time: Timestamp) -> i128 {
        time.duration_since(anchor).as_nanos().div_euclid(self.0.as_nanos().cast_signed())
    }

    fn slot(self, anchor: Timestamp, number: i128) -> Option<Timestamp> {
        let nanos = self.0.as_nanos().cast_signed().checked_mul(number)?;
        anchor.checked_add(SignedDuration::try_from_nanos_i128(nanos)?).ok()
    }

    pub(super) fn last_until(self, anchor: Timestamp, time: Timestamp) -> Option<Timestamp> {
        Some(self.number(anchor, time)).filter(|number| *number >= 1).and_then(|n| self.slot(anchor, n))
    }

    pub(super) fn first_after(self, anchor: Timestamp, time: Timestamp) -> Option<Timestamp> {
        self.slot(anchor, (self.number(anchor, time) + 1).max(1))
    }

    /// Slots after `base` and before the slot `end`.
    pub(super) fn count_between(self, anchor: Timestamp, base: Timestamp, end: Timestamp) -> u32 {
        let passed = self.number(anchor, end) - self.number(anchor, base).max(0) - 1;
        u32::try_from(passed.max(0)).unwrap_or(u32::MAX)
    }
}
