//! Models: whether the rows are what they are said to be.

mod reconcile;

pub use reconcile::reconcile;
