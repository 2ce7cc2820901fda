//! What a manifest says about a PostgreSQL server, and the strict reading of a connection URL.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::data::AddressGuard;
use crate::source::{SourceError, Tls};

/// Settings that the product makes itself, or that would take the read-only snapshot away.
const RESERVED: [&str; 12] = [
    "client_encoding",
    "datestyle",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "intervalstyle",
    "session_authorization",
    "statement_timeout",
    "time zone",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
];

/// A PostgreSQL server and how to log in.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Server, database and user.
    pub login: PostgresLogin,
    /// Encryption.
    pub tls: Tls,
    /// Settings of the session, name and value, such as `search_path` and `role`. Those that the product sets
    /// itself are refused.
    pub session_parameters: Vec<(String, String)>,
    /// Which addresses of the host may be connected to; `None`: all.
    pub guard: Option<AddressGuard>,
}

/// Server, database and user.
#[derive(Clone, Debug)]
pub struct PostgresLogin {
    /// DNS name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// Login name.
    pub user: String,
    /// Password; `None` for a login by client certificate.
    pub password: Option<SecretString>,
    /// Whether a login without channel binding is refused.
    pub require_channel_binding: bool,
}

impl PostgresLogin {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&channel_binding=…`.
    ///
    /// The manifest's `tls` decides about encryption; `sslmode` may be there because providers print it, and
    /// must not contradict: `disable` only with mode Disabled, `require`, `verify-ca` and `verify-full` only with
    /// VerifyFull, which is at least as strict; `allow` and `prefer` leave the choice open.
    ///
    /// # Errors
    /// [`SourceError::Invalid`], without any part of the URL but the names of its parameters.
    pub fn from_url(url: &SecretString, tls: &Tls) -> Result<Self, SourceError> {
        let bad = |what: &str| SourceError::Invalid(format!("the connection URL {what}"));
        let url = Url::parse(url.expose_secret().trim()).map_err(|_| {
            bad("is not a URL; special characters in user and password are written as %40 and so on")
        })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(bad("does not begin with postgres:// or postgresql://"));
        }
        if url.fragment().is_some() {
            return Err(bad("has a part behind #; write # as %23"));
        }
        let decoded = |text: &str, what: &str| {
            percent_decoded(text)
                .ok_or_else(|| bad(&format!("has a {what} that is not percent-encoded UTF-8")))
        };
        let host = decoded(url.host_str().unwrap_or_default(), "host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let database = decoded(url.path().strip_prefix('/').unwrap_or_default(), "database")?;
        let user = decoded(url.username(), "user")?;
        for (value, what) in [(&host, "host"), (&database, "database"), (&user, "user")] {
            if value.is_empty() {
                return Err(bad(&format!("names no {what}")));
            }
        }
        let password = url.password().map(|p| decoded(p, "password")).transpose()?.map(SecretString::from);
        let mut login = Self {
            host,
            port: url.port().unwrap_or(5432),
            database,
            user,
            password,
            require_channel_binding: false,
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" => check_sslmode(&value, tls).map_err(|what| bad(&what))?,
                "channel_binding" => match &*value {
                    "prefer" => {}
                    "require" => login.require_channel_binding = true,
                    _ => return Err(bad("has a channel_binding other than prefer and require")),
                },
                _ => {
                    let known = "sslmode and channel_binding; use sessionParameters for settings";
                    return Err(bad(&format!("has the parameter {name:?}; known are {known}")));
                }
            }
        }
        Ok(login)
    }
}

fn check_sslmode(value: &str, tls: &Tls) -> Result<(), String> {
    let disabled = matches!(tls, Tls::Disabled);
    match value {
        "allow" | "prefer" => Ok(()),
        "disable" if disabled => Ok(()),
        "require" | "verify-ca" | "verify-full" if !disabled => Ok(()),
        "disable" => Err("says sslmode=disable, but tls.mode is VerifyFull".to_owned()),
        "require" | "verify-ca" | "verify-full" => {
            Err(format!("says sslmode={value}, but tls.mode is Disabled"))
        }
        _ => Err("has an unknown sslmode".to_owned()),
    }
}

/// Decodes `%40`; nothing else, so that a plus sign stays one.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let [high, low, tail @ ..] = tail else { return None };
            let digit = |b: u8| char::from(b).to_digit(16);
            bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

impl PostgresConfig {
    /// What can be seen to be wrong without connecting.
    pub(super) fn validate(&self) -> Result<(), SourceError> {
        let login = &self.login;
        if login.host.is_empty() || login.host.contains(['/', ',', '\0']) {
            return Err(SourceError::Invalid("the host is not a DNS name or an IP address".to_owned()));
        }
        if login.database.is_empty() || login.user.is_empty() {
            return Err(SourceError::Invalid("the database and the user must be named".to_owned()));
        }
        if login.require_channel_binding && matches!(self.tls, Tls::Disabled) {
            return Err(SourceError::Invalid("channel binding needs TLS".to_owned()));
        }
        for (name, _) in &self.session_parameters {
            if RESERVED.contains(&name.to_ascii_lowercase().trim()) {
                return Err(SourceError::Invalid(format!(
                    "the session parameter {name} is set by the product itself"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(url: &str) -> Result<PostgresLogin, SourceError> {
        PostgresLogin::from_url(&SecretString::from(url), &Tls::default())
    }

    #[test]
    fn a_url_names_everything_of_a_login() {
        let full = "postgresql://an%40a:p%2Fw+d@db.example.com:5433/ware%20house?sslmode=verify-full";
        let found = login(full).expect("a good URL");
        assert_eq!((found.host.as_str(), found.port), ("db.example.com", 5433));
        assert_eq!((found.database.as_str(), found.user.as_str()), ("ware house", "an@a"));
        assert_eq!(found.password.expect("a password").expose_secret(), "p/w+d");
        let short = login("postgres://u@[::1]/d?channel_binding=require").expect("a good URL");
        assert_eq!((short.host.as_str(), short.port, short.password.is_none()), ("::1", 5432, true));
        assert!(short.require_channel_binding);
    }

    #[test]
    fn a_url_with_anything_else_is_refused_and_not_repeated() {
        for url in [
            "postgres://u:geheim@h/d?options=-c%20x",
            "postgres://u:geheim@h/d?sslmode=disable",
            "postgres://u:geheim@h/d?sslmode=maybe",
            "postgres://u:geheim@h/d#x",
            "postgres://u:geheim@h/",
            "postgres://:geheim@h/d",
            "postgres:///d?host=geheim",
            "mysql://u:geheim@h/d",
            "u:geheim@h/d",
            "postgres://u:geheim%@h/d",
            "postgres://u:geheim%ff@h/d",
        ] {
            let error = login(url).expect_err(url);
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }

    #[test]
    fn sslmode_must_agree_with_the_tls_block() {
        let with = |mode: &str, tls: &Tls| {
            PostgresLogin::from_url(&SecretString::from(format!("postgres://u@h/d?sslmode={mode}")), tls)
                .is_ok()
        };
        assert!(with("disable", &Tls::Disabled) && !with("require", &Tls::Disabled));
        assert!(with("require", &Tls::default()) && with("prefer", &Tls::default()));
    }

    #[test]
    fn a_setting_that_the_product_makes_is_refused_in_any_spelling() {
        let with = |name: &str| PostgresConfig {
            login: login("postgres://u@h/d").expect("a good URL"),
            tls: Tls::default(),
            session_parameters: vec![(name.to_owned(), "x".to_owned())],
            guard: None,
        };
        assert!(with("search_path").validate().is_ok());
        for name in ["TimeZone", "STATEMENT_TIMEOUT", "transaction_read_only"] {
            assert!(with(name).validate().is_err(), "{name}");
        }
    }
}
