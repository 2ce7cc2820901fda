//! Numbers from text and to text, exactly.

use std::borrow::Cow;

use super::{Code, Prop};

/// The largest whole number up to which a double holds every whole number: 2^53.
const DOUBLE_WHOLE: u64 = 1 << 53;

/// Decimal digits that every double holds.
const DOUBLE_DIGITS: usize = 15;

/// The integer of a text `[+-]?[0-9]+` of up to 64 bit.
pub(super) fn integer(text: &str) -> Result<Prop<'static>, Code> {
    let magnitude = text.strip_prefix(['+', '-']).unwrap_or(text);
    if magnitude.is_empty() || !magnitude.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Code::NotConvertible);
    }
    if let Ok(n) = text.parse::<i64>() {
        return Ok(Prop::Int(n));
    }
    text.parse::<u64>().map(Prop::UInt).map_err(|_| Code::NotConvertible)
}

/// The integer of a decimal without fraction.
pub(super) fn integer_of_decimal(text: &str) -> Result<Prop<'static>, Code> {
    if is_not_finite(text) {
        return Err(Code::NotFinite);
    }
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => integer(whole),
        Some(_) => Err(Code::NotConvertible),
        None => integer(text),
    }
}

/// The float of a decimal or exponent text.
pub(super) fn float(text: &str) -> Result<Prop<'static>, Code> {
    if is_not_finite(text) {
        return Err(Code::NotFinite);
    }
    // Rust reads words such as "inf" and "nan" too.
    if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(Code::NotConvertible);
    }
    finite(text.parse().map_err(|_| Code::NotConvertible)?)
}

/// A float that is a number.
pub(super) fn finite(value: f64) -> Result<Prop<'static>, Code> {
    if value.is_finite() { Ok(Prop::Float64(value)) } else { Err(Code::NotFinite) }
}

/// The float of an integer that has one; others would change on the way.
pub(super) fn float_of_integer(value: i128) -> Result<Prop<'static>, Code> {
    let float = value as f64;
    if float as i128 == value { Ok(Prop::Float64(float)) } else { Err(Code::NotConvertible) }
}

/// The canonical digits of a decimal text `[+-]?[0-9]*(\.[0-9]*)?` with at least one digit.
pub(super) fn decimal(text: &str) -> Result<Cow<'_, str>, Code> {
    if is_not_finite(text) {
        return Err(Code::NotFinite);
    }
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return Err(Code::NotConvertible);
    }
    let significant = whole.trim_start_matches('0');
    let kept = fraction.trim_end_matches('0');
    if significant.is_empty() && kept.is_empty() {
        return Ok(Cow::Borrowed("0"));
    }
    let plain = whole.len() == significant.len().max(1);
    if plain {
        // Sign, whole part and fraction stand together in the text, so that nothing must be copied.
        let start = text.len() - unsigned.len() - usize::from(negative);
        let end = if kept.is_empty() { whole.len() } else { whole.len() + 1 + kept.len() };
        return Ok(Cow::Borrowed(&text[start..text.len() - unsigned.len() + end]));
    }
    let sign = if negative { "-" } else { "" };
    let whole = if significant.is_empty() { "0" } else { significant };
    let point = if kept.is_empty() { "" } else { "." };
    Ok(Cow::Owned(format!("{sign}{whole}{point}{kept}")))
}

fn is_not_finite(text: &str) -> bool {
    let word = text.strip_prefix(['+', '-']).unwrap_or(text);
    ["nan", "inf", "infinity"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Appends the number that a property is; `None`, and nothing written, for one that is no number.
///
/// The answer says whether the number is beyond what a double holds.
pub(super) fn push_number(value: &Prop<'_>, out: &mut Vec<u8>) -> Option<Result<bool, Code>> {
    let beyond = match value {
        Prop::Int(n) => {
            out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes());
            n.unsigned_abs() > DOUBLE_WHOLE
        }
        Prop::UInt(n) => {
            out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes());
            *n > DOUBLE_WHOLE
        }
        Prop::Float32(x) if x.is_finite() => {
            // Adding zero turns -0.0 into 0.0 and changes nothing else.
            out.extend_from_slice(zmij::Buffer::new().format_finite(x + 0.0).as_bytes());
            false
        }
        Prop::Float64(x) if x.is_finite() => {
            out.extend_from_slice(zmij::Buffer::new().format_finite(x + 0.0).as_bytes());
            false
        }
        Prop::Float32(_) | Prop::Float64(_) => return Some(Err(Code::NotFinite)),
        Prop::Decimal(digits) => {
            out.extend_from_slice(digits.as_bytes());
            is_beyond_double(digits)
        }
        _ => return None,
    };
    Some(Ok(beyond))
}

/// Whether a number of JSON has more digits than a double holds.
pub(super) fn is_beyond_double(number: &str) -> bool {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    if unsigned.len() <= DOUBLE_DIGITS && !unsigned.bytes().any(|b| matches!(b, b'e' | b'E')) {
        return false;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return unsigned.parse::<u64>().map_or(true, |n| n > DOUBLE_WHOLE);
    }
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or(unsigned);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|b| *b == b'0').count();
    digits > DOUBLE_DIGITS || !number.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The number that a text is, strictly (`as: Number`): an integer of up to 64 bit, a decimal, or a float.
pub(super) fn number(text: &str) -> Result<Prop<'_>, Code> {
    if is_not_finite(text) {
        return Err(Code::NotFinite);
    }
    if let Ok(n) = integer(text) {
        return Ok(n);
    }
    if text.bytes().any(|b| matches!(b, b'e' | b'E')) {
        float(text)
    } else {
        decimal(text).map(Prop::Decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
    use super::*;

    fn written(value: &Prop<'_>) -> String {
        let mut out = Vec::new();
        push_number(value, &mut out).expect("a number").expect("finite");
        String::from_utf8(out).expect("digits")
    }

    /// semantics 5.2, row Integer.
    #[test]
    fn integers_are_read_up_to_64_bit_and_nothing_else() {
        assert_eq!(integer("+7"), Ok(Prop::Int(7)));
        assert_eq!(integer("-007"), Ok(Prop::Int(-7)));
        assert_eq!(integer("18446744073709551615"), Ok(Prop::UInt(u64::MAX)));
        assert_eq!(integer("+18446744073709551615"), Ok(Prop::UInt(u64::MAX)));
        assert_eq!(integer("-9223372036854775808"), Ok(Prop::Int(i64::MIN)));
        for text in [
            "",
            "+",
            "-",
            "1.0",
            "1e3",
            " 1",
            "1 ",
            "0x1",
            "18446744073709551616",
            "-9223372036854775809",
            "١",
        ] {
            assert_eq!(integer(text), Err(Code::NotConvertible), "{text:?}");
        }
    }

    /// semantics 5.2, row Decimal.
    #[test]
    fn decimals_keep_their_digits_without_trailing_zeros() {
        for (text, expected) in [
            ("10.50", "10.5"),
            ("10.00", "10"),
            ("100", "100"),
            ("0", "0"),
            ("-0.00", "0"),
            ("0.10", "0.1"),
            ("-0.10", "-0.1"),
            ("+7.250", "7.25"),
            ("007.50", "7.5"),
            ("-007", "-7"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("5.", "5"),
            ("12345678901234567890123456789.123456789", "12345678901234567890123456789.123456789"),
        ] {
            assert_eq!(decimal(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", ".", "-", "1.2.3", "1e3", " 1", "1,5", "--1", "+-1", "€1"] {
            assert_eq!(decimal(text), Err(Code::NotConvertible), "{text:?}");
        }
        for text in ["NaN", "Infinity", "-Infinity", "inf", "-inf"] {
            assert_eq!(decimal(text), Err(Code::NotFinite), "{text:?}");
        }
    }

    /// performance: a decimal as a source prints it is not copied.
    #[test]
    fn plain_decimals_are_borrowed() {
        for text in ["10.50", "-0.10", "0.25", "123", "+1.5", "100.0"] {
            assert!(matches!(decimal(text), Ok(Cow::Borrowed(_))), "{text}");
        }
    }

    /// semantics 5.2, row Float: shortest digits that round-trip in the column's width, -0.0 becomes 0.0.
    #[test]
    fn floats_are_written_shortest_in_their_own_width() {
        for (value, expected) in [
            (Prop::Float64(0.1), "0.1"),
            (Prop::Float32(0.1), "0.1"),
            (Prop::Float64(f64::from(0.1_f32)), "0.10000000149011612"),
            (Prop::Float64(-0.0), "0.0"),
            (Prop::Float32(-0.0), "0.0"),
            (Prop::Float64(1.0), "1.0"),
            (Prop::Float64(-2.5), "-2.5"),
        ] {
            assert_eq!(written(&value), expected);
        }
        assert_eq!(push_number(&Prop::Float64(f64::NAN), &mut Vec::new()), Some(Err(Code::NotFinite)));
        assert_eq!(push_number(&Prop::Float32(f32::INFINITY), &mut Vec::new()), Some(Err(Code::NotFinite)));
    }

    #[test]
    fn every_float_is_json_and_comes_back() {
        let mut random = Random::new(4);
        for round in 0..50_000 {
            let value = match round {
                0 => f64::MAX,
                1 => f64::MIN_POSITIVE,
                2 => 5e-324,
                3 => 1e16,
                4 => 1e21,
                _ => f64::from_bits(random.next()),
            };
            if value.is_finite() {
                let text = written(&Prop::Float64(value));
                assert!(super::super::json::is_number(&text), "{text}");
                assert_eq!(text.parse::<f64>(), Ok(value));
            }
            let narrow = f32::from_bits(random.next() as u32);
            if narrow.is_finite() {
                let text = written(&Prop::Float32(narrow));
                assert!(super::super::json::is_number(&text), "{text}");
                assert_eq!(text.parse::<f32>(), Ok(narrow));
            }
        }
    }

    /// semantics 5.2, row Float: decimal or exponent text.
    #[test]
    fn floats_are_read_from_decimal_and_exponent_text() {
        for (text, value) in [("1", 1.0), ("-1.50", -1.5), ("1e3", 1000.0), ("+2.5E-1", 0.25), (".5", 0.5)] {
            assert_eq!(float(text), Ok(Prop::Float64(value)), "{text}");
        }
        for text in ["", "x", "1,5", " 1", "1e", "0x10", "1_000"] {
            assert_eq!(float(text), Err(Code::NotConvertible), "{text:?}");
        }
        for text in ["NaN", "nan", "inf", "-Infinity", "1e999"] {
            assert_eq!(float(text), Err(Code::NotFinite), "{text:?}");
        }
    }

    /// semantics 5.2, "Numbers beyond 2^53 or 15 digits".
    #[test]
    fn numbers_beyond_a_double_are_told() {
        for number in
            ["9007199254740993", "-9007199254740993", "123456789012345678901", "0.1234567890123456", "1e400"]
        {
            assert!(is_beyond_double(number), "{number}");
        }
        for number in
            ["9007199254740992", "0.123456789012345", "0.000000000000000012", "1e300", "-1234567890.12345"]
        {
            assert!(!is_beyond_double(number), "{number}");
        }
    }

    #[test]
    fn an_integer_becomes_a_float_only_when_it_is_one() {
        assert_eq!(float_of_integer(1 << 60), Ok(Prop::Float64((1_u64 << 60) as f64)));
        assert_eq!(float_of_integer(9007199254740993), Err(Code::NotConvertible));
    }
}
