//! Slots of a cron expression in a zone.
//!
//! Hours are those that the zone's clocks show. Where clocks are put forward, a time that they skip counts as the
//! first moment afterwards; where they are put back, a time that they show twice counts once, at the first time.
//! Only an expression that names every hour ("each quarter of an hour") goes by the time that passes: it has slots
//! in the repeated hour too and none for the skipped one, because nobody waits an hour longer for it in autumn.

use std::borrow::Cow;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use crate::api::shared::InvalidSpec;

/// A cron expression in a zone.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    cron: croner::Cron,
    zone: TimeZone,
    every_hour: bool,
    words: String,
}

impl Cron {
    pub(super) fn parse(expression: &str, zone_name: Option<&str>) -> Result<Self, InvalidSpec> {
        let invalid = |message: String| InvalidSpec::new("cron", message);
        let zone = match zone_name {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| {
                InvalidSpec::new("timeZone", format!("{name} is no IANA time zone, such as Europe/Paris"))
            })?,
        };
        let fields = fields(expression).ok_or_else(|| {
            invalid(
                "cron must have five fields, such as '*/15 * * * *', or be one of @hourly, @daily, @weekly, \
                 @monthly, @yearly"
                    .to_owned(),
            )
        })?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron =
            parser.parse(&fields).map_err(|error| invalid(format!("cannot be understood: {error}")))?;
        let every_hour = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
        let start = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);
        if cron.find_next_occurrence(&start, true).is_err() {
            return Err(invalid(format!("{expression} never comes: there is no such day")));
        }
        let words = format!("{} {}", expression.trim(), zone_name.unwrap_or("UTC"));
        Ok(Self { cron, zone, every_hour, words })
    }

    pub(super) fn words(&self) -> String {
        self.words.clone()
    }

    /// The first slot after a time.
    pub(super) fn first_after(&self, time: Timestamp) -> Option<Timestamp> {
        if self.every_hour {
            let found = self.cron.find_next_occurrence(&time.to_zoned(self.zone.clone()), false).ok()?;
            return Some(whole(found.timestamp()));
        }
        let mut civil = whole_civil(self.zone.to_datetime(time));
        loop {
            civil = self.cron.find_next_occurrence(&civil, false).ok()?;
            // In the second pass of a repeated hour its times have been already.
            if let Some(slot) = self.instant(civil).filter(|slot| *slot > time) {
                return Some(slot);
            }
            if civil.year() > 4000 {
                return None;
            }
        }
    }

    /// The newest slot that is not after a time.
    pub(super) fn last_until(&self, time: Timestamp) -> Option<Timestamp> {
        if self.every_hour {
            let time = whole(time).to_zoned(self.zone.clone());
            let found = self.cron.find_previous_occurrence(&time, true).ok()?;
            return Some(found.timestamp());
        }
        let (civil, inclusive) = self.latest_civil(time);
        self.instant(self.cron.find_previous_occurrence(&civil, inclusive).ok()?)
    }

    /// The latest time that clocks have shown until now, and whether it counts itself: in the second pass of a
    /// repeated hour all of that hour has been shown.
    fn latest_civil(&self, time: Timestamp) -> (DateTime, bool) {
        let shown = whole_civil(self.zone.to_datetime(time));
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(shown).offset() else {
            return (shown, true);
        };
        if self.zone.to_offset(time) != after {
            return (shown, true);
        }
        let Ok(soon) = time.checked_add(1.nanosecond()) else { return (shown, true) };
        match self.zone.preceding(soon).next() {
            Some(put_back) => (before.to_datetime(put_back.timestamp()), false),
            None => (shown, true),
        }
    }

    /// When clocks show a time first; of a time that they skip, the first moment afterwards.
    fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let AmbiguousOffset::Gap { after, .. } = ambiguous.offset() else { return ambiguous.earlier().ok() };
        // With the later offset the skipped time lies before the change.
        let earlier = after.to_timestamp(civil).ok()?;
        self.zone.following(earlier).next().map(|change| change.timestamp())
    }
}

/// The five fields of an expression or of its name.
fn fields(expression: &str) -> Option<Cow<'_, str>> {
    let expression = expression.trim();
    Some(match expression {
        "@hourly" => "0 * * * *".into(),
        "@daily" | "@midnight" => "0 0 * * *".into(),
        "@weekly" => "0 0 * * 0".into(),
        "@monthly" => "0 0 1 * *".into(),
        "@yearly" | "@annually" => "0 0 1 1 *".into(),
        other if other.split_whitespace().count() == 5 && !other.contains('@') => other.into(),
        _ => return None,
    })
}

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_nanosecond().div_euclid(1_000_000_000) as i64).unwrap_or(time)
}

fn whole_civil(time: DateTime) -> DateTime {
    time.with().subsec_nanosecond(0).build().unwrap_or(time)
}
