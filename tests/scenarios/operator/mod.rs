//! The operator, as people and GitOps tools see it through a real Kubernetes API.

mod bad_input;
mod by_people;
mod installed;
mod life;
mod questions;
mod restarts;
mod rotation;
mod schedules;
mod shown;
mod storms;
