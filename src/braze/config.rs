//! What a client has to be told.

use std::time::Duration;

use secrecy::SecretString;

use crate::data::AddressGuard;

/// One workspace: where its REST API is and how to log in.
#[derive(Clone, Debug)]
pub struct BrazeConfig {
    /// Base URL without a trailing slash.
    pub endpoint: String,
    /// REST API key.
    pub key: SecretString,
    /// PEM certificates to trust besides the public ones.
    pub extra_ca: Option<String>,
    /// Ceilings.
    pub limits: Limits,
    /// Which addresses of the endpoint's host may be connected to; `None`: all. Behind a proxy it is the proxy
    /// that connects, and nothing is asked.
    pub guard: Option<AddressGuard>,
}

/// Ceilings for the traffic to one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most objects in one request to `/users/track`, 1 to 75.
    pub objects_per_request: usize,
    /// Most requests per second over all endpoints; `None`: as many as Braze's headers allow.
    pub requests_per_second: Option<u32>,
    /// Most requests waiting for an answer at the same time.
    pub max_in_flight: usize,
    /// How long a request is tried again while Braze is down.
    pub retry_for: Duration,
}
