//! Rows picked by key: how a column is compared with canonical texts.

use super::types::Decoder;
use crate::data::KeyKind;
use crate::source::relation::{bare_digits, quote};

/// How a key column is compared. Where its type and what it is read as agree, keys are compared in that type, so that
/// an index can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Integer,
    Numeric,
    Uuid,
    /// Byte for byte.
    Text,
    /// Byte for byte, as the value is shown: as text an address has a mask that nobody sees.
    Shown,
    /// Text that is read as a whole number: by its digits, whatever the spelling.
    Digits,
}

impl Comparison {
    pub(super) fn of(decoder: &Decoder, kind: KeyKind) -> Self {
        match (decoder, kind) {
            (Decoder::Int2 | Decoder::Int4 | Decoder::Int8, _) => Self::Integer,
            (Decoder::Uuid, _) => Self::Uuid,
            (Decoder::Network, KeyKind::Text) => Self::Shown,
            (_, KeyKind::Text) => Self::Text,
            (Decoder::Numeric, _) => Self::Numeric,
            _ => Self::Digits,
        }
    }

    /// The condition by which rows are picked, where `$1` is an array of texts.
    pub(super) fn condition(self, column: &str) -> String {
        let name = quote(column);
        // A collation may hold different texts to be equal; keys are equal byte for byte.
        let text = format!("{name}::pg_catalog.text collate \"C\"");
        match self {
            Self::Integer => format!("{name} = any($1::pg_catalog.text[]::pg_catalog.int8[])"),
            Self::Numeric => {
                format!("{name}::pg_catalog.numeric = any($1::pg_catalog.text[]::pg_catalog.numeric[])")
            }
            Self::Uuid => format!("{name} = any($1::pg_catalog.text[]::pg_catalog.uuid[])"),
            Self::Text => format!("{text} = any($1::pg_catalog.text[])"),
            Self::Shown => {
                format!("pg_catalog.concat({name}) collate \"C\" = any($1::pg_catalog.text[])")
            }
            Self::Digits => {
                let whole = format!("pg_catalog.split_part({text}, '.', 1)");
                format!("pg_catalog.ltrim({whole}, '+-0') = any($1::pg_catalog.text[])")
            }
        }
    }

    /// What stands for a key in `$1`; nothing for one that no value of the column can have.
    pub(super) fn parameter(self, key: &str) -> Option<&str> {
        match self {
            Self::Integer => key.parse::<i64>().is_ok().then_some(key),
            Self::Numeric => {
                let digits = key.strip_prefix('-').unwrap_or(key);
                let whole = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
                // More digits than a key may have; far below what the server takes.
                (whole && digits.len() < 1_000).then_some(key)
            }
            Self::Uuid => is_uuid(key).then_some(key),
            Self::Text | Self::Shown => (!key.contains('\0')).then_some(key),
            Self::Digits => (!key.contains('\0')).then(|| bare_digits(key)),
        }
    }
}

/// A UUID in its usual form; a person may write it in capitals.
fn is_uuid(key: &str) -> bool {
    let is_fine = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    key.len() == 36 && key.bytes().enumerate().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(comparison: Comparison, keys: &[&str]) -> Vec<String> {
        keys.iter().filter_map(|key| comparison.parameter(key)).map(str::to_owned).collect()
    }

    #[test]
    fn keys_that_are_no_value_of_the_column_are_not_asked_for() {
        assert_eq!(taken(Comparison::Integer, &["-7", "a", "9223372036854775808"]), ["-7"]);
        let long = "1234567890123456789012345";
        assert_eq!(taken(Comparison::Numeric, &[long, "1e3", "", "-"]), [long]);
        let uuid = "00000000-0000-0000-0000-00000000000A";
        assert_eq!(taken(Comparison::Uuid, &[uuid, "x"]), [uuid]);
        assert_eq!(taken(Comparison::Text, &["anything", "a\0b"]), ["anything"]);
    }

    /// semantics 6.1 and 6.2: what is read as a number is looked for as one, what is read as text is not.
    #[test]
    fn a_column_is_compared_as_it_is_read() {
        assert_eq!(Comparison::of(&Decoder::Text, KeyKind::Integer), Comparison::Digits);
        assert_eq!(Comparison::of(&Decoder::Text, KeyKind::Text), Comparison::Text);
        assert_eq!(Comparison::of(&Decoder::Numeric, KeyKind::Decimal), Comparison::Numeric);
        assert_eq!(Comparison::of(&Decoder::Numeric, KeyKind::Text), Comparison::Text);
        assert_eq!(taken(Comparison::Digits, &["7", "-7", "007", "7.0", "0"]), ["7", "7", "7", "7", ""]);
    }
}
