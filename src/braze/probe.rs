//! The connection test: what the key may do, found out without writing anything (B §10).

use super::{BrazeError, Traffic};

/// What the connection test found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionReport {
    /// Every permission that a Destination could need, in a fixed order: `users.track`, `users.delete`,
    /// `users.export.ids`, `subscription.status.get`.
    pub permissions: Vec<Permission>,
    /// Why the workspace cannot be written to; `None`: the key works and has `users.track`.
    pub error: Option<BrazeError>,
    /// What the test cost.
    pub traffic: Traffic,
}

/// One permission of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Braze's name, such as `users.track`.
    pub name: &'static str,
    /// Whether the key has it.
    pub state: PermissionState,
}

/// Whether a key has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermissionState {
    /// It has.
    Granted,
    /// It has not.
    Missing,
    /// The probe gave no answer that tells.
    Unknown,
}

impl PermissionState {
    /// The word for status and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "Granted",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }
}
