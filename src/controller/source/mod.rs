//! Sources: whether the system can be reached with the login that is given.

mod decide;
mod reconcile;

pub use decide::failed;
pub use reconcile::reconcile;
