//! The canonical text of a primary key: it is the `external_id` (docs/semantics.md, "Keys").

use super::{Cell, RowBatch};

/// Bytes of UTF-8 that Braze takes as an `external_id`.
const MAX_BYTES: usize = 987;

/// The family of the primary key property. Types that cannot name a record have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Integer: digits, `-` before a negative one, without `+` and leading zeros.
    Integer,
    /// Decimal: as Integer; a fraction of zeros is cut.
    Decimal,
    /// String, Email and Url: the text unchanged.
    Text,
}

impl KeyKind {
    /// Whether keys of both kinds have one form, so that a change from one to the other keeps all records.
    pub fn same_family(self, other: Self) -> bool {
        (self == Self::Text) == (other == Self::Text)
    }
}

/// Why a row names no record. The name of the variant is the stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyProblem {
    /// The key is null.
    KeyNull,
    /// The key is the empty text.
    KeyEmpty,
    /// More than 987 bytes of UTF-8.
    KeyTooLong,
    /// Control characters, or not UTF-8.
    KeyBadText,
    /// White space before or after the text. Nothing is trimmed: ` a` and `a` may be two people.
    KeyWhitespace,
    /// Not a whole number, or as Integer beyond 64 bit.
    KeyNotIntegral,
}

impl KeyProblem {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::KeyNull,
        Self::KeyEmpty,
        Self::KeyTooLong,
        Self::KeyBadText,
        Self::KeyWhitespace,
        Self::KeyNotIntegral,
    ];

    /// The problem with this [`KeyProblem::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.code() == code)
    }

    /// The stable code, as it stands in reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::KeyNull => "KeyNull",
            Self::KeyEmpty => "KeyEmpty",
            Self::KeyTooLong => "KeyTooLong",
            Self::KeyBadText => "KeyBadText",
            Self::KeyWhitespace => "KeyWhitespace",
            Self::KeyNotIntegral => "KeyNotIntegral",
        }
    }
}

/// Appends the canonical text of a key cell to `out`; nothing is appended on an error.
///
/// Whole numbers lose sign `+`, leading zeros and a fraction of zeros (Decimal alone); text is kept byte for byte.
pub fn canonical_key(
    cell: Cell,
    batch: &RowBatch,
    kind: KeyKind,
    out: &mut Vec<u8>,
) -> Result<(), KeyProblem> {
    match kind {
        KeyKind::Integer | KeyKind::Decimal => integer_key(cell, batch, kind, out),
        KeyKind::Text => text_key(cell, batch, out),
    }
}

fn integer_key(cell: Cell, batch: &RowBatch, kind: KeyKind, out: &mut Vec<u8>) -> Result<(), KeyProblem> {
    let mut digits = itoa::Buffer::new();
    let text = match cell {
        Cell::Null => return Err(KeyProblem::KeyNull),
        Cell::Int(n) => digits.format(n),
        Cell::UInt(n) => digits.format(n),
        Cell::Decimal(span) => whole_part(batch.text(span)).ok_or(KeyProblem::KeyNotIntegral)?,
        Cell::Text(span) => match batch.text(span) {
            "" => return Err(KeyProblem::KeyEmpty),
            text if kind == KeyKind::Decimal => whole_part(text).ok_or(KeyProblem::KeyNotIntegral)?,
            text => text,
        },
        // A float cannot name a record exactly; a SQLite column may still hold one among integers.
        _ => return Err(KeyProblem::KeyNotIntegral),
    };
    let (negative, magnitude) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if magnitude.is_empty() || !magnitude.iter().all(u8::is_ascii_digit) {
        return Err(KeyProblem::KeyNotIntegral);
    }
    let zeros = magnitude.iter().take_while(|d| **d == b'0').count();
    let magnitude = &magnitude[zeros.min(magnitude.len() - 1)..];
    // A decimal may have more digits than an integer, and they are as exact.
    if kind == KeyKind::Integer && !fits_64_bit(negative, magnitude) {
        return Err(KeyProblem::KeyNotIntegral);
    }
    if negative && magnitude != b"0" {
        out.push(b'-');
    }
    out.extend_from_slice(magnitude);
    Ok(())
}

fn fits_64_bit(negative: bool, magnitude: &[u8]) -> bool {
    let limit: &[u8] = if negative { b"9223372036854775808" } else { b"18446744073709551615" };
    (magnitude.len(), magnitude) <= (limit.len(), limit)
}

/// The digits before the point when all digits after it are zero.
fn whole_part(decimal: &str) -> Option<&str> {
    match decimal.split_once('.') {
        None => Some(decimal),
        Some((whole, fraction)) => fraction.bytes().all(|d| d == b'0').then_some(whole),
    }
}

fn text_key(cell: Cell, batch: &RowBatch, out: &mut Vec<u8>) -> Result<(), KeyProblem> {
    let mut digits = itoa::Buffer::new();
    let text = match cell {
        Cell::Null => return Err(KeyProblem::KeyNull),
        Cell::Text(span) => batch.text(span),
        // A dynamic source (SQLite) may hold a number in a text column.
        Cell::Int(n) => digits.format(n),
        Cell::UInt(n) => digits.format(n),
        Cell::Decimal(span) => batch.text(span),
        _ => return Err(KeyProblem::KeyBadText),
    };
    if text.is_empty() {
        return Err(KeyProblem::KeyEmpty);
    }
    if text.chars().any(char::is_control) {
        return Err(KeyProblem::KeyBadText);
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(KeyProblem::KeyWhitespace);
    }
    if text.len() > MAX_BYTES {
        return Err(KeyProblem::KeyTooLong);
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KeyKind, push: impl FnOnce(&mut RowBatch)) -> Result<String, KeyProblem> {
        let mut batch = RowBatch::new(1);
        push(&mut batch);
        batch.end_row();
        let mut out = Vec::new();
        canonical_key(batch.row(0)[0], &batch, kind, &mut out)
            .map(|()| String::from_utf8(out).expect("a key is text"))
    }

    fn text(kind: KeyKind, value: &str) -> Result<String, KeyProblem> {
        key(kind, |batch| batch.push_text(value))
    }

    /// semantics 6.1, row Integer; G test 11.
    #[test]
    fn integer_keys_are_exact_digits_without_sign_or_leading_zeros() {
        for (value, expected) in [
            ("007", "7"),
            ("+7", "7"),
            ("-07", "-7"),
            ("-0", "0"),
            ("000", "0"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(text(KeyKind::Integer, value), Ok(expected.to_owned()), "{value}");
        }
        assert_eq!(key(KeyKind::Integer, |b| b.push(Cell::Int(i64::MIN))), Ok(i64::MIN.to_string()));
        assert_eq!(key(KeyKind::Integer, |b| b.push(Cell::UInt(u64::MAX))), Ok(u64::MAX.to_string()));
    }

    /// semantics 6.1, rows Integer and Decimal.
    #[test]
    fn what_is_no_whole_number_is_key_not_integral() {
        for value in ["1.5", "x", "1e3", "-", "+", " 7", "18446744073709551616", "-9223372036854775809"] {
            assert_eq!(text(KeyKind::Integer, value), Err(KeyProblem::KeyNotIntegral), "{value}");
        }
        assert_eq!(key(KeyKind::Integer, |b| b.push_decimal("12.000")), Ok("12".to_owned()));
        assert_eq!(key(KeyKind::Integer, |b| b.push_decimal("12.5")), Err(KeyProblem::KeyNotIntegral));
        assert_eq!(key(KeyKind::Integer, |b| b.push_decimal("NaN")), Err(KeyProblem::KeyNotIntegral));
        assert_eq!(key(KeyKind::Integer, |b| b.push(Cell::Float64(7.0))), Err(KeyProblem::KeyNotIntegral));
    }

    /// semantics 6.1, row Decimal: as Integer when the fraction is zero, also from text and with more digits.
    #[test]
    fn decimal_keys_are_whole_numbers() {
        for (value, expected) in [
            ("12.00", "12"),
            ("+007.0", "7"),
            ("-0.000", "0"),
            ("12345678901234567890123.0", "12345678901234567890123"),
        ] {
            assert_eq!(text(KeyKind::Decimal, value), Ok(expected.to_owned()), "{value}");
            assert_eq!(key(KeyKind::Decimal, |b| b.push_decimal(value)), Ok(expected.to_owned()), "{value}");
        }
        for value in ["12.50", ".0", "1e3", "NaN", "Infinity", "x"] {
            assert_eq!(text(KeyKind::Decimal, value), Err(KeyProblem::KeyNotIntegral), "{value}");
        }
        assert_eq!(text(KeyKind::Integer, "12.00"), Err(KeyProblem::KeyNotIntegral));
    }

    /// semantics 6.1, row String: char(n) padding is cut and uuid lowered by the source; dynamic SQLite cells.
    #[test]
    fn numbers_in_a_text_column_are_their_digits() {
        assert_eq!(key(KeyKind::Text, |b| b.push(Cell::Int(-7))), Ok("-7".to_owned()));
        assert_eq!(key(KeyKind::Text, |b| b.push(Cell::UInt(u64::MAX))), Ok(u64::MAX.to_string()));
        assert_eq!(key(KeyKind::Text, |b| b.push_decimal("10.50")), Ok("10.50".to_owned()));
        assert_eq!(key(KeyKind::Text, |b| b.push(Cell::Float64(1.5))), Err(KeyProblem::KeyBadText));
        let uuid = "0b1f8c1e-94a5-4d5e-8f39-0d9c7c1f2a3b";
        assert_eq!(text(KeyKind::Text, uuid), Ok(uuid.to_owned()));
    }

    #[test]
    fn a_refused_key_leaves_the_output_as_it_was() {
        let mut batch = RowBatch::new(1);
        batch.push_text("1.5");
        batch.end_row();
        let mut out = b"before".to_vec();
        canonical_key(batch.row(0)[0], &batch, KeyKind::Integer, &mut out).expect_err("no integer");
        assert_eq!(out, b"before");
    }

    /// semantics 4.2, row primaryKey: integer and text are the families.
    #[test]
    fn integer_and_decimal_keys_are_of_one_family() {
        assert!(KeyKind::Integer.same_family(KeyKind::Decimal));
        assert!(!KeyKind::Integer.same_family(KeyKind::Text));
        assert!(KeyKind::Text.same_family(KeyKind::Text));
    }

    /// semantics 6.1, row String; 6.2; 6.3.
    #[test]
    fn text_keys_are_kept_byte_for_byte_or_refused() {
        for value in ["007", "Ab1", "ab1", "a b", "é", "e\u{301}"] {
            assert_eq!(text(KeyKind::Text, value), Ok(value.to_owned()));
        }
        for (value, problem) in [
            ("", KeyProblem::KeyEmpty),
            (" a", KeyProblem::KeyWhitespace),
            ("a\u{a0}", KeyProblem::KeyWhitespace),
            ("a\tb", KeyProblem::KeyBadText),
            ("a\u{7f}", KeyProblem::KeyBadText),
        ] {
            assert_eq!(text(KeyKind::Text, value), Err(problem), "{value:?}");
        }
        assert_eq!(text(KeyKind::Text, &"é".repeat(493)).map(|k| k.len()), Ok(986));
        assert_eq!(text(KeyKind::Text, &"a".repeat(988)), Err(KeyProblem::KeyTooLong));
        assert_eq!(key(KeyKind::Text, |b| b.push(Cell::BadText)), Err(KeyProblem::KeyBadText));
        assert_eq!(key(KeyKind::Text, |b| b.push(Cell::Null)), Err(KeyProblem::KeyNull));
        assert_eq!(key(KeyKind::Integer, |b| b.push(Cell::Null)), Err(KeyProblem::KeyNull));
    }
}
