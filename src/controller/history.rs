//! Which finished runs are removed. Pure.
//!
//! Promises: of the runs that the operator made, the newest finished one always stays (it remembers the newest slot
//! when status is lost), then the numbers of `history`, then its age; never more than 100 are kept. A run that a
//! person made is removed by its own `ttlAfterFinished` alone, and counts for no number. A plan counts like any
//! other run of whoever made it. Refuses to know: clients, the clock.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::destination::History;
use crate::api::shared::Span;

/// Succeeded runs kept by default, and as many failed ones.
const KEPT: usize = 3;
/// Finished runs of one Destination that are kept, whatever `history` says.
const MOST: usize = 100;

/// A finished run, as far as its removal depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Name of the SyncRun.
    pub name: String,
    /// When it ended.
    pub completed: Timestamp,
    /// Whether `Succeeded` is True.
    pub succeeded: bool,
    /// A person made it, not the operator.
    pub by_person: bool,
    /// Its own `ttlAfterFinished`.
    pub ttl: Option<Duration>,
}

/// Names of the runs that go now, oldest first. A span of `history` that cannot be read removes nothing.
pub fn prune(runs: &[Finished], history: Option<&History>, now: Timestamp) -> Vec<String> {
    let mut gone: Vec<&Finished> = judged(runs, history)
        .filter(|(_, fate)| match fate {
            Fate::Now => true,
            Fate::At(time) => *time <= now,
            Fate::Never => false,
        })
        .map(|(run, _)| run)
        .collect();
    gone.sort_by(|a, b| (a.completed, &a.name).cmp(&(b.completed, &b.name)));
    gone.into_iter().map(|run| run.name.clone()).collect()
}

/// When the next of the runs that stay reaches its age; `None` when age removes none of them.
pub fn next_due(runs: &[Finished], history: Option<&History>, now: Timestamp) -> Option<Timestamp> {
    judged(runs, history)
        .filter_map(|(_, fate)| match fate {
            Fate::At(time) if time > now => Some(time),
            _ => None,
        })
        .min()
}

/// What becomes of a run.
enum Fate {
    /// It is one too many.
    Now,
    /// It stays until its age is reached.
    At(Timestamp),
    /// It stays.
    Never,
}

fn judged<'a>(
    runs: &'a [Finished],
    history: Option<&History>,
) -> impl Iterator<Item = (&'a Finished, Fate)> + use<'a> {
    let number = |written: Option<i32>| written.map_or(KEPT, |n| usize::try_from(n).unwrap_or(0));
    let succeeded = number(history.and_then(|history| history.succeeded_runs));
    let failed = number(history.and_then(|history| history.failed_runs));
    let age = history.and_then(|history| history.ttl_after_finished.as_ref()).and_then(Span::duration);

    let mut newest_first: Vec<&Finished> = runs.iter().collect();
    newest_first.sort_by(|a, b| (b.completed, &b.name).cmp(&(a.completed, &a.name)));
    let (mut all, mut good, mut bad) = (0, 0, 0);
    newest_first.into_iter().map(move |run| {
        let by_age = |ttl: Option<Duration>| {
            ttl.and_then(|ttl| run.completed.checked_add(ttl).ok()).map_or(Fate::Never, Fate::At)
        };
        if run.by_person {
            return (run, by_age(run.ttl));
        }
        let (place, most) = if run.succeeded { (&mut good, succeeded) } else { (&mut bad, failed) };
        *place += 1;
        // The newest run takes a place of its kind, but needs none.
        if all == 0 {
            all = 1;
            return (run, Fate::Never);
        }
        if *place > most || all >= MOST {
            return (run, Fate::Now);
        }
        all += 1;
        (run, by_age(run.ttl.or(age)))
    })
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
