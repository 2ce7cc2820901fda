//! What is remembered of a value: a keyed hash of the bytes sent (semantics 1, "Attribute entry").

use std::borrow::Cow;

use crate::data::HashKey;

use super::json::{self, Node};

/// The keyed hash of a JSON value as it is sent.
///
/// A list of scalars is a set in Braze, so its elements are hashed sorted; objects are hashed with sorted names.
/// Everything else is hashed byte for byte.
pub fn hash(json: &[u8], key: &HashKey) -> u64 {
    if !matches!(json.first(), Some(b'[' | b'{')) {
        return key.hash(json);
    }
    match std::str::from_utf8(json).ok().and_then(json::parse) {
        Some(node) => key.hash(&normal_form(node)),
        None => key.hash(json),
    }
}

fn normal_form(node: Node<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match node {
        Node::Array(items) if !items.iter().any(|item| matches!(item, Node::Array(_) | Node::Object(_))) => {
            let mut elements: Vec<Vec<u8>> = items
                .iter()
                .map(|item| {
                    let mut bytes = Vec::new();
                    item.write(&mut bytes);
                    bytes
                })
                .collect();
            elements.sort_unstable();
            out.push(b'[');
            out.extend_from_slice(&elements.join(&b','));
            out.push(b']');
        }
        mut other => {
            sort_names(&mut other);
            other.write(&mut out);
        }
    }
    out
}

fn sort_names(node: &mut Node<'_>) {
    match node {
        Node::Array(items) => items.iter_mut().for_each(sort_names),
        Node::Object(members) => {
            members.sort_unstable_by(|(a, _): &(Cow<'_, str>, Node<'_>), (b, _)| a.cmp(b));
            members.iter_mut().for_each(|(_, value)| sort_names(value));
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let key = HashKey::new([7; 16]);
        hash(a.as_bytes(), &key) == hash(b.as_bytes(), &key)
    }

    /// semantics 1: arrays of scalars are hashed sorted.
    #[test]
    fn the_order_of_a_list_of_scalars_does_not_count() {
        assert!(same(r#"["a","b"]"#, r#"["b","a"]"#));
        assert!(same("[1,2,10]", "[10,1,2]"));
        assert!(!same(r#"["a","b"]"#, r#"["a"]"#));
        assert!(!same(r#"["a,b"]"#, r#"["a","b"]"#));
        assert!(!same(r#"["1"]"#, "[1]"));
        assert!(!same("[]", "{}"));
    }

    /// semantics 1: objects are hashed with sorted keys.
    #[test]
    fn the_order_of_names_does_not_count_on_any_level() {
        assert!(same(r#"{"a":1,"b":{"c":2,"d":3}}"#, r#"{"b":{"d":3,"c":2},"a":1}"#));
        assert!(same(r#"[{"a":1,"b":2}]"#, r#"[{"b":2,"a":1}]"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same(r#"{"a":1.0}"#, r#"{"a":1}"#));
    }

    #[test]
    fn the_order_of_objects_and_of_lists_inside_objects_counts() {
        assert!(!same(r#"[{"a":1},{"a":2}]"#, r#"[{"a":2},{"a":1}]"#));
        assert!(!same(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
    }

    #[test]
    fn scalars_are_hashed_byte_for_byte_under_the_key() {
        let key = HashKey::new([7; 16]);
        assert_eq!(hash(b"\"ana\"", &key), key.hash(b"\"ana\""));
        assert_ne!(hash(b"[1]", &key), hash(b"[1]", &HashKey::new([8; 16])));
        assert!(!same("\"a\"", "\"A\""));
    }
}
