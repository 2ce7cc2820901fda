//! A Source with its Secrets and files.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::api::shared::CaRef;
use crate::api::source::{self as api, Csv, Login, Server, ServerTls, Sqlite, TlsMode, UserFrom};
use crate::api::{Lookup, Source, Span};
use crate::source::{
    ClientCertificate, CsvConfig, CsvEncoding, CsvFiles, CsvHeader, PostgresConfig, PostgresLogin,
    SourceConfig, SqliteConfig, System, Tls, TlsRoots,
};

use super::problem::{Advice, Findings, Problem};

/// The system that a Source describes with advice about it, or everything that is wrong with it.
pub fn resolve_source(
    source: &Source,
    lookup: &dyn Lookup,
) -> Result<(SourceConfig, Vec<Advice>), Vec<Problem>> {
    let mut findings = Findings::of("Source", source);
    let spec = &source.spec;
    let query_timeout = findings
        .take("spec", Span::or(spec.query_timeout.as_ref(), "queryTimeout", Duration::from_secs(3600)));
    let system = findings.take("spec", spec.system()).and_then(|system| match system {
        api::System::Postgres(server) => postgres(server, lookup, &mut findings).map(System::Postgres),
        api::System::Mysql(_) => {
            findings.invalid("spec.mysql", "MySQL and MariaDB are not supported by this version");
            None
        }
        api::System::Sqlite(sqlite) => sqlite_file(sqlite, lookup, &mut findings).map(System::Sqlite),
        api::System::Csv(csv) => csv_files(csv, lookup, &mut findings).map(System::Csv),
    });
    match (system, query_timeout) {
        (Some(system), Some(query_timeout)) if findings.problems.is_empty() => {
            Ok((SourceConfig { system, query_timeout }, findings.advice))
        }
        _ => Err(findings.problems),
    }
}

fn postgres(server: &Server, lookup: &dyn Lookup, findings: &mut Findings) -> Option<PostgresConfig> {
    let path = "spec.postgres";
    let tls = tls(server.tls.as_ref(), lookup, findings);
    let login = match findings.take(path, server.login())? {
        Login::Url(key) => {
            let field = format!("{path}.urlSecretRef");
            let url = findings.secret(&field, key, lookup)?;
            match PostgresLogin::from_url(&SecretString::from(url.as_str()), tls.as_ref()?) {
                Ok(login) => Some(login),
                Err(error) => {
                    findings.invalid(field, error.to_string());
                    None
                }
            }
        }
        Login::Fields { host, port, database, user, password } => {
            let user = match user {
                UserFrom::Text(user) => Some(user.to_owned()),
                UserFrom::Secret(key) => findings
                    .secret(&format!("{path}.userSecretRef"), key, lookup)
                    .map(|text| text.to_string()),
            };
            let password = match password {
                None => Some(None),
                Some(key) => findings
                    .secret(&format!("{path}.passwordSecretRef"), key, lookup)
                    .map(|text| Some(SecretString::from(text.as_str()))),
            };
            Some(PostgresLogin {
                host: host.to_owned(),
                port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(5432),
                database: database.to_owned(),
                user: user?,
                password: password?,
                require_channel_binding: false,
            })
        }
    };
    let session_parameters = server
        .session_parameters
        .iter()
        .flatten()
        .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
        .collect();
    Some(PostgresConfig { login: login?, tls: tls?, session_parameters, guard: None })
}

fn tls(tls: Option<&ServerTls>, lookup: &dyn Lookup, findings: &mut Findings) -> Option<Tls> {
    let path = "spec.postgres.tls";
    let Some(tls) = tls else { return Some(Tls::default()) };
    if tls.mode == Some(TlsMode::Disabled) {
        findings.warn(
            "TlsDisabled",
            format!("{path}.mode"),
            "the connection is not encrypted: the password and every row can be read on the way",
        );
        return Some(Tls::Disabled);
    }
    let roots = match findings.take(path, tls.ca())? {
        None => Some(TlsRoots::Platform),
        Some(CaRef::Secret(key)) => findings
            .secret(&format!("{path}.caSecretRef"), key, lookup)
            .map(|pem| TlsRoots::Pem(pem.as_bytes().to_vec())),
        Some(CaRef::ConfigMap(key)) => findings
            .config_map(&format!("{path}.caConfigMapRef"), key, lookup)
            .map(|pem| TlsRoots::Pem(pem.into_bytes())),
    };
    let client = match &tls.client_cert_secret_ref {
        None => Some(None),
        Some(secret) => client_certificate(&secret.name, path, lookup, findings).map(Some),
    };
    Some(Tls::VerifyFull { server_name: tls.server_name.clone(), roots: roots?, client: client? })
}

fn client_certificate(
    name: &str,
    path: &str,
    lookup: &dyn Lookup,
    findings: &mut Findings,
) -> Option<ClientCertificate> {
    let field = format!("{path}.clientCertSecretRef");
    let mut part = |key: &str| {
        let reference = crate::api::KeyRef { name: name.to_owned(), key: key.to_owned() };
        findings.secret(&field, &reference, lookup)
    };
    let (chain, key) = (part("tls.crt"), part("tls.key"));
    Some(ClientCertificate {
        chain_pem: chain?.as_bytes().to_vec(),
        key_pem: SecretString::from(key?.as_str()),
    })
}

fn sqlite_file(sqlite: &Sqlite, lookup: &dyn Lookup, findings: &mut Findings) -> Option<SqliteConfig> {
    match lookup.path(&sqlite.path) {
        Ok(path) => Some(SqliteConfig { path, shown: sqlite.path.clone() }),
        Err(message) => {
            findings.invalid("spec.sqlite.path", message);
            None
        }
    }
}

fn csv_files(csv: &Csv, lookup: &dyn Lookup, findings: &mut Findings) -> Option<CsvConfig> {
    let files = match findings.take("spec.csv", csv.files())? {
        api::CsvFiles::Directory(directory) => match lookup.path(directory) {
            Ok(path) => Some(CsvFiles::Directory { path, shown: directory.to_owned() }),
            Err(message) => {
                findings.invalid("spec.csv.directory", message);
                None
            }
        },
        api::CsvFiles::ConfigMap(map) => match lookup.files(&map.name) {
            Some(files) => Some(CsvFiles::ConfigMap { name: map.name.clone(), files: Arc::new(files) }),
            None => {
                findings.missing("spec.csv.configMapRef.name", format!("there is no ConfigMap {}", map.name));
                None
            }
        },
    };
    let delimiter = character(csv.delimiter.as_deref(), ',', "spec.csv.delimiter", findings);
    let quote = character(csv.quote.as_deref(), '"', "spec.csv.quote", findings);
    if delimiter == quote && delimiter.is_some() {
        findings.invalid("spec.csv.quote", "delimiter and quote must not be the same character");
    }
    Some(CsvConfig {
        files: files?,
        delimiter: delimiter?,
        quote: quote?,
        encoding: match csv.encoding {
            None | Some(api::CsvEncoding::Utf8) => CsvEncoding::Utf8,
            Some(api::CsvEncoding::Utf16) => CsvEncoding::Utf16,
            Some(api::CsvEncoding::Windows1252) => CsvEncoding::Windows1252,
        },
        header: match csv.header {
            None | Some(api::CsvHeader::Present) => CsvHeader::Present,
            Some(api::CsvHeader::Absent) => CsvHeader::Absent,
        },
        null_texts: csv.null_texts.clone().unwrap_or_else(|| vec![String::new()]),
    })
}

/// One ASCII character that is no line end.
fn character(stated: Option<&str>, default: char, field: &str, findings: &mut Findings) -> Option<char> {
    let Some(text) = stated else { return Some(default) };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if one.is_ascii() && !matches!(one, '\n' | '\r' | '\0') => Some(one),
        _ => {
            findings.invalid(field, "must be one ASCII character that is no line end");
            None
        }
    }
}
