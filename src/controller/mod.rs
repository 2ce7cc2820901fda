//! From objects to work: what the operator and the command line do with the kinds.
//!
//! Promises: [`resolve()`] turns a Destination with all that it refers to into one fully resolved job, or says
//! everything that is wrong with it. Refuses to know: how objects are stored and watched.

mod braze_app;
pub mod checking;
pub mod conditions;
pub mod destination;
pub mod examine;
pub mod execution;
pub mod history;
pub mod hosts;
pub mod model;
pub mod operator;
pub mod problem;
pub mod refuse;
pub mod resolve;
pub mod resolve_app;
mod resolve_groups;
mod resolve_mappings;
pub mod resolve_model;
pub mod resolve_source;
pub mod run_status;
pub mod schedule;
pub mod source;
pub mod sync_run;
pub mod text;

pub use problem::{Advice, Problem, Problems, Reason};
pub use refuse::{refuse_shared_state, refuse_unsupported};
pub use resolve::{Objects, Resolved, resolve};
