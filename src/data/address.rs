//! Who may be connected to, asked when the address is known.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Says of an address whether it may be connected to. Asked at connect time, of the very address that the
/// connection then goes to, so that a name cannot lead elsewhere between the check and the connection.
#[derive(Clone)]
pub struct AddressGuard(Arc<dyn Fn(IpAddr) -> Result<(), String> + Send + Sync>);

impl AddressGuard {
    /// A guard by a rule, whose refusal is a sentence without the address.
    pub fn new(rule: impl Fn(IpAddr) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// Whether the address may be connected to; if not, why.
    pub fn check(&self, address: IpAddr) -> Result<(), String> {
        (self.0)(address)
    }

    /// The addresses that may be connected to, when all may.
    ///
    /// # Errors
    /// The sentence about the first that may not: a name that leads to a good and a bad address is bad.
    pub fn check_all(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), String> {
        addresses.into_iter().try_for_each(|address| self.check(address))
    }
}

impl fmt::Debug for AddressGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressGuard")
    }
}
