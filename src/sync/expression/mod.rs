//! CEL expressions of groups and mappings (docs/semantics.md, "CEL"). Pure.
//!
//! An expression is checked once, when its object is validated: names, types, and how much work it can ever make.
//! What passes is evaluated row by row. The syntax is read by the `cel` crate, whose evaluation is not used: it
//! checks neither types nor cost, takes a member of null for `false`, and counts a string in bytes. Evaluation here
//! follows the CEL specification, with numbers of all types comparable by their amount.
//!
//! Two things are this product's own: `has(x.y)` is false for a null too, as in Kubernetes; and an error means
//! something different while a property is null (semantics 5.6 and 7.1).
//!
//! This room knows neither columns nor Braze: it takes [`Input`]s and gives [`Membership`]s and [`Output`]s.

mod apply;
mod calls;
mod check;
mod convert;
mod evaluate;
mod functions;
mod kind;
mod macros;
mod node;
mod operations;
mod parse;
mod suggest;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::value::{Prop, PropertyType, json};
use check::Checker;
use evaluate::Machine;
use kind::Kind;
use node::Node;
use tokens::{Cursor, sentence, tokens};

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The rule of a group: true for members; may use `now`.
    Group,
    /// The value of a property mapping: anything that Braze takes; without `now`.
    Mapping,
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// A value like that of a property of this type, or null. Int and uint are Integer, double is Float, a list is
    /// Array, a map is Object.
    Known(PropertyType),
    /// Only the row tells, as with a member of an Object: check each [`Output`] against the target, as if it came
    /// from a property of the type that [`Output::property_type`] names, and drop one that does not fit.
    Dynamic,
}

/// The value of a property in one row, after its conversion.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// Null.
    Null,
    /// A Boolean.
    Bool(bool),
    /// An Integer.
    Int(i64),
    /// An Integer above `i64::MAX`. Smaller ones are taken as [`Input::Int`].
    UInt(u64),
    /// A Float, or a Decimal rounded to one.
    Double(f64),
    /// A String, Email, PhoneNumber or Url.
    Text(&'a str),
    /// A Timestamp, or a Date at midnight UTC.
    Instant(Timestamp),
    /// An Object, as JSON text.
    Json(&'a str),
    /// An Object that was parsed already. Members are found without a copy.
    Node(&'a json::Node<'a>),
    /// An Array.
    List(&'a [Input<'a>]),
    /// An Array, as it was converted.
    Props(&'a [Prop<'a>]),
    /// The conversion of the property failed. What needs it is unknown.
    Failed,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the value: it is a person's.
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::UInt(_) => "UInt",
            Self::Double(_) => "Double",
            Self::Text(_) => "Text",
            Self::Instant(_) => "Instant",
            Self::Json(_) | Self::Node(_) => "Json",
            Self::List(_) | Self::Props(_) => "List",
            Self::Failed => "Failed",
        })
    }
}

/// Every value that a conversion gives: a Date is midnight UTC, a Decimal the nearest double, and a float of 32 bit
/// the double that its shortest digits name, so that `record.ratio == 0.1` is what it looks like.
impl<'a> From<&'a Prop<'a>> for Input<'a> {
    fn from(prop: &'a Prop<'a>) -> Self {
        let instant = |micros| Timestamp::from_microsecond(micros).map_or(Self::Failed, Self::Instant);
        match prop {
            Prop::Null => Self::Null,
            Prop::Bool(b) => Self::Bool(*b),
            Prop::Int(i) => Self::Int(*i),
            Prop::UInt(u) => Self::UInt(*u),
            Prop::Float32(x) => x.to_string().parse().map_or(Self::Failed, Self::Double),
            Prop::Float64(x) => Self::Double(*x),
            Prop::Decimal(digits) => digits.parse().map_or(Self::Failed, Self::Double),
            Prop::Text(text) => Self::Text(text),
            Prop::Date(days) => instant(i64::from(*days) * 86_400_000_000),
            Prop::Instant(micros) => instant(*micros),
            Prop::Json(node) => Self::Node(node),
            Prop::List(items) => Self::Props(items),
        }
    }
}

impl Input<'_> {
    fn is_null(self) -> bool {
        match self {
            Self::Null => true,
            Self::Json(text) => text.trim() == "null",
            Self::Node(node) => *node == json::Node::Null,
            _ => false,
        }
    }
}

/// The value of a mapping's expression.
#[derive(Clone, PartialEq)]
pub enum Output {
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// A number; may be infinite or not a number.
    Double(f64),
    /// Text.
    Text(String),
    /// A point in time.
    Instant(Timestamp),
    /// A list or map as JSON text; times inside are RFC 3339 text.
    Json(String),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.property_type() {
            None => "Null",
            Some(PropertyType::Boolean) => "Bool",
            Some(PropertyType::Integer) => "Integer",
            Some(PropertyType::Float) => "Double",
            Some(PropertyType::String) => "Text",
            Some(PropertyType::Timestamp) => "Instant",
            Some(_) => "Json",
        })
    }
}

impl Output {
    /// The property type whose values look like this one; `None` for null.
    pub fn property_type(&self) -> Option<PropertyType> {
        match self {
            Self::Null => None,
            Self::Bool(_) => Some(PropertyType::Boolean),
            Self::Int(_) | Self::UInt(_) => Some(PropertyType::Integer),
            Self::Double(_) => Some(PropertyType::Float),
            Self::Text(_) => Some(PropertyType::String),
            Self::Instant(_) => Some(PropertyType::Timestamp),
            Self::Json(text) if text.starts_with('[') => Some(PropertyType::Array),
            Self::Json(_) => Some(PropertyType::Object),
        }
    }
}

/// Whether a row belongs to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It does.
    Member,
    /// It does not.
    NotMember,
    /// The rule could not be evaluated: the row neither joins nor leaves (`RuleError`).
    Unknown(Fault),
}

/// Why an evaluation failed. Tells nothing about the row's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A property that is needed did not fit its type.
    #[error("a property that it needs could not be converted")]
    ConversionFailed,
    /// A value has a type that the operator or function does not take; null too.
    #[error("a value has another type than its operator or function takes; ask with has(…) before")]
    WrongType,
    /// An object has no such member, a list no such element.
    #[error("an object or list has no such member; ask with has(…) or size(…) before")]
    NoSuchKey,
    /// A number or time is outside of its range.
    #[error("a number or time is outside of its range")]
    Overflow,
    /// A whole number was divided by zero.
    #[error("a whole number is divided by zero")]
    DivisionByZero,
    /// A text is not what a conversion asks for.
    #[error("a text cannot be converted to the type asked for")]
    NotConvertible,
    /// The result is a duration, or a list with one or with an infinite number.
    #[error("the result is of a type that cannot be sent")]
    NotSendable,
    /// The row's lists or texts are too long for what the expression does with them.
    #[error("the row's lists or texts are too long for this expression")]
    TooMuchWork,
}

impl Fault {
    /// The one of two errors that counts: a failed conversion makes the result unknown, whatever else happened.
    fn or(self, other: Self) -> Self {
        if other == Self::ConversionFailed { other } else { self }
    }
}

/// An expression that was checked against the properties of a model.
#[derive(Debug)]
pub struct Expression {
    root: Node,
    inputs: Vec<usize>,
    uses_now: bool,
    result: ResultType,
}

impl Expression {
    /// Checks an expression over these properties.
    ///
    /// # Errors
    /// One sentence: where, what is wrong and what to write instead. It quotes the expression only.
    pub fn compile(
        source: &str,
        purpose: Purpose,
        properties: &[(String, PropertyType)],
    ) -> Result<Self, String> {
        let tokens = tokens(source)?;
        if tokens.is_empty() {
            return Err("the expression is empty".to_owned());
        }
        parse::with_tree(source, |tree| {
            let mut checker = Checker {
                source,
                cursor: Cursor::new(tokens),
                properties,
                purpose,
                inputs: BTreeSet::new(),
                uses_now: false,
                element: None,
                nodes: 0,
                depth: 0,
            };
            let checked = checker.walk(tree)?;
            let result = match purpose {
                Purpose::Group => rule_type(checked.kind),
                Purpose::Mapping => mapping_type(checked.kind),
            }
            .map_err(|what| sentence(source, 0, &what))?;
            let inputs = checker.inputs.into_iter().collect();
            Ok(Self { root: checked.node, inputs, uses_now: checker.uses_now, result })
        })
    }

    /// The properties that it names, as indices into those of [`Expression::compile`], ascending.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// Whether the result depends on the time of the run.
    pub fn uses_now(&self) -> bool {
        self.uses_now
    }

    /// What a mapping's expression gives; Boolean for a group's rule.
    pub fn result_type(&self) -> ResultType {
        self.result
    }

    /// Whether a row belongs to the group (semantics 7.1). `now` is the start of the run; its fraction of a second
    /// is ignored.
    pub fn membership<'a>(&'a self, values: &dyn Fn(usize) -> Input<'a>, now: Timestamp) -> Membership {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        match Machine::new(values, now).truth(&self.root) {
            Ok(true) => Membership::Member,
            Ok(false) => Membership::NotMember,
            Err(fault) if self.is_null_error(fault, values) => Membership::NotMember,
            Err(fault) => Membership::Unknown(fault),
        }
    }

    /// The value that a mapping sends (semantics 5.6).
    ///
    /// # Errors
    /// Why there is none: the attribute is dropped with `ExpressionError`.
    pub fn value<'a>(&'a self, values: &dyn Fn(usize) -> Input<'a>) -> Result<Output, Fault> {
        match Machine::new(values, Timestamp::UNIX_EPOCH).run(&self.root).and_then(|value| value.output()) {
            Err(fault) if self.is_null_error(fault, values) => Ok(Output::Null),
            result => result,
        }
    }

    /// Whether an error has the meaning of null: a property that the expression names is null, and the error is not
    /// that another one failed to convert.
    fn is_null_error<'a>(&self, fault: Fault, values: &dyn Fn(usize) -> Input<'a>) -> bool {
        fault != Fault::ConversionFailed && self.inputs.iter().any(|input| values(*input).is_null())
    }
}

fn rule_type(kind: Kind) -> Result<ResultType, String> {
    match kind {
        Kind::Bool => Ok(ResultType::Known(PropertyType::Boolean)),
        Kind::Any => {
            Err("only the row tells the type of this, but a group's rule must be true or false; compare \
                          it, such as with == true"
                .to_owned())
        }
        kind => Err(format!(
            "a group's rule must be true or false, but this gives a {}; compare it with something",
            kind.word()
        )),
    }
}

fn mapping_type(kind: Kind) -> Result<ResultType, String> {
    Ok(ResultType::Known(match kind {
        Kind::Bool => PropertyType::Boolean,
        Kind::Int | Kind::UInt => PropertyType::Integer,
        Kind::Double => PropertyType::Float,
        Kind::Text => PropertyType::String,
        Kind::Time => PropertyType::Timestamp,
        Kind::List => PropertyType::Array,
        Kind::Map | Kind::Object => PropertyType::Object,
        Kind::Any => return Ok(ResultType::Dynamic),
        Kind::Null => return Err("this is always null; leave the mapping out instead".to_owned()),
        Kind::Duration => {
            return Err("Braze has no spans of time; send a number, such as with getHours()".to_owned());
        }
    }))
}
