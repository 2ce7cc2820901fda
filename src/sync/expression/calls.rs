//! Calls of functions: names, number and types of what is handed over.

use cel::IdedExpr;
use cel::common::ast::Expr;
use jiff::tz::TimeZone;
use regex::RegexBuilder;

use super::check::{Checked, Checker};
use super::convert;
use super::functions::{Function, NAMES, Named, Signature, Style, signature};
use super::kind::Kind;
use super::node::{Literal, Node};
use super::suggest::did_you_mean;

/// Largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// Checks a call; `target` stands before the dot.
pub(super) fn call(
    checker: &mut Checker<'_>,
    name: &str,
    target: Option<&IdedExpr>,
    arguments: &[IdedExpr],
) -> Result<Checked, String> {
    let name = name.trim_start_matches('.');
    let Some(signature) = signature(name) else {
        if let Some(Expr::Ident(space)) = target.map(|target| &target.expr)
            && matches!(space.as_str(), "optional" | "math" | "strings" | "lists")
        {
            let at = checker.cursor.word(&[space.as_str()]);
            return checker.refuse(at, &format!("the functions of '{space}' are not supported"));
        }
        let at = checker.cursor.word(&[name]);
        let known = NAMES.iter().copied();
        let hint = did_you_mean(name, known);
        return checker.refuse(at, &format!("there is no function '{name}'{hint}"));
    };
    let target = target.map(|target| checker.walk(target)).transpose()?;
    let at = checker.cursor.word(&[name]);
    let fits = match signature.style {
        Style::Method => target.is_some(),
        Style::Global => target.is_none(),
        Style::Either => true,
    };
    let count = arguments.len() + usize::from(target.is_some());
    let most = signature.parameters.len();
    if !fits || count > most || count < most - signature.optional {
        return checker.refuse(at, &format!("'{name}' is written as in {}", signature.usage));
    }
    let mut values = Vec::with_capacity(count);
    values.extend(target);
    for argument in arguments {
        values.push(checker.walk(argument)?);
    }
    for (value, wanted) in values.iter().zip(signature.parameters) {
        if !value.kind.fits(wanted) {
            let wanted: Vec<&str> = wanted.iter().map(|kind| kind.word()).collect();
            let what = format!(
                "'{name}' takes a {} here, not a {}; it is written as in {}",
                wanted.join(" or "),
                value.kind.word(),
                signature.usage
            );
            return checker.refuse(value.at, &what);
        }
    }
    finish(checker, &signature, values, at)
}

fn finish(
    checker: &Checker<'_>,
    signature: &Signature,
    mut values: Vec<Checked>,
    at: usize,
) -> Result<Checked, String> {
    let node = match signature.named {
        Named::Matches => {
            let (Some(pattern), Some(text)) = (values.pop(), values.pop()) else {
                return checker.refuse(at, &format!("'matches' is written as in {}", signature.usage));
            };
            let Node::Literal(Literal::Text(written)) = &pattern.node else {
                return checker.refuse(pattern.at, "the pattern of 'matches' must be a written string");
            };
            let regex =
                RegexBuilder::new(written).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build();
            match regex {
                Ok(regex) => Node::Matches(Box::new(text.node), regex),
                Err(regex::Error::CompiledTooBig(_)) => {
                    return checker.refuse(pattern.at, "the pattern is too large; write smaller repetitions");
                }
                Err(error) => {
                    let error = error.to_string();
                    let cause =
                        error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    return checker.refuse(pattern.at, &format!("the pattern is not valid: {cause}"));
                }
            }
        }
        Named::Clock(field) => {
            let zone = (values.len() == 2).then(|| values.pop()).flatten();
            let Some(time) = values.pop() else { return checker.refuse(at, signature.usage) };
            let zone = match zone {
                None => TimeZone::UTC,
                Some(zone) if time.kind == Kind::Duration => {
                    return checker.refuse(zone.at, "a duration has no time zone; leave it out");
                }
                Some(zone) => written_zone(checker, &zone)?,
            };
            Node::Clock(field, Box::new(time.node), zone)
        }
        Named::Function(function) => folded(checker, function, values)?,
    };
    Ok(Checked { node, kind: signature.result, at })
}

fn written_zone(checker: &Checker<'_>, zone: &Checked) -> Result<TimeZone, String> {
    let Node::Literal(Literal::Text(name)) = &zone.node else {
        return checker.refuse(zone.at, "the time zone must be a written string, such as 'Europe/Paris'");
    };
    TimeZone::get(name).or_else(|_| {
        checker.refuse(
            zone.at,
            &format!("there is no time zone '{name}'; write an IANA name such as Europe/Paris"),
        )
    })
}

/// Times and spans of constant text are read once, and refused here when they are none.
fn folded(checker: &Checker<'_>, function: Function, values: Vec<Checked>) -> Result<Node, String> {
    if let [Checked { node: Node::Literal(Literal::Text(text)), at, .. }] = values.as_slice() {
        match function {
            Function::ToTime => {
                return match convert::time(text) {
                    Some(time) => Ok(Node::Literal(Literal::Time(time))),
                    None => checker.refuse(
                        *at,
                        &format!("'{text}' is no timestamp; write it as in '2026-01-31T00:00:00Z'"),
                    ),
                };
            }
            Function::ToDuration => {
                return match convert::duration(text) {
                    Some(span) => Ok(Node::Literal(Literal::Duration(span))),
                    None => checker.refuse(
                        *at,
                        &format!("'{text}' is no duration; use h, m, s and ms, as in '720h' for 30 days"),
                    ),
                };
            }
            _ => {}
        }
    }
    Ok(Node::Call(function, values.into_iter().map(|value| value.node).collect()))
}
