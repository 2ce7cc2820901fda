//! The host is resolved once, and the addresses that were allowed are the ones that are connected to.

use std::net::{IpAddr, SocketAddr};

use tokio_postgres::Config;

use crate::data::AddressGuard;
use crate::source::SourceError;

/// The same configuration with the host's addresses pinned. The name stays, for the certificate.
pub(super) async fn pinned(
    config: &Config,
    host: &str,
    port: u16,
    guard: &AddressGuard,
    location: &str,
) -> Result<Config, SourceError> {
    let location = location.to_owned();
    let found: Vec<IpAddr> = match tokio::net::lookup_host((host, port)).await {
        Ok(found) => found.map(|address: SocketAddr| address.ip()).collect(),
        Err(error) => return Err(SourceError::Unreachable { location, cause: error.to_string() }),
    };
    if let Err(cause) = guard.check_all(found.iter().copied()) {
        return Err(SourceError::EndpointNotAllowed { location, cause });
    }
    let mut config = config.clone();
    for (number, address) in found.iter().enumerate() {
        // One name and one address each; the first name is there already.
        if number > 0 {
            config.host(host);
        }
        config.hostaddr(*address);
    }
    if found.is_empty() {
        return Err(SourceError::Unreachable { location, cause: "the name has no address".to_owned() });
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use grouparoo_clock::Clock;
    use tokio::net::TcpListener;

    use super::*;
    use crate::source::{PostgresConfig, PostgresLogin, SourceConfig, System, Tls, open};

    fn config(port: u16, guard: AddressGuard) -> SourceConfig {
        let login = PostgresLogin {
            host: "localhost".to_owned(),
            port,
            database: "d".to_owned(),
            user: "u".to_owned(),
            password: None,
            require_channel_binding: false,
        };
        let session_parameters = Vec::new();
        let postgres = PostgresConfig { login, tls: Tls::Disabled, session_parameters, guard: Some(guard) };
        SourceConfig { system: System::Postgres(postgres), query_timeout: Duration::from_secs(60) }
    }

    /// conventions 12: resolve once, check the address, connect to that address
    #[tokio::test]
    async fn a_host_that_leads_to_a_refused_address_is_not_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let refusing = AddressGuard::new(|_| Err("a loopback address".to_owned()));
        let source = open(&config(port, refusing), &Clock::system()).expect("a source");
        let error = source.check().await.expect_err("refused");
        assert_eq!(
            error.to_string(),
            format!("localhost:{port} leads to an address that is not allowed: a loopback address")
        );
        assert!(matches!(error, SourceError::EndpointNotAllowed { .. }));
        let accept = listener.accept();
        tokio::pin!(accept);
        assert!(futures::poll!(&mut accept).is_pending());

        // Only the address that was allowed is tried.
        let allowing = AddressGuard::new(|_| Ok(()));
        let source = open(&config(port, allowing), &Clock::system()).expect("a source");
        let (error, met) = tokio::join!(source.check(), async { accept.await.is_ok() });
        assert!(met && matches!(error.err(), Some(SourceError::Unreachable { .. })));
    }

    #[tokio::test]
    async fn every_address_is_pinned_under_the_name_of_the_host() {
        use tokio_postgres::config::Host;
        let mut driver = Config::new();
        driver.host("localhost").port(5432);
        let guard = AddressGuard::new(|_| Ok(()));
        let pinned = pinned(&driver, "localhost", 5432, &guard, "x").await.expect("addresses");
        assert!(!pinned.get_hostaddrs().is_empty());
        assert_eq!(pinned.get_hosts().len(), pinned.get_hostaddrs().len());
        assert!(pinned.get_hosts().iter().all(|host| *host == Host::Tcp("localhost".to_owned())));
        assert!(pinned.get_hostaddrs().iter().all(IpAddr::is_loopback));
    }
}
