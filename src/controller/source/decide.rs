//! What an error of a source means for the object. Pure.

use crate::controller::conditions::Readiness;
use crate::source::SourceError;

/// Classes of SQLSTATE that pass by themselves: connection, resources, operator intervention, rollback.
const TRANSIENT: [&str; 4] = ["08", "40", "53", "57"];

/// What an error of a source means. The sentence of the source never holds values or credentials; what a system said
/// in its own words stays out.
pub fn failed(error: &SourceError) -> Readiness {
    let stalled = |reason: &str, message: String| Readiness::Stalled { reason: reason.to_owned(), message };
    match error {
        SourceError::Unreachable { location, .. } => Readiness::Waiting {
            reason: "EndpointUnreachable",
            message: format!("{location} cannot be reached; check host, port, DNS and network policies"),
        },
        SourceError::Cut(_) | SourceError::TimedOut(_) => Readiness::Waiting {
            reason: "EndpointUnreachable",
            message: "the answer was cut off or came too late; it is tried again".to_owned(),
        },
        SourceError::EndpointNotAllowed { location, cause } => stalled(
            "EndpointNotAllowed",
            format!("{location} leads to an address that the administrator does not allow: {cause}"),
        ),
        SourceError::CertificateInvalid { location, .. } => stalled(
            "CertificateInvalid",
            format!("the certificate of {location} is not trusted; set tls.caSecretRef or tls.serverName"),
        ),
        SourceError::AuthenticationFailed { location } => stalled(
            "AuthenticationFailed",
            format!("{location} refused the login; check user and password in the Secret"),
        ),
        SourceError::AccessDenied { .. } if error.is_unfit() => {
            stalled("AccessDenied", format!("{error}; correct the Source, or put it there"))
        }
        SourceError::AccessDenied { location, object } => {
            stalled("AccessDenied", format!("{location} refused access to {object}; grant it to the user"))
        }
        SourceError::ColumnMissing { column, relation } => {
            stalled("ColumnMissing", format!("column {column} does not exist in {relation}"))
        }
        SourceError::NotReadOnly { .. } => stalled(
            "QueryNotReadOnly",
            "the query is not one read-only SELECT statement; rewrite it as one".to_owned(),
        ),
        SourceError::QueryFailed { sqlstate, .. } => {
            let state = sqlstate.as_deref().unwrap_or("none");
            let message = format!("the query failed (SQLSTATE {state}); run it by hand to see why");
            if TRANSIENT.iter().any(|class| state.starts_with(class)) {
                Readiness::Waiting { reason: "QueryFailed", message }
            } else {
                stalled("QueryFailed", message)
            }
        }
        SourceError::Invalid(message) => stalled("InvalidSpec", message.clone()),
    }
}
