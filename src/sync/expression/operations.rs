//! Types of the operators between two values.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

use super::check::{Checked, Checker};
use super::kind::Kind;
use super::node::{Literal, Node, Operator};

/// The operator behind the parser's name for it, and its sign in the text.
pub(super) fn sign(name: &str) -> Option<(Operator, &'static str)> {
    Some(match name {
        operators::EQUALS => (Operator::Equal, "=="),
        operators::NOT_EQUALS => (Operator::NotEqual, "!="),
        operators::LESS => (Operator::Less, "<"),
        operators::LESS_EQUALS => (Operator::LessOrEqual, "<="),
        operators::GREATER => (Operator::Greater, ">"),
        operators::GREATER_EQUALS => (Operator::GreaterOrEqual, ">="),
        operators::ADD => (Operator::Add, "+"),
        operators::SUBSTRACT => (Operator::Subtract, "-"),
        operators::MULTIPLY => (Operator::Multiply, "*"),
        operators::DIVIDE => (Operator::Divide, "/"),
        operators::MODULO => (Operator::Remainder, "%"),
        operators::IN => (Operator::In, "in"),
        _ => return None,
    })
}

/// Checks an operator and its two sides.
pub(super) fn binary(
    checker: &mut Checker<'_>,
    name: &str,
    left: &IdedExpr,
    right: &IdedExpr,
) -> Result<Checked, String> {
    let Some((operator, sign)) = sign(name) else { return Err(format!("there is no operator '{name}'")) };
    let left = checker.walk(left)?;
    let at = checker.cursor.word(&[sign]);
    if operator == Operator::In {
        return within(checker, left, right, at);
    }
    let right = checker.walk(right)?;
    let (l, r) = (left.kind, right.kind);
    let kind = match operator {
        Operator::Equal | Operator::NotEqual if l.can_equal(r) => Kind::Bool,
        Operator::Equal | Operator::NotEqual => {
            let what = format!(
                "'{sign}' compares {} with {}, which are never equal; {}",
                l.word(),
                r.word(),
                remedy(&left, &right)
            );
            return checker.refuse(at, &what);
        }
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            if !l.can_order(r) {
                let what = format!(
                    "'{sign}' cannot compare {} with {}; {}",
                    l.word(),
                    r.word(),
                    remedy(&left, &right)
                );
                return checker.refuse(at, &what);
            }
            Kind::Bool
        }
        _ => match arithmetic(operator, l, r) {
            Some(kind) => kind,
            None => {
                let what =
                    format!("'{sign}' cannot join {} and {}; {}", l.word(), r.word(), remedy(&left, &right));
                return checker.refuse(at, &what);
            }
        },
    };
    Ok(Checked { node: Node::Binary(operator, Box::new([left.node, right.node])), kind, at })
}

fn arithmetic(operator: Operator, left: Kind, right: Kind) -> Option<Kind> {
    use Kind::{Any, Double, Duration, Int, List, Object, Text, Time, UInt};
    use Operator::{Add, Divide, Multiply, Remainder, Subtract};
    Some(match (operator, left, right) {
        (Add | Subtract | Multiply | Divide | Remainder, Int, Int) => Int,
        (Add | Subtract | Multiply | Divide | Remainder, UInt, UInt) => UInt,
        (Add | Subtract | Multiply | Divide, Double, Double) => Double,
        (Add, Text, Text) => Text,
        (Add, List | Object | Any, List) | (Add, List, Object | Any) => List,
        (Add, Time, Duration) | (Add, Duration, Time) | (Subtract, Time, Duration) => Time,
        (Add | Subtract, Duration, Duration) | (Subtract, Time, Time) => Duration,
        (Add | Subtract, Any, Text | Int | UInt | Double | Time | Duration | Any)
        | (Add | Subtract, Text | Int | UInt | Double | Time | Duration, Any)
        | (Multiply | Divide, Any, Int | UInt | Double | Any)
        | (Multiply | Divide, Int | UInt | Double, Any)
        | (Remainder, Any, Int | UInt | Any)
        | (Remainder, Int | UInt, Any) => Any,
        _ => return None,
    })
}

/// What to write instead, by what stands on the two sides.
fn remedy(left: &Checked, right: &Checked) -> String {
    let written = |side: &Checked| match &side.node {
        Node::Literal(Literal::Int(i)) => Some(*i),
        _ => None,
    };
    match (left.kind, right.kind) {
        (Kind::Double, Kind::Int) | (Kind::Int, Kind::Double) => match written(left).or(written(right)) {
            Some(number) => format!("write {number}.0"),
            None => "convert one side with double(…)".to_owned(),
        },
        (Kind::UInt, Kind::Int) | (Kind::Int, Kind::UInt) => "convert one side with int(…)".to_owned(),
        (Kind::Text, k) | (k, Kind::Text) if k.is_number() => match written(left).or(written(right)) {
            Some(number) => format!("write '{number}', or convert the string with int(…)"),
            None => "convert one side, such as with string(…) or double(…)".to_owned(),
        },
        (Kind::Text, Kind::Time) | (Kind::Time, Kind::Text) => {
            "write timestamp('2026-01-31T00:00:00Z') around the string".to_owned()
        }
        (Kind::Text, Kind::Bool) | (Kind::Bool, Kind::Text) => {
            "write true or false without quotes".to_owned()
        }
        (Kind::Time, k) | (k, Kind::Time) if k.is_number() => {
            "a time and a span are joined as in now - duration('720h')".to_owned()
        }
        (Kind::Null, _) | (_, Kind::Null) => "ask for null with == null or has(…)".to_owned(),
        _ => "both sides must be of one type".to_owned(),
    }
}

fn within(checker: &mut Checker<'_>, left: Checked, right: &IdedExpr, at: usize) -> Result<Checked, String> {
    if let Expr::List(list) = &right.expr {
        checker.cursor.word(&["["]);
        let mut elements = Vec::with_capacity(list.elements.len());
        for element in &list.elements {
            let element = checker.walk(element)?;
            if !left.kind.can_equal(element.kind) {
                let what = format!(
                    "'in' compares {} with {}, which are never equal; {}",
                    left.kind.word(),
                    element.kind.word(),
                    remedy(&left, &element)
                );
                return checker.refuse(element.at, &what);
            }
            elements.push(element.node);
        }
        let constants: Option<Vec<Literal>> = elements
            .iter()
            .map(|node| match node {
                Node::Literal(literal) => Some(literal.clone()),
                _ => None,
            })
            .collect();
        let node = match constants {
            Some(constants) => Node::OneOf(Box::new(left.node), constants),
            None => Node::Binary(Operator::In, Box::new([left.node, Node::List(elements)])),
        };
        return Ok(Checked { node, kind: Kind::Bool, at });
    }
    let right = checker.walk(right)?;
    if !right.kind.fits(&[Kind::List, Kind::Map]) {
        let hint = match right.kind {
            Kind::Text => "write text.contains('part') to look into a string",
            _ => "write a list, such as ['a', 'b']",
        };
        return checker
            .refuse(right.at, &format!("'in' looks into a list, not into a {}; {hint}", right.kind.word()));
    }
    Ok(Checked { node: Node::Binary(Operator::In, Box::new([left.node, right.node])), kind: Kind::Bool, at })
}

/// Checks a minus before a value; a written number becomes a negative one.
pub(super) fn negate(checker: &Checker<'_>, operand: Checked, at: usize) -> Result<Checked, String> {
    let node = match operand.node {
        Node::Literal(Literal::Int(i)) => Node::Literal(Literal::Int(-i)),
        Node::Literal(Literal::Double(d)) => Node::Literal(Literal::Double(-d)),
        _ if !operand.kind.fits(&[Kind::Int, Kind::Double]) => {
            let kind = operand.kind.word();
            return checker.refuse(at, &format!("'-' needs an int or a double behind it, not a {kind}"));
        }
        node => Node::Negate(Box::new(node)),
    };
    Ok(Checked { node, kind: operand.kind, at })
}
