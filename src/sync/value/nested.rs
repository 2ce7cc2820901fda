//! Objects as Braze keeps them: no nulls, plain names, valid `$time`, at most 100 KB.

use std::borrow::Cow;

use super::json::Node;
use super::write::{push_bool, push_string, push_string_body};
use super::{Code, JsonKind, Warning, Written, number, text, timetext};

/// Bytes of JSON that Braze keeps of one list or object: 100 KB, in its smaller meaning.
pub const MAX_COLLECTION_BYTES: usize = 100_000;

/// What a mapping says about values that break a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether what is too long is cut.
    pub(super) truncate: bool,
    /// Whether what Braze would swallow is refused.
    pub(super) check: bool,
}

/// What was found while writing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Members, on all levels.
    pub(super) keys: u32,
    /// Whether a text was cut.
    pub(super) truncated: bool,
    /// Whether a number is beyond a double.
    pub(super) beyond: bool,
}

impl Tally {
    pub(super) fn warning(self) -> Option<Warning> {
        match (self.truncated, self.beyond) {
            (true, _) => Some(Warning::Truncated),
            (false, true) => Some(Warning::BeyondDouble),
            (false, false) => None,
        }
    }
}

/// Appends the object of an attribute.
pub(super) fn write_object(
    members: &[(Cow<'_, str>, Node<'_>)],
    rules: Rules,
    out: &mut Vec<u8>,
) -> Result<Written, Code> {
    let start = out.len();
    if rules.check && is_operation(members) {
        return Err(Code::NestedInvalid);
    }
    let mut tally = Tally::default();
    push_members(members, rules, &mut tally, out)?;
    if out.len() - start > MAX_COLLECTION_BYTES {
        return Err(Code::TooLarge);
    }
    Ok(Written { kind: JsonKind::Object, warned: tally.warning(), data_points: tally.keys.max(1) })
}

/// Whether Braze would take the object for an operation on the attribute.
fn is_operation(members: &[(Cow<'_, str>, Node<'_>)]) -> bool {
    !members.is_empty() && members.iter().all(|(name, _)| matches!(&**name, "inc" | "add" | "remove"))
}

/// Appends an object on any level below the attribute, where `{"$time": …}` is a time.
pub(super) fn push_object(
    members: &[(Cow<'_, str>, Node<'_>)],
    rules: Rules,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    if let [(name, value)] = members
        && name == "$time"
    {
        let Node::Text(stated) = value else { return Err(Code::NestedInvalid) };
        if rules.check && !timetext::is_kept_time(stated) {
            return Err(Code::NestedInvalid);
        }
        out.extend_from_slice(b"{\"$time\":");
        push_string(stated, out);
        out.push(b'}');
        return Ok(());
    }
    push_members(members, rules, tally, out)
}

fn push_members(
    members: &[(Cow<'_, str>, Node<'_>)],
    rules: Rules,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    out.push(b'{');
    let mut first = true;
    for (name, value) in members {
        if *value == Node::Null {
            continue;
        }
        let plain = !name.is_empty() && !name.contains([' ', '.', '$']);
        if (rules.check && !plain) || text::cut(name, text::MAX_CHARACTERS).1 {
            return Err(Code::NestedInvalid);
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        out.push(b'"');
        push_string_body(name, out);
        out.extend_from_slice(b"\":");
        tally.keys += 1;
        push_value(value, rules, tally, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn push_value(value: &Node<'_>, rules: Rules, tally: &mut Tally, out: &mut Vec<u8>) -> Result<(), Code> {
    match value {
        Node::Array(items) => {
            out.push(b'[');
            let mut first = true;
            for item in items.iter().filter(|item| **item != Node::Null) {
                if rules.check && matches!(item, Node::Array(_)) {
                    return Err(Code::NestedInvalid);
                }
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                push_value(item, rules, tally, out)?;
            }
            out.push(b']');
            Ok(())
        }
        Node::Object(members) => push_object(members, rules, tally, out),
        scalar => push_scalar(scalar, rules, tally, out),
    }
}

/// Appends a value that is neither list nor object.
pub(super) fn push_scalar(
    value: &Node<'_>,
    rules: Rules,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    match value {
        Node::Bool(b) => push_bool(*b, out),
        Node::Number(digits) => {
            tally.beyond |= number::is_beyond_double(digits);
            out.extend_from_slice(digits.as_bytes());
        }
        Node::Text(text) => tally.truncated |= push_limited(text, text::MAX_CHARACTERS, rules, out)?,
        Node::Null | Node::Array(_) | Node::Object(_) => return Err(Code::NestedInvalid),
    }
    Ok(())
}

/// Appends a string of at most so many characters; the answer says whether it was cut.
pub(super) fn push_limited(value: &str, limit: usize, rules: Rules, out: &mut Vec<u8>) -> Result<bool, Code> {
    let (kept, cut) = text::cut(value, limit);
    if cut && !rules.truncate {
        return Err(Code::TooLong);
    }
    push_string(kept, out);
    Ok(cut)
}
