//! The engine: what a sync does in every case (docs/semantics.md). Knows no Kubernetes.

pub mod expression;
pub mod job;
pub mod value;
