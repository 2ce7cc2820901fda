//! Where a command works: its state folder and its Destinations.

use std::path::PathBuf;

use grouparoo_clock::Clock;

use crate::controller::execution::State;
use crate::controller::execution::siblings::Sibling;

use super::arguments::Selection;
use super::failure::Failure;
use super::manifests::{self, Prepared};
use super::output;

/// What a command works on.
pub(super) struct Place {
    /// The memory.
    pub state: State,
    /// All Destinations of the manifests.
    pub all: Vec<Sibling>,
    /// Those to run.
    pub chosen: Vec<Prepared>,
    /// Names of those left out because they are suspended.
    pub suspended: Vec<String>,
}

/// Reads, resolves and selects; then opens the memory. Nothing is made before the manifests are known to be right.
pub(super) fn find(selection: &Selection, for_run: bool, clock: &Clock) -> Result<Place, Failure> {
    let set = manifests::load(&selection.files)?;
    let prepared = manifests::resolve(&set)?;
    let (chosen, suspended) = manifests::select(&prepared, &selection.destinations)?;
    let suspended: Vec<String> = suspended.into_iter().map(|one| one.job.destination).collect();
    for name in &suspended {
        output::warn(&format!(
            "Destination {name} is suspended and left out; --destination {name} runs it anyway"
        ));
    }
    let path = state_path(selection.state.as_ref(), &selection.files.files);
    let state =
        if for_run { State::open(&path, "grouparoo sync", clock) } else { State::read(&path, clock) }?;
    let all = prepared.iter().map(|one| Sibling::of_job(&one.job)).collect();
    Ok(Place { state, all, chosen, suspended })
}

/// The state folder: the one given, else the one beside the manifests.
pub(super) fn state_path(given: Option<&PathBuf>, files: &[String]) -> PathBuf {
    given.cloned().unwrap_or_else(|| manifests::default_state(files))
}
