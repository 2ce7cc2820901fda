//! SyncRuns: which may start, what stops them, and what becomes of them.

pub mod decide;
pub mod execute;
pub mod inputs;
pub mod phase;
pub mod prepare;
pub mod reconcile;
pub mod registry;
pub mod report;

pub use reconcile::reconcile;
