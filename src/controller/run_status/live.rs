//! The status of a run that goes on.

use jiff::Timestamp;

use crate::api::sync_run::{EarlierStart, SyncRunStatus};
use crate::controller::conditions::{Progressed, next_of_run};
use crate::sync::run::{Stage, Watch};

use super::words::{text, time};
use super::{figures, fit, progress};

/// Earlier starts that are kept.
const MOST_STARTS: usize = 10;

/// The status of a run that goes on: what it was, with the figures and the progress of now. Before the run has begun
/// the former figures stay.
pub fn running(watch: &Watch, previous: &SyncRunStatus, generation: i64, now: Timestamp) -> SyncRunStatus {
    let before = previous.conditions.as_deref().unwrap_or_default();
    let message = sentence(watch.stage()).to_owned();
    let mut status = SyncRunStatus {
        observed_generation: Some(generation),
        conditions: Some(next_of_run(before, &Progressed::Running { message }, generation, now)),
        progress: Some(progress(watch, Some(previous), now)),
        ..previous.clone()
    };
    if let Some(figures) = figures(watch) {
        status.counts = Some(figures.counts);
        status.attributes = Some(figures.attributes);
        status.memberships = Some(figures.memberships);
        status.traffic = Some(figures.traffic);
    }
    fit(&mut status);
    status
}

/// The status of a run that starts, now for the first time or after it was cut off: the start is counted, and what
/// the start before did is kept, of the newest ten. `reason` says why that one ended.
pub fn started(previous: &SyncRunStatus, reason: &str, now: Timestamp) -> SyncRunStatus {
    let mut status = previous.clone();
    let starts = previous.starts.unwrap_or(0).max(0);
    status.starts = Some(starts.saturating_add(1));
    status.start_time.get_or_insert_with(|| time(now));
    if starts > 0 {
        let mut earlier = status.earlier_starts.take().unwrap_or_default();
        earlier.push(EarlierStart {
            end_time: Some(time(now)),
            reason: Some(text(reason, 64)),
            counts: status.counts.take(),
        });
        let surplus = earlier.len().saturating_sub(MOST_STARTS);
        status.earlier_starts = Some(earlier.split_off(surplus));
    }
    status.progress = None;
    fit(&mut status);
    status
}

/// What a run does in a stage. The words stay the same while it lasts: they are no news.
fn sentence(stage: Stage) -> &'static str {
    match stage {
        Stage::Waiting => "the run is about to begin",
        Stage::Checking => "the state, the source and Braze are checked",
        Stage::Reading => "rows are read, compared and sent",
        Stage::Leaving => "memberships that ended are taken back",
        Stage::Removing => "records that are gone are removed",
        Stage::Closing => "what was done is written down",
    }
}
