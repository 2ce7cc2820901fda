//! Which cell each PostgreSQL type becomes.
//!
//! Domains are what they are made of; an array is decoded like its items. `money` has no fixed number of
//! digits on the wire and is read as `numeric`, which the server converts by its own locale.

use tokio_postgres::types::{Kind, Type};

use crate::data::ColumnKind;
use crate::source::relation::quote;

/// How the bytes of one value are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    Bool,
    Int2,
    Int4,
    Int8,
    UInt4,
    UInt8,
    Float4,
    Float8,
    Numeric,
    Text,
    /// `char(n)`: padding is cut.
    Padded,
    /// The type `"char"` of one byte.
    SingleByte,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    TimeTz,
    Interval,
    Json,
    Jsonb,
    Network,
    Mac,
    Bits,
    /// `bit(1)` is a Boolean.
    OneBit,
    Array(Box<Decoder>),
    Unsupported,
}

/// Finds the decoder of a type; `modifier` is the one of the column, or -1.
pub(super) fn decoder(ty: &Type, modifier: i32) -> Decoder {
    match ty.kind() {
        Kind::Domain(base) => return decoder(base, modifier),
        Kind::Enum(_) => return Decoder::Text,
        Kind::Array(item) => {
            return match decoder(item, modifier) {
                Decoder::Unsupported => Decoder::Unsupported,
                item => Decoder::Array(Box::new(item)),
            };
        }
        Kind::Simple => {}
        _ => return Decoder::Unsupported,
    }
    match *ty {
        Type::BOOL => Decoder::Bool,
        Type::INT2 => Decoder::Int2,
        Type::INT4 => Decoder::Int4,
        Type::INT8 => Decoder::Int8,
        Type::OID | Type::XID | Type::CID => Decoder::UInt4,
        Type::XID8 => Decoder::UInt8,
        Type::FLOAT4 => Decoder::Float4,
        Type::FLOAT8 => Decoder::Float8,
        Type::NUMERIC | Type::MONEY => Decoder::Numeric,
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::CSTRING | Type::XML => Decoder::Text,
        Type::BPCHAR => Decoder::Padded,
        Type::CHAR => Decoder::SingleByte,
        Type::UUID => Decoder::Uuid,
        Type::DATE => Decoder::Date,
        Type::TIMESTAMP => Decoder::Timestamp,
        Type::TIMESTAMPTZ => Decoder::TimestampTz,
        Type::TIME => Decoder::Time,
        Type::TIMETZ => Decoder::TimeTz,
        Type::INTERVAL => Decoder::Interval,
        Type::JSON => Decoder::Json,
        Type::JSONB => Decoder::Jsonb,
        Type::INET | Type::CIDR => Decoder::Network,
        Type::MACADDR | Type::MACADDR8 => Decoder::Mac,
        Type::BIT if modifier == 1 => Decoder::OneBit,
        Type::BIT | Type::VARBIT => Decoder::Bits,
        // An extension's type: its name is all that is known of it beforehand.
        _ if ty.name() == "citext" => Decoder::Text,
        _ => Decoder::Unsupported,
    }
}

/// What the cells of a decoder are.
pub(super) fn kind(decoder: &Decoder) -> ColumnKind {
    match decoder {
        Decoder::Bool | Decoder::OneBit => ColumnKind::Bool,
        Decoder::Int2 | Decoder::Int4 | Decoder::Int8 | Decoder::UInt4 | Decoder::UInt8 => {
            ColumnKind::Integer
        }
        Decoder::Float4 | Decoder::Float8 => ColumnKind::Float,
        Decoder::Numeric => ColumnKind::Decimal,
        Decoder::Date => ColumnKind::Date,
        Decoder::Timestamp => ColumnKind::NaiveTime,
        Decoder::TimestampTz => ColumnKind::Instant,
        Decoder::Json | Decoder::Jsonb => ColumnKind::Json,
        Decoder::Array(item) => ColumnKind::Array(Box::new(kind(item))),
        Decoder::Unsupported => ColumnKind::Unsupported,
        Decoder::Text
        | Decoder::Padded
        | Decoder::SingleByte
        | Decoder::Uuid
        | Decoder::Time
        | Decoder::TimeTz
        | Decoder::Interval
        | Decoder::Network
        | Decoder::Mac
        | Decoder::Bits => ColumnKind::Text,
    }
}

/// The expression that selects a column in the form that its decoder reads.
pub(super) fn expression(column: &str, ty: &Type) -> String {
    let name = quote(column);
    match innermost(ty) {
        (Type::MONEY, false) => format!("{name}::pg_catalog.numeric"),
        (Type::MONEY, true) => format!("{name}::pg_catalog.numeric[]"),
        _ => name,
    }
}

/// The type below domains and arrays, and whether there was an array.
fn innermost(ty: &Type) -> (Type, bool) {
    match ty.kind() {
        Kind::Domain(base) => innermost(base),
        Kind::Array(item) => (innermost(item).0, true),
        _ => (ty.clone(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_bytes_cannot_be_sent_and_an_array_of_numbers_can() {
        assert_eq!(decoder(&Type::BYTEA_ARRAY, -1), Decoder::Unsupported);
        assert_eq!(decoder(&Type::INT4_RANGE, -1), Decoder::Unsupported);
        assert_eq!(kind(&decoder(&Type::INT4_ARRAY, -1)), ColumnKind::Array(Box::new(ColumnKind::Integer)));
    }

    #[test]
    fn a_single_bit_is_a_boolean_and_more_bits_are_text() {
        assert_eq!(decoder(&Type::BIT, 1), Decoder::OneBit);
        assert_eq!(decoder(&Type::BIT, 8), Decoder::Bits);
    }

    #[test]
    fn money_is_read_as_numeric() {
        assert_eq!(expression("a", &Type::MONEY), r#""a"::pg_catalog.numeric"#);
        assert_eq!(expression("a", &Type::MONEY_ARRAY), r#""a"::pg_catalog.numeric[]"#);
        assert_eq!(expression("a", &Type::INT4), r#""a""#);
    }
}
