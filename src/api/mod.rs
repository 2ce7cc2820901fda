//! The five kinds of `grouparoo.io/v1alpha1`: what people write and what they read as status.
//!
//! Promises: the types, their schema and their rules are one thing; [`crds`] renders them, [`check`] applies
//! them in process exactly as a Kubernetes API server would. Spec fields carry no defaults; those are applied
//! by the function that resolves a Destination. Refuses to know: clients, Braze, files, rows.

pub use braze_app::{BrazeApp, BrazeAppSpec};
pub use destination::{Destination, DestinationSpec};
pub use lookup::{Found, Lookup};
pub use model::{Model, ModelSpec};
pub use shared::{InvalidSpec, KeyRef, Ref, Span, Warning};
pub use source::{Source, SourceSpec};
pub use sync_run::{SyncRun, SyncRunSpec};

pub mod braze_app;
pub mod check;
pub mod crds;
pub mod destination;
pub mod folder;
pub mod lookup;
pub mod model;
pub mod patterns;
pub mod rules;
pub mod shared;
pub mod source;
pub mod statistics;
pub mod sync_run;

/// The API group.
pub const GROUP: &str = "grouparoo.io";

/// `apiVersion` of all kinds.
pub const API_VERSION: &str = "grouparoo.io/v1alpha1";

/// Annotation that answers a question of a run.
pub const APPROVE_ANNOTATION: &str = "grouparoo.io/approve";

/// Annotation that asks for a run or a test.
pub const REQUESTED_AT_ANNOTATION: &str = "grouparoo.io/requested-at";

/// Annotation of Flux and other tools that asks for the same.
pub const RECONCILE_AT_ANNOTATION: &str = "reconcile.fluxcd.io/requestedAt";

/// Label of Secrets and ConfigMaps whose users are looked at again when they change.
pub const WATCH_LABEL: &str = "grouparoo.io/watch";

/// Finalizer of a Destination whose deletion takes everything back from Braze.
pub const CLEANUP_FINALIZER: &str = "grouparoo.io/cleanup";

/// Label of SyncRuns: their Destination.
pub const DESTINATION_LABEL: &str = "grouparoo.io/destination";

/// Annotation of a Secret: hosts to which its values may be sent.
pub const ALLOWED_HOSTS_ANNOTATION: &str = "grouparoo.io/allowed-hosts";
