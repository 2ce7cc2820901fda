//! A document as a tree of nodes with their lines.

use serde_json::{Map, Number, Value};

/// One value of a document. It has no `Debug`: it may be part of a Secret.
#[derive(Clone)]
pub(crate) struct Node {
    /// Line on which it begins, from 1.
    pub line: usize,
    /// Its value.
    pub content: Content,
    /// The text as written, when it was a plain scalar that is no text.
    pub plain: Option<String>,
}

/// What a node holds.
#[derive(Clone)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The field of a map.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "null",
            Content::Bool(_) => "true or false",
            Content::Number(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a block of fields",
        }
    }

    /// Nodes and bytes of text in it: what a copy costs.
    pub fn weight(&self) -> usize {
        1 + match &self.content {
            Content::Text(text) => text.len(),
            Content::List(items) => items.iter().map(Node::weight).sum(),
            Content::Map(fields) => fields.iter().map(|(key, node)| key.len() + node.weight()).sum(),
            _ => 0,
        }
    }

    /// Levels of nesting in it; a scalar has none.
    pub fn height(&self) -> usize {
        match &self.content {
            Content::List(items) => 1 + items.iter().map(Node::height).max().unwrap_or(0),
            Content::Map(fields) => 1 + fields.iter().map(|(_, node)| node.height()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Node::to_json).collect(),
            Content::Map(fields) => fields
                .iter()
                .map(|(key, node)| (key.clone(), node.to_json()))
                .collect::<Map<String, Value>>()
                .into(),
        }
    }

    /// The node at a path such as `spec.groups[2].name`, or the nearest one above it.
    pub fn nearest(&self, path: &str) -> (&Node, bool) {
        if path.is_empty() {
            return (self, true);
        }
        let next = match &self.content {
            Content::List(items) => path.strip_prefix('[').and_then(|rest| {
                let (index, rest) = rest.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }),
            // Keys may contain dots themselves, so the longest key that fits is taken.
            Content::Map(fields) => fields
                .iter()
                .filter_map(|(key, node)| {
                    let rest = path.strip_prefix(key.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key.len(), node, rest))
                })
                .max_by_key(|(length, _, _)| *length)
                .map(|(_, node, rest)| (node, rest)),
            _ => None,
        };
        match next {
            Some((node, rest)) => node.nearest(rest.strip_prefix('.').unwrap_or(rest)),
            None => (self, false),
        }
    }
}
