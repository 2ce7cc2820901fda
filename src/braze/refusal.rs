//! Why Braze refused an object, as stable codes of our own.

/// Why Braze refused an object. Braze words the same cause in two vocabularies (B §3.3); both are mapped
/// here, and a wording that is not known becomes [`Refusal::ObjectRefused`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A cause that is not in our list, or none given.
    ObjectRefused,
    /// `email_subscribe` is none of the three states.
    BadEmailSubscribe,
    /// `push_subscribe` is none of the three states.
    BadPushSubscribe,
    /// More than one primary identifier.
    SeveralIdentifiers,
    /// No identifier.
    NoIdentifier,
    /// `email` is no valid address.
    BadEmail,
    /// `external_id` is longer than 987 bytes.
    ExternalIdTooLong,
    /// The id is blocked by Braze as a dummy or spam user.
    ExternalIdBlocked,
    /// `current_location` has no longitude and latitude.
    BadLocation,
    /// `subscription_groups`, or an item of it, has the wrong form.
    BadSubscriptionGroups,
    /// The id of a subscription group is not one of this workspace.
    BadSubscriptionGroupId,
    /// The state for a subscription group is none of the two that can be written.
    BadSubscriptionGroupState,
    /// A field that cannot be set through the API.
    FieldNotSettable,
    /// `push_tokens` are not acceptable.
    BadPushTokens,
}

impl Refusal {
    /// The code for status, rejects and metrics: CamelCase, never renamed.
    pub fn code(self) -> &'static str {
        match self {
            Self::ObjectRefused => "ObjectRefused",
            Self::BadEmailSubscribe => "BadEmailSubscribe",
            Self::BadPushSubscribe => "BadPushSubscribe",
            Self::SeveralIdentifiers => "SeveralIdentifiers",
            Self::NoIdentifier => "NoIdentifier",
            Self::BadEmail => "BadEmail",
            Self::ExternalIdTooLong => "ExternalIdTooLong",
            Self::ExternalIdBlocked => "ExternalIdBlocked",
            Self::BadLocation => "BadLocation",
            Self::BadSubscriptionGroups => "BadSubscriptionGroups",
            Self::BadSubscriptionGroupId => "BadSubscriptionGroupId",
            Self::BadSubscriptionGroupState => "BadSubscriptionGroupState",
            Self::FieldNotSettable => "FieldNotSettable",
            Self::BadPushTokens => "BadPushTokens",
        }
    }

    /// The refusal with this [`Refusal::code`]; for what was remembered as text.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    /// All refusals.
    pub const ALL: [Self; 14] = [
        Self::ObjectRefused,
        Self::BadEmailSubscribe,
        Self::BadPushSubscribe,
        Self::SeveralIdentifiers,
        Self::NoIdentifier,
        Self::BadEmail,
        Self::ExternalIdTooLong,
        Self::ExternalIdBlocked,
        Self::BadLocation,
        Self::BadSubscriptionGroups,
        Self::BadSubscriptionGroupId,
        Self::BadSubscriptionGroupState,
        Self::FieldNotSettable,
        Self::BadPushTokens,
    ];

    /// Braze field concerned, if the refusal is about one.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::ObjectRefused | Self::SeveralIdentifiers | Self::NoIdentifier => None,
            Self::BadEmailSubscribe => Some("email_subscribe"),
            Self::BadPushSubscribe => Some("push_subscribe"),
            Self::BadEmail => Some("email"),
            Self::ExternalIdTooLong | Self::ExternalIdBlocked => Some("external_id"),
            Self::BadLocation => Some("current_location"),
            Self::BadSubscriptionGroups | Self::BadSubscriptionGroupId | Self::BadSubscriptionGroupState => {
                Some("subscription_groups")
            }
            Self::FieldNotSettable => Some("email_subscription_info"),
            Self::BadPushTokens => Some("push_tokens"),
        }
    }

    /// What a person can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::ObjectRefused => "compare the record's values with Braze's rules for the mapped fields",
            Self::BadEmailSubscribe | Self::BadPushSubscribe => {
                "send subscribed, unsubscribed or opted_in; check: Strict reports other values before they are sent"
            }
            Self::SeveralIdentifiers => "map only external_id as identifier",
            Self::NoIdentifier => "map the primary key to external_id",
            Self::BadEmail => "correct the address in the source, or map it to a custom attribute",
            Self::ExternalIdTooLong => "use a key of at most 987 bytes",
            Self::ExternalIdBlocked => "Braze blocks this id as a dummy or spam user; leave the record out",
            Self::BadLocation => "map current_location from a longitude and a latitude",
            Self::BadSubscriptionGroups => "check groupMappings",
            Self::BadSubscriptionGroupId => {
                "copy subscriptionGroupId from Audience > Subscription Group Management of this workspace"
            }
            Self::BadSubscriptionGroupState => "check groupMappings",
            Self::FieldNotSettable => "remove this target from the mappings",
            Self::BadPushTokens => "remove push_tokens from the mappings",
        }
    }
}
