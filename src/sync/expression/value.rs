//! Values while an expression is evaluated, and how they compare.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::node::Literal;
use super::{Fault, Input, Output};
use crate::sync::value::json::Node;

/// A text, borrowed from the row or the expression where possible.
#[derive(Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Made(Rc<str>),
}

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// A value of an expression. Cheap to clone; without `Debug`, since it holds values of a row.
#[derive(Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(Text<'a>),
    Time(Timestamp),
    Duration(SignedDuration),
    List(Rc<Vec<Value<'a>>>),
    Map(Rc<BTreeMap<String, Value<'a>>>),
}

impl Literal {
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(i) => Value::Int(*i),
            Self::UInt(u) => Value::UInt(*u),
            Self::Double(d) => Value::Double(*d),
            Self::Text(text) => Value::Text(Text::Borrowed(text)),
            Self::Time(time) => Value::Time(*time),
            Self::Duration(span) => Value::Duration(*span),
        }
    }
}

impl<'a> Value<'a> {
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// The value of a property.
    pub fn of(input: Input<'a>) -> Result<Self, Fault> {
        Ok(match input {
            Input::Null => Self::Null,
            Input::Bool(b) => Self::Bool(b),
            Input::Int(i) => Self::Int(i),
            Input::UInt(u) => i64::try_from(u).map_or(Self::UInt(u), Self::Int),
            Input::Double(d) => Self::Double(d),
            Input::Text(text) => Self::Text(Text::Borrowed(text)),
            Input::Instant(time) => Self::Time(time),
            Input::Json(text) => {
                Self::of_json(serde_json::from_str(text).map_err(|_| Fault::ConversionFailed)?)
            }
            Input::Node(node) => Self::of_node(node),
            Input::Props(items) => {
                let items: Result<Vec<_>, Fault> =
                    items.iter().map(|item| Self::of(Input::from(item))).collect();
                Self::List(Rc::new(items?))
            }
            Input::List(items) => {
                let items: Result<Vec<_>, Fault> = items.iter().map(|item| Self::of(*item)).collect();
                Self::List(Rc::new(items?))
            }
            Input::Failed => return Err(Fault::ConversionFailed),
        })
    }

    /// The value of parsed JSON; its texts are borrowed.
    pub fn of_node(node: &'a Node<'a>) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(b) => Self::Bool(*b),
            Node::Number(digits) => match (digits.parse(), digits.parse()) {
                (Ok(i), _) => Self::Int(i),
                (_, Ok(u)) => Self::UInt(u),
                _ => Self::Double(digits.parse().unwrap_or(f64::NAN)),
            },
            Node::Text(text) => Self::Text(Text::Borrowed(text)),
            Node::Array(items) => Self::List(Rc::new(items.iter().map(Self::of_node).collect())),
            Node::Object(members) => Self::Map(Rc::new(
                members.iter().map(|(name, member)| (name.to_string(), Self::of_node(member))).collect(),
            )),
        }
    }

    fn of_json(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(b) => Self::Bool(b),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(i), _, _) => Self::Int(i),
                (_, Some(u), _) => Self::UInt(u),
                (_, _, d) => Self::Double(d.unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(Rc::new(items.into_iter().map(Self::of_json).collect())),
            Json::Object(members) => {
                Self::Map(Rc::new(members.into_iter().map(|(k, v)| (k, Self::of_json(v))).collect()))
            }
        }
    }

    fn json(&self) -> Result<Json, Fault> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Int(i) => Json::from(*i),
            Self::UInt(u) => Json::from(*u),
            Self::Double(d) => Json::Number(serde_json::Number::from_f64(*d).ok_or(Fault::NotSendable)?),
            Self::Text(text) => Json::from(text.as_str()),
            Self::Time(time) => Json::from(time.to_string()),
            Self::Duration(_) => return Err(Fault::NotSendable),
            Self::List(items) => Json::Array(items.iter().map(Self::json).collect::<Result<_, _>>()?),
            Self::Map(members) => Json::Object(
                members.iter().map(|(k, v)| Ok((k.clone(), v.json()?))).collect::<Result<_, Fault>>()?,
            ),
        })
    }

    /// The value as it leaves the evaluation.
    pub fn output(&self) -> Result<Output, Fault> {
        Ok(match self {
            Self::Null => Output::Null,
            Self::Bool(b) => Output::Bool(*b),
            Self::Int(i) => Output::Int(*i),
            Self::UInt(u) => i64::try_from(*u).map_or(Output::UInt(*u), Output::Int),
            Self::Double(d) => Output::Double(*d),
            Self::Text(text) => Output::Text(text.as_str().to_owned()),
            Self::Time(time) => Output::Instant(*time),
            Self::Duration(_) => return Err(Fault::NotSendable),
            Self::List(_) | Self::Map(_) => Output::Json(self.json()?.to_string()),
        })
    }

    /// Equality as CEL has it: numbers by their amount, whatever their type; values of different types are not equal.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && a.equals(b))
            }
            _ => self.order(other) == Ok(Some(Ordering::Equal)),
        }
    }

    /// Order as CEL has it; `None` when one of them is not a number (NaN).
    pub fn order(&self, other: &Self) -> Result<Option<Ordering>, Fault> {
        Ok(match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.as_str().cmp(b.as_str())),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Double(a), b) => {
                whole(b).map(|b| by_amount(b, *a).map(Ordering::reverse)).ok_or(Fault::WrongType)?
            }
            (a, Self::Double(b)) => whole(a).map(|a| by_amount(a, *b)).ok_or(Fault::WrongType)?,
            (a, b) => Some(whole(a).ok_or(Fault::WrongType)?.cmp(&whole(b).ok_or(Fault::WrongType)?)),
        })
    }

    /// Roughly how much work it is to go through the value.
    pub fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.as_str().len() / 16,
            Self::List(items) => items.len(),
            Self::Map(members) => members.len(),
            _ => 0,
        }
    }
}

fn whole(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(i) => Some(i128::from(*i)),
        Value::UInt(u) => Some(i128::from(*u)),
        _ => None,
    }
}

/// Compares a whole number with a double without rounding the whole number.
fn by_amount(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Saturates far outside of 64 bit, where the order is the same.
    #[expect(clippy::cast_possible_truncation)]
    let floor = double.floor() as i128;
    Some(whole.cmp(&floor).then(if double > double.floor() { Ordering::Less } else { Ordering::Equal }))
}
