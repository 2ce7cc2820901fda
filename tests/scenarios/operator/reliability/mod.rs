//! What the operator bears: deaths, standstills, an absent API server, many objects, lost memories.
//!
//! The scenarios run short by default. `GROUPAROO_SOAK=1` (`make soak`) runs them at full length and prints figures;
//! the variables that [`Length`] names set single lengths.

mod away;
mod expired;
mod failover;
mod frozen;
mod memory;
mod proxy;
mod scale;
mod together;

use std::collections::BTreeSet;
use std::time::Duration;

use grouparoo::api::SyncRun;
use kube::ResourceExt as _;

use super::installed::Installed;
use crate::support::control_plane::{PATIENCE, Process};

/// How long the scenarios are.
struct Length;

impl Length {
    fn of(name: &str, short: u64, full: u64) -> u64 {
        let given = std::env::var(name).ok().filter(|text| !text.is_empty());
        match given {
            Some(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
            None if std::env::var_os("GROUPAROO_SOAK").is_some_and(|it| !it.is_empty()) => full,
            None => short,
        }
    }

    fn failovers() -> u64 {
        Self::of("SOAK_FAILOVERS", 5, 100)
    }

    fn destinations() -> u64 {
        Self::of("SOAK_DESTINATIONS", 50, 1_000)
    }

    fn models() -> u64 {
        Self::of("SOAK_MODELS", 20, 100)
    }

    fn looks() -> u64 {
        Self::of("SOAK_LOOKS", 1_000, 10_000)
    }

    fn away() -> Duration {
        Duration::from_secs(Self::of("SOAK_AWAY_SECONDS", 10, 60))
    }

    fn idle() -> Duration {
        Duration::from_secs(Self::of("SOAK_IDLE_SECONDS", 5, 60))
    }
}

/// A figure for docs/reliability.md.
fn figure(text: &str) {
    eprintln!("figure: {text}");
}

/// People of these scenarios.
const PEOPLE: u32 = 1_500;
/// Requests in flight.
const IN_FLIGHT: u64 = 4;
/// Objects that may be sent again after a kill: those in flight, and half a second of answers (semantics 10.3), which
/// is at most as many where each answer takes a second.
const AGAIN: u64 = 2 * IN_FLIGHT * 75;
/// Time that Braze takes for each request while a run is to be met under way.
const SLOW: Duration = Duration::from_secs(1);

/// Flags of an election that is over soon, and yet lasts on a busy machine.
fn elects(installed: &Installed) -> Vec<String> {
    let namespace = &installed.space.name;
    ["--leader-elect", "--lease-duration=6s", "--lease-renew-deadline=5s", "--lease-retry=500ms"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("--lease-namespace={namespace}")])
        .collect()
}

/// Applies everything, with few requests in flight.
async fn apply(installed: &Installed) {
    let limits = format!("retryFor: 5s, maxInFlight: {IN_FLIGHT}");
    let manifests = installed.manifests().join("---\n").replace("retryFor: 5s", &limits);
    installed.space.apply(&manifests).await;
}

/// Waits until a line of the log holds a text.
fn logged(process: &Process, text: &str) -> String {
    let found = process.log.wait(PATIENCE, |lines| lines.iter().find(|line| line.contains(text)).cloned());
    found.unwrap_or_else(|| panic!("nothing is logged of {text}:\n{}", process.log.all().join("\n")))
}

/// Waits until a run that is not among `known` has delivered something and is not at its end; its name.
async fn under_way(installed: &Installed, known: &BTreeSet<String>) -> String {
    let destination = installed
        .destination_when(|destination| {
            let active = destination.status.as_ref().and_then(|status| status.active_run.as_ref());
            active.is_some_and(|active| !known.contains(&active.name))
        })
        .await;
    let name = destination.status.and_then(|status| status.active_run).expect("an active run").name;
    installed.space.wait::<SyncRun>(&name, |run| delivered(run) > 0).await;
    name
}

fn delivered(run: &SyncRun) -> i64 {
    let counts = run.status.as_ref().and_then(|status| status.counts.as_ref());
    counts.map_or(0, |counts| counts.added.unwrap_or(0) + counts.updated.unwrap_or(0))
}

async fn names(installed: &Installed) -> BTreeSet<String> {
    installed.runs().await.iter().map(|run| run.name_any()).collect()
}
