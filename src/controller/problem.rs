//! What stands in the way of a run, and what does not but should be known.

use std::fmt;

use kube::{Resource, ResourceExt};

use crate::api::shared::{InvalidSpec, KeyRef};
use crate::api::{Found, Lookup};

/// Why something stands in the way. The words are those of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The object cannot work as it is written; only an edit helps.
    InvalidSpec,
    /// Something that the object names is not there; it may still come.
    DependencyNotReady,
    /// The cluster's operator, or a Secret's owner, does not allow the host.
    EndpointNotAllowed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidSpec => InvalidSpec::REASON,
            Self::DependencyNotReady => "DependencyNotReady",
            Self::EndpointNotAllowed => "EndpointNotAllowed",
        })
    }
}

/// One thing that stands in the way of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name}: {field}: {message}")]
pub struct Problem {
    /// Kind of the object at fault.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Path of the field, such as `spec.propertyMappings[2].from`.
    pub field: String,
    /// Sentence that says what is wrong. Never a secret.
    pub message: String,
    /// What kind of problem it is.
    pub reason: Reason,
}

/// All that stands in the way of a run. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    fn lines(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// Advice that stops nothing: an entry of `status.warnings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Stable CamelCase word.
    pub code: &'static str,
    /// Kind of the object that it is about.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Path of the field.
    pub field: String,
    /// Sentence.
    pub message: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}: {} ({})", self.kind, self.name, self.field, self.message, self.code)
    }
}

/// Collects the problems and the advice of one object.
pub(super) struct Findings {
    kind: &'static str,
    name: String,
    pub(super) problems: Vec<Problem>,
    pub(super) advice: Vec<Advice>,
}

impl Findings {
    pub(super) fn of<K>(kind: &'static str, object: &K) -> Self
    where
        K: Resource,
    {
        Self { kind, name: object.name_any(), problems: Vec::new(), advice: Vec::new() }
    }

    pub(super) fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.push(field.into(), message.into(), Reason::InvalidSpec);
    }

    pub(super) fn missing(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.push(field.into(), message.into(), Reason::DependencyNotReady);
    }

    fn push(&mut self, field: String, message: String, reason: Reason) {
        self.problems.push(Problem { kind: self.kind, name: self.name.clone(), field, message, reason });
    }

    pub(super) fn warn(&mut self, code: &'static str, field: impl Into<String>, message: impl Into<String>) {
        self.advice.push(Advice {
            code,
            kind: self.kind,
            name: self.name.clone(),
            field: field.into(),
            message: message.into(),
        });
    }

    /// The value, or its problem noted under a path.
    pub(super) fn take<T>(&mut self, parent: &str, result: Result<T, InvalidSpec>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                let problem = problem.under(parent);
                self.invalid(problem.field, problem.message);
                None
            }
        }
    }

    /// The value of a key of a Secret, without one line end at its end: files and `echo` leave one there.
    pub(super) fn secret(
        &mut self,
        field: &str,
        key: &KeyRef,
        lookup: &dyn Lookup,
    ) -> Option<zeroize::Zeroizing<String>> {
        use secrecy::ExposeSecret as _;
        let found = lookup.secret(&key.name, &key.key);
        let value = self.found(field, "Secret", key, found)?;
        let text = value.expose_secret();
        let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        if text.is_empty() {
            self.invalid(field, format!("key {} of Secret {} is empty", key.key, key.name));
            return None;
        }
        Some(zeroize::Zeroizing::new(text.to_owned()))
    }

    /// The text of a key of a ConfigMap.
    pub(super) fn config_map(&mut self, field: &str, key: &KeyRef, lookup: &dyn Lookup) -> Option<String> {
        let found = lookup.config_map(&key.name, &key.key);
        self.found(field, "ConfigMap", key, found)
    }

    fn found<T>(&mut self, field: &str, kind: &str, key: &KeyRef, found: Found<T>) -> Option<T> {
        let KeyRef { name, key } = key;
        match found {
            Found::Value(value) => return Some(value),
            Found::NoObject => self.missing(format!("{field}.name"), format!("there is no {kind} {name}")),
            Found::NoKey => self.missing(format!("{field}.key"), format!("{kind} {name} has no key {key}")),
            Found::NotText => {
                self.invalid(format!("{field}.key"), format!("key {key} of {kind} {name} is not UTF-8 text"));
            }
        }
        None
    }
}
