//! Sentences about mappings and settings that cannot work, whatever the rows hold.

/// A mapping or setting that is `InvalidSpec`. Its text is a sentence for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecProblem {
    /// The zone is not in the IANA database.
    #[error("timeZone '{0}' is not an IANA time zone such as Europe/Paris")]
    UnknownTimeZone(String),
    /// The country has no phone numbers.
    #[error("defaultCountry '{0}' is not the two-letter code of a country in capitals, such as FR")]
    UnknownCountry(String),
    /// The name cannot be one of an attribute.
    #[error("target '{name}' {why}")]
    BadName {
        /// The target.
        name: String,
        /// What is wrong with it, as the rest of the sentence.
        why: &'static str,
    },
    /// The target takes no value of that type.
    #[error("target '{name}' takes {wants}, and the mapping gives {gives}")]
    Unfit {
        /// The target.
        name: String,
        /// What it takes, with what helps.
        wants: &'static str,
        /// What it would get.
        gives: String,
    },
    /// The conversion is none that exists.
    #[error("target '{name}': {gives} cannot be sent with as: {as_kind}")]
    NoSuchConversion {
        /// The target.
        name: String,
        /// The type at hand.
        gives: String,
        /// The kind that was asked for.
        as_kind: &'static str,
    },
    /// A constant that would be null.
    #[error("target '{0}': a constant may not be empty while emptyText is Null")]
    EmptyConstant(String),
    /// A constant that would be dropped for every record.
    #[error("target '{name}': the constant is not accepted ({code}): {hint}")]
    BadConstant {
        /// The target.
        name: String,
        /// The code of the drop.
        code: super::Code,
        /// Its sentence.
        hint: &'static str,
    },
    /// `external_id` comes from the primary key alone.
    #[error(
        "target 'external_id' takes the primary key by 'from', without as and of type String, Integer, Decimal, Email or Url"
    )]
    BadExternalId,
    /// Two mappings write the same field.
    #[error("target '{0}' is mapped twice")]
    MappedTwice(String),
    /// Two mappings write to one attribute in ways that exclude each other.
    #[error(
        "targets '{whole}' and '{part}' exclude each other: the first replaces what the second writes into"
    )]
    Overlap {
        /// The target that replaces the whole.
        whole: String,
        /// The target inside it.
        part: String,
    },
    /// Objects that are merged and objects that are replaced cannot travel together.
    #[error(
        "targets '{nested}' (Nested) and '{object}' (a whole object) cannot be in one Destination: Braze merges all objects of a user or none; build the whole object in the query instead"
    )]
    WholeObject {
        /// The nested target.
        nested: String,
        /// The target of a whole object.
        object: String,
    },
}
