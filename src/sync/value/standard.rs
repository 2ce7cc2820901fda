//! The standard fields of a Braze profile: their names, what they take, and how they are written.

use super::json::Node;
use super::nested::{self, Rules};
use super::write::{push_bool, push_string};
use super::{Code, JsonKind, Prop, Written, country, location, phone, settings, text, time, timetext};

/// A standard field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    ExternalId,
    Email,
    Phone,
    /// `first_name`, `last_name`, `home_city`.
    PlainText,
    Gender,
    Dob,
    Country,
    Language,
    TimeZone,
    CurrentLocation,
    ImageUrl,
    /// `email_subscribe`, `push_subscribe`.
    Consent,
    /// `email_open_tracking_disabled`, `email_click_tracking_disabled`.
    TrackingFlag,
    /// Session dates and the date of a spam mark.
    Moment,
    Facebook,
    Twitter,
}

const STANDARD: [(&str, Standard); 22] = [
    ("external_id", Standard::ExternalId),
    ("email", Standard::Email),
    ("phone", Standard::Phone),
    ("first_name", Standard::PlainText),
    ("last_name", Standard::PlainText),
    ("gender", Standard::Gender),
    ("dob", Standard::Dob),
    ("country", Standard::Country),
    ("language", Standard::Language),
    ("home_city", Standard::PlainText),
    ("time_zone", Standard::TimeZone),
    ("current_location", Standard::CurrentLocation),
    ("image_url", Standard::ImageUrl),
    ("email_subscribe", Standard::Consent),
    ("push_subscribe", Standard::Consent),
    ("email_open_tracking_disabled", Standard::TrackingFlag),
    ("email_click_tracking_disabled", Standard::TrackingFlag),
    ("marked_email_as_spam_at", Standard::Moment),
    ("date_of_first_session", Standard::Moment),
    ("date_of_last_session", Standard::Moment),
    ("facebook", Standard::Facebook),
    ("twitter", Standard::Twitter),
];

/// Names that Braze gives a meaning that no mapping may use.
const RESERVED: [&str; 11] = [
    "braze_id",
    "user_alias",
    "alias_name",
    "alias_label",
    "push_tokens",
    "push_token_import",
    "subscription_groups",
    "email_subscription_info",
    "bio",
    "_update_existing_only",
    "_merge_objects",
];

/// Characters that Braze keeps of the URL of a picture.
const MAX_IMAGE_URL: usize = 1024;

/// The standard field of that exact name.
pub(super) fn standard(name: &str) -> Option<Standard> {
    STANDARD.iter().find(|(known, _)| *known == name).map(|(_, standard)| *standard)
}

/// Whether a name can be no target.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

impl Standard {
    /// Kind of the values that are sent.
    pub(super) fn kind(self) -> JsonKind {
        match self {
            Self::TrackingFlag => JsonKind::Bool,
            Self::CurrentLocation | Self::Facebook | Self::Twitter => JsonKind::Object,
            Self::Moment => JsonKind::Time,
            _ => JsonKind::String,
        }
    }

    /// Appends a value; on an error `out` may hold a part of it.
    pub(super) fn write(
        self,
        value: &Prop<'_>,
        rules: Rules,
        default_country: Option<phonenumber::country::Id>,
        out: &mut Vec<u8>,
    ) -> Result<Written, Code> {
        match (self, value) {
            (Self::TrackingFlag, Prop::Bool(b)) => {
                push_bool(*b, out);
                Ok(self.written(0))
            }
            (Self::Dob, Prop::Date(days)) => {
                let days = time::day(*days)?;
                self.quoted(|out| time::push_date(days, out), out)
            }
            (Self::Moment, Prop::Date(days)) => {
                let days = time::day(*days)?;
                self.quoted(|out| time::push_midnight(days, out), out)
            }
            (Self::Moment, Prop::Instant(micros)) => {
                let micros = time::instant(*micros)?;
                self.quoted(|out| time::push_instant(micros, out), out)
            }
            (Self::CurrentLocation | Self::Facebook | Self::Twitter, Prop::Json(Node::Object(members))) => {
                match self {
                    _ if !rules.check => nested::write_object(members, rules, out),
                    Self::CurrentLocation => location::write_location(members, out),
                    Self::Facebook => location::write_facebook(members, rules, out),
                    _ => location::write_twitter(members, rules, out),
                }
            }
            (Self::CurrentLocation, _) => Err(Code::BadLocation),
            (Self::Facebook | Self::Twitter, _) => Err(Code::NestedInvalid),
            (Self::ExternalId, Prop::Text(text)) => {
                push_string(text, out);
                Ok(self.written(0))
            }
            (Self::TrackingFlag | Self::Moment | Self::ExternalId, _) => Err(Code::NotConvertible),
            (_, Prop::Text(text)) => self.write_text(text, rules, default_country, out),
            _ => Err(Code::NotConvertible),
        }
    }

    fn write_text(
        self,
        value: &str,
        rules: Rules,
        default_country: Option<phonenumber::country::Id>,
        out: &mut Vec<u8>,
    ) -> Result<Written, Code> {
        if self == Self::Consent {
            push_string(consent(value)?, out);
            return Ok(self.written(0));
        }
        if self == Self::ImageUrl && text::cut(value.trim(), MAX_IMAGE_URL).1 {
            return Err(Code::TooLong);
        }
        if !rules.check {
            push_string(value, out);
            return Ok(self.written(1));
        }
        match self {
            Self::Email => push_string(text::email(value)?, out),
            Self::Phone => push_string(&phone::e164(value, default_country)?, out),
            Self::Country => push_string(country::country(value)?, out),
            Self::Language => push_string(country::language(value)?, out),
            Self::Gender => push_string(gender(value)?, out),
            Self::Dob => {
                timetext::parse_date(value)?;
                push_string(value, out);
            }
            Self::TimeZone if !settings::is_time_zone(value) => return Err(Code::BadTimeZone),
            Self::ImageUrl => push_string(text::url(value)?, out),
            _ => push_string(value, out),
        }
        Ok(self.written(1))
    }

    fn quoted(self, push: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) -> Result<Written, Code> {
        out.push(b'"');
        push(out);
        out.push(b'"');
        Ok(self.written(1))
    }

    fn written(self, data_points: u32) -> Written {
        Written { kind: self.kind(), warned: None, data_points }
    }
}

fn consent(text: &str) -> Result<&'static str, Code> {
    ["opted_in", "subscribed", "unsubscribed"]
        .into_iter()
        .find(|state| text.trim().eq_ignore_ascii_case(state))
        .ok_or(Code::BadConsent)
}

fn gender(text: &str) -> Result<&'static str, Code> {
    const WORDS: [(&str, &str); 10] = [
        ("M", "M"),
        ("F", "F"),
        ("O", "O"),
        ("N", "N"),
        ("P", "P"),
        ("male", "M"),
        ("female", "F"),
        ("other", "O"),
        ("not applicable", "N"),
        ("prefer not to say", "P"),
    ];
    let known = WORDS.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
    known.map(|(_, letter)| *letter).ok_or(Code::BadGender)
}
/// Whether Braze counts data points for a field of that name (semantics 14.3).
pub fn costs_data_points(name: &str) -> bool {
    standard(name).is_none_or(Standard::costs_data_points)
}

impl Standard {
    /// Whether Braze counts data points for it, also when it is cleared.
    pub(super) fn costs_data_points(self) -> bool {
        !matches!(self, Self::ExternalId | Self::Consent | Self::TrackingFlag)
    }
}
