//! Logs, metrics and health of the operator: what a person on call looks at.
//!
//! Promises: one line of bounded length for each log event, one set of series for each object and none after it
//! is gone, health that depends on nothing but this process. Refuses to know: what the numbers and names mean.

pub mod health;
mod line;
pub mod logs;
pub mod metrics;
mod series;

pub use health::{Health, serve};
pub use logs::{Format, init};
pub use metrics::Metrics;
