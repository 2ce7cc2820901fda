//! Why a look at an object did not come to its end.

use crate::cluster::ClusterError;

/// A look that has to be repeated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl Error {
    /// Whether somebody else was faster, so that only a fresh look is needed.
    pub fn is_conflict(&self) -> bool {
        let Self::Cluster(error) = self;
        error.is_conflict()
    }
}
