//! The endpoints that the sandbox serves, with their permission and the request ceiling they share.

use std::fmt;

/// An endpoint of Braze's REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /users/track`.
    Track,
    /// `POST /users/delete`.
    Delete,
    /// `POST /users/export/ids`.
    ExportIds,
    /// `GET /subscription/status/get`.
    SubscriptionStatus,
    /// `GET /subscription/user/status`.
    UserSubscriptions,
    /// `GET /campaigns/list`.
    Campaigns,
}

/// Endpoints that count against one ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `/users/track`.
    Track,
    /// `/users/delete` and its relatives.
    Delete,
    /// `/users/export/ids`.
    Export,
    /// Everything else.
    Default,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Track,
        Self::Delete,
        Self::ExportIds,
        Self::SubscriptionStatus,
        Self::UserSubscriptions,
        Self::Campaigns,
    ];

    /// Its path, without a trailing slash.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Track => "/users/track",
            Self::Delete => "/users/delete",
            Self::ExportIds => "/users/export/ids",
            Self::SubscriptionStatus => "/subscription/status/get",
            Self::UserSubscriptions => "/subscription/user/status",
            Self::Campaigns => "/campaigns/list",
        }
    }

    /// Whether it takes a body.
    pub const fn is_post(self) -> bool {
        matches!(self, Self::Track | Self::Delete | Self::ExportIds)
    }

    /// Name of the permission that a key needs.
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Track => "users.track",
            Self::Delete => "users.delete",
            Self::ExportIds => "users.export.ids",
            Self::SubscriptionStatus => "subscription.status.get",
            Self::UserSubscriptions => "subscription.groups.get",
            Self::Campaigns => "campaigns.list",
        }
    }

    /// The ceiling it counts against.
    pub const fn family(self) -> Family {
        match self {
            Self::Track => Family::Track,
            Self::Delete => Family::Delete,
            Self::ExportIds => Family::Export,
            _ => Family::Default,
        }
    }

    /// The endpoint behind a method and a path; `None` for an unknown path and for a wrong method.
    pub fn find(method: &str, path: &str) -> Option<Self> {
        let endpoint = Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)?;
        let fits = if endpoint.is_post() { "POST" } else { "GET" };
        (method == fits).then_some(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_method_or_a_trailing_slash_is_no_endpoint() {
        assert_eq!(Endpoint::find("POST", "/users/track"), Some(Endpoint::Track));
        assert_eq!(Endpoint::find("GET", "/users/track"), None);
        assert_eq!(Endpoint::find("POST", "/users/track/"), None);
        assert_eq!(Endpoint::find("POST", "/campaigns/list"), None);
    }
}
