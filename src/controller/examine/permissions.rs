//! Which permissions of an API key a Destination needs, and what is lost without them.

use crate::sync::job::{GroupTarget, Job, SyncMode};

/// A permission that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Braze's name of it.
    pub name: &'static str,
    /// What happens without it.
    pub otherwise: &'static str,
}

/// The permissions that any of these Destinations needs, in the order of the connection test.
pub fn needed<'a>(jobs: impl Iterator<Item = &'a Job> + Clone) -> Vec<Needed> {
    let mut needed = vec![Needed { name: "users.track", otherwise: "without it nothing can be sent" }];
    if jobs.clone().any(|job| job.mode == SyncMode::Sync) {
        needed.push(Needed { name: "users.delete", otherwise: "mode Sync could not delete users" });
    }
    if jobs.clone().any(|job| job.mode == SyncMode::Enrich) {
        needed.push(Needed {
            name: "users.export.ids",
            otherwise: "mode Enrich could not find out which users exist",
        });
    }
    if jobs.clone().any(reads_subscriptions) {
        needed.push(Needed {
            name: "subscription.status.get",
            otherwise: "opt-outs could not be seen, so nobody would be subscribed; or set optInPolicy: Always",
        });
    }
    needed
}

fn reads_subscriptions(job: &Job) -> bool {
    job.groups.iter().any(|mapping| matches!(mapping.target, GroupTarget::Subscription { always: false, .. }))
}
