//! Tests of the room, rule by rule, and against the evaluation of the `cel` crate.

mod bounds;
mod differential;
mod meaning;
mod refused;
mod results;

use jiff::Timestamp;

use super::{Expression, Fault, Input, Membership, Output, Purpose};
use crate::sync::value::PropertyType;

/// The properties of all tests, with a value each.
pub(super) const PROPERTIES: [(&str, PropertyType, Input<'static>); 14] = [
    ("id", PropertyType::Integer, Input::Int(7)),
    ("email", PropertyType::Email, Input::Text("ana@example.com")),
    ("plan", PropertyType::String, Input::Text("pro")),
    ("points", PropertyType::Integer, Input::Int(120)),
    ("spend", PropertyType::Decimal, Input::Double(1499.5)),
    ("ratio", PropertyType::Float, Input::Double(0.25)),
    ("vip", PropertyType::Boolean, Input::Bool(true)),
    ("birthday", PropertyType::Date, Input::Instant(Timestamp::constant(643_161_600, 0))),
    ("seen", PropertyType::Timestamp, Input::Instant(Timestamp::constant(1_767_225_600, 0))),
    ("tags", PropertyType::Array, Input::List(&[Input::Text("a"), Input::Text("bb")])),
    (
        "address",
        PropertyType::Object,
        Input::Json(r#"{"city":"Köln","zip":50667,"geo":{"lat":50.9},"gone":null}"#),
    ),
    ("first-name", PropertyType::String, Input::Text("Ana")),
    ("nothing", PropertyType::String, Input::Null),
    ("broken", PropertyType::Integer, Input::Failed),
];

/// 2026-01-31T12:00:00.75Z.
pub(super) const NOW: Timestamp = Timestamp::constant(1_769_860_800, 750_000_000);

pub(super) fn properties() -> Vec<(String, PropertyType)> {
    PROPERTIES.iter().map(|(name, property, _)| ((*name).to_owned(), *property)).collect()
}

pub(super) fn compile(source: &str, purpose: Purpose) -> Result<Expression, String> {
    Expression::compile(source, purpose, &properties())
}

/// The membership of the test row, with some of its values replaced.
pub(super) fn membership_with(source: &str, replaced: &[(&str, Input<'_>)]) -> Membership {
    let rule = compile(source, Purpose::Group).unwrap_or_else(|error| panic!("{source}: {error}"));
    rule.membership(&|index| value_of(index, replaced), NOW)
}

pub(super) fn membership(source: &str) -> Membership {
    membership_with(source, &[])
}

pub(super) fn value_with(source: &str, replaced: &[(&str, Input<'_>)]) -> Result<Output, Fault> {
    let mapping = compile(source, Purpose::Mapping).unwrap_or_else(|error| panic!("{source}: {error}"));
    mapping.value(&|index| value_of(index, replaced))
}

pub(super) fn value(source: &str) -> Result<Output, Fault> {
    value_with(source, &[])
}

fn value_of<'a>(index: usize, replaced: &[(&str, Input<'a>)]) -> Input<'a> {
    let (name, _, value) = PROPERTIES[index];
    replaced.iter().find(|(other, _)| *other == name).map_or(value, |(_, value)| *value)
}

/// Small random numbers of a fixed seed.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).expect("small")).expect("small")
    }

    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}
