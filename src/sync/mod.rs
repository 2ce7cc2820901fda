//! The engine: what a sync does in every case (docs/semantics.md). Knows no Kubernetes.

pub mod account;
pub mod approval;
pub mod committer;
pub mod course;
pub mod decide;
pub mod evaluate;
pub mod expression;
pub mod guard;
pub mod job;
pub mod leave;
pub mod memory;
pub mod object;
pub mod outcome;
pub mod parcel;
pub mod program;
pub mod reason;
pub mod remove;
pub mod report;
pub mod schema;
pub mod stage;
pub mod value;
