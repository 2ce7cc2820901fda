//! Why an object is refused, in both vocabularies of Braze.

use std::borrow::Cow;

use crate::options::ErrorStyle;

/// Reason to refuse one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ManyIdentifiers,
    NoIdentifier,
    ExternalIdTooLong,
    Blocked,
    BadEmail,
    EmailState,
    PushState,
    EmailInfo,
    Location,
    GroupArray,
    GroupItem,
    GroupId,
    GroupState,
    DeviceId,
    TokenApp,
    TokenImport,
    TokenText,
    TokenValue,
    Event,
    Purchase,
    Quantity,
    NoObject,
    /// By a rule set for this user.
    Ordered(String),
    /// Strict mode: Braze would have accepted it and stored nothing.
    Strict(String),
}

impl Refusal {
    /// The error's text. A reason that lacks a text in the style wanted has the one of the other.
    pub(crate) fn text(&self, style: ErrorStyle) -> Cow<'_, str> {
        let (code, sentence) = match self {
            Self::Ordered(text) | Self::Strict(text) => return Cow::Borrowed(text),
            other => other.both(),
        };
        Cow::Borrowed(
            match style {
                ErrorStyle::Sentences => sentence.or(code),
                ErrorStyle::Codes => code.or(sentence),
            }
            .unwrap_or_default(),
        )
    }

    const fn both(&self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::ManyIdentifiers => {
                (None, Some("You must specify only one of 'external_id', 'user_alias' or 'braze_id'"))
            }
            Self::NoIdentifier => {
                (None, Some("'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"))
            }
            Self::ExternalIdTooLong => {
                (Some("EXTERNAL_USER_ID_TOO_LARGE"), Some("'external_id' must be fewer than 988 bytes"))
            }
            Self::Blocked => (
                Some("BLACKLISTED_EXTERNAL_USER_ID"),
                Some("provided external_id is blacklisted and disallowed"),
            ),
            Self::BadEmail => (
                Some("EMAIL_BAD_FORMAT"),
                Some("The value provided for the 'email' field is not a valid email."),
            ),
            Self::EmailState => (
                Some("BAD_EMAIL_SUBSCRIPTION_STATE"),
                Some("'email_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'"),
            ),
            Self::PushState => (
                Some("BAD_PUSH_SUBSCRIPTION_STATE"),
                Some("'push_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'"),
            ),
            Self::EmailInfo => (Some("INVALID_ATTRIBUTE_EMAIL_SUBSCRIPTION_INFO"), None),
            Self::Location => (Some("BAD_LOCATION_UPDATE"), None),
            Self::GroupArray => (Some("BAD_SUBSCRIPTION_GROUP_ARRAY"), None),
            Self::GroupItem => (Some("BAD_SUBSCRIPTION_GROUP_HASH"), None),
            Self::GroupId => (Some("BAD_SUBSCRIPTION_GROUP_ID"), None),
            Self::GroupState => (Some("BAD_SUBSCRIPTION_GROUP_STATE"), None),
            Self::DeviceId => (Some("BAD_DEVICE_ID"), None),
            Self::TokenApp => (Some("BAD_PUSH_TOKEN_APP_ID"), None),
            Self::TokenImport => (Some("BAD_PUSH_TOKEN_IMPORT"), None),
            Self::TokenText => (Some("BAD_PUSH_TOKEN_STRING"), None),
            Self::TokenValue => (Some("BAD_PUSH_TOKEN_VALUE"), None),
            Self::Event => (None, Some("'name' and 'time' are required")),
            Self::Purchase => (None, Some("'product_id', 'currency', 'price' and 'time' are required")),
            Self::Quantity => (None, Some("'quantity' is not valid")),
            Self::NoObject => (None, Some("an object is required")),
            Self::Ordered(_) | Self::Strict(_) => (None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Braze sheet 3.3, trap: two vocabularies.
    #[test]
    fn a_reason_has_a_text_in_both_styles() {
        assert_eq!(Refusal::BadEmail.text(ErrorStyle::Codes), "EMAIL_BAD_FORMAT");
        assert!(Refusal::BadEmail.text(ErrorStyle::Sentences).contains("not a valid email"));
        assert_eq!(Refusal::Location.text(ErrorStyle::Sentences), "BAD_LOCATION_UPDATE");
        assert!(Refusal::NoIdentifier.text(ErrorStyle::Codes).contains("is required"));
    }
}
