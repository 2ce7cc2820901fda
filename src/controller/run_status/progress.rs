//! How far a run has come.

use jiff::Timestamp;

use crate::api::sync_run::{Progress, SyncRunStatus};
use crate::sync::run::{Stage, Watch};

use super::words::{number, time};

/// How far a run has come, with what its status said before.
///
/// Rows per second are those since the status before; without one, or within its second, the former figure stays.
/// The share is absent while nobody knows how many rows there are.
pub fn progress(watch: &Watch, previous: Option<&SyncRunStatus>, now: Timestamp) -> Progress {
    let rows = watch.account().map_or(0, |account| account.counts.read.get());
    of(watch.stage(), rows, watch.expected(), previous, now)
}

pub(super) fn of(
    at: Stage,
    rows: u64,
    expected: Option<u64>,
    previous: Option<&SyncRunStatus>,
    now: Timestamp,
) -> Progress {
    Progress {
        stage: Some(stage(at).to_owned()),
        percent: expected.map(|expected| percent(rows, expected)),
        rows_expected: expected.and_then(number),
        rows_per_second: rate(rows, previous, now),
        time: Some(time(now)),
    }
}

pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Waiting => "Waiting",
        Stage::Checking => "Checking",
        Stage::Reading => "Reading",
        Stage::Leaving => "Leaving",
        Stage::Removing => "Removing",
        Stage::Closing => "Closing",
    }
}

fn percent(rows: u64, expected: u64) -> i32 {
    let percent = u128::from(rows) * 100 / u128::from(expected.max(1));
    // Tables grow: more rows than expected are not more than all.
    i32::try_from(percent.min(100)).unwrap_or(100)
}

fn rate(rows: u64, previous: Option<&SyncRunStatus>, now: Timestamp) -> Option<i64> {
    let previous = previous?;
    let before = previous.progress.as_ref()?;
    let seconds = now.as_second() - before.time.as_ref()?.0.as_second();
    let rows_before = previous.counts.as_ref()?.read?;
    if seconds <= 0 {
        return before.rows_per_second;
    }
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    // A run that began anew counts from zero.
    Some(rows.checked_sub(rows_before).filter(|rows| *rows >= 0).unwrap_or(rows) / seconds)
}
