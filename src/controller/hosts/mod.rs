//! Where a value of a Secret may be sent: what the cluster's operator allows, and what the Secret's owner allows.
//!
//! Promises: pure decisions, each with a sentence for the condition `EndpointNotAllowed`. The address itself is
//! judged when it is known, by the [`AddressGuard`](crate::data::AddressGuard) that a judged configuration
//! carries. The command line asks nothing of this: its user holds the Secrets anyway.

mod address;
mod judge;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub use pattern::Hosts;

use crate::cluster::Snapshot;

/// What the cluster's operator restricts (api.md §9).
#[derive(Clone, Debug)]
pub struct Policy {
    /// Hosts of BrazeApps. Default: Braze's own.
    pub allowed_app_hosts: Hosts,
    /// Hosts of Sources. Default: all.
    pub allowed_source_hosts: Hosts,
    /// Systems that Sources may be. Default: all.
    pub source_types: BTreeSet<SourceType>,
    /// Private addresses of Sources: RFC 1918, 100.64/10, fc00::/7 and their like. Default: allowed.
    pub private_addresses: PrivateAddresses,
    /// Whether a database must be reached by TLS. Default: no.
    pub require_tls: bool,
    /// Whether a Secret must name the host that gets its value. Default: required.
    pub secret_host_binding: HostBinding,
    /// Whether there is a folder of files. Default: no; then Sources of files are refused.
    pub data_root: bool,
    /// Addresses of the cluster's own services that nobody has business with, the API server's above all.
    /// Default: none.
    pub cluster_addresses: BTreeSet<IpAddr>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed_app_hosts: Hosts::of_braze(),
            allowed_source_hosts: Hosts::any(),
            source_types: SourceType::ALL.into(),
            private_addresses: PrivateAddresses::Allowed,
            require_tls: false,
            secret_host_binding: HostBinding::Required,
            data_root: false,
            cluster_addresses: BTreeSet::new(),
        }
    }
}

/// Whether private addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// They may.
    Allowed,
    /// They may not, unless listed.
    Denied,
}

/// Whether a Secret must name the host that gets its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostBinding {
    /// It must.
    Required,
    /// Every editor of a BrazeApp or Source is trusted with all Secrets of the namespace.
    Off,
}

/// A system that rows are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceType {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// A SQLite database file.
    Sqlite,
    /// CSV files.
    Csv,
}

impl SourceType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Sqlite, Self::Csv];

    /// Name of the block in a Source.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Sqlite => "sqlite",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SourceType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text.trim())).ok_or_else(
            || format!("{text:?} is no type of source; there are {}", Self::ALL.map(Self::as_str).join(", ")),
        )
    }
}

/// Tells to which hosts the owner of a Secret lets its values be sent.
pub trait SecretHosts {
    /// Host names, `*` for one label; none when the Secret names none or is not there.
    fn allowed_hosts(&self, secret: &str) -> Vec<String>;
}

impl SecretHosts for Snapshot {
    fn allowed_hosts(&self, secret: &str) -> Vec<String> {
        Snapshot::allowed_hosts(self, secret)
    }
}
