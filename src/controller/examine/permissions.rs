//! Which permissions of an API key a Destination needs, and what is lost without them.

use crate::api::Destination;
use crate::api::destination::{self, GroupOptInPolicy};
use crate::sync::job::{GroupTarget, Job, SyncMode};

/// What a Destination does that takes a permission of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    deletes: bool,
    looks_up: bool,
    reads_subscriptions: bool,
}

impl Needs {
    /// Those of a job.
    pub fn of_job(job: &Job) -> Self {
        let reads = |target: &GroupTarget| matches!(target, GroupTarget::Subscription { always: false, .. });
        Self {
            deletes: job.mode == SyncMode::Sync,
            looks_up: job.mode == SyncMode::Enrich,
            reads_subscriptions: job.groups.iter().any(|mapping| reads(&mapping.target)),
        }
    }

    /// Those of a Destination of the cluster.
    pub fn of(destination: &Destination) -> Self {
        let spec = &destination.spec;
        Self {
            deletes: spec.sync_mode == destination::SyncMode::Sync,
            looks_up: spec.sync_mode == destination::SyncMode::Enrich,
            reads_subscriptions: spec.group_mappings.iter().flatten().any(|mapping| {
                mapping.subscription_group_id.is_some()
                    && mapping.opt_in_policy != Some(GroupOptInPolicy::Always)
            }),
        }
    }
}

/// A permission that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Braze's name of it.
    pub name: &'static str,
    /// What happens without it.
    pub otherwise: &'static str,
    /// Whether nothing at all can be delivered without it (api.md §3).
    pub blocks: bool,
}

/// The permissions that any of these Destinations needs, in the order of the connection test.
pub fn needed(all: impl Iterator<Item = Needs> + Clone) -> Vec<Needed> {
    let mut needed =
        vec![Needed { name: "users.track", otherwise: "without it nothing can be sent", blocks: true }];
    if all.clone().any(|needs| needs.deletes) {
        let otherwise = "mode Sync could not delete users";
        needed.push(Needed { name: "users.delete", otherwise, blocks: false });
    }
    if all.clone().any(|needs| needs.looks_up) {
        let otherwise = "mode Enrich could not find out which users exist";
        needed.push(Needed { name: "users.export.ids", otherwise, blocks: true });
    }
    if all.clone().any(|needs| needs.reads_subscriptions) {
        let otherwise =
            "opt-outs could not be seen, so nobody would be subscribed; or set optInPolicy: Always";
        needed.push(Needed { name: "subscription.status.get", otherwise, blocks: false });
    }
    needed
}
