//! Why a command could not do what it was asked, before any run began.

use crate::controller::Problems;
use crate::controller::execution::stop_for;
use crate::manifest::ManifestErrors;
use crate::state::StateError;
use crate::sync::reason::Reason;

use super::exit;

/// A failure of the whole command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub(super) struct Failure {
    /// The exit code.
    pub code: u8,
    /// One sentence each.
    pub problems: Vec<String>,
}

impl Failure {
    /// Wrong arguments.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: exit::USAGE, problems: vec![message.into()] }
    }

    /// Manifests that cannot work.
    pub fn invalid(problems: Vec<String>) -> Self {
        Self { code: Reason::InvalidSpec.exit_code(), problems }
    }

    /// A file of ours that cannot be written.
    pub fn output(message: impl Into<String>) -> Self {
        Self { code: exit::OUTPUT, problems: vec![message.into()] }
    }
}

impl From<ManifestErrors> for Failure {
    fn from(errors: ManifestErrors) -> Self {
        Self::invalid(errors.0.iter().map(ToString::to_string).collect())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::invalid(problems.0.iter().map(ToString::to_string).collect())
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let stop = stop_for(&error);
        Self { code: stop.reason.exit_code(), problems: vec![stop.message] }
    }
}
