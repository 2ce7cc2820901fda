//! What Destinations refuse because of one another.

use std::collections::HashMap;

use kube::ResourceExt;

use crate::api::Destination;
use crate::api::destination::SyncMode;

use super::problem::{Findings, Problem};

/// Problems of Destinations that this version cannot run side by side: one that deletes users, beside another
/// Destination of the same app. Whose users they are would have to be agreed between their memories.
pub fn refuse_unsupported(destinations: &[&Destination]) -> Vec<Problem> {
    let mut found = Vec::new();
    for destination in destinations.iter().filter(|one| one.spec.sync_mode == SyncMode::Sync) {
        let siblings: Vec<String> = destinations
            .iter()
            .filter(|other| other.namespace() == destination.namespace())
            .filter(|other| other.spec.app_ref == destination.spec.app_ref)
            .filter(|other| other.name_any() != destination.name_any())
            .map(|other| other.name_any())
            .collect();
        if !siblings.is_empty() {
            let mut findings = Findings::of("Destination", *destination);
            findings.invalid(
                "spec.syncMode",
                format!(
                    "Sync beside another Destination of BrazeApp {} ({}) is not supported by this version: it \
                     could delete users that the other one keeps",
                    destination.spec.app_ref.name,
                    siblings.join(", ")
                ),
            );
            found.append(&mut findings.problems);
        }
    }
    found
}

/// Problems of Destinations that would share one memory: of two with one `stateName`, the one created later
/// (semantics 4.3). Without times of creation, the one that comes later in the list.
pub fn refuse_shared_state(destinations: &[&Destination]) -> Vec<Problem> {
    let mut ordered: Vec<&&Destination> = destinations.iter().collect();
    ordered.sort_by_key(|one| one.metadata.creation_timestamp.as_ref().map(|time| time.0));
    let mut owners: HashMap<(Option<String>, String), String> = HashMap::new();
    let mut found = Vec::new();
    for destination in ordered {
        let name = destination.name_any();
        let state = destination.spec.state_name.clone().unwrap_or_else(|| name.clone());
        let key = (destination.namespace(), state.clone());
        if let Some(owner) = owners.get(&key) {
            let mut findings = Findings::of("Destination", *destination);
            let message = format!("{state} is already the memory of Destination {owner}");
            findings.invalid("spec.stateName", message);
            found.append(&mut findings.problems);
        } else {
            owners.insert(key, name);
        }
    }
    found
}
