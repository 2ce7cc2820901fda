//! A checked expression, ready to be evaluated.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::functions::Function;

/// A constant of the expression.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(Box<str>),
    Time(Timestamp),
    Duration(SignedDuration),
}

/// Operators that need both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
}

/// What a comprehension does with the elements.
#[derive(Debug)]
pub(super) enum Loop {
    All(Node),
    Exists(Node),
    ExistsOne(Node),
    Collect { filter: Option<Node>, transform: Node },
}

/// A part of an expression.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Literal),
    Property(usize),
    Now,
    /// The element of the comprehension. There is one at a time, since comprehensions do not nest.
    Element,
    HasProperty(usize),
    Has(Box<Node>, Box<str>),
    Select(Box<Node>, Box<str>),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Conditional(Box<[Node; 3]>),
    Binary(Operator, Box<[Node; 2]>),
    /// `in` over constants: no list is built.
    OneOf(Box<Node>, Vec<Literal>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Regex),
    /// A field of a timestamp in a zone, or of a duration.
    Clock(Field, Box<Node>, TimeZone),
    Comprehension(Box<(Node, Loop)>),
}

/// Parts of a timestamp. Months, days of the month and days of the year count from 0, as CEL has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    FullYear,
    Month,
    DayOfMonth,
    Date,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}
