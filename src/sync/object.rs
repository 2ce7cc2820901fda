//! One attributes object as it goes on the wire. Pure.
//!
//! All changes of a user travel in one object (docs/semantics.md, "Phases of a run"): fields, nested keys merged
//! into one object a parent, array elements as one `add`/`remove` a target, subscription groups.

use std::ops::Range;

use super::decide::{AttributeWrite, Decision, GroupWrite};
use super::schema::{GroupColumnTarget, Schema};
use super::value;

/// How a mapped target is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the target.
    pub name: String,
    /// The path below the attribute, for a nested target; the first part is the attribute.
    pub path: Option<Vec<String>>,
    /// Whether Braze counts it as a data point.
    pub costs: bool,
    /// The name as it stands in an object behind another member: `,"name":`.
    member: Box<[u8]>,
}

impl Field {
    /// A field of that name, or of that path.
    pub fn new(name: &str, path: Option<Vec<String>>, costs: bool) -> Self {
        let mut member = Vec::with_capacity(name.len() + 4);
        push_name(name, &mut member);
        Self { name: name.to_owned(), path, costs, member: member.into() }
    }
}

/// How a mapped group is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupField {
    /// A subscription group by its UUID.
    Subscription(String),
    /// An element of an array attribute.
    Element {
        /// The attribute.
        attribute: String,
        /// The text.
        value: String,
    },
}

/// What objects are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// One a mapped target, in the order of the rules.
    pub fields: Vec<Field>,
    /// One a mapped group, in the order of the rules.
    pub groups: Vec<GroupField>,
}

/// The JSON of a wanted value and what it costs.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    /// The bytes to send.
    pub json: &'a [u8],
    /// Data points by Braze's rules.
    pub data_points: u32,
}

/// What is told about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Where the subscription groups stand, with the comma before them: the object without this piece is the
    /// same object without groups.
    pub subscriptions: Option<Range<usize>>,
    /// Data points by Braze's rules.
    pub data_points: u64,
}

/// Appends the object that a decision asks for.
///
/// `value`: the wanted value of a rule. `update_only`: the object never creates a user.
pub fn write<'v>(
    shape: &Shape,
    schema: &Schema,
    key: &[u8],
    decision: &Decision,
    value: impl Fn(usize) -> Value<'v>,
    update_only: bool,
    out: &mut Vec<u8>,
) -> Written {
    let start = out.len();
    let mut written = Written::default();
    out.extend_from_slice(b"{\"external_id\":");
    push_string(std::str::from_utf8(key).expect("a canonical key is text"), out);
    let nested = write_fields(shape, schema, decision, &value, &mut written, out);
    let merges = write_nested(nested, out);
    write_elements(shape, schema, decision, &mut written, out);
    written.subscriptions = write_subscriptions(shape, decision, start, out);
    if merges {
        out.extend_from_slice(b",\"_merge_objects\":true");
    }
    if update_only {
        out.extend_from_slice(b",\"_update_existing_only\":true");
    }
    out.push(b'}');
    written
}

type NestedValue<'a> = (&'a [String], &'a [u8]);

/// Plain fields are written at once; nested ones are returned, to be merged by parent.
fn write_fields<'a, 'v: 'a>(
    shape: &'a Shape,
    schema: &Schema,
    decision: &Decision,
    value: &impl Fn(usize) -> Value<'v>,
    written: &mut Written,
    out: &mut Vec<u8>,
) -> Vec<NestedValue<'a>> {
    let mut nested = Vec::new();
    for write in &decision.attributes {
        match *write {
            AttributeWrite::Value(index) => {
                let field = &shape.fields[index];
                let wanted = value(index);
                written.data_points += u64::from(if field.costs { wanted.data_points } else { 0 });
                match &field.path {
                    Some(path) => nested.push((path.as_slice(), wanted.json)),
                    None => {
                        out.extend_from_slice(&field.member);
                        out.extend_from_slice(wanted.json);
                    }
                }
            }
            AttributeWrite::Null(index) => {
                let field = &shape.fields[index];
                written.data_points += u64::from(field.costs);
                out.extend_from_slice(&field.member);
                out.extend_from_slice(b"null");
            }
            AttributeWrite::Cleared(column) => {
                let target = &schema.attributes[usize::from(column)].target;
                written.data_points += u64::from(value::costs_data_points(target));
                push_member(target, b"null", out);
            }
        }
    }
    nested
}

fn write_nested(mut nested: Vec<NestedValue<'_>>, out: &mut Vec<u8>) -> bool {
    if nested.is_empty() {
        return false;
    }
    nested.sort_by(|a, b| a.0.cmp(b.0));
    out.push(b',');
    write_level(&nested, 0, out);
    true
}

/// Writes the members at `depth` of paths that are equal above it.
fn write_level(nested: &[NestedValue<'_>], depth: usize, out: &mut Vec<u8>) {
    let mut rest = nested;
    let mut first = true;
    while let Some((path, json)) = rest.first() {
        let name = &path[depth];
        let same = rest.iter().take_while(|(other, _)| other[depth] == *name).count();
        if !first {
            out.push(b',');
        }
        first = false;
        push_string(name, out);
        out.push(b':');
        if path.len() == depth + 1 {
            out.extend_from_slice(json);
        } else {
            out.push(b'{');
            write_level(&rest[..same], depth + 1, out);
            out.push(b'}');
        }
        rest = &rest[same..];
    }
}

fn write_elements(
    shape: &Shape,
    schema: &Schema,
    decision: &Decision,
    written: &mut Written,
    out: &mut Vec<u8>,
) {
    // (attribute, is a removal, value): sorted, so that one target becomes one member.
    let mut elements: Vec<(&str, bool, &str)> = Vec::new();
    for write in &decision.groups {
        match *write {
            GroupWrite::Add(index) => {
                if let GroupField::Element { attribute, value } = &shape.groups[index] {
                    elements.push((attribute, false, value));
                }
            }
            GroupWrite::Remove(column) => {
                if let GroupColumnTarget::Element { attribute, value } =
                    &schema.groups[usize::from(column)].target
                {
                    elements.push((attribute, true, value));
                }
            }
            GroupWrite::Subscribe(_) | GroupWrite::Unsubscribe(_) => {}
        }
    }
    elements.sort_unstable();
    written.data_points += elements.len() as u64;
    for of_one in elements.chunk_by(|a, b| a.0 == b.0) {
        out.push(b',');
        push_string(of_one[0].0, out);
        out.extend_from_slice(b":{");
        for (n, operation) in of_one.chunk_by(|a, b| a.1 == b.1).enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(if operation[0].1 { b"\"remove\":[" } else { b"\"add\":[" });
            for (n, (_, _, value)) in operation.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                push_string(value, out);
            }
            out.push(b']');
        }
        out.push(b'}');
    }
}

fn write_subscriptions(
    shape: &Shape,
    decision: &Decision,
    start: usize,
    out: &mut Vec<u8>,
) -> Option<Range<usize>> {
    let from = out.len();
    let mut any = false;
    for write in &decision.groups {
        let (index, state) = match *write {
            GroupWrite::Subscribe(index) => (index, "subscribed"),
            GroupWrite::Unsubscribe(index) => (index, "unsubscribed"),
            GroupWrite::Add(_) | GroupWrite::Remove(_) => continue,
        };
        let GroupField::Subscription(id) = &shape.groups[index] else { continue };
        out.extend_from_slice(if any { b"," } else { b",\"subscription_groups\":[" });
        any = true;
        out.extend_from_slice(b"{\"subscription_group_id\":");
        push_string(id, out);
        out.extend_from_slice(b",\"subscription_state\":\"");
        out.extend_from_slice(state.as_bytes());
        out.extend_from_slice(b"\"}");
    }
    if !any {
        return None;
    }
    out.push(b']');
    Some(from - start..out.len() - start)
}

fn push_member(name: &str, json: &[u8], out: &mut Vec<u8>) {
    push_name(name, out);
    out.extend_from_slice(json);
}

fn push_name(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    push_string(name, out);
    out.push(b':');
}

fn push_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::schema::{AttributeColumn, AttributeStyle, GroupColumn, Use};

    fn field(name: &str) -> Field {
        Field::new(name, None, true)
    }

    fn nested(path: &str) -> Field {
        let parts = path.split('.').map(str::to_owned).collect();
        Field::new(path, Some(parts), true)
    }

    fn shape() -> Shape {
        Shape {
            fields: vec![
                field("first_name"),
                nested("home.address.zip"),
                nested("home.city"),
                nested("home.address.street"),
                Field { costs: false, ..field("email_subscribe") },
            ],
            groups: vec![
                GroupField::Element { attribute: "segments".into(), value: "VIP \"gold\"".into() },
                GroupField::Subscription("7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11".into()),
            ],
        }
    }

    fn schema() -> Schema {
        let element = GroupColumnTarget::Element { attribute: "segments".into(), value: "old".into() };
        Schema {
            attributes: vec![AttributeColumn {
                target: "plan".into(),
                kind: None,
                use_now: Use::Clearing,
                digest: 0,
                style: AttributeStyle::Field,
            }],
            groups: vec![GroupColumn { target: element, use_now: Use::Clearing }],
        }
    }

    fn written(decision: &Decision, update_only: bool) -> (String, Written) {
        let values: [&[u8]; 5] = [b"\"Ana\"", b"\"75001\"", b"\"Paris\"", b"\"Rue 1\"", b"\"opted_in\""];
        let value = |index: usize| Value { json: values[index], data_points: 1 };
        let mut out = b"ahead".to_vec();
        let written = write(&shape(), &schema(), b"u\"1", decision, value, update_only, &mut out);
        (String::from_utf8(out.split_off(5)).expect("JSON is text"), written)
    }

    /// The body that a user's change makes, key by key.
    #[test]
    fn all_changes_of_a_user_travel_in_one_object() {
        use AttributeWrite::{Cleared, Null, Value};
        let decision = Decision {
            attributes: vec![Value(0), Value(1), Value(2), Value(3), Null(4), Cleared(0)],
            groups: vec![GroupWrite::Add(0), GroupWrite::Remove(0), GroupWrite::Subscribe(1)],
            ..Decision::default()
        };
        let (json, told) = written(&decision, true);
        assert_eq!(
            json,
            concat!(
                r#"{"external_id":"u\"1","first_name":"Ana","email_subscribe":null,"plan":null,"#,
                r#""home":{"address":{"street":"Rue 1","zip":"75001"},"city":"Paris"},"#,
                r#""segments":{"add":["VIP \"gold\""],"remove":["old"]},"#,
                r#""subscription_groups":[{"subscription_group_id":"7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11","#,
                r#""subscription_state":"subscribed"}],"_merge_objects":true,"_update_existing_only":true}"#
            )
        );
        // first_name, three nested keys, plan cleared, two array operations; consent is free.
        assert_eq!(told.data_points, 7);
        let groups = told.subscriptions.expect("groups were written");
        let mut without = json.clone();
        without.replace_range(groups, "");
        assert!(!without.contains("subscription_groups"));
        serde_json::from_str::<serde_json::Value>(&without).expect("still JSON");
    }

    #[test]
    fn an_object_with_nothing_but_fields_has_no_other_piece() {
        let decision = Decision { attributes: vec![AttributeWrite::Value(0)], ..Decision::default() };
        let (json, told) = written(&decision, false);
        assert_eq!(json, r#"{"external_id":"u\"1","first_name":"Ana"}"#);
        assert_eq!(told, Written { subscriptions: None, data_points: 1 });
    }

    /// semantics 14.3: 0 for tracking flags and consent targets, also when they are cleared.
    #[test]
    fn what_is_free_to_set_is_free_to_clear() {
        let mut schema = schema();
        let decision = Decision { attributes: vec![AttributeWrite::Cleared(0)], ..Decision::default() };
        let value = |_| Value { json: b"", data_points: 0 };
        for (target, points) in
            [("plan", 1), ("first_name", 1), ("email_click_tracking_disabled", 0), ("push_subscribe", 0)]
        {
            schema.attributes[0].target = target.into();
            let told = write(&shape(), &schema, b"1", &decision, value, false, &mut Vec::new());
            assert_eq!(told.data_points, points, "{target}");
        }
    }
}
