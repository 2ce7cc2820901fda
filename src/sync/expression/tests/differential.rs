//! Random expressions over random rows, evaluated here and by the `cel` crate.
//!
//! Left out is where the crate differs from the specification, which this room follows: equality of numbers of
//! different types, members of null, `contains` of null (false there), the size of non-ASCII strings, errors of single
//! elements in `all` and `exists`.

use std::collections::HashMap;
use std::sync::Arc;

use cel::{Context, Program, Value};
use jiff::Timestamp;

use super::super::Purpose::Group;
use super::super::evaluate::Machine;
use super::super::value::Value as Own;
use super::super::{Expression, Input};
use super::{Dice, NOW, PROPERTIES, properties};

struct Writer {
    dice: Dice,
}

impl Writer {
    fn one(&mut self, of: &[&str]) -> String {
        (*self.dice.pick(of)).to_owned()
    }

    fn truth(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&["record.vip", "true", "false", "record.vip == null"]);
        }
        let d = depth - 1;
        match self.dice.below(15) {
            0 | 1 => format!("({} && {})", self.truth(d), self.truth(d)),
            2 | 3 => format!("({} || {})", self.truth(d), self.truth(d)),
            4 => format!("!({})", self.truth(d)),
            5 => format!("({} ? {} : {})", self.truth(d), self.truth(d), self.truth(d)),
            6 => {
                let order = self.one(&["<", "<=", ">", ">="]);
                let (left, right) = match self.dice.below(2) {
                    0 => (self.whole(d), self.double(d)),
                    _ => (self.double(d), self.whole(d)),
                };
                format!("({left} {order} {right})")
            }
            7 | 8 => {
                let sign = self.one(&["==", "!=", "<", "<=", ">", ">="]);
                match self.dice.below(4) {
                    0 => format!("({} {sign} {})", self.whole(d), self.whole(d)),
                    1 => format!("({} {sign} {})", self.double(d), self.double(d)),
                    2 => format!("({} {sign} {})", self.text(d), self.text(d)),
                    _ => format!("({} {sign} {})", self.time(), self.time()),
                }
            }
            9 => {
                let name = self.one(&["startsWith", "endsWith"]);
                format!("{}.{name}({})", self.text(d), self.text(0))
            }
            10 => format!("({} in [{}, {}, 'pro'])", self.text(d), self.text(0), self.text(d)),
            11 => format!("({} in record.tags)", self.text(d)),
            12 => format!("({} in [1, 7, {}])", self.whole(d), self.whole(0)),
            13 => {
                let name = self.one(&["all", "exists", "exists_one"]);
                let body = self.one(&["t == 'a'", "t.startsWith('b')", "size(t) > 1", "t != record.plan"]);
                format!("record.tags.{name}(t, {body})")
            }
            _ => format!("record.{} == null", self.one(&["plan", "points", "seen", "spend"])),
        }
    }

    fn whole(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&["record.points", "record.id", "0", "1", "7", "-3", "9223372036854775807"]);
        }
        let d = depth - 1;
        match self.dice.below(5) {
            0 => {
                let sign = self.one(&["+", "-", "*", "/", "%"]);
                format!("({} {sign} {})", self.whole(d), self.whole(d))
            }
            1 => format!("size({})", self.text(d)),
            2 => format!("int({})", self.text(0)),
            3 => {
                let name = self.one(&[
                    "getFullYear",
                    "getMonth",
                    "getDate",
                    "getDayOfMonth",
                    "getDayOfWeek",
                    "getHours",
                    "getMinutes",
                ]);
                format!("{}.{name}()", self.time())
            }
            _ => self.whole(0),
        }
    }

    fn double(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&["record.spend", "record.ratio", "0.0", "0.25", "-1.5", "1e9"]);
        }
        let d = depth - 1;
        match self.dice.below(3) {
            0 => {
                let sign = self.one(&["+", "-", "*"]);
                format!("({} {sign} {})", self.double(d), self.double(d))
            }
            1 => format!("double({})", self.whole(d)),
            _ => self.double(0),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&["record.plan", "record.email", "'a'", "'pro'", "''", "'12'", "\"b\\n\""]);
        }
        let d = depth - 1;
        match self.dice.below(4) {
            0 => format!("({} + {})", self.text(d), self.text(d)),
            1 => format!("string({})", self.whole(d)),
            2 => format!("({} ? {} : {})", self.truth(d), self.text(d), self.text(d)),
            _ => self.text(0),
        }
    }

    fn time(&mut self) -> String {
        self.one(&[
            "record.seen",
            "record.birthday",
            "now",
            "(now - duration('720h'))",
            "(record.seen + duration('36h'))",
            "timestamp('2026-01-31T12:00:00Z')",
        ])
    }
}

fn row(dice: &mut Dice) -> Vec<Input<'static>> {
    PROPERTIES
        .iter()
        .map(|(name, _, value)| match (*name, dice.below(4)) {
            (_, 0) => Input::Null,
            ("points", 1) => Input::Int(-3),
            ("spend", 1) => Input::Double(-0.0),
            ("plan", 1) => Input::Text("12"),
            ("tags", 1) => Input::List(&[]),
            ("vip", 1) => Input::Bool(false),
            ("broken", _) => Input::Null,
            _ => *value,
        })
        .collect()
}

fn instant(time: Timestamp) -> Value {
    let time = chrono::DateTime::from_timestamp(time.as_second(), 0).expect("a time of the tests");
    Value::Timestamp(time.fixed_offset())
}

fn oracle_value(input: Input<'_>) -> Value {
    match input {
        Input::Null | Input::Failed | Input::Json(_) | Input::Node(_) | Input::Props(_) => Value::Null,
        Input::Bool(b) => Value::Bool(b),
        Input::Int(i) => Value::Int(i),
        Input::UInt(u) => Value::UInt(u),
        Input::Double(d) => Value::Float(d),
        Input::Text(text) => text.into(),
        Input::Instant(time) => instant(time),
        Input::List(items) => Value::List(Arc::new(items.iter().map(|item| oracle_value(*item)).collect())),
    }
}

fn oracle(program: &Program, row: &[Input<'static>]) -> Option<Value> {
    let record: HashMap<String, Value> = PROPERTIES
        .iter()
        .zip(row)
        .map(|((name, ..), input)| ((*name).to_owned(), oracle_value(*input)))
        .collect();
    let mut context = Context::default();
    context.add_variable_from_value("record", record);
    context.add_variable_from_value("now", instant(NOW));
    program.execute(&context).ok()
}

fn same(own: &Own<'_>, other: &Value) -> bool {
    match (own, other) {
        (Own::Null, Value::Null) => true,
        (Own::Bool(a), Value::Bool(b)) => a == b,
        (Own::Int(a), Value::Int(b)) => a == b,
        (Own::Double(a), Value::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (Own::Text(a), Value::String(b)) => a.as_str() == b.as_str(),
        (Own::Time(a), Value::Timestamp(b)) => a.as_second() == b.timestamp(),
        _ => false,
    }
}

/// The evaluation has the semantics of CEL: nulls, errors that are passed over, overflow, and all.
#[test]
fn random_expressions_give_what_the_cel_crate_gives() {
    let mut writer = Writer { dice: Dice(20_260_131) };
    let now = Timestamp::from_second(NOW.as_second()).expect("a time");
    let (mut values, mut errors) = (0, 0);
    for _ in 0..1500 {
        let depth = writer.dice.below(4) + 1;
        let source = writer.truth(depth);
        let own = match Expression::compile(&source, Group, &properties()) {
            Ok(own) => own,
            Err(error) => panic!("{source}\n{error}"),
        };
        let program = Program::compile(&source).expect("it was parsed before");
        for _ in 0..4 {
            let row = row(&mut writer.dice);
            let inputs = |index: usize| row[index];
            let ours = Machine::new(&inputs, now).run(&own.root);
            let theirs = oracle(&program, &row);
            match (&ours, &theirs) {
                (Ok(ours), Some(theirs)) if same(ours, theirs) => values += 1,
                (Err(_), None) => errors += 1,
                _ => panic!("{source}\n{row:?}\nours is {:?}, theirs {theirs:?}", ours.as_ref().err()),
            }
        }
    }
    assert!(values > 2000 && errors > 500, "the test must meet both: {values} values, {errors} errors");
}
