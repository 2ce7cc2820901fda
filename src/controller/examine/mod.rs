//! Looking at what the objects lead to, without sending anything: `validate` and the operator's checks.

pub mod fit;
pub mod model;
pub mod permissions;
pub mod rows;
