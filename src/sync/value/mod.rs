//! From a cell to the JSON that Braze gets (docs/semantics.md, "Values"). Pure.
//!
//! Two steps: [`property`] turns a cell into a typed [`Prop`], strictly; a [`Target`], made once from a mapping,
//! turns a `Prop` into the bytes of one JSON value, or names the [`Code`] for which nothing is sent. The room
//! promises that what it writes is valid JSON, that no integer or decimal passes through a float on its way, and
//! that a refused value leaves the output as it was. It knows no records, no state and no requests: whether a value is
//! due, and what a null means, is the engine's question.

mod array;
mod code;
mod convert;
mod country;
mod fit;
mod hash;
pub mod json;
mod location;
mod nested;
mod number;
mod numbering;
mod phone;
mod prop;
mod settings;
mod spec;
mod standard;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod timetext;
mod write;

pub use code::{Code, Warning};
pub use convert::property;
pub use fit::conflict;
pub use hash::hash;
pub use nested::MAX_COLLECTION_BYTES;
pub use prop::{Prop, fits, infer, key_kind};
pub use settings::Settings;
pub use spec::SpecProblem;
pub use standard::costs_data_points;
pub use target::{PathSegment, Target};
pub use write::{JsonKind, Written};

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
