//! What we ship for Argo CD, Flux, kustomize and the cluster's own admission, each run by what runs it for users.

mod applied;
mod argocd;
mod flux;
mod kustomize;
mod policies;

use std::path::{Path, PathBuf};

/// A folder or file under `examples`.
fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}
