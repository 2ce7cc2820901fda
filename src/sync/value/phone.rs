//! Phone numbers in E.164.

use std::borrow::Cow;

use phonenumber::country::Id;

use super::{Code, numbering};

/// Digits of the longest number in E.164.
const MAX_DIGITS: usize = 15;

/// The number in E.164: by its leading `+`, or as one of the country.
pub(super) fn e164<'a>(text: &'a str, default_country: Option<Id>) -> Result<Cow<'a, str>, Code> {
    let text = text.trim();
    let (international, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let Some(digits) = digits(rest) else { return Err(Code::BadPhone) };
    if international {
        if let Some(plain) = plain(text, &digits) {
            return Ok(plain);
        }
        // Something stands between: +33 (0)6 … has a trunk prefix that must go.
        return parsed(text, None).map(Cow::Owned).ok_or(Code::BadPhone);
    }
    let country = default_country.ok_or(Code::BadPhone)?;
    parsed(text, Some(country)).or_else(|| domestic(&digits, country)).map(Cow::Owned).ok_or(Code::BadPhone)
}

/// The number of a country, without its trunk prefix or just as it stands; the parser takes away some first
/// digits that look like one.
fn domestic(digits: &str, country: Id) -> Option<String> {
    let metadata = phonenumber::metadata::DATABASE.by_id(country.as_ref())?;
    let code = metadata.country_code();
    let shorter = metadata.national_prefix().and_then(|prefix| digits.strip_prefix(prefix));
    let national = [shorter, Some(digits)].into_iter().flatten().find(|n| numbering::exists(code, n))?;
    Some(format!("+{code}{national}"))
}

/// The number when its digits are one just as they stand.
fn plain<'a>(text: &'a str, digits: &str) -> Option<Cow<'a, str>> {
    numbering::split(digits)?;
    // Equal lengths: there is nothing but the sign and the digits.
    Some(if text.len() == digits.len() + 1 { Cow::Borrowed(text) } else { Cow::Owned(format!("+{digits}")) })
}

/// The number as the parser reads it, without trunk and international prefixes.
fn parsed(text: &str, country: Option<Id>) -> Option<String> {
    let number = phonenumber::parse(country, text).ok()?;
    let (code, national) = (number.code().value(), number.national().to_string());
    numbering::exists(code, &national).then(|| format!("+{code}{national}"))
}

/// The digits of a text that has digits and the usual signs between them, and nothing else.
fn digits(text: &str) -> Option<Cow<'_, str>> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return (text.len() <= MAX_DIGITS).then_some(Cow::Borrowed(text));
    }
    let mut digits = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            // Word processors put long dashes and hard spaces between the groups.
            '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' => {}
            space if space.is_whitespace() => {}
            _ => return None,
        }
    }
    (1..=MAX_DIGITS + 3).contains(&digits.len()).then_some(Cow::Owned(digits))
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
            ("+78005553535", None, "+78005553535"),
            ("8 800 555-35-35", Some(Id::RU), "+78005553535"),
            ("812 345-67-89", Some(Id::RU), "+78123456789"),
            ("8 812 345-67-89", Some(Id::RU), "+78123456789"),
            ("0033612345678", Some(Id::DE), "+33612345678"),
            ("+33\u{a0}6\u{2011}12 34 56 78", None, "+33612345678"),
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
            ("++33612345678", None),
            ("+33612345678+", None),
            ("+33612345678, +33612345679", None),
            ("()", Some(Id::FR)),
        ] {
            assert_eq!(e164(text, country), Err(Code::BadPhone), "{text} {country:?}");
        }
    }

    #[test]
    fn a_number_that_is_e164_already_is_borrowed() {
        assert!(matches!(e164("+33612345678", None), Ok(Cow::Borrowed(_))));
    }
}
