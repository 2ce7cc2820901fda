//! Patterns of texts in the schema. They are written for Go's RE2 and for the `regex` crate alike.

/// A host name or an IP address.
pub const HOST: &str = "^[0-9A-Za-z_:]([-0-9A-Za-z._:]*[0-9A-Za-z_:])?$";

/// A host name as certificates carry it.
pub const SERVER_NAME: &str = "^[0-9A-Za-z]([-0-9A-Za-z._:]*[0-9A-Za-z])?$";

/// The name of a session setting. Lower case only, so that a list of forbidden names is complete.
pub const SETTING: &str = "^[a-z_][a-z0-9_]*([.][a-z_][a-z0-9_]*)?$";

/// The name of a property: an identifier, since expressions write `record.NAME`.
pub const PROPERTY: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// The name of a group.
pub const GROUP: &str = "^[0-9A-Za-z]([-0-9A-Za-z._ ]*[0-9A-Za-z])?$";

/// An IANA time zone.
pub const TIME_ZONE: &str = "^[A-Za-z][A-Za-z0-9_+/-]*$";

/// A two-letter country.
pub const COUNTRY: &str = "^[A-Z]{2}$";

/// The name of a Kubernetes object.
pub const DNS_NAME: &str = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";

/// The key of a Secret or ConfigMap.
pub const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";

/// A time span: one to four times a number and its unit. Its length stays far below the 292 years that
/// `duration()` of the rules can hold.
pub const SPAN: &str = "^([0-9]{1,5}h|[0-9]{1,6}(m|s|ms)){1,4}$";
