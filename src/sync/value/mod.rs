//! From a cell to the JSON that Braze gets (docs/semantics.md, "Values"). Pure.

use serde::{Deserialize, Serialize};

/// Types of a Model's properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PropertyType {
    /// Text.
    String,
    /// A whole number of up to 64 bit.
    Integer,
    /// A binary floating-point number.
    Float,
    /// A decimal number with all its digits.
    Decimal,
    /// True or false.
    Boolean,
    /// A calendar day.
    Date,
    /// A point in time.
    Timestamp,
    /// An e-mail address.
    Email,
    /// A phone number.
    PhoneNumber,
    /// An absolute http(s) URL.
    Url,
    /// A list of scalars.
    Array,
    /// A JSON object or array.
    Object,
}

/// The kind that a field has in Braze, which fixes it by the first value it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JsonKind {
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A string that is a time.
    Time,
    /// A list of scalars or of objects.
    Array,
    /// An object.
    Object,
}
