//! What Destinations of one workspace mean to each other.

use std::collections::BTreeSet;

use crate::state::Listed;
use crate::sync::account::Warning;
use crate::sync::job::{GroupTarget, Job, SyncMode};
use crate::sync::memory::Memory;
use crate::sync::reason::{Reason, Stop};

/// Fields of the profile that a Destination maps.
fn targets(job: &Job) -> BTreeSet<&str> {
    job.properties.iter().map(|mapping| mapping.to.as_str()).filter(|to| *to != "external_id").collect()
}

/// Subscription groups that a Destination writes.
fn groups(job: &Job) -> BTreeSet<&str> {
    let groups = job.groups.iter().filter_map(|mapping| match &mapping.target {
        GroupTarget::Subscription { id, .. } => Some(id.as_str()),
        GroupTarget::Flag { attribute } => Some(attribute.as_str()),
        GroupTarget::Element { .. } => None,
    });
    groups.collect()
}

fn others<'a>(job: &'a Job, all: &'a [Job]) -> impl Iterator<Item = &'a Job> {
    let is_other = |other: &&Job| {
        other.app_name() == job.app_name()
            && (&other.namespace, &other.destination) != (&job.namespace, &job.destination)
    };
    all.iter().filter(is_other)
}

/// Targets that other Destinations of the same workspace map: they are not cleared when this one drops them.
pub fn mapped_elsewhere(job: &Job, all: &[Job]) -> Vec<String> {
    let targets: BTreeSet<&str> = others(job, all).flat_map(targets).collect();
    targets.into_iter().map(str::to_owned).collect()
}

/// Targets and subscription groups that another Destination of the workspace writes too (semantics 2.4).
pub fn conflicts(job: &Job, all: &[Job]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for other in others(job, all) {
        let (ours, theirs) = (targets(job), targets(other));
        let (our_groups, their_groups) = (groups(job), groups(other));
        for field in ours.intersection(&theirs).chain(our_groups.intersection(&their_groups)) {
            warnings.push(Warning {
                code: "AttributeConflict".to_owned(),
                field: (*field).to_owned(),
                count: 0,
                message: format!(
                    "Destination {} writes it too: for users that are in both, the last change wins",
                    other.destination
                ),
            });
        }
    }
    warnings
}

/// What the memories of other Destinations in the state folder mean for a job.
pub struct Neighbours {
    /// Why it must not run.
    pub stop: Option<Stop>,
    /// What should be known.
    pub warnings: Vec<Warning>,
}

/// Looks at every memory of the same workspace in the state folder, whether its Destination is loaded or not.
///
/// This version does not ask them whose users they keep, so a Destination that deletes may not run beside them
/// (semantics 2.4). A memory of the same Model without a Destination hints at a renamed one (semantics 4.3).
pub fn neighbours(job: &Job, is_new: bool, loaded: &[Job], listed: &[Listed]) -> Neighbours {
    let app = job.app_name();
    let mut found = Neighbours { stop: None, warnings: Vec::new() };
    for other in listed {
        if (other.namespace.as_str(), other.name.as_str()) == (&job.namespace, &job.state_name) {
            continue;
        }
        let name = format!("{}/{}", other.namespace, other.name);
        let Ok((header, size)) = &other.content else {
            if job.mode == SyncMode::Sync {
                found.stop = Some(Stop::new(
                    Reason::StateUnavailable,
                    format!(
                        "the state {name} in the same folder cannot be read, so nobody can tell which users it \
                         keeps, and this Destination deletes users; repair it, or move its folder away"
                    ),
                ));
            }
            continue;
        };
        let memory: Memory = serde_json::from_value(header.body.clone()).unwrap_or_default();
        let Some(binding) = memory.binding.filter(|binding| binding.app == app) else { continue };
        let has_destination =
            loaded.iter().any(|one| (&one.namespace, &one.state_name) == (&other.namespace, &other.name));
        if is_new && !has_destination && binding.model == job.model.name && !job.initial_sync_stated {
            found.warnings.push(Warning {
                code: "OrphanState".to_owned(),
                field: "spec.stateName".to_owned(),
                count: size.known,
                message: format!(
                    "the state {name} is of the same workspace and Model and belongs to no Destination here. If \
                     this one was renamed, write stateName: {}, else everything is sent again",
                    other.name
                ),
            });
        }
        let keeps_users = size.known > 0 && binding.mode != Some(SyncMode::Enrich);
        if job.mode == SyncMode::Sync && keeps_users && found.stop.is_none() {
            found.stop = Some(Stop::new(
                Reason::InvalidSpec,
                format!(
                    "mode Sync beside the state {name} of the same workspace is not supported by this version: it \
                     could delete users that the other one keeps. Use another mode, or, if {name} is not in use any \
                     more, move its folder under stores/ away"
                ),
            ));
        }
    }
    found
}
