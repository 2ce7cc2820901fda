//! Phone numbers in E.164.

use std::borrow::Cow;

use phonenumber::Mode;
use phonenumber::country::Id;

use super::Code;

/// The number in E.164: by its leading `+`, or as one of the country.
pub(super) fn e164<'a>(text: &'a str, default_country: Option<Id>) -> Result<Cow<'a, str>, Code> {
    let text = text.trim();
    let international = text.starts_with('+');
    if !international && default_country.is_none() {
        return Err(Code::BadPhone);
    }
    // The parser looks for a number anywhere; a text with letters is something else.
    if !text.bytes().all(|b| b.is_ascii_digit() || b"+ ()-./\t".contains(&b)) && !only_phone_signs(text) {
        return Err(Code::BadPhone);
    }
    // With a country at hand the parser would judge a foreign number by that country's rules.
    let country = if international { None } else { default_country };
    let number = phonenumber::parse(country, text).map_err(|_| Code::BadPhone)?;
    if number.extension().is_some() || !number.is_valid() {
        return Err(Code::BadPhone);
    }
    let shown = number.format().mode(Mode::E164).to_string();
    Ok(if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) })
}

/// Also the spaces and dashes that word processors put into numbers.
fn only_phone_signs(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_ascii_digit()
            || "+()-./\t".contains(c)
            || c.is_whitespace()
            || ('\u{2010}'..='\u{2015}').contains(&c)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics 5.2, row PhoneNumber: E.164, by leading + or defaultCountry.
    #[test]
    fn numbers_become_e164() {
        for (text, country, expected) in [
            ("+33612345678", None, "+33612345678"),
            (" +33 6 12 34 56 78 ", None, "+33612345678"),
            ("+33 (0)6 12 34 56 78", None, "+33612345678"),
            ("06 12 34 56 78", Some(Id::FR), "+33612345678"),
            ("06.12.34.56.78", Some(Id::FR), "+33612345678"),
            ("+4930901820", Some(Id::FR), "+4930901820"),
            ("(415) 555-2671", Some(Id::US), "+14155552671"),
            ("+1 415-555-2671", None, "+14155552671"),
            ("030 901820", Some(Id::DE), "+4930901820"),
            ("+390612345678", None, "+390612345678"),
            ("020 7946 0018", Some(Id::GB), "+442079460018"),
        ] {
            assert_eq!(e164(text, country).as_deref(), Ok(expected), "{text} {country:?}");
        }
    }

    /// semantics 5.2, row PhoneNumber: invalid; no + and no defaultCountry.
    #[test]
    fn what_is_no_number_is_refused() {
        for (text, country) in [
            ("06 12 34 56 78", None),
            ("4155552671", None),
            ("", None),
            ("+", None),
            ("+331", None),
            ("+999123456789", None),
            ("+336123456789012345", None),
            ("call me", Some(Id::FR)),
            ("12", Some(Id::FR)),
            ("1-800-FLOWERS", Some(Id::US)),
            ("+14155552671 ext. 12", None),
            ("tel:+14155552671", None),
        ] {
            assert_eq!(e164(text, country), Err(Code::BadPhone), "{text} {country:?}");
        }
    }

    #[test]
    fn a_number_that_is_e164_already_is_borrowed() {
        assert!(matches!(e164("+33612345678", None), Ok(Cow::Borrowed(_))));
    }
}
