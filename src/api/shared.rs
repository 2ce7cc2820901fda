//! Types that several kinds use.

use std::time::Duration;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns;

/// Names another object of the same namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// Name of the object, in the same namespace.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_NAME))]
    pub name: String,
}

/// Names one key of a Secret or ConfigMap of the same namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap, in the same namespace.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DNS_NAME))]
    pub name: String,
    /// Key in its data.
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::DATA_KEY))]
    pub key: String,
}

/// Advice that stops nothing.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable CamelCase word for the advice.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// Field of the spec that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub field: Option<String>,
    /// Sentence that says what to do.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// A time span as people write it: up to four of a number and `h`, `m`, `s` or `ms`, such as `1h30m`.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(#[schemars(length(min = 2, max = 32), regex(pattern = patterns::SPAN))] String);

impl Span {
    /// A span written as text. It is looked at only by [`Span::duration`].
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The length of the span; `None` when the text is no span.
    pub fn duration(&self) -> Option<Duration> {
        let mut rest = self.0.as_str();
        let mut total = Duration::ZERO;
        for _ in 0..4 {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let number: u64 = rest[..digits].parse().ok()?;
            let unit_end =
                rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |next| digits + next);
            let one = match &rest[digits..unit_end] {
                "h" => Duration::from_secs(3600),
                "m" => Duration::from_secs(60),
                "s" => Duration::from_secs(1),
                "ms" => Duration::from_millis(1),
                _ => return None,
            };
            total = total.checked_add(one.checked_mul(u32::try_from(number).ok()?)?)?;
            rest = &rest[unit_end..];
            if rest.is_empty() {
                return Some(total);
            }
        }
        None
    }

    /// The length of an optional span, or its default; an error when the text is no span.
    pub fn or(span: Option<&Span>, field: &str, default: Duration) -> Result<Duration, InvalidSpec> {
        match span {
            None => Ok(default),
            Some(span) => span
                .duration()
                .ok_or_else(|| InvalidSpec::new(field, "is no time span, such as 90s or 1h30m")),
        }
    }
}

/// A field of an object that cannot be understood or carried out as it is written.
///
/// The schema refuses most of them earlier; objects stored before a rule, or by an older operator, still
/// arrive here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidSpec {
    /// Path of the field, such as `spec.propertyMappings[2].to`.
    pub field: String,
    /// Sentence that says what is wrong and what to do. Never a secret, never a row's value.
    pub message: String,
}

impl InvalidSpec {
    /// The reason that conditions and exit codes know it by.
    pub const REASON: &'static str = "InvalidSpec";

    /// A problem of one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The same problem, with a path put before its field.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.field = if self.field.is_empty() {
            parent.to_owned()
        } else if self.field.starts_with('[') {
            format!("{parent}{}", self.field)
        } else {
            format!("{parent}.{}", self.field)
        };
        self
    }
}

/// Where certificates stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaRef<'a> {
    /// In a key of a Secret.
    Secret(&'a KeyRef),
    /// In a key of a ConfigMap.
    ConfigMap(&'a KeyRef),
}

/// At most one of the two places of certificates.
pub(crate) fn ca_ref<'a>(
    secret: Option<&'a KeyRef>,
    config_map: Option<&'a KeyRef>,
) -> Result<Option<CaRef<'a>>, InvalidSpec> {
    match (secret, config_map) {
        (Some(_), Some(_)) => Err(InvalidSpec::new("", "set at most one of caSecretRef and caConfigMapRef")),
        (Some(key), None) => Ok(Some(CaRef::Secret(key))),
        (None, Some(key)) => Ok(Some(CaRef::ConfigMap(key))),
        (None, None) => Ok(None),
    }
}

/// The one option of several that is set, or the sentence that says what to set.
pub(crate) fn exactly_one<T>(
    options: impl IntoIterator<Item = Option<T>>,
    sentence: &str,
) -> Result<T, InvalidSpec> {
    let mut set = options.into_iter().flatten();
    match (set.next(), set.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(InvalidSpec::new("", sentence)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// api.md §1, `Span`
    #[test]
    fn a_span_is_up_to_four_numbers_with_their_units() {
        let seconds = |text: &str| Span::new(text).duration().map(|d| d.as_secs_f64());
        assert_eq!(seconds("90s"), Some(90.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("168h"), Some(604_800.0));
        assert_eq!(seconds("1h1m1s1ms"), Some(3661.001));
        for wrong in ["", "s", "5", "1d", "-1s", "1.5h", "1h1h1h1h1h", "1 h", "99999999999h"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_problem_keeps_its_path_when_it_is_put_under_a_parent() {
        let problem = InvalidSpec::new("to", "is wrong").under("[2]").under("spec.propertyMappings");
        assert_eq!(problem.to_string(), "spec.propertyMappings[2].to: is wrong");
    }

    #[test]
    fn one_of_refuses_none_and_two() {
        assert_eq!(exactly_one([Some(1), None], "one").ok(), Some(1));
        assert!(exactly_one([Some(1), Some(2)], "one").is_err());
        assert!(exactly_one::<u8>([None, None], "one").is_err());
    }
}
