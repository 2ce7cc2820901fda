//! Why a value is not sent, and what is odd about one that is.

use std::fmt;

/// Why an attribute is dropped: nothing is sent for it and what Braze holds stays (semantics 5.1).
///
/// The name of the variant is the stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The value cannot be read as the type it should have.
    NotConvertible,
    /// Not a number, or infinite.
    NotFinite,
    /// Text that is not UTF-8, or holds a NUL character.
    BadText,
    /// No e-mail address.
    BadEmail,
    /// No valid phone number, or one without a country code.
    BadPhone,
    /// No absolute http(s) URL.
    BadUrl,
    /// No day or time of the years 0 to 3000.
    BadDate,
    /// JSON that Braze would not keep.
    NestedInvalid,
    /// A list inside a list, or values of several kinds in one list.
    ArrayMixed,
    /// Text above the limit of its field.
    TooLong,
    /// A list of more than 500 elements.
    ArrayTooLong,
    /// A list or object above 100 KB.
    TooLarge,
    /// A value of another JSON kind than the one first sent.
    KindMismatch,
    /// No country.
    BadCountry,
    /// No language.
    BadLanguage,
    /// None of the genders that Braze knows.
    BadGender,
    /// No IANA time zone.
    BadTimeZone,
    /// None of the consent states.
    BadConsent,
    /// No point on earth.
    BadLocation,
    /// The expression of the mapping failed.
    ExpressionError,
}

impl Code {
    /// All codes, in the order of the documentation.
    pub const ALL: [Self; 20] = [
        Self::NotConvertible,
        Self::NotFinite,
        Self::BadText,
        Self::BadEmail,
        Self::BadPhone,
        Self::BadUrl,
        Self::BadDate,
        Self::NestedInvalid,
        Self::ArrayMixed,
        Self::TooLong,
        Self::ArrayTooLong,
        Self::TooLarge,
        Self::KindMismatch,
        Self::BadCountry,
        Self::BadLanguage,
        Self::BadGender,
        Self::BadTimeZone,
        Self::BadConsent,
        Self::BadLocation,
        Self::ExpressionError,
    ];

    /// The stable code, as it stands in reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotConvertible => "NotConvertible",
            Self::NotFinite => "NotFinite",
            Self::BadText => "BadText",
            Self::BadEmail => "BadEmail",
            Self::BadPhone => "BadPhone",
            Self::BadUrl => "BadUrl",
            Self::BadDate => "BadDate",
            Self::NestedInvalid => "NestedInvalid",
            Self::ArrayMixed => "ArrayMixed",
            Self::TooLong => "TooLong",
            Self::ArrayTooLong => "ArrayTooLong",
            Self::TooLarge => "TooLarge",
            Self::KindMismatch => "KindMismatch",
            Self::BadCountry => "BadCountry",
            Self::BadLanguage => "BadLanguage",
            Self::BadGender => "BadGender",
            Self::BadTimeZone => "BadTimeZone",
            Self::BadConsent => "BadConsent",
            Self::BadLocation => "BadLocation",
            Self::ExpressionError => "ExpressionError",
        }
    }

    /// The code with this name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// A sentence for people: what is wrong, and what helps.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NotConvertible => {
                "The value cannot be read as the type of its property; correct it in the source or declare \
                 another type."
            }
            Self::NotFinite => "NaN and infinity have no JSON; turn them into NULL in the query.",
            Self::BadText => "The text is not UTF-8 or holds a NUL character; repair it in the source.",
            Self::BadEmail => {
                "Not one address of the form local@domain.tld; Braze would refuse the whole user."
            }
            Self::BadPhone => {
                "Not a valid phone number; write it with + and country code, or set defaultCountry in the Model."
            }
            Self::BadUrl => "Not an absolute URL that begins with http:// or https://.",
            Self::BadDate => "Not a date or time of the years 0 to 3000; dates are written YYYY-MM-DD.",
            Self::NestedInvalid => {
                "Braze would drop the whole object: look for bad JSON, names with spaces, '.' or '$', lists in \
                 lists, or a bad $time."
            }
            Self::ArrayMixed => "A list must hold values of one kind and no other lists.",
            Self::TooLong => "Longer than Braze keeps; shorten it in the query or set tooLong: Truncate.",
            Self::ArrayTooLong => {
                "More than 500 elements; shorten the list in the query or set tooLong: Truncate."
            }
            Self::TooLarge => "More than 100 KB of JSON; send fewer members.",
            Self::KindMismatch => {
                "Another kind of value than this field was first sent with; Braze fixes the kind of a field, so \
                 write to a new one."
            }
            Self::BadCountry => "Not a country; use ISO 3166-1 codes such as DE.",
            Self::BadLanguage => "Not a language; use ISO 639-1 codes such as de.",
            Self::BadGender => "Not a gender that Braze knows; use M, F, O, N or P.",
            Self::BadTimeZone => "Not an IANA time zone such as Europe/Paris; check: Off sends other names.",
            Self::BadConsent => "Must be opted_in, subscribed or unsubscribed.",
            Self::BadLocation => {
                "Needs the numbers longitude (-180 to 180) and latitude (-90 to 90) and nothing else."
            }
            Self::ExpressionError => "The expression failed for this record; guard it against such values.",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What is odd about a value that is sent nevertheless. The name of the variant is the stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Warning {
    /// The value was cut to what Braze keeps.
    Truncated,
    /// A number with more digits than a double holds; it is sent exactly.
    BeyondDouble,
    /// Text in a format that Braze reads as a time.
    DateLikeText,
}

impl Warning {
    /// The stable code, as it stands in reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::Truncated => "Truncated",
            Self::BeyondDouble => "BeyondDouble",
            Self::DateLikeText => "DateLikeText",
        }
    }

    /// A sentence for people.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Truncated => "The value was cut to what Braze keeps.",
            Self::BeyondDouble => {
                "Numbers beyond 2^53 or 15 digits are sent exactly, but Braze may round them; as: String is safe."
            }
            Self::DateLikeText => {
                "Braze may store text that looks like a date as a time; declare it as Date or Timestamp."
            }
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name_and_has_a_sentence() {
        for code in Code::ALL {
            assert_eq!(Code::from_code(code.code()), Some(code));
            assert_eq!(code.to_string(), format!("{code:?}"));
            assert!(code.hint().ends_with('.'), "{code}");
        }
        assert_eq!(Code::from_code("Nonsense"), None);
    }

    #[test]
    fn a_warning_prints_its_code() {
        for warning in [Warning::Truncated, Warning::BeyondDouble, Warning::DateLikeText] {
            assert_eq!(warning.to_string(), format!("{warning:?}"));
            assert!(warning.hint().ends_with('.'));
        }
    }
}
