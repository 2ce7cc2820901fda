//! The Braze client: requests, answers, limits, errors. Knows no rows, no state and no Kubernetes.
//!
//! It promises that every object given to it comes back with exactly one [`Fate`]; that a rate limit of the
//! workspace is kept by all who share one [`Braze`]; that a request is tried again only where the answer
//! allows it and never after its deadline; and that neither the API key nor a word that Braze wrote ever
//! reaches a message, a log line or a `Debug` output. It refuses to know what the objects mean.

mod answer;
mod backoff;
mod batch;
mod client;
mod config;
mod deliver;
mod endpoint;
mod error;
mod exchange;
mod guard;
mod key;
mod limiter;
mod lookup;
mod outcome;
mod patience;
mod probe;
mod refusal;
mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transport;

pub use batch::{MAX_BODY_BYTES, TrackBatch};
pub use client::Braze;
pub use config::{BrazeConfig, Limits};
pub use error::{BrazeError, ErrorClass, Outage};
pub use key::KeySource;
pub use lookup::ExportedUser;
pub use outcome::{Answers, Delivery, Fate, Reply, Traffic};
pub use probe::{ConnectionReport, Permission, PermissionState};
pub use refusal::Refusal;
pub use status::{By, SubscriptionState};
