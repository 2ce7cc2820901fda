//! Lists as Braze keeps them: sets of scalars of one kind, or objects; at most 500 scalars and 100 KB.

use std::collections::HashSet;
use std::ops::Range;

use super::json::Node;
use super::nested::{self, MAX_COLLECTION_BYTES, Rules, Tally};
use super::write::push_bool;
use super::{Code, JsonKind, Prop, Written, number, text, time};

/// Scalars that Braze keeps in one list.
const MAX_ELEMENTS: usize = 500;

/// Number of elements from which duplicates are found by hash.
const MANY_ELEMENTS: usize = 24;

/// An element, from a typed array or from JSON.
pub(super) enum Element<'a> {
    Prop(&'a Prop<'a>),
    Node(&'a Node<'a>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ElementKind {
    Bool,
    Number,
    String,
    Object,
}

/// Appends the list of an attribute.
pub(super) fn write_array<'a>(
    elements: impl Iterator<Item = Element<'a>>,
    rules: Rules,
    out: &mut Vec<u8>,
) -> Result<Written, Code> {
    let mut tally = Tally::default();
    let mut kind = None;
    let mut bytes = Vec::new();
    let mut places: Vec<Range<usize>> = Vec::with_capacity(elements.size_hint().0);
    for element in elements {
        let start = bytes.len();
        let Some(found) = push_element(&element, rules, &mut tally, &mut bytes)? else { continue };
        if *kind.get_or_insert(found) != found {
            return Err(Code::ArrayMixed);
        }
        places.push(start..bytes.len());
    }
    let objects = kind == Some(ElementKind::Object);
    if !objects {
        keep_last_of_each(&bytes, &mut places);
        if places.len() > MAX_ELEMENTS {
            if !rules.truncate {
                return Err(Code::ArrayTooLong);
            }
            // Braze itself would drop the oldest.
            places.drain(..places.len() - MAX_ELEMENTS);
            tally.truncated = true;
        }
    }
    let start = out.len();
    out.push(b'[');
    for (i, place) in places.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&bytes[place]);
    }
    out.push(b']');
    if out.len() - start > MAX_COLLECTION_BYTES {
        return Err(Code::TooLarge);
    }
    let data_points = if objects { tally.keys.max(1) } else { 1 };
    Ok(Written { kind: JsonKind::Array, warned: tally.warning(), data_points })
}

/// Appends one element; `None`, and nothing written, for a null.
fn push_element(
    element: &Element<'_>,
    rules: Rules,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Result<Option<ElementKind>, Code> {
    match element {
        Element::Node(node) => push_node(node, rules, tally, out),
        Element::Prop(Prop::Json(node)) => push_node(node, rules, tally, out),
        Element::Prop(prop) => push_prop(prop, rules, tally, out),
    }
}

fn push_node(
    node: &Node<'_>,
    rules: Rules,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Result<Option<ElementKind>, Code> {
    let kind = match node {
        Node::Null => return Ok(None),
        Node::Array(_) => return Err(Code::ArrayMixed),
        Node::Object(members) => {
            nested::push_object(members, rules, tally, out)?;
            return Ok(Some(ElementKind::Object));
        }
        Node::Bool(_) => ElementKind::Bool,
        Node::Number(_) => ElementKind::Number,
        Node::Text(_) => ElementKind::String,
    };
    nested::push_scalar(node, rules, tally, out)?;
    Ok(Some(kind))
}

fn push_prop(
    prop: &Prop<'_>,
    rules: Rules,
    tally: &mut Tally,
    out: &mut Vec<u8>,
) -> Result<Option<ElementKind>, Code> {
    if let Some(beyond) = number::push_number(prop, out) {
        tally.beyond |= beyond?;
        return Ok(Some(ElementKind::Number));
    }
    let mut quoted = |push: &dyn Fn(&mut Vec<u8>)| {
        out.push(b'"');
        push(out);
        out.push(b'"');
    };
    Ok(Some(match prop {
        Prop::Null => return Ok(None),
        Prop::Bool(b) => {
            push_bool(*b, out);
            ElementKind::Bool
        }
        Prop::Text(text) => {
            tally.truncated |= nested::push_limited(text, text::MAX_CHARACTERS, rules, out)?;
            ElementKind::String
        }
        Prop::Date(days) => {
            let days = time::day(*days)?;
            quoted(&|out| time::push_midnight(days, out));
            ElementKind::String
        }
        Prop::Instant(micros) => {
            let micros = time::instant(*micros)?;
            quoted(&|out| time::push_instant(micros, out));
            ElementKind::String
        }
        _ => return Err(Code::ArrayMixed),
    }))
}

/// Of elements with the same bytes only the last stays, where it is.
fn keep_last_of_each(bytes: &[u8], places: &mut Vec<Range<usize>>) {
    if places.len() <= MANY_ELEMENTS {
        let mut at = 0;
        while at < places.len() {
            let here = &bytes[places[at].clone()];
            if places[at + 1..].iter().any(|later| &bytes[later.clone()] == here) {
                places.remove(at);
            } else {
                at += 1;
            }
        }
        return;
    }
    let mut seen = HashSet::with_capacity(places.len());
    let mut kept: Vec<_> =
        places.drain(..).rev().filter(|place| seen.insert(&bytes[place.clone()])).collect();
    kept.reverse();
    *places = kept;
}
