//! Names of hosts, and lists of them.

use std::fmt;
use std::net::IpAddr;

use url::Host;

/// Braze's public REST hosts.
const BRAZE: [&str; 2] = ["rest.*.braze.com", "rest.*.braze.eu"];

/// A list of hosts: names with `*` for one label, addresses, networks such as `10.0.0.0/8`, each with `:port` if
/// only that one is meant. `*` alone is every host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    what: What,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Any,
    Name(String),
    Address(IpAddr),
    Network(IpAddr, u8),
}

/// A host as somebody wrote it, in the one spelling that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostName {
    /// A name, in lower case and without a dot at its end.
    Name(String),
    /// An address, however it was spelled.
    Address(IpAddr),
}

impl HostName {
    /// Reads a host. `2130706433`, `0x7f.1` and `127.1` are addresses, as they are for the name service.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Address(address));
        }
        match Host::parse(bare.strip_suffix('.').unwrap_or(bare)).ok() {
            Some(Host::Ipv4(address)) => Some(Self::Address(address.into())),
            Some(Host::Ipv6(address)) => Some(Self::Address(address.into())),
            Some(Host::Domain(name)) if !name.is_empty() => {
                Some(Self::Name(name.trim_end_matches('.').to_owned()))
            }
            // A name with an underscore is fine for the name service, if not for URLs.
            _ if plain(bare) => Some(Self::Name(bare.trim_end_matches('.').to_ascii_lowercase())),
            _ => None,
        }
    }

    /// Whether it is this machine by its name.
    pub(super) fn is_local_name(&self) -> bool {
        const LOCAL: [&str; 4] = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];
        matches!(self, Self::Name(name) if LOCAL.contains(&name.as_str()) || name.ends_with(".localhost"))
    }

    /// Whether it is the API server by its name.
    pub(super) fn is_api_server(&self) -> bool {
        let Self::Name(name) = self else { return false };
        let mut labels = name.split('.');
        labels.next() == Some("kubernetes")
            && labels.next().is_none_or(|label| label == "default")
            && labels.next().is_none_or(|label| label == "svc")
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

fn plain(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.trim_matches('.').is_empty() && text.chars().all(letters)
}

impl Hosts {
    /// Every host.
    pub fn any() -> Self {
        Self(vec![Entry { what: What::Any, port: None }])
    }

    /// Braze's own public REST hosts.
    pub fn of_braze() -> Self {
        Self(BRAZE.map(|name| Entry { what: What::Name(name.to_owned()), port: None }).into())
    }

    /// A list as it is written.
    ///
    /// # Errors
    /// A sentence about the first entry that is no host.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, String> {
        entries.into_iter().map(|entry| Entry::parse(entry.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// As much of a list as can be understood.
    pub(super) fn lenient<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Self {
        Self(entries.into_iter().filter_map(|entry| Entry::parse(entry.as_ref()).ok()).collect())
    }

    /// Whether a host is in the list.
    pub(super) fn contain(&self, host: &HostName, port: u16) -> bool {
        self.0.iter().any(|entry| entry.is_for(port) && entry.matches(host))
    }

    /// Whether a host is in the list by its whole name or its address, not by a pattern.
    pub(super) fn name_exactly(&self, host: &HostName, port: u16) -> bool {
        self.0.iter().any(|entry| {
            let exact = match &entry.what {
                What::Any => false,
                What::Name(name) => !name.contains('*'),
                What::Address(_) | What::Network(..) => true,
            };
            exact && entry.is_for(port) && entry.matches(host)
        })
    }

    /// Whether an address is in the list by itself or by its network.
    pub(super) fn list_address(&self, address: IpAddr, port: u16) -> bool {
        let host = HostName::Address(address);
        self.0.iter().any(|entry| {
            matches!(entry.what, What::Address(_) | What::Network(..))
                && entry.is_for(port)
                && entry.matches(&host)
        })
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        if entries.is_empty() { f.write_str("none") } else { f.write_str(&entries.join(", ")) }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Any => f.write_str("*")?,
            What::Name(name) => f.write_str(name)?,
            What::Address(IpAddr::V6(address)) if self.port.is_some() => write!(f, "[{address}]")?,
            What::Address(address) => write!(f, "{address}")?,
            What::Network(address, bits) => write!(f, "{address}/{bits}")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bad =
            || format!("{text:?} is no host: write a name, with * for one label, an address or a network");
        if text == "*" {
            return Ok(Self { what: What::Any, port: None });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| bad())?;
            let bits: u8 = bits.parse().map_err(|_| bad())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            return if bits <= most {
                Ok(Self { what: What::Network(address, bits), port: None })
            } else {
                Err(bad())
            };
        }
        let (host, port) = match text.rsplit_once(':') {
            // More than one colon without brackets is an IPv6 address.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| bad())?))
            }
            _ => (text, None),
        };
        if host.contains('*') {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let labels_fine = name
                .split('.')
                .all(|label| label == "*" || (!label.is_empty() && !label.contains('*') && plain(label)));
            return if labels_fine { Ok(Self { what: What::Name(name), port }) } else { Err(bad()) };
        }
        let what = match HostName::parse(host).ok_or_else(bad)? {
            HostName::Name(name) => What::Name(name),
            HostName::Address(address) => What::Address(address),
        };
        Ok(Self { what, port })
    }

    fn is_for(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }

    fn matches(&self, host: &HostName) -> bool {
        match (&self.what, host) {
            (What::Any, _) => true,
            (What::Name(pattern), HostName::Name(name)) => {
                let (mut wanted, mut found) = (pattern.split('.'), name.split('.'));
                loop {
                    match (wanted.next(), found.next()) {
                        (None, None) => return true,
                        (Some(label), Some(own)) if label == "*" || label == own => {}
                        _ => return false,
                    }
                }
            }
            (What::Address(own), HostName::Address(address)) => own == address,
            (What::Network(own, bits), HostName::Address(address)) => within(*own, *bits, *address),
            _ => false,
        }
    }
}

fn within(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits().into(), address.to_bits().into(), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let different: u128 = network ^ address;
    different.checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}
