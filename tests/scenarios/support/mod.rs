//! What the scenarios stand on.

pub mod by_hand;
pub mod certificates;
pub mod control_plane;
pub mod dying;
pub mod helm;
pub mod kstatus;
pub mod moments;
pub mod node;
pub mod postgres;
pub mod world;
