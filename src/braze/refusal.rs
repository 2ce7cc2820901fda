//! Why Braze refused an object, as stable codes of our own.

/// Why Braze refused an object.
///
/// Braze words the same cause in two vocabularies (braze-rest-api 3.3); both are mapped here, and a wording
/// that is not known becomes [`Refusal::ObjectRefused`].
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

/// Each wording of Braze in lower case: the codes of the documentation, and a part of the sentences seen on
/// the wire that has no value of a user in it.
const WORDINGS: [(&str, Refusal); 24] = [
    ("bad_email_subscription_state", Refusal::BadEmailSubscribe),
    ("'email_subscribe' must be", Refusal::BadEmailSubscribe),
    ("bad_push_subscription_state", Refusal::BadPushSubscribe),
    ("'push_subscribe' must be", Refusal::BadPushSubscribe),
    ("you must specify only one of", Refusal::SeveralIdentifiers),
    ("'user_alias', 'email' or 'phone' is required", Refusal::NoIdentifier),
    ("or 'user_alias' is required", Refusal::NoIdentifier),
    ("email_bad_format", Refusal::BadEmail),
    ("field is not a valid email", Refusal::BadEmail),
    ("external_user_id_too_large", Refusal::ExternalIdTooLong),
    ("'external_id' must be fewer than", Refusal::ExternalIdTooLong),
    ("blacklisted_external_user_id", Refusal::ExternalIdBlocked),
    ("external_id is blacklisted", Refusal::ExternalIdBlocked),
    ("bad_location_update", Refusal::BadLocation),
    ("bad_subscription_group_array", Refusal::BadSubscriptionGroups),
    ("bad_subscription_group_hash", Refusal::BadSubscriptionGroups),
    ("bad_subscription_group_id", Refusal::BadSubscriptionGroupId),
    ("bad_subscription_group_state", Refusal::BadSubscriptionGroupState),
    ("invalid_attribute_email_subscription_info", Refusal::FieldNotSettable),
    ("bad_device_id", Refusal::BadPushTokens),
    ("bad_push_token_app_id", Refusal::BadPushTokens),
    ("bad_push_token_import", Refusal::BadPushTokens),
    ("bad_push_token_string", Refusal::BadPushTokens),
    ("bad_push_token_value", Refusal::BadPushTokens),
];

impl Refusal {
    /// What Braze means by the `type` of an error.
    pub(super) fn from_wording(wording: &str) -> Self {
        let wording = wording.to_ascii_lowercase();
        WORDINGS
            .iter()
            .find(|(part, _)| wording.contains(part))
            .map_or(Self::ObjectRefused, |(_, refusal)| *refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// braze-rest-api 3.3: two vocabularies for one cause.
    #[test]
    fn both_vocabularies_of_braze_mean_the_same_code() {
        for (code, sentence, refusal) in [
            (
                "BAD_EMAIL_SUBSCRIPTION_STATE",
                "'email_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'",
                "BadEmailSubscribe",
            ),
            (
                "BAD_PUSH_SUBSCRIPTION_STATE",
                "'push_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'",
                "BadPushSubscribe",
            ),
            (
                "EMAIL_BAD_FORMAT",
                "The value provided for the 'email' field is not a valid email.",
                "BadEmail",
            ),
            ("EXTERNAL_USER_ID_TOO_LARGE", "'external_id' must be fewer than 988 bytes", "ExternalIdTooLong"),
            (
                "BLACKLISTED_EXTERNAL_USER_ID",
                "provided external_id is blacklisted and disallowed",
                "ExternalIdBlocked",
            ),
        ] {
            assert_eq!(Refusal::from_wording(code).code(), refusal);
            assert_eq!(Refusal::from_wording(sentence).code(), refusal);
        }
        for (sentence, refusal) in [
            ("You must specify only one of 'external_id', 'user_alias' or 'braze_id'", "SeveralIdentifiers"),
            ("'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required", "NoIdentifier"),
            ("'external_id' or 'braze_id' or 'user_alias' is required", "NoIdentifier"),
            ("BAD_SUBSCRIPTION_GROUP_ID", "BadSubscriptionGroupId"),
            ("BAD_SUBSCRIPTION_GROUP_STATE", "BadSubscriptionGroupState"),
            ("BAD_SUBSCRIPTION_GROUP_ARRAY", "BadSubscriptionGroups"),
            ("INVALID_ATTRIBUTE_EMAIL_SUBSCRIPTION_INFO", "FieldNotSettable"),
            ("BAD_LOCATION_UPDATE", "BadLocation"),
        ] {
            assert_eq!(Refusal::from_wording(sentence).code(), refusal);
        }
    }

    #[test]
    fn an_unknown_wording_never_reaches_a_code() {
        let refusal = Refusal::from_wording("Invalid API key: canary");
        assert_eq!(refusal, Refusal::ObjectRefused);
        assert!(!format!("{refusal:?} {} {}", refusal.code(), refusal.hint()).contains("canary"));
    }

    #[test]
    fn codes_are_different_words_and_lead_back() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
            assert!(refusal.code().chars().all(|c| c.is_ascii_alphabetic()));
            assert!(!refusal.hint().is_empty());
        }
        assert_eq!(Refusal::from_code("NoSuchCode"), None);
    }
}
