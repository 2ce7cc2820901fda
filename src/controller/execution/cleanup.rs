//! The end of a Destination that is deleted under `deletionPolicy: Delete` (docs/semantics.md, "Identity").

use crate::state::StateError;
use crate::sync::job::Job;
use crate::sync::report::{Report, Verdict};
use crate::sync::run::Request;

use super::State;

/// Removes the memory of a Destination once a run with [`Request::cleanup`] took everything back. True: it is gone, or
/// there was none. False: the run was no cleanup, or did not succeed, so that what is left of it must be remembered.
pub fn forget(state: &State, job: &Job, request: &Request, report: &Report) -> Result<bool, StateError> {
    if !request.cleanup || request.plan || report.result != Verdict::Succeeded {
        return Ok(false);
    }
    state.remove(job)?;
    Ok(true)
}
