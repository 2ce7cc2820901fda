//! Objects of standard fields, whose members Braze names.

use std::borrow::Cow;

use super::json::{self, Node};
use super::nested::{self, Rules};
use super::{Code, JsonKind, Written};

type Members<'a> = [(Cow<'a, str>, Node<'a>)];

/// What a member of an object must be.
#[derive(Clone, Copy)]
enum Member {
    Text,
    Whole,
    Texts,
}

const FACEBOOK: &[(&str, Member)] =
    &[("id", Member::Text), ("likes", Member::Texts), ("num_friends", Member::Whole)];

const TWITTER: &[(&str, Member)] = &[
    ("id", Member::Whole),
    ("screen_name", Member::Text),
    ("followers_count", Member::Whole),
    ("friends_count", Member::Whole),
    ("statuses_count", Member::Whole),
];

/// Appends the object of `current_location`.
pub(super) fn write_location(members: &Members<'_>, out: &mut Vec<u8>) -> Result<Written, Code> {
    let mut longitude = None;
    let mut latitude = None;
    for (name, value) in members.iter().filter(|(_, value)| *value != Node::Null) {
        match &**name {
            "longitude" => longitude = Some(degrees(value, 180.0)?),
            "latitude" => latitude = Some(degrees(value, 90.0)?),
            _ => return Err(Code::BadLocation),
        }
    }
    let (Some(longitude), Some(latitude)) = (longitude, latitude) else { return Err(Code::BadLocation) };
    for part in [r#"{"longitude":"#, longitude, r#","latitude":"#, latitude, "}"] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(Written { kind: JsonKind::Object, warned: None, data_points: 1 })
}

/// The digits of a number, also of one in a text, of at most that size.
fn degrees<'a>(value: &'a Node<'_>, most: f64) -> Result<&'a str, Code> {
    let (Node::Number(digits) | Node::Text(digits)) = value else { return Err(Code::BadLocation) };
    let digits = digits.trim();
    match digits.parse::<f64>() {
        Ok(number) if json::is_number(digits) && number.abs() <= most => Ok(digits),
        _ => Err(Code::BadLocation),
    }
}

/// Appends the object of `facebook`.
pub(super) fn write_facebook(
    members: &Members<'_>,
    rules: Rules,
    out: &mut Vec<u8>,
) -> Result<Written, Code> {
    write_known(members, FACEBOOK, rules, out)
}

/// Appends the object of `twitter`.
pub(super) fn write_twitter(members: &Members<'_>, rules: Rules, out: &mut Vec<u8>) -> Result<Written, Code> {
    write_known(members, TWITTER, rules, out)
}

fn write_known(
    members: &Members<'_>,
    known: &[(&str, Member)],
    rules: Rules,
    out: &mut Vec<u8>,
) -> Result<Written, Code> {
    let good = |(name, value): &(Cow<'_, str>, Node<'_>)| {
        let member = known.iter().find(|(known, _)| known == name).map(|(_, member)| *member);
        match (member, value) {
            (Some(_), Node::Null) | (Some(Member::Text), Node::Text(_)) => true,
            (Some(Member::Whole), Node::Number(digits)) => !digits.contains(['.', 'e', 'E']),
            (Some(Member::Texts), Node::Array(items)) => {
                items.iter().all(|item| matches!(item, Node::Text(_) | Node::Null))
            }
            _ => false,
        }
    };
    if !members.iter().all(good) {
        return Err(Code::NestedInvalid);
    }
    nested::write_object(members, rules, out)
}
