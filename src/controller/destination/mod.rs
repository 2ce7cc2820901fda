//! Destinations: whether they can run, when a run is made, and what their status says.

pub mod accept;
pub mod around;
mod cleanup;
pub mod decide;
pub mod reconcile;
pub mod runs;

pub use reconcile::reconcile;
