//! BrazeApps: whether the key works, and what it may do.

mod decide;
mod reconcile;

pub use reconcile::reconcile;
