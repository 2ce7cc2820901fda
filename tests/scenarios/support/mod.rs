//! What the scenarios stand on.

pub mod certificates;
pub mod postgres;
pub mod world;
