//! What a failure of the driver means, without values of rows, credentials, or more of the server's words than
//! is safe.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::error::DbError;

use crate::source::SourceError;

/// How far the work had come; the same failure means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Connecting and logging in.
    Connect,
    /// Session settings.
    Settings,
    /// Parsing the statement: messages can only repeat what stands in the manifest.
    Prepare,
    /// Running it: messages may repeat values of rows.
    Read,
}

/// What a failure is told about.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub location: String,
    pub database: String,
    /// Table, or `the query`.
    pub object: String,
    pub is_table: bool,
    pub timeout: Duration,
}

impl Context {
    /// Translates an error of the driver. `elapsed` is the age of the query.
    pub(super) fn explain(
        &self,
        error: &tokio_postgres::Error,
        phase: Phase,
        elapsed: Duration,
    ) -> SourceError {
        match error.as_db_error() {
            Some(db) => self.explain_answer(db, phase, elapsed),
            None => self.explain_failure(error, phase),
        }
    }

    /// The query took longer than it may.
    pub(super) fn timed_out(&self) -> SourceError {
        SourceError::TimedOut(self.timeout)
    }

    fn explain_answer(&self, db: &DbError, phase: Phase, elapsed: Duration) -> SourceError {
        let code = db.code().code();
        let location = self.location.clone();
        let denied = |object: String| SourceError::AccessDenied { location: location.clone(), object };
        match (code, phase) {
            ("28000" | "28P01", Phase::Connect) => SourceError::AuthenticationFailed { location },
            ("3D000" | "42501", Phase::Connect) => denied(format!("database {}", self.database)),
            (_, Phase::Settings) if !is_transient(code) => SourceError::Invalid(format!(
                "a session parameter was refused (SQLSTATE {code}): {}",
                one_line(db.message())
            )),
            ("42501", _) => denied(self.object.clone()),
            ("42P01" | "3F000", Phase::Prepare) if self.is_table => denied(self.object.clone()),
            ("25006", _) => SourceError::NotReadOnly { detail: format!(": {}", one_line(db.message())) },
            ("57014", _) if elapsed >= self.timeout || db.message().contains("statement timeout") => {
                self.timed_out()
            }
            _ if code.starts_with("08") || code.starts_with("57P") || code == "53300" => {
                self.lost(one_line(db.message()), phase)
            }
            _ => SourceError::QueryFailed {
                sqlstate: Some(code.to_owned()),
                message: match phase {
                    Phase::Read => without_values(code, db.message()),
                    _ => one_line(db.message()),
                },
            },
        }
    }

    fn explain_failure(&self, error: &tokio_postgres::Error, phase: Phase) -> SourceError {
        let location = self.location.clone();
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return self.explain_tls(tls, phase);
            }
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                match io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                    Some(tls) => return self.explain_tls(tls, phase),
                    None => return self.lost(io_cause(io), phase),
                }
            }
            cause = inner.source();
        }
        // The driver does not tell these kinds apart but in its own fixed sentences.
        match error.to_string() {
            text if text.starts_with("authentication error") || text.starts_with("invalid configuration") => {
                SourceError::AuthenticationFailed { location }
            }
            text if text.starts_with("error performing TLS handshake") => SourceError::CertificateInvalid {
                location,
                cause: "the server offers no TLS; tls.mode Disabled would do without".to_owned(),
            },
            text => self.lost(text, phase),
        }
    }

    fn explain_tls(&self, error: &rustls::Error, phase: Phase) -> SourceError {
        use rustls::AlertDescription as Alert;
        let location = self.location.clone();
        match error {
            rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType => {
                SourceError::CertificateInvalid { location, cause: error.to_string() }
            }
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::CertificateUnknown
                | Alert::CertificateExpired
                | Alert::CertificateRevoked
                | Alert::UnsupportedCertificate
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => SourceError::AuthenticationFailed { location },
            _ => self.lost(error.to_string(), phase),
        }
    }

    /// The connection is gone or did not come about.
    pub(super) fn lost(&self, cause: String, phase: Phase) -> SourceError {
        match phase {
            Phase::Read => SourceError::Cut(cause),
            _ => SourceError::Unreachable { location: self.location.clone(), cause },
        }
    }
}

/// Classes that pass by themselves: connection, resources, operator's intervention.
fn is_transient(code: &str) -> bool {
    ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
}

fn io_cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        // The system's own sentence: it knows addresses, but neither rows nor credentials.
        _ => error.to_string(),
    }
}

fn one_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// A message of a running query, which may repeat the value it stumbled over. Classes that speak of the server
/// and of resources pass; where the text is a fixed sentence around a value, all between the first and the last
/// quote goes, and every number; the rest is replaced by a sentence of our own.
fn without_values(code: &str, message: &str) -> String {
    match &code[..2.min(code.len())] {
        "08" | "0A" | "25" | "40" | "53" | "55" | "57" => one_line(message),
        "21" | "22" | "23" | "2F" | "42" | "54" => masked(message),
        "P0" => "the query raised an error of its own".to_owned(),
        _ => "the server reported an error while the query ran".to_owned(),
    }
}

fn masked(message: &str) -> String {
    let line = one_line(message.lines().next().unwrap_or_default());
    let quotes = |c: char| matches!(c, '"' | '\'' | '«' | '»' | '„' | '“' | '”' | '`');
    let line = match (line.find(quotes), line.rfind(quotes)) {
        (Some(first), Some(last)) if first < last => {
            let after = line[last..].chars().next().map_or(0, char::len_utf8);
            format!("{}…{}", &line[..first], &line[last + after..])
        }
        (Some(first), _) => format!("{}…", &line[..first]),
        _ => line,
    };
    line.split(' ')
        .map(|word| if word.contains(|c: char| c.is_numeric()) { "…" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_running_query_loses_the_value_it_repeats() {
        for (code, message, expected) in [
            (
                "22P02",
                "invalid input syntax for type integer: \"abc\"",
                "invalid input syntax for type integer: …",
            ),
            (
                "22003",
                "value \"99999\" is out of range for type smallint",
                "value … is out of range for type smallint",
            ),
            ("22007", "invalid value \"a\"b\" for \"YYYY\"", "invalid value …"),
            ("22001", "value too long for type character varying(10)", "value too long for type character …"),
            (
                "22021",
                "invalid byte sequence for encoding \"UTF8\": 0xff",
                "invalid byte sequence for encoding …: …",
            ),
            ("22012", "division by zero", "division by zero"),
            ("42601", "syntax error in tsquery: \"ana@example.com\"", "syntax error in tsquery: …"),
            ("P0001", "no such user ana@example.com", "the query raised an error of its own"),
            ("XX000", "cache lookup failed", "the server reported an error while the query ran"),
            ("53200", "out of memory", "out of memory"),
        ] {
            assert_eq!(without_values(code, message), expected);
        }
    }
}
