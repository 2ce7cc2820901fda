//! The operator, as people and GitOps tools see it through a real Kubernetes API.

mod endpoints;
mod installed;
mod life;
mod manual;
mod questions;
mod quickstart;
mod reliability;
mod restarts;
mod rights;
mod secrets;
mod telemetry;
