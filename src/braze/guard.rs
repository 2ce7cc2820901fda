//! Names are resolved once, and the address that was allowed is the one that is connected to.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::data::AddressGuard;

/// Resolves names; those of the endpoint's host only to addresses that are allowed.
pub(super) struct GuardedNames {
    host: String,
    guard: AddressGuard,
}

/// An address is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("the address is not allowed")]
struct Refused;

impl GuardedNames {
    pub(super) fn new(host: String, guard: AddressGuard) -> Self {
        Self { host, guard }
    }
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        // Another name is a proxy's, which the environment of the process names.
        let guard = (name.as_str().eq_ignore_ascii_case(&self.host)).then(|| self.guard.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = guard.is_none_or(|guard| guard.check_all(found.iter().map(SocketAddr::ip)).is_ok());
            if !allowed {
                return Err(Refused.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The address that a host of a URL is, if it is none of the name service's.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether an error comes from a refused address.
pub(super) fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Refused>() {
            return true;
        }
        next = error.source();
    }
    false
}
