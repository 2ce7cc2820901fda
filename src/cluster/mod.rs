//! Kubernetes as a peer: clients, server-side apply of status, events, the lease of a leader, and what Secrets and
//! ConfigMaps hold.
//!
//! Promises: every write is small, named and bounded in time; a word that the API server wrote reaches no message,
//! and the value of a Secret reaches nothing but who looks it up. Refuses to know: what the kinds mean; that is
//! the business of `controller`.

pub mod apply;
mod bounded;
pub mod client;
pub mod error;
pub mod events;
mod gate;
pub mod lease;
pub mod rbac;
pub mod references;
pub mod snapshot;
#[cfg(test)]
mod testing;

pub use apply::{FIELD_MANAGER, apply_dynamic_status, apply_status, differs};
pub use bounded::call;
pub use client::Clients;
pub use error::ClusterError;
pub use events::{Notice, Recorder};
pub use lease::{Elector, Lost, Timing};
pub use references::{References, fetch, references_of_app, references_of_model, references_of_source};
pub use snapshot::Snapshot;
