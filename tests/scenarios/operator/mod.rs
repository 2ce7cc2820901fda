//! The operator, as people and GitOps tools see it through a real Kubernetes API.

mod bad_input;
mod by_people;
mod endpoints;
pub mod installed;
mod life;
mod questions;
mod quickstart;
mod refused;
mod reliability;
mod restarts;
mod rights;
mod rotation;
mod schedules;
mod secrets;
mod shown;
mod storms;
mod telemetry;
