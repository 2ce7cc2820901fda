//! The operator, as people and GitOps tools see it through a real Kubernetes API.

mod installed;
mod life;
mod questions;
mod reliability;
mod restarts;
