//! What Destinations of one workspace mean to each other.

use std::collections::BTreeSet;

use kube::ResourceExt as _;

use crate::api::destination::Style;
use crate::api::{BrazeApp, Destination};
use crate::sync::account::Warning;
use crate::sync::job::{GroupTarget, Job, SyncMode};
use crate::sync::reason::{Reason, Stop};

use super::kept::Kept;

/// A Destination, as far as it matters to the others of its workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub destination: String,
    /// Name of its memory.
    pub state_name: String,
    /// Name of its workspace: [`Job::app_name`].
    pub app_name: String,
    /// Fields of the profile that it maps.
    targets: BTreeSet<String>,
    /// Subscription groups and flags that it writes.
    groups: BTreeSet<String>,
    /// Array attributes with the texts that it keeps in them.
    elements: Vec<(String, String)>,
}

impl Sibling {
    /// The Destination of a job.
    pub fn of_job(job: &Job) -> Self {
        let groups = job.groups.iter().filter_map(|mapping| match &mapping.target {
            GroupTarget::Subscription { id, .. } => Some(id.clone()),
            GroupTarget::Flag { attribute } => Some(attribute.clone()),
            GroupTarget::Element { .. } => None,
        });
        let elements = job.groups.iter().filter_map(|mapping| match &mapping.target {
            GroupTarget::Element { attribute, value } => Some((attribute.clone(), value.clone())),
            GroupTarget::Subscription { .. } | GroupTarget::Flag { .. } => None,
        });
        Self {
            namespace: job.namespace.clone(),
            destination: job.destination.clone(),
            state_name: job.state_name.clone(),
            app_name: job.app_name(),
            targets: targets(job.properties.iter().map(|mapping| mapping.to.as_str())),
            groups: groups.collect(),
            elements: elements.collect(),
        }
    }

    /// A Destination of the cluster, with its BrazeApp.
    pub fn of(destination: &Destination, app: &BrazeApp) -> Self {
        let (spec, namespace) = (&destination.spec, destination.namespace().unwrap_or_default());
        let workspace = app.spec.workspace.clone().unwrap_or_else(|| app.name_any());
        let groups = spec.group_mappings.iter().flatten().filter_map(|mapping| {
            let is_flag = mapping.style == Some(Style::Flag);
            mapping
                .subscription_group_id
                .clone()
                .or_else(|| mapping.custom_attribute.clone().filter(|_| is_flag))
        });
        let elements = spec.group_mappings.iter().flatten().filter_map(|mapping| {
            let attribute =
                mapping.custom_attribute.clone().filter(|_| mapping.style != Some(Style::Flag))?;
            Some((attribute, mapping.value.clone().unwrap_or_else(|| mapping.group.clone())))
        });
        Self {
            app_name: format!("{namespace}/{workspace}"),
            namespace,
            destination: destination.name_any(),
            state_name: spec.state_name.clone().unwrap_or_else(|| destination.name_any()),
            targets: targets(spec.property_mappings.iter().map(|mapping| mapping.to.as_str())),
            groups: groups.collect(),
            elements: elements.collect(),
        }
    }
}

fn targets<'a>(all: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    all.filter(|to| *to != "external_id").map(str::to_owned).collect()
}

fn others<'a>(own: &'a Sibling, all: &'a [Sibling]) -> impl Iterator<Item = &'a Sibling> {
    let is_other = |other: &&Sibling| {
        other.app_name == own.app_name
            && (&other.namespace, &other.destination) != (&own.namespace, &own.destination)
    };
    all.iter().filter(is_other)
}

/// Targets that other Destinations of the same workspace map: they are not cleared when this one drops them.
pub fn mapped_elsewhere(own: &Sibling, all: &[Sibling]) -> Vec<String> {
    let targets: BTreeSet<&String> = others(own, all).flat_map(|other| &other.targets).collect();
    targets.into_iter().cloned().collect()
}

/// Array attributes with the texts that other Destinations of the same workspace keep in them.
pub fn elements_elsewhere(own: &Sibling, all: &[Sibling]) -> Vec<(String, String)> {
    others(own, all).flat_map(|other| other.elements.iter().cloned()).collect()
}

/// Targets and subscription groups that another Destination of the workspace writes too (semantics 2.4).
pub fn conflicts(own: &Sibling, all: &[Sibling]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for other in others(own, all) {
        for field in own.targets.intersection(&other.targets).chain(own.groups.intersection(&other.groups)) {
            warnings.push(Warning {
                code: "AttributeConflict".to_owned(),
                field: field.clone(),
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
    /// Memories that look like the former self of a Destination whose own memory is still empty.
    pub orphans: Vec<Orphan>,
}

/// A memory of the same workspace and Model that belongs to no Destination: perhaps this one was renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The `stateName` to write for going on with it.
    pub state_name: String,
    /// Namespace and name.
    full_name: String,
    /// Records that it knows.
    pub known: u64,
}

impl Orphan {
    /// The advice to somebody who cannot be asked.
    pub fn warning(&self) -> Warning {
        Warning {
            code: "OrphanState".to_owned(),
            field: "spec.stateName".to_owned(),
            count: self.known,
            message: format!(
                "the state {} is of the same workspace and Model and belongs to no Destination here. If this one was                  renamed, write stateName: {}, else everything is sent again",
                self.full_name, self.state_name
            ),
        }
    }
}

impl Neighbours {
    /// The name for the question of a run, see [`Request::orphan`](crate::sync::run::Request::orphan): of several the
    /// one that knows most.
    pub fn orphan(&self) -> Option<String> {
        let most = self.orphans.iter().rev().max_by_key(|orphan| orphan.known);
        most.map(|orphan| orphan.state_name.clone())
    }
}

/// Whether nothing was remembered for a job so far, and nobody decided how that begins.
fn has_not_begun(job: &Job, kept: &[Kept]) -> bool {
    let own = kept
        .iter()
        .find(|one| (one.namespace.as_str(), one.name.as_str()) == (&job.namespace, &job.state_name));
    match own.map(|own| &own.content) {
        None => true,
        Some(Err(_)) => false,
        Some(Ok(brief)) => !brief.has_begun,
    }
}

/// Looks at every memory of the same workspace in the state folder, whether its Destination is loaded or not. All of
/// them are of the job's namespace, which a workspace never leaves: `kept` are the memories there.
///
/// This version does not ask them whose users they keep, so a Destination that deletes may not run beside them
/// (semantics 2.4). A memory of the same Model without a Destination hints at a renamed one (semantics 4.3).
pub fn neighbours(job: &Job, loaded: &[Sibling], kept: &[Kept]) -> Neighbours {
    let app = job.app_name();
    let mut found = Neighbours { stop: None, orphans: Vec::new() };
    let seeks = !job.initial_sync_stated && has_not_begun(job, kept);
    for other in kept {
        if (other.namespace.as_str(), other.name.as_str()) == (&job.namespace, &job.state_name) {
            continue;
        }
        let name = format!("{}/{}", other.namespace, other.name);
        let Ok(brief) = &other.content else {
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
        if brief.app.as_deref() != Some(app.as_str()) {
            continue;
        }
        let has_destination =
            loaded.iter().any(|one| (&one.namespace, &one.state_name) == (&other.namespace, &other.name));
        // `stateName` cannot name one of another namespace.
        let is_near = other.namespace == job.namespace && brief.model == job.model.name;
        if seeks && is_near && !has_destination {
            found.orphans.push(Orphan {
                state_name: other.name.clone(),
                full_name: name.clone(),
                known: brief.known,
            });
        }
        let keeps_users = brief.known > 0 && brief.mode != Some(SyncMode::Enrich);
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
