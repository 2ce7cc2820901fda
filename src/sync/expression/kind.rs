//! What an expression's parts are, as far as the Model tells before any row is read.

use crate::sync::value::PropertyType;

/// Static type of a part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    UInt,
    Double,
    Text,
    Time,
    Duration,
    List,
    Map,
    /// A property of type Object: a map or a list, only the row tells.
    Object,
    /// Only the row tells: a member of an Object, an element of a list.
    Any,
}

impl Kind {
    /// What `record.<property>` gives (semantics 5.6, first rule).
    pub fn of(property: PropertyType) -> Self {
        match property {
            PropertyType::Integer => Self::Int,
            PropertyType::Float | PropertyType::Decimal => Self::Double,
            PropertyType::Boolean => Self::Bool,
            PropertyType::Date | PropertyType::Timestamp => Self::Time,
            PropertyType::Array => Self::List,
            PropertyType::Object => Self::Object,
            PropertyType::String | PropertyType::Email | PropertyType::PhoneNumber | PropertyType::Url => {
                Self::Text
            }
        }
    }

    /// The word for it in sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::UInt => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Time => "timestamp",
            Self::Duration => "duration",
            Self::List => "list",
            Self::Map => "map",
            Self::Object => "object",
            Self::Any => "value of unknown type",
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::UInt | Self::Double)
    }

    fn is_container(self) -> bool {
        matches!(self, Self::List | Self::Map | Self::Object)
    }

    /// Whether a value of this kind may stand where one of `wanted` is asked for; null may, since any property can
    /// be null, but a written `null` is refused by the callers that know better.
    pub fn fits(self, wanted: &[Self]) -> bool {
        self == Self::Any
            || wanted.contains(&self)
            || self == Self::Object && (wanted.contains(&Self::List) || wanted.contains(&Self::Map))
    }

    /// Whether `==` between the two can ever be true.
    pub fn can_equal(self, other: Self) -> bool {
        self == other
            || [self, other].iter().any(|k| matches!(k, Self::Any | Self::Null))
            || self.is_number() && other.is_number()
            || self.is_container() && other.is_container() && [self, other].contains(&Self::Object)
    }

    /// Whether `<` between the two is defined.
    pub fn can_order(self, other: Self) -> bool {
        let orderable =
            |k: Self| k.fits(&[Self::Bool, Self::Text, Self::Time, Self::Duration]) || k.is_number();
        orderable(self)
            && orderable(other)
            && (self == other
                || self == Self::Any
                || other == Self::Any
                || self.is_number() && other.is_number())
    }

    /// The kind of `condition ? self : other`, when there is one.
    pub fn or(self, other: Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Self::Null, k) | (k, Self::Null) => Some(k),
            (Self::Any, _) | (_, Self::Any) => Some(Self::Any),
            (Self::Object, k) | (k, Self::Object) if k.is_container() => Some(Self::Object),
            _ => None,
        }
    }
}
