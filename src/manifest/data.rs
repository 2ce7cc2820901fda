//! Secrets and ConfigMaps as far as manifests of ours need them.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::api::Found;

use super::yaml::{Content, Node};

/// A core/v1 Secret.
#[derive(Clone)]
pub struct Secret {
    /// Type of the Secret, if stated.
    pub type_: Option<String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Values by key; `None`: not text.
    pub(super) values: BTreeMap<String, Option<SecretString>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.values.keys().collect();
        f.debug_struct("Secret").field("type", &self.type_).field("keys", &keys).finish_non_exhaustive()
    }
}

impl Secret {
    /// Names of its keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Found<&SecretString> {
        match self.values.get(key) {
            None => Found::NoKey,
            Some(None) => Found::NotText,
            Some(Some(value)) => Found::Value(value),
        }
    }
}

/// A core/v1 ConfigMap.
#[derive(Clone, Debug, Default)]
pub struct ConfigMap {
    /// Values by key.
    pub(super) values: BTreeMap<String, Vec<u8>>,
}

impl ConfigMap {
    /// All keys with their bytes.
    pub fn entries(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.values
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Found<&str> {
        match self.values.get(key).map(|bytes| std::str::from_utf8(bytes)) {
            None => Found::NoKey,
            Some(Err(_)) => Found::NotText,
            Some(Ok(text)) => Found::Value(text),
        }
    }
}

/// A fault of a Secret or ConfigMap: path, line, sentence. Values are never quoted.
pub(super) type DataFault = (String, usize, String);

/// Reads a Secret.
pub(super) fn secret(root: &Node, annotations: BTreeMap<String, String>) -> (Secret, Vec<DataFault>) {
    let mut faults = Vec::new();
    let mut values = BTreeMap::new();
    for (key, line, text) in texts(root, "data", &mut faults) {
        match decode(text) {
            Some(bytes) => {
                values.insert(key.to_owned(), String::from_utf8(bytes).ok().map(SecretString::from));
            }
            None => faults.push((
                format!("data.{key}"),
                line,
                "is not base64; write plain text under stringData".to_owned(),
            )),
        }
    }
    for (key, _, text) in texts(root, "stringData", &mut faults) {
        values.insert(key.to_owned(), Some(SecretString::from(text)));
    }
    let type_ = root.get("type").and_then(Node::text).map(str::to_owned);
    only(root, &["type", "data", "stringData", "immutable"], &mut faults);
    (Secret { type_, annotations, values }, faults)
}

/// Reads a ConfigMap.
pub(super) fn config_map(root: &Node) -> (ConfigMap, Vec<DataFault>) {
    let mut faults = Vec::new();
    let mut values = BTreeMap::new();
    for (key, _, text) in texts(root, "data", &mut faults) {
        values.insert(key.to_owned(), text.as_bytes().to_vec());
    }
    for (key, line, text) in texts(root, "binaryData", &mut faults) {
        match decode(text) {
            Some(bytes) => {
                values.insert(key.to_owned(), bytes);
            }
            None => faults.push((format!("binaryData.{key}"), line, "is not base64".to_owned())),
        }
    }
    only(root, &["data", "binaryData", "immutable"], &mut faults);
    (ConfigMap { values }, faults)
}

/// Base64 as people wrap it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(bare).ok()
}

/// The entries of a map of texts. An empty map may be left empty.
fn texts<'a>(root: &'a Node, field: &str, faults: &mut Vec<DataFault>) -> Vec<(&'a str, usize, &'a str)> {
    let Some(node) = root.get(field) else { return Vec::new() };
    let Content::Map(entries) = &node.content else {
        if !node.is_null() {
            faults.push((field.to_owned(), node.line, "must be a block of texts".to_owned()));
        }
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in entries {
        match &value.content {
            Content::Text(text) => found.push((key.as_str(), value.line, text.as_str())),
            Content::Bool(_) if value.plain.is_some() => faults.push((
                format!("{field}.{key}"),
                value.line,
                "must be a text, but kubectl reads such an unquoted word as true or false: quote it"
                    .to_owned(),
            )),
            Content::Number(_) if value.plain.is_some() => faults.push((
                format!("{field}.{key}"),
                value.line,
                "must be a text, but unquoted it is a number: quote it".to_owned(),
            )),
            _ => faults.push((
                format!("{field}.{key}"),
                value.line,
                format!("must be a text, but is {}", value.kind()),
            )),
        }
    }
    found
}

/// Refuses fields that the kind does not have.
fn only(root: &Node, known: &[&str], faults: &mut Vec<DataFault>) {
    if let Content::Map(fields) = &root.content {
        for (name, node) in fields {
            if !known.contains(&name.as_str()) && !matches!(name.as_str(), "apiVersion" | "kind" | "metadata")
            {
                faults.push((name.clone(), node.line, "there is no such field".to_owned()));
            }
        }
    }
}
