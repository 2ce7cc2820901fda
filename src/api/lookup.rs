//! What a reference leads to. The cluster and the manifests of the command line both answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use secrecy::SecretString;

/// What was found under a key.
#[derive(Clone, Debug)]
pub enum Found<T> {
    /// The value.
    Value(T),
    /// There is no such object.
    NoObject,
    /// The object has no such key.
    NoKey,
    /// The value is not text.
    NotText,
}

impl<T> Found<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same, with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Value(value) => Found::Value(change(value)),
            Self::NoObject => Found::NoObject,
            Self::NoKey => Found::NoKey,
            Self::NotText => Found::NotText,
        }
    }
}

/// Looks up what the objects of one namespace refer to.
pub trait Lookup {
    /// The value of a key of a Secret.
    fn secret(&self, name: &str, key: &str) -> Found<SecretString>;

    /// The text of a key of a ConfigMap.
    fn config_map(&self, name: &str, key: &str) -> Found<String>;

    /// All keys of a ConfigMap with their bytes; `None`: there is no such ConfigMap.
    fn files(&self, name: &str) -> Option<BTreeMap<String, Bytes>>;

    /// The path at which the process opens a file or folder that a Source names, relative to the folder that
    /// belongs to the namespace. On failure a sentence: there is no such folder, or a link leads out of it.
    fn path(&self, relative: &str) -> Result<PathBuf, String>;
}
