//! Encrypted connections to PostgreSQL: chain and name are checked, always.

use grouparoo::source::{ClientCertificate, PostgresConfig, SourceError, Tls, TlsRoots};

use crate::support::certificates::Certificates;
use crate::support::postgres::{CERTIFICATE_ROLE, Server, source};

async fn config(tls: Tls) -> PostgresConfig {
    let database = Server::with_tls().database().await;
    PostgresConfig { tls, ..database.config() }
}

/// api 4, tls: serverName and ca…Ref.
#[tokio::test]
async fn a_private_authority_and_another_name_are_accepted_when_stated() {
    let mut config = config(Server::with_tls().tls()).await;
    assert!(source(config.clone()).check().await.expect("a login").warnings.is_empty());
    config.login.require_channel_binding = true;
    source(config).check().await.expect("a login bound to the channel");
}

/// api 4, Ready reason CertificateInvalid.
#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_authority_is_refused() {
    let certificates = Server::with_tls().certificates();
    let roots = || TlsRoots::Pem(certificates.ca.clone().into_bytes());
    let other = TlsRoots::Pem(Certificates::new("other").ca.into_bytes());
    let name = |name: &str| Some(name.to_owned());
    for (server_name, roots) in [
        (None, roots()),
        (name("db.example.com"), roots()),
        (name("db.internal"), other),
        (name("db.internal"), TlsRoots::Platform),
    ] {
        let tls = Tls::VerifyFull { server_name, roots, client: None };
        let error = source(config(tls).await).check().await.expect_err("a refusal");
        assert!(matches!(error, SourceError::CertificateInvalid { .. }), "{error:?}");
    }
}

/// api 4, passwordSecretRef: left out for a login by client certificate.
#[tokio::test]
async fn a_client_certificate_logs_in_without_a_password() {
    let server = Server::with_tls();
    let database = server.database().await;
    database.run(&format!("create role {CERTIFICATE_ROLE} login")).await;
    let (chain, key) = server.certificates().client.clone();
    let client = ClientCertificate { chain_pem: chain.into_bytes(), key_pem: key.into() };
    let Tls::VerifyFull { server_name, roots, .. } = server.tls() else { panic!("TLS") };
    let mut config = database.config();
    config.login.user = CERTIFICATE_ROLE.to_owned();
    config.login.password = None;
    for (client, accepted) in [(Some(client), true), (None, false)] {
        config.tls = Tls::VerifyFull { server_name: server_name.clone(), roots: roots.clone(), client };
        let result = source(config.clone()).check().await.map(drop);
        match accepted {
            true => result.expect("a login"),
            false => assert!(matches!(result, Err(SourceError::AuthenticationFailed { .. })), "{result:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_before_connecting() {
    use grouparoo::source::{SourceConfig, System, open};
    let (chain, key) = Certificates::new("x").client;
    let certificate = |chain: &str, key: &str| ClientCertificate {
        chain_pem: chain.as_bytes().to_vec(),
        key_pem: key.to_owned().into(),
    };
    let database = Server::shared().database().await;
    let pem = |text: &str| TlsRoots::Pem(text.as_bytes().to_vec());
    for (roots, client) in [
        (pem("no PEM"), None),
        (pem("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), None),
        (TlsRoots::Platform, Some(certificate(&chain, "no key"))),
        (TlsRoots::Platform, Some(certificate("", &key))),
        (TlsRoots::Platform, Some(certificate(&chain, &Certificates::new("y").client.1))),
    ] {
        let tls = Tls::VerifyFull { server_name: None, roots, client };
        let system = System::Postgres(PostgresConfig { tls, ..database.config() });
        let config = SourceConfig { system, query_timeout: std::time::Duration::from_secs(1) };
        let result = open(&config, &grouparoo_clock::Clock::system()).map(drop);
        assert!(matches!(result, Err(SourceError::Invalid(_))), "{result:?}");
    }
}
