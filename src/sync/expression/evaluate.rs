//! Evaluation of a checked expression over one row.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

use super::apply;
use super::convert;
use super::node::{Loop, Node, Operator};
use super::value::{Text, Value};
use super::{Fault, Input};
use crate::sync::value::json::Node as Json;

/// Most steps of one evaluation; long lists and texts count by their length.
const MAX_STEPS: usize = 1_000_000;
/// Longest text and list that an expression may build, in bytes and elements.
pub(super) const MAX_BUILT: usize = 1 << 20;

/// One evaluation.
pub(super) struct Machine<'a, 'f> {
    pub values: &'f dyn Fn(usize) -> Input<'a>,
    pub now: Timestamp,
    steps: usize,
    /// Lists and objects that were read already.
    read: Vec<(usize, Value<'a>)>,
    element: Option<Value<'a>>,
}

type Evaluated<'a> = Result<Value<'a>, Fault>;

impl<'a, 'f> Machine<'a, 'f> {
    pub fn new(values: &'f dyn Fn(usize) -> Input<'a>, now: Timestamp) -> Self {
        Self { values, now, steps: 0, read: Vec::new(), element: None }
    }

    fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { Err(Fault::TooMuchWork) } else { Ok(()) }
    }

    pub fn run(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.spend(1)?;
        Ok(match node {
            Node::Literal(literal) => literal.value(),
            Node::Property(index) => self.property(*index)?,
            Node::Now => Value::Time(self.now),
            Node::Element => self.element.clone().ok_or(Fault::WrongType)?,
            Node::HasProperty(index) => Value::Bool(!matches!(self.property(*index)?, Value::Null)),
            Node::Has(operand, name) if let Some(parsed) = self.parsed(operand) => match parsed? {
                Json::Object(members) => {
                    Value::Bool(member(members, name).is_some_and(|member| *member != Json::Null))
                }
                Json::Null => Value::Bool(false),
                _ => return Err(Fault::WrongType),
            },
            Node::Has(operand, name) => match self.run(operand)? {
                Value::Map(members) => Value::Bool(
                    members.get(name.as_ref()).is_some_and(|member| !matches!(member, Value::Null)),
                ),
                Value::Null => Value::Bool(false),
                _ => return Err(Fault::WrongType),
            },
            Node::Select(..) if let Some(parsed) = self.parsed(node) => Value::of_node(parsed?),
            Node::Select(operand, name) => match self.run(operand)? {
                Value::Map(members) => members.get(name.as_ref()).cloned().ok_or(Fault::NoSuchKey)?,
                _ => return Err(Fault::WrongType),
            },
            Node::Index(sides) => self.index(sides)?,
            Node::Not(operand) => Value::Bool(!self.truth(operand)?),
            Node::Negate(operand) => match self.run(operand)? {
                Value::Int(i) => Value::Int(i.checked_neg().ok_or(Fault::Overflow)?),
                Value::Double(d) => Value::Double(-d),
                _ => return Err(Fault::WrongType),
            },
            Node::And(_) | Node::Or(_) | Node::OneOf(..) | Node::Matches(..) => {
                Value::Bool(self.truth(node)?)
            }
            Node::Conditional(parts) => {
                let [condition, yes, no] = parts.as_ref();
                if self.truth(condition)? { self.run(yes)? } else { self.run(no)? }
            }
            Node::Binary(operator, sides) => self.binary(*operator, sides)?,
            Node::List(nodes) => {
                Value::List(Rc::new(nodes.iter().map(|n| self.run(n)).collect::<Result<_, _>>()?))
            }
            Node::Map(entries) => {
                let mut members = std::collections::BTreeMap::new();
                for (key, value) in entries {
                    let Value::Text(key) = self.run(key)? else { return Err(Fault::WrongType) };
                    members.insert(key.as_str().to_owned(), self.run(value)?);
                }
                Value::Map(Rc::new(members))
            }
            Node::Call(function, nodes) => {
                let mut values = Vec::with_capacity(nodes.len());
                for node in nodes {
                    let value = self.run(node)?;
                    self.spend(value.weight())?;
                    values.push(value);
                }
                apply::function(*function, &values)?
            }
            Node::Clock(field, operand, zone) => Value::Int(apply::clock(*field, &self.run(operand)?, zone)?),
            Node::Comprehension(parts) => self.comprehension(&parts.0, &parts.1)?,
        })
    }

    /// A part that must be true or false. `&&` and `||` pass over an error when the other side decides.
    pub fn truth(&mut self, node: &'a Node) -> Result<bool, Fault> {
        match node {
            Node::And(sides) => {
                let [left, right] = sides.as_ref();
                match self.truth(left) {
                    Ok(true) => self.truth(right),
                    Ok(false) => Ok(false),
                    Err(error) => match self.truth(right) {
                        Ok(false) => Ok(false),
                        Ok(true) => Err(error),
                        Err(other) => Err(error.or(other)),
                    },
                }
            }
            Node::Or(sides) => {
                let [left, right] = sides.as_ref();
                match self.truth(left) {
                    Ok(false) => self.truth(right),
                    Ok(true) => Ok(true),
                    Err(error) => match self.truth(right) {
                        Ok(true) => Ok(true),
                        Ok(false) => Err(error),
                        Err(other) => Err(error.or(other)),
                    },
                }
            }
            Node::OneOf(operand, constants) => {
                let value = self.run(operand)?;
                self.spend(constants.len())?;
                Ok(constants.iter().any(|constant| constant.value().equals(&value)))
            }
            Node::Matches(operand, pattern) => {
                let Value::Text(text) = self.run(operand)? else { return Err(Fault::WrongType) };
                self.spend(text.as_str().len())?;
                Ok(pattern.is_match(text.as_str()))
            }
            _ => match self.run(node)? {
                Value::Bool(b) => Ok(b),
                _ => Err(Fault::WrongType),
            },
        }
    }

    /// The piece of parsed JSON that a chain of members names, when it begins at a property that was parsed.
    fn parsed(&self, node: &'a Node) -> Option<Result<&'a Json<'a>, Fault>> {
        match node {
            Node::Property(index) => match (self.values)(*index) {
                Input::Node(parsed) => Some(Ok(parsed)),
                _ => None,
            },
            Node::Select(operand, name) => Some(self.parsed(operand)?.and_then(|parsed| match parsed {
                Json::Object(members) => member(members, name).ok_or(Fault::NoSuchKey),
                _ => Err(Fault::WrongType),
            })),
            _ => None,
        }
    }

    fn property(&mut self, index: usize) -> Evaluated<'a> {
        let input = (self.values)(index);
        if !matches!(input, Input::Json(_) | Input::Node(_) | Input::List(_) | Input::Props(_)) {
            return Value::of(input);
        }
        if let Some((_, value)) = self.read.iter().find(|(read, _)| *read == index) {
            return Ok(value.clone());
        }
        let value = Value::of(input)?;
        self.read.push((index, value.clone()));
        Ok(value)
    }

    fn index(&mut self, sides: &'a [Node; 2]) -> Evaluated<'a> {
        let (operand, index) = (self.run(&sides[0])?, self.run(&sides[1])?);
        match (operand, index) {
            (Value::List(items), Value::Int(i)) => {
                usize::try_from(i).ok().and_then(|i| items.get(i).cloned()).ok_or(Fault::NoSuchKey)
            }
            (Value::List(items), Value::UInt(u)) => {
                usize::try_from(u).ok().and_then(|i| items.get(i).cloned()).ok_or(Fault::NoSuchKey)
            }
            (Value::Map(members), Value::Text(key)) => {
                members.get(key.as_str()).cloned().ok_or(Fault::NoSuchKey)
            }
            _ => Err(Fault::WrongType),
        }
    }

    fn binary(&mut self, operator: Operator, sides: &'a [Node; 2]) -> Evaluated<'a> {
        let (left, right) = (self.run(&sides[0])?, self.run(&sides[1])?);
        self.spend(left.weight() + right.weight())?;
        Ok(match operator {
            Operator::Equal => Value::Bool(left.equals(&right)),
            Operator::NotEqual => Value::Bool(!left.equals(&right)),
            Operator::Less => Value::Bool(left.order(&right)? == Some(Ordering::Less)),
            Operator::LessOrEqual => Value::Bool(left.order(&right)?.is_some_and(Ordering::is_le)),
            Operator::Greater => Value::Bool(left.order(&right)? == Some(Ordering::Greater)),
            Operator::GreaterOrEqual => Value::Bool(left.order(&right)?.is_some_and(Ordering::is_ge)),
            Operator::In => match &right {
                Value::List(items) => Value::Bool(items.iter().any(|item| item.equals(&left))),
                Value::Map(members) => match &left {
                    Value::Text(key) => Value::Bool(members.contains_key(key.as_str())),
                    _ => Value::Bool(false),
                },
                _ => return Err(Fault::WrongType),
            },
            _ => arithmetic(operator, &left, &right)?,
        })
    }

    fn comprehension(&mut self, range: &'a Node, body: &'a Loop) -> Evaluated<'a> {
        let elements = match self.run(range)? {
            Value::List(items) => items,
            Value::Map(members) => Rc::new(members.keys().map(|key| Value::text(key.as_str())).collect()),
            _ => return Err(Fault::WrongType),
        };
        let result = self.each(&elements, body);
        self.element = None;
        result
    }

    fn each(&mut self, elements: &[Value<'a>], body: &'a Loop) -> Evaluated<'a> {
        let mut found = 0_usize;
        let mut fault: Option<Fault> = None;
        let mut collected = Vec::new();
        for element in elements {
            self.element = Some(element.clone());
            match body {
                Loop::All(test) | Loop::Exists(test) => {
                    let decisive = matches!(body, Loop::Exists(_));
                    match self.truth(test) {
                        Ok(result) if result == decisive => return Ok(Value::Bool(decisive)),
                        Ok(_) => {}
                        Err(Fault::TooMuchWork) => return Err(Fault::TooMuchWork),
                        Err(error) => fault = Some(fault.map_or(error, |earlier| earlier.or(error))),
                    }
                }
                Loop::ExistsOne(test) => found += usize::from(self.truth(test)?),
                Loop::Collect { filter, transform } => {
                    if filter.as_ref().map_or(Ok(true), |filter| self.truth(filter))? {
                        collected.push(self.run(transform)?);
                    }
                }
            }
        }
        match (body, fault) {
            (_, Some(fault)) => Err(fault),
            (Loop::All(_), None) => Ok(Value::Bool(true)),
            (Loop::Exists(_), None) => Ok(Value::Bool(false)),
            (Loop::ExistsOne(_), None) => Ok(Value::Bool(found == 1)),
            (Loop::Collect { .. }, None) => Ok(Value::List(Rc::new(collected))),
        }
    }
}

fn member<'a>(members: &'a [(Cow<'a, str>, Json<'a>)], name: &str) -> Option<&'a Json<'a>> {
    members.iter().rev().find(|(other, _)| other == name).map(|(_, member)| member)
}

fn arithmetic<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Evaluated<'a> {
    use Operator::{Add, Divide, Multiply, Remainder, Subtract};
    Ok(match (operator, left, right) {
        (Divide | Remainder, Value::Int(_), Value::Int(0))
        | (Divide | Remainder, Value::UInt(_), Value::UInt(0)) => {
            return Err(Fault::DivisionByZero);
        }
        (_, Value::Int(a), Value::Int(b)) => Value::Int(
            match operator {
                Add => a.checked_add(*b),
                Subtract => a.checked_sub(*b),
                Multiply => a.checked_mul(*b),
                Divide => a.checked_div(*b),
                _ => a.checked_rem(*b),
            }
            .ok_or(Fault::Overflow)?,
        ),
        (_, Value::UInt(a), Value::UInt(b)) => Value::UInt(
            match operator {
                Add => a.checked_add(*b),
                Subtract => a.checked_sub(*b),
                Multiply => a.checked_mul(*b),
                Divide => a.checked_div(*b),
                _ => a.checked_rem(*b),
            }
            .ok_or(Fault::Overflow)?,
        ),
        (Add, Value::Double(a), Value::Double(b)) => Value::Double(a + b),
        (Subtract, Value::Double(a), Value::Double(b)) => Value::Double(a - b),
        (Multiply, Value::Double(a), Value::Double(b)) => Value::Double(a * b),
        (Divide, Value::Double(a), Value::Double(b)) => Value::Double(a / b),
        (Add, Value::Text(a), Value::Text(b)) => joined(a, b)?,
        (Add, Value::List(a), Value::List(b)) if a.len() + b.len() <= MAX_BUILT => {
            Value::List(Rc::new(a.iter().chain(b.iter()).cloned().collect()))
        }
        (Add, Value::List(_), Value::List(_)) => return Err(Fault::TooMuchWork),
        (Add, Value::Time(time), Value::Duration(span)) | (Add, Value::Duration(span), Value::Time(time)) => {
            moved(*time, *span)?
        }
        (Subtract, Value::Time(time), Value::Duration(span)) => {
            moved(*time, span.checked_neg().ok_or(Fault::Overflow)?)?
        }
        (Subtract, Value::Time(a), Value::Time(b)) => Value::Duration(a.duration_since(*b)),
        (Add, Value::Duration(a), Value::Duration(b)) => {
            Value::Duration(a.checked_add(*b).ok_or(Fault::Overflow)?)
        }
        (Subtract, Value::Duration(a), Value::Duration(b)) => {
            Value::Duration(a.checked_sub(*b).ok_or(Fault::Overflow)?)
        }
        _ => return Err(Fault::WrongType),
    })
}

fn joined<'a>(a: &Text<'a>, b: &Text<'a>) -> Evaluated<'a> {
    let (a, b) = (a.as_str(), b.as_str());
    if a.len() + b.len() > MAX_BUILT {
        return Err(Fault::TooMuchWork);
    }
    Ok(Value::text([a, b].concat()))
}

fn moved<'a>(time: Timestamp, span: SignedDuration) -> Evaluated<'a> {
    let moved = time.checked_add(span).ok().and_then(convert::within_range).ok_or(Fault::Overflow)?;
    Ok(Value::Time(moved))
}
