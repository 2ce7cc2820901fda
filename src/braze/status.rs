//! `/subscription/status/get`: what a person has decided about one subscription group.

/// By what users are named in a question about a subscription group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// `external_id`, compared exactly.
    ExternalId,
    /// E-mail address, compared without case.
    Email,
    /// Phone number in E.164.
    Phone,
}

/// What Braze holds about a user and a subscription group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// Gets messages of the group.
    Subscribed,
    /// Opted out, or was taken out.
    Unsubscribed,
    /// No history with the group.
    Unknown,
}
