//! What can go wrong between the operator and the API server, in words of our own.

use std::time::Duration;

use kube::core::Status;

/// Longest list of fields that is repeated from a refusal, in characters.
const MOST_FIELDS: usize = 200;

/// Why a call to Kubernetes did not do what it should. Messages hold no text of the server but its status, its
/// one-word reason, and paths of fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// There is no usable configuration of the connection.
    #[error("cannot connect to Kubernetes: {0}")]
    Config(String),
    /// The object does not exist.
    #[error("there is no {what}")]
    NotFound {
        /// Kind and name of the object.
        what: String,
    },
    /// The object was changed, or made, by somebody else in between.
    #[error("{what} was changed by somebody else at the same time")]
    Conflict {
        /// Kind and name of the object.
        what: String,
    },
    /// The operator lacks a permission (403).
    #[error("the operator may not {verb} {what}: its role lacks the permission")]
    Forbidden {
        /// What it wanted to do.
        verb: &'static str,
        /// Kind and name of the object.
        what: String,
    },
    /// The namespace is being deleted, so nothing can be made in it (403).
    #[error("the namespace of {what} is being deleted")]
    Terminating {
        /// Kind and name of the object.
        what: String,
    },
    /// The operator may not read this Secret (403).
    #[error(
        "the operator may not read Secret {name}: the chart value rbac.secretNamespaces does not allow it in \
         namespace {namespace}"
    )]
    SecretForbidden {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// The server answered with another refusal.
    #[error("Kubernetes refused to {verb} {what}: status {code}{detail}")]
    Refused {
        /// What was wanted.
        verb: &'static str,
        /// Kind and name of the object.
        what: String,
        /// HTTP status.
        code: u16,
        /// The server's one-word reason and the fields at fault: empty, or begins with a space.
        detail: String,
    },
    /// No answer in time. The call may have been carried out.
    #[error("Kubernetes did not answer within {limit:?} when asked to {verb} {what}")]
    TimedOut {
        /// What was wanted.
        verb: &'static str,
        /// Kind and name of the object.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// No connection, or it broke. The call may have been carried out.
    #[error("Kubernetes could not be reached to {verb} {what}")]
    Unreachable {
        /// What was wanted.
        verb: &'static str,
        /// Kind and name of the object.
        what: String,
    },
    /// The answer is not what it should be. The call was carried out.
    #[error("the answer of Kubernetes to {verb} {what} cannot be read")]
    Unreadable {
        /// What was wanted.
        verb: &'static str,
        /// Kind and name of the object.
        what: String,
    },
}

impl ClusterError {
    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether somebody else was faster: read again and try again, quietly.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Whether nothing can be made because the namespace is being deleted.
    pub fn is_terminating_namespace(&self) -> bool {
        matches!(self, Self::Terminating { .. })
    }

    /// Whether the server refuses every change of an object because of what is stored in it already: it breaks a rule
    /// that its definition did not have when it was written.
    pub fn refuses_what_is_stored(&self) -> bool {
        match self {
            // A fault of the status itself would be ours.
            Self::Refused { code: 422, detail, .. } => !detail.contains(" status"),
            _ => false,
        }
    }

    /// Whether it passes by itself, without a change of a role or an object.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::TimedOut { .. } | Self::Unreachable { .. } => true,
            Self::Refused { code, .. } => *code == 429 || *code >= 500,
            _ => false,
        }
    }

    /// The same for an error of the client library.
    pub fn from_kube(error: &kube::Error, verb: &'static str, what: &str) -> Self {
        let what = what.to_owned();
        match error {
            kube::Error::Api(status) => Self::from_status(status, verb, what),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Unreadable { verb, what },
            kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => {
                Self::Refused { verb, what, code: 400, detail: " (no such name can exist)".to_owned() }
            }
            kube::Error::Auth(_) => Self::Config("the credentials cannot be read or renewed".to_owned()),
            _ => Self::Unreachable { verb, what },
        }
    }

    /// The same for a status of the server.
    pub(super) fn from_status(status: &Status, verb: &'static str, what: String) -> Self {
        match status.code {
            404 => Self::NotFound { what },
            409 => Self::Conflict { what },
            403 if is_terminating(status) => Self::Terminating { what },
            403 => Self::Forbidden { verb, what },
            code => Self::Refused { verb, what, code, detail: detail(status) },
        }
    }
}

/// Admission's answer in a namespace that is being deleted.
fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Reason and fields of a refusal: never its text, which repeats values.
fn detail(status: &Status) -> String {
    let plain = |text: &str| {
        let fine = |c: &char| c.is_ascii_alphanumeric() || ".[]_-/".contains(*c);
        text.chars().filter(fine).take(MOST_FIELDS).collect::<String>()
    };
    let mut text = plain(&status.reason);
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<String> =
        causes.map(|cause| plain(&cause.field)).filter(|field| !field.is_empty()).collect();
    if !fields.is_empty() {
        text.push_str(": ");
        text.extend(fields.join(", ").chars().take(MOST_FIELDS));
    }
    if text.is_empty() { text } else { format!(" ({text})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(value: serde_json::Value) -> kube::Error {
        kube::Error::Api(Box::new(serde_json::from_value(value).expect("a status")))
    }

    #[test]
    fn a_refusal_keeps_the_fields_and_drops_the_text_with_its_values() {
        let error = status(serde_json::json!({
            "status": "Failure", "code": 422, "reason": "Invalid",
            "message": "status.host: Invalid value: \"geheim\"",
            "details": { "causes": [{ "field": "status.host", "message": "Invalid value: \"geheim\"", "reason": "x" }] },
        }));
        let error = ClusterError::from_kube(&error, "apply the status of", "Source a/b");
        assert_eq!(
            error.to_string(),
            "Kubernetes refused to apply the status of Source a/b: status 422 (Invalid: status.host)"
        );
        assert!(!error.is_transient());
        assert!(!error.refuses_what_is_stored(), "the status is at fault, which is ours");
    }

    #[test]
    fn a_refusal_for_what_is_stored_is_told_from_one_for_what_is_written() {
        let of = |field: &str| {
            let error = status(serde_json::json!({
                "status": "Failure", "code": 422, "reason": "Invalid", "message": "m",
                "details": { "causes": [{ "field": field, "message": "Required value", "reason": "FieldValueRequired" }] },
            }));
            ClusterError::from_kube(&error, "apply the status of", "Source a/b").refuses_what_is_stored()
        };
        assert!(of("spec.appRef") && !of("status.conditions[0].message"));
    }

    #[test]
    fn a_status_decides_what_the_caller_does_next() {
        let of = |code: u16| {
            let error = status(
                serde_json::json!({ "status": "Failure", "code": code, "message": "m", "reason": "R" }),
            );
            ClusterError::from_kube(&error, "get", "Secret a/b")
        };
        assert!(of(404).is_not_found());
        assert!(of(409).is_conflict() && of(409).is_transient());
        assert_eq!(of(403), ClusterError::Forbidden { verb: "get", what: "Secret a/b".to_owned() });
        assert!(of(429).is_transient() && of(503).is_transient() && !of(401).is_transient());
    }
}
