//! A profile, and the vocabulary of what hangs on it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A user profile as Braze keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Id given by Braze: 24 hexadecimal digits.
    pub braze_id: String,
    /// Id given by the customer; `None`: an unidentified profile.
    pub external_id: Option<String>,
    /// Aliases.
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// When the profile was made.
    pub created_at: Timestamp,
    /// Number from 0 to 9999, drawn at creation.
    pub random_bucket: u16,
    /// E-mail address as sent.
    pub email: Option<String>,
    /// Phone number: E.164 when valid, else what is left after stripping.
    pub phone: Option<String>,
    /// Whether the phone number is a valid one.
    #[serde(default)]
    pub phone_valid: bool,
    /// Global e-mail state.
    pub email_subscribe: GlobalState,
    /// Global push state.
    pub push_subscribe: GlobalState,
    /// The other standard fields, such as `first_name`.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    /// Custom attributes.
    #[serde(default)]
    pub custom_attributes: Map<String, Value>,
    /// Custom events by name.
    #[serde(default)]
    pub custom_events: BTreeMap<String, Happened>,
    /// Purchases by product.
    #[serde(default)]
    pub purchases: BTreeMap<String, Happened>,
    /// Sum of all purchases.
    #[serde(default)]
    pub total_revenue: f64,
    /// Push tokens.
    #[serde(default)]
    pub push_tokens: Vec<Value>,
    /// Serial number of the latest write: the higher, the more recently updated.
    #[serde(default)]
    pub touched: u64,
}

/// How often something happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// The earliest time.
    pub first: String,
    /// The latest time.
    pub last: String,
    /// How often.
    pub count: u64,
}

/// A name of a user beside the external id, unique with its label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alias {
    /// Kind of the alias.
    pub alias_label: String,
    /// The alias itself, case-sensitive.
    pub alias_name: String,
}

/// State of a profile towards a whole channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlobalState {
    /// Has confirmed.
    OptedIn,
    /// The default.
    Subscribed,
    /// Wants nothing.
    Unsubscribed,
}

impl GlobalState {
    /// Reads the spelling of the API.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "opted_in" => Some(Self::OptedIn),
            "subscribed" => Some(Self::Subscribed),
            "unsubscribed" => Some(Self::Unsubscribed),
            _ => None,
        }
    }

    /// The spelling of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptedIn => "opted_in",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

impl fmt::Display for GlobalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// JSON kind of a custom attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// Integer or float.
    Number,
    /// Text.
    String,
    /// Text that is a time.
    Time,
    /// Array of scalars.
    Array,
    /// Nested object.
    Object,
    /// Array of objects.
    Objects,
}

/// By what a request names a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Identifier {
    External(String),
    Alias(Alias),
    BrazeId(String),
    Email(String),
    /// As normalised.
    Phone(String),
    /// A push token import: nobody yet.
    #[default]
    Nobody,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External(id) => f.write_str(id),
            Self::Alias(alias) => write!(f, "{}:{}", alias.alias_label, alias.alias_name),
            Self::BrazeId(text) | Self::Email(text) | Self::Phone(text) => f.write_str(text),
            Self::Nobody => f.write_str("(nobody)"),
        }
    }
}
