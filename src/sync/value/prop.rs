//! Typed values of properties, and which columns can be of which type.

use std::borrow::Cow;

use crate::data::{ColumnKind, KeyKind};

use super::PropertyType;
use super::json::Node;

/// A value of a property after its strict conversion; borrowed from its batch where possible.
///
/// Each type gives its own variants: Integer `Int` and `UInt`, Float `Float32` and `Float64`, Decimal `Decimal`,
/// the text types `Text`, Date `Date`, Timestamp `Instant`, Array `List` or `Json`, Object `Json`. An expression
/// may give any of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Prop<'b> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// A float of 32 bit.
    Float32(f32),
    /// A float of 64 bit.
    Float64(f64),
    /// A decimal in canonical digits: `-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?`.
    Decimal(Cow<'b, str>),
    /// Text.
    Text(Cow<'b, str>),
    /// Days since 1970-01-01; those of a cell lie within the years 0 to 3000, others are refused when written.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z; limits as for a date.
    Instant(i64),
    /// A JSON object or array.
    Json(Node<'b>),
    /// A list of scalars; an expression may also put objects into it.
    List(Vec<Prop<'b>>),
}

impl Prop<'_> {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The type of a column for which none is declared; `None` for one that cannot be sent.
pub fn infer(kind: &ColumnKind) -> Option<PropertyType> {
    match kind {
        ColumnKind::Bool => Some(PropertyType::Boolean),
        ColumnKind::Integer => Some(PropertyType::Integer),
        ColumnKind::Float => Some(PropertyType::Float),
        ColumnKind::Decimal => Some(PropertyType::Decimal),
        ColumnKind::Text | ColumnKind::Dynamic => Some(PropertyType::String),
        ColumnKind::Date => Some(PropertyType::Date),
        ColumnKind::NaiveTime | ColumnKind::Instant => Some(PropertyType::Timestamp),
        ColumnKind::Json => Some(PropertyType::Object),
        ColumnKind::Array(items) => match **items {
            ColumnKind::Json => Some(PropertyType::Object),
            ColumnKind::Array(_) | ColumnKind::Unsupported => None,
            _ => Some(PropertyType::Array),
        },
        ColumnKind::Unsupported => None,
    }
}

/// Whether a column can be of that type at all; single values may still be refused (semantics 5.2).
pub fn fits(kind: &ColumnKind, property_type: PropertyType) -> bool {
    use ColumnKind as K;
    match property_type {
        // Whole and decimal numbers have one exact text; floats, Booleans and times have several.
        PropertyType::String => matches!(kind, K::Text | K::Integer | K::Decimal | K::Dynamic),
        PropertyType::Email | PropertyType::PhoneNumber | PropertyType::Url => {
            matches!(kind, K::Text | K::Dynamic)
        }
        PropertyType::Integer | PropertyType::Decimal => {
            matches!(kind, K::Integer | K::Decimal | K::Text | K::Dynamic)
        }
        PropertyType::Float => matches!(kind, K::Float | K::Integer | K::Decimal | K::Text | K::Dynamic),
        PropertyType::Boolean => matches!(kind, K::Bool | K::Integer | K::Text | K::Dynamic),
        PropertyType::Date => matches!(kind, K::Date | K::Text | K::Dynamic),
        PropertyType::Timestamp => {
            matches!(kind, K::Instant | K::NaiveTime | K::Date | K::Text | K::Dynamic)
        }
        PropertyType::Object => match kind {
            K::Json | K::Text | K::Dynamic => true,
            K::Array(items) => **items == K::Json,
            _ => false,
        },
        PropertyType::Array => match kind {
            K::Json | K::Text | K::Dynamic => true,
            K::Array(items) => !matches!(**items, K::Json | K::Array(_) | K::Unsupported),
            _ => false,
        },
    }
}

/// The family of a primary key of that type; `None` for a type that cannot name a record (semantics 6.1).
pub fn key_kind(property_type: PropertyType) -> Option<KeyKind> {
    match property_type {
        PropertyType::Integer => Some(KeyKind::Integer),
        PropertyType::Decimal => Some(KeyKind::Decimal),
        PropertyType::String | PropertyType::Email | PropertyType::Url => Some(KeyKind::Text),
        PropertyType::Boolean
        | PropertyType::Float
        | PropertyType::Date
        | PropertyType::Timestamp
        | PropertyType::Object
        | PropertyType::Array
        | PropertyType::PhoneNumber => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [PropertyType; 12] = [
        PropertyType::String,
        PropertyType::Integer,
        PropertyType::Float,
        PropertyType::Decimal,
        PropertyType::Boolean,
        PropertyType::Date,
        PropertyType::Timestamp,
        PropertyType::Email,
        PropertyType::PhoneNumber,
        PropertyType::Url,
        PropertyType::Array,
        PropertyType::Object,
    ];

    fn kinds() -> Vec<ColumnKind> {
        vec![
            ColumnKind::Bool,
            ColumnKind::Integer,
            ColumnKind::Float,
            ColumnKind::Decimal,
            ColumnKind::Text,
            ColumnKind::Date,
            ColumnKind::NaiveTime,
            ColumnKind::Instant,
            ColumnKind::Json,
            ColumnKind::Array(Box::new(ColumnKind::Text)),
            ColumnKind::Array(Box::new(ColumnKind::Json)),
            ColumnKind::Array(Box::new(ColumnKind::Array(Box::new(ColumnKind::Text)))),
            ColumnKind::Array(Box::new(ColumnKind::Unsupported)),
            ColumnKind::Dynamic,
            ColumnKind::Unsupported,
        ]
    }

    /// semantics 5.2, "Undeclared types are inferred".
    #[test]
    fn an_inferred_type_fits_its_column() {
        for kind in kinds() {
            if let Some(inferred) = infer(&kind) {
                assert!(fits(&kind, inferred), "{kind:?}");
            }
        }
        assert_eq!(infer(&ColumnKind::Dynamic), Some(PropertyType::String));
        assert_eq!(infer(&ColumnKind::NaiveTime), Some(PropertyType::Timestamp));
    }

    /// semantics 5.2, "A column that cannot be of its declared type, bytes, geometry: InvalidSpec".
    #[test]
    fn bytes_and_lists_of_lists_fit_no_type() {
        for kind in kinds() {
            if infer(&kind).is_none() {
                assert!(!TYPES.iter().any(|declared| fits(&kind, *declared)), "{kind:?}");
            }
        }
        assert_eq!(infer(&ColumnKind::Unsupported), None);
    }

    /// semantics 5.2: text may hold a value of any type, and so may a column without a kind.
    #[test]
    fn text_and_dynamic_columns_fit_every_type() {
        for declared in TYPES {
            assert!(fits(&ColumnKind::Text, declared), "{declared:?}");
            assert!(fits(&ColumnKind::Dynamic, declared), "{declared:?}");
        }
    }

    /// semantics 5.2, column Reads.
    #[test]
    fn a_column_of_another_family_does_not_fit() {
        for (kind, declared) in [
            (ColumnKind::Float, PropertyType::Integer),
            (ColumnKind::Float, PropertyType::String),
            (ColumnKind::Bool, PropertyType::String),
            (ColumnKind::Bool, PropertyType::Integer),
            (ColumnKind::Date, PropertyType::String),
            (ColumnKind::Instant, PropertyType::Date),
            (ColumnKind::Integer, PropertyType::Email),
            (ColumnKind::Integer, PropertyType::Timestamp),
            (ColumnKind::Json, PropertyType::String),
            (ColumnKind::Text, PropertyType::String),
        ]
        .into_iter()
        .filter(|(kind, _)| *kind != ColumnKind::Text)
        {
            assert!(!fits(&kind, declared), "{kind:?} as {declared:?}");
        }
    }

    /// semantics 6.1: the types that can name a record.
    #[test]
    fn only_text_and_whole_numbers_name_a_record() {
        let able: Vec<_> = TYPES.into_iter().filter(|t| key_kind(*t).is_some()).collect();
        assert_eq!(
            able,
            [
                PropertyType::String,
                PropertyType::Integer,
                PropertyType::Decimal,
                PropertyType::Email,
                PropertyType::Url
            ]
        );
    }
}
