//! Why a run did not succeed: the closed list of reasons, each with its exit code (docs/semantics.md, "Outcomes").

use serde::{Deserialize, Serialize};

/// Why a run ended other than `Succeeded`. The name of the variant is the reason in reports and conditions.
///
/// The order is that of the list: of several reasons the one that stopped the run counts, else the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The read failed or was cut off.
    ReadFailed,
    /// A full read returned no row, and records are known.
    EmptyRead,
    /// A full read returned fewer rows than `expectedRows.min`.
    TooFewRows,
    /// A read returned more rows than `expectedRows.max`.
    TooManyRows,
    /// Braze refused the key.
    AuthenticationFailed,
    /// Braze stayed away longer than `retryFor`, or changes are unacknowledged without another cause.
    BrazeUnavailable,
    /// Braze refused whole requests without naming a cause.
    RequestRefused,
    /// Braze refused a subscription group.
    GroupRefused,
    /// More removals than the deletion guard lets pass.
    DeletionGuard,
    /// More rejected records than `rejectTolerance` allows.
    TooManyRejects,
    /// A question waits for a person.
    ApprovalRequired,
    /// The configuration does not fit.
    InvalidSpec,
    /// The state cannot be used.
    StateUnavailable,
    /// Another run took the state.
    Fenced,
    /// Stopped by a signal.
    Interrupted,
    /// The key lacks a permission that is needed.
    PermissionMissing,
    /// The host of Braze or of the source leads to an address that the administrator does not allow.
    EndpointNotAllowed,
    /// The run took longer than `runTimeout`.
    TimedOut,
    /// Stopped by a person or an edit.
    Cancelled,
}

impl Reason {
    /// The stable word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadFailed => "ReadFailed",
            Self::EmptyRead => "EmptyRead",
            Self::TooFewRows => "TooFewRows",
            Self::TooManyRows => "TooManyRows",
            Self::AuthenticationFailed => "AuthenticationFailed",
            Self::BrazeUnavailable => "BrazeUnavailable",
            Self::RequestRefused => "RequestRefused",
            Self::GroupRefused => "GroupRefused",
            Self::DeletionGuard => "DeletionGuard",
            Self::TooManyRejects => "TooManyRejects",
            Self::ApprovalRequired => "ApprovalRequired",
            Self::InvalidSpec => "InvalidSpec",
            Self::StateUnavailable => "StateUnavailable",
            Self::Fenced => "Fenced",
            Self::Interrupted => "Interrupted",
            Self::PermissionMissing => "PermissionMissing",
            Self::EndpointNotAllowed => "EndpointNotAllowed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The exit code of the command line.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::InvalidSpec | Self::EndpointNotAllowed => 20,
            Self::AuthenticationFailed | Self::PermissionMissing => 21,
            Self::DeletionGuard | Self::ApprovalRequired => 22,
            Self::TooManyRejects | Self::RequestRefused | Self::GroupRefused | Self::TooManyRows => 23,
            Self::ReadFailed
            | Self::EmptyRead
            | Self::TooFewRows
            | Self::BrazeUnavailable
            | Self::StateUnavailable
            | Self::TimedOut => 30,
            Self::Fenced => 31,
            Self::Interrupted | Self::Cancelled => 32,
        }
    }
}

/// The graver of two exit codes, in the order 32, 31, 20, 21, 22, 23, 30, 24, 10, 0.
pub fn graver(a: u8, b: u8) -> u8 {
    const ORDER: [u8; 10] = [32, 31, 20, 21, 22, 23, 30, 24, 10, 0];
    let rank = |code| ORDER.iter().position(|c| *c == code).unwrap_or(0);
    if rank(a) <= rank(b) { a } else { b }
}

/// Why a run stops, with a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The reason.
    pub reason: Reason,
    /// What happened, and what to do about it. No keys, values or text from elsewhere that could hold them.
    pub message: String,
}

impl Stop {
    /// A stop.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_exit_code_of_several_destinations_counts() {
        assert_eq!(graver(0, 10), 10);
        assert_eq!(graver(22, 20), 20);
        assert_eq!(graver(30, 23), 23);
        assert_eq!(graver(32, 31), 32);
        assert_eq!(graver(24, 30), 30);
    }
}
